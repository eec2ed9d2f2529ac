"""Calendars that this server keeps, behind the port: on both engines, without HTTP."""

import asyncio
import json
import uuid
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opengrant.calendars.drafts import BEGINNING, CalendarDraft, Days, EventDraft, EventQuery, Timespan
from opengrant.calendars.hosted import MOST_CALENDARS, HostedEvents
from opengrant.calendars.port import Events
from opengrant.calendars.shown import event as shown
from opengrant.errors import DataNotFound, InvalidData, SlotTaken
from opengrant.model import Application, Grant, ProviderName, now
from opengrant.model.calendars import Event
from opengrant.store.calendars import calendars as table
from opengrant.store.engine.port import Statement, Steps, Store
from opengrant.store.events import webhooks
from opengrant.store.events.webhooks import Webhook
from opengrant.store.tenants import applications

BERLIN = ZoneInfo("Europe/Berlin")


def grant(email: str = "room 1") -> Grant:
    id_ = str(uuid.uuid4())
    at = now()
    return Grant(id_, "app", ProviderName.VIRTUAL_CALENDAR, "c", email, email, "valid", (), {}, at, at, at, 1)


def at(text: str) -> int:
    """Unix seconds of a wall time in Berlin, or of one with its offset."""
    found = datetime.fromisoformat(text)
    return int((found if found.tzinfo else found.replace(tzinfo=BERLIN)).timestamp())


def span(begin: str, end: str) -> Timespan:
    return Timespan(at(begin), at(end), "Europe/Berlin", "Europe/Berlin")


def draft(begin: str, end: str, *lines: str, title: str = "", **more: Any) -> EventDraft:
    return EventDraft(when=span(begin, end), recurrence=lines, body={"title": title}, **more)


def window(begin: str, end: str, **more: Any) -> EventQuery:
    return EventQuery(at(begin), at(end), **more)


async def listed(hosted: Events, owner: Grant, query: EventQuery, *, limit: int = 200) -> list[Event]:
    """All pages."""
    found: list[Event] = []
    after = BEGINNING
    while True:
        page = await hosted.events(owner, "primary", query, after=after, limit=limit)
        assert len(page.events) <= limit
        found += page.events
        if page.next is None:
            return found
        assert page.next > after
        after = page.next


def begins(events: list[Event]) -> list[str]:
    return [datetime.fromtimestamp(one.start_at, BERLIN).isoformat()[:16] for one in events]


def rows(sql: str, *args: Any) -> Steps[list[Any]]:
    found = yield Statement(sql, args)
    return list(found)


async def test_a_grant_has_one_primary_calendar_however_often_it_is_asked_for_at_once(hosted: HostedEvents) -> None:
    owner = grant()
    found = await asyncio.gather(*(hosted.calendars.calendar(owner, "primary") for _ in range(10)))
    assert len({one.id for one in found}) == 1
    assert found[0].is_primary
    assert (await hosted.calendars.calendar(owner, owner.email)).id == found[0].id
    page = await hosted.calendars.calendars(owner, metadata=(), after="", limit=50)
    assert [one.id for one in page.calendars] == [found[0].id]


async def test_calendars_are_created_found_changed_and_deleted(hosted: HostedEvents) -> None:
    owner = grant()
    draft_ = CalendarDraft(
        frozenset({"name", "timezone", "metadata"}),
        name="Van",
        timezone="Europe/Berlin",
        metadata={"key1": "a", "x": "y"},
    )
    van = await hosted.calendars.create_calendar(owner, draft_)
    found = await hosted.calendars.calendars(owner, metadata=(("key1", "a"),), after="", limit=50)
    assert [one.id for one in found.calendars] == [van.id]
    changed = await hosted.calendars.change_calendar(owner, van.id, CalendarDraft(frozenset({"name"}), name="Lorry"))
    assert (changed.name, changed.timezone, changed.metadata) == ("Lorry", "Europe/Berlin", {"key1": "a", "x": "y"})
    await hosted.calendars.delete_calendar(owner, van.id)
    with pytest.raises(DataNotFound):
        await hosted.calendars.calendar(owner, van.id)
    with pytest.raises(InvalidData, match="primary"):
        await hosted.calendars.delete_calendar(owner, "primary")
    with pytest.raises(DataNotFound):
        await hosted.calendars.calendar(grant("room 2"), changed.id)


async def test_there_are_ten_calendars_at_most_even_if_they_are_created_at_once(hosted: HostedEvents) -> None:
    owner = grant()
    await hosted.calendars.calendar(owner, "primary")
    made = await asyncio.gather(
        *(
            hosted.calendars.create_calendar(owner, CalendarDraft(frozenset({"name"}), name=str(n)))
            for n in range(MOST_CALENDARS + 2)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, InvalidData) for one in made) == 3
    page = await hosted.calendars.calendars(owner, metadata=(), after="", limit=200)
    assert len(page.calendars) == MOST_CALENDARS


async def test_a_series_keeps_to_the_wall_clock_and_its_occurrences_have_ids_of_their_own(
    hosted: HostedEvents,
) -> None:
    owner = grant()
    series = await hosted.create_event(
        owner, "primary", draft("2026-03-27T09:00", "2026-03-27T10:00", "RRULE:FREQ=DAILY;COUNT=4")
    )
    found = await listed(hosted, owner, window("2026-03-01T00:00", "2026-05-01T00:00", expand=True))
    assert begins(found) == ["2026-03-27T09:00", "2026-03-28T09:00", "2026-03-29T09:00", "2026-03-30T09:00"]
    assert found[2].id == f"{series.id}_20260329T070000Z"
    assert shown(found[2])["original_start_time"] == at("2026-03-29T09:00")
    assert {one.ical_uid for one in found} == {series.ical_uid}
    whole = await listed(hosted, owner, window("2026-03-01T00:00", "2026-05-01T00:00"))
    assert [one.id for one in whole] == [series.id]
    assert await listed(hosted, owner, window("2026-03-31T00:00", "2026-05-01T00:00")) == []
    assert (await hosted.event(owner, "primary", found[2].id)).start_at == found[2].start_at
    for other in (f"{series.id}_20260329T080000Z", f"{series.id}_20260401T070000Z", f"{series.id}_20260329", "no"):
        with pytest.raises(DataNotFound):
            await hosted.event(owner, "primary", other)


async def test_an_occurrence_is_changed_and_another_taken_away(hosted: HostedEvents) -> None:
    owner = grant()
    series = await hosted.create_event(
        owner, "primary", draft("2026-06-01T09:00", "2026-06-01T10:00", "RRULE:FREQ=WEEKLY;COUNT=4", title="Class")
    )
    second, third = f"{series.id}_20260608T070000Z", f"{series.id}_20260615T070000Z"
    moved = await hosted.change_event(
        owner, "primary", second, EventDraft(when=span("2026-06-20T12:00", "2026-06-20T13:00"), body={"title": "Moved"})
    )
    assert (moved.id, moved.master_id) == (second, series.id)
    await hosted.delete_event(owner, "primary", third)
    everything = window("2026-06-01T00:00", "2026-07-01T00:00", expand=True)
    found = await listed(hosted, owner, everything)
    assert begins(found) == ["2026-06-01T09:00", "2026-06-20T12:00", "2026-06-22T09:00"]
    assert [one.body["title"] for one in found] == ["Class", "Moved", "Class"]
    with pytest.raises(DataNotFound):
        await hosted.event(owner, "primary", third)
    cancelled = await listed(hosted, owner, window("2026-06-01T00:00", "2026-07-01T00:00", expand=True, cancelled=True))
    assert [one.id for one in cancelled if one.status == "cancelled"] == [third]
    # A new title for all of them leaves what was said of one.
    await hosted.change_event(owner, "primary", series.id, EventDraft(body={"title": "Course"}))
    found = await listed(hosted, owner, everything)
    assert [one.body["title"] for one in found] == ["Course", "Moved", "Course"]
    # Another time for all of them leaves no occurrence that the change was about.
    await hosted.change_event(
        owner, "primary", series.id, EventDraft(when=span("2026-06-02T09:00", "2026-06-02T10:00"))
    )
    assert begins(await listed(hosted, owner, everything)) == [f"2026-06-{day:02}T09:00" for day in (2, 9, 16, 23)]
    await hosted.delete_event(owner, "primary", series.id)
    assert await listed(hosted, owner, everything) == []


async def test_a_series_is_cut_in_two(hosted: HostedEvents) -> None:
    owner = grant()
    rule = "RRULE:FREQ=WEEKLY;COUNT=6"
    series = await hosted.create_event(owner, "primary", draft("2026-06-01T09:00", "2026-06-01T10:00", rule, title="A"))
    ids = [f"{series.id}_202606{day:02}T070000Z" for day in (1, 8, 15, 22, 29)]
    await hosted.change_event(owner, "primary", ids[1], EventDraft(body={"title": "second"}))
    await hosted.change_event(owner, "primary", ids[3], EventDraft(body={"title": "fourth"}, metadata={"key1": "a"}))
    rest = await hosted.change_event(owner, "primary", ids[2], EventDraft(body={"title": "B"}), following=True)
    assert rest.recurrence == ("RRULE:FREQ=WEEKLY;COUNT=4",)
    everything = window("2026-06-01T00:00", "2026-08-01T00:00", expand=True)
    found = await listed(hosted, owner, everything)
    assert begins(found) == [f"2026-{day}T09:00" for day in ("06-01", "06-08", "06-15", "06-22", "06-29", "07-06")]
    assert [one.body["title"] for one in found] == ["A", "second", "B", "fourth", "B", "B"]
    assert [one.master_id for one in found] == [series.id] * 2 + [rest.id] * 4
    named = await listed(hosted, owner, window("2026-06-01T00:00", "2026-06-02T00:00", metadata=(("key1", "a"),)))
    assert [one.body["title"] for one in named] == ["fourth"]
    moved = EventDraft(when=span("2026-06-29T11:00", "2026-06-29T12:00"))
    last = await hosted.change_event(owner, "primary", f"{rest.id}_20260629T070000Z", moved, following=True)
    found = await listed(hosted, owner, everything)
    assert begins(found)[-3:] == ["2026-06-22T09:00", "2026-06-29T11:00", "2026-07-06T11:00"]
    await hosted.delete_event(owner, "primary", f"{last.id}_20260706T090000Z", following=True)
    await hosted.delete_event(owner, "primary", ids[0], following=True)
    assert begins(await listed(hosted, owner, everything)) == [
        "2026-06-15T09:00",
        "2026-06-22T09:00",
        "2026-06-29T11:00",
    ]
    with pytest.raises(InvalidData, match="edit_scope"):
        await hosted.delete_event(owner, "primary", rest.id, following=True)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("2026-06-10T08:00", "2026-06-10T09:00", True),  # its first instant
        ("2026-06-10T10:00", "2026-06-10T11:00", False),  # after its last
        ("2026-06-10T09:30", "2026-06-10T09:40", True),
        ("2026-06-09T09:30", "2026-06-11T09:40", True),
        ("2026-06-10T07:00", "2026-06-10T08:59", False),
    ],
)
async def test_an_event_is_listed_if_a_part_of_it_lies_in_the_window(
    hosted: HostedEvents, begin: str, end: str, expected: bool
) -> None:
    owner = grant()
    await hosted.create_event(owner, "primary", draft("2026-06-10T09:00", "2026-06-10T10:00"))
    await hosted.create_event(owner, "primary", draft("2026-06-10T09:00", "2026-06-10T10:00", "RRULE:FREQ=YEARLY"))
    assert len(await listed(hosted, owner, window(begin, end, expand=True))) == 2 * expected


async def test_whole_days_lie_in_the_zone_of_the_calendar(hosted: HostedEvents) -> None:
    owner = grant()
    await hosted.calendars.change_calendar(
        owner, "primary", CalendarDraft(frozenset({"timezone"}), timezone="Europe/Berlin")
    )
    one = await hosted.create_event(owner, "primary", EventDraft(when=Days(date(2026, 3, 29), date(2026, 3, 29))))
    assert (one.start_at, one.end_at) == (at("2026-03-29T00:00"), at("2026-03-30T00:00"))
    assert one.end_at - one.start_at == 23 * 3600
    assert shown(one)["when"] == {"object": "date", "date": "2026-03-29"}
    several = await hosted.create_event(owner, "primary", EventDraft(when=Days(date(2026, 3, 29), date(2026, 3, 30))))
    assert shown(several)["when"] == {"object": "datespan", "start_date": "2026-03-29", "end_date": "2026-03-30"}


async def test_a_time_that_comes_twice_stays_the_one_that_was_meant(hosted: HostedEvents) -> None:
    owner = grant()
    for begin in ("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"):
        made = await hosted.create_event(owner, "primary", draft(begin, "2026-10-25T05:00+01:00"))
        assert (await hosted.event(owner, "primary", made.id)).start_at == made.start_at == at(begin)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (EventDraft(), "when"),
        (EventDraft(when=Timespan(10, 5)), "when.end_time"),
        (EventDraft(when=Timespan(0, 5, "Europe/Berlin")), "end_timezone"),
        (EventDraft(when=Timespan(0, 5, "Mars/Base", "Mars/Base")), "timezone"),
        (EventDraft(when=Timespan(10**15, 10**15)), "when.start_time"),
        (EventDraft(when=Days(date(2026, 1, 2), date(2026, 1, 1))), "when.end_date"),
        (EventDraft(when=Timespan(0, 5), recurrence=("RRULE:FREQ=SECONDLY",)), "recurrence"),
        (EventDraft(when=Timespan(0, 5), recurrence=("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",)), "never"),
        (EventDraft(when=Timespan(0, 5), recurrence=("EXDATE;TZID=Europe/Berlin:20260101T090000",)), "EXDATE"),
        (EventDraft(when=Timespan(0, 5), recurrence=("DTSTART:20260101T090000", "RRULE:FREQ=DAILY")), "DTSTART"),
        (EventDraft(when=Timespan(0, 5), recurrence=("RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY")), "two"),
        (EventDraft(when=Timespan(0, 5), recurrence=("FREQ=DAILY",)), "RRULE:"),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(
    hosted: HostedEvents, store: Store, said: EventDraft, names: str
) -> None:
    owner = grant()
    with pytest.raises(InvalidData, match=names):
        await hosted.create_event(owner, "primary", said)
    assert await store.read(rows("select count(*) from calendar_events where grant_id = $1", owner.id)) in (
        [(0,)],
        [[0]],
    )


async def test_windows_names_of_zones_are_understood(hosted: HostedEvents) -> None:
    owner = grant()
    said = EventDraft(when=Timespan(0, 5, "W. Europe Standard Time", "W. Europe Standard Time"))
    assert (await hosted.create_event(owner, "primary", said)).zone == "Europe/Berlin"


async def test_a_slot_is_taken_once(hosted: HostedEvents) -> None:
    owner = grant()
    await hosted.calendars.calendar(owner, "primary")
    for hour in range(5):
        said = draft(f"2026-06-10T{hour:02}:00", f"2026-06-10T{hour + 1:02}:00")
        made = await asyncio.gather(
            *(hosted.create_event(owner, "primary", said, if_free=True) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(one, SlotTaken) for one in made) == 3
    assert len(await listed(hosted, owner, window("2026-06-10T00:00", "2026-06-11T00:00"))) == 5


async def test_a_series_is_not_created_where_one_of_its_occurrences_is_taken(hosted: HostedEvents) -> None:
    owner = grant()
    await hosted.create_event(owner, "primary", draft("2026-08-03T09:30", "2026-08-03T09:45"))
    weekly = draft("2026-06-01T09:00", "2026-06-01T10:00", "RRULE:FREQ=WEEKLY")
    with pytest.raises(SlotTaken):
        await hosted.create_event(owner, "primary", weekly, if_free=True)
    later = draft("2026-06-01T10:00", "2026-06-01T11:00", "RRULE:FREQ=WEEKLY")
    await hosted.create_event(owner, "primary", later, if_free=True)
    with pytest.raises(SlotTaken):
        await hosted.create_event(owner, "primary", draft("2026-09-07T10:30", "2026-09-07T10:40"), if_free=True)


async def test_filters_narrow_and_pages_hold_together(hosted: HostedEvents) -> None:
    owner = grant()
    for number in range(30):
        await hosted.create_event(
            owner,
            "primary",
            draft(
                f"2026-06-{number + 1:02}T09:00",
                f"2026-06-{number + 1:02}T10:00",
                title=f"Meeting number {number} of Ärzte",
                busy=number % 2 == 0,
                metadata={"key1": str(number % 3)},
            ),
        )
    everything = window("2026-06-01T00:00", "2026-07-01T00:00")
    whole = await listed(hosted, owner, everything)
    for limit in (1, 7, 29, 30, 31):
        assert await listed(hosted, owner, everything, limit=limit) == whole
    assert len(await listed(hosted, owner, window("2026-06-01T00:00", "2026-07-01T00:00", busy=True), limit=4)) == 15
    named = window("2026-06-01T00:00", "2026-07-01T00:00", title="ärzte NUMBER 1")
    assert len(await listed(hosted, owner, named, limit=2)) == 12


async def test_every_change_is_announced_once_in_its_transaction(hosted: HostedEvents, store: Store) -> None:
    owner = grant()
    triggers = tuple(
        f"{kind}.{change}" for kind in ("calendar", "event") for change in ("created", "updated", "deleted")
    )
    await store.write(applications.add(Application("app", "test", "email", 0)))
    hook = Webhook("app", "hook", "http://localhost", triggers, None, (), False, "active", 0, 0, 0)
    await store.write(webhooks.add(hook))
    daily = draft("2026-06-01T09:00", "2026-06-01T10:00", "RRULE:FREQ=DAILY")
    series = await hosted.create_event(owner, "primary", daily)
    await hosted.change_event(owner, "primary", series.id, EventDraft(body={"title": "x"}))
    await hosted.delete_event(owner, "primary", f"{series.id}_20260603T070000Z")
    await hosted.delete_event(owner, "primary", series.id)
    told = await store.read(rows("select type, payload from deliveries where subject = $1 order by seq", owner.id))
    assert [type_ for type_, _ in told] == [
        "calendar.created",
        "event.created",
        "event.updated",
        "event.deleted",
        "event.deleted",
    ]
    created = json.loads(told[1][1])
    assert (created["id"], created["recurrence"]) == (series.id, ["RRULE:FREQ=DAILY"])
    with pytest.raises(InvalidData):
        await hosted.create_event(owner, "primary", EventDraft())
    assert len(await store.read(rows("select 1 from deliveries where subject = $1", owner.id))) == len(told)


async def test_nothing_is_left_of_a_grant(hosted: HostedEvents, store: Store) -> None:
    owner, other = grant(), grant("room 2")
    for one in (owner, other):
        await hosted.create_event(one, "primary", draft("2026-06-01T09:00", "2026-06-01T10:00", metadata={"key1": "a"}))
    await store.write(table.delete_of_grant("app", owner.id))
    for name in ("calendars", "calendar_events", "calendar_keys"):
        left = await store.read(rows(f"select grant_id from {name}"))
        assert {row[0] for row in left} == {other.id}


HOURS = st.integers(0, 23)


@st.composite
def histories(draw_: st.DrawFn) -> list[tuple[str, int, int]]:
    return draw_(
        st.lists(
            st.tuples(st.sampled_from(["move", "delete", "rename", "free"]), st.integers(0, 19), st.integers(0, 400)),
            max_size=8,
        )
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(
    history=histories(),
    rule=st.sampled_from(
        ["FREQ=DAILY;COUNT=20", "FREQ=WEEKLY;BYDAY=MO,WE,SU;COUNT=20", "FREQ=HOURLY;INTERVAL=7;COUNT=20"]
    ),
    hour=HOURS,
)
async def test_a_history_of_changes_leaves_what_a_simple_model_leaves(
    hosted: HostedEvents, history: list[tuple[str, int, int]], rule: str, hour: int
) -> None:
    """The model is a list of occurrences, each with its time; busy time is their union."""
    owner = grant(str(uuid.uuid4()))
    start = datetime(2026, 3, 23, hour, tzinfo=UTC).astimezone(BERLIN).replace(tzinfo=None)
    begin = int(start.replace(tzinfo=BERLIN).timestamp())
    series = await hosted.create_event(
        owner,
        "primary",
        EventDraft(when=Timespan(begin, begin + 1800, "Europe/Berlin", "Europe/Berlin"), recurrence=(f"RRULE:{rule}",)),
    )
    walls = [start, *rrulestr(rule, dtstart=start).xafter(start, count=19)]
    model = {wall: int(wall.replace(tzinfo=BERLIN).astimezone(UTC).timestamp()) for wall in walls}
    named = {
        wall: f"{series.id}_{datetime.fromtimestamp(begins_at, UTC):%Y%m%dT%H%M%SZ}"
        for wall, begins_at in model.items()
    }
    free: set[datetime] = set()
    for change, number, hours in history:
        wall = walls[number % len(walls)]
        if change == "rename":
            await hosted.change_event(owner, "primary", series.id, EventDraft(body={"title": str(hours)}))
            continue
        if wall not in model:
            continue
        if change == "delete":
            await hosted.delete_event(owner, "primary", named[wall])
            model.pop(wall)
            free.discard(wall)
        elif change == "free":
            await hosted.change_event(owner, "primary", named[wall], EventDraft(busy=False))
            free.add(wall)
        else:
            moved = begin + hours * 3600
            await hosted.change_event(owner, "primary", named[wall], EventDraft(when=Timespan(moved, moved + 1800)))
            model[wall] = moved
    query = EventQuery(begin - 86_400, begin + 60 * 86_400, expand=True)
    found = await listed(hosted, owner, query, limit=7)
    assert sorted((one.start_at, one.id) for one in found) == sorted((at_, named[wall]) for wall, at_ in model.items())
    assert [one.start_at for one in found] == sorted(one.start_at for one in found)
    minutes = {at_ + step for wall, at_ in model.items() if wall not in free for step in range(0, 1800, 60)}
    busy = await hosted.busy(owner, ("primary",), query.start, query.end, maybe_too=True)
    assert {moment for low, high in busy for moment in range(low, high, 60)} == minutes
