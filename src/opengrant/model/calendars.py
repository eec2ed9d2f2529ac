"""Calendars and events.

An event holds its wall time and zone; the instants beside them are derived with the rules of `tz_version`. Times on
this page are whole seconds: `wall` as the zone's clock shows it, `…_at` in UTC. Only `created_at` and `updated_at` are
`Micros`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opengrant.model.basics import Micros, record

EventKind = Literal["single", "series", "override", "cancelled"]
"""override: an occurrence of a series that was changed. cancelled: one that was taken away."""

ENDLESS = 1 << 60
"""`end_at` of a series that goes on."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """timezone: an IANA name, None: UTC. version grows with every change of the calendar or of one of its events."""

    application_id: str
    grant_id: str
    id: str
    name: str
    description: str | None
    location: str | None
    timezone: str | None
    hex_color: str | None
    hex_foreground_color: str | None
    metadata: Mapping[str, str] | None
    notetaker: Mapping[str, Any] | None
    is_primary: bool
    version: int
    created_at: Micros
    updated_at: Micros


@record
class Event:
    """A row: an event, a series, or what is different about one of its occurrences.

    master_id   the series of an override or a cancelled occurrence
    original    wall time, in the zone of the series, at which that occurrence would have begun
    whole_days  `wall` is a midnight and `duration` whole days; the zone is the calendar's
    wall        when it begins, of a series its first occurrence, as the clock of `zone` shows it
    later       the wall time comes twice that day, and the second one is meant
    duration    seconds
    start_zone  IANA's names of those that the caller named, or None
    start_at    of a series: of its first occurrence
    end_at      of a series: of its last, `ENDLESS` if there is none
    recurrence  of a series: its lines, as they were sent
    series_end  wall time that no occurrence of the rule begins after; None: it goes on
    body        what is shown as it was sent: title, description, participants, …
    """

    application_id: str
    grant_id: str
    calendar_id: str
    id: str
    kind: EventKind
    master_id: str | None
    original: int | None
    ical_uid: str
    whole_days: bool
    wall: int
    zone: str
    later: bool
    duration: int
    start_zone: str | None
    end_zone: str | None
    start_at: int
    end_at: int
    tz_version: str
    recurrence: tuple[str, ...]
    series_end: int | None
    status: Literal["confirmed", "maybe", "cancelled"]
    busy: bool
    body: Mapping[str, Any]
    metadata: Mapping[str, str] | None
    sequence: int
    created_at: Micros
    updated_at: Micros
