"""The outbox: what happened, written in the transaction of its cause. Delivery is another's work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opengrant.model import Micros
from opengrant.store.columns import put_object
from opengrant.store.port import Statement, Steps


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


def add(event: Event) -> Steps[None]:
    yield Statement(ADD, event.row())
