"""The spool: live secrets and rotated tokens that a provider gave while the database was away.

One file for each, sealed as in the database and on disk before the attempt ends; in memory while the disk is full too.
The first process of this data directory that reaches the database writes them; compare-and-swap makes writing twice
harmless.
"""

import asyncio
import contextlib
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import structlog
from pydantic_core import from_json, to_json

from opengrant.errors import StoreUnavailable
from opengrant.model import Micros, ProviderName, Sealed
from opengrant.store.engine.port import Steps, Store

log = structlog.get_logger()

T = TypeVar("T")

_WRITES_AGAIN = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds between the attempts to write."""


async def write_with_retry(db: Store, script: Callable[[], Steps[T]]) -> T:
    """Write what exists nowhere else, with retries for some seconds while the database is away.

    script  makes new steps for each attempt; an attempt before may have been committed without an answer
    Raises  StoreUnavailable
    """
    for pause in _WRITES_AGAIN:
        try:
            return await db.write(script())
        except StoreUnavailable:
            await asyncio.sleep(pause)
    return await db.write(script())


@dataclass(frozen=True, slots=True)
class PendingWrite:
    """A grant's new live secret.

    generation: of the grant that the provider was asked for. owner: of the lease under which it was asked.
    """

    application_id: str
    grant_id: str
    generation: int
    token_expires_at: Micros | None
    live: Sealed
    at: Micros
    owner: str

    @property
    def file(self) -> str:
        return f"{self.grant_id}-{self.generation}.json"

    def as_mapping(self) -> Mapping[str, Any]:
        return {
            "application_id": self.application_id,
            "grant_id": self.grant_id,
            "generation": self.generation,
            "token_expires_at": self.token_expires_at,
            **_sealed_mapping(self.live),
            "at": self.at,
            "owner": self.owner,
        }

    @classmethod
    def of(cls, held: Mapping[str, Any]) -> "PendingWrite":
        """Raises ValueError, TypeError, LookupError."""
        return cls(
            held["application_id"],
            held["grant_id"],
            int(held["generation"]),
            held["token_expires_at"],
            _sealed(held),
            int(held["at"]),
            held["owner"],
        )


@dataclass(frozen=True, slots=True)
class PendingRotation:
    """What a verification's refresh token turned into. leases: (subject, owner) of those under which it was spent."""

    application_id: str
    provider: ProviderName
    spent: str
    successor: Sealed
    at: Micros
    leases: tuple[tuple[str, str], ...]

    @property
    def file(self) -> str:
        return f"{self.spent}.rotation"

    def as_mapping(self) -> Mapping[str, Any]:
        return {
            "application_id": self.application_id,
            "provider": self.provider,
            "spent": self.spent,
            **_sealed_mapping(self.successor),
            "at": self.at,
            "leases": self.leases,
        }

    @classmethod
    def of(cls, held: Mapping[str, Any]) -> "PendingRotation":
        """Raises ValueError, TypeError, LookupError."""
        return cls(
            held["application_id"],
            ProviderName(held["provider"]),
            held["spent"],
            _sealed(held),
            int(held["at"]),
            tuple((subject, owner) for subject, owner in held["leases"]),
        )


K = TypeVar("K", PendingWrite, PendingRotation)


@dataclass(frozen=True, slots=True)
class Spool:
    """Its methods block on the disk: call them in a thread."""

    directory: Path
    _held: dict[str, PendingWrite | PendingRotation] = field(default_factory=dict)
    """What is in memory alone, by file name."""

    def put(self, kept: PendingWrite | PendingRotation) -> None:
        """Returns when it is on disk for good; when the disk is full too, keeps it in memory and logs that."""
        try:
            self._write(kept)
        except OSError as problem:
            self._held[kept.file] = kept
            log.error("spool_not_written", file=kept.file, problem=problem.strerror)

    @property
    def held(self) -> list[str]:
        """File names of what is in memory alone: it ends with this process."""
        return list(self._held)

    def pending(self) -> list[PendingWrite]:
        """All spooled live secrets, oldest first. A file that cannot be read is set aside."""
        return self._all(PendingWrite, "*.json")

    def pending_rotations(self) -> list[PendingRotation]:
        """As `pending`."""
        return self._all(PendingRotation, "*.rotation")

    def _all(self, kind: type[K], pattern: str) -> list[K]:
        found = [kept for kept in self._held.values() if isinstance(kept, kind)]
        for kept in list(found):
            with contextlib.suppress(OSError):
                self._write(kept)
                self._held.pop(kept.file, None)
                found.remove(kept)
        for path in self.directory.glob(pattern):
            try:
                read = kind.of(from_json(path.read_bytes()))
                if read.file != path.name:
                    raise ValueError("it is about something else than its name says")
                found.append(read)
            except FileNotFoundError:
                continue  # another process of this data directory has written it
            except (OSError, ValueError, TypeError, LookupError) as problem:
                self._set_aside(path, problem)
        return sorted(found, key=lambda kept: kept.at)

    def set_aside(self, kept: PendingWrite | PendingRotation, problem: Exception) -> None:
        """Keep one that the database refuses, and do not try it again."""
        self._held.pop(kept.file, None)
        self._set_aside(self.directory / kept.file, problem)

    def drop(self, kept: PendingWrite | PendingRotation) -> None:
        self._held.pop(kept.file, None)
        try:
            (self.directory / kept.file).unlink(missing_ok=True)
        except OSError as problem:
            # It is read again, and compare-and-swap finds that it is written.
            log.error("spool_not_removed", file=kept.file, problem=problem.strerror)

    def _write(self, kept: PendingWrite | PendingRotation) -> None:
        """Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.directory / kept.file
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(to_json(kept.as_mapping()))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        directory = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @staticmethod
    def _set_aside(path: Path, problem: Exception) -> None:
        log.error("spool_set_aside", file=path.name, problem=type(problem).__name__)
        with contextlib.suppress(OSError):
            path.rename(path.with_suffix(".bad"))


def _sealed_mapping(sealed: Sealed) -> Mapping[str, str]:
    return {"key_id": sealed.key_id, "sealed": b64encode(sealed.data).decode()}


def _sealed(held: Mapping[str, Any]) -> Sealed:
    return Sealed(held["key_id"], b64decode(held["sealed"]))
