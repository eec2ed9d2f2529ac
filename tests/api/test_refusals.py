"""connect/custom refused: for each variant and each thing its provider may do, what is answered, and that nothing is stored.

One row is one documented refusal, in the words that the provider uses. Every row goes through HTTP, against the live
server, and ends in the same check: what the caller hears, that it says what to do, and that nothing is in the store
(but for the successor of a token that the provider has spent).
"""

# ruff: noqa: E501 -- a row of a table is one line, with the provider's whole sentence in it

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from tests.api.conftest import EMAILS, SCOPE, Apple, Ask
from tests.fakes.beside import Beside
from tests.fakes.ews import FakeExchange, error, fault
from tests.fakes.ews import Reply as Page
from tests.fakes.mail import CLOSE, RESET, Certificates, FakeMail
from tests.fakes.oauth import HTML_403, Endpoint, FakeOAuth, Reply, entra_error, google_api_error, graph_error
from tests.peers.dovecot import ACCOUNTS, DISABLED
from tests.support import LiveServer, Tenant, problem, secret

Told = tuple[int, str, str]
"""Status, `type` and class."""

TOKEN_DEAD: Told = (400, "grant.refresh_token_invalid", "reconnect")
REFUSED: Told = (400, "grant.invalid_authentication", "reconnect")
OUR_CLIENT: Told = (400, "token.exchange_failed", "connector")
OUR_CREDENTIAL: Told = (400, "grant.invalid_authentication", "connector")
SCOPES: Told = (400, "grant.scopes_conflict", "bad_request")
GOOGLE_SCOPES: Told = (400, "grant.refresh_token_invalid", "bad_request")
NOT_DELEGATED: Told = (400, "grant.scopes_conflict", "connector")
BAD_REQUEST: Told = (400, "api.invalid_request_error", "bad_request")
DOWN: Told = (504, "api.provider_error", "provider_down")
THROTTLED: Told = (429, "api.rate_limit_error", "rate_limited")
UNKNOWN: Told = (504, "api.provider_error", "unknown")


@pytest.fixture(scope="module")
def server(every_provider: LiveServer) -> LiveServer:
    return every_provider


@pytest.fixture
def beside() -> Iterator[Beside]:
    with Beside() as running:
        yield running


# ---------------------------------------------------------------- what every refusal must be

KEPT = {"rotations": 1, "secrets of a rotation": 1}
"""What is stored although the request failed: a refresh token that took the place of the caller's."""


def stored(tenant: Tenant) -> dict[str, int]:
    """How many rows of each kind the application has."""
    tables = ("grants", "events", "rotations", "workspaces", "idempotency", "credentials", "connectors")
    parts = [f"select '{table}', count(*) from {table} where application_id = $1" for table in tables]
    parts.append(
        "select 'secrets of a ' || owner_kind, count(*) from secrets where application_id = $1 group by owner_kind"
    )
    rows = tenant.server.rows(" union all ".join(parts), tenant.application.id)
    return {row[0]: int(row[1]) for row in rows if row[1]}


def assert_refused(
    answer: httpx.Response, told: Told, reason: str, said: Mapping[str, Any] | str, *, wait: int | None = None
) -> None:
    """`said`: the provider's own object; a word alone where the provider had no sentence to it."""
    status, type_, kind = told
    assert problem(answer)[:2] == (status, type_), answer.text
    told_more = answer.json()["error"]
    verdict = told_more["provider_error"].pop("opengrant")
    assert (verdict["class"], verdict["reason"]) == (kind, reason)
    assert verdict["remedy"].endswith(".")
    assert told_more["message"].endswith(verdict["remedy"])
    if isinstance(said, str):
        said = {"error": said, "error_description": verdict["remedy"]}
    assert told_more["provider_error"] == said
    assert answer.headers.get("retry-after") == (None if wait is None else str(wait))


def refuse(
    tenant: Tenant, body: Any, told: Told, reason: str, said: Mapping[str, Any] | str, *,
    wait: int | None = None, kept: Mapping[str, int] | None = None,
) -> None:  # fmt: skip
    before = stored(tenant)
    answer = tenant.post("/v3/connect/custom", body)
    assert_refused(answer, told, reason, said, wait=wait)
    assert stored(tenant) == before | (kept or {})


def as_one_line(value: Any) -> Any:
    """How a provider's object is quoted: line ends become spaces."""
    if isinstance(value, Mapping):
        return {name: as_one_line(item) for name, item in value.items()}
    return " ".join(value.split()) if isinstance(value, str) else value


# ---------------------------------------------------------------- OAuth: the token endpoint


@dataclass(frozen=True)
class Row:
    """`says`: what happens. `at`: where; several for Google, which has more than one place to ask whose a token is."""

    says: str
    reply: Reply
    told: Told
    reason: str
    said: Mapping[str, Any] | str | None = None
    wait: int | None = None
    at: tuple[Endpoint, ...] = ("token",)
    scope: str | None = None

    @property
    def words(self) -> Mapping[str, Any] | str:
        return as_one_line(self.reply.body) if self.said is None else self.said


def oauth(status: int, error: str, text: str = "", **more: Any) -> Reply:
    return Reply(status, {"error": error, "error_description": text, **more})


def entra(error: str, number: int | None, status: int = 400, **more: Any) -> Reply:
    return Reply(status, entra_error(error, number, **more))


GOOGLE = [
    Row(
        "the token is revoked",
        oauth(400, "invalid_grant", "Token has been expired or revoked."),
        TOKEN_DEAD,
        "token_revoked",
    ),
    Row("the token is cut short", oauth(400, "invalid_grant", "Bad Request"), TOKEN_DEAD, "malformed_token"),
    Row(
        "the account is deleted", oauth(400, "invalid_grant", "Account has been deleted"), TOKEN_DEAD, "account_deleted"
    ),
    Row(
        "the session must be renewed",
        oauth(400, "invalid_grant", "reauth related error (invalid_rapt)", error_subtype="invalid_rapt"),
        TOKEN_DEAD,
        "session_control",
    ),
    Row(
        "a reauth is required",
        oauth(400, "invalid_grant", "reauth related error (rapt_required)", error_subtype="rapt_required"),
        TOKEN_DEAD,
        "session_control",
    ),
    Row(
        "an admin's policy forbids it",
        oauth(400, "admin_policy_enforced", "Access blocked by your administrator."),
        TOKEN_DEAD,
        "admin_policy",
    ),
    Row("the account is restricted", oauth(400, "access_denied", "Account restricted"), TOKEN_DEAD, "admin_policy"),
    Row(
        "the client is not authorized",
        oauth(403, "access_denied", "Requested client not authorized"),
        TOKEN_DEAD,
        "admin_policy",
    ),
    Row(
        "the client is unknown",
        oauth(401, "invalid_client", "The OAuth client was not found."),
        OUR_CLIENT,
        "client_refused",
    ),
    Row("the client secret is wrong", oauth(401, "invalid_client", "Unauthorized"), OUR_CLIENT, "client_refused"),
    Row(
        "the token is another client's",
        oauth(401, "unauthorized_client", "Unauthorized"),
        OUR_CLIENT,
        "token_of_other_client",
    ),
    Row(
        "the client is deleted",
        oauth(401, "deleted_client", "The OAuth client was deleted."),
        OUR_CLIENT,
        "client_disabled",
    ),
    Row(
        "the client is disabled",
        oauth(401, "disabled_client", "The OAuth client was disabled."),
        OUR_CLIENT,
        "client_disabled",
    ),
    Row(
        "the app is for insiders",
        oauth(403, "org_internal", "restricted to users within its organization"),
        OUR_CLIENT,
        "app_internal",
    ),
    Row(
        "a parameter is missing",
        oauth(400, "invalid_request", "Could not determine client ID from request."),
        OUR_CLIENT,
        "request_refused",
    ),
    Row(
        "the grant type is refused",
        oauth(400, "unsupported_grant_type", "Invalid grant_type"),
        OUR_CLIENT,
        "grant_type_refused",
    ),
    Row(
        "a scope is unknown",
        oauth(400, "invalid_scope", "Some requested scopes were invalid."),
        BAD_REQUEST,
        "scope_invalid",
    ),
    Row("it failed inside", oauth(400, "internal_failure", "Backend Error"), DOWN, "provider_error"),
    Row("it fails for now", oauth(403, "temporarily_unavailable"), DOWN, "provider_error"),
    Row("it is a server error", oauth(400, "server_error"), DOWN, "provider_error"),
    Row("nobody knows the word", oauth(400, "moon_is_full", "Howl."), UNKNOWN, "unknown_answer"),
]

CLAIMS = '{"access_token":{"capolids":{"essential":true,"values":["c2"]}}}'

MICROSOFT = [
    Row("without a number", entra("invalid_grant", None), TOKEN_DEAD, "token_revoked"),
    Row("an unknown number", entra("invalid_grant", 99999999), TOKEN_DEAD, "token_revoked"),
    Row(
        "an unknown number and a suberror",
        entra("invalid_grant", 99999999, suberror="message_only"),
        TOKEN_DEAD,
        "admin_policy",
    ),
    Row("no consent", entra("invalid_grant", 65001, suberror="consent_required"), TOKEN_DEAD, "consent_required"),
    Row(
        "a claims challenge",
        entra("interaction_required", 50076, suberror="basic_action", claims=CLAIMS),
        TOKEN_DEAD,
        "second_factor_required",
    ),
    Row("interaction required", entra("interaction_required", None), TOKEN_DEAD, "sign_in_required"),
    Row("login required", entra("login_required", None), TOKEN_DEAD, "sign_in_required"),
    Row("consent required", entra("consent_required", None), TOKEN_DEAD, "consent_required"),
    Row("client refused without a number", entra("invalid_client", None, 401), OUR_CLIENT, "client_refused"),
    Row("client unauthorized", entra("unauthorized_client", None), OUR_CLIENT, "client_refused"),
    Row("resource refused", entra("invalid_resource", 500011), OUR_CLIENT, "resource_unknown"),
    Row("grant type refused", entra("unsupported_grant_type", 70003), OUR_CLIENT, "grant_type_refused"),
    Row("a single-page app's token", entra("invalid_request", 9002327), OUR_CLIENT, "redirect_uri_refused"),
    Row("unavailable", entra("temporarily_unavailable", 90033, 400), DOWN, "provider_error"),
    Row("nobody knows the word", entra("moon_is_full", None), UNKNOWN, "unknown_answer"),
]

# An AADSTS number stands beside `invalid_grant` here: the word that would end a grant, and must not by itself.
AADSTS = [
    (TOKEN_DEAD, "token_refused", None, "70000"),
    (TOKEN_DEAD, "token_expired", None, "70008 700082 700084 70043 50089"),
    (TOKEN_DEAD, "token_revoked", None, "50173 50132 50133"),
    (TOKEN_DEAD, "code_already_used", None, "54005"),
    (TOKEN_DEAD, "password_expired", None, "50055 50144"),
    (TOKEN_DEAD, "sign_in_refused", None, "50056 50126"),
    (TOKEN_DEAD, "second_factor_required", None, "50072 50074 50076 50078 50079"),
    (TOKEN_DEAD, "sign_in_required", None, "50085 50158 50161 700020"),
    (TOKEN_DEAD, "device_sign_in_required", None, "50097 50129 50155 50187"),
    (TOKEN_DEAD, "admin_policy", None, "53000 53001 53002 53003 530032 530035 53004 53010 53011 50131"),
    (TOKEN_DEAD, "admin_policy", None, "500021 500022 500212 500213 50002"),
    (TOKEN_DEAD, "account_locked", None, "50053"),
    (TOKEN_DEAD, "account_disabled", None, "50057"),
    (TOKEN_DEAD, "user_not_assigned", None, "50105"),
    (TOKEN_DEAD, "user_unknown", None, "50014 50034 51004 16000 16003 50197"),
    (TOKEN_DEAD, "account_of_other_tenant", None, "50020 500208 90072"),
    (TOKEN_DEAD, "consent_required", None, "65001 65004"),
    (TOKEN_DEAD, "admin_consent_required", None, "90094 90095"),
    (TOKEN_DEAD, "malformed_token", None, "9002313"),
    (OUR_CLIENT, "app_permissions", None, "650052 650054 650056 650057 65005"),
    (OUR_CLIENT, "client_unknown", None, "700016 700011"),
    (OUR_CLIENT, "client_disabled", None, "70001 7000112"),
    (OUR_CLIENT, "client_secret_refused", None, "70002 7000215"),
    (OUR_CLIENT, "client_secret_expired", None, "7000222"),
    (OUR_CLIENT, "client_secret_missing", None, "7000218"),
    (OUR_CLIENT, "public_client", None, "700025"),
    (OUR_CLIENT, "assertion_refused", None, "700024 700027 700030 50012 50013 500133"),
    (OUR_CLIENT, "redirect_uri_refused", None, "50011 9002326 9002327"),
    (OUR_CLIENT, "wrong_authority", None, "50194 9002331 9002332 9001023"),
    (OUR_CLIENT, "tenant_unknown", None, "90002 90019 50059 50128 50049"),
    (OUR_CLIENT, "other_cloud", None, "90038 900382 900432"),
    (BAD_REQUEST, "scope_invalid", None, "70011 28002 28003 700022 700023"),
    (OUR_CLIENT, "resource_unknown", None, "50001 500011"),
    (OUR_CLIENT, "request_refused", None, "900144 90014 90023 90100"),
    (OUR_CLIENT, "grant_type_refused", None, "70003 70007"),
    (DOWN, "provider_error", None, "90006 90012 90024 90033 90090 90091 50033 50087 50000 70012 80001 80002 80005 40010"),
    (THROTTLED, "throttled", 60, "50088 50166 90055"),
    (THROTTLED, "loop_detected", 300, "50196"),
]  # fmt: skip
MICROSOFT_NUMBERS = [
    Row(f"AADSTS{number}", entra("invalid_grant", int(number)), told, reason, wait=wait)
    for told, reason, wait, numbers in AADSTS
    for number in numbers.split()
]

YAHOO = [
    Row("the token is dead", oauth(400, "INVALID_REFRESH_TOKEN", "Invalid refresh token"), TOKEN_DEAD, "token_revoked"),
    Row("the token has run out", oauth(401, "TOKEN_EXPIRED"), TOKEN_DEAD, "token_expired"),
    Row("the grant is invalid", oauth(401, "INVALID_GRANT"), TOKEN_DEAD, "token_revoked"),
    Row("the grant is invalid in small letters", oauth(400, "invalid_grant"), TOKEN_DEAD, "token_revoked"),
    Row("the account may not use the app", oauth(403, "ACCOUNT_NOT_AUTHORIZED"), TOKEN_DEAD, "account_not_authorized"),
    Row("the user is too young", oauth(401, "UNDERAGE_USER"), TOKEN_DEAD, "account_not_authorized"),
    Row("the client is unknown", oauth(400, "INVALID_CLIENT"), OUR_CLIENT, "client_refused"),
    Row("the client secret is wrong", oauth(401, "INVALID_CLIENT_SECRET"), OUR_CLIENT, "client_secret_refused"),
    Row("the callback is wrong", oauth(401, "INVALID_CALLBACK"), OUR_CLIENT, "redirect_uri_refused"),
    Row("the redirect URI is wrong", oauth(400, "INVALID_REDIRECT_URI"), OUR_CLIENT, "redirect_uri_refused"),
    Row("the redirect URI is of no use", oauth(400, "UNSUPPORTED_REDIRECT_URI"), OUR_CLIENT, "redirect_uri_refused"),
    Row("a parameter is absent", oauth(400, "PARAMETER_ABSENT"), OUR_CLIENT, "request_refused"),
    Row("a parameter is rejected", oauth(400, "PARAMETER_REJECTED"), OUR_CLIENT, "request_refused"),
    Row("the request is invalid", oauth(400, "INVALID_REQUEST"), OUR_CLIENT, "request_refused"),
    Row("the grant type is refused", oauth(400, "UNSUPPORTED_GRANT_TYPE"), OUR_CLIENT, "grant_type_refused"),
    Row("plain HTTP is refused", oauth(400, "UNSUPPORTED_OVER_HTTP"), OUR_CLIENT, "request_refused"),
    Row("its old word for slowing down", Reply(999, "Unable to process request at this time -- error 999"), THROTTLED,
        "throttled", {"error": "999", "error_description": "Unable to process request at this time -- error 999"}, 30),
    Row("nobody knows the word", oauth(400, "MOON_IS_FULL"), UNKNOWN, "unknown_answer"),
]  # fmt: skip


def zoom(code: int, reason: str, status: int = 400) -> Reply:
    return Reply(status, {"code": code, "reason": reason})


ZOOM = [
    Row("the token was spent", Reply(400, {"reason": "Invalid Token!", "error": "invalid_grant"}), TOKEN_DEAD, "token_revoked"),
    Row("the token was spent, as it was once told", Reply(401, {"reason": "Invalid Token!", "error": "invalid_grant"}), TOKEN_DEAD, "token_revoked"),
    Row("invalid_grant alone", Reply(400, {"error": "invalid_grant"}), TOKEN_DEAD, "token_revoked"),
    Row("a refusal with status 200", Reply(200, {"reason": "Invalid Token!", "error": "invalid_grant"}), TOKEN_DEAD, "token_revoked"),
    Row("the owner is gone", zoom(4735, "The owner of the token does not exist."), TOKEN_DEAD, "account_deleted"),
    Row("the owner is not found", zoom(4737, "The owner of the token is not found."), TOKEN_DEAD, "account_deleted"),
    Row("an admin disabled it", zoom(4738, "The token was disabled by the admin."), TOKEN_DEAD, "account_disabled"),
    Row("the token is of an old kind", zoom(4740, "The token exceeds the tolerance."), TOKEN_DEAD, "token_expired"),
    Row("a later sign-in replaced it", zoom(4741, "The token has been revoked."), TOKEN_DEAD, "token_revoked"),
    Row("the client is unknown", Reply(401, {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}), OUR_CLIENT, "client_refused"),
    Row("code 4702", zoom(4702, "Invalid client."), OUR_CLIENT, "client_refused"),
    Row("code 4704", zoom(4704, "Invalid client secret."), OUR_CLIENT, "client_refused"),
    Row("code 4706", zoom(4706, "Client id is missing."), OUR_CLIENT, "client_refused"),
    Row("the grant type is refused", zoom(4705, "The grant type is not supported."), OUR_CLIENT, "grant_type_refused"),
    Row("the redirect URI differs", zoom(4709, "Redirect URI mismatch."), OUR_CLIENT, "redirect_uri_refused"),
    Row("the app is disabled", zoom(4717, "The app has been disabled."), OUR_CLIENT, "client_disabled"),
    Row("the app's scopes have changed", zoom(4711, "The scopes of the token no longer match."), SCOPES, "scopes_missing"),
    Row("the token is empty", zoom(4700, "Token cannot be empty."), DOWN, "provider_error"),
    Row("it failed inside", zoom(4732, "Internal error."), DOWN, "provider_error"),
    Row("nobody knows the code", zoom(4799, "Howl."), UNKNOWN, "unknown_answer"),
    Row("a page that is not found", Reply(404, "<html><title>Not Found</title></html>"), OUR_CLIENT, "endpoint_wrong",
        {"error": "404", "error_description": "Not Found"}),
]  # fmt: skip

GOOGLE_BULK = [
    Row("no such user", oauth(400, "invalid_grant", "Invalid email or User ID"), REFUSED, "user_unknown"),
    Row("what is no address", oauth(400, "invalid_grant", "Not a valid email."), REFUSED, "user_unknown"),
    Row("our clock is wrong", oauth(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."), OUR_CREDENTIAL, "assertion_refused"),
    Row("the key is deleted", oauth(400, "invalid_grant", "Invalid JWT Signature."), OUR_CREDENTIAL, "assertion_refused"),
    Row("the service account is deleted", oauth(400, "invalid_grant", "Invalid JWT: No valid verifier found for issuer"), OUR_CREDENTIAL, "assertion_refused"),
    Row("the service account is unknown", oauth(400, "invalid_grant", "Invalid grant: account not found"), OUR_CREDENTIAL, "assertion_refused"),
    Row("invalid_grant that says nothing", oauth(400, "invalid_grant"), OUR_CREDENTIAL, "assertion_refused"),
    Row("nothing was delegated", oauth(401, "unauthorized_client", "Unauthorized client or scope in request."), OUR_CREDENTIAL, "delegation_missing"),
    Row("no scope was delegated", oauth(401, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."), OUR_CREDENTIAL, "delegation_missing"),
    Row("a scope was not delegated", oauth(403, "access_denied", "Requested client not authorized."), NOT_DELEGATED, "scopes_missing"),
    Row("an admin's policy forbids it", oauth(400, "admin_policy_enforced"), OUR_CREDENTIAL, "admin_policy"),
    Row("the user is malformed", oauth(400, "invalid_request", "Invalid impersonation prn email address."), BAD_REQUEST, "user_malformed"),
    Row("the issuer is malformed", oauth(400, "invalid_request", "Invalid principal"), BAD_REQUEST, "user_malformed"),
    Row("a scope is unknown", oauth(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."), BAD_REQUEST, "scope_invalid"),
    Row("the account is disabled", oauth(401, "disabled_client", "The OAuth client was disabled."), OUR_CREDENTIAL, "client_disabled"),
    Row("the client is deleted", oauth(401, "deleted_client", "The OAuth client was deleted."), OUR_CREDENTIAL, "client_disabled"),
    Row("the app is for insiders", oauth(403, "org_internal"), OUR_CREDENTIAL, "app_internal"),
    Row("the client is unknown", oauth(401, "invalid_client", "The OAuth client was not found."), OUR_CREDENTIAL, "client_refused"),
    Row("it failed inside", oauth(400, "internal_failure"), DOWN, "provider_error"),
    Row("nobody knows the word", oauth(400, "moon_is_full"), UNKNOWN, "unknown_answer"),
]  # fmt: skip

MICROSOFT_BULK = [
    Row("the client secret is wrong", entra("invalid_client", 7000215, 401), OUR_CREDENTIAL, "client_secret_refused"),
    Row("the client secret has run out", entra("invalid_client", 7000222, 401), OUR_CREDENTIAL, "client_secret_expired"),
    Row("the client secret is missing", entra("invalid_client", 7000218, 401), OUR_CREDENTIAL, "client_secret_missing"),
    Row("the assertion is refused", entra("invalid_client", 700027, 401), OUR_CREDENTIAL, "assertion_refused"),
    Row("the app is unknown in the tenant", entra("unauthorized_client", 700016), OUR_CREDENTIAL, "client_unknown"),
    Row("the app is disabled", entra("unauthorized_client", 7000112), OUR_CREDENTIAL, "client_disabled"),
    Row("the tenant is unknown", entra("invalid_request", 90002), OUR_CREDENTIAL, "tenant_unknown"),
    Row("the authority is of many tenants", entra("invalid_request", 9001023), OUR_CREDENTIAL, "wrong_authority"),
    Row("nobody consented", entra("invalid_grant", 65001), OUR_CREDENTIAL, "admin_consent_required"),
    Row("an admin must consent", entra("invalid_grant", 90094), OUR_CREDENTIAL, "admin_consent_required"),
    Row("a policy for apps blocks it", entra("access_denied", 53003), OUR_CREDENTIAL, "admin_policy"),
    Row("the scope is wrong", entra("invalid_scope", 70011), BAD_REQUEST, "scope_invalid"),
    Row("several resources", entra("invalid_scope", 700022), BAD_REQUEST, "scope_invalid"),
    Row("trouble inside", entra("server_error", 90033), DOWN, "provider_error"),
    Row("it asks too often", entra("invalid_grant", 50196), THROTTLED, "loop_detected", wait=300),
    Row("nobody knows the word", entra("moon_is_full", None), UNKNOWN, "unknown_answer"),
]  # fmt: skip

# What any server can do, whoever it is.
SLOWLY = {"Retry-After": "7"}
TROUBLE = [
    Row("is down", Reply(503, "down"), DOWN, "provider_error", {"error": "503", "error_description": "down"}),
    Row("is down and says how long", Reply(503, "down", {"Retry-After": "120"}), DOWN, "provider_error",
        {"error": "503", "error_description": "down"}, 120),
    Row("has a proxy that fails", Reply(502, "<html><title>502 Bad Gateway</title></html>"), DOWN, "provider_error",
        {"error": "502", "error_description": "502 Bad Gateway"}),
    Row("gives up waiting for itself", Reply(504), DOWN, "provider_error", "504"),
    Row("throttles", Reply(429, "Too Many Requests", SLOWLY), THROTTLED, "throttled",
        {"error": "429", "error_description": "Too Many Requests"}, 7),
    Row("throttles without a time", Reply(429, {"error": "slow_down"}), THROTTLED, "throttled", wait=30),
    Row("answers with a page", Reply(200, "<html>hello</html>"), DOWN, "senseless_answer", "answer_not_json"),
    Row("answers with nothing", Reply(200), DOWN, "senseless_answer", "answer_empty"),
    Row("redirects", Reply(302, "", {"Location": "https://elsewhere.test/"}), DOWN, "redirected", "302"),
    Row("vanishes", Reply(fault="reset"), DOWN, "answer_lost", "connection_lost"),
    Row("vanishes at once", Reply(fault="reset_early"), DOWN, "answer_lost", "connection_lost"),
    Row("hangs up", Reply(fault="close"), DOWN, "answer_lost", "connection_lost"),
    Row("speaks no HTTP", Reply(fault="garbage"), DOWN, "answer_lost", "not_http"),
    Row("breaks off", Reply(200, {"access_token": "x" * 100}, cut=5), DOWN, "answer_lost", "answer_cut_off"),
]  # fmt: skip
TOKEN_TROUBLE = [
    *TROUBLE,
    Row("throttles with a page", Reply(403, HTML_403), THROTTLED, "throttled",
        {"error": "403", "error_description": "Sorry..."}, 30),
    Row("gives no token", Reply(200, {"token_type": "bearer"}), DOWN, "senseless_answer", "answer_senseless"),
]  # fmt: skip
# Where the same code asks the same server once more, as another client or at another place.
SOME_TROUBLE = TROUBLE[1::3]
OAUTH = [variant for variant in EMAILS if " " in variant]


def rows(variants: Iterable[str], table: Iterable[Row]) -> list[Any]:
    table = list(table)
    return [pytest.param(variant, row, id=f"{variant}: {row.says}") for variant in variants for row in table]


@pytest.mark.parametrize(
    ("variant", "row"),
    [
        *rows(("google refresh", "google override"), GOOGLE),
        *rows(("microsoft refresh", "microsoft override"), MICROSOFT),
        *rows(("microsoft refresh",), MICROSOFT_NUMBERS),
        *rows(("yahoo refresh", "yahoo override"), YAHOO),
        *rows(("zoom refresh", "zoom override"), ZOOM),
        *rows(("google bulk",), GOOGLE_BULK),
        *rows(("microsoft bulk",), MICROSOFT_BULK),
        *rows((variant for variant in OAUTH if "override" not in variant), TOKEN_TROUBLE),
        *rows((variant for variant in OAUTH if "override" in variant), SOME_TROUBLE),
    ],
)
def test_a_token_endpoint_refuses(tenant: Tenant, provider: FakeOAuth, ask: Ask, variant: str, row: Row) -> None:
    body = ask(variant)
    provider.answers("token", row.reply)
    refuse(tenant, body, row.told, row.reason, row.words, wait=row.wait)
    assert provider.count("token") == 1


# ---------------------------------------------------------------- OAuth: a good token, and then

WHOSE: tuple[Endpoint, ...] = ("userinfo", "tokeninfo")
GMAIL = "https://mail.google.com/"


def google_api(status: int, reason: str, word: str) -> Reply:
    return Reply(status, google_api_error(status, reason, word))


def graph(status: int, code: str) -> Reply:
    return Reply(status, graph_error(code))


NO_SCOPES = "identity_scopes_missing"

GOOGLE_API = [
    Row("userinfo refuses the token", google_api(401, "authError", "UNAUTHENTICATED"), UNKNOWN, "access_token_refused", at=WHOSE),
    Row("userinfo wants more scopes", google_api(403, "insufficientPermissions", "PERMISSION_DENIED"), SCOPES, "scopes_missing", at=WHOSE),
    Row("the API is not enabled", google_api(403, "accessNotConfigured", "PERMISSION_DENIED"), OUR_CLIENT, "api_not_enabled", at=WHOSE),
    Row("an admin switched the service off", google_api(403, "domainPolicy", "PERMISSION_DENIED"), BAD_REQUEST, "service_disabled", at=WHOSE),
    Row("the rate is exceeded", google_api(403, "rateLimitExceeded", "PERMISSION_DENIED"), THROTTLED, "throttled", wait=30, at=WHOSE),
    Row("the user's rate is exceeded", google_api(403, "userRateLimitExceeded", "PERMISSION_DENIED"), THROTTLED, "throttled", wait=30, at=WHOSE),
    Row("the day's quota is used up", google_api(403, "dailyLimitExceeded", "PERMISSION_DENIED"), THROTTLED, "throttled", wait=30, at=WHOSE),
    Row("the account has no Gmail", google_api(400, "failedPrecondition", "FAILED_PRECONDITION"), REFUSED, "mailbox_missing", at=("gmail",), scope=GMAIL),
    Row("Gmail is not enabled", google_api(403, "SERVICE_DISABLED", "PERMISSION_DENIED"), OUR_CLIENT, "api_not_enabled", at=("gmail",), scope=GMAIL),
]  # fmt: skip
GRAPH = [
    Row("no such user", graph(404, "Request_ResourceNotFound"), REFUSED, "user_unknown"),
    Row("no mailbox", graph(404, "MailboxNotEnabledForRESTAPI"), REFUSED, "mailbox_missing"),
    Row("no mailbox, as it is also told", graph(404, "ResourceNotFound"), REFUSED, "mailbox_missing"),
    Row("an invalid user", graph(404, "ErrorInvalidUser"), REFUSED, "mailbox_missing"),
    Row("too many requests", graph(429, "TooManyRequests"), THROTTLED, "throttled", wait=30),
    Row("the activity limit", graph(403, "activityLimitReached"), THROTTLED, "throttled", wait=30),
    Row("the app is throttled", graph(403, "ApplicationThrottled"), THROTTLED, "throttled", wait=30),
    Row("the bandwidth is used up", graph(509, "BandwidthLimitExceeded"), THROTTLED, "throttled", wait=30),
    Row("Graph is not available", graph(503, "serviceNotAvailable"), DOWN, "provider_error"),
    Row("Graph does not know why", graph(400, "UnknownError"), DOWN, "provider_error"),
    Row("nobody knows the code", graph(400, "MoonIsFull"), UNKNOWN, "unknown_answer"),
]
MICROSOFT_ME = [
    Row("Graph refuses the token", graph(401, "InvalidAuthenticationToken"), SCOPES, NO_SCOPES),
    Row("a permission is missing", graph(403, "Authorization_RequestDenied"), SCOPES, NO_SCOPES),
    Row("access is denied", graph(403, "accessDenied"), SCOPES, NO_SCOPES),
    *GRAPH,
]
YAHOO_USERINFO = [
    Row("userinfo refuses the token", Reply(401, {"error": {"errorId": "UNAUTHORIZED", "message": "unauthorized"}}), SCOPES, NO_SCOPES),
    Row("userinfo forbids it", Reply(403, {"error": "insufficient_scope"}), SCOPES, NO_SCOPES),
]  # fmt: skip
ZOOM_ME = [
    Row("the access token is refused", Reply(401, {"code": 124, "message": "Invalid access token."}), UNKNOWN, "access_token_refused"),
    Row("the user scope is missing", Reply(400, {"code": 4711, "message": "Invalid access token, does not contain scopes:[user:read:user]."}), SCOPES, NO_SCOPES),
    Row("no such user", Reply(404, {"code": 1001, "message": "User does not exist: hal."}), REFUSED, "user_unknown"),
    Row("the rate is exceeded", Reply(429, {"code": 429, "message": "You have reached the maximum per-second rate limit."}, {"Retry-After": "3"}), THROTTLED, "throttled", wait=3),
]  # fmt: skip
GOOGLE_BULK_API = [
    Row("userinfo wants more scopes", google_api(403, "insufficientPermissions", "PERMISSION_DENIED"), NOT_DELEGATED, "scopes_missing", at=("userinfo",), scope="openid"),
    Row("userinfo refuses the token", google_api(401, "authError", "UNAUTHENTICATED"), UNKNOWN, "access_token_refused", at=("userinfo",), scope="openid"),
    Row("the licence has no Gmail", google_api(400, "failedPrecondition", "FAILED_PRECONDITION"), REFUSED, "no_mailbox", at=("gmail",), scope=GMAIL),
    Row("Gmail is not enabled", google_api(403, "accessNotConfigured", "PERMISSION_DENIED"), OUR_CREDENTIAL, "api_not_enabled", at=("gmail",), scope=GMAIL),
    Row("the rate is exceeded", google_api(403, "rateLimitExceeded", "PERMISSION_DENIED"), THROTTLED, "throttled", wait=30, at=("gmail",), scope=GMAIL),
]  # fmt: skip
MICROSOFT_BULK_USERS = [
    Row("the app may not look for users", graph(403, "Authorization_RequestDenied"), NOT_DELEGATED, "scopes_missing"),
    Row("Graph refuses the token", graph(401, "InvalidAuthenticationToken"), UNKNOWN, "access_token_refused"),
    *(row for row in GRAPH if row.told != REFUSED),
]
MICROSOFT_BULK_INBOX = [
    Row("no permission opens the mailbox", graph(403, "ErrorAccessDenied"), NOT_DELEGATED, "scopes_missing",
        at=("inbox", "calendar", "mailboxSettings")),
    Row("a policy keeps the app out", Reply(403, graph_error("ErrorAccessDenied", "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.")), OUR_CREDENTIAL, "mailbox_excluded"),
    Row("no mailbox", graph(404, "MailboxNotEnabledForRESTAPI"), REFUSED, "no_mailbox"),
    Row("no mailbox, as it is also told", graph(404, "ResourceNotFound"), REFUSED, "no_mailbox"),
    Row("an invalid user", graph(404, "ErrorInvalidUser"), REFUSED, "no_mailbox"),
    Row("too many requests", graph(429, "TooManyRequests"), THROTTLED, "throttled", wait=30),
]  # fmt: skip


def at(table: Iterable[Row], *endpoints: Endpoint, scope: str | None = None) -> list[Row]:
    """Rows that happen there, where they do not say otherwise."""
    return [row if row.at != ("token",) else replace(row, at=endpoints, scope=scope) for row in table]


@pytest.mark.parametrize(
    ("variant", "row"),
    [
        *rows(("google refresh", "google override"), at([*GOOGLE_API, *SOME_TROUBLE], "userinfo")),
        *rows(("microsoft refresh", "microsoft override"), at([*MICROSOFT_ME, *SOME_TROUBLE], "me")),
        *rows(("yahoo refresh", "yahoo override"), at([*YAHOO_USERINFO, *SOME_TROUBLE], "userinfo")),
        *rows(("zoom refresh", "zoom override"), at([*ZOOM_ME, *SOME_TROUBLE], "me")),
        *rows(("google bulk",), at([*GOOGLE_BULK_API, *SOME_TROUBLE], "gmail", scope=GMAIL)),
        *rows(("microsoft bulk",), at([*MICROSOFT_BULK_USERS, *SOME_TROUBLE], "users")),
        *rows(("microsoft bulk",), at(MICROSOFT_BULK_INBOX, "inbox")),
    ],
)
def test_after_a_good_token_its_provider_refuses_to_say_whose_it_is(
    tenant: Tenant, provider: FakeOAuth, ask: Ask, variant: str, row: Row
) -> None:
    """Microsoft and Zoom have replaced the refresh token by then: the new one alone is kept."""
    body = ask(variant)
    scope = {} if row.scope is None else {"scope": row.scope}
    provider.accounts = {
        token: replace(account, id_token=False, **scope) for token, account in provider.accounts.items()
    }
    if variant == "google bulk":
        provider.delegates(scope=f"{SCOPE} {row.scope}")
        body["settings"]["scopes"] = [row.scope]
    for endpoint in row.at:
        provider.answers(endpoint, row.reply)
    rotated = variant.split(" ", maxsplit=1)[0] in {"microsoft", "zoom"} and "bulk" not in variant
    refuse(tenant, body, row.told, row.reason, row.words, wait=row.wait, kept=KEPT if rotated else None)
    assert provider.count("token") == 1


NOBODY = {"userPrincipalName": "a_b#EXT#@c.test", "mail": None}
OUTLOOK = "https://outlook.office.com/IMAP.AccessAsUser.All"
USERINFO = "https://www.googleapis.com/auth/userinfo"


@pytest.mark.parametrize(
    ("variant", "change", "told", "reason", "says"),
    [
        pytest.param(*row, id=f"{row[0]}: {name}")
        for name, *row in (
            ("no scope tells whose it is", "google refresh", {"scope": "https://www.googleapis.com/auth/drive"}, GOOGLE_SCOPES, NO_SCOPES,
             f"The token lacks {USERINFO}.email, {USERINFO}.profile, openid"),
            ("the address is not verified", "google refresh", {"email_verified": False}, BAD_REQUEST, "email_not_verified",
             "Google has not verified that the address is the user's"),
            ("the token is for Outlook alone", "microsoft refresh", {"scope": OUTLOOK, "id_token": False}, SCOPES, NO_SCOPES,
             "The token is not for Graph, and there was no id_token"),
            ("a guest without an address", "microsoft refresh", {"id_token": False, "user": NOBODY}, BAD_REQUEST, "address_unknown",
             "Neither Graph nor the id_token names a mail address"),
            ("openid was granted without email", "yahoo refresh", {"scope": "openid"}, SCOPES, NO_SCOPES,
             "Userinfo named no mail address: it needs the scopes openid and email"),
            ("the address is not verified", "yahoo refresh", {"email_verified": False}, BAD_REQUEST, "email_not_verified",
             "Yahoo has not verified that the address is the user's"),
            ("the account has no address", "zoom refresh", {"user": {"email": None}}, BAD_REQUEST, "address_unknown",
             "The user API named no mail address"),
        )
    ],
)  # fmt: skip
def test_a_good_token_of_an_account_that_cannot_be_known(
    tenant: Tenant, provider: FakeOAuth, ask: Ask, variant: str, change: dict[str, Any], told: Told, reason: str,
    says: str,
) -> None:  # fmt: skip
    body = ask(variant)
    provider.accounts = {token: replace(account, **change) for token, account in provider.accounts.items()}
    kept = KEPT if variant.startswith(("microsoft", "zoom")) else None
    refuse(tenant, body, told, reason, {"error": reason, "error_description": says}, kept=kept)


# ---------------------------------------------------------------- what the stand-ins refuse by themselves


@pytest.mark.parametrize("variant", [variant for variant in OAUTH if "bulk" not in variant])
def test_a_dead_refresh_token(tenant: Tenant, ask: Ask, variant: str) -> None:
    body = ask(variant)
    body["settings"]["refresh_token"] = secret("dead")
    before = stored(tenant)
    answer = tenant.post("/v3/connect/custom", body)
    assert problem(answer)[:2] == TOKEN_DEAD[:2]
    assert stored(tenant) == before


@pytest.mark.parametrize(
    ("variant", "change", "told", "reason"),
    [
        ("google bulk", {"email_address": "nobody@contoso.test"}, REFUSED, "user_unknown"),
        ("google bulk", {"email_address": "di@elsewhere.test"}, OUR_CREDENTIAL, "delegation_missing"),
        ("google bulk", {"scopes": [GMAIL]}, OUR_CREDENTIAL, "delegation_missing"),
        ("google bulk", {"scopes": [SCOPE, GMAIL]}, NOT_DELEGATED, "scopes_missing"),
        ("microsoft bulk", {"email_address": "nobody@contoso.test"}, REFUSED, "user_unknown"),
    ],
)
def test_a_credential_of_the_organisation_does_not_open_everything(
    tenant: Tenant, ask: Ask, variant: str, change: dict[str, Any], told: Told, reason: str
) -> None:
    body = ask(variant)
    body["settings"] |= change
    before = stored(tenant)
    answer = tenant.post("/v3/connect/custom", body)
    verdict = answer.json()["error"]["provider_error"]["opengrant"]
    assert (*problem(answer)[:2], verdict["class"], verdict["reason"]) == (*told, reason)
    assert stored(tenant) == before


@pytest.mark.parametrize(
    ("variant", "change", "names"),
    [
        *((variant, {"credential_id": "none"}, "credential_id") for variant in OAUTH if "refresh" not in variant),
        ("google bulk", {"email_address": "di@gmail.com"}, "consumer account"),
        ("google bulk", {"email_address": "no address"}, "email_address"),
        ("google bulk", {"scopes": []}, "scope"),
        ("microsoft bulk", {"email_address": "no address"}, "email_address"),
        ("google refresh", {"refresh_token": None}, "refresh_token"),
        ("imap", {"imap_password": None}, "imap_password"),
        ("imap", {"imap_username": "a\r\nb"}, "imap_username"),
        ("icloud", {"password": None}, "password"),
        ("icloud", {"username": "a:b"}, "username"),
        ("ews", {"ews_password": None}, "ews_password"),
        ("ews", {"email": "no address"}, "email"),
        ("ews", {"ews_host": "http://mail.example.test/EWS/Exchange.asmx"}, "ews_host"),
        ("virtual-calendar", {"email": None}, "email"),
        ("virtual-calendar", {"email": ""}, "email"),
        ("nylas", {"email": "x@elsewhere.example"}, "domain elsewhere.example is not registered"),
        ("nylas", {"email": "no address"}, "email"),
        ("nylas", {"app_password": "nodigitsinthisPASSWORD"}, "app_password"),
        ("nylas", {"app_password": "noupperinth1spassword"}, "app_password"),
        ("nylas", {"app_password": "NOLOWERINTH1SPASSWORD"}, "app_password"),
        ("nylas", {"app_password": "short1A"}, "app_password"),
        ("nylas", {"app_password": "Aspace 1n this password"}, "app_password"),
    ],
)
def test_what_cannot_work_is_refused_before_anybody_is_asked(
    tenant: Tenant, provider: FakeOAuth, ask: Ask, variant: str, change: dict[str, Any], names: str
) -> None:
    body = ask(variant)
    settings = body["settings"] | change
    body["settings"] = {name: value for name, value in settings.items() if value is not None}
    before = stored(tenant)
    answer = tenant.post("/v3/connect/custom", body)
    status, type_, message = problem(answer)
    assert (status, type_) == (400, "api.invalid_request_error")
    assert names in message
    assert "provider_error" not in answer.json()["error"]
    assert stored(tenant) == before
    assert provider.requests == []


# ---------------------------------------------------------------- mail servers


@dataclass(frozen=True)
class Mail:
    """`imap`, `smtp`: what a server says other than that all is well; `code`, `text`: how the caller is told."""

    says: str
    told: Told
    reason: str
    code: str
    text: str | None = None
    imap: Mapping[str, Any] = field(default_factory=dict)
    smtp: Mapping[str, Any] = field(default_factory=dict)
    wait: int | None = None

    @property
    def words(self) -> Mapping[str, Any] | str:
        return self.code if self.text is None else {"error": self.code, "error_description": self.text}


def no(says: str, told: Told, reason: str, text: str, code: str = "NO", **more: Any) -> Mail:
    """IMAP's login is answered with NO and this text."""
    return Mail(f"IMAP {says}", told, reason, code, text, imap={"AUTHENTICATE": f"TAG NO {text}\r\n".encode()}, **more)


def smtp(says: str, told: Told, reason: str, text: str, code: str, **more: Any) -> Mail:
    """SMTP's login is answered with this line."""
    return Mail(f"SMTP {says}", told, reason, code, text[4:], smtp={"AUTH": f"{text}\r\n".encode()}, **more)


PRIVACY = "[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure connections."
NOT_CONNECTED = "User is authenticated but not connected."
MAIL = [
    no("refuses the password", REFUSED, "password_refused", "[AUTHENTICATIONFAILED] Invalid credentials (Failure)", "AUTHENTICATIONFAILED"),
    no("forbids the mailbox", REFUSED, "not_authorized", "[AUTHORIZATIONFAILED] No.", "AUTHORIZATIONFAILED"),
    no("says the password has run out", REFUSED, "password_expired", "[EXPIRED] Password expired.", "EXPIRED"),
    no("sends to the admin", REFUSED, "account_disabled", "[CONTACTADMIN] Login disabled for this user", "CONTACTADMIN"),
    no("wants an app password", REFUSED, "app_password_required", "[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)", "ALERT"),
    no("refuses with an alert", REFUSED, "password_refused", "[ALERT] Invalid credentials (Failure)", "ALERT"),
    no("takes no passwords any more", REFUSED, "password_login_disabled", "Basic authentication is disabled."),
    no("refuses as Exchange does", REFUSED, "password_refused", "AUTHENTICATE failed."),
    no("refuses as Courier does", REFUSED, "password_refused", "Login failed."),
    no("refuses as James does", REFUSED, "password_refused", "LOGIN failed. Invalid credentials."),
    no("says it in words", REFUSED, "password_refused", "Incorrect username or password"),
    no("says it in one word", REFUSED, "password_refused", "Invalid"),
    no("wants an authorization code", REFUSED, "app_password_required", "Login fail. Authorized code is incorrect"),
    no("is not available", DOWN, "server_unavailable", "[UNAVAILABLE] Temporary authentication failure.", "UNAVAILABLE"),
    no("has a bug", DOWN, "server_unavailable", "[SERVERBUG] Server error - Please try again later", "SERVERBUG"),
    no("is in use", DOWN, "server_unavailable", "[INUSE] Mailbox in use.", "INUSE"),
    no("has too many connections", THROTTLED, "too_many_connections", "[LIMIT] Rate limit hit.", "LIMIT", wait=30),
    no("says so in words", THROTTLED, "too_many_connections", "Too many simultaneous connections. (Failure)", wait=30),
    no("is over quota", UNKNOWN, "refused_otherwise", "[OVERQUOTA] Full.", "OVERQUOTA"),
    no("wants TLS first", BAD_REQUEST, "tls_required", PRIVACY, "PRIVACYREQUIRED"),
    no("knows no such login", BAD_REQUEST, "login_not_offered", "[ALERT] Unsupported authentication mechanism.", "ALERT"),
    no("says what nobody knows", UNKNOWN, "unknown_refusal", "The moon is full."),
    Mail("IMAP wants a web login", REFUSED, "browser_login_required", "WEBALERT",
         "[WEBALERT https://accounts.google.com/signin/continue] Web login required. [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
         imap={"AUTHENTICATE": b"* NO [WEBALERT https://accounts.google.com/signin/continue] Web login required.\r\n"
               b"TAG NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)\r\n"}),
    Mail("IMAP lets in without a mailbox", REFUSED, "mailbox_not_accessible", "BAD", NOT_CONNECTED,
         imap={"NAMESPACE": f"TAG BAD {NOT_CONNECTED}\r\n".encode()}),
    Mail("IMAP says goodbye", DOWN, "server_unavailable", "BYE", "Down for maintenance",
         imap={"AUTHENTICATE": b"* BYE Down for maintenance\r\n" + CLOSE}),
    Mail("IMAP hangs up", DOWN, "server_unavailable", "closed", imap={"AUTHENTICATE": CLOSE}),
    Mail("IMAP vanishes", DOWN, "server_unavailable", "reset", imap={"AUTHENTICATE": RESET}),
    Mail("IMAP talks garbage", BAD_REQUEST, "wrong_port_or_tls_mode", "not_imap", imap={"CAPABILITY": b"\x00\xff\r\nTAG huh\r\n"}),
    smtp("refuses the password", REFUSED, "password_refused", "535 5.7.8 Username and Password not accepted.", "5.7.8"),
    smtp("was unsuccessful", REFUSED, "password_refused", "535 5.7.3 Authentication unsuccessful", "5.7.3"),
    smtp("wants an app password", REFUSED, "app_password_required", "534 5.7.9 Application-specific password required.", "5.7.9"),
    smtp("wants a web login", REFUSED, "browser_login_required", "534 5.7.14 Please log in via your web browser and then try again.", "5.7.14"),
    smtp("was switched off by an admin", REFUSED, "smtp_auth_disabled_by_admin", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", "5.7.139"),
    smtp("takes no passwords any more", BAD_REQUEST, "password_login_disabled", "550 5.7.30 Basic authentication is not supported for Client Submission.", "5.7.30"),
    smtp("wants encryption", BAD_REQUEST, "tls_required", "538 5.7.11 Encryption required for requested authentication mechanism", "5.7.11"),
    smtp("wants STARTTLS", BAD_REQUEST, "tls_required", "530 5.7.0 Must issue a STARTTLS command first", "5.7.0"),
    smtp("knows no such login", BAD_REQUEST, "login_not_offered", "504 5.5.4 Unrecognized authentication type", "5.5.4"),
    smtp("wants a new password", REFUSED, "password_expired", "432 4.7.12 A password transition is needed", "4.7.12"),
    smtp("knows a disabled account", REFUSED, "account_disabled", "525 5.7.13 User account disabled", "5.7.13"),
    smtp("cannot say now", DOWN, "server_unavailable", "454 4.7.0 Temporary authentication failure", "4.7.0"),
    smtp("has had too many logins", THROTTLED, "too_many_connections", "454 4.7.0 Too many login attempts, please try again later.", "4.7.0", wait=30),
    smtp("is busy", DOWN, "server_unavailable", "421 4.3.2 Service not available", "4.3.2"),
    smtp("says what nobody knows", UNKNOWN, "unknown_refusal", "550 5.0.0 The moon is full", "5.0.0"),
    Mail("SMTP hangs up", DOWN, "server_unavailable", "closed", smtp={"AUTH": CLOSE}),
    Mail("SMTP vanishes", DOWN, "server_unavailable", "reset", smtp={"AUTH": RESET}),
    Mail("SMTP talks garbage", BAD_REQUEST, "wrong_port_or_tls_mode", "not_smtp", smtp={"EHLO": b"\x00\xff huh\r\n"}),
]  # fmt: skip


@pytest.mark.parametrize("row", MAIL, ids=lambda row: row.says)
def test_a_mail_server_refuses(tenant: Tenant, ask: Ask, beside: Beside, certificates: Certificates, row: Mail) -> None:
    incoming = beside.enter(FakeMail(tls=certificates.good, implicit=True, replies=row.imap))
    outgoing = beside.enter(FakeMail("smtp", tls=certificates.good, implicit=True, replies=row.smtp))
    body = ask("imap")
    body["settings"] |= {"imap_host": "localhost", "smtp_host": "localhost"}
    body["settings"] |= {"imap_port": incoming.port, "smtp_port": outgoing.port}
    refuse(tenant, body, row.told, row.reason, row.words, wait=row.wait)


NO_ADDRESS = {"error": "no_public_address", "error_description": "The host has no public address."}
NO_DNS = {"error": "dns_unavailable", "error_description": "The host name could not be looked up."}
DISABLED_LOGIN = {"imap_username": DISABLED[0], "imap_password": DISABLED[1]}
DOVECOT_SAYS_NO = {
    "error": "AUTHENTICATIONFAILED",
    "error_description": "[AUTHENTICATIONFAILED] Authentication failed.",
}


@pytest.mark.parametrize(
    ("change", "told", "reason", "said"),
    [
        pytest.param(*row, id=name)
        for name, *row in (
            ("the password is wrong", {"imap_password": "wrong"}, REFUSED, "password_refused", DOVECOT_SAYS_NO),
            ("the user is unknown", {"imap_username": "x@example.test"}, REFUSED, "password_refused", DOVECOT_SAYS_NO),
            ("the user is disabled", DISABLED_LOGIN, REFUSED, "account_disabled",
             {"error": "CONTACTADMIN", "error_description": "[CONTACTADMIN] Login disabled for this user"}),
            ("SMTP alone refuses", {"smtp_password": "wrong"}, REFUSED, "password_refused",
             {"error": "5.7.8", "error_description": "5.7.8 Authentication failed."}),
            ("nobody listens", {"imap_port": 9}, DOWN, "server_unavailable", "refused"),
            ("nobody listens for SMTP", {"smtp_port": 9}, DOWN, "server_unavailable", "refused"),
            ("the host is unknown", {"imap_host": "nowhere.test"}, BAD_REQUEST, "no_public_address", NO_ADDRESS),
            ("the host is inside", {"imap_host": "10.0.0.7"}, BAD_REQUEST, "no_public_address", NO_ADDRESS),
            ("DNS fails", {"imap_host": "broken.test"}, DOWN, "dns_unavailable", NO_DNS),
            ("no host is found", {"imap_username": "x@nowhere.test", "imap_host": None}, BAD_REQUEST, "hosts_not_found",
             {"error": "hosts_not_found", "error_description": "No mail servers were found for nowhere.test."}),
            ("the provider has no IMAP", {"imap_username": "x@proton.me", "imap_host": None}, BAD_REQUEST,
             "no_imap_service", {"error": "no_imap_service", "error_description": "proton.me offers no IMAP."}),
        )
    ],
)  # fmt: skip
def test_a_real_mail_server_refuses_or_is_not_there(
    tenant: Tenant, ask: Ask, change: dict[str, Any], told: Told, reason: str, said: Any
) -> None:
    body = ask("imap")
    settings = body["settings"] | change
    body["settings"] = {name: value for name, value in settings.items() if value is not None}
    refuse(tenant, body, told, reason, said)


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ("expired", "certificate_expired"),
        ("wrong_name", "certificate_wrong_name"),
        ("unknown_ca", "certificate_untrusted"),
        ("self_signed", "certificate_untrusted"),
    ],
)
@pytest.mark.parametrize("variant", ["imap", "ews"])
def test_a_certificate_that_is_no_good(
    tenant: Tenant, ask: Ask, beside: Beside, certificates: Certificates, exchange: FakeExchange, variant: str,
    certificate: str, reason: str,
) -> None:  # fmt: skip
    body = ask(variant)
    exchange.tls = tls = getattr(certificates, certificate)
    if variant == "imap":
        server = beside.enter(FakeMail(tls=tls, implicit=True))
        body["settings"] |= {"imap_host": "localhost", "imap_port": server.port}
    before = stored(tenant)
    answer = tenant.post("/v3/connect/custom", body)
    assert problem(answer)[:2] == BAD_REQUEST[:2]
    assert answer.json()["error"]["provider_error"]["opengrant"]["reason"] == reason
    assert stored(tenant) == before
    assert exchange.seen == []


# ---------------------------------------------------------------- iCloud


APPS_SHAPE = "abcd-efgh-ijkl-mnop"


@pytest.mark.parametrize(
    ("change", "reason", "leg"),
    [
        ({"password": APPS_SHAPE}, "app_password_refused", "IMAP"),
        ({"password": "the account's own"}, "app_password_required", "IMAP"),
        ({"username": "nobody@example.test"}, "app_password_required", "IMAP"),
        ({"username": "eve@example.test", "password": ACCOUNTS["eve@example.test"]}, "apple_account_name_needed", "CALDAV"),
    ],
    ids=["the app password is wrong", "it is no app password", "the user is unknown", "the calendars alone refuse"],
)  # fmt: skip
def test_icloud_s_servers_refuse(tenant: Tenant, ask: Ask, change: dict[str, Any], reason: str, leg: str) -> None:
    """Real ones: Dovecot and Radicale."""
    body = ask("icloud")
    body["settings"] |= change
    before = stored(tenant)
    answer = tenant.post("/v3/connect/custom", body)
    assert f"({leg}, " in problem(answer)[2]
    assert_refused(answer, REFUSED, reason, DOVECOT_SAYS_NO if leg == "IMAP" else "401")
    assert stored(tenant) == before


BOTH_SCHEMES = {"WWW-Authenticate": 'X-MobileMe-AuthToken realm="Newcastle", Basic realm="Newcastle"'}
HTML = "<html><title>Hello</title></html>"


@pytest.mark.parametrize(
    ("page", "told", "reason", "wait"),
    [
        (Page(401, "", BOTH_SCHEMES), REFUSED, "apple_account_name_needed", None),
        (Page(403, HTML), REFUSED, "account_blocked", None),
        (Page(404, HTML), OUR_CLIENT, "caldav_url_wrong", None),
        (Page(429, HTML, {"Retry-After": "12"}), THROTTLED, "throttled", 12),
        (Page(429, HTML), THROTTLED, "throttled", 30),
        (Page(503, HTML), DOWN, "server_unavailable", None),
        (Page(503, HTML, {"Retry-After": "12"}), DOWN, "server_unavailable", 12),
        (Page(207, HTML), DOWN, "senseless_answer", None),
        (Page(302, "", {"Location": "https://elsewhere.test/"}), DOWN, "redirected_elsewhere", None),
        (Page(418, HTML), UNKNOWN, "unknown_refusal", None),
    ],
    ids=["refuses the password", "forbids it", "is not there", "throttles", "throttles without a time", "is down",
         "is down and says how long", "talks garbage", "leads elsewhere", "says what nobody knows"],
)  # fmt: skip
def test_icloud_s_calendars_fail_while_its_mail_accepts(
    tenant: Tenant, ask: Ask, apple: Apple, exchange: FakeExchange, page: Page, told: Told, reason: str,
    wait: int | None,
) -> None:  # fmt: skip
    body = ask("icloud")
    apple.caldav.leads_to = exchange.port
    exchange.answers("other", replace(page, before_login=True))
    before = stored(tenant)
    answer = tenant.post("/v3/connect/custom", body)
    said = answer.json()["error"]["provider_error"]
    assert_refused(answer, told, reason, {name: said[name] for name in ("error", "error_description")}, wait=wait)
    assert said["error"] in {str(page.status), "no_principal", "not_dav", "redirected_elsewhere"}
    assert stored(tenant) == before


@pytest.mark.parametrize(
    "row",
    [
        no("refuses, though the calendars accept", REFUSED, "no_icloud_mailbox", "[AUTHENTICATIONFAILED] Authentication failed", "AUTHENTICATIONFAILED"),
        no("is not available", DOWN, "server_unavailable", "[UNAVAILABLE] later", "UNAVAILABLE"),
        no("has too many connections", THROTTLED, "too_many_connections", "[LIMIT] Too many.", "LIMIT", wait=30),
        Mail("IMAP hangs up", DOWN, "server_unavailable", "closed", imap={"AUTHENTICATE": CLOSE}),
        smtp("refuses, though IMAP accepts", REFUSED, "no_icloud_mailbox", "535 5.7.8 Error: authentication failed", "5.7.8"),
        smtp("cannot say now", DOWN, "server_unavailable", "454 4.7.0 Temporary authentication failure", "4.7.0"),
        smtp("has had too many logins", THROTTLED, "too_many_connections", "454 4.7.0 Too many login attempts", "4.7.0", wait=30),
        smtp("is busy", DOWN, "server_unavailable", "421 4.3.2 Service not available", "4.3.2"),
    ],
    ids=lambda row: row.says,
)  # fmt: skip
def test_icloud_s_mail_fails_while_its_calendars_accept(
    tenant: Tenant, ask: Ask, apple: Apple, beside: Beside, certificates: Certificates, row: Mail
) -> None:
    body = ask("icloud")
    for junction, kind, replies in ((apple.imap, "imap", row.imap), (apple.smtp, "smtp", row.smtp)):
        server = beside.enter(FakeMail(kind, tls=certificates.good, implicit=True, replies=replies))
        junction.leads_to = server.port
    refuse(tenant, body, row.told, row.reason, row.words, wait=row.wait)


@pytest.mark.parametrize("leg", ["imap", "smtp", "caldav"])
def test_one_of_icloud_s_servers_is_not_there(tenant: Tenant, ask: Ask, apple: Apple, leg: str) -> None:
    body = ask("icloud")
    getattr(apple, leg).leads_to = 9
    before = stored(tenant)
    answer = tenant.post("/v3/connect/custom", body)
    assert problem(answer)[:2] == DOWN[:2]
    assert answer.json()["error"]["provider_error"]["opengrant"]["class"] == "provider_down"
    assert f"({leg.upper()}, " in problem(answer)[2]
    assert stored(tenant) == before


# ---------------------------------------------------------------- Exchange


@dataclass(frozen=True)
class Ews:
    """`page`: the answer to whoever logged in; `change`: what the request says otherwise."""

    says: str
    told: Told
    reason: str
    said: Mapping[str, Any] | str
    page: Page | None = None
    change: Mapping[str, Any] = field(default_factory=dict)
    offers: tuple[str, ...] | None = None
    wait: int | None = None


def worded(told: Told, reason: str, codes: str, *, wait: int | None = None, how: Any = fault) -> list[Ews]:
    """SOAP says it: as a fault with status 500, or as an answer with 200."""
    return [
        Ews(f"{code} as {how.__name__}", told, reason, {"error": code, "error_description": "It says so."}, how(code), wait=wait)
        for code in codes.split()
    ]  # fmt: skip


LOCKED = "The referenced account is currently locked out"
FORM = '<html><form action="/owa/auth.owa"></form></html>'
ONLINE = "https://outlook.office365.com/EWS/Exchange.asmx"
EWS = [
    *worded(REFUSED, "mailbox_unknown", "ErrorNonExistentMailbox ErrorInvalidSmtpAddress"),
    *worded(BAD_REQUEST, "mailbox_missing", "ErrorMissingEmailAddress"),
    *worded(REFUSED, "not_authorized", "ErrorAccessDenied ErrorImpersonateUserDenied ErrorImpersonationDenied"),
    *worded(REFUSED, "password_expired", "ErrorPasswordExpired ErrorPasswordChangeRequired"),
    *worded(REFUSED, "account_disabled", "ErrorAccountDisabled"),
    *worded(DOWN, "server_unavailable", "ErrorMailboxMoveInProgress ErrorMailboxStoreUnavailable ErrorMailboxFailover"),
    *worded(DOWN, "server_unavailable", "ErrorInternalServerTransientError ErrorConnectionFailed ErrorTimeoutExpired"),
    *worded(DOWN, "server_unavailable", "ErrorNoRespondingCASInDestinationSite"),
    *worded(THROTTLED, "throttled", "ErrorServerBusy ErrorExceededConnectionCount ErrorTooManyObjectsOpened", wait=30),
    *worded(BAD_REQUEST, "server_too_old", "ErrorInvalidServerVersion ErrorIncorrectSchemaVersion"),
    *worded(BAD_REQUEST, "server_too_old", "ErrorInvalidSchemaVersionForMailboxVersion"),
    *worded(REFUSED, "mailbox_unknown", "ErrorNonExistentMailbox", how=error),
    *worded(DOWN, "server_unavailable", "ErrorMailboxMoveInProgress", how=error),
    *worded(THROTTLED, "throttled", "ErrorServerBusy", wait=30, how=error),
    Ews("busy, and says how long", THROTTLED, "throttled", {"error": "ErrorServerBusy", "error_description": "Busy."},
        fault("ErrorServerBusy", "Busy.", {"BackOffMilliseconds": "297749"}), wait=298),
    Ews("the password is wrong", REFUSED, "password_refused", "password_refused", change={"ews_password": "wrong"}),
    Ews("the user is unknown", REFUSED, "password_refused", "password_refused", change={"ews_username": "x@example.test"}),
    Ews("no such mailbox", REFUSED, "mailbox_unknown",
        {"error": "ErrorNonExistentMailbox", "error_description": "The SMTP address has no mailbox."},
        change={"email": "nobody@example.test"}),
    Ews("the account is locked", REFUSED, "account_locked", "locked_out", Page(401, LOCKED)),
    Ews("status 456", REFUSED, "account_locked", "456", Page(456)),
    Ews("status 457", REFUSED, "account_locked", "457", Page(457)),
    Ews("EWS is switched off", REFUSED, "ews_disabled", "403", Page(403, HTML)),
    Ews("EWS is not there", BAD_REQUEST, "not_ews", "404", Page(404, HTML)),
    Ews("a page", BAD_REQUEST, "not_ews", "not_ews", Page(200, HTML)),
    Ews("a login form", BAD_REQUEST, "login_form", "login_form", Page(200, FORM)),
    Ews("a way to a login form", BAD_REQUEST, "login_form", "login_form", Page(302, "", {"Location": "/owa/"})),
    Ews("a login that timed out", BAD_REQUEST, "login_form", "440", Page(440, FORM)),
    Ews("a way to Microsoft 365", BAD_REQUEST, "exchange_online", "exchange_online", Page(302, "", {"Location": ONLINE})),
    Ews("a way elsewhere", BAD_REQUEST, "redirected_elsewhere",
        {"error": "redirected_elsewhere", "error_description": "It leads to elsewhere.test."},
        Page(302, "", {"Location": "https://elsewhere.test/EWS/Exchange.asmx"})),
    Ews("a way to the error page", DOWN, "server_unavailable", "server_error_page",
        Page(302, "", {"Location": "/ews/genericerrorpage.htm"})),
    Ews("the application failed", DOWN, "server_unavailable", "server_error_page",
        Page(500, "<html>Server Error in '/EWS' Application.</html>")),
    Ews("the front end failed", DOWN, "server_unavailable", {"error": "cas_error", "error_description": "ServerNotFound"},
        Page(403, HTML, {"X-CasErrorCode": "ServerNotFound"})),
    Ews("down", DOWN, "server_unavailable", "503", Page(503, HTML)),
    Ews("down, and says how long", DOWN, "server_unavailable", "503", Page(503, HTML, {"Retry-After": "120"}), wait=120),
    Ews("throttled", THROTTLED, "throttled", "429", Page(429, HTML, {"Retry-After": "7"}), wait=7),
    Ews("throttled without a time", THROTTLED, "throttled", "429", Page(429, HTML), wait=30),
    Ews("nobody knows the status", UNKNOWN, "unknown_refusal", "418", Page(418, HTML)),
    Ews("modern logins alone", BAD_REQUEST, "password_login_disabled", "modern_auth_only", offers=("Bearer",)),
    Ews("no login with passwords", BAD_REQUEST, "login_not_offered", "login_not_offered", offers=("Kerberos",)),
    Ews("no login at all", BAD_REQUEST, "no_authentication", "no_authentication", offers=()),
    Ews("nobody listens", DOWN, "server_unavailable", "refused", change={"ews_port": 9}),
    Ews("the host is unknown", BAD_REQUEST, "no_public_address", NO_ADDRESS, change={"ews_host": "nowhere.test"}),
    Ews("the host is inside", BAD_REQUEST, "no_public_address", NO_ADDRESS, change={"ews_host": "10.0.0.1"}),
    Ews("DNS fails", DOWN, "dns_unavailable", NO_DNS, change={"ews_host": "broken.test"}),
    Ews("Microsoft 365", BAD_REQUEST, "exchange_online", "exchange_online", change={"ews_host": "outlook.office365.com"}),
    Ews("autodiscover finds nothing", BAD_REQUEST, "exchange_not_found", "exchange_not_found", change={"ews_host": None}),
]  # fmt: skip


@pytest.mark.parametrize("row", EWS, ids=lambda row: row.says)
def test_an_exchange_server_refuses(tenant: Tenant, ask: Ask, exchange: FakeExchange, row: Ews) -> None:
    body = ask("ews")
    settings = body["settings"] | row.change
    body["settings"] = {name: value for name, value in settings.items() if value is not None}
    if row.offers is not None:
        exchange.offers = row.offers
    if row.page is not None:
        exchange.answers("ews", row.page)
    refuse(tenant, body, row.told, row.reason, row.said, wait=row.wait)


@pytest.mark.parametrize(
    ("greeting", "told", "reason", "code"),
    [
        (RESET, DOWN, "server_unavailable", "reset"),
        (b"220 mail.example.test\r\n", BAD_REQUEST, "wrong_port", "WRONG_VERSION_NUMBER"),
    ],
    ids=["vanishes", "speaks no TLS"],
)
def test_what_stands_at_the_exchange_server_s_port_is_none(
    tenant: Tenant, ask: Ask, beside: Beside, greeting: bytes, told: Told, reason: str, code: str
) -> None:
    body = ask("ews")
    body["settings"]["ews_port"] = beside.enter(FakeMail("smtp", greeting=greeting)).port
    refuse(tenant, body, told, reason, code)
