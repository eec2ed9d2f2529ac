"""Credentials of a connector: other clients, service accounts and admin consents, beside the primary one."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic_core import from_json

from opengrant.connectors.connectors import PUBLIC, client_owner, expire
from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import Application, Clock, Connector, Credential, CredentialType, Micros, ProviderName
from opengrant.model.secrets import ConnectorClient, CredentialSecret, ServiceAccountKey, encode, read_credential
from opengrant.providers.google.service_account import check_key
from opengrant.providers.registry import FACTS
from opengrant.store import secrets
from opengrant.store.connectors import connectors, credentials
from opengrant.store.connectors.credentials import Order
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import circuit_breakers
from opengrant.vault import Vault

__all__ = ["Credentials", "NewCredential", "Order"]

TYPES: Mapping[ProviderName, frozenset[CredentialType]] = {
    name: facts.credential_types for name, facts in FACTS.items()
}


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What a request sends. `data` is sealed as a whole."""

    name: str
    data: CredentialSecret

    @property
    def type(self) -> CredentialType:
        return self.data.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Makes, reads, changes and deletes credentials; built once, in assembly/."""

    db: Store
    vault: Vault
    clock: Clock

    async def create(self, app: Application, provider: ProviderName, new: NewCredential) -> Credential:
        """Make one; the same name, type and data again return the stored one. Raises InvalidRequest, NotFound."""
        if new.type not in TYPES.get(provider, frozenset()):
            allowed = ", ".join(sorted(TYPES.get(provider, frozenset()))) or "none"
            raise InvalidRequest(f"credential_type: {provider} connectors take {allowed}, not {new.type}.")
        _check(new.data)
        return await self.db.write(self._create(app, provider, new))

    async def get(self, app: Application, provider: ProviderName, credential_id: str) -> Credential:
        return await self.db.read(self._get(app, provider, credential_id))

    async def page(
        self, app: Application, provider: ProviderName, *, order: Order, descending: bool, limit: int, offset: int
    ) -> list[Credential]:
        def script() -> Steps[list[Credential]]:
            connector = yield from _connector(app, provider)
            return (
                yield from credentials.page(
                    app.id, connector.id, order=order, descending=descending, limit=limit, offset=offset
                )
            )

        return await self.db.read(script())

    async def type_of(self, app: Application, provider: ProviderName, credential_id: str) -> CredentialType:
        return (await self.get(app, provider, credential_id)).type

    async def update(
        self,
        app: Application,
        provider: ProviderName,
        credential_id: str,
        *,
        name: str | None,
        data: CredentialSecret | None,
    ) -> Credential:
        """`data` replaces the stored data; the type stays. Grants that use it follow at their next refresh.

        The readable part of the primary credential's client shows in the connector. Raises InvalidRequest, NotFound.
        """
        if data is not None:
            _check(data)
        return await self.db.write(self._update(app, provider, credential_id, name, data))

    async def delete(self, app: Application, provider: ProviderName, credential_id: str) -> None:
        """Delete it; its grants become invalid in the same transaction.

        Raises InvalidRequest for the connector's active credential and for the primary one, its own client.
        """
        await self.db.write(self._delete(app, provider, credential_id))

    def _create(self, app: Application, provider: ProviderName, new: NewCredential) -> Steps[Credential]:
        connector = yield from _connector(app, provider, connectors.hold)
        existing = yield from credentials.find_name(app.id, connector.id, new.name)
        if existing is not None:
            if existing.type == new.type and (yield from self._holds(existing)) == new.data:
                return existing
            raise InvalidRequest(f"name: the {provider} connector already has another credential named {new.name!r}.")
        now = self.clock()
        made = Credential(str(uuid.uuid4()), app.id, connector.id, provider, new.name, new.type, False, now, now)
        yield from credentials.add(made)
        yield from secrets.put(self._seal(made, new.data), at=now)
        yield from _record("credential.created", made, at=now)
        return made

    def _get(self, app: Application, provider: ProviderName, credential_id: str) -> Steps[Credential]:
        connector = yield from _connector(app, provider)
        return (yield from _credential(connector, credential_id))

    def _update(
        self,
        app: Application,
        provider: ProviderName,
        credential_id: str,
        name: str | None,
        data: CredentialSecret | None,
    ) -> Steps[Credential]:
        connector = yield from _connector(app, provider, connectors.hold)
        held = yield from _credential(connector, credential_id)
        if name is not None and name != held.name:
            other = yield from credentials.find_name(app.id, held.connector_id, name)
            if other is not None:
                raise InvalidRequest(f"name: the {provider} connector already has a credential named {name!r}.")
        now = self.clock()
        changed = replace(held, name=name or held.name, updated_at=now)
        yield from credentials.rename(app.id, held.id, changed.name, at=now)
        if isinstance(data, ConnectorClient) and held.primary:
            # Its client is the connector's own: the connector stores the readable part, such as the tenant.
            shown = {"client_id": data.client_id}
            if data.tenant is not None and "tenant" in PUBLIC.get(provider, ()):
                shown["tenant"] = data.tenant
            settings = {**connector.settings, **shown}
            yield from connectors.replace(replace(connector, settings=settings, updated_at=now))
            data = replace(data, tenant=None)
        if data is not None:
            yield from secrets.put(self._seal(held, data), at=now)
            yield from circuit_breakers.probe_now(app.id, held.id)
        names = ["name"] if changed.name != held.name else []
        names += ["credential_data"] if data is not None else []
        yield from _record("credential.updated", held, at=now, changed=names)
        return changed

    def _delete(self, app: Application, provider: ProviderName, credential_id: str) -> Steps[None]:
        connector = yield from _connector(app, provider, connectors.hold)
        held = yield from _credential(connector, credential_id)
        if connector.active_credential_id == held.id:
            raise InvalidRequest(
                "This is the connector's active credential. Make another one active first:"
                f" PATCH /v3/connectors/{provider} with active_credential_id."
            )
        if held.primary:
            raise InvalidRequest(
                "This is the connector's own client, which goes with the connector. To use another client instead:"
                f" PATCH /v3/connectors/{provider} with its client_id and client_secret in settings."
            )
        yield from credentials.delete(app.id, held.id)
        yield from secrets.destroy(app.id, "credential", [held.id])
        now = self.clock()
        yield from _record("credential.deleted", held, at=now)
        yield from expire(app, using="credential_id", id_=held.id, at=now, dialect=self.db.dialect)

    def _holds(self, credential: Credential) -> Steps[CredentialSecret | None]:
        owner = client_owner(credential.application_id, credential.id)
        sealed = yield from secrets.find(owner.application_id, owner.kind, owner.id, owner.purpose)
        if sealed is None:
            return None
        return read_credential(from_json(self.vault.open(sealed, owner)), credential.type)

    def _seal(self, credential: Credential, data: CredentialSecret) -> secrets.SecretRow:
        owner = client_owner(credential.application_id, credential.id)
        sealed = self.vault.seal(encode(data), owner)
        return secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed)


def _check(data: CredentialSecret) -> None:
    """A service account's key must be one that can sign. Raises InvalidRequest."""
    if isinstance(data, ServiceAccountKey):
        check_key(data)


def _record(type_: audit.AuditType, credential: Credential, *, at: Micros, changed: Sequence[str] = ()) -> Steps[None]:
    yield from audit.record(
        credential.application_id,
        type_,
        at=at,
        credential_id=credential.id,
        credential_type=credential.type,
        provider=credential.provider.value,
        changed=changed or None,
    )


def _connector(
    app: Application,
    provider: ProviderName,
    find: Callable[[str, ProviderName], Steps[Connector | None]] = connectors.find,
) -> Steps[Connector]:
    connector = yield from find(app.id, provider)
    if connector is None:
        raise NotFound(f"This application has no {provider} connector. Create it first: POST /v3/connectors.")
    return connector


def _credential(connector: Connector, credential_id: str) -> Steps[Credential]:
    found = yield from credentials.find(connector.application_id, connector.id, credential_id)
    if found is None:
        raise NotFound(f"The {connector.provider} connector has no such credential.")
    return found
