"""The console's calendar without a browser: recurrence in words, and days on the clocks of zones."""

import json
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.peers.nodejs import NODE

SOURCES = Path(__file__).parents[2] / "web/src/console/calendar"

_SCRIPT = """
import { readFileSync } from "node:fs";
import { recurrenceWords } from "./recurrence.ts";
import { Hours } from "./layout.ts";
import { week } from "./days.ts";
import { Zone } from "./zone.ts";
const answers = {
    words: ({ lines, begins, zone }) => recurrenceWords(lines, begins, new Zone(zone)),
    day: ({ zone: name, day }) => {
        const zone = new Zone(name);
        const hours = new Hours(week(day), zone);
        const start = zone.start(day);
        const end = start + hours.length(day) * 3600;
        const places = [];
        for (let at = start; at < end; at += 900) places.push(hours.place(day, at));
        return { start, hours: hours.length(day), places, missing: hours.missing(day), total: hours.total };
    },
};
const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map(([what, given]) => answers[what](given))));
"""


def ask(what: str, *given: dict[str, Any]) -> list[Any]:
    """One answer for each; Node runs the sources as they are."""
    script = _SCRIPT.replace('"./', f'"{SOURCES}/')
    done = subprocess.run(
        [str(NODE), "--no-warnings", "--input-type=module", "-e", script],
        input=json.dumps([[what, one] for one in given]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def words(*lines: str, zone: str = "Europe/Berlin", **begins: Any) -> dict[str, Any]:
    """Of a series that begins on Monday 2 March 2026 at nine."""
    return {"lines": lines, "begins": {"day": "2026-03-02", "minutes": 540, **begins}, "zone": zone}


RULES = {
    "FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260603T215959Z": "Every Monday and Wednesday until 3 June 2026",
    "FREQ=WEEKLY;BYDAY=WE,MO;UNTIL=20260603": "Every Monday and Wednesday until 3 June 2026",
    "FREQ=WEEKLY": "Every week on Monday",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR": "Every weekday",
    "FREQ=WEEKLY;BYDAY=SA,SU;COUNT=1": "Every day of the weekend, once",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU": "Every 2 weeks on Tuesday and Thursday (weeks begin on Sunday)",
    "FREQ=DAILY;COUNT=10": "Every day, 10 times",
    "FREQ=DAILY;INTERVAL=3;BYMONTH=1,12": "Every 3 days in January and December",
    "FREQ=DAILY;UNTIL=20260603T000000": "Every day until 2 June 2026",
    "FREQ=DAILY;BYHOUR=9,15": "Every day at 09:00 and 15:00",
    "FREQ=DAILY;BYHOUR=9;BYMINUTE=0,30": "Every day at 09:00 and 09:30",
    "FREQ=MONTHLY": "Every month on the 2nd",
    "FREQ=MONTHLY;BYMONTHDAY=-1,15": "Every month on the 15th and last day",
    "FREQ=MONTHLY;BYMONTHDAY=11,21,22,23": "Every month on the 11th, 21st, 22nd and 23rd",
    "FREQ=MONTHLY;BYDAY=-1FR": "Every month on the last Friday",
    "FREQ=MONTHLY;INTERVAL=3;BYDAY=1MO,3MO": "Every 3 months on the first Monday and the third Monday",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1": "Every month on the last weekday",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13": "Every month on any Friday that is the 13th",
    "FREQ=YEARLY": "Every year on 2 March",
    "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH": "Every year on the fourth Thursday in November",
    "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=3": "Every year on 3 June",
    "FREQ=YEARLY;BYYEARDAY=100,-1": "Every year on the 100th and last day of the year",
    "FREQ=YEARLY;BYWEEKNO=20": "Every year on Monday of week 20",
    "FREQ=HOURLY;INTERVAL=3": "Every 3 hours",
    "FREQ=MINUTELY;INTERVAL=1000;BYHOUR=1,2,3,4,5,6,7": "Every 1,000 minutes, at hour 1, 2, 3, 4, 5, 6 and 7",
    # What has no words is quoted.
    "FREQ=YEARLY;BYDAY=MO;BYWEEKNO=20": "By the rule FREQ=YEARLY;BYDAY=MO;BYWEEKNO=20",
    "FREQ=NEVER": "By the rule FREQ=NEVER",
    "": "By the rule ",
}


def test_rules_are_said_as_people_say_them() -> None:
    found = ask("words", *(words(f"RRULE:{rule}") for rule in RULES))
    assert dict(zip(RULES, found, strict=True)) == {rule: [said] for rule, said in RULES.items()}


def test_ends_and_dates_are_those_of_the_zone() -> None:
    until = "RRULE:FREQ=DAILY;UNTIL=20260604T030000Z"
    assert ask("words", words(until, zone="America/New_York"), words(until)) == [
        ["Every day until 3 June 2026"],
        ["Every day until 3 June 2026"],  # five in the morning there, and the series is at nine
    ]
    lines = (
        "RRULE:FREQ=DAILY",
        "EXDATE:20260406T220000Z",
        "EXDATE;TZID=Europe/Berlin:20260408T090000",
        "RDATE:20260501",
    )
    (found,) = ask("words", words(*lines))
    assert found == ["Every day", "Also on 1 May 2026", "Except on 7 April 2026 and 8 April 2026"]
    many = ",".join(f"202604{day:02}" for day in range(1, 11))
    (found,) = ask("words", words("RRULE:FREQ=DAILY", f"EXDATE:{many}"))
    assert found[-1] == "Except on 1 April 2026, 2 April 2026, 3 April 2026 and 7 more days"


_PART = st.sampled_from(
    ["FREQ", "BYDAY", "BYMONTHDAY", "BYSETPOS", "UNTIL", "COUNT", "INTERVAL", "BYHOUR", "WKST", "X"]
)
_VALUE = st.sampled_from(["DAILY", "YEARLY", "MO,-1FR", "1,-1", "99", "20260230", "20261301T256161Z", "", "MO", "1e9"])
_RULE = st.lists(st.builds("{}={}".format, _PART, _VALUE | st.text(max_size=8)), max_size=5).map(";".join)


# Each example is a process, so that finding a smaller one would take minutes.
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.builds("RRULE:{}".format, _RULE) | st.text(max_size=30), min_size=200, max_size=200))
def test_no_line_is_too_strange(lines: list[str]) -> None:
    for line, found in zip(lines, ask("words", *(words(line) for line in lines)), strict=True):
        assert all(isinstance(one, str) for one in found), line
        assert "undefined" not in " ".join(found) or "undefined" in line, line
        assert "NaN" not in " ".join(found) or "NaN" in line, line


def _first_instant(zone: str, day: date) -> int:
    """By trying each quarter of an hour around midnight."""
    at = datetime.combine(day, datetime.min.time(), UTC) - timedelta(hours=16)
    while at.astimezone(ZoneInfo(zone)).date() < day:
        at += timedelta(minutes=15)
    return int(at.timestamp())


DAYS = [
    ("Europe/Berlin", date(2026, 3, 29), 23.0),
    ("Europe/Berlin", date(2026, 10, 25), 25.0),
    ("Europe/Berlin", date(2026, 10, 24), 24.0),
    ("America/New_York", date(2026, 11, 1), 25.0),
    ("America/Havana", date(2026, 11, 1), 25.0),  # one o'clock becomes midnight
    ("Africa/Cairo", date(2026, 4, 24), 23.0),  # there is no midnight
    ("Asia/Beirut", date(2025, 10, 25), 25.0),  # midnight becomes eleven
    ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
    ("Pacific/Apia", date(2011, 12, 30), 0.0),  # a day that was skipped
    ("Pacific/Kiritimati", date(2026, 6, 1), 24.0),
    ("Asia/Kathmandu", date(2026, 6, 1), 24.0),
]


def test_days_begin_when_the_zone_says_and_are_as_long() -> None:
    found = ask("day", *({"zone": zone, "day": day.isoformat()} for zone, day, _ in DAYS))
    for (zone, day, hours), one in zip(DAYS, found, strict=True):
        assert one["start"] == _first_instant(zone, day), (zone, day)
        assert one["hours"] == hours, (zone, day)
        steps = [later - earlier for earlier, later in zip(one["places"], one["places"][1:], strict=False)]
        assert all(step >= 15 for step in steps), "time goes on downwards, also where the clock goes back"
        gone = sum(end - begin for begin, end in one["missing"])
        assert one["total"] - gone == hours * 60, "what a day has not is struck out"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran"])
def test_a_year_of_days(zone: str) -> None:
    days = [date(2018, 1, 1) + timedelta(days=number) for number in range(365)]
    found = ask("day", *({"zone": zone, "day": day.isoformat()} for day in days))
    assert [one["start"] for one in found] == [_first_instant(zone, day) for day in days]
