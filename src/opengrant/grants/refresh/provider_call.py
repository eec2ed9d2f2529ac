"""The call that spends a stored credential: a refresh, a login with the password, or a token of the organisation."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import SecretStr

from opengrant.connectors.connectors import Connectors
from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.refresh.judgement import Failure
from opengrant.grants.refresh.state import States, means_of
from opengrant.model import Grant, Micros
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.classify import of_a_proven_credential
from opengrant.providers.verdict import Kind, Verdict
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import State
from opengrant.vault.digests import Digests

CALLS = 3
"""A refresh makes at most two calls. Proving a mailbox of an organisation makes more, within the time of three."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider gave. secret: the live secret from now on; None: the stored one still works.

    spent   digest of the single-use token that it was given for
    walked  digests of the tokens before it, which verifications have spent
    """

    secret: Mapping[str, Any] | None = field(repr=False)
    token_expires_at: Micros | None = None
    spent: str | None = None
    walked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCall:
    """Built once, in assembly/refresh.py. timeout: seconds that one call of an HTTP provider may take."""

    states: States
    rotated_tokens: RotatedTokens
    digests: Digests
    connectors: Connectors
    providers: Providers
    timeout: float

    def failure(self, state: State, lease: Lease, evidence: Evidence, verdict: Verdict) -> Failure:
        """A failed call, with what must be known of the credential to judge it."""
        means = self.states.means(state)
        perishable = means == "token" and having(self.providers.tokens, state.grant.provider).single_use
        return Failure(evidence=evidence, verdict=verdict, means=means, perishable=perishable, attempts=lease.attempts)

    async def spend(self, state: State) -> Answer:
        """Spend the stored credential. Raises ProviderFailure, InvalidRequest, Overloaded, StoreUnavailable."""
        grant, found = state.grant, state.found
        if found is None or state.live is None:
            raise InvalidRequest(f"The {grant.provider} connector of this grant is gone.")
        held = self.states.open(state)
        match means_of(held, found.credential_type):
            case "password":
                settings = {key: SecretStr(value) if key.endswith("password") else value for key, value in held.items()}
                await having(self.providers.passwords, grant.provider).verify({**grant.settings, **settings})
                return Answer(None)
            case "bulk":
                tenant = cast(str | None, grant.settings.get("tenant"))
                credential = await self.connectors.organisation(found, tenant=tenant)
                email = cast(str, grant.settings["email_address"])
                scope = tuple(held.get("scope", grant.scope))
                try:
                    async with asyncio.timeout(self.timeout * CALLS):
                        minted = await having(self.providers.mints, grant.provider).mint(credential, email, scope)
                except TimeoutError:
                    raise ProviderFailure(Evidence(f"{grant.provider}-bulk", "api", "http", code="timeout")) from None
                secret = {**held, "access_token": minted.access_token.get_secret_value()}
                return Answer(secret, minted.expires_at)
            case _:
                return await self._refresh(state, held)

    async def _refresh(self, state: State, held: Mapping[str, Any]) -> Answer:
        """Try the stored refresh token; if it is refused, the one a verification turned it into, or the one before."""
        assert state.found is not None
        grant = state.grant
        provider = having(self.providers.tokens, grant.provider)
        client = self.connectors.client(state.found)
        token, before = held["refresh_token"], held.get("previous_refresh_token")
        walked = tuple[str, ...]()
        try:
            tokens = await provider.refresh(client, SecretStr(token))
        except ProviderFailure as failure:
            if of_a_proven_credential(failure.evidence).kind is not Kind.RECONNECT:
                raise
            other = None
            if provider.single_use:
                other, walked = await self._spent_elsewhere(grant, token)
            if (other := other or before) is None:
                raise
            try:
                tokens, token = await provider.refresh(client, SecretStr(other)), other
            except ProviderFailure:
                raise failure from None
        secret = {key: value for key, value in held.items() if key != "previous_refresh_token"}
        secret |= {"refresh_token": token, "access_token": tokens.access_token.get_secret_value()}
        if tokens.scope is not None:
            secret["access_token_scope"] = tokens.scope
        spent = None
        if tokens.refresh_token is not None and (new := tokens.refresh_token.get_secret_value()) != token:
            secret |= {"refresh_token": new, "previous_refresh_token": token}
            if provider.single_use:
                spent = self.digests.refresh_token(grant.application_id, grant.provider, token)
        return Answer(secret, tokens.expires_at, spent, walked)

    async def _spent_elsewhere(self, grant: Grant, token: str) -> tuple[str | None, tuple[str, ...]]:
        """The token that an unfinished verification got for this one, and the digests of those before it."""
        newest = await self.rotated_tokens.newest(grant.application_id, grant.provider, SecretStr(token))
        other = newest.token.get_secret_value()
        return None if other == token else other, newest.spent
