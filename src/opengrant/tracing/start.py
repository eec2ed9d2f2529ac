"""Whether the environment asks for traces, by the standard variables of OpenTelemetry, and their start in a process.

Source  opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables
"""

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from opengrant import tracing

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NUMBERS = ("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY")
_EXPORTER = "OTEL_TRACES_EXPORTER"
_WITHOUT = f"Or set {_EXPORTER}=none to run without traces."

Lost = Callable[[int], None]
"""Receives numbers of spans that were dropped."""


class CannotTrace(Exception):
    """The environment asks for traces that cannot be made. The text says why and what to do."""


def asked_for(env: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces. Raises CannotTrace if it asks for what is not served."""
    exporter = env.get(_EXPORTER, "").strip().lower()
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    endpoint = next((name for name in _ENDPOINTS if env.get(name)), None)
    if not exporter and endpoint is None:
        return False
    if exporter not in ("", "otlp"):
        raise CannotTrace(f"{_EXPORTER}: only otlp and none are served.")
    protocol = next((name for name in _PROTOCOLS if env.get(name)), None)
    if protocol is not None and env[protocol].strip().lower() != "http/protobuf":
        raise CannotTrace(f"{protocol}: only http/protobuf is served. Most collectors take it on port 4318.")
    if endpoint is not None and not _is_http(env[endpoint]):
        # Not quoted: it may hold a password.
        raise CannotTrace(f"{endpoint}: expected an http or https URL, such as http://collector:4318")
    for name in _NUMBERS:
        if env.get(name) and not (env[name].isascii() and env[name].isdecimal() and int(env[name])):
            raise CannotTrace(f"{name}: expected a whole number above 0.")
    return True


def prepare() -> None:
    """Load what traces need, if the environment asks for them: worker processes then share it. Raises CannotTrace."""
    if not asked_for(os.environ):
        return
    try:
        importlib.import_module("opengrant.tracing.exporting")
    except ImportError as problem:
        if (problem.name or "").partition(".")[0] == "opengrant":
            raise
        raise CannotTrace(
            "Traces are asked for by the variables OTEL_…, and their packages are not installed. "
            f"Run: pip install 'opengrant[otel]'. {_WITHOUT}"
        ) from None


@contextlib.contextmanager
def traces(lost: Lost) -> Iterator[None]:
    """Make and send spans meanwhile, if the environment asks for them. Enter it in the process that serves: a thread
    sends them, which a fork would not take along."""
    if not asked_for(os.environ):
        yield
        return
    from opengrant.tracing.exporting import Exporting  # noqa: PLC0415 -- without traces nothing of it is loaded

    exporting = Exporting(os.environ, lost)
    tracing.use(exporting.spans)
    try:
        yield
    finally:
        tracing.use(None)
        exporting.close()


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url.strip())
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
