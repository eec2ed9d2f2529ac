"""A request's key and the grant of its path are looked up together: who may not ask still hears that first."""

import httpx
import pytest

from tests.support import Tenant, data, problem, secret

NAMES = {
    "id": "{id}",
    "capitals": "{ID}",
    "grant:": "grant:{id}",
    "address": "room-7@hq.example",
    "email:": "email:Room-7@HQ.example",
    "external:": "external:e-7",
    "missing id": "00000000-0000-4000-8000-000000000000",
    "missing name": "nothing@hq.example",
    "NUL": "a%00b",
    "me": "me",
}
ANSWERS = {"missing id": 404, "missing name": 404, "NUL": 404, "me": 400}
"""To those who may ask; 200 unless it is here."""


@pytest.fixture(params=NAMES)
def asked(request: pytest.FixtureRequest, tenant: Tenant) -> tuple[str, int]:
    """A path, and what the owner of the grant gets there."""
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "Room-7@HQ.example"}, external_id="e-7"))
    name = NAMES[request.param].format(id=made["id"], ID=str(made["id"]).upper())
    return f"/v3/grants/{name}", ANSWERS.get(request.param, 200)


def key(tenant: Tenant, *permissions: str) -> tuple[str, httpx.Client]:
    """Another key of the application: its id, and a client with it."""
    made = tenant.server.call(
        tenant.server.services.api_keys.create(tenant.application, "k", lifetime=None, permissions=permissions)
    )
    return made.key.id, tenant.server.client(made.secret.get_secret_value())


def test_the_owner_finds_it(tenant: Tenant, asked: tuple[str, int]) -> None:
    path, status = asked
    assert tenant.get(path).status_code == status


def test_a_key_is_refused_by_the_request_after_its_revocation(tenant: Tenant, asked: tuple[str, int]) -> None:
    path, status = asked
    id_, client = key(tenant, "all")
    with client:
        assert client.get(path).status_code == status
        tenant.server.call(tenant.server.services.api_keys.revoke(id_))
        assert problem(client.get(path))[0] == 401


def test_a_key_without_the_permission_hears_just_that(tenant: Tenant, asked: tuple[str, int]) -> None:
    _, client = key(tenant, "grants.token")
    with client:
        status, _, message = problem(client.get(asked[0]))
    assert (status, "lacks the permission all" in message) == (403, True)


def test_a_stranger_is_refused_before_anything_else(tenant: Tenant, asked: tuple[str, int]) -> None:
    for bearer in (None, secret("unknown"), "x" * 600):
        with tenant.server.client(bearer) as client:
            assert problem(client.get(asked[0]))[0] == 401


def test_another_application_finds_nothing(tenant: Tenant, stranger: Tenant, asked: tuple[str, int]) -> None:
    path, status = asked
    assert stranger.get(path).status_code == (404 if status == 200 else status)
