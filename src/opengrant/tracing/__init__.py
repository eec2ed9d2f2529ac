"""Traces for OpenTelemetry: spans of requests, scripts, conversations with remotes, deliveries and jobs.

They belong to the process, as logs and metrics do, so they are module functions. Without traces no package of
OpenTelemetry is imported, and a hook is one `if`. start.py reads the environment and starts the SDK, spans.py makes the
spans. They must not know a subject.
"""

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opengrant.tracing.spans import Spans

Attributes = Mapping[str, str | int | None]
"""Ids of ours, words from small sets, names of hosts, numbers: no text of a caller, a remote or an exception, which may
hold a secret. None: left out."""

_spans: "Spans | None" = None


def current() -> "Spans | None":
    """None: traces are off."""
    return _spans


def use(spans: "Spans | None") -> None:
    """For this process, before it serves."""
    global _spans  # noqa: PLW0603 -- as the log's writer, it is the process's
    _spans = spans


def exchange(provider: str, leg: str, command: str, host: str) -> AbstractContextManager[object]:
    """A span around one exchange of a session with a server, where the current trace is sampled.

    Without a trace there is none: a watched mailbox is asked for days.
    """
    if _spans is None or not _spans.recording():
        return contextlib.nullcontext()
    about = {
        "opengrant.provider": provider,
        "opengrant.leg": leg,
        "opengrant.command": command,
        "server.address": host or None,
    }
    return _spans.remote(f"{provider} {leg} {command}", about)


def span(name: str, attributes: Attributes) -> AbstractContextManager[object]:
    """A span around work of ours: below the current one, or the first of a trace. Nothing, when traces are off."""
    return contextlib.nullcontext() if _spans is None else _spans.inner(name, attributes)
