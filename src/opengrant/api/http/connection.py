"""Connections from outside, with bounds: uvicorn's protocol, which has none for what comes before a request is whole.

    a head            64 KiB, 256 lines, 30 s (a setting); more answers 431, later 408
    what frames a body   64 KiB between two pieces of it: chunk extensions, trailers; trailers are dropped
    pipelining        64 requests that wait for their turn
    an idle connection   75 s (a setting)
    an answer that the client does not read   75 s
    connections       2,000 a process, half of them for one address (settings); more answer 503

A refusal is in our envelope, and the connection is closed after it.
"""

import asyncio
import functools
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from opengrant import metrics
from opengrant.api.http import responses
from opengrant.errors import InvalidRequest, OpenGrantError, Overloaded, RequestHeadTooLarge, RequestTimeout

_LONGEST_HEAD = 64 * 1024
_MOST_LINES = 256
_MOST_WAITING = 64
_DRAINED_WITHIN = 30.0
"""Seconds for the rest of a body whose request has been answered already."""
_READ_WITHIN = 75.0
"""Seconds in which a client must read what fills its connection."""
_LINGER = 2.0
"""Seconds that a refused client gets to read why. Closed at once, what it still sends would destroy the answer."""
_MOST_LINGERING = 100
_MOST_DROPPED = 1024 * 1024

Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class Bounds:
    """Of one process, with the tally of what is open in it.

    per_address  connections of one IPv4 address, or one IPv6 network of 64 bits; proxies are exempt
    head_within  seconds for a whole head
    """

    connections: int
    per_address: int
    proxies: tuple[Network, ...]
    head_within: float
    open: int = 0
    of_address: Counter[str] = field(default_factory=Counter)
    lingering: int = 0


class Connection(HttpToolsProtocol):
    """What uvicorn calls a protocol class."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: Bounds,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.bounds = bounds
        self._address: str | None = None
        self._admitted = False
        self._in_head = True
        self._begun = False
        """Something of a message has come, and not all of it."""
        self._held = 0
        """Bytes since the message began, or since its body last grew."""
        self._grew = False
        self._excess: str | None = None
        self._refused = False
        self._lingers = False
        self._dropped = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    # ── the connection ────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        bounds = self.bounds
        address = _counted_as(self.client[0] if self.client else "", bounds.proxies)
        if bounds.open >= bounds.connections:
            self._refuse(Overloaded("The server is at its limit of connections. Try again.", retry_after=1), "full")
        elif address is not None and bounds.of_address[address] >= bounds.per_address:
            self._refuse(
                Overloaded("Too many connections from this address. Use fewer, and keep them open.", retry_after=1),
                "address",
            )
        else:
            self._admitted, self._address = True, address
            bounds.open += 1
            if address is not None:
                bounds.of_address[address] += 1
            self._within(bounds.head_within, self._head_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up_place()
        if self._lingers:
            self._lingers = False
            self.bounds.lingering -= 1
        self._in_time()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def _give_up_place(self) -> None:
        if not self._admitted:
            return
        self._admitted = False
        bounds, address = self.bounds, self._address
        bounds.open -= 1
        if address is not None:
            bounds.of_address[address] -= 1
            if not bounds.of_address[address]:
                del bounds.of_address[address]

    def pause_writing(self) -> None:
        super().pause_writing()
        self._abort_unless_read()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _abort_unless_read(self) -> None:
        """A transport waits for ever for a client that does not read, also when it is told to close."""
        if self._unread is None:
            self._unread = self.loop.call_later(_READ_WITHIN, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _within(self, seconds: float, late: Callable[[], None]) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(seconds, late)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # ── requests ──────────────────────────────────────────────────────────────────────────────────────────────

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
                # What came was the rest of a body whose request had been answered.
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

    def _feed(self, piece: bytes | memoryview) -> None:
        self._grew = False
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # nothing here is upgraded; the request is answered as it stands
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

    # uvicorn's own ask with each call whether the connection becomes a WebSocket, which it never does here.

    def on_message_begin(self) -> None:
        self._begun = True
        HttpToolsProtocol.on_message_begin(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self.headers
        if not self._in_head:
            return  # a trailer: headers that nothing before the body announced count for nothing
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

    # ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────

    def _head_late(self) -> None:
        self._deadline = None
        if self._begun or self._held:
            self._refuse(RequestTimeout("The head of the request did not arrive in time."), "head_too_slow")
        else:
            self.transport.close()

    def _refuse(self, problem: OpenGrantError, reason: str) -> None:
        """Close the connection, with an answer where one is possible: what came before is answered first."""
        self._refused = True
        self._in_time()
        metrics.count_refused_connection(reason)
        cycle = self.cycle
        owed = cycle is not None and not cycle.response_complete
        if self._in_head and owed:
            cycle.keep_alive = False  # its answer closes the connection
        elif not self._in_head and (not owed or cycle.response_started or self.pipeline):
            self.transport.close()  # in the middle of a body, and there is nothing to be said, or not yet
        else:
            if owed:
                cycle.disconnected = True
                cycle.message_event.set()
            self._answer(problem)

    def _answer(self, problem: OpenGrantError) -> None:
        request_id = str(uuid.uuid4())
        status, body, extra = responses.error(request_id, problem, "")
        headers = [
            (b"content-type", responses.JSON),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-request-id", request_id.encode()),
            *extra,
            (b"connection", b"close"),
        ]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))
        if self.bounds.lingering >= _MOST_LINGERING or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._give_up_place()
        self.bounds.lingering += 1
        self._lingers = True
        self.transport.write_eof()
        self._deadline = self.loop.call_later(_LINGER, self.transport.abort)

    def shutdown(self) -> None:
        if self._lingers:
            self.transport.close()
        else:
            super().shutdown()


def _too_large() -> RequestHeadTooLarge:
    return RequestHeadTooLarge(
        f"The head of the request is larger than {_LONGEST_HEAD} bytes or {_MOST_LINES} lines. Send fewer or shorter"
        " headers, or a shorter path."
    )


@functools.lru_cache(4096)
def _counted_as(host: str, proxies: tuple[Network, ...]) -> str | None:
    """What a client's connections are counted by; None: they are not, by address."""
    try:
        address = ip_address(host)
    except ValueError:
        return None  # no TCP
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    address = mapped or address
    if any(address in network for network in proxies):
        return None
    if isinstance(address, IPv6Address):
        # A host usually has all the addresses of its network.
        return str(cast(IPv6Network, ip_network(f"{address}/64", strict=False)).network_address)
    return str(address)
