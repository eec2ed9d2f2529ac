"""The outbox: what happened, written in the transaction of its cause. Delivery is another's work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opengrant.model import Micros
from opengrant.store.columns import get_object, put_object
from opengrant.store.port import Statement, Steps


@dataclass(frozen=True, slots=True)
class Event:
    """`payload` is what receivers will see as `data.object`."""

    id: str
    application_id: str
    type: str
    grant_id: str | None
    payload: Mapping[str, Any]
    created_at: Micros

    def row(self) -> tuple[Any, ...]:
        return (self.application_id, self.id, self.type, self.grant_id, put_object(self.payload), self.created_at)


ADD = "insert into events (application_id, id, type, grant_id, payload, created_at) values ($1, $2, $3, $4, $5, $6)"


def add(event: Event) -> Steps[None]:
    yield Statement(ADD, event.row())


def oldest(application_id: str, *, limit: int) -> Steps[list[Event]]:
    """In the order they happened."""
    rows = yield Statement(
        """select id, application_id, type, grant_id, payload, created_at from events
           where application_id = $1 order by created_at, id limit $2""",
        (application_id, limit),
    )
    return [Event(row[0], row[1], row[2], row[3], get_object(row[4]), row[5]) for row in rows]
