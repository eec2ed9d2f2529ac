"""Storing a proof: a new grant, or a renewed one, with its sealed secret and its event in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from opengrant.domains.domains import Domains
from opengrant.errors import ExternalIdTaken, GrantIdTaken, InvalidRequest
from opengrant.events import payloads as events
from opengrant.events.activity import VERIFIED, Activity
from opengrant.grants import refusals as outcome
from opengrant.grants.connect import ownership
from opengrant.grants.connect.ownership import Standing
from opengrant.grants.connect.proof import Proof
from opengrant.grants.connect.rows import GrantRows
from opengrant.grants.retry_on_change import retry_on_change
from opengrant.model import Application, CustomConnect, Grant, Identity, ProviderName
from opengrant.providers.registry import FACTS
from opengrant.store.connectors import connectors as connector_rows
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.port import Conflict, Steps, Store
from opengrant.store.grants import grants
from opengrant.tenants.workspaces import Workspaces, workspace_domain


class Proven(NamedTuple):
    """What is to be stored. keys: of the mailbox, the one for a new grant first."""

    app: Application
    ask: CustomConnect
    found: WithClient
    proof: Proof
    keys: Sequence[str]


class Seen(NamedTuple):
    """What is stored before a proof is written.

    existing  the grant that has the mailbox's key
    holder    the grant that has the external id of the request
    namesake  under the rule `subject`: the grant of another account with the address
    home      the id of the workspace for a new grant of that address; None: the application has no default one yet
    id_taken  another grant, of any application, has the id that the request names
    """

    existing: Grant | None
    holder: Grant | None
    namesake: Grant | None
    home: str | None
    id_taken: bool = False


class Writing(NamedTuple):
    """How a proof is stored.

    script  makes the script, which writes only if what was seen is unchanged; a script runs once
    grant   as it will be
    renews  the grant was there before
    """

    script: Callable[[], Steps[Grant | None]]
    grant: Grant
    renews: bool


class Storing(Protocol):
    """How a round reads and writes: alone, or together with others."""

    async def look(self, proven: Proven) -> Seen: ...

    async def write(self, writing: Writing) -> Grant | None:
        """None when the stored grant has changed, or another grant took the external id or the id meanwhile."""


@dataclass(frozen=True, slots=True)
class _Alone:
    """Each in a transaction of its own."""

    db: Store

    async def look(self, proven: Proven) -> Seen:
        return await self.db.read(look(proven))

    async def write(self, writing: Writing) -> Grant | None:
        return await unless_taken(self.db, writing.script())


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Creates and renews grants; built once, in assembly/.

    Each round reads what is stored and writes only if it is unchanged, else reads again.
    """

    db: Store
    domains: Domains
    workspaces: Workspaces
    activity: Activity
    rows: GrantRows

    async def by_mailbox(
        self,
        app: Application,
        ask: CustomConnect,
        found: WithClient,
        proof: Proof,
        storing: Storing | None = None,
    ) -> Grant:
        """Create the grant of the proven mailbox, or renew the one that it has.

        storing  None: in a transaction of its own
        Raises InvalidRequest, ReauthEmailInvalid, Blocked, Overloaded.
        """
        if ask.workspace_id is not None:
            await self.workspaces.require(app, ask.workspace_id)
        proven = Proven(app, ask, found, proof, ownership.keys_of(app, ask.provider, proof.identity))
        way = storing or _Alone(self.db)
        return await retry_on_change(lambda: self._write(proven, way), subject="mailbox")

    async def by_id(
        self, app: Application, grant: Grant, ask: CustomConnect, found: WithClient, proof: Proof
    ) -> Grant | None:
        """Renew a grant that the caller names; None when it is gone.

        Raises InvalidRequest, ReauthEmailInvalid, Overloaded.
        """
        ownership.require_same_mailbox(app, grant, proof.identity)

        async def write() -> tuple[Grant | None] | None:
            current = await self.db.read(grants.find(app.id, grant.id))
            if current is None or ownership.too_late(current, proof):
                return (current,)
            await refuse_taken(self.db, app, ask.external_id, current)
            renewed = self.rows.changed(current, ask, found, proof)
            event = events.updated(renewed, before=current, at=renewed.updated_at)
            writing = self.rows.writing(renewed, proof, event)
            if written := await unless_taken(self.db, grants.renew(writing, self.db.dialect)):
                self.activity.count(app.id, grant.provider, VERIFIED)
                return (written,)
            await self._require_source(app, ask, found, proof)
            return None

        return (await retry_on_change(write, subject="mailbox"))[0]

    async def refuse_other_owner(self, app: Application, provider: ProviderName, proof: Proof) -> None:
        """Refuse what `by_mailbox` would refuse, while the user can still choose another account.

        Raises InvalidRequest, ReauthEmailInvalid.
        """
        keys = ownership.keys_of(app, provider, proof.identity)
        existing = await self.db.read(grants.find_mailbox(app.id, provider, keys))
        if existing is None:
            if _identified_by_subject(app, proof.identity):
                namesake = await self.db.read(grants.find_provider_email(app.id, provider, proof.identity.email))
                _refuse_other_account(namesake, provider, proof.identity)
        else:
            ownership.standing(existing, proof, hosted=True)

    async def _write(self, proven: Proven, way: Storing) -> Grant | None:
        """One round. None when a concurrent write was first."""
        app, ask, found, proof, _ = proven
        seen = await way.look(proven)
        existing, aside = seen.existing, None
        if existing is not None:
            outcome.refuse_blocked(existing)
            if ownership.standing(existing, proof, hosted=ask.login_id is not None) is Standing.OUTRANKS:
                existing, aside = None, existing
        _refuse_holder(seen.holder, existing)
        _refuse_other_id(ask.grant_id, seen, existing)
        if existing is None:
            writing = await self._creation(proven, seen, aside)
        elif ownership.too_late(existing, proof):
            return existing  # a later verification of this mailbox is stored already, and wins
        else:
            writing = self._renewal(proven, existing)
        written = await way.write(writing)
        if written is None:
            await self._require_source(app, ask, found, proof)
        else:
            self.activity.count(app.id, ask.provider, VERIFIED)
        return written

    async def _creation(self, proven: Proven, seen: Seen, aside: Grant | None) -> Writing:
        """Makes the grant. aside: the grant that has the mailbox's key, and gives it up."""
        app, ask, found, proof, keys = proven
        if aside is None:
            _refuse_other_account(seen.namesake, ask.provider, proof.identity)
        workspace_id = ask.workspace_id or seen.home
        if workspace_id is None:
            workspace_id = (await self.workspaces.default(app)).id
        fresh = self.rows.fresh(app, ask, found, proof, keys[0], workspace_id=workspace_id)
        event = events.created(fresh, at=fresh.created_at, login_id=ask.login_id)
        row = self.rows.writing(fresh, proof, event)
        return Writing(lambda: self._add(row, aside), fresh, renews=False)

    def _renewal(self, proven: Proven, existing: Grant) -> Writing:
        """Renews the grant."""
        _, ask, found, proof, _ = proven
        renewed = self.rows.renewed(existing, ask, found, proof)
        event = events.reauthenticated(renewed, before=existing, at=renewed.updated_at)
        row = self.rows.writing(renewed, proof, event)
        return Writing(lambda: self._replace(row, existing, proof), renewed, renews=True)

    def _replace(self, writing: grants.Writing, existing: Grant, proof: Proof) -> Steps[Grant | None]:
        # A claim was compared with the account that was read; another may have come since.
        if not proof.identity.vouched and not (yield from grants.hold_unchanged(existing)):
            return None
        return (yield from grants.renew(writing, self.db.dialect))

    def _add(self, writing: grants.Writing, aside: Grant | None) -> Steps[Grant | None]:
        """Raises Conflict when the grant that gives up its key has changed."""
        if FACTS[writing.grant.provider].own_domain:
            # Checked before the proof too, but a domain may be deleted while a password is hashed.
            yield from self.domains.hold(writing.grant.email)
        if aside is None:
            return (yield from grants.create(writing, self.db.dialect))
        if (
            not (yield from grants.set_aside(aside))
            or (created := (yield from grants.create(writing, self.db.dialect))) is None
        ):
            raise Conflict("The mailbox is another grant's by now.")  # so that neither is written
        return created

    async def _require_source(self, app: Application, ask: CustomConnect, found: WithClient, proof: Proof) -> None:
        """Raises InvalidRequest when the connector or the credential was deleted meanwhile."""
        current = await self.db.read(
            connector_rows.find_with_client(app.id, ask.provider, credential_id=proof.credential_id)
        )
        if current is None or current.connector.id != found.connector.id:
            raise InvalidRequest(f"The {ask.provider} connector was deleted while the credentials were verified.")
        if proof.credential_id is not None and current.credential_id is None:
            raise InvalidRequest(
                f"The credential {proof.credential_id} was deleted while the mailbox was verified with it."
            )


def look(proven: Proven) -> Steps[Seen]:
    app, ask, identity = proven.app, proven.ask, proven.proof.identity
    domain = workspace_domain(identity.email)
    existing, home = yield from grants.find_mailbox_and_home(app.id, ask.provider, proven.keys, domain)
    holder, namesake = None, None
    if ask.external_id is not None:
        holder = yield from grants.find_external(app.id, ask.external_id)
    if existing is None and _identified_by_subject(app, identity):
        namesake = yield from grants.find_provider_email(app.id, ask.provider, identity.email)
    taken = False
    if ask.grant_id is not None and (existing is None or existing.id != ask.grant_id):
        taken = (yield from grants.owner_of_id(ask.grant_id)) is not None
    return Seen(existing, holder, namesake, home, taken)


def _identified_by_subject(app: Application, identity: Identity) -> bool:
    return app.identity_rule == "subject" and identity.subject is not None


def _refuse_other_account(holder: Grant | None, provider: ProviderName, identity: Identity) -> None:
    """Under the rule `subject`, an address that another account holds is not taken over. Raises InvalidRequest."""
    # A grant that only claims this address does not keep its proven owner out.
    if holder is not None and (holder.vouched or not identity.vouched):
        raise InvalidRequest(
            f"{identity.email} has a grant of another {provider} account (this application identifies grants"
            " by the provider's account id). Delete that grant first if the address changed hands."
        )


def _refuse_other_id(wanted: str | None, seen: Seen, existing: Grant | None) -> None:
    """A mailbox keeps the id of its grant, and an id is one grant's. Raises GrantIdTaken."""
    if wanted is None:
        return
    if existing is not None and existing.id != wanted:
        raise GrantIdTaken(f"grant_id: this mailbox has the grant {existing.id} already. Use that id.")
    if existing is None and seen.id_taken:
        raise GrantIdTaken("grant_id: another mailbox has a grant of this id. Leave it out, to get a new one.")


async def refuse_taken(db: Store, app: Application, external_id: str | None, existing: Grant | None) -> None:
    """An external id names one grant. Raises InvalidRequest when another grant than `existing` has it."""
    if external_id is None:
        return
    _refuse_holder(await db.read(grants.find_external(app.id, external_id)), existing)


def _refuse_holder(holder: Grant | None, existing: Grant | None) -> None:
    if holder is not None and (existing is None or holder.id != existing.id):
        raise ExternalIdTaken("external_id: another grant of this application has it.")


async def unless_taken(db: Store, steps: Steps[Grant | None]) -> Grant | None:
    """Write. None when the stored grant has changed, or another grant took the external id meanwhile."""
    try:
        return await db.write(steps)
    except Conflict:
        return None
