"""Metrics, as Prometheus reads them: counters and histograms of this process, or of all workers together.

They belong to the process, as logs do: functions to call, nothing to hand around. Label values must come
from small sets (a route's template, never a path), since each combination is kept for ever.

prometheus_client decides at its import whether values live in memory or in files that worker processes share,
so it is imported with the first measurement and not with this module: until then `prepare_multiprocess` can choose.
"""

import functools
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from opengrant import __version__

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HTTP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_REMOTE_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 75.0)


def prepare_multiprocess(directory: Path) -> None:
    """Make this process and those it starts keep their metrics in `directory`, emptied of an earlier run's.

    To be called once, by the process that starts the workers, before anything is measured.
    Raises RuntimeError when it comes too late to have an effect.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client is imported already: its values are in memory for good")
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob("*.db"):
        leftover.unlink()
    os.environ[_DIRECTORY] = str(directory)


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """One answered request. `route` is the template that matched; methods nobody knows count as "other"."""
    _live().requests.add(seconds, method if method in _METHODS else "other", route, status)


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


def set_oldest_delivery(seconds: float) -> None:
    """How long the oldest pending delivery has waited, in the whole installation."""
    _live().oldest_delivery.set(seconds)


def set_health(overdue: int, degraded: int, attention: int) -> None:
    """Grants that wait for the clock too long, sources that are held to blame, and grants that a person has to look at,
    in the whole installation."""
    _live().overdue.set(overdue)
    _live().degraded.set(degraded)
    _live().attention.set(attention)


def observe_lateness(seconds: float) -> None:
    """How much later than due the clock came to a grant."""
    _live().lateness.observe(seconds)


def count_refused_connection(reason: str) -> None:
    """One connection closed before it came to a request, or instead of one. `reason` as in api/http/connection.py."""
    _live().refused_connections.labels(reason).inc()


def count_dropped_log_records(count: int) -> None:
    """Log records that were lost because nobody read the log fast enough."""
    _live().dropped_log_records.inc(count)


def render() -> tuple[bytes, str]:
    """All metrics as text, and their content type.

    With several workers this reads a file or two of each: a few milliseconds, so call it from a thread there.
    """
    return _live().render()


class _Measured:
    """Counts by some labels, and times by those of them that `timed` picks."""

    def __init__(self, count: "Counter", seconds: "Histogram", timed: slice) -> None:
        # Finding a labelled series takes a lock and three tuples, so each pair is looked up once.
        @functools.cache
        def series(*labels: str | int) -> "tuple[Counter, Histogram]":
            return count.labels(*labels), seconds.labels(*labels[timed])

        self._series = series

    def add(self, seconds: float, *labels: str | int) -> None:
        count, duration = self._series(*labels)
        count.inc()
        duration.observe(seconds)


class _Live:
    """The metrics themselves, made once for a process."""

    def __init__(self) -> None:
        import prometheus_client as prometheus  # noqa: PLC0415 -- the module's docstring says why

        # The time a series began says nothing here, and would be a third of the output.
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._directory = os.environ.get(_DIRECTORY)
        self._registry = prometheus.CollectorRegistry()
        counter = functools.partial(prometheus.Counter, registry=self._registry)
        histogram = functools.partial(prometheus.Histogram, registry=self._registry)
        self.requests = _Measured(
            counter("opengrant_http_requests_total", "Requests answered.", ("method", "route", "status")),
            histogram(
                "opengrant_http_request_seconds",
                "From a request's arrival to its last byte.",
                ("route",),
                buckets=_HTTP_SECONDS,
            ),
            timed=slice(1, 2),
        )
        self.provider_calls = _Measured(
            counter("opengrant_provider_calls_total", "Conversations with remotes.", ("provider", "leg", "outcome")),
            histogram(
                "opengrant_provider_call_seconds",
                "What one conversation with a remote took.",
                ("provider", "leg"),
                buckets=_REMOTE_SECONDS,
            ),
            timed=slice(0, 2),
        )
        self.verifications = _Measured(
            counter("opengrant_verifications_total", "Credentials proven or not.", ("provider", "outcome")),
            histogram(
                "opengrant_verification_seconds",
                "What the provider took to prove a credential.",
                ("provider",),
                buckets=_REMOTE_SECONDS,
            ),
            timed=slice(0, 1),
        )
        self.refreshes = _Measured(
            counter("opengrant_refreshes_total", "Stored credentials renewed or proven.", ("provider", "outcome")),
            histogram(
                "opengrant_refresh_seconds",
                "What the provider took to renew or prove a stored credential.",
                ("provider",),
                buckets=_REMOTE_SECONDS,
            ),
            timed=slice(0, 1),
        )
        self.deliveries = counter("opengrant_webhook_deliveries_total", "Attempts to deliver an event.", ("outcome",))
        gauge = functools.partial(prometheus.Gauge, registry=self._registry, multiprocess_mode="mostrecent")
        self.oldest_delivery = gauge(
            "opengrant_webhook_oldest_pending_seconds", "How long the oldest pending delivery has waited."
        )
        self.overdue = gauge("opengrant_grants_overdue", "Grants that have been due for more than a minute.")
        self.degraded = gauge("opengrant_sources_degraded", "Connectors, credentials and mail hosts held to blame.")
        self.attention = gauge(
            "opengrant_grants_needing_attention", "Valid grants that have only failed for days, with unclear answers."
        )
        self.lateness = histogram(
            "opengrant_refresh_late_seconds",
            "How much later than due the clock came to a grant.",
            buckets=(1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0),
        )
        self.dropped_log_records = counter("opengrant_log_records_dropped_total", "Log records lost to a full queue.")
        self.refused_connections = counter(
            "opengrant_http_connections_refused_total",
            "Connections closed for what came before a request.",
            ("reason",),
        )
        build = prometheus.Gauge(
            "opengrant_build_info",
            "1, and what is running as labels.",
            ("version", "python"),
            registry=self._registry,
            multiprocess_mode="max",
        )
        build.labels(__version__, platform.python_version()).set(1)
        if self._directory is None:
            # Memory, CPU and file descriptors; of one worker out of several they would mislead.
            prometheus.ProcessCollector(namespace="opengrant", registry=self._registry)

    def render(self) -> tuple[bytes, str]:
        import prometheus_client as prometheus  # noqa: PLC0415 -- as above
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 -- as above

        registry = self._registry
        if self._directory is not None:
            registry = prometheus.CollectorRegistry()
            MultiProcessCollector(registry, self._directory)  # type: ignore[no-untyped-call]
        return prometheus.generate_latest(registry), prometheus.CONTENT_TYPE_PLAIN_0_0_4


@functools.cache
def _live() -> _Live:
    return _Live()
