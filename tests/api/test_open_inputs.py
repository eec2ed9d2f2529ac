"""Whatever anybody can send without a key: no text in any place of it makes the server, or its database, fall over."""

import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest

from opengrant.api.http.route_table import OPERATIONS, Open, Operation, SignIn
from tests.peers.dovecot import ELSEWHERE, Dovecot
from tests.signin.browsing import BACK, post, registered, start, through, visiting
from tests.support import LiveServer, Tenant

OPEN = [operation for operation in OPERATIONS if isinstance(operation.access, Open | SignIn)]
GRANT_TYPES = ["authorization_code", "refresh_token", "client_credentials"]


def posing(owner: bytes, prefix: str) -> str:
    """A token that says it is the application's of that id."""
    return f"{prefix}{urlsafe_b64encode(owner).decode().rstrip('=')}.{'a' * 43}"


OWNERS = [b"a\x00", "é".encode(), b"\xed\xa0\x80", b"x" * 65]
TOKENS = [posing(owner, prefix) for prefix in ("oga_", "ogr_", "ogc_") for owner in OWNERS]
TEXTS = ["\x00", "a\x00b", "\x01", "é\u2028", "\ufffd", "\U0001f600", "x" * 3000, *TOKENS]
SURROGATE = "\ud800"
"""Only JSON can spell it."""


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    """An application whose sign-in anybody may begin."""
    for name in ("google", "imap", "icloud"):
        tenant.connector(name)
    return registered(tenant)


@pytest.fixture
def anybody(server: LiveServer) -> Iterator[httpx.Client]:
    with server.client(None) as client:
        client.headers["X-OpenGrant-Console"] = "1"
        yield client


def usual(site: Tenant) -> dict[str, str]:
    """Values with which a request gets as far as it can: its one bad text is read by whoever reads it last."""
    return {
        "client_id": site.application.id,
        "client_secret": site.api_key,
        "redirect_uri": BACK,
        "response_type": "code",
        "provider": "google",
        "code": posing(site.application.id.encode(), "ogc_"),
        "refresh_token": posing(site.application.id.encode(), "ogr_"),
        "grant_id": "00000000-0000-4000-8000-000000000000",
    }


def assert_answered(answer: httpx.Response, sent: object) -> None:
    assert answer.status_code < 500, f"{sent!a}: {answer.text}"


@pytest.mark.parametrize("operation", OPEN, ids=lambda one: f"{one.method} {one.path}")
def test_parameters(site: Tenant, anybody: httpx.Client, operation: Operation) -> None:
    fields = () if operation.query is None else tuple(operation.query.model_fields)
    known = {name: value for name, value in usual(site).items() if name in fields}
    for field in fields:
        for text in TEXTS:
            query = urlencode(known | {field: text})
            assert_answered(anybody.request(operation.method, f"{operation.path}?{query}"), query)


@pytest.mark.parametrize("operation", [one for one in OPEN if one.body], ids=lambda one: f"{one.method} {one.path}")
def test_bodies(site: Tenant, anybody: httpx.Client, operation: Operation) -> None:
    fields: tuple[str, ...] = tuple(operation.body.model_fields)
    known = {name: value for name, value in usual(site).items() if name in fields}
    for field in fields:
        for grant_type in GRANT_TYPES if "grant_type" in fields else [""]:
            for text in (*TEXTS, SURROGATE):
                sent = {**known, "grant_type": grant_type, field: text}
                answer = anybody.request(operation.method, operation.path, content=json.dumps(sent))
                assert_answered(answer, sent)
            form = {**known, "grant_type": grant_type, field: "\x00"}
            if operation.form:
                assert_answered(anybody.request(operation.method, operation.path, data=form), form)


@pytest.mark.parametrize("path", ["/{}", "/v3/{}", "/static/{}", "/v3/grants/{}", "/v3/connect/login/{}"])
def test_paths(anybody: httpx.Client, path: str) -> None:
    for text in ("%00", "a%00b", "AA.%00", "AA.x", "w6k.x", "%C3%A9", "%ff", "%ED%A0%80", "..%2f%00", "x" * 3000):
        answer = anybody.get(path.format(text), headers={"Cookie": f"opengrant_browser_00000000={'x' * 43}"})
        assert_answered(answer, text)


def test_callbacks(site: Tenant, server: LiveServer) -> None:
    with visiting(server) as browser:
        for field in ("state", "code", "error", "error_description", "tenant", "admin_consent"):
            for text in TEXTS:
                leads = httpx.URL(start(browser, site, provider="google").headers["location"])
                query = {"state": leads.params["state"], field: text}
                assert_answered(browser.get("/v3/connect/callback", params=query), query)


TYPED = ["\x00@gmail.com", "é@gmail.com", "ana@\x00.com", "ana@gmail.com\x00", "ana@é\x00.com", "\x00", "é\x00", "\x01"]


@pytest.mark.parametrize("offered", ["google,icloud", "imap"])
def test_forms(site: Tenant, server: LiveServer, dovecot: Dovecot, offered: str) -> None:
    usual = {"email": "ana@gmail.com"}
    if offered == "imap":
        usual |= {"password": "x", "imap_host": ELSEWHERE, "imap_port": str(dovecot.imaps), "smtp_host": ""}
        usual |= {"smtp_username": "", "smtp_password": ""}
    with visiting(server) as browser:
        page = through(browser, start(browser, site, provider=offered, prompt="detect"))
        for field in (*usual, "provider", "csrf"):
            for text in TYPED:
                assert_answered(post(browser, page, **usual | {field: text}), (field, text))


HEADERS = [
    *("Authorization", "Cookie", "Origin", "X-Nylas-Application-Public-Id", "Idempotency-Key", "Accept", "Host"),
    *("X-Nylas-Kid", "X-Nylas-Nonce", "X-Nylas-Timestamp", "X-Nylas-Signature", "Accept-Encoding", "Content-Type"),
    *("User-Agent", "X-OpenGrant-Console"),
]
VALUES = [b"\x00", b"a\x00b", b"\x01", b"\xe9", "é".encode(), b"\xff"]
ASKED = [
    *("GET /v3/grants", "GET /v3/admin/domains", "GET /v3/connect/tokeninfo?access_token=x", "GET /static/x"),
    *("GET /v3/connect/login/AA.x", "POST /v3/connect/token", "POST /v3/connect/custom", "POST /v3/console/sessions"),
]


@pytest.mark.parametrize("header", HEADERS)
def test_headers(server: LiveServer, header: str) -> None:
    """As bytes on the wire: no client sends all of these."""
    others = {"Host": "x", "Origin": "https://app.example.com", "X-OpenGrant-Console": "1", "Content-Length": "0"}
    others |= {"X-Nylas-Kid": "x", "X-Nylas-Nonce": "x", "X-Nylas-Signature": "AAAA", "X-Nylas-Timestamp": "1"}
    if header in {"Authorization", "Cookie"}:
        # Where both are told, who calls is decided by the other.
        others = {name: value for name, value in others.items() if not name.startswith("X-Nylas-")}
    shapes = {"Authorization": [b"Bearer %b"], "Cookie": [b"opengrant_console=%b", b"opengrant_browser=%b"]}
    told = [f"{name}: {value}".encode() for name, value in others.items() if name != header]
    tokens = [token.encode() for token in TOKENS] if header in shapes else []
    for asked in ASKED:
        for shape in (b"%b", *shapes.get(header, ())):
            for value in (*VALUES, *tokens):
                bad = header.encode() + b": " + shape % value
                head = [f"{asked} HTTP/1.1".encode(), *told, bad, b"Connection: close", b"", b""]
                assert status(server, b"\r\n".join(head)) < 500, (asked, bad)


def status(server: LiveServer, request: bytes) -> int:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=60) as line:
        line.sendall(request)
        return int(line.makefile("rb").readline().split(b" ")[1])
