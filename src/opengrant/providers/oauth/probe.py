"""Proves a client with a made-up refresh token.

Source  RFC 6749 section 6: a token endpoint authenticates the client, then looks at the token. A client whose token is
refused has been accepted.
"""

import secrets
from abc import ABC, abstractmethod

from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp, Tokens
from opengrant.providers.base import Refreshes
from opengrant.providers.verdict import Judge, Kind


async def have_token_refused(provider: Refreshes, client: ClientApp, judge: Judge) -> None:
    """Raises ProviderFailure when anything but the token was refused, or no answer came."""
    made_up = SecretStr(f"opengrant-connector-test-{secrets.token_urlsafe(24)}")
    try:
        await provider.refresh(client, made_up)
    except ProviderFailure as failure:
        if judge(failure.evidence).kind is not Kind.RECONNECT:
            raise


class ProvenByRefusal(ABC):
    """The connector check of a provider with one token endpoint, which looks at the client before the token."""

    def __init__(self, token_url: str, judge: Judge) -> None:
        self._token_url = token_url
        self._judge = judge

    @abstractmethod
    async def refresh(self, client: ClientApp, refresh_token: SecretStr) -> Tokens:
        """Spend the refresh token once; no retry. Raises ProviderFailure."""

    def token_endpoint(self, client: ClientApp) -> str:
        """The URL that `prove_client` asks."""
        return self._token_url

    async def prove_client(self, client: ClientApp) -> str | None:
        """By a made-up refresh token. Raises ProviderFailure."""
        await have_token_refused(self, client, self._judge)
        return None
