"""Connections with limits: uvicorn's protocol has none for what comes before a request is complete.

    a head            64 KiB, 256 lines, 30 s (a setting); more answers 431, later 408
    body framing         64 KiB between two pieces of the body: chunk extensions, trailers; trailers are dropped
    pipelining        64 waiting requests
    an idle connection   75 s (a setting)
    an unread answer     75 s
    connections       2,000 a process, half of them for one address (settings); more answer 503

A refusal is an error envelope; the connection closes after it.
"""

import asyncio
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from opengrant.api.http.closing_connection import ClosingConnection
from opengrant.api.http.connection_limits import Bounds, counted_as
from opengrant.errors import InvalidRequest, RequestHeadTooLarge, RequestTimeout

_LONGEST_HEAD = 64 * 1024
_MOST_LINES = 256
_MOST_WAITING = 64
_DRAINED_WITHIN = 30.0
"""Seconds for the rest of a body whose request has been answered already."""
_MOST_DROPPED = 1024 * 1024
"""Bytes that a refused client may still send while it reads the answer."""


class Connection(ClosingConnection):
    """One connection, from the client to uvicorn's request cycle."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: Bounds,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, bounds=bounds)
        self._begun = False
        """A part of a message has come, and not all of it."""
        self._held = 0
        """Bytes since the message began, or since its body last grew."""
        self._grew = False
        self._excess: str | None = None
        self._dropped = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        bounds = self.bounds
        address = counted_as(self.client[0] if self.client else "", bounds.proxies)
        if (refusal := bounds.enter(address)) is not None:
            self._refuse(*refusal)
        else:
            self._admitted, self._address = True, address
            self._within(bounds.head_within, self._head_late)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._dropped += len(data)
            if self._lingers and self._dropped > _MOST_DROPPED:
                self.transport.abort()
            return
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        if len(data) + self._held <= _LONGEST_HEAD:
            self._feed(data)
        else:
            rest = memoryview(data)
            while rest and not self._refused:
                room = _LONGEST_HEAD - self._held
                self._feed(rest[:room])
                rest = rest[room:]
        if self._in_head and not self._refused:
            if self._begun or self._held:
                self._within(self.bounds.head_within, self._head_late)
            elif (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
                # The data was the rest of a body whose request had been answered.
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

    def _feed(self, piece: bytes | memoryview) -> None:
        self._grew = False
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # upgrades are not supported; the request is answered as it is
        except httptools.HttpParserError:
            if self._excess is None:
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

    # uvicorn's own callbacks check for a WebSocket upgrade each time; there is none here.

    def on_message_begin(self) -> None:
        self._begun = True
        HttpToolsProtocol.on_message_begin(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self.headers
        if not self._in_head:
            return  # a trailer: ignored
        if len(headers) >= _MOST_LINES:
            self._excess = "head_too_large"
            raise ValueError
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        headers.append((name, value))

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= _MOST_WAITING:
            self._excess = "pipelined"
            raise ValueError
        HttpToolsProtocol.on_headers_complete(self)
        self._in_head = False
        self._grew = True
        if self._deadline is not None:
            self._in_time()

    def on_body(self, body: bytes) -> None:
        self._grew = True
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._in_head, self._begun, self._grew = True, False, True
        if self._deadline is not None:
            self._in_time()
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    def on_response_complete(self) -> None:
        HttpToolsProtocol.on_response_complete(self)
        if self.transport.is_closing():
            if self.transport.get_write_buffer_size():
                self._abort_unless_read()
        elif not self._in_head and self.cycle.response_complete:
            self._within(_DRAINED_WITHIN, self.transport.close)

    def _head_late(self) -> None:
        self._deadline = None
        if self._begun or self._held:
            self._refuse(RequestTimeout("The head of the request did not arrive in time."), "head_too_slow")
        else:
            self.transport.close()


def _too_large() -> RequestHeadTooLarge:
    return RequestHeadTooLarge(
        f"The head of the request is larger than {_LONGEST_HEAD} bytes or {_MOST_LINES} lines. Send fewer or shorter"
        " headers, or a shorter path."
    )
