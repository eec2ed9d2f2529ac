"""What hostile requests cost: CPU that grows as they do, and no more than a bound where they ask for much."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from opengrant.api.http.data_plane import continued, selection
from opengrant.api.http.decoding import decode, read_json
from opengrant.api.wire.availability import AvailabilityBody
from opengrant.api.wire.events import EventBody, read_pairs
from opengrant.calendars import shown
from opengrant.calendars.availability import Person, slots
from opengrant.calendars.hosted import fresh_event
from opengrant.calendars.occurrences import instants
from opengrant.errors import InvalidData, InvalidPayload, InvalidRequest
from opengrant.model.calendars import Calendar
from tests.calendars.cpu import LINEAR, cost, growth
from tests.calendars.test_hosted import grant

NINE = 1_772_442_000  # 2026-03-02T09:00Z, a Monday
DAY = 86_400
ZONE = "Europe/Berlin"
OWNER = grant()
CALENDAR = Calendar("app", OWNER.id, "c", "Room", None, None, None, None, None, None, None, True, 1, 0, 0)
HOURS, MINUTES = ",".join(map(str, range(24))), ",".join(map(str, range(60)))


def create(**body: Any) -> None:
    """What a creation costs before it is written: checked, placed, and shown."""
    when = {"start_time": NINE, "end_time": NINE + 3600, "start_timezone": ZONE, "end_timezone": ZONE}
    with contextlib.suppress(InvalidData, InvalidRequest):
        asked = decode(EventBody, {"when": when, **body}).to_model(OWNER.email, virtual=True, creates=True)
        shown.event(fresh_event(OWNER, CALENDAR, asked, at=0))


def nested(n: int) -> bytes:
    return b'{"notetaker":' + b'{"a":' * n + b"1" + b"}" * n + b"}"


def of_json(body: bytes) -> None:
    with contextlib.suppress(InvalidPayload):
        create(**read_json(body))


def of_query(read: Callable[[], object]) -> None:
    with contextlib.suppress(InvalidData):
        read()


def daily(*lines: str) -> list[str]:
    return ["RRULE:FREQ=DAILY", *lines]


HOSTILE: dict[str, Callable[[int], object]] = {
    "a long title": lambda n: create(title="x" * 50 * n),
    "a long description": lambda n: create(description="x" * 2 * n),
    "brackets that open": lambda n: create(description="<" * 2 * n),
    "tags without an end": lambda n: create(description="<p " * (n // 2)),
    "tags": lambda n: create(description="<p>" * (n // 2)),
    "entities": lambda n: create(description="&#1" * (n // 2)),
    "participants": lambda n: create(participants=[{"email": "a@example.com"}] * n),
    "participants without an address": lambda n: create(participants=[{}] * n),
    "metadata": lambda n: create(metadata={str(number): "x" for number in range(n)}),
    "a list in notetaker": lambda n: create(notetaker={"a": [{}] * n}),
    "deep notetaker": lambda n: of_json(nested(n)),
    "deep lists": lambda n: of_json(b'{"notetaker":{"a":' + b"[" * n),
    "lines": lambda n: create(recurrence=daily(*["EXDATE:20260303T090000"] * n)),
    "a long line": lambda n: create(recurrence=daily("EXDATE:" + "20260303T090000," * (n // 16))),
    "exclusions": lambda n: create(recurrence=daily(*["EXDATE:" + "20260303T090000Z," * 1_000] * (n // 400))),
    "a long rule": lambda n: create(recurrence=["RRULE:FREQ=DAILY;BYHOUR=" + "1," * n]),
    "parts of a rule": lambda n: create(recurrence=["RRULE:" + "FREQ=DAILY;" * n]),
    "a name of a zone": lambda n: create(when={"time": NINE, "timezone": "x" * 50 * n}),
    "select": lambda n: of_query(lambda: selection("a," * 20 * n)),
    "metadata_pair": lambda n: of_query(lambda: read_pairs("key1:x," * 20 * n)),
    "a cursor": lambda n: of_query(lambda: continued({"page_token": "A" * 20 * n}, of="events")),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_cost_grows_as_the_request_does(kind: str) -> None:
    assert growth(HOSTILE[kind], 4_000, 16_000) < LINEAR


def cost_of_a_year() -> float:
    dense = decode(
        EventBody, {"when": {"start_time": NINE, "end_time": NINE}, "recurrence": ["RRULE:FREQ=HOURLY"]}
    ).to_model("", virtual=True, creates=True)
    made = fresh_event(OWNER, CALENDAR, dense, at=0)
    return cost(lambda _: [instants(made, NINE, NINE + 366 * DAY)], 0)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;INTERVAL=9999;BYSECOND=1;COUNT=10000",
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={HOURS};BYMINUTE={MINUTES};BYSETPOS=1;COUNT=10000",
        f"FREQ=MONTHLY;BYMONTH=12;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={HOURS};BYMINUTE={MINUTES};BYSETPOS=1",
        f"FREQ=YEARLY;INTERVAL=2;BYMONTH=1;BYHOUR={HOURS};BYMINUTE={MINUTES};BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "FREQ=HOURLY;COUNT=10000",
        "FREQ=DAILY;COUNT=10000",
    ],
)
def test_no_rule_costs_more_to_judge_than_a_year_of_a_dense_one_costs_to_expand(rule: str) -> None:
    assert cost(lambda _: create(recurrence=[f"RRULE:{rule}"]), 0) < 40 * cost_of_a_year()


@pytest.mark.parametrize(
    "rule",
    [
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={HOURS};BYMINUTE={MINUTES};BYSETPOS=1",
        f"FREQ=MONTHLY;BYMONTH=12;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={HOURS};BYMINUTE={MINUTES};BYSETPOS=1",
        f"FREQ=YEARLY;INTERVAL=2;BYMONTH=1;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={HOURS};BYMINUTE={MINUTES}",
    ],
)
def test_a_rule_that_goes_through_too_many_times_is_refused(rule: str) -> None:
    body = {"when": {"start_time": NINE + 300 * DAY, "end_time": NINE + 300 * DAY}, "recurrence": [f"RRULE:{rule}"]}
    asked = decode(EventBody, body).to_model("", virtual=True, creates=True)
    with pytest.raises(InvalidData, match=r"recurrence: .* 10,000 times"):
        fresh_event(OWNER, CALENDAR, asked, at=0)


def test_dates_are_counted_before_they_are_read() -> None:
    lines = daily(*["EXDATE:" + ",".join(["20260303T090000"] * 1_001)])
    asked = decode(EventBody, {"when": {"start_time": NINE, "end_time": NINE}, "recurrence": lines})
    with pytest.raises(InvalidData, match="recurrence: more than 1000 dates"):
        fresh_event(OWNER, CALENDAR, asked.to_model("", virtual=True, creates=True), at=0)


def test_availability_grows_with_its_window_and_its_answer_is_bounded() -> None:
    def asked(days: int, people: int) -> AvailabilityBody:
        body = {"start_time": NINE, "end_time": NINE + days * DAY, "duration_minutes": 5}
        return decode(AvailabilityBody, {**body, "participants": [{"email": "a"}] * people})

    def find(days: int) -> None:
        wanted = asked(days, 10).wanted()
        busy = [(at, at + 60) for at in range(wanted.start, wanted.end, 3600)]
        slots(wanted, [Person(str(number), busy) for number in range(10)], "max-availability")

    assert growth(find, 20, 80) < LINEAR
    with pytest.raises(InvalidData, match="interval_minutes"):
        asked(93, 50).wanted()
