"""Calendars that benchmarks are about: their grants, their events, and how those are told apart."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from opengrant.calendars.drafts import EventDraft, Timespan
from opengrant.calendars.hosted import fresh_event, searched
from opengrant.calendars.port import Events
from opengrant.model import SECOND, Application, CustomConnect, Grant
from opengrant.model.calendars import Calendar
from opengrant.model.logins import VirtualCalendarLogin
from opengrant.services import Services
from opengrant.store.calendars.events import COLUMNS

Row = tuple[Any, ...]

MONDAY = 1_772_409_600
"""2026-03-02T00:00Z: the week that is listed begins with it."""
WEEK, DAY, HOUR = 604_800, 86_400, 3600
EVENTS, SERIES = 500, 25
"""Of an ordinary calendar, its series among them."""
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


async def room(services: Services, application: Application, name: str) -> Grant:
    """A new grant of a virtual calendar."""
    return await services.connect.custom(application, CustomConnect(login=VirtualCalendarLogin(email=name)))


async def fill(services: Services, grant: Grant, *, events: int = EVENTS, series: int = SERIES) -> None:
    """Its primary calendar: single events of a year around the week, series of which a fifth are daily."""
    at = services.calendars.events_of(grant)
    wanted = drafts(events, series)
    for begin in range(0, len(wanted), 100):
        await asyncio.gather(*(_create(at, grant, draft) for draft in wanted[begin : begin + 100]))


async def _create(events: Events, grant: Grant, draft: EventDraft) -> None:
    await events.create_event(grant, "primary", draft, if_free=False)


def drafts(events: int, series: int, *, years: int = 1, series_last: int | None = None) -> list[EventDraft]:
    """years: around the week, of the single events. series_last: days of a series; None: it goes on."""
    return [*_series(series, years, series_last), *_singles(events - series, years)]


def rows(grant: Grant, calendar: Calendar, wanted: Sequence[EventDraft]) -> dict[str, list[Row]]:
    """What `fill` leaves in the tables, to be copied into them."""
    made = [fresh_event(grant, calendar, draft, at=MONDAY * SECOND + number) for number, draft in enumerate(wanted)]
    keys = [
        (one.application_id, one.grant_id, "event", one.calendar_id, one.id, *pair, one.start_at)
        for one in made
        for pair in searched(one.metadata)
    ]
    return {"calendar_events": [COLUMNS.write(one) for one in made], "calendar_keys": keys}


def _singles(number: int, years: int) -> Iterator[EventDraft]:
    for count in range(number):
        yield _draft(count, MONDAY + (count * 7919) % (years * 364 * 24) * HOUR - years * 182 * DAY)


def _series(number: int, years: int, last: int | None) -> Iterator[EventDraft]:
    for count in range(number):
        rule = "FREQ=DAILY" if count % 5 == 0 else f"FREQ=WEEKLY;BYDAY={_WEEKDAYS[count % 7]}"
        start = MONDAY - (count % 100) * WEEK + (8 + count % 10) * HOUR
        if last is not None:
            start = MONDAY + (count % (years * 364) - years * 182) * DAY + (8 + count % 10) * HOUR
            rule += f";UNTIL={datetime.fromtimestamp(start + last * DAY, UTC):%Y%m%dT%H%M%SZ}"
        yield _draft(count, start, f"RRULE:{rule}")


def _draft(count: int, start: int, *lines: str) -> EventDraft:
    zone = ZONES[count % len(ZONES)]
    return EventDraft(
        when=Timespan(start, start + HOUR, zone, zone),
        recurrence=lines,
        metadata={"key1": f"group {count % 20}"},
        body={
            "title": f"Planning {count}",
            "location": "Room 12",
            "participants": [{"status": "noreply", "email": f"user{n}@example.com", "name": "Ana"} for n in range(3)],
        },
    )


def body(number: int) -> dict[str, Any]:
    """Of a request that creates an event, later than the week that is listed."""
    start, zone = MONDAY + 2 * WEEK + Random(number).randrange(8760) * HOUR, ZONES[number % len(ZONES)]
    return {
        "title": f"Planning {number}",
        "when": {"start_time": start, "end_time": start + HOUR, "start_timezone": zone, "end_timezone": zone},
        "participants": [{"email": "ana@example.com", "name": "Ana"}],
        "metadata": {"key1": "planning"},
    }
