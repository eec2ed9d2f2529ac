"""The official Python SDK, with nothing changed but its base URL, against a live server."""

import uuid

import pytest
from nylas import Client
from nylas.models.errors import NylasApiError, NylasOAuthError
from nylas.models.webhooks import WebhookTriggers

from tests.announcing import GRANT_EVENTS, deliver, room
from tests.api.tokens import offline
from tests.fakes.oauth import FakeOAuth
from tests.fakes.receiver import Hook
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, imap, importer, secret


def test_a_virtual_calendar_from_connector_to_deletion(nylas: Client) -> None:
    nylas.connectors.create({"provider": "virtual-calendar"})
    made = nylas.auth.custom_authentication(
        {"provider": "virtual-calendar", "settings": {"email": "room-7"}, "state": "floor-2"}
    ).data
    assert (made.provider, made.email, made.state, made.grant_status) == (
        "virtual-calendar",
        "room-7",
        "floor-2",
        "valid",
    )
    assert nylas.grants.find(made.id).data == made
    listed = nylas.grants.list({"limit": 5, "provider": "virtual-calendar"})
    assert [one.id for one in listed.data] == [made.id]
    assert listed.next_cursor is None
    assert nylas.grants.update(made.id, {"scope": ["calendar"]}).data.scope == ["calendar"]
    assert nylas.grants.destroy(made.id).request_id
    with pytest.raises(NylasApiError) as gone:
        nylas.grants.find(made.id)
    assert (gone.value.status_code, gone.value.type) == (404, "grant.not_found")


def test_an_imap_mailbox(nylas: Client, dovecot: Dovecot) -> None:
    nylas.connectors.create({"provider": "imap"})
    made = nylas.auth.custom_authentication({"provider": "imap", "settings": imap(dovecot, "alice@example.test")}).data
    assert (made.provider, made.email) == ("imap", "alice@example.test")
    assert "imap_password" not in (made.settings or {})
    assert nylas.grants.find("email:alice@example.test").data.id == made.id


def test_google_and_microsoft(nylas: Client, provider: FakeOAuth) -> None:
    for name in ("google", "microsoft"):
        nylas.connectors.create({"provider": name, "settings": {"client_id": "client", "client_secret": secret()}})
        token = secret("refresh")
        provider.accepts(token, email=f"{name}@example.com", scope="openid email User.Read")
        made = nylas.auth.custom_authentication({"provider": name, "settings": {"refresh_token": token}}).data
        assert (made.provider, made.email) == (name, f"{name}@example.com")
        assert made.credential_id


def test_a_grant_keeps_the_id_that_it_had_elsewhere(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    nylas, kept = Client(api_key=importer(tenant), api_uri=tenant.server.url), str(uuid.uuid4())
    body = {"provider": "virtual-calendar", "settings": {"email": "room-7"}, "grant_id": kept}
    assert nylas.auth.custom_authentication(body).data.id == kept  # type: ignore[arg-type] # the SDK passes it on
    assert nylas.grants.find(kept).data.email == "room-7"


def test_connectors(nylas: Client) -> None:
    settings = {"client_id": "id", "client_secret": secret()}
    made = nylas.connectors.create({"provider": "google", "settings": settings, "scope": ["openid"]}).data
    assert (made.provider, made.scope) == ("google", ["openid"])
    assert [one.provider for one in nylas.connectors.list().data] == ["google"]
    changed = nylas.connectors.update("google", {"scope": ["openid", "email"]}).data
    assert changed.scope == ["openid", "email"]
    assert nylas.connectors.find("google").data == changed
    assert nylas.connectors.destroy("google").request_id


def test_a_refusal_reaches_the_caller_whole(nylas: Client, provider: FakeOAuth) -> None:
    nylas.connectors.create({"provider": "google", "settings": {"client_id": "client", "client_secret": secret()}})
    provider.refuses(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
    with pytest.raises(NylasApiError) as refused:
        nylas.auth.custom_authentication({"provider": "google", "settings": {"refresh_token": secret()}})
    assert (refused.value.status_code, refused.value.type) == (400, "grant.refresh_token_invalid")
    assert refused.value.provider_error is not None
    assert refused.value.provider_error["error"] == "invalid_grant"
    assert refused.value.request_id


def test_a_wrong_key_is_an_api_error_and_not_a_crash(tenant: Tenant) -> None:
    with pytest.raises(NylasApiError) as refused:
        Client(api_key="nyk_v0_wrong", api_uri=tenant.server.url).grants.list()
    assert (refused.value.status_code, refused.value.type) == (401, "token.unauthorized_access")


def test_credentials(nylas: Client, provider: FakeOAuth) -> None:
    settings = {"client_id": "client", "client_secret": secret("client")}
    nylas.connectors.create({"provider": "google", "settings": settings})
    creds = nylas.connectors.credentials
    held = {"client_id": "other", "client_secret": secret("other")}
    made = creds.create("google", {"name": "EU app", "credential_type": "connector", "credential_data": held}).data
    assert made.name == "EU app"
    assert {one.name for one in creds.list("google").data} == {"EU app", "Google Connector"}
    assert creds.find("google", made.id).data.id == made.id
    assert creds.update("google", made.id, {"name": "EU"}).data.name == "EU"
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    ask = {"provider": "google", "settings": {"refresh_token": token, "credential_id": made.id}}
    assert nylas.auth.custom_authentication(ask).data.credential_id == made.id
    assert creds.destroy("google", made.id).request_id


def test_tokens(nylas: Client, tenant: Tenant) -> None:
    held = offline(tenant)
    ask = {"refresh_token": held["refresh_token"], "client_id": tenant.application.id, "redirect_uri": "https://a.test"}
    fresh = nylas.auth.refresh_access_token(dict(ask))
    assert (fresh.grant_id, fresh.expires_in, fresh.token_type) == (held["grant_id"], 3600, "Bearer")
    assert (fresh.email, fresh.scope, fresh.refresh_token) == ("room-7", "calendar", None)
    of_access = nylas.auth.validate_access_token(fresh.access_token).data
    of_id = nylas.auth.id_token_info(fresh.id_token).data
    assert (of_access.sub, of_access.aud, of_access.email) == (held["grant_id"], tenant.application.id, "room-7")
    assert (of_access.iss, of_id.sub) == (tenant.server.url, held["grant_id"])
    assert Client(api_key=fresh.access_token, api_uri=tenant.server.url).grants.find("me").data.id == held["grant_id"]
    assert nylas.auth.revoke(fresh.access_token) is True
    for call in (
        lambda: nylas.auth.refresh_access_token(dict(ask)),
        lambda: nylas.auth.revoke(held["refresh_token"]),
        lambda: nylas.auth.validate_access_token(fresh.access_token),
    ):
        with pytest.raises(NylasOAuthError) as refused:
            call()
        assert refused.value.status_code == 400
        assert refused.value.error in {"invalid_grant", "invalid_token"}
        assert refused.value.error_code == 400
        assert refused.value.error_description
    with pytest.raises(NylasOAuthError) as wrong:
        nylas.auth.exchange_code_for_token({"code": secret(), "client_id": "nobody", "redirect_uri": "https://a.test"})
    assert wrong.value.error == "invalid_client"


def test_detect(nylas: Client) -> None:
    found = nylas.auth.detect_provider({"email": "somebody@gmail.com", "all_provider_types": True}).data
    assert (found.detected, found.provider) == (True, "google")


def test_workspaces(nylas: Client) -> None:
    nylas.connectors.create({"provider": "virtual-calendar"})
    grant = nylas.auth.custom_authentication({"provider": "virtual-calendar", "settings": {"email": "room-7"}}).data
    made = nylas.workspaces.create({"name": "Rooms", "domain": "rooms.example.com", "auto_group": False}).data
    assert made.name == "Rooms"
    assert {one.workspace_id for one in nylas.workspaces.list().data} >= {made.workspace_id}
    moved = nylas.workspaces.manual_assign(made.workspace_id, {"assign_grants": [grant.id]}).data
    assert moved.grants_assigned == [grant.id]
    assert [one.id for one in nylas.grants.list({"workspace_id": made.workspace_id}).data] == [grant.id]
    assert nylas.workspaces.update(made.workspace_id, {"name": "All rooms"}).data.name == "All rooms"
    assert nylas.workspaces.destroy(made.workspace_id).request_id


def test_the_application_and_its_redirect_uris(nylas: Client, tenant: Tenant) -> None:
    url = "https://app.example.com/callback"
    details = nylas.applications.info().data
    assert (details.application_id, details.region, details.environment) == (tenant.application.id, "us", "production")
    assert details.organization_id
    assert (details.branding.name, details.callback_uris) == (tenant.application.name, [])

    uris = nylas.applications.redirect_uris
    made = uris.create({"url": url, "platform": "js", "settings": {"origin": "https://app.example.com"}}).data
    assert made.settings is not None
    assert (made.url, made.platform, made.settings.origin) == (url, "js", "https://app.example.com")
    assert uris.find(made.id).data == made
    plain = uris.create({"url": f"{url}/2"}).data
    assert plain.platform == "web"
    assert uris.update(plain.id, {"url": f"{url}/3"}).data.url == f"{url}/3"
    listed = uris.list()
    assert ([one.url for one in listed.data], bool(listed.request_id)) == ([url, f"{url}/3"], True)
    assert uris.destroy(plain.id).request_id

    updated = nylas.applications.update(
        {
            "branding": {"name": "Acme"},
            "hosted_authentication": {"title": "Connect", "spacing": 5},
            "callback_uris": [{"id": made.id, "url": url}],
            "additional_settings": {"rotate_refresh_token": True},
        }
    )
    assert updated.request_id
    assert updated.data.branding.name == "Acme"
    assert updated.data.hosted_authentication is not None
    assert (updated.data.hosted_authentication.title, updated.data.hosted_authentication.spacing) == ("Connect", 5)
    assert [one.id for one in updated.data.callback_uris] == [made.id]
    with pytest.raises(NylasApiError) as refused:
        uris.create({"url": "http://example.com/"})
    assert (refused.value.status_code, refused.value.type) == (400, "api.invalid_request_error")


def test_webhooks(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    webhooks = Client(api_key=subscriber.api_key, api_uri=announcing.url).webhooks
    made = webhooks.create({"trigger_types": ["grant.created"], "webhook_url": hook.url, "description": "ours"}).data
    assert made.webhook_secret
    assert (made.status, made.trigger_types) == ("active", ["grant.created"])
    (listed,) = webhooks.list().data
    assert (listed.id, listed.trigger_types) == (made.id, ["grant.created"])
    assert webhooks.find(made.id).data == listed
    # What the console's form sends when all of its boxes are ticked. The SDK's list of triggers is closed.
    own = {"trigger_types": ["connector.degraded", "connector.recovered"]}
    every = {"trigger_types": [*GRANT_EVENTS, *own["trigger_types"]], "opengrant": own}
    assert subscriber.http.put(f"/v3/webhooks/{made.id}", json=every).json()["data"]["opengrant"] == own
    assert [one.trigger_types for one in webhooks.list().data] == [GRANT_EVENTS]
    rotated = webhooks.rotate_secret(made.id).data
    assert rotated.webhook_secret != made.webhook_secret
    room(subscriber, "room-7")
    deliver(announcing)
    assert hook.received[0].is_signed_with(rotated.webhook_secret)
    assert webhooks.update(made.id, {"status": "pause"}).data.status == "pause"
    assert webhooks.ip_addresses().data.ip_addresses == []
    assert webhooks.destroy(made.id).data.status == "success"
    with pytest.raises(NylasApiError) as gone:
        webhooks.find(made.id)
    assert (gone.value.status_code, gone.value.type) == (400, "70000")


def test_webhooks_take_every_trigger_that_the_sdk_lists(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    webhooks = Client(api_key=subscriber.api_key, api_uri=announcing.url).webhooks
    every = [trigger.value for trigger in WebhookTriggers if not trigger.value.endswith(".truncated")]
    webhooks.create({"trigger_types": every, "webhook_url": hook.url})
    assert [one.trigger_types for one in webhooks.list().data] == [every]
