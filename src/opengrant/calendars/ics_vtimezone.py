"""A zone of IANA as iCalendar describes it.

icalendar makes such descriptions too, but its summer time begins an hour late: it writes the time that clocks show
after the change, where the standard wants the one before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import icalendar
from icalendar.prop import vDDDLists, vRecur

from opengrant.calendars.zones import DAY, Seconds, Zone

LAST_YEAR = 2037
"""Rules of a zone that hold then go on for ever."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock has no zone
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a change leads to. Offsets in seconds."""

    before: int
    after: int
    summer: bool
    name: str


@lru_cache(maxsize=512)
def describe(zone: Zone, year: int) -> bytes:
    """A VTIMEZONE that is right from that year on."""
    described = icalendar.Timezone()
    described.add("TZID", zone.name)
    low, high = (_seconds(date(number, 1, 1)) for number in (year, LAST_YEAR + 1))
    first = _offset(zone, low)
    # What holds at first, as a change that changes nothing.
    begin = _EPOCH + timedelta(seconds=low + first)
    described.add_component(_observance(_kind(zone, low, first), [begin], None))
    kinds: dict[_Kind, list[datetime]] = {}
    for at in _changes(zone, low, high):
        before = _offset(zone, at - 1)
        kinds.setdefault(_kind(zone, at, before), []).append(_EPOCH + timedelta(seconds=at + before))
    for kind, onsets in kinds.items():
        single, ruled, rule = _split(onsets)
        for some, by in ((single, None), (ruled, rule)):
            if some:
                described.add_component(_observance(kind, some, by))
    text: bytes = described.to_ical()
    return text


def _seconds(day: date) -> Seconds:
    return (day - _EPOCH.date()).days * DAY


def _offset(zone: Zone, at: Seconds) -> int:
    return zone.wall(at) - at


def _kind(zone: Zone, at: Seconds, before: int) -> _Kind:
    local = datetime.fromtimestamp(at, UTC).astimezone(zone.rules)
    return _Kind(before, _offset(zone, at), bool(local.dst()), local.tzname() or zone.name)


def _changes(zone: Zone, low: Seconds, high: Seconds) -> Iterator[Seconds]:
    """When the offset changes. Two changes within a day would be one."""
    for day in range(low, high, DAY):
        before, after = _offset(zone, day), _offset(zone, day + DAY)
        if before == after:
            continue
        begin, end = day, day + DAY
        while end - begin > 1:
            middle = (begin + end) // 2
            if _offset(zone, middle) == before:
                begin = middle
            else:
                end = middle
        yield end


def _split(onsets: Sequence[datetime]) -> tuple[Sequence[datetime], Sequence[datetime], str | None]:
    """(those with a date each, those that follow a rule, the rule): the latest ones, if they reach the last year."""
    if onsets[-1].year != LAST_YEAR:
        return onsets, (), None
    for rule_of in (_last, _nth):
        rule = rule_of(onsets[-1])
        place = len(onsets) - 1
        while place > 0 and onsets[place - 1].year == onsets[place].year - 1 and rule_of(onsets[place - 1]) == rule:
            place -= 1
        if rule is not None and len(onsets) - place > 7:
            return onsets[:place], onsets[place:], rule[0]
    return onsets, (), None


_Rule = tuple[str, int]
"""The rule, and the second of the day."""


def _last(at: datetime) -> _Rule | None:
    if (at + timedelta(days=7)).month == at.month:
        return None
    return _rule(at, -1)


def _nth(at: datetime) -> _Rule | None:
    return _rule(at, (at.day - 1) // 7 + 1)


def _rule(at: datetime, number: int) -> _Rule:
    time = at.hour * 3600 + at.minute * 60 + at.second
    return f"FREQ=YEARLY;BYMONTH={at.month};BYDAY={number}{_WEEKDAYS[at.weekday()]}", time


def _observance(kind: _Kind, onsets: Sequence[datetime], rule: str | None) -> icalendar.Component:
    found = icalendar.TimezoneDaylight() if kind.summer else icalendar.TimezoneStandard()
    found.add("DTSTART", onsets[0])
    if rule is not None:
        found.add("RRULE", vRecur.from_ical(rule))
    elif len(onsets) > 1:
        found["RDATE"] = vDDDLists(list(onsets[1:]))
    found.add("TZNAME", kind.name)
    found.add("TZOFFSETFROM", timedelta(seconds=kind.before))
    found.add("TZOFFSETTO", timedelta(seconds=kind.after))
    return found
