"""Hosted sign-in, as a browser sees it: no JavaScript, cookies kept, forms posted."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from opengrant.model import SECOND
from opengrant.signin.abuse_limits import TRIES, WITHIN
from tests.fakes.oauth import TENANT, FakeOAuth, Reply
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.signin.browsing import BACK, landed, onward, post, redeem, registered, start, through, visiting
from tests.support import LiveServer, Tenant, data, problem, secret

ALICE = "alice@example.test"
YES = ["true", "True", "1"]
IOS = {"platform": "ios", "settings": {"bundle_id": "com.example.app"}}


@pytest.fixture
def browser(server: LiveServer) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    """An application with a redirect URI."""
    return registered(tenant)


@pytest.mark.parametrize("name", ["google", "microsoft", "yahoo", "zoom"])
def test_a_user_signs_in_at_a_provider_and_the_application_gets_a_grant(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, name: str
) -> None:
    scope = "user:read:user meeting:write" if name == "zoom" else "openid email profile User.Read offline_access"
    site.connector(name)
    provider.signs_in("ana@example.com", scope=scope)
    told = landed(through(browser, start(browser, site, provider=name, state="s-1", access_type="offline")))
    assert told["state"] == "s-1"
    assert site.grants() == 0, "nothing is a grant before its code is redeemed"
    answer = redeem(site, told["code"])
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert (tokens["email"], tokens["provider"], tokens["token_type"]) == ("ana@example.com", name, "Bearer")
    assert tokens["refresh_token"]
    made = data(site.get(f"/v3/grants/{tokens['grant_id']}"))
    assert (made["grant_status"], made["state"]) == ("valid", "s-1")
    ((type_, payload),) = [event for event in site.events() if event[0] == "grant.created"]
    assert type_
    assert "login_id" in payload


def test_the_same_mailbox_is_the_same_grant_whichever_way_it_comes(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("google")
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    made = data(site.connect("google", {"refresh_token": token}))
    provider.signs_in("ana@example.com")
    told = landed(through(browser, start(browser, site, provider="google")))
    assert redeem(site, told["code"]).json()["grant_id"] == made["id"]
    assert [type_ for type_, _ in site.events()] == ["grant.created", "grant.updated"]


def test_a_password_is_typed_here_and_proven(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    site.connector("imap")
    page = through(browser, start(browser, site, provider="imap", login_hint=ALICE, state="x"))
    assert page.status_code == 200
    assert ALICE in page.text
    hosts = {"imap_host": ELSEWHERE, "imap_port": str(dovecot.imaps)}
    hosts |= {"smtp_host": ELSEWHERE, "smtp_port": str(dovecot.submissions)}
    wrong = post(browser, page, email=ALICE, password="wrong", **hosts)
    assert wrong.status_code == 400
    said = "The password was not accepted. Check it, or use an app password."
    assert f'id="password-error"><span class="unseen">Error: </span>{said}</p>' in wrong.text
    assert 'aria-describedby="password-error where"' in wrong.text
    shown, _, folded = wrong.text.partition('<details class="said">')
    assert "AUTHENTICATIONFAILED" in folded, "the server's words are for whoever asks for them"
    assert "AUTHENTICATIONFAILED" not in shown
    assert "refused the credentials" not in wrong.text, "that is for API callers"
    assert 'value="wrong"' not in wrong.text
    odd = post(browser, wrong, email=ALICE, password="wr\0ng", **hosts)
    assert "It contains a character that cannot be used here." in odd.text
    assert "settings.imap" not in odd.text
    assert "Enter a number from 1 to 65535" in post(browser, wrong, email=ALICE, password="x", imap_port="99999").text
    empty = post(browser, wrong, email=ALICE, password="", **hosts)
    assert empty.status_code == 400
    answer = post(browser, empty, email=ALICE, password=ACCOUNTS[ALICE], **hosts)
    told = landed(answer)
    assert told["state"] == "x"
    assert redeem(site, told["code"]).json()["email"] == ALICE


@pytest.mark.parametrize("name", ["Acme", "Default"])
def test_the_choice_names_the_application_if_it_has_a_name_of_its_own(
    server: LiveServer, browser: httpx.Client, name: str
) -> None:
    site = registered(server.tenant(name=name))
    for provider in ("google", "imap"):
        site.connector(provider)
    page = through(browser, start(browser, site)).text
    site.http.close()
    if name == "Default":
        assert "Connect your account</h1>" in page
        assert "What this application will be able to do" in page
        assert "Default" not in page
    else:
        assert "Connect your account to Acme</h1>" in page
        assert "What Acme will be able to do" in page


def test_the_choice_says_what_the_application_will_be_able_to_do(site: Tenant, browser: httpx.Client) -> None:
    for name in ("google", "microsoft", "zoom", "imap"):
        site.connector(name, scope=["Mail.Read", "openid"] if name == "microsoft" else None)
    root = "https://www.googleapis.com/auth"

    def said(**asked: str) -> list[str]:
        page = through(browser, start(browser, site, **asked)).text.partition('<section class="may"')[2]
        return re.findall(r"<(?:dt|li)>([^<]+)<", page)

    sentences = said(provider="microsoft,imap")
    assert sentences == [
        *("Microsoft", "See your name and email address", "Read your email"),
        *("Other mail", "Full access to your mailbox: read, send and delete email"),
    ]
    scope = f"openid {root}/gmail.readonly {root}/gmail.metadata {root}/gmail.send {root}/calendar email"
    assert said(provider="google,imap", scope=scope)[1:5] == [
        *("See your name and email address", "Read your email", "Send email in your name"),
        "See, create, change and delete your events",
    ]
    assert "More: Google lists it on the next page" in said(provider="google,imap", scope=f"openid {root}/fitness")
    assert "See your meetings" in said(provider="zoom,imap", scope="meeting:read:meeting:admin")


def test_a_page_speaks_the_language_of_the_browser(site: Tenant, browser: httpx.Client) -> None:
    site.connector("imap")
    page = through(browser, start(browser, site, provider="imap"))
    browser.headers["Accept-Language"] = "de-AT, en;q=0.5"
    german = post(browser, page, email="ana@tutanota.com")
    assert (german.headers["content-language"], german.headers["vary"]) == ("de", "accept-language")
    assert '<html lang="de" dir="ltr">' in german.text
    assert "lässt kein anderes Programm E-Mails lesen" in german.text
    ended = browser.get("/v3/connect/login/made.up")
    assert "Diese Anmeldung ist beendet" in ended.text
    browser.headers["Accept-Language"] = "ja"
    refused = start(browser, site, client_id="none")
    assert (refused.status_code, refused.headers["content-language"]) == (400, "ja")
    assert "開発者向けの詳細" in refused.text
    browser.headers["Accept-Language"] = "nl"
    assert "Which password" not in through(browser, start(browser, site, provider="imap")).text
    assert post(browser, page, cancel="1").headers["content-language"] == "en"


def test_nobody_guesses_a_password_here(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    site.connector("imap")
    hosts = {"imap_host": ELSEWHERE, "imap_port": str(dovecot.imaps)}
    page = through(browser, start(browser, site, provider="imap"))
    for number in range(TRIES):
        # Another sign-in and another spelling are the same mailbox.
        page = through(browser, start(browser, site, provider="imap")) if number == 5 else page
        page = post(browser, page, email=ALICE.upper() if number == 7 else ALICE, password=f"guess {number}", **hosts)
        assert page.status_code == 400, number
    enough = post(browser, page, email=ALICE, password=ACCOUNTS[ALICE], **hosts)
    assert enough.status_code == 429
    assert "Try again in" in enough.text
    other = post(browser, enough, email="bob@example.test", password="wrong", **hosts)
    assert other.status_code == 400, "another mailbox has tries of its own"
    age = int(WITHIN.total_seconds()) * SECOND
    site.server.rows("update rations set began_at = began_at - $2 where application_id = $1", site.application.id, age)
    site.server.call(site.server.services.hosted.forget(site.application))
    assert not site.server.rows("select name from rations where application_id = $1", site.application.id)
    assert landed(post(browser, other, email=ALICE, password=ACCOUNTS[ALICE], **hosts))["code"]


@pytest.mark.parametrize("asked", [{"options": "smtp_required"}, *({"smtp_required": yes} for yes in YES)])
def test_with_smtp_required_the_outgoing_server_must_be_named(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, asked: dict[str, str]
) -> None:
    site.connector("imap")
    page = through(browser, start(browser, site, provider="imap", **asked))
    sent = {"email": ALICE, "password": ACCOUNTS[ALICE], "imap_host": ELSEWHERE, "imap_port": str(dovecot.imaps)}
    assert post(browser, page, **sent).status_code == 400


def test_without_a_provider_the_user_chooses(site: Tenant, browser: httpx.Client, provider: FakeOAuth) -> None:
    for name in ("google", "microsoft", "imap"):
        site.connector(name)
    page = through(browser, start(browser, site))
    assert page.status_code == 200
    assert "Google" in page.text
    assert "Microsoft" in page.text
    assert page.text.index('value="microsoft"') < page.text.index('value="imap"'), "any other server comes last"
    provider.signs_in("ana@example.com")
    leads = onward(post(browser, page, provider="google"))
    told = landed(through(browser, browser.get(leads)))
    assert redeem(site, told["code"]).status_code == 200
    named = through(browser, start(browser, site, provider="imap,google"))
    assert named.text.index('value="imap"') < named.text.index('value="google"')


def test_the_address_says_which_provider(site: Tenant, browser: httpx.Client, provider: FakeOAuth) -> None:
    for name in ("google", "icloud"):
        site.connector(name)
    page = through(browser, start(browser, site, prompt="detect"))
    leads = onward(post(browser, page, email="ana@gmail.com"))
    assert leads.startswith(provider.url)
    assert parse_qs(urlsplit(leads).query)["login_hint"] == ["ana@gmail.com"]


@pytest.mark.parametrize("yes", YES)
def test_scopes_of_earlier_consents_are_asked_for(site: Tenant, browser: httpx.Client, yes: str) -> None:
    site.connector("google")
    for asked, expected in ((yes, ["true"]), ("False", None)):
        leads = start(browser, site, provider="google", include_grant_scopes=asked).headers["location"]
        assert parse_qs(urlsplit(leads).query).get("include_granted_scopes") == expected


@pytest.mark.parametrize("between", [" ", ",", ", "])
def test_scopes_may_have_commas_or_blanks_between_them(site: Tenant, browser: httpx.Client, between: str) -> None:
    site.connector("microsoft")
    leads = start(browser, site, provider="microsoft", scope=f"Mail.Read{between}Calendars.Read").headers["location"]
    assert {"Mail.Read", "Calendars.Read"} <= set(parse_qs(urlsplit(leads).query)["scope"][0].split(" "))


def test_as_many_scopes_may_be_asked_for_as_a_grant_can_have(site: Tenant, browser: httpx.Client) -> None:
    site.connector("google")
    scope = " ".join(f"https://www.googleapis.com/auth/{'x' * 44}{number:03}" for number in range(200))
    leads = start(browser, site, provider="google", scope=scope).headers["location"]
    assert parse_qs(urlsplit(leads).query)["scope"][0].startswith(f"{scope} "), "ours come behind it"
    assert start(browser, site, provider="google", scope="x" * 16_001).status_code == 400


@pytest.mark.parametrize(
    ("email", "offered", "says"),
    [
        ("ana@gmail.com", "icloud,imap", ""),
        ("ana@yahoo.com", "icloud,imap", ""),
        ("ana@yahoo.com", "icloud,ews", "belongs to Yahoo, which is not offered here"),
        ("ana@outlook.com", "icloud,imap", "belongs to Microsoft, which is not offered here"),
        ("ana@gmx.net", "icloud,ews", "belongs to another mail service, which is not offered here"),
        ("ana@tutanota.com", "icloud,imap", "could not tell which provider"),
    ],
)
def test_an_address_whose_provider_is_not_offered_is_taken_by_imap_or_told_so(
    site: Tenant, browser: httpx.Client, email: str, offered: str, says: str
) -> None:
    for name in ("google", "yahoo", *offered.split(",")):
        site.connector(name)
    page = through(browser, start(browser, site, provider=offered, prompt="detect"))
    answer = post(browser, page, email=email)
    assert answer.status_code == 200
    assert f'value="{email}"' in answer.text
    if says:
        assert says in answer.text
        assert 'value="icloud"' in answer.text, "the user may know better"
    else:
        assert "provider=imap" in answer.text


def test_who_gives_up_is_led_back(site: Tenant, browser: httpx.Client) -> None:
    for name in ("icloud", "imap"):
        site.connector(name)
    page = through(browser, start(browser, site, provider="icloud,imap", state="s"))
    told = landed(post(browser, page, cancel="1"))
    assert (told["error"], told["state"]) == ("access_denied", "s")
    assert {"error_description", "error_uri", "error_code"} <= told.keys()


@pytest.mark.parametrize(("error", "expected"), [("access_denied", "access_denied"), ("org_internal", "server_error")])
def test_a_providers_refusal_travels_to_the_application(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, error: str, expected: str
) -> None:
    site.connector("google")
    provider.declines(error, "No, \u2028 thanks <b>")
    told = landed(through(browser, start(browser, site, provider="google", state="s")))
    assert (told["error"], told["state"]) == (expected, "s")
    assert site.grants() == 0


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(503, "down"), "temporarily_unavailable"),
        (Reply(401, {"error": "invalid_client"}), "server_error"),
        (Reply(429, "slow"), "temporarily_unavailable"),
    ],
)
def test_a_provider_in_trouble_is_told_as_that(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, reply: Reply, expected: str
) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    provider.answers("token", reply)
    assert landed(through(browser, start(browser, site, provider="google")))["error"] == expected


def test_scopes_that_the_user_unticked_are_told(site: Tenant, browser: httpx.Client, provider: FakeOAuth) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com", scope="openid email")
    wanted = "https://www.googleapis.com/auth/calendar"
    told = landed(through(browser, start(browser, site, provider="google", scope=wanted)))
    assert told["error"] == "invalid_scope"


def test_who_was_to_renew_a_grant_cannot_bring_another_mailbox(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    redeem(site, landed(through(browser, start(browser, site, provider="google")))["code"])
    provider.signs_in("eve@example.com")
    told = landed(through(browser, start(browser, site, provider="google", login_hint="ana@example.com")))
    assert told["error"] == "access_denied"
    assert site.grants() == 1


def test_an_administrator_consents_and_bulk_grants_follow(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("microsoft")
    held = {"client_id": "bulk", "client_secret": secret("bulk"), "tenant": TENANT}
    provider.consents("bulk", held["client_secret"], roles="User.Read.All Mail.Read")
    provider.employs("cy@contoso.test")
    body = {"name": "tenant", "credential_type": "adminconsent", "credential_data": held}
    credential = data(site.post("/v3/connectors/microsoft/creds", body))["id"]
    answer = start(
        browser, site, provider="microsoft", response_type="adminconsent", credential_id=credential, state="s"
    )
    told = landed(through(browser, answer))
    assert told == {"admin_consent": "true", "state": "s"}
    assert site.grants() == 0
    settings = {"email_address": "cy@contoso.test", "credential_id": credential}
    assert site.connect("microsoft", settings).status_code == 201


def test_a_tenant_that_the_credential_does_not_name_is_told_and_changes_nothing(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("microsoft")
    held = {"client_id": "bulk", "client_secret": secret("bulk")}
    provider.consents("bulk", held["client_secret"], roles="User.Read.All Mail.Read")
    provider.employs("cy@contoso.test")
    body = {"name": "any tenant", "credential_type": "adminconsent", "credential_data": held}
    credential = data(site.post("/v3/connectors/microsoft/creds", body))["id"]
    answer = start(browser, site, provider="microsoft", response_type="adminconsent", credential_id=credential)
    assert landed(through(browser, answer)) == {"admin_consent": "true", "tenant": TENANT}
    settings = {"email_address": "cy@contoso.test", "credential_id": credential}
    said = problem(site.connect("microsoft", settings))[2]
    assert "settings.tenant" in said, "anybody could have consented for their own tenant"
    made = data(site.connect("microsoft", {**settings, "tenant": TENANT}))
    assert made["settings"] == {"email_address": "cy@contoso.test", "tenant": TENANT}
    # Each refresh asks that tenant again.
    path = f"/v3/grants/{made['id']}"
    site.server.rows("update grants set proven_at = 1, token_expires_at = 1 where id = $1", made["id"])
    assert data(site.post(f"{path}/check"))["grant_status"] == "valid"
    asked = [seen.path.split("/")[1] for seen in provider.requests if seen.endpoint == "token"]
    assert asked == [TENANT] * 3, "the consent, the connection, the check"
    assert problem(site.connect("microsoft", {**settings, "tenant": "fabrikam.test"}))[0] == 400
    assert data(site.get(path))["settings"]["tenant"] == TENANT
    named = {"credential_data": {**held, "tenant": TENANT}}
    assert site.patch(f"/v3/connectors/microsoft/creds/{credential}", named).status_code == 200
    other = problem(site.connect("microsoft", {**settings, "tenant": "contoso.test"}))
    assert other[2].startswith(f"settings.tenant: the credential is for the tenant {TENANT}.")
    assert site.connect("microsoft", settings).status_code == 201


@pytest.mark.parametrize(
    ("url", "more"),
    [
        (f"{BACK}?", {}),
        (f"{BACK}?x=%2F&y", {}),
        ("https://APP.example.test", {}),
        ("com.example.app://", IOS),
        ("com.example.app:///callback", IOS),
        ("MyApp://host/callback", IOS),
        ("profile://callback", IOS),
        ("com.acme.mydata://callback", IOS),
        (f"{BACK}?next={'x' * (2048 - len(BACK) - len('?next='))}", {}),
    ],
)
def test_an_answer_only_adds_to_the_query_of_a_redirect_uri(
    tenant: Tenant, browser: httpx.Client, provider: FakeOAuth, url: str, more: dict[str, Any]
) -> None:
    site = registered(tenant, url, **more)
    for name in ("google", "icloud"):
        site.connector(name)
    provider.signs_in("ana@example.com")
    callback = browser.get(start(browser, site, provider="google", redirect_uri=url).headers["location"])
    led = browser.get(callback.headers["location"]).headers["location"]
    page = through(browser, start(browser, site, provider="icloud", redirect_uri=url))
    gave_up = onward(post(browser, page, cancel="1"))
    joint = "" if url.endswith("?") else "&" if "?" in url else "?"
    assert led.startswith(f"{url}{joint}code=")
    assert gave_up.startswith(f"{url}{joint}error=access_denied&")
    code = led.removeprefix(f"{url}{joint}code=")
    assert redeem(site, code, redirect_uri=url).status_code == 200


# ── whom nobody should trust ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("query", "type_"),
    [
        ({"redirect_uri": f"{BACK}/"}, "grant.callback_uri_not_allowed"),
        ({"redirect_uri": "https://APP.example.test/callback"}, "grant.callback_uri_not_allowed"),
        ({"redirect_uri": "https://app.example.test./callback"}, "grant.callback_uri_not_allowed"),
        ({"redirect_uri": "https://app.example.test@evil.example/callback"}, "grant.callback_uri_not_allowed"),
        ({"redirect_uri": "https://app.example.test/%63allback"}, "grant.callback_uri_not_allowed"),
        ({"redirect_uri": f"{BACK}?next=https://evil.example"}, "grant.callback_uri_not_allowed"),
        ({"redirect_uri": "javascript:alert(1)"}, "grant.callback_uri_not_allowed"),
        ({"client_id": "nobody"}, "api.invalid_request_error"),
        ({"response_type": "token"}, "api.invalid_request_error"),
        ({"state": "x" * 257}, "api.invalid_request_error"),
        ({"provider": "nylas"}, "api.invalid_request_error"),
        ({"provider": "zoom"}, "api.invalid_request_error"),
        ({"prompt": "none"}, "api.invalid_request_error"),
    ],
)
def test_what_is_wrong_before_the_address_is_trusted_is_never_redirected(
    site: Tenant, server: LiveServer, query: dict[str, str], type_: str
) -> None:
    site.connector("google")
    asked = {"client_id": site.application.id, "redirect_uri": BACK, "response_type": "code", "provider": "google"}
    with server.client(None) as program:
        answer = program.get("/v3/connect/auth", params=asked | query)
        assert problem(answer)[:2] == (400, type_)
        page = program.get("/v3/connect/auth", params=asked | query, headers={"Accept": "text/html"})
    assert page.status_code == 400
    assert page.headers["content-type"].startswith("text/html")


def no_longer_registered(site: Tenant, how: str) -> None:
    (uri,) = data(site.get("/v3/applications/redirect-uris"))
    path = f"/v3/applications/redirect-uris/{uri['id']}"
    assert (site.delete(path) if how == "deleted" else site.patch(path, {"url": f"{BACK}/2"})).status_code == 200


@pytest.mark.parametrize("how", ["deleted", "changed"])
@pytest.mark.parametrize("ends", ["well", "declined", "cancelled", "by password", "by an administrator"])
def test_a_redirect_uri_that_was_removed_under_way_is_not_led_back_to(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, dovecot: Dovecot, how: str, ends: str
) -> None:
    for name in ("google", "imap", "microsoft"):
        site.connector(name)
    provider.signs_in("ana@example.com")
    if ends == "declined":
        provider.declines("access_denied", "No.")
    if ends in ("well", "declined"):
        callback = browser.get(start(browser, site, provider="google").headers["location"]).headers["location"]
        no_longer_registered(site, how)
        answer = browser.get(callback)
    elif ends == "by an administrator":
        held = {"client_id": "bulk", "client_secret": secret("bulk"), "tenant": TENANT}
        provider.consents("bulk", held["client_secret"], roles="User.Read.All Mail.Read")
        body = {"name": "tenant", "credential_type": "adminconsent", "credential_data": held}
        asked = {"provider": "microsoft", "response_type": "adminconsent"}
        asked |= {"credential_id": data(site.post("/v3/connectors/microsoft/creds", body))["id"]}
        callback = browser.get(start(browser, site, **asked).headers["location"]).headers["location"]
        no_longer_registered(site, how)
        answer = browser.get(callback)
    else:
        page = through(browser, start(browser, site, provider="imap"))
        no_longer_registered(site, how)
        hosts = {"imap_host": ELSEWHERE, "imap_port": str(dovecot.imaps)}
        typed = {"email": ALICE, "password": ACCOUNTS[ALICE], **hosts}
        answer = post(browser, page, **(typed if ends == "by password" else {"cancel": "1"}))
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "location" not in answer.headers
    assert "This sign-in cannot go on" in answer.text
    assert "not registered" in answer.text
    assert BACK not in answer.text
    assert codes(site) == 0


def codes(site: Tenant) -> int:
    """How many one-time codes the application's sign-ins have made."""
    return len(site.server.rows("select 1 from login_codes where application_id = $1", site.application.id))


@pytest.mark.parametrize("how", ["deleted", "changed"])
def test_a_code_of_a_redirect_uri_that_was_removed_is_worth_nothing(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, how: str
) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    code = landed(through(browser, start(browser, site, provider="google")))["code"]
    no_longer_registered(site, how)
    refused = redeem(site, code).json()
    assert refused["error"] == "invalid_grant"
    assert "registered" in refused["error_description"]
    registered(site)
    assert redeem(site, code).json()["error"] == "invalid_grant", "a failed exchange burns the code"
    assert site.grants() == 0


def test_a_code_is_good_once_and_what_it_gave_dies_when_it_comes_again(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    code = landed(through(browser, start(browser, site, provider="google")))["code"]
    token = redeem(site, code).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=site.server.url, trust_env=False) as client:
        assert client.get("/v3/grants/me", headers=bearer).status_code == 200
        again = redeem(site, code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert client.get("/v3/grants/me", headers=bearer).status_code == 401


def test_a_failed_exchange_burns_the_code(site: Tenant, browser: httpx.Client, provider: FakeOAuth) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    code = landed(through(browser, start(browser, site, provider="google")))["code"]
    assert redeem(site, code, redirect_uri="https://evil.example/").json()["error"] == "invalid_grant"
    assert redeem(site, code).json()["error"] == "invalid_grant"
    assert site.grants() == 0


@pytest.mark.parametrize("method", ["s256", "S256", "plain"])
def test_with_a_challenge_only_its_maker_gets_the_grant(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, method: str
) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    verifier = "verifier-of-the-application"
    digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {"code_challenge": verifier if method == "plain" else digest, "code_challenge_method": method}
    code = landed(through(browser, start(browser, site, provider="google", **asked)))["code"]
    stolen = redeem(site, code, code_verifier="another")
    assert stolen.json()["error_code"] == 45004
    code = landed(through(browser, start(browser, site, provider="google", **asked)))["code"]
    assert redeem(site, code, code_verifier=verifier).status_code == 200


def test_a_verifier_without_a_challenge_is_refused(site: Tenant, browser: httpx.Client, provider: FakeOAuth) -> None:
    """Else a code begun without one could be put under a client that uses PKCE (RFC 9700 section 2.1.1)."""
    site.connector("google")
    provider.signs_in("ana@example.com")
    code = landed(through(browser, start(browser, site, provider="google")))["code"]
    refused = redeem(site, code, code_verifier="of-another-sign-in")
    assert (refused.status_code, refused.json()["error"], refused.json()["error_code"]) == (400, "invalid_grant", 45004)
    assert site.grants() == 0
    code = landed(through(browser, start(browser, site, provider="google")))["code"]
    assert redeem(site, code, code_verifier="").status_code == 200


def test_another_applications_code_is_unknown(
    site: Tenant, stranger: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    code = landed(through(browser, start(browser, site, provider="google")))["code"]
    assert redeem(stranger, code).json()["error"] == "invalid_grant"
    assert redeem(site, code).status_code == 200


def test_without_the_api_key_a_web_server_gets_nothing_and_a_web_page_does_by_pkce(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    asked = {"code_challenge": "verifier", "code_challenge_method": "plain"}
    code = landed(through(browser, start(browser, site, provider="google", **asked)))["code"]
    assert redeem(site, code, code_verifier="verifier", client_secret=None).json()["error"] == "invalid_client"
    (uri,) = data(site.get("/v3/applications/redirect-uris"))
    changed = {"platform": "js", "settings": {"origin": "https://app.example.test"}}
    site.patch(f"/v3/applications/redirect-uris/{uri['id']}", changed)
    code = landed(through(browser, start(browser, site, provider="google", **asked)))["code"]
    assert redeem(site, code, code_verifier="verifier", client_secret=None).status_code == 200


def test_a_sign_in_belongs_to_the_browser_that_began_it(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    """Else whoever starts one could have somebody else finish it, and be connected to that mailbox."""
    site.connector("google")
    provider.signs_in("ana@example.com")
    leads = start(browser, site, provider="google").headers["location"]
    callback = browser.get(leads).headers["location"]
    with httpx.Client(base_url=server.url, trust_env=False) as victim:
        assert victim.get(callback).status_code == 400
        start(victim, site, provider="google")
        assert victim.get(callback).status_code == 400
    assert landed(browser.get(callback))["code"]


def test_a_callback_is_good_once(site: Tenant, browser: httpx.Client, provider: FakeOAuth) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    callback = browser.get(start(browser, site, provider="google").headers["location"]).headers["location"]
    assert browser.get(callback).is_redirect
    again = browser.get(callback)
    assert again.status_code == 400
    assert "over" in again.text


def test_a_made_up_state_leads_nowhere(site: Tenant, browser: httpx.Client, provider: FakeOAuth) -> None:
    site.connector("google")
    leads = start(browser, site, provider="google").headers["location"]
    state = parse_qs(urlsplit(leads).query)["state"][0]
    for other in (state[:-1] + ("A" if state[-1] != "A" else "B"), state.rpartition(".")[0], "", "x.y.z", "....", "%"):
        answer = browser.get(f"/v3/connect/callback?{urlencode({'state': other, 'code': 'c'})}")
        assert answer.status_code == 400, other
    assert provider.count("token") == 0


def test_a_form_must_come_from_its_page(site: Tenant, browser: httpx.Client) -> None:
    site.connector("imap")
    page = through(browser, start(browser, site, provider="imap"))
    action = unescape(re.search(r'<form[^>]*action="([^"]+)"', page.text)[1])  # type: ignore[index]
    for csrf in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert browser.post(action, data={**csrf, "email": ALICE, "password": "x"}).status_code == 400


def test_a_sign_in_of_one_provider_is_not_finished_by_another(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    """The state says which provider it was made for: a code of another goes to the one that was asked."""
    for name in ("google", "microsoft"):
        site.connector(name)
    provider.signs_in("ana@example.com")
    at_google = browser.get(start(browser, site, provider="google").headers["location"]).headers["location"]
    at_microsoft = start(browser, site, provider="microsoft").headers["location"]
    state = parse_qs(urlsplit(at_microsoft).query)["state"][0]
    code = parse_qs(urlsplit(at_google).query)["code"][0]
    told = landed(browser.get(f"/v3/connect/callback?{urlencode({'state': state, 'code': code})}"))
    assert told["error"] == "server_error"
    asked = [seen.path for seen in provider.requests if seen.endpoint == "token"]
    assert asked, "Microsoft was asked, who does not know the code"
    assert not [path for path in asked if path.startswith("/google/")]
    assert codes(site) == 0


def test_pages_may_not_be_framed_and_run_nothing_of_others(site: Tenant, browser: httpx.Client) -> None:
    site.connector("imap")
    page = through(browser, start(browser, site, provider="imap"))
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


HOSTILE = '"><script>alert(1)</script>'


def test_nothing_that_comes_with_a_request_becomes_markup(site: Tenant, browser: httpx.Client) -> None:
    site.connector("imap")
    for query in ({"login_hint": HOSTILE}, {"state": HOSTILE}, {"provider": HOSTILE}, {"client_id": HOSTILE}):
        answer = through(browser, start(browser, site, **{"provider": "imap", **query}))
        assert "<script>alert" not in answer.text
    page = through(browser, start(browser, site, provider="imap"))
    answer = post(browser, page, email=HOSTILE, password=HOSTILE, imap_host=HOSTILE)
    assert "<script>alert" not in answer.text


def test_what_nobody_collects_is_forgotten(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    site.connector("google")
    provider.signs_in("ana@example.com")
    code = landed(through(browser, start(browser, site, provider="google")))["code"]
    for table in ("logins", "login_codes"):
        server.rows(f"update {table} set expires_at = 1 where application_id = $1", site.application.id)
    assert redeem(site, code).json()["error"] == "invalid_grant"
    server.call(server.services.hosted.forget(site.application))
    for table in ("logins", "login_codes"):
        assert server.rows(f"select 1 from {table} where application_id = $1", site.application.id) == []
    kept = "select 1 from secrets where application_id = $1 and owner_kind = 'login'"
    assert not server.rows(kept, site.application.id)
