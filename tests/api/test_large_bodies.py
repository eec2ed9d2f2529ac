"""Large bodies are handled a few at a time: others wait, and small ones do not."""

import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from opengrant.api.http import large_bodies
from tests.support import LiveServer, Tenant, problem

PATH = "/v3/grants/11111111-1111-4111-8111-111111111111/messages/send"


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    return sqlite_server


@contextlib.contextmanager
def begun(tenant: Tenant, header: str) -> Iterator[None]:
    """A request whose body is not sent. It has its turn once the server asks for the body."""
    place = urlsplit(tenant.server.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as client:
        lines = (f"POST {PATH} HTTP/1.1", "host: x", f"authorization: Bearer {tenant.api_key}", header)
        client.sendall("\r\n".join((*lines, "expect: 100-continue", "", "")).encode())
        assert b"100 Continue" in client.recv(1000)
        yield


@pytest.mark.parametrize("header", ["content-length: 20000000", "transfer-encoding: chunked"])
def test_one_more_is_told_to_come_back(tenant: Tenant, header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "PATIENCE", 0.2)
    large = {"to": [{"email": "bo@example.com"}], "body": "x" * 2_000_000}
    with contextlib.ExitStack() as opened:
        for _ in range(large_bodies.AT_ONCE):
            opened.enter_context(begun(tenant, header))
        assert problem(tenant.post(PATH, large))[:2] == (503, "service_unavailable")
        assert problem(tenant.post(PATH, {"to": []}))[0] == 404  # the grant, which is not there
    monkeypatch.setattr(large_bodies, "PATIENCE", 30)
    assert problem(tenant.post(PATH, large))[0] == 404
