"""What a refusal means, as data: the answer of a judge to one piece of evidence."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from opengrant.errors import Evidence


class Kind(StrEnum):
    """Whose turn it is. Only RECONNECT may ever end a grant."""

    RECONNECT = "reconnect"
    """The mailbox owner must give a new credential."""
    CONNECTOR = "connector"
    """The operator of the application must repair the connector or the credential."""
    PROVIDER_DOWN = "provider_down"
    """The cause passes; the same call may work later."""
    RATE_LIMITED = "rate_limited"
    """The provider wants fewer calls."""
    BAD_REQUEST = "bad_request"
    """What was sent cannot work: wrong host, missing scopes, malformed value."""
    UNKNOWN = "unknown"
    """These words are in no table. Nothing may be concluded from them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judged failure.

    reason       stable slug for logs, metrics and tests: "token_revoked", "app_password_required"
    remedy       one plain sentence: what to do next, and who
    retryable    the same call may succeed later without any change. On RECONNECT: good credentials are known to meet
                 this answer too, so ask once more after `retry_after` before ending a grant
    retry_after  seconds to wait first; None when no time was named
    own          it is about this one credential: many refusals alike are no sign that the client or server is at fault
    """

    kind: Kind
    reason: str
    remedy: str
    retryable: bool = False
    retry_after: float | None = None
    own: bool = False


Judge = Callable[[Evidence], Verdict]
"""Judges one provider's failures. Pure; never raises."""

_GENTLE_TO_HARSH = (
    Kind.RATE_LIMITED,
    Kind.PROVIDER_DOWN,
    Kind.UNKNOWN,
    Kind.CONNECTOR,
    Kind.BAD_REQUEST,
    Kind.RECONNECT,
)


def reconnect(reason: str, remedy: str, *, confirm_after: float | None = None) -> Verdict:
    """`confirm_after`: public reports show this answer for good credentials too; ask once more before believing it."""
    return Verdict(Kind.RECONNECT, reason, remedy, retryable=confirm_after is not None, retry_after=confirm_after)


def connector(reason: str, remedy: str) -> Verdict:
    return Verdict(Kind.CONNECTOR, reason, remedy)


def down(reason: str, remedy: str = "Try again later; the grant is not affected.") -> Verdict:
    return Verdict(Kind.PROVIDER_DOWN, reason, remedy, retryable=True)


def slow(reason: str, *, at_least: float | None = None) -> Verdict:
    remedy = "Wait for the time given in Retry-After, then try again."
    return Verdict(Kind.RATE_LIMITED, reason, remedy, retryable=True, retry_after=at_least)


def bad_request(reason: str, remedy: str) -> Verdict:
    return Verdict(Kind.BAD_REQUEST, reason, remedy)


def gentlest(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """Of several meanings, the one that harms the grant least; None when there is none."""
    known = [verdict for verdict in verdicts if verdict is not None]
    return min(known, key=lambda verdict: _GENTLE_TO_HARSH.index(verdict.kind), default=None)


def paced(verdict: Verdict, asked: float | None) -> Verdict:
    """The wait: what the provider asked for, but not less than the row demands; None where neither names a time."""
    if verdict.kind is Kind.RATE_LIMITED and asked is not None:
        return replace(verdict, retry_after=max(asked, verdict.retry_after or 0))
    if verdict.kind is Kind.PROVIDER_DOWN and asked is not None:
        return replace(verdict, retry_after=asked)
    return verdict


THROTTLED_BY_SERVER = Verdict(
    Kind.RATE_LIMITED,
    "throttled",
    "The server wants fewer calls: wait for the time given in Retry-After, then try again.",
    retryable=True,
)
UNKNOWN_REFUSAL = Verdict(
    Kind.UNKNOWN,
    "unknown_refusal",
    "Read the server's own words; if they do not help, ask its administrator.",
    retryable=True,
)
"""Both: of a server that takes passwords by HTTP."""
