"""A line connection that goes on as a stream of bytes, and the coupling of two of them.

Memory is bounded: of each direction one piece (ENOUGH of line_connection.py) is on its way, and what the loop has
received meanwhile waits, at most ENOUGH and one more read. The source is read again once the sink has taken the piece.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable

from opengrant.net.line_connection import ENOUGH, LineConnection

AFTER_END = 5.0
"""Seconds that the server may go on sending after a client without TLS has said that it sends no more."""
FLUSH = 30.0
"""Seconds for the last bytes to the client."""


class StreamConnection(LineConnection):
    """`accepted` is called with it once a client has connected; None for a connection of our own to a server."""

    def __init__(self, accepted: "Callable[[StreamConnection], None] | None" = None) -> None:
        super().__init__()
        self._accepted = accepted

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._transport.set_write_buffer_limits(high=0)
        if self._accepted is not None:
            self._accepted(self)

    def eof_received(self) -> bool:
        """The other direction goes on."""
        self._fail(ConnectionAbortedError())
        return True

    # What a session calls.

    async def accept_tls(self, context: ssl.SSLContext) -> None:
        """TLS from the client's first byte."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        await self._shake_hands(context.wrap_bio(self._incoming, self._outgoing, server_side=True))

    def at_leisure(self) -> None:
        """End the deadline of `within`."""
        if self._timer is not None:
            self._timer.cancel()

    async def some(self) -> bytes:
        """What has come, at least one byte and ENOUGH at most; b"" at the end of the stream, however it ended."""
        while not self._buffer:
            try:
                await self._more()
            except OSError:
                return b""
        return self._take(min(len(self._buffer), ENOUGH))

    def end(self) -> None:
        """Say that nothing more will be sent. Without TLS receiving goes on; with it, the connection is to be closed.

        TLS 1.2 has no half of a connection, and OpenSSL may lose what comes after this side's end.
        """
        if self.tls is not None:
            with contextlib.suppress(ssl.SSLError):
                self.tls.unwrap()
            self._flush()
        elif not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()

    def abort(self) -> None:
        """Close at once, without a word."""
        self._transport.abort()


class Coupling:
    """Carries bytes between a client and a server until one of them ends, or neither has said anything for `idle`.

    from_server, to_server  bytes
    quiet_since             loop time of the last bytes
    """

    def __init__(self, client: StreamConnection, server: StreamConnection, *, idle: float) -> None:
        self._client, self._server, self._idle = client, server, idle
        self._loop = asyncio.get_running_loop()
        self.from_server = self.to_server = 0
        self.quiet_since = self._loop.time()
        self._between_lines = True

    async def run(self) -> None:
        """Returns once the session has ended, with both connections still to be closed."""
        self._client.at_leisure()
        self._server.at_leisure()
        up, down = asyncio.create_task(self._up()), asyncio.create_task(self._down())
        try:
            while (left := self.quiet_since + self._idle - self._loop.time()) > 0:
                done, _ = await asyncio.wait({up, down}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    # TLS ends both directions; what the server has still to say, nothing would read.
                    await asyncio.wait({down}, timeout=0 if self._client.tls else AFTER_END)
                    break
        finally:
            up.cancel()
            down.cancel()
            ended = await asyncio.gather(up, down, return_exceptions=True)
        for problem in ended:
            if isinstance(problem, Exception):
                raise problem

    def say(self, line: bytes) -> bool:
        """Give the client a line of our own. False, with nothing said, if it might end up within a server's answer."""
        if not self._between_lines or self._loop.time() - self.quiet_since < 1:
            return False
        self._client.write(line)
        return True

    async def _up(self) -> None:
        while data := await self._client.some():
            self.to_server += len(data)
            self.quiet_since = self._loop.time()
            self._server.write(data)
            await self._server.sent()
        if self._server.tls is None:
            self._server.end()

    async def _down(self) -> None:
        while data := await self._server.some():
            self.from_server += len(data)
            self._between_lines = data.endswith(b"\r\n")
            self.quiet_since = self._loop.time()
            self._client.write(data)
            await self._client.sent()


async def finish(connection: StreamConnection) -> None:
    """Send what is left, say goodbye and close."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FLUSH):
            await connection.sent()
    connection.end()
    connection.close()
