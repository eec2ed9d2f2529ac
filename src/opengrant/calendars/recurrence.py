"""Recurrence rules (RFC 5545, section 3.3.10): reading them, and the occurrences of a window.

An occurrence is a wall time. The expander goes straight to the window: it counts periods of the rule's frequency with
integers, so a series that began long ago costs no more than a new one. COUNT is turned into the last occurrence once,
when a series is written; the expander knows only ends.

Where the RFC leaves a choice:
- The start is always an occurrence, whether the rule names it or not, and COUNT counts it.
- BYWEEKNO without BYDAY means the start's weekday. A week belongs to the year that its number counts in.
- YEARLY with BYMONTHDAY alone means these days of every month.
- BYSETPOS chooses from the whole period, also from the one that the start lies in.
- The 60th second is the 59th.
"""

import re
from calendar import isleap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Literal

from opengrant.calendars.zones import DAY, Wall

Frequency = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]
FREQUENCIES: tuple[Frequency, ...] = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")

MOST_A_YEAR = 10_000
"""Occurrences of a series in any year: a rule that is denser is refused."""
MOST_COUNTED = 10_000
"""The largest COUNT."""
LONGEST = 200 * 366 * DAY
"""Seconds after its start when a series ends at the latest."""

_EPOCH = date(1970, 1, 1).toordinal()
_UNITS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_MOST_TIMES = 1440
_MOST_VISITED = 100_000
"""Periods that are gone through to judge a rule: more are no use of a calendar."""
_LONGEST = 4000


class BadRule(ValueError):
    """Its text says what is wrong with the rule, for the API caller."""


@dataclass(frozen=True, slots=True)
class Until:
    """The end that a rule names, inclusive. utc: `at` is Unix seconds, else wall time; a date means its last second."""

    at: int
    utc: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """An RRULE as it was written. Lists are sorted and without repeats; empty: the part is absent.

    by_day  (0, weekday): each such day; (n, weekday): the nth of the month or year. Weekdays count from Monday, 0.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: Until | None = None
    by_second: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_hour: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_week: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()
    week_start: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """A repeating event.

    start     wall time of the first occurrence; of whole days a multiple of `DAY`
    end       wall time that no occurrence of the rule begins after; None: it goes on
    added     further occurrences (RDATE)
    excluded  occurrences that do not happen (EXDATE)
    """

    start: Wall
    whole_days: bool
    rule: Rule | None
    end: Wall | None = None
    added: frozenset[Wall] = frozenset()
    excluded: frozenset[Wall] = frozenset()


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────


def parse(text: str) -> Rule:
    """`FREQ=WEEKLY;BYDAY=MO,WE`, without the property's name. Raises BadRule."""
    if len(text) > _LONGEST:
        raise BadRule(f"the rule has more than {_LONGEST} characters.")
    parts: dict[str, str] = {}
    for part in text.strip().rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        name = name.strip().upper()
        if not equals or not value or name not in _PARTS:
            raise BadRule(f"{part.strip()[:40]!r} is no part of a recurrence rule.")
        if name in parts:
            raise BadRule(f"{name} stands twice.")
        parts[name] = value.strip().upper()
    frequency = next((known for known in FREQUENCIES if known == parts.get("FREQ")), None)
    if frequency is None:
        raise BadRule(f"FREQ must be one of {', '.join(FREQUENCIES)}.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRule("COUNT and UNTIL exclude each other.")
    rule = Rule(
        frequency,
        interval=_number(parts, "INTERVAL", 1, 10_000) or 1,
        count=_number(parts, "COUNT", 1, MOST_COUNTED),
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        by_second=_numbers(parts, "BYSECOND", 0, 60),
        by_minute=_numbers(parts, "BYMINUTE", 0, 59),
        by_hour=_numbers(parts, "BYHOUR", 0, 23),
        by_day=_days(parts.get("BYDAY"), frequency),
        by_month_day=_numbers(parts, "BYMONTHDAY", 1, 31, negative=True),
        by_year_day=_numbers(parts, "BYYEARDAY", 1, 366, negative=True),
        by_week=_numbers(parts, "BYWEEKNO", 1, 53, negative=True),
        by_month=_numbers(parts, "BYMONTH", 1, 12),
        by_position=_numbers(parts, "BYSETPOS", 1, 366, negative=True),
        week_start=_weekday(parts.get("WKST", "MO")),
    )
    _check_together(rule)
    return rule


_PARTS = frozenset(
    {
        *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYSECOND", "BYMINUTE", "BYHOUR"),
        *("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS"),
    }
)
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?", re.ASCII)
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_SMALL = re.compile(r"[+-]?\d{1,6}", re.ASCII)


def parse_date(text: str) -> tuple[int, bool, bool]:
    """`20260131`, `20260131T090000` or `20260131T090000Z`: (seconds, whether of a whole day, whether UTC).

    Raises BadRule.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise BadRule(f"{text[:40]!r} is no date: write 20260131, 20260131T090000 or 20260131T090000Z.")
    year, month, day, hour, minute, second, zulu = found.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        raise BadRule(f"{text!r} is no day of the calendar.") from None
    if hour is None:
        return days * DAY, True, False
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        raise BadRule(f"{text!r} is no time of day.")
    return days * DAY + int(hour) * 3600 + int(minute) * 60 + min(int(second), 59), False, bool(zulu)


def _until(text: str) -> Until:
    at, whole_day, utc = parse_date(text)
    return Until(at + (DAY - 1 if whole_day else 0), utc)


def _number(parts: dict[str, str], name: str, lowest: int, highest: int) -> int | None:
    if name not in parts:
        return None
    if not _SMALL.fullmatch(parts[name]) or not lowest <= int(parts[name]) <= highest:
        raise BadRule(f"{name} must be a whole number from {lowest} to {highest}.")
    return int(parts[name])


def _numbers(parts: dict[str, str], name: str, lowest: int, highest: int, *, negative: bool = False) -> tuple[int, ...]:
    if name not in parts:
        return ()
    numbers = set[int]()
    for text in parts[name].split(","):
        if not _SMALL.fullmatch(text) or not lowest <= abs(int(text)) <= highest or (int(text) < 0 and not negative):
            raise BadRule(f"{name} holds {text[:20]!r}: its numbers go from {lowest} to {highest}.")
        numbers.add(int(text))
    return tuple(sorted(numbers))


def _days(text: str | None, frequency: Frequency) -> tuple[tuple[int, int], ...]:
    if text is None:
        return ()
    days = set[tuple[int, int]]()
    for one in text.split(","):
        found = _DAY.fullmatch(one)
        if found is None or (found[1] is not None and not 1 <= abs(int(found[1])) <= 53):
            raise BadRule(f"BYDAY holds {one[:20]!r}: write MO, or 2MO and -1MO for the second and the last.")
        days.add((int(found[1] or 0), _WEEKDAYS[found[2]]))
    if any(nth for nth, _ in days) and frequency not in ("MONTHLY", "YEARLY"):
        raise BadRule(f"BYDAY: the nth of a weekday needs FREQ=MONTHLY or YEARLY, not {frequency}.")
    return tuple(sorted(days))


def _weekday(text: str) -> int:
    if text not in _WEEKDAYS:
        raise BadRule("WKST must be a weekday: MO, TU, WE, TH, FR, SA or SU.")
    return _WEEKDAYS[text]


def _check_together(rule: Rule) -> None:
    if rule.by_week and rule.frequency != "YEARLY":
        raise BadRule("BYWEEKNO needs FREQ=YEARLY.")
    if rule.by_week and any(nth for nth, _ in rule.by_day):
        raise BadRule("BYDAY: with BYWEEKNO a weekday has no number.")
    if rule.by_year_day and rule.frequency in ("DAILY", "WEEKLY", "MONTHLY"):
        raise BadRule(f"BYYEARDAY does not go with FREQ={rule.frequency}.")
    if rule.by_month_day and rule.frequency == "WEEKLY":
        raise BadRule("BYMONTHDAY does not go with FREQ=WEEKLY.")
    chosen_from = (
        *(rule.by_second, rule.by_minute, rule.by_hour, rule.by_day, rule.by_month_day),
        *(rule.by_year_day, rule.by_week, rule.by_month),
    )
    if rule.by_position and not any(chosen_from):
        raise BadRule("BYSETPOS needs another BY part to choose from.")
    if max(len(rule.by_hour), 1) * max(len(rule.by_minute), 1) * max(len(rule.by_second), 1) > _MOST_TIMES:
        raise BadRule(f"BYHOUR, BYMINUTE and BYSECOND name more than {_MOST_TIMES} times of a day.")


# ── occurrences ───────────────────────────────────────────────────────────────────────────────────────────────


def expand(series: Series, first: Wall, last: Wall) -> list[Wall]:
    """Every occurrence from `first` to `last`, both included, ascending.

    Its cost is that of the window and of the dates that are added or excluded there.
    """
    found = _expand_rule(series, first, last)
    further = {at for at in (series.start, *series.added) if first <= at <= last}
    if further.difference(found):
        found = sorted(further.union(found))
    if series.excluded:
        found = [at for at in found if at not in series.excluded]
    return found


def _expand_rule(series: Series, first: Wall, last: Wall) -> list[Wall]:
    if series.rule is None:
        return []
    first = max(first, series.start)
    last = min(last, series.start + LONGEST)
    last = last if series.end is None else min(last, series.end)
    if first > last:
        return []
    steady = _steady(series.rule, series.start, series.whole_days)
    if steady is not None:
        step, begins = steady
        last = min(last, series.start + LONGEST)
        steps = [
            at for begin in begins for at in range(begin + max(0, -(-(first - begin) // step)) * step, last + 1, step)
        ]
        return sorted(steps) if len(begins) > 1 else steps
    found: list[Wall] = []
    for chunk in _periods(series.rule, series.start, series.whole_days, first, last):
        found += chunk
    # Only the outer periods reach beyond the window.
    low, high = 0, len(found)
    while low < high and found[low] < first:
        low += 1
    while high > low and found[high - 1] > last:
        high -= 1
    return found[low:high]


def _steady(rule: Rule, start: Wall, whole_days: bool) -> tuple[int, list[Wall]] | None:
    """Of the commonest rules, which name nothing but weekdays: (step, where each sequence of such steps begins)."""
    if rule.frequency not in ("DAILY", "WEEKLY") or rule.by_position or rule.by_month or rule.by_month_day:
        return None
    if rule.by_hour or rule.by_minute or rule.by_second or (rule.by_day and rule.frequency == "DAILY"):
        return None
    if rule.frequency == "DAILY":
        return rule.interval * DAY, [start]
    day, time = start // DAY, 0 if whole_days else start % DAY
    week = day - (_weekday_of(day) - rule.week_start) % 7
    return 7 * rule.interval * DAY, [one * DAY + time for one in _days_of_week(rule, day)(week)]


def end_of(series: Series) -> Wall | None:
    """The last occurrence that COUNT allows the rule; None without COUNT. Raises BadRule: it is out of reach."""
    if series.rule is None or series.rule.count is None:
        return None
    left, last = series.rule.count - 1, series.start
    for number, chunk in enumerate(_from_start(series)):
        if number > _MOST_VISITED:
            raise BadRule("COUNT is out of reach: the rule names too few of the times that its FREQ goes through.")
        later = [at for at in chunk if at > series.start][:left]
        left -= len(later)
        last = later[-1] if later else last
        if not left:
            break
    return last


def check(series: Series) -> None:
    """Raises BadRule: the rule never occurs, or too often, or is too fine for what it names."""
    if series.rule is None:
        return
    if series.rule.by_position:
        _check_size(replace(series, rule=replace(series.rule, by_position=())))
    year, seen = series.start + 366 * DAY, 0
    for number, chunk in enumerate(_from_start(series)):
        if chunk and seen and chunk[0] > year:
            return
        seen += sum(1 for at in chunk if series.start <= at <= year) or bool(chunk and chunk[-1] > year)
        if max(seen, len(chunk)) > MOST_A_YEAR or (seen and number > _MOST_VISITED):
            raise BadRule(f"the rule occurs more than {MOST_A_YEAR:,} times in a year.")
        if number > _MOST_VISITED:
            break
    if not seen:
        raise BadRule("the rule never occurs.")


def _check_size(series: Series) -> None:
    """Raises BadRule. BYSETPOS chooses from all that the rule names in a period, so it costs what that costs."""
    # Of months, one of the first twelve that are gone through is the longest that the rule names.
    for chunk in islice(_from_start(series), 12):
        if len(chunk) > MOST_A_YEAR:
            raise BadRule(f"BYSETPOS: it would choose from more than {MOST_A_YEAR:,} times.")


def _from_start(series: Series) -> Iterator[Sequence[Wall]]:
    assert series.rule is not None
    last = series.start + LONGEST if series.end is None else series.end
    return _periods(series.rule, series.start, series.whole_days, series.start, last)


def _periods(rule: Rule, start: Wall, whole_days: bool, first: Wall, last: Wall) -> Iterator[Sequence[Wall]]:
    """The occurrences of each period of the rule that meets the window, ascending; the outer ones may reach beyond."""
    last = min(last, start + LONGEST)
    if rule.frequency in _UNITS:
        yield from _short_periods(rule, start, first, last)
        return
    times = [0] if whole_days else _times(rule, start)
    days_of, begin, step, numbers = _day_periods(rule, start, first, last)
    positions = rule.by_position
    for number in range(*numbers):
        days = days_of(begin + number * step)
        if len(times) == 1:
            chunk = [day * DAY + times[0] for day in days]
        else:
            chunk = [day * DAY + time for day in days for time in times]
        yield _chosen(chunk, positions) if positions else chunk


def _chosen(chunk: list[Wall], positions: tuple[int, ...]) -> list[Wall]:
    size = len(chunk)
    places = {position - 1 if position > 0 else size + position for position in positions}
    return [chunk[place] for place in sorted(places) if 0 <= place < size]


def _times(rule: Rule, start: Wall) -> list[int]:
    time = start % DAY
    return sorted(
        {
            hour * 3600 + minute * 60 + min(second, 59)
            for hour in rule.by_hour or (time // 3600,)
            for minute in rule.by_minute or (time // 60 % 60,)
            for second in rule.by_second or (time % 60,)
        }
    )


_DaysOf = Callable[[int], Sequence[int]]


def _day_periods(rule: Rule, start: Wall, first: Wall, last: Wall) -> tuple[_DaysOf, int, int, tuple[int, int]]:
    """(the days of a period, the start's period, how far apart, which of them meet the window).

    Years and months are counted from year 0, weeks and days from 1970.
    """
    day, low, high = start // DAY, first // DAY, last // DAY
    if rule.frequency == "DAILY":
        filtered = _day_filter(rule)
        days_of: _DaysOf = (lambda one: (one,)) if filtered is None else (lambda one: (one,) if filtered(one) else ())
        return days_of, day, rule.interval, _numbers_between(low - day, high - day, rule.interval)
    if rule.frequency == "WEEKLY":
        monday = day - (_weekday_of(day) - rule.week_start) % 7
        weeks = _numbers_between(low - monday - 6, high - monday, 7 * rule.interval)
        return _days_of_week(rule, day), monday, 7 * rule.interval, weeks
    (year, month, _), (low_year, low_month, _), (high_year, high_month, _) = map(_civil, (day, low, high))
    if rule.frequency == "MONTHLY":
        begin = year * 12 + month - 1
        low_number, high_number = low_year * 12 + low_month - 1 - begin, high_year * 12 + high_month - 1 - begin
        return _days_of_month(rule, day), begin, rule.interval, _numbers_between(low_number, high_number, rule.interval)
    # A numbered week may lie a few days outside its year.
    years = _numbers_between(low_year - year - 1, high_year - year + 1, rule.interval)
    return _days_of_year(rule, day), year, rule.interval, years


def _numbers_between(low: int, high: int, step: int) -> tuple[int, int]:
    """Which multiples of step, from 0 on, lie from low to high; as a range."""
    return max(0, -(-low // step)), max(0, high // step + 1)


# ── the days of one period ────────────────────────────────────────────────────────────────────────────────────


def _weekday_of(day: int) -> int:
    return (day + 3) % 7  # 1970 began on a Thursday


def _civil(day: int) -> tuple[int, int, int]:
    found = date.fromordinal(day + _EPOCH)
    return found.year, found.month, found.day


def _first_of(year: int, month: int) -> int:
    return date(year, month, 1).toordinal() - _EPOCH


_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _length_of(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else _LENGTHS[month - 1]


def _day_filter(rule: Rule) -> Callable[[int], bool] | None:
    """Whether a day passes the parts that only narrow, for frequencies of a day and shorter. None: all pass."""
    weekdays = frozenset(weekday for _, weekday in rule.by_day)
    if not (weekdays or rule.by_month or rule.by_month_day or rule.by_year_day):
        return None

    def passes(day: int) -> bool:
        if weekdays and _weekday_of(day) not in weekdays:
            return False
        if not (rule.by_month or rule.by_month_day or rule.by_year_day):
            return True
        year, month, number = _civil(day)
        if rule.by_month and month not in rule.by_month:
            return False
        if rule.by_month_day:
            backward = number - _length_of(year, month) - 1
            if number not in rule.by_month_day and backward not in rule.by_month_day:
                return False
        if not rule.by_year_day:
            return True
        ordinal = day - _first_of(year, 1) + 1
        return ordinal in rule.by_year_day or ordinal - (366 if isleap(year) else 365) - 1 in rule.by_year_day

    return passes


def _days_of_week(rule: Rule, start: int) -> _DaysOf:
    weekdays = [weekday for _, weekday in rule.by_day] or [_weekday_of(start)]
    places = sorted((weekday - rule.week_start) % 7 for weekday in weekdays)
    if not rule.by_month:
        return lambda begin: [begin + place for place in places]
    return lambda begin: [begin + place for place in places if _civil(begin + place)[1] in rule.by_month]


def _days_of_month(rule: Rule, start: int) -> _DaysOf:
    month_days = rule.by_month_day or (() if rule.by_day else (_civil(start)[2],))

    def days_of(number: int) -> Sequence[int]:
        year, month = number // 12, number % 12 + 1
        if year > 9999 or (rule.by_month and month not in rule.by_month):
            return ()
        first, length = _first_of(year, month), _length_of(year, month)
        if not month_days:
            return _weekdays_within(rule.by_day, first, length)
        days = _numbered(month_days, first, length)
        if rule.by_day:
            named = frozenset(_weekdays_within(rule.by_day, first, length))
            days = [day for day in days if day in named]
        return days

    return days_of


def _days_of_year(rule: Rule, start: int) -> _DaysOf:
    _, start_month, start_day = _civil(start)

    def days_of(year: int) -> Sequence[int]:
        if not 1 <= year <= 9999:
            return ()
        first, length = _first_of(year, 1), 366 if isleap(year) else 365
        sets: list[frozenset[int]] = []
        if rule.by_week:
            sets.append(frozenset(_days_of_weeks(rule, year, _weekday_of(start))))
        if rule.by_year_day:
            sets.append(frozenset(_numbered(rule.by_year_day, first, length)))
        months = rule.by_month or range(1, 13)
        if rule.by_month_day:
            sets.append(
                frozenset(
                    day
                    for month in months
                    for day in _numbered(rule.by_month_day, _first_of(year, month), _length_of(year, month))
                )
            )
        elif rule.by_month and not (rule.by_week or rule.by_year_day or rule.by_day):
            sets.append(
                frozenset(
                    day
                    for month in months
                    for day in _numbered((start_day,), _first_of(year, month), _length_of(year, month))
                )
            )
        if rule.by_day and not rule.by_week:
            sets.append(frozenset(_weekdays_of_year(rule, year)))
        if not sets:
            sets.append(frozenset(_numbered((start_day,), _first_of(year, start_month), _length_of(year, start_month))))
        days = sorted(frozenset.intersection(*sets))
        if rule.by_month and (rule.by_week or rule.by_year_day):
            days = [day for day in days if _civil(day)[1] in rule.by_month]
        return days

    return days_of


def _weekdays_of_year(rule: Rule, year: int) -> list[int]:
    if not rule.by_month:
        return _weekdays_within(rule.by_day, _first_of(year, 1), 366 if isleap(year) else 365)
    return [
        day
        for month in rule.by_month
        for day in _weekdays_within(rule.by_day, _first_of(year, month), _length_of(year, month))
    ]


def _days_of_weeks(rule: Rule, year: int, default: int) -> list[int]:
    """The named weekdays of the named weeks; week 1 is the first with four days in the year."""
    begin, next_begin = _week_one(year, rule.week_start), _week_one(year + 1, rule.week_start)
    weeks = (next_begin - begin) // 7
    numbers = {number - 1 if number > 0 else weeks + number for number in rule.by_week}
    weekdays = [weekday for _, weekday in rule.by_day] or [default]
    places = [(weekday - rule.week_start) % 7 for weekday in weekdays]
    return [begin + 7 * number + place for number in numbers if 0 <= number < weeks for place in places]


def _week_one(year: int, week_start: int) -> int:
    fourth = date(min(year, 9999), 1, 4).toordinal() - _EPOCH + (365 if year > 9999 else 0)
    return fourth - (_weekday_of(fourth) - week_start) % 7


def _numbered(numbers: tuple[int, ...], first: int, length: int) -> list[int]:
    """Days by their number from the front (1) or the back (-1) of a span."""
    places = {number - 1 if number > 0 else length + number for number in numbers}
    return [first + place for place in sorted(places) if 0 <= place < length]


def _weekdays_within(by_day: tuple[tuple[int, int], ...], first: int, length: int) -> list[int]:
    """Every such weekday of a span, or the nth from the front or the back."""
    days = set[int]()
    begins_on = _weekday_of(first)
    for nth, weekday in by_day:
        earliest = (weekday - begins_on) % 7
        if nth == 0:
            days.update(range(first + earliest, first + length, 7))
            continue
        latest = earliest + (length - 1 - earliest) // 7 * 7
        place = earliest + (nth - 1) * 7 if nth > 0 else latest + (nth + 1) * 7
        if 0 <= place < length:
            days.add(first + place)
    return sorted(days)


# ── hours, minutes and seconds ────────────────────────────────────────────────────────────────────────────────


def _short_periods(rule: Rule, start: Wall, first: Wall, last: Wall) -> Iterator[Sequence[Wall]]:
    unit = _UNITS[rule.frequency]
    begin, step = start // unit, rule.interval
    number, stop = _numbers_between(first // unit - begin, last // unit - begin, step)
    passes = _day_filter(rule)
    while number < stop:
        period = (begin + number * step) * unit
        day, time = divmod(period, DAY)
        if passes is not None and not passes(day):
            number = _first_from(begin, step, (day + 1) * DAY // unit)
            yield ()
        elif rule.by_hour and time // 3600 not in rule.by_hour:
            number = _first_from(begin, step, -(-(period // 3600 + 1) * 3600 // unit))
            yield ()
        elif unit < 3600 and rule.by_minute and time // 60 % 60 not in rule.by_minute:
            number = max(number + 1, _first_from(begin, step, (period // 60 + 1) * 60 // unit))
            yield ()
        else:
            chunk = _within(rule, start, period, unit)
            yield _chosen(chunk, rule.by_position) if rule.by_position else chunk
            number += 1


def _first_from(begin: int, step: int, period: int) -> int:
    """The number of the rule's first period that is not before `period`."""
    return -(-(period - begin) // step)


def _within(rule: Rule, start: Wall, period: Wall, unit: int) -> list[Wall]:
    """The occurrences of one hour, minute or second."""
    if unit == 1:
        return [period] if not rule.by_second or period % 60 in rule.by_second else []
    seconds = sorted({min(second, 59) for second in rule.by_second or (start % 60,)})
    if unit == 60:
        return [period + second for second in seconds]
    return [period + minute * 60 + second for minute in rule.by_minute or (start // 60 % 60,) for second in seconds]
