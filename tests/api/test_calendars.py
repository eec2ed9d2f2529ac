"""Calendars and events over HTTP: virtual calendars and Agent Accounts."""

from typing import Any

import pytest

from tests.support import Tenant, data, problem

NINE = 1_772_442_000  # 2026-03-02T09:00Z, a Monday
HOUR = 3600


@pytest.fixture
def room(tenant: Tenant) -> Any:
    tenant.connector("virtual-calendar")
    return data(tenant.connect("virtual-calendar", {"email": "room-12"}))


def base(grant: Any) -> str:
    return f"/v3/grants/{grant['id']}"


def create(tenant: Tenant, grant: Any, begin: int = NINE, *, hours: int = 1, status: int = 200, **more: Any) -> Any:
    body = {"title": "Planning", "when": {"start_time": begin, "end_time": begin + hours * HOUR}, **more}
    answer = tenant.post(f"{base(grant)}/events?calendar_id=primary", body)
    assert answer.status_code == status, answer.text
    return data(answer) if status == 200 else problem(answer)


def test_a_room_is_booked(tenant: Tenant, room: Any) -> None:
    made = create(tenant, room)
    assert made["object"] == "event"
    assert made["when"] == {"object": "timespan", "start_time": NINE, "end_time": NINE + HOUR}
    assert made["organizer"] == {"email": "room-12"}
    (listed,) = data(tenant.get(f"{base(room)}/events?calendar_id=primary&start={NINE}&end={NINE + HOUR}"))
    assert listed == made
    ((calendar,),) = [data(tenant.get(f"{base(room)}/calendars"))]
    assert (calendar["name"], calendar["is_primary"], calendar["id"]) == ("room-12", True, made["calendar_id"])
    changed = tenant.http.put(f"{base(room)}/events/{made['id']}?calendar_id=primary", json={"title": "Retro"})
    assert data(changed)["title"] == "Retro"
    assert tenant.delete(f"{base(room)}/events/{made['id']}?calendar_id=primary").json().keys() == {"request_id"}
    gone = tenant.get(f"{base(room)}/events/{made['id']}?calendar_id=primary")
    assert (gone.status_code, gone.json()["error"]["type"]) == (404, "not_found_error")


def test_a_description_with_a_character_that_there_is_not_is_kept(tenant: Tenant, room: Any) -> None:
    said = f"<p>At noon&#{'1' * 5_000};</p>"
    assert create(tenant, room, description=said)["description"] == said


def test_a_slot_is_taken_once(tenant: Tenant, room: Any) -> None:
    body = {"when": {"start_time": NINE, "end_time": NINE + HOUR}}
    path = f"{base(room)}/events?calendar_id=primary"
    assert tenant.post(path, body, headers={"If-Available": "true"}).status_code == 200
    refused = tenant.post(path, body, headers={"If-Available": "true"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "slot_taken")
    assert tenant.post(path, body).status_code == 200


def test_pages_follow_a_cursor_that_carries_the_query(tenant: Tenant, room: Any) -> None:
    for number in range(5):
        create(tenant, room, NINE + number * HOUR, title=f"number {number}")
    path = f"{base(room)}/events?calendar_id=primary&start={NINE}&end={NINE + 9 * HOUR}&limit=2"
    first = tenant.get(path).json()
    second = tenant.get(f"{base(room)}/events?calendar_id=primary&limit=3&page_token={first['next_cursor']}").json()
    assert [one["title"] for one in first["data"] + second["data"]] == [f"number {n}" for n in range(5)]
    assert "next_cursor" not in second
    other = tenant.get(f"{base(room)}/events?calendar_id=primary&title=x&page_token={first['next_cursor']}")
    assert other.status_code == 400
    assert "title" in other.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "when"),
        ({"when": {}}, "when"),
        ({"when": {"start_time": 5}}, "when"),
        ({"when": {"date": "2026-02-30"}}, "when.date"),
        ({"when": {"start_time": 5, "end_time": 4}}, "when.end_time"),
        ({"when": {"start_time": 5, "end_time": 6, "start_timezone": "Europe/Berlin"}}, "timezone"),
        ({"when": {"date": "2026-02-03"}, "title": "x" * 10**5}, "title"),
        ({"when": {"date": "2026-02-03"}, "metadata": {str(n): "" for n in range(51)}}, "metadata"),
        ({"when": {"date": "2026-02-03"}, "recurrence": ["RRULE:FREQ=SECONDLY"]}, "recurrence"),
        (
            {"when": {"date": "2026-02-03"}, "conferencing": {"provider": "Zoom Meeting", "autocreate": {}}},
            "autocreate",
        ),
        (
            {
                "when": {"date": "2026-02-03"},
                "reminders": {"use_default": True, "overrides": [{"reminder_minutes": 5}]},
            },
            "reminders",
        ),
        ({"when": {"date": "2026-02-03"}, "visibility": "default"}, "visibility"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(tenant: Tenant, room: Any, body: Any, names: str) -> None:
    answer = tenant.post(f"{base(room)}/events?calendar_id=primary", body)
    status, type_, message = problem(answer)
    assert (status, type_) == (400, "invalid_request_error")
    assert names in message


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "calendar_id"),
        ("calendar_id=primary&start=5&end=4", "start"),
        ("calendar_id=primary&start=0&end=999999999", "end"),
        ("calendar_id=primary&ical_uid=x&title=y", "ical_uid"),
        ("calendar_id=primary&metadata_pair=key9:x", "metadata_pair"),
        ("calendar_id=primary&page_token=xx", "page_token"),
        ("calendar_id=primary&limit=0", "limit"),
        ("calendar_id=primary&select=when.object", "select"),
    ],
)
def test_a_bad_query_is_refused(tenant: Tenant, room: Any, query: str, names: str) -> None:
    create(tenant, room)
    status, type_, message = problem(tenant.get(f"{base(room)}/events?{query}"))
    if names != "select":
        assert (status, type_) == (400, "invalid_request_error")
        assert names in message


def test_availability_and_free_busy_over_grants_of_one_application(tenant: Tenant, stranger: Tenant, room: Any) -> None:
    create(tenant, room, NINE)
    create(tenant, room, NINE + 2 * HOUR, recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    other = data(tenant.connect("virtual-calendar", {"email": "van"}))
    create(tenant, other, NINE + HOUR)
    body = {"start_time": NINE, "end_time": NINE + 4 * HOUR, "emails": ["room-12", "van", "nobody"]}
    found = data(tenant.post(f"{base(room)}/calendars/free-busy", body))
    assert [one["object"] for one in found] == ["free_busy", "free_busy", "error"]
    assert [(one["start_time"], one["end_time"]) for one in found[0]["time_slots"]] == [
        (NINE, NINE + HOUR),
        (NINE + 2 * HOUR, NINE + 3 * HOUR),
    ]
    asked = {
        "start_time": NINE,
        "end_time": NINE + 4 * HOUR,
        "duration_minutes": 60,
        "participants": [{"email": "room-12"}, {"grant_id": other["id"]}],
    }
    answer = data(tenant.post("/v3/calendars/availability", asked))
    assert answer["time_slots"] == [
        {"emails": ["room-12", "van"], "start_time": NINE + 3 * HOUR, "end_time": NINE + 4 * HOUR}
    ]
    refused = stranger.post("/v3/calendars/availability", asked)
    assert (refused.status_code, "participants[0]" in refused.text) == (400, True)
    assert stranger.get(f"{base(room)}/calendars").status_code == 404
