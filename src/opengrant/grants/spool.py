"""The spool: live secrets that a provider gave while the database could not take them.

One file for each, sealed as in the database, on disk before the flight ends; while the disk takes nothing either, in
memory. They are written as soon as the database is back, by whichever process of this data directory comes first;
compare-and-swap makes twice harmless.
"""

import asyncio
import contextlib
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic_core import from_json, to_json

from opengrant.errors import StoreUnavailable
from opengrant.model import Micros, Sealed
from opengrant.store.port import Steps, Store

log = structlog.get_logger()

T = TypeVar("T")

_WRITES_AGAIN = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds between the attempts to write what a provider gave."""


async def insist(db: Store, script: Callable[[], Steps[T]]) -> T:
    """Write what exists nowhere else, again and again for some seconds while the database cannot.

    script  makes the steps anew for each attempt; the one before may have been committed without our knowing
    Raises  StoreUnavailable
    """
    for pause in _WRITES_AGAIN:
        try:
            return await db.write(script())
        except StoreUnavailable:
            await asyncio.sleep(pause)
    return await db.write(script())


@dataclass(frozen=True, slots=True)
class Unwritten:
    """generation: of the grant that the provider was asked for. owner: of the lease under which it was asked."""

    application_id: str
    grant_id: str
    generation: int
    token_expires_at: Micros | None
    live: Sealed
    at: Micros
    owner: str


@dataclass(frozen=True, slots=True)
class Spool:
    """Its functions touch the disk: call them in a thread."""

    directory: Path
    _held: dict[str, Unwritten] = field(default_factory=dict)
    """By the name of the file that each would be in."""

    def put(self, unwritten: Unwritten) -> None:
        """Returns when it would survive a power cut; or keeps it in memory, and says so, when the disk is full too."""
        try:
            self._write(unwritten)
        except OSError as problem:
            self._held[self._path(unwritten).name] = unwritten
            log.error("spool_not_written", grant_id=unwritten.grant_id, problem=problem.strerror)

    @property
    def held(self) -> list[Unwritten]:
        """What is in memory alone: it ends with this process."""
        return list(self._held.values())

    def _write(self, unwritten: Unwritten) -> None:
        """Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(unwritten)
        text = to_json(
            {
                "application_id": unwritten.application_id,
                "grant_id": unwritten.grant_id,
                "generation": unwritten.generation,
                "token_expires_at": unwritten.token_expires_at,
                "key_id": unwritten.live.key_id,
                "sealed": b64encode(unwritten.live.data).decode(),
                "at": unwritten.at,
                "owner": unwritten.owner,
            }
        )
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        directory = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def read(self) -> list[Unwritten]:
        """All of them, oldest first; empty when nothing was ever spooled. A file that makes no sense is set aside."""
        for unwritten in self.held:
            with contextlib.suppress(OSError):
                self._write(unwritten)
                self._held.pop(self._path(unwritten).name, None)
        found = self.held
        for path in sorted(self.directory.glob("*.json")):
            try:
                unwritten = _read(path)
                if self._path(unwritten) != path:
                    raise ValueError("it is about something else than its name says")
                found.append(unwritten)
            except FileNotFoundError:
                continue  # another process of this data directory was faster
            except (OSError, ValueError, TypeError, LookupError) as problem:
                self._set_aside(path, problem)
        return sorted(found, key=lambda unwritten: unwritten.at)

    def set_aside(self, unwritten: Unwritten, problem: Exception) -> None:
        """One that the database will never take: it is kept, and not tried again."""
        self._held.pop(self._path(unwritten).name, None)
        self._set_aside(self._path(unwritten), problem)

    @staticmethod
    def _set_aside(path: Path, problem: Exception) -> None:
        log.error("spool_set_aside", file=path.name, problem=type(problem).__name__)
        with contextlib.suppress(OSError):
            path.rename(path.with_suffix(".bad"))

    def drop(self, unwritten: Unwritten) -> None:
        self._held.pop(self._path(unwritten).name, None)
        try:
            self._path(unwritten).unlink(missing_ok=True)
        except OSError as problem:
            # It comes again, and compare-and-swap finds that it is written.
            log.error("spool_not_removed", grant_id=unwritten.grant_id, problem=problem.strerror)

    def _path(self, unwritten: Unwritten) -> Path:
        return self.directory / f"{unwritten.grant_id}-{unwritten.generation}.json"


def _read(path: Path) -> Unwritten:
    """Raises OSError, ValueError, TypeError, LookupError."""
    held = from_json(path.read_bytes())
    return Unwritten(
        held["application_id"],
        held["grant_id"],
        int(held["generation"]),
        held["token_expires_at"],
        Sealed(held["key_id"], b64decode(held["sealed"])),
        int(held["at"]),
        held["owner"],
    )
