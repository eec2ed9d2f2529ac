"""POST /v3/console/mailbox-sign-ins: the console connects a mailbox by hosted sign-in, without a redirect URI."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.api.console import Browser, with_key, with_link
from tests.fakes.oauth import FakeOAuth
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.signin.browsing import onward, post, visiting
from tests.support import LiveServer, Tenant, data, problem, secret

BEGIN = "/v3/console/mailbox-sign-ins"
ALICE = "alice@example.test"


@pytest.fixture
def browser(server: LiveServer) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


def begin(console: Browser, browser: httpx.Client, **body: Any) -> dict[str, str]:
    """As the page does, in this browser: the cookie of the answer is kept."""
    answer = browser.post(BEGIN, json=body, headers=console.headers)
    assert answer.status_code == 201, answer.text
    begun: dict[str, str] = data(answer)
    return begun


def follow(browser: httpx.Client, url: str) -> httpx.Response:
    """Until a page comes, or the way back to the console."""
    answer = browser.get(url)
    while answer.is_redirect and "/console#" not in answer.headers["location"]:
        answer = browser.get(answer.headers["location"])
    return answer


def returned(console: Browser, answer: httpx.Response) -> dict[str, str]:
    """What the console is told, behind the # of its own address."""
    url = answer.headers["location"] if answer.is_redirect else onward(answer)
    page, _, told = url.partition("#/connected?")
    assert page == f"{console.server.url}/console"
    assert not urlsplit(url).query, "an access log has no part of it"
    return dict(parse_qsl(told))


def test_a_mailbox_is_connected_at_its_provider_in_the_name_of_the_session(
    tenant: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    provider.signs_in("ana@example.com")
    console = with_link(tenant)
    begun = begin(console, browser, provider="google", login_hint="ana@example.com")
    told = returned(console, follow(browser, begun["url"]))
    assert told == {"grant_id": told["grant_id"], "state": begun["state"]}
    made = data(tenant.get(f"/v3/grants/{told['grant_id']}"))
    assert (made["email"], made["grant_status"]) == ("ana@example.com", "valid")
    assert "state" not in made, "the name of the sign-in is not the application's state"
    (entry,) = data(tenant.get("/v3/audit", params={"type": "grant.created"}))
    assert entry["actor"] == f"console:{console.session['id']}"
    over = browser.get(begun["url"])
    assert "grant_id" not in over.headers.get("location", ""), "a sign-in is used once"


def test_a_password_is_proven_for_the_console_too_and_cancelling_says_so(
    tenant: Tenant, browser: httpx.Client, dovecot: Dovecot
) -> None:
    tenant.connector("imap")
    console = with_key(tenant)
    form = follow(browser, begin(console, browser, provider="imap", login_hint=ALICE)["url"])
    cancelled = returned(console, post(browser, form, cancel="1"))
    assert cancelled["error"] == "access_denied"
    form = follow(browser, begin(console, browser, provider="imap", login_hint=ALICE)["url"])
    hosts = {"imap_host": ELSEWHERE, "imap_port": str(dovecot.imaps)}
    told = returned(console, post(browser, form, email=ALICE, password=ACCOUNTS[ALICE], **hosts))
    assert data(tenant.get(f"/v3/grants/{told['grant_id']}"))["email"] == ALICE
    (entry,) = data(tenant.get("/v3/audit", params={"type": "grant.created"}))
    assert entry["actor"] == f"key:{console.session['api_key_id']}"


def test_reconnecting_a_grant_takes_its_own_mailbox_and_no_other(
    tenant: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    grant = data(tenant.connect("google", {"refresh_token": token}))
    tenant.post(f"/v3/grants/{grant['id']}/invalidate", {})
    console = with_link(tenant)
    provider.signs_in("somebody@else.example")
    refused = returned(console, follow(browser, begin(console, browser, grant_id=grant["id"])["url"]))
    assert refused["error"] == "access_denied"
    assert "another account" in refused["error_description"]
    assert tenant.grants() == 1
    provider.signs_in("ana@example.com")
    told = returned(console, follow(browser, begin(console, browser, grant_id=grant["id"])["url"]))
    assert told["grant_id"] == grant["id"]
    assert data(tenant.get(f"/v3/grants/{grant['id']}"))["grant_status"] == "valid"


def test_only_the_browser_and_the_session_that_began_it_can_end_it(
    tenant: Tenant, browser: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    tenant.connector("google")
    provider.signs_in("ana@example.com")
    console = with_link(tenant)
    begun = begin(console, browser, provider="google")
    with visiting(server) as other:
        stranger = follow(other, begun["url"])
        assert (stranger.status_code, stranger.is_redirect) == (400, False)
    assert console.ask("DELETE", "/v3/console/sessions/current").status_code == 200
    ended = returned(console, follow(browser, begun["url"]))
    assert "session of the console" in ended["error_description"]
    assert tenant.grants() == 0


def test_it_takes_a_session_of_the_console_and_a_provider_that_has_a_connector(tenant: Tenant) -> None:
    assert tenant.post(BEGIN, {}).status_code == 401, "an API key alone is not a browser"
    console = with_key(tenant)
    assert problem(console.ask("POST", BEGIN, {"provider": "google"}))[:2] == (400, "api.invalid_request_error")
    tenant.connector("google")
    both = console.ask("POST", BEGIN, {"provider": "google", "grant_id": "x"})
    assert "leave out provider" in problem(both)[2]
    assert console.ask("POST", BEGIN, {"grant_id": "x"}).status_code == 404
    # Our own page is no redirect URI of an application.
    forged = {
        "client_id": tenant.application.id,
        "response_type": "code",
        "redirect_uri": f"{tenant.server.url}/console",
    }
    assert tenant.get("/v3/connect/auth", params=forged).status_code == 400
