"""What a query about calendars reads does not grow with the events of other calendars, nor with what lies outside its
window, on either engine.

As tests/store/test_plans.py does it for grants: each function of the store that touches calendars runs on 100,000
events. One calendar has a fifth of them, over five years; what is asked about it is a week.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from opengrant.model.calendars import ENDLESS, Calendar, Event
from opengrant.store import calendars as package
from opengrant.store.calendars import calendars, events, feeds
from opengrant.store.engine.port import Dialect, Steps
from opengrant.store.engine.writes import together
from tests.peers.postgres import Postgres
from tests.store.filled import filled_with
from tests.store.test_plans import Filled

MANY = 100_000
LARGE = MANY // 5
"""Events of the large calendar; the others have 400 each."""
DAY, WEEK = 86_400, 604_800
START = 1_700_000_000
NOW = START + 2 * 365 * DAY
READ = 2_500
"""Rows that a question about a week of it, or about a small calendar, may read."""
MATCHES = LARGE // 7
"""Events of the large calendar that have one pair of metadata: a question about two pairs reads those of the first."""
OLD = "2019.01"

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Of each hundred events two are series of half a year, one goes on for three days, one is of an occurrence.
FILL = f"""
    insert into calendar_events (application_id, grant_id, calendar_id, id, kind, master_id, original, ical_uid,
                                 whole_days, wall, zone, later, duration, start_at, end_at, tz_version, recurrence,
                                 status, busy, body, metadata, sequence, created_at, updated_at)
    select 'app', case when n <= {LARGE} then 'g0' else 'g' || (n / 400) end,
           case when n <= {LARGE} then 'c0' else 'c' || (n / 400) end, 'e' || n,
           case when n % 50 = 1 then 'series' when n % 100 = 3 then 'override' else 'single' end,
           case when n % 100 = 3 then 'e' || (n - 2) end,
           case when n % 100 = 3 then {START} + (n * cast(7919 as bigint) % {LARGE}) * 7884 end,
           'e' || n || '@opengrant', case when n % 20 = 0 then 1 else 0 end,
           {START} + (n * cast(7919 as bigint) % {LARGE}) * 7884, 'Etc/UTC', 0,
           case when n % 100 = 5 then {3 * DAY} else 3600 end,
           {START} + (n * cast(7919 as bigint) % {LARGE}) * 7884,
           {START} + (n * cast(7919 as bigint) % {LARGE}) * 7884
             + case when n % 50 = 1 then {182 * DAY} when n % 100 = 5 then {3 * DAY} else 3600 end,
           case when n % 10000 = 7 then '{OLD}' else '2026.01' end, '[]', 'confirmed', 1, '{{}}', null, 0, 0, 0
    from numbers"""
KEYS = """
    insert into calendar_keys (application_id, grant_id, kind, calendar_id, id, name, value, start_at)
    select application_id, grant_id, 'event', calendar_id, id, 'key5', 'group ' || (start_at % 7), start_at
    from calendar_events
    union all
    select application_id, grant_id, 'calendar', id, id, 'key1', 'room', 0 from calendars"""
CALENDARS = f"""
    insert into calendars (application_id, grant_id, id, name, is_primary, version, created_at, updated_at)
    select 'app', 'g' || (n - 1), 'c' || (n - 1), 'x', 1, 1, 0, 0 from numbers where n <= {MANY // 5}"""
FEEDS = """
    insert into calendar_feeds (application_id, grant_id, calendar_id, digest, created_at)
    select application_id, grant_id, id, 'digest ' || id, 0 from calendars"""
TABLES = ("calendar_events", "calendar_keys", "calendars", "calendar_feeds")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(Dialect))
async def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Filled]:
    async with filled_with(
        (FILL, CALENDARS, KEYS, FEEDS),
        request.param,
        tmp_path_factory.mktemp("calendar-plans"),
        postgres,
        many=MANY,
        tables=TABLES,
        aliases=(r"calendar_\w+", "c", "k", "o", "found"),
    ) as filled:
        yield filled


def calendar(number: int) -> Calendar:
    of = ("app", f"g{number}", f"c{number}", "x")
    return Calendar(*of, None, None, None, None, None, None, None, True, 1, 0, 0)


def event(number: int, of: int) -> Event:
    at = START + number * 7919 % LARGE * 7884
    return Event(
        application_id="app",
        grant_id=f"g{of}",
        calendar_id=f"c{of}",
        id=f"e{number}",
        kind="single",
        master_id=None,
        original=None,
        ical_uid=f"e{number}@opengrant",
        whole_days=False,
        wall=at,
        zone="Etc/UTC",
        later=False,
        duration=3600,
        start_zone=None,
        end_zone=None,
        start_at=at,
        end_at=at + 3600,
        tz_version="2026.01",
        recurrence=(),
        series_end=None,
        status="confirmed",
        busy=True,
        body={},
        metadata={"key5": "x"},
        sequence=0,
        created_at=0,
        updated_at=0,
    )


LARGE_ONE, SMALL = calendar(0), calendar(100)
MASTER = event(10_001, 0)
ONE, FRESH = event(10_002, 0), replace(event(10_002, 0), id="fresh")


def scripts(dialect: Dialect) -> dict[Callable[..., Any], list[Steps[Any]]]:
    """Each function of the store that touches calendars, with what it is called with."""
    low, high = NOW, NOW + WEEK
    last = (NOW + 6 * DAY, "")
    pairs = [("key5", "group 1"), ("key5", "group 1")]
    return {
        calendars.add: [calendars.add(replace(SMALL, id="fresh", is_primary=False))],
        calendars.find: [calendars.find("app", "g0", "c0")],
        calendars.find_primary: [calendars.find_primary("app", "g0")],
        calendars.hold: [calendars.hold(LARGE_ONE, dialect)],
        calendars.take: [calendars.take(LARGE_ONE)],
        calendars.count: [calendars.count("app", "g0")],
        calendars.page: [calendars.page("app", "g0", after="", limit=50)],
        calendars.change: [calendars.change(LARGE_ONE)],
        calendars.touch: [calendars.touch(LARGE_ONE)],
        calendars.raise_version: [calendars.raise_version("app", "g0", "c0")],
        calendars.delete: [calendars.delete(SMALL)],
        calendars.delete_of_grant: [calendars.delete_of_grant("app", "g100")],
        calendars.put_keys: [calendars.put_keys(LARGE_ONE, "event", ONE.id, [("key5", "x")], start_at=0)],
        calendars.find_keyed: [
            calendars.find_keyed("app", "g0", "event", some, after=after, limit=50, calendar_id="c0")
            for some in (pairs[:1], pairs)
            for after in ((-1, ""), last)
        ]
        + [calendars.find_keyed("app", "g0", "calendar", [("key1", "room")], after=(0, ""), limit=50)],
        calendars.last_booked: [calendars.last_booked("app", "g0", ["c0", "c1"], "key5", "group 1", since=NOW)],
        events.put: [events.put(ONE), events.put(FRESH)],
        events.find: [events.find(LARGE_ONE, ONE.id)],
        events.find_occurrence: [events.find_occurrence(MASTER, START)],
        events.of_series: [events.of_series(MASTER)],
        events.changed_between: [events.changed_between(LARGE_ONE, low=low, high=high)],
        events.between: [
            events.between(LARGE_ONE, low=low, high=high, after=after, limit=50, cancelled=cancelled)
            for after in ((-(1 << 62), ""), last)
            for cancelled in (True, False)
        ]
        # A page far into a window of years reads what it shows.
        + [events.between(LARGE_ONE, low=START, high=START + 1800 * DAY, after=last, limit=50)],
        events.busy_between: [events.busy_between(LARGE_ONE, low=low, high=high)],
        events.series_between: [events.series_between(LARGE_ONE, low=START + 1700 * DAY, high=ENDLESS)],
        events.with_uid: [events.with_uid(LARGE_ONE, ONE.ical_uid, limit=50)],
        events.find_uid: [events.find_uid(LARGE_ONE, ONE.ical_uid)],
        events.delete: [events.delete([ONE])],
        events.delete_series: [events.delete_series(MASTER)],
        events.derived_before: [events.derived_before("2026.01", limit=500)],
        events.move_whole_days: [events.move_whole_days(SMALL, "Asia/Tokyo")],
        events.not_derived: [events.not_derived(LARGE_ONE, limit=500)],
        events.derive_again: [events.derive_again(ONE, replace(ONE, tz_version="2026.02"))],
        feeds.put: [feeds.put(SMALL, "digest", at=0)],
        feeds.revoke: [feeds.revoke(SMALL)],
        feeds.find: [feeds.find("app", "digest c100")],
        feeds.page: [feeds.page(LARGE_ONE, part, after=feeds.first_place(part, NOW), limit=50) for part in feeds.PARTS],
        together: [
            together(calendars.TAKE, calendars.take_args(LARGE_ONE), [events.add_arm(FRESH)], dialect),
            together(events.PUT, events.COLUMNS.write(ONE), [], dialect),
        ],
    }


async def test_no_question_about_a_week_reads_the_rest(filled: Filled) -> None:
    wrong = list[str]()
    for function, calls in scripts(filled.dialect).items():
        most = READ + 2 * MATCHES if function is calendars.find_keyed else READ
        for steps in calls:
            wrong += [
                f"{function.__name__}: {work.read} read, {work.walked} walked, {work.sorted} sorted, scans"
                f" {work.scans}: {work.sql}\n{work.plan}"
                for work in await filled.drive(steps)
                if work.scans or max(work.read, work.walked, work.sorted) > most
            ]
    assert not wrong, "\n\n".join(wrong)


async def test_every_function_that_touches_calendars_is_looked_at() -> None:
    touching = set()
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for function in vars(importlib.import_module(module.name)).values():
            own = inspect.isgeneratorfunction(function) and function.__module__ == module.name
            if own and not function.__name__.startswith("_") and re.search("Statement", inspect.getsource(function)):
                touching.add(function)
    looked_at = set(scripts(Dialect.SQLITE))
    assert touching <= looked_at, touching - looked_at
