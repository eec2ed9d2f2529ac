"""/v3/console/grants/{id}: who may read a mailbox in the console, what is shown, and what the trail says of it."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from opengrant.api.http.route_table import OPERATIONS, InConsole, Key
from opengrant.server import asgi  # noqa: F401 -- loads every route
from tests.api.console import Browser, with_key, with_link
from tests.mail.mailbox import OWNER, Owner, mail, owner_of
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap, problem

HTML = "<p>Hello <b>Bob</b></p><script>alert(1)</script><img src=https://evil.example/p.png>"


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """One engine is enough: nothing of the mailbox is stored."""
    return sqlite_server


@pytest.fixture
def owner(dovecot: Dovecot) -> Iterator[Owner]:
    with owner_of(dovecot) as owner:
        yield owner


@pytest.fixture
def grant(tenant: Tenant, dovecot: Dovecot) -> str:
    tenant.connector("imap")
    return str(data(tenant.connect("imap", imap(dovecot, OWNER)))["id"])


def reader(tenant: Tenant, *permissions: str) -> Browser:
    """Signed in with a key that has them."""
    made = tenant.server.call(
        tenant.server.services.api_keys.create(tenant.application, "k", lifetime=None, permissions=permissions)
    )
    return with_key(tenant, made.secret.get_secret_value())


def test_a_mailbox_is_read_and_stays_as_it_was(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1, subject="First"), after=1)
    owner.put(mail(2, html=HTML, files=[("plan.pdf", b"%PDF")]), after=2)
    browser, base = reader(tenant, "all", "grants.mail"), f"/v3/console/grants/{grant}"
    (inbox,) = data(browser.get(f"{base}/folders"))
    assert (inbox["id"], inbox["unread_count"]) == ("INBOX", 2)
    listed = browser.get(f"{base}/messages?in=INBOX&limit=1&select=id,subject")
    assert (data(listed), listed.headers["cache-control"]) == (
        [{"id": "<2@example.com>", "subject": "Message 2"}],
        "no-store",
    )
    cursor = listed.json()["next_cursor"]
    (first,) = data(browser.get(f"{base}/messages?in=INBOX&limit=1&select=id&page_token={cursor}"))
    assert first == {"id": "<1@example.com>"}
    assert [one["subject"] for one in data(browser.get(f"{base}/messages?q=first&select=subject"))] == ["First"]
    message = f"{base}/messages/{quote('<2@example.com>', safe='')}"
    text = browser.get(message)
    assert text.headers["cache-control"] == "no-store"
    shown = data(text)
    assert (shown["text"], shown["has_html"], shown["is_cut"], "html" in shown) == ("Hello Bob", True, False, False)
    assert [one["filename"] for one in shown["message"]["attachments"]] == ["plan.pdf"]
    assert not {"body", "snippet"} & shown["message"].keys()
    as_html = data(browser.get(f"{message}?form=html"))
    assert "<p>Hello <b>Bob</b></p>" in as_html["html"]
    assert "evil.example" not in as_html["html"]
    assert (as_html["images_left_out"], "text" in as_html) == (1, False)
    assert owner.flags() == [frozenset(), frozenset()], "nothing is marked as read"

    trail = data(tenant.get(f"/v3/audit?type=grant.mail_read&grant_id={grant}"))
    assert {one["actor"] for one in trail} == {f"key:{browser_key(browser)}"}
    assert [one["detail"] for one in reversed(trail)] == [
        {},
        {"folder": "INBOX"},
        {"folder": "INBOX"},
        {"folder": "*"},
        {"message_id": "<2@example.com>"},
        {"message_id": "<2@example.com>"},
    ]


def browser_key(browser: Browser) -> str:
    return str(data(browser.get("/v3/console/sessions/current"))["api_key_id"])


@pytest.mark.parametrize("path", ["folders", "messages", "messages/%3C1%40example.com%3E"])
def test_only_a_session_whose_key_names_the_permission_may(tenant: Tenant, grant: str, path: str) -> None:
    at = f"/v3/console/grants/{grant}/{path}"
    for browser in (with_key(tenant), with_link(tenant), reader(tenant, "all", "grants.token", "grants.proxy")):
        status, _, message = problem(browser.get(at))
        assert status == 403
        assert f"opengrant keys create {tenant.application.id} --permission all" in message
        assert "--permission grants.mail" in message
    assert problem(tenant.get(at))[0] == 401, "an API key itself calls /v3/grants"
    assert data(tenant.get(f"/v3/audit?type=grant.mail_read&grant_id={grant}")) == []


@pytest.mark.parametrize("path", ["folders", "messages", "messages/%3C1%40example.com%3E"])
def test_there_is_no_way_round_it_by_the_calls_of_the_api(tenant: Tenant, grant: str, path: str) -> None:
    for browser in (with_link(tenant), reader(tenant, "all", "grants.mail")):
        status, _, message = problem(browser.get(f"/v3/grants/{grant}/{path}"))
        assert (status, "/v3/console/grants/{grant_id}" in message) == (403, True)


def test_calls_for_mail_take_no_session_and_those_of_the_console_a_permission() -> None:
    mail_calls = [one for one in OPERATIONS if one.tag == "Mail"]
    assert mail_calls
    for one in mail_calls:
        assert isinstance(one.access, Key), one.path
        assert not one.access.by_session, f"{one.method} {one.path}: access=folders.BY_TOKEN"
    in_console = [one for one in OPERATIONS if one.path.startswith("/v3/console/grants/")]
    assert {one.access for one in in_console} == {InConsole(needs="grants.mail")}


def test_a_grant_of_another_application_is_not_there(tenant: Tenant, stranger: Tenant, grant: str) -> None:
    for path in ("folders", "messages", "messages/x"):
        answer = reader(stranger, "all", "grants.mail").get(f"/v3/console/grants/{grant}/{path}")
        assert answer.status_code == 404


def test_a_provider_without_mail_says_so(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room"}))["id"]
    answer = reader(tenant, "all", "grants.mail").get(f"/v3/console/grants/{made}/folders")
    assert problem(answer)[::2] == (400, "grant_id: this provider has no mail.")
