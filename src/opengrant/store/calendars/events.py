"""Events: single ones, series, and what is different about single occurrences of a series.

A window is read in three parts, each bounded by an index: short events, long ones, and series that are alive in it.
"""

from collections.abc import Sequence

from opengrant.model.calendars import Calendar, Event
from opengrant.store.calendars.calendars import MAYBE_OBJECT
from opengrant.store.engine.columns import FLAG, Columns
from opengrant.store.engine.json_columns import LIST, OBJECT
from opengrant.store.engine.port import Row, Statement, Steps
from opengrant.store.engine.writes import Arm, Head, insert

SHORT = 86_400
"""Seconds: events that last longer are looked for by their end."""


COLUMNS = Columns(
    Event,
    (
        *("application_id", "grant_id", "calendar_id", "id", "kind", "master_id", "original", "ical_uid"),
        *("whole_days", "wall", "zone", "later", "duration", "start_zone", "end_zone", "start_at", "end_at"),
        *("tz_version", "recurrence", "series_end", "status", "busy", "body", "metadata", "sequence"),
        *("created_at", "updated_at"),
    ),
    whole_days=FLAG,
    later=FLAG,
    busy=FLAG,
    recurrence=LIST,
    body=OBJECT,
    metadata=MAYBE_OBJECT,
)
read = COLUMNS.read
_OF = "where application_id = $1 and calendar_id = $2"
_SET = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS.names[4:] if name != "created_at")
_SHOWN = "", " and kind <> 'cancelled'"
_NUMBERS = {
    **dict.fromkeys(("whole_days", "later", "busy"), "integer"),
    **dict.fromkeys(("original", "wall", "duration", "start_at", "end_at", "series_end", "sequence"), "bigint"),
    **dict.fromkeys(("created_at", "updated_at"), "bigint"),
}
_ADD = insert("calendar_events", {name: _NUMBERS.get(name, "text") for name in COLUMNS.names})
_PUT = f"""
    insert into calendar_events ({COLUMNS}) values ({COLUMNS.places})
    on conflict (calendar_id, id) do update set {_SET} returning id"""
PUT = Head(_PUT, f"g as ({_PUT})", "id")
"""Add, or replace what has its id; with the arguments of `COLUMNS.write`."""


def put(event: Event) -> Steps[None]:
    """Add, or replace what has its id."""
    yield Statement(_PUT, COLUMNS.write(event))


def add_arm(event: Event) -> Arm:
    """Of an event whose id is new."""
    return Arm(_ADD, COLUMNS.write(event))


def find(calendar: Calendar, event_id: str) -> Steps[Event | None]:
    rows = yield Statement(
        f"select {COLUMNS} from calendar_events {_OF} and id = $3", (calendar.application_id, calendar.id, event_id)
    )
    return COLUMNS.read(rows[0]) if rows else None


def find_occurrence(master: Event, original: int) -> Steps[Event | None]:
    """What was changed about one occurrence."""
    rows = yield Statement(
        f"select {COLUMNS} from calendar_events {_OF} and master_id = $3 and original = $4",
        (master.application_id, master.calendar_id, master.id, original),
    )
    return COLUMNS.read(rows[0]) if rows else None


def of_series(master: Event) -> Steps[list[Event]]:
    """All that was changed about single occurrences."""
    rows = yield Statement(
        f"select {COLUMNS} from calendar_events {_OF} and master_id = $3 order by original",
        (master.application_id, master.calendar_id, master.id),
    )
    return [COLUMNS.read(row) for row in rows]


def changed_between(calendar: Calendar, *, low: int, high: int) -> Steps[list[tuple[str, int]]]:
    """(series, original wall time) of occurrences that rows of their own stand for."""
    rows = yield Statement(
        f"""select master_id, original from calendar_events
            {_OF} and master_id is not null and original >= $3 and original <= $4""",
        (calendar.application_id, calendar.id, low, high),
    )
    return [(row[0], row[1]) for row in rows]


def between(
    calendar: Calendar, *, low: int, high: int, after: tuple[int, str], limit: int, cancelled: bool = False
) -> Steps[list[Event]]:
    """Single events and overrides of which a part lies from `low` to `high`, by start and id; `after` is left out."""
    rows = yield Statement(
        _PAGE.format(shown=_SHOWN[not cancelled]),
        # A later page begins where the one before has ended, not at the beginning of the window.
        (calendar.application_id, calendar.id, low, high, max(low - SHORT, after[0]), *after, limit),
    )
    return [COLUMNS.read(row) for row in rows]


_SHORT_ONES = f"""
    {_OF} and kind <> 'series' and duration <= {SHORT} and start_at >= $5 and start_at <= $4
    and (end_at > $3 or start_at >= $3)"""
_LONG_ONES = f"{_OF} and kind <> 'series' and duration > {SHORT} and end_at > $3 and start_at <= $4"
"""Rows that are no series, of which a part lies from $3 to $4. $5: when the first begins that is wanted, of short
ones."""
_ORDER = "and (start_at > $6 or (start_at = $6 and id > $7)) {shown} order by start_at, id limit $8"
# Each part has an end: else PostgreSQL sorts all that a long window holds, for every page.
_PAGE = f"""
    select * from (
        select * from (select {COLUMNS} from calendar_events {_SHORT_ONES} {_ORDER}) short_ones
        union all
        select * from (select {COLUMNS} from calendar_events {_LONG_ONES} {_ORDER}) long_ones
    ) found order by start_at, id limit $8"""


def busy_between(calendar: Calendar, *, low: int, high: int) -> Steps[Sequence[Row]]:
    """(begin, end, status, body as JSON) of single events and overrides that take time from `low` to `high`."""
    busy = "and busy = 1 and status <> 'cancelled'"
    return (
        yield Statement(
            f"""select start_at, end_at, status, body from calendar_events {_SHORT_ONES} {busy}
                union all
                select start_at, end_at, status, body from calendar_events {_LONG_ONES} {busy}""",
            (calendar.application_id, calendar.id, low, high, low - SHORT),
        )
    )


def series_between(calendar: Calendar, *, low: int, high: int) -> Steps[Sequence[Row]]:
    """Rows for `read` of series that have begun by `high` and have not ended before `low`, in no order."""
    return (
        yield Statement(
            f"select {COLUMNS} from calendar_events {_OF} and kind = 'series' and end_at >= $3 and start_at <= $4",
            (calendar.application_id, calendar.id, low, high),
        )
    )


def with_uid(calendar: Calendar, ical_uid: str, *, limit: int) -> Steps[list[Event]]:
    rows = yield Statement(
        f"select {COLUMNS} from calendar_events {_OF} and ical_uid = $3 order by start_at, id limit $4",
        (calendar.application_id, calendar.id, ical_uid, limit),
    )
    return [COLUMNS.read(row) for row in rows]


def find_uid(calendar: Calendar, ical_uid: str) -> Steps[Event | None]:
    """The event or the series with that id of iCalendar; of several, which an edit of a series may leave, the first."""
    rows = yield Statement(
        f"""select {COLUMNS} from calendar_events
            {_OF} and ical_uid = $3 and master_id is null order by start_at, id limit 1""",
        (calendar.application_id, calendar.id, ical_uid),
    )
    return COLUMNS.read(rows[0]) if rows else None


def delete(events: Sequence[Event]) -> Steps[None]:
    for event in events:
        yield Statement(
            f"delete from calendar_events {_OF} and id = $3", (event.application_id, event.calendar_id, event.id)
        )


def delete_series(master: Event) -> Steps[None]:
    """With what was changed about single occurrences, and what of them can be searched for."""
    of = (master.application_id, master.calendar_id, master.id)
    yield Statement(
        f"""delete from calendar_keys {_OF} and kind = 'event' and id in (
                select id from calendar_events {_OF} and master_id = $3)""",
        of,
    )
    yield Statement(f"delete from calendar_keys {_OF} and kind = 'event' and id = $3", of)
    yield Statement(f"delete from calendar_events {_OF} and master_id = $3", of)
    yield Statement(f"delete from calendar_events {_OF} and id = $3", of)


# ── other rules of time zones ─────────────────────────────────────────────────────────────────────────────────


def derived_before(tz_version: str, *, limit: int) -> Steps[list[Event]]:
    """Events whose instants were worked out with older rules of time zones than these.

    Not with newer ones: a node that has not been upgraded yet must not undo what another does.
    """
    rows = yield Statement(f"select {COLUMNS} from calendar_events where tz_version < $1 limit $2", (tz_version, limit))
    return [COLUMNS.read(row) for row in rows]


def move_whole_days(calendar: Calendar, zone: str) -> Steps[None]:
    """Put its events of whole days into another zone. Their instants are left to be derived: see `derived_before`."""
    yield Statement(
        f"update calendar_events set zone = $3, tz_version = '' {_OF} and whole_days = 1 and zone <> $3",
        (calendar.application_id, calendar.id, zone),
    )


def not_derived(calendar: Calendar, *, limit: int) -> Steps[list[Event]]:
    """What `move_whole_days` has left of a calendar."""
    rows = yield Statement(
        f"select {COLUMNS} from calendar_events where tz_version = '' and application_id = $1 and calendar_id = $2"
        " limit $3",
        (calendar.application_id, calendar.id, limit),
    )
    return [COLUMNS.read(row) for row in rows]


def derive_again(seen: Event, after: Event) -> Steps[None]:
    """Store instants, unless the event has been written since it was seen: then that has derived them."""
    of = (seen.application_id, seen.calendar_id, seen.id)
    rows = yield Statement(
        f"""update calendar_events set start_at = $4, end_at = $5, series_end = $6, tz_version = $7
            {_OF} and id = $3 and tz_version = $8 and zone = $9 and updated_at = $10 returning metadata""",
        (
            *(*of, after.start_at, after.end_at, after.series_end, after.tz_version),
            *(seen.tz_version, seen.zone, seen.updated_at),
        ),
    )
    if rows and rows[0][0] is not None:
        yield Statement(
            f"update calendar_keys set start_at = $4 {_OF} and kind = 'event' and id = $3", (*of, after.start_at)
        )
