"""The events as entries of the audit trail: newest first, deleted after their retention."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opengrant.model import Micros
from opengrant.store.engine.arguments import Arguments
from opengrant.store.engine.columns import Columns, Converter
from opengrant.store.engine.json_columns import get_object
from opengrant.store.engine.port import Statement, Steps


class AuditPosition(NamedTuple):
    """The position of an entry in its trail; ids order entries of the same microsecond."""

    at: Micros
    id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event.

    actor   None for events from before actors were stored
    detail  further facts; its `request_id` leads to the log
    """

    id: str
    application_id: str
    type: str
    grant_id: str | None
    at: Micros
    actor: str | None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> AuditPosition:
        return AuditPosition(self.at, self.id)


COLUMNS = Columns(
    Entry,
    ("id", "application_id", "type", "grant_id", "created_at", "actor", "detail"),
    fields={"created_at": "at"},
    detail=Converter(None, lambda text: {} if text is None else get_object(text)),
)


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """Conditions of a listing; None means any. Times are inclusive."""

    grant_id: str | None = None
    actor: str | None = None
    type: str | None = None
    since: Micros | None = None
    before: Micros | None = None


def page(application_id: str, filters: AuditFilters, *, after: AuditPosition | None, limit: int) -> Steps[list[Entry]]:
    """Newest first, after the entry at that place, in a total order, so that pages neither repeat nor skip a row.

    A page reads about `limit` entries, however many there are: each combination of filters has an index in that order.
    Of an actor alone, the entries of each type are merged.
    """
    if filters.actor is not None and filters.type is None and filters.grant_id is None:
        types: list[str | None] = [*(yield from _types_of(application_id, filters.actor))]
    else:
        types = [filters.type]
    args = Arguments([application_id])
    conditions = [
        *args.given(("grant_id = {}", filters.grant_id)),
        # An entry of a grant is found by the index of grants: `|| ''` hides the others.
        *args.given((f"actor {'' if filters.grant_id is None else HIDDEN} = {{}}", filters.actor)),
        *args.given(("created_at >= {}", filters.since), ("created_at <= {}", filters.before)),
    ]
    if after is not None:
        conditions.append(f"(created_at, id) < ({args.place(after.at)}, {args.place(after.id)})")
    most = args.place(limit)
    parts = []
    for type_ in types:
        of_type = args.given((f"type {'' if filters.grant_id is None else HIDDEN} = {{}}", type_))
        where = " and ".join(["application_id = $1", *conditions, *of_type])
        parts.append(f"select {COLUMNS} from events where {where} order by created_at desc, id desc limit {most}")
    if not parts:
        return []
    if len(parts) > 1:
        merged = " union all ".join(f"select * from ({part}) e{number}" for number, part in enumerate(parts))
        parts = [f"select * from ({merged}) e order by created_at desc, id desc limit {most}"]
    return [COLUMNS.read(row) for row in (yield Statement(parts[0], tuple(args)))]


HIDDEN = "|| ''"
"""Behind a column: no index of it is used."""
# From one type to the next in the index, without the entries between.
_TYPES_OF = """
    with recursive found (type) as (
        select min(type) from events where application_id = $1 and actor = $2
        union all
        select (select min(type) from events where application_id = $1 and actor = $2 and type > found.type)
        from found where found.type is not null)
    select type from found where type is not null
"""


def _types_of(application_id: str, actor: str) -> Steps[list[str]]:
    """The types of an actor's entries."""
    return [type_ for (type_,) in (yield Statement(_TYPES_OF, (application_id, actor)))]


def forget_before(application_id: str, *, cutoff: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` of the oldest entries without pending deliveries; return their number."""
    rows = yield Statement(
        """delete from events where application_id = $1 and (created_at, id) in (
               select created_at, id from events e where application_id = $1 and created_at < $2
                 and not exists (select 1 from deliveries d
                     where d.application_id = $1 and d.event_id = e.id and d.state = 'pending')
               order by created_at, id limit $3)
           returning id""",
        (application_id, cutoff, limit),
    )
    return len(rows)
