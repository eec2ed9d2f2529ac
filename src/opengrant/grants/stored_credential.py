"""What a grant's sealed credential says, for changes and deletions."""

from dataclasses import dataclass

from pydantic import SecretStr

from opengrant.grants import live_secrets
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.model import Application, Grant, Sealed, Tokens
from opengrant.model.logins import AgentAccountLogin, MailboxLogin, OrganisationLogin, to_change
from opengrant.model.secrets import OAuthSecret, PasswordSecret, SecretUnreadable
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.registry import FACTS, WITH_PASSWORD
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.vault import Unsealable, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredentials:
    """Opens the credentials of grants; built once, in assembly/."""

    db: Store
    vault: Vault
    rotated: RotatedTokens
    providers: Providers

    async def login_of(self, app: Application, grant: Grant) -> MailboxLogin | None:
        """What a grant was proven with, for a change that names only what is new. None where a part cannot be sent
        alone. Raises Unsealable, SecretUnreadable."""
        if FACTS[grant.provider].own_domain:
            return AgentAccountLogin(email=grant.email)
        if (address := grant.organisation_address) is not None:
            return OrganisationLogin(
                provider=grant.provider,
                email_address=address,
                credential_id=grant.credential_id,
                tenant=grant.tenant,
            )
        if grant.provider not in WITH_PASSWORD:
            return None
        sealed = await self.db.read(secrets.find(app.id, "grant", grant.id, "live"))
        secret = None if sealed is None else live_secrets.unseal(self.vault, grant, sealed)
        return to_change(grant.settings, secret) if isinstance(secret, PasswordSecret) else None

    async def missing(self, grant: Grant, scope: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these scopes were not granted, as the provider said when it was last asked."""
        sealed = await self.db.read(secrets.find(grant.application_id, "grant", grant.id, "live"))
        if sealed is None:
            return ()
        secret = live_secrets.unseal(self.vault, grant, sealed)
        if not isinstance(secret, OAuthSecret) or secret.access_token_scope is None:
            return ()
        provider = having(self.providers.tokens, grant.provider)
        return provider.missing_scope(Tokens(SecretStr(""), None, 0, secret.access_token_scope), scope)

    def forget_rotated(self, gone: Grant, live: Sealed) -> Steps[None]:
        """Destroy tokens of verifications that spent the grant's token and could not finish."""
        try:
            secret = live_secrets.unseal(self.vault, gone, live)
        except (Unsealable, SecretUnreadable):
            return
        for token in live_secrets.refresh_tokens(secret):
            yield from self.rotated.forget(gone.application_id, gone.provider, token)
