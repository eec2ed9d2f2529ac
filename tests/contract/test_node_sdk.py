"""The official Node SDK, with nothing changed but its base URL, against a live server.

Each test runs one script of tests/peers/node_sdk and looks at what a caller of the SDK got to see.
"""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.api.tokens import offline
from tests.fakes.oauth import FakeOAuth
from tests.fakes.receiver import Hook
from tests.peers.dovecot import Dovecot
from tests.peers.nodejs import NodeScripts
from tests.support import MARK, LiveServer, Tenant, imap, importer, secret

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def scripts() -> Iterator[NodeScripts]:
    # Not pytest's own directory: the scripts run as a user that cannot look into it.
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        yield NodeScripts("node_sdk", Path(directory))


@pytest.fixture
def run(scripts: NodeScripts, tenant: Tenant) -> Run:
    """Run a script as this tenant; what it reports must hold no secret that it sent."""

    def script(name: str, **given: Any) -> Any:
        found = scripts.run(name, {"apiKey": tenant.api_key, "apiUri": tenant.server.url, **given})
        assert MARK not in str(found)
        return found

    return script


def client() -> dict[str, str]:
    return {"clientId": "client", "clientSecret": secret("client")}


def test_connectors(run: Run) -> None:
    """The SDK updates with PUT."""
    found = run("connectors", settings=client())
    assert (found["made"]["provider"], found["made"]["name"], found["made"]["scope"]) == ("google", "Ours", ["openid"])
    assert found["made"]["settings"] == {"clientId": "client"}
    assert found["listed"] == ["google"]
    assert found["pages"] == [1], "it follows a cursor where there is none"
    assert found["changed"]["settings"] == {"clientId": "client", "topicName": "projects/p/topics/t"}
    assert found["changed"]["scope"] == ["openid", "email"]
    assert found["found"] == found["changed"]
    assert found["destroyed"]
    assert (found["gone"]["statusCode"], found["gone"]["type"]) == (404, "api.not_found_error")


def test_grants_from_a_virtual_calendar_to_deletion(run: Run) -> None:
    found = run("grants")
    made = found["made"]
    assert (made["provider"], made["email"], made["state"]) == ("virtual-calendar", "room-7", "floor-2")
    assert (made["grantStatus"], made["settings"], made["scope"]) == ("valid", {"email": "room-7"}, [])
    assert found["found"] == made
    assert found["listed"] == ["room-7"]
    assert found["nextCursor"], "there is a second page"
    assert found["all"] == ["desk@example.com", "room-7"]
    assert found["byEmail"] == "desk@example.com"
    assert found["updated"] == {**made, "scope": ["calendar"]}
    assert found["destroyed"]
    assert (found["gone"]["statusCode"], found["gone"]["type"]) == (404, "grant.not_found")


def test_an_imap_mailbox(run: Run, tenant: Tenant, dovecot: Dovecot) -> None:
    names = {
        "imap_username": "imapUsername",
        "imap_password": "imapPassword",
        "imap_host": "imapHost",
        "imap_port": "imapPort",
        "smtp_host": "smtpHost",
        "smtp_port": "smtpPort",
    }
    settings = {names[key]: value for key, value in imap(dovecot, "alice@example.test").items()}
    custom = {"provider": "imap", "settings": settings, "grantId": str(uuid.uuid4())}
    wanted = {"connector": {"provider": "imap"}, "custom": custom}
    (grant,) = run("connect", requests=[wanted], apiKey=importer(tenant))
    assert grant["made"]["id"] == custom["grantId"]
    assert grant["found"] == grant["made"]
    assert (grant["made"]["provider"], grant["made"]["email"]) == ("imap", "alice@example.test")
    shown = grant["made"]["settings"]
    assert shown == {key: value for key, value in settings.items() if key != "imapPassword"}


def test_google_and_microsoft(run: Run, provider: FakeOAuth) -> None:
    requests = []
    for name in ("google", "microsoft"):
        token = secret("refresh")
        provider.accepts(token, email=f"{name}@example.com", scope="openid email User.Read")
        requests.append(
            {
                "connector": {"provider": name, "settings": client()},
                "custom": {"provider": name, "settings": {"refreshToken": token}},
            }
        )
    grants = [one["made"] for one in run("connect", requests=requests)]
    assert [(one["provider"], one["email"]) for one in grants] == [
        ("google", "google@example.com"),
        ("microsoft", "microsoft@example.com"),
    ]
    assert all(one["credentialId"] and one["providerUserId"] for one in grants)


def test_a_refusal_reaches_the_caller_whole(run: Run, provider: FakeOAuth, dovecot: Dovecot) -> None:
    provider.refuses(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
    mailbox = {"imapUsername": "alice@example.test", "imapPassword": secret()}
    found = run("refusals", settings=client(), refreshToken=secret("refresh"), imap=mailbox)
    for refusal in found.values():
        assert refusal["kind"] == "NylasApiError"
        assert refusal["message"]
        assert refusal["requestId"], "the SDK takes it from the X-Request-Id header alone"
    assert {name: (refusal["statusCode"], refusal["type"]) for name, refusal in found.items()} == {
        "wrongKey": (401, "token.unauthorized_access"),
        "refusedToken": (400, "grant.refresh_token_invalid"),
        "noConnector": (400, "api.invalid_request_error"),
        "noProvider": (400, "grant.provider_required"),
    }
    said = found["refusedToken"]["providerError"]
    assert (said["error"], said["errorDescription"]) == ("invalid_grant", "Token has been expired or revoked.")
    assert "imap" in found["noConnector"]["message"]


def test_provider_detection(run: Run) -> None:
    found = run("detect")
    assert found["withoutConnector"] == {"emailAddress": "ana@gmail.com", "detected": False}
    assert found["anyProvider"] == {"emailAddress": "ana+tag@gmail.com", "detected": True, "provider": "google"}
    assert found["byImap"] == {
        "emailAddress": "fay@icloud.com",
        "detected": True,
        "provider": "imap",
        "type": "icloud",
    }
    assert found["noAddress"]["statusCode"] == 400


def test_tokens(run: Run, tenant: Tenant) -> None:
    """It sends the API key as a bearer only, and never as client_secret."""
    held = offline(tenant)
    found = run("tokens", clientId=tenant.application.id, refreshToken=held["refresh_token"])
    fresh = found["fresh"]
    assert (fresh["grantId"], fresh["expiresIn"], fresh["tokenType"]) == (held["grant_id"], 3600, "Bearer")
    assert (fresh["email"], fresh["scope"]) == ("room-7", "calendar")
    for info in (found["ofAccess"], found["ofId"]):
        assert (info["sub"], info["aud"], info["iss"]) == (held["grant_id"], tenant.application.id, tenant.server.url)
    assert found["me"] == held["grant_id"]
    assert found["revoked"] is True
    for refusal, error in (("dead", "invalid_token"), ("spent", "invalid_grant"), ("stranger", "invalid_client")):
        assert found[refusal]["kind"] == "NylasOAuthError"
        assert (found[refusal]["statusCode"], found[refusal]["error"]) == (400, error)


def test_workspaces(run: Run, tenant: Tenant) -> None:
    found = run("workspaces")
    made = found["made"]
    assert (made["domain"], made["autoGroup"], made["default"]) == ("example.com", True, False)
    assert made["applicationId"] == tenant.application.id
    assert found["found"] == made
    assert found["changed"]["name"] == "New"
    assert "rule_ids" in found["ruled"]["message"]
    assert found["grouped"]["workspaceId"] == made["workspaceId"]
    assert found["room"]["workspaceId"] != made["workspaceId"]
    assert found["assigned"] == {
        "applicationId": tenant.application.id,
        "workspaceId": made["workspaceId"],
        "domain": "example.com",
        "grantsAssigned": [found["room"]["id"]],
        "grantsRemoved": None,
    }
    assert found["removed"] == {
        **found["assigned"],
        "grantsAssigned": None,
        "grantsRemoved": [found["room"]["id"]],
    }
    assert found["listed"] == ["Default", "New"]
    assert set(found["job"]) == {"jobId", "message"}
    assert (found["tooOften"]["statusCode"], found["tooOften"]["type"]) == (429, "api.rate_limit_error")
    assert (found["undeletable"]["statusCode"], found["undeletable"]["type"]) == (400, "api.invalid_request_error")
    assert found["destroyed"]


def test_credentials(run: Run, provider: FakeOAuth) -> None:
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com", scope="openid email")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "projectId": "project",
        "privateKeyId": "key-1",
        "privateKey": key.decode(),
        "clientEmail": "robot@project.iam.example.com",
        "clientX509CertUrl": "https://certificates.example.com/robot",
    }
    found = run("credentials", settings=client(), refreshToken=token, serviceAccount=account)
    assert set(found["made"]) == {"id", "name", "createdAt", "updatedAt"}
    assert found["made"]["name"] == "Second client"
    assert found["account"]["name"] == "Service account"
    assert {"Second client", "Service account"} <= set(found["listed"])
    assert found["found"] == found["made"]
    assert (found["renamed"]["id"], found["renamed"]["name"]) == (found["made"]["id"], "Renamed")
    assert (found["grant"]["email"], found["grant"]["credentialId"]) == ("ana@example.com", found["made"]["id"])
    assert found["destroyed"]
    assert found["gone"]["statusCode"] in {400, 404}
    assert "PRIVATE KEY" not in str(found)


def test_the_application_and_its_redirect_uris(run: Run, tenant: Tenant) -> None:
    url = "https://app.example.com/callback"
    found = run("applications", url=url)
    details = found["details"]
    assert details["applicationId"] == tenant.application.id
    assert (details["region"], details["environment"], details["callbackUris"]) == ("us", "production", [])
    assert details["branding"]["name"] == tenant.application.name
    assert (found["made"]["url"], found["made"]["platform"]) == (url, "web")
    assert found["page"]["settings"] == {"origin": "https://app.example.com"}
    assert found["found"] == found["page"]
    assert found["android"]["settings"]["packageName"] == "com.example.app"
    assert "AA:BB" in found["android"]["settings"].values(), "the SDK spells the fingerprint's name in its own way"
    assert found["moved"] == {**found["made"], "url": f"{url}/2"}
    assert found["listed"] == [f"{url}/2", f"{url}/page", "com.example.app://oauth"]
    assert (found["refused"]["statusCode"], found["refused"]["type"]) == (400, "api.invalid_request_error")
    assert all(found[name] for name in ("listedUnder", "destroyed", "updatedUnder"))
    updated = found["updated"]
    assert updated["branding"] == {"name": "Acme", "websiteUrl": "https://example.com"}
    assert updated["hostedAuthentication"] == {"title": "Connect", "colorPrimary": "#0b57d0", "spacing": 5}
    assert [one["url"] for one in updated["callbackUris"]] == [f"{url}/2", f"{url}/page"]
    assert "additionalSettings" not in updated
    profile = tenant.server.call(tenant.server.services.applications.profile(tenant.application))
    assert profile.additional_settings == {"rotate_refresh_token": True, "refresh_token_expiration_idle": 3600}


def test_webhooks(scripts: NodeScripts, announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    given = {"apiKey": subscriber.api_key, "apiUri": announcing.url, "webhookUrl": hook.url}
    found = scripts.run("webhooks", given)
    made = found["made"]
    secret_ = made.pop("webhookSecret")
    assert (made["status"], made["triggerTypes"]) == ("active", ["grant.created", "grant.expired"])
    assert found["listed"] == [made]
    assert found["found"] == made
    assert (found["changed"]["status"], found["changed"]["compressedDelivery"]) == ("pause", True)
    assert found["ticked"] == ["grant.created"]
    assert found["rotated"]["webhookSecret"] != secret_
    assert found["addresses"]["ipAddresses"] == []
    assert found["destroyed"] == {"status": "success"}
    assert (found["gone"]["statusCode"], found["gone"]["type"]) == (400, "70000")
