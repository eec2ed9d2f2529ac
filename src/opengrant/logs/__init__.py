"""Logs: one JSON object per line on standard error, for structlog and the standard library alike.

    {"ts": "2026-01-31T08:15:00.123Z", "level": "info", "event": "request", "request_id": "…", …}

On a terminal they are lines for people. setup.py connects the loggers, writer.py queues and writes, lines.py makes the
JSON, console.py the lines for people, masking.py removes secrets. They must not know a subject.
"""

# First, before other modules import structlog.
from opengrant.logs import plain_structlog as _plain_structlog  # isort: skip # noqa: F401
from opengrant.logs.lines import trusted_line
from opengrant.logs.setup import configure, current
from opengrant.logs.writer import LogWriter, request_id

__all__ = ["LogWriter", "configure", "current", "request_id", "trusted_line"]
