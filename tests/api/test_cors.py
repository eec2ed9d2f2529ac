"""Calls of the token endpoints from web pages."""

from typing import Any

import httpx
import pytest

from tests.support import LiveServer, Tenant

TOKEN = "/v3/connect/token"
INFO = "/v3/connect/tokeninfo"
ASKED = "content-type, x-nylas-connect, x-nylas-application-public-id"


def preflight(server: LiveServer, origin: str, path: str = TOKEN, method: str = "POST") -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ASKED,
    }
    with server.client(None) as http:
        return http.options(path, headers=headers)


def names(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


def origin_of(tenant: Tenant) -> str:
    return f"https://{tenant.application.id}.example.com"


def page(tenant: Tenant, origin: str) -> str:
    """Register a page of that origin; returns the redirect URI's path."""
    body = {"url": f"https://app.example.com/{origin}", "platform": "js", "settings": {"origin": origin}}
    answer = tenant.post("/v3/applications/redirect-uris", body)
    assert answer.status_code == 200, answer.text
    return f"/v3/applications/redirect-uris/{answer.json()['data']['id']}"


@pytest.fixture
def origin(tenant: Tenant) -> str:
    """The origin of a page of this tenant's."""
    own = origin_of(tenant)
    page(tenant, own)
    return own


@pytest.mark.parametrize(("path", "method"), [(TOKEN, "POST"), (INFO, "GET")])
def test_a_registered_origin_may_call(server: LiveServer, origin: str, path: str, method: str) -> None:
    answer = preflight(server, origin, path, method)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-methods"] == method
    assert answer.headers["access-control-allow-headers"] == ASKED
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", [TOKEN, INFO])
def test_a_page_can_read_a_refusal(server: LiveServer, origin: str, path: str) -> None:
    with server.client(None) as http:
        answer = http.request("POST" if path == TOKEN else "GET", path, headers={"Origin": origin})
    assert answer.status_code >= 400
    assert answer.headers["access-control-allow-origin"] == origin
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "other",
    [
        "https://elsewhere.example.com",
        "null",
        "*",
        "",
        "{origin}/",
        "{origin}:443",
        "{origin}.evil.example",
        "https://evil.example/{origin}",
        "http://{host}",
        "HTTPS://{host}",
        "{origin}, {origin}",
    ],
)
def test_any_other_origin_gets_no_permission(server: LiveServer, origin: str, other: str) -> None:
    sent = other.format(origin=origin, host=origin.removeprefix("https://"))
    asked = preflight(server, sent)
    with server.client(None) as http:
        called = http.post(TOKEN, headers={"Origin": sent})
    assert asked.status_code == 204
    for answer in (asked, called):
        assert names(answer) == set()
        assert answer.headers["vary"] == "Origin", "a cache must not hand this to the page that may"


def test_bytes_that_are_no_text_are_no_origin(server: LiveServer) -> None:
    with server.client(None) as http:
        answer = http.post(TOKEN, headers={b"Origin": b"https://\xff.example"})
    assert 400 <= answer.status_code < 500
    assert names(answer) == set()


def test_a_call_that_names_its_application_must_come_from_a_page_of_its_own(
    server: LiveServer, tenant: Tenant, stranger: Tenant, origin: str
) -> None:
    def called(application: Any) -> set[str]:
        headers = {"Origin": origin, "X-Nylas-Application-Public-Id": application}
        with server.client(None) as http:
            return names(http.post(TOKEN, headers=headers))

    assert "access-control-allow-origin" in called(tenant.application.id)
    assert called(stranger.application.id) == set()
    assert called("none") == set()


def test_only_the_two_endpoints_are_for_pages(server: LiveServer, tenant: Tenant, origin: str) -> None:
    for path in ("/v3/grants", "/v3/applications", "/v3/connect/auth", "/healthz"):
        assert names(preflight(server, origin, path, "GET")) == set()
    answer = tenant.http.get("/v3/grants", headers={"Origin": origin})
    assert (answer.status_code, names(answer)) == (200, set())


def test_a_call_without_an_origin_is_no_pages(server: LiveServer) -> None:
    with server.client(None) as http:
        answer = http.post(TOKEN)
    assert names(answer) == set()
    assert answer.headers["vary"] == "Origin"


def test_an_origin_is_compared_as_browsers_spell_it(server: LiveServer, tenant: Tenant) -> None:
    host = f"{tenant.application.id}.example.com"
    page(tenant, f"HTTPS://{host.upper()}:443/")
    assert "access-control-allow-origin" in preflight(server, f"https://{host}").headers


def test_an_origin_goes_with_the_last_that_names_it(server: LiveServer, tenant: Tenant) -> None:
    own, other = origin_of(tenant), f"{origin_of(tenant)}:8443"

    def allowed() -> list[str]:
        return [one for one in (own, other) if names(preflight(server, one))]

    assert allowed() == []
    first = page(tenant, own)
    tenant.patch("/v3/applications", {"idp_settings": {"origins": f"{own}, {other}"}})
    assert allowed() == [own, other]
    tenant.delete(first)
    assert allowed() == [own, other]
    tenant.patch("/v3/applications", {"idp_settings": {"origins": other}})
    assert allowed() == [other]
    second = page(tenant, own)
    assert tenant.patch(second, {"platform": "web"}).status_code == 200
    assert allowed() == [other]
    tenant.patch(second, {"platform": "js", "settings": {"origin": own}})
    tenant.patch("/v3/applications", {"idp_settings": {}, "callback_uris": []})
    assert allowed() == []
    assert server.call(server.services.redirects.origins(tenant.application)) == frozenset()
