"""The floor's calendars: a week of one, with its series expanded, and an event that is created.

Under the rules of bench/floor.py. The rows of a week come with one query. An event is written with its key, its
deliveries and the calendar's version in one statement. Rules are read once, offsets once an hour.

What it leaves out: all rules but DAILY and WEEKLY with BYDAY, their ends, dates beside a rule, whole days, filters,
cursors, other calendars than the primary one, and what an event may hold beyond what the benchmark sends.
"""

import base64
import functools
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from pydantic_core import from_json, to_json

Row = tuple[Any, ...]

_DAY = 86_400
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock has no zone

_COLUMNS = (
    "id, calendar_id, kind, master_id, original, ical_uid, wall, zone, duration, start_zone, end_zone, start_at,"
    " end_at, recurrence, status, busy, body, metadata, created_at, updated_at"
)
_OF = """
    from grants g
    join calendars c on c.application_id = g.application_id and c.grant_id = g.id and c.is_primary = 1
    join calendar_events e on e.application_id = c.application_id and e.calendar_id = c.id
    where g.application_id = $1 and g.id = $2 and g.blocked = 0
"""
_SELECT = f"select {', '.join(f'e.{name}' for name in _COLUMNS.split(', '))}"
WEEK = f"""
    {_SELECT} {_OF} and e.kind <> 'series' and e.duration <= 86400 and e.start_at >= $3 - 86400 and e.start_at <= $4
    union all
    {_SELECT} {_OF} and e.kind <> 'series' and e.duration > 86400 and e.end_at > $3 and e.start_at <= $4
    union all
    {_SELECT} {_OF} and e.kind = 'series' and e.end_at >= $3 and e.start_at <= $4
    union all
    {_SELECT} {_OF} and e.master_id is not null and e.original >= $3 - 94000 and e.original <= $4 + 94000
"""
PRIMARY = """
    select c.id, g.email from grants g
    join calendars c on c.application_id = g.application_id and c.grant_id = g.id and c.is_primary = 1
    where g.application_id = $1 and g.id = $2 and g.blocked = 0
"""
_VERSION = (
    "update calendars set version = version + 1 where application_id = $1 and grant_id = $2 and id = $3 returning id"
)
_EVENT = f"""
    insert into calendar_events (application_id, grant_id, {_COLUMNS}, whole_days, later, tz_version, series_end,
                                 sequence)
    {{}}
"""
_VALUES = (
    "$4::text, $3::text, 'single', null, null::bigint, $5::text, $6::bigint, $7::text, $8::bigint, $7::text, $7::text,"
    " $9::bigint, $9::bigint + $8::bigint, '[]', 'confirmed', 1, $10::text, $11::text, $12::bigint, $12::bigint, 0, 0,"
    " $13::text, null::bigint, 0"
)
_KEY = """
    insert into calendar_keys (application_id, grant_id, kind, calendar_id, id, name, value, start_at) {}
"""
_DELIVERY = """
    insert into deliveries (application_id, webhook_id, event_id, type, subject, payload, created_at, queued_at, due_at,
                            state, attempts)
    select w.application_id, w.id, {}, 'pending', 0 from {}webhooks w
    where w.application_id = $1 and w.status in ('active', 'failing') and w.triggers like '%"event.created"%'
"""
BOOK_POSTGRES = f"""
    with v as ({_VERSION}),
    e as ({_EVENT.format(f"select $1::text, $2::text, {_VALUES} from v")}),
    k as ({_KEY.format("select $1, $2, 'event', $3, $4, 'key1', $14::text, $9 from v where $14::text is not null")}),
    d as ({_DELIVERY.format("$15::text, 'event.created', $2, $16::text, $12, $12, $12", "v, ")})
    select id from v
"""


def _numbered(sql: str) -> str:
    for kind in ("::text", "::bigint"):
        sql = sql.replace(kind, "")
    return sql.replace("$", "?")


_VERSION_SQLITE = _numbered(_VERSION)
_EVENT_SQLITE = _numbered(_EVENT.format(f"values ($1, $2, {_VALUES})"))
_KEY_SQLITE = _numbered(_KEY.format("values ($1, $2, 'event', $3, $4, 'key1', $5, $6)"))
_ANY_WEBHOOK = "select 1 from webhooks where application_id = ? limit 1"
_DELIVERY_SQLITE = _numbered(_DELIVERY.format("$2, 'event.created', $3, $4, $5, $5, $5", ""))


def book(cursor: Any, args: Row) -> None:
    """On SQLite; within the writer's transaction."""
    if not cursor.execute(_VERSION_SQLITE, args[:3]).fetchall():
        return
    cursor.execute(_EVENT_SQLITE, args[:13])
    if args[13] is not None:
        cursor.execute(_KEY_SQLITE, (*args[:4], args[13], args[8]))
    if cursor.execute(_ANY_WEBHOOK, args[:1]).fetchone():
        cursor.execute(_DELIVERY_SQLITE, (args[0], args[14], args[1], args[15], args[11]))


# ── a week ────────────────────────────────────────────────────────────────────────────────────────────────────


def window(query_string: bytes) -> tuple[int, int, int]:
    query = dict(parse_qsl(query_string.decode()))
    return int(query["start"]), int(query["end"]), int(query["limit"])


def week(rows: list[Row], grant_id: str, low: int, high: int, limit: int) -> list[dict[str, Any]]:
    found: list[tuple[int, str, Row, int | None, int]] = []
    changed = {(row[3], row[4]) for row in rows if row[3] is not None}
    seen = set()
    for row in rows:
        if row[2] == "series":
            duration, zone = row[8], row[7]
            for wall in _walls(row[13], row[6], low - duration - 94_000, high + 94_000):
                at = wall - _offset(zone, wall // 3600)
                if at <= high and (at >= low or at + duration > low) and (row[0], wall) not in changed:
                    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
                    found.append((at, f"{row[0]}_{stamp}", row, at, at + duration))
        elif row[2] != "cancelled" and row[0] not in seen and row[11] <= high and (row[11] >= low or row[12] > low):
            seen.add(row[0])
            found.append((row[11], row[0], row, None, row[12]))
    found.sort(key=lambda one: one[:2])
    return [_shown(row, grant_id, id_, at, end, occurrence) for at, id_, row, occurrence, end in found[:limit]]


def _walls(recurrence: str, wall: int, low: int, high: int) -> Iterator[int]:
    step, days = _rule(recurrence)
    if not days:
        return iter(range(wall + max(0, -(-(low - wall) // step)) * step, high + 1, step))
    monday = wall - (wall // _DAY + 3) % 7 * _DAY
    first = monday + max(0, (low - monday) // step) * step
    return (
        at
        for begin in range(first, high + 1, step)
        for day in days
        if (at := begin + day * _DAY) >= wall and low <= at <= high
    )


@functools.cache
def _rule(recurrence: str) -> tuple[int, tuple[int, ...]]:
    """Seconds of a period, and the weekdays of a weekly rule."""
    (line,) = from_json(recurrence)
    parts = dict(part.split("=") for part in line.removeprefix("RRULE:").split(";"))
    interval = int(parts.get("INTERVAL", 1))
    if parts["FREQ"] == "DAILY":
        return interval * _DAY, ()
    names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    return interval * 7 * _DAY, tuple(sorted(names.index(name) for name in parts["BYDAY"].split(",")))


@functools.lru_cache(maxsize=100_000)
def _offset(zone: str, hour: int) -> int:
    local = (_EPOCH + timedelta(hours=hour)).replace(tzinfo=_zone(zone))
    return int((local.utcoffset() or timedelta()).total_seconds())


@functools.cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _shown(row: Row, grant_id: str, id_: str, at: int, end: int, occurrence: int | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": id_,
        "grant_id": grant_id,
        "object": "event",
        "calendar_id": row[1],
        "title": None,
        "description": None,
        "location": None,
        "visibility": "public",
        "hide_participants": False,
        "participants": [],
        **from_json(row[16]),
        "busy": bool(row[15]),
        "read_only": False,
        "status": row[14],
        "when": {"object": "timespan", "start_time": at, "end_time": end},
        "ical_uid": row[5],
        "created_at": row[18] // 1_000_000,
        "updated_at": row[19] // 1_000_000,
    }
    if row[9] is not None:
        shown["when"] |= {"start_timezone": row[9], "end_timezone": row[10]}
    if row[17] is not None:
        shown["metadata"] = from_json(row[17])
    if row[3] is not None or occurrence is not None:
        shown["master_event_id"] = row[3] or row[0]
    return shown


# ── an event ──────────────────────────────────────────────────────────────────────────────────────────────────


def event(application: str, grant_id: str, calendar_id: str, email: str, sent: dict[str, Any]) -> tuple[Row, Any]:
    """The arguments of `BOOK_POSTGRES` and `book`, and the answer."""
    now, when = time.time_ns() // 1000, sent["when"]
    start, end, zone = when["start_time"], when["end_time"], when["start_timezone"]
    data = (now // 1000).to_bytes(6, "big") + os.urandom(10)
    id_ = base64.b32hexencode(data).decode().rstrip("=").lower()
    people = [{"status": "noreply", **one} for one in sent.get("participants", ())]
    body = {"organizer": {"email": email}, "title": sent.get("title"), "participants": people}
    metadata = sent.get("metadata")
    wall = start + _offset_at(zone, start // 900)
    stored = None if metadata is None else to_json(metadata).decode()
    row = (
        *(id_, calendar_id, "single", None, None, f"{id_}@opengrant", wall, zone, end - start, zone, zone, start, end),
        *("[]", "confirmed", 1, to_json(body), stored, now, now),
    )
    shown = _shown(row, grant_id, id_, start, end, None)
    key = None if metadata is None else metadata.get("key1")
    args = (
        *(application, grant_id, calendar_id, id_, row[5], wall, zone, end - start, start, row[16].decode(), stored),
        *(now, "2026", key, str(uuid.uuid4()), to_json(shown).decode()),
    )
    return args, shown


@functools.lru_cache(maxsize=100_000)
def _offset_at(zone: str, quarter: int) -> int:
    """By the instant: offsets change at quarters of an hour."""
    offset = datetime.fromtimestamp(quarter * 900, _zone(zone)).utcoffset()
    return int((offset or timedelta()).total_seconds())
