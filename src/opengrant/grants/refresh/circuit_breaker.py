"""The brake: when many grants of one source fail alike, it is the source.

A source is a credential (an OAuth client, a service account, a tenant's consent) or the mail host of grants with
passwords. Failures are counted by streak: different grants, the same class and reason, no success in between. A
streak that is long enough degrades the source: nothing more is asked of it but for a probe now and then, no grant
ends, those that the streak has ended already are restored, and one `connector.degraded` event is written. The first
success releases the brake and writes `connector.recovered`.

Every function is a part of the transaction that writes what happened to the grant.
"""

from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json, to_json

from opengrant.events import payloads as events
from opengrant.model import SECOND, Grant, Micros, Trouble
from opengrant.providers.verdict import Kind
from opengrant.store.engine.port import Dialect, Steps
from opengrant.store.events import deliveries
from opengrant.store.events import events as outbox
from opengrant.store.grants import circuit_breakers as brakes
from opengrant.store.grants import refreshing as keeping
from opengrant.store.grants.circuit_breakers import Brake

_COUNTS = frozenset({Kind.RECONNECT, Kind.CONNECTOR, Kind.PROVIDER_DOWN, Kind.UNKNOWN})
_STREAK_WITHIN: Micros = 3600 * SECOND
"""A failure that comes later than this after the streak's first begins a new one."""
_LONGEST_PAUSE: Micros = 3600 * SECOND
"""Of those that the provider named no time for."""
INTERNAL_ERROR = "internal_error"
"""The reason of a fault of our own, which accuses nobody."""


@dataclass(frozen=True, slots=True)
class Policy:
    """after: grants in a row that degrade a source. probe_every: between two attempts with a degraded one."""

    after: int
    probe_every: Micros


def failed(
    policy: Policy,
    grant: Grant,
    source: str,
    trouble: Trouble,
    *,
    named: bool,
    own: bool,
    succeeded_at: Micros,
    at: Micros,
    dialect: Dialect,
) -> Steps[Micros | None]:
    """Count one failure. Returns until when the grant is held because the source is to blame; None: it is not.

    named         the provider itself said when to come again: at the trouble's `retry_at`
    own           it is the grant's own fault: the provider's words say so, or the grant was held for this very failure
                  and its source has recovered since
    succeeded_at  when this process last saw a success of the source
    """
    app_id = grant.application_id
    if trouble.reason == INTERNAL_ERROR:
        return None
    brake = yield from brakes.lock(app_id, source, dialect)
    limited = trouble.kind == Kind.RATE_LIMITED
    if brake is not None and brake.degraded_at is not None:
        wanted = trouble.retry_at if named or limited else None
        probe_at = max(at + policy.probe_every, brake.probe_at or 0, wanted or 0)
        yield from brakes.put(app_id, replace(brake, probe_at=probe_at))
        return probe_at
    if limited:
        yield from brakes.put(app_id, _paused(brake or _streak(source, grant, trouble, at=at), trouble, named, at=at))
    if limited or own or trouble.kind not in _COUNTS:
        return None
    goes_on = (
        brake is not None
        and (brake.kind, brake.reason) == (trouble.kind, trouble.reason)
        and brake.since > max(succeeded_at, at - _STREAK_WITHIN)
    )
    if brake is None or not goes_on:
        brake = _streak(source, grant, trouble, at=at, before=brake)
    else:
        brake = replace(brake, members=tuple(dict.fromkeys((*brake.members, grant.id))))
    if len(brake.members) < policy.after:
        yield from brakes.put(app_id, brake)
        return None
    if (yield from keeping.authenticated_since(app_id, grant.source, since=brake.since)):
        yield from brakes.put(app_id, _streak(source, grant, trouble, at=at, before=brake))
        return None
    probe_at = at + policy.probe_every
    brake = replace(brake, degraded_at=at, probe_at=probe_at)
    yield from brakes.put(app_id, brake)
    yield from outbox.add(events.degraded(grant, source, said(brake), members=len(brake.members), at=at))
    held = replace(trouble, held=True, retry_at=probe_at)
    for member in brake.members:
        if member != grant.id:
            yield from _hold(app_id, member, held, since=brake.since, at=at)
    return probe_at


def succeeded(grant: Grant, source: str, *, at: Micros) -> Steps[None]:
    """Release the brake, if there is one."""
    brake = yield from brakes.release(grant.application_id, source)
    if brake is not None and brake.degraded_at is not None:
        yield from outbox.add(events.recovered(grant, source, said(brake), since=brake.degraded_at, at=at))


def said(brake: Brake) -> dict[str, Any]:
    """What the provider said to the grants of a source, as in `Trouble`."""
    told: dict[str, Any] = from_json(brake.evidence)
    return told


def holds(brake: Brake | None, *, at: Micros) -> bool:
    """Whether nobody but a probe may ask just now."""
    if brake is None:
        return False
    return brake.degraded_at is not None or (brake.paused_until is not None and brake.paused_until > at)


def trouble_of(brake: Brake, *, at: Micros) -> Trouble:
    """The trouble of any grant of a source that nobody may ask just now. No failure is its own."""
    told = said(brake)
    since = min(brake.degraded_at or brake.since, at)
    return Trouble(
        *(told["class"], told["reason"], told["code"], told["remedy"], since, at),
        failures=0,
        held=brake.degraded_at is not None,
        retry_at=max(brake.paused_until or 0, brake.probe_at or 0, at + SECOND),
    )


def _streak(source: str, grant: Grant, trouble: Trouble, *, at: Micros, before: Brake | None = None) -> Brake:
    """A new one; a pause that the provider asked for `before` goes on."""
    told = {"class": trouble.kind, "reason": trouble.reason, "code": trouble.code, "remedy": trouble.remedy}
    evidence = to_json(told).decode()
    paused_until = None if before is None else before.paused_until
    return Brake(source, trouble.kind, trouble.reason, (grant.id,), at, None, paused_until, None, evidence)


def _paused(brake: Brake, trouble: Trouble, named: bool, *, at: Micros) -> Brake:
    """Nobody asks before the provider said so. Where it named no time, the pause is as long again as it has throttled
    already, whichever of its grants met it: a source with a thousand would else begin anew with each."""
    until = max(trouble.retry_at or 0, brake.paused_until or 0)
    last = max(brake.since, brake.paused_until or 0)
    if last < at - _STREAK_WITHIN:
        brake = replace(brake, since=at)
    elif not named and brake.kind == Kind.RATE_LIMITED:
        until = max(until, at + min(at - brake.since, _LONGEST_PAUSE))
    return replace(brake, paused_until=until)


def _hold(app_id: str, grant_id: str, trouble: Trouble, *, since: Micros, at: Micros) -> Steps[None]:
    """A grant of the streak waits for its source and no longer for itself. One that the streak has ended is valid
    again; its notice is withdrawn if nobody has had it yet."""
    grant = yield from keeping.held(app_id, grant_id, trouble)
    if grant is None or grant.status == "valid":
        return
    notices = yield from keeping.expiries(app_id, grant_id, since=since)
    unsent = yield from deliveries.withdraw(app_id, notices)
    yield from outbox.add(events.restored(grant, at=at, told=len(unsent) < len(notices)))
