"""What callers ask for: calendars and events to create or change, windows, filters; and a page of what was found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from opengrant.model import Micros
from opengrant.model.calendars import Calendar, Event


@dataclass(frozen=True, slots=True)
class Timespan:
    """start, end: Unix seconds. Zones: IANA names, both or neither."""

    start: int
    end: int
    start_zone: str | None = None
    end_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """first, last: both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class CalendarDraft:
    """A calendar to create, or with `sent` what is changed about one. sent: the fields that count."""

    sent: frozenset[str]
    name: str = ""
    description: str | None = None
    location: str | None = None
    timezone: str | None = None
    hex_color: str | None = None
    hex_foreground_color: str | None = None
    metadata: Mapping[str, str] | None = None
    notetaker: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event to create, or what is changed about one. None: not sent.

    body      members that are stored and shown as they were sent; of a change, those that were sent
    metadata  replaces all that there is
    """

    when: Timespan | Days | None = None
    recurrence: tuple[str, ...] | None = None
    busy: bool | None = None
    metadata: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    ical_uid: str | None = None


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events to list. start, end: Unix seconds, both included. A text matches if it holds each of the words."""

    start: int
    end: int
    title: str = ""
    description: str = ""
    location: str = ""
    busy: bool | None = None
    attendees: frozenset[str] = frozenset()
    ical_uid: str | None = None
    master_event_id: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    updated_before: Micros | None = None
    updated_after: Micros | None = None
    cancelled: bool = False
    expand: bool = False


Place = tuple[int, str]
"""(start_at, id) of the last event of a page."""
BEGINNING: Place = (-(1 << 62), "")


@dataclass(frozen=True, slots=True)
class EventPage:
    """next: where the next page begins; None: there is none."""

    events: list[Event]
    next: Place | None


@dataclass(frozen=True, slots=True)
class CalendarPage:
    calendars: list[Calendar]
    next: str | None
