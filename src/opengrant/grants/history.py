"""Timeline: the history of one grant.

Events come from the audit trail. A renewal without trouble writes no entry, so a run of renewals is one line: the
current run is counted in the grant's row, an earlier run in the entry that ended it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opengrant.grants import refusals as outcome
from opengrant.model import Application, Grant, Micros
from opengrant.store.engine.port import Store
from opengrant.store.events import audit
from opengrant.store.events.audit import AuditFilters, AuditPosition, Entry

__all__ = ["AuditPosition", "Moment", "Timeline"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line. detail: as in its audit entry."""

    id: str
    at: Micros
    type: str
    actor: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> AuditPosition:
        return AuditPosition(self.at, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Lists the moments of a grant; built once, in assembly/."""

    db: Store

    async def page(self, app: Application, grant: Grant, *, after: AuditPosition | None, limit: int) -> list[Moment]:
        """Newest first, from behind `after`; at most `limit`."""
        entries = await self.db.read(audit.page(app.id, AuditFilters(grant_id=grant.id), after=after, limit=limit))
        moments = [Moment(entry.id, entry.at, _type(entry), entry.actor, entry.detail) for entry in entries]
        run = _run(grant)
        if run is not None and (after is None or run.place < after):
            moments = sorted([*moments, run], key=lambda moment: moment.place, reverse=True)
        return moments[:limit]


def _run(grant: Grant) -> Moment | None:
    """The renewals since the grant was last authenticated or in trouble, at the time of the last renewal."""
    if not grant.refreshes or grant.proven_at is None:
        return None
    return Moment(f"refreshed-{grant.id}", grant.proven_at, "refreshed", detail={"refreshes": grant.refreshes})


def _type(entry: Entry) -> str:
    """The word for an audit entry in the history of a grant."""
    detail = entry.detail
    match entry.type:
        case "grant.created":
            return "verified"
        case "grant.updated" if "credential" in detail.get("changed", ()):
            return "reauthenticated"
        case "grant.updated" if detail and "changed" not in detail:
            return "restored"  # receivers got grant.expired, and the grant is valid again
        case "grant.expired" if detail.get("reason") == outcome.INVALIDATED:
            return "invalidated"
    return entry.type.removeprefix("grant.").replace(".", "_")
