"""Hosted sign-in with the official Python SDK: a browser opens its addresses, its calls redeem the codes."""

from collections.abc import Iterator

import httpx
import pytest
from nylas import Client
from nylas.models.errors import NylasOAuthError

from tests.fakes.oauth import TENANT, FakeOAuth
from tests.signin.browsing import BACK, landed, registered, through, visiting
from tests.support import LiveServer, Tenant, secret

ANA = "ana@example.com"


@pytest.fixture
def browser(server: LiveServer) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    return registered(tenant)


@pytest.fixture
def nylas(site: Tenant) -> Client:
    return Client(api_key=site.api_key, api_uri=site.server.url)


def test_a_sign_in_from_the_address_to_the_revoked_token(
    nylas: Client, site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("google")
    provider.signs_in(ANA)
    ask = {"client_id": site.application.id, "redirect_uri": BACK}
    wanted = {
        "provider": "google",
        "access_type": "offline",
        "scope": ["openid", "email"],
        "state": "s & 1",
        "login_hint": ANA,
        "include_grant_scopes": True,
        "prompt": "select_provider,detect",
    }
    told = landed(through(browser, browser.get(nylas.auth.url_for_oauth2({**ask, **wanted}))))
    assert told["state"] == "s & 1"
    asked = next(seen.query for seen in provider.requests if seen.endpoint == "authorize")
    assert (asked["login_hint"], asked["include_granted_scopes"]) == (ANA, "true")
    assert {"openid", "email"} <= set(asked["scope"].split())

    held = nylas.auth.exchange_code_for_token({**ask, "code": told["code"]})
    assert (held.email, held.provider, held.token_type, held.expires_in) == (ANA, "google", "Bearer", 3600)
    assert held.refresh_token
    assert held.id_token
    grant = nylas.grants.find(held.grant_id).data
    assert (grant.email, grant.grant_status, grant.state) == (ANA, "valid", "s & 1")

    fresh = nylas.auth.refresh_access_token({**ask, "refresh_token": held.refresh_token})
    assert (fresh.grant_id, fresh.email) == (held.grant_id, ANA)
    assert fresh.access_token != held.access_token
    for info in (
        nylas.auth.validate_access_token(fresh.access_token).data,
        nylas.auth.id_token_info(held.id_token).data,
    ):
        assert (info.sub, info.aud, info.email) == (held.grant_id, site.application.id, ANA)
    assert Client(api_key=held.access_token, api_uri=site.server.url).grants.find("me").data.id == held.grant_id

    assert nylas.auth.revoke(held.access_token) is True
    with pytest.raises(NylasOAuthError) as dead:
        nylas.auth.validate_access_token(held.access_token)
    assert (dead.value.status_code, dead.value.error) == (400, "invalid_token")
    assert nylas.grants.find(held.grant_id).data.grant_status == "valid"


def test_online_access_is_the_default_and_has_no_refresh_token(
    nylas: Client, site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    site.connector("microsoft")
    provider.signs_in(ANA)
    ask = {"client_id": site.application.id, "redirect_uri": BACK}
    code = landed(through(browser, browser.get(nylas.auth.url_for_oauth2({**ask, "provider": "microsoft"}))))["code"]
    assert nylas.auth.exchange_code_for_token({**ask, "code": code}).refresh_token is None
    with pytest.raises(NylasOAuthError) as again:
        nylas.auth.exchange_code_for_token({**ask, "code": code})
    assert (again.value.status_code, again.value.error) == (400, "invalid_grant")


def test_with_pkce_the_code_needs_its_secret(
    nylas: Client, site: Tenant, browser: httpx.Client, provider: FakeOAuth
) -> None:
    """What the SDK calls S256 is not RFC 7636's."""
    site.connector("google")
    provider.signs_in(ANA)
    ask = {"client_id": site.application.id, "redirect_uri": BACK}
    codes = []
    for _ in range(2):
        made = nylas.auth.url_for_oauth2_pkce({**ask, "provider": "google", "access_type": "offline"})
        codes.append((landed(through(browser, browser.get(made.url)))["code"], made.secret))
    (first, _), (second, verifier) = codes
    with pytest.raises(NylasOAuthError) as other:
        nylas.auth.exchange_code_for_token({**ask, "code": first, "code_verifier": verifier})
    assert (other.value.error, other.value.error_code) == ("invalid_grant", 45004)
    assert site.grants() == 0
    held = nylas.auth.exchange_code_for_token({**ask, "code": second, "code_verifier": verifier})
    assert held.email == ANA
    assert held.refresh_token


def test_an_administrator_consents(nylas: Client, site: Tenant, browser: httpx.Client, provider: FakeOAuth) -> None:
    site.connector("microsoft")
    held = {"client_id": "bulk", "client_secret": secret("bulk"), "tenant": TENANT}
    provider.consents("bulk", held["client_secret"], roles="User.Read.All Mail.Read")
    provider.employs("cy@contoso.test")
    made = nylas.connectors.credentials.create(
        "microsoft", {"name": "tenant", "credential_type": "adminconsent", "credential_data": held}
    ).data
    ask = {"client_id": site.application.id, "redirect_uri": BACK, "credential_id": made.id, "state": "s"}
    told = landed(through(browser, browser.get(nylas.auth.url_for_admin_consent(ask))))
    assert told == {"admin_consent": "true", "state": "s"}
    settings = {"email_address": "cy@contoso.test", "credential_id": made.id}
    grant = nylas.auth.custom_authentication({"provider": "microsoft", "settings": settings}).data
    assert (grant.email, grant.credential_id) == ("cy@contoso.test", made.id)


def test_who_must_name_an_outgoing_server_is_asked_for_it(nylas: Client, site: Tenant, browser: httpx.Client) -> None:
    site.connector("imap")
    ask = {"client_id": site.application.id, "redirect_uri": BACK, "provider": "imap"}
    fields = []
    for more in ({}, {"smtp_required": True}):
        page = through(browser, browser.get(nylas.auth.url_for_oauth2({**ask, **more})))
        assert page.status_code == 200
        outgoing = page.text.partition('name="smtp_host"')[2].partition(">")[0]
        fields.append("required" in outgoing)
    assert fields == [False, True]
