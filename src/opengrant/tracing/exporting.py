"""OpenTelemetry's SDK: a thread sends the spans to a collector, in batches, by OTLP over HTTP.

Spans that the thread cannot send in time, or that the collector does not take, are dropped and counted: a slow or lost
collector delays no request, and the queue has a limit.
"""

import logging
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import requests
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from opengrant import __version__
from opengrant.tracing.spans import Spans
from opengrant.tracing.start import Lost

log = structlog.get_logger()

_QUEUE, _BATCH = 2048, 512
"""Spans that wait at most, and that are sent at once: the standard's defaults."""
_LAST_BATCH_WITHIN = 3.0
"""Seconds that the last spans get at the end of the process."""
_BETWEEN_LINES = 60.0
"""Seconds between two lines of the log about dropped spans."""


class Exporting:
    """Built once in each process that serves. env: the variables of OpenTelemetry, checked by start.py."""

    def __init__(self, env: Mapping[str, str], lost: Lost) -> None:
        # Its lines quote the collector's URL and answers. `_Losses` writes one line a minute instead.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL + 1)
        queue = int(env.get("OTEL_BSP_MAX_QUEUE_SIZE") or _QUEUE)
        batch = int(env.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") or _BATCH)
        self._losses = _Losses(lost)
        self._exporter = _Exporter(self._losses)
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._batches = _Batches(self._exporter, self._losses, queue, min(batch, queue))
        self._provider.add_span_processor(self._batches)
        self.spans = Spans(self._provider.get_tracer("opengrant", __version__))

    def close(self) -> None:
        """Send what waits, for some seconds at most."""
        closing = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        closing.start()
        closing.join(_LAST_BATCH_WITHIN)
        if closing.is_alive():
            self._exporter.shutdown()  # it waits for another try
            closing.join(1)
        if left := self._batches.waiting:
            self._losses.add(left, "shutdown")
        self._losses.report()


class _Losses:
    """Counts dropped spans, and writes a line about them once a minute."""

    def __init__(self, lost: Lost) -> None:
        self._lost = lost
        self._lock = threading.Lock()
        self._unreported, self._why, self._next = 0, "", 0.0

    def add(self, count: int, why: str) -> None:
        """why: an HTTP status or a word."""
        self._lost(count)
        with self._lock:
            self._unreported += count
            self._why = why
            due = time.monotonic() >= self._next
        if due:
            self.report()

    def report(self) -> None:
        with self._lock:
            count, self._unreported = self._unreported, 0
            why, self._next = self._why, time.monotonic() + _BETWEEN_LINES
        if count:
            log.warning("trace_spans_dropped", count=count, reason=why)


class _Session(requests.Session):
    """Keeps how the last request ended: the exporter only says that it failed."""

    ended = ""

    def request(self, *args: Any, **more: Any) -> requests.Response:
        try:
            answer = super().request(*args, **more)
        except Exception as error:
            self.ended = type(error).__name__
            raise
        self.ended = str(answer.status_code)
        return answer


class _Exporter(SpanExporter):
    """done: number of spans that it is done with, sent or not."""

    def __init__(self, losses: _Losses) -> None:
        self._session = _Session()
        self._inner = OTLPSpanExporter(session=self._session)
        self._losses = losses
        self.done = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._inner.export(spans)
        finally:
            self.done += len(spans)
        if result is not SpanExportResult.SUCCESS:
            self._losses.add(len(spans), self._session.ended)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()  # type: ignore[no-untyped-call]


class _Batches(BatchSpanProcessor):
    """The SDK's batches. What they have no room for is counted; the SDK would drop it without a count."""

    def __init__(self, exporter: _Exporter, losses: _Losses, queue: int, batch: int) -> None:
        super().__init__(exporter, max_queue_size=queue, max_export_batch_size=batch)
        self._to, self._losses, self._most, self._given = exporter, losses, queue, 0

    @property
    def waiting(self) -> int:
        """With those that are being sent."""
        return self._given - self._to.done

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self.waiting >= self._most:
            self._losses.add(1, "queue_full")
            return
        self._given += 1
        super().on_end(span)


def _resource() -> Resource:
    """What spans say of this process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say it before us."""
    ours = {"service.name": "opengrant", "service.version": __version__, "service.instance.id": str(uuid.uuid4())}
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
