"""Hosted sign-in with the official Node SDK: a browser opens its addresses, its calls redeem the codes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.oauth import TENANT, FakeOAuth
from tests.peers.nodejs import NodeScripts
from tests.signin.browsing import BACK, landed, registered, through, visiting
from tests.support import LiveServer, Tenant, data, secret

ANA = "ana@example.com"


@pytest.fixture(scope="module")
def scripts() -> Iterator[NodeScripts]:
    # Not pytest's own directory: the scripts run as a user that cannot look into it.
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        yield NodeScripts("node_sdk", Path(directory))


@pytest.fixture
def browser(server: LiveServer) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    return registered(tenant)


@pytest.fixture
def credential(site: Tenant, provider: FakeOAuth) -> str:
    """The id of an adminconsent credential."""
    site.connector("microsoft")
    held = {"client_id": "bulk", "client_secret": secret("bulk"), "tenant": TENANT}
    provider.consents("bulk", held["client_secret"], roles="User.Read.All Mail.Read")
    body = {"name": "tenant", "credential_type": "adminconsent", "credential_data": held}
    return str(data(site.post("/v3/connectors/microsoft/creds", body))["id"])


def test_every_address_and_what_its_code_is_good_for(
    site: Tenant, credential: str, scripts: NodeScripts, browser: httpx.Client, provider: FakeOAuth
) -> None:
    """It sends the API key twice: as the secret and as a bearer."""
    for name in ("google", "imap"):
        site.connector(name)
    provider.signs_in(ANA)
    asks = {"apiKey": site.api_key, "apiUri": site.server.url, "clientId": site.application.id, "redirectUri": BACK}
    made = scripts.run("hosted_addresses", {**asks, "loginHint": ANA, "credentialId": credential})

    def visit(address: str) -> dict[str, str]:
        return landed(through(browser, browser.get(made[address])))

    told = visit("plain")
    assert told["state"] == "s & 1"
    asked = next(seen.query for seen in provider.requests if seen.endpoint == "authorize")
    assert (asked["login_hint"], asked["include_granted_scopes"]) == (ANA, "true")
    assert {"openid", "email"} <= set(asked["scope"].split())
    assert visit("consent") == {"admin_consent": "true", "state": "s"}
    form = through(browser, browser.get(made["outgoing"])).text
    assert "required" in form.partition('name="smtp_host"')[2].partition(">")[0]

    codes = {
        "plain": told["code"],
        "online": visit("online")["code"],
        "pkce": visit("pkce")["code"],
        "stolen": visit("pkce")["code"],
    }
    found: Any = scripts.run("hosted_tokens", {**asks, "codes": codes, "verifier": made["verifier"]})
    held = found["held"]
    assert (held["email"], held["provider"], held["tokenType"], held["expiresIn"]) == (ANA, "google", "Bearer", 3600)
    assert held["refreshToken"]
    assert (found["fresh"], found["isNew"], found["me"]) == (held["grantId"], True, held["grantId"])
    for info in (found["ofAccess"], found["ofId"]):
        assert (info["sub"], info["aud"], info["email"]) == (held["grantId"], site.application.id, ANA)
    assert found["revoked"] is True
    assert found["onlineRefreshToken"] is None
    assert found["verified"] == held["grantId"]
    assert (found["grant"]["email"], found["grant"]["grantStatus"]) == (ANA, "valid")
    for refusal, error in (("dead", "invalid_token"), ("unverified", "invalid_grant"), ("spent", "invalid_grant")):
        assert (found[refusal]["kind"], found[refusal]["statusCode"]) == ("NylasOAuthError", 400)
        assert found[refusal]["error"] == error
