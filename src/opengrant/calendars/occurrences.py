"""From the row of a series to its occurrences, and the ids that occurrences go by."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache

from opengrant.calendars.recurrence import LONGEST, BadRule, Rule, Series, check, end_of, expand, parse, parse_date
from opengrant.calendars.zones import DAY, SLACK, VERSION, Seconds, Wall, Zone, utc, zone
from opengrant.model.calendars import ENDLESS, Event

MOST_LINES = 50
MOST_DATES = 1000
_TOO_MANY_DATES = f"more than {MOST_DATES} dates are added or excluded."
_EPOCH = date(1970, 1, 1).toordinal()
_ID = re.compile(r"(.+)_(\d{8})(?:T(\d{6})Z)?", re.ASCII)
_DATES = ("VALUE=DATE", "VALUE=DATE-TIME")


def zone_of(event: Event) -> Zone:
    """UTC, should the rules of today not know its zone any more."""
    return zone(event.zone) or utc()


def read_lines(lines: Sequence[str], start: Wall, zone_: Zone, *, whole_days: bool, end: Wall | None = None) -> Series:
    """A series from `RRULE:`, `EXDATE:` and `RDATE:` lines. end: what COUNT amounts to, where that is known.

    Raises BadRule. Times that end with Z are UTC, all others are wall times of the zone.
    """
    if len(lines) > MOST_LINES:
        raise BadRule(f"there are more than {MOST_LINES} lines.")
    if sum(line.count(",") + 1 for line in lines if not line.lstrip().upper().startswith("RRULE")) > MOST_DATES:
        raise BadRule(_TOO_MANY_DATES)
    rule: Rule | None = None
    dates: dict[str, set[Wall]] = {"EXDATE": set(), "RDATE": set()}
    for line in lines:
        head, colon, value = line.strip().partition(":")
        name, *parameters = head.upper().split(";")
        if name == "RRULE" and colon and not parameters:
            if rule is not None:
                raise BadRule("there are two RRULE lines; an event has one.")
            rule = parse(value)
        elif name in dates and colon:
            if any(parameter not in _DATES for parameter in parameters):
                raise BadRule(f"{name}: the zone comes from `when`; write wall times, or UTC with a Z at the end.")
            dates[name].update(_read_dates(value, start, zone_, whole_days=whole_days))
        else:
            raise BadRule(f"{line[:40]!r} is none of RRULE:, EXDATE: and RDATE:.")
    if sum(map(len, dates.values())) > MOST_DATES:
        raise BadRule(_TOO_MANY_DATES)
    if any(abs(at - start) > LONGEST for at in dates["RDATE"]):
        raise BadRule("RDATE: a date is more than 200 years from the start of the event.")
    if rule is None and not dates["RDATE"]:
        raise BadRule("there is no RRULE.")
    if end is None and rule is not None and rule.until is not None:
        end = zone_.wall(rule.until.at) if rule.until.utc else rule.until.at
    return Series(start, whole_days, rule, end, frozenset(dates["RDATE"]), frozenset(dates["EXDATE"]))


def _read_dates(value: str, start: Wall, zone_: Zone, *, whole_days: bool) -> list[Wall]:
    found = []
    for text in value.split(","):
        at, only_date, is_utc = parse_date(text.strip().upper())
        at = zone_.wall(at) if is_utc and not whole_days else at
        if whole_days:
            at -= at % DAY
        elif only_date:
            at += start % DAY
        found.append(at)
    return found


def settle(event: Event) -> Event:
    """A series with its end and instants worked out. Raises BadRule: it never occurs, or too often."""
    zone_ = zone_of(event)
    series = read_lines(event.recurrence, event.wall, zone_, whole_days=event.whole_days)
    check(series)
    counted = end_of(series)
    end = series.end if counted is None else counted
    last = ENDLESS
    if end is not None or series.rule is None:
        last = _end(event, zone_, max(event.wall if end is None else end, event.wall, *series.added))
    return derive(replace(event, series_end=end, end_at=last))


def derive_again(event: Event) -> Event:
    """With the instants that today's rules of its zone give it."""
    if event.kind != "series":
        return derive(event)
    try:
        return settle(event)
    except BadRule:
        # It was written when fewer rules were refused: it ends when it ended.
        return derive(event)


def derive(event: Event) -> Event:
    """The same with the instants that today's rules of its zone give it; the end of a series is `settle`'s."""
    zone_ = zone_of(event)
    start_at = zone_.utc(event.wall, later=event.later)
    if event.kind == "series":
        end_at = event.end_at
    else:
        end_at = _end(event, zone_, event.wall) if event.whole_days else start_at + event.duration
    return replace(event, start_at=start_at, end_at=end_at, tz_version=VERSION)


def _end(event: Event, zone_: Zone, wall: Wall) -> Seconds:
    return zone_.utc(wall + event.duration) if event.whole_days else zone_.utc(wall) + event.duration


@lru_cache(maxsize=20_000)
def _series(lines: tuple[str, ...], start: Wall, zone_: str, whole_days: bool, end: Wall | None) -> Series:
    return read_lines(lines, start, zone(zone_) or utc(), whole_days=whole_days, end=end)


def series_of(event: Event) -> Series:
    return _series(event.recurrence, event.wall, event.zone, event.whole_days, event.series_end)


def instants(event: Event, low: Seconds, high: Seconds) -> list[tuple[Seconds, Seconds, Wall]]:
    """(begin, end, wall time) of the occurrences of which a part lies in the window, ascending."""
    zone_, length = zone_of(event), event.duration
    walls = expand(series_of(event), low - length - SLACK, high + SLACK)
    if event.whole_days:
        all_of_them = [(zone_.utc(wall), zone_.utc(wall + length), wall) for wall in walls]
    else:
        all_of_them = [(at := zone_.utc(wall), at + length, wall) for wall in walls]
    return [one for one in all_of_them if one[0] <= high and (one[1] > low or one[0] >= low)]


def occurrence(event: Event, wall: Wall, *, id_: str | None = None) -> Event:
    """One occurrence of a series as an event of its own. id_: its id, where that is known."""
    zone_ = zone_of(event)
    start_at = zone_.utc(wall)
    # Not `replace`: a list makes hundreds of them, and it takes three times as long.
    return Event(
        application_id=event.application_id,
        grant_id=event.grant_id,
        calendar_id=event.calendar_id,
        id=id_ or occurrence_id(event, wall),
        kind="override",
        master_id=event.id,
        original=wall,
        ical_uid=event.ical_uid,
        whole_days=event.whole_days,
        wall=wall,
        zone=event.zone,
        later=False,
        duration=event.duration,
        start_zone=event.start_zone,
        end_zone=event.end_zone,
        start_at=start_at,
        end_at=zone_.utc(wall + event.duration) if event.whole_days else start_at + event.duration,
        tz_version=VERSION,
        recurrence=(),
        series_end=None,
        status=event.status,
        busy=event.busy,
        body=event.body,
        metadata=event.metadata,
        sequence=event.sequence,
        created_at=event.created_at,
        updated_at=event.updated_at,
    )


def occurrence_id(event: Event, wall: Wall) -> str:
    if event.whole_days:
        return f"{event.id}_{_day_stamp(wall // DAY)}"
    day, second = divmod(zone_of(event).utc(wall), DAY)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{event.id}_{_day_stamp(day)}T{hour:02}{minute:02}{second:02}Z"


@lru_cache(maxsize=4096)
def _day_stamp(day: int) -> str:
    return f"{date.fromordinal(day + _EPOCH):%Y%m%d}"


def split_id(event_id: str) -> tuple[str, str] | None:
    """(id of the series, the rest) where an id may be that of an occurrence."""
    found = _ID.fullmatch(event_id)
    return None if found is None else (found[1], event_id[len(found[1]) + 1 :])


def find_occurrence(event: Event, stamp: str) -> Wall | None:
    """The wall time of the occurrence with that id, if the series has it."""
    try:
        at, whole_day, is_utc = parse_date(stamp)
    except BadRule:
        return None
    if whole_day != event.whole_days or is_utc == event.whole_days:
        return None
    wall = at if whole_day else zone_of(event).wall(at)
    # A time that a zone skips is named by the one that it is moved to.
    for candidate in expand(series_of(event), wall - 2 * 3600, wall):
        if occurrence_id(event, candidate).endswith(f"_{stamp}"):
            return candidate
    return None
