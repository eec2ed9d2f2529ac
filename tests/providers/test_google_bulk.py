"""providers/google/service_account.py, against the stand-in that checks assertions as Google does."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from pydantic import SecretStr

from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.model import Identity, now
from opengrant.net.provider_http import Http
from opengrant.providers.classify import classify
from opengrant.providers.google.service_account import GoogleBulk
from tests.fakes.oauth import HTML_403, FakeOAuth, Reply, google_api_error, signing_key
from tests.logins import Minting
from tests.providers.support import asked

ROOT = "https://www.googleapis.com/auth/"
GMAIL = f"{ROOT}gmail.readonly"
CALENDAR = f"{ROOT}calendar"
EMAIL = f"{ROOT}userinfo.email"
ALL = f"openid {EMAIL} {ROOT}userinfo.profile {GMAIL} {CALENDAR}"
USER = "di@contoso.test"


@pytest.fixture
def bulk(http: Http, provider: FakeOAuth) -> Minting:
    return Minting(GoogleBulk(http, **provider.google_bulk_urls()))


@pytest.fixture
def credential(provider: FakeOAuth) -> dict[str, Any]:
    """The key file of a service account that may ask for ALL, as it is unsealed."""
    key_file = provider.delegates(scope=ALL)
    return key_file | {"private_key": SecretStr(key_file["private_key"])}


async def refused(bulk: Minting, credential: dict[str, Any], user: str = USER, *scope: str) -> Evidence:
    with pytest.raises(ProviderFailure) as caught:
        await bulk.mint(credential, user, scope or (CALENDAR,))
    evidence = caught.value.evidence
    assert "sEcReT" not in repr(evidence)
    assert "PRIVATE KEY" not in repr(evidence)
    assert evidence.provider == "google-bulk"
    return evidence


def judged(evidence: Evidence) -> tuple[str, str]:
    found = classify(evidence)
    return found.kind.value, found.reason


# ---------------------------------------------------------------- the assertion


async def test_a_delegated_user_is_proven_and_named(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER, subject="1122", name="Di")
    minted = await bulk.mint(credential, USER, tuple(ALL.split()))
    assert minted.identity == Identity(USER, subject="1122", user_id="1122", name="Di")
    assert minted.scope == tuple(ALL.split())
    assert minted.access_token.get_secret_value() in provider.issued
    assert 3500 < (minted.expires_at - now()) / 1_000_000 <= 3599
    assert asked(provider) == ["token", "userinfo", "gmail"]
    assert "sEcReT" not in repr(minted)


async def test_the_assertion_says_who_asks_for_whom_and_no_client_is_named(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER)
    await bulk.mint(credential, USER, (CALENDAR, "email"))
    form = provider.requests[0].form
    assert set(form) == {"grant_type", "assertion"}
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assertion = jws.extract_compact(form["assertion"].encode())
    assert assertion.headers() == {"alg": "RS256", "typ": "JWT", "kid": credential["private_key_id"]}
    claims = json.loads(assertion.payload)
    at = now() // 1_000_000
    assert at - 30 < claims["iat"] < at
    assert claims == {
        "iss": credential["client_email"],
        "sub": USER,
        "scope": f"{CALENDAR} {EMAIL}",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": claims["iat"],
        "exp": claims["iat"] + 3000,
    }


async def test_the_key_file_s_own_token_uri_is_never_used(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER)
    await bulk.mint(credential, USER, (CALENDAR,))
    assert credential["token_uri"].startswith(provider.url)
    assert [seen.path for seen in provider.requests] == ["/google/token"]


async def test_newlines_that_were_escaped_on_the_way_are_repaired(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER)
    escaped = credential["private_key"].get_secret_value().replace("\n", "\\n")
    assert "\n" not in escaped
    await bulk.mint(credential | {"private_key": SecretStr(escaped)}, USER, (CALENDAR,))


async def test_a_key_without_an_id_signs_too(bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]) -> None:
    provider.employs(USER)
    del credential["private_key_id"]
    await bulk.mint(credential, USER, (CALENDAR,))
    assert "kid" not in jws.extract_compact(provider.requests[0].form["assertion"].encode()).headers()


async def test_a_mirror_gets_assertions_for_google_s_own_audience(
    http: Http, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER)
    elsewhere = Minting(GoogleBulk(http, **provider.google_bulk_urls(), audience="https://mirror.test/token"))
    evidence = await refused(elsewhere, credential)
    assert judged(evidence) == ("connector", "assertion_refused")
    assert "audience" in evidence.text


# ---------------------------------------------------------------- what can be told without asking


@pytest.mark.parametrize(
    ("email", "scope", "word"),
    [
        (USER, (), "scope"),
        ("di", (CALENDAR,), "email_address"),
        ("di@gmail.com", (CALENDAR,), "consumer"),
        ("Di@GoogleMail.com", (CALENDAR,), "consumer"),
    ],
)
async def test_what_cannot_work_is_refused_before_anybody_is_asked(
    bulk: Minting,
    provider: FakeOAuth,
    credential: dict[str, Any],
    email: str,
    scope: tuple[str, ...],
    word: str,
) -> None:
    with pytest.raises(InvalidRequest, match=word):
        await bulk.mint(credential, email, scope)
    assert provider.requests == []


def pem(key: Any) -> SecretStr:
    return SecretStr(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


@pytest.mark.parametrize(
    "change",
    [
        {"private_key": SecretStr("no key")},
        {"private_key": SecretStr("")},
        {"private_key": None},
        {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))},
        {"private_key": pem(rsa.generate_private_key(65537, 1024))},
        {"client_email": ""},
    ],
)
async def test_a_key_that_cannot_sign_is_the_credential_s_fault(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any], change: dict[str, Any]
) -> None:
    assert judged(await refused(bulk, credential | change)) == ("connector", "key_unreadable")
    assert provider.requests == []


# ---------------------------------------------------------------- refusals of the token endpoint


async def test_another_key_is_the_credential_s_fault(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER)
    other = SecretStr(signing_key(1).as_pem(private=True).decode())
    assert judged(await refused(bulk, credential | {"private_key": other})) == ("connector", "assertion_refused")


async def test_an_unknown_service_account_is_the_credential_s_fault(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER)
    evidence = await refused(bulk, credential | {"client_email": "nobody@project.iam.test"})
    assert judged(evidence) == ("connector", "assertion_refused")


async def test_one_scope_too_many_refuses_them_all_and_is_no_user_s_fault(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER)
    evidence = await refused(bulk, credential, USER, CALENDAR, f"{ROOT}drive")
    assert judged(evidence) == ("connector", "scopes_missing")
    assert "delegation" in classify(evidence).remedy


@pytest.mark.parametrize(("user", "scope"), [("di@fabrikam.test", CALENDAR), (USER, f"{ROOT}drive")])
async def test_a_domain_that_did_not_delegate_is_the_connector_s_fault(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any], user: str, scope: str
) -> None:
    provider.employs(user)
    assert judged(await refused(bulk, credential, user, scope)) == ("connector", "delegation_missing")


async def test_a_user_whom_the_directory_does_not_know_is_the_only_dead_one(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER)
    evidence = await refused(bulk, credential, "nobody@contoso.test")
    assert judged(evidence) == ("reconnect", "user_unknown")
    assert "email_address" in classify(evidence).remedy


@pytest.mark.parametrize(
    ("status", "error", "description", "expected"),
    [
        (401, "unauthorized_client", "Unauthorized client or scope in request.", ("connector", "delegation_missing")),
        (401, "unauthorized_client", "", ("connector", "delegation_missing")),
        (400, "access_denied", "Account restricted", ("connector", "scopes_missing")),
        (400, "admin_policy_enforced", "", ("connector", "admin_policy")),
        (400, "invalid_grant", "Not a valid email.", ("reconnect", "user_unknown")),
        (400, "invalid_grant", "Invalid email or User ID", ("reconnect", "user_unknown")),
        (400, "invalid_grant", "Invalid JWT: No valid verifier found", ("connector", "assertion_refused")),
        # To a user's token these mean its end.
        (400, "invalid_grant", "", ("connector", "assertion_refused")),
        (400, "invalid_grant", "Bad Request", ("connector", "assertion_refused")),
        (400, "invalid_grant", "Token has been expired or revoked.", ("connector", "assertion_refused")),
        (400, "invalid_grant", "Account has been deleted", ("connector", "assertion_refused")),
        (400, "invalid_request", "Invalid principal", ("bad_request", "user_malformed")),
        (400, "invalid_request", "Invalid impersonation prn email", ("bad_request", "user_malformed")),
        (400, "invalid_scope", "Invalid OAuth scope", ("bad_request", "scope_invalid")),
        (401, "disabled_client", "The OAuth client was disabled.", ("connector", "client_disabled")),
        (401, "deleted_client", "", ("connector", "client_disabled")),
        (403, "org_internal", "", ("connector", "app_internal")),
        (400, "nobody_knows_this", "", ("unknown", "unknown_answer")),
        (500, "internal_failure", "", ("provider_down", "provider_error")),
    ],
)
async def test_every_word_of_the_token_endpoint_is_read_as_a_service_account_s(
    bulk: Minting,
    provider: FakeOAuth,
    credential: dict[str, Any],
    status: int,
    error: str,
    description: str,
    expected: tuple[str, str],
) -> None:
    provider.refuses(status, {"error": error, "error_description": description})
    assert judged(await refused(bulk, credential)) == expected
    assert provider.count("token") == 1  # never retried


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(403, HTML_403), ("rate_limited", "throttled")),
        (Reply(200, ""), ("provider_down", "senseless_answer")),
        (Reply(fault="reset"), ("provider_down", "answer_lost")),
    ],
)
async def test_an_endpoint_that_is_not_well_blames_nobody(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any], reply: Reply, expected: tuple[str, str]
) -> None:
    provider.answers("token", reply)
    assert judged(await refused(bulk, credential)) == expected


# ---------------------------------------------------------------- after the token


@pytest.mark.parametrize(
    ("scope", "calls"),
    [
        (CALENDAR, ["token"]),
        (f"{CALENDAR} {EMAIL}", ["token", "userinfo"]),
        (f"openid {CALENDAR}", ["token", "userinfo"]),
        (GMAIL, ["token", "gmail"]),
    ],
)
async def test_only_what_the_scopes_allow_is_asked(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any], scope: str, calls: list[str]
) -> None:
    provider.employs(USER, subject="1122")
    minted = await bulk.mint(credential, USER, tuple(scope.split()))
    assert asked(provider) == calls
    assert minted.identity.subject == ("1122" if "userinfo" in calls else None)


async def test_an_alias_is_the_address_of_the_grant(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER, aliases=("sales@contoso.test",), subject="1122")
    minted = await bulk.mint(credential, "Sales@contoso.test", (EMAIL, GMAIL))
    assert (minted.identity.email, minted.identity.subject) == ("Sales@contoso.test", "1122")


async def test_a_user_whose_licence_has_no_gmail_is_found_out(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any]
) -> None:
    provider.employs(USER, mailbox=False)
    assert judged(await refused(bulk, credential, USER, GMAIL)) == ("reconnect", "no_mailbox")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(403, google_api_error(403, "insufficientPermissions", "X")), ("connector", "scopes_missing")),
        (Reply(403, google_api_error(403, "accessNotConfigured", "X")), ("connector", "api_not_enabled")),
        (Reply(403, google_api_error(403, "userRateLimitExceeded", "X")), ("rate_limited", "throttled")),
        (Reply(403, google_api_error(403, "domainPolicy", "X")), ("bad_request", "service_disabled")),
        (Reply(503, "no"), ("provider_down", "provider_error")),
        (Reply(200, ""), ("provider_down", "senseless_answer")),
    ],
)
async def test_refusals_of_the_gmail_api(
    bulk: Minting, provider: FakeOAuth, credential: dict[str, Any], reply: Reply, expected: tuple[str, str]
) -> None:
    provider.employs(USER)
    provider.answers("gmail", reply)
    assert judged(await refused(bulk, credential, USER, GMAIL)) == expected
