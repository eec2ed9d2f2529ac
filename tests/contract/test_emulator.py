"""Google and Microsoft as the provider emulator plays them: an independent reading of how they behave."""

from collections.abc import Iterator

import pytest

from tests.peers.emulate import Emulate
from tests.support import LiveServer, Tenant, data, problem


@pytest.fixture
def tenant(emulated: LiveServer, emulate: Emulate) -> Iterator[Tenant]:
    made = emulated.tenant()
    for provider in ("google", "microsoft"):
        made.connector(provider, settings=dict(emulate.client))
    yield made
    made.http.close()


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_a_refresh_token_becomes_a_grant_of_its_owner(tenant: Tenant, emulate: Emulate, provider: str) -> None:
    token = emulate.refresh_token(provider, "bob@example.com", ["openid", "email", "profile", "User.Read"])
    answer = tenant.connect(provider, {"refresh_token": token})
    assert answer.status_code == 201, answer.text
    made = data(answer)
    assert (made["email"], made["grant_status"]) == ("bob@example.com", "valid")
    assert made["provider_user_id"]
    again = emulate.refresh_token(provider, "bob@example.com", ["openid", "email", "profile", "User.Read"])
    assert data(tenant.connect(provider, {"refresh_token": again}))["id"] == made["id"]


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_an_unknown_token_is_refused(tenant: Tenant, provider: str) -> None:
    assert problem(tenant.connect(provider, {"refresh_token": "1//unknown"}))[:2] == (
        400,
        "grant.refresh_token_invalid",
    )


def test_a_wrong_client_secret_is_the_connectors_fault(tenant: Tenant, emulate: Emulate) -> None:
    token = emulate.refresh_token("google", "bob@example.com", ["openid", "email"])
    tenant.patch("/v3/connectors/google", {"settings": {"client_secret": "wrong"}})
    assert problem(tenant.connect("google", {"refresh_token": token}))[:2] == (400, "token.exchange_failed")
    tenant.patch("/v3/connectors/google", {"settings": {"client_secret": emulate.client["client_secret"]}})
    assert tenant.connect("google", {"refresh_token": token}).status_code == 201


def test_a_token_that_the_emulator_retires_at_once_is_never_lost(tenant: Tenant, emulate: Emulate) -> None:
    """Here each refresh kills the token it spent: sending the same request again must still find the grant."""
    token = emulate.refresh_token("microsoft", "bob@example.com", ["openid", "email", "User.Read", "offline_access"])
    first = data(tenant.connect("microsoft", {"refresh_token": token}))
    assert data(tenant.connect("microsoft", {"refresh_token": token}))["id"] == first["id"]
