"""The audit trail on the wire."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from opengrant.api.wire import pagination as cursors
from opengrant.api.wire.fields import Id, Model, text
from opengrant.events import audit
from opengrant.model import SECOND

_Time = Annotated[int, Field(ge=0, le=253_402_300_799)]
_Word = Annotated[str, text(256)]


class AuditQuery(cursors.Query):
    """Which entries; filters are exact, and all of them must fit."""

    grant_id: Id | None = None
    """The grant's id; it may have been deleted since."""
    actor: _Word | None = None
    """Such as `key:<id of an API key>`."""
    type: Annotated[_Word, WithJsonSchema({"type": "string", "enum": audit.TYPES})] | None = None
    """Such as `grant.deleted`."""
    since: _Time | None = None
    """At or after, in Unix seconds."""
    before: _Time | None = None
    """At or before, in Unix seconds."""

    def to_model(self) -> audit.AuditFilters:
        return audit.AuditFilters(
            grant_id=self.grant_id,
            actor=self.actor,
            type=self.type,
            since=None if self.since is None else self.since * SECOND,
            # Times are stored finer than seconds: "at or before" means until the end of that second.
            before=None if self.before is None else self.before * SECOND + SECOND - 1,
        )


class AuditEntry(Model):
    """Something that was done."""

    id: str
    at: int
    """Unix seconds."""
    type: Annotated[str, WithJsonSchema({"type": "string", "enum": audit.TYPES})]
    """What was done."""
    actor: str | None = None
    """Who did it: `key:<id>`, `service_account:<id>`, `console:<id>`, `cli:<user>`, `clock`, `start` or `anonymous`."""
    grant_id: str | None = None
    """To which grant, if it was one."""
    request_id: str | None = None
    """The request that asked for it, as in the log."""
    detail: dict[str, Any]
    """What else there is to know: ids, names of changed fields, reasons. Never a secret."""

    @classmethod
    def of(cls, entry: audit.Entry) -> "AuditEntry":
        detail = dict(entry.detail)
        return cls.model_construct(
            id=entry.id,
            at=entry.at // SECOND,
            type=entry.type,
            actor=entry.actor,
            grant_id=entry.grant_id,
            request_id=detail.pop("request_id", None),
            detail=detail,
        )
