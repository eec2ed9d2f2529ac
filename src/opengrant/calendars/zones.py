"""Time zones: IANA rules from the pinned tzdata package, never from the machine.

Wall time and zone are what an event holds; UTC is derived from them here. Wall times are seconds since 1970-01-01T00:00
as the zone's clocks show them, without a zone of their own. A wall time that a zone skips is read with the offset from
before the gap, and one that comes twice is the first of the two (RFC 5545, section 3.3.5).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from zoneinfo import ZoneInfo

Wall = int
"""Seconds since 1970-01-01T00:00 on a zone's wall clock."""
Seconds = int
"""Unix seconds: UTC."""

DAY = 86_400
VERSION = ".".join(part.zfill(2) for part in version("tzdata").split("."))
"""Of the rules, such that a later one is the greater text: instants that an earlier one gave are derived again."""
SLACK = 26 * 3600
"""More than any zone is away from UTC."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock has no zone
_ONE_SECOND = timedelta(seconds=1)
_MOST_DAYS = 20_000
"""Days whose offsets a zone remembers: some 50 years."""


class Zone:
    """One zone's rules. name: as IANA writes it. rules: from the pinned package. Made by `zone`."""

    __slots__ = ("_offsets", "name", "rules")

    def __init__(self, name: str, rules: ZoneInfo) -> None:
        self.name = name
        self.rules = rules
        self._offsets: dict[int, int | None] = {}

    def utc(self, wall: Wall, *, later: bool = False) -> Seconds:
        """later: the second of two, where the wall time comes twice."""
        if later:
            return wall - self._offset_at(wall, fold=1)
        day = wall // DAY
        try:
            offset = self._offsets[day]
        except KeyError:
            offset = self._look_up(day)
        return wall - (self._offset_at(wall) if offset is None else offset)

    def wall(self, at: Seconds) -> Wall:
        try:
            local = datetime.fromtimestamp(at, UTC).astimezone(self.rules)
        except (OverflowError, ValueError):
            # Outside the years 1 to 9999, such as the end of a rule that is meant to have none.
            return at
        return (local.replace(tzinfo=None) - _EPOCH) // _ONE_SECOND

    def _look_up(self, day: int) -> int | None:
        """The offset of a whole day; None: it changes within the day."""
        begin, end = self._offset_at(day * DAY), self._offset_at((day + 1) * DAY)
        if len(self._offsets) >= _MOST_DAYS:
            self._offsets.clear()
        offset = self._offsets[day] = begin if begin == end else None
        return offset

    def _offset_at(self, wall: Wall, *, fold: int = 0) -> int:
        try:
            local = (_EPOCH + timedelta(seconds=wall)).replace(tzinfo=self.rules, fold=fold)
            return (local.utcoffset() or timedelta()) // _ONE_SECOND
        except OverflowError:
            return 0


@lru_cache(maxsize=1024)
def zone(name: str) -> Zone | None:
    """By its IANA name, or the name that Windows has for it. None: there is no such zone."""
    known = name if name in _names() else _windows_names().get(name, "")
    if known not in _names():
        return None
    with files("tzdata.zoneinfo").joinpath(*known.split("/")).open("rb") as rules:
        return Zone(known, ZoneInfo.from_file(rules, key=known))


def utc() -> Zone:
    found = zone("Etc/UTC")
    assert found is not None
    return found


def likely() -> list[str]:
    """All names; first one for each set of rules that Windows knows."""
    return list(dict.fromkeys([*_windows_names().values(), *sorted(_names())]))


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset((files("tzdata") / "zones").read_text(encoding="ascii").split())


@lru_cache(maxsize=1)
def _windows_names() -> Mapping[str, str]:
    """IANA's names by those of Windows. icalendar is loaded when one is met: it would take 80 ms of every start."""
    names: Mapping[str, str] = import_module("icalendar.timezone.windows_to_olson").WINDOWS_TO_OLSON
    return names
