"""One connection of HTTP/1.1, from this server's side: one request at a time, and its whole answer.

httptools parses. What it lacks is here: limits, and the end of an answer that ends with its connection.

Source  RFC 9110 (1xx, 101), RFC 9112 section 6.3 (where a body ends), section 9.3 (which connections may be kept)
"""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import httptools

from opengrant.errors import Step
from opengrant.net.deadline import RunningTimer

MAX_BODY = 1024 * 1024
"""Most bytes of an answer; a longer one is refused while it arrives."""
MAX_HEAD = 64 * 1024
"""Most bytes before the body, and between two pieces of it: interim answers, chunk extensions, trailers."""
MAX_LINES = 256
"""Most headers of an answer."""
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Fault(NamedTuple):
    """Why no whole answer came.

    sent   the request may have reached the remote
    cause  the error of the network, if there was one
    """

    step: Step
    code: str
    sent: bool
    status: int | None = None
    text: str = ""
    cause: OSError | None = None


@dataclass(slots=True)
class Reply:
    """A whole answer.

    headers    names in lower case, in the order in which they came
    transport  of its connection
    """

    status: int
    headers: list[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)
    transport: asyncio.Transport | None = field(default=None, repr=False, compare=False)


CONNECTION_LOST = Fault("http", "connection_lost", sent=True)
ANSWER_CUT_OFF = Fault("http", "answer_cut_off", sent=True)
NOT_HTTP = Fault("http", "not_http", sent=True)
TIMEOUT = Fault("http", "timeout", sent=True)


class Connection(asyncio.Protocol):
    """Made by an event loop, without TLS; `transport` is replaced once TLS is there.

    closed   by either side, or must not carry another request
    unasked  bytes came before a request
    since    when it became idle, by the monotonic clock
    """

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.closed = self.unasked = False
        self.since = 0.0
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Reply | Fault] | None = None
        self._timer: RunningTimer | None = None
        self._begin(None)

    def ask(self, request: bytes, seconds: float, enough: int | None = None) -> "asyncio.Future[Reply | Fault]":
        """Send a request, no earlier than the answer to the last one. The future has no exception.

        seconds  for the whole answer; time in which this process is stopped does not count
        enough   bytes of the body that are read; the rest is cut off
        """
        self._begin(enough)
        waiter = self._waiter = self._loop.create_future()
        self._timer = RunningTimer(self._loop, seconds, self._late)
        self.transport.write(request)
        return waiter

    def abort(self) -> None:
        """Close without TLS close_notify, which a silent server would not answer."""
        self.closed = True
        self.transport.abort()

    def _begin(self, enough: int | None) -> None:
        self._enough = enough
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""
        self._pieces: bytearray | None = None
        """The body once it is in several pieces."""
        self._held = 0
        """Bytes since the request, or since the body last grew."""
        self._in_head, self._keeps, self._framed = True, False, False

    def _settle(self, outcome: Reply | Fault) -> None:
        """The first outcome counts. Anything but a whole answer ends the connection."""
        waiter = self._waiter
        if waiter is None:
            return
        self._waiter = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._keeps or isinstance(outcome, Fault):
            self.abort()
        if not waiter.done():  # it is, when its caller was cancelled
            waiter.set_result(outcome)

    def _late(self) -> None:
        self._settle(TIMEOUT)

    # ── what the event loop calls ─────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            # Nothing was asked: what comes now must not become the answer to the next request.
            self.unasked = True
            self.abort()
            return
        self._held += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._settle(NOT_HTTP if self._in_head else ANSWER_CUT_OFF)
            self.abort()  # also when it came after a whole answer
            return
        if self._held > MAX_HEAD:
            self._settle(self._too_large())

    def eof_received(self) -> None:
        # Behind TLS this is a close_notify; without one, only `connection_lost` is called.
        self.closed = True
        if not self._in_head and not self._framed and self._waiter is not None:
            self._keeps = False
            self.on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        fault = CONNECTION_LOST if self._in_head else ANSWER_CUT_OFF
        self._settle(fault._replace(cause=exc) if isinstance(exc, OSError) else fault)
        del self._parser  # it holds this object

    # ── what the parser calls ─────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self._waiter is None:
            raise ValueError  # a second answer to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer: ignored
        headers = self._headers
        if len(headers) >= MAX_LINES:
            self._settle(self._too_large())
            raise ValueError
        name, value = name.lower(), value.rstrip(b" \t")
        if name in _FRAMING:
            # llhttp is lenient here; two ways to read an answer are one too many.
            if self._framed or (name == b"transfer-encoding" and value.lower() != b"chunked"):
                raise ValueError
            self._framed = True
        headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:  # a change of protocol that was not asked for
                raise ValueError
            return
        self._in_head = False
        self._keeps = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self._held = 0
        if not self._body:
            self._body = body
        elif self._pieces is None:
            self._pieces = bytearray(self._body)
            self._pieces += body
        else:
            self._pieces += body
        length = len(self._body if self._pieces is None else self._pieces)
        if self._enough is not None and length > self._enough:
            self._keeps = False
            self._settle(self._reply(self._enough))
            raise ValueError  # the parser stops
        if length > MAX_BODY:
            self._settle(self._too_large())
            raise ValueError

    def on_message_complete(self) -> None:
        if self._in_head:  # an interim answer
            self._headers, self._framed = [], False
            return
        self._settle(self._reply())

    def _reply(self, enough: int | None = None) -> Reply:
        body = self._body if self._pieces is None else bytes(self._pieces)
        return Reply(self._parser.get_status_code(), self._headers, body[:enough], self.transport)

    def _too_large(self) -> Fault:
        return Fault("reply", "answer_too_large", sent=True, status=self._parser.get_status_code() or None)
