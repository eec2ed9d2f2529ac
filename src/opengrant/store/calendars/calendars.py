"""Calendars. Each has a version that grows with any change of it or its events: what was read with it stays right."""

from collections.abc import Iterable, Sequence

from opengrant.model.calendars import Calendar
from opengrant.store.engine.columns import FLAG, Columns, Converter
from opengrant.store.engine.json_columns import get_object, put_object
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.engine.writes import Arm, Head, insert, write

MAYBE_OBJECT = Converter(
    lambda value: None if value is None else put_object(value),
    lambda text: None if text is None else get_object(text),
)

COLUMNS = Columns(
    Calendar,
    (
        *("application_id", "grant_id", "id", "name", "description", "location", "timezone", "hex_color"),
        *("hex_foreground_color", "metadata", "notetaker", "is_primary", "version", "created_at", "updated_at"),
    ),
    metadata=MAYBE_OBJECT,
    notetaker=MAYBE_OBJECT,
    is_primary=FLAG,
)
_CHANGED = COLUMNS.writer(
    (
        *("application_id", "grant_id", "id", "name", "description", "location", "timezone", "hex_color"),
        *("hex_foreground_color", "metadata", "notetaker", "updated_at"),
    )
)
_OF = "where application_id = $1 and grant_id = $2"
_OF_CALENDARS = ("calendar_keys", "calendar_events", "calendar_feeds")


def add(calendar: Calendar) -> Steps[bool]:
    """Returns False: the grant has a primary calendar already, and this would be another."""
    rows = yield Statement(
        f"insert into calendars ({COLUMNS}) values ({COLUMNS.places}) on conflict do nothing returning id",
        COLUMNS.write(calendar),
    )
    return bool(rows)


def find(application_id: str, grant_id: str, calendar_id: str) -> Steps[Calendar | None]:
    rows = yield Statement(
        f"select {COLUMNS} from calendars {_OF} and id = $3", (application_id, grant_id, calendar_id)
    )
    return COLUMNS.read(rows[0]) if rows else None


def find_primary(application_id: str, grant_id: str) -> Steps[Calendar | None]:
    rows = yield Statement(f"select {COLUMNS} from calendars {_OF} and is_primary = 1", (application_id, grant_id))
    return COLUMNS.read(rows[0]) if rows else None


def hold(calendar: Calendar, dialect: Dialect) -> Steps[Calendar | None]:
    """Read again, and keep other transactions from changing it or its events until this one ends. None: it is gone."""
    locking = "for update" if dialect is Dialect.POSTGRES else ""
    rows = yield Statement(
        f"select {COLUMNS} from calendars {_OF} and id = $3 {locking}",
        (calendar.application_id, calendar.grant_id, calendar.id),
    )
    return COLUMNS.read(rows[0]) if rows else None


def take(calendar: Calendar) -> Steps[Calendar | None]:
    """As `hold`, for a change of one of its events: what is returned has the version that the change makes."""
    rows = yield Statement(
        f"update calendars set version = version + 1 {_OF} and id = $3 returning {COLUMNS}",
        (calendar.application_id, calendar.grant_id, calendar.id),
    )
    return COLUMNS.read(rows[0]) if rows else None


_TAKE = f"""update calendars set version = version + 1 {_OF} and id = $3 and coalesce(timezone, '') = $4 returning id"""
TAKE = Head(_TAKE, f"g as ({_TAKE})", "id")
"""Decides about an event that was made for the calendar as it was read: nothing is written if it is gone since then, or
has another time zone."""


def take_args(calendar: Calendar) -> tuple[str, str, str, str]:
    """Of `TAKE`."""
    return calendar.application_id, calendar.grant_id, calendar.id, calendar.timezone or ""


def count(application_id: str, grant_id: str) -> Steps[int]:
    rows = yield Statement(f"select count(*) from calendars {_OF}", (application_id, grant_id))
    return int(rows[0][0])


def page(application_id: str, grant_id: str, *, after: str, limit: int) -> Steps[list[Calendar]]:
    """In the order of their ids, which is that of their creation."""
    rows = yield Statement(
        f"select {COLUMNS} from calendars {_OF} and id > $3 order by id limit $4",
        (application_id, grant_id, after, limit),
    )
    return [COLUMNS.read(row) for row in rows]


def change(calendar: Calendar) -> Steps[None]:
    yield Statement(
        f"""update calendars set name = $4, description = $5, location = $6, timezone = $7, hex_color = $8,
                hex_foreground_color = $9, metadata = $10, notetaker = $11, updated_at = $12, version = version + 1
            {_OF} and id = $3""",
        _CHANGED(calendar),
    )


def touch(calendar: Calendar) -> Steps[None]:
    """One of its events has changed."""
    yield from raise_version(calendar.application_id, calendar.grant_id, calendar.id)


def raise_version(application_id: str, grant_id: str, calendar_id: str) -> Steps[bool]:
    """Returns False: there is no such calendar."""
    rows = yield Statement(
        f"update calendars set version = version + 1 {_OF} and id = $3 returning id",
        (application_id, grant_id, calendar_id),
    )
    return bool(rows)


def delete(calendar: Calendar) -> Steps[None]:
    """With its events."""
    for table in _OF_CALENDARS:
        yield Statement(
            f"delete from {table} where application_id = $1 and calendar_id = $2",
            (calendar.application_id, calendar.id),
        )
    yield Statement(
        f"delete from calendars {_OF} and id = $3", (calendar.application_id, calendar.grant_id, calendar.id)
    )


def delete_of_grant(application_id: str, grant_id: str) -> Steps[None]:
    """With everything that they hold."""
    rows = yield Statement(f"delete from calendars {_OF} returning id", (application_id, grant_id))
    for (calendar_id,) in rows:
        for table in _OF_CALENDARS:
            yield Statement(
                f"delete from {table} where application_id = $1 and calendar_id = $2", (application_id, calendar_id)
            )


def put_keys(calendar: Calendar, kind: str, id_: str, keys: Sequence[tuple[str, str]], *, start_at: int) -> Steps[None]:
    """Replace what can be searched for of a calendar's or an event's metadata."""
    yield Statement(
        "delete from calendar_keys where application_id = $1 and calendar_id = $2 and kind = $3 and id = $4",
        (calendar.application_id, calendar.id, kind, id_),
    )
    for arm in key_arms(calendar, kind, id_, keys, start_at=start_at):
        yield arm.alone


_KEY = insert(
    "calendar_keys",
    {
        **dict.fromkeys(("application_id", "grant_id", "kind", "calendar_id", "id", "name", "value"), "text"),
        "start_at": "bigint",
    },
    conflict="""on conflict (calendar_id, kind, id, name)
                do update set value = excluded.value, start_at = excluded.start_at""",
)
_NO_KEY = write(
    """delete from calendar_keys{after} where calendar_keys.application_id = {0} and calendar_keys.calendar_id = {1}
       and calendar_keys.kind = {2} and calendar_keys.id = {3} and calendar_keys.name = {4}""",
    ("text",) * 5,
    after=" using g",
)


def key_arms(calendar: Calendar, kind: str, id_: str, keys: Sequence[tuple[str, str]], *, start_at: int) -> list[Arm]:
    """Add them, or replace what has their names."""
    return [
        Arm(_KEY, (calendar.application_id, calendar.grant_id, kind, calendar.id, id_, name, value, start_at))
        for name, value in keys
    ]


def no_key_arms(calendar: Calendar, kind: str, id_: str, names: Iterable[str]) -> list[Arm]:
    """Drop those of these names."""
    return [Arm(_NO_KEY, (calendar.application_id, calendar.id, kind, id_, name)) for name in names]


def find_keyed(
    application_id: str,
    grant_id: str,
    kind: str,
    pairs: Sequence[tuple[str, str]],
    *,
    after: tuple[int, str],
    limit: int,
    calendar_id: str | None = None,
) -> Steps[list[tuple[int, str]]]:
    """Calendars, or events of one calendar, that have all these pairs: (start_at, id), in this order. start_at: 0 of a
    calendar."""
    having = " ".join(
        # No `exists`: PostgreSQL would make a join of it, and read every key of the calendar.
        f"""and (select o.value from calendar_keys o where o.application_id = k.application_id
            and o.calendar_id = k.calendar_id and o.kind = k.kind and o.id = k.id
            and o.name = ${8 + 2 * number}) = ${9 + 2 * number}"""
        for number in range(1, len(pairs))
    )
    rows = yield Statement(
        f"""select k.start_at, k.id from calendar_keys k
            where k.application_id = $1 and k.grant_id = $2 and k.kind = $3 and k.name = $4 and k.value = $5
              and (k.start_at, k.id) > ($6, $7) and k.calendar_id = coalesce($9, k.calendar_id) {having}
            order by k.start_at, k.id limit $8""",
        (
            *(application_id, grant_id, kind, *pairs[0], *after, limit, calendar_id),
            *(part for pair in pairs[1:] for part in pair),
        ),
    )
    return [(row[0], row[1]) for row in rows]


def last_booked(
    application_id: str, grant_id: str, calendar_ids: Sequence[str], name: str, value: str, *, since: int
) -> Steps[int]:
    """When the latest event of these calendars with this pair begins; -1: none does since then."""
    latest = -1
    for calendar_id in calendar_ids:
        rows = yield Statement(
            """select start_at from calendar_keys
               where application_id = $1 and grant_id = $2 and kind = 'event' and name = $3 and value = $4
                 and start_at >= $5 and calendar_id = $6 order by start_at desc limit 1""",
            (application_id, grant_id, name, value, max(since, latest), calendar_id),
        )
        latest = max([latest, *(int(row[0]) for row in rows)])
    return latest
