"""The way back: what an export holds becomes an application's again, as it was, and no provider is asked.

Not asking is the point: a refresh token that works once would be spent by a verification, and a million mailboxes need
not be opened to move them to another machine. So a grant keeps its status and its trouble, and the next refresh finds
out what has changed.

`Restoration` takes the lines of one input in their order. It stores connectors, credentials and workspaces at once, and
makes rows of grants, which the work of an import hands to `Restoring.restore`. An export that is imported twice, or is
continued after a crash, changes nothing the second time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from opengrant.errors import InvalidRequest
from opengrant.events import audit
from opengrant.grants import live_secrets
from opengrant.grants.schedule import Schedule
from opengrant.imports import export_format
from opengrant.imports.export_format import (
    GRANT_MEMBERS,
    ExportedConnector,
    ExportedCredential,
    ExportedGrant,
    ExportedWorkspace,
    ExportEnd,
    ExportHeader,
)
from opengrant.imports.placing import Placing
from opengrant.model import SECOND, Application, Clock, Connector, Grant, Micros, ProviderName, mailbox_keys
from opengrant.model.imports import RestoredRow, RowResult
from opengrant.model.secrets import (
    GrantSecret,
    SecretUnreadable,
    read,
)
from opengrant.store.connectors import connectors, credentials
from opengrant.store.engine.port import Conflict, Steps, Store
from opengrant.store.grants import grants
from opengrant.store.imports import restoring
from opengrant.store.imports.restoring import Present
from opengrant.store.tenants import workspaces
from opengrant.vault import Vault

SPREAD: Final[Micros] = 3600 * SECOND
"""Tokens that ended since the export are refreshed within this time: an access token lives for about so long, so the
refreshes of a running installation are spread over it too."""


class CannotRestore(Exception):
    """The whole input cannot be imported into this application. The text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """Built once, in assembly/."""

    db: Store
    vault: Vault
    clock: Clock
    schedule: Schedule
    placing: Placing

    def begin(self, app: Application) -> "Restoration":
        """For the lines of one input."""
        return Restoration(self, app)

    def restore(
        self, app: Application, row: RestoredRow, *, hold_refresh: bool = False
    ) -> Callable[[], Steps[RowResult]]:
        """Makes the script that stores the grant, unless it is there in a newer form, or contradicts another one.

        The grant was checked when its line was read. Its secret is sealed here, once, and not in the script. The script
        writes the audit entry `grant.imported`, and sends no event: receivers know the grant by the same id.

        hold_refresh  it is not refreshed until that is decided elsewhere
        """
        exported: ExportedGrant = export_format.as_exported("grant", row.grant)
        at = self.clock()
        kept = {name: getattr(exported, name) for name in GRANT_MEMBERS}
        grant = Grant(application_id=app.id, version=1, **kept)
        if grant.trouble is not None:
            # The source that many grants failed at is not in doubt here.
            grant = replace(grant, trouble=replace(grant.trouble.as_of(at), held=False))
        grant = replace(grant, due_at=None if hold_refresh else self._due_at(grant, at))
        live = None
        if row.secret is not None:
            live = live_secrets.seal(self.vault, grant, _grant_secret(row.secret))
        entry = audit.entry(app.id, "grant.imported", at=at, grant_id=grant.id, provider=grant.provider.value)
        writing = grants.Writing(grant, entry, live, bare=live is None)
        return lambda: self._restored(row, writing)

    def _due_at(self, grant: Grant, at: Micros) -> Micros | None:
        due = None if grant.status == "invalid" else self.schedule.next(grant, at=at)
        if due is None:
            return None
        if grant.token_expires_at is not None and grant.token_expires_at <= at:
            due = at + int(self.schedule.dice() * SPREAD)
        if grant.trouble is not None and grant.trouble.retry_at is not None:
            due = max(due, grant.trouble.retry_at)
        return due

    def _restored(self, row: RestoredRow, writing: grants.Writing) -> Steps[RowResult]:
        grant, keys = writing.grant, _keys(writing.grant)
        present = yield from restoring.look(grant, keys)
        if (refused := _contradiction(row, grant, present)) is not None:
            return refused
        if present.provider is None:
            if (yield from grants.create(replace(writing, bare=False), self.db.dialect, last=False)) is not None:
                return RowResult(row.line, "created", grant.id)
            other = yield from grants.find_mailbox(grant.application_id, grant.provider, keys)
            return _no_source(row) if other is None else _has_grant(row, other.id)
        if not _is_to_be_written(grant, present):
            return RowResult(row.line, "unchanged", grant.id)
        asked = yield from connectors.next_number(self.db.dialect)
        # What was changed here since stays: the workspace and a block.
        renewed = replace(writing, grant=replace(grant, asked=asked, workspace_id=None))
        if (yield from grants.renew(renewed, self.db.dialect, last=False)) is None:
            return _no_source(row)
        return RowResult(row.line, "renewed", grant.id)


@dataclass(slots=True)
class Restoration:
    """The lines of one input, in their order; see the module."""

    restoring: Restoring
    app: Application
    _begun: bool = False
    _complete: bool = False
    _ids: dict[str, str] = field(default_factory=dict)
    _active: dict[str, str] = field(default_factory=dict)
    _present: dict[ProviderName, Connector | None] = field(default_factory=dict)
    _default: str | None = None

    @property
    def cut_off(self) -> bool:
        """Whether an export began, and its last line has not come."""
        return self._begun and not self._complete

    async def take(self, line: int, members: Mapping[str, Any], *, key: str | None = None) -> RestoredRow | None:
        """A row if it is a grant; None if the line is done with. Raises InvalidRequest, CannotRestore.

        members  of a line for which `export_format.is_of_export` is true
        """
        read_line = export_format.read(members)
        thing = read_line.thing
        if isinstance(thing, ExportedGrant) and self._begun:
            return await self._row(line, thing, read_line, key)
        try:
            await self._place(thing)
        except Conflict:
            raise InvalidRequest("What the line is about was changed meanwhile. Import the export again.") from None
        return None

    async def _place(self, thing: export_format.Exported) -> None:
        db, placing, app = self.restoring.db, self.restoring.placing, self.app
        if isinstance(thing, ExportHeader):
            self._check(thing)
        elif not self._begun:
            raise CannotRestore("The first line of the export is missing: the one of the kind `export`.")
        elif isinstance(thing, ExportedWorkspace):
            self._ids[thing.id] = await db.write(placing.workspace(app, thing))
        elif isinstance(thing, ExportedConnector):
            ids = await db.write(placing.connector(app, thing))
            self._ids |= ids
            self._present.clear()
            if ids[thing.id] == thing.id and thing.active_credential_id is not None:
                self._active[thing.id] = thing.active_credential_id
        elif isinstance(thing, ExportedCredential):
            active = self._active.get(thing.connector_id) == thing.id
            self._ids[thing.id] = await db.write(placing.credential(app, thing, active=active))
        elif isinstance(thing, ExportEnd):
            self._complete = True

    def _check(self, header: ExportHeader) -> None:
        """Raises CannotRestore."""
        if header.identity_rule != self.app.identity_rule:
            raise CannotRestore(
                f"The export is of an application that identifies mailboxes by {header.identity_rule}, and"
                f" {self.app.name} ({self.app.id}) does so by {self.app.identity_rule}. Create one like it:"
                f" opengrant apps create NAME --identity {header.identity_rule}."
            )
        self._begun = True

    async def _row(
        self, line: int, thing: ExportedGrant, read_line: export_format.Line, key: str | None
    ) -> RestoredRow:
        if read_line.unreadable:
            raise InvalidRequest(
                "secret: it could not be opened when the export was written. Connect the mailbox again."
            )
        if read_line.secret is not None:
            _grant_secret(read_line.secret)
        connector = await self._connector(thing)
        credential_id = thing.credential_id
        if credential_id is not None:
            credential_id = await self._credential(connector, thing, credential_id)
        workspace_id = await self._workspace(thing.workspace_id)
        placed = replace(thing, connector_id=connector, credential_id=credential_id, workspace_id=workspace_id)
        members = {name: value for name in GRANT_MEMBERS if (value := getattr(placed, name)) is not None}
        return RestoredRow(line, thing.provider, key, thing.id, members, read_line.secret)

    async def _connector(self, thing: ExportedGrant) -> str:
        """The id of its connector here, or of the provider's present one. Raises InvalidRequest."""
        if (known := self._ids.get(thing.connector_id)) is not None:
            return known
        here = await self._connector_here(thing.provider)
        if here is None:
            raise InvalidRequest(
                f"grant.connector_id: there is no {thing.provider} connector, in the export or here. Create it, and"
                " import the export again."
            )
        return here.id

    async def _connector_here(self, provider: ProviderName) -> Connector | None:
        if provider not in self._present:
            self._present[provider] = await self.restoring.db.read(connectors.find(self.app.id, provider))
        return self._present[provider]

    async def _credential(self, connector_id: str, thing: ExportedGrant, credential_id: str) -> str | None:
        """Its id here; None for a grant that ended with its credential. Raises InvalidRequest."""
        if (known := self._ids.get(credential_id)) is not None:
            return known
        found = await self.restoring.db.read(credentials.find(self.app.id, connector_id, credential_id))
        if found is not None:
            self._ids[credential_id] = found.id
            return found.id
        if thing.status == "invalid":
            return None
        raise InvalidRequest("grant.credential_id: this credential is neither in the export nor here.")

    async def _workspace(self, exported: str | None) -> str:
        """Its id here, or of the default one."""
        if exported is not None and exported not in self._ids:
            found = await self.restoring.db.read(workspaces.find(self.app.id, exported))
            self._ids[exported] = await self._default_workspace() if found is None else found.id
        return await self._default_workspace() if exported is None else self._ids[exported]

    async def _default_workspace(self) -> str:
        if self._default is None:
            at = self.restoring.clock()
            self._default = (await self.restoring.db.write(workspaces.get_default(self.app.id, at=at))).id
        return self._default


def _keys(grant: Grant) -> tuple[str, ...]:
    """Those that its mailbox may have here: earlier releases wrote some addresses in another way."""
    if grant.mailbox_key.startswith((grants.ASIDE, "subject:")):
        return (grant.mailbox_key,)
    return tuple(dict.fromkeys((grant.mailbox_key, *mailbox_keys(grant.provider, grant.email))))


def _as_of(grant: Grant | Present) -> Micros:
    """When its provider last accepted the credential: the one that was accepted later is the newer."""
    return max(grant.proven_at or 0, grant.updated_at or 0)


def _contradiction(row: RestoredRow, grant: Grant, present: Present) -> RowResult | None:
    if present.provider is None:
        if present.elsewhere is not None:
            return _conflict(row, "The id belongs to a grant of another application of this installation.")
        if present.mailbox is not None:
            return _has_grant(row, present.mailbox)
    elif (present.provider, present.mailbox_key) != (grant.provider, grant.mailbox_key):
        return _conflict(row, f"Here the id belongs to the grant of another mailbox ({present.provider}).")
    if present.external is not None and present.external != grant.id and _is_to_be_written(grant, present):
        return _conflict(row, f"The external_id belongs to another grant here, {present.external}.")
    return None


def _is_to_be_written(grant: Grant, present: Present) -> bool:
    return present.provider is None or _as_of(grant) > _as_of(present)


def _has_grant(row: RestoredRow, other: str) -> RowResult:
    return _conflict(row, f"The mailbox has a grant here already, with the id {other}.")


def _conflict(row: RestoredRow, reason: str) -> RowResult:
    remedy = "Keep one of the two: delete the grant here and import again, or leave it as it is."
    return RowResult(row.line, "refused", row.grant_id, "conflict", reason, remedy)


def _no_source(row: RestoredRow) -> RowResult:
    reason = "Its connector or credential was deleted while it was imported."
    return RowResult(row.line, "refused", row.grant_id, "connector", reason, "Import the export again.")


def _grant_secret(held: Mapping[str, Any]) -> GrantSecret:
    """Raises InvalidRequest, which quotes nothing of it."""
    try:
        secret = read(held)
    except SecretUnreadable as problem:
        raise InvalidRequest(f"secret: {problem}") from None
    if not isinstance(secret, GrantSecret):
        raise InvalidRequest(f"secret: a grant cannot have a secret of the kind {secret.kind}.")
    return secret
