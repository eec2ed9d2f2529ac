"""How refusals of OAuth providers are judged: legs "token" and "api". Pure; every row is a line of a table.

The order is: what broke below HTTP, the HTTP status, words for a cause that passes, the provider's own words. Outages
and throttling come before any word of refusal, because they look alike: Entra says `invalid_grant` when it means "slow
down", an HTML page may stand for "too many requests", and such sentences stand beside `invalid_grant`. Of several
meanings the gentlest to the grant wins. Words that are in no table prove nothing.

A provider's own words stand in its folder. Here are those of the standard, and the verdicts that several tables share.

Source  RFC 6749 section 5.2
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from opengrant.errors import Evidence
from opengrant.providers.verdict import (
    Kind,
    Verdict,
    bad_request,
    connector,
    down,
    gentlest,
    paced,
    reconnect,
    slow,
)
from opengrant.providers.wording import passing, spelled, wait_named

# ---------------------------------------------------------------- verdicts that several rows share

UNKNOWN = Verdict(
    Kind.UNKNOWN,
    "unknown_answer",
    "Look the provider's own words up in its documentation; the grant is not affected.",
    retryable=True,
)

REVOKED = reconnect("token_revoked", "The mailbox owner must sign in again; then send the new refresh token.")
DOUBTED = replace(REVOKED, retryable=True, retry_after=60)
"""Providers under load say `invalid_grant` for good tokens too: without a word that leaves no doubt, ask once more."""
EXPIRED = reconnect("token_expired", "The token has run out: the mailbox owner must sign in again.")
SIGN_IN = reconnect("sign_in_required", "The mailbox owner must sign in interactively again.")
CONSENT = reconnect("consent_required", "The mailbox owner must sign in and consent to the requested scopes again.")
ADMIN = reconnect("admin_policy", "An administrator's policy blocks this: ask the administrator, then sign in again.")
ACCOUNT_DISABLED = reconnect("account_disabled", "An administrator must enable the account; then sign in again.")
ACCOUNT_GONE = reconnect("account_deleted", "The account no longer exists: connect another one.")
USER_UNKNOWN = reconnect("user_unknown", "The user is not in this directory: check the tenant, or sign in again there.")
NOT_IN_DIRECTORY = reconnect("user_unknown", "Check email_address: the directory has no active user of that name.")
MALFORMED = reconnect("malformed_token", "Send the refresh token whole and unchanged, or obtain a new one.")

CLIENT = connector("client_refused", "Check the client id and secret of the connector or credential.")
CLIENT_DISABLED = connector("client_disabled", "Enable the app at the provider, or put another one into the connector.")
SECRET = connector("client_secret_refused", "Put the client secret's value (not its id) into the connector.")
ASSERTION = connector("assertion_refused", "Check the certificate or key of the credential, and this server's clock.")
REDIRECT_URI = connector("redirect_uri_refused", "Register this redirect URI, of the right type, with the app.")
OUR_REQUEST = connector("request_refused", "Check the connector's settings; the provider refused the request's form.")
GRANT_TYPE = connector("grant_type_refused", "Allow this app to use refresh tokens at the provider.")
POLICY = connector("admin_policy", "An administrator's policy blocks the credential: ask the administrator.")

SCOPE_INVALID = bad_request("scope_invalid", "Correct the scopes: the provider does not accept them.")
SCOPES_MISSING = bad_request("scopes_missing", "Have the user consent to the missing scopes, then connect again.")

OUTAGE = down("provider_error")
SENSELESS = down("senseless_answer")
THROTTLED = slow("throttled")
REDIRECTED = down("redirected", "Check the provider's URL in the settings: it redirects, which is not followed.")
NOT_THE_PROVIDER = down("not_the_provider", "Check proxies and firewalls on the way: the provider did not answer.")

# ---------------------------------------------------------------- below HTTP, and answers that are none

_STEPS: Mapping[str, Verdict] = {
    "dns": down("name_not_resolved", "Check this server's DNS, then try again; the grant is not affected."),
    "connect": down("not_reached", "Check this server's way to the provider, then try again."),
    "tls": down("tls_failed", "Check certificates, OPENGRANT_OUTBOUND__CA_FILE and the clock of this server."),
}
_FAULTS: Mapping[str, Verdict] = {
    "no_free_connection": down("no_free_connection", "Try again in a moment; all connections are in use."),
    "request_invalid": down("request_invalid", "Check the provider's URL in the settings, and the credential's form."),
    "timeout": down("timeout"),
}
_LOST = down("answer_lost")

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
    "org_internal": connector("app_internal", "Open the app to users outside its organization, or use another app."),
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

ACCESS_TOKEN = Verdict(
    Kind.UNKNOWN,
    "access_token_refused",
    "Refresh the access token once; only the token endpoint can tell whether the grant is dead.",
    retryable=True,
)
MAILBOX_MISSING = reconnect(
    "mailbox_missing", "The account has no mailbox here: it needs a licence.", confirm_after=900
)
USER_MISSING = replace(USER_UNKNOWN, retryable=True, retry_after=900)
NO_MAILBOX = reconnect(
    "no_mailbox", "The user has no mailbox here: they need a licence that has one.", confirm_after=900
)

# ---------------------------------------------------------------- from evidence to a row


def standard(evidence: Evidence) -> Verdict | None:
    """The meaning of a token endpoint's `error` by the standard; None when it is no word of the standard."""
    found = _WORDS.get(evidence.code.casefold())
    if found is DOUBTED and any(word in evidence.text.casefold() for word in _NO_DOUBT):
        return REVOKED
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One provider's words.

    token        the meaning of a token endpoint's refusal; None when it is in no table
    api          word of the API, folded → verdict
    sentences    part of the API's sentence, folded → verdict; before any word
    conclusions  code of what our own provider concluded from good answers → verdict
    pages        HTTP status of a token endpoint's HTML page → verdict
    """

    token: Callable[[Evidence], Verdict | None] = standard
    api: Mapping[str, Verdict] = field(default_factory=dict)
    sentences: Mapping[str, Verdict] = field(default_factory=dict)
    conclusions: Mapping[str, Verdict] = field(default_factory=dict)
    pages: Mapping[int, Verdict] = field(default_factory=dict)

    def judge(self, evidence: Evidence) -> Verdict:
        """Never raises; what is in no table is UNKNOWN."""
        verdict = (
            self._not_answered(evidence)
            or self._by_status(evidence)
            or self._passing(evidence)
            or self._by_words(evidence)
            or UNKNOWN
        )
        return paced(verdict, evidence.retry_after)

    def _not_answered(self, evidence: Evidence) -> Verdict | None:
        if evidence.step == "reply":
            return self.conclusions.get(evidence.code, SENSELESS)
        if evidence.status is not None:
            return None
        return _FAULTS.get(evidence.code) or _STEPS.get(evidence.step) or _LOST

    def _by_status(self, evidence: Evidence) -> Verdict | None:
        status = evidence.status or 0
        if status in {429, 509, 999}:  # 509 and 999 are seen in place of 429
            return THROTTLED
        if status == 408 or status >= 500:
            return OUTAGE
        if 300 <= status < 400:
            return REDIRECTED
        if evidence.leg == "api" and status == 401:
            return self._passing(evidence) or self._by_words(evidence) or ACCESS_TOKEN
        return None if evidence.is_json else self._page(evidence.leg, status)

    def _page(self, leg: str, status: int) -> Verdict:
        """A page instead of JSON: the provider's own to too many refreshes; else a proxy's or a firewall's."""
        if leg != "token":
            return NOT_THE_PROVIDER
        return THROTTLED if status == 403 else self.pages.get(status, NOT_THE_PROVIDER)

    def _passing(self, evidence: Evidence) -> Verdict | None:
        """A cause that passes, by the sentence or by a code that is one, whatever word stands beside it."""
        quoted = " ".join((evidence.text, *map(spelled, (evidence.code, *evidence.subcodes))))
        match passing(quoted):
            case "throttled" | "later":
                return replace(THROTTLED, retry_after=wait_named(quoted))
            case "broken":
                return OUTAGE
            case "again" if self._by_words(evidence) is REVOKED:
                return OUTAGE
            case _:
                return None

    def _by_words(self, evidence: Evidence) -> Verdict | None:
        if evidence.leg != "api":
            return self.token(evidence)
        sentence = evidence.text.casefold()
        for part, verdict in self.sentences.items():
            if part in sentence:
                return verdict
        return gentlest(self.api.get(word.casefold()) for word in (evidence.code, *evidence.subcodes))
