"""A mailbox's other addresses: read from its provider with the stored access token, never stored."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from opengrant.errors import OpenGrantError, ProviderFailure
from opengrant.grants.refresh.live_token import LiveTokens
from opengrant.model import Application, Grant, ProviderName
from opengrant.providers.base import ListsAliases

log = structlog.get_logger()

_LASTS = 60
"""Seconds that the access token must still be valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliases:
    """Lists aliases; built once, in assembly/."""

    tokens: LiveTokens
    providers: Mapping[ProviderName, ListsAliases]

    async def of(self, app: Application, grant: Grant) -> tuple[str, ...]:
        """Empty when there are none, the provider knows no aliases, or it does not answer now."""
        provider = self.providers.get(grant.provider)
        if provider is None or grant.status == "invalid":
            return ()
        try:
            live = await self.tokens.live(app, grant.id, minimum_ttl=_LASTS)
            return await provider.aliases(live.access_token)
        except ProviderFailure as failure:
            log.info(
                "aliases_unavailable", grant_id=grant.id, status=failure.evidence.status, code=failure.evidence.code
            )
        except OpenGrantError as problem:
            log.info("aliases_unavailable", grant_id=grant.id, problem=problem.type)
        return ()
