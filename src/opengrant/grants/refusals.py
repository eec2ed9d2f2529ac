"""The error for a caller when a provider refuses: made of the verdict and of what the caller was doing.

providers/classify.py decides what the evidence means; this file only quotes the evidence.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

from opengrant.errors import (
    Blocked,
    ConnectorMisconfigured,
    Evidence,
    GrantExpired,
    InvalidAuthentication,
    InvalidRequest,
    OpenGrantError,
    ProviderUnavailable,
    RateLimited,
    RefreshTokenInvalid,
    RefusalDoubted,
    ScopesConflict,
)
from opengrant.model import SECOND, Grant, GrantStatus, Micros, ProviderName, Trouble
from opengrant.providers.registry import FACTS
from opengrant.providers.verdict import Kind, Verdict

INVALIDATED = "invalidated"
"""Reason of a grant that a request made invalid: no provider has refused it."""
ROTATION_LOST = "rotation_lost"
"""Reason when a single-use token is refused and an earlier answer with its successor may have been lost."""
NAMES = {name: facts.speaks_as for name, facts in FACTS.items()}
"""The subject of a sentence about a provider's answer."""

NO_REASON = Trouble(
    "reconnect", "connector_deleted", "", "Its connector or credential was deleted. Connect the mailbox again.", 0, 0
)
"""The trouble of an invalid grant that has none of its own."""

# A few reasons have a type of their own on the wire, whatever their kind.
_BY_REASON: Mapping[str, type[OpenGrantError]] = {
    "identity_scopes_missing": ScopesConflict,
    "malformed_token": RefreshTokenInvalid,
    "scopes_missing": ScopesConflict,
}
_BY_KIND: Mapping[Kind, type[OpenGrantError]] = {
    Kind.RECONNECT: InvalidAuthentication,
    Kind.CONNECTOR: ConnectorMisconfigured,
    Kind.PROVIDER_DOWN: ProviderUnavailable,
    Kind.RATE_LIMITED: RateLimited,
    Kind.BAD_REQUEST: InvalidRequest,
    Kind.UNKNOWN: ProviderUnavailable,
}
_PAUSE = 30.0
"""Seconds for Retry-After when the provider names no time; mail servers never name one."""
_IN_DOUBT = "That may pass: it is asked once more before the grant ends. Try again after the time in Retry-After."
_LEGS_SHOWN = frozenset({"imap", "smtp", "caldav"})
_SAYS = {
    Kind.RECONNECT: "refused the credentials",
    Kind.CONNECTOR: "refused this connector's client",
    Kind.PROVIDER_DOWN: "could not be asked",
    Kind.RATE_LIMITED: "asks us to slow down",
    Kind.BAD_REQUEST: "cannot be used with these settings",
    Kind.UNKNOWN: "gave an answer that is not understood",
}


Means = Literal["token", "password", "bulk"]
"""What the verification used: a refresh token, a password, or a credential of the whole organisation."""


def at_connect(evidence: Evidence, verdict: Verdict, *, provider: ProviderName, means: Means) -> OpenGrantError:
    """The error for a verification that failed while a request waits for a grant."""
    error = _BY_REASON.get(verdict.reason) or _BY_KIND[verdict.kind]
    if FACTS[provider].identity_by_token and verdict.reason == "identity_scopes_missing":
        error = RefreshTokenInvalid  # as the wire has it
    if error is InvalidAuthentication and means == "token" and evidence.leg == "token":
        # An API that refuses comes after a token endpoint that took the refresh token: the account is at fault.
        error = RefreshTokenInvalid
    if error is ConnectorMisconfigured and means == "bulk":
        error = InvalidAuthentication
    leg = f" ({evidence.leg.upper()}, {evidence.step})" if evidence.leg in _LEGS_SHOWN else ""
    quoted = f" It said: {evidence.text.strip()}" if evidence.text.strip() else ""
    if quoted and not quoted.endswith((".", "!", "?")):
        quoted += "."
    says = _SAYS[verdict.kind]
    if verdict.kind is Kind.CONNECTOR and means == "bulk":
        says = "refused this credential"
    return error(
        f"{NAMES[provider]}{leg} {says}.{quoted} {verdict.remedy}",
        provider_error=provider_error(evidence, verdict),
        retry_after=_wait(verdict),
        evidence=evidence,
    )


def at_use(trouble: Trouble, *, provider: ProviderName, status: GrantStatus, at: Micros) -> OpenGrantError:
    """The error for an existing grant whose live credential is not available now, or never again."""
    judged = {"class": trouble.kind, "reason": trouble.reason, "remedy": trouble.remedy}
    quoted_error = {"error": trouble.code or trouble.reason, "error_description": trouble.remedy, "opengrant": judged}
    if status == "invalid":
        refused = f"{NAMES[provider]} refused the stored credential for good ({trouble.reason}). "
        return GrantExpired(
            f"{refused if trouble.kind == Kind.RECONNECT and trouble.reason != INVALIDATED else ''}{trouble.remedy}",
            provider_error=quoted_error,
        )
    kind = Kind(trouble.kind)
    # A refusal that does not end the grant yet is checked again, so the caller gets "try later".
    error = ProviderUnavailable if kind in (Kind.RECONNECT, Kind.CONNECTOR) else _BY_KIND[kind]
    if trouble.suspected:
        error = RefusalDoubted
    wait = None
    if error is RateLimited or trouble.retry_at is not None:
        wait = max(1, -(-((trouble.retry_at or at) - at) // SECOND))
    looked_into = " Many grants fail like this one; it stays valid until that is over." if trouble.held else ""
    advice = _IN_DOUBT if trouble.suspected else trouble.remedy
    # An answer that is not understood is quoted, because it is the only information.
    words = f" It said: {trouble.text}{'' if trouble.text.endswith(('.', '!', '?')) else '.'}" if trouble.text else ""
    quoted = words if kind is Kind.UNKNOWN else ""
    return error(
        f"{NAMES[provider]} {_SAYS[kind]} ({trouble.reason}).{quoted}{looked_into} {advice}",
        provider_error=quoted_error,
        retry_after=wait,
    )


def _wait(verdict: Verdict) -> int | None:
    """Seconds for Retry-After. With a refused credential, `retry_after` is the time of our own second check."""
    if verdict.kind is Kind.RATE_LIMITED:
        return max(1, math.ceil(verdict.retry_after or _PAUSE))
    if verdict.kind is Kind.PROVIDER_DOWN and verdict.retry_after is not None:
        return max(1, math.ceil(verdict.retry_after))
    return None


def provider_error(evidence: Evidence, verdict: Verdict) -> dict[str, Any]:
    """The provider's JSON object if it sent one, else its code and text; with our class, reason and remedy."""
    quoted = dict(evidence.body) if evidence.body is not None else {}
    if not quoted:
        code = evidence.code or (str(evidence.status) if evidence.status is not None else evidence.step)
        quoted = {"error": code, "error_description": evidence.text or verdict.remedy}
    return quoted | {"opengrant": {"class": verdict.kind.value, "reason": verdict.reason, "remedy": verdict.remedy}}


def refuse_blocked(grant: Grant) -> None:
    """Raises Blocked for a grant that an operator has blocked."""
    if grant.blocked:
        raise Blocked("Resource blocked, contact administrator. (`opengrant grants unblock` lifts it.)")
