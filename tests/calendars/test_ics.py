"""iCalendar in and out: what a feed shows, what an import makes of a file, and what either costs."""

import asyncio
import contextlib
import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from dateutil.tz import tzical
from hypothesis import given
from hypothesis import strategies as st

from opengrant.calendars import ics_lines
from opengrant.calendars.drafts import CalendarDraft, Days, EventDraft, Timespan
from opengrant.calendars.feeds import Feeds
from opengrant.calendars.hosted import HostedEvents
from opengrant.calendars.ics_export import MOST_BYTES, render
from opengrant.calendars.ics_import import read_file
from opengrant.calendars.ics_store import AT_ONCE, MOST_AT_ONCE, IcsImport, ImportResult
from opengrant.calendars.ics_vtimezone import describe
from opengrant.calendars.zones import zone
from opengrant.errors import InvalidData, Overloaded
from opengrant.model import Application, Grant, now
from opengrant.model.calendars import Calendar, Event
from opengrant.store.calendars import calendars as table
from opengrant.store.engine.port import Store
from opengrant.store.events import webhooks
from opengrant.store.events.webhooks import Webhook
from opengrant.store.tenants import applications
from opengrant.vault.digests import Digests
from tests.calendars.cpu import LINEAR, growth
from tests.calendars.test_hosted import at, begins, draft, grant, listed, rows, window

OWNER = grant()
CALENDAR = Calendar("app", OWNER.id, "c", "Room", None, None, "Europe/Berlin", *([None] * 4), True, 1, 0, 0)
SINCE = at("2026-01-01T00:00")


@pytest.fixture
def feeds(store: Store) -> Feeds:
    return Feeds(db=store, digests=Digests(b"k" * 32), clock=now)


@pytest.fixture
def ics(store: Store) -> IcsImport:
    return IcsImport(db=store, clock=now)


async def tell(store: Store) -> None:
    """Of every change of an event."""
    triggers = ("event.created", "event.updated", "event.deleted")
    await store.write(applications.add(Application("app", "test", "email", 0)))
    await store.write(
        webhooks.add(Webhook("app", "hook", "http://localhost", triggers, None, (), False, "active", 0, 0, 0))
    )


def file(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN", *lines, "END:VCALENDAR", ""])


def event(*lines: str, uid: str = "one") -> str:
    started = () if any(line.startswith("DTSTART") for line in lines) else ("DTSTART:20260302T090000Z",)
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *started, *lines, "END:VEVENT"])


def read(*lines: str) -> list[Event]:
    found = read_file(file(*lines), OWNER, CALENDAR, at=now())
    assert found.skipped == []
    return [one.event for one in found.events]


async def exported(hosted: HostedEvents, feeds: Feeds, owner: Grant) -> icalendar.Calendar:
    calendar = await hosted.calendars.calendar(owner, "primary")
    content = render(calendar, await feeds.rows(calendar, SINCE))
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    return icalendar.Calendar.from_ical(content)


# ── what a feed shows ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_feed_shows_a_series_with_what_was_changed_about_it(hosted: HostedEvents, feeds: Feeds) -> None:
    owner = grant("ana@example.com")
    lines = ("RRULE:FREQ=DAILY;UNTIL=20260331T100000", "EXDATE:20260305T100000", "RDATE:20260401T100000")
    people = [{"email": "ben@example.com", "name": "Ben", "status": "yes"}]
    made = await hosted.create_event(
        owner,
        "primary",
        EventDraft(
            when=Timespan(at("2026-03-02T10:00"), at("2026-03-02T11:00"), "Europe/Berlin", "Europe/Berlin"),
            recurrence=lines,
            busy=False,
            body={"title": "Plan; a, b\\", "description": "one\ntwo", "participants": people},
        ),
    )
    await hosted.change_event(
        owner, "primary", f"{made.id}_20260303T090000Z", draft("2026-03-03T15:00", "2026-03-03T16:00")
    )
    await hosted.delete_event(owner, "primary", f"{made.id}_20260304T090000Z")
    master, change = (await exported(hosted, feeds, owner)).walk("VEVENT")
    assert (master["UID"], str(master["SUMMARY"])) == (made.ical_uid, "Plan; a, b\\")
    assert str(master["DESCRIPTION"]) == "one\ntwo"
    assert master["DTSTART"].to_ical() == b"20260302T100000"
    assert master["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert master["RRULE"].to_ical() == b"FREQ=DAILY;UNTIL=20260331T080000Z"
    assert master["EXDATE"].to_ical() == b"20260304T100000,20260305T100000"
    assert master["RDATE"].to_ical() == b"20260401T100000"
    assert (master["STATUS"], master["TRANSP"], master["SEQUENCE"]) == ("CONFIRMED", "TRANSPARENT", 0)
    assert (master["ORGANIZER"], master["ATTENDEE"]) == ("mailto:ana@example.com", "mailto:ben@example.com")
    assert master["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert (change["UID"], change["RECURRENCE-ID"].to_ical()) == (made.ical_uid, b"20260303T100000")
    assert (change["DTSTART"].to_ical(), change["SEQUENCE"]) == (b"20260303T150000", 1)


async def test_whole_days_end_on_the_day_after_and_private_events_tell_nothing(
    hosted: HostedEvents, feeds: Feeds
) -> None:
    owner = grant("ana@example.com")
    secret = {"title": "Doctor", "description": "of Ana", "location": "Ward 3", "visibility": "private"}
    people = [{"email": "ben@example.com", "status": "noreply"}]
    await hosted.create_event(
        owner,
        "primary",
        EventDraft(when=Days(date(2026, 5, 1), date(2026, 5, 3)), body={**secret, "participants": people}),
    )
    (one,) = (await exported(hosted, feeds, owner)).walk("VEVENT")
    assert (one["DTSTART"].dt, one["DTEND"].dt) == (date(2026, 5, 1), date(2026, 5, 4))
    assert one["DTSTART"].params["VALUE"] == "DATE"
    assert (str(one["SUMMARY"]), one["CLASS"]) == ("Busy", "PRIVATE")
    text = one.to_ical()
    assert not any(word in text for word in (b"Doctor", b"Ana", b"Ward", b"ben@"))


async def test_an_occurrence_of_a_private_series_tells_nothing_either(hosted: HostedEvents, feeds: Feeds) -> None:
    owner = grant()
    made = await hosted.create_event(
        owner, "primary", draft("2026-03-02T10:00", "2026-03-02T11:00", "RRULE:FREQ=DAILY;COUNT=3", title="Doctor")
    )
    await hosted.change_event(owner, "primary", f"{made.id}_20260303T090000Z", EventDraft(body={"location": "Ward 3"}))
    await hosted.change_event(owner, "primary", made.id, EventDraft(body={"visibility": "private"}))
    text = (await exported(hosted, feeds, owner)).to_ical()
    assert text.count(b"SUMMARY:Busy") == 2
    assert not any(word in text for word in (b"Doctor", b"Ward"))


async def test_a_large_calendar_shows_series_and_what_is_to_come_first(hosted: HostedEvents, feeds: Feeds) -> None:
    owner = grant()
    calendar = await hosted.calendars.calendar(owner, "primary")
    text = "x" * 32_000
    for day in (1, 20, 30):
        begin = datetime(2026, 1, day, 9, tzinfo=UTC).isoformat()
        for number in range(30):
            await hosted.create_event(owner, "primary", draft(begin, begin, title=f"{day}.{number}", metadata=None))
    await hosted.create_event(owner, "primary", draft("2020-01-01T09:00", "2020-01-01T09:00", "RRULE:FREQ=YEARLY"))
    rows_ = await feeds.rows(calendar, at("2026-01-15T00:00"))
    assert [row.kind for row in rows_] == ["series", *["single"] * 90]
    titles = [str(row.body["title"]).split(".")[0] for row in rows_[1:]]
    assert titles == ["20"] * 30 + ["30"] * 30 + ["1"] * 30
    long = [
        row.__class__(**{**_fields(row), "body": {"title": row.body["title"], "description": text}}) for row in rows_
    ]
    content = render(calendar, long)
    assert MOST_BYTES - 40_000 < len(content) < MOST_BYTES + 10_000
    assert content.count(b"SUMMARY:20.") == 30
    assert content.count(b"SUMMARY:1.") == 0
    assert content.endswith(b"END:VCALENDAR\r\n")


async def test_more_series_than_are_read_at_once_are_shown_once_each(
    hosted: HostedEvents, feeds: Feeds, ics: IcsImport
) -> None:
    """All end at the same time: never."""
    owner = grant()
    calendar = await hosted.calendars.calendar(owner, "primary")
    many = [event("RRULE:FREQ=YEARLY", uid=str(number)) for number in range(1_100)]
    await ics.run(owner, calendar, file(*many))
    found = await feeds.rows(calendar, SINCE)
    assert (len(found), len({row.id for row in found})) == (1_100, 1_100)


def _fields(row: Event) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


async def test_two_series_with_one_uid_are_told_apart(hosted: HostedEvents, feeds: Feeds) -> None:
    """An edit from one occurrence on leaves a calendar so."""
    owner = grant()
    for begin in ("2026-03-02T10:00", "2026-04-06T10:00"):
        await hosted.create_event(
            owner, "primary", draft(begin, begin, "RRULE:FREQ=DAILY;COUNT=2", ical_uid="shared", title=begin)
        )
    found = (await exported(hosted, feeds, owner)).walk("VEVENT")
    uids = {str(one["SUMMARY"]): str(one["UID"]) for one in found}
    assert uids["2026-03-02T10:00"] == "shared"
    assert uids["2026-04-06T10:00"].startswith("shared-")


def test_text_cannot_add_lines() -> None:
    (one,) = read(event("SUMMARY:a"))
    body = {"title": "a\r\nATTACH:x\rb\x0bc\u2028\x85d", "location": "\nEND:VEVENT"}
    people = [{"email": "a@b.c\r\nX:y", "name": 'q"\r\nX:y', "status": "no"}]
    nasty = one.__class__(**{**_fields(one), "body": {**body, "participants": people, "organizer": people[0]}})
    content = render(CALENDAR, [nasty])
    (again,) = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert not {"ATTACH", "X"} & again.keys()
    assert str(again["SUMMARY"]).startswith("a\nATTACH:x b c")


@pytest.mark.parametrize(
    "name",
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "Asia/Jerusalem"],
)
def test_a_zone_is_described_as_an_independent_reader_understands_it(name: str) -> None:
    found = zone(name)
    assert found is not None
    text = (b"BEGIN:VCALENDAR\r\n" + describe(found, 2020) + b"END:VCALENDAR\r\n").decode()
    described, real = tzical(StringIO(text)).get(), found.rules
    assert described is not None
    wrong = []
    for hours in range(0, 17 * 366 * 24, 5):
        moment = datetime(2020, 1, 3, tzinfo=UTC) + timedelta(hours=hours)
        local = moment.astimezone(real)
        # A clock that shows a time twice, or leaps over one, is read by the tests of zones.
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
            wrong += [local] if local.replace(tzinfo=described).utcoffset() != local.utcoffset() else []
    assert wrong == []


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Etc/UTC")
RULES = (
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;COUNT=40",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "FREQ=WEEKLY;INTERVAL=2;UNTIL=20260701",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
    "FREQ=HOURLY;INTERVAL=36",
)


@pytest.mark.parametrize("seed", range(12))
async def test_an_independent_reader_finds_the_occurrences_that_we_do(
    seed: int, hosted: HostedEvents, feeds: Feeds
) -> None:
    """After a random history of series, changes of occurrences, and edits of all of it."""
    dice, owner = random.Random(seed), grant()
    for _ in range(6):
        await _series(dice, hosted, owner)
    low, high = at("2026-01-01T00:00"), at("2026-12-31T00:00")
    ours = await listed(hosted, owner, window("2026-01-01T00:00", "2026-12-31T00:00", expand=True))
    calendar = await exported(hosted, feeds, owner)
    theirs = recurring_ical_events.of(calendar).between(
        datetime.fromtimestamp(low, UTC) - timedelta(days=2), datetime.fromtimestamp(high, UTC) + timedelta(days=2)
    )
    assert len(ours) > 20
    assert sorted(map(_seen_here, ours)) == sorted(
        seen for seen in map(_seen_there, theirs) if low <= seen[0] <= high or seen[0] < low < seen[1]
    )


async def _series(dice: random.Random, hosted: HostedEvents, owner: Grant) -> None:
    begin = datetime(2026, dice.randint(1, 6), dice.randint(1, 28), dice.randint(0, 23), dice.choice((0, 30)))  # noqa: DTZ001 -- a wall time
    rule, title = dice.choice(RULES), str(dice.random())
    if dice.random() < 0.25 and "HOURLY" not in rule:
        when: Timespan | Days = Days(begin.date(), begin.date() + timedelta(days=dice.randint(0, 2)))
    else:
        name = dice.choice(ZONES)
        start = int(begin.replace(tzinfo=ZoneInfo(name)).timestamp())
        when = Timespan(start, start + dice.choice((0, 900, 5400)), name, name)
    made = await hosted.create_event(
        owner, "primary", EventDraft(when=when, recurrence=(f"RRULE:{rule}",), body={"title": title})
    )
    for _ in range(dice.randint(0, 4)):
        found = await listed(
            hosted, owner, window("2026-01-01T00:00", "2026-09-01T00:00", expand=True, master_event_id=made.id)
        )
        if not found:
            return
        one = dice.choice(found)
        if dice.random() < 0.15:
            lines = (f"RRULE:{dice.choice(RULES[:-1])}", f"EXDATE:{begin + timedelta(days=7):%Y%m%dT%H%M%S}")
            await hosted.change_event(owner, "primary", made.id, EventDraft(recurrence=lines))
        elif dice.random() < 0.1:
            change = EventDraft(body={"title": str(dice.random())})
            await hosted.change_event(owner, "primary", one.id, change, following=True)
        elif dice.random() < 0.1:
            await hosted.delete_event(owner, "primary", one.id, following=True)
        elif dice.random() < 0.4:
            await hosted.delete_event(owner, "primary", one.id)
        elif isinstance(when, Days):
            day = date(1970, 1, 1) + timedelta(seconds=one.wall, days=dice.randint(-2, 2))
            await hosted.change_event(owner, "primary", one.id, EventDraft(when=Days(day, day)))
        else:
            moved = one.start_at + dice.randint(-40, 40) * 1800
            later = Timespan(moved, moved + 1800, when.start_zone, when.end_zone)
            await hosted.change_event(owner, "primary", one.id, EventDraft(when=later))


Seen = tuple[int, int, str]


def _seen_here(one: Event) -> Seen:
    if one.whole_days:
        return one.wall, one.wall + one.duration, str(one.body["title"])
    return one.start_at, one.end_at, str(one.body["title"])


def _seen_there(one: Any) -> Seen:
    begin, end = one.start, one.end
    if not isinstance(begin, datetime):
        begin, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (begin, end))
    # It adds a length to the wall time; an hour is an hour here, also where clocks change.
    return int(begin.timestamp()), int(begin.timestamp() + (end - begin).total_seconds()), str(one["SUMMARY"])


# ── what an import makes of a file ────────────────────────────────────────────────────────────────────────────


async def test_a_feed_that_is_imported_gives_the_same_calendar_and_again_changes_nothing(
    hosted: HostedEvents, feeds: Feeds, ics: IcsImport
) -> None:
    owner, other, dice = grant(), grant(), random.Random(5)
    for _ in range(5):
        await _series(dice, hosted, owner)
    source, target = [await hosted.calendars.calendar(one, "primary") for one in (owner, other)]
    content = render(source, await feeds.rows(source, SINCE))
    first = await ics.run(other, target, content)
    assert first == ImportResult(created=content.count(b"BEGIN:VEVENT"))
    again = await ics.run(other, target, content)
    assert again == ImportResult(unchanged=first.created)
    span = window("2026-01-01T00:00", "2027-01-01T00:00", expand=True)
    here, there = [sorted(map(_seen_here, await listed(hosted, one, span))) for one in (owner, other)]
    assert here == there
    assert len(here) > 20


async def test_an_import_updates_by_uid_and_keeps_what_a_file_cannot_say(
    hosted: HostedEvents, ics: IcsImport, store: Store
) -> None:
    owner = grant()
    await tell(store)
    calendar = await hosted.calendars.calendar(owner, "primary")
    made = await hosted.create_event(
        owner,
        "primary",
        draft("2026-03-02T10:00", "2026-03-02T11:00", title="old", ical_uid="one", metadata={"key1": "x"}),
    )
    text = file(event("SUMMARY:new", "SEQUENCE:7", "STATUS:TENTATIVE", "DTSTART;TZID=Europe/Berlin:20260303T100000"))
    assert await ics.run(owner, calendar, text) == ImportResult(updated=1)
    (found,) = await listed(hosted, owner, window("2026-03-01T00:00", "2026-03-09T00:00"))
    assert (found.id, found.created_at, found.metadata) == (made.id, made.created_at, {"key1": "x"})
    assert (found.body["title"], found.sequence, found.status) == ("new", 7, "maybe")
    assert begins([found]) == ["2026-03-03T10:00"]
    after = await hosted.calendars.calendar(owner, "primary")
    assert after.version > calendar.version
    told = await store.read(rows("select type from deliveries where type like 'event.%' order by seq"))
    assert [row[0] for row in told] == ["event.created", "event.updated"]


async def test_of_events_with_one_uid_the_newest_is_imported(hosted: HostedEvents, ics: IcsImport) -> None:
    owner = grant()
    calendar = await hosted.calendars.calendar(owner, "primary")
    text = file(*(event(f"SEQUENCE:{number}", f"SUMMARY:{title}") for number, title in [(2, "a"), (2, "b"), (1, "c")]))
    found = await ics.run(owner, calendar, text)
    assert (found.created, found.updated, len(found.skipped)) == (1, 0, 2)
    (one,) = await listed(hosted, owner, window("2026-03-01T00:00", "2026-03-09T00:00"))
    assert one.body["title"] == "b"


async def test_occurrences_find_their_series_in_the_file_or_in_the_calendar(
    hosted: HostedEvents, ics: IcsImport
) -> None:
    owner = grant()
    calendar = await hosted.calendars.calendar(owner, "primary")
    zoned = "TZID=Europe/Berlin"
    change = event(f"RECURRENCE-ID;{zoned}:20260303T100000", f"DTSTART;{zoned}:20260303T120000", "SUMMARY:moved")
    gone = event("RECURRENCE-ID:20260304T090000Z", "STATUS:CANCELLED")
    stray = event(f"RECURRENCE-ID;{zoned}:20260309T110000", "SUMMARY:stray")
    master = event(f"DTSTART;{zoned}:20260302T100000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=4", "SUMMARY:daily")
    found = await ics.run(owner, calendar, file(change, gone))
    assert [one.reason for one in found.skipped] == ["RECURRENCE-ID: there is no series with this UID."] * 2
    found = await ics.run(owner, calendar, file(change, gone, stray, master))
    assert (found.created, len(found.skipped)) == (3, 1)
    span = window("2026-03-01T00:00", "2026-03-09T00:00", expand=True)
    days = ["2026-03-02T10:00", "2026-03-03T12:00", "2026-03-05T10:00"]
    assert begins(await listed(hosted, owner, span)) == days
    found = await ics.run(owner, calendar, file(change.replace("T120000", "T130000")))
    assert found == ImportResult(updated=1)
    days[1] = "2026-03-03T13:00"
    assert begins(await listed(hosted, owner, span)) == days


async def test_more_than_a_batch_is_stored_and_each_change_is_told_once(
    hosted: HostedEvents, ics: IcsImport, store: Store
) -> None:
    owner = grant()
    await tell(store)
    calendar = await hosted.calendars.calendar(owner, "primary")
    one = event("RRULE:FREQ=DAILY;COUNT=300", uid="series")
    changes = [
        event(f"RECURRENCE-ID:{datetime(2026, 3, 2, 9) + timedelta(days=day):%Y%m%dT%H%M%SZ}", uid="series")  # noqa: DTZ001
        for day in range(AT_ONCE + 10)
    ]
    others = [event(f"SUMMARY:{number}", uid=str(number)) for number in range(20)]
    found = await ics.run(owner, calendar, file(*changes, *others, one))
    assert found == ImportResult(created=AT_ONCE + 31)
    told = await store.read(rows("select count(*) from deliveries where type = 'event.created'"))
    assert told[0][0] == 21
    assert await store.read(rows("select 1 from deliveries where type = 'event.updated'")) == []
    assert (await hosted.calendars.calendar(owner, "primary")).version == calendar.version + 2


async def test_imports_that_wait_are_few(hosted: HostedEvents, ics: IcsImport) -> None:
    owner = grant()
    calendar = await hosted.calendars.calendar(owner, "primary")
    many = (ics.run(owner, calendar, file(event(uid=str(number)))) for number in range(MOST_AT_ONCE + 2))
    found = await asyncio.gather(*many, return_exceptions=True)
    assert sum(isinstance(one, ImportResult) for one in found) == MOST_AT_ONCE
    assert sum(isinstance(one, Overloaded) for one in found) == 2
    assert await ics.run(owner, calendar, file(event(uid="later"))) == ImportResult(created=1)


async def test_a_calendar_that_is_deleted_takes_its_feed_along(
    hosted: HostedEvents, feeds: Feeds, store: Store
) -> None:
    owner = grant()
    second = await hosted.calendars.create_calendar(owner, CalendarDraft(frozenset({"name"}), name="second"))
    first = await hosted.calendars.calendar(owner, "primary")
    for calendar in (first, second):
        await feeds.create(calendar)
    await hosted.calendars.delete_calendar(owner, second.id)
    assert [row[0] for row in await store.read(rows("select calendar_id from calendar_feeds"))] == [first.id]
    await store.write(table.delete_of_grant("app", owner.id))
    assert await store.read(rows("select calendar_id from calendar_feeds")) == []


def test_what_an_event_says_is_read() -> None:
    (one,) = read(
        event(
            "SUMMARY:Caf\\, and\\nmore",
            "LOCATION;LANGUAGE=de:Raum\\; 3",
            "DESCRIPTION:long",
            "  folded",
            "CLASS:CONFIDENTIAL",
            "TRANSP:TRANSPARENT",
            'ORGANIZER;CN="Ana; A.":mailto:ana@example.com',
            "ATTENDEE;PARTSTAT=DECLINED;CN=Ben:MAILTO:ben@example.com",
            "ATTENDEE:urn:uuid:1",
            "BEGIN:VALARM\r\nTRIGGER:-PT5M\r\nDESCRIPTION:no\r\nEND:VALARM",
            "DTSTART;TZID=Europe/Berlin:20260302T100000",
            "DTEND;TZID=America/New_York:20260302T060000",
        )
    )
    assert one.body == {
        "title": "Caf, and more",
        "description": "long folded",
        "text_description": "long folded",
        "location": "Raum; 3",
        "visibility": "private",
        "participants": [{"email": "ben@example.com", "name": "Ben", "status": "no"}],
        "organizer": {"email": "ana@example.com", "name": "Ana; A."},
    }
    assert (one.busy, one.duration, one.start_zone) == (False, 2 * 3600, "Europe/Berlin")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["DTSTART:20260302T100000"], ("2026-03-02T10:00", 0, None)),  # floating: in the calendar's zone
        (["DTSTART:20260302T090000Z", "DURATION:PT90M"], ("2026-03-02T10:00", 5400, None)),
        (["DTSTART:20260302T090000Z", "RRULE:FREQ=DAILY;COUNT=2"], ("2026-03-02T10:00", 0, "Etc/UTC")),
        (["DTSTART;VALUE=DATE:20260302"], ("2026-03-02T00:00", 86_400, None)),
        (["DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260302"], ("2026-03-02T00:00", 86_400, None)),
        (["DTSTART;VALUE=DATE:20260302", "DURATION:P2D"], ("2026-03-02T00:00", 2 * 86_400, None)),
        (["DTSTART;TZID=W. Europe Standard Time:20260302T100000"], ("2026-03-02T10:00", 0, "Europe/Berlin")),
        (['DTSTART;TZID="/x.org/2005_1/Europe/Berlin":20260302T100000'], ("2026-03-02T10:00", 0, "Europe/Berlin")),
        (["DTSTART;TZID=Nowhere:20260302T100000"], ("2026-03-02T11:00", 0, None)),
        # The day on which clocks change: a nominal day has 23 hours.
        (
            ["DTSTART;TZID=Europe/Berlin:20260328T100000", "DURATION:P1D"],
            ("2026-03-28T10:00", 23 * 3600, "Europe/Berlin"),
        ),
    ],
)
def test_times_are_read(lines: Sequence[str], expected: tuple[str, int, str | None]) -> None:
    (one,) = read(event(*lines))
    assert (begins([one])[0], one.duration, one.start_zone) == expected


def observance(kind: str, start: str, before: str, after: str, rule: str) -> str:
    offsets = [f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}"]
    return "\r\n".join(
        [f"BEGIN:{kind}", f"DTSTART:{start}", *offsets, *([f"RRULE:{rule}"] if rule else []), f"END:{kind}"]
    )


def described(name: str, *parts: str, standard: str = "+0100", summer: str = "+0200") -> str:
    rules = parts or (
        observance("STANDARD", "16010101T030000", summer, standard, "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10"),
        observance("DAYLIGHT", "16010101T020000", standard, summer, "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3"),
    )
    return "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{name}", *rules, "END:VTIMEZONE"])


def test_an_unknown_zone_is_known_by_its_rules() -> None:
    """Outlook's "Customized Time Zone", in two files: neither decides for the other."""
    timed = event("DTSTART;TZID=Customized Time Zone:20260702T100000", "RRULE:FREQ=DAILY;COUNT=2")
    (here,) = read(described("Customized Time Zone"), timed)
    assert (here.zone[:7], begins([here])) == ("Europe/", ["2026-07-02T10:00"])
    fixed = observance("STANDARD", "19700101T000000", "+0530", "+0530", "")
    (there,) = read(described("Customized Time Zone", fixed), timed)
    assert (there.zone, begins([there])) == ("Asia/Calcutta", ["2026-07-02T06:30"])
    # Rules that no zone has: by the offset of the day.
    (strange,) = read(described("Customized Time Zone", standard="+0300", summer="+0400"), timed)
    assert (strange.zone, begins([strange])) == ("Etc/GMT-4", ["2026-07-02T08:00"])


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["RRULE:FREQ=SECONDLY"], "recurrence"),
        (["RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"], "recurrence"),
        (["RRULE:FREQ=NEVER"], "recurrence"),
        (["DTSTART:20260230T100000Z"], "DTSTART"),
        (["DTSTART:99990101T100000Z"], "when.start_time"),
        (["DTSTART;VALUE=DATE:00010101"], "when"),
        (["DTEND:20260301T100000Z"], "when.end_time"),
        (["DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260301"], "DTEND"),
        (["DURATION:5 minutes"], "DURATION"),
        (["DURATION:P99999999999999D"], "DURATION"),
        (["EXDATE:nonsense", "RRULE:FREQ=DAILY"], "EXDATE"),
        (["RDATE;VALUE=PERIOD:20260302T090000Z/PT1H"], "RDATE"),
        (["EXRULE:FREQ=DAILY"], "EXRULE"),
        (["STATUS:CANCELLED"], "STATUS"),
        (["RECURRENCE-ID;RANGE=THISANDFUTURE:20260302T090000Z"], "RECURRENCE-ID"),
        ([f"SUMMARY:{'x' * 1025}"], "SUMMARY"),
        (["ATTENDEE:mailto:a@b.c"] * 501, "ATTENDEE"),
        (['SUMMARY;X="a:b'], "is no line"),
        (["???"], "is no line"),
    ],
)
async def test_an_event_that_cannot_be_is_skipped_and_the_others_are_not(
    lines: Sequence[str], reason: str, hosted: HostedEvents, ics: IcsImport
) -> None:
    owner = grant()
    calendar = await hosted.calendars.calendar(owner, "primary")
    found = await ics.run(owner, calendar, file(event(*lines), event("SUMMARY:good", uid="two")))
    assert (found.created, [one.uid for one in found.skipped]) == (1, ["one"])
    assert reason in found.skipped[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "BEGIN:VCALENDAR\r\n",
        "BEGIN:VEVENT\r\nEND:VEVENT\r\n",
        "BEGIN:VCALENDAR\r\nEND:VEVENT\r\n",
        file("BEGIN:VEVENT\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\nEND:VEVENT"),
        file(*[event()] * (ics_lines.MOST_EVENTS + 1)),
        file(*[described(str(number)) for number in range(301)]),
        file(event("SUMMARY:" + "x" * 10**6)),
        file(event("SUMMARY:x" + "\r\n xx" * 10**5)),
        file(event("BEGIN:VALARM\r\n" * 10**4 + "END:VALARM\r\n" * 10**4)),
        file(event(*["COMMENT:x\r\nATTENDEE:mailto:a@b.c"] * 5_001)),
    ],
)
def test_a_file_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidData, match=r"^ics: "):
        read_file(text, OWNER, CALENDAR, at=now())
    with pytest.raises(InvalidData, match=r"^ics: "):
        read_file(b"\xff" + text.encode(), OWNER, CALENDAR, at=now())


_MANY = observance("STANDARD", "20000101T000000", "+0100", "+0157", "FREQ=YEARLY")
HOSTILE: dict[str, Callable[[int], str]] = {
    "one long line": lambda n: file(event("ATTACH:" + "x" * 40 * n)),
    "a line with many colons, quotes and backslashes": lambda n: file(
        event("DESCRIPTION:" + ':"\\;,^n' * min(n, 14_000))
    ),
    "a line of parameters": lambda n: file(event("SUMMARY" + ';A="b"' * min(n, 16_000) + ":x")),
    "folded lines": lambda n: file(event("ATTACH:x" + "\r\n y" * 10 * n)),
    "empty folds": lambda n: file(event("SUMMARY:x" + "\r\n " * 10 * n)),
    "line breaks": lambda n: file(event("\r\n" * 20 * n)),
    "lines without an end": lambda n: file(event("\r" * 20 * n)),
    "alarms": lambda n: file(*[event("BEGIN:VALARM\r\nEND:VALARM\r\n" * 10, uid="x")] * (n // 10)),
    "nested alarms": lambda n: file(event("BEGIN:VALARM\r\n" * n + "END:VALARM\r\n" * n)),
    "attendees": lambda n: file(*[event(*["ATTENDEE;CN=x:mailto:a@b.c"] * 400)] * (n // 800)),
    "exclusions": lambda n: file(*[event("RRULE:FREQ=DAILY", "EXDATE:" + "20260302T090000Z," * 900)] * (n // 800)),
    "zones": lambda n: file(
        *[described(f"z{k}", *[_MANY] * 8) for k in range(n // 400)],
        *[event(f"DTSTART;TZID=z{k}:20260302T100000") for k in range(n // 400)],
    ),
    "occurrences of one series": lambda n: file(
        event("RRULE:FREQ=DAILY"), *[event("RECURRENCE-ID:20260302T090000Z")] * (n // 10)
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_cost_grows_as_the_file_does(kind: str) -> None:
    texts = {size: HOSTILE[kind](size) for size in (1_000, 4_000, 16_000)}

    def read(size: int) -> None:
        with contextlib.suppress(InvalidData):
            read_file(texts[size], OWNER, CALENDAR, at=now())

    read(1_000)
    assert growth(read, 4_000, 16_000) < LINEAR


def test_rules_that_take_long_end_an_import() -> None:
    events = [event("RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", uid=str(number)) for number in range(5_000)]
    with pytest.raises(InvalidData, match="too long"):
        read_file(file(*events), OWNER, CALENDAR, at=now(), cpu=0.2)


_WORDS = st.sampled_from(
    [
        *("BEGIN:VEVENT", "END:VEVENT", "BEGIN:VALARM", "END:VALARM", "BEGIN:VTIMEZONE", "END:VTIMEZONE"),
        *("UID:a", "DTSTART:20260302T090000Z", "DTSTART;VALUE=DATE:20260302", "RRULE:FREQ=DAILY", "TZID:x", " fold"),
        *("DTSTART;TZID=x:20260302T090000", "RECURRENCE-ID:20260302", "EXDATE:20260303", "DURATION:PT1H", ":", ";", ""),
        *("BEGIN:STANDARD", "END:STANDARD", "TZOFFSETFROM:+0100", "TZOFFSETTO:-0200", "ORGANIZER:mailto:"),
    ]
)


@given(st.lists(st.one_of(_WORDS, st.text(max_size=20)), max_size=30), st.sampled_from(["\r\n", "\n", "\r"]))
def test_any_text_is_read_or_refused(lines: list[str], end: str) -> None:
    text = end.join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR"])
    try:
        found = read_file(text, OWNER, CALENDAR, at=now())
    except InvalidData:
        return
    for one in found.events:
        render(CALENDAR, [one.event])
        assert not re.search("[\x00\ud800-\udfff]", str(one.event.body))
