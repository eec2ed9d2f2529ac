"""Feeds: the secret address of a calendar, as a digest, and the rows that a feed shows, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from opengrant.model import Micros
from opengrant.model.calendars import Calendar, Event
from opengrant.store.calendars.events import COLUMNS, SHORT
from opengrant.store.engine.port import Row, Statement, Steps

_OF = "where application_id = $1 and calendar_id = $2"


def put(calendar: Calendar, digest: str, *, at: Micros) -> Steps[None]:
    """The address before this one ends."""
    yield Statement(
        """insert into calendar_feeds (application_id, grant_id, calendar_id, digest, created_at)
           values ($1, $2, $3, $4, $5)
           on conflict (application_id, calendar_id)
           do update set digest = excluded.digest, created_at = excluded.created_at""",
        (calendar.application_id, calendar.grant_id, calendar.id, digest, at),
    )


def revoke(calendar: Calendar) -> Steps[bool]:
    """Returns False: there is none."""
    rows = yield Statement(
        f"delete from calendar_feeds {_OF} returning calendar_id", (calendar.application_id, calendar.id)
    )
    return bool(rows)


def find(application_id: str, digest: str) -> Steps[tuple[str, str] | None]:
    """(grant, calendar) of an address."""
    rows = yield Statement(
        "select grant_id, calendar_id from calendar_feeds where application_id = $1 and digest = $2",
        (application_id, digest),
    )
    return (rows[0][0], rows[0][1]) if rows else None


Part = Literal["series", "changes", "long", "coming", "past"]
PARTS: Sequence[Part] = ("series", "changes", "long", "coming", "past")


@dataclass(frozen=True, slots=True)
class _Order:
    where: str
    by: str
    descending: bool


_ORDERS = {
    "series": _Order("kind = 'series'", "end_at", True),
    "changes": _Order("master_id is not null", "original", True),
    "long": _Order(f"kind <> 'series' and kind = 'single' and duration > {SHORT}", "end_at", True),
    "coming": _Order(f"kind <> 'series' and kind = 'single' and duration <= {SHORT}", "start_at", False),
    "past": _Order(f"kind <> 'series' and kind = 'single' and duration <= {SHORT}", "start_at", True),
}
"""Each follows an index. Series and long events: those that end last come first. Changes: of the latest occurrences."""

Place = tuple[int, str]


def first_place(part: Part, since: int) -> Place:
    """Where a part begins. since: Unix seconds that parts `coming` and `past` of it by their start."""
    return {"coming": (since, ""), "past": (since - 1, "")}.get(part, (1 << 62, ""))


def page(calendar: Calendar, part: Part, *, after: Place, limit: int) -> Steps[tuple[list[Event], Place]]:
    """A page of a part, and where the next one begins."""
    order = _ORDERS[part]
    beyond, direction = ("<", "desc") if order.descending else (">", "")
    rows: Sequence[Row] = yield Statement(
        f"""select {COLUMNS} from calendar_events
            {_OF} and {order.where} and {order.by} {beyond}= $3 and ({order.by} {beyond} $3 or id > $4)
            order by {order.by} {direction}, id limit $5""",
        (calendar.application_id, calendar.id, *after, limit),
    )
    found = [COLUMNS.read(row) for row in rows]
    if not found:
        return [], after
    last = found[-1]
    value = {"end_at": last.end_at, "original": last.original or 0, "start_at": last.start_at}[order.by]
    return found, (value, last.id)
