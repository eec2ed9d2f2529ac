"""Overview: how an application's grants, connectors and webhooks are doing, for whoever runs it.

What it takes to know is asked of the database once in ten seconds and application, however many are looking.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from opengrant.events.activity import HOUR, REFRESHED, VERIFIED, Activity
from opengrant.grants.refresh import circuit_breaker
from opengrant.model import SECOND, Application, Clock, Micros, is_recent
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import webhooks
from opengrant.store.events.webhooks import Webhook
from opengrant.store.grants import circuit_breakers
from opengrant.store.grants import source_health as blame
from opengrant.store.grants.circuit_breakers import CircuitBreaker
from opengrant.store.operations import checkup, overview
from opengrant.store.operations.overview import Backlog, Health

__all__ = ["DAY", "MOST_SOURCES", "Bucket", "DegradedSource", "Expiring", "Overview", "Snapshot", "View"]

DAY: Micros = 24 * HOUR
HOURLY: int = 72
"""Up to so many hours are shown hour by hour, more day by day."""
KEEP: Micros = 10 * SECOND
OVERDUE: Micros = 60 * SECOND
"""A grant that is due for longer is overdue: the clock comes every second."""
MOST_SOURCES = 50
"""Degraded sources that are shown, longest first."""
_MOST_KEPT = 500


@dataclass(frozen=True, slots=True)
class Expiring:
    """tokens_within_…: that end so soon, of valid grants. overdue: grants. suspected: refusals to be confirmed."""

    tokens_within_hour: int
    tokens_within_day: int
    overdue: int
    suspected: int


@dataclass(frozen=True, slots=True)
class DegradedSource:
    """A degraded source. grants: how many depend on it; host: None unless it is a mail host."""

    provider: str
    connector_id: str
    credential_id: str | None
    host: str | None
    since: Micros
    said: Mapping[str, Any]
    grants: int
    probe_at: Micros | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """What came out from `at` on. failures: by class."""

    at: Micros
    verified: int
    refreshed: int
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All but the activity. grants: by provider."""

    at: Micros
    grants: Mapping[str, Health]
    expiring: Expiring
    degraded: Sequence[DegradedSource]
    webhooks: Sequence[tuple[Webhook, Backlog]]


@dataclass(frozen=True, slots=True)
class View:
    """bucket: how long each is. buckets: oldest first; the last one is under way."""

    snapshot: Snapshot
    bucket: Micros
    buckets: Sequence[Bucket]


@dataclass(slots=True)
class Overview:
    """Built once, in assembly/installation.py."""

    db: Store
    activity: Activity
    clock: Clock
    observe: Callable[[int, int, int], None]
    """Told how many grants are overdue, how many sources degraded and how many grants need a person to look at them,
    in the whole installation."""
    _kept: dict[tuple[str, int], tuple[Micros, "asyncio.Task[Any]"]] = field(default_factory=dict)
    """By application and hours (0: the snapshot): since when, and who asks or has asked."""

    async def of(self, app: Application, *, hours: int) -> View:
        """hours: how far back the activity goes."""
        snapshot = await self._once((app.id, 0), lambda: self._snapshot(app))
        buckets = await self._once((app.id, hours), lambda: self._buckets(app, hours))
        return View(cast(Snapshot, snapshot), HOUR if hours <= HOURLY else DAY, cast(list[Bucket], buckets))

    async def measure(self) -> None:
        """For the metrics."""
        at = self.clock() - OVERDUE

        def look() -> Steps[tuple[int, int, int]]:
            overdue = yield from overview.overdue(at=at)
            degraded = yield from overview.degraded()
            return overdue, degraded, (yield from overview.needing_attention())

        self.observe(*await self.db.read(look()))

    async def worked(self) -> None:
        """Background work is done here, now."""
        await self.db.write(checkup.worked(at=self.clock()))

    def forget(self) -> None:
        """Ask anew the next time."""
        self._kept.clear()

    async def _once(self, key: tuple[str, int], ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """What was found in the last seconds, or is being looked for; it outlives whoever waits for it."""
        at = self.clock()
        since, task = self._kept.get(key, (0, None))
        if (
            task is None
            or not is_recent(since, within=KEEP, now=at)
            or (task.done() and (task.cancelled() or task.exception() is not None))
        ):
            if len(self._kept) >= _MOST_KEPT:
                self._kept = {
                    other: kept for other, kept in self._kept.items() if is_recent(kept[0], within=KEEP, now=at)
                }
            task = asyncio.create_task(ask())
            self._kept[key] = (at, task)
        return await asyncio.shield(task)

    async def _snapshot(self, app: Application) -> Snapshot:
        return await self.db.read(self._look(app.id, self.clock()))

    def _look(self, app_id: str, at: Micros) -> Steps[Snapshot]:
        grants = yield from overview.health(app_id)
        yield from self._of_sources(app_id, grants, at)
        hour, day = yield from overview.tokens_ending(app_id, after=at, soon=at + HOUR, later=at + DAY)
        overdue = yield from overview.due_before(app_id, at=at - OVERDUE)
        expiring = Expiring(hour, day, overdue, sum(one.suspected for one in grants.values()))
        degraded = yield from self._degraded(app_id)
        told = []
        for webhook in (yield from webhooks.everyone(app_id)):
            backlog = yield from overview.backlog(app_id, webhook.id)
            told.append((webhook, backlog))
        return Snapshot(at, dict(sorted(grants.items())), expiring, degraded, told)

    def _of_sources(self, app_id: str, grants: Mapping[str, Health], at: Micros) -> Steps[None]:
        """Count in those that are troubled by what their source is."""
        for blamed in (yield from blame.blamed(app_id, at=at)):
            named = yield from overview.source(app_id, blamed.source.partition("/")[0])
            if named is not None and named[0] in grants:
                others = yield from blame.count_untroubled(app_id, blamed.source, self.db.dialect)
                grants[named[0]].troubled += others
                grants[named[0]].held += others if blamed.degraded_at is not None else 0

    def _degraded(self, app_id: str) -> Steps[list[DegradedSource]]:
        found = []
        by_host: dict[str, Mapping[str | None, int]] = {}
        for blamed in (yield from circuit_breakers.degraded(app_id, limit=MOST_SOURCES)):
            id_, _, host = blamed.source.partition("/")
            named = yield from overview.source(app_id, id_)
            if named is None:
                continue  # deleted between the two looks
            if host and id_ not in by_host:
                by_host[id_] = yield from overview.dependents_by_host(app_id, id_, self.db.dialect)
            grants = by_host[id_].get(host, 0) if host else (yield from overview.dependents(app_id, id_))
            found.append(_trouble(blamed, named, host or None, grants))
        return found

    async def _buckets(self, app: Application, hours: int) -> list[Bucket]:
        size, number = (HOUR, hours) if hours <= HOURLY else (DAY, -(-hours // 24))
        at = self.clock()
        first = at - at % size - (number - 1) * size
        counts: dict[Micros, Counter[str]] = {first + n * size: Counter() for n in range(number)}
        for tally in await self.activity.since(app, at=first):
            # One that was counted by a clock ahead of ours belongs to the last.
            place = min(tally.began_at - tally.began_at % size, first + (number - 1) * size)
            counts[place][tally.outcome] += tally.times
        return [_bucket(began_at, counted) for began_at, counted in counts.items()]


def _trouble(
    blamed: CircuitBreaker, named: tuple[str, str, str | None], host: str | None, grants: int
) -> DegradedSource:
    since = cast(Micros, blamed.degraded_at)
    return DegradedSource(*named, host, since, circuit_breaker.quoted(blamed), grants, blamed.probe_at)


def _bucket(at: Micros, counted: Counter[str]) -> Bucket:
    failures = {outcome: times for outcome, times in counted.items() if outcome not in (VERIFIED, REFRESHED)}
    return Bucket(at, counted[VERIFIED], counted[REFRESHED], dict(sorted(failures.items())))
