"""The circuit breaker of a source: when many of its grants fail alike, the source is the problem.

A source is a credential (an OAuth client, a service account, a tenant's consent) or the mail host of grants with
passwords. Failures are counted by streak: different grants, the same class and reason, no success in between. A
streak that is long enough degrades the source, which opens its breaker: only a probe now and then asks the provider,
no grant ends, grants that the streak has already ended are restored, and one `connector.degraded` event is written.
The first success closes the breaker and writes `connector.recovered`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json, to_json

from opengrant.events import payloads as events
from opengrant.grants.schedule import Schedule
from opengrant.model import AGREE, SECOND, Clock, Grant, Micros, Trouble
from opengrant.providers.verdict import Kind
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import deliveries
from opengrant.store.events import events as outbox
from opengrant.store.grants import circuit_breakers, refreshing
from opengrant.store.grants.circuit_breakers import CircuitBreaker
from opengrant.store.grants.refreshing import State

_COUNTS = frozenset({Kind.RECONNECT, Kind.CONNECTOR, Kind.PROVIDER_DOWN, Kind.UNKNOWN})
_STREAK_WITHIN: Micros = 3600 * SECOND
"""A failure that comes later than this after the streak's first begins a new one."""
_LONGEST_PAUSE: Micros = 3600 * SECOND
"""Longest pause where the provider named no time."""
_MOST_SPREAD: Micros = 900 * SECOND
"""Longest spread of retries after a mail host recovers."""
INTERNAL_ERROR = "internal_error"
"""The reason of a fault in OpenGrant itself, which counts against no source."""


@dataclass(frozen=True, slots=True)
class Policy:
    """after: grants in a row that degrade a source. probe_every: between two attempts with a degraded one."""

    after: int
    probe_every: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFailure:
    """A failed attempt, as the breaker of its source counts it.

    retry_named   the provider itself named the time to retry: the trouble's `retry_at`
    own           the failure is the grant's own: the provider's words say so, or the grant was held for the same
                  failure and its source has recovered since
    succeeded_at  when this process last saw a success of the source
    """

    grant: Grant
    trouble: Trouble
    retry_named: bool
    own: bool
    succeeded_at: Micros
    at: Micros

    @property
    def source(self) -> str:
        return self.grant.blames

    @property
    def rate_limited(self) -> bool:
        return self.trouble.kind == Kind.RATE_LIMITED

    def continues(self, breaker: CircuitBreaker | None) -> bool:
        """Whether it belongs to the streak that the breaker counts."""
        return (
            breaker is not None
            and (breaker.kind, breaker.reason) == (self.trouble.kind, self.trouble.reason)
            and breaker.since > max(self.succeeded_at, self.at - _STREAK_WITHIN)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakers:
    """Counts failures and successes of sources, and says when a source may be asked. Built in assembly/refresh.py."""

    db: Store
    clock: Clock
    policy: Policy
    schedule: Schedule
    _succeeded: dict[tuple[str, str], Micros] = field(default_factory=dict)
    """When a source last worked, as far as this process has seen."""

    # ── may it be asked ───────────────────────────────────────────────────────────────────────────────────────

    async def open_for(self, state: State) -> CircuitBreaker | None:
        """The open breaker of a grant's source, which lets only probes through; of its mail host where it has one."""
        grant, found = state.grant, state.breaker
        if grant.blames != grant.source:
            found = await self.db.read(circuit_breakers.find(grant.application_id, grant.blames)) or found
        return found if is_open(found, at=self.clock()) else None

    async def take_turn(self, state: State, breaker: CircuitBreaker | None) -> bool:
        """Whether the provider may be asked now. At a degraded source, the caller takes the turn of a probe."""
        grant, at = state.grant, self.clock()
        if breaker is not None:
            if breaker.degraded_at is None:
                return False
            again = at + self.policy.probe_every
            return await self.db.write(
                circuit_breakers.take_turn(grant.application_id, breaker.source, at=at, until=again)
            )
        trouble = grant.trouble
        return trouble is None or trouble.kind != Kind.RATE_LIMITED or not trouble.waits(at)

    async def host_free_at(self, state: State) -> Micros | None:
        """When a grant's mail host may be asked again. None: now, as a probe where the host is degraded.

        Breakers of plain sources are read before their grants are claimed; those of mail hosts are not.
        """
        if state.grant.mail_host is None or (breaker := await self.open_for(state)) is None:
            return None
        at = self.clock()
        free_at = max(breaker.paused_until or 0, breaker.probe_at or 0)
        if free_at <= at:
            if await self.take_turn(state, breaker):
                return None
            free_at = at + self.policy.probe_every  # another process took the turn
        return self.spread(free_at, since=breaker.since)

    def spread(self, free_at: Micros, *, since: Micros | None = None) -> Micros:
        """When to retry a grant whose mail host or source is free at `free_at`.

        Retries are spread over the time that the host was away, so that they do not come all at once.
        """
        lasted = 0 if since is None else min(free_at - since, _MOST_SPREAD)
        return free_at + int(max(lasted, self.policy.probe_every) * self.schedule.dice())

    # ── what happened ─────────────────────────────────────────────────────────────────────────────────────────

    def saw_success(self, grant: Grant, *, at: Micros) -> None:
        self._succeeded[grant.application_id, grant.blames] = at

    def last_success(self, grant: Grant, *, at: Micros) -> Micros:
        """Of the grant's source, in this process; 0 if there was none, or the clock was set back since."""
        succeeded_at = self._succeeded.get((grant.application_id, grant.blames), 0)
        return succeeded_at if succeeded_at <= at + AGREE else 0

    def succeeded(self, grant: Grant, *, at: Micros) -> Steps[None]:
        """Close the breaker, if there is one. A part of the transaction that writes the success."""
        breaker = yield from circuit_breakers.release(grant.application_id, grant.blames)
        if breaker is not None and breaker.degraded_at is not None:
            said = quoted(breaker)
            yield from outbox.add(events.recovered(grant, grant.blames, said, since=breaker.degraded_at, at=at))

    def failed(self, failure: SourceFailure) -> Steps[Micros | None]:
        """Count one failure. Returns until when the grant is held because its source is to blame; None: it is not.

        A part of the transaction that writes the failure.
        """
        if failure.trouble.reason == INTERNAL_ERROR:
            return None
        app_id = failure.grant.application_id
        breaker = yield from circuit_breakers.lock(app_id, failure.source, self.db.dialect)
        if breaker is not None and breaker.degraded_at is not None:
            return (yield from self._probe_failed(breaker, failure))
        if failure.rate_limited:
            yield from circuit_breakers.put(app_id, _paused(breaker or _new_streak(failure), failure))
        elif failure.trouble.kind in _COUNTS and not failure.own:
            return (yield from self._count(_extended(breaker, failure), failure))
        return None

    def _count(self, streak: CircuitBreaker, failure: SourceFailure) -> Steps[Micros | None]:
        """Store the streak, or degrade the source if the streak is long enough. Returns as `failed`."""
        app_id = failure.grant.application_id
        if len(streak.members) < self.policy.after:
            yield from circuit_breakers.put(app_id, streak)
            return None
        if (yield from refreshing.authenticated_since(app_id, failure.grant.source, since=streak.since)):
            # The source works: one of its mailboxes was connected during the streak.
            yield from circuit_breakers.put(app_id, _new_streak(failure, before=streak))
            return None
        return (yield from self._degrade(streak, failure))

    def _probe_failed(self, breaker: CircuitBreaker, failure: SourceFailure) -> Steps[Micros]:
        """The source stays degraded until the next probe, which waits as long as the provider asked for."""
        wanted = failure.trouble.retry_at if failure.retry_named or failure.rate_limited else None
        probe_at = max(failure.at + self.policy.probe_every, breaker.probe_at or 0, wanted or 0)
        yield from circuit_breakers.put(failure.grant.application_id, replace(breaker, probe_at=probe_at))
        return probe_at

    def _degrade(self, streak: CircuitBreaker, failure: SourceFailure) -> Steps[Micros]:
        """Open the breaker, say so in an event, and hold the grants of the streak until the first probe."""
        grant, at = failure.grant, failure.at
        probe_at = at + self.policy.probe_every
        opened = replace(streak, degraded_at=at, probe_at=probe_at)
        yield from circuit_breakers.put(grant.application_id, opened)
        members = len(opened.members)
        yield from outbox.add(events.degraded(grant, failure.source, quoted(opened), members=members, at=at))
        held = replace(failure.trouble, held=True, retry_at=probe_at)
        for member in opened.members:
            if member != grant.id:
                yield from _hold(grant.application_id, member, held, since=opened.since, at=at)
        return probe_at


def quoted(breaker: CircuitBreaker) -> dict[str, Any]:
    """What the provider said to the grants of a source, as in `Trouble`."""
    said: dict[str, Any] = from_json(breaker.evidence)
    return said


def is_open(breaker: CircuitBreaker | None, *, at: Micros) -> bool:
    """Whether only a probe may ask the source: it is degraded, or its provider asked for a pause."""
    if breaker is None:
        return False
    return breaker.degraded_at is not None or (breaker.paused_until is not None and breaker.paused_until > at)


def trouble_of(breaker: CircuitBreaker, *, at: Micros) -> Trouble:
    """The trouble of any grant of a source whose breaker is open. No failure is the grant's own."""
    said = quoted(breaker)
    since = min(breaker.degraded_at or breaker.since, at)
    return Trouble(
        *(said["class"], said["reason"], said["code"], said["remedy"], since, at),
        failures=0,
        held=breaker.degraded_at is not None,
        retry_at=max(breaker.paused_until or 0, breaker.probe_at or 0, at + SECOND),
    )


def _new_streak(failure: SourceFailure, *, before: CircuitBreaker | None = None) -> CircuitBreaker:
    """A streak of this failure alone. A pause that the provider asked for `before` continues."""
    trouble = failure.trouble
    said = {"class": trouble.kind, "reason": trouble.reason, "code": trouble.code, "remedy": trouble.remedy}
    return CircuitBreaker(
        source=failure.source,
        kind=trouble.kind,
        reason=trouble.reason,
        members=(failure.grant.id,),
        since=failure.at,
        degraded_at=None,
        paused_until=None if before is None else before.paused_until,
        probe_at=None,
        evidence=to_json(said).decode(),
    )


def _extended(breaker: CircuitBreaker | None, failure: SourceFailure) -> CircuitBreaker:
    """The streak with this failure in it: the stored one if that continues, else a new one."""
    if breaker is None or not failure.continues(breaker):
        return _new_streak(failure, before=breaker)
    return replace(breaker, members=tuple(dict.fromkeys((*breaker.members, failure.grant.id))))


def _paused(breaker: CircuitBreaker, failure: SourceFailure) -> CircuitBreaker:
    """No requests until the time that the provider named.

    Where it named none, the pause is as long again as the throttling has lasted, counted for the whole source: counted
    for each grant, a source with a thousand grants would start again with each.
    """
    at = failure.at
    until = max(failure.trouble.retry_at or 0, breaker.paused_until or 0)
    last = max(breaker.since, breaker.paused_until or 0)
    if last < at - _STREAK_WITHIN:
        breaker = replace(breaker, since=at)
    elif not failure.retry_named and breaker.kind == Kind.RATE_LIMITED:
        until = max(until, at + min(at - breaker.since, _LONGEST_PAUSE))
    return replace(breaker, paused_until=until)


def _hold(app_id: str, grant_id: str, trouble: Trouble, *, since: Micros, at: Micros) -> Steps[None]:
    """Make a grant of the streak wait for its source instead of for itself.

    One that the streak has ended is valid again; its `grant.expired` notice is withdrawn unless it was delivered.
    """
    grant = yield from refreshing.held(app_id, grant_id, trouble)
    if grant is None or grant.status == "valid":
        return
    notices = yield from refreshing.expiries(app_id, grant_id, since=since)
    unsent = yield from deliveries.withdraw(app_id, notices)
    yield from outbox.add(events.restored(grant, at=at, announced=len(unsent) < len(notices)))
