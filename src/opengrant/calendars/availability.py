"""When people can meet: open hours, what is busy, and the slots that are left. Pure: it is handed what is busy.

A slot begins where free time begins, rounded up to `round_to`, and from there on every `interval`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from opengrant.calendars.intervals import Intervals, clip, common, union, without
from opengrant.calendars.zones import DAY, SLACK, Seconds, Zone

Method = Literal["collective", "max-availability", "max-fairness"]

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class OpenHours:
    """days: 0 is Sunday. start, end: minutes of the day in `zone`. excluded: days, counted from 1970."""

    days: frozenset[int]
    zone: Zone
    start: int
    end: int
    excluded: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class OpenDay:
    """Times of one day, counted from 1970, which replace the open hours of that day."""

    day: int
    zone: Zone
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Person:
    """One participant.

    busy        what is taken, in any order
    open_hours  none: at all times
    open_days   replace the open hours of their days
    only_days   open on `open_days` alone
    """

    email: str
    busy: Intervals
    open_hours: tuple[OpenHours, ...] = ()
    open_days: tuple[OpenDay, ...] = ()
    only_days: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """start, end: the window. Everything in seconds. before, after: kept free around what is busy."""

    start: Seconds
    end: Seconds
    duration: int
    interval: int
    round_to: int
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    emails: list[str]
    start: Seconds
    end: Seconds


def slots(wanted: Wanted, people: Sequence[Person], method: Method) -> list[Slot]:
    """In the order of time. people: in the order of their turn, which is also that of a slot's addresses."""
    free = [_free(wanted, person) for person in people]
    if method == "collective":
        everyone = [person.email for person in people]
        return [Slot(everyone, at, at + wanted.duration) for at in _starts(wanted, common(free))]
    starts = _starts_of_any(wanted, free)
    able: list[list[int]] = [[] for _ in starts]
    for number, times in enumerate(free):
        for begin, end in times:
            first, last = bisect_left(starts, begin), bisect_right(starts, end - wanted.duration)
            for place in range(first, last):
                able[place].append(number)
    foremost = len(people) if method == "max-availability" else (len(people) + 1) // 2
    return [
        Slot([people[number].email for number in numbers], at, at + wanted.duration)
        for at, numbers in zip(starts, able, strict=True)
        if numbers and numbers[0] < foremost
    ]


def _starts(wanted: Wanted, free: Intervals) -> Iterator[Seconds]:
    for begin, end in free:
        at = _round_up(begin, wanted.round_to)
        while at + wanted.duration <= end:
            yield at
            at = _round_up(at + wanted.interval, wanted.round_to)


def _starts_of_any(wanted: Wanted, free: Sequence[Intervals]) -> list[Seconds]:
    """Starts in time that is free for one or another, and where none of these fits someone's free time, also its own.

    Where one's time ends and the next one's begins, no slot may fit either of them from the start of both.
    """
    starts = list(_starts(wanted, union(one for times in free for one in times)))
    own = set[Seconds]()
    for times in free:
        for begin, end in times:
            place, at = bisect_left(starts, begin), _round_up(begin, wanted.round_to)
            if (place == len(starts) or starts[place] + wanted.duration > end) and at + wanted.duration <= end:
                own.add(at)
    return sorted(own.union(starts)) if own else starts


def _round_up(at: Seconds, to: int) -> Seconds:
    return -(-at // to) * to


def _free(wanted: Wanted, person: Person) -> Intervals:
    busy = union((begin - wanted.before, end + wanted.after) for begin, end in person.busy)
    return without(clip(_open(wanted, person), wanted.start, wanted.end), busy)


def _open(wanted: Wanted, person: Person) -> Intervals:
    if person.only_days:
        hours: Intervals = []
    elif person.open_hours:
        hours = union(one for opening in person.open_hours for one in _of_hours(wanted, opening))
    else:
        hours = [(wanted.start, wanted.end)]
    if not person.open_days:
        return hours
    replaced = union((one.zone.utc(one.day * DAY), one.zone.utc((one.day + 1) * DAY)) for one in person.open_days)
    instead = [
        (one.zone.utc(one.day * DAY + one.start * 60), one.zone.utc(one.day * DAY + one.end * 60))
        for one in person.open_days
    ]
    return union([*without(hours, replaced), *instead])


def _of_hours(wanted: Wanted, opening: OpenHours) -> Iterator[tuple[Seconds, Seconds]]:
    zone = opening.zone
    for day in range((wanted.start - SLACK) // DAY, (wanted.end + SLACK) // DAY + 1):
        # 1970-01-01 was a Thursday, 4.
        if (day + 4) % 7 in opening.days and day not in opening.excluded:
            yield zone.utc(day * DAY + opening.start * 60), zone.utc(day * DAY + opening.end * 60)


def day_number(day: date) -> int:
    """Counted from 1970."""
    return day.toordinal() - _EPOCH
