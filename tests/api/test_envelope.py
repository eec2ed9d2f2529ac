"""Every answer: one envelope, one id, one vocabulary."""

import asyncio
import json
import socket
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from opengrant import errors
from opengrant.api.http.middleware import Middleware
from tests.support import LiveServer, Tenant, data, problem

BIG = 1024 * 1024


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/v3/nothing", None, (404, "api.not_found_error")),
        ("GET", "/v3", None, (404, "api.not_found_error")),
        ("DELETE", "/v3/connectors", None, (405, "api.invalid_request_error")),
        ("POST", "/metrics", None, (405, "api.invalid_request_error")),
        ("GET", "/v3/grants/00000000-0000-4000-8000-000000000000", None, (404, "grant.not_found")),
        ("GET", "/v3/connectors/google", None, (404, "api.not_found_error")),
        ("GET", "/v3/connectors/gmail", None, (404, "api.not_found_error")),
        ("POST", "/v3/connect/custom", b"{", (400, "api.invalid_request_payload")),
        ("POST", "/v3/connect/custom", b"", (400, "api.invalid_request_payload")),
        ("POST", "/v3/connect/custom", b"[1]", (400, "api.invalid_request_payload")),
        ("POST", "/v3/connect/custom", b'{"provider": NaN}', (400, "api.invalid_request_payload")),
        ("POST", "/v3/connect/custom", b'"\xff"', (400, "api.invalid_request_payload")),
        ("POST", "/v3/connect/custom", b"[" * 100_000, (400, "api.invalid_request_payload")),
        ("POST", "/v3/connect/custom", b"{}", (400, "grant.provider_required")),
        ("POST", "/v3/connect/custom", b'{"provider": "inbox"}', (400, "api.invalid_request_error")),
        ("POST", "/v3/connect/custom", b'{"provider": 7}', (400, "api.invalid_request_error")),
        ("POST", "/v3/connect/custom", b" " * (BIG + 1), (413, "payload_too_large")),
        ("GET", "/v3/grants?limit=0", None, (400, "api.invalid_request_error")),
        ("GET", "/v3/grants?email=%00", None, (400, "api.invalid_request_error")),
        ("GET", "/v3/grants?email=%ff", None, (400, "api.invalid_request_error")),
        ("GET", "/v3/grants?since=99999999999999999999", None, (400, "api.invalid_request_error")),
        ("GET", "/v3/grants/a%00b", None, (404, "api.not_found_error")),
        ("GET", "/v3/grants/me", None, (400, "api.invalid_request_error")),
    ],
)
def test_every_failure_is_the_same_envelope(
    tenant: Tenant, method: str, path: str, body: bytes | None, expected: tuple[int, str]
) -> None:
    answer = tenant.http.request(method, path, content=body)
    status, type_, message = problem(answer)
    assert (status, type_) == expected
    assert message


def test_the_wrong_verb_is_told_the_right_ones(tenant: Tenant) -> None:
    assert tenant.http.put("/v3/connectors").headers["allow"] == "GET, POST"


def test_a_body_whose_length_is_not_announced_is_limited_too(tenant: Tenant) -> None:
    chunks = (b" " * 65536 for _ in range(40))
    assert problem(tenant.http.post("/v3/connect/custom", content=chunks))[:2] == (413, "payload_too_large")


def test_a_success_carries_the_same_id_twice(tenant: Tenant) -> None:
    answer = tenant.get("/v3/grants")
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert answer.headers["content-type"] == "application/json"


def test_a_slash_at_the_end_is_tolerated_and_nothing_is_redirected(tenant: Tenant) -> None:
    assert tenant.get("/v3/grants/").status_code == 200
    assert tenant.post("/v3/connect/custom/", {}).status_code == 400


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nope", "Basic abc", "Bearer " + "x" * 5000])
def test_without_a_live_key_nothing_is_told(server: LiveServer, header: str | None) -> None:
    with server.client(None) as anybody:
        headers = {} if header is None else {"Authorization": header}
        answer = anybody.get("/v3/grants", headers=headers)
        assert problem(answer) == (401, "token.unauthorized_access", "Bearer token invalid")


def test_the_key_is_asked_for_before_the_body_is_read(server: LiveServer) -> None:
    with server.client(None) as anybody:
        assert problem(anybody.post("/v3/connect/custom", content=b"{"))[0] == 401


def test_open_routes_need_no_key(server: LiveServer) -> None:
    with server.client(None) as anybody:
        assert data(anybody.get("/healthz")) == {"status": "ok"}
        assert data(anybody.get("/readyz")) == {"status": "ok"}
        assert anybody.get("/openapi.json").json()["openapi"] == "3.1.0"
        metrics = anybody.get("/metrics")
        assert "opengrant_http_requests_total" in metrics.text
        assert metrics.headers["x-request-id"]


def test_a_head_request_is_a_get_without_its_body(server: LiveServer) -> None:
    with server.client(None) as anybody:
        answer = anybody.head("/healthz")
        assert (answer.status_code, answer.content) == (200, b"")


def test_a_client_that_hangs_up_halfway_harms_nobody(tenant: Tenant) -> None:
    host, port = tenant.http.base_url.host, tenant.http.base_url.port
    assert port is not None
    with socket.create_connection((host, port)) as line:
        head = f"POST /v3/connect/custom HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.api_key}\r\n"
        line.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert tenant.get("/v3/grants").status_code == 200


def test_ids_in_the_path_may_be_percent_encoded(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "floor/7 room@hq"}))
    for spelling in ("floor%2F7%20room%40hq", "email%3Afloor%2F7%20room%40hq"):
        assert data(tenant.http.get(f"/v3/grants/{spelling}"))["id"] == made["id"]


def test_every_error_of_the_tree_has_a_status_and_a_type_of_its_own() -> None:
    def leaves(kind: type[errors.OpenGrantError]) -> list[type[errors.OpenGrantError]]:
        return [kind, *(leaf for child in kind.__subclasses__() for leaf in leaves(child))]

    for kind in leaves(errors.OpenGrantError):
        assert 400 <= kind.status <= 599
        assert kind.type
        assert kind.__name__ in (errors.__doc__ or ""), f"{kind.__name__} is missing in the tree of errors.py"


async def test_more_requests_than_the_limit_are_told_to_come_back() -> None:
    """The bound is checked on an edge of its own, with the limit 1 and an inner application that waits."""
    release = asyncio.Event()
    sent: list[MutableMapping[str, Any]] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("a request that is turned away is not read")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    edge = Middleware(slow, max_requests=1)
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": [], "query_string": b""}
    first = asyncio.create_task(edge(dict(scope), receive, send))
    await asyncio.sleep(0)
    await edge(dict(scope), receive, send)
    release.set()
    await first
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"])["error"]["type"] == "service_unavailable"


def test_requests_at_once_have_ids_of_their_own(tenant: Tenant) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: tenant.get("/v3/grants"), range(64)))
    assert len({answer.headers["x-request-id"] for answer in answers}) == 64
