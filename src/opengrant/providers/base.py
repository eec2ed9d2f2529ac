"""What a provider can do, as one-method protocols. It has a capability by having the method."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from pydantic import SecretStr

from opengrant.model import ClientApp, Identity, Tokens, Verified


@runtime_checkable
class Refreshes(Protocol):
    """Turns a refresh token into live tokens."""

    async def refresh(self, client: ClientApp, refresh_token: SecretStr) -> Tokens:
        """Spend the refresh token once; no retry. Raises ProviderFailure."""


@runtime_checkable
class Identifies(Protocol):
    """Says whose tokens these are, and what they may do."""

    async def identify(self, client: ClientApp, tokens: Tokens) -> Identity:
        """id_token first, then userinfo or /me. Raises ProviderFailure."""


@runtime_checkable
class Verifies(Protocol):
    """Proves a password-like credential, or knows that none is needed."""

    async def verify(self, settings: Mapping[str, Any]) -> Verified:
        """`settings` are the wire's keys, with SecretStr for passwords. Raises ProviderFailure, InvalidRequest."""
