"""Checks of the database itself: its schema, its file, its master keys."""

import time

from opengrant.assembly.tools import keyring
from opengrant.model import now
from opengrant.operations.master_keys import check_master_keys
from opengrant.operations.readiness import ping
from opengrant.server.doctor.finding import Finding
from opengrant.settings import Settings
from opengrant.store.engine.port import Store
from opengrant.store.operations import checkup
from opengrant.vault import MasterKeyError, Vault


async def state(db: Store) -> Finding:
    began = time.perf_counter()
    await db.read(ping())
    milliseconds = (time.perf_counter() - began) * 1000
    if pending := await db.pending():
        return Finding("database", "failed", f"{db.dialect} lacks {', '.join(pending)}: run `opengrant migrate`")
    return Finding("database", "ok", f"{db.dialect} answers in {milliseconds:.1f} ms, schema up to date")


async def file(db: Store) -> Finding:
    """Reads the whole file, so it has no time limit."""
    if (damage := await db.read(checkup.damage())) is not None:
        return Finding("database file", "failed", f"is damaged ({' '.join(damage.split())}): restore it from a backup")
    return Finding("database file", "ok", "is whole")


async def master_keys(settings: Settings, db: Store) -> Finding:
    try:
        ring = keyring(settings)
        await check_master_keys(db, Vault(ring), now)
    except MasterKeyError as problem:
        return Finding("master keys", "failed", str(problem))
    return Finding("master keys", "ok", f"{len(ring.keys)} live, {ring.sealing.id!r} seals")
