"""The listening ports, and the life of each session: TLS, login, bytes both ways, end."""

import asyncio
import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from functools import partial

import structlog
from pydantic import SecretStr

from opengrant import metrics
from opengrant.errors import OpenGrantError, Overloaded
from opengrant.mailproxy.dialogue import UNTIL_LOGIN, Left, TooMuch
from opengrant.mailproxy.imap import ImapDialogue
from opengrant.mailproxy.smtp import SmtpDialogue
from opengrant.net.line_connection import Malformed
from opengrant.net.mail_login import MailLeg
from opengrant.net.stream_connection import Coupling, StreamConnection, finish
from opengrant.proxy.logins import Logins, Opened
from opengrant.proxy.throttle import Places, network_of

log = structlog.get_logger()

IDLE = 1800.0
"""Seconds without a byte either way. Mail programs in IDLE say something every 29 minutes (RFC 2177)."""
LOOKED_AT_EVERY = 60.0
"""Seconds between two looks at whether open sessions are still allowed."""
_TLS_WITHIN = 10.0
_STOPPING = "OpenGrant is stopping. Connect again."
_ENDED = "The key, the token or the grant has ended."
_DIALOGUES: dict[MailLeg, type[ImapDialogue | SmtpDialogue]] = {"imap": ImapDialogue, "smtp": SmtpDialogue}


@dataclass(frozen=True, slots=True)
class _Running:
    """A session with a mail server."""

    leg: MailLeg
    opened: Opened
    coupling: Coupling
    task: "asyncio.Task[None]"


class MailProxy:
    """Built once for a process.

    tls           None: without
    max_sessions  clients connected at once; one address may hold half of them
    """

    def __init__(self, logins: Logins, *, tls: ssl.SSLContext | None, max_sessions: int) -> None:
        self._logins, self._tls, self._max = logins, tls, max_sessions
        self._clients = set[asyncio.Task[None]]()
        self._running = set[_Running]()
        self._addresses = Places()
        self._servers = list[asyncio.Server]()
        self._looking: asyncio.Task[None] | None = None

    async def open(self, leg: MailLeg, bound: socket.socket) -> None:
        """Serve on a listening socket until `close`."""
        loop = asyncio.get_running_loop()
        accepted = partial(self._accepted, leg)
        self._servers.append(await loop.create_server(lambda: StreamConnection(accepted), sock=bound))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Take no more clients, say goodbye to those that wait for nothing, and end all sessions."""
        for server in self._servers:
            server.close()
        if self._looking is not None:
            self._looking.cancel()
        for running in self._running:
            self._end(running, _STOPPING)
        tasks = list(self._clients)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _accepted(self, leg: MailLeg, client: StreamConnection) -> None:
        network = network_of(client.peer)
        try:
            if len(self._clients) >= self._max:
                raise Overloaded("The mail proxy is at its limit of sessions.")
            self._addresses.take(network, max(1, self._max // 2), "This address has half of all sessions.")
        except Overloaded:
            # Without a word: a word would need TLS first, which is what there are too many of.
            metrics.count_proxy_login(leg, "full")
            client.abort()
            return
        task = asyncio.create_task(self._serve(leg, client))
        self._clients.add(task)
        task.add_done_callback(partial(self._gone, network, client))

    def _gone(self, network: str, client: StreamConnection, task: "asyncio.Task[None]") -> None:
        self._clients.discard(task)
        self._addresses.give_back(network)
        client.end()
        client.close()

    async def _serve(self, leg: MailLeg, client: StreamConnection) -> None:
        """One client, from its first byte to its last."""
        try:
            if self._tls is not None:
                client.within(_TLS_WITHIN)
                await client.accept_tls(self._tls)
            opened = await self._log_in(leg, client)
            if opened is not None:
                await self._couple(leg, client, opened)
        except (OSError, Malformed, Left):
            pass  # it has gone, or was never a mail program
        except Exception:
            log.exception("proxy_session_broken", protocol=leg)

    async def _log_in(self, leg: MailLeg, client: StreamConnection) -> Opened | None:
        async def log_in(username: str, password: SecretStr) -> Opened:
            client.at_leisure()  # the mail server has its own deadlines
            try:
                opened = await self._logins.open(leg, username, password, address=client.peer)
            except OpenGrantError as error:
                metrics.count_proxy_login(leg, error.type)
                client.within(UNTIL_LOGIN)
                raise
            metrics.count_proxy_login(leg, "ok")
            return opened

        dialogue = _DIALOGUES[leg](client, log_in)
        try:
            return await dialogue.run()
        except TooMuch as limit:
            client.write(dialogue.goodbye(str(limit)))
        return None

    async def _couple(self, leg: MailLeg, client: StreamConnection, opened: Opened) -> None:
        server, began = opened.session.connection, time.monotonic()
        task = asyncio.current_task()
        assert task is not None
        coupling = Coupling(client, server, idle=IDLE)
        running = _Running(leg, opened, coupling, task)
        self._running.add(running)
        metrics.set_proxy_sessions(leg, +1)
        try:
            await coupling.run()
            await finish(client)
        finally:
            self._running.discard(running)
            self._logins.ended(opened)
            metrics.set_proxy_sessions(leg, -1)
            server.end()
            server.close()
            log.info(
                "proxy_session_ended",
                protocol=leg,
                grant_id=opened.admitted.grant_id,
                seconds=round(time.monotonic() - began, 1),
            )

    def _end(self, running: _Running, why: str) -> None:
        running.coupling.say(_DIALOGUES[running.leg].goodbye(why))
        running.task.cancel()

    async def _look(self) -> None:
        """End the sessions whose key, token or grant has ended."""
        while True:
            await asyncio.sleep(LOOKED_AT_EVERY)
            await self.look_once()

    async def look_once(self) -> None:
        for running in list(self._running):
            with contextlib.suppress(OpenGrantError):  # the database is away: it is asked again in a minute
                if not await self._logins.still_admits(running.opened.admitted):
                    self._end(running, _ENDED)
