"""Calendars and events as the API and webhooks show them: objects of JSON."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from opengrant.calendars.occurrences import zone_of
from opengrant.calendars.zones import DAY, Seconds, Wall
from opengrant.model import SECOND
from opengrant.model.calendars import Calendar, Event

_EPOCH = date(1970, 1, 1).toordinal()


def calendar(one: Calendar) -> dict[str, Any]:
    found = {
        "id": one.id,
        "grant_id": one.grant_id,
        "object": "calendar",
        "name": one.name,
        "description": one.description,
        "location": one.location,
        "timezone": one.timezone,
        "hex_color": one.hex_color,
        "hex_foreground_color": one.hex_foreground_color,
        "is_primary": one.is_primary,
        "is_owned_by_user": True,
        "read_only": False,
        "metadata": one.metadata,
        "notetaker": one.notetaker,
    }
    return {name: value for name, value in found.items() if value is not None}


def event(one: Event, *, virtual: bool = False) -> dict[str, Any]:
    """virtual: of a virtual calendar, whose occurrences have no `original_start_time`."""
    found: dict[str, Any] = {
        "id": one.id,
        "grant_id": one.grant_id,
        "object": "event",
        "calendar_id": one.calendar_id,
        "title": None,
        "description": None,
        "location": None,
        "visibility": "public",
        "hide_participants": False,
        "participants": [],
        **one.body,
        "busy": one.busy,
        "read_only": False,
        "status": one.status,
        "when": when(one),
        "ical_uid": one.ical_uid,
        "created_at": one.created_at // SECOND,
        "updated_at": one.updated_at // SECOND,
    }
    if one.metadata is not None:
        found["metadata"] = one.metadata
    if one.kind == "series":
        found["recurrence"] = list(one.recurrence)
    if one.master_id is not None and one.original is not None:
        found["master_event_id"] = one.master_id
        if not virtual:
            found["original_start_time"] = original_start(one, one.original)
    return found


def original_start(one: Event, wall: Wall) -> Seconds:
    """When an occurrence would have begun, in Unix seconds. Its id says so; its own zone may be another by now."""
    stamp = one.id.rpartition("_")[2]
    if not stamp.endswith("Z"):
        return zone_of(one).utc(wall)
    return int(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())


def when(one: Event) -> Mapping[str, Any]:
    if one.whole_days:
        first = one.wall // DAY + _EPOCH
        last = first + one.duration // DAY - 1
        if first == last:
            return {"object": "date", "date": date.fromordinal(first).isoformat()}
        return {
            "object": "datespan",
            "start_date": date.fromordinal(first).isoformat(),
            "end_date": date.fromordinal(last).isoformat(),
        }
    found: dict[str, Any] = {"object": "timespan", "start_time": one.start_at, "end_time": one.end_at}
    if one.kind == "series":
        found["end_time"] = one.start_at + one.duration
    if one.start_zone is not None:
        found |= {"start_timezone": one.start_zone, "end_timezone": one.end_zone}
    return found
