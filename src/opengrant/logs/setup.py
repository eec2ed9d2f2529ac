"""Sends the records of structlog and of the standard library to one LogWriter."""

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import BinaryIO

import structlog

from opengrant.logs.console import console_line
from opengrant.logs.lines import Record
from opengrant.logs.masking import describe, raised
from opengrant.logs.writer import LogWriter, request_id


def configure(
    level: str,
    stream: BinaryIO | None = None,
    *,
    form: str = "json",
    on_drop: Callable[[int], None] | None = None,
) -> LogWriter:
    """Send the process's logs to `stream`. Close the result to flush.

    level    debug, info, warning or error: the lowest level that is written. Records of libraries below info are never
             written: their debug lines hold whole dialogues with a remote.
    stream   None: standard error
    form     json, console for people, or auto: console where the stream is a terminal
    on_drop  called in the writing thread with the number of records lost since the last call
    """
    global _current  # noqa: PLW0603 -- as structlog's configuration, it is the process's
    threshold = logging.getLevelNamesMapping()[level.upper()]
    target = stream or sys.stderr.buffer
    _current = writer = LogWriter(target, threshold=threshold, on_drop=on_drop, shape=_shape(form, target))
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, writer.prepare],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: writer,
        # A cached logger keeps the writer of its first use; a new binding costs less than a microsecond.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge(writer))
    root.setLevel(max(threshold, logging.INFO))
    logging.captureWarnings(True)
    return writer


def _shape(form: str, stream: BinaryIO) -> Callable[[bytes], bytes] | None:
    terminal = stream.isatty()
    if form == "json" or (form == "auto" and not terminal):
        return None
    return functools.partial(console_line, colour=terminal and not os.environ.get("NO_COLOR"))


_current: LogWriter | None = None


def current() -> LogWriter | None:
    """The writer that `configure` made last."""
    return _current


class _Bridge(logging.Handler):
    """A handler of the standard library that puts its records into the writer."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 -- a library's wrong format string must not stop its caller
            text = str(record.msg)
        event: Record = {**structlog.contextvars.get_contextvars(), "logger": record.name}
        if (current_request := request_id.get()) is not None:
            event["request_id"] = current_request
        if self._writer.trace is not None:
            event.update(self._writer.trace())
        event["ts"] = int(record.created * 1e9)
        event["level"] = record.levelname.lower()
        if record.exc_info and (error := raised(record.exc_info)) is not None:
            quote = self._writer.quote_exceptions
            event["exception"] = describe(error, quote=quote)
            if not quote:
                # asyncio and others repeat the exception's text in the following lines.
                text = text.partition("\n")[0]
        event["event"] = text
        self._writer.put(event)
