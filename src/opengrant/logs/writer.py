"""A bounded queue of records, and the thread that formats and writes them.

The calling thread only queues a record. A slow reader of the log delays no caller: when the queue is full, records
are dropped and counted.
"""

import atexit
import logging
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO

from opengrant.logs.lines import Record, format_record
from opengrant.logs.masking import describe, raised

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request under way: each record that is made meanwhile has it. structlog's own way costs 3 µs a request."""

_QUEUE_LIMIT = 10_000
"""Most records in the queue: about 5 MB, or one second of a busy server."""
_GATHER = 0.02
"""Seconds that records collect after the first. A put does not wake the thread meanwhile, so it is cheap."""
_BATCH = 1000
_CLOSE_WITHIN = 5.0
"""Longest wait of close() for the thread, in seconds, when the reader has stopped reading."""


class LogWriter:
    """The queue and its thread. It is also the logger object of structlog.

    threshold  lowest level that is written, as a number of the standard library's. At DEBUG the messages of other
               libraries' exceptions are shown too
    shape      what is written for a line of JSON; None: the line
    trace      the ids of the current span as fields; None: traces are off
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        threshold: int = logging.INFO,
        on_drop: Callable[[int], None] | None = None,
        limit: int = _QUEUE_LIMIT,
        shape: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._stream = stream
        self.threshold = threshold
        self.quote_exceptions = threshold <= logging.DEBUG
        self._on_drop = on_drop
        self._limit = limit
        self._shape = shape
        self.trace: Callable[[], Mapping[str, str]] | None = None
        self._queue: SimpleQueue[Record | bytes | None] = SimpleQueue()
        self._dropped = 0
        self._reported = 0
        self._drop_lock = threading.Lock()
        self._closing = threading.Event()
        # A daemon: a reader that has stopped reading must not keep the process alive. atexit flushes.
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def dropped(self) -> int:
        """Number of records lost so far."""
        return self._dropped

    def prepare(self, _: object, method: str, event: Record) -> tuple[tuple[Record], dict[str, Any]]:
        """The last structlog processor: adds what only the calling thread knows."""
        event["ts"] = time.time_ns()
        event["level"] = method
        if (current_request := request_id.get()) is not None:
            event["request_id"] = current_request
        if self.trace is not None:
            event.update(self.trace())
        if "exc_info" in event and (error := raised(event.pop("exc_info"))) is not None:
            event["exception"] = describe(error, quote=self.quote_exceptions)
        return (event,), {}

    def put(self, record: Record | bytes) -> None:
        """Queue a record, or its line, without waiting. Over the limit, the record is dropped and counted."""
        if self._closing.is_set():
            self._write([record])
        elif self._queue.qsize() >= self._limit:
            self._drop(1)
        else:
            self._queue.put(record)

    debug = info = warning = error = critical = put

    def close(self) -> None:
        """Write the queued records and end the thread. Later records are written by their callers' threads."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._queue.put(None)
        self._thread.join(_CLOSE_WITHIN)
        atexit.unregister(self.close)

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            self._closing.wait(_GATHER)
            try:
                while len(batch) < _BATCH:
                    batch.append(self._queue.get_nowait())
            except Empty:
                pass
            records = [record for record in batch if record is not None]
            if not self._write(records):
                self._drop(len(records))
            self._report_drops()
            if len(records) < len(batch):
                return

    def _drop(self, count: int) -> None:
        with self._drop_lock:
            self._dropped += count

    def _report_drops(self) -> None:
        lost = self._dropped - self._reported
        if lost:
            self._reported += lost
            self._write([{"ts": time.time_ns(), "level": "error", "event": "log_records_dropped", "count": lost}])
            if self._on_drop is not None:
                self._on_drop(lost)

    def _write(self, records: Sequence[Record | bytes]) -> bool:
        # Worker processes share one pipe: only writes up to PIPE_BUF bytes are atomic.
        try:
            lines = map(self._line, records)
            for piece in _pieces(lines, select.PIPE_BUF):
                self._stream.write(piece)
                self._stream.flush()
        except (OSError, ValueError):
            # The reader is gone or the stream is closed. A later write may succeed, so the thread goes on.
            return False
        return True

    def _line(self, record: Record | bytes) -> bytes:
        line = record if isinstance(record, bytes) else format_record(record)
        return line if self._shape is None else self._shape(line)


def _pieces(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Whole lines, joined up to `size` bytes; a longer line is a piece of its own."""
    piece: list[bytes] = []
    length = 0
    for line in lines:
        if piece and length + len(line) > size:
            yield b"".join(piece)
            piece, length = [], 0
        piece.append(line)
        length += len(line)
    if piece:
        yield b"".join(piece)
