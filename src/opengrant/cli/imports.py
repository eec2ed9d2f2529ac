"""`opengrant import`: many grants from a file, followed to their end.

cli/commands.py names it by path: other commands do not load it.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import cyclopts
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from opengrant.cli.output import AsJson, Wide, out, print_rows
from opengrant.cli.run import Owner, application_of, run, whole_id
from opengrant.cli.serving import Failure
from opengrant.logs import configure
from opengrant.model import SECOND

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation
    from opengrant.cli.import_input import Input
    from opengrant.cli.import_output import Shown
    from opengrant.imports.checking import Report
    from opengrant.imports.imports import ImportedRow, Progress
    from opengrant.imports.loading import Loaded, NewImport, Tell
    from opengrant.imports.result_file import Form
    from opengrant.imports.rows import Refused
    from opengrant.model import Application
    from opengrant.model.imports import Import

import_app = cyclopts.App(name="import", help="Many grants from a file: NDJSON, CSV, or an export.")

Job = Annotated[str, Parameter(help="The import's id, or the beginning of it.")]
ResultFile = Annotated[
    Path | None,
    Parameter("--results", help="Write what became of each line to this file: .ndjson or .csv."),
]
FailedFile = Annotated[
    Path | None,
    Parameter("--failed", help="Write the refused and failed rows to this file, to import them again. It has secrets."),
]
_STOPPED = "Stopped. The same command goes on where it was; servers and workers go on with rows that are stored."
_STOPPED_STREAM = (
    "Stopped. If the standard input had not ended, nothing of it is kept: start again. If it had, `opengrant import"
    " work JOB` goes on; `opengrant import list` has its id."
)
_LISTED = 200
_SAMPLES = 10
"""Refused lines that a dry run prints."""
_LOOK = 1.0
"""Seconds between two looks at an import that is followed."""


File = Annotated[
    str, Parameter(help="The file, or - for the standard input. Gzip is recognised.", allow_leading_hyphen=True)
]
Name = Annotated[str | None, Parameter("--name", help="What lists call it. [default: the file's name]")]
DryRun = Annotated[bool, Parameter("--dry-run", negative=(), help="Only check: write nothing, and ask no provider.")]
InputFormat = Annotated[
    Literal["ndjson", "csv"] | None, Parameter("--format", help="[default: by the name, or by the first line]")
]
Maps = Annotated[
    list[str] | None,
    Parameter(
        "--map",
        negative=(),
        help="TARGET=SOURCE: read our member from theirs, with dots into objects:"
        " refresh_token=credentials.raw.refresh_token. May be repeated.",
    ),
]
Constants = Annotated[
    list[str] | None,
    Parameter("--set", negative=(), help="TARGET=VALUE: the same in every row: provider=google. May be repeated."),
]
Preset = Annotated[
    Literal["nango", "emailengine"] | None, Parameter("--preset", help="Read rows as this system writes them.")
]
CutOver = Annotated[
    bool,
    Parameter(
        "--cut-over", negative=(), help="Leave tokens that end with their use alone until `opengrant import cut-over`."
    ),
]
CutOverAt = Annotated[
    datetime | None, Parameter("--cut-over-at", help="As --cut-over; it comes by itself at this time.")
]
HoldRefresh = Annotated[
    bool, Parameter("--hold-refresh", negative=(), help="Do not refresh the new grants before the cut-over.")
]
Identity = Annotated[Path | None, Parameter("--identity", help="The age key that decrypts an export: key.txt.")]
Again = Annotated[
    bool, Parameter("--again", negative=(), help="Import a file again that was imported to its end before.")
]
Detach = Annotated[
    bool, Parameter("--detach", negative=(), help="Only store the rows; servers and workers verify them.")
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How an input is read, and what its import is to be."""

    name: Name = None
    input_format: InputFormat = None
    maps: Maps = None
    constants: Constants = None
    preset: Preset = None
    cut_over: CutOver = False
    cut_over_at: CutOverAt = None
    hold_refresh: HoldRefresh = False
    again: Again = False
    identity: Identity = None

    def new_import(self, file: str, named: str) -> "NewImport":
        """Raises InvalidRequest, Failure."""
        from opengrant.api.import_rows import ROWS  # noqa: PLC0415 -- --help must not load the rooms
        from opengrant.imports.loading import NewImport  # noqa: PLC0415 -- likewise
        from opengrant.imports.mapping import RowMap  # noqa: PLC0415 -- likewise
        from opengrant.imports.reading import format_of  # noqa: PLC0415 -- likewise

        at = None if self.cut_over_at is None else _micros(self.cut_over_at)
        return NewImport(
            name=self.name or named,
            cut_over=self.cut_over or at is not None,
            hold_refresh=self.hold_refresh,
            cut_over_at=at,
            map=RowMap.of(self.maps or [], self.constants or [], self.preset, known=ROWS.settings),
            format=self.input_format or format_of(file),
            again=self.again,
        )


_DEFAULTS = Options()


@import_app.default
def import_file(
    file: File,
    /,
    *,
    application: Owner = None,
    dry_run: DryRun = False,
    options: Options = _DEFAULTS,
    detach: Detach = False,
    results: ResultFile = None,
    failed: FailedFile = None,
    json: AsJson = False,
) -> None:
    """Import grants: a row is a body of POST /v3/connect/custom, with id, external_id and grant_id.

    Rows are stored sealed, then verified as connect/custom does it. It can be stopped at any time: the same command
    goes on where it was. docs/importing.md describes formats, mappings and results. Exit status 1 if rows were refused
    or failed.
    """
    from opengrant.cli.import_input import open_input  # noqa: PLC0415 -- --help must not load the rooms

    source = open_input(file)
    new = options.new_import(file, source.name)
    form = _form(results)
    if dry_run:
        _dry_run(
            lambda installed: _check(installed, application, source, new, options.identity, results, form), json=json
        )
        return
    _refuse_existing(failed)
    _follow_to_the_end(
        lambda installed: _import(
            installed, application, source, new, options.identity, detach=detach, results=results, failed=failed
        ),
        json=json,
        stopped=_STOPPED_STREAM if file == "-" else _STOPPED,
    )


def _dry_run(check: Callable[["Installation"], Awaitable["Report"]], *, json: bool) -> None:
    from opengrant.cli.import_output import print_report  # noqa: PLC0415 -- --help must not load the rooms

    report = run(check)
    print_report(report, json=json)
    if not report.is_clean:
        sys.exit(1)


def _follow_to_the_end(
    work: Callable[["Installation"], Awaitable["Progress"]], *, json: bool, stopped: str = _STOPPED
) -> None:
    """Exit with what became of the rows. stopped: what is said if it is interrupted."""
    from opengrant.cli.import_output import print_progress  # noqa: PLC0415 -- --help must not load the rooms

    try:
        progress = run(work)
    except KeyboardInterrupt:
        _say(stopped)
        sys.exit(130)
    print_progress(progress, json=json)
    if progress.counts["refused"] or progress.counts["failed"]:
        sys.exit(1)


async def _import(
    installed: "Installation",
    application: str | None,
    source: "Input",
    new: "NewImport",
    identity: Path | None,
    *,
    detach: bool,
    results: Path | None,
    failed: Path | None,
) -> "Progress":
    owner = await application_of(installed, application)
    loaded = await _load(installed, owner, source, new, identity)
    if loaded.known:
        _say(f"This input is the import {loaded.job.id} already ({loaded.job.state}); --again imports it once more.")
    else:
        _say(f"Import {loaded.job.id}: {loaded.job.lines:,} line(s) are stored.")
    if source.size is not None and not loaded.known:
        _say("Its rows are in the database, sealed. Delete the file when you do not need it: it has secrets.")
    if detach:
        return await installed.services.imports.progress(owner, loaded.job)
    progress = await _work(installed, owner, loaded.job)
    await _write_files(installed, owner, progress.job, results=results, failed=failed)
    return progress


async def _load(
    installed: "Installation", owner: "Application", source: "Input", new: "NewImport", identity: Path | None
) -> "Loaded":
    from opengrant.api.import_rows import ROWS  # noqa: PLC0415 -- --help must not load the rooms
    from opengrant.cli.import_output import shown  # noqa: PLC0415 -- likewise
    from opengrant.imports.loading import ChangedInput, Superseded  # noqa: PLC0415 -- likewise
    from opengrant.imports.restoring import CannotRestore  # noqa: PLC0415 -- likewise

    if source.open_to_others:
        _say(f"Warning: other users of this machine can read {source.name}: chmod 600 it.")
    content = None
    if source.size is not None:
        with shown(f"hashing {source.name}", "bytes") as seen:
            content = source.digest(lambda done: seen.update(done, source.size))
        await _tell_of_another(installed, owner, new, content)
    exports = installed.services.restoring.begin(owner)
    try:
        with shown(f"storing {source.name}", "lines") as seen:
            loaded = await installed.services.import_loading.load(
                owner,
                _pieces(source, content, identity),
                new,
                ROWS,
                content=content,
                exports=exports,
                tell=_telling(seen, source.size),
            )
    except (ChangedInput, Superseded, CannotRestore) as problem:
        raise Failure(str(problem)) from None
    if loaded.cut_off is not None:
        _say(f"Warning: {loaded.cut_off.args[0]} What came before is imported. {loaded.cut_off.args[1]}")
    elif exports.cut_off:
        _say("Warning: the export was cut off: its last line is missing. Import the whole file when you have it.")
    return loaded


async def _tell_of_another(installed: "Installation", owner: "Application", new: "NewImport", content: bytes) -> None:
    """A file of this name may have been read in part, and changed since: its rows wait for what it was."""
    from opengrant.imports.loading import digest_of  # noqa: PLC0415 -- --help must not load the rooms

    digest = digest_of(content, new.map)
    for job in await installed.services.imports.page(owner, before=None, limit=_LISTED):
        if job.state == "loading" and job.name == new.name and job.digest not in {None, digest}:
            _say(
                f"The import {job.id} has this name too, and was not read to its end: the file was another one, or is"
                " read with another map. None of its rows is verified, and they are removed in a week. To remove them"
                f" now: opengrant import cancel {job.id}"
            )


def _telling(seen: "Shown", size: int | None) -> "Tell":
    """On a terminal, the bar is of bytes; a line says lines."""

    def tell(done: int, lines: int) -> None:
        from opengrant.cli.import_output import err  # noqa: PLC0415 -- --help must not load the rooms

        if err.is_terminal:
            seen.update(done, size, f"{lines:,} lines")
        else:
            seen.update(lines, None)

    return tell


def _pieces(source: "Input", content: bytes | None, identity: Path | None) -> AsyncIterator[bytes]:
    """Raises Failure."""
    if source.is_encrypted:
        if identity is None:
            raise Failure(f"{source.name} is encrypted: name the key that decrypts it with --identity key.txt.")
        return source.decrypted(identity, content)
    return source.pieces(content)


async def _work(installed: "Installation", owner: "Application", job: "Import") -> "Progress":
    """Verify rows, beside the servers if there are any, until no row waits."""
    from opengrant.jobs.imports import imports  # noqa: PLC0415 -- --help must not load the rooms
    from opengrant.jobs.loop import run_jobs  # noqa: PLC0415 -- likewise

    # What stops a source is shown as progress; a line for each row that fails would hide it.
    with closing(configure("error", form=installed.settings.log_format)):
        working = asyncio.create_task(run_jobs([imports(installed.services)]))
        try:
            return await _follow(installed, owner, job.id)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working


async def _follow(installed: "Installation", owner: "Application", import_id: str) -> "Progress":
    """Until it has ended, or all rows that are left wait for the cut-over."""
    from opengrant.cli.import_output import shown  # noqa: PLC0415 -- --help must not load the rooms

    service = installed.services.imports
    with shown("verifying", "rows") as seen:
        while True:
            progress = await service.progress(owner, await service.get(owner, import_id))
            seen.follow(progress)
            if progress.job.state in {"finished", "cancelled"}:
                return progress
            if progress.job.state == "running" and not progress.counts["waiting"] and progress.counts["staged"]:
                return progress
            await asyncio.sleep(_LOOK)


async def _check(
    installed: "Installation",
    application: str | None,
    source: "Input",
    new: "NewImport",
    identity: Path | None,
    results: Path | None,
    form: "Form",
) -> "Report":
    from opengrant.api.import_rows import ROWS  # noqa: PLC0415 -- --help must not load the rooms
    from opengrant.cli.import_output import shown  # noqa: PLC0415 -- likewise
    from opengrant.imports import result_file  # noqa: PLC0415 -- likewise

    owner = await application_of(installed, application)
    samples = 0
    with shown(f"checking {source.name}", "lines") as seen, _opened(results) as file:
        if file is not None:
            file.write(result_file.heading(form))

        def refuse(one: "Refused") -> None:
            nonlocal samples
            samples += 1
            if samples == _SAMPLES + 1 and file is None:
                seen.say("More lines would be refused: --results FILE names all of them.")
            if samples <= _SAMPLES:
                seen.say(f"line {one.line}: {one.reason}{f' {one.remedy}' if one.remedy else ''}")
            if file is not None:
                file.write(result_file.written(form, [_as_result(one)]))

        return await installed.services.import_checking.check(
            owner,
            _pieces(source, None, identity),
            new,
            ROWS,
            exports=True,
            refuse=refuse,
            tell=_telling(seen, source.size),
        )


def _as_result(one: "Refused") -> "ImportedRow":
    from opengrant.imports.imports import ImportedRow  # noqa: PLC0415 -- --help must not load the rooms
    from opengrant.model import ProviderName  # noqa: PLC0415 -- likewise

    provider = None if one.provider is None else ProviderName(one.provider)
    said = (one.class_, one.reason, one.remedy)
    return ImportedRow(one.line, one.key, provider, None, "refused", *said, attempts=0, at=None)


@import_app.command(name="list")
def import_list(
    *, application: Owner = None, limit: PositiveInt = 20, wide: Wide = False, json: AsJson = False
) -> None:
    """List imports, the newest first."""

    async def find(installed: "Installation") -> list[dict[str, Any]]:
        owner = await application_of(installed, application)
        found = await installed.services.imports.page(owner, before=None, limit=limit)
        return [
            {
                "id": job.id,
                "name": job.name,
                "status": job.state,
                "lines": job.lines,
                "created_at": job.created_at // SECOND,
            }
            for job in found
        ]

    print_rows(run(find), json=json, wide=wide)


@import_app.command(name="show")
def import_show(job: Job, *, application: Owner = None, json: AsJson = False) -> None:
    """Show how far an import is: rows by outcome, and its sources."""

    async def find(installed: "Installation") -> "Progress":
        owner, found = await _found(installed, application, job)
        return await installed.services.imports.progress(owner, found)

    from opengrant.cli.import_output import print_progress  # noqa: PLC0415 -- --help must not load the rooms

    print_progress(run(find), json=json, sources=True)


@import_app.command(name="work")
def import_work(
    job: Job, *, application: Owner = None, results: ResultFile = None, failed: FailedFile = None, json: AsJson = False
) -> None:
    """Verify the rows of an import here, and follow it to its end. Ctrl-C stops this command only."""
    _form(results)
    _refuse_existing(failed)

    async def work(installed: "Installation") -> "Progress":
        owner, found = await _found(installed, application, job)
        if found.state == "loading":
            raise Failure("Its input is not stored to the end: start `opengrant import FILE` again.")
        progress = await _work(installed, owner, found)
        await _write_files(installed, owner, progress.job, results=results, failed=failed)
        return progress

    _follow_to_the_end(work, json=json)


@import_app.command(name="pause")
def import_pause(job: Job, *, application: Owner = None) -> None:
    """Begin no other row, on any node. Rows that are being verified are finished."""

    async def pause(installed: "Installation") -> "Import":
        owner, found = await _found(installed, application, job)
        return await installed.services.imports.pause(owner, found.id)

    out.print(f"{run(pause).id} is paused. `opengrant import resume` lets it go on.", markup=False)


@import_app.command(name="resume")
def import_resume(job: Job, *, application: Owner = None) -> None:
    """Let a paused import go on."""

    async def resume(installed: "Installation") -> "Import":
        owner, found = await _found(installed, application, job)
        return await installed.services.imports.resume(owner, found.id)

    out.print(f"{run(resume).id} goes on, in servers and workers, and in `opengrant import work`.", markup=False)


@import_app.command(name="cancel")
def import_cancel(job: Job, *, application: Owner = None) -> None:
    """Verify no other row, and destroy the credentials of those that wait. Grants that exist stay."""

    async def cancel(installed: "Installation") -> "Import":
        owner, found = await _found(installed, application, job)
        return await installed.services.imports.cancel(owner, found.id)

    out.print(f"{run(cancel).id} is cancelled. Grants that it made stay.", markup=False)


@import_app.command(name="cut-over")
def import_cut_over(
    job: Job,
    *,
    source: Annotated[
        str | None, Parameter("--source", help="Only this source, as `opengrant import show` names it.")
    ] = None,
    application: Owner = None,
) -> None:
    """Use the tokens that waited: the old side cannot refresh them from now on. Rows are verified as any other."""

    async def cut(installed: "Installation") -> "Import":
        owner, found = await _found(installed, application, job)
        service = installed.services.imports
        whole = source and whole_id(source, await service.source_ids(owner, found))
        return await service.cut_over(owner, found.id, source=whole)

    out.print(f"{run(cut).id} is cut over. `opengrant import work` verifies its rows and follows it.", markup=False)


@import_app.command(name="results")
def import_results(
    job: Job,
    *,
    output: Annotated[
        Path | None, Parameter("--output", help="A file, .ndjson or .csv. [default: the standard output]")
    ] = None,
    format: Annotated[Literal["ndjson", "csv"], Parameter("--format", help="Of the standard output.")] = "ndjson",  # noqa: A002
    outcome: Annotated[
        list[str] | None, Parameter("--outcome", negative=(), help="Only rows with this outcome. May be repeated.")
    ] = None,
    application: Owner = None,
) -> None:
    """Write what became of each line. It is complete at any time: rows that still wait are in it. It has no secrets."""
    from opengrant.model.imports import OUTCOMES  # noqa: PLC0415 -- --help must not load the rooms

    outcomes = [one for one in OUTCOMES if one in (outcome or ())]
    if unknown := {*(outcome or ())} - {*outcomes}:
        raise Failure(f"--outcome: {', '.join(sorted(unknown))} is none of {', '.join(OUTCOMES)}.")
    form = _form(output) if output else format

    async def write(installed: "Installation") -> None:
        from opengrant.imports import result_file  # noqa: PLC0415 -- --help must not load the rooms

        owner, found = await _found(installed, application, job)
        pages = result_file.pages(installed.services.imports, owner, found, form, outcomes=outcomes)
        with _opened(output) as file:
            async for page in pages:
                (sys.stdout.buffer if file is None else file).write(page)
        sys.stdout.buffer.flush()

    run(write)


@import_app.command(name="failed")
def import_failed(
    job: Job,
    output: Annotated[Path, Parameter(help="The file to write, which must not exist. It has secrets.")],
    *,
    application: Owner = None,
) -> None:
    """Write the rows that were refused or failed, so that they can be corrected and imported again.

    Lines that could not be read, or repeat an earlier one, are named by their number. Only you can read the file.
    """
    _refuse_existing(output)

    async def write(installed: "Installation") -> list[str]:
        owner, found = await _found(installed, application, job)
        return await _write_failed(installed, owner, found, output)

    for line in run(write):
        out.print(line, markup=False)


async def _found(installed: "Installation", application: str | None, named: str) -> "tuple[Application, Import]":
    """An import by the beginning of its id. Raises NotFound, Failure."""
    owner = await application_of(installed, application)
    service = installed.services.imports
    known = [job.id for job in await service.page(owner, before=None, limit=_LISTED)]
    return owner, await service.get(owner, whole_id(named, known))


async def _write_files(
    installed: "Installation", owner: "Application", job: "Import", *, results: Path | None, failed: Path | None
) -> None:
    from opengrant.imports import result_file  # noqa: PLC0415 -- --help must not load the rooms

    if results is not None:
        with _opened(results) as file:
            assert file is not None
            async for page in result_file.pages(installed.services.imports, owner, job, _form(results)):
                file.write(page)
        _say(f"What became of each line is in {results}.")
    if failed is not None:
        for line in await _write_failed(installed, owner, job, failed):
            _say(line)


async def _write_failed(installed: "Installation", owner: "Application", job: "Import", path: Path) -> list[str]:
    """Readable by its owner only, from its first byte; no file if no row is left. Returns what to say."""
    remaining, number = installed.services.import_remaining, 0
    lines = remaining.lines(owner, job)
    if (first := await anext(lines, None)) is not None:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(first)
            number = 1
            async for line in lines:
                file.write(line)
                number += 1
    left, some = await remaining.not_kept(owner, job)
    said = [
        f"{number:,} line(s) are in {path}, with secrets. Change what was wrong, and import it."
        if number
        else f"No row that was refused or failed can be imported again: {path} is not written."
    ]
    if left:
        more = "" if left == len(some) else ", …"
        said.append(
            f"Not among them: {left:,} line(s) that could not be read, or repeat an earlier one. Correct them in your"
            f" file: line {', '.join(map(str, some))}{more}."
        )
    return said


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO | None]:
    """A file that gets its name when it is complete."""
    if path is None:
        yield None
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _form(path: Path | None) -> "Form":
    """By the end of its name. Raises Failure."""
    if path is None or path.suffix in {".ndjson", ".jsonl"}:
        return "ndjson"
    if path.suffix == ".csv":
        return "csv"
    raise Failure(f"{path}: name it .ndjson or .csv.")


def _refuse_existing(path: Path | None) -> None:
    if path is not None and path.exists():
        raise Failure(f"{path} exists already. Move it away, or name another file.")


def _micros(at: datetime) -> int:
    """A time without a zone is one of this machine."""
    moment = at.astimezone(UTC)
    if moment <= datetime.now(UTC):
        raise Failure("--cut-over-at: the time has passed. Write it as 2026-12-24T18:00.")
    return int(moment.timestamp() * SECOND)


def _say(text: str) -> None:
    from opengrant.cli.import_output import err  # noqa: PLC0415 -- --help must not load the rooms

    err.print(text, markup=False)
