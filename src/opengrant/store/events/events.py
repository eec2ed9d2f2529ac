"""The outbox: events, written in the transaction of their cause, with a delivery for each webhook that subscribes.

events/deliveries.py sends them. An event whose type is not in TRIGGERS stays in the audit trail and is not delivered.
"""

from collections.abc import Mapping
from typing import Any

from opengrant import tracing
from opengrant.model import Micros
from opengrant.model.basics import record
from opengrant.store.engine.json_columns import put_object
from opengrant.store.engine.port import Statement, Steps
from opengrant.store.engine.writes import Arm, insert, one_by_one
from opengrant.store.events import deliveries

TRIGGERS = frozenset(
    {
        *("grant.created", "grant.updated", "grant.expired", "grant.deleted"),
        *("connector.degraded", "connector.recovered"),
    }
)
"""Types that are delivered."""


@record
class Event:
    """payload: `data.object` of a delivery. actor, detail: shown in the audit trail only."""

    id: str
    application_id: str
    type: str
    grant_id: str | None
    payload: Mapping[str, Any]
    created_at: Micros
    actor: str | None = None
    detail: Mapping[str, Any] | None = None


_ADD = insert(
    "events",
    {
        **dict.fromkeys(("application_id", "id", "type", "grant_id", "payload"), "text"),
        "created_at": "bigint",
        **dict.fromkeys(("actor", "detail"), "text"),
    },
)


def add_arms(event: Event) -> list[Arm]:
    """The event and, if its type is delivered, its deliveries."""
    _trace(event)
    payload = put_object(event.payload)
    subject = (event.application_id, event.id, event.type)
    detail = None if event.detail is None else put_object(event.detail)
    arms = [Arm(_ADD, (*subject, event.grant_id, payload, event.created_at, event.actor, detail))]
    if event.type in TRIGGERS:
        arms.append(deliveries.add_arm(*subject, event.grant_id or "", payload, at=event.created_at))
    return arms


def add_alone(event: Event) -> Steps[None]:
    """A script of its own for an event that no other write causes and that is not delivered."""
    event_arm, *_ = add_arms(event)
    yield Statement(event_arm.write.alone, event_arm.args, last=True)


def add(event: Event) -> Steps[None]:
    yield from one_by_one(add_arms(event))


def announce_arms(event: Event) -> list[Arm]:
    """Deliveries alone: changes of what a grant holds are many, and the audit trail is about grants."""
    _trace(event)
    payload = put_object(event.payload)
    subject = (event.application_id, event.id, event.type, event.grant_id or "")
    return [deliveries.add_arm(*subject, payload, at=event.created_at)]


def announce(event: Event) -> Steps[None]:
    yield from one_by_one(announce_arms(event))


def _trace(event: Event) -> None:
    """Its deliveries by this process belong to the trace of its cause."""
    if (spans := tracing.current()) is not None:
        spans.remember(event.id)
