"""What receivers will be told about a grant: the payloads of the four grant events."""

import uuid
from collections.abc import Mapping
from typing import Any

from opengrant.model import SECOND, Grant, Micros
from opengrant.store.events import Event

CREATED, UPDATED, REAUTHENTICATED, EXPIRED, DELETED = 25012, 25014, 25027, 25009, 25013
"""The wire's numeric codes. Receivers route on the type; the code is kept for those who look at it."""


def created(grant: Grant, *, at: Micros) -> Event:
    more: dict[str, Any] = {"scope": list(grant.scope)}
    if grant.name is not None:
        more["name"] = grant.name
    return _event("grant.created", CREATED, grant, at, more)


def reauthenticated(grant: Grant, *, at: Micros, subject_changed: bool = False) -> Event:
    """`subject_changed`: the address is the same, the provider's stable id behind it is not."""
    more: dict[str, Any] = {"reauthentication_flag": True}
    if subject_changed:
        more["subject_changed"] = True
    return _event("grant.updated", REAUTHENTICATED, grant, at, more)


def updated(grant: Grant, *, at: Micros) -> Event:
    return _event("grant.updated", UPDATED, grant, at, {"reauthentication_flag": False})


def expired(grant: Grant, *, at: Micros) -> Event:
    return _event("grant.expired", EXPIRED, grant, at, {"grant_updated_at": grant.updated_at // SECOND})


def deleted(grant: Grant, *, at: Micros) -> Event:
    return _event("grant.deleted", DELETED, grant, at, {})


def _event(type_: str, code: int, grant: Grant, at: Micros, more: Mapping[str, Any]) -> Event:
    payload = {
        "code": code,
        "grant_id": grant.id,
        "integration_id": grant.connector_id,
        "provider": grant.provider.value,
        "email": grant.email,
    }
    return Event(str(uuid.uuid4()), grant.application_id, type_, grant.id, payload | dict(more), at)
