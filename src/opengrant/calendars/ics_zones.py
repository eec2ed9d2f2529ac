"""Time zones as files name and describe them, to zones of IANA.

A name that IANA or Windows has means that zone. Any other is looked up by the rules that the file gives for it: they
are compared with those of each zone from five years back to five years ahead. Rules that no zone has count by their
offset at the time that is read.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from opengrant.calendars.ics_lines import BadLine, Component, Property
from opengrant.calendars.recurrence import BadRule, Rule, Series, expand, parse, parse_date
from opengrant.calendars.zones import DAY, Seconds, Wall, Zone, likely, utc, zone
from opengrant.errors import InvalidData

_YEARS = 5 * 366 * DAY
_MOST_ZONES = 300
_MOST_OBSERVANCES = 3_000
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})(?::?(\d{2}))?", re.ASCII)
_MONTH = 30 * DAY
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a file says of a zone. changes: (wall time before the change, in UTC, offset from then on), ascending."""

    before: int
    changes: Sequence[tuple[Wall, Seconds, int]]

    def offset(self, wall: Wall) -> int:
        place = bisect_right(self.changes, wall, key=lambda change: change[0])
        return self.changes[place - 1][2] if place else self.before

    def is_of(self, zone_: Zone, low: Seconds, high: Seconds) -> bool:
        times = [change[1] for change in self.changes if low <= change[1] <= high]
        asked = [*range(low, high, _MONTH), *(at - 1 for at in times), *times]
        return all(zone_.wall(at) - at == self._at(at) for at in asked)

    def _at(self, at: Seconds) -> int:
        place = bisect_right(self.changes, at, key=lambda change: change[1])
        return self.changes[place - 1][2] if place else self.before


@dataclass(slots=True)
class Zones:
    """The zones of one file. now: Unix seconds, around which rules are compared."""

    described: Sequence[Component]
    now: Seconds
    _found: dict[str, Zone | _Rules] = field(default_factory=dict)
    _by_name: dict[str, Component] | None = None

    def __post_init__(self) -> None:
        if len(self.described) > _MOST_ZONES:
            raise InvalidData(f"ics: more than {_MOST_ZONES} time zones are described.")
        if sum(len(one.children) for one in self.described) > _MOST_OBSERVANCES:
            raise InvalidData(f"ics: time zones are described with more than {_MOST_OBSERVANCES:,} parts.")

    def place(self, name: str, wall: Wall) -> tuple[Zone, Wall]:
        """The zone that a name means at that time, and the time in it."""
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._look_up(name)
        if isinstance(found, Zone):
            return found, wall
        offset = found.offset(wall)
        hours, rest = divmod(-offset, 3600)
        fixed = zone(f"Etc/GMT{hours:+d}") if hours and not rest else None
        return (utc(), wall - offset) if fixed is None else (fixed, wall)

    def _look_up(self, name: str) -> Zone | _Rules:
        described = self._described(name)
        named = [name, *("/".join(name.split("/")[-parts:]) for parts in (3, 2))]
        if described is not None and (location := _value(described, "X-LIC-LOCATION")):
            named.append(location)
        for one in named:
            if len(one) <= 100 and (known := zone(one.strip())) is not None:
                return known
        if described is None:
            return utc()
        rules = _read(described, self.now - _YEARS, self.now + _YEARS)
        for candidate in likely():
            known = zone(candidate)
            # Two moments rule out nearly all.
            if known is not None and all(
                rules.is_of(known, low, high)
                for low, high in ((self.now, self.now + 7 * _MONTH), (self.now - _YEARS, self.now + _YEARS))
            ):
                return known
        return rules

    def _described(self, name: str) -> Component | None:
        if self._by_name is None:
            self._by_name = {}
            for one in self.described:
                self._by_name.setdefault(_value(one, "TZID"), one)
        return self._by_name.get(name)


def _value(component: Component, name: str) -> str:
    try:
        found = component.first(name)
    except BadLine:
        return ""
    return "" if found is None else found.text.strip()


def _read(described: Component, low: Seconds, high: Seconds) -> _Rules:
    """What cannot be read of a description is left out."""
    changes: list[tuple[Wall, Seconds, int]] = []
    first: tuple[Wall, int] | None = None
    for child in described.children:
        try:
            found = {one.name: one for one in child.properties()}
            before, after = _offset(found["TZOFFSETFROM"]), _offset(found["TZOFFSETTO"])
            start = parse_date(found["DTSTART"].value.strip())[0]
            onsets = _onsets(child, found, start, before, low, high)
        except (BadLine, BadRule, KeyError):
            continue
        changes += [(at, at - before, after) for at in onsets]
        first = min(first or (start, before), (start, before))
    changes.sort(key=lambda change: change[1])
    return _Rules(0 if first is None else first[1], changes)


def _onsets(
    child: Component, found: dict[str, Property], start: Wall, before: int, low: Wall, high: Wall
) -> list[Wall]:
    """When it begins to hold, in the window; and the last time before that. Raises BadRule, BadLine."""
    rule: Rule | None = None
    if "RRULE" in found:
        rule = parse(found["RRULE"].value)
        if rule.frequency != "YEARLY":
            raise BadRule("a zone changes by the year.")
        start = max(start, _in_1970(start))
    added = {
        parse_date(text.strip())[0]
        for one in child.properties()
        if one.name == "RDATE"
        for text in one.value.split(",")[:500]
    }
    end = None
    if rule is not None and rule.until is not None:
        end = rule.until.at + before if rule.until.utc else rule.until.at
    series = Series(start, False, rule, end, frozenset(added))
    onsets = expand(series, low - 400 * DAY, high)
    earlier = [at for at in (start, *added) if at <= low - 400 * DAY]
    if earlier and not (onsets and onsets[0] <= low):
        last = max(earlier)
        if end is not None:
            # A rule that ended before the window: its last change is what counts.
            last = max([last, *expand(series, end - 400 * DAY, end)])
        onsets.insert(0, last)
    return onsets


def _in_1970(wall: Wall) -> Wall:
    """The same day of that year: Windows begins its rules in 1601."""
    day, time = divmod(wall, DAY)
    try:
        return (date.fromordinal(day + _EPOCH).replace(year=1970).toordinal() - _EPOCH) * DAY + time
    except (ValueError, OverflowError):
        raise BadRule("a zone has no such day.") from None


def _offset(one: Property) -> int:
    found = _OFFSET.fullmatch(one.value.strip())
    if found is None:
        raise BadRule("an offset is written +0100.")
    seconds = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0)
    return -seconds if found[1] == "-" else seconds
