"""The spans that OpenGrant makes. This module imports OpenTelemetry: import it only when traces are on.

Names follow OpenTelemetry's semantic conventions; attributes that those do not have begin with `opengrant.`.
"""

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from opengrant.metrics import METHODS
from opengrant.tracing import Attributes

_MOST_CAUSES = 4096
"""Events whose trace is remembered: about 1 MB. Most are delivered within milliseconds."""
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST = 512


class Spans:
    """Built once in each process, by start.py."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._causes: dict[str, SpanContext] = {}
        self._lock = threading.Lock()  # scripts of SQLite run in threads

    def request(self, headers: Iterable[tuple[bytes, bytes]]) -> AbstractContextManager[Span]:
        """A request that arrives: part of the caller's trace if it names one. `answered` says what it was."""
        return self._open("request", SpanKind.SERVER, {}, parent_of(headers))

    def answered(
        self, span: Span, method: str, route: str | None, status: int, fields: Mapping[str, str | int | float]
    ) -> None:
        """Describe a request that was answered.

        route   the template of its path; None: none matched
        fields  of the line in the log
        """
        if not span.is_recording():
            return
        known = method if method in METHODS else "_OTHER"
        span.update_name(known if route is None else f"{known} {route}")
        span.set_attributes({f"opengrant.{name}": value for name, value in fields.items()})
        span.set_attributes({"http.request.method": known, "http.response.status_code": status})
        if route is not None:
            span.set_attribute("http.route", route)
        if status >= 500:
            failed(span, str(fields.get("error", status)))

    def inner(self, name: str, attributes: Attributes) -> AbstractContextManager[Span]:
        """Work of ours."""
        return self._open(name, SpanKind.INTERNAL, attributes)

    def script(self, name: str, system: str, operation: str) -> AbstractContextManager[Span]:
        """Statements of a database that belong together. system: as the conventions name it."""
        attributes = {"db.system.name": system, "db.operation.name": operation, "db.query.summary": name}
        return self._open(name, SpanKind.CLIENT, attributes)

    def remote(self, name: str, attributes: Attributes, *, event_id: str | None = None) -> AbstractContextManager[Span]:
        """A conversation with a remote. event_id: the event that it is about; its trace goes on if it is known here."""
        return self._open(name, SpanKind.CLIENT, attributes, self._cause(event_id))

    def ended(self, provider: str, leg: str, outcome: str, seconds: float, host: str) -> None:
        """A conversation with a provider that has just ended. The first arguments are those of net/observe.py."""
        now = time.time_ns()
        attributes = {
            "opengrant.provider": provider,
            "opengrant.leg": leg,
            "opengrant.outcome": outcome,
            "server.address": host or None,
        }
        span = self._tracer.start_span(
            f"{provider} {leg}",
            kind=SpanKind.CLIENT,
            attributes=_present(attributes),
            start_time=now - int(seconds * 1e9),
        )
        if outcome not in ("ok", "2xx", "3xx"):
            failed(span, outcome)
        span.end(now)

    def ids(self) -> dict[str, str]:
        """The ids of the current span, for the log."""
        found = get_current_span().get_span_context()
        return {"trace_id": f"{found.trace_id:032x}", "span_id": f"{found.span_id:016x}"} if found.is_valid else {}

    def traceparent(self) -> dict[str, str]:
        """The header that makes a receiver's spans part of the current trace."""
        found = get_current_span().get_span_context()
        if not found.is_valid:
            return {}
        return {"traceparent": f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags & 1:02x}"}

    def ends(self, span: Span, outcome: str, *, well: bool) -> None:
        """How a conversation ended: an HTTP status, or a word."""
        span.set_attribute("opengrant.outcome", outcome)
        if outcome.isdigit():
            span.set_attribute("http.response.status_code", int(outcome))
        if not well:
            failed(span, outcome)

    def recording(self) -> bool:
        """Whether there is a current span, and its trace is sampled."""
        return get_current_span().is_recording()

    def remember(self, event_id: str) -> None:
        """The current span is the cause of the event."""
        cause = get_current_span().get_span_context()
        if not cause.is_valid:
            return
        with self._lock:
            self._causes[event_id] = cause
            if len(self._causes) > _MOST_CAUSES:
                del self._causes[next(iter(self._causes))]

    def _cause(self, event_id: str | None) -> Context | None:
        """It stays remembered: a delivery may take several attempts, and an event have several."""
        cause = None if event_id is None else self._causes.get(event_id)
        return None if cause is None else set_span_in_context(NonRecordingSpan(cause), Context())

    @contextmanager
    def _open(self, name: str, kind: SpanKind, attributes: Attributes, parent: Context | None = None) -> Iterator[Span]:
        span = self._tracer.start_span(name, parent, kind, _present(attributes))
        token = attach(set_span_in_context(span))
        try:
            yield span
        except BaseException as error:
            # The class alone: a message may quote a secret.
            failed(span, type(error).__qualname__)
            raise
        finally:
            detach(token)
            span.end()


def failed(span: Span, why: str) -> None:
    """why: a word from a small set."""
    span.set_attribute("error.type", why)
    span.set_status(StatusCode.ERROR)


def parent_of(headers: Iterable[tuple[bytes, bytes]]) -> Context:
    """The caller's span by the header `traceparent` (W3C Trace Context); none if it is not valid or comes twice.

    `tracestate` is not read: it is for the systems of others, and a stranger may write anything there.
    """
    found = [value for name, value in headers if name == b"traceparent"]
    if len(found) != 1 or len(found[0]) > _LONGEST:
        return Context()
    matched = _TRACEPARENT.fullmatch(found[0].strip(b" \t"))
    if matched is None:
        return Context()
    version, trace_id, span_id, flags, more = matched.groups()
    parent = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    if version == b"ff" or (version == b"00" and more) or not parent.is_valid:
        return Context()
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _present(attributes: Attributes) -> dict[str, str | int]:
    return {name: value for name, value in attributes.items() if value is not None}
