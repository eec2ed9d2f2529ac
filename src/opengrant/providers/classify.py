"""The one classifier: what a provider said or did → whose turn it is. Pure; every row is a line of a table.

Read it from the bottom: `classify` takes the leg, the leg takes the network, the HTTP status and then the words.
Three rules stand above all rows. Outages and throttling are seen before any word of refusal, because they wear masks:
Entra says `invalid_grant` when it means "slow down", Google sends an HTML page, and Google, Yahoo and Zoom put "too
many requests" or "try again later" beside `invalid_grant`. wording.py knows such words, for mail servers' answers too.
Of several meanings the gentlest to the grant wins. And words that are in no table mean nothing at all.

So the order is: what broke below HTTP, the HTTP status, words for a cause that passes, the provider's own words.

Sources  RFC 6749 section 5.2; Google "Using OAuth 2.0" and its API error reasons; Microsoft Entra "error codes" and
Graph "error responses"; Yahoo and Zoom OAuth error pages. Bodies seen in public issue threads filled the gaps.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from opengrant.errors import Evidence
from opengrant.providers.ews import refusals as ews_answers
from opengrant.providers.imap.refusals import judge
from opengrant.providers.verdict import Kind, Verdict
from opengrant.providers.wording import passing, spelled, wait_named

# ---------------------------------------------------------------- verdicts that several rows share


def _reconnect(reason: str, remedy: str, *, confirm_after: float | None = None) -> Verdict:
    """`confirm_after`: public reports show this answer for good credentials too; ask once more before believing it."""
    return Verdict(Kind.RECONNECT, reason, remedy, retryable=confirm_after is not None, retry_after=confirm_after)


def _connector(reason: str, remedy: str) -> Verdict:
    return Verdict(Kind.CONNECTOR, reason, remedy)


def _down(reason: str, remedy: str = "Try again later; the grant is not affected.") -> Verdict:
    return Verdict(Kind.PROVIDER_DOWN, reason, remedy, retryable=True)


def _slow(reason: str, *, at_least: float | None = None) -> Verdict:
    remedy = "Wait for the time given in Retry-After, then try again."
    return Verdict(Kind.RATE_LIMITED, reason, remedy, retryable=True, retry_after=at_least)


def _bad_request(reason: str, remedy: str) -> Verdict:
    return Verdict(Kind.BAD_REQUEST, reason, remedy)


UNKNOWN = Verdict(
    Kind.UNKNOWN,
    "unknown_answer",
    "Look the provider's own words up in its documentation; the grant is not affected.",
    retryable=True,
)

REVOKED = _reconnect("token_revoked", "The mailbox owner must sign in again; then send the new refresh token.")
DOUBTED = replace(REVOKED, retryable=True, retry_after=60)
"""Providers under load say `invalid_grant` for good tokens too: without a word that leaves no doubt, ask once more."""
EXPIRED = _reconnect("token_expired", "The token has run out: the mailbox owner must sign in again.")
SIGN_IN = _reconnect("sign_in_required", "The mailbox owner must sign in interactively again.")
MFA = _reconnect("second_factor_required", "The mailbox owner must sign in again and pass the second factor.")
DEVICE = _reconnect("device_sign_in_required", "The mailbox owner must sign in again from a registered device.")
CONSENT = _reconnect("consent_required", "The mailbox owner must sign in and consent to the requested scopes again.")
PASSWORD = _reconnect("password_expired", "The mailbox owner must renew the password, then sign in again.")
BAD_PASSWORD = _reconnect("sign_in_refused", "The mailbox owner must sign in again with the right password.")
LOCKED = _reconnect("account_locked", "The account is locked: its owner must unlock it, then sign in again.")
ADMIN = _reconnect("admin_policy", "An administrator's policy blocks this: ask the administrator, then sign in again.")
ADMIN_CONSENT = _reconnect("admin_consent_required", "An administrator must consent to the app; then sign in again.")
ACCOUNT_DISABLED = _reconnect("account_disabled", "An administrator must enable the account; then sign in again.")
ACCOUNT_GONE = _reconnect("account_deleted", "The account no longer exists: connect another one.")
NOT_ASSIGNED = _reconnect("user_not_assigned", "An administrator must assign the user to the app; then sign in again.")
USER_UNKNOWN = _reconnect(
    "user_unknown", "The user is not in this directory: check the tenant, or sign in again there."
)
OTHER_TENANT = _reconnect("account_of_other_tenant", "This kind of account cannot use the app: connect one that can.")
NOT_IN_DIRECTORY = _reconnect("user_unknown", "Check email_address: the directory has no active user of that name.")
MALFORMED = _reconnect("malformed_token", "Send the refresh token whole and unchanged, or obtain a new one.")

NOT_ANY_MORE = _reconnect(
    "token_revoked",
    "The mailbox owner must sign in again; if this happens every seven days, publish the app at Google.",
)

CLIENT = _connector("client_refused", "Check the client id and secret of the connector or credential.")
CLIENT_DISABLED = _connector(
    "client_disabled", "Enable the app at the provider, or put another one into the connector."
)
CLIENT_UNKNOWN = _connector(
    "client_unknown",
    "Check the client id and tenant: the provider does not know this app there; in a customer's tenant it is known once"
    " an administrator has consented to it.",
)
SECRET = _connector("client_secret_refused", "Put the client secret's value (not its id) into the connector.")
SECRET_EXPIRED = _connector(
    "client_secret_expired", "Make a new client secret at the provider; put it into the connector."
)
SECRET_MISSING = _connector("client_secret_missing", "This app needs a client secret: add it to the connector.")
PUBLIC_CLIENT = _connector("public_client", "This app is a public client: remove the secret from the connector.")
ASSERTION = _connector("assertion_refused", "Check the certificate or key of the credential, and this server's clock.")
REDIRECT_URI = _connector("redirect_uri_refused", "Register this redirect URI, of the right type, with the app.")
WRONG_AUTHORITY = _connector("wrong_authority", "Set the connector's tenant to one that fits the app's account types.")
TENANT = _connector("tenant_unknown", "Check the connector's tenant: the provider does not know it.")
OTHER_CLOUD = _connector("other_cloud", "The tenant lives in another national cloud: set that cloud's endpoints.")
APP_PERMISSIONS = _connector("app_permissions", "Correct the app's permissions or subscription at the provider.")
RESOURCE = _connector(
    "resource_unknown", "The tenant does not have the resource: check scopes and the app's permissions."
)
OUR_REQUEST = _connector("request_refused", "Check the connector's settings; the provider refused the request's form.")
GRANT_TYPE = _connector("grant_type_refused", "Allow this app to use refresh tokens at the provider.")
OTHER_CLIENT = _connector("token_of_other_client", "Use the connector or credential whose client id got this token.")
DELEGATION = _connector(
    "delegation_missing", "An administrator must delegate all scopes to the service account's number."
)
NOT_DELEGATED = _connector(
    "scopes_missing", "An administrator must add each of the requested scopes to the service account's delegation."
)
NOT_CONSENTED = _connector(
    "admin_consent_required", "An administrator of the tenant must consent to the app's application permissions."
)
ROLES_MISSING = _connector(
    "scopes_missing",
    "An administrator must grant the app User.Read.All and a permission for mail, calendars or mailbox settings,"
    " as application permissions, and consent to them.",
)
EXCLUDED = _connector(
    "mailbox_excluded", "An Exchange administrator's access policy keeps the app out of this mailbox: extend it."
)
POLICY = _connector("admin_policy", "An administrator's policy blocks the credential: ask the administrator.")

SCOPE_INVALID = _bad_request("scope_invalid", "Correct the scopes: the provider does not accept them.")
SCOPES_MISSING = _bad_request("scopes_missing", "Have the user consent to the missing scopes, then connect again.")

OUTAGE = _down("provider_error")
SENSELESS = _down("senseless_answer")
THROTTLED = _slow("throttled")
REDIRECTED = _down("redirected", "Check the provider's URL in the settings: it redirects, which is not followed.")
NOT_THE_PROVIDER = _down("not_the_provider", "Check proxies and firewalls on the way: the provider did not answer.")
ENDPOINT_WRONG = _connector("endpoint_wrong", "Check the provider's token URL in the settings.")

# ---------------------------------------------------------------- below HTTP, and answers that are none

_STEPS: Mapping[str, Verdict] = {
    "dns": _down("name_not_resolved", "Check this server's DNS, then try again; the grant is not affected."),
    "connect": _down("not_reached", "Check this server's way to the provider, then try again."),
    "tls": _down("tls_failed", "Check certificates, OPENGRANT_OUTBOUND__CA_FILE and the clock of this server."),
}
_FAULTS: Mapping[str, Verdict] = {
    "no_free_connection": _down("no_free_connection", "Try again in a moment; all connections are in use."),
    "request_invalid": _down("request_invalid", "Check the provider's URL in the settings, and the credential's form."),
    "timeout": _down("timeout"),
}
_LOST = _down("answer_lost")

# What our own providers conclude from good answers.
_CONCLUSIONS: Mapping[str, Mapping[str, Verdict]] = {
    "google": {
        "identity_scopes_missing": _bad_request(
            "identity_scopes_missing",
            "Have the user consent to openid, userinfo.email and userinfo.profile, then connect again.",
        ),
        "email_not_verified": _bad_request(
            "email_not_verified", "The user must verify the address at Google before it can be connected."
        ),
    },
    "microsoft": {
        "identity_scopes_missing": _bad_request(
            "identity_scopes_missing",
            "Have the user consent to User.Read, or to openid, profile and email, then connect again.",
        ),
        "address_unknown": _bad_request(
            "address_unknown", "The account has no mail address: give it a mailbox, then connect again."
        ),
    },
    "yahoo": {
        "identity_scopes_missing": _bad_request(
            "identity_scopes_missing", "Have the user consent to openid and email, then connect again."
        ),
        "email_not_verified": _bad_request(
            "email_not_verified", "The user must verify the address at Yahoo before it can be connected."
        ),
    },
    "zoom": {
        "identity_scopes_missing": _bad_request(
            "identity_scopes_missing",
            "Add user:read:user to the Zoom app's scopes, have the user consent, then connect again.",
        ),
        "address_unknown": _bad_request("address_unknown", "The Zoom account has no mail address: connect another."),
    },
    "google-bulk": {
        "key_unreadable": _connector(
            "key_unreadable",
            "Put the service account's whole key file into the credential: client_email and an RSA private_key.",
        ),
    },
    "microsoft-bulk": {
        "tenant_required": _connector(
            "tenant_required",
            "Name the tenant by its id or domain: in settings.tenant of the request, or in the credential for all its"
            " mailboxes. common and the like cannot do.",
        ),
        "address_ambiguous": _bad_request(
            "address_ambiguous", "Several users have this address: name the one you mean by its user principal name."
        ),
    },
}

# ---------------------------------------------------------------- token endpoints: the `error` member

_WORDS: Mapping[str, Verdict] = {
    "invalid_grant": DOUBTED,
    "interaction_required": SIGN_IN,
    "login_required": SIGN_IN,
    "consent_required": CONSENT,
    "invalid_client": CLIENT,
    "unauthorized_client": CLIENT,
    "deleted_client": CLIENT_DISABLED,
    "disabled_client": CLIENT_DISABLED,
    "org_internal": _connector("app_internal", "Open the app to users outside its organization, or use another app."),
    "invalid_request": OUR_REQUEST,
    "unsupported_grant_type": GRANT_TYPE,
    "invalid_scope": SCOPE_INVALID,
    "invalid_resource": SCOPE_INVALID,
    "temporarily_unavailable": OUTAGE,
    "server_error": OUTAGE,
    "internal_failure": OUTAGE,
}

_NO_DOUBT = ("revoked", "deleted")
"""In the sentence beside `invalid_grant`: the user or an administrator has acted."""

_GOOGLE_WORDS: Mapping[str, Verdict] = {
    "admin_policy_enforced": ADMIN,
    "access_denied": ADMIN,
    "unauthorized_client": OTHER_CLIENT,
}
_SERVICE_ACCOUNT_WORDS: Mapping[str, Verdict] = {
    "admin_policy_enforced": POLICY,
    "access_denied": NOT_DELEGATED,
    "unauthorized_client": DELEGATION,
}
_GOOGLE_SUBTYPES: Mapping[str, Verdict] = {
    "invalid_rapt": _reconnect(
        "session_control", "The organization limits sessions: the mailbox owner must sign in again."
    ),
    "rapt_required": _reconnect(
        "session_control", "The organization limits sessions: the mailbox owner must sign in again."
    ),
}
# Google puts what matters into the sentence; of a service account `invalid_grant` alone says nothing about the user.
_GOOGLE_SENTENCES: tuple[tuple[str, str, Verdict], ...] = (
    ("invalid_grant", "bad request", replace(MALFORMED, retryable=True, retry_after=60)),
    ("invalid_grant", "account has been deleted", ACCOUNT_GONE),
    ("invalid_grant", "invalid email or user id", USER_UNKNOWN),
    ("invalid_grant", "not a valid email", USER_UNKNOWN),
    ("invalid_grant", "invalid jwt", ASSERTION),
    ("invalid_grant", "account not found", ASSERTION),
    ("unauthorized_client", "client or scope in request", DELEGATION),
    ("unauthorized_client", "using this method", DELEGATION),
    ("invalid_request", "invalid principal", _bad_request("user_malformed", "Check the address of the user.")),
    ("invalid_request", "invalid impersonation", _bad_request("user_malformed", "Check the address of the user.")),
)

_YAHOO_WORDS: Mapping[str, Verdict] = {
    "invalid_refresh_token": REVOKED,
    "token_expired": EXPIRED,
    "account_not_authorized": _reconnect(
        "account_not_authorized", "This account may not use the app: connect another."
    ),
    "underage_user": _reconnect("account_not_authorized", "This account may not use the app: connect another."),
    "invalid_client_secret": SECRET,
    "invalid_callback": REDIRECT_URI,
    "invalid_redirect_uri": REDIRECT_URI,
    "unsupported_redirect_uri": REDIRECT_URI,
    "parameter_absent": OUR_REQUEST,
    "parameter_rejected": OUR_REQUEST,
    "invalid_input": OUR_REQUEST,
    "unsupported_over_http": OUR_REQUEST,
}

_ZOOM_CODES: Mapping[str, Verdict] = {
    "4700": OUTAGE,
    "4702": CLIENT,
    "4704": CLIENT,
    "4705": GRANT_TYPE,
    "4706": CLIENT,
    "4709": REDIRECT_URI,
    "4711": SCOPES_MISSING,
    "4717": CLIENT_DISABLED,
    "4732": OUTAGE,
    "4735": ACCOUNT_GONE,
    "4737": ACCOUNT_GONE,
    "4738": ACCOUNT_DISABLED,
    "4740": EXPIRED,
    "4741": REVOKED,
}

_AADSTS: Mapping[str, Verdict] = {
    code: verdict
    for verdict, codes in (
        # Personal accounts; comes and goes for good tokens.
        (_reconnect("token_refused", REVOKED.remedy, confirm_after=60), "70000"),
        (EXPIRED, "70008 700082 700084 70043 50089"),
        (REVOKED, "50173 50132 50133"),
        (_reconnect("code_already_used", "Obtain a new refresh token: the code was redeemed before."), "54005"),
        (PASSWORD, "50055 50144"),
        (BAD_PASSWORD, "50056 50126"),
        (MFA, "50072 50074 50076 50078 50079"),
        (SIGN_IN, "50085 50158 50161 700020"),
        (DEVICE, "50097 50129 50155 50187"),
        (ADMIN, "53000 53001 53002 53003 530032 530035 53004 53010 53011 50131"),
        (ADMIN, "500021 500022 500212 500213 50002"),
        (LOCKED, "50053"),
        (ACCOUNT_DISABLED, "50057"),
        (NOT_ASSIGNED, "50105"),
        (USER_UNKNOWN, "50014 50034 51004 16000 16003 50197"),
        (OTHER_TENANT, "50020 500208 90072"),
        (CONSENT, "65001 65004"),
        (ADMIN_CONSENT, "90094 90095"),
        (MALFORMED, "9002313"),
        (APP_PERMISSIONS, "650052 650054 650056 650057 65005"),
        (CLIENT_UNKNOWN, "700016 700011"),
        (CLIENT_DISABLED, "70001 7000112"),
        (SECRET, "70002 7000215"),
        (SECRET_EXPIRED, "7000222"),
        (SECRET_MISSING, "7000218"),
        # "The client application is missing service principal in the tenant": the secret was not even looked at.
        (NOT_CONSENTED, "7000229"),
        (PUBLIC_CLIENT, "700025"),
        (ASSERTION, "700024 700027 700030 50012 50013 500133"),
        (REDIRECT_URI, "50011 9002326 9002327"),
        (WRONG_AUTHORITY, "50194 9002331 9002332 9001023"),
        (TENANT, "90002 90019 50059 50128 50049"),
        (OTHER_CLOUD, "90038 900382 900432"),
        (SCOPE_INVALID, "70011 28002 28003 700022 700023"),
        (RESOURCE, "50001 500011"),
        (OUR_REQUEST, "900144 90014 90023 90100"),
        (GRANT_TYPE, "70003 70007"),
        (OUTAGE, "90006 90012 90024 90033 90090 90091 50033 50087 50000 70012 80001 80002 80005 40010"),
        (_slow("throttled", at_least=60), "50088 50166 90055"),
        # "Loop detected": we asked far too often.
        (_slow("loop_detected", at_least=300), "50196"),
        # `suberror`, which stands beside the numbers and refines a number that is in no row.
        (EXPIRED, "token_expired"),
        (CONSENT, "consent_required"),
        (PASSWORD, "user_password_expired"),
        (ADMIN, "message_only protection_policy_required"),
        (SIGN_IN, "basic_action additional_action"),
    )
    for code in codes.split()
}

_APP_ONLY_REASONS: Mapping[str, Verdict] = {
    "consent_required": NOT_CONSENTED,
    "admin_consent_required": NOT_CONSENTED,
    "admin_policy": POLICY,
    "user_not_assigned": NOT_CONSENTED,
}

# ---------------------------------------------------------------- provider APIs

ACCESS_TOKEN = Verdict(
    Kind.UNKNOWN,
    "access_token_refused",
    "Refresh the access token once; only the token endpoint can tell whether the grant is dead.",
    retryable=True,
)
ADMIN_DISABLED_API = _bad_request("service_disabled", "The organization's administrator must allow this service.")
API_NOT_ENABLED = _connector("api_not_enabled", "Enable this API in the project of the connector's app.")
MAILBOX_MISSING = _reconnect(
    "mailbox_missing", "The account has no mailbox here: it needs a licence.", confirm_after=900
)
USER_MISSING = replace(USER_UNKNOWN, retryable=True, retry_after=900)
NO_EXCHANGE_ONLINE = _reconnect(
    "no_exchange_online",
    "This tenant has no Exchange Online mailboxes: check the tenant, or ask its administrator for a licence with them.",
    confirm_after=900,
)
TENANT_WITHOUT_MAIL = _connector("no_exchange_online", NO_EXCHANGE_ONLINE.remedy)
NO_USER = replace(NOT_IN_DIRECTORY, retryable=True, retry_after=900)
NO_MAILBOX = _reconnect(
    "no_mailbox", "The user has no mailbox here: they need a licence that has one.", confirm_after=900
)

_GOOGLE_API: Mapping[str, Verdict] = {
    "insufficientpermissions": SCOPES_MISSING,
    "insufficient_scope": SCOPES_MISSING,
    "access_token_scope_insufficient": SCOPES_MISSING,
    "accessnotconfigured": API_NOT_ENABLED,
    "service_disabled": API_NOT_ENABLED,
    "ratelimitexceeded": THROTTLED,
    "userratelimitexceeded": THROTTLED,
    "dailylimitexceeded": THROTTLED,
    "domainpolicy": ADMIN_DISABLED_API,
    "failedprecondition": MAILBOX_MISSING,
    "failed_precondition": MAILBOX_MISSING,
    "invalid_token": ACCESS_TOKEN,
}
_GRAPH: Mapping[str, Verdict] = {
    "invalidauthenticationtoken": ACCESS_TOKEN,
    "authorization_requestdenied": SCOPES_MISSING,
    "accessdenied": SCOPES_MISSING,
    "erroraccessdenied": SCOPES_MISSING,
    "request_resourcenotfound": USER_MISSING,
    "mailboxnotenabledforrestapi": MAILBOX_MISSING,
    "resourcenotfound": MAILBOX_MISSING,
    "errorinvaliduser": MAILBOX_MISSING,
    "organizationfromtenantguidnotfound": NO_EXCHANGE_ONLINE,
    "toomanyrequests": THROTTLED,
    "activitylimitreached": THROTTLED,
    "applicationthrottled": THROTTLED,
    "servicenotavailable": OUTAGE,
    "unknownerror": OUTAGE,
}


def _for_bulk(words: Mapping[str, Verdict], scopes_missing: Verdict) -> Mapping[str, Verdict]:
    """The same words to an organisation's credential: an administrator's turn, not the mailbox owner's."""
    other = {
        SCOPES_MISSING: scopes_missing,
        MAILBOX_MISSING: NO_MAILBOX,
        USER_MISSING: NO_USER,
        NO_EXCHANGE_ONLINE: TENANT_WITHOUT_MAIL,
    }
    return {word: other.get(verdict, verdict) for word, verdict in words.items()}


_API_WORDS: Mapping[str, Mapping[str, Verdict]] = {
    "google": _GOOGLE_API,
    "google-bulk": _for_bulk(_GOOGLE_API, NOT_DELEGATED),
    "microsoft": _GRAPH,
    "microsoft-bulk": _for_bulk(_GRAPH, ROLES_MISSING),
    "zoom": {
        "124": ACCESS_TOKEN,
        "4711": SCOPES_MISSING,
        "1001": USER_MISSING,
        "429": THROTTLED,
    },
}
# Exchange says with the same word that the app lacks a permission and that it may not have this mailbox.
_API_SENTENCES: tuple[tuple[str, str, Verdict], ...] = (("microsoft-bulk", "accesspolicy", EXCLUDED),)

# ---------------------------------------------------------------- from evidence to a row


def classify(evidence: Evidence) -> Verdict:
    """Judge any failure of any leg. Never raises; what it does not know is `unknown`."""
    if evidence.leg in {"caldav", "ews"} or evidence.provider == "icloud":
        return ews_answers.judge(evidence)
    if evidence.leg not in {"token", "api"}:
        return judge(evidence)
    verdict = _not_answered(evidence) or _by_status(evidence) or _passing(evidence) or _by_words(evidence) or UNKNOWN
    return _paced(verdict, evidence.retry_after)


def of_a_proven_credential(evidence: Evidence) -> Verdict:
    """The same of a credential that has worked: it was whole when it was stored, whatever the provider calls it now."""
    verdict = classify(evidence)
    if verdict.reason == MALFORMED.reason and evidence.provider == "google":
        return replace(verdict, reason=NOT_ANY_MORE.reason, remedy=NOT_ANY_MORE.remedy)
    return verdict


def _not_answered(evidence: Evidence) -> Verdict | None:
    if evidence.step == "reply":
        conclusions = _CONCLUSIONS.get(evidence.provider, {})
        return conclusions.get(evidence.code, SENSELESS)
    if evidence.status is not None:
        return None
    return _FAULTS.get(evidence.code) or _STEPS.get(evidence.step) or _LOST


def _by_status(evidence: Evidence) -> Verdict | None:
    status = evidence.status or 0
    if status in {429, 509, 999}:  # 509 is Graph's, 999 Yahoo's
        return THROTTLED
    if status == 408 or status >= 500:
        return OUTAGE
    if 300 <= status < 400:
        return REDIRECTED
    if evidence.leg == "api" and status == 401:
        return _passing(evidence) or _by_words(evidence) or ACCESS_TOKEN
    return None if evidence.is_json else _page(evidence.provider, evidence.leg, status)


def _page(provider: str, leg: str, status: int) -> Verdict:
    """A page instead of JSON: Google's to whoever refreshes too often; else a proxy's or a firewall's."""
    match provider, leg, status:
        case _, "token", 403:
            return THROTTLED
        case "zoom", "token", 404:
            return ENDPOINT_WRONG
        case _:
            return NOT_THE_PROVIDER


def _passing(evidence: Evidence) -> Verdict | None:
    """A cause that is over some time, by the sentence or by a code that is one, whatever word stands beside it."""
    said = " ".join((evidence.text, *map(spelled, (evidence.code, *evidence.subcodes))))
    match passing(said):
        case "throttled" | "later":
            return replace(THROTTLED, retry_after=wait_named(said))
        case "broken":
            return OUTAGE
        case "again" if _by_words(evidence) is REVOKED:
            return OUTAGE
        case _:
            return None


def _by_words(evidence: Evidence) -> Verdict | None:
    if evidence.leg == "api":
        sentence = evidence.text.casefold()
        for provider, part, verdict in _API_SENTENCES:
            if provider == evidence.provider and part in sentence:
                return verdict
        table = _API_WORDS.get(evidence.provider, {})
        return _gentlest(table.get(word.casefold()) for word in (evidence.code, *evidence.subcodes))
    return _TOKEN_WORDS.get(evidence.provider, _plain)(evidence)


def _plain(evidence: Evidence) -> Verdict | None:
    found = _WORDS.get(evidence.code.casefold())
    if found is DOUBTED and any(word in evidence.text.casefold() for word in _NO_DOUBT):
        return REVOKED
    return found


def _google(evidence: Evidence) -> Verdict | None:
    word, sentence = evidence.code.casefold(), evidence.text.casefold()
    for error, part, verdict in _GOOGLE_SENTENCES:
        if word == error and part in sentence:
            return verdict
    if word == "invalid_grant":
        for subtype in evidence.subcodes:
            if subtype in _GOOGLE_SUBTYPES:
                return _GOOGLE_SUBTYPES[subtype]
    return _GOOGLE_WORDS.get(word) or _plain(evidence)


def _service_account(evidence: Evidence) -> Verdict | None:
    """No user gave anything, so nothing of theirs is dead: only the sentences that name the user are about them."""
    found = _SERVICE_ACCOUNT_WORDS.get(evidence.code.casefold()) or _google(evidence)
    if found is USER_UNKNOWN:
        return NOT_IN_DIRECTORY
    return ASSERTION if found is not None and found.kind is Kind.RECONNECT else found


def _entra(evidence: Evidence) -> Verdict | None:
    """`error` first, the numbers second: a number refines its word, but ends a grant only where the word may."""
    by_word = _plain(evidence)
    by_number = _gentlest(_AADSTS.get(code) for code in evidence.subcodes)
    if by_number is None or by_word is None:
        return by_word or by_number
    if by_number.kind is Kind.RECONNECT:
        may_end = by_word.kind is Kind.RECONNECT or by_word is OUR_REQUEST
        return by_number if may_end else by_word
    return by_word if by_word.kind is Kind.PROVIDER_DOWN else by_number


def _app_only(evidence: Evidence) -> Verdict | None:
    """No user takes part: what would be theirs to do is an administrator's."""
    found = _entra(evidence)
    if found is None or found.kind is not Kind.RECONNECT:
        return found
    return _APP_ONLY_REASONS.get(found.reason, CLIENT)


def _yahoo(evidence: Evidence) -> Verdict | None:
    return _YAHOO_WORDS.get(evidence.code.casefold()) or _plain(evidence)


_ZOOM_TOKEN = replace(REVOKED, own=True)
"""It names the token: for a client or an application that is at fault Zoom has other reasons."""


def _zoom(evidence: Evidence) -> Verdict | None:
    if evidence.code.casefold() == "invalid_request" and "invalid token" in evidence.text.casefold():
        return _ZOOM_TOKEN  # how it said invalid_grant before, and still does at times
    numbers = (_ZOOM_CODES.get(code) for code in (evidence.code, *evidence.subcodes))
    return _gentlest([*numbers, _plain(evidence)])


_TOKEN_WORDS: Mapping[str, Callable[[Evidence], Verdict | None]] = {
    "google": _google,
    "google-bulk": _service_account,
    "microsoft": _entra,
    "microsoft-bulk": _app_only,
    "yahoo": _yahoo,
    "zoom": _zoom,
}

_GENTLE_TO_HARSH = (
    Kind.RATE_LIMITED,
    Kind.PROVIDER_DOWN,
    Kind.UNKNOWN,
    Kind.CONNECTOR,
    Kind.BAD_REQUEST,
    Kind.RECONNECT,
)


def _gentlest(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    known = [verdict for verdict in verdicts if verdict is not None]
    return min(known, key=lambda verdict: _GENTLE_TO_HARSH.index(verdict.kind), default=None)


def _paced(verdict: Verdict, asked: float | None) -> Verdict:
    """The wait: what the provider asked for, but not less than the row demands; None where neither names a time."""
    if verdict.kind is Kind.RATE_LIMITED and asked is not None:
        return replace(verdict, retry_after=max(asked, verdict.retry_after or 0))
    if verdict.kind is Kind.PROVIDER_DOWN and asked is not None:
        return replace(verdict, retry_after=asked)
    return verdict
