"""POST /v3/grants/{id}/token, and what becomes of a grant whose provider refuses: through the whole house."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from opengrant.model import SECOND, now
from opengrant.store.engine.port import Dialect
from tests.fakes.oauth import FakeOAuth, Reply, entra_error
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap, problem, rounds, secret

DEAD = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}


@pytest.fixture
def reader(server: LiveServer, tenant: Tenant) -> Iterator[httpx.Client]:
    """The tenant's application, by a key that may read live tokens."""
    key = server.call(
        server.services.api_keys.create(
            tenant.application, "reader", lifetime=None, permissions=("all", "grants.token")
        )
    )
    # Not the server's own kind of client: its answers hold tokens, and are not to be searched for secrets.
    headers = {"Authorization": f"Bearer {key.secret.get_secret_value()}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=90, trust_env=False, verify=False) as client:
        yield client


def make(tenant: Tenant, provider: FakeOAuth, name: str = "google", email: str = "ana@example.com", **more: Any) -> Any:
    """A grant whose refresh token the provider knows; its secret is under `token`."""
    token = secret("refresh")
    provider.accepts(token, email=email, **more)
    if not any(one["provider"] == name for one in data(tenant.get("/v3/connectors"))):
        tenant.connector(name)
    answer = tenant.connect(name, {"refresh_token": token})
    assert answer.status_code == 201, answer.text
    return data(answer) | {"token": token}


def age(server: LiveServer, grant: Any, *, seconds: int = 4000) -> None:
    """As if the grant had been made so long ago: its token is dead and it is due."""
    server.rows(
        """update grants set token_expires_at = token_expires_at - $2, due_at = due_at - $2, proven_at = proven_at - $2
           where id = $1""",
        grant["id"],
        seconds * SECOND,
    )


def later(server: LiveServer, grant: Any) -> None:
    """As if what the grant's trouble says to wait for were over."""
    put_trouble(server, grant, retry_at=1, last_seen=1)
    server.rows("update grants set due_at = 1 where id = $1", grant["id"])


def put_trouble(server: LiveServer, grant: Any, **more: int) -> None:
    ((trouble,),) = server.rows("select trouble from grants where id = $1", grant["id"])
    server.rows("update grants set trouble = $2 where id = $1", grant["id"], json.dumps(json.loads(trouble) | more))


def just_now(server: LiveServer, grant: Any) -> None:
    """As if the grant's trouble had been met this moment, and the wait for it had hardly begun."""
    ((trouble,),) = server.rows("select trouble from grants where id = $1", grant["id"])
    told = json.loads(trouble) | {"retry_at": now() + 3600 * SECOND, "last_seen": now()}
    server.rows("update grants set trouble = $2 where id = $1", grant["id"], json.dumps(told))


def clock(server: LiveServer) -> None:
    """What the clock does until nothing is due."""
    server.call(rounds(server))


def read(client: httpx.Client, grant: Any, **body: Any) -> httpx.Response:
    return client.post(f"/v3/grants/{grant['id']}/token", json=body)


def shown(tenant: Tenant, grant: Any) -> Any:
    return data(tenant.get(f"/v3/grants/{grant['id']}"))


def test_a_key_must_name_the_permission(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    status, _, message = problem(read(tenant.http, grant))
    assert status == 403
    assert "grants.token" in message


def test_a_token_with_life_left_is_not_asked_for_again(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth
) -> None:
    grant = make(tenant, provider)
    before = provider.count("token")
    live = data(read(reader, grant, reason="sync"))
    assert live["access_token"] in provider.issued
    assert live["token_type"] == "Bearer"
    assert live["expires_at"] * SECOND > now() + 3000 * SECOND
    assert live["scope"] == grant["scope"]
    assert provider.count("token") == before


def test_every_reading_is_in_the_audit_trail(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    read(reader, grant, reason="nightly sync")
    rows = server.rows(
        "select actor, detail from events where grant_id = $1 and type = 'grant.token_read'", grant["id"]
    )
    ((actor, detail),) = rows
    assert actor.startswith("key:")
    assert json.loads(detail)["reason"] == "nightly sync"


def entries(server: LiveServer, grant: Any) -> int:
    """How often the audit trail says that the token was read."""
    sql = "select count(*) from events where grant_id = $1 and type = 'grant.token_read'"
    return int(server.rows(sql, grant["id"])[0][0])


def refuse_entries(server: LiveServer, grant: Any) -> Iterator[str]:
    """Statements that make the database refuse entries about the grant, and then accept them again."""
    name, mine = f"refuse_{grant['id'].replace('-', '_')}", f"new.grant_id = '{grant['id']}'"
    if server.services.db.dialect is Dialect.SQLITE:
        yield f"create trigger {name} before insert on events when {mine} begin select raise(abort, 'no'); end"
        yield f"drop trigger {name}"
    else:
        yield f"""create function {name}() returns trigger language plpgsql as $$ begin raise 'no'; end $$"""
        yield f"create trigger {name} before insert on events for each row when ({mine}) execute function {name}()"
        yield f"drop function {name} cascade"


def test_no_token_is_handed_out_without_its_entry(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    *refuse, accept = refuse_entries(server, grant)
    for sql in refuse:
        server.rows(sql)
    try:
        answer = read(reader, grant)
    finally:
        server.rows(accept)
    assert (answer.status_code, "access_token" in answer.text) == (500, False)
    assert entries(server, grant) == 0
    assert (read(reader, grant).status_code, entries(server, grant)) == (200, 1)


def test_a_use_is_noted_once_an_hour(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)

    def used(ago: int) -> bool:
        """Whether a reading moves the time of the last use, which was so many seconds ago."""
        before = now() - ago * SECOND
        server.rows("update grants set used_at = $2 where id = $1", grant["id"], before)
        assert read(reader, grant).status_code == 200
        return int(server.rows("select used_at from grants where id = $1", grant["id"])[0][0]) > before

    assert [used(4000), used(3000)] == [True, False]
    assert entries(server, grant) == 2


def test_a_dead_token_is_renewed_by_one_request_however_many_ask(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant)
    before = provider.count("token")
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: data(read(reader, grant))["access_token"], range(60)))
    assert provider.count("token") == before + 1
    assert set(answers) == {provider.issued[-1]}
    # The entry of the first is stored with the token; each of the others has its own.
    sql = "select count(*) from events where grant_id = $1 and type = 'grant.token_read'"
    assert server.rows(sql, grant["id"])[0][0] == 60
    ((used_at, proven_at),) = server.rows("select used_at, proven_at from grants where id = $1", grant["id"])
    assert used_at == proven_at


def test_a_renewed_token_and_the_entry_of_its_reader_are_stored_together(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant)
    answer = read(reader, grant, reason="nightly sync")
    sql = "select created_at, actor, detail from events where grant_id = $1 and type = 'grant.token_read'"
    ((at, actor, detail),) = server.rows(sql, grant["id"])
    assert at == server.rows("select proven_at from grants where id = $1", grant["id"])[0][0]
    assert actor.startswith("key:")
    assert json.loads(detail) == {"request_id": answer.json()["request_id"], "reason": "nightly sync"}
    assert server.rows("select count(*) from leases where subject = $1", grant["id"])[0][0] == 0


def test_a_refusal_leaves_no_entry_of_a_reading(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant)
    provider.revokes(grant["token"])
    assert problem(read(reader, grant))[:2] == (401, "grant.refresh_token_invalid")
    sql = "select count(*) from events where grant_id = $1 and type = 'grant.token_read'"
    assert server.rows(sql, grant["id"])[0][0] == 0


def test_a_caller_may_ask_for_a_longer_life(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=1800)
    before = provider.count("token")
    read(reader, grant, minimum_ttl=1000)
    assert provider.count("token") == before
    read(reader, grant, minimum_ttl=2000)
    assert provider.count("token") == before + 1


def test_a_token_that_is_always_short_is_not_asked_for_each_time(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth
) -> None:
    grant = make(tenant, provider, tokens={"expires_in": 300})
    before = provider.count("token")
    for _ in range(3):
        assert read(reader, grant, minimum_ttl=3000).status_code == 200
    assert provider.count("token") == before


def test_a_refused_refresh_token_ends_the_grant_with_its_reason(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant)
    provider.revokes(grant["token"])
    answer = read(reader, grant)
    assert problem(answer)[:2] == (401, "grant.refresh_token_invalid")
    assert answer.json()["error"]["provider_error"]["opengrant"]["class"] == "reconnect"
    seen = shown(tenant, grant)
    assert seen["grant_status"] == "invalid"
    assert seen["opengrant"]["trouble"]["provider_code"] == "invalid_grant"
    assert seen["opengrant"]["trouble"]["remedy"]
    assert "next_check_at" not in seen["opengrant"]
    ((type_, payload),) = [event for event in tenant.events() if event[0] == "grant.expired"]
    assert type_
    assert json.loads(payload)["opengrant"]["reason"] == seen["opengrant"]["trouble"]["reason"]
    asked = provider.count("token")
    assert problem(read(reader, grant))[:2] == (401, "grant.refresh_token_invalid")
    assert provider.count("token") == asked
    assert [one["id"] for one in data(tenant.get("/v3/grants?grant_status=invalid"))] == [grant["id"]]


def test_connecting_again_brings_an_invalid_grant_back(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant)
    provider.revokes(grant["token"])
    read(reader, grant)
    again = make(tenant, provider)
    assert again["id"] == grant["id"]
    assert again["grant_status"] == "valid"
    assert "trouble" not in again["opengrant"]
    assert read(reader, again).status_code == 200


@pytest.mark.parametrize(
    ("reply", "status", "type_", "class_"),
    [
        (Reply(503, "down"), 504, "api.provider_error", "provider_down"),
        (Reply(429, "slow", {"Retry-After": "90"}), 429, "api.rate_limit_error", "rate_limited"),
        (Reply(401, {"error": "invalid_client"}), 504, "api.provider_error", "connector"),
        (Reply(fault="reset"), 504, "api.provider_error", "provider_down"),
        (Reply(200, "no JSON"), 504, "api.provider_error", "provider_down"),
    ],
    ids=["down", "throttled", "connector", "reset", "garbage"],
)
def test_nothing_but_a_refusal_of_the_token_ends_a_grant(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer, reply: Reply, status: int,
    type_: str, class_: str
) -> None:  # fmt: skip
    grant = make(tenant, provider)
    age(server, grant)
    provider.answers("token", reply)
    answer = read(reader, grant)
    assert problem(answer)[:2] == (status, type_), answer.text
    assert int(answer.headers["retry-after"]) >= (90 if status == 429 else 1)
    seen = shown(tenant, grant)
    assert (seen["grant_status"], seen["opengrant"]["trouble"]["class"]) == ("valid", class_)
    asked = provider.count("token")
    just_now(server, grant)
    assert problem(read(reader, grant))[:2] == (status, type_)
    assert provider.count("token") == asked, "a failure is remembered for a moment"
    provider.behaves()
    later(server, grant)
    server.rows("delete from brakes where application_id = $1", tenant.application.id)
    assert read(reader, grant).status_code == 200
    assert "trouble" not in shown(tenant, grant)["opengrant"]


def test_while_the_provider_is_down_the_stored_token_serves(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=3000)
    provider.refuses(503)
    assert data(read(reader, grant, minimum_ttl=3000))["access_token"] == provider.issued[-1]
    assert shown(tenant, grant)["opengrant"]["trouble"]["class"] == "provider_down"


def test_throttling_in_the_mask_of_a_dead_token_is_throttling(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider, "microsoft", scope="User.Read offline_access")
    age(server, grant)
    provider.refuses(400, entra_error("invalid_grant", 50196, "The server terminated an operation."))
    assert problem(read(reader, grant))[:2] == (429, "api.rate_limit_error")
    assert shown(tenant, grant)["grant_status"] == "valid"


def test_a_grant_with_a_password_says_what_to_use_instead(
    tenant: Tenant, reader: httpx.Client, dovecot: Dovecot
) -> None:
    tenant.connector("imap")
    grant = data(tenant.connect("imap", imap(dovecot, "alice@example.test")))
    status, type_, message = problem(read(reader, grant))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert "password" in message


def test_a_strangers_grant_does_not_exist(
    tenant: Tenant, stranger: Tenant, server: LiveServer, provider: FakeOAuth
) -> None:
    grant = make(tenant, provider)
    key = server.call(
        server.services.api_keys.create(
            stranger.application, "reader", lifetime=None, permissions=("all", "grants.token")
        )
    )
    with server.client(key.secret.get_secret_value()) as client:
        assert problem(read(client, grant))[:2] == (404, "grant.not_found")
    assert entries(server, grant) == 0


def test_a_blocked_grant_gives_nothing(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    server.call(server.services.grants.block(grant["id"], blocked=True))
    assert problem(read(reader, grant))[0] == 423
    assert entries(server, grant) == 0


def test_a_rotated_token_is_kept_and_the_one_before_it_too(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider, "microsoft", scope="User.Read offline_access")
    for _ in range(3):
        age(server, grant)
        assert read(reader, grant).status_code == 200
    rotated = [seen.form["refresh_token"] for seen in provider.requests if seen.endpoint == "token"]
    assert len(set(rotated)) == 4
    provider.revokes(newest(provider))
    age(server, grant)
    assert read(reader, grant).status_code == 200, "the one before it is tried before the grant is given up"


def newest(provider: FakeOAuth) -> str:
    """The refresh token that was given out last."""
    return list(provider.accounts)[-1]


def test_a_spent_single_use_token_leads_to_the_grant_that_lives_on(
    tenant: Tenant, reader: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    scope = "user:read:user meeting:read:meeting"
    grant = make(tenant, provider, "zoom", scope=scope, single_use=True)
    (current,) = [token for token in provider.accounts if token != grant["token"]]
    age(server, grant)
    assert read(reader, grant).status_code == 200
    again = tenant.connect("zoom", {"refresh_token": current})
    assert data(again)["id"] == grant["id"]


# ── on the clock ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_clock_renews_what_is_due_and_leaves_the_rest(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    due = make(tenant, provider, email="due@example.com")
    rest = make(tenant, provider, email="rest@example.com")
    age(server, due)
    clock(server)
    spent = [seen.form["refresh_token"] for seen in provider.requests if seen.endpoint == "token"]
    assert spent.count(due["token"]) == 2
    assert spent.count(rest["token"]) == 1
    assert shown(tenant, due)["opengrant"]["next_check_at"] * SECOND > now()
    assert server.rows("select count(*) from leases where application_id = $1", tenant.application.id)[0][0] == 0


def test_a_grant_that_nobody_needs_is_kept_from_dying_of_disuse(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reader: httpx.Client
) -> None:
    grant = make(tenant, provider)
    server.rows("update grants set used_at = used_at - $2 where id = $1", grant["id"], 8 * 86_400 * SECOND)
    age(server, grant)
    clock(server)
    week = 7 * 86_400
    assert 6 * 86_400 - 60 < shown(tenant, grant)["opengrant"]["next_check_at"] - now() // SECOND < week + 86_460
    read(reader, grant)
    assert shown(tenant, grant)["opengrant"]["next_check_at"] - now() // SECOND < 3600


def test_a_stored_password_is_proven_again_and_a_refusal_confirmed_before_it_counts(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, dovecot: Dovecot
) -> None:
    tenant.connector("imap")
    grant = data(tenant.connect("imap", imap(dovecot, "alice@example.test")))
    server.rows("update grants set due_at = 1 where id = $1", grant["id"])
    clock(server)
    proven = shown(tenant, grant)["opengrant"]
    assert proven["next_check_at"] > now() // SECOND + 70_000
    with dovecot.refusing("alice@example.test"):
        server.rows("update grants set due_at = 1 where id = $1", grant["id"])
        clock(server)
        doubted = shown(tenant, grant)
        assert doubted["grant_status"] == "valid"
        assert doubted["opengrant"]["trouble"]["suspected"] is True
        assert doubted["opengrant"]["next_check_at"] > now() // SECOND + 800
        later(server, grant)
        clock(server)
    assert shown(tenant, grant)["grant_status"] == "invalid"
    assert "grant.expired" in [type_ for type_, _ in tenant.events()]


def test_many_grants_that_fail_alike_accuse_their_connector(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reader: httpx.Client
) -> None:
    grants = [make(tenant, provider, email=f"user{n}@example.com") for n in range(8)]
    server.rows(
        "update grants set updated_at = updated_at - $2 where application_id = $1", tenant.application.id, 10**9
    )
    for grant in grants:
        age(server, grant)
    provider.refuses(400, DEAD)
    for grant in grants[:4]:
        assert problem(read(reader, grant))[0] == 401
    assert problem(read(reader, grants[4]))[0] == 504
    assert {shown(tenant, grant)["grant_status"] for grant in grants} == {"valid"}
    clock(server)
    assert {shown(tenant, grant)["grant_status"] for grant in grants} == {"valid"}
    types = [type_ for type_, _ in tenant.events()]
    assert types.count("connector.degraded") == 1
    asked = provider.count("token")
    assert problem(read(reader, grants[7]))[:2] == (504, "api.provider_error")
    assert provider.count("token") == asked, "a degraded connector is left alone"
    provider.behaves()
    server.rows("update brakes set probe_at = 1 where application_id = $1", tenant.application.id)
    clock(server)
    types = [type_ for type_, _ in tenant.events()]
    assert types.count("connector.recovered") == 1
    assert all(read(reader, grant).status_code == 200 for grant in grants)


def test_a_new_client_secret_is_tried_at_once(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reader: httpx.Client
) -> None:
    grants = [make(tenant, provider, email=f"user{n}@example.com") for n in range(6)]
    server.rows(
        "update grants set updated_at = updated_at - $2 where application_id = $1", tenant.application.id, 10**9
    )
    for grant in grants:
        age(server, grant)
    provider.refuses(401, {"error": "invalid_client", "error_description": "The provided client secret is invalid."})
    clock(server)
    assert [type_ for type_, _ in tenant.events()].count("connector.degraded") == 1
    provider.behaves()
    tenant.patch("/v3/connectors/google", {"settings": {"client_id": "client", "client_secret": secret("new")}})
    clock(server)
    assert [type_ for type_, _ in tenant.events()].count("connector.recovered") == 1


def test_an_unclear_refusal_is_asked_about_once_more_before_it_ends_a_grant(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reader: httpx.Client
) -> None:
    refusals = {
        "google": {"error": "invalid_grant", "error_description": "Bad Request"},
        "microsoft": {"error": "invalid_grant"},
        "yahoo": {"error": "invalid_grant", "error_description": "Something is wrong."},
        "zoom": {"reason": "Invalid Token!", "error": "invalid_grant"},
    }
    for name, body in refusals.items():
        grant = make(tenant, provider, name, email=f"{name}@example.com", scope="openid email User.Read user:read:user")
        for answers, status in ((True, 200), (False, 401)):
            age(server, grant)
            provider.refuses(400, body)
            for _ in range(2):  # asked for in between, it confirms nothing
                doubted = read(reader, grant)
                assert problem(doubted)[:2] == (503, "service_unavailable"), name
                assert 50 <= int(doubted.headers["retry-after"]) <= 60
                told = doubted.json()["error"]["provider_error"]["opengrant"]
                assert (told["class"], bool(told["reason"])) == ("reconnect", True)
                seen = shown(tenant, grant)
                assert (seen["grant_status"], seen["opengrant"]["trouble"]["suspected"]) == ("valid", True)
                put_trouble(server, grant, last_seen=1)
            if answers:
                provider.behaves()
            later(server, grant)
            assert read(reader, grant).status_code == status, name
            assert ("trouble" in shown(tenant, grant)["opengrant"]) is not answers
            provider.behaves()
    types = [type_ for type_, _ in tenant.events()]
    assert types.count("grant.expired") == len(refusals)
    assert "connector.degraded" not in types


def test_a_token_with_life_left_is_served_while_a_refusal_is_doubted(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reader: httpx.Client
) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=3400)
    provider.refuses(400, {"error": "invalid_grant"})
    clock(server)
    assert shown(tenant, grant)["opengrant"]["trouble"]["suspected"] is True
    assert read(reader, grant).status_code == 200


def test_a_token_that_lives_for_less_than_a_minute_is_renewed_in_its_second_half(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reader: httpx.Client
) -> None:
    grant = make(tenant, provider, tokens={"expires_in": 40})
    asked, first = provider.count("token"), data(read(reader, grant))["access_token"]
    assert provider.count("token") == asked
    age(server, grant, seconds=25)
    again = read(reader, grant)
    assert again.status_code == 200, again.text
    assert data(again)["access_token"] != first
    assert provider.count("token") == asked + 1


def test_a_rotation_that_a_crash_has_lost_is_called_so(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reader: httpx.Client
) -> None:
    grant = make(tenant, provider, "zoom", scope="user:read:user", single_use=True)
    age(server, grant)
    server.rows(
        "insert into leases (application_id, subject, owner, until, attempts) values ($1, $2, 'gone', 1, 1)",
        tenant.application.id,
        grant["id"],
    )
    for token in list(provider.accounts):
        provider.revokes(token)
    assert problem(read(reader, grant))[0] == 401
    assert shown(tenant, grant)["opengrant"]["trouble"]["reason"] == "rotation_lost"
    # A circuit breaker gives grants back that it took for the connector's victims; what was lost stays lost.
    server.rows("update grants set status = 'valid', due_at = 1 where id = $1", grant["id"])
    later(server, grant)
    assert problem(read(reader, grant))[0] == 401
    assert shown(tenant, grant)["opengrant"]["trouble"]["reason"] == "rotation_lost"
