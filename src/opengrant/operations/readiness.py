"""Readiness: whether this process can serve."""

import asyncio
import os
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from opengrant.errors import StoreUnavailable
from opengrant.store.engine import probe
from opengrant.store.engine.port import Statement, Steps, Store

log = structlog.get_logger()


def ping() -> Steps[None]:
    """The smallest query."""
    yield Statement("select 1")


LEAST_ROOM = 16 * 1024 * 1024
"""Free bytes that the disk of an SQLite file must have: its write-ahead log grows by as much in a busy second."""
_WRITTEN_ENOUGH = 2.0
"""Seconds for which one successful write answers all checks."""


def room(directory: Path) -> int | None:
    """Free bytes on the disk of a directory; None when the file system does not report them."""
    try:
        disk = os.statvfs(directory)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize if disk.f_blocks else None


@dataclass(slots=True, kw_only=True)
class Readiness:
    """Whether this process can serve: its database can be read, has its schema, and can be written.

    directory  of the SQLite file; None with PostgreSQL, whose disk this process cannot see
    """

    db: Store
    directory: Path | None
    least_room: int = LEAST_ROOM
    _name: str = field(default_factory=lambda: uuid.uuid4().hex)
    _until: float = 0.0
    _writing: "asyncio.Task[list[str]] | None" = None

    async def reasons(self) -> list[str]:
        """Why it cannot serve; empty when it can. Raises StoreUnavailable when the database cannot be read."""
        await self.db.read(ping())
        if pending := await self.db.pending():
            return [f"migration {name} has not run" for name in pending]
        left = None if self.directory is None else room(self.directory)
        if left is not None and left < self.least_room:
            return [f"the disk of the database is full: {left // 1024} KiB are left"]
        if self._writing is None or (self._writing.done() and self._until <= time.monotonic()):
            self._writing = asyncio.create_task(self._write())
        return await asyncio.shield(self._writing)

    async def _write(self) -> list[str]:
        try:
            await self.db.write(probe.write(self._name))
        except StoreUnavailable as problem:
            log.error("store_not_writable", detail=problem.detail)
            return ["the database cannot be written, and its disk may be full"]
        self._until = time.monotonic() + _WRITTEN_ENOUGH
        return []

    async def close(self) -> None:
        """Wait for the last write."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
