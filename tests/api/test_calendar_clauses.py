"""Clauses of the calendars' contract that no other file is about: odd input, filters, webhooks, tokens."""

import base64
import json
import uuid
from typing import Any

import pytest

from opengrant.errors import GrantNotFound
from tests.announcing import deliver, subscribe
from tests.api.signed import account
from tests.api.tokens import minted
from tests.fakes.receiver import Hook
from tests.support import LiveServer, Tenant, data, problem

NINE = 1_772_442_000  # 2026-03-02T09:00Z, a Monday
HOUR, DAY = 3600, 86_400
WHEN = {"start_time": NINE, "end_time": NINE + HOUR}
AVAILABILITY = "/v3/calendars/availability"


class Room:
    """A grant with calendars, and what is asked of it."""

    def __init__(self, tenant: Tenant, grant: dict[str, Any]) -> None:
        self.tenant, self.id, self.path = tenant, grant["id"], f"/v3/grants/{grant['id']}"

    def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        if "calendar_id" not in path and "/calendars" not in path:
            path += ("&" if "?" in path else "?") + "calendar_id=primary"
        answer = self.tenant.http.request(method, self.path + path, **more)
        assert answer.status_code == status, answer.text
        return answer.json().get("data") if status == 200 else problem(answer)

    def create(self, *, status: int = 200, **body: Any) -> Any:
        return self.ask("POST", "/events", status, json={"when": WHEN, **body})

    def change(self, event: str, *, status: int = 200, **body: Any) -> Any:
        return self.ask("PUT", f"/events/{event}", status, json=body)

    def list(self, query: str = f"start={NINE - DAY}&end={NINE + 60 * DAY}", status: int = 200) -> Any:
        return self.ask("GET", f"/events?{query}", status)

    def refuses(self, method: str, path: str, names: str, **more: Any) -> None:
        _, type_, message = self.ask(method, path, 400, **more)
        assert type_ == "invalid_request_error"
        assert names in message


@pytest.fixture
def room(tenant: Tenant) -> Room:
    tenant.connector("virtual-calendar")
    return Room(tenant, data(tenant.connect("virtual-calendar", {"email": "Room 12"})))


@pytest.fixture
def agent(tenant: Tenant, server: LiveServer) -> Room:
    address = f"{uuid.uuid4().hex[:12]}.example.com"
    made = data(account(server).post("/v3/admin/domains", {"name": "Agents", "domain_address": address}))
    server.rows("update domains set verified_ownership = 1 where id = $1 returning id", made["id"])
    tenant.connector("nylas")
    return Room(tenant, data(tenant.connect("nylas", {"email": f"sales@{address}"})))


# ── odd input ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("zone", "lines"),
    [
        ("Asia/Tokyo", ["RRULE:FREQ=DAILY;UNTIL=99991231T235959Z"]),
        ("America/New_York", ["RRULE:FREQ=DAILY;UNTIL=99991231T235959Z"]),
        ("America/New_York", ["RRULE:FREQ=DAILY;COUNT=3", "EXDATE:00010101T000000Z,99991231T235959Z"]),
    ],
)
def test_dates_at_the_ends_of_the_calendar(room: Room, zone: str, lines: list[str]) -> None:
    made = room.create(when={**WHEN, "start_timezone": zone, "end_timezone": zone}, recurrence=lines)
    assert [one["id"] for one in room.list()] == [made["id"]]
    assert room.list("start=253402300000&end=253402310000&expand_recurring=true") == []


@pytest.mark.parametrize("rule", ["YEARLY", "MONTHLY", "MONTHLY;BYDAY=MO", "WEEKLY", "DAILY", "HOURLY"])
def test_windows_at_the_ends_of_time_are_empty(room: Room, rule: str) -> None:
    room.create(recurrence=[f"RRULE:FREQ={rule}"])
    for at in (-(2**40), -62_135_600_000, 253_402_300_799, 2**40 - 9):
        for expand in ("true", "false"):
            assert room.list(f"start={at}&end={at + 9}&expand_recurring={expand}") == []


@pytest.mark.parametrize("at", ["99991231", "00010101", "99991231T235959", "00010101T000000"])
def test_dates_that_no_calendar_shows_are_not_added(room: Room, at: str) -> None:
    when = WHEN if "T" in at else {"date": "2026-03-02"}
    body = {"when": when, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3", f"RDATE:{at}"]}
    room.refuses("POST", "/events", "RDATE", json=body)


@pytest.mark.parametrize(
    "query",
    [
        *("calendar_id=%00", "calendar_id=x%00y", "ical_uid=%00", "master_event_id=%00", "metadata_pair=key1:%00"),
        *("metadata_pair=key1:%00&metadata_pair=key2:x", "title=%00", "title=%FF"),
    ],
)
def test_a_query_of_characters_that_no_database_holds_is_refused(room: Room, query: str) -> None:
    name = "query string" if "%FF" in query else query.partition("=")[0]
    room.refuses("GET", f"/events?{query}", name)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"start": 5}, [1, "a"]),
        ({"calendar_id": ["primary"]}, [1, "a"]),
        ({"title": "\0"}, [1, "a"]),
        ({}, [2**80, "a"]),
        ({}, [1, "a\0"]),
        ({}, [True, "a"]),
        ({}, [1]),
        ({}, []),
        ([], [1, "a"]),
    ],
)
def test_a_forged_cursor_is_refused(room: Room, query: Any, place: list[Any]) -> None:
    if isinstance(query, dict):
        query = {"calendar_id": "primary", **query}
    for of, path in ((f"events {room.id}", "/events"), (f"calendars {room.id}", "/calendars")):
        forged = json.dumps({"of": of, "q": query, "p": place[:1] if path == "/calendars" else place})
        token = base64.urlsafe_b64encode(forged.encode()).decode().rstrip("=")
        # `calendar_id` is one that the forged query has too.
        room.refuses("GET", f"{path}?page_token={token}", "page_token")


def test_a_cursor_continues_only_the_list_it_is_of(room: Room, tenant: Tenant) -> None:
    for number in range(3):
        room.create(title=str(number))
    other = Room(tenant, data(tenant.connect("virtual-calendar", {"email": "van"})))
    window = f"calendar_id=primary&start={NINE}&end={NINE + HOUR}&limit=1"
    listed = tenant.get(f"{room.path}/events?{window}").json()["next_cursor"]
    imported = tenant.get(f"{room.path}/events/import?{window}").json()["next_cursor"]
    room.refuses("GET", f"/events?page_token={imported}", "page_token")
    room.refuses("GET", f"/events/import?page_token={listed}", "page_token")
    room.refuses("GET", f"/calendars?page_token={listed}", "page_token")
    other.refuses("GET", f"/events?page_token={listed}", "page_token")
    assert len(room.list(f"page_token={listed}")) == 2


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"capacity": 10**30}, "capacity"),
        ({"resources": [{"email": "x", "capacity": 2**70}]}, "resources.0.capacity"),
        ({"title": "a\0b"}, "title"),
        ({"metadata": {"key1": 5}}, "metadata.key1"),
        ({"when": {"start_time": 1.5, "end_time": NINE}}, "when.start_time"),
        ({"when": {"date": "0001-01-01"}}, "when"),
        ({"when": {"date": "9999-12-31"}}, "when"),
    ],
)
def test_what_no_event_has_is_refused(room: Room, body: dict[str, Any], names: str) -> None:
    _, type_, message = room.create(status=400, **body)
    assert type_ == "invalid_request_error"
    assert names.replace(".0.", "[0].") in message or names in message


def test_a_limit_that_is_too_high_is_the_highest_there_is(room: Room) -> None:
    room.create()
    for limit in (201, 2**31, 10**30):
        for path in ("/calendars?", "/events?", "/events/import?"):
            assert len(room.ask("GET", f"{path}limit={limit}&start={NINE}&end={NINE}")) == 1
    for limit in ("0", "-1", "x", "1.5", "9" * 5000):
        room.refuses("GET", f"/events?limit={limit}", "limit")


def test_bodies_that_are_no_json_or_too_large(room: Room) -> None:
    for body in (b"{", b"[]", b"", b'{"title":"\\ud800"}'):
        assert room.ask("POST", "/events", 400, content=body)[1] == "api.invalid_request_payload"
    assert room.ask("POST", "/events", 413, content=b" " * (2**20 + 1))[1] == "payload_too_large"


# ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_null_is_what_an_event_has_without_a_field(room: Room) -> None:
    nothing = dict.fromkeys(("participants", "visibility", "hide_participants", "resources", "notetaker", "busy"))
    made = room.create(**nothing, conferencing={})
    assert (made["participants"], made["visibility"], made["hide_participants"], made["busy"]) == (
        [],
        "public",
        False,
        True,
    )
    room.change(made["id"], visibility="private")
    assert room.change(made["id"], visibility=None)["visibility"] == "public"


def test_windows_names_of_zones_are_shown_as_the_iana_names_that_clients_know(room: Room) -> None:
    zone = "W. Europe Standard Time"
    when = room.create(when={**WHEN, "start_timezone": zone, "end_timezone": zone})["when"]
    assert (when["start_timezone"], when["end_timezone"]) == ("Europe/Berlin", "Europe/Berlin")
    assert room.ask("PUT", "/calendars/primary", json={"timezone": zone})["timezone"] == "Europe/Berlin"


def test_the_primary_calendar_goes_by_the_grants_address_however_it_is_written(room: Room) -> None:
    primary = room.ask("GET", "/calendars/primary")["id"]
    for name in ("Room%2012", "room%2012"):
        assert room.ask("GET", f"/calendars/{name}")["id"] == primary
        assert room.ask("POST", f"/events?calendar_id={name}", json={"when": WHEN})["calendar_id"] == primary


def test_filters_that_look_at_all_times_stand_alone(room: Room) -> None:
    made = room.create(metadata={"key1": "a"})
    uid = made["ical_uid"]
    assert room.list(f"ical_uid={uid}") == [made]
    # Windows that no other list may have.
    assert room.list("metadata_pair=key1:a&start=9&end=1") == [made]
    assert room.list("metadata_pair=key1:a&start=0&end=9999999999") == [made]
    for other in ("start=0", "metadata_pair=key1:a", "busy=false", "expand_recurring=1", "show_cancelled=True"):
        room.refuses("GET", f"/events?ical_uid={uid}&{other}", other.partition("=")[0])
    for other in ("busy=true", "expand_recurring=true", "title=x", "updated_after=0", f"master_event_id={made['id']}"):
        room.refuses("GET", f"/events?metadata_pair=key1:a&{other}", other.partition("=")[0])
    assert room.ask("GET", f"/events/import?ical_uid={uid}&start={NINE}&end={NINE}") == [made]


def test_an_answer_stays_when_the_list_of_participants_is_sent_without_it(agent: Room) -> None:
    ana, ben = {"email": "ana@example.com", "status": "yes"}, {"email": "ben@example.com"}
    made = agent.create(participants=[ana, ben])
    assert [one["status"] for one in made["participants"]] == ["yes", "noreply"]
    changed = agent.change(made["id"], participants=[{"email": "Ana@example.com"}, {**ben, "status": "maybe"}])
    assert [one["status"] for one in changed["participants"]] == ["yes", "maybe"]


def test_of_another_organizers_event_neither_answers_nor_the_organizer_are_changed(
    agent: Room, server: LiveServer
) -> None:
    made = agent.create(participants=[{"email": "ana@example.com", "status": "no"}], organizer={"name": "We"})
    assert made["organizer"].keys() == {"name", "email"}
    ((body,),) = server.rows("select body from calendar_events where id = $1", made["id"])
    theirs = {**json.loads(body), "organizer": {"email": "boss@example.com"}}
    server.rows("update calendar_events set body = $2 where id = $1 returning id", made["id"], json.dumps(theirs))
    changed = agent.change(
        made["id"], organizer={"name": "We"}, participants=[{"email": "ana@example.com", "status": "yes"}]
    )
    assert changed["organizer"] == {"email": "boss@example.com"}
    assert changed["participants"][0]["status"] == "no"


def test_the_organizer_of_a_virtual_calendars_event_is_its_identifier_alone(room: Room) -> None:
    made = room.create(organizer={"name": "We", "email": "them"})
    assert made["organizer"] == {"email": "Room 12"}
    assert room.change(made["id"], organizer={"name": "We"})["organizer"] == {"email": "Room 12"}


# ── series ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_series_in_another_zone_drops_changes_of_occurrences_that_it_does_not_have(room: Room) -> None:
    berlin = {"start_timezone": "Europe/Berlin", "end_timezone": "Europe/Berlin"}
    made = room.create(when={**WHEN, **berlin}, recurrence=["RRULE:FREQ=DAILY;COUNT=5"], title="a")
    third = f"{made['id']}_20260304T090000Z"
    room.change(third, title="changed")
    # The same time on the clock of another zone is another instant: the occurrence with that id is gone.
    moved = {"start_time": NINE + HOUR, "end_time": NINE + 2 * HOUR}
    london = {"start_timezone": "Europe/London", "end_timezone": "Europe/London"}
    room.change(made["id"], when={**moved, **london})
    assert room.ask("GET", f"/events/{third}", 404)[1] == "not_found_error"
    expanded = room.list(f"start={NINE}&end={NINE + 9 * DAY}&expand_recurring=true")
    assert [one["title"] for one in expanded] == ["a"] * 5
    assert len({one["id"] for one in expanded}) == 5


def test_another_rule_keeps_the_changes_of_occurrences_that_are_left(room: Room) -> None:
    made = room.create(recurrence=["RRULE:FREQ=DAILY;COUNT=5"], title="a")
    for number in (3, 5):
        room.change(f"{made['id']}_2026030{number}T090000Z", title="changed")
    room.change(made["id"], recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    expanded = room.list(f"start={NINE}&end={NINE + 9 * DAY}&expand_recurring=true")
    assert [one["title"] for one in expanded] == ["a", "changed", "a"]
    single = room.change(made["id"], recurrence=[])
    assert "recurrence" not in single
    assert [one["id"] for one in room.list()] == [made["id"]]


def test_changes_of_occurrences_that_follow_a_cut_are_still_found_by_their_metadata(room: Room) -> None:
    made = room.create(recurrence=["RRULE:FREQ=DAILY"])
    room.change(f"{made['id']}_20260306T090000Z", metadata={"key1": "a"})
    rest = room.ask("PUT", f"/events/{made['id']}_20260304T090000Z?edit_scope=following", json={"title": "x"})
    assert [one["id"] for one in room.list("metadata_pair=key1:a")] == [f"{rest['id']}_20260306T090000Z"]


def test_occurrences_of_whole_days_are_changed_and_taken_away_by_their_date(room: Room) -> None:
    room.ask("PUT", "/calendars/primary", json={"timezone": "Pacific/Auckland"})
    made = room.create(when={"start_date": "2026-03-02", "end_date": "2026-03-03"}, recurrence=["RRULE:FREQ=WEEKLY"])
    assert made["when"] == {"object": "datespan", "start_date": "2026-03-02", "end_date": "2026-03-03"}
    second, third = f"{made['id']}_20260309", f"{made['id']}_20260316"
    changed = room.change(second, title="changed")
    assert (changed["master_event_id"], changed["when"]["start_date"]) == (made["id"], "2026-03-09")
    room.ask("DELETE", f"/events/{third}")
    assert room.ask("GET", f"/events/{third}", 404)[1] == "not_found_error"
    expanded = room.list(f"start={NINE - DAY}&end={NINE + 22 * DAY}&expand_recurring=true&show_cancelled=true")
    assert [(one["id"][-8:], one["status"]) for one in expanded] == [
        ("20260302", "confirmed"),
        ("20260309", "confirmed"),
        ("20260316", "cancelled"),
        ("20260323", "confirmed"),
    ]
    for stranger in (f"{made['id']}_20260310", f"{made['id']}_20260309T000000Z"):
        assert room.ask("GET", f"/events/{stranger}", 404)[1] == "not_found_error"


def test_an_occurrence_in_a_gap_of_the_clock_is_changed_and_taken_away(room: Room) -> None:
    berlin = {"start_timezone": "Europe/Berlin", "end_timezone": "Europe/Berlin"}
    half_past_two = 1_774_661_400  # 2026-03-28T02:30 in Berlin; the next day skips that hour
    made = room.create(
        when={"start_time": half_past_two, "end_time": half_past_two + HOUR, **berlin},
        recurrence=["RRULE:FREQ=DAILY;COUNT=3"],
    )
    path = f"start={half_past_two}&end={half_past_two + 9 * DAY}&expand_recurring=true"
    ids = [one["id"] for one in room.list(path)]
    assert [one.partition("_")[2] for one in ids] == ["20260328T013000Z", "20260329T013000Z", "20260330T003000Z"]
    changed = room.change(ids[1], title="changed")
    assert (changed["id"], changed["when"]["start_time"]) == (ids[1], half_past_two + DAY)
    assert [one["title"] for one in room.list(path)] == [None, "changed", None]
    room.ask("DELETE", f"/events/{ids[1]}")
    assert [one["id"] for one in room.list(path)] == [ids[0], ids[2]]
    assert made["id"] == ids[0].partition("_")[0]


def test_an_occurrence_that_is_moved_without_a_zone_still_says_when_it_was_to_begin(agent: Room) -> None:
    zone = {"start_timezone": "Europe/Berlin", "end_timezone": "Europe/Berlin"}
    made = agent.create(when={**WHEN, **zone}, recurrence=["RRULE:FREQ=DAILY"])
    second = f"{made['id']}_20260303T090000Z"
    agent.change(second, when={"start_time": NINE + DAY + HOUR, "end_time": NINE + DAY + 2 * HOUR})
    assert agent.ask("GET", f"/events/{second}")["original_start_time"] == NINE + DAY


def test_an_hourly_series_has_no_occurrence_twice_where_the_clock_skips_an_hour(room: Room) -> None:
    zone = {"start_timezone": "Europe/Berlin", "end_timezone": "Europe/Berlin"}
    begin = 1_774_739_400  # 2026-03-29T00:10 in Berlin; two o'clock is skipped
    room.create(when={"start_time": begin, "end_time": begin + 600, **zone}, recurrence=["RRULE:FREQ=HOURLY;COUNT=6"])
    listed = room.list(f"start={begin}&end={begin + DAY}&expand_recurring=true")
    assert [one["when"]["start_time"] - begin for one in listed] == [n * HOUR for n in range(5)]
    assert len({one["id"] for one in listed}) == 5


def test_a_series_may_begin_in_the_hour_that_comes_twice(room: Room) -> None:
    zone = {"start_timezone": "Europe/Berlin", "end_timezone": "Europe/Berlin"}
    begin = 1_792_890_000  # 2026-10-25T02:00 in Berlin, the second time
    rule = ["RRULE:FREQ=WEEKLY;COUNT=2"]
    made = room.create(when={"start_time": begin, "end_time": begin + 600, **zone}, recurrence=rule)
    assert made["when"]["start_time"] == begin
    first, second = room.list(f"start={begin - DAY}&end={begin + 9 * DAY}&expand_recurring=true")
    assert (first["when"]["start_time"], second["when"]["start_time"]) == (begin, begin + 7 * DAY)
    assert room.ask("GET", f"/events/{first['id']}") == first
    assert room.change(first["id"], title="x")["when"] == first["when"]


# ── several grants ────────────────────────────────────────────────────────────────────────────────────────────────


def free_busy(room: Room, *emails: str, **more: Any) -> Any:
    body = {"start_time": NINE, "end_time": NINE + DAY, "emails": emails, **more}
    return room.ask("POST", "/calendars/free-busy", json=body)


def available(room: Room, *participants: dict[str, Any], **more: Any) -> Any:
    body = {"start_time": NINE, "end_time": NINE + 4 * HOUR, "duration_minutes": 60, "participants": participants}
    answer = room.tenant.post(AVAILABILITY, {**body, **more})
    return data(answer) if answer.status_code == 200 else problem(answer)


def test_free_busy_is_of_the_primary_calendar_and_of_what_was_not_declined(agent: Room, tenant: Tenant) -> None:
    me = tenant.get(agent.path).json()["data"]["email"]
    other = agent.ask("POST", "/calendars", json={"name": "Other"})["id"]
    agent.ask("POST", f"/events?calendar_id={other}", json={"when": WHEN})
    at = [{"start_time": NINE + n * HOUR, "end_time": NINE + (n + 1) * HOUR} for n in range(24)]
    agent.create(when={"start_time": NINE - HOUR, "end_time": NINE + 60})
    agent.create(when=at[2])
    agent.create(when=at[3])
    agent.create(when=at[5], busy=False)
    agent.create(when=at[7], participants=[{"email": me.upper(), "status": "no"}])
    agent.create(when=at[9], participants=[{"email": me, "status": "maybe"}])
    slots = {
        maybe: [
            ((one["start_time"] - NINE) / HOUR, (one["end_time"] - NINE) / HOUR)
            for one in free_busy(agent, me, tentative_as_busy=maybe)[0]["time_slots"]
        ]
        for maybe in (None, False)
    }
    assert slots == {None: [(0, 1 / 60), (2, 4), (9, 10)], False: [(0, 1 / 60), (2, 4)]}


def test_free_busy_says_why_an_address_cannot_be_looked_up(room: Room, tenant: Tenant, server: LiveServer) -> None:
    for name, provider in (("mailbox", "imap"), ("elsewhere", "google")):
        made = data(tenant.connect("virtual-calendar", {"email": name}))
        server.rows("update grants set provider = $2 where id = $1 returning id", made["id"], provider)
    found = free_busy(room, "unknown", "mailbox", "elsewhere", "Room 12")
    assert [one["object"] for one in found] == ["error", "error", "error", "free_busy"]
    for one, word in zip(found, ("no grant", "no calendars", "not served here"), strict=False):
        assert word in one["error"]
        assert "time_slots" not in one


def test_a_blocked_grant_is_closed_to_all_calls_and_not_shown_by_others(
    room: Room, tenant: Tenant, server: LiveServer
) -> None:
    van = Room(tenant, data(tenant.connect("virtual-calendar", {"email": "van"})))
    server.call(server.services.grants.block(van.id, blocked=True))
    assert van.ask("GET", "/events", 423)[1] == "api.resource_blocked"
    assert van.ask("GET", "/calendars/primary", 423)[1] == "api.resource_blocked"
    assert free_busy(room, "van")[0]["object"] == "error"
    assert available(room, {"email": "Room 12"}, {"grant_id": van.id})[0] == 400


def test_whose_turn_it_is_depends_on_the_calendars_that_are_asked_for(room: Room, tenant: Tenant) -> None:
    van = Room(tenant, data(tenant.connect("virtual-calendar", {"email": "van"})))
    other = van.ask("POST", "/calendars", json={"name": "Other"})["id"]
    soon = tenant.server.services.calendars.clock() // 1_000_000 + DAY
    booked = {"when": {"start_time": soon, "end_time": soon + HOUR}, "metadata": {"key5": "group"}}
    van.ask("POST", f"/events?calendar_id={other}", json=booked)
    rules = {"availability_method": "max-fairness", "round_robin_group_id": "group"}
    first, both = {"email": "van"}, ["primary", other]
    assert available(room, first, {"email": "Room 12"}, availability_rules=rules)["order"] == ["van", "Room 12"]
    found = available(room, {**first, "calendar_ids": both}, {"email": "Room 12"}, availability_rules=rules)
    assert found["order"] == ["Room 12", "van"]


@pytest.mark.parametrize(
    ("participant", "names"),
    [
        ({"email": "unknown"}, "participants[1]"),
        ({"grant_id": "unknown"}, "participants[1]"),
        ({"email": "Room 12", "calendar_ids": ["unknown"]}, "participants[1]"),
        ({}, "participants[1]"),
        (
            {
                "email": "Room 12",
                "specific_time_availability": [{"date": "2026-W10-1", "start": "9:00", "end": "10:00"}],
            },
            "specific_time_availability[0].date",
        ),
    ],
)
def test_a_participant_that_cannot_be_is_named(room: Room, participant: dict[str, Any], names: str) -> None:
    status, type_, message = available(room, {"email": "Room 12"}, participant)
    assert (status, type_) == (400, "invalid_request_error")
    assert names in message


def test_an_access_token_reaches_the_calendars_of_its_own_grant(room: Room, tenant: Tenant) -> None:
    van = data(tenant.connect("virtual-calendar", {"email": "van"}))
    with tenant.server.client(minted(tenant, {"id": room.id})["access_token"]) as holder:
        made = data(holder.post("/v3/grants/me/events?calendar_id=primary", json={"when": WHEN}))
        assert made["grant_id"] == room.id
        assert data(holder.get(f"/v3/grants/me/events/{made['id']}?calendar_id=primary")) == made
        assert data(holder.get("/v3/grants/me/resources")) == []
        assert problem(holder.get(f"/v3/grants/{van['id']}/calendars"))[:2] == (403, "grant.access_denied")
        asked = {"start_time": 1_772_438_400, "end_time": 1_772_524_800, "emails": ["Room 12", "van"]}
        own, other = data(holder.post("/v3/grants/me/calendars/free-busy", json=asked))
        assert (own["object"], other["object"]) == ("free_busy", "error")
        assert "API key" in other["error"]


def test_ids_of_another_grant_or_calendar_are_unknown(room: Room, tenant: Tenant, stranger: Tenant) -> None:
    van = Room(tenant, data(tenant.connect("virtual-calendar", {"email": "van"})))
    made, other = room.create(), room.ask("POST", "/calendars", json={"name": "Other"})["id"]
    for path in (f"/events/{made['id']}", f"/events/{made['id']}?calendar_id={made['calendar_id']}"):
        for method in ("GET", "DELETE"):
            assert van.ask(method, path, 404)[1] == "not_found_error"
        assert van.ask("PUT", path, 404, json={"title": "x"})[1] == "not_found_error"
    assert van.ask("GET", f"/calendars/{other}", 404)[1] == "not_found_error"
    assert room.ask("GET", f"/events/{made['id']}?calendar_id={other}", 404)[1] == "not_found_error"
    assert problem(stranger.get(f"{room.path}/events?calendar_id=primary"))[:2] == (404, "grant.not_found")


# ── webhooks, and the end ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_change_is_told_once_with_the_object_it_is_about(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    subscriber.connector("virtual-calendar")
    room = Room(subscriber, data(subscriber.connect("virtual-calendar", {"email": "Room 12"})))
    names = [f"{what}.{how}" for what in ("calendar", "event") for how in ("created", "updated", "deleted")]
    subscribe(subscriber, hook, *names)
    calendar = room.ask("POST", "/calendars", json={"name": "Other", "timezone": "Europe/Berlin"})
    inside = f"calendar_id={calendar['id']}"
    series = room.ask("POST", f"/events?{inside}", json={"when": WHEN, "recurrence": ["RRULE:FREQ=DAILY"]})
    changed = room.ask("PUT", f"/events/{series['id']}?{inside}", json={"title": "x"})
    one = room.ask("PUT", f"/events/{series['id']}_20260303T090000Z?{inside}", json={"title": "y"})
    room.ask("DELETE", f"/events/{series['id']}?{inside}")
    renamed = room.ask("PUT", f"/calendars/{calendar['id']}", json={"name": "Renamed"})
    room.ask("DELETE", f"/calendars/{calendar['id']}")
    deliver(announcing)
    told: dict[str, list[Any]] = {}
    for notice in hook.received:
        told.setdefault(notice.envelope["type"], []).append(notice.object)
    primary, second = sorted(told["calendar.created"], key=lambda shown: not shown["is_primary"])
    assert (primary["name"], second) == ("Room 12", calendar)
    assert told["event.created"] == [series]
    assert {shown["id"]: shown["title"] for shown in told["event.updated"]} == {
        changed["id"]: "x",
        one["id"]: "y",
    }
    assert [shown["id"] for shown in told["event.deleted"]] == [series["id"]]
    assert told["calendar.updated"] == [renamed]
    assert [shown["id"] for shown in told["calendar.deleted"]] == [calendar["id"]]


TABLES = ("calendars", "calendar_events", "calendar_keys", "calendar_feeds")


def rows(server: LiveServer, application: str) -> list[int]:
    return [
        int(server.rows(f"select count(*) from {table} where application_id = $1", application)[0][0])
        for table in TABLES
    ]


def test_what_goes_with_its_grant_leaves_no_row(room: Room, tenant: Tenant, server: LiveServer) -> None:
    room.create(metadata={"key1": "a"}, recurrence=["RRULE:FREQ=DAILY"])
    room.ask("POST", "/calendars", json={"name": "Other", "metadata": {"key1": "b"}})
    room.ask("POST", "/calendars/primary/feed")
    assert all(rows(server, tenant.application.id))
    assert tenant.delete(room.path).status_code == 200
    assert rows(server, tenant.application.id) == [0, 0, 0, 0]


def test_a_grant_that_lost_its_connector_keeps_its_calendars(room: Room, tenant: Tenant) -> None:
    made = room.create()
    assert tenant.delete("/v3/connectors/virtual-calendar").status_code == 200
    assert room.ask("GET", f"/events/{made['id']}") == made


def test_a_grant_that_is_deleted_meanwhile_gets_no_calendar(room: Room, tenant: Tenant, server: LiveServer) -> None:
    services = server.services
    seen = server.call(services.grants.get(tenant.application, room.id))
    tenant.delete(room.path)
    with pytest.raises(GrantNotFound):
        server.call(services.calendars.hosted_calendars.calendar(seen, "primary"))
    assert rows(server, tenant.application.id) == [0, 0, 0, 0]


# ── other grants ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_agent_accounts_have_all_that_virtual_calendars_have_and_reminders(agent: Room) -> None:
    reminders = {"use_default": False, "overrides": [{"reminder_minutes": 5, "reminder_method": "popup"}]}
    made = agent.create(
        reminders=reminders, recurrence=["RRULE:FREQ=DAILY;COUNT=2"], participants=[{"email": "a@example.com"}]
    )
    assert made["reminders"] == reminders
    assert made["opengrant"] == {"notified": False}
    second = agent.ask("GET", f"/events/{made['id']}_20260303T090000Z")
    assert (second["original_start_time"], second["master_event_id"]) == (NINE + DAY, made["id"])
    assert "recurrence" not in second
    assert agent.ask("GET", "/resources?calendar_id=x") == []
    _, type_, message = agent.ask("POST", f"/events/{made['id']}/send-rsvp", 400, json={"status": "yes"})
    assert (type_, "event_id" in message) == ("invalid_request_error", True)


@pytest.mark.parametrize("provider", ["imap", "google", "microsoft", "yahoo", "icloud", "ews", "zoom"])
def test_grants_whose_calendars_are_elsewhere(room: Room, server: LiveServer, provider: str) -> None:
    server.rows("update grants set provider = $2 where id = $1 returning id", room.id, provider)
    expected = (400, "invalid_request_error") if provider == "imap" else (501, "api.not_implemented")
    for path in ("/calendars", "/calendars/primary", "/events", "/events/x", "/events/import", "/resources"):
        _, type_, message = room.ask("GET", path, expected[0])
        assert type_ == expected[1]
        assert ("/token" in message) == (provider != "imap")
