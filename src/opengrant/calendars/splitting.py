"""Cutting a series in two: this occurrence and all that follow become a series of their own, or end."""

from dataclasses import replace
from datetime import UTC, date, datetime

from opengrant.calendars.occurrences import series_of, zone_of
from opengrant.calendars.recurrence import expand
from opengrant.calendars.timing import settled
from opengrant.calendars.zones import DAY, Wall
from opengrant.model.calendars import Event

_EPOCH = date(1970, 1, 1).toordinal()


def head(series: Event, wall: Wall) -> Event:
    """The series as it ends before that occurrence. Raises InvalidData."""
    if series.whole_days:
        until = f"{date.fromordinal(wall // DAY - 1 + _EPOCH):%Y%m%d}"
    else:
        until = f"{datetime.fromtimestamp(zone_of(series).utc(wall) - 1, UTC):%Y%m%dT%H%M%SZ}"
    added = series_of(series).added
    lines = tuple(
        _with_end(line, f"UNTIL={until}") if _is_rule(line) else line for line in _without_added(series.recurrence)
    )
    kept = sorted(at for at in added if at < wall)
    return settled(replace(series, recurrence=(*lines, *_dates(series, kept))))


def tail(series: Event, wall: Wall) -> Event:
    """The rest of the series, from that occurrence on; its id is the series' still. Raises InvalidData."""
    whole = series_of(series)
    rule = whole.rule
    end = None
    if rule is not None and rule.count is not None:
        before = expand(replace(whole, excluded=frozenset(), added=frozenset()), whole.start, wall - 1)
        end = f"COUNT={rule.count - len(before)}"
    lines = tuple(
        _with_end(line, end) if _is_rule(line) and end is not None else line
        for line in _without_added(series.recurrence)
    )
    kept = sorted(at for at in whole.added if at > wall)
    return settled(replace(series, wall=wall, later=False, series_end=None, recurrence=(*lines, *_dates(series, kept))))


def _is_rule(line: str) -> bool:
    return line.strip().upper().startswith("RRULE")


def _without_added(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line for line in lines if not line.strip().upper().startswith("RDATE"))


def _with_end(line: str, end: str) -> str:
    name, _, parts = line.strip().partition(":")
    kept = [part for part in parts.rstrip(";").split(";") if part.partition("=")[0].upper() not in ("COUNT", "UNTIL")]
    return f"{name}:{';'.join([*kept, end])}"


def _dates(series: Event, added: list[Wall]) -> tuple[str, ...]:
    if not added:
        return ()
    written = "%Y%m%d" if series.whole_days else "%Y%m%dT%H%M%S"
    texts = [datetime.fromtimestamp(at, UTC).strftime(written) for at in added]
    return (f"RDATE:{','.join(texts)}",)
