"""What a spent refresh token has become: docs/decisions/0006-rotations.md."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import structlog
from pydantic import SecretStr

from opengrant.errors import StoreUnavailable
from opengrant.grants.spool import PendingRotation, Spool, write_with_retry
from opengrant.model import Application, Clock, ProviderName, micros
from opengrant.model.secrets import OAuthSecret, RotatedToken, SecretUnreadable, decode, encode
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import leases, rotations
from opengrant.store.grants.leases import Lease
from opengrant.vault import Owner, Vault
from opengrant.vault.digests import Digests

log = structlog.get_logger()

_LONGEST = 500
"""Links of a chain. Each verification that spends a token and cannot finish adds one; a link lasts a day."""
_FORGOTTEN_AT_ONCE = 1000


class Newest(NamedTuple):
    """The end of a chain of rotations. grant_id: that holds or held one of it. spent: digests of all before it."""

    token: SecretStr
    grant_id: str | None
    spent: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedTokens:
    """Records each rotated token and follows the chain from a spent token to the one that is valid now."""

    db: Store
    vault: Vault
    digests: Digests
    spool: Spool
    clock: Clock

    def digest(self, application_id: str, provider: ProviderName, token: SecretStr) -> str:
        """The keyed digest by which a token is looked up."""
        return self.digests.refresh_token(application_id, provider, token.get_secret_value())

    async def newest(self, application_id: str, provider: ProviderName, given: SecretStr) -> Newest:
        """What `given` has become by now; `given` itself when it was never spent here."""
        newest, grant_id, walked = given, None, list[str]()
        for _ in range(_LONGEST):
            spent = self.digest(application_id, provider, newest)
            successor = await self.db.read(rotations.find(application_id, provider, spent))
            if successor is None:
                break
            walked.append(spent)
            before, newest = newest, self._open(successor)
            grant_id = successor.grant_id or grant_id
            if newest == before:  # a provider gave out the same token again
                break
        return Newest(newest, grant_id, tuple(walked))

    async def keep(
        self, app: Application, provider: ProviderName, spent: str, successor: SecretStr, under: Sequence[Lease]
    ) -> None:
        """Commit a rotated token before anything else is done with it.

        spent   digest of the token that it replaces
        under   leases under which that token was spent
        Raises  StoreUnavailable: the token is in the spool then, and the leases with it, so that requests with the
                spent token wait until its successor is written
        """
        owner = Owner(app.id, "rotation", spent, "successor")
        sealed = self.vault.seal(encode(RotatedToken(refresh_token=successor)), owner)
        row, at = secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed), self.clock()
        try:
            dialect = self.db.dialect
            await write_with_retry(
                self.db, lambda: rotations.record_alone(app.id, provider, spent, row, at=at, dialect=dialect)
            )
        except StoreUnavailable:
            held = tuple((lease.subject, lease.owner) for lease in under)
            await asyncio.to_thread(self.spool.put, PendingRotation(app.id, provider, spent, sealed, at, held))
            log.error("rotation_spooled", provider=provider.value)
            raise

    def forget(self, application_id: str, provider: ProviderName, given: SecretStr) -> Steps[None]:
        """Destroy what `given` has become where no grant holds it, for a grant that is deleted."""
        for _ in range(_LONGEST):
            spent = self.digest(application_id, provider, given)
            successor = yield from rotations.find(application_id, provider, spent)
            if successor is None or successor.grant_id is not None:
                return
            given = self._open(successor)
            yield from rotations.forget(application_id, provider, spent)

    async def forget_old(self, app: Application, *, older_than: timedelta) -> None:
        """Drop successors of spent tokens that no grant took over, and leases of verifications that died.

        Works in portions, so that other writes come in between.
        """
        cutoff = self.clock() - micros(older_than)
        while await self.db.write(rotations.forget_before(app.id, cutoff=cutoff, limit=_FORGOTTEN_AT_ONCE)):
            continue
        while await self.db.write(leases.forget_spent(app.id, cutoff=cutoff, limit=_FORGOTTEN_AT_ONCE)):
            continue

    def _open(self, successor: rotations.Successor) -> SecretStr:
        row = successor.row
        owner = Owner(row.application_id, row.owner_kind, row.owner_id, row.purpose)
        match decode(self.vault.open(row.sealed, owner)):
            case RotatedToken() | OAuthSecret() as secret:
                return secret.refresh_token
            case other:
                raise SecretUnreadable(f"A refresh token cannot turn into a secret of the kind {other.kind}.")


async def replay(db: Store, spool: Spool) -> int:
    """Write the spooled rotated tokens. Returns how many were written.

    Raises StoreUnavailable.
    """
    done = 0
    for rotated in await asyncio.to_thread(spool.pending_rotations):
        try:
            await db.write(_record_late(rotated))
        except StoreUnavailable:
            raise
        except Exception as problem:
            # The problem is this one's alone: the others are still written.
            log.exception("rotation_not_unspooled", provider=rotated.provider.value)
            await asyncio.to_thread(spool.set_aside, rotated, problem)
            continue
        log.info("rotation_unspooled", provider=rotated.provider.value)
        await asyncio.to_thread(spool.drop, rotated)
        done += 1
    return done


def _record_late(rotated: PendingRotation) -> Steps[None]:
    """Does nothing when it is recorded: by another process of this data directory, or by an unconfirmed commit."""
    app_id, provider, spent = rotated.application_id, rotated.provider, rotated.spent
    if (yield from rotations.find(app_id, provider, spent)) is None:
        row = secrets.SecretRow(app_id, "rotation", spent, "successor", rotated.successor)
        yield from rotations.record(app_id, provider, spent, row, at=rotated.at)
    for subject, owner in rotated.leases:
        yield from leases.give_back(Lease(app_id, subject, owner, attempts=1))
