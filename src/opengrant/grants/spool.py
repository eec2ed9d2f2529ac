"""The spool: what a provider gave while the database could not take it, live secrets and successors of spent tokens.

One file for each, sealed as in the database, on disk before the flight ends. They are written as soon as the
database is back, by whichever process of this data directory comes first; compare-and-swap makes twice harmless.
"""

import asyncio
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import from_json, to_json

from opengrant.errors import StoreUnavailable
from opengrant.model import Micros, ProviderName, Sealed
from opengrant.store.port import Steps, Store

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
class Rotated:
    """What a verification's refresh token turned into. leases: (subject, owner) of those under which it was spent."""

    application_id: str
    provider: ProviderName
    spent: str
    successor: Sealed
    at: Micros
    leases: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Spool:
    """Its functions touch the disk: call them in a thread."""

    directory: Path

    def put(self, unwritten: Unwritten) -> None:
        """Returns when it would survive a power cut. Raises OSError."""
        held = {
            "application_id": unwritten.application_id,
            "grant_id": unwritten.grant_id,
            "generation": unwritten.generation,
            "token_expires_at": unwritten.token_expires_at,
            "at": unwritten.at,
            "owner": unwritten.owner,
        }
        self._put(self._path(unwritten), held, unwritten.live)

    def put_rotation(self, rotated: Rotated) -> None:
        """As `put`."""
        held = {
            "application_id": rotated.application_id,
            "provider": rotated.provider,
            "spent": rotated.spent,
            "at": rotated.at,
            "leases": rotated.leases,
        }
        self._put(self._rotation_path(rotated), held, rotated.successor)

    def _put(self, path: Path, held: Mapping[str, Any], sealed: Sealed) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = to_json({**held, "key_id": sealed.key_id, "sealed": b64encode(sealed.data).decode()})
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
        """All of them, oldest first; empty when nothing was ever spooled."""
        return [
            Unwritten(
                held["application_id"],
                held["grant_id"],
                held["generation"],
                held["token_expires_at"],
                sealed,
                held["at"],
                held["owner"],
            )
            for held, sealed in self._read("*.json")
        ]

    def rotations(self) -> list[Rotated]:
        """As `read`."""
        return [
            Rotated(
                held["application_id"],
                ProviderName(held["provider"]),
                held["spent"],
                sealed,
                held["at"],
                tuple((subject, owner) for subject, owner in held["leases"]),
            )
            for held, sealed in self._read("*.rotation")
        ]

    def _read(self, pattern: str) -> list[tuple[dict[str, Any], Sealed]]:
        found = []
        for path in self.directory.glob(pattern):
            try:
                held = from_json(path.read_bytes())
            except FileNotFoundError:
                continue  # another process of this data directory was faster
            found.append((held, Sealed(held["key_id"], b64decode(held["sealed"]))))
        return sorted(found, key=lambda one: one[0]["at"])

    def drop(self, unwritten: Unwritten) -> None:
        self._path(unwritten).unlink(missing_ok=True)

    def drop_rotation(self, rotated: Rotated) -> None:
        self._rotation_path(rotated).unlink(missing_ok=True)

    def _path(self, unwritten: Unwritten) -> Path:
        return self.directory / f"{unwritten.grant_id}-{unwritten.generation}.json"

    def _rotation_path(self, rotated: Rotated) -> Path:
        return self.directory / f"{rotated.spent}.rotation"
