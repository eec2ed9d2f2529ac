"""A mailbox's other addresses: asked of its provider with the stored access token, never kept."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.errors import ProviderFailure
from opengrant.grants.connect import Connect
from opengrant.model import SECOND, Application, Clock, Grant, ProviderName
from opengrant.providers import base
from opengrant.store import secrets
from opengrant.store.port import Store
from opengrant.vault import Owner, Vault

log = structlog.get_logger()

_LIFE_LEFT = 60 * SECOND
"""A token that ends sooner is not sent out any more."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """Built once, in app.py."""

    db: Store
    vault: Vault
    connect: Connect
    providers: Mapping[ProviderName, object]
    clock: Clock

    async def of(self, app: Application, grant: Grant) -> tuple[str, ...]:
        """Empty when there are none, the provider has no such thing, or it cannot be asked just now."""
        provider = self.providers.get(grant.provider)
        if not isinstance(provider, base.Aliases) or grant.status == "invalid":
            return ()
        try:
            token = await self._access_token(app, grant)
            return () if token is None else await provider.aliases(token)
        except ProviderFailure as failure:
            log.info(
                "aliases_unavailable", grant_id=grant.id, status=failure.evidence.status, code=failure.evidence.code
            )
            return ()

    async def _access_token(self, app: Application, grant: Grant) -> SecretStr | None:
        if (grant.token_expires_at or 0) - _LIFE_LEFT <= self.clock():
            return await self.connect.refreshed(app, grant)
        sealed = await self.db.read(secrets.find(app.id, "grant", grant.id, "live"))
        if sealed is None:
            return None
        held = from_json(self.vault.open(sealed, Owner(app.id, "grant", grant.id, "live")))
        return SecretStr(held["access_token"])
