"""Whether a process can serve: what a look costs, and what it finds."""

import asyncio
from pathlib import Path

from opengrant.operations.readiness import LEAST_ROOM, Readiness, room
from opengrant.store.engine.open import open_store


async def test_a_disk_with_too_little_room_is_named(tmp_path: Path) -> None:
    db = await open_store(database_url=None, sqlite_path=tmp_path / "opengrant.db")
    try:
        assert (await Readiness(db=db, directory=tmp_path).reasons())[0] == "migration 0001_initial has not run"
        await db.migrate()
        assert await Readiness(db=db, directory=tmp_path).reasons() == []
        (reason,) = await Readiness(db=db, directory=tmp_path, least_room=2**62).reasons()
        assert "the disk of the database is full" in reason
        left = room(tmp_path)
        assert left is not None
        assert left > LEAST_ROOM
        assert room(tmp_path / "nowhere") is None
    finally:
        await db.close()


async def test_many_who_ask_at_once_cost_one_write(tmp_path: Path) -> None:
    db = await open_store(database_url=None, sqlite_path=tmp_path / "opengrant.db")
    try:
        await db.migrate()
        readiness, before = Readiness(db=db, directory=tmp_path), db.commits  # type: ignore[attr-defined] # SQLite's
        assert await asyncio.gather(*(readiness.reasons() for _ in range(50))) == [[]] * 50
        assert db.commits == before + 1  # type: ignore[attr-defined] # SQLite's
    finally:
        await db.close()
