"""What a grant's sealed credential says, for changes and deletions."""

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from opengrant.grants import live_secrets
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.model import Application, Grant, Sealed, Tokens
from opengrant.model.secrets import EwsSecret, ICloudSecret, ImapSecret, OAuthSecret, SecretUnreadable
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

    async def settings_of(self, app: Application, grant: Grant) -> dict[str, Any]:
        """What a grant was proven with, as settings of the wire with passwords in them.

        For a change that names only what is new. {} where a part cannot be sent alone.
        """
        if "email_address" in grant.settings:
            tenant = {"tenant": grant.settings["tenant"]} if "tenant" in grant.settings else {}
            return {"email_address": grant.settings["email_address"], "credential_id": grant.credential_id, **tenant}
        if FACTS[grant.provider].own_domain:
            return {"email": grant.settings["email"]}
        if grant.provider not in WITH_PASSWORD:
            return {}
        sealed = await self.db.read(secrets.find(app.id, "grant", grant.id, "live"))
        held = dict(grant.settings)
        match None if sealed is None else live_secrets.unseal(self.vault, grant, sealed):
            case ImapSecret() as secret:
                held["imap_password"] = secret.imap_password
                # One password may serve both, and then so does a new one.
                if secret.smtp_password not in (None, secret.imap_password):
                    held["smtp_password"] = secret.smtp_password
            case ICloudSecret() as secret:
                held["password"] = secret.password
            case EwsSecret() as secret:
                held["ews_password"] = secret.ews_password
                if secret.ews_url is not None:
                    held["ews_host"] = secret.ews_url
        return held

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
