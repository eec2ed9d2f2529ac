"""POST /v3/connect/token: who may ask, for what, and what comes back."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from pydantic import SecretStr

from opengrant.server.asgi import asgi
from opengrant.signin.token_endpoint import TokenEndpoint
from tests.api.tokens import (
    ME,
    TOKEN,
    Codes,
    alive,
    answered,
    bearer,
    calendar,
    exchange,
    minted,
    refused,
    signed_in,
    written,
)
from tests.fakes.oauth import FakeOAuth
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap, secret

BACK = "https://app.example.com/back"
CHALLENGE = "ZTk2YmY2Njg2YTNjMzUxMGU5ZTkyN2RiNzA2OWNiMWNiYTliOTliMDIyZjQ5NDgzYTZjZTMyNzA4MDllNjhhMg"
Post = Callable[..., httpx.Response]


@pytest.fixture
def nobody(server: LiveServer) -> Iterator[httpx.Client]:
    """A client that sends no API key of its own."""
    with server.client(None) as client:
        yield client


def ask(tenant: Tenant, **more: Any) -> dict[str, Any]:
    """A request for client_credentials, without a secret."""
    return {"client_id": tenant.application.id, "grant_type": "client_credentials", **more}


# ── client_credentials ────────────────────────────────────────────────────────────────────────────────────────


def test_an_api_key_and_a_grants_id_become_an_access_token(tenant: Tenant) -> None:
    grant = calendar(tenant)
    token = minted(tenant, grant)
    assert set(token) == {"access_token", "expires_in", "grant_id", "token_type", "scope", "email", "id_token"}
    assert (token["expires_in"], token["token_type"], token["grant_id"]) == (3600, "Bearer", grant["id"])
    assert (token["scope"], token["email"]) == (" ".join(grant["scope"]), "room-7")
    mine = tenant.http.get(ME, headers=bearer(token["access_token"]))
    assert data(mine) == grant


def test_each_call_has_a_token_of_its_own(tenant: Tenant) -> None:
    grant = calendar(tenant)
    first, second = minted(tenant, grant), minted(tenant, grant)
    assert first["access_token"] != second["access_token"]
    assert alive(tenant, first["access_token"])


def test_a_grant_that_is_not_there_and_one_of_a_stranger_are_the_same(tenant: Tenant, stranger: Tenant) -> None:
    theirs = calendar(stranger)
    told = [
        refused(exchange(tenant, "client_credentials", grant_id=grant_id))
        for grant_id in (theirs["id"], "00000000-0000-4000-8000-000000000000", "me", "nonsense")
    ]
    assert set(told) == {(400, "invalid_grant", "grant_id: this application has no such grant.")}


def test_a_blocked_grant_is_given_no_token(tenant: Tenant, server: LiveServer) -> None:
    grant = calendar(tenant)
    server.call(server.services.grants.block(grant["id"], blocked=True))
    assert refused(exchange(tenant, "client_credentials", grant_id=grant["id"]))[:2] == (400, "access_denied")


# ── who asks ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_may_come_as_secret_or_as_bearer_in_json_or_as_a_form(tenant: Tenant, nobody: httpx.Client) -> None:
    body = ask(tenant, grant_id=calendar(tenant)["id"])
    key, header = {"client_secret": tenant.api_key}, bearer(tenant.api_key)
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    for answer in (
        nobody.post(TOKEN, json={**body, **key}),
        nobody.post(TOKEN, json=body, headers=header),
        nobody.post(TOKEN, json={**body, "client_secret": ""}, headers=header),
        nobody.post(TOKEN, json={**body, "client_secret": None}, headers=header),
        nobody.post(TOKEN, data={**body, **key}),
        nobody.post(TOKEN, data=body, headers=header),
        nobody.post(TOKEN, content=urlencode({**body, **key}), headers=form),
        nobody.post(f"{TOKEN}/", json={**body, **key}),
    ):
        assert alive(tenant, answered(answer)["access_token"])


def test_a_wrong_secret_counts_even_beside_a_good_bearer(tenant: Tenant, nobody: httpx.Client) -> None:
    body = ask(tenant, grant_id=calendar(tenant)["id"], client_secret=secret())
    assert refused(nobody.post(TOKEN, json=body, headers=bearer(tenant.api_key)))[1] == "invalid_client"


def test_every_wrong_client_hears_the_same(tenant: Tenant, stranger: Tenant, nobody: httpx.Client) -> None:
    grant_id = calendar(tenant)["id"]
    revoked = tenant.server.call(tenant.server.services.api_keys.create(tenant.application, "revoked", lifetime=None))
    tenant.server.call(tenant.server.services.api_keys.revoke(revoked.key.id))
    expired = tenant.server.call(
        tenant.server.services.api_keys.create(tenant.application, "expired", lifetime=timedelta(days=1))
    )
    ended = "update api_keys set expires_at = created_at where id = $1 returning id"
    tenant.server.rows(ended, expired.key.id)
    whole = ask(tenant, grant_id=grant_id)
    code = {"grant_type": "authorization_code", "code": secret(), "redirect_uri": BACK, "code_verifier": secret()}
    answers = [
        nobody.post(TOKEN, json=body)
        for body in (
            {**whole, "client_secret": secret()},
            {**whole, "client_secret": "x" * 8000},
            {**whole, "client_secret": stranger.api_key},
            {**whole, "client_secret": tenant.api_key, "client_id": stranger.application.id},
            {**whole, "client_secret": tenant.api_key, "client_id": "nobody"},
            {**whole, "client_secret": revoked.secret.get_secret_value()},
            {**whole, "client_secret": expired.secret.get_secret_value()},
            {**code, "client_id": "nobody"},
        )
    ]
    told = {refused(answer) for answer in answers}
    assert told == {
        (400, "invalid_client", "client_secret must be an API key of the application that client_id names.")
    }


@pytest.mark.parametrize(
    "more",
    [
        {"grant_type": "client_credentials", "grant_id": "x"},
        {"grant_type": "refresh_token", "refresh_token": "x"},
        {"grant_type": "client_credentials", "grant_id": "x", "code_verifier": "v"},
        {"grant_type": "refresh_token", "refresh_token": "x", "code_verifier": "v"},
        {"grant_type": "authorization_code", "code": "x", "redirect_uri": BACK},
        {"grant_type": "authorization_code", "code": "x", "redirect_uri": BACK, "code_verifier": ""},
    ],
)
def test_without_a_key_only_a_code_with_a_verifier_is_looked_at(
    tenant: Tenant, nobody: httpx.Client, more: dict[str, str]
) -> None:
    body = {"client_id": tenant.application.id, **more}
    for headers in ({}, {"Authorization": "Basic eDp5"}):
        assert refused(nobody.post(TOKEN, json=body, headers=headers))[:2] == (400, "invalid_client")


def test_a_key_that_only_reads_live_tokens_is_no_clients_secret(tenant: Tenant, nobody: httpx.Client) -> None:
    api_keys = tenant.server.services.api_keys
    made = tenant.server.call(
        api_keys.create(tenant.application, "reader", lifetime=None, permissions=("grants.token",))
    )
    body = ask(tenant, grant_id=calendar(tenant)["id"], client_secret=made.secret.get_secret_value())
    assert refused(nobody.post(TOKEN, json=body))[:2] == (400, "unauthorized_client")


def test_an_access_token_is_no_clients_secret(tenant: Tenant, nobody: httpx.Client) -> None:
    grant = calendar(tenant)
    body = ask(tenant, grant_id=grant["id"])
    token = minted(tenant, grant)["access_token"]
    assert refused(nobody.post(TOKEN, json=body, headers=bearer(token)))[1] == "invalid_client"
    assert refused(nobody.post(TOKEN, json={**body, "client_secret": token}))[1] == "invalid_client"


# ── what is wrong with a request ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({}, "grant_type"),
        ({"grant_type": ""}, "grant_type"),
        ({"grant_type": "authorization_code"}, "client_id"),
        ({"grant_type": "authorization_code", "client_id": "a"}, "code"),
        ({"grant_type": "authorization_code", "client_id": "a", "code": ""}, "code"),
        ({"grant_type": "authorization_code", "client_id": "a", "code": "c"}, "redirect_uri"),
        ({"grant_type": "refresh_token", "client_id": "a"}, "refresh_token"),
        ({"grant_type": "client_credentials", "client_id": "a", "grant_id": None}, "grant_id"),
    ],
)
def test_what_is_missing_is_named(nobody: httpx.Client, body: dict[str, Any], missing: str) -> None:
    told = (400, "invalid_request", f"Missing required parameter: {missing}")
    assert refused(nobody.post(TOKEN, json=body)) == told
    assert refused(nobody.post(TOKEN, data={key: value or "" for key, value in body.items()})) in {
        told,
        (400, "invalid_request", "Invalid JSON payload format. Send one JSON object, encoded as UTF-8."),
    }


def test_an_unknown_grant_type_is_told_those_there_are(nobody: httpx.Client) -> None:
    status, error, description = refused(nobody.post(TOKEN, json={"grant_type": "password"}))
    assert (status, error) == (400, "unsupported_grant_type")
    assert "authorization_code, refresh_token, client_credentials" in description


def test_claims_of_other_identity_providers_are_refused_and_not_ignored(tenant: Tenant) -> None:
    answer = exchange(tenant, "client_credentials", grant_id=calendar(tenant)["id"], idp_claims="a.b.c")
    assert refused(answer)[:2] == (400, "invalid_request")


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "content", "status", "error"),
    [
        ("application/json", b"", 400, "invalid_request"),
        ("application/json", b"{", 400, "invalid_request"),
        ("application/json", b"[]", 400, "invalid_request"),
        ("application/json", b'{"grant_type": {"a": 1}}', 400, "invalid_request"),
        ("application/json", b'{"grant_type": "refresh_token", "refresh_token": ["x"]}', 400, "invalid_request"),
        (FORM, b"grant_type=refresh_token&grant_type=refresh_token", 400, "invalid_request"),
        (FORM, b"grant_type=%ff", 400, "invalid_request"),
        (FORM, "grant_type=ü".encode(), 400, "invalid_request"),
        (FORM, b"&".join(b"a%d=1" % n for n in range(200)), 400, "invalid_request"),
        ("application/json", b'{"grant_type": "' + b"x" * 9000 + b'"}', 400, "invalid_request"),
        ("application/json", b" " * (1024 * 1024 + 1), 413, "invalid_request"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_oauths_words(
    nobody: httpx.Client, content_type: str, content: bytes, status: int, error: str
) -> None:
    answer = nobody.post(TOKEN, content=content, headers={"Content-Type": content_type})
    assert refused(answer)[:2] == (status, error)


def test_the_wrong_verb_is_refused_in_oauths_words_too(nobody: httpx.Client) -> None:
    answer = nobody.get(TOKEN)
    assert refused(answer)[:2] == (405, "invalid_request")
    assert answer.headers["allow"] == "POST"


# ── authorization_code: everything but where codes come from, which is tests/api's matter of hosted sign-in ──────


@pytest.fixture
def codes() -> Codes:
    return Codes()


@pytest.fixture
def redeem(server: LiveServer, codes: Codes) -> Post:
    """POST to a server whose one-time codes are these; all else of it is the live one's."""
    services = server.services
    exchange_ = TokenEndpoint(
        applications=services.applications,
        api_keys=services.api_keys,
        codes=codes,
        tokens=services.tokens,
        grants=services.grants,
    )
    app = asgi(dataclasses.replace(server.installed, services=dataclasses.replace(services, exchange=exchange_)))

    def post(body: dict[str, Any]) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://grants.example.com") as client:
                return await client.post(TOKEN, json={"grant_type": "authorization_code", "redirect_uri": BACK, **body})

        return server.call(send())

    return post


def with_key(tenant: Tenant, code: str, **more: str) -> dict[str, str]:
    return {"client_id": tenant.application.id, "client_secret": tenant.api_key, "code": code, **more}


def test_a_code_becomes_tokens_and_names_its_provider(
    tenant: Tenant, server: LiveServer, codes: Codes, redeem: Post
) -> None:
    grant = calendar(tenant)
    token = answered(redeem(with_key(tenant, codes.give(server, tenant, grant))))
    assert token["provider"] == "virtual-calendar"
    assert "refresh_token" not in token
    assert alive(tenant, token["access_token"])
    offline = answered(redeem(with_key(tenant, codes.give(server, tenant, grant, access_type="offline"))))
    again = answered(exchange(tenant, "refresh_token", refresh_token=offline["refresh_token"]))
    assert alive(tenant, again["access_token"])
    assert "provider" not in again


def test_a_code_that_comes_twice_takes_back_what_it_gave(
    tenant: Tenant, server: LiveServer, codes: Codes, redeem: Post
) -> None:
    grant = calendar(tenant)
    code = codes.give(server, tenant, grant, access_type="offline")
    token = answered(redeem(with_key(tenant, code)))
    other = answered(redeem(with_key(tenant, codes.give(server, tenant, grant))))
    assert refused(redeem(with_key(tenant, code)))[:2] == (400, "invalid_grant")
    assert not alive(tenant, token["access_token"])
    assert refused(exchange(tenant, "refresh_token", refresh_token=token["refresh_token"]))[1] == "invalid_grant"
    assert alive(tenant, other["access_token"]), "another sign-in's tokens stay"


def test_a_code_that_comes_again_before_its_tokens_are_written_gives_none(tenant: Tenant, server: LiveServer) -> None:
    grant = calendar(tenant)
    tokens = server.services.tokens
    held = server.call(server.services.grants.get(tenant.application, grant["id"]))
    server.call(tokens.revoke_of_code(tenant.application, "the code"))
    late = tokens.issue(
        tenant.application, held, "authorization_code", issuer="x", scope=(), offline=True, code_id="the code"
    )
    with pytest.raises(Exception, match="used before"):
        server.call(late)
    assert server.rows("select count(*) from tokens where application_id = $1", tenant.application.id)[0][0] == 0


def test_pkce_stands_in_for_the_key_where_no_key_can_be_kept(
    tenant: Tenant, server: LiveServer, codes: Codes, redeem: Post
) -> None:
    grant = calendar(tenant)

    def without_key(**code: Any) -> dict[str, str]:
        return {"client_id": tenant.application.id, "code": codes.give(server, tenant, grant, **code)}

    bare = without_key(challenge=CHALLENGE, public=True)
    assert alive(tenant, answered(redeem({**bare, "code_verifier": "nylas"}))["access_token"])
    wrong = redeem({**without_key(challenge=CHALLENGE, public=True), "code_verifier": "other"})
    assert refused(wrong) == (400, "invalid_grant", "Code verifier challenge failed")
    assert wrong.json()["error_code"] == 45004
    for code in ({"challenge": CHALLENGE}, {"public": True}, {}):
        assert refused(redeem({**without_key(**code), "code_verifier": "nylas"}))[1] == "invalid_client"


def test_a_verifier_is_wanted_with_a_key_too(tenant: Tenant, server: LiveServer, codes: Codes, redeem: Post) -> None:
    code = codes.give(server, tenant, calendar(tenant), challenge=CHALLENGE)
    assert refused(redeem(with_key(tenant, code)))[2] == "Code verifier challenge failed"
    code = codes.give(server, tenant, calendar(tenant), challenge=CHALLENGE)
    assert answered(redeem(with_key(tenant, code, code_verifier="nylas")))


def test_a_strangers_code_and_an_unknown_one_are_the_same(
    tenant: Tenant, stranger: Tenant, server: LiveServer, codes: Codes, redeem: Post
) -> None:
    theirs = codes.give(server, stranger, calendar(stranger))
    assert refused(redeem(with_key(tenant, theirs))) == refused(redeem(with_key(tenant, secret("code"))))
    assert answered(redeem(with_key(stranger, theirs)))


def test_an_unknown_code_is_refused_by_the_live_server(tenant: Tenant) -> None:
    answer = exchange(tenant, "authorization_code", code=secret("code"), redirect_uri=BACK)
    assert refused(answer)[:2] == (400, "invalid_grant")


# ── id_tokens ─────────────────────────────────────────────────────────────────────────────────────────────────


def key_set(tenant: Tenant, path: str = "/v3/connect/jwks") -> dict[str, Any]:
    found: dict[str, Any] = tenant.get(path).json()
    return found


def test_an_id_token_is_about_the_grants_owner_and_can_be_checked_with_the_published_keys(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    refresh = secret("refresh")
    provider.accepts(refresh, email="ana@example.com")
    grant = data(tenant.connect("google", {"refresh_token": refresh}, name="Ana"))
    token = minted(tenant, grant)["id_token"]
    found = jwt.decode(token, KeySet.import_key_set(key_set(tenant)), algorithms=["RS256"])
    assert found.header["alg"] == "RS256"
    assert found.header["kid"] == key_set(tenant)["keys"][0]["kid"]
    issued_at = found.claims["iat"]
    assert abs(issued_at - time.time()) < 60
    assert found.claims == {
        "iss": tenant.server.url,
        "aud": tenant.application.id,
        "sub": grant["id"],
        "email": "ana@example.com",
        "email_verified": True,
        "name": "Ana",
        "provider": "google",
        "iat": issued_at,
        "exp": issued_at + 3600,
    }


def test_an_identifier_that_nobody_proved_is_not_called_verified(tenant: Tenant) -> None:
    token = minted(tenant, calendar(tenant))["id_token"]
    claims = jwt.decode(token, KeySet.import_key_set(key_set(tenant)), algorithms=["RS256"]).claims
    assert claims["email_verified"] is False


def verified(tenant: Tenant, grant: dict[str, Any]) -> bool:
    """What an id_token says of the grant's address."""
    token = minted(tenant, grant)["id_token"]
    told: bool = jwt.decode(token, KeySet.import_key_set(key_set(tenant)), algorithms=["RS256"]).claims[
        "email_verified"
    ]
    return told


def test_what_a_mail_server_that_anybody_may_name_says_is_not_called_verified(tenant: Tenant, dovecot: Dovecot) -> None:
    tenant.connector("imap")
    assert not verified(tenant, data(tenant.connect("imap", imap(dovecot, "alice@example.test"))))


def test_an_address_that_a_foreign_tenants_administrator_wrote_is_not_called_verified(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    tenant.connector("microsoft")
    own, foreign = secret("refresh"), secret("refresh")
    provider.accepts(own, email="bo@contoso.test")
    provider.accepts(foreign, email="eve@evil.test", user={"mail": "ceo@bank.test"})
    grant = data(tenant.connect("microsoft", {"refresh_token": own}))
    assert (grant["email"], grant["settings"], verified(tenant, grant)) == ("bo@contoso.test", {}, True)
    grant = data(tenant.connect("microsoft", {"refresh_token": foreign}))
    assert (grant["email"], grant["settings"]) == ("ceo@bank.test", {"email_verified": False})
    assert not verified(tenant, grant)


def test_the_published_keys_are_public_halves_and_the_same_at_both_addresses(tenant: Tenant) -> None:
    minted(tenant, calendar(tenant))
    published = key_set(tenant)
    assert published == key_set(tenant, "/.well-known/jwks.json")
    for key in published["keys"]:
        assert set(key) == {"kty", "n", "e", "use", "alg", "kid"}


def test_the_key_is_stored_sealed(tenant: Tenant, server: LiveServer) -> None:
    modulus = key_set(tenant)["keys"][0]["n"].encode()
    rows = server.rows("select sealed from secrets where purpose = 'signing-keys'")
    assert len(rows) == 1
    assert modulus not in bytes(rows[0][0])


def test_tokens_are_stored_as_digests_and_are_in_no_log(tenant: Tenant, server: LiveServer) -> None:
    grant = calendar(tenant)
    token = minted(tenant, grant)
    offline = signed_in(tenant, grant)
    secrets = [token["access_token"], token["id_token"], *offline.values()]
    tenant.get("/v3/connect/tokeninfo", params={"access_token": secrets[0]})
    tenant.get("/v3/connect/tokeninfo", params={"id_token": secrets[1]})
    exchange(tenant, "refresh_token", refresh_token=offline["refresh_token"])
    last = tenant.http.post("/v3/connect/revoke", params={"token": secrets[0]})
    log = written(server, last)
    rows = str(
        [
            [bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]
            for table in ("tokens", "token_families", "events")
            for row in server.rows(f"select * from {table} where application_id = $1", tenant.application.id)
        ]
    )
    for value in secrets:
        assert value.rpartition(".")[2] not in rows + log


def test_a_token_does_not_show_itself(tenant: Tenant, server: LiveServer) -> None:
    grant = server.call(server.services.grants.get(tenant.application, calendar(tenant)["id"]))
    issued = server.call(
        server.services.tokens.issue(
            tenant.application, grant, "client_credentials", issuer="x", scope=(), offline=True
        )
    )
    for hidden in (issued.access_token, issued.refresh_token, issued.id_token):
        assert isinstance(hidden, SecretStr)
        assert hidden.get_secret_value() not in repr(issued)
