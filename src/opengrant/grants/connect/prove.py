"""Asking a provider for a proof: by a password, by the code of a consent page, by an organisation's credential."""

from dataclasses import dataclass, replace

from pydantic import SecretStr

from opengrant.connectors.connectors import Connectors
from opengrant.errors import InvalidRequest, ProviderFailure, ScopesConflict
from opengrant.events.activity import Observe
from opengrant.grants import refusals as outcome
from opengrant.grants.connect.exchange import sealed_of, shown_of
from opengrant.grants.connect.proof import Proof
from opengrant.grants.connect.provider_call import VerificationCall
from opengrant.model import CustomConnect, OrganisationSecret, Tokens
from opengrant.model.logins import EwsLogin, ImapLogin, OrganisationLogin, PasswordLogin
from opengrant.net.guard import domain_of
from opengrant.providers.base import TokenProvider
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.classify import classify
from opengrant.providers.registry import FACTS
from opengrant.store.connectors.connectors import WithClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Prove:
    """Verifies what needs no lease; built once, in assembly/. `found` is the connector to ask with."""

    connectors: Connectors
    providers: Providers
    observe: Observe

    async def by_password(self, ask: CustomConnect, login: PasswordLogin, found: WithClient) -> Proof:
        """Log in with a password, or accept settings that need none."""
        async with VerificationCall(self.observe, ask.provider, "password"):
            verified = await self.providers.passwords.verify(login)
        scope = found.connector.scope if ask.scope is None else ask.scope
        named = _named_hosts(login)
        return Proof(verified.identity, scope, verified.settings, verified.secret, named=named, asked=found.asked)

    async def servers(self, login: PasswordLogin, *, search: bool) -> tuple[str, ...]:
        """Where a password would go, found without it: see NamesServers. Raises what connect/custom raises."""
        try:
            return await self.providers.passwords.servers(login, search=search)
        except ProviderFailure as failure:
            evidence = failure.evidence
            raise outcome.at_connect(evidence, classify(evidence), provider=login.provider, means="password") from None

    async def by_code(
        self, ask: CustomConnect, found: WithClient, code: SecretStr, *, redirect_uri: str, verifier: SecretStr
    ) -> Proof:
        """Spend the code that a user brought from the provider's consent page.

        Raises InvalidRequest when the provider gave no refresh token, ScopesConflict when a scope is missing.
        """
        client, provider = self.connectors.client(found), having(self.providers.codes, ask.provider)
        async with VerificationCall(self.observe, ask.provider, "token"):
            tokens = await provider.exchange(client, code, redirect_uri=redirect_uri, verifier=verifier)
            if tokens.refresh_token is None:
                raise InvalidRequest(
                    f"{outcome.NAMES[ask.provider]} gave no refresh token, without which the connection would end"
                    " within the hour. Remove the app's access in the account's settings, then sign in again."
                )
            identity = await provider.identify(client, tokens)
            wanted = found.connector.scope if ask.scope is None else ask.scope
            _require_scope(provider, tokens, wanted)
        return Proof(
            identity,
            provider.granted_scope(tokens) or wanted,
            shown_of(identity, tokens),
            sealed_of(tokens, tokens.refresh_token),
            found.credential_id,
            tokens.expires_at,
            asked=found.asked,
        )

    async def by_organisation(self, ask: CustomConnect, login: OrganisationLogin, found: WithClient) -> Proof:
        """Mint a token for one mailbox of the organisation."""
        email, tenant = login.email_address, login.tenant
        credential = await self.connectors.organisation(found, tenant=tenant)
        default = () if FACTS[ask.provider].tenant_scope else found.connector.scope
        scope = default if ask.scope is None else ask.scope
        async with VerificationCall(self.observe, ask.provider, "bulk"):
            minted = await self.providers.mint(ask.provider, credential, email, scope)
        return Proof(
            # A credential that names its tenant vouches for the tenant's directory; a tenant in a request is a claim.
            replace(minted.identity, email=email, vouched=minted.identity.vouched or tenant is None),
            minted.scope,
            {"email_address": email, **({} if tenant is None else {"tenant": tenant})},
            OrganisationSecret(access_token=minted.access_token, scope=scope),
            credential_id=found.credential_id,
            token_expires_at=minted.expires_at,
            asked=found.asked,
        )


def _require_scope(provider: TokenProvider, tokens: Tokens, wanted: tuple[str, ...]) -> None:
    """Raises ScopesConflict."""
    if missing := provider.missing_scope(tokens, wanted):
        raise ScopesConflict(
            f"scope: the user did not grant {', '.join(missing)}. Ask for consent again with these scopes,"
            " or leave them out of the request."
        )


def _named_hosts(login: PasswordLogin) -> tuple[str, ...]:
    """The hosts that the caller chose, by the names of their settings.

    An Exchange user of another domain than the address's is such a choice, too: Autodiscover asks that domain where
    the address's own has no answer.
    """
    match login:
        case ImapLogin():
            named = (("imap_host", login.imap_host), ("smtp_host", login.smtp_host))
            return tuple(name for name, host in named if host)
        case EwsLogin():
            user = login.ews_username
            elsewhere = "@" in user and domain_of(user) != domain_of(login.email or user)
            return ("ews_host",) if login.ews_host or elsewhere else ()
        case _:
            return ()
