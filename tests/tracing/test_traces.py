"""Traces: a real server sends its spans to a collector (docs/tracing.md)."""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from opengrant.tracing.start import CannotTrace, asked_for
from tests.cli.test_commands import Served, bearer, environment, serving
from tests.fakes.oauth import FakeOAuth, Reply
from tests.fakes.receiver import Hook
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.support import imap, secret
from tests.test_secrets import forms
from tests.tracing.collector import Collector, Seen

CALLER, PARENT = "a1" * 16, "b2" * 8
KEY = "k" * 40


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector().running() as running:
        yield running


class World:
    """A server with traces, and all that it has been told and must not tell on."""

    def __init__(self, served: Served, http: httpx.Client, key: str) -> None:
        self.served, self.http, self.secrets = served, http, [key, *ACCOUNTS.values()]

    def new(self, hint: str) -> str:
        self.secrets.append(secret(hint))
        return self.secrets[-1]

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        return self.http.request(method, path, json=body, headers=headers)


@contextlib.contextmanager
def world(directory: Path, env: dict[str, str]) -> Iterator[World]:
    key = secret("api-key").ljust(40, "x")
    env = {**env, "OPENGRANT_BOOTSTRAP_API_KEY": key, "OPENGRANT_LOG_LEVEL": "debug"}
    with (
        serving(directory, env) as served,
        httpx.Client(base_url=served.url, headers=bearer(key), timeout=60) as client,
    ):
        yield World(served, client, key)


def test_a_request_and_what_it_causes_are_one_trace_without_a_secret(
    collector: Collector, provider: FakeOAuth, dovecot: Dovecot, hook: Hook, tmp_path: Path
) -> None:
    env = {
        **provider.settings(),
        **dovecot.settings(),
        **collector.env,
        "OTEL_SERVICE_NAME": "grants",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-token=abc",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    with world(tmp_path, env) as at:
        at.call("POST", "/v3/connectors", {"provider": "google", "settings": _client(at)})
        at.call("POST", "/v3/connectors", {"provider": "imap"})
        made = at.call("POST", "/v3/webhooks", {"webhook_url": hook.url, "trigger_types": ["grant.created"]})
        at.secrets.append(made.json()["data"]["webhook_secret"])

        grant = _connect_google(at, provider)
        (told,) = hook.wait_for(1)
        _read_and_send_mail(at, dovecot)
        _send_nonsense(at)
        _make_due(tmp_path, grant)

        route = "POST /v3/connect/custom"
        spans = collector.wait_for(route, "deliver grant.created", "refresh", "imap imap SELECT", "GET")
        _assert_is_one_trace(spans, told.headers["traceparent"], grant)
    _assert_are_logged(at.served, spans)  # a thread writes the log: it is whole when the server has ended
    assert {span.process["service.name"] for span in spans} == {"grants"}
    assert {span.process["deployment.environment.name"] for span in spans} == {"test"}
    assert all(headers["x-token"] == "abc" for headers in collector.headers)
    refreshed = next(span for span in spans if span.name == "refresh")
    assert refreshed.parent == ""
    assert refreshed.attributes["opengrant.grant_id"] == grant
    assert {"google token"} <= {span.name for span in spans if span.trace == refreshed.trace}

    sent = [*at.secrets, *provider.issued]
    assert len(sent) > 20
    for body in collector.raw:
        for plain in sent:
            assert not any(form in body for form in forms(plain)), f"{plain} is in a span"
        assert b"ana@example.com" not in body
        assert b"alice@example.test" not in body


def _client(at: World) -> dict[str, str]:
    return {"client_id": "id", "client_secret": at.new("client")}


def _connect_google(at: World, provider: FakeOAuth) -> str:
    """Connect an account within the trace of a caller, and fail to. Returns the grant's id."""
    good, bad = at.new("good"), at.new("bad")
    provider.accepts(good, email="ana@example.com")
    path, traceparent = "/v3/connect/custom", f"00-{CALLER}-{PARENT}-01"
    made = at.call(
        "POST",
        path,
        {"provider": "google", "settings": {"refresh_token": good}},
        traceparent=traceparent,
        tracestate=f"vendor={at.new('state')}",
        baggage=f"user={at.new('baggage')}",
    )
    assert made.status_code == 201, made.text
    provider.refuses(400, {"error": "invalid_grant", "error_description": f"Bad token {bad}"}, times=1)
    at.call("POST", path, {"provider": "google", "settings": {"refresh_token": bad}})
    provider.answers("token", Reply(fault="reset"), times=1)
    at.call("POST", path, {"provider": "google", "settings": {"refresh_token": bad}})
    return str(made.json()["data"]["id"])


def _read_and_send_mail(at: World, dovecot: Dovecot) -> None:
    path = "/v3/connect/custom"
    assert at.call("POST", path, {"provider": "imap", "settings": imap(dovecot, "alice@example.test")}).is_success
    wrong = imap(dovecot, "alice@example.test", imap_password=at.new("wrong"), smtp_password=at.new("wrong"))
    assert not at.call("POST", path, {"provider": "imap", "settings": wrong}).is_success
    messages = "/v3/grants/alice@example.test/messages"
    assert at.call("GET", f"{messages}?subject={at.new('search')}").is_success
    at.call("GET", f"{messages}/{at.new('message')}")
    draft = {"subject": at.new("subject"), "body": at.new("body"), "to": [{"email": "ana@example.com"}]}
    assert at.call("POST", "/v3/grants/alice@example.test/drafts", draft).is_success


def _send_nonsense(at: World) -> None:
    """Secrets in places where nobody expects them."""
    at.call("GET", f"/v3/{at.new('path')}")
    at.call("GET", f"/v3/grants/{at.new('id')}?access_token={at.new('query')}")
    at.call(at.new("method").replace("-", ""), "/v3/grants")
    at.call("GET", "/v3/grants", None, traceparent=at.new("traceparent"), Authorization=f"Bearer {at.new('key')}")
    at.call("GET", f"/v3/connect/auth?client_id=x&redirect_uri=https://x.test&state={at.new('state')}")
    at.http.post("/v3/connect/custom", content=f'{{"imap_password": "{at.new("broken")}"'.encode())


def _make_due(directory: Path, grant: str) -> None:
    with contextlib.closing(sqlite3.connect(directory / "data" / "opengrant.db", timeout=30)) as db, db:
        db.execute("update grants set due_at = 1 where id = ?", (grant,))


def _assert_is_one_trace(spans: list[Seen], traceparent: str, grant: str) -> None:
    """The caller's: request, scripts, call of the provider, delivery, and what the receiver makes of it."""
    trace = [span for span in spans if span.trace == CALLER]
    by_name = {span.name: span for span in trace}
    request = by_name["POST /v3/connect/custom"]
    assert (request.kind, request.parent, request.failed) == (2, PARENT, False)
    assert request.attributes["http.route"] == "/v3/connect/custom"
    assert request.attributes["http.response.status_code"] == 201
    assert {"opengrant.request_id", "opengrant.application_id", "opengrant.key_id"} <= request.attributes.keys()
    call = by_name["google token"]
    assert (call.kind, call.parent, call.failed) == (3, request.id, False)
    assert (call.attributes["opengrant.outcome"], call.attributes["server.address"]) == ("2xx", "127.0.0.1")
    script = by_name["grants.connect.record.Record._add"]
    assert script.parent == request.id
    assert script.attributes["db.system.name"] == "sqlite"
    delivery = by_name["deliver grant.created"]
    assert delivery.parent == script.id
    assert delivery.attributes["opengrant.grant_id"] == grant
    assert delivery.attributes["http.response.status_code"] == 200
    assert traceparent == f"00-{CALLER}-{delivery.id}-01"
    # Nothing else came with a trace, so no other trace is the caller's.
    assert len({span.trace for span in spans}) > 5
    refused = [span for span in spans if span.name == "google token" and span.failed]
    assert {span.attributes["error.type"] for span in refused} == {"4xx", "connection_lost"}


def _assert_are_logged(served: Served, spans: list[Seen]) -> None:
    """Each line of a request has the ids of its span."""
    records = {record["request_id"]: record for record in served.records() if record["event"] == "request"}
    requests = [span for span in spans if span.kind == 2]
    assert len(requests) > 8
    for span in requests:
        record = records[span.attributes["opengrant.request_id"]]
        assert (record["trace_id"], record["span_id"]) == (span.trace, span.id)


def test_a_lost_collector_costs_spans_and_nothing_else(collector: Collector, tmp_path: Path) -> None:
    collector.status = 503
    env = {**collector.env, "OPENGRANT_BOOTSTRAP_API_KEY": KEY, "OTEL_BSP_MAX_QUEUE_SIZE": "8"}
    with serving(tmp_path, env) as served, httpx.Client(base_url=served.url, headers=bearer(KEY), timeout=60) as http:
        for _ in range(20):
            assert http.get("/v3/grants").status_code == 200
        assert _dropped(http) > 0
        collector.status = 401
        served.process.terminate()
        served.process.wait(60)
    lines = [record for record in served.records() if record["event"] == "trace_spans_dropped"]
    assert lines[0]["reason"] == "queue_full"
    # 20 requests with at least one script each: none was sent, and all are counted.
    assert sum(int(str(record["count"])) for record in lines) >= 40
    assert not [record for record in served.records() if str(record.get("logger", "")).startswith("opentelemetry")]
    assert served.process.poll() == 0


def _dropped(http: httpx.Client) -> float:
    text = http.get("/metrics").text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("opengrant_trace_spans_dr"))


def test_without_the_packages_a_start_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OTEL_TRACES_EXPORTER=otlp\n")
    absent = "import sys; sys.modules['opentelemetry'] = None; sys.argv = ['opengrant', 'serve']"
    done = subprocess.run(
        [sys.executable, "-c", f"{absent}; from opengrant.cli.main import main; main()"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install 'opengrant[otel]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "user:hunter2@collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "OTEL_BSP_MAX_QUEUE_SIZE"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(env: dict[str, str], named: str) -> None:
    with pytest.raises(CannotTrace, match=named) as refused:
        asked_for(env)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("env", "on"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "grants"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
    ],
)
def test_traces_are_on_when_a_variable_asks_for_them(env: dict[str, str], on: bool) -> None:
    assert asked_for(env) is on
