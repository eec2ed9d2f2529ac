"""Metrics, as Prometheus reads them: counters and histograms of this process, or of all workers together.

They belong to the process, as logs do, so they are module functions. Label values must come from small sets (a route's
template, never a path): each combination stays in memory.

prometheus_client decides at its import whether values live in memory or in files that worker processes share. So this
module imports it with the first measurement, and `prepare_multiprocess` can choose before that.
"""

import functools
import itertools
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from opengrant import __version__
from opengrant.model import ProviderName

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram, Metric

GRANT_STATES = ("valid", "troubled", "held", "invalid")
"""Each grant is in one of them."""
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HTTP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_REMOTE_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 75.0)


def prepare_multiprocess(directory: Path) -> None:
    """Keep the metrics of this process and its workers in files of `directory`; delete those of an earlier run.

    Call it once, in the process that starts the workers, before the first measurement.
    Raises RuntimeError when prometheus_client is imported already.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client is imported already: its values are in memory for good")
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob("*.db"):
        leftover.unlink()
    os.environ[_DIRECTORY] = str(directory)


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """One answered request. `route` is the template that matched; unknown methods count as "other"."""
    _live().requests.add(seconds, method if method in METHODS else "other", route, status)


def observe_provider_call(provider: str, leg: str, outcome: str, seconds: float) -> None:
    """One conversation with a remote, `leg` as in errors.Evidence.

    outcome  of an HTTP call to an OAuth provider "2xx" … "5xx" or the code of a fault; of a login with a password
             (IMAP, SMTP, CalDAV, EWS) "ok", the step it failed at, or "given_up"
    """
    _live().provider_calls.add(seconds, provider, leg, outcome)


def observe_verification(provider: str, outcome: str, seconds: float) -> None:
    """One credential proven or not. `outcome` is "accepted" or the verdict's kind."""
    _live().verifications.add(seconds, provider, outcome)


def observe_refresh(provider: str, outcome: str, seconds: float) -> None:
    """One stored credential renewed or proven. `outcome` is "accepted" or the verdict's kind."""
    _live().refreshes.add(seconds, provider, outcome)


def count_delivery(outcome: str) -> None:
    """One attempt to deliver an event. `outcome` is "delivered", "retried", "refused" or "gone"."""
    _live().deliveries.labels(outcome).inc()


def set_pending_deliveries(number: int, oldest: float) -> None:
    """Pending deliveries of the whole installation, and how many seconds the oldest of them has waited."""
    _live().pending_deliveries.set(number)
    _live().oldest_delivery.set(oldest)


def set_grants(numbers: Mapping[tuple[str, str], int]) -> None:
    """Grants of the whole installation by provider and state, as in GRANT_STATES; none is 0."""
    # All of them each time: a series that is no longer set keeps its last value.
    for labels in itertools.product(ProviderName, GRANT_STATES):
        _live().grants.labels(*labels).set(numbers.get(labels, 0))


def set_health(overdue: int, degraded: int, attention: int) -> None:
    """Overdue grants, sources with an open circuit breaker, grants that need an operator: of the whole installation."""
    _live().overdue.set(overdue)
    _live().degraded.set(degraded)
    _live().attention.set(attention)


def observe_lateness(seconds: float) -> None:
    """Seconds between the time when a grant was due and its refresh."""
    _live().lateness.observe(seconds)


def count_refused_connection(reason: str) -> None:
    """One connection closed before or instead of a request. `reason` as in api/http/connection.py."""
    _live().refused_connections.labels(reason).inc()


def count_proxy_login(protocol: str, outcome: str) -> None:
    """One login of a mail program. `outcome` is "ok", "full", or the type of the error."""
    _live().proxy_logins.labels(protocol, outcome).inc()


def set_proxy_sessions(protocol: str, change: int) -> None:
    """Sessions of mail programs, more or fewer."""
    _live().proxy_sessions.labels(protocol).inc(change)


def count_import_row(provider: str, outcome: str) -> None:
    """One row of an import that has its outcome, as in model.imports.FINAL."""
    _live().import_rows.labels(provider, outcome).inc()


def count_scheduled_send(outcome: str) -> None:
    """One attempt to send a message with `send_at`: sent, retried, failed, unknown."""
    _live().scheduled_sends.labels(outcome).inc()


def set_scheduled_waiting(count: int) -> None:
    """Messages of all applications that wait to be sent."""
    _live().scheduled_waiting.set(count)


def count_mail_look(outcome: str) -> None:
    """One look at a watched mailbox. `outcome` is "ok" or "failed"."""
    _live().mail_looks.labels(outcome).inc()


def set_mail_listeners(change: int) -> None:
    """Connections that listen for changes of mailboxes, more or fewer."""
    _live().mail_listeners.inc(change)


def count_dropped_log_records(count: int) -> None:
    """Log records lost because the log was read too slowly."""
    _live().dropped_log_records.inc(count)


def count_dropped_request_records(count: int) -> None:
    """Answered requests that cannot be looked up, because they came faster than they were stored."""
    _live().dropped_request_records.inc(count)


def count_dropped_spans(count: int) -> None:
    """Spans of traces that the collector did not get."""
    _live().dropped_spans.inc(count)


def render() -> tuple[bytes, str]:
    """All metrics as text, and their content type.

    With several workers this reads one or two files of each for a few milliseconds: call it in a thread there.
    """
    return _live().render()


class _Kind(NamedTuple):
    """A counter by `labels`, and a histogram of seconds by those of them that `timed` picks."""

    counter: str
    counter_help: str
    labels: tuple[str, ...]
    histogram: str
    histogram_help: str
    timed: slice
    buckets: tuple[float, ...] = _REMOTE_SECONDS


_REQUESTS = _Kind(
    *("opengrant_http_requests_total", "Requests answered.", ("method", "route", "status")),
    *("opengrant_http_request_seconds", "From a request's arrival to its last byte.", slice(1, 2)),
    buckets=_HTTP_SECONDS,
)
_PROVIDER_CALLS = _Kind(
    *("opengrant_provider_calls_total", "Conversations with remotes.", ("provider", "leg", "outcome")),
    *("opengrant_provider_call_seconds", "What one conversation with a remote took.", slice(0, 2)),
)
_VERIFICATIONS = _Kind(
    *("opengrant_verifications_total", "Credentials proven or not.", ("provider", "outcome")),
    *("opengrant_verification_seconds", "What the provider took to prove a credential.", slice(0, 1)),
)
_REFRESHES = _Kind(
    *("opengrant_refreshes_total", "Stored credentials renewed or proven.", ("provider", "outcome")),
    *("opengrant_refresh_seconds", "What the provider took to renew or prove a stored credential.", slice(0, 1)),
)
_LATE_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


class _Measured:
    """The series of one kind."""

    def __init__(self, kind: _Kind, registry: "CollectorRegistry") -> None:
        from prometheus_client import Counter, Histogram  # noqa: PLC0415 -- see the module's docstring

        count = Counter(kind.counter, kind.counter_help, kind.labels, registry=registry)
        timed = kind.labels[kind.timed]
        seconds = Histogram(kind.histogram, kind.histogram_help, timed, buckets=kind.buckets, registry=registry)

        # Finding a labelled series takes a lock and three tuples, so each pair is cached.
        @functools.cache
        def series(*labels: str | int) -> "tuple[Counter, Histogram]":
            return count.labels(*labels), seconds.labels(*labels[kind.timed])

        self._series = series

    def add(self, seconds: float, *labels: str | int) -> None:
        count, duration = self._series(*labels)
        count.inc()
        duration.observe(seconds)


class _Workers:
    """Memory, CPU and file descriptors of all workers together. `start_time` and `max_fds` are the lowest.

    A worker has files in `directory` that end with its process id. Files of workers that ended stay; their processes
    are not found.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> "Iterator[Metric]":
        from prometheus_client import ProcessCollector  # noqa: PLC0415 -- see the module's docstring

        found: dict[str, Metric] = {}
        for pid in {path.stem.rpartition("_")[2] for path in self._directory.glob("*.db")}:
            for metric in ProcessCollector(
                namespace="opengrant", pid=functools.partial(int, pid), registry=None
            ).collect():
                whole = found.setdefault(metric.name, metric)
                if whole is not metric:
                    whole.samples = [
                        one._replace(value=_together(one.name)((one.value, other.value)))
                        for one, other in zip(whole.samples, metric.samples, strict=True)
                    ]
        yield from found.values()


def _together(name: str) -> Callable[[tuple[float, float]], float]:
    return min if name.endswith(("start_time_seconds", "max_fds")) else sum


class _Live:
    """The metrics, made once per process."""

    def __init__(self) -> None:
        import prometheus_client as prometheus  # noqa: PLC0415 -- see the module's docstring

        # The creation time of a series has no use here, and would be a third of the output.
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._directory = os.environ.get(_DIRECTORY)
        self._registry = registry = prometheus.CollectorRegistry()
        counter = functools.partial(prometheus.Counter, registry=registry)
        gauge = functools.partial(prometheus.Gauge, registry=registry, multiprocess_mode="mostrecent")
        self.requests = _Measured(_REQUESTS, registry)
        self.provider_calls = _Measured(_PROVIDER_CALLS, registry)
        self.verifications = _Measured(_VERIFICATIONS, registry)
        self.refreshes = _Measured(_REFRESHES, registry)
        attempts = "Attempts to send a message with send_at."
        self.scheduled_sends = counter("opengrant_scheduled_sends_total", attempts, ("outcome",))
        rows = "Rows of imports that have their outcome."
        self.import_rows = counter("opengrant_import_rows_total", rows, ("provider", "outcome"))
        self.scheduled_waiting = gauge("opengrant_scheduled_messages", "Messages that wait to be sent.")
        self.dropped_log_records = counter("opengrant_log_records_dropped_total", "Log records lost to a full queue.")
        unstored = "Answered requests that cannot be looked up: they came faster than they were stored."
        self.dropped_request_records = counter("opengrant_request_records_dropped_total", unstored)
        unsent = "Spans of traces that the collector did not get."
        self.dropped_spans = counter("opengrant_trace_spans_dropped_total", unsent)
        closed = "Connections closed for what came before a request."
        self.refused_connections = counter("opengrant_http_connections_refused_total", closed, ("reason",))
        self._make_grants(registry)
        self._make_deliveries(registry)
        self._make_mail(registry)
        running, labels = "1, and what is running as labels.", ("version", "python")
        build = prometheus.Gauge("opengrant_build_info", running, labels, registry=registry, multiprocess_mode="max")
        build.labels(__version__, platform.python_version()).set(1)
        if self._directory is None:
            prometheus.ProcessCollector(namespace="opengrant", registry=registry)

    def _make_grants(self, registry: "CollectorRegistry") -> None:
        import prometheus_client as prometheus  # noqa: PLC0415 -- as above

        gauge = functools.partial(prometheus.Gauge, registry=registry, multiprocess_mode="mostrecent")
        self.grants = gauge("opengrant_grants", "Grants.", ("provider", "state"))
        self.overdue = gauge("opengrant_grants_overdue", "Grants that have been due for more than a minute.")
        self.degraded = gauge("opengrant_sources_degraded", "Degraded connectors, credentials and mail hosts.")
        unclear = "Valid grants that have only failed for days, with unclear answers."
        self.attention = gauge("opengrant_grants_needing_attention", unclear)
        late = "How much later than due the clock came to a grant."
        self.lateness = prometheus.Histogram(
            "opengrant_refresh_late_seconds", late, buckets=_LATE_SECONDS, registry=registry
        )

    def _make_deliveries(self, registry: "CollectorRegistry") -> None:
        from prometheus_client import Counter, Gauge  # noqa: PLC0415 -- as above

        counter = functools.partial(Counter, registry=registry)
        gauge = functools.partial(Gauge, registry=registry, multiprocess_mode="mostrecent")
        self.deliveries = counter("opengrant_webhook_deliveries_total", "Attempts to deliver an event.", ("outcome",))
        oldest = "How long the oldest pending delivery has waited."
        self.oldest_delivery = gauge("opengrant_webhook_oldest_pending_seconds", oldest)
        waiting = "Deliveries that wait to be made."
        self.pending_deliveries = gauge("opengrant_webhook_pending_deliveries", waiting)

    def _make_mail(self, registry: "CollectorRegistry") -> None:
        from prometheus_client import Counter, Gauge  # noqa: PLC0415 -- as above

        summed = functools.partial(Gauge, registry=registry, multiprocess_mode="livesum")
        logins, here = "Logins of mail programs at the mail proxy.", "Sessions of mail programs that are open."
        self.proxy_logins = Counter("opengrant_proxy_logins_total", logins, ("protocol", "outcome"), registry=registry)
        self.proxy_sessions = summed("opengrant_proxy_sessions", here, ("protocol",))
        looks, listening = "Looks at watched mailboxes.", "Connections that listen for changes of mailboxes."
        self.mail_looks = Counter("opengrant_mail_looks_total", looks, ("outcome",), registry=registry)
        self.mail_listeners = summed("opengrant_mail_listeners", listening)

    def render(self) -> tuple[bytes, str]:
        import prometheus_client as prometheus  # noqa: PLC0415 -- as above
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 -- as above

        registry = self._registry
        if self._directory is not None:
            registry = prometheus.CollectorRegistry()
            MultiProcessCollector(registry, self._directory)  # type: ignore[no-untyped-call]
            registry.register(_Workers(Path(self._directory)))
        return prometheus.generate_latest(registry), prometheus.CONTENT_TYPE_PLAIN_0_0_4


@functools.cache
def _live() -> _Live:
    return _Live()
