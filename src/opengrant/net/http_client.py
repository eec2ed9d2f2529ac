"""An HTTP/1.1 client that keeps its connections. net/http_connection.py is one of them.

Redirects are answers, cookies are not kept, compression is not asked for, and proxies from the environment are ignored:
they are set for other programs and would see every token.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import aiohappyeyeballs

from opengrant import __version__
from opengrant.net.http_connection import Connection, Fault, Reply

MAX_TEXT = 1024
"""Characters kept of a TLS error's text."""
IDLE = 30.0
"""Seconds for which an unused connection is kept. Load balancers close theirs after a minute, and a request on a
connection that is being closed would count as sent with its answer lost."""
_STAGGER = 0.25
"""Seconds until the next address of a host is tried beside the one before (RFC 8305)."""

AddressInfo = tuple[int, int, int, str, Any]
"""As of socket.getaddrinfo."""
LookUp = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]
"""The addresses of a host and port."""
_AS_IT_IS = "!$%&'()*+,-./:;=@_~?[]|"
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


class Place(NamedTuple):
    """Where a request goes. target: path and query; headers: those that every request has, as lines."""

    secure: bool
    host: str
    port: int
    target: str
    headers: str


NO_FREE_CONNECTION = Fault("connect", "no_free_connection", sent=False)
_NOT_IN_TIME = Fault("connect", "timeout", sent=False)


class _Host:
    """The connections to one host.

    slots  for all that may be open
    idle   the longest unused first
    sweep  closes what is idle for too long
    """

    __slots__ = ("busy", "idle", "slots", "sweep")

    def __init__(self, most: int) -> None:
        self.slots = asyncio.Semaphore(most)
        self.idle: list[Connection] = []
        self.busy: set[Connection] = set()
        self.sweep: asyncio.TimerHandle | None = None


def place_of(url: str) -> Place:
    """Take an http(s) URL apart. Raises ValueError if it is none, or has a user name."""
    parts = urlsplit(url)
    host, port, secure = parts.hostname or "", parts.port, parts.scheme == "https"
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or _HOST.fullmatch(host) is None:
        raise ValueError
    usual = 443 if secure else 80
    authority = f"[{host}]" if ":" in host else host
    if port not in (None, usual):
        authority = f"{authority}:{port}"
    target = quote(f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/", safe=_AS_IT_IS)
    headers = (
        f"host: {authority}\r\nuser-agent: OpenGrant/{__version__}\r\naccept: */*\r\naccept-encoding: identity\r\n"
    )
    return Place(secure, host, port or usual, target, headers)


async def system_addresses(host: str, port: int) -> Sequence[AddressInfo]:
    """As the system resolves names. Raises OSError, UnicodeError."""
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


class HttpClient:
    """Built once; safe for any number of tasks of one event loop."""

    def __init__(
        self,
        *,
        connections_per_host: int,
        connect_within: float,
        tls: ssl.SSLContext,
        look_up: LookUp = system_addresses,
    ) -> None:
        """connect_within: seconds for DNS, TCP and TLS together. look_up: may raise OSError and TimeoutError."""
        self._most, self._connect_within, self._tls = connections_per_host, connect_within, tls
        self._look_up = look_up
        self._hosts: dict[tuple[bool, str, int], _Host] = {}

    async def send(self, place: Place, request: bytes, *, within: float) -> Reply | Fault:
        """Send a request once and wait for its whole answer.

        request  all of it
        within   seconds for everything, including the wait for a free connection. Once the request is sent, time in
                 which this process is stopped does not count.
        """
        ends = time.monotonic() + within
        if (host := self._hosts.get(place[:3])) is None:
            host = self._hosts[place[:3]] = _Host(self._most)
        if host.slots.locked():
            try:
                async with asyncio.timeout(within):
                    await host.slots.acquire()
            except TimeoutError:
                return NO_FREE_CONNECTION
        else:
            await host.slots.acquire()  # without a wait: a deadline would cost more than the slot
        try:
            connection = _kept(host)
            if connection is None:
                found = await self._connect(place, ends - time.monotonic())
                if isinstance(found, Fault):
                    return found
                connection = found
            return await _ask(host, connection, request, ends - time.monotonic())
        finally:
            host.slots.release()

    def close(self) -> None:
        """Close every connection. Calls under way end as faults."""
        for host in self._hosts.values():
            for connection in (*host.idle, *host.busy):
                connection.abort()
            if host.sweep is not None:
                host.sweep.cancel()
        self._hosts.clear()

    async def _connect(self, place: Place, left: float) -> Connection | Fault:
        try:
            async with asyncio.timeout(min(self._connect_within, left)):
                found = await _reach(place, self._look_up)
                if place.secure and not isinstance(found, Fault):
                    return await _start_tls(found, self._tls, place.host)
                return found
        except TimeoutError:
            return _NOT_IN_TIME


async def _ask(host: _Host, connection: Connection, request: bytes, left: float) -> Reply | Fault:
    """Ask, then keep the connection if that is possible."""
    if left <= 0:
        connection.abort()
        return _NOT_IN_TIME
    host.busy.add(connection)
    try:
        return await connection.ask(request, left)
    except BaseException:
        connection.abort()  # its answer is still to come
        raise
    finally:
        host.busy.discard(connection)
        if not connection.closed:
            connection.since = time.monotonic()
            host.idle.append(connection)
            if host.sweep is None:
                host.sweep = asyncio.get_running_loop().call_later(IDLE, _sweep, host)


def _kept(host: _Host) -> Connection | None:
    """The connection that was used last, so that the others may grow old."""
    while host.idle:
        connection = host.idle.pop()
        if connection.closed:
            continue
        if time.monotonic() - connection.since < IDLE:
            return connection
        connection.abort()  # the process was stopped, or the sweep would have come
    return None


def _sweep(host: _Host) -> None:
    now = time.monotonic()
    kept = [one for one in host.idle if not one.closed and now - one.since < IDLE]
    for one in host.idle:
        if not one.closed and now - one.since >= IDLE:
            one.abort()
    host.idle, host.sweep = kept, None
    if kept:
        left = IDLE - (now - kept[0].since)
        host.sweep = asyncio.get_running_loop().call_later(max(left, 0.1), _sweep, host)


async def _reach(place: Place, look_up: LookUp) -> Connection | Fault:
    """Look the name up and connect. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    try:
        found = await look_up(place.host, place.port)
        sock = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=_STAGGER)
    except socket.gaierror as error:
        again = error.errno == socket.EAI_AGAIN
        return Fault("dns", "name_lookup_failed" if again else "name_not_found", sent=False)
    except UnicodeError:  # a label too long for the IDNA codec
        return Fault("dns", "name_not_found", sent=False)
    except ConnectionRefusedError:
        return Fault("connect", "refused", sent=False)
    except TimeoutError:
        raise
    except (OSError, RuntimeError):  # uvloop has some errors of its own
        return Fault("connect", "unreachable", sent=False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # uvloop loses a socket when it is cancelled while it takes the socket over: it closes the descriptor, and the
    # socket object later closes another file that has the same number by then. Taking over waits for no network.
    taken = asyncio.ensure_future(loop.create_connection(Connection, sock=sock))
    try:
        return (await asyncio.shield(taken))[1]
    except asyncio.CancelledError:
        taken.add_done_callback(_abandon)
        raise


def _abandon(taken: "asyncio.Future[tuple[asyncio.Transport, Connection]]") -> None:
    if not taken.cancelled() and taken.exception() is None:
        taken.result()[1].abort()


async def _start_tls(connection: Connection, context: ssl.SSLContext, host: str) -> Connection | Fault:
    if connection.closed:  # a server of TLS does not speak first
        return Fault("tls", "handshake_failed", sent=False)
    plain, secure = connection.transport, None
    try:
        secure = await asyncio.get_running_loop().start_tls(plain, connection, context, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        # Only TLS faults are quoted: their text names the fault and the server, nothing of ours.
        return Fault("tls", "certificate_refused", sent=False, text=error.verify_message[:MAX_TEXT])
    except (OSError, RuntimeError) as error:
        text = error.reason if isinstance(error, ssl.SSLError) else ""
        return Fault("tls", "handshake_failed", sent=False, text=(text or "")[:MAX_TEXT])
    finally:
        if secure is None:
            plain.abort()
    assert secure is not None
    connection.transport = secure
    return connection
