"""From what a caller says about time to wall time, zone and instants. Every error names the field."""

from dataclasses import replace
from typing import NamedTuple

from opengrant.calendars.drafts import Days, Timespan
from opengrant.calendars.occurrences import derive, settle
from opengrant.calendars.recurrence import BadRule
from opengrant.calendars.zones import DAY, VERSION, Zone, zone
from opengrant.errors import InvalidData
from opengrant.model.calendars import Event

_EARLIEST, _LATEST = -2_208_988_800, 32_503_680_000
"""1900 and 3000, in Unix seconds."""
_LONGEST = 10 * 366 * DAY


def require_zone(name: str, field: str) -> Zone:
    """Raises InvalidData."""
    found = zone(name)
    if found is None:
        raise InvalidData(f"{field}: {name[:60]!r} is no time zone. Use an IANA name such as Europe/Berlin.")
    return found


class Placement(NamedTuple):
    """Members of an event that say when it is; of a series, of its first occurrence."""

    whole_days: bool
    wall: int
    zone: str
    later: bool
    duration: int
    start_zone: str | None
    end_zone: str | None
    start_at: int
    end_at: int


def place(event: Event, when: Timespan | Days, calendar_zone: str | None) -> Event:
    """The event at that time; a series is to be settled then. Raises InvalidData."""
    return replace(event, **placement(when, calendar_zone)._asdict(), tz_version=VERSION)


def placement(when: Timespan | Days, calendar_zone: str | None) -> Placement:
    """Raises InvalidData."""
    if isinstance(when, Days):
        return _on_days(when, calendar_zone)
    if (when.start_zone is None) != (when.end_zone is None):
        raise InvalidData("when: name start_timezone and end_timezone, or neither.")
    if when.end < when.start:
        raise InvalidData("when.end_time: it is before start_time.")
    _check_range(when.start, "when.start_time")
    _check_range(when.end, "when.end_time")
    if when.end - when.start > _LONGEST:
        raise InvalidData("when.end_time: an event may last ten years.")
    end_zone = None if when.end_zone is None else require_zone(when.end_zone, "when.end_timezone").name
    name = when.start_zone or calendar_zone or "Etc/UTC"
    found = require_zone(name, "when.start_timezone" if when.start_zone else "timezone")
    wall = found.wall(when.start)
    # The second of two where the clock shows the time twice.
    later = found.utc(wall) != when.start
    start_at = found.utc(wall, later=later)
    # Also of Windows' names it is IANA's that readers know.
    start_zone = None if when.start_zone is None else found.name
    return Placement(
        *(False, wall, found.name, later, when.end - when.start, start_zone, end_zone),
        *(start_at, start_at + when.end - when.start),
    )


def _on_days(when: Days, calendar_zone: str | None) -> Placement:
    if when.last < when.first:
        raise InvalidData("when.end_date: it is before start_date.")
    if not 1900 <= when.first.year <= 3000 or (when.last - when.first).days > 3660:
        raise InvalidData("when: years from 1900 to 3000, and at most ten of them.")
    found = require_zone(calendar_zone or "Etc/UTC", "timezone")
    wall = (when.first.toordinal() - 719_163) * DAY
    duration = ((when.last - when.first).days + 1) * DAY
    instants = (found.utc(wall), found.utc(wall + duration))
    return Placement(True, wall, found.name, False, duration, None, None, *instants)


def _check_range(at: int, field: str) -> None:
    if not _EARLIEST <= at <= _LATEST:
        raise InvalidData(f"{field}: Unix seconds from the year 1900 to 3000.")


def repeat(event: Event, lines: tuple[str, ...]) -> Event:
    """The event as a series of these lines; without any it is a single one. Raises InvalidData."""
    if not lines and event.kind != "series":
        return event
    if not lines:
        return derive(replace(event, kind="single", recurrence=(), series_end=None))
    return settled(replace(event, kind="series", recurrence=lines))


def settled(series: Event) -> Event:
    """With its end and instants worked out. Raises InvalidData: the rule is bad, never occurs, or too often."""
    try:
        return settle(series)
    except BadRule as problem:
        raise InvalidData(f"recurrence: {problem}") from None
