"""The audit trail: which actor changed which grant, and everything that grants depend on.

The trail is the table of events. Events of grants are there for webhooks; `record` adds entries for the trail alone.
Both are written in the transaction of their cause: each change has an entry, and a refused change has none.
"""

import heapq
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from opengrant.events.actor import Fact, sign
from opengrant.model import Application, Clock, Micros, micros
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import audit, events
from opengrant.store.events.audit import AuditFilters, AuditPosition, Entry
from opengrant.store.events.events import Event
from opengrant.store.tenants import applications, organizations

__all__ = ["INSTALLATION", "TYPES", "Audit", "AuditFilters", "AuditPosition", "AuditType", "Entry", "record"]

INSTALLATION = ""
"""Used as application id for entries about the whole installation."""

AuditType = Literal[
    "application.created",
    "application.updated",
    "application.exported",
    "redirect_uri.created",
    "redirect_uri.updated",
    "redirect_uri.deleted",
    "api_key.created",
    "api_key.revoked",
    "console_link.created",
    "console_session.created",
    "console_session.ended",
    "owner_link.created",
    "connector.created",
    "connector.updated",
    "connector.deleted",
    "connector.tested",
    "credential.created",
    "credential.updated",
    "credential.deleted",
    "grant.blocked",
    "grant.unblocked",
    "grant.token_read",
    "grant.credential_read",
    "grant.proxied",
    "grant.mail_read",
    "grant.checked",
    "grant.failing",
    "grant.needs_attention",
    "grant.recovered",
    "grant.imported",
    "import.created",
    "import.paused",
    "import.resumed",
    "import.cut_over",
    "import.cancelled",
    "import.finished",
    "calendar.feed_created",
    "calendar.feed_revoked",
    "token.issued",
    "token.revoked",
    "token.reused",
    "webhook.created",
    "webhook.updated",
    "webhook.deleted",
    "webhook.secret_rotated",
    "webhook.replayed",
    "workspace.created",
    "workspace.updated",
    "workspace.deleted",
    "workspace.assigned",
    "workspace.grouped",
    "domain.created",
    "domain.updated",
    "domain.deleted",
    "domain.record_issued",
    "domain.verified",
    "service_account.created",
    "service_account.revoked",
    "master_key.resealing",
    "signing_key.rotated",
]
"""Entries that only the trail has. Webhooks cannot subscribe to them; docs/audit.md lists them with their details."""

TYPES = sorted({*get_args(AuditType), *events.TRIGGERS, "grant.restored"})
"""All types of entries."""

_AT_ONCE = 500
"""Entries that one transaction drops."""
_MOST_TURNS = 200
"""Transactions of one sweep for one trail; the next sweep drops the rest."""


def record(
    application_id: str, type_: AuditType, *, at: Micros, grant_id: str | None = None, **facts: Fact
) -> Steps[None]:
    """Add an entry, in the transaction of its cause.

    application_id  the owner of the trail: an application, an organization, or INSTALLATION
    facts           details: ids, names of changed fields, a reason from the caller.
                    None is left out. Never the value of a secret.
    """
    yield from events.add(_entry(application_id, type_, at, grant_id, facts))


def record_alone(
    application_id: str, type_: AuditType, *, at: Micros, grant_id: str | None = None, **facts: Fact
) -> Steps[None]:
    """As `record`, for a script that writes nothing else: one statement."""
    yield from events.add_alone(_entry(application_id, type_, at, grant_id, facts))


def entry(application_id: str, type_: AuditType, *, at: Micros, grant_id: str | None = None, **facts: Fact) -> Event:
    """What `record` adds, for a statement that adds it together with its cause."""
    return _entry(application_id, type_, at, grant_id, facts)


def _entry(application_id: str, type_: AuditType, at: Micros, grant_id: str | None, facts: Mapping[str, Fact]) -> Event:
    return sign(
        Event(
            id=str(uuid.uuid4()),
            application_id=application_id,
            type=type_,
            grant_id=grant_id,
            payload={},
            created_at=at,
        ),
        facts,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Reads the trail and drops old entries. Built once, in assembly/.

    keep  how long entries are kept; zero: for ever
    """

    db: Store
    clock: Clock
    keep: timedelta

    async def page(
        self, app: Application, filters: AuditFilters, *, after: AuditPosition | None, limit: int
    ) -> list[Entry]:
        """Entries of an application, newest first, starting after this position."""
        return await self.db.read(audit.page(app.id, filters, after=after, limit=limit))

    async def everywhere(self, filters: AuditFilters, *, limit: int) -> list[Entry]:
        """The newest entries of all applications, the organization and the installation. For operators."""
        found = [
            await self.db.read(audit.page(trail, filters, after=None, limit=limit)) for trail in await self._trails()
        ]
        return heapq.nlargest(limit, (entry for entries in found for entry in entries), key=lambda entry: entry.place)

    async def forget(self) -> int:
        """Drop entries older than `keep`, in batches; returns how many. Undelivered events stay."""
        if not self.keep:
            return 0
        cutoff = self.clock() - micros(self.keep)
        return sum([await self._forget(trail, cutoff) for trail in await self._trails()])

    async def _forget(self, trail: str, cutoff: Micros) -> int:
        gone = 0
        for _ in range(_MOST_TURNS):
            dropped = await self.db.write(audit.forget_before(trail, cutoff=cutoff, limit=_AT_ONCE))
            gone += dropped
            if dropped < _AT_ONCE:
                break
        return gone

    async def _trails(self) -> Sequence[str]:
        def script() -> Steps[list[str]]:
            tenants = yield from applications.list_all()
            organization = yield from organizations.find_default()
            organs = [] if organization is None else [organization.id]
            return [INSTALLATION, *organs, *(application.id for application in tenants)]

        return await self.db.read(script())
