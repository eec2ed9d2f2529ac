"""What a spent refresh token has become: docs/decisions/0006-rotations.md."""

from dataclasses import dataclass

from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.grants.digests import Digests
from opengrant.model import ProviderName
from opengrant.store import rotations
from opengrant.store.port import Store
from opengrant.vault import Owner, Vault

_LONGEST = 500
"""Links of a chain. One is added by each verification that spent a token and could not finish, for a day."""


@dataclass(frozen=True, slots=True)
class Successors:
    """Follows the chain from token to token; built where it is needed."""

    db: Store
    vault: Vault
    digests: Digests

    async def newest(
        self, application_id: str, provider: ProviderName, given: SecretStr
    ) -> tuple[SecretStr, str | None]:
        """The token that stands in for `given` by now, which is itself when it was never spent here; and the grant
        that holds or held one of the chain."""
        newest, grant_id = given, None
        for _ in range(_LONGEST):
            spent = self.digests.refresh_token(application_id, provider, newest.get_secret_value())
            successor = await self.db.read(rotations.find(application_id, provider, spent))
            if successor is None:
                break
            before, newest = newest, self._open(successor)
            grant_id = successor.grant_id or grant_id
            if newest == before:  # a provider gave out the same token again
                break
        return newest, grant_id

    def _open(self, successor: rotations.Successor) -> SecretStr:
        row = successor.row
        owner = Owner(row.application_id, row.owner_kind, row.owner_id, row.purpose)
        return SecretStr(from_json(self.vault.open(row.sealed, owner))["refresh_token"])
