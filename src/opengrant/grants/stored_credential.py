"""What a grant's sealed credential says, for changes and deletions."""

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.model import WITH_PASSWORD, Application, Grant, ProviderName, Sealed, Tokens
from opengrant.providers.capabilities import Providers, having
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.vault import Owner, Unsealable, Vault


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

    async def missing(self, grant: Grant, scope: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these scopes were not granted, as the provider said when it was last asked."""
        sealed = await self.db.read(secrets.find(grant.application_id, "grant", grant.id, "live"))
        if sealed is None:
            return ()
        held = from_json(self.vault.open(sealed, Owner(grant.application_id, "grant", grant.id, "live")))
        granted = held.get("access_token_scope")
        if granted is None:
            return ()
        provider = having(self.providers.tokens, grant.provider)
        return provider.missing_scope(Tokens(SecretStr(""), None, 0, tuple(granted)), scope)

    def forget_rotated(self, gone: Grant, live: Sealed) -> Steps[None]:
        """Destroy tokens of verifications that spent the grant's token and could not finish."""
        try:
            held = from_json(self.vault.open(live, Owner(gone.application_id, "grant", gone.id, "live")))
        except Unsealable:
            return
        for name in ("refresh_token", "previous_refresh_token"):
            if name in held:
                yield from self.rotated.forget(gone.application_id, gone.provider, SecretStr(held[name]))
