"""From the rows of a calendar to iCalendar (RFC 5545), as a feed shows it.

Wall times are written with their zone, and each zone that is named is described. Occurrences that were taken away are
exclusions of their series. Private events tell when they are and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
from icalendar.prop import vCalAddress, vDDDLists, vDuration, vRecur, vText

from opengrant.calendars.ics_vtimezone import LAST_YEAR, describe
from opengrant.calendars.occurrences import series_of, zone_of
from opengrant.calendars.recurrence import Series
from opengrant.calendars.zones import Seconds, Wall, zone
from opengrant.model import SECOND
from opengrant.model.calendars import Calendar, Event

MOST_BYTES = 2_000_000
"""Of the events of a feed: those that do not fit are left out."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock has no zone
_IN_UTC = frozenset({"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UTC", "UCT", "Universal", "Zulu"})
_ANSWERS = {"yes": "ACCEPTED", "no": "DECLINED", "maybe": "TENTATIVE"}
_STATUS = {"confirmed": "CONFIRMED", "maybe": "TENTATIVE", "cancelled": "CANCELLED"}
_UNSEEN = {**dict.fromkeys((*range(32), 127), " "), 9: "\t", 10: "\n"}


@dataclass(frozen=True, slots=True)
class _Group:
    """An event, or a series with what was changed about its occurrences. uid: no other group of the feed has it."""

    event: Event
    uid: str
    changes: Sequence[Event]


def render(calendar: Calendar, rows: Sequence[Event]) -> bytes:
    """The calendar as a file. rows: the most important first; the file ends before it grows too large."""
    size = 0
    bodies: list[bytes] = []
    zones: dict[str, int] = {}
    for group in _groups(rows):
        named: dict[str, int] = {}
        text = b"".join(component.to_ical() for component in _components(group, named))
        size += len(text)
        if size > MOST_BYTES:
            break
        bodies.append(text)
        for name, year in named.items():
            zones[name] = min(year, zones.get(name, year))
    head, end = _head(calendar).to_ical().rsplit(b"END:VCALENDAR", 1)
    described = (_describe(name, zones[name]) for name in sorted(zones))
    return b"".join((head, *described, *bodies, b"END:VCALENDAR", end))


def _head(calendar: Calendar) -> icalendar.Calendar:
    head = icalendar.Calendar()
    head.add("VERSION", "2.0")
    head.add("PRODID", "-//OpenGrant//Calendar feed//EN")
    head.add("CALSCALE", "GREGORIAN")
    head.add("METHOD", "PUBLISH")
    for name in ("NAME", "X-WR-CALNAME"):
        head.add(name, _clean(calendar.name))
    if calendar.description:
        head.add("X-WR-CALDESC", _clean(calendar.description))
    head.add("REFRESH-INTERVAL", vDuration(timedelta(hours=1)), {"VALUE": "DURATION"})
    head.add("X-PUBLISHED-TTL", "PT1H")
    return head


def _groups(rows: Sequence[Event]) -> Iterator[_Group]:
    changes: dict[str, list[Event]] = {}
    for row in rows:
        if row.master_id is not None:
            changes.setdefault(row.master_id, []).append(row)
    masters = [row for row in rows if row.master_id is None]
    # An edit of a series from one occurrence on leaves two with one id. The older one keeps it.
    first: dict[str, str] = {}
    for row in masters:
        first[row.ical_uid] = min(row.id, first.get(row.ical_uid, row.id))
    for row in masters:
        uid = row.ical_uid if first[row.ical_uid] == row.id else f"{row.ical_uid}-{row.id}"
        yield _Group(row, uid, changes.get(row.id, ()))


# ── one event ─────────────────────────────────────────────────────────────────────────────────────────────────


def _components(group: _Group, named: dict[str, int]) -> Iterator[icalendar.Event]:
    """named: receives the zones, with the first year that each is needed for."""
    event = group.event
    private = event.body.get("visibility") == "private"
    main = _component(event, group.uid, named, private=private)
    if event.kind != "series":
        yield main
        return
    gone = {one.original for one in group.changes if one.kind == "cancelled" and one.original is not None}
    _repeat(main, event, series_of(event), gone, named)
    yield main
    for one in group.changes:
        if one.kind == "override" and one.original is not None:
            hidden = private or one.body.get("visibility") == "private"
            component = _component(one, group.uid, named, private=hidden)
            component.add("RECURRENCE-ID", _at(event, one.original, named))
            yield component


def _component(event: Event, uid: str, named: dict[str, int], *, private: bool) -> icalendar.Event:
    component = icalendar.Event()
    component.add("UID", _clean(uid))
    changed = datetime.fromtimestamp(event.updated_at // SECOND, UTC)
    # The same rows make the same file: its stamp is that of the last change, too.
    component.add("DTSTAMP", changed)
    component.add("LAST-MODIFIED", changed)
    component.add("CREATED", datetime.fromtimestamp(event.created_at // SECOND, UTC))
    component.add("SEQUENCE", event.sequence)
    component.add("STATUS", _STATUS[event.status])
    component.add("TRANSP", "OPAQUE" if event.busy else "TRANSPARENT")
    _add_time(component, event, named)
    if private:
        component.add("SUMMARY", "Busy")
        component.add("CLASS", "PRIVATE")
    else:
        _add_details(component, event.body)
    return component


def _add_time(component: icalendar.Event, event: Event, named: dict[str, int]) -> None:
    if event.whole_days:
        component.add("DTSTART", _at(event, event.wall, named))
        component.add("DTEND", _at(event, event.wall + event.duration, named))
        return
    component.add("DTSTART", _moment(event, event.start_at, named) if event.later else _at(event, event.wall, named))
    if event.kind == "series":
        # A length, so that occurrences keep theirs where clocks change.
        component["DURATION"] = _Length(timedelta(seconds=event.duration))
    else:
        component.add("DTEND", _moment(event, event.start_at + event.duration, named))


class _Length(vDuration):
    """In hours: a day of iCalendar has 23 of them where clocks change."""

    def to_ical(self) -> bytes:
        minutes, seconds = divmod(int(self.td.total_seconds()), 60)
        return f"PT{minutes // 60}H{minutes % 60}M{seconds}S".encode()


def _moment(event: Event, at: Seconds, named: dict[str, int]) -> datetime:
    """In the event's zone, or in UTC where the clock shows that time twice."""
    wall = zone_of(event).wall(at)
    if zone_of(event).utc(wall) != at:
        return datetime.fromtimestamp(at, UTC)
    return _wall(event, wall, named)


def _at(event: Event, wall: Wall, named: dict[str, int]) -> date:
    """A time of an event or its series: a day, a wall time with its zone, or UTC."""
    return (_EPOCH + timedelta(seconds=wall)).date() if event.whole_days else _wall(event, wall, named)


def _wall(event: Event, wall: Wall, named: dict[str, int]) -> datetime:
    local, zone = _EPOCH + timedelta(seconds=wall), zone_of(event)
    if zone.name in _IN_UTC:
        return local.replace(tzinfo=UTC)
    named[zone.name] = min(local.year, named.get(zone.name, local.year))
    return local.replace(tzinfo=zone.rules)


def _add_details(component: icalendar.Event, body: Mapping[str, Any]) -> None:
    description = body.get("text_description") or body.get("description")
    for name, text in (
        ("SUMMARY", body.get("title")),
        ("DESCRIPTION", description),
        ("LOCATION", body.get("location")),
    ):
        if text:
            component.add(name, _clean(str(text)))
    conferencing = body.get("conferencing")
    if isinstance(conferencing, Mapping) and (details := conferencing.get("details")):
        component.add("URL", _word(str(details.get("url", ""))))
    if body.get("visibility") == "public":
        component.add("CLASS", "PUBLIC")
    people = () if body.get("hide_participants") else body.get("participants") or ()
    if people and "@" in str((organizer := body.get("organizer") or {}).get("email", "")):
        component.add("ORGANIZER", _address(organizer))
    for person in people:
        if "@" in str(person.get("email", "")):
            address = _address(person)
            address.params["PARTSTAT"] = vText(_ANSWERS.get(str(person.get("status")), "NEEDS-ACTION"))
            component.add("ATTENDEE", address)


def _address(person: Mapping[str, Any]) -> vCalAddress:
    address = vCalAddress(f"mailto:{_word(str(person['email']))}")
    if person.get("name"):
        address.params["CN"] = vText(_word(str(person["name"])))
    return address


def _clean(text: str) -> str:
    """Without characters that end a line or that a parser may refuse."""
    return text.replace("\r\n", "\n").translate(_UNSEEN)


def _word(text: str) -> str:
    return _clean(text).replace("\n", " ")


# ── series ────────────────────────────────────────────────────────────────────────────────────────────────────


def _repeat(
    component: icalendar.Event, event: Event, series: Series, gone: Iterable[Wall], named: dict[str, int]
) -> None:
    for line in event.recurrence:
        name, _, value = line.strip().partition(":")
        if name.upper() == "RRULE":
            component.add("RRULE", vRecur.from_ical(_rule(value, event, series)))
    for name, walls in (("RDATE", series.added), ("EXDATE", {*series.excluded, *gone})):
        if walls:
            dates = vDDDLists([_at(event, wall, named) for wall in sorted(walls)])
            if event.whole_days:
                dates.params["VALUE"] = "DATE"
            component[name] = dates


def _rule(value: str, event: Event, series: Series) -> str:
    """The rule, with the end as the standard wants it: a day for whole days, else UTC."""
    parts = []
    for part in value.upper().replace(" ", "").strip(";").split(";"):
        name, _, _ = part.partition("=")
        if name == "UNTIL":
            end = 0 if series.end is None else series.end
            moment = _EPOCH + timedelta(seconds=end)
            if not event.whole_days:
                moment = _EPOCH + timedelta(seconds=zone_of(event).utc(end))
            parts.append(f"UNTIL={moment:%Y%m%d}" if event.whole_days else f"UNTIL={moment:%Y%m%dT%H%M%SZ}")
        else:
            parts.append(part)
    return ";".join(parts)


# ── zones ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _describe(name: str, year: int) -> bytes:
    found = zone(name)
    assert found is not None
    return describe(found, min(max(year - 1, 1970), LAST_YEAR - 10))


__all__ = ["MOST_BYTES", "render"]
