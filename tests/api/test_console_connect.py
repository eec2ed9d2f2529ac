"""POST /v3/console/mailbox-sign-ins: the console connects a mailbox by hosted sign-in, without a redirect URI."""

from collections.abc import Iterator
from dataclasses import replace
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


# ── links for mailbox owners ─────────────────────────────────────────────────────────────────────────────────

LINKS = "/v3/console/owner-links"
WEEK = 7 * 24 * 3600


def test_an_owner_connects_a_mailbox_by_a_link_in_the_name_of_its_maker(
    tenant: Tenant, server: LiveServer, dovecot: Dovecot
) -> None:
    tenant.connector("imap")
    console = with_key(tenant)
    made = data(console.ask("POST", LINKS, {"provider": "imap", "login_hint": ALICE}))
    assert (made["left_out"], made["lasts_seconds"]) == ([], WEEK)
    (link,) = made["links"]
    with visiting(server) as owner:
        form = follow(owner, link["url"])
        assert ALICE in form.text
        hosts = {"imap_host": ELSEWHERE, "imap_port": str(dovecot.imaps)}
        done = owner.get(onward(post(owner, form, email=ALICE, password=ACCOUNTS[ALICE], **hosts)))
        assert "Your mailbox is connected" in done.text
        cancelled = owner.get(onward(post(owner, follow(owner, link["url"]), cancel="1")))
        assert "Your mailbox is not connected" in cancelled.text
    assert tenant.grants() == 1
    trail = data(tenant.get("/v3/audit", params={"limit": 200}))
    actors = {entry["type"]: entry["actor"] for entry in trail}
    assert actors["grant.created"] == actors["owner_link.created"] == f"key:{console.session['api_key_id']}"


def test_links_reconnect_the_mailboxes_that_they_name_and_no_others(
    tenant: Tenant, stranger: Tenant, server: LiveServer, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    tenant.connector("virtual-calendar")
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    grant = data(tenant.connect("google", {"refresh_token": token}))
    room = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    tenant.post(f"/v3/grants/{grant['id']}/invalidate", {})
    made = data(with_link(tenant).ask("POST", LINKS, {"grant_ids": [grant["id"], room["id"], "none"]}))
    assert [(one["grant_id"], one["email"]) for one in made["links"]] == [(grant["id"], "ana@example.com")]
    assert [one["grant_id"] for one in made["left_out"]] == [room["id"], "none"]
    url = made["links"][0]["url"]
    with visiting(server) as owner:
        provider.signs_in("somebody@else.example")
        assert "not connected" in owner.get(follow_link(owner, url)).text
        provider.signs_in("ana@example.com")
        assert "Your mailbox is connected" in owner.get(follow_link(owner, url)).text
        for wrong in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("/link/", "/link/x"), url + "é"):
            refused = owner.get(wrong)
            assert (refused.status_code, "This link has expired or is incomplete" in refused.text) == (400, True)
    assert data(tenant.get(f"/v3/grants/{grant['id']}"))["grant_status"] == "valid"
    theirs = data(with_link(stranger).ask("POST", LINKS, {"grant_ids": [grant["id"]]}))
    assert theirs["links"] == []


def follow_link(browser: httpx.Client, url: str) -> str:
    """Through the provider, to the page where it ends."""
    answer = browser.get(url)
    while "/v3/connect/connected" not in answer.headers["location"]:
        answer = browser.get(answer.headers["location"])
    return answer.headers["location"]


def test_a_link_ends_after_a_week(tenant: Tenant, server: LiveServer) -> None:
    tenant.connector("imap")
    links = server.services.hosted.start.links
    old = replace(links.new(tenant.application), expires_at=server.now())
    with visiting(server) as owner:
        assert owner.get(links.url(old, base=server.url)).status_code == 400
