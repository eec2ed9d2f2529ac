"""The call that spends a stored credential: a refresh, a login with the password, or a token of the organisation."""

import asyncio
from dataclasses import dataclass, field, replace

from pydantic import SecretStr

from opengrant.connectors.connectors import Connectors
from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.refresh.judgement import Failure
from opengrant.grants.refresh.state import States
from opengrant.model import Grant, Micros, OAuthSecret, OrganisationSecret
from opengrant.model.basics import record
from opengrant.model.logins import again
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.classify import of_a_proven_credential
from opengrant.providers.verdict import Kind, Verdict
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import State
from opengrant.vault.digests import Digests

CALLS = 3
"""A refresh makes at most two calls. Proving a mailbox of an organisation makes more, within the time of three."""


@record
class Answer:
    """What a provider gave. secret: the live secret from now on; None: the stored one still works.

    spent   digest of the single-use token that it was given for
    walked  digests of the tokens before it, which verifications have spent
    """

    secret: OAuthSecret | OrganisationSecret | None = field(repr=False)
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
        match self.states.open(state):
            case OAuthSecret() as secret:
                return await self._refresh(grant, found, secret)
            case OrganisationSecret() as secret:
                return await self._mint(grant, found, secret)
            case secret:
                await self.providers.passwords.verify(again(grant.settings, secret))
                return Answer(None)

    async def _mint(self, grant: Grant, found: WithClient, secret: OrganisationSecret) -> Answer:
        """Another token from the credential of the organisation."""
        credential = await self.connectors.organisation(found, tenant=grant.tenant)
        email = grant.organisation_address or grant.email
        scope = grant.scope if secret.scope is None else secret.scope
        try:
            async with asyncio.timeout(self.timeout * CALLS):
                minted = await self.providers.mint(grant.provider, credential, email, scope)
        except TimeoutError:
            raise ProviderFailure(Evidence(f"{grant.provider}-bulk", "api", "http", code="timeout")) from None
        return Answer(replace(secret, access_token=minted.access_token), minted.expires_at)

    async def _refresh(self, grant: Grant, found: WithClient, secret: OAuthSecret) -> Answer:
        """Try the stored refresh token; if it is refused, the one a verification turned it into, or the one before."""
        provider = having(self.providers.tokens, grant.provider)
        client = self.connectors.client(found)
        token, walked = secret.refresh_token, tuple[str, ...]()
        try:
            tokens = await provider.refresh(client, token)
        except ProviderFailure as failure:
            if of_a_proven_credential(failure.evidence).kind is not Kind.RECONNECT:
                raise
            other = None
            if provider.single_use:
                other, walked = await self._spent_elsewhere(grant, token)
            if (other := other or secret.previous_refresh_token) is None:
                raise
            try:
                tokens, token = await provider.refresh(client, other), other
            except ProviderFailure:
                raise failure from None
        newest = token if tokens.refresh_token is None else tokens.refresh_token
        rotated = newest != token
        spent = None
        if rotated and provider.single_use:
            spent = self.digests.refresh_token(grant.application_id, grant.provider, token.get_secret_value())
        renewed = OAuthSecret(
            refresh_token=newest,
            access_token=tokens.access_token,
            access_token_scope=secret.access_token_scope if tokens.scope is None else tokens.scope,
            previous_refresh_token=token if rotated else None,
        )
        return Answer(renewed, tokens.expires_at, spent, walked)

    async def _spent_elsewhere(self, grant: Grant, token: SecretStr) -> tuple[SecretStr | None, tuple[str, ...]]:
        """The token that an unfinished verification got for this one, and the digests of those before it."""
        newest = await self.rotated_tokens.newest(grant.application_id, grant.provider, token)
        return None if newest.token == token else newest.token, newest.spent
