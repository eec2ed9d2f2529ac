"""providers/classify.py: each row of the tables, fed with the body that the provider sends."""

import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from opengrant.errors import Evidence, Leg, Step
from opengrant.net.provider_http import Answer
from opengrant.providers.classify import classify
from opengrant.providers.oauth.evidence import refusal
from opengrant.providers.verdict import Kind, Verdict
from tests.fakes.oauth import HTML_403, entra_error, google_api_error, graph_error

NOW = 1_790_000_000_000_000


def answer(
    provider: str, leg: Leg, status: int, body: Any, headers: Mapping[str, str] | None = None, *, secret: str = ""
) -> Answer:
    is_json = not isinstance(body, str)
    raw = json.dumps(body).encode() if is_json else body.encode()
    secrets = (SecretStr(secret),) if secret else ()
    return Answer(provider, leg, status, headers or {}, raw, body if is_json else None, is_json, NOW, NOW, secrets)


def judged(provider: str, leg: Leg, status: int, body: Any, headers: Mapping[str, str] | None = None) -> Verdict:
    return classify(refusal(answer(provider, leg, status, body, headers)).evidence)


def short(verdict: Verdict) -> tuple[str, str]:
    return verdict.kind.value, verdict.reason


# ---------------------------------------------------------------- Google


@pytest.mark.parametrize(
    ("status", "error", "description", "more", "expected"),
    [
        (400, "invalid_grant", "Token has been expired or revoked.", {}, ("reconnect", "token_revoked")),
        (400, "invalid_grant", "Bad Request", {}, ("reconnect", "malformed_token")),
        (400, "invalid_grant", "Account has been deleted", {}, ("reconnect", "account_deleted")),
        (400, "invalid_grant", "The account has been deleted", {}, ("reconnect", "account_deleted")),
        (400, "invalid_grant", "reauth", {"error_subtype": "invalid_rapt"}, ("reconnect", "session_control")),
        (400, "invalid_grant", "reauth", {"error_subtype": "rapt_required"}, ("reconnect", "session_control")),
        (400, "admin_policy_enforced", "", {}, ("reconnect", "admin_policy")),
        (400, "access_denied", "Account restricted", {}, ("reconnect", "admin_policy")),
        (403, "access_denied", "Requested client not authorized", {}, ("reconnect", "admin_policy")),
        (401, "invalid_client", "The OAuth client was not found.", {}, ("connector", "client_refused")),
        (401, "unauthorized_client", "Unauthorized", {}, ("connector", "token_of_other_client")),
        (401, "deleted_client", "The OAuth client was deleted.", {}, ("connector", "client_disabled")),
        (401, "disabled_client", "The OAuth client was disabled.", {}, ("connector", "client_disabled")),
        (403, "org_internal", "", {}, ("connector", "app_internal")),
        (400, "invalid_request", "Missing required parameter", {}, ("connector", "request_refused")),
        (400, "invalid_scope", "", {}, ("bad_request", "scope_invalid")),
        (400, "unsupported_grant_type", "", {}, ("connector", "grant_type_refused")),
        (400, "internal_failure", "", {}, ("provider_down", "provider_error")),
        (400, "server_error", "", {}, ("provider_down", "provider_error")),
        (403, "temporarily_unavailable", "", {}, ("provider_down", "provider_error")),
        # Service accounts: the sentence decides, `invalid_grant` says nothing about the user.
        (400, "invalid_grant", "Not a valid email.", {}, ("reconnect", "user_unknown")),
        (400, "invalid_grant", "Invalid email or User ID", {}, ("reconnect", "user_unknown")),
        (
            400,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token",
            {},
            ("connector", "assertion_refused"),
        ),
        (400, "invalid_grant", "Invalid JWT Signature.", {}, ("connector", "assertion_refused")),
        (400, "invalid_grant", "Invalid grant: account not found", {}, ("connector", "assertion_refused")),
        (
            401,
            "unauthorized_client",
            "Unauthorized client or scope in request.",
            {},
            ("connector", "delegation_missing"),
        ),
        (
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method",
            {},
            ("connector", "delegation_missing"),
        ),
        (400, "invalid_request", "Invalid principal", {}, ("bad_request", "user_malformed")),
        (400, "invalid_request", "Invalid impersonation prn email", {}, ("bad_request", "user_malformed")),
        (400, "nobody_knows_this", "", {}, ("unknown", "unknown_answer")),
    ],
)
def test_google_token_errors(
    status: int, error: str, description: str, more: dict[str, str], expected: tuple[str, str]
) -> None:
    body = {"error": error, "error_description": description, **more}
    assert short(judged("google", "token", status, body)) == expected


@pytest.mark.parametrize(
    ("status", "reason", "word", "expected"),
    [
        (401, "authError", "UNAUTHENTICATED", ("unknown", "access_token_refused")),
        (403, "insufficientPermissions", "PERMISSION_DENIED", ("bad_request", "scopes_missing")),
        (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "PERMISSION_DENIED", ("bad_request", "scopes_missing")),
        (403, "accessNotConfigured", "PERMISSION_DENIED", ("connector", "api_not_enabled")),
        (403, "SERVICE_DISABLED", "PERMISSION_DENIED", ("connector", "api_not_enabled")),
        (403, "rateLimitExceeded", "PERMISSION_DENIED", ("rate_limited", "throttled")),
        (403, "userRateLimitExceeded", "PERMISSION_DENIED", ("rate_limited", "throttled")),
        (403, "dailyLimitExceeded", "PERMISSION_DENIED", ("rate_limited", "throttled")),
        (403, "domainPolicy", "PERMISSION_DENIED", ("bad_request", "service_disabled")),
        (400, "failedPrecondition", "FAILED_PRECONDITION", ("reconnect", "mailbox_missing")),
        (404, "notFound", "NOT_FOUND", ("unknown", "unknown_answer")),
        (429, "rateLimitExceeded", "RESOURCE_EXHAUSTED", ("rate_limited", "throttled")),
        (503, "backendError", "UNAVAILABLE", ("provider_down", "provider_error")),
    ],
)
def test_google_api_errors(status: int, reason: str, word: str, expected: tuple[str, str]) -> None:
    assert short(judged("google", "api", status, google_api_error(status, reason, word))) == expected


def test_a_reason_among_google_s_details_counts_too() -> None:
    error = {"code": 403, "status": "PERMISSION_DENIED", "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}
    assert short(judged("google", "api", 403, {"error": error})) == ("bad_request", "scopes_missing")


# ---------------------------------------------------------------- Entra and Graph

AADSTS = {
    "70000": ("reconnect", "token_refused"),
    "70008 700082 700084 70043 50089": ("reconnect", "token_expired"),
    "50173 50132 50133": ("reconnect", "token_revoked"),
    "54005": ("reconnect", "code_already_used"),
    "50055 50144": ("reconnect", "password_expired"),
    "50056 50126": ("reconnect", "sign_in_refused"),
    "50072 50074 50076 50078 50079": ("reconnect", "second_factor_required"),
    "50085 50158 50161 700020": ("reconnect", "sign_in_required"),
    "50097 50129 50155 50187": ("reconnect", "device_sign_in_required"),
    "53000 53001 53002 53003 530032 530035 53004 53010 53011 50131": ("reconnect", "admin_policy"),
    "500021 500022 500212 500213 50002": ("reconnect", "admin_policy"),
    "50053": ("reconnect", "account_locked"),
    "50057": ("reconnect", "account_disabled"),
    "50105": ("reconnect", "user_not_assigned"),
    "50014 50034 51004 16000 16003 50197": ("reconnect", "user_unknown"),
    "50020 500208 90072": ("reconnect", "account_of_other_tenant"),
    "65001 65004": ("reconnect", "consent_required"),
    "90094 90095": ("reconnect", "admin_consent_required"),
    "9002313": ("reconnect", "malformed_token"),
    "650052 650054 650056 650057 65005": ("connector", "app_permissions"),
    "700016 700011": ("connector", "client_unknown"),
    "70001 7000112": ("connector", "client_disabled"),
    "70002 7000215": ("connector", "client_secret_refused"),
    "7000222": ("connector", "client_secret_expired"),
    "7000218": ("connector", "client_secret_missing"),
    "7000229": ("connector", "admin_consent_required"),
    "700025": ("connector", "public_client"),
    "700024 700027 700030 50012 50013 500133": ("connector", "assertion_refused"),
    "50011 9002326 9002327": ("connector", "redirect_uri_refused"),
    "50194 9002331 9002332 9001023": ("connector", "wrong_authority"),
    "90002 90019 50059 50128 50049": ("connector", "tenant_unknown"),
    "90038 900382 900432": ("connector", "other_cloud"),
    "70011 28002 28003 700022 700023": ("bad_request", "scope_invalid"),
    "50001 500011": ("connector", "resource_unknown"),
    "900144 90014 90023 90100": ("connector", "request_refused"),
    "70003 70007": ("connector", "grant_type_refused"),
    "90006 90012 90024 90033 90090 90091 50033 50087 50000 70012 80001 80002 80005 40010": (
        "provider_down",
        "provider_error",
    ),
    "50088 50166 90055": ("rate_limited", "throttled"),
    "50196": ("rate_limited", "loop_detected"),
}
NUMBERS = [(int(number), expected) for numbers, expected in AADSTS.items() for number in numbers.split()]


@pytest.mark.parametrize(("number", "expected"), NUMBERS)
@pytest.mark.parametrize("error", ["invalid_grant", "invalid_request"])
def test_entra_numbers_refine_words_that_leave_it_open(error: str, number: int, expected: tuple[str, str]) -> None:
    assert short(judged("microsoft", "token", 400, entra_error(error, number))) == expected


@pytest.mark.parametrize(("number", "expected"), NUMBERS)
@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_entra_words_about_the_client_never_end_a_grant_whatever_the_number(
    error: str, number: int, expected: tuple[str, str]
) -> None:
    found = short(judged("microsoft", "token", 401, entra_error(error, number)))
    assert found == (("connector", "client_refused") if expected[0] == "reconnect" else expected)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("invalid_grant", ("reconnect", "token_revoked")),
        ("interaction_required", ("reconnect", "sign_in_required")),
        ("login_required", ("reconnect", "sign_in_required")),
        ("consent_required", ("reconnect", "consent_required")),
        ("invalid_client", ("connector", "client_refused")),
        ("unauthorized_client", ("connector", "client_refused")),
        ("invalid_request", ("connector", "request_refused")),
        ("invalid_resource", ("bad_request", "scope_invalid")),
        ("invalid_scope", ("bad_request", "scope_invalid")),
        ("unsupported_grant_type", ("connector", "grant_type_refused")),
        ("temporarily_unavailable", ("provider_down", "provider_error")),
        ("server_error", ("provider_down", "provider_error")),
        ("nobody_knows_this", ("unknown", "unknown_answer")),
    ],
)
def test_an_unknown_entra_number_leaves_the_word_to_decide(error: str, expected: tuple[str, str]) -> None:
    assert short(judged("microsoft", "token", 400, entra_error(error, 99999999))) == expected
    assert short(judged("microsoft", "token", 400, entra_error(error))) == expected


@pytest.mark.parametrize(
    ("suberror", "reason"),
    [
        ("bad_token", "token_revoked"),
        ("token_expired", "token_expired"),
        ("consent_required", "consent_required"),
        ("message_only", "admin_policy"),
        ("protection_policy_required", "admin_policy"),
        ("user_password_expired", "password_expired"),
        ("basic_action", "sign_in_required"),
        ("additional_action", "sign_in_required"),
    ],
)
def test_an_entra_suberror_refines_an_unknown_number(suberror: str, reason: str) -> None:
    body = entra_error("invalid_grant", 99999999, suberror=suberror)
    assert short(judged("microsoft", "token", 400, body)) == ("reconnect", reason)


def test_of_several_entra_numbers_the_gentlest_wins() -> None:
    body = {"error": "invalid_grant", "error_codes": [70008, 90033]}
    assert short(judged("microsoft", "token", 400, body)) == ("provider_down", "provider_error")


def test_an_outage_stays_one_beside_a_number_about_the_connector() -> None:
    body = {"error": "temporarily_unavailable", "error_codes": [7000215]}
    assert judged("microsoft", "token", 400, body).kind is Kind.PROVIDER_DOWN


def test_what_is_known_to_meet_good_tokens_asks_for_a_second_look() -> None:
    first = judged("microsoft", "token", 400, entra_error("invalid_grant", 70000))
    assert (first.kind, first.retryable, first.retry_after) == (Kind.RECONNECT, True, 60)
    sure = judged("microsoft", "token", 400, entra_error("invalid_grant", 700082))
    assert (sure.kind, sure.retryable, sure.retry_after) == (Kind.RECONNECT, False, None)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "InvalidAuthenticationToken", ("unknown", "access_token_refused")),
        # The 401's own word comes before the rule that 401 is the token's.
        (401, "OrganizationFromTenantGuidNotFound", ("reconnect", "no_exchange_online")),
        (403, "Authorization_RequestDenied", ("bad_request", "scopes_missing")),
        (403, "accessDenied", ("bad_request", "scopes_missing")),
        (403, "ErrorAccessDenied", ("bad_request", "scopes_missing")),
        (404, "Request_ResourceNotFound", ("reconnect", "user_unknown")),
        (404, "MailboxNotEnabledForRESTAPI", ("reconnect", "mailbox_missing")),
        (404, "ResourceNotFound", ("reconnect", "mailbox_missing")),
        (404, "ErrorInvalidUser", ("reconnect", "mailbox_missing")),
        (429, "TooManyRequests", ("rate_limited", "throttled")),
        (403, "activityLimitReached", ("rate_limited", "throttled")),
        (403, "ApplicationThrottled", ("rate_limited", "throttled")),
        (503, "serviceNotAvailable", ("provider_down", "provider_error")),
        (504, "UnknownError", ("provider_down", "provider_error")),
        (400, "UnknownError", ("provider_down", "provider_error")),
        (509, "anything", ("rate_limited", "throttled")),
        (400, "BadRequest", ("unknown", "unknown_answer")),
    ],
)
def test_graph_errors(status: int, code: str, expected: tuple[str, str]) -> None:
    assert short(judged("microsoft", "api", status, graph_error(code))) == expected


def test_graph_gets_a_second_look_before_a_user_is_gone() -> None:
    found = judged("microsoft", "api", 404, graph_error("Request_ResourceNotFound"))
    assert (found.retryable, found.retry_after) == (True, 900)


# ---------------------------------------------------------------- Yahoo and Zoom


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, "INVALID_REFRESH_TOKEN", ("reconnect", "token_revoked")),
        (401, "TOKEN_EXPIRED", ("reconnect", "token_expired")),
        (401, "INVALID_GRANT", ("reconnect", "token_revoked")),
        (400, "invalid_grant", ("reconnect", "token_revoked")),
        (403, "ACCOUNT_NOT_AUTHORIZED", ("reconnect", "account_not_authorized")),
        (401, "UNDERAGE_USER", ("reconnect", "account_not_authorized")),
        (400, "INVALID_CLIENT", ("connector", "client_refused")),
        (401, "INVALID_CLIENT_SECRET", ("connector", "client_secret_refused")),
        (401, "INVALID_CALLBACK", ("connector", "redirect_uri_refused")),
        (400, "INVALID_REDIRECT_URI", ("connector", "redirect_uri_refused")),
        (400, "UNSUPPORTED_REDIRECT_URI", ("connector", "redirect_uri_refused")),
        (400, "PARAMETER_ABSENT", ("connector", "request_refused")),
        (400, "PARAMETER_REJECTED", ("connector", "request_refused")),
        (400, "INVALID_INPUT", ("connector", "request_refused")),
        (400, "INVALID_REQUEST", ("connector", "request_refused")),
        (400, "UNSUPPORTED_GRANT_TYPE", ("connector", "grant_type_refused")),
        (400, "UNSUPPORTED_OVER_HTTP", ("connector", "request_refused")),
        (999, "anything", ("rate_limited", "throttled")),
    ],
)
def test_yahoo_errors_in_any_letter_case(status: int, error: str, expected: tuple[str, str]) -> None:
    assert short(judged("yahoo", "token", status, {"error": error})) == expected
    assert short(judged("yahoo", "token", status, {"error": error.lower()})) == expected


@pytest.mark.parametrize(
    ("leg", "status", "body", "expected"),
    [
        ("token", 400, {"reason": "Invalid Token!", "error": "invalid_grant"}, ("reconnect", "token_revoked")),
        ("token", 401, {"reason": "Invalid Token!", "error": "invalid_request"}, ("reconnect", "token_revoked")),
        (
            "token",
            400,
            {"reason": "Redirect URI mismatch", "error": "invalid_request"},
            ("connector", "request_refused"),
        ),
        ("token", 401, {"error": "invalid_grant"}, ("reconnect", "token_revoked")),
        (
            "token",
            401,
            {"reason": "Invalid client_id or client_secret", "error": "invalid_client"},
            ("connector", "client_refused"),
        ),
        ("token", 400, {"code": 4700, "reason": "Token cannot be empty."}, ("provider_down", "provider_error")),
        ("token", 400, {"code": 4702, "reason": "Invalid client."}, ("connector", "client_refused")),
        ("token", 400, {"code": 4704, "reason": "Invalid client secret."}, ("connector", "client_refused")),
        ("token", 400, {"code": 4705, "reason": "Grant type is not supported."}, ("connector", "grant_type_refused")),
        ("token", 400, {"code": 4706, "reason": "Client missing."}, ("connector", "client_refused")),
        ("token", 400, {"code": 4709, "reason": "Redirect mismatch."}, ("connector", "redirect_uri_refused")),
        ("token", 400, {"code": 4711, "reason": "Scopes changed."}, ("bad_request", "scopes_missing")),
        (
            "token",
            400,
            {"code": 4711, "error": "invalid_grant", "reason": "Scopes changed."},
            ("bad_request", "scopes_missing"),
        ),
        ("token", 400, {"code": 4717, "reason": "The app is disabled."}, ("connector", "client_disabled")),
        ("token", 400, {"code": 4732, "reason": "Internal error."}, ("provider_down", "provider_error")),
        ("token", 400, {"code": 4735, "reason": "Owner of the token gone."}, ("reconnect", "account_deleted")),
        ("token", 400, {"code": 4737, "reason": "Owner not found."}, ("reconnect", "account_deleted")),
        ("token", 400, {"code": 4738, "reason": "Disabled by admin."}, ("reconnect", "account_disabled")),
        ("token", 400, {"code": 4740, "reason": "Token tolerance exceeded."}, ("reconnect", "token_expired")),
        ("token", 400, {"code": "4741", "reason": "Token revoked."}, ("reconnect", "token_revoked")),
        ("token", 404, "<html>", ("connector", "endpoint_wrong")),
        ("api", 401, {"code": 124, "message": "Invalid access token."}, ("unknown", "access_token_refused")),
        ("api", 400, {"code": 4711, "message": "Does not contain scopes"}, ("bad_request", "scopes_missing")),
        ("api", 404, {"code": 1001, "message": "User does not exist"}, ("reconnect", "user_unknown")),
        ("api", 429, {"code": 429, "message": "Too many"}, ("rate_limited", "throttled")),
    ],
)
def test_zoom_errors(leg: Leg, status: int, body: Any, expected: tuple[str, str]) -> None:
    assert short(judged("zoom", leg, status, body)) == expected


# ---------------------------------------------------------------- what holds for all


@pytest.mark.parametrize(
    ("leg", "status", "body", "expected"),
    [
        ("token", 403, HTML_403, ("rate_limited", "throttled")),
        ("token", 403, "", ("rate_limited", "throttled")),
        ("api", 403, HTML_403, ("provider_down", "not_the_provider")),
        ("token", 429, "Too Many Requests", ("rate_limited", "throttled")),
        ("token", 429, {"error": "invalid_grant"}, ("rate_limited", "throttled")),
        ("token", 400, "<html>", ("provider_down", "not_the_provider")),
        ("token", 401, "", ("provider_down", "not_the_provider")),
        ("token", 407, "<html>", ("provider_down", "not_the_provider")),
        ("token", 408, {"error": "invalid_grant"}, ("provider_down", "provider_error")),
        ("token", 500, {"error": "invalid_grant"}, ("provider_down", "provider_error")),
        ("token", 502, "<html>", ("provider_down", "provider_error")),
        ("token", 503, {"error": "server_error"}, ("provider_down", "provider_error")),
        ("token", 504, "", ("provider_down", "provider_error")),
        ("token", 302, "", ("provider_down", "redirected")),
        ("token", 307, {"error": "invalid_grant"}, ("provider_down", "redirected")),
        ("token", 200, {"error": "invalid_grant"}, ("reconnect", "token_revoked")),
        ("token", 200, {"error": "invalid_client"}, ("connector", "client_refused")),
        ("token", 200, {}, ("provider_down", "senseless_answer")),
        ("token", 200, "", ("provider_down", "senseless_answer")),
        ("token", 200, "<html>", ("provider_down", "senseless_answer")),
        ("api", 200, "", ("provider_down", "senseless_answer")),
        ("token", 400, {}, ("unknown", "unknown_answer")),
        ("token", 400, [], ("unknown", "unknown_answer")),
        ("api", 401, "", ("unknown", "access_token_refused")),
        ("api", 400, {"error": {"code": "?"}}, ("unknown", "unknown_answer")),
    ],
)
@pytest.mark.parametrize("provider", ["google", "microsoft", "yahoo"])
def test_statuses_and_forms_of_answers(
    provider: str, leg: Leg, status: int, body: Any, expected: tuple[str, str]
) -> None:
    assert short(judged(provider, leg, status, body)) == expected


@pytest.mark.parametrize(
    ("step", "code", "sent", "reason"),
    [
        ("dns", "name_not_found", False, "name_not_resolved"),
        ("dns", "name_lookup_failed", False, "name_not_resolved"),
        ("connect", "refused", False, "not_reached"),
        ("connect", "unreachable", False, "not_reached"),
        ("connect", "timeout", False, "timeout"),
        ("connect", "no_free_connection", False, "no_free_connection"),
        ("connect", "request_invalid", False, "request_invalid"),
        ("tls", "certificate_refused", False, "tls_failed"),
        ("tls", "handshake_failed", False, "tls_failed"),
        ("http", "timeout", True, "timeout"),
        ("http", "connection_lost", True, "answer_lost"),
        ("http", "answer_cut_off", True, "answer_lost"),
        ("http", "not_http", True, "answer_lost"),
        ("reply", "answer_too_large", True, "senseless_answer"),
    ],
)
def test_network_faults_are_nobody_s_fault(step: Step, code: str, sent: bool, reason: str) -> None:
    found = classify(Evidence("google", "token", step, code=code, sent=sent))
    assert (found.kind, found.reason, found.retryable) == (Kind.PROVIDER_DOWN, reason, True)


@pytest.mark.parametrize(
    ("provider", "code"),
    [
        ("google", "identity_scopes_missing"),
        ("google", "email_not_verified"),
        ("microsoft", "identity_scopes_missing"),
        ("microsoft", "address_unknown"),
    ],
)
def test_our_own_conclusions_are_requests_that_cannot_work(provider: str, code: str) -> None:
    found = classify(Evidence(provider, "api", "reply", code=code))
    assert (found.kind, found.reason, found.retryable) == (Kind.BAD_REQUEST, code, False)


@pytest.mark.parametrize(
    ("status", "body", "headers", "seconds"),
    [
        (429, "Too Many Requests", {"retry-after": "60"}, 60),
        (429, "Too Many Requests", {}, None),
        (403, HTML_403, {}, None),
        (400, entra_error("invalid_grant", 50196), {}, 300),
        (400, entra_error("invalid_grant", 50196), {"retry-after": "10"}, 300),
        (400, entra_error("invalid_grant", 50196), {"retry-after": "900"}, 900),
        (400, entra_error("invalid_grant", 50088), {}, 60),
        (503, "", {"retry-after": "120"}, 120),
        (503, "", {}, None),
    ],
)
def test_the_wait_is_the_provider_s_but_not_less_than_ours(
    status: int, body: Any, headers: dict[str, str], seconds: float | None
) -> None:
    found = judged("microsoft", "token", status, body, headers)
    assert (found.retry_after, found.retryable) == (seconds, True)


def test_mail_legs_are_judged_by_the_mail_tables() -> None:
    found = classify(Evidence("imap", "imap", "auth", code="AUTHENTICATIONFAILED"))
    assert found.kind is Kind.RECONNECT


def test_every_remedy_is_one_sentence() -> None:
    bodies = [judged("microsoft", "token", 400, entra_error("invalid_grant", number)) for number, _ in NUMBERS]
    for verdict in bodies:
        assert verdict.remedy[0].isupper()
        assert verdict.remedy.endswith(".")


# ---------------------------------------------------------------- properties

PROVIDERS = st.sampled_from(["google", "microsoft", "yahoo", "zoom", "imap", "somebody"])
WORDS = st.sampled_from(
    ["invalid_grant", "invalid_request", "invalid_client", "unauthorized_client", "deleted_client", "Bad Request", ""]
) | st.text(max_size=20)
SUBCODES = st.lists(st.sampled_from([str(number) for number, _ in NUMBERS]) | st.text(max_size=10), max_size=4)
EVIDENCE = st.builds(
    Evidence,
    provider=PROVIDERS,
    leg=st.sampled_from(get_args(Leg)),
    step=st.sampled_from(get_args(Step)),
    status=st.none() | st.integers(0, 1000),
    code=WORDS,
    subcodes=SUBCODES.map(tuple),
    text=WORDS,
    is_json=st.booleans(),
    sent=st.booleans(),
    retry_after=st.none() | st.floats(1, 3600),
)


@given(EVIDENCE)
def test_any_evidence_gets_a_verdict(evidence: Evidence) -> None:
    found = classify(evidence)
    assert found.reason
    assert found.remedy
    if found.kind is Kind.RATE_LIMITED and evidence.leg in {"token", "api"}:
        assert (found.retry_after or 0) >= (evidence.retry_after or 0)


@given(
    PROVIDERS,
    st.sampled_from(["token", "api"]),
    st.integers(500, 999) | st.sampled_from([408, 429]) | st.integers(300, 399),
    WORDS,
    SUBCODES,
    st.booleans(),
)
def test_outages_and_throttling_never_end_a_grant(
    provider: str, leg: Leg, status: int, code: str, subcodes: list[str], is_json: bool
) -> None:
    evidence = Evidence(provider, leg, "http", status=status, code=code, subcodes=tuple(subcodes), is_json=is_json)
    assert classify(evidence).kind in {Kind.PROVIDER_DOWN, Kind.RATE_LIMITED}


@given(
    PROVIDERS,
    st.integers(200, 499),
    st.sampled_from(["invalid_client", "unauthorized_client", "deleted_client", "disabled_client", "org_internal"]),
    SUBCODES | st.just(["4735"]),
    st.text(max_size=30),
)
def test_words_about_the_connector_never_end_a_grant(
    provider: str, status: int, code: str, subcodes: list[str], text: str
) -> None:
    evidence = Evidence(
        provider, "token", "http", status=status, code=code, subcodes=tuple(subcodes), text=text, is_json=True
    )
    assert classify(evidence).kind is not Kind.RECONNECT


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=20,
)


@given(SECRETS, PROVIDERS, st.sampled_from([200, 400, 401, 403, 429, 503]), st.data())
def test_a_secret_that_a_provider_repeats_is_in_no_evidence(
    secret: str, provider: str, status: int, data: st.DataObject
) -> None:
    around = data.draw(st.tuples(st.text(max_size=20), st.text(max_size=20)))
    said = f"{around[0]} {secret} {around[1]}"
    body = data.draw(
        st.sampled_from(
            [
                {"error": "invalid_grant", "error_description": said},
                {"error": said, "suberror": said, "error_codes": [said]},
                {"error": {"code": 400, "message": said, "errors": [{"reason": said}]}},
                {"error": "x", said: [said, {"deep": said}]},
                {"error": "x", "refresh_token": secret[::-1], "claims": {"access_token": secret[::-1]}},
                f"<html><title>{said}</title>",
                said,
            ]
        )
    )
    evidence = refusal(answer(provider, "token", status, body, secret=secret)).evidence
    quoted = json.dumps([evidence.code, evidence.subcodes, evidence.text, evidence.body], ensure_ascii=False)
    shown = json.loads(quoted)
    assert not any(secret in text or secret[::-1] in text for text in strings(shown))
    verdict = classify(evidence)
    assert secret not in verdict.remedy + verdict.reason


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in strings(item))]
    return []


@given(PROVIDERS, st.sampled_from(["token", "api"]), st.integers(100, 599), JSON)
def test_any_body_becomes_small_quotable_evidence(provider: str, leg: Leg, status: int, body: Any) -> None:
    evidence = refusal(answer(provider, leg, status, body)).evidence
    assert len(evidence.text) <= 1024
    assert len(json.dumps(evidence.body, allow_nan=False, ensure_ascii=False)) < 4096
    classify(evidence)
