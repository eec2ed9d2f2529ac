"""A connection to a server that talks in lines: lines and literals in, bytes out, TLS from the start or later.

It knows no protocol. TLS runs in memory buffers between the transport and the reader, so that STARTTLS, the alert of a
refused certificate and a resumed session are the same code on each event loop. Why it is our own, and what it costs:
docs/decisions/0016-mail-dialogues.md.

Every wait is within the deadline that `within` has set. What is received and not read yet is bounded: reading stops
until the reader has caught up. Waits raise TimeoutError, ssl.SSLError, another OSError (ConnectionAbortedError for the
end of the stream), or Malformed.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TypeVar, cast

MAX_LINE = 8 * 1024
"""Bytes of a line, its end included."""
ENOUGH = 64 * 1024
"""Received bytes that wait for the reader, above which no more are received."""
RECORD = 16 * 1024
"""Bytes that pass OpenSSL's buffers at once: those never shrink, and would keep the size of the largest read."""
LINGER = 2.0
"""Seconds that a closed connection may take to send its last bytes."""
NEXT_ADDRESS = 0.25
"""Seconds before the next address is tried beside one that has not answered yet (RFC 8305)."""


class Malformed(Exception):
    """The server broke the protocol. The only argument is our code for it."""


class LineConnection(asyncio.Protocol):
    """Made by `connect`. One task reads at a time.

    peer, own  the addresses of both ends; "" when the connection was gone at once
    tls        None without TLS
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self.tls: ssl.SSLObject | None = None
        self._shaking, self._paused = False, False
        self._full, self._expired = False, False
        self._failure: OSError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._taker: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no such class
        self.peer, self.own = (_address(transport, name) for name in ("peername", "sockname"))

    def data_received(self, data: bytes) -> None:
        if self.tls is None:
            self._buffer += data
        else:
            for at in range(0, len(data), RECORD):
                self._incoming.write(data[at : at + RECORD])
                self._go_on(self.tls)
        if len(self._buffer) > ENOUGH and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fail(exc if isinstance(exc, OSError) else ConnectionAbortedError())
        self._taken()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._taken()

    # What a dialogue calls.

    def within(self, seconds: float) -> None:
        """All waits from now on end by then."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._expire)

    async def begin_tls(self, context: ssl.SSLContext, host: str, resume: ssl.SSLSession | None = None) -> None:
        """TLS from the first byte. The certificate must be valid for `host`, if the context says so.

        resume  a session with the same server (net/tls_sessions.py)
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        await self._shake_hands(context.wrap_bio(self._incoming, self._outgoing, server_hostname=host, session=resume))

    async def _shake_hands(self, tls: ssl.SSLObject) -> None:
        self.tls = tls
        self._shaking = True
        # A server without TLS may have sent a greeting already; OpenSSL says what it thinks of it.
        self._incoming.write(self._take(len(self._buffer)))
        self._go_on(self.tls)
        while self._shaking:
            await self._more()

    async def upgrade(self, context: ssl.SSLContext, host: str, resume: ssl.SSLSession | None = None) -> None:
        """TLS after STARTTLS.

        Raises Malformed("data_before_tls"): what came in plain text must not be read as if it came over TLS.
        """
        if self._buffer:
            raise Malformed("data_before_tls")
        await self.begin_tls(context, host, resume)

    @property
    def ended(self) -> bool:
        """The server has hung up, or a deadline has passed. What came before can still be read."""
        return self._failure is not None

    async def something(self) -> None:
        """Wait until there is something to read. A wait that is cancelled loses nothing."""
        while not self._buffer:
            await self._more()

    async def line(self, most: int = MAX_LINE) -> bytes:
        """The next line with its end, LF or CRLF. Raises Malformed("too_long")."""
        looked = 0
        while (end := self._buffer.find(b"\n", looked, most)) < 0:
            looked = len(self._buffer)
            if looked >= most:
                raise Malformed("too_long")
            await self._more()
        return self._take(end + 1)

    async def exactly(self, size: int) -> bytes:
        """The next `size` bytes; the caller limits them."""
        got = bytearray()
        while (missing := size - len(got)) > 0:
            if not self._buffer:
                await self._more()
            got += self._take(min(missing, len(self._buffer)))
        return bytes(got)

    def write(self, data: bytes | memoryview) -> None:
        """Send, without waiting; for the few bytes of a command. A failure is raised by the next wait."""
        if self.tls is None:
            self._send(data)
            return
        left = memoryview(data)
        try:
            while left:
                left = left[self.tls.write(left[:RECORD]) :]
                self._flush()
        except ssl.SSLError as error:
            self._fail(error)
        self._flush()

    async def sent(self) -> None:
        """Wait until the kernel has taken what was written, the deadline has passed, or the connection is gone."""
        while self._full and not self._expired and not self._transport.is_closing():
            self._taker = self._loop.create_future()
            await self._taker

    def close(self) -> None:
        """Send what is left and close; the server's goodbye is not waited for."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport.is_closing():
            return
        self._timer = self._loop.call_later(LINGER, self._transport.abort)
        self._transport.close()

    # Within.

    def _go_on(self, tls: ssl.SSLObject) -> None:
        """Shake hands and decrypt, as far as the received bytes go; send what TLS wants to say."""
        try:
            if self._shaking:
                tls.do_handshake()
                self._shaking = False
            while data := tls.read(ENOUGH):
                self._buffer += data
            self._fail(ConnectionAbortedError())  # close_notify
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._fail(error)
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._send(self._outgoing.read())

    def _send(self, data: bytes | memoryview) -> None:
        if not self._transport.is_closing():  # uvloop raises RuntimeError then
            self._transport.write(data)

    def _take(self, size: int) -> bytes:
        data = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        if self._paused and len(self._buffer) <= ENOUGH and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        return data

    async def _more(self) -> None:
        """Wait until something has come."""
        if self._failure is not None:
            raise self._failure
        if self._paused:  # for a line that is longer than ENOUGH
            self._paused = False
            self._transport.resume_reading()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _fail(self, error: OSError) -> None:
        """End all waits from now on; what has come before can still be read."""
        self._failure = self._failure or error
        self._wake()

    def _expire(self) -> None:
        self._expired = True
        self._fail(TimeoutError())
        self._taken()

    def _taken(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def send(connection: LineConnection, data: bytes) -> None:
    """Send much: no faster than the other side takes it. A failure is raised by the next wait for an answer."""
    left = memoryview(data)
    for at in range(0, len(left), ENOUGH):
        connection.write(left[at : at + ENOUGH])
        await connection.sent()


C = TypeVar("C", bound=LineConnection)


async def connect(addresses: Sequence[str], port: int, seconds: float) -> LineConnection:
    """As `connect_as`, for a connection of this class."""
    return await connect_as(LineConnection, addresses, port, seconds)


async def connect_as(make: Callable[[], C], addresses: Sequence[str], port: int, seconds: float) -> C:
    """Connect to the first address that answers. Raises OSError: the first address's, or TimeoutError.

    addresses  literals, checked before; each is tried beside those before it that have not answered yet
    """
    async with asyncio.timeout(seconds):
        return await (_open(make, addresses[0], port) if len(addresses) == 1 else _race(make, addresses, port))


async def _open(make: Callable[[], C], address: str, port: int) -> C:
    _, connection = await asyncio.get_running_loop().create_connection(make, address, port)
    return connection


async def _race(make: Callable[[], C], addresses: Sequence[str], port: int) -> C:
    """aiohappyeyeballs does this with socket objects, of which uvloop loses some when a caller is cancelled."""
    left = _families_in_turns(addresses)
    tasks = list[asyncio.Task[C]]()
    winner: asyncio.Task[C] | None = None
    try:
        while winner is None and (left or not all(task.done() for task in tasks)):
            if left:
                tasks.append(asyncio.create_task(_open(make, left.pop(0), port)))
            pending = [task for task in tasks if not task.done()]
            await asyncio.wait(pending, timeout=NEXT_ADDRESS if left else None, return_when=asyncio.FIRST_COMPLETED)
            winner = next((task for task in tasks if task.done() and task.exception() is None), None)
        return await (winner or tasks[0])
    finally:
        for task in tasks:
            if task is not winner:
                task.cancel()
                task.add_done_callback(_close)


def _close(unwanted: asyncio.Task[C]) -> None:
    if not unwanted.cancelled() and unwanted.exception() is None:
        unwanted.result().close()


def _families_in_turns(addresses: Sequence[str]) -> list[str]:
    """IPv6 and IPv4 by turns, the family of the first address first (RFC 8305 section 4)."""
    version = ipaddress.ip_address(addresses[0]).version
    same = [address for address in addresses if ipaddress.ip_address(address).version == version]
    other = [address for address in addresses if address not in same]
    return [address for pair in zip_longest(same, other) for address in pair if address is not None]


def _address(transport: asyncio.BaseTransport, name: str) -> str:
    found = transport.get_extra_info(name)
    return str(found[0]) if found else ""
