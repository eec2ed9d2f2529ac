"""Sets of time: sorted lists of (begin, end), end excluded, none of which touch. Linear, but for one sort."""

from collections.abc import Iterable
from itertools import chain

from opengrant.calendars.zones import Seconds

Interval = tuple[Seconds, Seconds]
Intervals = list[Interval]


def union(given: Iterable[Interval]) -> Intervals:
    """Those that overlap or touch become one; empty ones vanish."""
    found: Intervals = []
    for begin, end in sorted(given):
        if begin >= end:
            continue
        if found and begin <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def clip(given: Iterable[Interval], low: Seconds, high: Seconds) -> Intervals:
    return [(max(begin, low), min(end, high)) for begin, end in given if begin < high and end > low]


def without(given: Intervals, taken: Intervals) -> Intervals:
    """What of `given` no part of `taken` covers."""
    found: Intervals = []
    place = 0
    for begin, end in given:
        while place < len(taken) and taken[place][1] <= begin:
            place += 1
        number, left = place, begin
        while number < len(taken) and taken[number][0] < end:
            if taken[number][0] > left:
                found.append((left, taken[number][0]))
            left = taken[number][1]
            number += 1
        if left < end:
            found.append((left, end))
    return found


def common(several: list[Intervals]) -> Intervals:
    """What all of them cover, by counting who begins and who ends."""
    if len(several) == 1:
        return several[0]
    changes = sorted(chain.from_iterable(((begin, 1), (end, -1)) for one in several for begin, end in one))
    found: Intervals = []
    covering, begin = 0, 0
    for at, change in changes:
        covering += change
        if covering == len(several):
            begin = at
        elif change < 0 and covering == len(several) - 1 and at > begin:
            found.append((begin, at))
    return found
