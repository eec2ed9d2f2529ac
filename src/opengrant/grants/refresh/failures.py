"""What is written after an attempt failed: the grant's trouble, its end, or a wait for its source."""

from dataclasses import dataclass, replace

import structlog

from opengrant.events import audit
from opengrant.events import payloads as events
from opengrant.grants.refresh.circuit_breaker import CircuitBreakers, SourceFailure
from opengrant.grants.refresh.judgement import Failure, Judged, judge
from opengrant.grants.refresh.state import States
from opengrant.grants.schedule import Schedule
from opengrant.model import SECOND, Clock, Grant, Micros
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import events as outbox
from opengrant.store.grants import leases, refreshing
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import State

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Built once, in assembly/refresh.py."""

    db: Store
    clock: Clock
    states: States
    schedule: Schedule
    breakers: CircuitBreakers

    async def keep(self, state: State, lease: Lease, failure: Failure) -> State:
        """Write the failure and give the lease back. Returns the state after that.

        Raises StoreUnavailable, GrantNotFound.
        """
        at = self.clock()
        judged = judge(self.schedule, state.grant, failure, at=at)
        _log(judged)
        succeeded_at = self.breakers.last_success(state.grant, at=at)
        try:
            return replace(state, grant=await self.db.write(self._write(judged, lease, succeeded_at=succeeded_at)))
        except _Moved:
            # The credential that failed is not the stored one any more: nothing of the failure counts.
            await self.db.write(leases.give_back(lease))
            return await self.states.get(state.grant.application_id, state.grant.id)

    def _write(self, judged: Judged, lease: Lease, *, succeeded_at: Micros) -> Steps[Grant]:
        """Returns the grant as it was written. Raises _Moved, which rolls back."""
        held_until = yield from self.breakers.failed(
            SourceFailure(
                grant=judged.grant,
                trouble=judged.trouble,
                retry_named=judged.failure.evidence.retry_after is not None,
                own=judged.own,
                succeeded_at=succeeded_at,
                at=judged.at,
            )
        )
        after = self._after(judged, held_until)
        if not (yield from refreshing.troubled(after)):
            raise _Moved
        yield from _record(judged, after)
        # While a lost answer may have replaced the token, the open lease remembers that, until the provider decides.
        in_question = judged.failure.rotation_in_question and after.status == "valid"
        yield from (leases.leave_open if in_question else leases.give_back)(lease)
        return after

    def _after(self, judged: Judged, held_until: Micros | None) -> Grant:
        """The grant to write. held_until: when its source may be probed again; None: the source is not to blame."""
        trouble = judged.trouble
        grant = replace(judged.grant, refreshes=0, version=judged.grant.version + 1)
        if judged.ends and held_until is None:
            ended = replace(trouble, retry_at=None)
            return replace(grant, status="invalid", due_at=None, trouble=ended, attention_at=None)
        if held_until is not None:
            trouble = replace(trouble, held=True, retry_at=self.breakers.spread(held_until))
        return replace(grant, due_at=trouble.retry_at, trouble=trouble, attention_at=judged.attention_at)


def _record(judged: Judged, after: Grant) -> Steps[None]:
    """The event of an end, or the audit entry of a new trouble; and the entry of a grant that now needs attention."""
    before, trouble, at = judged.grant, judged.trouble, judged.at
    app_id = before.application_id
    if after.status == "invalid":
        yield from outbox.add(events.expired(after, at=at, refreshes=before.refreshes))
    elif judged.new:
        facts = {**events.facts(trouble), "refreshes": before.refreshes or None}
        yield from audit.record(app_id, "grant.failing", at=at, grant_id=before.id, **facts)
    if after.attention_at == at:
        facts = {**events.facts(trouble), "failures": trouble.failures}
        yield from audit.record(app_id, "grant.needs_attention", at=at, grant_id=before.id, **facts)


def _log(judged: Judged) -> None:
    grant, verdict, evidence = judged.grant, judged.failure.verdict, judged.failure.evidence
    log.warning(
        "refresh_failed",
        grant_id=grant.id,
        provider=grant.provider.value,
        verdict=verdict.kind.value,
        reason=verdict.reason,
        status=evidence.status,
        code=evidence.code,
        subcodes=list(evidence.subcodes),
        failures=judged.trouble.failures,
        ends=judged.ends,
    )
    if judged.attention_at == judged.at:
        log.warning(
            "grant_needs_attention",
            grant_id=grant.id,
            provider=grant.provider.value,
            reason=verdict.reason,
            provider_text=judged.trouble.text,
            proven_at=(grant.proven_at or 0) // SECOND,
        )


class _Moved(Exception):
    """The grant holds another credential by now."""
