"""Keys of the installation: the registry of master keys, the digest key, and resealing."""

import secrets as random
from collections.abc import AsyncIterator
from dataclasses import dataclass

from opengrant.events import audit
from opengrant.model import Clock
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.store.operations import master_keys
from opengrant.vault import MasterKeyError, Owner, Unsealable, Vault
from opengrant.vault.digests import Digests

_CANARY = b"opengrant"
_DIGEST_KEY = Owner(secrets.INSTALLATION, "installation", "default", "digest-key")


def _canary_owner(key_id: str) -> Owner:
    return Owner(secrets.INSTALLATION, "master-key", key_id, "canary")


async def check_master_keys(db: Store, vault: Vault, clock: Clock) -> None:
    """Compare the configured master keys with those that sealed this database.

    A new key is registered; a key that no secret is sealed with is retired.
    Raises MasterKeyError, naming the id, when a key is missing or has another value than it had.
    """
    ring = vault.keyring
    seen = {entry.canary.key_id: entry for entry in await db.read(master_keys.seen())}
    for key in ring.keys:
        if key.id in seen:
            try:
                vault.open(seen[key.id].canary, _canary_owner(key.id))
            except Unsealable:
                raise MasterKeyError(
                    f"Master key {key.id!r} is not the one that sealed this database under that id."
                    " Put the former value back, or give the new key another id."
                ) from None
            if seen[key.id].retired:
                await db.write(master_keys.set_retired(key.id, at=None))
        else:
            alone = Vault(type(ring)([key]))
            await db.write(master_keys.add(alone.seal(_CANARY, _canary_owner(key.id)), at=clock()))
    for key_id, entry in seen.items():
        if key_id in ring.by_id or entry.retired:
            continue
        if await db.read(master_keys.in_use(key_id)):
            raise MasterKeyError(
                f"Master key {key_id!r} is missing: stored credentials are sealed with it."
                " Add it to OPENGRANT_MASTER_KEYS (or the key file), behind the key that should seal."
            )
        await db.write(master_keys.set_retired(key_id, at=clock()))


async def open_digests(db: Store, vault: Vault, clock: Clock) -> Digests:
    """The digest key of this installation, made on its first start."""
    owner = _DIGEST_KEY
    find = (owner.application_id, owner.kind, owner.id, owner.purpose)
    sealed = await db.read(secrets.find(*find))
    if sealed is None:
        fresh = secrets.SecretRow(*find, vault.seal(random.token_bytes(32), owner))
        await db.write(secrets.add_if_absent(fresh, at=clock()))
        sealed = await db.read(secrets.find(*find))
    if sealed is None:
        raise RuntimeError("the digest key was written and is not there")
    return Digests(vault.open(sealed, owner))


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a reseal; `total` was counted at its start."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reseal:
    """Seals every secret with the current key, while servers run. It can be stopped and started again at any time."""

    db: Store
    vault: Vault
    clock: Clock
    batch: int = 500

    async def run(self) -> AsyncIterator[Progress]:
        """Yields after each batch. A secret that changed meanwhile is skipped: its writer has used the new key."""
        key_id = self.vault.keyring.sealing.id
        total = await self.db.read(secrets.count_not_under(key_id))
        done, after = 0, None
        yield Progress(0, total)
        while rows := await self.db.read(secrets.not_under(key_id, after=after, limit=self.batch)):
            # The audit entry is written with the first batch: a run that is stopped has one too.
            await self.db.write(self._swap(rows, begins=total if done == 0 else None))
            done, after = done + len(rows), rows[-1]
            yield Progress(done, max(total, done))

    def _swap(self, rows: list[secrets.SecretRow], *, begins: int | None) -> Steps[None]:
        if begins is not None:
            key_id = self.vault.keyring.sealing.id
            yield from audit.record(
                audit.INSTALLATION, "master_key.resealing", at=self.clock(), master_key_id=key_id, secrets=begins
            )
        for row in rows:
            owner = Owner(row.application_id, row.owner_kind, row.owner_id, row.purpose)
            yield from secrets.swap(row, self.vault.seal(self.vault.open(row.sealed, owner), owner))
