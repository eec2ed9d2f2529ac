"""HTTP/1.1 on one connection: the protocol class of uvicorn's server. httptools parses; the limits are here.

    a head            64 KiB, 256 lines, 30 s (a setting); more answers 431, later 408
    a body            30 s from the moment when the application waits for it; later it answers 400
    body framing         64 KiB between two pieces of the body: chunk extensions, trailers; trailers are dropped
    pipelining        64 waiting requests
    an idle connection   75 s (a setting)
    an unread answer     75 s
    connections       2,000 a process, half of them for one address (settings); more answer 503

A refusal is an error envelope; the connection closes after it. Why not uvicorn's own class: decision 12.
"""

import asyncio
from contextvars import Context, copy_context
from typing import cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp, Scope
from uvicorn.config import Config
from uvicorn.server import ServerState

from opengrant.api.http.closing_connection import ClosingConnection
from opengrant.api.http.connection_limits import Bounds, counted_as
from opengrant.api.http.exchange import Exchange
from opengrant.errors import InvalidRequest, RequestHeadTooLarge

_LONGEST_HEAD = 64 * 1024
_MOST_LINES = 256
_MOST_WAITING = 64
_DRAINED_WITHIN = 30.0
"""Seconds for the rest of a body whose request has been answered already."""
_MOST_DROPPED = 1024 * 1024
"""Bytes that a refused client may still send while it reads the answer."""
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_SPECIAL = _FRAMING | {b"host", b"expect"}


class Connection(ClosingConnection):
    """One connection, from the client to the application."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: object,
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: Bounds,
    ) -> None:
        super().__init__(_loop or asyncio.get_running_loop(), server_state, bounds)
        self._app = cast(ASGIApp, config.loaded_app)
        self._keep_alive = float(config.timeout_keep_alive)
        self._parser = httptools.HttpRequestParser(self)
        self._grew = False
        self._excess: str | None = None
        self._closes = False
        """The last request was the last of this connection: what follows is ignored."""
        self._dropped = 0
        self._context = copy_context()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.state.connections.add(self)  # type: ignore[arg-type] # uvicorn names its own classes
        bounds = self.bounds
        peer = transport.get_extra_info("peername")
        address = counted_as(peer[0] if isinstance(peer, tuple) else "", bounds.proxies)
        if (refusal := bounds.enter(address)) is not None:
            self._refuse(*refusal)
        else:
            self._admitted, self._address = True, address
            self.within(bounds.head_within, self._head_late)

    # ── bytes ─────────────────────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._dropped += len(data)
            if self._lingers and self._dropped > _MOST_DROPPED:
                self.transport.abort()
            return
        if len(data) + self._held <= _LONGEST_HEAD:
            self._feed(data)
        else:
            rest = memoryview(data)
            while rest and not self._refused:
                room = _LONGEST_HEAD - self._held
                self._feed(rest[:room])
                rest = rest[room:]
        if (self._begun or self._held) and self.reading is None and not self._refused and self._late != self._head_late:
            self.within(self.bounds.head_within, self._head_late)

    def _feed(self, piece: bytes | memoryview) -> None:
        if self._closes:
            return
        self._grew = False
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(memoryview(piece)[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            if self._closes:
                pass  # data after the last request
            elif self._excess is None:
                self._refuse(InvalidRequest("This is no request of HTTP/1.1, or its path is not valid."), "invalid")
            else:
                self._refuse(_too_large(), self._excess)
            return
        if self._grew:
            self._held = 0
            return
        self._held += len(piece)
        if self._held >= _LONGEST_HEAD:
            self._refuse(_too_large(), "head_too_large")

    def _go_on_without_upgrade(self, rest: memoryview) -> None:
        """Read what follows a head that asks for another protocol. Nothing is upgraded, so it is HTTP/1.1 too.

        The parser takes the message for complete. If the request has a body, a second parser reads it, from a head
        that frames it alike; its connection ends with it.
        """
        self._held = 0
        if (exchange := self.reading) is not None:
            self._parser = httptools.HttpRequestParser(_BodyOnly(self))
            framing = [name + b": " + value for name, value in exchange.scope["headers"] if name in _FRAMING]
            self._parser.feed_data(b"\r\n".join([b"POST / HTTP/1.1", *framing, b"\r\n"]))
        if rest:
            self._feed(rest)

    # ── the parser's calls ────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self._begun = True
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._hosts = 0
        self._expects = self._has_body = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.reading is not None:
            return  # a trailer: ignored
        headers = self._headers
        if len(headers) >= _MOST_LINES:
            self._excess = "head_too_large"
            raise ValueError
        name = name.lower()
        if name in _SPECIAL:
            self._note(name, value.lower().strip())
        headers.append((name, value))

    def _note(self, name: bytes, value: bytes) -> None:
        """Note a header that the connection heeds. Raises ValueError for a coding of the body that is unknown here."""
        if name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self._expects = value == b"100-continue"
        else:
            self._has_body = value != b"0"
            if name == b"transfer-encoding" and value != b"chunked":
                raise ValueError

    def on_headers_complete(self) -> None:
        if len(self.waiting) >= _MOST_WAITING:
            self._excess = "pipelined"
            raise ValueError
        parser = self._parser
        version = parser.get_http_version()
        if self._hosts != 1 and (version == "1.1" or self._hosts):
            raise ValueError
        if version not in {"1.0", "1.1"}:
            raise ValueError
        self._skips_body = self._has_body and parser.should_upgrade()
        stays = version == "1.1" and parser.should_keep_alive() and not self._skips_body
        scope = _scope(parser.get_method().decode("ascii"), self._url, self._headers)
        exchange = self.reading = Exchange(self, scope, stays=stays, expects=self._expects, chunks=version == "1.1")
        self._grew = True
        self._late = None
        if self.answering is None:
            self._begin(exchange)
        else:
            self.waiting.append(exchange)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        self._grew = True
        if self.reading is not None:
            self.reading.add(body)

    def on_message_complete(self) -> None:
        if self._skips_body:
            self._skips_body = False
            return
        self._begun, self._grew = False, True
        exchange, self.reading = self.reading, None
        if exchange is None:
            return
        self._closes = not exchange.stays
        self._late = None
        if exchange.complete:
            self.within(self._keep_alive, self._idle)  # the answer was earlier than the end of the body
        else:
            exchange.more = False
            exchange.wake()

    # ── one request after the other ───────────────────────────────────────────────────────────────────────────

    def _begin(self, exchange: Exchange, *, context: Context | None = None) -> None:
        self.answering = exchange
        exchange.task = self.loop.create_task(exchange.run(self._app), context=context)
        self.state.tasks.add(exchange.task)

    def done(self, exchange: Exchange) -> None:
        """Go on after an answer."""
        self.state.total_requests += 1
        self.answering = None
        if self.transport.is_closing() or not exchange.stays:
            self._close()
        elif self.waiting:
            # Not in the context of the request that has just ended.
            self._begin(self.waiting.popleft(), context=self._context.copy())
        elif self._owed is not None:
            self._answer(self._owed)
        else:
            self.resume_reading()
            if self.reading is not None:
                self.within(_DRAINED_WITHIN, self._close)
            elif not self._begun and not self._held:
                self.within(self._keep_alive, self._idle)


class _BodyOnly:
    """What a parser calls when the head is known already."""

    def __init__(self, connection: Connection) -> None:
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete


def _scope(method: str, url: bytes, headers: list[tuple[bytes, bytes]]) -> Scope:
    """The scope, with what the application reads of it. Raises ValueError, HttpParserInvalidURLError."""
    if url.startswith(b"/") and b"#" not in url:
        raw_path, _, query = url.partition(b"?")
    else:
        parsed = httptools.parse_url(url)
        raw_path, query = parsed.path or b"/", parsed.query
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "method": method,
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query or b"",
        "headers": headers,
    }


def _too_large() -> RequestHeadTooLarge:
    return RequestHeadTooLarge(
        f"The head of the request is larger than {_LONGEST_HEAD} bytes or {_MOST_LINES} lines. Send fewer or shorter"
        " headers, or a shorter path."
    )
