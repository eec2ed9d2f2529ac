"""Events about grants and their sources, with their payloads."""

import uuid
from collections.abc import Mapping
from typing import Any

from opengrant.events.actor import Fact, sign, signature
from opengrant.model import SECOND, Grant, Micros, Trouble
from opengrant.store.events.events import Event

CREATED, UPDATED, REAUTHENTICATED, EXPIRED, DELETED = 25012, 25014, 25027, 25009, 25013
"""The wire's numeric codes. Receivers route on the type; some also read the code."""


def created(grant: Grant, *, at: Micros, login_id: str | None = None) -> Event:
    """`login_id`: the hosted sign-in that made the grant."""
    more: dict[str, Any] = {"scope": list(grant.scope)}
    if login_id is not None:
        more["login_id"] = login_id
    if grant.name is not None:
        more["name"] = grant.name
    return _event("grant.created", CREATED, grant, at, more)


def reauthenticated(grant: Grant, *, before: Grant, at: Micros) -> Event:
    """The payload has `subject_changed` when the address is the same but the provider's stable id is not."""
    subject_changed = before.subject is not None and before.subject != grant.subject
    more: dict[str, Any] = {"reauthentication_flag": True}
    if subject_changed:
        more["subject_changed"] = True
    changed = ["credential", "subject"] if subject_changed else ["credential"]
    run = before.refreshes or None
    return _event("grant.updated", REAUTHENTICATED, grant, at, more, changed=changed, refreshes=run)


def updated(grant: Grant, *, before: Grant, at: Micros) -> Event:
    """The audit trail names the fields that differ from `before`; a new credential counts as `credential`.

    A `workspace_id` of None: unchanged.
    """
    fields = ("name", "scope", "settings", "external_id")
    changed = [name for name in fields if getattr(grant, name) != getattr(before, name)]
    if grant.workspace_id not in (None, before.workspace_id):
        changed.append("workspace_id")
    run = None
    if grant.asked != before.asked:
        changed, run = [*changed, "credential"], before.refreshes or None
    more = {"reauthentication_flag": False}
    return _event("grant.updated", UPDATED, grant, at, more, changed=changed, refreshes=run)


def expired(grant: Grant, *, at: Micros, refreshes: int = 0, note: str | None = None) -> Event:
    """The payload has the grant's trouble, as our addition to the wire.

    refreshes  successful refreshes in a row before
    note       the reason that an operator gave; for the audit trail alone
    """
    more: dict[str, Any] = {"grant_updated_at": grant.updated_at // SECOND}
    detail: dict[str, Fact] = {}
    if grant.trouble is not None:
        more["opengrant"], detail = why(grant.trouble), facts(grant.trouble)
    return _event("grant.expired", EXPIRED, grant, at, more, **detail, refreshes=refreshes or None, note=note)


def restored(grant: Grant, *, at: Micros, announced: bool) -> Event:
    """A grant was called invalid by mistake. `announced`: receivers got that event, so they get a correction."""
    if announced:
        return _event("grant.updated", UPDATED, grant, at, {"reauthentication_flag": False})
    return _event("grant.restored", UPDATED, grant, at, {})


def degraded(grant: Grant, source: str, answer: Mapping[str, Any], *, members: int, at: Micros) -> Event:
    """`grant`: one of the failing grants; `source`: what they share; `answer`: the provider's answer."""
    return _of_source("connector.degraded", grant, source, {**answer, "grants": members}, at)


def recovered(grant: Grant, source: str, answer: Mapping[str, Any], *, since: Micros, at: Micros) -> Event:
    return _of_source("connector.recovered", grant, source, {**answer, "degraded_at": since // SECOND}, at)


def why(trouble: Trouble) -> dict[str, Any]:
    """A grant's trouble as the wire shows it."""
    return {
        "class": trouble.kind,
        "reason": trouble.reason,
        "provider_code": trouble.code,
        "remedy": trouble.remedy,
        "first_seen": trouble.first_seen // SECOND,
        "last_seen": trouble.last_seen // SECOND,
        "failures": trouble.failures,
        "suspected": trouble.suspected,
        "held": trouble.held,
    } | ({"provider_text": trouble.text} if trouble.text else {})


def facts(trouble: Trouble) -> dict[str, Fact]:
    """A grant's trouble as the audit trail shows it."""
    return {
        "class": trouble.kind,
        "reason": trouble.reason,
        "provider_code": trouble.code or None,
        "remedy": trouble.remedy,
    }


def deleted(grant: Grant, *, at: Micros) -> Event:
    return _event("grant.deleted", DELETED, grant, at, {})


def _of_source(type_: str, grant: Grant, source: str, more: Mapping[str, Any], at: Micros) -> Event:
    payload = {"integration_id": grant.connector_id, "provider": grant.provider.value, "source": source}
    whole = payload | {"opengrant": dict(more)}
    return sign(Event(str(uuid.uuid4()), grant.application_id, type_, None, whole, at), {"source": source})


def _event(type_: str, code: int, grant: Grant, at: Micros, more: Mapping[str, Any], **facts: Fact) -> Event:
    payload = {
        "code": code,
        "grant_id": grant.id,
        "integration_id": grant.connector_id,
        "provider": grant.provider.value,
        "email": grant.email,
    }
    actor, detail = signature({"provider": grant.provider.value, **facts})
    return Event(str(uuid.uuid4()), grant.application_id, type_, grant.id, {**payload, **more}, at, actor, detail)


def of_object(type_: str, application_id: str, grant_id: str, shown: Mapping[str, Any], *, at: Micros) -> Event:
    """Of something that a grant holds: receivers get the object as the API shows it."""
    return Event(str(uuid.uuid4()), application_id, type_, grant_id, shown, at)
