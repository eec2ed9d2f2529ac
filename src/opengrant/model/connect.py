"""A request to connect a mailbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opengrant.model.basics import ProviderName


@dataclass(frozen=True, slots=True)
class CustomConnect:
    """A request to turn credentials into a grant.

    settings  the provider's own keys as on the wire, checked; SecretStr where secret, ports as int
    scope     what the caller named; None means the connector's default
    login_id  the hosted sign-in that it comes from
    """

    provider: ProviderName
    settings: Mapping[str, Any]
    scope: tuple[str, ...] | None = None
    state: str | None = None
    name: str | None = None
    credential_id: str | None = None
    workspace_id: str | None = None
    external_id: str | None = None
    login_id: str | None = None

    @property
    def bulk(self) -> bool:
        """The mailbox is proven by a credential of its organisation, not by one of its own."""
        return "email_address" in self.settings
