"""What a spent refresh token has become: docs/decisions/0006-rotations.md."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.errors import StoreUnavailable
from opengrant.grants.spool import Rotated, Spool
from opengrant.model import ProviderName
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import leases, rotations
from opengrant.store.grants.leases import Lease
from opengrant.vault import Owner, Vault
from opengrant.vault.digests import Digests

log = structlog.get_logger()

_LONGEST = 500
"""Links of a chain. One is added by each verification that spent a token and could not finish, for a day."""


class Newest(NamedTuple):
    """The end of a chain of rotations. grant_id: that holds or held one of it. spent: digests of all before it."""

    token: SecretStr
    grant_id: str | None
    spent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Successors:
    """Follows the chain from token to token; built where it is needed."""

    db: Store
    vault: Vault
    digests: Digests

    async def newest(self, application_id: str, provider: ProviderName, given: SecretStr) -> "Newest":
        """What stands in for `given` by now, which is itself when it was never spent here."""
        newest, grant_id, walked = given, None, list[str]()
        for _ in range(_LONGEST):
            spent = self.digests.refresh_token(application_id, provider, newest.get_secret_value())
            successor = await self.db.read(rotations.find(application_id, provider, spent))
            if successor is None:
                break
            walked.append(spent)
            before, newest = newest, self._open(successor)
            grant_id = successor.grant_id or grant_id
            if newest == before:  # a provider gave out the same token again
                break
        return Newest(newest, grant_id, tuple(walked))

    def forget(self, application_id: str, provider: ProviderName, given: SecretStr) -> Steps[None]:
        """Destroy what `given` has become where no grant holds it: its grant goes."""
        for _ in range(_LONGEST):
            spent = self.digests.refresh_token(application_id, provider, given.get_secret_value())
            successor = yield from rotations.find(application_id, provider, spent)
            if successor is None or successor.grant_id is not None:
                return
            given = self._open(successor)
            yield from rotations.forget(application_id, provider, spent)

    def _open(self, successor: rotations.Successor) -> SecretStr:
        row = successor.row
        owner = Owner(row.application_id, row.owner_kind, row.owner_id, row.purpose)
        return SecretStr(from_json(self.vault.open(row.sealed, owner))["refresh_token"])


async def replay(db: Store, spool: Spool) -> int:
    """Write the successors that could not be written when a provider gave them. Returns how many were.

    Raises StoreUnavailable.
    """
    done = 0
    for rotated in await asyncio.to_thread(spool.rotated):
        try:
            await db.write(_record_late(rotated))
        except StoreUnavailable:
            raise
        except Exception as problem:
            # Of this one alone: the others must not wait for it.
            log.exception("rotation_not_unspooled", provider=rotated.provider.value)
            await asyncio.to_thread(spool.set_aside, rotated, problem)
            continue
        log.info("rotation_unspooled", provider=rotated.provider.value)
        await asyncio.to_thread(spool.drop, rotated)
        done += 1
    return done


def _record_late(rotated: Rotated) -> Steps[None]:
    """Unless it is recorded: another process of this data directory, or a commit that nobody heard of, was faster."""
    app_id, provider, spent = rotated.application_id, rotated.provider, rotated.spent
    if (yield from rotations.find(app_id, provider, spent)) is None:
        row = secrets.SecretRow(app_id, "rotation", spent, "successor", rotated.successor)
        yield from rotations.record(app_id, provider, spent, row, at=rotated.at)
    for subject, owner in rotated.leases:
        yield from leases.give_back(Lease(app_id, subject, owner, attempts=1))
