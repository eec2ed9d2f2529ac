"""How a connection ends: with a refusal and its answer, at a deadline, or because the client does not read."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from opengrant import metrics
from opengrant.api.http import responses
from opengrant.api.http.connection_limits import Bounds
from opengrant.errors import OpenGrantError

_READ_WITHIN = 75.0
"""Seconds in which a client must read what fills its connection."""
_LINGER = 2.0
"""Seconds that a refused client gets to read the answer. An immediate close would destroy it if more data arrives."""
_MOST_LINGERING = 100


class ClosingConnection(HttpToolsProtocol):
    """The half of `Connection` that ends it."""

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
        self._refused = False
        self._lingers = False
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

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
        if self._admitted:
            self._admitted = False
            self.bounds.leave(self._address)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._abort_unless_read()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _abort_unless_read(self) -> None:
        """Abort later. A transport waits for ever for a client that does not read, even after `close`."""
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

    def _refuse(self, problem: OpenGrantError, reason: str) -> None:
        """Close the connection, with an error as the answer where one is possible.

        A request under way is answered first. `reason` is the label in the metrics.
        """
        self._refused = True
        self._in_time()
        metrics.count_refused_connection(reason)
        cycle = self.cycle
        owed = cycle is not None and not cycle.response_complete
        if self._in_head and owed:
            cycle.keep_alive = False  # its answer closes the connection
        elif not self._in_head and (not owed or cycle.response_started or self.pipeline):
            self.transport.close()  # in the middle of a body, where no answer fits
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
