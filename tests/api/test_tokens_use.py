"""What tokens are good for, how they are refreshed and looked at, and how they end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from opengrant.access.bearer_tokens import ACCESS, REFRESH, make
from opengrant.errors import InvalidRequest
from opengrant.jobs.sweep import forget_of
from tests.api.tokens import (
    INFO,
    ME,
    REVOKE,
    age,
    alive,
    answered,
    bearer,
    calendar,
    minted,
    refreshed,
    refused,
    set_terms,
    signed_in,
    written,
)
from tests.support import LiveServer, Tenant, data, problem, secret

HOUR = 3600
DAY = 24 * HOUR
DEAD = (400, "invalid_token", "Token expired or revoked")
NO_REFRESH = (400, "invalid_grant", "The refresh token is unknown, expired or revoked.")
NOBODY = (401, "token.unauthorized_access", "Bearer token invalid")


@pytest.fixture
def nobody(server: LiveServer) -> Iterator[httpx.Client]:
    """A client that sends no API key of its own."""
    with server.client(None) as client:
        yield client


def trail(tenant: Tenant, type_: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(tenant.get("/v3/audit", params={"type": type_}))
    return found


# ── as a bearer ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_access_token_opens_its_own_grant_under_each_of_its_names(tenant: Tenant, nobody: httpx.Client) -> None:
    grant = calendar(tenant)
    nobody.headers.update(bearer(minted(tenant, grant)["access_token"]))
    for name in ("me", grant["id"], grant["id"].upper(), f"grant:{grant['id']}", "room-7", "email:room-7"):
        assert data(nobody.get(f"/v3/grants/{name}")) == grant


def test_an_access_token_opens_no_other_grant_and_does_not_tell_whether_there_is_one(
    tenant: Tenant, stranger: Tenant, nobody: httpx.Client
) -> None:
    nobody.headers.update(bearer(minted(tenant, calendar(tenant))["access_token"]))
    other, theirs = calendar(tenant, "room-8"), calendar(stranger, "room-9")
    missing = "00000000-0000-4000-8000-000000000000"
    for name in (other["id"], theirs["id"], missing, "room-8", "room-9", "email:room-8", "grant:me", "external:x"):
        assert problem(nobody.get(f"/v3/grants/{name}")) == (403, "grant.access_denied", "Access to Grant denied.")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v3/grants"),
        ("PATCH", "/v3/grants/me"),
        ("DELETE", "/v3/grants/me"),
        ("POST", "/v3/grants/me/token"),
        ("GET", "/v3/connectors"),
        ("POST", "/v3/connect/custom"),
        ("GET", "/v3/applications"),
        ("GET", "/v3/audit"),
        ("GET", "/v3/webhooks"),
    ],
)
def test_an_access_token_is_no_api_key(tenant: Tenant, nobody: httpx.Client, method: str, path: str) -> None:
    token = minted(tenant, calendar(tenant))["access_token"]
    answer = nobody.request(method, path, headers=bearer(token), content=b"{}" if method in {"POST", "PATCH"} else None)
    assert problem(answer)[:2] == (403, "grant.access_denied")
    assert tenant.grants() == 1


def test_every_token_that_is_not_good_is_answered_alike(tenant: Tenant, stranger: Tenant, nobody: httpx.Client) -> None:
    grant = calendar(tenant)
    offline = signed_in(tenant, grant)
    revoked = minted(tenant, grant)["access_token"]
    nobody.post(REVOKE, params={"token": revoked})
    good = minted(tenant, grant)["access_token"]
    theirs = good.replace(good[: good.index(".")], make(ACCESS, stranger.application.id).get_secret_value()[:52])
    bad = [
        revoked,
        offline["refresh_token"],
        make(ACCESS, tenant.application.id).get_secret_value(),
        make(ACCESS, "nobody").get_secret_value(),
        theirs,
        good + "a",
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good.swapcase(),
        f"{ACCESS}{'a' * 5000}",
        ACCESS,
    ]
    for token in bad:
        assert problem(nobody.get(ME, headers=bearer(token))) == NOBODY
        assert refused(nobody.get(INFO, params={"access_token": token})) == DEAD
    age(tenant, HOUR)
    assert problem(nobody.get(ME, headers=bearer(good))) == NOBODY
    assert refused(nobody.get(INFO, params={"access_token": good})) == DEAD


def test_an_api_key_has_no_grant_of_its_own(tenant: Tenant) -> None:
    assert problem(tenant.get(ME))[:2] == (400, "api.invalid_request_error")


def test_what_an_access_token_did_stands_in_the_log_under_its_grant(tenant: Tenant, server: LiveServer) -> None:
    grant = calendar(tenant)
    answer = tenant.http.get(ME, headers=bearer(minted(tenant, grant)["access_token"]))
    lines = written(server, answer).splitlines()
    (record,) = [line for line in lines if answer.headers["x-request-id"] in line]
    assert grant["id"] in record
    assert tenant.application.id in record


# ── refresh ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refresh_token_gives_access_tokens_and_stays(tenant: Tenant) -> None:
    grant = calendar(tenant)
    held = signed_in(tenant, grant)
    for _ in range(3):
        token = answered(refreshed(tenant, held["refresh_token"]))
        assert set(token) == {"access_token", "expires_in", "grant_id", "token_type", "scope", "email", "id_token"}
        assert (token["grant_id"], token["scope"]) == (grant["id"], "calendar")
        assert alive(tenant, token["access_token"])
        age(tenant, 365 * DAY)
    assert not alive(tenant, held["access_token"])


def test_only_its_application_can_use_a_refresh_token(tenant: Tenant, stranger: Tenant) -> None:
    held = signed_in(tenant, calendar(tenant))
    for token in (
        held["refresh_token"],
        make(REFRESH, tenant.application.id).get_secret_value(),
        make(REFRESH, stranger.application.id).get_secret_value(),
        held["access_token"],
        "nonsense",
        "x" * 8000,
    ):
        assert refused(refreshed(stranger, token)) == NO_REFRESH
    assert answered(refreshed(tenant, held["refresh_token"]))


def test_an_access_token_refreshes_nothing(tenant: Tenant) -> None:
    assert refused(refreshed(tenant, signed_in(tenant, calendar(tenant))["access_token"])) == NO_REFRESH


def test_a_refresh_token_ends_at_its_age_however_much_it_is_used(tenant: Tenant) -> None:
    set_terms(tenant, refresh_token_expiration_absolute=10 * DAY)
    held = signed_in(tenant, calendar(tenant))
    for _ in range(3):
        age(tenant, 3 * DAY)
        assert answered(refreshed(tenant, held["refresh_token"]))
    age(tenant, DAY)
    assert refused(refreshed(tenant, held["refresh_token"])) == NO_REFRESH


def test_a_refresh_token_that_nobody_uses_ends_before(tenant: Tenant) -> None:
    set_terms(tenant, refresh_token_expiration_idle=2 * DAY, refresh_token_expiration_absolute=100 * DAY)
    used, idle = (signed_in(tenant, calendar(tenant, room)) for room in ("room-7", "room-8"))
    age(tenant, DAY)
    assert answered(refreshed(tenant, used["refresh_token"]))
    age(tenant, DAY)
    assert answered(refreshed(tenant, used["refresh_token"]))
    assert refused(refreshed(tenant, idle["refresh_token"])) == NO_REFRESH


def test_a_shorter_life_counts_for_tokens_that_exist(tenant: Tenant) -> None:
    held = signed_in(tenant, calendar(tenant))
    age(tenant, 5 * DAY)
    set_terms(tenant, refresh_token_expiration_absolute=5 * DAY)
    assert refused(refreshed(tenant, held["refresh_token"])) == NO_REFRESH


def test_with_rotation_each_refresh_token_is_good_once(tenant: Tenant) -> None:
    held = signed_in(tenant, calendar(tenant))
    set_terms(tenant, rotate_refresh_token=True)
    seen = {held["refresh_token"]}
    current = held["refresh_token"]
    for _ in range(3):
        token = answered(refreshed(tenant, current))
        assert alive(tenant, token["access_token"])
        current = token["refresh_token"]
        assert current not in seen
        seen.add(current)


def test_a_rotated_token_that_comes_again_ends_the_whole_family_and_no_other(tenant: Tenant) -> None:
    grant = calendar(tenant)
    held, other = signed_in(tenant, grant), signed_in(tenant, grant)
    set_terms(tenant, rotate_refresh_token=True)
    second = answered(refreshed(tenant, held["refresh_token"]))
    third = answered(refreshed(tenant, second["refresh_token"]))
    assert refused(refreshed(tenant, held["refresh_token"])) == NO_REFRESH
    for token in (held, second, third):
        assert not alive(tenant, token["access_token"])
        assert refused(refreshed(tenant, token["refresh_token"])) == NO_REFRESH
    assert alive(tenant, other["access_token"])
    assert answered(refreshed(tenant, other["refresh_token"]))
    (entry,) = trail(tenant, "token.reused")
    assert entry["grant_id"] == grant["id"]
    assert data(tenant.get(f"/v3/grants/{grant['id']}"))["grant_status"] == "valid"


def test_a_rotated_token_still_ends_its_family_when_rotation_was_switched_off(tenant: Tenant) -> None:
    held = signed_in(tenant, calendar(tenant))
    set_terms(tenant, rotate_refresh_token=True)
    second = answered(refreshed(tenant, held["refresh_token"]))
    set_terms(tenant, rotate_refresh_token=False)
    assert refused(refreshed(tenant, held["refresh_token"])) == NO_REFRESH
    assert refused(refreshed(tenant, second["refresh_token"])) == NO_REFRESH


def test_of_many_who_rotate_one_token_at_once_one_wins_and_then_nobody(tenant: Tenant) -> None:
    held = signed_in(tenant, calendar(tenant))
    set_terms(tenant, rotate_refresh_token=True)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refreshed(tenant, held["refresh_token"]), range(8)))
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert refused(refreshed(tenant, won[0]["refresh_token"])) == NO_REFRESH
    assert not alive(tenant, won[0]["access_token"])


def test_a_blocked_grant_is_not_refreshed_and_loses_nothing_by_that(tenant: Tenant, server: LiveServer) -> None:
    grant = calendar(tenant)
    held = signed_in(tenant, grant)
    set_terms(tenant, rotate_refresh_token=True)
    server.call(server.services.grants.block(grant["id"], blocked=True))
    assert refused(refreshed(tenant, held["refresh_token"]))[:2] == (400, "access_denied")
    server.call(server.services.grants.block(grant["id"], blocked=False))
    assert answered(refreshed(tenant, held["refresh_token"]))


# ── revoke ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("how", ["params", "data", "json"])
def test_revoking_either_token_ends_all_of_its_sign_in_and_leaves_the_grant(
    tenant: Tenant, nobody: httpx.Client, which: str, how: str
) -> None:
    grant = calendar(tenant)
    held, other = signed_in(tenant, grant), minted(tenant, grant)
    more = answered(refreshed(tenant, held["refresh_token"]))
    answer = nobody.post(REVOKE, **{how: {"token": held[which]}})
    assert answer.status_code == 200
    assert answer.json() == {"request_id": answer.headers["x-request-id"]}
    assert not alive(tenant, held["access_token"])
    assert not alive(tenant, more["access_token"])
    assert refused(refreshed(tenant, held["refresh_token"])) == NO_REFRESH
    assert alive(tenant, other["access_token"])
    assert data(tenant.get(f"/v3/grants/{grant['id']}")) == grant
    for token in held.values():
        assert refused(nobody.post(REVOKE, params={"token": token})) == DEAD
    (entry,) = trail(tenant, "token.revoked")
    assert (entry["grant_id"], entry["actor"]) == (grant["id"], "anonymous")


def test_a_client_that_sends_its_key_along_may_revoke_too(tenant: Tenant) -> None:
    token = minted(tenant, calendar(tenant))["access_token"]
    assert tenant.http.post(REVOKE, params={"token": token}).status_code == 200


def test_a_token_that_is_not_good_cannot_be_revoked(tenant: Tenant, nobody: httpx.Client) -> None:
    expired = minted(tenant, calendar(tenant))["access_token"]
    age(tenant, HOUR)
    for token in (expired, make(ACCESS, tenant.application.id).get_secret_value(), "nonsense", "x" * 5000, "ü\x00"):
        assert refused(nobody.post(REVOKE, params={"token": token})) == DEAD
        assert refused(nobody.post(REVOKE, json={"token": token})) == DEAD


def test_what_is_to_be_revoked_must_be_said(nobody: httpx.Client) -> None:
    missing = (400, "invalid_request", "Missing required parameter: token")
    assert refused(nobody.post(REVOKE)) == missing
    assert refused(nobody.post(REVOKE, params={"token": ""})) == missing
    assert refused(nobody.post(REVOKE, json={})) == missing
    assert refused(nobody.post(REVOKE, content=b"{"))[:2] == (400, "invalid_request")
    assert refused(nobody.post(REVOKE, json={"token": "x" * 9000}))[:2] == (400, "invalid_request")


def test_a_refresh_and_a_revocation_at_once_leave_nothing_alive(tenant: Tenant) -> None:
    grant = calendar(tenant)
    for _ in range(4):
        held = signed_in(tenant, grant)
        with ThreadPoolExecutor(4) as pool:
            refreshes = [pool.submit(refreshed, tenant, held["refresh_token"]) for _ in range(3)]
            revocation = pool.submit(tenant.http.post, REVOKE, params={"token": held["refresh_token"]})
        assert revocation.result().status_code == 200
        for refresh in refreshes:
            answer = refresh.result()
            assert answer.status_code in {200, 400}
            if answer.status_code == 200:
                assert not alive(tenant, answer.json()["access_token"])


# ── with the grant ────────────────────────────────────────────────────────────────────────────────────────────


def test_tokens_end_with_their_grant(tenant: Tenant, nobody: httpx.Client) -> None:
    grant, other = calendar(tenant), minted(tenant, calendar(tenant, "room-8"))
    held = signed_in(tenant, grant)
    id_token = minted(tenant, grant)["id_token"]
    assert tenant.delete(f"/v3/grants/{grant['id']}").status_code == 200
    assert problem(nobody.get(ME, headers=bearer(held["access_token"])))[:2] == (404, "grant.not_found")
    assert refused(nobody.get(INFO, params={"access_token": held["access_token"]})) == DEAD
    assert refused(nobody.get(INFO, params={"id_token": id_token})) == DEAD
    assert refused(refreshed(tenant, held["refresh_token"])) == NO_REFRESH
    for token in held.values():
        assert refused(nobody.post(REVOKE, params={"token": token})) == DEAD
    assert alive(tenant, other["access_token"])


def test_a_grant_that_comes_again_does_not_wake_old_tokens(tenant: Tenant, nobody: httpx.Client) -> None:
    grant = calendar(tenant)
    held = signed_in(tenant, grant)
    tenant.delete(f"/v3/grants/{grant['id']}")
    assert calendar(tenant)["id"] != grant["id"]
    assert nobody.get(ME, headers=bearer(held["access_token"])).status_code == 404
    assert refused(refreshed(tenant, held["refresh_token"])) == NO_REFRESH


# ── tokeninfo ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_kinds_of_token_tell_whose_they_are(tenant: Tenant, nobody: httpx.Client) -> None:
    grant = calendar(tenant)
    token = minted(tenant, grant)
    of_access, of_id = (data(nobody.get(INFO, params={name: token[name]})) for name in ("access_token", "id_token"))
    assert set(of_access) == {"iss", "aud", "sub", "email", "iat", "exp"}
    assert of_access.pop("exp") - of_access.pop("iat") == HOUR
    assert of_id.pop("exp") - of_id.pop("iat") == HOUR
    assert of_access == of_id
    assert of_access == {
        "iss": tenant.server.url,
        "aud": tenant.application.id,
        "sub": grant["id"],
        "email": "room-7",
    }


def test_an_id_token_that_is_not_ours_or_is_over_is_refused(tenant: Tenant, nobody: httpx.Client) -> None:
    grant, signing = calendar(tenant), tenant.server.services.tokens.signing
    good = minted(tenant, grant)["id_token"]
    claims = {"iss": tenant.server.url, "aud": tenant.application.id, "sub": grant["id"], "email": "room-7"}
    header, payload, signature = good.split(".")
    kid = nobody.get("/v3/connect/jwks").json()["keys"][0]["kid"]
    forger = RSAKey.generate_key(2048, {"kid": kid})
    stamped = {**claims, "iat": 1, "exp": 2**40}
    unknown = RSAKey.generate_key(2048, {"kid": "unknown"})
    elsewhere = {**claims, "aud": "nobody"}
    for bad in (
        tenant.server.call(signing.sign(claims, lifetime=0)).get_secret_value(),
        tenant.server.call(signing.sign(elsewhere)).get_secret_value(),
        jwt.encode({"alg": "RS256", "kid": kid}, stamped, forger),
        jwt.encode({"alg": "RS256", "kid": "unknown"}, stamped, unknown),
        f"{header}.{payload}.",
        f"{header}.{payload[:-2]}.{signature}",
        f"eyJhbGciOiJub25lIn0.{payload}.",
        minted(tenant, grant)["access_token"],
        "a.b.c",
        "x" * 9000,
    ):
        answer = nobody.get(INFO, params={"id_token": bad})
        assert refused(answer) == DEAD, bad[:40]
    assert nobody.get(INFO, params={"id_token": good}).status_code == 200


def test_a_token_must_be_named(nobody: httpx.Client) -> None:
    for query in ("", "?access_token=", "?access_token=&id_token="):
        assert refused(nobody.get(f"{INFO}{query}")) == (
            400,
            "invalid_request",
            "Missing required parameter: access_token or id_token",
        )
    assert refused(nobody.get(f"{INFO}?access_token=%ff"))[:2] == (400, "invalid_request")


# ── what is left ──────────────────────────────────────────────────────────────────────────────────────────────


def test_every_token_leaves_an_entry_that_says_who_asked(tenant: Tenant) -> None:
    grant = calendar(tenant)
    minted(tenant, grant)
    refreshed(tenant, signed_in(tenant, grant)["refresh_token"])
    entries = trail(tenant, "token.issued")
    assert [entry["detail"]["means"] for entry in entries] == [
        "refresh_token",
        "authorization_code",
        "client_credentials",
    ]
    assert {entry["grant_id"] for entry in entries} == {grant["id"]}
    assert entries[0]["actor"].startswith("key:")
    assert entries[2]["actor"].startswith("key:")
    assert entries[0]["detail"]["family_id"] == entries[1]["detail"]["family_id"]


def test_the_sweep_forgets_what_is_over_and_keeps_what_is_not(tenant: Tenant, server: LiveServer) -> None:
    grant = calendar(tenant)
    for _ in range(3):
        minted(tenant, grant)
    held = signed_in(tenant, grant)
    server.call(server.services.tokens.revoke_of_code(tenant.application, "never exchanged"))

    def rows(table: str) -> int:
        return int(server.rows(f"select count(*) from {table} where application_id = $1", tenant.application.id)[0][0])

    assert (rows("tokens"), rows("token_families")) == (5, 5)
    age(tenant, HOUR)
    server.call(forget_of(tenant.application, server.services))
    assert (rows("tokens"), rows("token_families")) == (1, 5), "families are remembered for a day"
    age(tenant, DAY)
    server.call(forget_of(tenant.application, server.services))
    assert (rows("tokens"), rows("token_families")) == (1, 1)
    assert answered(refreshed(tenant, held["refresh_token"]))


def test_a_deleted_grant_leaves_no_token_behind(tenant: Tenant, server: LiveServer) -> None:
    grant = calendar(tenant)
    signed_in(tenant, grant)
    tenant.delete(f"/v3/grants/{grant['id']}")
    age(tenant, 2 * DAY)
    server.call(forget_of(tenant.application, server.services))
    for table in ("tokens", "token_families"):
        sql = f"select count(*) from {table} where application_id = $1"
        assert server.rows(sql, tenant.application.id)[0][0] == 0


# ── signing keys ──────────────────────────────────────────────────────────────────────────────────────────────


def test_after_a_rotation_both_keys_are_published_and_the_new_one_signs(
    tenant: Tenant, server: LiveServer, nobody: httpx.Client
) -> None:
    grant = calendar(tenant)
    signing = server.services.tokens.signing
    before = minted(tenant, grant)["id_token"]
    (old, *_) = nobody.get("/v3/connect/jwks").json()["keys"]
    kid = server.call(signing.rotate())
    published = nobody.get("/v3/connect/jwks").json()["keys"]
    assert [key["kid"] for key in published] == [kid, old["kid"]]
    after = minted(tenant, grant)["id_token"]
    for token in (before, after):
        assert nobody.get(INFO, params={"id_token": token}).status_code == 200
    with pytest.raises(InvalidRequest, match="less than an hour"):
        server.call(signing.rotate())
    entries = server.rows("select count(*) from events where type = 'signing_key.rotated' and application_id = ''")
    assert entries[0][0] == 1


def test_a_secret_that_is_sent_as_a_token_is_in_no_answer(tenant: Tenant, nobody: httpx.Client) -> None:
    mark = secret("token")
    for answer in (
        nobody.post(REVOKE, params={"token": mark}),
        nobody.get(INFO, params={"access_token": mark}),
        nobody.get(INFO, params={"id_token": mark}),
        nobody.get(ME, headers=bearer(f"{ACCESS}{mark}")),
        refreshed(tenant, mark),
    ):
        assert answer.status_code in {400, 401}
        assert mark not in f"{answer.text}{answer.headers}"
