"""What is read before a provider is asked: a grant, its sealed secret, its client and its source's circuit breaker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic_core import from_json, to_json

from opengrant.errors import GrantNotFound
from opengrant.model import Grant, Sealed
from opengrant.store.engine.port import Store
from opengrant.store.grants import refreshing
from opengrant.store.grants.refreshing import State
from opengrant.vault import Owner, Unsealable, Vault

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

    def open(self, state: State) -> dict[str, Any]:
        """Raises Unsealable. The state must have a secret."""
        assert state.live is not None
        return cast(dict[str, Any], from_json(self.vault.open(state.live, _owner(state.grant))))

    def seal(self, grant: Grant, secret: Mapping[str, Any]) -> Sealed:
        return self.vault.seal(to_json(dict(secret)), _owner(grant))

    def means(self, state: State) -> Means:
        """A secret that does not open counts as empty: that is a trouble of the grant, not an error here."""
        try:
            held = {} if state.live is None else self.open(state)
        except Unsealable:
            held = {}
        return means_of(held, None if state.found is None else state.found.credential_type)


def means_of(held: Mapping[str, Any], credential_type: str | None) -> Means:
    if "refresh_token" in held:
        return "token"
    return "bulk" if credential_type in ("serviceaccount", "adminconsent") else "password"


def _owner(grant: Grant) -> Owner:
    return Owner(grant.application_id, "grant", grant.id, "live")
