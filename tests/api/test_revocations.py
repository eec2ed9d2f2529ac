"""DELETE /v3/grants/{id}, afterwards: the provider is told that the token shall die, where that harms nobody."""

import uuid
from typing import Any

import pytest

from tests.api.test_token import age
from tests.fakes.oauth import FakeOAuth, Reply
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap, secret


@pytest.fixture(autouse=True)
def connectors(tenant: Tenant) -> None:
    for name in ("google", "microsoft", "imap"):
        tenant.connector(name)


@pytest.fixture
def owner() -> str:
    """An account that no other test has a grant of, in whatever application."""
    return f"{uuid.uuid4().hex}@example.com"


def make(tenant: Tenant, provider: FakeOAuth, email: str, name: str = "google", **more: Any) -> tuple[str, str]:
    """Connect an account. Returns the grant's id and the token that it was made with."""
    token = secret(uuid.uuid4().hex)
    provider.accepts(token, email=email, scope="openid email User.Read", **more)
    return str(data(tenant.connect(name, {"refresh_token": token}))["id"]), token


def delete(tenant: Tenant, grant_id: str) -> None:
    assert tenant.delete(f"/v3/grants/{grant_id}").status_code == 200


def revoked(server: LiveServer, provider: FakeOAuth) -> list[str]:
    """The tokens that the provider was told of, once nobody is at it any more."""
    server.call(server.services.grants.revocations.idle())
    return [seen.form["token"] for seen in provider.requests if seen.endpoint == "revoke"]


def test_a_deleted_grants_token_dies_at_google(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth, owner: str
) -> None:
    grant_id, token = make(tenant, provider, owner)
    delete(tenant, grant_id)
    assert revoked(server, provider) == [token]
    assert token not in provider.accounts


def test_nobody_waits_for_it(tenant: Tenant, server: LiveServer, provider: FakeOAuth, owner: str) -> None:
    grant_id, token = make(tenant, provider, owner)
    with provider.holding():
        # Less than the provider may take: the answer does not depend on its.
        answer = tenant.http.delete(f"/v3/grants/{grant_id}", timeout=15)
        assert answer.status_code == 200
        provider.wait_for("revoke", 1)
    assert revoked(server, provider) == [token]


@pytest.mark.parametrize("reply", [Reply(503, "down"), Reply(fault="reset"), Reply(400, {"error": "invalid_token"})])
def test_what_comes_of_it_is_nobodys_problem(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth, owner: str, reply: Reply
) -> None:
    grant_id, token = make(tenant, provider, owner)
    provider.answers("revoke", reply)
    delete(tenant, grant_id)
    assert revoked(server, provider) == [token]
    assert tenant.get(f"/v3/grants/{grant_id}").status_code == 404
    assert [type_ for type_, _ in tenant.events()] == ["grant.created", "grant.deleted"]


@pytest.mark.parametrize("where", ["here under another address", "in another application"])
def test_not_while_another_grant_of_the_account_lives(
    tenant: Tenant, stranger: Tenant, server: LiveServer, provider: FakeOAuth, owner: str, where: str
) -> None:
    """Google takes back the whole consent of that account, whoever holds a token of it."""
    subject = uuid.uuid4().hex
    grant_id, _ = make(tenant, provider, owner, subject=subject)
    stranger.connector("google")
    sharing, email = (stranger, owner) if where == "in another application" else (tenant, f"new-{owner}")
    second, token = make(sharing, provider, email, subject=subject)
    delete(tenant, grant_id)
    assert revoked(server, provider) == []
    delete(sharing, second)
    assert revoked(server, provider) == [token]


def test_whoever_connects_again_at_once_is_not_harmed(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth, owner: str
) -> None:
    """What counts is who has the account when the request would leave, not when the grant was deleted."""
    records, app = server.services.grants, tenant.application
    grant_id, _ = make(tenant, provider, owner)
    gone, live = server.call(server.services.db.write(records._delete(app, grant_id)))
    again, token = make(tenant, provider, owner)

    async def begin() -> None:
        records.revocations.begin(gone, live)

    server.call(begin())
    assert revoked(server, provider) == []
    delete(tenant, again)
    assert revoked(server, provider) == [token]


def test_a_token_that_was_refused_is_dead_already(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth, owner: str
) -> None:
    grant_id, token = make(tenant, provider, owner)
    provider.revokes(token)
    age(server, {"id": grant_id})
    assert data(tenant.post(f"/v3/grants/{grant_id}/check"))["grant_status"] == "invalid"
    delete(tenant, grant_id)
    assert revoked(server, provider) == []


def test_a_grant_that_we_ended_ourselves_has_a_token_that_lives(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth, owner: str
) -> None:
    by_request, first = make(tenant, provider, f"a{owner}")
    without_connector, second = make(tenant, provider, f"b{owner}")
    assert tenant.post(f"/v3/grants/{by_request}/invalidate").status_code == 200
    tenant.delete("/v3/connectors/google")
    assert revoked(server, provider) == []
    delete(tenant, by_request)
    delete(tenant, without_connector)
    assert sorted(revoked(server, provider)) == sorted([first, second])


def test_nothing_is_sent_where_nobody_would_take_it(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth, dovecot: Dovecot, owner: str
) -> None:
    """Entra has no such endpoint, and a mailbox keeps its password."""
    delete(tenant, make(tenant, provider, owner, "microsoft")[0])
    delete(tenant, data(tenant.connect("imap", imap(dovecot, "alice@example.test")))["id"])
    asked = provider.count("token")
    assert revoked(server, provider) == []
    assert provider.count("token") == asked
