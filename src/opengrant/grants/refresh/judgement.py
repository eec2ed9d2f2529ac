"""What a failed attempt means for its grant, before its source is considered. Pure: time and dice are handed in."""

from dataclasses import dataclass, replace

from opengrant.errors import Evidence
from opengrant.grants import refusals
from opengrant.grants.refresh.circuit_breaker import INTERNAL_ERROR
from opengrant.grants.refresh.state import Means
from opengrant.grants.schedule import Schedule
from opengrant.model import SECOND, Grant, Micros, Trouble
from opengrant.providers.verdict import Kind, Verdict

_INTERNAL_PAUSE: Micros = 900 * SECOND
_CONNECTOR_PAUSE: Micros = 60 * SECOND
_TEXT = 300
"""Characters of a provider's sentence that a grant remembers."""
_ROTATION_LOST = (
    "An earlier refresh was cut off after the provider may have replaced the refresh token, and the stored one is"
    " refused. The mailbox owner must connect again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed attempt.

    perishable  the credential is a token that dies when it is spent, so an answer that was lost may have replaced it
    attempts    leases on the grant since one was last given back: of more than one, earlier attempts were cut off
    """

    evidence: Evidence
    verdict: Verdict
    means: Means
    perishable: bool
    attempts: int

    @property
    def rotation_in_question(self) -> bool:
        """Whether this attempt or one before it may have replaced the token without an answer that arrived."""
        lost = self.evidence.sent and self.verdict.kind in (Kind.PROVIDER_DOWN, Kind.UNKNOWN)
        return self.perishable and (lost or self.attempts > 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A failure and what it means for the grant as it was read.

    trouble       the grant's trouble from now on
    ends          the failure ends the grant, unless its source is to blame
    attention_at  since when a person has to look at the grant; None: no need yet
    """

    grant: Grant
    failure: Failure
    trouble: Trouble
    ends: bool
    attention_at: Micros | None
    at: Micros

    @property
    def new(self) -> bool:
        """Whether the grant did not have this trouble before."""
        return not _alike(self.grant.trouble, self.trouble)

    @property
    def own(self) -> bool:
        """Whether the failure is the grant's own and not its source's.

        So it is when the verdict says so, or when the grant ends by the failure that it was held for: its source has
        recovered since, and the grant has not.
        """
        before = self.grant.trouble
        was_held = before is not None and before.held and not self.new
        return self.failure.verdict.own or (self.ends and was_held)


def judge(schedule: Schedule, grant: Grant, failure: Failure, *, at: Micros) -> Judged:
    failure = _as_lost_rotation(grant, failure)
    verdict, evidence = failure.verdict, failure.evidence
    before = None if grant.trouble is None else grant.trouble.as_of(at)
    alike = before is not None and (before.kind, before.reason) == (verdict.kind, verdict.reason)
    failures = before.failures + 1 if before is not None and alike else 1
    suspected, retry_at = _suspicion(schedule, before, failure, at=at)
    if retry_at is None:
        retry_at = at + _wait(schedule, failures, failure)
    trouble = Trouble(
        kind=verdict.kind.value,
        reason=verdict.reason,
        code=evidence.code or (str(evidence.status) if evidence.status is not None else evidence.step),
        remedy=verdict.remedy,
        first_seen=before.first_seen if before is not None and alike else at,
        last_seen=at,
        text=evidence.text.strip()[:_TEXT],
        failures=failures,
        suspected=suspected,
        retry_at=retry_at,
    )
    return Judged(
        grant=grant,
        failure=failure,
        trouble=trouble,
        ends=verdict.kind is Kind.RECONNECT and not suspected,
        attention_at=(grant.attention_at or at) if _needs_attention(schedule, grant, verdict, at=at) else None,
        at=at,
    )


def _as_lost_rotation(grant: Grant, failure: Failure) -> Failure:
    """A refusal after an attempt that was cut off: the provider may have replaced the token, and the answer is lost."""
    verdict, before = failure.verdict, grant.trouble
    # Once judged so, the grant stays so: a breaker may have restored it meanwhile, and its lease is gone then.
    lost_before = failure.attempts > 1 or (before is not None and before.reason == refusals.ROTATION_LOST)
    # Where a replaced token lives on, a lost answer explains no refusal.
    if verdict.kind is not Kind.RECONNECT or not failure.perishable or not lost_before:
        return failure
    verdict = replace(verdict, reason=refusals.ROTATION_LOST, remedy=_ROTATION_LOST, retryable=False)
    return replace(failure, verdict=verdict)


def _suspicion(
    schedule: Schedule, before: Trouble | None, failure: Failure, *, at: Micros
) -> tuple[bool, Micros | None]:
    """Whether this is a refusal that a second one must confirm, and when to ask for that one.

    The second refusal confirms the first whatever its words are, but not before its time: one that comes earlier, on
    request, neither confirms nor delays.
    """
    verdict = failure.verdict
    doubtful = verdict.kind is Kind.RECONNECT and (verdict.retryable or failure.means == "password")
    if not doubtful:
        return False, None
    if before is not None and before.suspected and before.kind == verdict.kind:
        confirmed = at >= (before.retry_at or 0)
        return (False, None) if confirmed else (True, before.retry_at)
    wanted = _wanted(failure)
    return True, at + (int(wanted * SECOND) if wanted is not None else schedule.confirm_after)


def _wait(schedule: Schedule, failures: int, failure: Failure) -> Micros:
    """How long to wait after so many failures alike in a row."""
    verdict, wanted = failure.verdict, _wanted(failure)
    if verdict.reason == INTERNAL_ERROR:
        return _INTERNAL_PAUSE
    limited = verdict.kind is Kind.RATE_LIMITED
    wait = schedule.again(failures, rate_limited=limited, wanted=wanted)
    if limited and wanted is not None and failure.evidence.retry_after is None:
        # The verdict's pause is a minimum of ours, not the provider's: it does not replace the growing wait.
        wait = max(wait, schedule.again(failures, rate_limited=True, wanted=None))
    if verdict.kind in (Kind.CONNECTOR, Kind.BAD_REQUEST):
        wait = max(wait, _CONNECTOR_PAUSE)
    return wait


def _wanted(failure: Failure) -> float | None:
    """Seconds to wait that the verdict or the provider names."""
    return failure.verdict.retry_after or failure.evidence.retry_after


def _needs_attention(schedule: Schedule, grant: Grant, verdict: Verdict, *, at: Micros) -> bool:
    """Whether the grant has failed so long that a person has to look, without a refusal that will end it."""
    worked_at = grant.proven_at or grant.updated_at
    proof_was_due = schedule.next(grant, at=worked_at)
    overdue = proof_was_due is not None and at - proof_was_due >= schedule.attention_after
    return overdue and verdict.kind is not Kind.RECONNECT


def _alike(before: Trouble | None, trouble: Trouble) -> bool:
    return before is not None and (before.kind, before.reason) == (trouble.kind, trouble.reason)
