"""The input of `opengrant import`: a file, or the standard input; encrypted or not."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any

from opengrant.cli.serving import Failure
from opengrant.imports.loading import ChangedInput
from opengrant.imports.reading import CutOff

_PIECE = 256 * 1024
_BEGINNING = 64
_OPEN_TO_OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Input:
    """An open input. size: bytes; None where it is a stream, which cannot be read twice."""

    name: str
    file: BufferedReader
    size: int | None

    @property
    def open_to_others(self) -> bool:
        about = os.fstat(self.file.fileno())
        return stat.S_ISREG(about.st_mode) and bool(about.st_mode & _OPEN_TO_OTHERS)

    @property
    def is_encrypted(self) -> bool:
        from opengrant.imports import age_files  # noqa: PLC0415 -- most inputs are not

        if self.size is not None:
            self.file.seek(0)
        return age_files.is_encrypted(self.file.peek(_BEGINNING))

    def digest(self, tell: Callable[[int], None]) -> bytes:
        """SHA-256 of the file. tell: the bytes that were read so far."""
        self.file.seek(0)
        hashed, done = sha256(), 0
        while piece := self.file.read(_PIECE):
            hashed.update(piece)
            done += len(piece)
            tell(done)
        return hashed.digest()

    async def pieces(self, expected: bytes | None) -> AsyncIterator[bytes]:
        """Its bytes. expected: their SHA-256; raises ChangedInput if it is another at the end."""
        if self.size is None:
            async for piece in _stream(self.file):
                yield piece
            return
        self.file.seek(0)
        hashed = sha256()
        while piece := self.file.read(_PIECE):
            hashed.update(piece)
            yield piece
        if expected is not None and hashed.digest() != expected:
            raise _changed(self.name)

    def decrypted(self, identity: Path, expected: bytes | None) -> AsyncIterator[bytes]:
        """The content of an encrypted export. expected: as of `pieces`. Raises Failure, InvalidRequest, CutOff."""
        from opengrant.imports import age_files  # noqa: PLC0415 -- as above

        keys = age_files.identities(identity.read_text(encoding="utf-8-sig", errors="replace"))
        return self._decrypted(keys, expected)

    async def _decrypted(self, keys: list[Any], expected: bytes | None) -> AsyncIterator[bytes]:
        from opengrant.imports import age_files  # noqa: PLC0415 -- as above

        if self.size is not None:
            self.file.seek(0)
        hashed, begun, cut = _Hashed(self.file), False, None
        try:
            async for piece in age_files.decrypt(hashed, keys):
                yield piece
                begun = True
        except age_files.CannotOpen as problem:
            if not begun:
                raise Failure(f"{self.name}: {problem}") from None
            # Each piece was checked before it came.
            cut = CutOff(
                "The encrypted input was cut off, or is damaged here: the rest of it is missing.",
                "Copy the file again from where it was written, and import it: what is here already is not changed.",
            )
        if expected is not None and hashed.rest() != expected:
            raise _changed(self.name)
        if cut is not None:
            raise cut


def _changed(name: str) -> ChangedInput:
    return ChangedInput(f"{name} was changed while it was read. Nothing is imported: start again.")


class _Hashed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: BufferedReader) -> None:
        self._file, self._hashed = file, sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._hashed.update(data)
        return data

    def rest(self) -> bytes:
        """SHA-256 of the whole file."""
        while self.read(_PIECE):
            continue
        return self._hashed.digest()


def open_input(name: str) -> Input:
    """name: of a file; - for the standard input. Raises Failure, OSError."""
    if name != "-":
        path = Path(name)
        if path.is_dir():
            raise Failure(f"{name} is a directory. Name a file.")
        file = path.open("rb")
        return Input(path.name, file, _size(file))
    if sys.stdin.isatty():
        raise Failure("Nothing is piped to the standard input: name a file, or write `… | opengrant import -`.")
    file = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    return Input("standard input", file, _size(file))


def _size(file: BufferedReader) -> int | None:
    about = os.fstat(file.fileno())
    return about.st_size if stat.S_ISREG(about.st_mode) else None


async def _stream(file: BufferedReader) -> AsyncIterator[bytes]:
    """Bytes of a pipe as they come, without a thread that an interrupted command would have to wait for."""
    if beginning := file.read1(_PIECE):  # `is_encrypted` has read it from the pipe
        yield beginning
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    try:
        while piece := await reader.read(_PIECE):
            yield piece
    finally:
        transport.close()
