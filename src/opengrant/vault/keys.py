"""Master keys: their sources and ids.

A key is 32 random bytes with an id. The first key of a ring seals, every key opens. So a new key is put first, and the
old ones stay until `opengrant reseal` has resealed all secrets.
"""

import base64
import contextlib
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

KEY_BYTES = 32
_LONGEST_FILE = 1024 * 1024
_LONGEST_ID = 256


class MasterKeyError(Exception):
    """The master keys cannot be used. The message has the key id and the remedy, never the key."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One key. tag: four bytes at the beginning of its ciphertexts."""

    id: str
    value: bytes = field(repr=False)
    tag: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag", _tag(self.id))


def _tag(key_id: str) -> bytes:
    # A key id of Tink is a 32-bit number: such an id is used as it is, any other is hashed to four bytes.
    if key_id.isascii() and key_id.isdigit() and int(key_id) < 2**32:
        return int(key_id).to_bytes(4, "big")
    return hashlib.sha256(key_id.encode()).digest()[:4]


class Keyring:
    """The live master keys, sealing key first."""

    def __init__(self, keys: list[MasterKey]) -> None:
        if not keys:
            raise MasterKeyError("There is no master key. Set OPENGRANT_MASTER_KEYS or remove it to use the key file.")
        self.keys = keys
        self.by_id = {key.id: key for key in keys}
        self.by_tag = {key.tag: key for key in keys}
        if len(self.by_id) < len(keys) or len(self.by_tag) < len(keys):
            raise MasterKeyError("Two master keys have the same id, or ids that hash alike. Rename one of them.")

    @property
    def sealing(self) -> MasterKey:
        return self.keys[0]

    @classmethod
    def parse(cls, text: str, *, source: str) -> "Keyring":
        """Read `id:base64` entries separated by commas or line ends; `#` opens a comment line.

        source  origin of the text, for messages
        Raises  MasterKeyError with the position or id of the entry
        """
        keys = []
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        for position, entry in enumerate(filter(None, (part.strip() for part in ",".join(lines).split(","))), 1):
            name, colon, encoded = entry.partition(":")
            if not colon or not name.strip():
                raise MasterKeyError(f"{source}: entry {position} is not of the form id:base64.")
            if len(name) > _LONGEST_ID or not name.isprintable():
                raise MasterKeyError(f"{source}: the id of entry {position} is too long, or is not text.")
            try:
                value = base64.b64decode(encoded.strip(), validate=True)
            except ValueError:  # includes binascii.Error
                raise MasterKeyError(f"{source}: the key {name.strip()!r} is not valid base64.") from None
            if len(value) != KEY_BYTES:
                raise MasterKeyError(f"{source}: the key {name.strip()!r} has {len(value)} bytes; 32 are needed.")
            keys.append(MasterKey(name.strip(), value))
        return cls(keys)

    @classmethod
    def from_file(cls, path: Path) -> "Keyring":
        """Read the key file; create it with one new key (mode 0600) if it does not exist. Raises MasterKeyError."""
        try:
            try:
                return cls.parse(_read(path), source=str(path))
            except FileNotFoundError:
                _make(path)
            return cls.parse(_read(path), source=str(path))
        except IsADirectoryError:
            raise MasterKeyError(
                f"{path} is a directory, and should be the file of the master keys. Move it away and restore the file"
                " from a backup; on a first start, only move it away."
            ) from None
        except OSError as problem:
            raise MasterKeyError(
                f"The master key file {path} cannot be used: {problem.strerror}. The user that runs OpenGrant must own"
                " it and its directory."
            ) from None


def _read(path: Path) -> str:
    """Raises MasterKeyError, OSError."""
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        # As ssh: our own file must be private; a file of another owner (a mounted secret) may be group-readable.
        forbidden = stat.S_IRWXG | stat.S_IRWXO if about.st_uid == os.geteuid() else stat.S_IRWXO
        if about.st_mode & forbidden:
            raise MasterKeyError(
                f"The master key file {path} is open to other users of this machine (mode"
                f" {stat.S_IMODE(about.st_mode):04o}), so it is not used: chmod 600 {path}. A copy of the key"
                " opens a copy of the database: if another user may have read it, rotate the key."
            )
        held = file.read(_LONGEST_FILE + 1)
    try:
        if len(held) > _LONGEST_FILE:
            raise ValueError
        return held.decode()
    except ValueError:
        raise MasterKeyError(
            f"{path} is not a master key file: that is short text in UTF-8, with an id:base64 on each line. Restore it"
            " from a backup."
        ) from None


def _make(path: Path) -> None:
    """Raises OSError."""
    entry = f"{secrets.randbelow(2**31) + 1}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written to a temporary file and linked: two concurrent first starts use one key, and a crash leaves no file or a
    # whole one. The link fails if another process was first.
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write("# OpenGrant master keys, one id:base64 per line; the first seals, all open.\n")
            file.write("# Without this file no stored credential can be read. Back it up apart from the database.\n")
            file.write(entry)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
