"""The outbox: what happened, written in the transaction of its cause, with a delivery for each who wants to know.

Sending is another's work. An event of a type that is no trigger stays in the audit trail and goes to nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opengrant.model import Micros
from opengrant.store.engine.json_columns import put_object
from opengrant.store.engine.port import Statement, Steps

TRIGGERS = frozenset(
    {
        *("grant.created", "grant.updated", "grant.expired", "grant.deleted"),
        *("connector.degraded", "connector.recovered"),
    }
)
"""Types that are delivered."""


@dataclass(frozen=True, slots=True)
class Event:
    """`payload` is what receivers will see as `data.object`; `actor` and `detail` only the audit trail shows."""

    id: str
    application_id: str
    type: str
    grant_id: str | None
    payload: Mapping[str, Any]
    created_at: Micros
    actor: str | None = None
    detail: Mapping[str, Any] | None = None

    def row(self) -> tuple[Any, ...]:
        detail = None if self.detail is None else put_object(self.detail)
        payload = put_object(self.payload)
        return (self.application_id, self.id, self.type, self.grant_id, payload, self.created_at, self.actor, detail)


ADD = """
    insert into events (application_id, id, type, grant_id, payload, created_at, actor, detail)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
"""

WANTED = "{0}.status in ('active', 'failing') and {0}.triggers like {1}"
"""Whether a webhook is to be told of an event; the second place is for `pattern()`."""

ANYBODY = "select 1 from webhooks where application_id = $1 limit 1"

FAN_OUT = f"""
    insert into deliveries (application_id, webhook_id, event_id, type, subject, payload,
                            created_at, queued_at, due_at, state, attempts)
    select w.application_id, w.id, cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text),
           cast($6 as bigint), cast($6 as bigint), cast($6 as bigint), 'pending', 0
    from webhooks w where w.application_id = $1 and {WANTED.format("w", "$7")}
"""


def pattern(type_: str) -> str:
    """What finds a trigger in a webhook's JSON list of them."""
    return f'%"{type_}"%'


def add_alone(event: Event) -> Steps[None]:
    """A script of its own, for what has no other cause to be written with and nobody subscribes to."""
    yield Statement(ADD, event.row(), last=True)


def add(event: Event) -> Steps[None]:
    row = event.row()
    yield Statement(ADD, row)
    if event.type in TRIGGERS:
        application_id, id_, type_, grant_id, payload, created_at, *_ = row
        subject = grant_id or ""
        # Asking costs far less than a statement that would insert nothing, and most applications have none.
        if not (yield Statement(ANYBODY, (application_id,))):
            return
        yield Statement(FAN_OUT, (application_id, id_, type_, subject, payload, created_at, pattern(type_)))
