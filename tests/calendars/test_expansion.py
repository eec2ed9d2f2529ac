"""What is kept of the series of a calendar: it is found again, bounded, and never older than its version."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from opengrant.calendars import expansion
from opengrant.calendars.drafts import BEGINNING, CalendarDraft, Days, EventDraft, EventQuery
from opengrant.calendars.expansion import Expansions
from opengrant.calendars.hosted import HostedEvents
from opengrant.errors import DataNotFound, InvalidData, SlotTaken
from tests.calendars.test_hosted import at, begins, draft, grant, listed, window

JUNE = window("2026-06-01T00:00", "2026-06-08T00:00", expand=True)


async def test_a_window_is_expanded_once_for_each_version_of_its_calendar(hosted: HostedEvents) -> None:
    owner = grant()
    series = await hosted.create_event(
        owner, "primary", draft("2026-06-01T09:00", "2026-06-01T10:00", "RRULE:FREQ=DAILY", title="a")
    )
    kept = hosted.expansions._kept
    for query in (JUNE, window("2026-06-01T05:00", "2026-06-07T20:00"), JUNE):
        assert await listed(hosted, owner, query)
        await hosted.busy(owner, ("primary",), query.start, query.end, maybe_too=True)
    assert len(kept) == 1
    await hosted.change_event(owner, "primary", series.id, EventDraft(body={"title": "b"}))
    assert {one.body["title"] for one in await listed(hosted, owner, JUNE)} == {"b"}
    assert len(kept) == 2
    await hosted.delete_event(owner, "primary", f"{series.id}_20260603T070000Z")
    assert begins(await listed(hosted, owner, JUNE)) == [f"2026-06-0{day}T09:00" for day in (1, 2, 4, 5, 6, 7)]


async def test_what_is_kept_is_bounded(hosted: HostedEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "_MOST_KEPT", 100)
    owner = grant()
    await hosted.create_event(owner, "primary", draft("2026-06-01T09:00", "2026-06-01T10:00", "RRULE:FREQ=DAILY"))
    for week in range(20):
        query = EventQuery(JUNE.start + week * 604_800, JUNE.end + week * 604_800, expand=True)
        assert len(await listed(hosted, owner, query)) == 7
        held = hosted.expansions._kept
        assert sum(one.weight for one in held.values()) <= 100
    assert 1 <= len(held) <= 3


async def test_pages_of_expanded_series_hold_together_whatever_is_kept(hosted: HostedEvents) -> None:
    owner = grant()
    for minute in (0, 15, 30):
        for _ in range(3):  # at one time: their ids order them
            await hosted.create_event(
                owner, "primary", draft(f"2026-06-01T09:{minute:02}", "2026-06-02T10:00", "RRULE:FREQ=DAILY;COUNT=9")
            )
        await hosted.create_event(owner, "primary", draft("2026-06-03T09:15", "2026-06-03T10:00"))
    query = window("2026-06-05T09:15", "2026-06-08T00:00", expand=True)
    whole = await listed(hosted, owner, query)
    assert whole == sorted(whole, key=lambda one: (one.start_at, one.id))
    # Those that began the day before reach into the window.
    assert whole[0].start_at == at("2026-06-04T09:00")
    for limit in (1, 2, 7):
        assert await listed(hosted, owner, query, limit=limit) == whole
    fresh = HostedEvents(db=hosted.db, clock=hosted.clock, calendars=hosted.calendars, expansions=Expansions())
    assert await listed(fresh, owner, query) == whole


async def test_a_window_with_too_many_occurrences_is_refused(
    hosted: HostedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expansion, "MOST", 100)
    owner = grant()
    for _ in range(5):
        await hosted.create_event(owner, "primary", draft("2026-06-01T09:00", "2026-06-01T10:00", "RRULE:FREQ=DAILY"))
    assert len(await listed(hosted, owner, JUNE)) == 35
    with pytest.raises(InvalidData, match="end"):
        await listed(hosted, owner, window("2026-06-01T00:00", "2026-08-01T00:00", expand=True))


async def test_readers_never_see_less_than_what_was_written_before_they_asked(hosted: HostedEvents) -> None:
    """Writers and readers at once: a list holds every series whose creation was answered before the list began."""
    owner = grant()
    answered: set[str] = set()

    async def write(number: int) -> None:
        made = await hosted.create_event(
            owner, "primary", draft(f"2026-06-01T{number % 24:02}:00", "2026-06-01T23:30", "RRULE:FREQ=DAILY;COUNT=2")
        )
        answered.add(made.id)

    async def read() -> None:
        known = set(answered)
        page = await hosted.events(owner, "primary", JUNE, after=BEGINNING, limit=200)
        assert known <= {one.master_id for one in page.events}

    await hosted.calendars.calendar(owner, "primary")
    await asyncio.gather(*(one for number in range(40) for one in (write(number), read(), read())))
    await read()
    assert len(answered) == 40


async def test_one_of_many_gets_the_slot_also_among_series(hosted: HostedEvents) -> None:
    owner = grant()
    await hosted.create_event(owner, "primary", draft("2026-06-01T09:00", "2026-06-01T10:00", "RRULE:FREQ=DAILY"))
    wanted = draft("2026-06-04T10:00", "2026-06-04T11:00")
    outcomes = await asyncio.gather(
        *(hosted.create_event(owner, "primary", wanted, if_free=True) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(one, SlotTaken) for one in outcomes) == 9
    with pytest.raises(SlotTaken):
        await hosted.create_event(owner, "primary", draft("2026-06-04T09:30", "2026-06-04T10:00"), if_free=True)


async def test_what_is_remembered_of_a_calendar_is_checked_when_an_event_is_written(hosted: HostedEvents) -> None:
    """Another node changes its zone, and deletes it: this one has not heard of that."""
    owner = grant()
    await hosted.calendars.calendar(owner, "primary")
    named = CalendarDraft(frozenset({"name"}), name="second")
    second = await hosted.calendars.create_calendar(owner, named)
    day = EventDraft(when=Days(date(2026, 6, 1), date(2026, 6, 1)))
    assert (await hosted.create_event(owner, second.id, day)).zone == "Etc/UTC"
    elsewhere = replace(hosted.calendars, recent={})
    await elsewhere.change_calendar(owner, second.id, CalendarDraft(frozenset({"timezone"}), timezone="Asia/Tokyo"))
    for if_free in (False, True):
        made = await hosted.create_event(owner, second.id, replace(day, busy=False), if_free=if_free)
        assert (made.zone, made.start_at) == ("Asia/Tokyo", at("2026-06-01T00:00+09:00"))
        assert await hosted.event(owner, second.id, made.id) == made
    await elsewhere.delete_calendar(owner, second.id)
    for if_free in (False, True):
        with pytest.raises(DataNotFound):
            await hosted.create_event(owner, second.id, day, if_free=if_free)
