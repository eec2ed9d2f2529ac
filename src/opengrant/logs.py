"""Logs: one JSON object per line on standard error, for structlog and the standard library alike.

    {"ts": "2026-01-31T08:15:00.123Z", "level": "info", "event": "request", "request_id": "…", …}

The calling thread only puts a record into a queue; one thread redacts, formats and writes. Nobody waits for
a slow reader of the log: when the queue is full, records are dropped and counted.

What a record may show is decided here as a last line of defence, whatever a caller passes: values under a
secret-looking key are masked, bytes and foreign objects appear as their type, and an exception as its type and
the places it passed, since the words of a foreign exception may quote what it choked on.
"""

import atexit
import contextlib
import json
import logging
import math
import re
import select
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from datetime import date
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from pydantic_core import PydanticSerializationError, to_json

from opengrant.errors import OpenGrantError, ProviderFailure

Record = MutableMapping[str, Any]

_QUEUE_LIMIT = 10_000
"""Records that may wait. About 5 MB, and a second of the busiest server."""
_GATHER = 0.02
"""Seconds that records gather after the first. Putting wakes nobody meanwhile, which is what makes it cheap."""
_BATCH = 1000
_CLOSE_WITHIN = 5.0
"""Seconds that close() waits for a reader that has stopped reading."""

_LONGEST_TEXT = 4096
_DEEPEST = 6
_MOST_FRAMES = 40
_MOST_CAUSES = 5
_MASK = "***"
_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|bearer|jwt|assertion|authorization|cookie|credential|verifier|apikey|keys?$"
)
_ABOUT_A_SECRET = re.compile(r"[_-](id|ids|type|kind|name|url|at|in|count|status|scope)$")

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def configure(
    level: str, stream: BinaryIO | None = None, *, on_drop: Callable[[int], None] | None = None
) -> "LogWriter":
    """Send the process's logs to `stream`. Close the result to flush.

    level    debug, info, warning or error: the least that is written. Libraries are never heard below info,
             because their debug lines hold whole dialogues with a remote.
    stream   standard error when None
    on_drop  is told, from the writing thread, how many more records were lost
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    writer = LogWriter(stream or sys.stderr.buffer, quote_exceptions=threshold <= logging.DEBUG, on_drop=on_drop)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, writer.prepare],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: writer,
        # A cached logger would hold on to the writer of its first use; binding anew costs less than a microsecond.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge(writer))
    root.setLevel(max(threshold, logging.INFO))
    logging.captureWarnings(True)
    return writer


class LogWriter:
    """A bounded queue and the thread that empties it. Also what structlog calls the logger.

    quote_exceptions  shows the messages of foreign exceptions too
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        quote_exceptions: bool = False,
        on_drop: Callable[[int], None] | None = None,
        limit: int = _QUEUE_LIMIT,
    ) -> None:
        self._stream = stream
        self.quote_exceptions = quote_exceptions
        self._on_drop = on_drop
        self._limit = limit
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._dropped = 0
        self._reported = 0
        self._drop_lock = threading.Lock()
        self._closing = threading.Event()
        # A daemon, because a reader that stopped reading must not keep the process alive; atexit flushes.
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def dropped(self) -> int:
        """Records lost so far."""
        return self._dropped

    def prepare(self, _: object, method: str, event: Record) -> tuple[tuple[Record], dict[str, Any]]:
        """The last structlog processor: what only the calling thread knows."""
        event["ts"] = time.time_ns()
        event["level"] = method
        if "exc_info" in event and (error := _raised(event.pop("exc_info"))) is not None:
            event["exception"] = _describe(error, quote=self.quote_exceptions)
        return (event,), {}

    def put(self, record: Record) -> None:
        """Queue a record. Never waits: over the limit the record is dropped and counted."""
        if self._closing.is_set():
            self._write([record])
        elif self._queue.qsize() >= self._limit:
            self._drop(1)
        else:
            self._queue.put(record)

    debug = info = warning = error = critical = put

    def close(self) -> None:
        """Write what is queued. Later records are written at once, by whoever brings them."""
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

    def _write(self, records: list[Record]) -> bool:
        # Several worker processes share one pipe: only pieces up to PIPE_BUF arrive unmixed.
        try:
            for piece in _pieces((format_record(record) for record in records), select.PIPE_BUF):
                self._stream.write(piece)
                self._stream.flush()
        except (OSError, ValueError):
            # The reader is gone, or the stream closed. A later write may find a new one, so this is no end.
            return False
        return True


class _Bridge(logging.Handler):
    """Brings the standard library's records into the same stream."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 -- a library's wrong format string must not stop its work
            text = str(record.msg)
        event: Record = {**structlog.contextvars.get_contextvars(), "logger": record.name}
        event["ts"] = int(record.created * 1e9)
        event["level"] = record.levelname.lower()
        if record.exc_info and (error := _raised(record.exc_info)) is not None:
            quote = self._writer.quote_exceptions
            event["exception"] = _describe(error, quote=quote)
            if not quote:
                # asyncio and others repeat the exception's text in the lines that follow.
                text = text.partition("\n")[0]
        event["event"] = text
        self._writer.put(event)


def format_record(record: Record) -> bytes:
    """One line of JSON with its line end. Never raises, whatever the record holds."""
    try:
        plain = {"ts": _rfc3339(record["ts"]), "level": record["level"], "event": _plain(record["event"], 0)}
        if "request_id" in record:
            plain["request_id"] = _plain(record["request_id"], 0)
        plain.update((key, _named(key, value, 0)) for key, value in record.items() if key not in plain)
        with contextlib.suppress(PydanticSerializationError):  # a lone surrogate, which the other way can write
            return to_json(plain) + b"\n"
        line = _encode(plain)
    except Exception as error:  # noqa: BLE001 -- one odd record must not end the log
        line = _encode(
            {"ts": _rfc3339(time.time_ns()), "level": "error", "event": "log_record_unreadable", "error": _name(error)}
        )
    # A lone surrogate has no UTF-8; written as \udXXX it is what JSON calls it.
    return line.encode("utf-8", "backslashreplace") + b"\n"


def _plain(value: Any, depth: int) -> Any:
    """The value as JSON's own types, with nothing in it that nobody meant to show."""
    result: Any
    match value:
        case str():
            result = value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "…"
        case None | bool() | int():
            result = value
        case float():
            result = value if math.isfinite(value) else str(value)
        case Enum():
            result = _plain(value.value, depth)
        case date():
            result = value.isoformat()
        case UUID() | PurePath():
            result = str(value)
        case BaseException():
            result = _describe(value, quote=False)
        case bytes() | bytearray() | memoryview():
            result = f"<{len(value)} bytes>"
        case Mapping() | list() | tuple() | set() | frozenset() if depth >= _DEEPEST:
            result = "…"
        case Mapping():
            result = {str(key): _named(str(key), item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            result = [_plain(item, depth + 1) for item in value]
        case _:
            result = f"<{_name(value)}>"
    return result


def _named(name: str, value: Any, depth: int) -> Any:
    if _is_secret(name) and not isinstance(value, bool | int | float | None):
        return _MASK
    return _plain(value, depth)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    name = name.lower()
    return _SECRET_NAME.search(name) is not None and _ABOUT_A_SECRET.search(name) is None


def _raised(exc_info: Any) -> BaseException | None:
    """The exception behind an exc_info: itself, the triple of sys.exc_info(), or true for the one being handled."""
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case _:
            return sys.exc_info()[1] if exc_info else None


def _describe(error: BaseException, *, quote: bool, causes: int = _MOST_CAUSES) -> dict[str, Any]:
    """Type and frames, innermost last; the message if it is our own wording or `quote` asks for it; then its cause."""
    told: dict[str, Any] = {"type": _name(error)}
    if quote or isinstance(error, OpenGrantError | ProviderFailure):
        told["message"] = str(error)
    told["frames"] = list(_frames(error.__traceback__))[-_MOST_FRAMES:]
    if causes:
        if isinstance(error, BaseExceptionGroup):
            told["exceptions"] = [
                _describe(one, quote=quote, causes=causes - 1) for one in error.exceptions[:_MOST_CAUSES]
            ]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            told["cause"] = _describe(cause, quote=quote, causes=causes - 1)
    return told


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield f"{_short(code.co_filename)}:{trace.tb_lineno}:{code.co_qualname}"
        trace = trace.tb_next


@lru_cache(maxsize=1024)
def _short(filename: str) -> str:
    """The path inside its package root: where something is installed is nobody's business."""
    for root in ("/site-packages/", "/src/", "/lib/"):
        before, found, inside = filename.rpartition(root)
        if found and before:
            return inside
    return PurePath(filename).name


def _name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _rfc3339(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _pieces(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Whole lines, joined as long as they fit into `size`; a longer line goes alone."""
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
