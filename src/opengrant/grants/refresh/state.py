"""What is read before a provider is asked: a grant, its sealed secret, its client and its source's circuit breaker."""

from dataclasses import dataclass
from typing import Literal

from opengrant.errors import GrantNotFound
from opengrant.grants import live_secrets
from opengrant.model import Grant, GrantSecret, OAuthSecret, Sealed, SecretUnreadable
from opengrant.store.engine.port import Store
from opengrant.store.grants import refreshing
from opengrant.store.grants.refreshing import State
from opengrant.vault import Unsealable, Vault

Means = Literal["token", "password", "bulk"]
"""By what a provider is asked: a refresh token, a password, a credential of the organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Reads states, opens and seals their secrets. Built once, in assembly/refresh.py."""

    db: Store
    vault: Vault

    async def get(self, application_id: str, grant_id: str) -> State:
        """Raises GrantNotFound."""
        state = await self.db.read(refreshing.state(application_id, grant_id))
        if state is None:
            raise GrantNotFound("Grant not found")
        return state

    def open(self, state: State) -> GrantSecret:
        """Raises Unsealable, SecretUnreadable. The state must have a secret."""
        assert state.live is not None
        return live_secrets.unseal(self.vault, state.grant, state.live)

    def open_sealed(self, application_id: str, grant_id: str, sealed: Sealed) -> GrantSecret:
        """As `open`."""
        return live_secrets.unseal_of(self.vault, application_id, grant_id, sealed)

    def seal(self, grant: Grant, secret: GrantSecret) -> Sealed:
        return live_secrets.seal(self.vault, grant, secret)

    def means(self, state: State) -> Means:
        """A secret that does not open counts as none: that is a trouble of the grant, not an error here."""
        try:
            secret = None if state.live is None else self.open(state)
        except (Unsealable, SecretUnreadable):
            secret = None
        if isinstance(secret, OAuthSecret):
            return "token"
        type_ = None if state.found is None else state.found.credential_type
        return "bulk" if type_ in ("serviceaccount", "adminconsent") else "password"
