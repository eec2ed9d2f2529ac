"""Builds the logins at mail servers, and the mailboxes of grants."""

import contextlib

from opengrant import metrics
from opengrant.assembly.network import mail_client
from opengrant.assembly.tools import Tools
from opengrant.grants.mail_logins import MailLogins
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.state import States
from opengrant.mail.reach import Reach
from opengrant.mail.service import MailService
from opengrant.mail.sessions import Sessions
from opengrant.mail.watching.contents import MessageContents
from opengrant.mail.watching.rounds import Rounds
from opengrant.mail.watching.watcher import Room, Watcher, WatchTerms
from opengrant.mail.watching.watching import Watching
from opengrant.net.guard import Guard, parse_networks
from opengrant.providers.registry import FACTS
from opengrant.settings import Settings


def build_mail_logins(tools: Tools, refresh: Refresh) -> MailLogins:
    return MailLogins(
        clock=tools.clock,
        states=States(db=tools.db, vault=tools.vault),
        refresh=refresh,
        passwords=tools.providers.passwords,
        servers=tools.providers.mail_servers,
    )


def build_mail(settings: Settings, tools: Tools, logins: MailLogins, opened: contextlib.AsyncExitStack) -> MailService:
    sessions = Sessions()
    opened.callback(sessions.close)
    # The operator names these hosts, a request cannot: no address is refused.
    trusted = mail_client(settings, Guard(parse_networks("0.0.0.0/0,::/0"), tools.network.resolver))
    reach = Reach(
        states=logins.states,
        logins=logins,
        sessions=sessions,
        clients={name: trusted if facts.imap_host else tools.network.mail for name, facts in FACTS.items()},
    )
    return MailService(reach=reach, places={name: facts.mail for name, facts in FACTS.items()})


def build_watching(
    settings: Settings, tools: Tools, mail: MailService, contents: MessageContents, opened: contextlib.AsyncExitStack
) -> Watching:
    named = settings.watch
    terms = WatchTerms(every=named.every, most=named.connections, most_of_a_host=named.connections_per_host)
    watcher = Watcher(
        db=tools.silent,
        clock=tools.clock,
        states=mail.reach.states,
        reach=mail.reach,
        rounds=Rounds(db=tools.db, clock=tools.clock, contents=contents),
        terms=terms,
        room=Room(terms, metrics.set_mail_listeners),
        observe=metrics.count_mail_look,
    )
    providers = [name.value for name, facts in FACTS.items() if facts.mail == "imap"]
    watching = Watching(db=tools.silent, clock=tools.clock, watcher=watcher, providers=providers)
    opened.push_async_callback(watching.close)
    return watching
