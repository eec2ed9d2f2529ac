"""A collector of traces: an OTLP/HTTP server on loopback that decodes what it gets."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

WAIT = 60.0


@dataclass(frozen=True)
class Seen:
    """A span. kind: 1 internal, 2 server, 3 client; process: its resource's attributes."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    failed: bool
    took: float
    attributes: dict[str, Any]
    process: dict[str, Any]


class Collector:
    """raw: the bodies as they came. status: what it answers."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self._changed = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces" and collector.status == 200:
                    collector.take(body, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(collector.status if self.path == "/v1/traces" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def env(self) -> dict[str, str]:
        """What makes OpenGrant send to it, at once."""
        port = self._server.server_address[1]
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        with self._changed:
            self.raw.append(body)
            self.headers.append(headers)
            self._changed.notify_all()

    def spans(self) -> list[Seen]:
        return [span for body in list(self.raw) for span in _decoded(body)]

    def wait_for(self, *names: str) -> list[Seen]:
        """Until spans of these names have come. Returns all that have."""
        with self._changed:
            came = self._changed.wait_for(lambda: {*names} <= {span.name for span in self.spans()}, WAIT)
        assert came, f"missing { ({*names} - {span.name for span in self.spans()}) }"
        return self.spans()

    @contextmanager
    def running(self) -> Iterator["Collector"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(WAIT)


def _decoded(body: bytes) -> Iterator[Seen]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        process = _plain(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Seen(
                    name=span.name,
                    kind=int(span.kind),
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    failed=span.status.code == 2,
                    took=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                    attributes=_plain(span.attributes),
                    process=process,
                )


def _plain(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
