"""Feeds of calendars and the import of files, over HTTP; and a feed as programs that are not ours read it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import icalendar
import pytest

from tests.api.test_calendars import HOUR, NINE, base, create
from tests.api.tokens import written
from tests.support import Tenant, data, problem

CALENDAR = "calendars/primary"


@pytest.fixture
def room(tenant: Tenant) -> Any:
    tenant.connector("virtual-calendar")
    return data(tenant.connect("virtual-calendar", {"email": "room-12"}))


def feed_of(tenant: Tenant, grant: Any) -> str:
    answer = tenant.post(f"{base(grant)}/{CALENDAR}/feed")
    assert answer.status_code == 200, answer.text
    made = data(answer)
    assert made.keys() == {"url", "created_at"}
    return str(made["url"])


def fetch(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Without a key."""
    return httpx.request(method, url, headers=headers, verify=False)  # plain HTTP: as in LiveServer.client


def test_a_feed_is_read_without_a_key_and_again_only_when_it_changed(tenant: Tenant, room: Any) -> None:
    create(tenant, room, title="Planning", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    url = feed_of(tenant, room)
    answer = fetch(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["content-disposition"] == 'attachment; filename="calendar.ics"'
    (one,) = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert str(one["SUMMARY"]) == "Planning"
    etag = answer.headers["etag"]
    for known in (etag, f'"x", W/{etag}', "*"):
        same = fetch(url, **{"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    head = fetch(url, "HEAD")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    assert int(head.headers["content-length"]) == len(answer.content)
    create(tenant, room, NINE + HOUR, title="Retro")
    changed = fetch(url, **{"If-None-Match": etag})
    assert (changed.status_code, b"SUMMARY:Retro" in changed.content) == (200, True)
    assert fetch(url, "POST").status_code == 405


def gone(url: str) -> bool:
    answer = fetch(url)
    return (answer.status_code, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")


def test_an_address_ends_with_the_next_one_and_when_it_is_revoked(tenant: Tenant, stranger: Tenant, room: Any) -> None:
    first, second = feed_of(tenant, room), feed_of(tenant, room)
    assert first != second
    assert gone(first)
    assert not gone(second)
    for path in (f"{CALENDAR}/feed",):
        assert stranger.delete(f"{base(room)}/{path}").status_code == 404
        assert stranger.post(f"{base(room)}/{path}").status_code == 404
    assert not gone(second)
    assert tenant.delete(f"{base(room)}/{CALENDAR}/feed").json().keys() == {"request_id"}
    assert gone(second)
    trail = [one for one in data(tenant.get("/v3/audit")) if one["type"].startswith("calendar.feed")]
    assert [one["type"].partition("_")[2] for one in trail] == ["revoked", "created", "created"]
    assert {one["grant_id"] for one in trail} == {room["id"]}
    again = tenant.delete(f"{base(room)}/{CALENDAR}/feed")
    assert problem(again)[:2] == (404, "not_found_error")


def test_an_address_that_is_not_quite_right_leads_nowhere(tenant: Tenant, room: Any) -> None:
    url = feed_of(tenant, room)
    token = url.removesuffix(".ics").rpartition("/")[2]
    start = url.partition("/feeds/")[0] + "/feeds/"
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    for name in (
        token,
        f"{flipped}.ics",
        f"{token}.ics.ics",
        f"{token}x.ics",
        "x.ics",
        ".ics",
        "%00.ics",
        f"{token[:9]}.ics",
    ):
        assert gone(start + name), name
    assert not gone(url)


def test_a_blocked_or_deleted_grant_shows_nothing(tenant: Tenant, room: Any) -> None:
    url = feed_of(tenant, room)
    server = tenant.server
    server.call(server.services.grants.block(room["id"], blocked=True))
    assert gone(url)
    server.call(server.services.grants.block(room["id"], blocked=False))
    assert not gone(url)
    tenant.delete(base(room))
    assert gone(url)
    assert server.rows(f"select count(*) from calendar_feeds where grant_id = '{room['id']}'")[0][0] == 0


def test_the_token_of_a_feed_is_in_no_log_and_not_in_the_database(tenant: Tenant, room: Any) -> None:
    url = feed_of(tenant, room)
    fetch(url)
    logged = written(tenant.server, fetch(url + "/more"))
    token = url.removesuffix(".ics").rpartition("/")[2]
    secret = token.partition(".")[2]
    stored = tenant.server.rows("select digest from calendar_feeds")
    assert stored
    assert not any(secret in str(row) for row in stored)
    assert "/feeds/{token}" in logged
    assert secret not in logged


def test_a_grant_without_a_calendar_here_has_no_feed(tenant: Tenant, room: Any) -> None:
    missing = tenant.post(f"{base(room)}/calendars/nowhere/feed")
    assert problem(missing)[:2] == (404, "not_found_error")


EVENT = (
    "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:20260302T090000Z\r\nDURATION:PT1H\r\nSUMMARY:{uid}\r\n{more}END:VEVENT\r\n"
)


def file(*uids: str, more: str = "") -> str:
    events = "".join(EVENT.format(uid=uid, more=more) for uid in uids)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n{events}END:VCALENDAR\r\n"


def imported(tenant: Tenant, grant: Any, **body: Any) -> httpx.Response:
    return tenant.http.post(f"{base(grant)}/{CALENDAR}/import-ics", **body)


def test_a_file_is_imported_as_itself_or_within_json(tenant: Tenant, room: Any) -> None:
    as_text = {"content": file("a", "b").encode(), "headers": {"Content-Type": "text/calendar; charset=utf-8"}}
    answer = imported(tenant, room, **as_text)
    assert data(answer) == {"created": 2, "updated": 0, "unchanged": 0, "skipped": []}
    bare = imported(tenant, room, content=b"\xef\xbb\xbf" + file("a").encode())
    assert data(bare) == {"created": 0, "updated": 0, "unchanged": 1, "skipped": []}
    in_json = imported(
        tenant, room, json={"ics": file("b", more="RRULE:FREQ=SECONDLY\r\n") + file("b", "c", more="LOCATION:x\r\n")}
    )
    found = data(in_json)
    assert (found["created"], found["updated"]) == (1, 1)
    assert [one["uid"] for one in found["skipped"]] == ["b"]
    assert "recurrence" in found["skipped"][0]["reason"]
    listed = data(tenant.get(f"{base(room)}/events?calendar_id=primary&start={NINE}&end={NINE + HOUR}"))
    assert sorted(one["title"] for one in listed) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("body", "expected", "names"),
    [
        ({"json": {}}, (400, "invalid_request_error"), "ics"),
        ({"json": {"ics": ""}}, (400, "invalid_request_error"), "ics"),
        ({"json": {"ics": "hello"}}, (400, "invalid_request_error"), "ics"),
        ({"content": b"{"}, (400, "api.invalid_request_payload"), "JSON"),
        ({"content": b"BEGIN:VCALENDAR\r\n\xff"}, (400, "invalid_request_error"), "ics"),
        ({"content": b"x", "headers": {"Content-Type": "text/calendar"}}, (400, "invalid_request_error"), "ics"),
        ({"content": file("a").encode() + b" " * 20_000_000}, (413, "payload_too_large"), "larger"),
    ],
)
def test_a_body_that_cannot_be_is_refused(
    tenant: Tenant, room: Any, body: Any, expected: tuple[int, str], names: str
) -> None:
    status, type_, message = problem(imported(tenant, room, **body))
    assert (status, type_) == expected
    assert names in message


def test_a_file_of_five_thousand_events_is_more_than_other_bodies_may_be(tenant: Tenant, room: Any) -> None:
    text = file(*map(str, range(5_000)), more="DESCRIPTION:" + "x" * 200 + "\r\n")
    assert 1_048_576 < len(text) < 5 * 1_048_576
    found = data(imported(tenant, room, content=text.encode()))
    assert found == {"created": 5_000, "updated": 0, "unchanged": 0, "skipped": []}
    answer = fetch(feed_of(tenant, room))
    assert answer.content.count(b"BEGIN:VEVENT") > 3_000
    assert len(answer.content) < 2_010_000


def run(directory: Path, program: str, *args: str) -> str:
    env = {
        "HOME": str(directory),
        "XDG_CONFIG_HOME": str(directory),
        "VDIRSYNCER_CONFIG": str(directory / "vdirsyncer.conf"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    path = Path(sys.executable).parent / program
    done = subprocess.run([path, *args], env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_khal_shows_what_vdirsyncer_fetched(tenant: Tenant, room: Any, tmp_path: Path) -> None:
    """Two programs that are not ours: one subscribes, the other reads."""
    berlin = {"start_timezone": "Europe/Berlin", "end_timezone": "Europe/Berlin"}
    made = create(
        tenant,
        room,
        title="Planning",
        when={"start_time": NINE, "end_time": NINE + HOUR, **berlin},
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=6", "EXDATE:20260309T100000"],
    )
    second = f"{base(room)}/events/{made['id']}_20260316T090000Z?calendar_id=primary"
    moved = NINE + 14 * 24 * HOUR + 3 * HOUR
    tenant.http.put(second, json={"title": "Moved", "when": {"start_time": moved, "end_time": moved + HOUR, **berlin}})
    tenant.delete(f"{base(room)}/events/{made['id']}_20260323T090000Z?calendar_id=primary")
    create(
        tenant, room, title="Hidden", visibility="private", when={"start_date": "2026-03-11", "end_date": "2026-03-12"}
    )
    (tmp_path / "vdirsyncer.conf").write_text(
        f"""
[general]
status_path = "{tmp_path}/status"
[pair room]
a = "here"
b = "there"
collections = null
[storage here]
type = "filesystem"
path = "{tmp_path}/room"
fileext = ".ics"
[storage there]
type = "http"
url = "{feed_of(tenant, room)}"
"""
    )
    (tmp_path / "room").mkdir()
    (tmp_path / "khal").mkdir()
    (tmp_path / "khal" / "config").write_text(
        f"""
[calendars]
[[room]]
path = {tmp_path}/room
readonly = True
[sqlite]
path = {tmp_path}/khal.db
[locale]
local_timezone = Europe/Berlin
default_timezone = Europe/Berlin
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
"""
    )
    run(tmp_path, "vdirsyncer", "discover")
    run(tmp_path, "vdirsyncer", "sync")
    listing = ("list", "--day-format", "", "--format", "{start} {end} {title}", "2026-03-01", "2026-04-30")
    shown = run(tmp_path, "khal", *listing)
    assert shown.split("\n")[:-1] == [
        "2026-03-02 10:00 2026-03-02 11:00 Planning",
        "2026-03-11 2026-03-12 Busy",
        "2026-03-11 2026-03-12 Busy",
        "2026-03-16 13:00 2026-03-16 14:00 Moved",
        "2026-03-30 10:00 2026-03-30 11:00 Planning",
        "2026-04-06 10:00 2026-04-06 11:00 Planning",
    ]
