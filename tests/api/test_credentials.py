"""/v3/connectors/{provider}/creds: written, listed by name, never read again."""

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from opengrant.connectors.connectors import ConnectorFields
from opengrant.connectors.credentials import NewCredential
from opengrant.errors import InvalidRequest
from opengrant.model import ProviderName
from opengrant.model.secrets import ConnectorClient
from tests.support import MARK, Tenant, data, problem, secret

CREDS = "/v3/connectors/google/creds"


def body(name: str = "EU app", **held: Any) -> dict[str, Any]:
    return {
        "name": name,
        "credential_type": "connector",
        "credential_data": {"client_id": "id", "client_secret": f"{MARK}-fixed", **held},
    }


@pytest.fixture(autouse=True)
def connectors(tenant: Tenant) -> None:
    tenant.connector("google")
    tenant.connector("microsoft")
    tenant.connector("imap")


def test_a_credential_shows_its_name_and_times_and_nothing_else(tenant: Tenant) -> None:
    answer = tenant.post(CREDS, body())
    assert answer.status_code == 201, answer.text
    made = data(answer)
    assert set(made) == {"id", "name", "created_at", "updated_at"}
    assert made["created_at"] == made["updated_at"]
    assert data(tenant.get(f"{CREDS}/{made['id']}")) == made
    assert MARK not in tenant.get(CREDS).text


def test_a_key_that_cannot_sign_is_refused_when_it_comes(tenant: Tenant) -> None:
    def file(key: str) -> dict[str, str]:
        return {"private_key_id": "1", "private_key": key, "client_email": "a@b.iam.gserviceaccount.com"}

    def sent(key: str) -> dict[str, Any]:
        return {"name": "Account", "credential_type": "serviceaccount", "credential_data": file(key)}

    good = pem(2048)
    made = data(tenant.post(CREDS, sent(good.replace("\n", "\\n"))))
    for wrong in (f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n", MARK, pem(1024)):
        for answer in (
            tenant.post(CREDS, {**sent(wrong), "name": "Other"}),
            tenant.patch(f"{CREDS}/{made['id']}", {"credential_data": file(wrong)}),
        ):
            status, type_, message = problem(answer)
            assert (status, type_) == (400, "api.invalid_request_error")
            assert message.startswith("credential_data.private_key: ")


def pem(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits)
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def test_the_same_again_is_the_same_credential_and_another_of_its_name_is_refused(tenant: Tenant) -> None:
    first = data(tenant.post(CREDS, body()))
    assert data(tenant.post(CREDS, body())) == first
    status, type_, message = problem(tenant.post(CREDS, body(client_id="another")))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert "EU app" in message


def test_the_primary_credential_is_listed_too_in_every_order(tenant: Tenant) -> None:
    tenant.post(CREDS, body("a"))
    tenant.post(CREDS, body("b"))
    answer = tenant.get(CREDS).json()
    assert [one["name"] for one in answer["data"]] == ["b", "a", "Google Connector"]
    assert (answer["limit"], answer["offset"]) == (10, 0)
    names = [one["name"] for one in data(tenant.get(f"{CREDS}?order_by=asc&sort_by=updatedAt&limit=2&offset=1"))]
    assert names == ["a", "b"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_credential_is_renamed_and_refilled(tenant: Tenant, method: str) -> None:
    made = data(tenant.post(CREDS, body()))
    path = f"{CREDS}/{made['id']}"
    assert data(tenant.http.request(method, path, json={"name": "new"}))["name"] == "new"
    held = {"client_id": "id-2", "client_secret": secret("client")}
    assert tenant.http.request(method, path, json={"credential_data": held}).status_code == 200
    assert problem(tenant.http.request(method, path, json={"credential_data": {"client_id": "x"}}))[0] == 400
    assert problem(tenant.http.request(method, path, json={}))[0] == 400
    assert problem(tenant.http.request(method, path, json={"name": "Google Connector"}))[0] == 400


@pytest.mark.parametrize(
    ("provider", "type_", "held"),
    [
        ("google", "adminconsent", {"tenant": "t"}),
        ("microsoft", "serviceaccount", {"private_key_id": "k", "private_key": "p", "client_email": "e"}),
        ("imap", "connector", {"client_id": "i", "client_secret": "s"}),
        ("google", "oauth", {}),
        ("google", "serviceaccount", {"client_email": "e"}),
        ("google", "connector", {"client_id": "i"}),
    ],
)
def test_what_does_not_fit_the_provider_is_refused(
    tenant: Tenant, provider: str, type_: str, held: dict[str, str]
) -> None:
    sent = {"name": "n", "credential_type": type_, "credential_data": held}
    assert problem(tenant.post(f"/v3/connectors/{provider}/creds", sent))[:2] == (400, "api.invalid_request_error")


def test_there_is_no_credential_without_its_connector(tenant: Tenant) -> None:
    assert problem(tenant.post("/v3/connectors/zoom/creds", body()))[:2] == (404, "api.not_found_error")
    assert problem(tenant.get("/v3/connectors/zoom/creds"))[:2] == (404, "api.not_found_error")


def test_the_active_one_cannot_go_and_another_one_can(tenant: Tenant) -> None:
    active = data(tenant.get("/v3/connectors/google"))["active_credential_id"]
    made = data(tenant.post(CREDS, body()))
    assert problem(tenant.delete(f"{CREDS}/{active}"))[0] == 400
    assert set(tenant.delete(f"{CREDS}/{made['id']}").json()) == {"request_id"}
    assert problem(tenant.get(f"{CREDS}/{made['id']}"))[:2] == (404, "api.not_found_error")
    assert problem(tenant.delete(f"{CREDS}/{made['id']}"))[0] == 404


def test_the_primary_one_goes_with_its_connector_alone(tenant: Tenant) -> None:
    primary = data(tenant.get("/v3/connectors/google"))["active_credential_id"]
    made = data(tenant.post(CREDS, body()))
    tenant.patch("/v3/connectors/google", {"active_credential_id": made["id"]})
    status, type_, message = problem(tenant.delete(f"{CREDS}/{primary}"))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert "PATCH /v3/connectors/google" in message
    assert tenant.get(f"{CREDS}/{primary}").status_code == 200
    tenant.delete("/v3/connectors/google")
    tenant.connector("google")
    assert primary not in [one["id"] for one in data(tenant.get(CREDS))]


@pytest.mark.parametrize("half", ["client_id", "client_secret"])
def test_an_admin_consent_has_a_whole_client_or_none(tenant: Tenant, half: str) -> None:
    path = "/v3/connectors/microsoft/creds"
    client = {"client_id": "own", "client_secret": secret("own")}
    held = {"tenant": "contoso.example", half: client[half]}
    [missing] = set(client) - {half}
    sent = {"name": "Contoso", "credential_type": "adminconsent", "credential_data": held}
    refused = problem(tenant.post(path, sent))
    assert refused[:2] == (400, "api.invalid_request_error")
    assert f"{missing} is missing" in refused[2]
    for whole in ({"tenant": "contoso.example"}, {"tenant": "contoso.example", **client}):
        made = data(tenant.post(path, {**sent, "name": str(len(whole)), "credential_data": whole}))
        refused = problem(tenant.patch(f"{path}/{made['id']}", {"credential_data": held}))
        assert refused[:2] == (400, "api.invalid_request_error")
        assert f"{missing} is missing" in refused[2]


def test_grants_of_a_deleted_credential_become_invalid(tenant: Tenant, provider: Any) -> None:
    made = data(tenant.post(CREDS, body()))
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    grant = data(tenant.connect("google", {"refresh_token": token, "credential_id": made["id"]}))
    tenant.delete(f"{CREDS}/{made['id']}")
    assert data(tenant.get(f"/v3/grants/{grant['id']}"))["grant_status"] == "invalid"
    assert tenant.events()[-1][0] == "grant.expired"


def test_another_credential_can_be_made_active(tenant: Tenant, provider: Any) -> None:
    made = data(tenant.post(CREDS, body(client_id="second")))
    tenant.patch("/v3/connectors/google", {"active_credential_id": made["id"]})
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    assert data(tenant.connect("google", {"refresh_token": token}))["credential_id"] == made["id"]
    assert provider.requests[0].form["client_id"] == "second"


# ── At the same time ─────────────────────────────────────────────────────────────────────────────────────────

ROUNDS = 10


def test_the_same_at_once_is_one_credential(tenant: Tenant) -> None:
    credentials = tenant.server.services.credentials

    async def rounds() -> list[set[str]]:
        made = []
        for number in range(ROUNDS):
            draft = NewCredential(f"EU {number}", ConnectorClient(client_id="id", client_secret=SecretStr("example")))
            asked = (credentials.create(tenant.application, ProviderName.GOOGLE, draft) for _ in range(6))
            made.append({one.id for one in await asyncio.gather(*asked)})
        return made

    assert [len(ids) for ids in tenant.server.call(rounds())] == [1] * ROUNDS


def test_a_credential_is_made_active_or_deleted_and_never_both(tenant: Tenant) -> None:
    connectors, credentials = tenant.server.services.connectors, tenant.server.services.credentials
    made = [data(tenant.post(CREDS, body(f"EU {number}")))["id"] for number in range(ROUNDS)]

    async def rounds() -> list[int]:
        refused = []
        for id_ in made:
            answers = await asyncio.gather(
                connectors.update(tenant.application, ProviderName.GOOGLE, ConnectorFields(active_credential_id=id_)),
                credentials.delete(tenant.application, ProviderName.GOOGLE, id_),
                return_exceptions=True,
            )
            refused.append(sum(isinstance(answer, InvalidRequest) for answer in answers))
        return refused

    assert tenant.server.call(rounds()) == [1] * ROUNDS
    active = data(tenant.get("/v3/connectors/google"))["active_credential_id"]
    assert tenant.get(f"{CREDS}/{active}").status_code == 200


def test_a_stranger_finds_none_of_it(tenant: Tenant, stranger: Tenant) -> None:
    made = data(tenant.post(CREDS, body()))
    stranger.connector("google")
    missing = problem(stranger.get(f"{CREDS}/00000000-0000-4000-8000-000000000000"))
    assert problem(stranger.get(f"{CREDS}/{made['id']}")) == missing
    assert problem(stranger.delete(f"{CREDS}/{made['id']}")) == missing
