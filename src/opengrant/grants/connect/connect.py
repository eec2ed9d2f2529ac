"""Connect: credentials in, a grant out.

Look up, ask, write: the connector is read and the connection given back; the provider is asked with no
transaction open; one transaction stores the grant, its sealed secret and its event. A refusal writes
nothing, except that a refresh token which the provider has replaced is kept (docs/decisions/0006).
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from typing import Any, Literal, Protocol, cast

import structlog
from pydantic import SecretStr
from pydantic_core import from_json, to_json

from opengrant import failpoints as faults
from opengrant.connectors.connectors import Connectors
from opengrant.domains.domains import Domains
from opengrant.errors import (
    InvalidRequest,
    OpenGrantError,
    Overloaded,
    ProviderFailure,
    ReauthEmailInvalid,
    ScopesConflict,
    StoreUnavailable,
)
from opengrant.events import payloads as events
from opengrant.events.activity import VERIFIED, Activity, Observe
from opengrant.grants import refusals as outcome
from opengrant.grants.connect.rotated_tokens import Newest, Successors, replay
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import Rotated, Spool, insist
from opengrant.model import (
    ENDS_AT,
    SECOND,
    WITH_PASSWORD,
    Application,
    ClientApp,
    Clock,
    CustomConnect,
    Grant,
    Identity,
    Micros,
    ProviderName,
    Tokens,
    mailbox_key,
    mailbox_keys,
)
from opengrant.net.deadline import GRACE
from opengrant.providers.base import TokenProvider, Verifies
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.classify import classify
from opengrant.providers.hosted.agent_account import TELL_OF_SECRET
from opengrant.providers.registry import OAUTH
from opengrant.providers.verdict import Kind
from opengrant.store import secrets
from opengrant.store.connectors import connectors as connector_rows
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.port import Conflict, Steps, Store
from opengrant.store.events.events import Event
from opengrant.store.grants import grants, leases, rotations
from opengrant.store.grants.leases import Lease
from opengrant.tenants.workspaces import Workspaces, domain_of
from opengrant.vault import Owner, Vault
from opengrant.vault.digests import Digests

log = structlog.get_logger()

_CREDENTIAL_FOR_BULK = {ProviderName.GOOGLE: "serviceaccount", ProviderName.MICROSOFT: "adminconsent"}

HOSTS = ("imap_host", "smtp_host", "ews_host")
"""Settings by which a request names a server."""

_CALLS = 3
"""A single-use token is spent, or its successor is, and the account is asked for."""
_WRITE_MARGIN = 10.0
"""Seconds that a lease lasts longer than the provider may take."""
_LOOK_AGAIN = 0.1
_FORGOTTEN_AT_ONCE = 1000
_TRIES = 8
"""Rounds of look-and-write before we give up on a mailbox that keeps changing under us."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a provider accepted: whose it is, what may be shown, and the secret as in Verified.

    named  which hosts of `settings` the caller named, rather than the address's own domain
    asked  the number of the verification, which rises with each that begins; 0: not known
    missing  which of the scopes that were asked for the provider says were not granted
    """

    identity: Identity
    scope: tuple[str, ...]
    settings: Mapping[str, Any]
    secret: Mapping[str, Any] | None = field(repr=False)
    credential_id: str | None = None
    token_expires_at: Micros | None = None
    spent: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    asked: int = 0
    missing: tuple[str, ...] = ()

    def vouched(self, *, hosted: bool, renews: Grant | None = None) -> bool:
        """Whether the address is more than a claim of a foreign tenant, or of a server that a stranger named.

        An API caller who names a server is trusted with it. A server that a vouched grant has already is no claim.
        """
        if not self.identity.vouched:
            return False
        return not (hosted and self.named) or (renews is not None and renews.vouched)


@dataclass(slots=True)
class _Flight:
    ask: CustomConnect
    renews: str | None
    task: "asyncio.Task[Any]"


@dataclass(slots=True)
class Connect:
    """Makes and renews grants; built once, in assembly/installation.py."""

    db: Store
    vault: Vault
    digests: Digests
    connectors: Connectors
    providers: Providers
    domains: Domains
    workspaces: Workspaces
    schedule: Schedule
    clock: Clock
    observe: Observe
    activity: Activity
    spool: Spool
    max_verifications: int
    timeout: float = 20.0
    """Seconds that one call of an HTTP provider may take."""
    _under_way: int = 0
    _flights: dict[str, _Flight] = field(default_factory=dict)

    async def custom(self, app: Application, ask: CustomConnect) -> Grant:
        """Turn credentials the caller holds into a grant, or renew the one they had: same mailbox, same id.

        Raises InvalidRequest, RefreshTokenInvalid, InvalidAuthentication, ScopesConflict (a service account's),
        ConnectorMisconfigured, ProviderUnavailable, RateLimited, Overloaded.
        """
        return await self._verified(app, ask, lambda found, proof: self._record(app, ask, found, proof))

    async def renew(self, app: Application, grant: Grant, ask: CustomConnect) -> Grant:
        """New credentials for a grant that the caller names; they must be of the same mailbox.

        `ask.workspace_id` is one of this application's. Raises what `custom` raises, and ReauthEmailInvalid. On
        failure the grant stays as it was.
        """

        async def write(found: WithClient, proof: Proof) -> Grant | None:
            if not _same_mailbox(app, grant, proof.identity):
                raise ReauthEmailInvalid(
                    f"These credentials are of another mailbox than this grant's ({grant.email})."
                    " Send them to POST /v3/connect/custom to make a grant of their own."
                )
            for _ in range(_TRIES):
                current = await self.db.read(grants.find(app.id, grant.id))
                if current is None or _too_late(current, proof):
                    return current
                await self.refuse_taken(app, ask.external_id, current)
                renewed = self._renewed(current, ask, found, proof)
                # A change leaves what it does not name; the profile's name is for a grant that has none.
                renewed = replace(
                    renewed,
                    name=ask.name or current.name or renewed.name,
                    name_given=current.name_given or ask.name is not None,
                    vouched=_vouched_by_change(current, proof),
                )
                event = events.updated(renewed, before=current, at=renewed.updated_at)
                writing = self._writing(renewed, proof, event)
                if written := await unless_taken(self.db, grants.renew(writing, self.db.dialect)):
                    self.activity.count(app.id, grant.provider, VERIFIED)
                    return written
                await self._require_source(app, ask, found, proof)
            raise _changing_too_fast()

        return await self._verified(app, ask, write, renews=grant.id)

    async def held(self, app: Application, grant: Grant) -> dict[str, Any]:
        """What a grant was proven with, as settings of the wire with passwords in them; {} where a part cannot be sent
        alone. For a change that names only what is new."""
        if "email_address" in grant.settings:
            tenant = {"tenant": grant.settings["tenant"]} if "tenant" in grant.settings else {}
            return {"email_address": grant.settings["email_address"], "credential_id": grant.credential_id, **tenant}
        if grant.provider is ProviderName.NYLAS:
            return {"email": grant.settings["email"]}
        if grant.provider not in WITH_PASSWORD:
            return {}
        owner = Owner(app.id, "grant", grant.id, "live")
        sealed = await self.db.read(secrets.find(app.id, owner.kind, owner.id, owner.purpose))
        secret = {} if sealed is None else from_json(self.vault.open(sealed, owner))
        held = dict(grant.settings)
        if secret.get("smtp_password") == secret.get("imap_password"):
            secret.pop("smtp_password", None)  # the one password serves both, and so does a new one
        for name in ("password", "imap_password", "smtp_password", "ews_password"):
            if name in secret:
                held[name] = SecretStr(secret[name])
        if "ews_url" in secret:
            held["ews_host"] = secret["ews_url"]
        return held

    async def prove_password(self, app: Application, ask: CustomConnect) -> Proof:
        """The first two beats alone, for a user who types a password here. Raises what `custom` raises."""
        with self.bounded():
            found = await self._connector(app, ask)
            return await self._verify(ask, found, having(self.providers.passwords, ask.provider))

    async def prove_code(
        self, app: Application, ask: CustomConnect, code: SecretStr, *, redirect_uri: str, verifier: SecretStr
    ) -> Proof:
        """The first two beats alone, with the code that a user brought from the provider's consent page.

        Raises what `custom` raises; InvalidRequest when the provider gave nothing to stay connected with.
        """
        with self.bounded():
            found = await self._connector(app, ask)
            client, provider = self.connectors.client(found), having(self.providers.codes, ask.provider)
            async with self._asking(ask, "token"):
                tokens = await provider.exchange(client, code, redirect_uri=redirect_uri, verifier=verifier)
                if tokens.refresh_token is None:
                    raise InvalidRequest(
                        f"{outcome.NAMES[ask.provider]} gave no refresh token, without which the connection would end"
                        " within the hour. Remove the app's access in the account's settings, then sign in again."
                    )
                identity = await provider.identify(client, tokens)
                wanted = found.connector.scope if ask.scope is None else ask.scope
                _require_scope(provider, tokens, wanted)
            scope = provider.granted_scope(tokens) or wanted
            secret = _live(tokens, tokens.refresh_token)
            told, expires_at = _told(identity, tokens), tokens.expires_at
            return Proof(identity, scope, told, secret, found.credential_id, expires_at, asked=found.asked)

    async def refuse_other_owner(self, app: Application, provider: ProviderName, proof: Proof) -> None:
        """What `accept` would refuse for it, said while its user can still do otherwise.

        Raises InvalidRequest, ReauthEmailInvalid.
        """
        existing = await self.db.read(grants.find_mailbox(app.id, provider, _keys(app, provider, proof.identity)))
        if existing is None:
            await self._refuse_other_subject(app, provider, proof.identity)
        else:
            _owner(existing, proof, hosted=True)

    async def accept(self, app: Application, ask: CustomConnect, proof: Proof) -> Grant:
        """The last beat: what was proven becomes a grant, or renews the one there was. Raises what `custom` raises."""
        found = await self._connector(app, ask)
        # A proof that the release before kept has no number: it has its turn now.
        return await self._record(app, ask, found, replace(proof, asked=proof.asked or found.asked))

    async def missing(self, grant: Grant, scope: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these scopes the grant's provider, when it was last asked, said were not granted."""
        sealed = await self.db.read(secrets.find(grant.application_id, "grant", grant.id, "live"))
        if sealed is None:
            return ()
        held = from_json(self.vault.open(sealed, Owner(grant.application_id, "grant", grant.id, "live")))
        granted = held.get("access_token_scope")
        if granted is None:
            return ()
        provider = having(self.providers.tokens, grant.provider)
        return provider.missing_scope(Tokens(SecretStr(""), None, 0, tuple(granted)), scope)

    @contextlib.contextmanager
    def bounded(self) -> Iterator[None]:
        """Around whatever asks a provider while a request waits. Raises Overloaded when too much of it is under way."""
        if self._under_way >= self.max_verifications:
            raise Overloaded("Too many verifications are under way. Try again in a moment.", retry_after=1)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def drain(self) -> None:
        """Wait for exchanges whose tokens would otherwise be lost; each has its own deadline."""
        while tasks := [flight.task for flight in self._flights.values()]:
            await asyncio.wait(tasks)

    async def forget_rotations(self, app: Application, *, older_than: timedelta) -> None:
        """Drop successors of spent tokens that nobody came back for, and leases of verifications that died, in
        portions: other writes come in between."""
        cutoff = self.clock() - int(older_than.total_seconds()) * SECOND
        while await self.db.write(rotations.forget_before(app.id, cutoff=cutoff, limit=_FORGOTTEN_AT_ONCE)):
            continue
        while await self.db.write(leases.forget_spent(app.id, cutoff=cutoff, limit=_FORGOTTEN_AT_ONCE)):
            continue

    async def _verified(
        self, app: Application, ask: CustomConnect, write: "_Write", *, renews: str | None = None
    ) -> Grant:
        """The three beats. `write` gets what was proven and returns None when it has nothing to return.

        renews  the grant that is written, where the caller names one and not the proof
        """
        with self.bounded():
            found = await self._connector(app, ask)
            if ask.bulk:
                return await self._by_organisation(app, ask, found, write)
            if ask.provider is ProviderName.NYLAS:
                await self.domains.require_owner(app, ask.settings["email"])
            if "refresh_token" in ask.settings:
                return await self._by_token(app, ask, found, having(self.providers.tokens, ask.provider), write, renews)
            return await self._by_password(ask, found, having(self.providers.passwords, ask.provider), write)

    async def _connector(self, app: Application, ask: CustomConnect) -> WithClient:
        found = await self.db.write_soon(
            connector_rows.find_to_ask(app.id, ask.provider, credential_id=ask.credential_id, dialect=self.db.dialect)
        )
        if found is None:
            raise InvalidRequest(
                f"This application has no {ask.provider} connector. Create it first: POST /v3/connectors"
                f' {{"provider": "{ask.provider}", …}}.'
            )
        needed = _CREDENTIAL_FOR_BULK[ask.provider] if ask.bulk else "connector"
        if ask.credential_id is not None and found.credential_type != needed:
            raise InvalidRequest(
                f"settings.credential_id: the {ask.provider} connector has no credential {ask.credential_id!r}"
                f" of type {needed}."
            )
        return found

    async def _by_organisation(self, app: Application, ask: CustomConnect, found: WithClient, write: "_Write") -> Grant:
        tenant = cast(str | None, ask.settings.get("tenant"))
        credential = await self.connectors.organisation(found, tenant=tenant)
        # A Microsoft connector's scopes are those of users' consents; a tenant grants whole roles instead.
        default = () if ask.provider is ProviderName.MICROSOFT else found.connector.scope
        scope = default if ask.scope is None else ask.scope
        email = cast(str, ask.settings["email_address"])
        async with self._asking(ask, "bulk"):
            minted = await having(self.providers.mints, ask.provider).mint(credential, email, scope)
        proof = Proof(
            # Whoever names the tenant in a credential answers for its directory; one that a request names is anybody's.
            replace(minted.identity, email=email, vouched=minted.identity.vouched or "tenant" not in ask.settings),
            minted.scope,
            {"email_address": email, **({} if tenant is None else {"tenant": tenant})},
            {"access_token": minted.access_token.get_secret_value(), "scope": scope},
            credential_id=found.credential_id,
            token_expires_at=minted.expires_at,
            asked=found.asked,
        )
        return _some(await write(found, proof))

    async def _by_password(self, ask: CustomConnect, found: WithClient, provider: Verifies, write: "_Write") -> Grant:
        return _some(await write(found, await self._verify(ask, found, provider)))

    async def _verify(self, ask: CustomConnect, found: WithClient, provider: Verifies) -> Proof:
        async with self._asking(ask, "password"):
            verified = await provider.verify(ask.settings)
        scope = found.connector.scope if ask.scope is None else ask.scope
        named = _named(ask.settings)
        return Proof(verified.identity, scope, verified.settings, verified.secret, named=named, asked=found.asked)

    async def _by_token(
        self,
        app: Application,
        ask: CustomConnect,
        found: WithClient,
        provider: TokenProvider,
        write: "_Write",
        renews: str | None,
    ) -> Grant:
        """One exchange per refresh token at a time: requests that ask and write the same share it, others wait for it.

        It runs as a task of its own, so that neither a client that hangs up nor a shutdown can stop it
        between the provider's answer and the write.
        """
        token = cast(SecretStr, ask.settings["refresh_token"])
        spent = self.digests.refresh_token(app.id, ask.provider, token.get_secret_value())
        waited = False
        while (flight := self._flights.get(spent)) is not None:
            if (flight.ask, flight.renews) == (ask, renews):
                return cast(Grant, await asyncio.shield(flight.task))
            waited = True
            await asyncio.wait([flight.task])

        async def exchange() -> Grant:
            held: list[Lease] = []
            try:
                if provider.single_use:
                    held.append(await self._lease(app, f"{leases.SPENT}{spent}"))
                    if held[0].attempts > 1:
                        await replay(self.db, self.spool)  # what its last owner was given may lie there
                    # The clock must not spend it at the same time, nor find it dead before its successor is stored.
                    newest = await self._newest(app, ask.provider, provider, token)
                    if newest.grant_id is not None:
                        held.append(await self._lease(app, newest.grant_id))
                # It begins to ask only now: others may have begun, and ended, since the look-up.
                fresh = waited or bool(held)
                asked = await self.db.write_soon(connector_rows.next_number(self.db.dialect)) if fresh else found.asked
                proof = await self._exchange(app, ask, self.connectors.client(found), provider, held)
                return _some(await write(found, replace(proof, credential_id=found.credential_id, asked=asked)))
            finally:
                del self._flights[spent]
                await self._give_back(held)

        task = asyncio.create_task(exchange())
        self._flights[spent] = _Flight(ask, renews, task)
        return await asyncio.shield(task)

    async def _lease(self, app: Application, subject: str) -> Lease:
        """Nobody else, on any node, spends this token meanwhile: it dies with its first use. Raises Overloaded."""
        owner = str(uuid.uuid4())
        # Longer than the spending may take, and for so long others wait for it.
        lasts = _CALLS * (self.timeout + GRACE) + _WRITE_MARGIN
        patience = asyncio.get_running_loop().time() + lasts
        while True:
            at = self.clock()
            until = at + int(lasts * SECOND)
            lease = await self.db.write(leases.take(app.id, subject, owner, at=at, until=until))
            if lease is not None:
                return lease
            if asyncio.get_running_loop().time() > patience:
                raise Overloaded("Another request with this refresh token takes long. Try again.", retry_after=2)
            await asyncio.sleep(_LOOK_AGAIN)

    async def _give_back(self, held: Sequence[Lease]) -> None:
        """What came of the flight stands, whether or not the database takes this: leases also run out."""
        for lease in held:
            try:
                await self.db.write(leases.give_back(lease))
            except StoreUnavailable as problem:
                log.warning("lease_left", problem=str(problem))

    async def _exchange(
        self, app: Application, ask: CustomConnect, client: ClientApp, provider: TokenProvider, held: list[Lease]
    ) -> Proof:
        """held: the leases under which this token is spent; none are left in it when they wait in the spool."""
        given = cast(SecretStr, ask.settings["refresh_token"])
        refresh_token, _, walked = await self._newest(app, ask.provider, provider, given)
        async with self._asking(ask, "token"):
            try:
                tokens = await provider.refresh(client, refresh_token)
            except ProviderFailure as failure:
                # A grant that holds its successor may have been refreshed at this very moment.
                newest, _, walked = await self._newest(app, ask.provider, provider, given)
                if newest == refresh_token or classify(failure.evidence).kind is not Kind.RECONNECT:
                    await self._leave_in_question(failure, held)
                    raise
                refresh_token = newest
                tokens = await provider.refresh(client, refresh_token)
            faults.point("connect.answered")
            spent = self.digests.refresh_token(app.id, ask.provider, refresh_token.get_secret_value())
            if tokens.refresh_token is not None and tokens.refresh_token != refresh_token:
                refresh_token = tokens.refresh_token
                await self._keep(app, ask.provider, spent, refresh_token, held)
                walked = (*walked, spent)
                faults.point("connect.kept")
            identity = await provider.identify(client, tokens)
        wanted = client.scope if ask.scope is None else ask.scope
        scope = provider.granted_scope(tokens) or wanted
        secret, expires_at = _live(tokens, refresh_token), tokens.expires_at
        shown, missing = _told(identity, tokens), provider.missing_scope(tokens, wanted)
        return Proof(identity, scope, shown, secret, token_expires_at=expires_at, spent=walked, missing=missing)

    async def _leave_in_question(self, failure: ProviderFailure, held: list[Lease]) -> None:
        """What may have been lost, now or before, is said to whoever sends the token again. Raises _RotationLost."""
        kind = classify(failure.evidence).kind
        lost_now = failure.evidence.sent and kind in (Kind.PROVIDER_DOWN, Kind.UNKNOWN)
        lost_before = any(lease.attempts > 1 for lease in held)
        for lease in [lease for lease in held if lost_now or lease.attempts > 1]:
            await self.db.write(leases.leave_lost(lease, at=self.clock()))
            held.remove(lease)
        if lost_before and kind is Kind.RECONNECT:
            raise _RotationLost(failure.evidence) from None

    def _asking(self, ask: CustomConnect, means: outcome.Means) -> "_Asking":
        return _Asking(self.observe, ask.provider, means)

    async def _keep(
        self, app: Application, provider: ProviderName, spent: str, successor: SecretStr, held: list[Lease]
    ) -> None:
        """Commit a rotated refresh token before anything else is done with it.

        While the database cannot, it goes to the spool, and the leases with it: whoever sends the spent token
        meanwhile waits until its successor is written. Raises StoreUnavailable then.
        """
        owner = Owner(app.id, "rotation", spent, "successor")
        sealed = self.vault.seal(to_json({"refresh_token": successor.get_secret_value()}), owner)
        row, at = secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed), self.clock()
        try:
            await insist(self.db, lambda: rotations.record(app.id, provider, spent, row, at=at))
        except StoreUnavailable:
            under = tuple((lease.subject, lease.owner) for lease in held)
            await asyncio.to_thread(self.spool.put, Rotated(app.id, provider, spent, sealed, at, under))
            held.clear()
            log.error("rotation_spooled", provider=provider.value)
            raise

    async def _newest(self, app: Application, name: ProviderName, provider: TokenProvider, given: SecretStr) -> Newest:
        """What stands in by now for a token that was spent before, and the grant that holds or held it."""
        if not provider.rotates:
            return Newest(given, None, ())
        return await Successors(self.db, self.vault, self.digests).newest(app.id, name, given)

    async def _record(self, app: Application, ask: CustomConnect, found: WithClient, proof: Proof) -> Grant:
        """Create or renew. Each round looks at what is there and writes only if it still is."""
        keys = _keys(app, ask.provider, proof.identity)
        email, hosted = proof.identity.email, ask.login_id is not None
        wanted = None
        if ask.workspace_id is not None:
            wanted = await self.workspaces.for_new_grant(app, ask.provider, email, ask.workspace_id)
        for _ in range(_TRIES):
            existing = await self.db.read(grants.find_mailbox(app.id, ask.provider, keys))
            aside = None
            if existing is not None:
                outcome.refuse_blocked(existing)
                if _owner(existing, proof, hosted=hosted) is _Owner.OUTRANKS:
                    existing, aside = None, existing
            await self.refuse_taken(app, ask.external_id, existing)
            if existing is None:
                if aside is None:
                    await self._refuse_other_subject(app, ask.provider, proof.identity)
                workspace = wanted or await self.workspaces.for_new_grant(app, ask.provider, email, None)
                fresh = replace(self._fresh(app, ask, found, proof, keys[0]), workspace_id=workspace)
                event = events.created(fresh, at=fresh.created_at, login_id=ask.login_id)
                written = await unless_taken(self.db, self._create(self._writing(fresh, proof, event), aside))
            elif _too_late(existing, proof):
                # Somebody's later verification of this mailbox is stored already; it wins.
                return existing
            else:
                renewed = self._renewed(existing, ask, found, proof)
                event = events.reauthenticated(renewed, before=existing, at=renewed.updated_at)
                writing = self._writing(renewed, proof, event)
                written = await unless_taken(self.db, self._renew(writing, existing, proof))
            if written is not None:
                self.activity.count(app.id, ask.provider, VERIFIED)
                return written
            await self._require_source(app, ask, found, proof)
        raise _changing_too_fast()

    def _renew(self, writing: grants.Writing, existing: Grant, proof: Proof) -> Steps[Grant | None]:
        # A claim was compared with the account that was read; another may have come since.
        if not proof.identity.vouched and not (yield from grants.hold_unchanged(existing)):
            return None
        return (yield from grants.renew(writing, self.db.dialect))

    def _create(self, writing: grants.Writing, aside: Grant | None) -> Steps[Grant | None]:
        """aside: the grant that has the mailbox's key, and gives it up. Raises Conflict when it has changed."""
        if writing.grant.provider is ProviderName.NYLAS:
            # Asked before the proof too, but a domain may be deleted while a password is hashed.
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
        current = await self.db.read(
            connector_rows.find_with_client(app.id, ask.provider, credential_id=proof.credential_id)
        )
        if current is None or current.connector.id != found.connector.id:
            raise InvalidRequest(f"The {ask.provider} connector was deleted while the credentials were verified.")
        if proof.credential_id is not None and current.credential_id is None:
            raise InvalidRequest(
                f"The credential {proof.credential_id} was deleted while the mailbox was verified with it."
            )

    async def refuse_taken(self, app: Application, external_id: str | None, existing: Grant | None) -> None:
        """An external id names one grant. Raises InvalidRequest."""
        if external_id is None:
            return
        holder = await self.db.read(grants.find_external(app.id, external_id))
        if holder is not None and (existing is None or holder.id != existing.id):
            raise InvalidRequest("external_id: another grant of this application has it.")

    async def _refuse_other_subject(self, app: Application, provider: ProviderName, identity: Identity) -> None:
        """Under the rule `subject`, an address that another account holds is not taken over."""
        if app.identity_rule != "subject" or identity.subject is None:
            return
        holder = await self.db.read(grants.find_provider_email(app.id, provider, identity.email))
        # Whom only a stranger's tenant calls by this address does not keep its owner out.
        if holder is not None and (holder.vouched or not identity.vouched):
            raise InvalidRequest(
                f"{identity.email} has a grant of another {provider} account (this application identifies grants"
                " by the provider's account id). Delete that grant first if the address changed hands."
            )

    def _fresh(
        self,
        app: Application,
        ask: CustomConnect,
        found: WithClient,
        proof: Proof,
        key: str,
    ) -> Grant:
        now = self.clock()
        return self._scheduled(
            Grant(
                id=str(uuid.uuid4()),
                application_id=app.id,
                provider=ask.provider,
                connector_id=found.connector.id,
                mailbox_key=key,
                email=proof.identity.email,
                status="valid",
                scope=proof.scope,
                settings=proof.settings,
                created_at=now,
                updated_at=now,
                asked_at=now,
                asked=proof.asked,
                version=1,
                subject=proof.identity.subject,
                user_id=proof.identity.user_id,
                name=ask.name or proof.identity.name,
                state=ask.state,
                credential_id=proof.credential_id,
                token_expires_at=proof.token_expires_at,
                external_id=ask.external_id,
                vouched=proof.vouched(hosted=ask.login_id is not None),
                name_given=ask.name is not None,
                missing_scopes=proof.missing,
            ),
            at=now,
        )

    def _renewed(self, existing: Grant, ask: CustomConnect, found: WithClient, proof: Proof) -> Grant:
        """The grant after this verification: id, creation and what the caller did not name again stay.

        workspace_id  None: the row's own stays, where somebody may just have moved it
        """
        settings, asked = proof.settings, proof.asked
        if proof.secret is None:
            # The stored credential counts on, so what tells of it and its number stay too. That is also how the write
            # notices a credential that was put there meanwhile: it has a greater one.
            asked = existing.asked
            told = {name: existing.settings[name] for name in TELL_OF_SECRET if name in existing.settings}
            settings = {**settings, **told}
        now = self.clock()
        profile = existing.name if existing.name_given else proof.identity.name or existing.name
        # What is known of one account is not carried over to another that has the address now.
        known = (existing.subject, existing.user_id)
        if _same_account(existing, proof.identity) is False:
            known = (None, None)
        renewed = replace(
            existing,
            workspace_id=ask.workspace_id,
            connector_id=found.connector.id,
            email=proof.identity.email,
            status="valid",
            scope=proof.scope,
            settings=settings,
            updated_at=now,
            asked_at=now,
            asked=asked,
            subject=proof.identity.subject or known[0],
            user_id=proof.identity.user_id or known[1],
            name=ask.name or profile,
            state=existing.state if ask.state is None else ask.state,
            credential_id=proof.credential_id,
            token_expires_at=proof.token_expires_at,
            external_id=ask.external_id or existing.external_id,
            trouble=None,
            attention_at=None,
            refreshes=0,
            vouched=proof.vouched(hosted=ask.login_id is not None, renews=existing),
            name_given=existing.name_given or ask.name is not None,
            missing_scopes=proof.missing,
        )
        return self._scheduled(renewed, at=now)

    def _scheduled(self, grant: Grant, *, at: Micros) -> Grant:
        grant = replace(grant, proven_at=at, used_at=at)
        return replace(grant, due_at=self.schedule.next(grant, at=at))

    def _writing(self, grant: Grant, proof: Proof, event: Event) -> grants.Writing:
        live = None
        if proof.secret:
            live = self.vault.seal(to_json(dict(proof.secret)), Owner(grant.application_id, "grant", grant.id, "live"))
        bare = proof.secret is not None and not proof.secret
        return grants.Writing(grant, event, live, proof.spent, bare=bare, once=self._once(grant, proof))

    def _once(self, grant: Grant, proof: Proof) -> str | None:
        """The digest of a refresh token that may be spent by the time that it is stored."""
        provider = self.providers.tokens.get(grant.provider)
        if provider is None or not provider.single_use or not proof.secret:
            return None
        return self.digests.refresh_token(grant.application_id, grant.provider, proof.secret["refresh_token"])


def _require_scope(provider: TokenProvider, tokens: Tokens, wanted: tuple[str, ...]) -> None:
    """Raises ScopesConflict."""
    if missing := provider.missing_scope(tokens, wanted):
        raise ScopesConflict(
            f"scope: the user did not grant {', '.join(missing)}. Ask for consent again with these scopes,"
            " or leave them out of the request."
        )


def _told(identity: Identity, tokens: Tokens) -> dict[str, Any]:
    """What a grant's settings say of an address that its provider does not vouch for, and of a refresh token that ends
    by itself; nothing of others."""
    ends = {} if tokens.ends_at is None else {ENDS_AT: tokens.ends_at // SECOND}
    return ends if identity.vouched else {"email_verified": False, **ends}


def _live(tokens: Tokens, refresh_token: SecretStr) -> dict[str, Any]:
    """What is sealed of a token answer."""
    return {
        "refresh_token": refresh_token.get_secret_value(),
        "access_token": tokens.access_token.get_secret_value(),
        "access_token_scope": tokens.scope,
    }


class _Write(Protocol):
    async def __call__(self, found: WithClient, proof: Proof, /) -> Grant | None: ...


def _named(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The hosts that the caller chose. An Exchange user of another domain than the address's chose, too: Autodiscover
    asks that domain where the address's own has no answer."""
    hosts = {host for host in HOSTS if settings.get(host)}
    user = settings.get("ews_username") or ""
    if "@" in user and domain_of(user) != domain_of(settings.get("email") or user):
        hosts.add("ews_host")
    return tuple(sorted(hosts))


class _Owner(Enum):
    """What a proof is to the grant that has its mailbox's key."""

    RENEWS = "renews"
    """It is of the same account, or may speak for the address as well as the grant does."""
    OUTRANKS = "outranks"
    """The grant only claims the address, and the proof is vouched for: the key changes hands, the id does not."""


def _owner(existing: Grant, proof: Proof, *, hosted: bool) -> _Owner:
    """The one rule of whose mailbox it is, for every way in: docs/decisions/0005 has it as a table.

    hosted  a mailbox owner's browser brought the proof, and not the holder of an API key
    Raises  InvalidRequest, ReauthEmailInvalid: they name the address and tell nothing of the other account
    """
    if existing.provider in OAUTH:
        if _same_account(existing, proof.identity):
            return _Owner.RENEWS
        if not proof.identity.vouched:
            if hosted:
                raise ReauthEmailInvalid(
                    f"{proof.identity.email} is connected with another account. Sign in with that account."
                )
            raise InvalidRequest(
                f"{proof.identity.email} is connected with another {existing.provider} account, and"
                f" {outcome.NAMES[existing.provider]} does not vouch that the address is this account's. Sign in with"
                " the account that the grant has. An API caller who knows that the address changed hands sends the new"
                " credentials to PATCH /v3/grants/{grant_id}."
            )
        return _Owner.RENEWS if existing.vouched else _Owner.OUTRANKS
    if not hosted:
        return _Owner.RENEWS
    if _other_server(existing, proof, proof.named):
        raise InvalidRequest(
            "This mailbox is connected through another server. Leave the server settings empty, or ask the"
            " application's team to change the server: they can, by POST /v3/connect/custom."
        )
    if not existing.vouched and not proof.named and _other_server(existing, proof, HOSTS):
        return _Owner.OUTRANKS
    return _Owner.RENEWS


def _same_account(existing: Grant, identity: Identity) -> bool | None:
    """Whether both are one account of the provider; None where that is not known.

    By the subject. Where one of them was read without it (a Microsoft token without an id_token names no tenant), by
    the user's id: providers choose it, so that nobody can take another's. Nothing known is no agreement.
    """
    for mine, theirs in ((existing.subject, identity.subject), (existing.user_id, identity.user_id)):
        if mine is not None and theirs is not None:
            return mine.lower() == theirs.lower()
    return None


def _vouched_by_change(current: Grant, proof: Proof) -> bool:
    """A caller who moves a grant of a password to another server is trusted with it; the one it has is as good as it
    was before."""
    if current.provider in OAUTH:
        return proof.identity.vouched
    return current.vouched or _other_server(current, proof, HOSTS)


def _other_server(existing: Grant, proof: Proof, hosts: Iterable[str]) -> bool:
    """A server that a stranger names proves nothing about whose the address is: a grant does not move there.

    It is renewed by the servers that it has, and by those that the address's own domain names.
    """
    pairs = ((existing.settings.get(host), proof.settings.get(host)) for host in hosts)
    return any(there is not None and here is not None and there.lower() != here.lower() for there, here in pairs)


async def unless_taken(db: Store, steps: Steps[Grant | None]) -> Grant | None:
    """Write. None, as where the world has moved on, also when another grant took the external id meanwhile."""
    try:
        return await db.write(steps)
    except Conflict:
        return None


def _changing_too_fast() -> Overloaded:
    return Overloaded("This mailbox is being changed by many requests at once. Try again.", retry_after=1)


def _too_late(current: Grant, proof: Proof) -> bool:
    """Whether a newer credential is stored already. Who brings none contradicts nobody, and is never too late.

    When the newer one has ended meanwhile, this one is not stored either: both may descend from one consent, and then
    the newer has spent it. Nor is it success to be told of an invalid grant. Raises Overloaded: sent once more, the
    credentials are the newest.
    """
    if proof.secret is None or current.asked <= proof.asked:
        return False
    if current.status == "invalid":
        raise Overloaded(
            "Another request connected this mailbox meanwhile, and that grant has ended. Send the credentials again.",
            retry_after=1,
        )
    return True


def _some(grant: Grant | None) -> Grant:
    if grant is None:
        raise InvalidRequest("The grant was deleted while the credentials were verified.")
    return grant


def _keys(app: Application, provider: ProviderName, identity: Identity) -> tuple[str, ...]:
    """The mailbox key, then those that an earlier release may have given it."""
    if app.identity_rule == "subject" and identity.subject is not None:
        return (f"subject:{identity.subject}",)
    return mailbox_keys(provider, identity.email)


def _same_mailbox(app: Application, grant: Grant, identity: Identity) -> bool:
    if grant.mailbox_key.startswith(grants.ASIDE):
        return mailbox_key(grant.provider, identity.email) == mailbox_key(grant.provider, grant.email)
    return grant.mailbox_key in _keys(app, grant.provider, identity)


class _RotationLost(ProviderFailure):
    """The token is refused, and the answer to an earlier request with it was lost."""


_LOST = (
    "An earlier request with this refresh token was cut off after the provider may have replaced it. The mailbox owner"
    " must sign in again; then send the new refresh token."
)


class _Asking:
    """Around one conversation with a provider: counts and times it, and turns a failure into the caller's error."""

    def __init__(self, observe: Observe, provider: ProviderName, means: outcome.Means) -> None:
        self._observe, self._provider, self._means = observe, provider, means

    async def __aenter__(self) -> None:
        self._began = time.perf_counter()

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> Literal[False]:
        seconds = time.perf_counter() - self._began
        if isinstance(error, ProviderFailure):
            verdict = classify(error.evidence)
            if isinstance(error, _RotationLost):
                verdict = replace(verdict, reason=outcome.ROTATION_LOST, remedy=_LOST, retryable=False)
            self._observe(self._provider, verdict.kind, seconds)
            evidence = error.evidence
            log.warning(
                "verification_failed",
                provider=self._provider.value,
                verdict=verdict.kind.value,
                reason=verdict.reason,
                leg=evidence.leg,
                step=evidence.step,
                status=evidence.status,
                code=evidence.code,
                subcodes=list(evidence.subcodes),
            )
            raise outcome.at_connect(evidence, verdict, provider=self._provider, means=self._means) from None
        if isinstance(error, OpenGrantError):
            self._observe(self._provider, "bad_request", seconds)
        elif error is None:
            self._observe(self._provider, "accepted", seconds)
        return False
