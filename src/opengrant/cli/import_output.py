"""What `opengrant import` shows: a bar on a terminal, a line now and then elsewhere; an import, and a dry run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from opengrant.api.wire import import_jobs as wire
from opengrant.cli.output import out, print_columns, print_json, time_of
from opengrant.imports import imports
from opengrant.imports.checking import Report, Standing
from opengrant.imports.imports import SourceProgress
from opengrant.model import SECOND
from opengrant.model.imports import Outcome

err = Console(stderr=True, highlight=False, soft_wrap=True)

_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""
WORDS: dict[Outcome, str] = {
    "created": "created",
    "renewed": "renewed",
    "unchanged": "unchanged",
    "sign_in": "must sign in again",
    "refused": "refused",
    "failed": "failed",
    "cancelled": "cancelled",
    "staged": "wait for the cut-over",
    "waiting": "waiting",
}

_SOURCES = 20
_STANDINGS: dict[Standing, str] = {
    "new": "of mailboxes that have no grant",
    "known": "of mailboxes that have a grant, which is renewed",
    "unknown": "of mailboxes that only their provider can name",
}


class Shown:
    """One thing that takes long. Other lines go through `say`, so that they do not tear the bar apart."""

    def __init__(self, what: str, unit: str, bar: Progress | None) -> None:
        self._what, self._unit = what, unit
        self._bar = bar
        self._task: TaskID | None = None if bar is None else bar.add_task(what, total=None, note="")
        self._said = time.monotonic()
        self._sources: dict[str, str] = {}

    def update(self, done: int, total: int | None, note: str = "") -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, note=note)
        elif time.monotonic() - self._said >= _EVERY:
            self._said = time.monotonic()
            of = "" if total is None else f" of {total:,}"
            self.say(f"{self._what}: {done:,}{of} {self._unit}{', ' if note else ''}{note}")

    def say(self, text: str) -> None:
        err.print(text, markup=False)

    def follow(self, progress: imports.Progress) -> None:
        """How far an import is, and which sources have stopped or go on."""
        waiting = progress.counts["waiting"]
        self.update(progress.rows - waiting, progress.rows, _note(progress))
        for source in progress.sources:
            now = _trouble(source)
            if now and self._sources.get(source.source) != now:
                self.say(f"{source.provider} {source.source} pauses: {now}")
            elif not now and source.source in self._sources:
                self.say(f"{source.provider} {source.source} goes on.")
            if now:
                self._sources[source.source] = now
            else:
                self._sources.pop(source.source, None)


@contextmanager
def shown(what: str, unit: str) -> Iterator[Shown]:
    if not err.is_terminal:
        yield Shown(what, unit, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=err, transient=True) as bar:
        yield Shown(what, unit, bar)


def summary(progress: imports.Progress) -> list[str]:
    """Lines of counts, those first that are good news."""
    return [f"{number:>12,}  {WORDS[outcome]}" for outcome in WORDS if (number := progress.counts[outcome])]


def _note(progress: imports.Progress) -> str:
    """Counts, rate, and when it will be done."""
    parts = [f"{number:,} {word}" for outcome, word in WORDS.items() if (number := progress.counts[outcome])]
    if progress.rate:
        parts.append(f"{progress.rate:,.0f} rows/s")
    if progress.ends_at is not None:
        parts.append(f"done at {datetime.fromtimestamp(progress.ends_at / SECOND).astimezone():%H:%M}")
    if progress.job.state == "paused":
        parts.append("paused")
    return ", ".join(parts)


def _trouble(source: SourceProgress) -> str:
    said = source.trouble
    if said is None or source.state == "done":
        return ""
    # Only a connector has to be changed by its operator; the others go on by themselves.
    told = ("reason", "remedy") if said.get("class") == "connector" else ("reason",)
    return " ".join(str(said[name]) for name in told if said.get(name))


def duration(seconds: float) -> str:
    """Roughly, for a forecast."""
    if seconds < 60:
        return "less than a minute"
    if seconds < 2 * 3600:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"


def print_progress(progress: imports.Progress, *, json: bool, sources: bool = False) -> None:
    job = progress.job
    if json:
        print_json(
            wire.ImportProgress.shown(progress, [], SECOND).model_dump(by_alias=True, exclude={"spans", "span_seconds"})
        )
        return
    out.print(f"{job.name}: {progress.rows:,} rows, import {job.id}, {job.state}", markup=False)
    for line in summary(progress):
        out.print(line, markup=False)
    if progress.ends_at is not None and progress.rate:
        out.print(f"{progress.rate:,.0f} rows/s, done at {time_of(progress.ends_at // SECOND)}", markup=False)
    if job.holds_grants:
        out.print("Its grants are not refreshed before the cut-over.", markup=False)
    if progress.counts["staged"] or job.holds_grants:
        if job.cut_over_at is None:
            out.print(f"It waits for the cut-over: opengrant import cut-over {job.id}", markup=False)
        else:
            out.print(f"The cut-over comes at {time_of(job.cut_over_at // SECOND)}.", markup=False)
    if progress.counts["refused"] or progress.counts["failed"] or progress.counts["sign_in"]:
        out.print(f"What became of each line: opengrant import results {job.id} --output results.csv", markup=False)
    if sources and progress.sources:
        out.print("")
        print_columns(
            [("source", "provider", "state", "rows", "waiting", "trouble"), *map(_source_row, progress.sources)]
        )


def _source_row(source: SourceProgress) -> tuple[str, ...]:
    trouble = (
        "-"
        if source.trouble is None
        else " ".join(str(source.trouble.get(name) or "") for name in ("reason", "remedy"))
    )
    left = source.counts["waiting"] + source.counts["staged"]
    return source.source, str(source.provider), source.state, f"{source.rows:,}", f"{left:,}", trouble.strip()


def print_report(report: Report, *, json: bool) -> None:
    if json:
        print_json(_as_mapping(report))
        return
    rows = sum(report.rows.values()) + report.exported
    out.print(f"{report.lines:,} line(s): {rows:,} row(s) can be imported.")
    for standing, text in _STANDINGS.items():
        if number := report.rows[standing]:
            out.print(f"{number:>12,}  {text}")
    if report.exported:
        out.print(f"{report.exported:>12,}  grants of an export: they are restored, and no provider is asked")
    for class_, number in report.refused.most_common():
        out.print(f"{number:>12,}  would be refused: {class_}")
    for provider, number in report.missing.items():
        out.print(f"{number:>12,}  need a connector of {provider}: create it first, or the import stops there")
    if report.parts:
        _print_parts(report)
    out.print("Nothing was written, and no provider was asked.")


def _as_mapping(report: Report) -> dict[str, Any]:
    parts = [
        {"source": one.source, "provider": one.provider, "rows": one.rows, "staged": one.staged}
        for one in report.parts.values()
    ]
    return {
        "lines": report.lines,
        "rows": sum(report.rows.values()),
        "mailboxes": dict(report.rows),
        "providers": dict(report.providers),
        "sources": parts,
        "exported": report.exported,
        "refused": dict(report.refused),
        "missing_connectors": dict(report.missing),
        "seconds": round(report.seconds),
    }


def _print_parts(report: Report) -> None:
    rows = sorted(report.parts.values(), key=lambda one: -one.rows)
    listed = [
        (one.source, str(one.provider), f"{one.rows:,}", "wait for the cut-over" if one.staged else "-")
        for one in rows[:_SOURCES]
    ]
    out.print("")
    print_columns([("source", "provider", "rows", "note"), *listed])
    if len(rows) > _SOURCES:
        out.print(f"and {len(rows) - _SOURCES} more source(s)")
    out.print(f"\nIt will take {duration(report.seconds)}, with the budgets that are set.")
