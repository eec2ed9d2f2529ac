"""Where the connectors, credentials and workspaces of an export go: to what is there already, or they are made.

What is made keeps its id. Each script returns the ids here, by which grants of the export are placed.
"""

from dataclasses import dataclass, replace

from pydantic_core import from_json

from opengrant.connectors.connectors import client_owner
from opengrant.connectors.credentials import TYPES
from opengrant.errors import InvalidRequest
from opengrant.events import audit
from opengrant.imports.export_format import ExportedConnector, ExportedCredential, ExportedWorkspace
from opengrant.model import Application, Clock, Connector, Credential
from opengrant.model.secrets import CredentialSecret, SecretUnreadable, encode, read_credential
from opengrant.store import secrets
from opengrant.store.connectors import connectors, credentials
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import workspaces
from opengrant.store.tenants.workspaces import Workspace
from opengrant.tenants import workspaces as rooms
from opengrant.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Built once, in assembly/."""

    db: Store
    vault: Vault
    clock: Clock

    def connector(self, app: Application, one: ExportedConnector) -> Steps[dict[str, str]]:
        """Store it, or find what stands in its place. Returns the ids here, by those of the export.

        A connector of the provider that is there already is used as it is. If it has another client, the client of the
        export becomes a credential of it: refresh tokens work with their own client only.
        """
        here = yield from connectors.hold(app.id, one.provider)
        if here is None:
            return (yield from self._new_connector(app, one))
        ids = {one.id: here.id}
        if one.primary is None:
            return ids
        held = yield from credentials.of_connector(app.id, here.id)
        own = next((its for its in held if its.primary), None)
        if own is not None and here.settings.get("client_id") == one.settings.get("client_id"):
            return ids | {one.primary.id: own.id}
        secret = one.primary.secret
        if secret is not None and (tenant := one.settings.get("tenant")) is not None:
            secret = {"tenant": tenant, **secret}  # as a connector's own client, it took the connector's
        ids[one.primary.id] = yield from self._credential(app, here, replace(one.primary, secret=secret))
        return ids

    def credential(self, app: Application, one: ExportedCredential, *, active: bool) -> Steps[str]:
        """As `connector`, for another credential. active: its connector, which is new here, uses it."""
        here = yield from connectors.hold(app.id, one.provider)
        if here is None:
            raise InvalidRequest(f"credential: there is no {one.provider} connector, in the export or here.")
        known = yield from credentials.find(app.id, here.id, one.id)
        id_ = yield from self._credential(app, here, one)
        if active and known is None:
            yield from connectors.replace(replace(here, active_credential_id=id_))
        return id_

    def _new_connector(self, app: Application, one: ExportedConnector) -> Steps[dict[str, str]]:
        primary = one.primary
        made = Connector(
            id=one.id,
            application_id=app.id,
            provider=one.provider,
            name=one.name,
            settings=one.settings,
            scope=one.scope,
            active_credential_id=None if primary is None else primary.id,
            created_at=one.created_at,
            updated_at=one.updated_at,
        )
        secret = None if primary is None else _credential_secret(primary)
        yield from connectors.add(made)
        about = {"connector_id": made.id, "provider": made.provider.value}
        yield from audit.record(app.id, "connector.created", at=self.clock(), **about)
        if primary is None or secret is None:
            return {one.id: one.id}
        yield from self._add_credential(app, made, primary, secret, primary=True)
        return {one.id: one.id, primary.id: primary.id}

    def _credential(self, app: Application, here: Connector, one: ExportedCredential) -> Steps[str]:
        """The id of the credential here, which is made if it is not there."""
        if (known := (yield from credentials.find(app.id, here.id, one.id))) is not None:
            return known.id
        secret = _credential_secret(one)
        if one.type not in TYPES[one.provider]:
            raise InvalidRequest(f"credential: {one.provider} connectors have no credentials of type {one.type}.")
        namesake = yield from credentials.find_name(app.id, here.id, one.name)
        if namesake is not None:
            if namesake.type == one.type and (yield from self._holds(namesake)) == secret:
                return namesake.id
            one = replace(one, name=f"{one.name} ({one.id})")
        yield from self._add_credential(app, here, one, secret, primary=False)
        yield from audit.record(
            app.id, "credential.created", at=self.clock(), credential_id=one.id, credential_type=one.type,
            provider=one.provider.value,
        )  # fmt: skip
        return one.id

    def _add_credential(
        self, app: Application, here: Connector, one: ExportedCredential, secret: CredentialSecret, *, primary: bool
    ) -> Steps[None]:
        made = Credential(
            one.id, app.id, here.id, one.provider, one.name, one.type, primary, one.created_at, one.updated_at
        )
        yield from credentials.add(made)
        owner = client_owner(app.id, made.id)
        sealed = self.vault.seal(encode(secret), owner)
        row = secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed)
        yield from secrets.put(row, at=made.updated_at)

    def _holds(self, credential: Credential) -> Steps[CredentialSecret | None]:
        owner = client_owner(credential.application_id, credential.id)
        sealed = yield from secrets.find(owner.application_id, owner.kind, owner.id, owner.purpose)
        if sealed is None:
            return None
        return read_credential(from_json(self.vault.open(sealed, owner)), credential.type)

    def workspace(self, app: Application, one: ExportedWorkspace) -> Steps[str]:
        """The id here: of the same workspace, of the one that has its domain or its name, or of a new one."""
        known = yield from workspaces.find(app.id, one.id)
        if known is None and one.is_default:
            known = yield from workspaces.find_default(app.id)
        elif known is None and one.domain:
            known = yield from workspaces.find_domain(app.id, one.domain)
        elif known is None:
            known = yield from workspaces.find_named(app.id, one.name)
        if known is not None:
            return known.id
        made = Workspace(
            id=one.id,
            application_id=app.id,
            name=one.name,
            domain=one.domain,
            auto_group=one.auto_group,
            is_default=one.is_default,
            policy_id=one.policy_id,
            rule_ids=one.rule_ids,
            created_at=one.created_at,
            updated_at=one.updated_at,
        )
        if (yield from rooms.add(made)):
            return one.id
        # Another one has become the default, or has taken the domain.
        return (yield from workspaces.get_default(app.id, at=self.clock())).id


def _credential_secret(one: ExportedCredential) -> CredentialSecret:
    """Raises InvalidRequest, which quotes nothing of it."""
    if one.secret is None:
        raise InvalidRequest(
            f"credential: the secret of {one.name!r} could not be opened when the export was written. Create the"
            " connector or credential here, and import the export again."
        )
    try:
        return read_credential(one.secret, one.type)
    except SecretUnreadable as problem:
        raise InvalidRequest(f"credential: {problem}") from None
