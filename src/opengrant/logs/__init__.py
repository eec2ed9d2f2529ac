"""Logs: one JSON object per line on standard error, for structlog and the standard library alike.

    {"ts": "2026-01-31T08:15:00.123Z", "level": "info", "event": "request", "request_id": "…", …}

setup.py connects the loggers, writer.py queues and writes, lines.py makes the JSON, masking.py removes secrets. They
must not know a subject.
"""

from opengrant.logs.setup import configure
from opengrant.logs.writer import LogWriter

__all__ = ["LogWriter", "configure"]
