"""Slots in which people can meet, against a model that looks at every five minutes by itself."""

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.calendars.availability import OpenDay, OpenHours, Person, Slot, Wanted, day_number, slots
from opengrant.calendars.intervals import clip, common, union, without
from opengrant.calendars.zones import DAY, Zone, zone

STEP = 300
BEGIN = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())


def known(name: str) -> Zone:
    found = zone(name)
    assert found is not None
    return found


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


TIMES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def covered(times: list[tuple[int, int]]) -> set[int]:
    return {moment for begin, end in times for moment in range(begin, end)}


@given(first=TIMES, second=TIMES, low=st.integers(0, 60), high=st.integers(0, 60))
def test_sets_of_time_are_sets(
    first: list[tuple[int, int]], second: list[tuple[int, int]], low: int, high: int
) -> None:
    one, two = union(first), union(second)
    assert covered(one) == covered(first)
    assert all(before[1] < after[0] for before, after in pairwise(one))
    assert covered(without(one, two)) == covered(one) - covered(two)
    assert covered(common([one, two])) == covered(one) & covered(two)
    assert covered(common([one, two, one])) == covered(one) & covered(two)
    assert covered(clip(one, low, high)) == covered(one) & set(range(low, high))


@st.composite
def people(draw: st.DrawFn) -> list[Person]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        busy = draw(st.lists(st.tuples(st.integers(0, 280), st.integers(1, 40)), max_size=6))
        hours = draw(st.lists(st.tuples(st.integers(0, 150), st.integers(1, 100)), max_size=2))
        found.append(
            Person(
                f"{number}@example.com",
                [(BEGIN + begin * STEP, BEGIN + (begin + length) * STEP) for begin, length in busy],
                tuple(
                    OpenHours(
                        frozenset(draw(st.sets(st.integers(0, 6)))), known("Etc/UTC"), begin * 5, (begin + length) * 5
                    )
                    for begin, length in hours
                ),
            )
        )
    return found


def free(person: Person, wanted: Wanted, begin: int) -> bool:
    """Whether every five minutes of the slot are open and not busy."""
    for moment in range(begin, begin + wanted.duration, STEP):
        if any(one - wanted.before <= moment < two + wanted.after for one, two in person.busy):
            return False
        day, minute = moment // DAY, moment % DAY // 60
        open_now = [
            opening
            for opening in person.open_hours
            for back in (0, 1)
            if (day - back + 4) % 7 in opening.days and opening.start <= minute + back * 1440 < opening.end
        ]
        if person.open_hours and not open_now:
            return False
    return True


@given(
    everyone=people(),
    duration=st.integers(1, 12),
    round_to=st.sampled_from([1, 3, 6, 12]),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
)
def test_with_steps_of_the_rounding_slots_are_all_rounded_times_at_which_people_are_free(
    everyone: list[Person], duration: int, round_to: int, before: int, after: int
) -> None:
    wanted = Wanted(
        BEGIN, BEGIN + DAY, duration * STEP, STEP, round_to * STEP, before=before * STEP, after=after * STEP
    )
    grid = range(BEGIN, BEGIN + DAY - wanted.duration + 1, wanted.round_to)
    able = {begin: [person.email for person in everyone if free(person, wanted, begin)] for begin in grid}
    expected = [Slot(emails, begin, begin + wanted.duration) for begin, emails in able.items()]
    assert slots(wanted, everyone, "collective") == [one for one in expected if len(one.emails) == len(everyone)]
    assert slots(wanted, everyone, "max-availability") == [one for one in expected if one.emails]
    foremost = {person.email for person in everyone[: (len(everyone) + 1) // 2]}
    assert slots(wanted, everyone, "max-fairness") == [one for one in expected if foremost & set(one.emails)]


def starts(person: Person, begin: str, end: str, **more: Any) -> list[str]:
    asked = Wanted(at(begin), at(end), **{"duration": 3600, "interval": 3600, "round_to": 900, **more})
    return [datetime.fromtimestamp(one.start, UTC).isoformat()[:16] for one in slots(asked, [person], "collective")]


def test_a_slot_begins_where_free_time_begins_rounded_up() -> None:
    busy = [(at("2026-03-02T00:00Z"), at("2026-03-02T09:20Z")), (at("2026-03-02T12:00Z"), at("2026-03-03T00:00Z"))]
    assert starts(Person("a", busy), "2026-03-02T00:00Z", "2026-03-03T00:00Z") == [
        "2026-03-02T09:30",
        "2026-03-02T10:30",
    ]
    assert starts(Person("a", busy), "2026-03-02T00:00Z", "2026-03-03T00:00Z", round_to=1800, interval=1800) == [
        "2026-03-02T09:30",
        "2026-03-02T10:00",
        "2026-03-02T10:30",
        "2026-03-02T11:00",
    ]


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)],
)
def test_a_day_in_berlin_has_the_hours_that_it_has(day: str, hours: int) -> None:
    everyday = OpenHours(frozenset(range(7)), known("Europe/Berlin"), 0, 1440)
    only = OpenDay(day_number(date.fromisoformat(day)), known("Europe/Berlin"), 0, 1440)
    person = Person("a", [], (everyday,), (only,), only_days=True)
    assert len(starts(person, f"{day}T00:00+03:00", f"{day}T23:59-03:00")) == hours


def test_open_hours_keep_to_the_wall_clock_over_a_change_of_offset() -> None:
    nine_to_ten = OpenHours(frozenset({0, 1, 6}), known("Europe/Berlin"), 540, 600)
    found = starts(Person("a", [], (nine_to_ten,)), "2026-03-28T00:00Z", "2026-03-31T00:00Z")
    assert found == ["2026-03-28T08:00", "2026-03-29T07:00", "2026-03-30T07:00"]


def test_excluded_days_are_closed_and_open_days_replace_their_hours() -> None:
    utc = known("Etc/UTC")
    monday, tuesday = day_number(date(2026, 3, 2)), day_number(date(2026, 3, 3))
    usual = OpenHours(frozenset({1, 2, 3}), utc, 540, 600, frozenset({monday}))
    special = OpenDay(tuesday, utc, 1200, 1260)
    window = ("2026-03-02T00:00Z", "2026-03-05T00:00Z")
    assert starts(Person("a", [], (usual,), (special,)), *window) == ["2026-03-03T20:00", "2026-03-04T09:00"]
    assert starts(Person("a", [], (usual,), (special,), only_days=True), *window) == ["2026-03-03T20:00"]
    assert len(starts(Person("a", [], (), (special,)), *window)) == 24 + 1 + 24


@pytest.mark.parametrize("method", ["max-availability", "max-fairness"])
def test_time_that_is_free_for_one_is_offered_although_it_does_not_fit_a_slot_from_the_start_of_anothers(
    method: Any,
) -> None:
    hour = 3600
    first = Person("a@example.com", [(BEGIN + hour // 2, BEGIN + 9 * hour)])
    second = Person("b@example.com", [(BEGIN, BEGIN + hour // 2), (BEGIN + 3 * hour // 2, BEGIN + 9 * hour)])
    wanted = Wanted(BEGIN, BEGIN + 9 * hour, hour, hour, 900)
    begin = BEGIN + hour // 2
    assert slots(wanted, [second, first], method) == [Slot(["b@example.com"], begin, begin + hour)]
