"""`opengrant export`: all grants of an application in one encrypted file.

cli/commands.py names it by path: other commands do not load it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from opengrant.cli.run import Owner, application_of, run
from opengrant.cli.serving import Failure

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation
    from opengrant.imports.exporting import Exporting
    from opengrant.model import Application

export_app = cyclopts.App(name="export", help="All grants of an application with their secrets, encrypted to your key.")

_NO_RECIPIENT = (
    "Name who can decrypt the export: --recipient age1…. `age-keygen -o key.txt` makes a key and prints its recipient."
)
_NOT_IN_IT = (
    "Not in it: API keys, webhooks, redirect URIs, branding, domains, calendars with their events, drafts, signatures,"
    " scheduled messages, metadata and the audit trail. docs/exporting.md says what to do about each."
)
_SHOWN = 20
"""Ids that a message lists."""


@export_app.default
def export(
    *,
    recipient: Annotated[
        list[str] | None,
        Parameter("--recipient", negative=(), help="Who can decrypt it: age1…, or an SSH public key. May be repeated."),
    ] = None,
    recipients_file: Annotated[
        Path | None, Parameter("--recipients-file", help="A file with recipients, one a line.")
    ] = None,
    output: Annotated[
        str, Parameter("--output", help="The file to write, which must not exist; - is the standard output.")
    ] = "-",
    insecure_plaintext: Annotated[
        bool,
        Parameter("--insecure-plaintext", negative=(), help="Do not encrypt: the file shows all secrets."),
    ] = False,
    application: Owner = None,
) -> None:
    """Write all grants of an application, with connectors and workspaces. docs/exporting.md describes it."""
    from opengrant.imports import age_files  # noqa: PLC0415 -- --help must not load the library

    texts = [*(recipient or []), *(_recipients_in(recipients_file) if recipients_file else [])]
    if bool(texts) == insecure_plaintext:
        raise Failure("Name recipients or --insecure-plaintext, not both." if texts else _NO_RECIPIENT)
    age_files.recipients(texts)  # a wrong one is refused before anything is opened
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    if insecure_plaintext:
        err.print("Warning: the export is not encrypted. Its reader can open all mailboxes in it.", markup=False)

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that an unfinished file is removed
    try:
        owner, counted = run(lambda installed: _write(installed, application, output, texts, err))
    except KeyboardInterrupt:
        err.print("Stopped. The export is not complete.", markup=False)
        sys.exit(130)
    how = f"encrypted to {len(texts)} recipient(s)" if texts else "in the clear"
    err.print(f"{counted.grants} grant(s) of {owner.name} ({owner.id}) are exported, {how}.", markup=False)
    err.print(_NOT_IN_IT, markup=False)
    _complain(counted.unreadable)


async def _write(
    installed: "Installation", application: str | None, output: str, recipients: Sequence[str], err: Console
) -> tuple["Application", "_Counted"]:
    """recipients: empty for an export in the clear."""
    from opengrant.imports import age_files  # noqa: PLC0415 -- as above

    owner = await application_of(installed, application)
    exporting = installed.services.exporting
    with _target(output) as out:
        counted = _Counted(await exporting.begin(owner, recipients=recipients))
        with _progress(err, counted):
            lines = _counting(exporting, owner, counted)
            if recipients:
                await age_files.encrypt(lines, out, age_files.recipients(recipients))
            else:
                async for piece in lines:
                    await asyncio.to_thread(out.write, piece)
    return owner, counted


def _complain(unreadable: Sequence[str]) -> None:
    """Raises Failure."""
    if unreadable:
        more = "" if len(unreadable) <= _SHOWN else ", …"
        raise Failure(
            f"The secrets of {len(unreadable)} grant(s) or credential(s) could not be opened, and are missing in the"
            f" export: {', '.join(unreadable[:_SHOWN])}{more}."
        )


@dataclass(slots=True)
class _Counted:
    total: int
    grants: int = 0
    unreadable: list[str] = field(default_factory=list)


async def _counting(exporting: "Exporting", owner: "Application", counted: _Counted) -> AsyncIterator[bytes]:
    async for part in exporting.parts(owner):
        counted.grants += part.grants
        counted.unreadable += part.unreadable
        yield part.lines


def _recipients_in(file: Path) -> Sequence[str]:
    from opengrant.imports import age_files  # noqa: PLC0415 -- as above

    found = age_files.recipients_of(file.read_text(encoding="utf-8-sig", errors="replace"))
    if not found:
        raise Failure(f"{file} has no recipient.")
    return found


@contextmanager
def _target(output: str) -> Iterator[BinaryIO]:
    """Where the export is written. A file gets its name when it is complete; only its owner can read it."""
    if output == "-":
        if sys.stdout.isatty():
            raise Failure("An export is not shown in a terminal. Write it to a file: --output grants.ndjson.age.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    if path.exists():
        raise Failure(f"{path} exists already. Move it away, or name another file.")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def _progress(err: Console, counted: _Counted) -> Iterator[None]:
    """A bar on a terminal."""
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    if not err.is_terminal:
        yield
        return
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("exporting", total=counted.total)
        ticking = asyncio.get_running_loop().create_task(_tick(bar, task, counted))
        try:
            yield
        finally:
            ticking.cancel()


async def _tick(bar: Progress, task: object, counted: _Counted) -> None:
    while True:
        bar.update(task, completed=counted.grants)  # type: ignore[arg-type] # rich's own type of ids
        await asyncio.sleep(0.2)
