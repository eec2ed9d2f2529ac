"""`python -m bench.calendars`: what calendars cost, by CPU of this process, against what they may cost.

Expansion without a database; then, on each engine, a calendar of 100,000 events, free/busy of 50 calendars,
availability of ten people, bytes per event, and a week of an ordinary calendar beside few and many events of others.
Each number is the least of a few runs, since neighbours on the machine only add to it. "first": nothing is remembered.
PostgreSQL works in processes of its own, which are not counted.
"""

import argparse
import asyncio
import contextlib
import shutil
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import uvloop
from pydantic import SecretStr
from tests.peers.postgres import Postgres

from bench import databases, rooms
from bench.rooms import DAY, HOUR, MONDAY, WEEK
from bench.stage import Engine
from opengrant.assembly.installation import installation
from opengrant.calendars.availability import Wanted
from opengrant.calendars.drafts import BEGINNING, EventDraft, EventQuery, Timespan
from opengrant.calendars.expansion import Expansions
from opengrant.calendars.hosted import HostedEvents, fresh_event, new_id
from opengrant.calendars.occurrences import instants
from opengrant.calendars.service import Asked
from opengrant.connectors.connectors import ConnectorFields
from opengrant.model import Application, Grant, ProviderName, now
from opengrant.model.calendars import Calendar, Event
from opengrant.services import Services
from opengrant.settings import Settings

_TABLES = ("calendar_events", "calendar_keys")
_RUNS = 3
_MONTH = 31 * DAY
_YEAR_2026 = (1_767_225_600, 1_798_761_599)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.calendars", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres", "both"], default="both", help="both unless told")
    parser.add_argument("--events", type=int, default=100_000, help="of the large calendar; 100,000")
    parser.add_argument("--others", type=int, default=100_000, help="events of other calendars at last; 100,000")
    chosen = parser.parse_args()
    expansion()
    engines: list[Engine] = ["sqlite", "postgres"] if chosen.engine == "both" else [chosen.engine]
    for engine in engines:
        uvloop.run(_on(engine, chosen.events, chosen.others))
    return 0


def tell(what: str, milliseconds: float, most: float | None = None) -> None:
    aim = "" if most is None else f"   of {most:,.0f} {'met' if milliseconds <= most else 'MISSED'}"
    print(f"{what:66} {milliseconds:9.2f} ms{aim}", flush=True)


# ── without a database ────────────────────────────────────────────────────────────────────────────────────────


def expansion() -> None:
    made = _events(rooms.drafts(10_000, 3_000))
    for name, (low, high), most in (("a year", _YEAR_2026, 500), ("a week", (MONDAY, MONDAY + WEEK), 60)):
        found = 0
        best = float("inf")
        for _ in range(_RUNS):
            began = time.process_time()
            found = sum(len(_expand(one, low, high)) for one in made)
            best = min(best, time.process_time() - began)
        tell(f"expansion of 10,000 events, {name}, {found:,} instances", best * 1e3, most)
    times = {}
    for year, start in (("1990", 631_184_400), ("last week", MONDAY - WEEK + 9 * HOUR)):
        zone = "Europe/Berlin"
        (one,) = _events([EventDraft(Timespan(start, start + HOUR, zone, zone), ("RRULE:FREQ=DAILY",))])
        began = time.process_time()
        for _ in range(2_000):
            instants(one, MONDAY, MONDAY + WEEK)
        times[year] = (time.process_time() - began) / 2
        tell(f"a week of a daily series of {year}", times[year])
    print(f"{'':66} {times['1990'] / times['last week']:9.2f} times")


def _expand(one: Event, low: int, high: int) -> list[tuple[int, int, int]]:
    if one.kind == "series":
        return instants(one, low, high)
    return [(one.start_at, one.end_at, one.wall)] if one.start_at <= high and one.end_at > low else []


def _events(wanted: list[EventDraft]) -> list[Event]:
    grant, calendar = _nobodys()
    return [fresh_event(grant, calendar, draft, at=now()) for draft in wanted]


def _nobodys(application_id: str = "other") -> tuple[Grant, Calendar]:
    """Of no grant that there is."""
    at, id_ = now(), str(uuid.uuid4())
    of = (application_id, id_, new_id(at))
    grant = Grant(id_, application_id, ProviderName.VIRTUAL_CALENDAR, "c", id_, id_, "valid", (), {}, at, at, at, 1)
    calendar = Calendar(*of, "x", None, None, None, None, None, None, None, True, 1, at, at)
    return grant, calendar


# ── with one ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Site:
    """An installation in this process, and where its database is."""

    services: Services
    application: Application
    data: Path
    url: str | None

    async def grant(self, name: str) -> tuple[Grant, Calendar]:
        grant = await rooms.room(self.services, self.application, name)
        return grant, await self.services.calendars.calendars_of(grant).calendar(grant, "primary")

    async def copy(self, grant: Grant, calendar: Calendar, wanted: list[EventDraft]) -> None:
        await databases.fill(self.data, self.url, rooms.rows(grant, calendar, wanted))

    async def size(self, table: str) -> int:
        """Bytes of a table with its indexes."""
        if self.url is None:
            with contextlib.closing(sqlite3.connect(self.data / "opengrant.db")) as connection:
                sql = "select coalesce(sum(pgsize), 0) from dbstat where name like '%' || ? || '%'"
                ((found,),) = connection.execute(sql, (table,))
                return int(found)
        connection = await asyncpg.connect(self.url)
        found = await connection.fetchval(f"select pg_total_relation_size('{table}')")
        await connection.close()
        return int(found)

    def forget(self) -> "Site":
        """The same without what it remembers."""
        service = self.services.calendars
        assert isinstance(service.hosted_events, HostedEvents)
        fresh = replace(service.hosted_events, expansions=Expansions())
        return replace(self, services=replace(self.services, calendars=replace(service, hosted_events=fresh)))


@contextlib.asynccontextmanager
async def _site(engine: Engine) -> AsyncIterator[Site]:
    with contextlib.ExitStack() as opened:
        data = Path(tempfile.mkdtemp(prefix="opengrant-bench-"))
        opened.callback(shutil.rmtree, data)
        url = opened.enter_context(Postgres()).create_empty_database() if engine == "postgres" else None
        settings = Settings(data_dir=data, database_url=None if url is None else SecretStr(url))
        async with installation(settings) as installed:
            services = installed.services
            application = await services.applications.create("bench")
            await services.connectors.create(application, ProviderName.VIRTUAL_CALENDAR, ConnectorFields())
            yield Site(services, application, data, url)


async def _on(engine: Engine, events: int, others: int) -> None:
    print(f"\n{engine}")
    async with _site(engine) as site:
        await _flat(site, others)
        await _large(site, events)
        await _several(site)


async def _flat(site: Site, others: int) -> None:
    grant, calendar = await site.grant("room")
    await site.copy(grant, calendar, rooms.drafts(rooms.EVENTS, rooms.SERIES))
    there, times = 0, []
    for wanted in (1_000, others):
        before = [await site.size(table) for table in _TABLES]
        for begin in range(there, wanted, rooms.EVENTS):
            other = _nobodys(site.application.id)
            await site.copy(*other, rooms.drafts(min(rooms.EVENTS, wanted - begin), rooms.SERIES))
        sizes = [await site.size(table) - size for table, size in zip(_TABLES, before, strict=True)]
        added, there = wanted - there, wanted
        best = await _least(lambda: _week(site.forget(), grant), times=20)
        times.append(best)
        tell(f"a week of 500 events, {wanted:,} in other calendars", best)
    print(f"{'':66} {times[1] / times[0]:9.2f} times")
    print(f"{'bytes per event with its indexes, of 1,536':66} {sizes[0] / added:9,.0f}")
    print(f"{'bytes for each pair of metadata that can be searched for':66} {sizes[1] / added:9,.0f}")


async def _large(site: Site, events: int) -> None:
    grant, calendar = await site.grant("large")
    await site.copy(grant, calendar, rooms.drafts(events, events // 20, years=5, series_last=910))
    title = f"a week of {events:,} events, {events // 20:,} series"
    tell(f"{title}, first", await _least(lambda: _week(site.forget(), grant)), 150)
    await _week(site, grant)
    tell(f"{title}, then", await _least(lambda: _week(site, grant)), 15)


async def _several(site: Site) -> None:
    names = [f"room {number}" for number in range(50)]
    for name in names:
        await site.copy(*await site.grant(name), rooms.drafts(rooms.EVENTS, rooms.SERIES))

    async def free_busy(at: Site) -> None:
        found = await at.services.calendars.free_busy(at.application, names, MONDAY, MONDAY + _MONTH, maybe_too=True)
        assert all(taken for _, taken in found)

    async def availability(at: Site) -> None:
        wanted = Wanted(MONDAY, MONDAY + _MONTH, HOUR // 2, HOUR // 2, 900)
        people = [Asked(name, None) for name in names[:10]]
        await at.services.calendars.availability(
            at.application, people, wanted, method="collective", group=None, maybe_too=True
        )

    for title, what, most in (
        ("free/busy of 50 calendars, 31 days", free_busy, 60),
        ("collective availability of 10 people, 31 days", availability, 40),
    ):
        tell(f"{title}, first", await _least(lambda what=what: what(site.forget())))
        await what(site)
        tell(f"{title}, then", await _least(lambda what=what: what(site)), most)


async def _week(site: Site, grant: Grant) -> None:
    query = EventQuery(MONDAY, MONDAY + WEEK, expand=True)
    page = await site.services.calendars.events_of(grant).events(grant, "primary", query, after=BEGINNING, limit=200)
    assert page.events


async def _least(run: Callable[[], Awaitable[None]], *, times: int = _RUNS) -> float:
    """Milliseconds of CPU."""
    found = []
    for _ in range(times):
        began = time.process_time()
        await run()
        found.append(time.process_time() - began)
        await asyncio.sleep(0)
    return min(found) * 1e3


if __name__ == "__main__":
    sys.exit(main())
