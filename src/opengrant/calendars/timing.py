"""From what a caller says about time to wall time, zone and instants. Every error names the field."""

from dataclasses import replace

from opengrant.calendars.drafts import Days, Timespan
from opengrant.calendars.occurrences import derive, settle
from opengrant.calendars.recurrence import BadRule
from opengrant.calendars.zones import DAY, Zone, zone
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


def place(event: Event, when: Timespan | Days, calendar_zone: str | None) -> Event:
    """The event at that time. Raises InvalidData."""
    if isinstance(when, Days):
        return _on_days(event, when, calendar_zone)
    if (when.start_zone is None) != (when.end_zone is None):
        raise InvalidData("when: name start_timezone and end_timezone, or neither.")
    if when.end < when.start:
        raise InvalidData("when.end_time: it is before start_time.")
    _check_range(when.start, "when.start_time")
    _check_range(when.end, "when.end_time")
    if when.end - when.start > _LONGEST:
        raise InvalidData("when.end_time: an event may last ten years.")
    if when.end_zone is not None:
        require_zone(when.end_zone, "when.end_timezone")
    name = when.start_zone or calendar_zone or "Etc/UTC"
    found = require_zone(name, "when.start_timezone" if when.start_zone else "timezone")
    wall = found.wall(when.start)
    placed = replace(
        event,
        whole_days=False,
        wall=wall,
        zone=found.name,
        later=found.utc(wall) != when.start,
        duration=when.end - when.start,
        start_zone=when.start_zone,
        end_zone=when.end_zone,
    )
    return derive(placed)


def _on_days(event: Event, when: Days, calendar_zone: str | None) -> Event:
    if when.last < when.first:
        raise InvalidData("when.end_date: it is before start_date.")
    if not 1900 <= when.first.year <= 3000 or (when.last - when.first).days > 3660:
        raise InvalidData("when: years from 1900 to 3000, and at most ten of them.")
    found = require_zone(calendar_zone or "Etc/UTC", "timezone")
    first = (when.first.toordinal() - 719_163) * DAY
    placed = replace(
        event,
        whole_days=True,
        wall=first,
        zone=found.name,
        later=False,
        duration=((when.last - when.first).days + 1) * DAY,
        start_zone=None,
        end_zone=None,
    )
    return derive(placed)


def _check_range(at: int, field: str) -> None:
    if not _EARLIEST <= at <= _LATEST:
        raise InvalidData(f"{field}: Unix seconds from the year 1900 to 3000.")


def repeat(event: Event, lines: tuple[str, ...]) -> Event:
    """The event as a series of these lines; without any it is a single one. Raises InvalidData."""
    if not lines:
        return derive(replace(event, kind="single" if event.kind == "series" else event.kind, recurrence=()))
    try:
        return settle(replace(event, kind="series", recurrence=lines))
    except BadRule as problem:
        raise InvalidData(f"recurrence: {problem}") from None
