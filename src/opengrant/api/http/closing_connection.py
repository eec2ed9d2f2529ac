"""How a connection ends: with a refusal and its answer, at a deadline, or because the client does not read."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable

from uvicorn.server import ServerState

from opengrant import metrics
from opengrant.api.http import responses
from opengrant.api.http.connection_limits import Bounds
from opengrant.api.http.exchange import Exchange, response_head
from opengrant.errors import OpenGrantError, RequestTimeout

_READ_WITHIN = 75.0
"""Seconds in which a client must read what fills its connection."""
_LINGER = 2.0
"""Seconds that a refused client gets to read the answer. An immediate close would destroy it if more data arrives."""
_MOST_LINGERING = 100


class ClosingConnection(asyncio.Protocol):
    """The half of `Connection` that ends it.

    answering  the request that the application works on
    waiting    the requests that were sent after it
    reading    the request whose body is arriving; None: a head is next
    """

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, state: ServerState, bounds: Bounds) -> None:
        self.loop = loop
        self.state = state
        self.bounds = bounds
        self.answering: Exchange | None = None
        self.waiting: deque[Exchange] = deque()
        self.reading: Exchange | None = None
        self.writable: asyncio.Future[None] | None = None
        """Set while the client reads too slowly; done once it has caught up."""
        self._begun = False
        """A part of a message has come, and not all of it."""
        self._held = 0
        """Bytes since the message began, or since its body last grew."""
        self._reading_paused = False
        self._address: str | None = None
        self._admitted = False
        self._refused = False
        self._owed: OpenGrantError | None = None
        """The refusal that follows the answers under way."""
        self._lingers = False
        self._ended = False
        self._late: Callable[[], None] | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.state.connections.discard(self)
        self._give_up_place()
        if self._lingers:
            self._lingers = False
            self.bounds.lingering -= 1
        self._late = None
        if self._timer is not None:
            self._timer.cancel()
        for exchange in (self.answering, self.reading, *self.waiting):
            if exchange is not None:
                exchange.gone = True
                exchange.wake()
        self.waiting.clear()
        self.resume_writing()

    def eof_received(self) -> bool:
        """Close, after the answers to requests that have arrived completely."""
        self._ended = True
        last = self._last()
        if last is None or self.reading is not None or self._lingers:
            return False
        if not self._refused:
            last.stays = False
        return True

    def _give_up_place(self) -> None:
        if self._admitted:
            self._admitted = False
            self.bounds.leave(self._address)

    # ── backpressure ───────────────────────────────────────────────────────────────────────────

    def pause_reading(self) -> None:
        if not self._reading_paused and not self.transport.is_closing():
            self._reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._reading_paused and not self.transport.is_closing():
            self._reading_paused = False
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.writable = self.loop.create_future()
        self._abort_unless_read()

    def resume_writing(self) -> None:
        writable, self.writable = self.writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _abort_unless_read(self) -> None:
        """Abort later. A transport waits for ever for a client that does not read, even after `close`."""
        if self._unread is None:
            self._unread = self.loop.call_later(_READ_WITHIN, self.transport.abort)

    def _close(self) -> None:
        """Close once the client has read what was written."""
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._abort_unless_read()

    # ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────────

    def within(self, seconds: float, late: Callable[[], None]) -> None:
        """Call `late` in so many seconds; it replaces the deadline before it, and None in its place ends it.

        One timer serves all deadlines of a connection and looks at the last one when it fires: to cancel and set a
        timer with each request would cost more than to parse it.
        """
        self._late = late
        self._due = self.loop.time() + seconds
        if self._timer is None or self._timer.when() > self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        late = self._late
        if late is None:
            return
        left = self._due - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._look)
        else:
            self._late = None
            late()

    def _head_late(self) -> None:
        if self._begun or self._held:
            self._refuse(RequestTimeout("The head of the request did not arrive in time."), "head_too_slow")
        else:
            self.transport.close()

    def _idle(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    # ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────

    def _refuse(self, problem: OpenGrantError, reason: str) -> None:
        """Close the connection, with an error as the answer where one is possible.

        Requests under way are answered first. `reason` is the label in the metrics.
        """
        self._refused = True
        self._late = None
        metrics.count_refused_connection(reason)
        reading, self.reading = self.reading, None
        if reading is not None:
            if reading.complete:
                self.transport.close()  # its answer is sent, so no other fits
                return
            reading.gone = True
            reading.wake()
            if reading is self.answering:
                self.answering = None
            else:
                self.waiting.remove(reading)
        if self._last() is None:
            self._answer(problem)
        else:
            self._owed = problem

    def _last(self) -> Exchange | None:
        """The last request that is not answered."""
        return self.waiting[-1] if self.waiting else self.answering

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
        self.transport.write(response_head(status, headers) + body)
        if self._ended or self.bounds.lingering >= _MOST_LINGERING or not self.transport.can_write_eof():
            self._close()
            return
        self._give_up_place()
        self.bounds.lingering += 1
        self._lingers = True
        self.transport.write_eof()
        self.resume_reading()  # it may be paused by requests under way: the end of what comes would not be seen
        self.within(_LINGER, self.transport.abort)

    def shutdown(self) -> None:
        """Close after the answers that are under way. uvicorn calls it when the server stops."""
        last = self._last()
        if self._lingers or last is None:
            self.transport.close()
        else:
            last.stays = False
