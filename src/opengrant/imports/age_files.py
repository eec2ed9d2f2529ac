"""Files in the format of age (age-encryption.org/v1), written and read as streams.

pyrage does the cryptography. It blocks, so it runs in a thread and takes its input, or hands over its output, piece by
piece: no more than a piece or two is in memory. It knows exceptions of ours only as text, so they are kept aside.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol

import pyrage

from opengrant.errors import InvalidRequest

MAGIC: Final = b"age-encryption.org/v1\n"
"""How a file begins."""
_ARMOUR: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
_PIECE: Final = 256 * 1024
_HIDDEN_KEY: Final = "AGE-SECRET-KEY-"


class CannotOpen(Exception):
    """The file does not open. The text says why, and what to do."""


class Writes(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> object: ...


class Reads(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


def is_encrypted(beginning: bytes) -> bool:
    return beginning.startswith((MAGIC, _ARMOUR))


def recipients(texts: Sequence[str]) -> list[Any]:
    """Public keys of age (`age1…`) or SSH (`ssh-ed25519 …`, `ssh-rsa …`). Raises InvalidRequest."""
    return [_recipient(text.strip()) for text in texts]


def recipients_of(lines: str) -> list[str]:
    """Those of a file: one a line; blank lines and lines that begin with # are skipped."""
    return [line.strip() for line in lines.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def identities(text: str) -> list[Any]:
    """The secret keys of a file, as `age-keygen` writes it, or an SSH private key. Raises InvalidRequest."""
    if is_encrypted(text.lstrip()[:64].encode()):
        raise InvalidRequest("The identity file is encrypted itself. Decrypt it first: age --decrypt FILE > key.txt.")
    try:
        if text.lstrip().startswith("-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(text.encode())]
        return [pyrage.x25519.Identity.from_str(line) for line in recipients_of(text)]
    except pyrage.IdentityError:
        # The library's text is left out: it may quote the key.
        raise InvalidRequest(
            "The identity file is not understood. It has a line AGE-SECRET-KEY-1…, as age-keygen writes it, or is an"
            " SSH private key without a passphrase."
        ) from None


def _recipient(text: str) -> Any:
    if text.upper().startswith(_HIDDEN_KEY) or text.startswith("-----BEGIN"):
        raise InvalidRequest(
            "That is a secret key, and not a recipient. The recipient of a key file: age-keygen -y key.txt."
        )
    try:
        if text.startswith("ssh-"):
            return pyrage.ssh.Recipient.from_str(text)
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise InvalidRequest(
            f"{text[:40]!r} is not a recipient. It begins with age1, as age-keygen prints it, or is an SSH public key"
            " (ssh-ed25519, ssh-rsa)."
        ) from None


async def encrypt(pieces: AsyncIterator[bytes], out: Writes, to: Sequence[Any]) -> None:
    """Write the encrypted pieces. Raises what `pieces` and `out` raise."""
    source, sink = _Source(pieces), _Sink(out)
    try:
        await asyncio.to_thread(pyrage.encrypt_io, source, sink, list(to))
    except pyrage.EncryptError:
        raise source.problem or sink.problem or CannotOpen("The export could not be encrypted.") from None
    except OSError:
        if (problem := source.problem or sink.problem) is not None:
            raise problem from None
        raise
    finally:
        source.stopped = True


class _Source:
    """What pyrage reads: the pieces of an asynchronous iterator, each when it is needed."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self.stopped = False
        self.problem: BaseException | None = None
        self._pieces = pieces
        self._loop = asyncio.get_running_loop()
        self._held = memoryview(b"")

    def read(self, size: int) -> bytes:
        """In pyrage's thread. Empty at the end."""
        if not self._held:
            self._held = memoryview(self._next())
        taken, self._held = self._held[:size], self._held[size:]
        return bytes(taken)

    def _next(self) -> bytes:
        if self.stopped:  # the loop is about to end
            raise EOFError
        try:
            return asyncio.run_coroutine_threadsafe(self._ask(), self._loop).result()
        except BaseException as problem:
            self.problem = problem
            raise

    async def _ask(self) -> bytes:
        async for piece in self._pieces:
            if piece:
                return piece
        return b""


class _Sink:
    """What pyrage writes to when it encrypts."""

    def __init__(self, out: Writes) -> None:
        self.problem: BaseException | None = None
        self._out = out

    def write(self, data: bytes) -> int:
        try:
            self._out.write(data)
        except BaseException as problem:
            self.problem = problem
            raise
        return len(data)

    def flush(self) -> None:
        """What is written is flushed by its owner."""


async def decrypt(file: Reads, with_: Sequence[Any]) -> AsyncIterator[bytes]:
    """The content, in pieces. Each was checked before it comes; a file that was cut or changed fails where it was.

    Raises CannotOpen, OSError.
    """
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(2)
    reader, writer = _Watched(file), _Pieces(queue)

    async def work() -> None:
        try:
            await asyncio.to_thread(pyrage.decrypt_io, reader, writer, list(with_))
        finally:
            await queue.put(writer.rest())  # also of a file that was cut: it was checked
            await queue.put(None)

    task = asyncio.create_task(work())
    try:
        while (piece := await queue.get()) is not None:
            if piece:
                yield piece
        try:
            await task
        except (pyrage.DecryptError, OSError) as problem:
            raise reader.problem or CannotOpen(_why(problem)) from None
    finally:
        # The thread may wait for room in the queue.
        writer.stopped = True
        while not task.done():
            while not queue.empty():
                queue.get_nowait()
            await asyncio.wait([task], timeout=0.05)
        if not task.cancelled():
            task.exception()  # else it is logged as never retrieved


def _why(problem: BaseException) -> str:
    if "matching keys" in str(problem).lower():
        return "The identity does not open this file: it was encrypted to other recipients."
    if isinstance(problem, OSError):
        return (
            "The file was cut or changed: it can be decrypted up to this point only. Copy it again from where it was"
            " written; what was read so far is not wrong."
        )
    return "The file is not a complete file of age, or its header was changed. Copy it again from where it was written."


class _Watched:
    """A file that pyrage reads; keeps what the system says when it cannot be read."""

    def __init__(self, file: Reads) -> None:
        self.problem: OSError | None = None
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as problem:
            self.problem = problem
            raise


class _Pieces:
    """What pyrage writes to when it decrypts: collects pieces, and waits while two are untaken."""

    def __init__(self, queue: "asyncio.Queue[bytes | None]") -> None:
        self.stopped = False
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """In pyrage's thread."""
        if self.stopped:
            raise EOFError
        self._held += data
        if len(self._held) >= _PIECE:
            asyncio.run_coroutine_threadsafe(self._queue.put(self.rest()), self._loop).result()
        return len(data)

    def flush(self) -> None:
        """Pieces are handed over as they become full."""

    def rest(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held
