"""Builds the watching of mailboxes."""

import asyncio
import contextlib

from opengrant import metrics
from opengrant.assembly.tools import Tools
from opengrant.mail.service import MailService
from opengrant.mail.watching.contents import MessageContents
from opengrant.mail.watching.rounds import Rounds
from opengrant.mail.watching.watcher import Room, Watcher, WatchTerms
from opengrant.mail.watching.watching import Watching
from opengrant.settings import Settings


def build_watching(
    settings: Settings, tools: Tools, mail: MailService, contents: MessageContents, opened: contextlib.AsyncExitStack
) -> Watching:
    named = settings.watch
    terms = WatchTerms(
        every=named.every,
        concurrency=named.concurrency,
        most=named.connections,
        most_of_a_host=named.connections_per_host,
    )
    watcher = Watcher(
        db=tools.silent,
        clock=tools.clock,
        states=mail.reach.states,
        reach=mail.reach,
        rounds=Rounds(db=tools.db, clock=tools.clock, contents=contents),
        terms=terms,
        room=Room(terms, metrics.set_mail_listeners),
        turns=asyncio.Semaphore(named.concurrency),
        observe=metrics.count_mail_look,
    )
    providers = [name.value for name, place in mail.places.items() if place not in ("none", "elsewhere")]
    watching = Watching(db=tools.silent, clock=tools.clock, watcher=watcher, providers=providers)
    mail.reach.sessions.let_go = watching.let_go
    opened.push_async_callback(watching.close)
    return watching
