"""Recurrence rules: what is read, which occurrences come out, and what it costs."""

import sys
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, example, given
from hypothesis import strategies as st

from opengrant.calendars.recurrence import MOST_A_YEAR, BadRule, Series, check, end_of, expand, parse
from opengrant.calendars.zones import DAY

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall times have no zone
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def wall(text: str) -> int:
    return int((datetime.fromisoformat(text) - EPOCH).total_seconds())


def shown(times: list[int]) -> list[str]:
    return [(EPOCH + timedelta(seconds=at)).isoformat() for at in times]


def series(rule: str, start: str, **more: Any) -> Series:
    whole_days = len(start) == 10
    read = parse(rule)
    until = read.until.at if read.until else None
    return Series(wall(start), whole_days, read, **{"end": until, **more})


def occurrences(rule: str, start: str, first: str, last: str) -> list[str]:
    return shown(expand(series(rule, start), wall(first), wall(last)))


def goes_on(series: Series, after: int) -> bool:
    """Soon enough: within five years, where a period is no shorter than a week."""
    begin = after + DAY
    spans = (3, 40, 400, 5 * 366) if series.rule.frequency in ("YEARLY", "MONTHLY", "WEEKLY") else (3, 40, 400)
    return any(expand(series, begin, begin + days * DAY) for days in spans)


def oracle(rule: str, start: str, first: str, last: str) -> list[str]:
    """What dateutil finds. It would go on until the year 9999 where nothing comes after the window."""
    assume(goes_on(series(rule, start), wall(last)))
    found = rrulestr(f"RRULE:{rule}", dtstart=datetime.fromisoformat(start))
    inside = found.between(datetime.fromisoformat(first), datetime.fromisoformat(last), inc=True)
    return [at.isoformat() for at in inside]


def lists(values: st.SearchStrategy[int], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=most, unique=True).map(lambda found: ",".join(map(str, found)))


def signed(highest: int) -> st.SearchStrategy[int]:
    return st.integers(1, highest).flatmap(lambda number: st.sampled_from([number, -number]))


MONTHS = lists(st.integers(1, 12))
MONTH_DAYS = lists(signed(31))
DAYS = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=3, unique=True).map(",".join)
NTH_DAYS = st.lists(
    st.tuples(signed(5), st.sampled_from(WEEKDAYS)).map(lambda day: f"{day[0]}{day[1]}"), min_size=1, max_size=3
).map(",".join)
HOURS = lists(st.integers(0, 23))
MINUTES = lists(st.sampled_from([0, 15, 30, 59]))

PARTS: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "YEARLY": {"BYMONTH": MONTHS, "BYMONTHDAY": MONTH_DAYS, "BYDAY": DAYS | NTH_DAYS, "BYHOUR": HOURS},
    "MONTHLY": {"BYMONTH": MONTHS, "BYMONTHDAY": MONTH_DAYS, "BYDAY": DAYS | NTH_DAYS, "BYHOUR": HOURS},
    "WEEKLY": {"BYMONTH": MONTHS, "BYDAY": DAYS, "WKST": st.sampled_from(WEEKDAYS), "BYHOUR": HOURS},
    "DAILY": {"BYMONTH": MONTHS, "BYMONTHDAY": MONTH_DAYS, "BYDAY": DAYS, "BYHOUR": HOURS, "BYMINUTE": MINUTES},
    "HOURLY": {"BYMONTH": MONTHS, "BYMONTHDAY": MONTH_DAYS, "BYDAY": DAYS, "BYHOUR": HOURS, "BYMINUTE": MINUTES},
    "MINUTELY": {"BYDAY": DAYS, "BYHOUR": HOURS, "BYMINUTE": MINUTES},
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(list(PARTS)))
    parts = {"FREQ": frequency}
    if draw(st.booleans()):
        parts["INTERVAL"] = str(draw(st.integers(1, 12)))
    for name, values in PARTS[frequency].items():
        if draw(st.integers(0, 2)) == 0:
            parts[name] = draw(values)
    if frequency in ("MINUTELY", "HOURLY"):
        parts.setdefault("BYHOUR", "9")
    return ";".join(f"{name}={value}" for name, value in parts.items())


STARTS = st.datetimes(datetime(1990, 1, 1), datetime(2030, 12, 31)).map(  # noqa: DTZ001 - wall times
    lambda at: at.replace(microsecond=0, second=0).isoformat()
)


@given(rule=rules(), start=STARTS, later=st.integers(0, 2000), length=st.integers(0, 500))
@example(rule="FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=FR", start="2024-01-31T09:00:00", later=0, length=500)
@example(rule="FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3,10", start="2024-03-31T02:30:00", later=0, length=500)
@example(rule="FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU", start="1997-08-05T09:00:00", later=0, length=60)
def test_the_occurrences_are_those_of_dateutil(rule: str, start: str, later: int, length: int) -> None:
    """And the start, which dateutil leaves out where the rule does not name it."""
    first = datetime.fromisoformat(start) + timedelta(days=later)
    last = first + timedelta(days=length)
    ours = occurrences(rule, start, first.isoformat(), last.isoformat())
    theirs = oracle(rule, start, first.isoformat(), last.isoformat())
    if first.isoformat() <= start <= last.isoformat():
        theirs = sorted({*theirs, start})
    assert ours == theirs


@given(rule=rules(), start=STARTS, position=signed(4), length=st.integers(100, 700))
def test_positions_choose_as_dateutil_does_after_the_first_period(
    rule: str, start: str, position: int, length: int
) -> None:
    if "BY" not in rule:
        rule += ";BYHOUR=9"
    rule += f";BYSETPOS={position}"
    # dateutil counts positions of the first period from the start on; ours count in all of it.
    read = parse(rule)
    longest = {"YEARLY": 367, "MONTHLY": 32, "WEEKLY": 8}.get(read.frequency, 2)
    first = datetime.fromisoformat(start) + timedelta(days=longest * read.interval)
    last = first + timedelta(days=length)
    assert occurrences(rule, start, first.isoformat(), last.isoformat()) == oracle(
        rule, start, first.isoformat(), last.isoformat()
    )


@given(rule=rules(), start=STARTS, count=st.integers(1, 60))
def test_a_count_ends_where_dateutil_ends(rule: str, start: str, count: int) -> None:
    counted = series(f"{rule};COUNT={count}", start)
    try:
        check(counted)
    except BadRule:
        return
    end = end_of(counted)
    assert end is not None
    ended = Series(counted.start, counted.whole_days, counted.rule, end)
    ours = shown(expand(ended, counted.start, end + 9 * 366 * DAY))
    assume(goes_on(series(rule, start), end))
    later = rrulestr(f"RRULE:{rule}", dtstart=datetime.fromisoformat(start)).xafter(
        datetime.fromisoformat(start), count=count - 1
    )
    assert ours == [start, *(at.isoformat() for at in later)]


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        # RFC 5545, 3.8.5.3: the examples that are easiest to get wrong.
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12T09:00:00", ["1997-05-12", "1998-05-11", "1999-05-17"]),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19T09:00:00", ["1997-05-19", "1998-05-18", "1999-05-17"]),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1998-02-13T09:00:00", ["1998-02-13", "1998-03-13", "1998-11-13"]),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "1997-09-29T09:00:00",
            ["1997-09-29", "1997-10-30", "1997-11-27"],
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28T09:00:00", ["1997-09-28", "1997-10-29", "1997-11-28"]),
        (
            "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200",
            "1997-01-01T09:00:00",
            ["1997-01-01", "1997-04-10", "1997-07-19", "2000-01-01"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05T09:00:00",
            ["1996-11-05", "2000-11-07", "2004-11-02"],
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=15,30",
            "2007-01-15T09:00:00",
            ["2007-01-15", "2007-01-30", "2007-02-15", "2007-03-15"],
        ),
        # Rulings: see the module.
        ("FREQ=YEARLY;BYWEEKNO=1", "2024-01-03T09:00:00", ["2024-01-03", "2025-01-01", "2025-12-31"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU", "2021-01-03T09:00:00", ["2021-01-03", "2027-01-03"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1", "2026-01-07T09:00:00", ["2026-01-07", "2026-01-12", "2026-01-19"]),
        ("FREQ=MONTHLY;BYDAY=1MO", "2026-01-07T09:00:00", ["2026-01-07", "2026-02-02", "2026-03-02"]),
        ("FREQ=YEARLY;BYMONTHDAY=1", "2026-01-01T09:00:00", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("FREQ=YEARLY", "2024-02-29T09:00:00", ["2024-02-29", "2028-02-29", "2032-02-29"]),
        ("FREQ=MONTHLY", "2026-01-31T09:00:00", ["2026-01-31", "2026-03-31", "2026-05-31"]),
    ],
)
def test_what_the_rfc_says_and_what_it_leaves_open(rule: str, start: str, expected: list[str]) -> None:
    found = occurrences(rule, start, start, "2040-01-01T00:00:00")
    assert [at[:10] for at in found[: len(expected)]] == expected


def test_whole_days_ignore_times() -> None:
    found = occurrences("FREQ=WEEKLY;BYDAY=MO;BYHOUR=9,17", "2026-01-05", "2026-01-01T00:00:00", "2026-01-20T00:00:00")
    assert found == ["2026-01-05T00:00:00", "2026-01-12T00:00:00", "2026-01-19T00:00:00"]


def test_dates_are_added_and_excluded() -> None:
    some = series(
        "FREQ=DAILY;UNTIL=20260104T090000",
        "2026-01-01T09:00:00",
        added=frozenset({wall("2026-01-10T12:00:00"), wall("2026-01-02T09:00:00")}),
        excluded=frozenset({wall("2026-01-01T09:00:00"), wall("2026-01-03T09:00:00")}),
    )
    assert shown(expand(some, 0, wall("2030-01-01"))) == [
        "2026-01-02T09:00:00",
        "2026-01-04T09:00:00",
        "2026-01-10T12:00:00",
    ]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("", "part"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=9999999999", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260101", "COUNT and UNTIL"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;UNTIL=20260230", "calendar"),
        ("FREQ=DAILY;UNTIL=tomorrow", "date"),
        ("FREQ=DAILY;UNTIL=20260101T250000", "time"),
        ("FREQ=DAILY;BYDAY=2MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=DAILY;WKST=XX", "WKST"),
        ("FREQ=DAILY;RSCALE=CHINESE", "RSCALE"),
        ("FREQ=DAILY;BYHOUR=٣", "BYHOUR"),
        ("FREQ=DAILY;" + "BYHOUR=1," * 1000, "characters"),
    ],
)
def test_what_is_no_rule_is_refused_by_name(rule: str, names: str) -> None:
    with pytest.raises(BadRule, match=names):
        parse(rule)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", "never"),
        ("FREQ=HOURLY;INTERVAL=2;BYHOUR=3", "never"),
        ("FREQ=SECONDLY;INTERVAL=2;BYSECOND=1", "never"),
        ("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31", "never"),
        ("FREQ=DAILY;UNTIL=20200101", "never"),
        ("FREQ=SECONDLY", "times"),
        ("FREQ=MINUTELY", "times"),
        ("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=1,2,3;BYMINUTE=0,1,2,3,4,5,6,7,8,9", "times"),
        ("FREQ=SECONDLY;BYSECOND=0", "times"),
    ],
)
def test_a_rule_that_never_occurs_or_all_the_time_is_refused_at_once(rule: str, says: str) -> None:
    began = time.process_time()
    with pytest.raises(BadRule, match=says):
        check(series(rule, "2026-01-01T00:00:00"))
    assert time.process_time() - began < 5  # no measure, only a stop: some of these would go on for hours


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY",
        "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9",
        "FREQ=YEARLY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;COUNT=10000",
        "FREQ=YEARLY;COUNT=10000",
        "FREQ=YEARLY;INTERVAL=100",
    ],
)
def test_rare_and_dense_rules_of_use_pass(rule: str) -> None:
    some = series(rule, "2024-02-29T09:00:00")
    check(some)
    end_of(some)


def test_an_old_series_yields_the_same_number_of_lists_as_a_new_one() -> None:
    """Its cost is counted in steps of the interpreter, which no other load changes."""

    def steps(start: str) -> int:
        counted = 0

        def trace(*_: Any) -> Any:
            nonlocal counted
            counted += 1
            return trace

        some = series("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", start)
        sys.settrace(trace)
        try:
            expand(some, wall("2026-03-02"), wall("2026-03-09"))
        finally:
            sys.settrace(None)
        return counted

    assert steps("1926-01-01T09:00:00") <= steps("2026-02-20T09:00:00") + 5


def test_no_year_holds_more_than_the_cap_of_what_passes() -> None:
    some = series("FREQ=HOURLY", "2026-01-01T00:00:00")
    assert len(expand(some, wall("2026-01-01"), wall("2027-01-01"))) <= MOST_A_YEAR
