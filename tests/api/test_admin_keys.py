"""/v3/admin/applications/{id}/api-keys: keys made by a service account."""

import re
import uuid

import pytest

from tests.api.signed import Account, account, foreign_account
from tests.support import LiveServer, Tenant, data, problem

DAY = 86_400


@pytest.fixture(scope="module")
def admin(server: LiveServer) -> Account:
    return account(server)


def keys(tenant: Tenant) -> str:
    return f"/v3/admin/applications/{tenant.application.id}/api-keys"


def works(tenant: Tenant, key: str) -> bool:
    with tenant.server.client(key) as http:
        return http.get("/v3/grants").status_code == 200


def test_a_new_key_works_and_is_shown_once(admin: Account, tenant: Tenant) -> None:
    answer = admin.post(keys(tenant), {"name": "ci", "expires_in": 30})
    made = data(answer)
    assert answer.status_code == 200
    assert re.fullmatch(r"nyk_v0_[A-Za-z0-9]{43}", made["api_key"])
    assert works(tenant, made["api_key"])
    assert (made["name"], made["application_id"], made["status"]) == ("ci", tenant.application.id, "active")
    assert made["permissions"] == ["all"]
    assert made["expires_at"] - made["created_at"] == 30 * DAY
    assert made["updated_at"] == made["created_at"]
    for later in (admin.get(keys(tenant)), admin.get(f"{keys(tenant)}/{made['id']}")):
        assert made["api_key"] not in later.text
        assert "api_key" not in str(later.json()["data"])


@pytest.mark.parametrize("body", [None, {}, {"name": None, "expires_in": None, "permissions": None}])
def test_name_and_lifetime_have_defaults(admin: Account, tenant: Tenant, body: dict[str, None] | None) -> None:
    made = data(admin.post(keys(tenant), body))
    assert made["permissions"] == ["all"]
    assert made["name"] == "api-key"
    assert made["expires_at"] - made["created_at"] == 90 * DAY


@pytest.mark.parametrize("body", [{"expires_in": 0}, {"expires_in": "soon"}, {"expires_in": 10**9}, {"name": ""}])
def test_a_senseless_wish_is_refused_by_name(admin: Account, tenant: Tenant, body: dict[str, object]) -> None:
    status, type_, message = problem(admin.post(keys(tenant), body))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert next(iter(body)) in message


def test_keys_are_listed_in_order_with_their_lifetime_in_seconds(admin: Account, tenant: Tenant) -> None:
    for name in ("one", "two"):
        admin.post(keys(tenant), {"name": name, "expires_in": 1})
    answer = admin.get(keys(tenant)).json()
    assert set(answer) == {"request_id", "data"}
    assert [key["name"] for key in answer["data"]] == ["test", "one", "two"]
    assert [key.get("expires_in") for key in answer["data"]] == [None, DAY, DAY]
    one = answer["data"][1]
    assert data(admin.get(f"{keys(tenant)}/{one['id']}")) == one


def test_a_deleted_key_stops_working_at_once(admin: Account, tenant: Tenant) -> None:
    made = data(admin.post(keys(tenant), {}))
    path = f"{keys(tenant)}/{made['id']}"
    assert works(tenant, made["api_key"])
    assert set(admin.request("DELETE", path).json()) == {"request_id"}
    assert not works(tenant, made["api_key"])
    assert data(admin.get(path))["status"] == "revoked"
    assert works(tenant, tenant.api_key)


def test_what_does_not_exist_is_not_found(admin: Account, tenant: Tenant) -> None:
    nowhere = f"/v3/admin/applications/{uuid.uuid4()}/api-keys"
    for answer in (
        admin.get(nowhere),
        admin.post(nowhere, {}),
        admin.get(f"{keys(tenant)}/{uuid.uuid4()}"),
        admin.request("DELETE", f"{keys(tenant)}/{uuid.uuid4()}"),
    ):
        assert problem(answer)[:2] == (404, "api.not_found_error")


def test_a_key_is_found_under_its_own_application_only(admin: Account, tenant: Tenant, stranger: Tenant) -> None:
    made = data(admin.post(keys(tenant), {}))
    for method in ("GET", "DELETE"):
        assert problem(admin.request(method, f"{keys(stranger)}/{made['id']}"))[0] == 404
    assert works(tenant, made["api_key"])


def test_a_foreign_organization_has_no_such_application(server: LiveServer, tenant: Tenant) -> None:
    outsider = foreign_account(server)
    assert problem(outsider.get(keys(tenant)))[:2] == (404, "api.not_found_error")
    assert problem(outsider.post(keys(tenant), {}))[:2] == (404, "api.not_found_error")


def test_permissions_for_keys_are_asked_one_by_one(server: LiveServer, tenant: Tenant) -> None:
    maker = account(server, ["apikey.create"])
    made = data(maker.post(keys(tenant), {}))
    for answer in (maker.get(keys(tenant)), maker.request("DELETE", f"{keys(tenant)}/{made['id']}")):
        assert problem(answer)[:2] == (403, "api.authentication_error")
    assert works(tenant, made["api_key"])
