"""Builds the logins at mail servers, and the mailboxes of grants."""

import contextlib

from opengrant import metrics
from opengrant.access.idempotency import Idempotency
from opengrant.assembly.network import mail_client
from opengrant.assembly.tools import Tools
from opengrant.grants.aliases import Aliases
from opengrant.grants.mail_logins import MailLogins
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.state import States
from opengrant.mail.reach import Reach
from opengrant.mail.schedules.schedules import Schedules
from opengrant.mail.schedules.scheduling import Scheduling
from opengrant.mail.schedules.sending import ScheduledSender
from opengrant.mail.sending import Sending
from opengrant.mail.service import MailService
from opengrant.mail.sessions import Pool, Sessions
from opengrant.mail.signatures import Signatures
from opengrant.mail.submission import Submission
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.smtp.session import SmtpSession
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


MAIL_PLACES = {name: facts.mail for name, facts in FACTS.items()}


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
    submissions = Pool[SmtpSession]()
    opened.callback(submissions.close)
    submission = Submission(states=logins.states, logins=logins, sessions=submissions, clients=reach.clients)
    return MailService(reach=reach, submission=submission, places=MAIL_PLACES)


def build_sending(
    tools: Tools, mail: MailService, signatures: Signatures, aliases: Aliases, idempotency: Idempotency
) -> Sending:
    return Sending(
        mail=mail,
        signatures=signatures,
        aliases=aliases,
        idempotency=idempotency,
        digests=tools.digests,
        clock=tools.clock,
    )


def build_schedules(tools: Tools) -> Schedules:
    return Schedules(db=tools.db, vault=tools.vault, clock=tools.clock, waiting=metrics.set_scheduled_waiting)


def build_scheduling(tools: Tools, sending: Sending, schedules: Schedules) -> Scheduling:
    return Scheduling(sending=sending, schedules=schedules, idempotency=sending.idempotency, digests=tools.digests)


def build_scheduled_sender(tools: Tools, sending: Sending, opened: contextlib.AsyncExitStack) -> ScheduledSender:
    sender = ScheduledSender(
        db=tools.db, vault=tools.vault, clock=tools.clock, sending=sending, observe=metrics.count_scheduled_send
    )
    opened.push_async_callback(sender.drain)
    return sender
