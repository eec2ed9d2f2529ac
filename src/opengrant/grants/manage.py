"""Existing grants: found by each of their names, listed, changed, invalidated, blocked, deleted."""

import re
from dataclasses import dataclass, replace

from opengrant.errors import AccessDenied, GrantNotFound, InvalidRequest
from opengrant.events import audit
from opengrant.events import payloads as events
from opengrant.grants import refusals as outcome
from opengrant.grants.connect.connect import Connect
from opengrant.grants.connect.record import refuse_taken, unless_taken
from opengrant.grants.refresh.source_health import Shown, SourceHealth
from opengrant.grants.retry_on_change import retry_on_change
from opengrant.grants.revocations import Revocations
from opengrant.grants.stored_credential import StoredCredentials
from opengrant.model import Application, Clock, CustomConnect, Grant, Sealed, Trouble
from opengrant.model.logins import MailboxLogin, OAuthLogin, VirtualCalendarLogin
from opengrant.store import secrets
from opengrant.store.connectors import credentials
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import events as outbox
from opengrant.store.grants import grants, leases, listing
from opengrant.store.grants.listing import GrantFilters, Position, Window
from opengrant.tenants.workspaces import Workspaces

__all__ = ["GrantChange", "GrantFilters", "Grants", "Position", "Window"]

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_INVALIDATED = "The grant was called invalid by request. Ask the user to connect the account again."


@dataclass(frozen=True, slots=True)
class GrantChange:
    """What a PATCH may change; None means not sent.

    login  the new credential, checked
    """

    login: MailboxLogin | None = None
    scope: tuple[str, ...] | None = None
    name: str | None = None
    external_id: str | None = None
    workspace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """Reads and changes grants; built once, in assembly/."""

    db: Store
    connect: Connect
    workspaces: Workspaces
    clock: Clock
    revocations: Revocations
    health: SourceHealth
    stored: StoredCredentials

    async def get(self, app: Application, pattern: str) -> Grant:
        """Find by id, `grant:<id>`, address, `email:<address>`, `external:<id>` or virtual-calendar identifier.

        Raises GrantNotFound; InvalidRequest for `me`, which only an access token can mean.
        """
        return self.found(pattern, await self.db.read(find_named(app, pattern)))

    def found(self, pattern: str, grant: Grant | None) -> Grant:
        """The grant, after a look-up. Raises as `get`."""
        if pattern == "me":
            raise InvalidRequest(
                "`me` is the grant of an access token. With an API key, name the grant by its id or email."
            )
        if grant is None:
            raise GrantNotFound("Grant not found")
        return grant

    async def own(self, app: Application, pattern: str, grant_id: str) -> Grant:
        """As `get`, for an access token: `me` and every name of its own grant find it; no name finds another grant.

        Raises AccessDenied for another name, whether or not it exists; GrantNotFound when its own grant is gone.
        """
        if pattern == "me" or pattern.removeprefix("grant:").lower() == grant_id:
            return await self.get(app, f"grant:{grant_id}")
        found = await self.db.read(find_named(app, pattern))
        if found is None or found.id != grant_id:
            raise AccessDenied("Access to Grant denied.")
        return found

    async def id_of(self, app: Application, pattern: str) -> str:
        """The id of the grant that `get` would find; an id is returned without a look-up. Raises as `get`."""
        bare = pattern.removeprefix("grant:")
        return bare.lower() if UUID.fullmatch(bare) else (await self.get(app, pattern)).id

    async def beginning(self, app: Application, part: str, *, limit: int) -> list[str]:
        """Ids of grants that begin so: for people, who write the first digits of one."""
        return await self.db.read(grants.beginning(app.id, part, limit=limit))

    async def page(self, app: Application, filters: GrantFilters, window: Window) -> list[Shown]:
        """A page of grants, each with the trouble of its source.

        `filters.troubled` and `filters.trouble_class` count that trouble too.
        """
        blamed = await self.health.blamed(app, filters.trouble_class)
        found = await self.db.read(listing.page(app.id, filters, window, dialect=self.db.dialect, blamed=blamed))
        return await self.health.show_all(app, found)

    async def change(self, app: Application, grant: Grant, change: GrantChange) -> Grant:
        """Change scope, name, external id or workspace; new settings are verified first, as when connecting.

        Raises what Connect.renew raises, and Blocked; on failure the grant stays as it was.
        """
        outcome.refuse_blocked(grant)
        await refuse_taken(self.db, app, change.external_id, grant)
        if change.workspace_id is not None:
            await self.workspaces.require(app, change.workspace_id)
        if change.login is not None:
            return await self._change_credential(app, grant, change, change.login)
        return await self._change_row(app, grant, change)

    async def _change_credential(
        self, app: Application, grant: Grant, change: GrantChange, login: MailboxLogin
    ) -> Grant:
        """Verify the new credential, and store it with the rest of the change."""
        if isinstance(login, VirtualCalendarLogin) and login.email != grant.email:
            raise InvalidRequest("settings.email: a virtual calendar keeps its identifier; make another grant instead.")
        kept: tuple[str, ...] | None = grant.scope
        if isinstance(login, OAuthLogin):
            kept = None  # a token names its scopes
            if login.credential_id is None:
                login = replace(login, credential_id=await self._own_client(app, grant))
        ask = CustomConnect(
            login=login,
            scope=kept if change.scope is None else change.scope,
            name=change.name,
            workspace_id=change.workspace_id,
            external_id=change.external_id,
        )
        return await self.connect.renew(app, grant, ask)

    async def _change_row(self, app: Application, grant: Grant, change: GrantChange) -> Grant:
        async def write() -> Grant | None:
            nonlocal grant
            missing = grant.missing_scopes
            if change.scope is not None:
                missing = await self.stored.missing(grant, change.scope)
            changed = replace(
                grant,
                scope=grant.scope if change.scope is None else change.scope,
                missing_scopes=missing,
                name=grant.name if change.name is None else change.name,
                name_given=grant.name_given or change.name is not None,
                external_id=change.external_id or grant.external_id,
                workspace_id=change.workspace_id or grant.workspace_id,
            )
            writing = grants.Writing(changed, events.updated(changed, before=grant, at=self.clock()))
            written = await unless_taken(self.db, grants.change(writing, seen_version=grant.version))
            if written is None:
                grant = await self.get(app, f"grant:{grant.id}")
                await refuse_taken(self.db, app, change.external_id, grant)
            return written

        return await retry_on_change(write, subject="grant")

    async def _own_client(self, app: Application, grant: Grant) -> str | None:
        """The credential whose client got this grant's refresh tokens; None when it is gone."""
        if grant.credential_id is None:
            return None
        own = await self.db.read(credentials.find(app.id, grant.connector_id, grant.credential_id))
        return own.id if own is not None and own.type == "connector" else None

    async def invalidate(self, app: Application, grant: Grant, *, reason: str | None) -> Grant:
        """End a grant as if its provider had refused it for good; connecting its mailbox again revives it.

        An invalid grant stays as it is, and so does one that is connected again meanwhile: the request meant the
        credential before. Raises GrantNotFound, Overloaded.

        reason  in the caller's words, for the audit trail
        """
        asked, at = grant.asked, self.clock()
        trouble = Trouble("reconnect", outcome.INVALIDATED, "", _INVALIDATED, at, at)

        async def write() -> Grant | None:
            nonlocal grant
            if grant.status == "invalid" or grant.asked != asked:
                return grant
            written = await self.db.write(_invalidate(grant, trouble, reason))
            if written is None:
                grant = await self.get(app, f"grant:{grant.id}")
            return written

        return await retry_on_change(write, subject="grant")

    async def block(self, grant_id: str, *, blocked: bool, reason: str | None = None) -> Grant:
        """For operators: refuse the use of a grant, or allow it again. Raises GrantNotFound.

        reason  in the operator's words, for the audit trail
        """
        return await self.db.write(self._block(grant_id, blocked, reason))

    def _block(self, grant_id: str, blocked: bool, reason: str | None) -> Steps[Grant]:
        grant = yield from grants.block(None, grant_id, blocked=blocked)
        if grant is None:
            raise GrantNotFound(f"There is no grant {grant_id}.")
        type_: audit.AuditType = "grant.blocked" if blocked else "grant.unblocked"
        yield from audit.record(grant.application_id, type_, at=self.clock(), grant_id=grant.id, reason=reason)
        return grant

    async def delete(self, app: Application, grant: Grant) -> None:
        """Delete the row and its secrets; the id never comes back. Raises GrantNotFound when it is gone already.

        Its token is revoked at the provider afterwards, in the background.
        """
        self.revocations.begin(*await self.db.write(self._delete(app, grant.id)))

    def _delete(self, app: Application, grant_id: str) -> Steps[tuple[Grant, Sealed | None]]:
        live = yield from secrets.find(app.id, "grant", grant_id, "live")
        gone = yield from grants.delete(app.id, grant_id)
        if gone is None:
            raise GrantNotFound("Grant not found")
        if live is not None:
            yield from self.stored.forget_rotated(gone, live)
        yield from leases.forget(app.id, grant_id)
        yield from outbox.add(events.deleted(gone, at=self.clock()))
        return gone, live


def find_named(app: Application, pattern: str) -> Steps[Grant | None]:
    """By any of the names that `Grants.get` knows."""
    prefix, colon, rest = pattern.partition(":")
    if colon and prefix == "grant":
        return (yield from grants.find(app.id, rest.lower()))
    if colon and prefix == "email":
        return (yield from grants.find_email(app.id, rest, exact=False))
    if colon and prefix == "external":
        return (yield from grants.find_external(app.id, rest))
    if UUID.fullmatch(pattern) and (found := (yield from grants.find(app.id, pattern.lower()))):
        return found
    return (yield from grants.find_email(app.id, pattern, exact="@" not in pattern))


def _invalidate(grant: Grant, trouble: Trouble, reason: str | None) -> Steps[Grant | None]:
    ended = yield from grants.end(grant, trouble)
    if ended is not None:
        event = events.expired(ended, at=trouble.last_seen, refreshes=grant.refreshes, note=reason)
        yield from outbox.add(event)
    return ended
