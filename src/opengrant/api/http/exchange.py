"""One request and its answer, as ASGI sees them."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Scope

if TYPE_CHECKING:
    from opengrant.api.http.connection import Connection

HIGH_WATER = 64 * 1024
"""Bytes of a body that may wait for the application. Above it, reading stops."""

_STATUS_LINES = {int(status): f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
_BODILESS = frozenset({204, 304})


class ClientGone(OSError):
    """The client has hung up in the middle of an answer that comes in pieces."""


class Exchange:
    """A request with its headers read, and the answer to it.

    The application answers with one start message and one body message, which leave in one write; the start has a
    content length unless its status forbids a body. A body of unknown length comes in several messages, without a
    content length: each is written when the client has read enough of those before.

    chunks    the client understands a body in chunks; without them, its end is the end of the connection
    streams   a body of several messages has begun
    stays     the connection is kept after the answer
    expects   the client waits for "100 Continue" before it sends the body
    more      the body has not arrived completely
    awaited   the application has waited for the body
    late      the body did not arrive in time
    gone      the client has hung up, or got another answer
    complete  the answer is sent
    """

    __slots__ = (
        *("connection", "scope", "stays", "expects", "more", "awaited", "late", "gone", "complete"),
        *("pieces", "size", "head", "waiter", "task", "chunks", "streams"),
    )

    def __init__(
        self, connection: "Connection", scope: Scope, *, stays: bool, expects: bool, chunks: bool = True
    ) -> None:
        self.connection, self.scope, self.stays, self.expects = connection, scope, stays, expects
        self.chunks, self.streams = chunks, False
        self.more, self.awaited, self.late = True, False, False
        self.gone, self.complete = False, False
        self.pieces: list[bytes] = []
        self.size = 0
        self.head: Message | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.task: asyncio.Task[None] | None = None

    async def run(self, app: ASGIApp) -> None:
        """Call the application. An answer that it does not finish ends the connection."""
        try:
            await app(self.scope, self.receive, self.send)
        finally:
            # Here and not in a callback of the task, which would cost another turn of the loop.
            self.connection.state.tasks.discard(self.task)
            if not self.complete and not self.gone:
                self.connection.transport.close()

    def add(self, piece: bytes) -> None:
        """Take a piece of the body. Pieces that come after the answer are dropped."""
        if not self.complete:
            self.pieces.append(piece)
            self.size += len(piece)
            if self.size > HIGH_WATER:
                self.connection.pause_reading()
            self.wake()

    def wake(self) -> None:
        """Let `receive` look again."""
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def receive(self) -> Message:
        """The next part of the body. Raises TimeoutError."""
        while self.more and not (self.pieces or self.gone or self.complete):
            if self.expects:
                self.expects = False
                self.connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self.late:
                raise TimeoutError
            if not self.awaited:  # the deadline counts from the first wait, however the body trickles
                self.awaited = True
                self.connection.within(self.connection.bounds.body_within, self._be_late)
            self.connection.resume_reading()
            self.waiter = self.connection.loop.create_future()
            await self.waiter
        if self.gone or self.complete:
            return {"type": "http.disconnect"}
        body = b"".join(self.pieces)
        self.pieces, self.size = [], 0
        return {"type": "http.request", "body": body, "more_body": self.more}

    def _be_late(self) -> None:
        self.late = True
        self.wake()

    async def send(self, message: Message) -> None:
        """Raises ClientGone, of a body that comes in several messages."""
        if message["type"] == "http.response.start":
            self.head = message
            return
        connection = self.connection
        if connection.writable is not None:
            await connection.writable
        more = message.get("more_body", False)
        if self.gone:
            if more or self.streams:
                raise ClientGone
            return
        body: bytes = message["body"]
        if more or self.streams:
            body = self._chunk(body, last=not more)
        if self.head is not None:
            head = self._head(self.head, streams=more)
            bodiless = self.head["status"] in _BODILESS or self.scope["method"] == "HEAD"
            body = head if bodiless else head + body
        elif not self.streams:
            raise RuntimeError("an answer is a start and a body")
        connection.transport.write(body)
        self.head, self.streams = None, more
        if not more:
            self.complete = True
            connection.done(self)

    def _head(self, start: Message, *, streams: bool) -> bytes:
        headers: Sequence[tuple[bytes, bytes]] = start["headers"]
        if streams and self.chunks:
            headers = [*headers, (b"transfer-encoding", b"chunked")]
        if not self.stays:
            headers = [*headers, (b"connection", b"close")]
        return response_head(start["status"], [*self.connection.state.default_headers, *headers])

    def _chunk(self, body: bytes, *, last: bool) -> bytes:
        if not self.chunks:
            return body
        framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return framed + b"0\r\n\r\n" if last else framed


def response_head(status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Status line and headers. Raises RuntimeError when one of them holds the end of a line."""
    head = b"\r\n".join([_STATUS_LINES[status], *[name + b": " + value for name, value in headers], b"\r\n"])
    if head.count(b"\n") != len(headers) + 2 or head.count(b"\r") != len(headers) + 2:
        raise RuntimeError("a header of the answer holds the end of a line")
    return head
