"""The way out: all grants of an application, with their secrets, as lines of an export.

It reads pages by primary key and takes no snapshot, so it takes the same memory for a million grants, and holds up no
writer. Each line is consistent: a grant and its secret are read by one statement. docs/exporting.md says what becomes
of grants that change meanwhile.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from opengrant import __version__
from opengrant.connectors.connectors import client_owner
from opengrant.events import audit
from opengrant.grants import live_secrets
from opengrant.imports import export_format
from opengrant.imports.export_format import (
    ExportedConnector,
    ExportedCredential,
    ExportedGrant,
    ExportedWorkspace,
    ExportEnd,
    ExportHeader,
)
from opengrant.model import Application, Clock, Connector, Grant
from opengrant.model.basics import record
from opengrant.model.imports import login_members
from opengrant.model.logins import (
    AgentAccountLogin,
    MailboxLogin,
    OAuthLogin,
    OrganisationLogin,
    VirtualCalendarLogin,
    to_change,
)
from opengrant.model.secrets import (
    GrantSecret,
    OAuthSecret,
    PasswordSecret,
    SecretUnreadable,
    members,
    read_credential,
)
from opengrant.providers.registry import FACTS
from opengrant.store.connectors import connectors
from opengrant.store.engine.port import Steps, Store
from opengrant.store.imports import exporting
from opengrant.store.imports.exporting import StoredCredential, StoredGrant
from opengrant.store.tenants import workspaces
from opengrant.vault import Unsealable, Vault

PAGE = 500
"""Grants, and credentials, of one statement."""


@record
class Part:
    """Some lines.

    grants      how many of them are grants
    unreadable  the ids of grants and credentials among them whose secret could not be opened
    """

    lines: bytes
    grants: int = 0
    unreadable: tuple[str, ...] = ()


@dataclass(slots=True)
class _Written:
    """What has been written so far.

    sources    ids of connectors and credentials
    primaries  ids of the connectors' own clients, which a request need not name
    missing    ids that grants name and that do not exist
    """

    sources: set[str] = field(default_factory=set)
    primaries: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    grants: int = 0
    unreadable: int = 0

    def knows(self, page: Sequence[StoredGrant]) -> bool:
        """Whether the sources of these grants have been written, or do not exist."""
        named = {one.grant.connector_id for one in page}
        named |= {one.grant.credential_id for one in page if one.grant.credential_id is not None}
        self.missing |= (unknown := named - self.sources - self.missing)
        return not unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """Built once, in assembly/."""

    db: Store
    vault: Vault
    clock: Clock

    async def begin(self, app: Application, *, recipients: Sequence[str]) -> int:
        """The number of grants. The audit trail has the export before any secret is read.

        recipients  public keys that it is encrypted to; empty: it is written in the clear
        """

        def script() -> Steps[int]:
            grants = yield from exporting.number(app.id)
            to = list(recipients) or None
            encrypted = "yes" if to else "no"
            yield from audit.record(
                app.id, "application.exported", at=self.clock(), grants=grants, encrypted=encrypted, recipients=to
            )
            return grants

        return await self.db.write(script())

    async def parts(self, app: Application) -> AsyncIterator[Part]:
        """All lines, in order."""
        written = _Written()
        yield Part(await self._head(app))
        async for part in self._sources(app, written):
            yield part
        after = ""
        while page := await self.db.read(exporting.grants_after(app.id, after, limit=PAGE)):
            if not written.knows(page):  # a connector or credential that was made meanwhile
                async for part in self._sources(app, written):
                    yield part
            part = self._page(page, written)
            written.grants += part.grants
            written.unreadable += len(part.unreadable)
            yield part
            after = page[-1].grant.id
        yield Part(export_format.write("end", ExportEnd(written.grants, written.unreadable)))

    async def _head(self, app: Application) -> bytes:
        header = ExportHeader(__version__, self.clock(), app.id, app.name, app.identity_rule)
        lines = [export_format.write("export", header)]
        for one in await self.db.read(workspaces.of_application(app.id)):
            workspace = ExportedWorkspace(
                id=one.id,
                name=one.name,
                domain=one.domain,
                auto_group=one.auto_group,
                is_default=one.is_default,
                rule_ids=one.rule_ids,
                created_at=one.created_at,
                updated_at=one.updated_at,
                policy_id=one.policy_id,
            )
            lines.append(export_format.write("workspace", workspace))
        return b"".join(lines)

    async def _sources(self, app: Application, written: _Written) -> AsyncIterator[Part]:
        """Connectors with their own clients, then other credentials; those that are not written yet."""
        primaries = {
            one.credential.connector_id: one
            for one in await self.db.read(exporting.credentials_after(app.id, "", primary=True, limit=PAGE))
        }
        for connector in await self.db.read(connectors.page(app.id, limit=PAGE, offset=0)):
            if connector.id in written.sources:
                continue
            stored = primaries.get(connector.id)
            primary = None if stored is None else self._credential(stored)
            if primary is not None:
                written.sources.add(primary.id)
                written.primaries.add(primary.id)
            written.sources.add(connector.id)
            yield Part(export_format.write("connector", _connector(connector, primary)), unreadable=_closed(primary))
        after = ""
        while page := await self.db.read(exporting.credentials_after(app.id, after, primary=False, limit=PAGE)):
            for stored in page:
                if stored.credential.id not in written.sources:
                    written.sources.add(stored.credential.id)
                    credential = self._credential(stored)
                    yield Part(export_format.write("credential", credential), unreadable=_closed(credential))
            after = page[-1].credential.id

    def _credential(self, stored: StoredCredential) -> ExportedCredential:
        one, secret = stored.credential, None
        if stored.held is not None:
            owner = client_owner(one.application_id, one.id)
            try:
                secret = members(read_credential(from_json(self.vault.open(stored.held, owner)), one.type))
            except (Unsealable, SecretUnreadable):
                secret = None
        return ExportedCredential(
            id=one.id,
            connector_id=one.connector_id,
            provider=one.provider,
            name=one.name,
            type=one.type,
            created_at=one.created_at,
            updated_at=one.updated_at,
            secret=secret,
        )

    def _page(self, page: Sequence[StoredGrant], written: _Written) -> Part:
        lines, unreadable = list[bytes](), list[str]()
        for stored in page:
            grant, more = stored.grant, dict[str, Any]()
            secret: GrantSecret | None = None
            if stored.live is not None:
                try:
                    secret = live_secrets.unseal(self.vault, grant, stored.live)
                except (Unsealable, SecretUnreadable):
                    unreadable.append(grant.id)
                    more["unreadable"] = True
                else:
                    more["secret"] = members(secret)
            body = _connect_body(grant, secret, primary=grant.credential_id in written.primaries)
            lines.append(export_format.write("grant", ExportedGrant.of(grant), **more, connect=body))
        return Part(b"".join(lines), len(page), tuple(unreadable))


def _closed(credential: ExportedCredential | None) -> tuple[str, ...]:
    return (credential.id,) if credential is not None and credential.secret is None else ()


def _connector(one: Connector, primary: ExportedCredential | None) -> ExportedConnector:
    return ExportedConnector(
        id=one.id,
        provider=one.provider,
        name=one.name,
        settings=dict(one.settings),
        scope=one.scope,
        created_at=one.created_at,
        updated_at=one.updated_at,
        active_credential_id=one.active_credential_id,
        primary=primary,
    )


def _connect_body(grant: Grant, secret: GrantSecret | None, *, primary: bool) -> dict[str, Any] | None:
    """The body of POST /v3/connect/custom that makes such a grant; None where a secret is missing.

    primary  the grant uses its connector's own client, which a body need not name
    """
    login = _login(grant, secret, primary=primary)
    if login is None:
        return None
    settings = login_members(login)
    settings.pop("provider", None)
    settings.pop("drops_app_password", None)
    about = {"scope": grant.scope or None, "state": grant.state, "name": grant.name, "external_id": grant.external_id}
    said = {name: value for name, value in about.items() if value is not None}
    return {"provider": grant.provider, "settings": settings, **said}


def _login(grant: Grant, secret: GrantSecret | None, *, primary: bool) -> MailboxLogin | None:
    if FACTS[grant.provider].own_domain:
        return AgentAccountLogin(email=grant.email)  # only the hash of its password is stored
    if FACTS[grant.provider].holds == "nothing":
        return VirtualCalendarLogin(email=grant.email)
    if (address := grant.organisation_address) is not None:
        return OrganisationLogin(
            provider=grant.provider, email_address=address, credential_id=grant.credential_id, tenant=grant.tenant
        )
    if isinstance(secret, OAuthSecret):
        credential = None if primary else grant.credential_id
        return OAuthLogin(provider=grant.provider, refresh_token=secret.refresh_token, credential_id=credential)
    return to_change(grant.settings, secret) if isinstance(secret, PasswordSecret) else None
