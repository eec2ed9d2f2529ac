"""Refresh tokens in, a proof out: each token is spent once at a time, on any number of nodes.

Some providers accept a refresh token once. A lease keeps other nodes from spending it meanwhile, and the rotated
token is committed before anything else happens (docs/decisions/0006).
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from pydantic import SecretStr

from opengrant import failpoints
from opengrant.connectors.connectors import Connectors
from opengrant.errors import Overloaded, ProviderFailure, StoreUnavailable
from opengrant.events.activity import Observe
from opengrant.grants.connect.proof import Proof
from opengrant.grants.connect.provider_call import RotationLost, VerificationCall
from opengrant.grants.connect.rotated_tokens import Newest, RotatedTokens, replay
from opengrant.model import (
    ENDS_AT,
    SECOND,
    Application,
    ClientApp,
    Clock,
    CustomConnect,
    Grant,
    Identity,
    OAuthSecret,
    Tokens,
)
from opengrant.model.basics import ShownSettings
from opengrant.model.logins import OAuthLogin
from opengrant.net.deadline import GRACE
from opengrant.providers.base import TokenProvider
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.classify import classify
from opengrant.providers.verdict import Kind
from opengrant.store.connectors import connectors as connector_rows
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.port import Store
from opengrant.store.grants import leases
from opengrant.store.grants.leases import Lease

log = structlog.get_logger()

_CALLS = 3
"""Requests of one exchange at most: spend the token, spend its successor, read the account."""
_WRITE_MARGIN = 10.0
"""Seconds that a lease lasts longer than the provider may take."""
_LOOK_AGAIN = 0.1
"""Seconds between the attempts to take a lease."""


class StoreProof(Protocol):
    """Stores what was proven; None when there is nothing to return."""

    async def __call__(self, found: WithClient, proof: Proof, /) -> Grant | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchange:
    """One request to connect with a refresh token.

    given  the token that the request sent
    spent  its digest
    """

    app: Application
    ask: CustomConnect
    found: WithClient
    provider: TokenProvider
    given: SecretStr
    spent: str
    write: StoreProof


@dataclass(slots=True)
class _Flight:
    ask: CustomConnect
    renews: str | None
    task: "asyncio.Task[Grant | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTokenExchange:
    """Spends refresh tokens; built once, in assembly/.

    timeout  seconds that one call of a provider may take
    """

    db: Store
    rotated: RotatedTokens
    connectors: Connectors
    providers: Providers
    clock: Clock
    observe: Observe
    timeout: float
    _flights: dict[str, _Flight] = field(default_factory=dict)
    """By the digest of the token."""

    async def run(
        self,
        app: Application,
        ask: CustomConnect,
        login: OAuthLogin,
        found: WithClient,
        write: StoreProof,
        *,
        renews: str | None,
    ) -> Grant | None:
        """Run one exchange per refresh token at a time: equal requests share it, others wait for it.

        It runs in a task of its own, so that neither a client that hangs up nor a shutdown can stop it between the
        provider's answer and the write.
        """
        provider = having(self.providers.tokens, ask.provider)
        token = login.refresh_token
        spent = self.rotated.digest(app.id, ask.provider, token)
        waited = False
        while (flight := self._flights.get(spent)) is not None:
            if (flight.ask, flight.renews) == (ask, renews):
                return await asyncio.shield(flight.task)
            waited = True
            await asyncio.wait([flight.task])
        wanted = _Exchange(app=app, ask=ask, found=found, provider=provider, given=token, spent=spent, write=write)
        task = asyncio.create_task(self._fly(wanted, waited=waited))
        self._flights[spent] = _Flight(ask, renews, task)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Wait for exchanges whose tokens would otherwise be lost; each has its own deadline."""
        while tasks := [flight.task for flight in self._flights.values()]:
            await asyncio.wait(tasks)

    async def _fly(self, wanted: _Exchange, *, waited: bool) -> Grant | None:
        found, held = wanted.found, list[Lease]()
        try:
            newest = None
            if wanted.provider.single_use:
                newest, behind = await self._hold(wanted, held)
                waited = waited or behind
            # A request that has waited takes a new number: others may have begun, and ended, since its look-up.
            asked = await self.db.write_soon(connector_rows.next_number(self.db.dialect)) if waited else found.asked
            return await wanted.write(found, await self._exchange(wanted, held, newest, asked=asked))
        finally:
            del self._flights[wanted.spent]
            await self._give_back(held)

    async def _hold(self, wanted: _Exchange, held: list[Lease]) -> tuple[Newest | None, bool]:
        """Take the leases under which a single-use token is spent.

        Returns what it has become by now, None if that must be asked for again; and whether another request may have
        spent it since the look-up.
        """
        app = wanted.app
        first, waited = await self._lease(app, f"{leases.SPENT}{wanted.spent}")
        held.append(first)
        if first.attempts > 1:
            await replay(self.db, self.rotated.spool)  # the rotated token of the last owner may lie there
        newest = await self._newest(wanted)
        behind = waited or first.attempts > 1 or bool(newest.spent)
        if newest.grant_id is None:
            return newest, behind
        # The grant's own refresh must not spend it now, nor find it dead before its successor is stored.
        second, _ = await self._lease(app, newest.grant_id)
        held.append(second)
        return None, behind  # that refresh may have spent it before this lease

    async def _exchange(self, wanted: _Exchange, held: list[Lease], newest: Newest | None, *, asked: int) -> Proof:
        """held: the leases under which the token is spent; leases that wait in the spool are removed from it.

        newest  what the token has become; None: not known
        asked   the number of the verification
        """
        app, ask, provider = wanted.app, wanted.ask, wanted.provider
        client = self.connectors.client(wanted.found)
        async with VerificationCall(self.observe, ask.provider, "token"):
            tokens, spent_token, walked = await self._spend(wanted, client, held, newest)
            refresh_token = spent_token
            failpoints.point("connect.answered")
            spent = wanted.spent
            if spent_token != wanted.given:
                spent = self.rotated.digest(app.id, ask.provider, spent_token)
            if tokens.refresh_token is not None and tokens.refresh_token != spent_token:
                refresh_token = tokens.refresh_token
                try:
                    await self.rotated.keep(app, ask.provider, spent, refresh_token, held)
                except StoreUnavailable:
                    held.clear()
                    raise
                walked = (*walked, spent)
                failpoints.point("connect.kept")
            identity = await provider.identify(client, tokens)
        wanted_scope = client.scope if ask.scope is None else ask.scope
        return Proof(
            identity,
            provider.granted_scope(tokens) or wanted_scope,
            shown_of(identity, tokens),
            sealed_of(tokens, refresh_token),
            wanted.found.credential_id,
            tokens.expires_at,
            asked=asked,
            spent=walked,
            missing=provider.missing_scope(tokens, wanted_scope),
        )

    async def _spend(
        self, wanted: _Exchange, client: ClientApp, held: list[Lease], newest: Newest | None
    ) -> tuple[Tokens, SecretStr, tuple[str, ...]]:
        """The provider's answer, the token that it was given for, and the digests of the tokens before that."""
        refresh_token, _, walked = newest or await self._newest(wanted)
        try:
            return await wanted.provider.refresh(client, refresh_token), refresh_token, walked
        except ProviderFailure as failure:
            # The grant that holds its successor may have been refreshed at this moment.
            other, _, walked = await self._newest(wanted)
            if other == refresh_token or classify(failure.evidence).kind is not Kind.RECONNECT:
                await self._leave_in_question(failure, held)
                raise
            return await wanted.provider.refresh(client, other), other, walked

    async def _leave_in_question(self, failure: ProviderFailure, held: list[Lease]) -> None:
        """Mark the leases of a token whose successor may be lost, for later requests. Raises RotationLost."""
        kind = classify(failure.evidence).kind
        lost_now = failure.evidence.sent and kind in (Kind.PROVIDER_DOWN, Kind.UNKNOWN)
        lost_before = any(lease.attempts > 1 for lease in held)
        for lease in [lease for lease in held if lost_now or lease.attempts > 1]:
            await self.db.write(leases.leave_lost(lease, at=self.clock()))
            held.remove(lease)
        if lost_before and kind is Kind.RECONNECT:
            raise RotationLost(failure.evidence) from None

    async def _newest(self, wanted: _Exchange) -> Newest:
        """What the given token has become by now, and the grant that holds or held it."""
        if not wanted.provider.rotates:
            return Newest(wanted.given, None, ())
        return await self.rotated.newest(wanted.app.id, wanted.ask.provider, wanted.given)

    async def _lease(self, app: Application, subject: str) -> tuple[Lease, bool]:
        """While the lease lasts, no other node spends this token: its first use kills it.

        Returns also whether another owner had it before. Raises Overloaded.
        """
        owner = str(uuid.uuid4())
        # Longer than the spending may take; other requests wait as long.
        lasts = _CALLS * (self.timeout + GRACE) + _WRITE_MARGIN
        patience = asyncio.get_running_loop().time() + lasts
        waited = False
        while True:
            at = self.clock()
            until = at + int(lasts * SECOND)
            lease = await self.db.write(leases.take(app.id, subject, owner, at=at, until=until))
            if lease is not None:
                return lease, waited
            waited = True
            if asyncio.get_running_loop().time() > patience:
                raise Overloaded("Another request with this refresh token takes long. Try again.", retry_after=2)
            await asyncio.sleep(_LOOK_AGAIN)

    async def _give_back(self, held: Sequence[Lease]) -> None:
        """A failure is logged only: the result is stored, and leases also run out."""
        for lease in held:
            try:
                await self.db.write(leases.give_back(lease))
            except StoreUnavailable as problem:
                log.warning("lease_left", problem=str(problem))


def shown_of(identity: Identity, tokens: Tokens) -> ShownSettings:
    """What a grant's settings say of a token answer: that the provider does not vouch for the address, and when a
    refresh token ends by itself. Empty for others."""
    ends = {} if tokens.ends_at is None else {ENDS_AT: tokens.ends_at // SECOND}
    return ends if identity.vouched else {"email_verified": False, **ends}


def sealed_of(tokens: Tokens, refresh_token: SecretStr) -> OAuthSecret:
    """What is sealed of a token answer."""
    return OAuthSecret(refresh_token=refresh_token, access_token=tokens.access_token, access_token_scope=tokens.scope)
