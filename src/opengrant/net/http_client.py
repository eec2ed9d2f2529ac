"""An HTTP/1.1 client that keeps its connections. net/http_connection.py is one of them, net/http_connect.py opens them.

Redirects are answers, cookies are not kept, compression is not asked for, and proxies from the environment are ignored:
they are set for other programs and would see every token.
"""

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import idna

from opengrant import __version__
from opengrant.net.http_connect import LookUp, connect, system_addresses
from opengrant.net.http_connection import Connection, Fault, Reply
from opengrant.net.tls_sessions import TlsSessions

IDLE = 30.0
"""Seconds for which an unused connection is kept. Load balancers close theirs after a minute, and a request on a
connection that is being closed would count as sent with its answer lost."""
_NO_FREE_CONNECTION = Fault("connect", "no_free_connection", sent=False)
_NOT_IN_TIME = Fault("connect", "timeout", sent=False)
_AS_IT_IS = "!$%&'()*+,-./:;=@_~?[]|"
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Place(NamedTuple):
    """Where a request goes. target: path and query; headers: those that every request has, as lines."""

    secure: bool
    host: str
    port: int
    target: str
    headers: str


def place_of(url: str) -> Place:
    """Take an http(s) URL apart. Raises ValueError if it is none, or has a user name."""
    parts = urlsplit(url)
    host, port, secure = parts.hostname or "", parts.port, parts.scheme == "https"
    if not host.isascii() and len(host) <= 253:  # above that, IDNA takes quadratic time
        host = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or _HOST.fullmatch(host) is None:
        raise ValueError
    usual = 443 if secure else 80
    authority = f"[{host}]" if ":" in host else host
    if port not in (None, usual):
        authority = f"{authority}:{port}"
    target = quote(f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/", safe=_AS_IT_IS)
    headers = f"host: {authority}\r\nuser-agent: OpenGrant/{__version__}\r\naccept-encoding: identity\r\n"
    return Place(secure, host, port or usual, target, headers)


def header_lines(headers: Mapping[str, str]) -> str:
    """Raises ValueError, without the value, if a value cannot stand in a header."""
    lines = ""
    for name, value in headers.items():
        if _CONTROL.search(value):
            raise ValueError
        lines += f"{name}: {value}\r\n"
    return lines


class HttpClient:
    """Built once; safe for any number of tasks of one event loop."""

    def __init__(
        self,
        *,
        connections_per_host: int,
        connect_within: float,
        tls: ssl.SSLContext,
        look_up: LookUp = system_addresses,
        sessions: TlsSessions | None = None,
    ) -> None:
        """connect_within: seconds for DNS, TCP and TLS together. sessions: of `tls`; new connections resume them."""
        self._most, self._connect_within, self._tls = connections_per_host, connect_within, tls
        self._look_up, self._sessions = look_up, sessions
        self._hosts: dict[tuple[bool, str, int], _Host] = {}

    async def send(self, place: Place, request: bytes, *, within: float, enough: int | None = None) -> Reply | Fault:
        """Send a request once and wait for its whole answer.

        within  seconds for everything, including the wait for a free connection. Once the request is sent, time in
                which this process is stopped does not count.
        enough  bytes of the body that are read; the rest is cut off
        """
        ends, key = time.monotonic() + within, place[:3]
        if (host := self._hosts.get(key)) is None:
            host = self._hosts[key] = _Host(self._most)
        host.calls += 1
        try:
            if not await host.may_go(within):
                return _NO_FREE_CONNECTION
            try:
                connection = host.take() or await self._connect(place, ends - time.monotonic())
                if isinstance(connection, Fault):
                    return connection
                return await host.ask(connection, request, ends - time.monotonic(), enough)
            finally:
                host.slots.release()
        finally:
            host.calls -= 1
            if not (host.calls or host.idle):
                self._hosts.pop(key, None)

    def close(self) -> None:
        """Close every connection. Calls under way end as faults."""
        for host in self._hosts.values():
            host.close()
        self._hosts.clear()

    async def _connect(self, place: Place, left: float) -> Connection | Fault:
        try:
            async with asyncio.timeout(min(self._connect_within, left)):
                tls = self._tls if place.secure else None
                return await connect(place.host, place.port, self._look_up, tls, self._sessions)
        except TimeoutError:
            return _NOT_IN_TIME


class _Host:
    """The connections to one host.

    slots  for those that may be open
    calls  how many are under way or wait for a slot
    idle   connections without a request, the longest unused first
    """

    __slots__ = ("_busy", "_sweeper", "calls", "idle", "slots")

    def __init__(self, most: int) -> None:
        self.slots = asyncio.Semaphore(most)
        self.calls = 0
        self.idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def may_go(self, within: float) -> bool:
        """Take a slot; False if none is free in time."""
        if not self.slots.locked():
            return await self.slots.acquire()  # without a wait: a deadline would cost more than the slot
        try:
            async with asyncio.timeout(within):
                return await self.slots.acquire()
        except TimeoutError:
            return False

    def take(self) -> Connection | None:
        """The connection that was used last, so that the others may grow old."""
        while self.idle:
            connection = self.idle.pop()
            if not (connection.closed or connection.transport.is_closing()):
                if time.monotonic() - connection.since < IDLE:
                    return connection
                connection.abort()  # this process was stopped, or it would have been swept
        return None

    async def ask(self, connection: Connection, request: bytes, left: float, enough: int | None) -> Reply | Fault:
        """Ask, then keep the connection if that is possible."""
        if left <= 0:
            connection.abort()
            return _NOT_IN_TIME
        self._busy.add(connection)
        try:
            return await connection.ask(request, left, enough)
        except BaseException:
            connection.abort()  # its answer is still to come
            raise
        finally:
            self._busy.discard(connection)
            if not connection.closed:
                connection.since = time.monotonic()
                self.idle.append(connection)
                if self._sweeper is None:
                    self._sweeper = asyncio.get_running_loop().call_later(IDLE, self._sweep)

    def close(self) -> None:
        for connection in (*self.idle, *self._busy):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _sweep(self) -> None:
        old = time.monotonic() - IDLE
        for connection in self.idle:
            if not connection.closed and connection.since <= old:
                connection.abort()
        self.idle = [connection for connection in self.idle if not connection.closed]
        self._sweeper = None
        if self.idle:
            left = max(self.idle[0].since - old, 0.1)
            self._sweeper = asyncio.get_running_loop().call_later(left, self._sweep)
