"""Connectors: an application's settings for one provider, and the primary credential with its client."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.events import payloads as events
from opengrant.model import (
    Application,
    ClientApp,
    Clock,
    Connector,
    Credential,
    Micros,
    OrganisationCredential,
    ProviderName,
    ServiceAccountKey,
    TenantClient,
    Trouble,
)
from opengrant.model.secrets import ConnectorClient, ConsentedApp, CredentialSecret, encode, read_credential
from opengrant.providers.microsoft.app_only import MANY_TENANTS
from opengrant.providers.registry import FACTS, OAUTH
from opengrant.store import secrets
from opengrant.store.connectors import connectors, credentials
from opengrant.store.engine.port import Dialect, Steps, Store
from opengrant.store.events import events as outbox
from opengrant.store.grants import circuit_breakers, grants
from opengrant.vault import Owner, Vault

PUBLIC: Mapping[ProviderName, frozenset[str]] = {name: facts.connector_settings for name, facts in FACTS.items()}
"""Settings of a connector that may be read again, beside its client_id."""
_EXPIRED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ConnectorFields:
    """What a request sends for a connector; None means not sent, and on update: keep.

    settings  settings that may be read again; `client_id` and `client_secret` are separate
    """

    name: str | None = None
    settings: Mapping[str, str] | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    scope: tuple[str, ...] | None = None
    active_credential_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectors:
    """Makes, reads, changes and deletes connectors; built once, in assembly/."""

    db: Store
    vault: Vault
    clock: Clock
    _last: list[tuple[connectors.WithClient, ClientApp]] = field(default_factory=list, repr=False)
    """The last client that was opened: an import uses one look-up for hundreds of rows."""

    async def create(self, app: Application, provider: ProviderName, fields: ConnectorFields) -> Connector:
        """Make the provider's connector. Raises InvalidRequest when there is one already, or its client is missing."""
        now = self.clock()
        connector = Connector(
            id=str(uuid.uuid4()),
            application_id=app.id,
            provider=provider,
            name=fields.name or f"{provider.value.replace('-', ' ').title()} Connector",
            settings=fields.settings or {},
            scope=fields.scope or (),
            active_credential_id=None,
            created_at=now,
            updated_at=now,
        )
        if provider not in OAUTH:
            made = await self.db.write(_add(connector))
        else:
            if fields.client_id is None or fields.client_secret is None:
                missing = "client_id" if fields.client_id is None else "client_secret"
                raise InvalidRequest(
                    f"settings.{missing}: a {provider} connector needs the OAuth app's client_id and client_secret."
                )
            primary = Credential(
                str(uuid.uuid4()), app.id, connector.id, provider, connector.name, "connector", True, now, now
            )
            settings = {**connector.settings, "client_id": fields.client_id}
            connector = replace(connector, settings=settings, active_credential_id=primary.id)
            client = self._seal(primary, fields.client_id, fields.client_secret)
            made = await self.db.write(_add(connector, primary, client))
        if not made:
            raise InvalidRequest(
                f"A connector for {provider} already exists in this application."
                f" Change it with PATCH /v3/connectors/{provider}, or delete it first."
            )
        return connector

    async def get(self, app: Application, provider: ProviderName) -> Connector:
        connector = await self.db.read(connectors.find(app.id, provider))
        if connector is None:
            raise NotFound(f"This application has no {provider} connector.")
        return connector

    async def page(self, app: Application, *, limit: int, offset: int) -> list[Connector]:
        return await self.db.read(connectors.page(app.id, limit=limit, offset=offset))

    async def update(self, app: Application, provider: ProviderName, fields: ConnectorFields) -> Connector:
        """Omitted fields stay; `settings` replaces the readable settings, and an omitted client stays.

        Raises NotFound; InvalidRequest for an unknown active credential, and for settings that have no meaning.
        """
        _check_settings(provider, fields)
        return await self.db.write(self._update(app, provider, fields))

    async def delete(self, app: Application, provider: ProviderName) -> None:
        """Delete it with its credentials; its grants become invalid in the same transaction, with an event each."""
        await self.db.write(self._delete(app, provider))

    def client(self, found: connectors.WithClient) -> ClientApp:
        """The client for the provider's token endpoint. Raises InvalidRequest when there is none."""
        if self._last and self._last[0][0] is found:
            return self._last[0][1]
        client = self._open(found)
        self._last[:] = [(found, client)]
        return client

    def _open(self, found: connectors.WithClient) -> ClientApp:
        connector = found.connector
        match self.secret_of(found):
            case ConnectorClient(client_id=client_id, client_secret=client_secret, tenant=tenant):
                pass
            case ConsentedApp(client_id=str() as client_id, client_secret=SecretStr() as client_secret, tenant=tenant):
                pass
            case _:
                raise _no_such_credential(connector)
        return ClientApp(
            client_id=client_id,
            client_secret=client_secret,
            tenant=tenant or connector.settings.get("tenant") or "common",
            scope=connector.scope,
        )

    def secret_of(self, found: connectors.WithClient) -> CredentialSecret:
        """What the found credential holds. Raises InvalidRequest when there is none; SecretUnreadable."""
        connector = found.connector
        if found.client is None or found.credential_id is None or found.credential_type is None:
            raise _no_such_credential(connector)
        owner = client_owner(connector.application_id, found.credential_id)
        return read_credential(from_json(self.vault.open(found.client, owner)), found.credential_type)

    async def organisation(self, found: connectors.WithClient, *, tenant: str | None = None) -> OrganisationCredential:
        """The credential that mints tokens for an organisation. Raises InvalidRequest when there is none.

        tenant  one of the tenants of a multi-tenant application; refused when the credential is of another one
        """
        secret = self.secret_of(found)
        return secret if isinstance(secret, ServiceAccountKey) else await self.tenant_client(found, tenant=tenant)

    async def tenant_client(self, found: connectors.WithClient, *, tenant: str | None = None) -> TenantClient:
        """The client that a tenant consented to. Raises as `organisation`."""
        connector, secret = found.connector, self.secret_of(found)
        if isinstance(secret, ServiceAccountKey):
            raise _no_such_credential(connector)
        own = secret.tenant
        if tenant is not None and own is not None and own.lower() not in {*MANY_TENANTS, tenant.lower()}:
            raise InvalidRequest(
                f"settings.tenant: the credential is for the tenant {own}. Leave settings.tenant out, or name a"
                " credential without a tenant."
            )
        client_id, client_secret = secret.client_id, secret.client_secret
        if client_id is None or client_secret is None:
            # The tenant consented to the connector's own application.
            primary = await self.db.read(connectors.find_with_client(connector.application_id, connector.provider))
            client = self.client(primary or found)
            client_id, client_secret = client.client_id, client.client_secret
        named = tenant if tenant is not None else own
        return TenantClient(
            client_id=client_id,
            client_secret=client_secret,
            tenant=connector.settings.get("tenant") if named is None else named,
        )

    def _update(self, app: Application, provider: ProviderName, fields: ConnectorFields) -> Steps[Connector]:
        connector = yield from connectors.hold(app.id, provider)
        if connector is None:
            raise NotFound(f"This application has no {provider} connector.")
        held = yield from credentials.of_connector(app.id, connector.id)
        active = fields.active_credential_id
        if active is not None and not any(one.id == active and one.type == "connector" for one in held):
            raise InvalidRequest(f"active_credential_id: {active!r} is not a connector credential of this connector.")
        now = self.clock()
        settings = dict(connector.settings if fields.settings is None else fields.settings)
        primary = next((one for one in held if one.primary), None)
        if primary is not None:
            settings["client_id"] = connector.settings["client_id"]
            if fields.client_id is not None or fields.client_secret is not None:
                client_id, secret = fields.client_id, fields.client_secret
                if client_id is None or secret is None:
                    stored_id, stored_secret = yield from self._client(primary)
                    client_id, secret = client_id or stored_id, secret or stored_secret
                settings["client_id"] = client_id
                yield from secrets.put(self._seal(primary, client_id, secret), at=now)
                yield from circuit_breakers.probe_now(app.id, primary.id)
                yield from credentials.touch(app.id, primary.id, at=now)
        changed = replace(
            connector,
            name=fields.name or connector.name,
            settings=settings,
            scope=connector.scope if fields.scope is None else fields.scope,
            active_credential_id=active or connector.active_credential_id,
            updated_at=now,
        )
        yield from connectors.replace(changed)
        yield from _record("connector.updated", changed, at=now, changed=_changed(connector, changed, fields))
        return changed

    def _delete(self, app: Application, provider: ProviderName) -> Steps[None]:
        connector = yield from connectors.delete(app.id, provider)
        if connector is None:
            raise NotFound(f"This application has no {provider} connector.")
        gone = yield from credentials.delete_of_connector(app.id, connector.id)
        yield from secrets.destroy(app.id, "credential", gone)
        now = self.clock()
        yield from _record("connector.deleted", connector, at=now)
        yield from expire(app, using="connector_id", id_=connector.id, at=now, dialect=self.db.dialect)

    def _client(self, primary: Credential) -> Steps[tuple[str, SecretStr]]:
        """The stored client id and secret."""
        owner = client_owner(primary.application_id, primary.id)
        sealed = yield from secrets.find(owner.application_id, owner.kind, owner.id, owner.purpose)
        if sealed is None:
            raise InvalidRequest(
                "settings.client_secret: the stored one is gone; send both client_id and client_secret."
            )
        stored = read_credential(from_json(self.vault.open(sealed, owner)), primary.type)
        assert isinstance(stored, ConnectorClient)
        return stored.client_id, stored.client_secret

    def _seal(self, primary: Credential, client_id: str, secret: SecretStr) -> secrets.SecretRow:
        plain = encode(ConnectorClient(client_id=client_id, client_secret=secret))
        owner = client_owner(primary.application_id, primary.id)
        return secrets.SecretRow(
            owner.application_id, owner.kind, owner.id, owner.purpose, self.vault.seal(plain, owner)
        )


def _check_settings(provider: ProviderName, fields: ConnectorFields) -> None:
    """Raises InvalidRequest that names a setting which connectors of this provider do not have."""
    sent = [
        name for name in ("client_id", "client_secret") if provider not in OAUTH and getattr(fields, name) is not None
    ]
    sent += sorted(set(fields.settings or ()) - PUBLIC.get(provider, frozenset()))
    if sent:
        raise InvalidRequest(f"settings.{sent[0]}: {provider} connectors have no such setting.")


def _no_such_credential(connector: Connector) -> InvalidRequest:
    return InvalidRequest(f"The {connector.provider} connector has no such credential.")


def client_owner(application_id: str, credential_id: str) -> Owner:
    return Owner(application_id, "credential", credential_id, "client")


def expire(
    app: Application, *, using: Literal["connector_id", "credential_id"], id_: str, at: Micros, dialect: Dialect
) -> Steps[None]:
    """Make every grant of a deleted connector or credential invalid, with an event each."""
    gone = using.removesuffix("_id")
    trouble = Trouble(
        kind="connector",
        reason=f"{gone}_deleted",
        code="",
        remedy=f"The {gone} of this grant was deleted. Create it again, then connect the mailbox again.",
        first_seen=at,
        last_seen=at,
    )
    yield from circuit_breakers.forget(app.id, id_)
    while some := (
        yield from grants.expire_some(
            app.id, using=using, id_=id_, trouble=trouble, limit=_EXPIRED_AT_ONCE, dialect=dialect
        )
    ):
        for grant in some:
            yield from outbox.add(events.expired(grant, at=at))


def _add(
    connector: Connector, primary: Credential | None = None, client: secrets.SecretRow | None = None
) -> Steps[bool]:
    if not (yield from connectors.add(connector)):
        return False
    if primary is not None and client is not None:
        yield from credentials.add(primary)
        yield from secrets.put(client, at=connector.created_at)
    yield from _record("connector.created", connector, at=connector.created_at)
    return True


def _record(type_: audit.AuditType, connector: Connector, *, at: Micros, changed: Sequence[str] = ()) -> Steps[None]:
    yield from audit.record(
        connector.application_id,
        type_,
        at=at,
        connector_id=connector.id,
        provider=connector.provider.value,
        changed=changed or None,
    )


def _changed(before: Connector, after: Connector, fields: ConnectorFields) -> list[str]:
    """Names of the fields that differ; a client secret counts as changed when one was sent."""
    compared = ("name", "settings", "scope", "active_credential_id")
    names = [name for name in compared if getattr(before, name) != getattr(after, name)]
    return names if fields.client_secret is None else [*names, "client_secret"]
