"""Calendars, events, free/busy and availability through the official SDKs, with nothing changed but the base URL."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.peers.nodejs import NodeScripts
from tests.support import Tenant, data

NINE = 1_772_442_000  # 2026-03-02T09:00Z
HOUR = 3600
ZONE = "Europe/Berlin"


@pytest.fixture
def room(tenant: Tenant) -> str:
    tenant.connector("virtual-calendar")
    for name in ("van", "room-12"):
        grant = data(tenant.connect("virtual-calendar", {"email": name}))
    return str(grant["id"])


def test_every_call_of_the_python_sdk(nylas: Client, room: str) -> None:
    calendars = nylas.calendars.list(room)
    (primary,) = calendars.data
    assert (primary.name, primary.is_primary, primary.is_owned_by_user, primary.read_only) == (
        "room-12",
        True,
        True,
        False,
    )
    made = nylas.calendars.create(room, {"name": "Other", "timezone": ZONE, "metadata": {"key1": "a"}}).data
    assert nylas.calendars.find(room, made.id).data == made
    changed = nylas.calendars.update(room, made.id, {"description": "x", "hexColor": "#ff0000"}).data  # type: ignore[typeddict-unknown-key]
    assert (changed.description, changed.hex_color, changed.timezone) == ("x", "#ff0000", ZONE)
    assert [one.id for one in nylas.calendars.list(room, {"metadata_pair": {"key1": "a"}}).data] == [made.id]
    assert nylas.calendars.destroy(room, made.id).request_id

    of_primary: Any = {"calendar_id": "primary"}
    when = {"start_time": NINE, "end_time": NINE + HOUR, "start_timezone": ZONE, "end_timezone": ZONE}
    body: Any = {"title": "Planning", "when": when, "participants": [{"email": "ana@example.com"}]}
    event = nylas.events.create(room, body, of_primary).data
    assert (event.title, event.when.object, event.busy, event.status) == ("Planning", "timespan", True, "confirmed")
    assert event.participants[0].status == "noreply"
    assert nylas.events.find(room, event.id, of_primary).data == event
    series = nylas.events.create(room, {**body, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}, of_primary).data
    window: Any = {**of_primary, "start": NINE, "end": NINE + 40 * 24 * HOUR}
    assert {one.id for one in nylas.events.list(room, window).data} == {event.id, series.id}
    expanded = nylas.events.list(room, {**window, "expand_recurring": True}).data
    assert len(expanded) == 4
    assert [one.master_event_id for one in expanded].count(series.id) == 3
    first = nylas.events.list(room, {**window, "limit": 1})
    second = nylas.events.list(room, {**window, "limit": 1, "page_token": first.next_cursor})
    assert {first.data[0].id, second.data[0].id} == {event.id, series.id}
    assert second.next_cursor is None
    imported = nylas.events.list_import_events(room, window).data
    assert {one.id for one in imported} == {event.id, series.id}
    moved = nylas.events.update(room, event.id, {"title": "Retro"}, of_primary).data
    assert (moved.title, moved.when) == ("Retro", event.when)
    with pytest.raises(NylasApiError) as refused:
        nylas.events.send_rsvp(room, event.id, {"status": "yes"}, of_primary)
    assert (refused.value.status_code, refused.value.type) == (400, "invalid_request_error")

    free = nylas.calendars.get_free_busy(
        room, {"start_time": NINE, "end_time": NINE + 2 * HOUR, "emails": ["room-12", "nothing"]}
    ).data
    assert [(type(one).__name__, one.email) for one in free] == [("FreeBusy", "room-12"), ("FreeBusyError", "nothing")]
    asked: Any = {
        "start_time": NINE,
        "end_time": NINE + 2 * HOUR,
        "duration_minutes": 60,
        "participants": [{"email": "room-12"}, {"email": "van"}],
    }
    slots = nylas.calendars.get_availability(asked).data.time_slots
    assert [(one.emails, one.start_time) for one in slots] == [(["room-12", "van"], NINE + HOUR)]
    assert nylas.events.destroy(room, event.id, of_primary).request_id
    with pytest.raises(NylasApiError) as gone:
        nylas.events.find(room, event.id, of_primary)
    assert (gone.value.status_code, gone.value.type) == (404, "not_found_error")


def test_every_call_of_the_node_sdk(tenant: Tenant, room: str) -> None:
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        given = {"apiKey": tenant.api_key, "apiUri": tenant.server.url, "room": room, "nine": NINE}
        found = NodeScripts("node_sdk", Path(directory)).run("calendars", given)
    assert found["calendars"] == ["room-12"]
    assert (found["changed"]["hexColor"], found["changed"]["timezone"]) == ("#00ff00", ZONE)
    assert found["tagged"] == [found["made"]["id"]]
    assert found["event"]["when"]["object"] == "timespan"
    assert found["iterated"] == 3, "its iterator asks for as many as are missing"
    assert found["pages"] == [1, 1, 1]
    assert found["expanded"] == 5
    assert found["imported"] == 3
    assert found["retitled"] == "Retro"
    assert [one["object"] for one in found["freeBusy"]] == ["free_busy", "error"]
    assert found["slots"] == [{"emails": ["room-12", "van"], "startTime": NINE + HOUR, "endTime": NINE + 2 * HOUR}]
    assert (found["rsvp"]["statusCode"], found["rsvp"]["type"]) == (400, "invalid_request_error")
    assert (found["gone"]["statusCode"], found["gone"]["type"]) == (404, "not_found_error")
