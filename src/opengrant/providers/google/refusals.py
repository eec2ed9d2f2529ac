"""Google's words of refusal: a user's refresh token, and a Workspace's service account.

Sources  Google "Using OAuth 2.0", its API error reasons, and bodies seen in public issue threads.
Quirk    what matters stands in the sentence; `invalid_grant` of a service account says nothing about the user.
"""

from collections.abc import Mapping
from dataclasses import replace

from opengrant.errors import Evidence
from opengrant.providers.oauth.refusals import (
    ACCESS_TOKEN,
    ACCOUNT_GONE,
    ADMIN,
    ASSERTION,
    MAILBOX_MISSING,
    MALFORMED,
    NO_MAILBOX,
    NOT_IN_DIRECTORY,
    POLICY,
    SCOPES_MISSING,
    THROTTLED,
    USER_UNKNOWN,
    Words,
    standard,
)
from opengrant.providers.verdict import Kind, Verdict, bad_request, connector, reconnect

OTHER_CLIENT = connector("token_of_other_client", "Use the connector or credential whose client id got this token.")
NOT_ANY_MORE = reconnect(
    "token_revoked",
    "The mailbox owner must sign in again; if this happens every seven days, publish the app at Google.",
)

DELEGATION = connector(
    "delegation_missing", "An administrator must delegate all scopes to the service account's number."
)
NOT_DELEGATED = connector(
    "scopes_missing", "An administrator must add each of the requested scopes to the service account's delegation."
)

_WORDS: Mapping[str, Verdict] = {
    "admin_policy_enforced": ADMIN,
    "access_denied": ADMIN,
    "unauthorized_client": OTHER_CLIENT,
}

_SERVICE_ACCOUNT_WORDS: Mapping[str, Verdict] = {
    "admin_policy_enforced": POLICY,
    "access_denied": NOT_DELEGATED,
    "unauthorized_client": DELEGATION,
}

_SUBTYPES: Mapping[str, Verdict] = {
    "invalid_rapt": reconnect(
        "session_control", "The organization limits sessions: the mailbox owner must sign in again."
    ),
    "rapt_required": reconnect(
        "session_control", "The organization limits sessions: the mailbox owner must sign in again."
    ),
}

_SENTENCES: tuple[tuple[str, str, Verdict], ...] = (
    ("invalid_grant", "bad request", replace(MALFORMED, retryable=True, retry_after=60)),
    ("invalid_grant", "account has been deleted", ACCOUNT_GONE),
    ("invalid_grant", "invalid email or user id", USER_UNKNOWN),
    ("invalid_grant", "not a valid email", USER_UNKNOWN),
    ("invalid_grant", "invalid jwt", ASSERTION),
    ("invalid_grant", "account not found", ASSERTION),
    ("unauthorized_client", "client or scope in request", DELEGATION),
    ("unauthorized_client", "using this method", DELEGATION),
    ("invalid_request", "invalid principal", bad_request("user_malformed", "Check the address of the user.")),
    ("invalid_request", "invalid impersonation", bad_request("user_malformed", "Check the address of the user.")),
)

_CONCLUSIONS: Mapping[str, Verdict] = {
    "identity_scopes_missing": bad_request(
        "identity_scopes_missing",
        "Have the user consent to openid, userinfo.email and userinfo.profile, then connect again.",
    ),
    "email_not_verified": bad_request(
        "email_not_verified", "The user must verify the address at Google before it can be connected."
    ),
}
_SERVICE_ACCOUNT_CONCLUSIONS: Mapping[str, Verdict] = {
    "key_unreadable": connector(
        "key_unreadable",
        "Put the service account's whole key file into the credential: client_email and an RSA private_key.",
    ),
}

ADMIN_DISABLED_API = bad_request("service_disabled", "The organization's administrator must allow this service.")
API_NOT_ENABLED = connector("api_not_enabled", "Enable this API in the project of the connector's app.")

_API: Mapping[str, Verdict] = {
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

_OF_A_WORKSPACE: Mapping[Verdict, Verdict] = {
    SCOPES_MISSING: NOT_DELEGATED,
    MAILBOX_MISSING: NO_MAILBOX,
}
"""The same words to a service account: an administrator's turn, not the mailbox owner's."""


def _token(evidence: Evidence) -> Verdict | None:
    word, sentence = evidence.code.casefold(), evidence.text.casefold()
    for error, part, verdict in _SENTENCES:
        if word == error and part in sentence:
            return verdict
    if word == "invalid_grant":
        for subtype in evidence.subcodes:
            if subtype in _SUBTYPES:
                return _SUBTYPES[subtype]
    return _WORDS.get(word) or standard(evidence)


def _service_account(evidence: Evidence) -> Verdict | None:
    """No user has consented, so no user must sign in again: only sentences that name the user are about the user."""
    found = _SERVICE_ACCOUNT_WORDS.get(evidence.code.casefold()) or _token(evidence)
    if found is USER_UNKNOWN:
        return NOT_IN_DIRECTORY
    return ASSERTION if found is not None and found.kind is Kind.RECONNECT else found


judge = Words(token=_token, api=_API, conclusions=_CONCLUSIONS).judge
judge_service_account = Words(
    token=_service_account,
    api={word: _OF_A_WORKSPACE.get(verdict, verdict) for word, verdict in _API.items()},
    conclusions=_SERVICE_ACCOUNT_CONCLUSIONS,
).judge
PROVEN: Mapping[str, Verdict] = {MALFORMED.reason: NOT_ANY_MORE}
"""Of a credential that has worked: it was complete when it was stored, so "malformed" means revoked."""
