"""/v3/connectors: one per provider, secrets in and never out."""

import asyncio

import pytest

from opengrant.connectors.connectors import ConnectorFields
from opengrant.model import Connector, ProviderName
from opengrant.store.connectors.connectors import find_with_client
from tests.fakes.oauth import FakeOAuth
from tests.support import MARK, Tenant, data, problem, secret

GOOGLE = {"client_id": "id-1", "client_secret": "placeholder", "topic_name": "projects/p/topics/t"}


def google() -> dict[str, str]:
    return {**GOOGLE, "client_secret": secret("client")}


def test_a_connector_shows_everything_but_its_secret(tenant: Tenant) -> None:
    made = data(tenant.post("/v3/connectors", {"provider": "google", "settings": google(), "scope": ["openid"]}))
    active = made.pop("active_credential_id")
    assert made == {
        "name": "Google Connector",
        "provider": "google",
        "settings": {"client_id": "id-1", "topic_name": "projects/p/topics/t"},
        "scope": ["openid"],
    }
    assert data(tenant.get("/v3/connectors/google")) == {**made, "active_credential_id": active}
    assert MARK not in tenant.get("/v3/connectors").text


@pytest.mark.parametrize("provider", ["imap", "virtual-calendar"])
def test_connectors_without_settings_need_only_a_provider(tenant: Tenant, provider: str) -> None:
    made = data(tenant.post("/v3/connectors", {"provider": provider}))
    assert made["settings"] == {}
    assert made["scope"] == []
    assert "active_credential_id" not in made


def test_null_is_no_setting(tenant: Tenant) -> None:
    settings = {"client_id": "id", "client_secret": secret("client"), "tenant": None}
    made = data(tenant.post("/v3/connectors", {"provider": "microsoft", "settings": settings}))
    assert made["settings"] == {"client_id": "id", "tenant": "common"}


@pytest.mark.parametrize(
    "spelling", [{"scope": ["a", "b"]}, {"scopes": ["a", "b"]}, {"scope": "a b"}, {"scopes": "a,b"}]
)
def test_scopes_come_in_four_spellings(tenant: Tenant, spelling: dict[str, object]) -> None:
    assert data(tenant.post("/v3/connectors", {"provider": "imap", **spelling}))["scope"] == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "provider"),
        ({"provider": "gmail"}, "provider"),
        ({"provider": "zoom"}, "settings"),
        ({"provider": "google"}, "settings"),
        ({"provider": "google", "settings": {"client_id": "x"}}, "settings.client_secret"),
        ({"provider": "google", "settings": {"client_id": 5, "client_secret": "x"}}, "settings.client_id"),
        ({"provider": "microsoft", "settings": {"client_id": "x", "client_secret": "y", "tenant": "a/b"}}, "tenant"),
        ({"provider": "imap", "name": "a\x00b"}, "name"),
        ({"provider": "imap", "scope": [""]}, "scope"),
        ({"provider": "imap", "scope": {"a": 1}}, "scope"),
    ],
)
def test_a_wrong_body_is_told_which_field(tenant: Tenant, body: dict[str, object], named: str) -> None:
    status, type_, message = problem(tenant.post("/v3/connectors", body))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert named in message
    assert data(tenant.get("/v3/connectors")) == []


def test_there_is_one_connector_per_provider(tenant: Tenant) -> None:
    tenant.connector("imap")
    status, _, message = problem(tenant.post("/v3/connectors", {"provider": "imap"}))
    assert status == 400
    assert "already exists" in message


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_update_keeps_what_it_does_not_name(tenant: Tenant, method: str) -> None:
    made = data(tenant.post("/v3/connectors", {"provider": "google", "settings": google(), "scope": ["openid"]}))
    changed = data(tenant.http.request(method, "/v3/connectors/google", json={"name": "Ours"}))
    assert changed == {**made, "name": "Ours"}
    changed = data(tenant.http.request(method, "/v3/connectors/google", json={"settings": {"topic_name": "t2"}}))
    assert changed["settings"] == {"client_id": "id-1", "topic_name": "t2"}
    changed = data(tenant.http.request(method, "/v3/connectors/google", json={"settings": {"client_id": "id-2"}}))
    assert changed["settings"] == {"client_id": "id-2"}
    assert changed["active_credential_id"] == made["active_credential_id"]


def shown_to_provider(tenant: Tenant, provider: FakeOAuth) -> tuple[str, str]:
    """The client that the next exchange is made with."""
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    answer = tenant.connect("google", {"refresh_token": token})
    assert answer.status_code == 201, answer.text
    form = provider.requests[-1].form
    return form["client_id"], form["client_secret"]


def test_the_client_is_one_whether_the_connector_or_its_primary_credential_is_changed(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    made = tenant.connector("google")
    primary = f"/v3/connectors/google/creds/{made['active_credential_id']}"
    held = {"client_id": "id-b", "client_secret": secret("b")}
    assert tenant.patch(primary, {"credential_data": held}).status_code == 200
    assert data(tenant.get("/v3/connectors/google"))["settings"] == {"client_id": "id-b"}
    assert shown_to_provider(tenant, provider) == ("id-b", held["client_secret"])
    newer = secret("newer")
    assert tenant.patch("/v3/connectors/google", {"settings": {"client_secret": newer}}).status_code == 200
    assert shown_to_provider(tenant, provider) == ("id-b", newer)
    tenant.patch("/v3/connectors/google", {"settings": {"client_id": "id-c"}, "name": "Ours"})
    assert shown_to_provider(tenant, provider) == ("id-c", newer)


def test_the_tenant_is_one_too(tenant: Tenant, provider: FakeOAuth) -> None:
    made = tenant.connector("microsoft")
    path = f"/v3/connectors/microsoft/creds/{made['active_credential_id']}"
    own = {"client_id": "id-b", "client_secret": secret("b"), "tenant": "contoso.example"}
    assert tenant.patch(path, {"credential_data": own}).status_code == 200
    shown = data(tenant.get("/v3/connectors/microsoft"))["settings"]
    assert shown == {"client_id": "id-b", "tenant": "contoso.example"}
    tenant.patch("/v3/connectors/microsoft", {"settings": {"client_secret": secret("c"), "tenant": "fabrikam.example"}})
    found = tenant.server.call(
        tenant.server.services.db.read(find_with_client(tenant.application.id, ProviderName.MICROSOFT))
    )
    client = tenant.server.services.connectors.client(found)
    assert (client.client_id, client.tenant) == ("id-b", "fabrikam.example")


@pytest.mark.parametrize(
    ("provider", "settings", "named"),
    [
        ("google", {"tenant": "x.example"}, "settings.tenant"),
        ("microsoft", {"topic_name": "projects/p/topics/t"}, "settings.topic_name"),
        ("imap", {"tenant": "x.example"}, "settings.tenant"),
        ("imap", {"client_id": "x"}, "settings.client_id"),
        ("imap", {"client_secret": "x"}, "settings.client_secret"),
    ],
)
def test_a_setting_that_the_provider_does_not_have_is_refused(
    tenant: Tenant, provider: str, settings: dict[str, str], named: str
) -> None:
    made = tenant.connector(provider)
    refused = problem(tenant.patch(f"/v3/connectors/{provider}", {"settings": settings}))
    assert refused[:2] == (400, "api.invalid_request_error")
    assert named in refused[2]
    assert data(tenant.get(f"/v3/connectors/{provider}")) == made


def test_changes_of_different_fields_at_once_are_all_kept(tenant: Tenant) -> None:
    tenant.connector("imap")
    connectors = tenant.server.services.connectors

    async def rounds() -> list[Connector]:
        seen = []
        for number in range(10):
            changes = (ConnectorFields(name=f"name {number}"), ConnectorFields(scope=(f"scope-{number}",)))
            await asyncio.gather(
                *(connectors.update(tenant.application, ProviderName.IMAP, change) for change in changes)
            )
            seen.append(await connectors.get(tenant.application, ProviderName.IMAP))
        return seen

    seen = tenant.server.call(rounds())
    assert [(one.name, one.scope) for one in seen] == [(f"name {n}", (f"scope-{n}",)) for n in range(10)]


def test_only_a_credential_of_the_connector_can_be_active(tenant: Tenant) -> None:
    made = tenant.connector("google")
    other = tenant.connector("microsoft")["active_credential_id"]
    refused = problem(tenant.patch("/v3/connectors/google", {"active_credential_id": other}))
    assert refused[0] == 400
    assert "active_credential_id" in refused[2]
    kept = tenant.patch("/v3/connectors/google", {"active_credential_id": made["active_credential_id"]})
    assert kept.status_code == 200


def test_connectors_are_listed_in_order_of_creation(tenant: Tenant) -> None:
    for provider in ("imap", "google", "virtual-calendar"):
        tenant.connector(provider)
    answer = tenant.get("/v3/connectors").json()
    assert [one["provider"] for one in answer["data"]] == ["imap", "google", "virtual-calendar"]
    assert (answer["limit"], answer["offset"]) == (10, 0)
    assert "next_cursor" not in answer
    assert [one["provider"] for one in data(tenant.get("/v3/connectors?limit=1&offset=1"))] == ["google"]


def test_deleting_a_connector_ends_its_grants_and_says_so_once_each(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = [data(tenant.connect("virtual-calendar", {"email": f"room-{n}"})) for n in range(3)]
    assert set(tenant.delete("/v3/connectors/virtual-calendar").json()) == {"request_id"}
    assert all(data(tenant.get(f"/v3/grants/{one['id']}"))["grant_status"] == "invalid" for one in made)
    assert sorted(type_ for type_, _ in tenant.events()) == ["grant.created"] * 3 + ["grant.expired"] * 3
    assert problem(tenant.get("/v3/connectors/virtual-calendar"))[0] == 404
    assert problem(tenant.delete("/v3/connectors/virtual-calendar"))[0] == 404
    refused = problem(tenant.connect("virtual-calendar", {"email": "room-0"}))
    assert refused[0] == 400
    assert "connector" in refused[2]


def test_grants_come_back_under_their_ids_through_a_new_connector(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room"}))
    tenant.delete("/v3/connectors/virtual-calendar")
    tenant.connector("virtual-calendar")
    again = data(tenant.connect("virtual-calendar", {"email": "room"}))
    assert (again["id"], again["grant_status"]) == (made["id"], "valid")


def test_the_secrets_of_a_deleted_connector_are_destroyed(tenant: Tenant) -> None:
    active = tenant.connector("google")["active_credential_id"]
    sql = "select count(*) from secrets where application_id = $1 and owner_id = $2"
    assert tenant.server.rows(sql, tenant.application.id, active)[0][0] == 1
    tenant.delete("/v3/connectors/google")
    assert tenant.server.rows(sql, tenant.application.id, active)[0][0] == 0


def test_a_stranger_sees_no_connector(tenant: Tenant, stranger: Tenant) -> None:
    tenant.connector("google")
    assert data(stranger.get("/v3/connectors")) == []
    missing = problem(stranger.get("/v3/connectors/google"))
    assert missing[:2] == (404, "api.not_found_error")
    assert problem(stranger.patch("/v3/connectors/google", {"name": "x"})) == missing
    assert problem(stranger.delete("/v3/connectors/google")) == missing
    assert stranger.connector("google")["name"] == "Google Connector"
