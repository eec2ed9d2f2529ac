"""Instants that are derived again: other rules of time zones, and a calendar that moves. On both engines."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from opengrant.calendars import rederiving
from opengrant.calendars.drafts import CalendarDraft, Days, EventDraft, EventQuery
from opengrant.calendars.hosted import HostedEvents
from opengrant.calendars.rederiving import Rederiving
from opengrant.calendars.zones import VERSION
from opengrant.model.calendars import ENDLESS
from opengrant.store.calendars import calendars as table
from opengrant.store.engine.port import Store
from tests.calendars.test_hosted import draft, grant, listed, rows, window

TOKYO = ZoneInfo("Asia/Tokyo")


def in_zone(name: str) -> CalendarDraft:
    return CalendarDraft(frozenset({"timezone"}), timezone=name)


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=TOKYO).timestamp())


async def test_whole_days_move_with_their_calendar(hosted: HostedEvents) -> None:
    owner = grant()
    day = EventDraft(when=Days(date(2026, 6, 1), date(2026, 6, 1)))
    single = await hosted.create_event(owner, "primary", day)
    endless = await hosted.create_event(
        owner, "primary", EventDraft(when=day.when, recurrence=("RRULE:FREQ=WEEKLY",), metadata={"key1": "a"})
    )
    counted = await hosted.create_event(
        owner, "primary", EventDraft(when=day.when, recurrence=("RRULE:FREQ=DAILY;COUNT=3",))
    )
    changed = await hosted.change_event(owner, "primary", f"{endless.id}_20260608", EventDraft(body={"title": "x"}))
    timed = await hosted.create_event(owner, "primary", draft("2026-06-01T09:00", "2026-06-01T10:00"))
    before = await hosted.calendars.calendar(owner, "primary")
    moved = await hosted.calendars.change_calendar(owner, "primary", in_zone("Asia/Tokyo"))
    assert moved.timezone == "Asia/Tokyo"
    assert (await hosted.calendars.calendar(owner, "primary")).version > before.version
    found = {
        one.id: one
        for one in [await hosted.event(owner, "primary", one.id) for one in (single, endless, counted, changed)]
    }
    assert {one.zone for one in found.values()} == {"Asia/Tokyo"}
    assert {one.tz_version for one in found.values()} == {VERSION}
    first, last = midnight(date(2026, 6, 1)), midnight(date(2026, 6, 4))
    assert (found[single.id].start_at, found[single.id].end_at) == (first, midnight(date(2026, 6, 2)))
    assert (found[endless.id].start_at, found[endless.id].end_at) == (first, ENDLESS)
    assert (found[counted.id].start_at, found[counted.id].end_at) == (first, last)
    assert found[changed.id].start_at == midnight(date(2026, 6, 8))
    assert await hosted.event(owner, "primary", timed.id) == timed
    expanded = await listed(hosted, owner, window("2026-06-07T00:00", "2026-06-09T00:00", expand=True))
    assert [one.id for one in expanded] == [changed.id]
    booked = await hosted.db.read(table.last_booked("app", owner.id, [changed.calendar_id], "key1", "a", since=0))
    assert booked == midnight(date(2026, 6, 8))


async def test_more_whole_days_than_one_transaction_takes_move_too(
    hosted: HostedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rederiving, "AT_ONCE", 3)
    owner = grant()
    for number in range(1, 9):
        await hosted.create_event(owner, "primary", EventDraft(when=Days(date(2026, 6, number), date(2026, 6, number))))
    await hosted.calendars.change_calendar(owner, "primary", in_zone("Asia/Tokyo"))
    found = await listed(hosted, owner, EventQuery(midnight(date(2026, 6, 1)), midnight(date(2026, 6, 30))))
    assert [one.start_at for one in found] == [midnight(date(2026, 6, number)) for number in range(1, 9)]


WRONG = """
    update calendar_events set start_at = start_at + 3600, tz_version = $1,
                               end_at = case when end_at < $2 then end_at + 3600 else end_at end
    where grant_id = $3
"""
RIGHT = """
    select id, start_at, end_at, series_end, tz_version from calendar_events where grant_id = $1 order by id
"""


async def test_an_update_of_the_time_zone_database_is_followed_in_batches(
    hosted: HostedEvents, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rederiving, "AT_ONCE", 4)
    owners = [grant(f"room {number}") for number in range(3)]
    for owner in owners:
        await hosted.create_event(owner, "primary", draft("2026-03-27T09:00", "2026-03-27T10:00"))
        until = f"RRULE:FREQ=DAILY;UNTIL={datetime(2026, 4, 1, 7, tzinfo=UTC):%Y%m%dT%H%M%SZ}"
        series = await hosted.create_event(owner, "primary", draft("2026-03-27T09:00", "2026-03-27T10:00", until))
        await hosted.delete_event(owner, "primary", f"{series.id}_20260328T080000Z")
    right = {owner.id: await store.read(rows(RIGHT, owner.id)) for owner in owners}
    versions = {owner.id: (await hosted.calendars.calendar(owner, "primary")).version for owner in owners}
    for owner, other in zip(owners, ("2019.1", "2020.1", "9999.1"), strict=True):
        await store.write(rows(WRONG, other, ENDLESS, owner.id))
    job = Rederiving(db=store)
    while await job.run():
        pass
    for owner in owners[:2]:
        assert await store.read(rows(RIGHT, owner.id)) == right[owner.id]
        assert (await hosted.calendars.calendar(owner, "primary")).version > versions[owner.id]
    # Newer rules than these are another node's, which has been upgraded already.
    newer = await store.read(rows(RIGHT, owners[2].id))
    assert {row[4] for row in newer} == {"9999.1"}
    assert not await job.run()


async def test_what_is_written_meanwhile_stays(hosted: HostedEvents, store: Store) -> None:
    owner = grant()
    made = await hosted.create_event(owner, "primary", draft("2026-03-27T09:00", "2026-03-27T10:00"))
    await store.write(rows(WRONG, "2019.1", ENDLESS, owner.id))
    stale = await store.read(rows("select start_at from calendar_events where id = $1", made.id))
    moved = await hosted.change_event(
        owner, "primary", made.id, EventDraft(when=draft("2026-03-28T09:00", "2026-03-28T10:00").when)
    )
    await Rederiving(db=store).run()
    assert stale[0][0] != made.start_at
    assert (await hosted.event(owner, "primary", made.id)).start_at == moved.start_at
