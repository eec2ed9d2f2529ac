"""When the series of a calendar occur in a window, and a bounded memory of that.

What a calendar's series amount to costs far more than its other events: each is read, and its rule expanded. A
calendar's version grows with every change of it, in the same transaction, so what was read with a version stays right
for every reader of that version: no node has to be told of a change.
"""

import asyncio
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

from opengrant.calendars.occurrences import instants
from opengrant.calendars.zones import DAY, SLACK, Seconds, Wall
from opengrant.errors import InvalidData
from opengrant.model.calendars import Calendar, Event
from opengrant.store.calendars import events
from opengrant.store.engine.port import Row, Steps

MOST = 50_000
"""Occurrences of a window: the answer to a longer one would keep other requests waiting."""

_WEEK = 7 * DAY
_LONGEST_KEPT = 62 * DAY
"""Windows up to this length are rounded to weeks, so that the next one finds what this one has worked out."""
_MOST_KEPT = 200_000
"""Weight of all that is kept: an occurrence counts one, a series what its row is heavier. About 20 MB."""
_WEIGHT_OF_A_SERIES = 20
_FEW = 100
"""Series that are expanded at once; more are expanded in a thread."""
_DURATION = events.COLUMNS.names.index("duration")


@dataclass(frozen=True, slots=True)
class Expanded:
    """Occurrences from `low` to `high`, both included, by begin and by the id of their series. Columns of one table.

    series   by id
    changed  (series, wall time) of occurrences that rows of their own stand for: they are in the table too
    longest  seconds that one of them takes
    """

    low: Seconds
    high: Seconds
    series: Sequence[Event]
    changed: frozenset[tuple[str, Wall]]
    begins: "array[int]"
    ends: "array[int]"
    walls: "array[int]"
    numbers: "array[int]"
    longest: int

    def between(self, low: Seconds, high: Seconds, *, since: Seconds | None = None) -> Iterator[int]:
        """Places of those of which a part lies from `low` to `high`. since: only those that begin then or later."""
        first = bisect_left(self.begins, low - self.longest if since is None else max(since, low - self.longest))
        for place in range(first, bisect_right(self.begins, high)):
            if self.begins[place] >= low or self.ends[place] > low:
                yield place

    @property
    def weight(self) -> int:
        return len(self.begins) + _WEIGHT_OF_A_SERIES * len(self.series)


_Key = tuple[str, str, int, Seconds, Seconds]


@dataclass(frozen=True, slots=True)
class Unexpanded:
    """What `read` has found: the rows of series, or what was known of them."""

    key: _Key
    rows: Sequence[Row]
    changed: Sequence[tuple[str, int]]
    known: Expanded | None


@dataclass(slots=True)
class Expansions:
    """Built once, in assembly/. Used by the loop and by the threads of the store."""

    _kept: OrderedDict[_Key, Expanded] = field(default_factory=OrderedDict, repr=False)
    _weight: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def read(self, calendar: Calendar, low: Seconds, high: Seconds) -> Steps[Unexpanded]:
        """The series of a window. The calendar was read before them, in the same script."""
        if high - low <= _LONGEST_KEPT:
            low, high = low - low % _WEEK, high - high % _WEEK + _WEEK
        key = (calendar.application_id, calendar.id, calendar.version, low, high)
        known = self._find(key)
        if known is not None:
            return Unexpanded(key, (), (), known)
        rows = yield from events.series_between(calendar, low=low, high=high)
        changed: list[tuple[str, int]] = []
        if rows:
            # An occurrence that began long before the window may reach into it.
            longest = max(row[_DURATION] for row in rows)
            changed = yield from events.changed_between(calendar, low=low - longest - SLACK, high=high + SLACK)
        return Unexpanded(key, rows, changed, None)

    async def expand(self, found: Unexpanded) -> Expanded:
        """Raises InvalidData: there are more than `MOST` occurrences."""
        if found.known is None and len(found.rows) > _FEW:
            return await asyncio.to_thread(self.expand_here, found)
        return self.expand_here(found)

    def expand_here(self, found: Unexpanded) -> Expanded:
        """As `expand`, for a script, which cannot wait."""
        if found.known is not None:
            return found.known
        *_, low, high = found.key
        made = _expanded([events.read(row) for row in found.rows], frozenset(found.changed), low, high)
        if made.series and high - low <= _LONGEST_KEPT + 2 * _WEEK:
            self._keep(found.key, made)
        return made

    def _find(self, key: _Key) -> Expanded | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: _Key, made: Expanded) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = made
            self._weight += made.weight
            while self._weight > _MOST_KEPT:
                _, gone = self._kept.popitem(last=False)
                self._weight -= gone.weight


def _expanded(series: list[Event], changed: frozenset[tuple[str, int]], low: Seconds, high: Seconds) -> Expanded:
    series.sort(key=lambda one: one.id)
    found: list[tuple[Seconds, int, Wall, Seconds]] = []
    for number, one in enumerate(series):
        found += [(begin, number, wall, end) for begin, end, wall in instants(one, low, high)]
        if len(found) > MOST:
            raise InvalidData(f"end: there are more than {MOST:,} occurrences in this window. Choose a shorter one.")
    found.sort()
    begins, numbers, walls, ends = zip(*found, strict=True) if found else ((), (), (), ())
    return Expanded(
        low,
        high,
        series,
        changed,
        array("q", begins),
        array("q", ends),
        array("q", walls),
        array("i", numbers),
        max((end - begin for begin, _, _, end in found), default=0),
    )
