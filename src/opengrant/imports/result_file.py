"""The results of an import as a file: NDJSON or CSV, page by page."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from pydantic_core import to_json

from opengrant.imports.imports import ImportedRow, Imports
from opengrant.model import Application
from opengrant.model.imports import Import, Outcome
from opengrant.model.spreadsheets import table

Form = Literal["ndjson", "csv"]
COLUMNS = ("line", "id", "provider", "grant_id", "outcome", "class", "reason", "remedy")
_AT_ONCE = 1000
"""Rows that one query reads."""


async def pages(
    imports: Imports, app: Application, job: Import, form: Form, *, outcomes: Sequence[Outcome] = ()
) -> AsyncGenerator[bytes]:
    """The file in pieces, complete at any time: rows that still wait are in it. outcomes: only these; () means all."""
    if form == "csv":
        yield heading(form)
    line = 0
    while rows := await imports.results(app, job, after=line, limit=_AT_ONCE, outcomes=outcomes):
        yield written(form, rows)
        line = rows[-1].line


def heading(form: Form) -> bytes:
    """The names of the columns; nothing for NDJSON."""
    return table([COLUMNS]) if form == "csv" else b""


def written(form: Form, rows: Sequence[ImportedRow]) -> bytes:
    return table([_cells(row) for row in rows]) if form == "csv" else b"".join(map(_line, rows))


def _values(row: ImportedRow) -> tuple[object, ...]:
    """In the order of COLUMNS."""
    return (row.line, row.key, row.provider, row.grant_id, row.outcome, row.class_, row.reason, row.remedy)


def _line(row: ImportedRow) -> bytes:
    return to_json(dict(zip(COLUMNS, _values(row), strict=True))) + b"\n"


def _cells(row: ImportedRow) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in _values(row))
