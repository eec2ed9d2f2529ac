"""Overview: the health of an application's grants, connectors and webhooks.

The database is read once in ten seconds per application; all requests in that time share the result.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opengrant.events.activity import HOUR, REFRESHED, VERIFIED, Activity
from opengrant.grants.refresh import circuit_breaker
from opengrant.model import SECOND, Application, Clock, Micros
from opengrant.operations.recent_results import RecentResults
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import webhooks
from opengrant.store.events.webhooks import Webhook
from opengrant.store.grants import circuit_breakers, counts, source_health
from opengrant.store.grants.circuit_breakers import CircuitBreaker
from opengrant.store.operations import checkup, overview
from opengrant.store.operations.overview import Backlog, Health

__all__ = ["DAY", "MOST_SOURCES", "Bucket", "DegradedSource", "Expiring", "Overview", "Snapshot", "View"]

DAY: Micros = 24 * HOUR
HOURLY: int = 72
"""Up to this many hours are shown by the hour, more by the day."""
KEEP: Micros = 10 * SECOND
OVERDUE: Micros = 60 * SECOND
"""A grant that is due for longer is overdue: due grants are refreshed every second."""
MOST_SOURCES = 50
"""Degraded sources that are shown, those that are degraded longest first."""
_MOST_KEPT = 500


@dataclass(frozen=True, slots=True)
class Expiring:
    """Grants that need a refresh or a confirmation.

    tokens_within_…  tokens of valid grants that expire in this time, up to MOST_SOON
    overdue          grants, up to MOST_SOON
    suspected        refusals that a second attempt has to confirm
    """

    tokens_within_hour: int
    tokens_within_day: int
    overdue: int
    suspected: int


@dataclass(frozen=True, slots=True)
class DegradedSource:
    """A degraded source. grants: how many depend on it. host: None unless the source is a mail host."""

    provider: str
    connector_id: str
    credential_id: str | None
    host: str | None
    since: Micros
    answer: Mapping[str, Any]
    grants: int
    probe_at: Micros | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Outcomes of one hour or day that starts at `at`. failures: by class."""

    at: Micros
    verified: int
    refreshed: int
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The overview without the activity. grants: by provider."""

    at: Micros
    grants: Mapping[str, Health]
    expiring: Expiring
    degraded: Sequence[DegradedSource]
    webhooks: Sequence[tuple[Webhook, Backlog]]


@dataclass(frozen=True, slots=True)
class View:
    """bucket: the length of each. buckets: oldest first; the last one is not complete."""

    snapshot: Snapshot
    bucket: Micros
    buckets: Sequence[Bucket]


@dataclass(slots=True, kw_only=True)
class Overview:
    """Built once, in assembly/."""

    db: Store
    activity: Activity
    clock: Clock
    observe: Callable[[int, int, int], None]
    """Receives three numbers for the whole installation: overdue grants, degraded sources, grants that need
    attention."""
    observe_grants: Callable[[Mapping[tuple[str, str], int]], None]
    """Receives the numbers of grants of the whole installation, by provider and state."""
    _snapshots: RecentResults[str, Snapshot] = field(init=False)
    """By application."""
    _activity: RecentResults[tuple[str, int], list[Bucket]] = field(init=False)
    """By application and hours."""

    def __post_init__(self) -> None:
        self._snapshots = RecentResults(clock=self.clock, keep=KEEP, most=_MOST_KEPT)
        self._activity = RecentResults(clock=self.clock, keep=KEEP, most=_MOST_KEPT)

    async def of(self, app: Application, *, hours: int) -> View:
        """`hours`: the length of the activity."""
        snapshot = await self._snapshots.get(app.id, lambda: self._snapshot(app))
        buckets = await self._activity.get((app.id, hours), lambda: self._buckets(app, hours))
        return View(snapshot=snapshot, bucket=HOUR if hours <= HOURLY else DAY, buckets=buckets)

    async def measure(self) -> None:
        """Report to the metrics."""
        at = self.clock() - OVERDUE

        def look() -> Steps[tuple[int, int, int, Mapping[tuple[str, str], int]]]:
            overdue = yield from overview.overdue(at=at)
            degraded = yield from overview.degraded()
            attention = yield from overview.needing_attention()
            return overdue, degraded, attention, (yield from overview.grants())

        *health, grants = await self.db.read(look())
        self.observe(*health)
        self.observe_grants(grants)

    async def worked(self) -> None:
        """Store that background work has just run in this installation."""
        await self.db.write(checkup.worked(at=self.clock()))

    def forget(self) -> None:
        """Drop the kept results."""
        self._snapshots.clear()
        self._activity.clear()

    async def _snapshot(self, app: Application) -> Snapshot:
        return await self.db.read(self._look(app.id, self.clock()))

    def _look(self, app_id: str, at: Micros) -> Steps[Snapshot]:
        grants = yield from overview.health(app_id)
        yield from self._of_sources(app_id, grants, at)
        hour, day = yield from overview.tokens_ending(app_id, after=at, soon=at + HOUR, later=at + DAY)
        overdue = yield from overview.due_before(app_id, at=at - OVERDUE)
        expiring = Expiring(hour, day, overdue, sum(one.suspected for one in grants.values()))
        degraded = yield from self._degraded(app_id)
        backlogs = []
        for webhook in (yield from webhooks.of_application(app_id)):
            backlog = yield from overview.backlog(app_id, webhook.id)
            backlogs.append((webhook, backlog))
        return Snapshot(
            at=at, grants=dict(sorted(grants.items())), expiring=expiring, degraded=degraded, webhooks=backlogs
        )

    def _of_sources(self, app_id: str, grants: Mapping[str, Health], at: Micros) -> Steps[None]:
        """Add the grants that are troubled because their source is."""
        for blamed in (yield from source_health.blamed(app_id, at=at)):
            named = yield from overview.source(app_id, blamed.source.partition("/")[0])
            if named is not None and named[0] in grants:
                others = yield from counts.untroubled(app_id, blamed.source)
                grants[named[0]].troubled += others
                grants[named[0]].held += others if blamed.degraded_at is not None else 0

    def _degraded(self, app_id: str) -> Steps[list[DegradedSource]]:
        found = []
        for blamed in (yield from circuit_breakers.degraded(app_id, limit=MOST_SOURCES)):
            id_, _, host = blamed.source.partition("/")
            named = yield from overview.source(app_id, id_)
            if named is None:
                continue  # deleted between the two queries
            grants = yield from counts.of_host(app_id, id_, host) if host else counts.of_source(app_id, id_)
            found.append(_degraded_source(blamed, named, host or None, grants))
        return found

    async def _buckets(self, app: Application, hours: int) -> list[Bucket]:
        size, number = (HOUR, hours) if hours <= HOURLY else (DAY, -(-hours // 24))
        at = self.clock()
        first = at - at % size - (number - 1) * size
        counts: dict[Micros, Counter[str]] = {first + n * size: Counter() for n in range(number)}
        for tally in await self.activity.since(app, at=first):
            # A count of a process whose clock is ahead belongs to the last bucket.
            place = min(tally.began_at - tally.began_at % size, first + (number - 1) * size)
            counts[place][tally.outcome] += tally.times
        return [_bucket(began_at, counted) for began_at, counted in counts.items()]


def _degraded_source(
    blamed: CircuitBreaker, named: tuple[str, str, str | None], host: str | None, grants: int
) -> DegradedSource:
    assert blamed.degraded_at is not None, "the query finds degraded sources only"
    provider, connector_id, credential_id = named
    return DegradedSource(
        provider=provider,
        connector_id=connector_id,
        credential_id=credential_id,
        host=host,
        since=blamed.degraded_at,
        answer=circuit_breaker.quoted(blamed),
        grants=grants,
        probe_at=blamed.probe_at,
    )


def _bucket(at: Micros, counted: Counter[str]) -> Bucket:
    failures = {outcome: times for outcome, times in counted.items() if outcome not in (VERIFIED, REFRESHED)}
    return Bucket(at, counted[VERIFIED], counted[REFRESHED], dict(sorted(failures.items())))
