"""The results of an import as a file: NDJSON or CSV, page by page."""

import csv
from collections.abc import AsyncGenerator, Sequence
from io import StringIO
from typing import Literal

from pydantic_core import to_json

from opengrant.imports.imports import ImportedRow, Imports
from opengrant.model import Application
from opengrant.model.imports import Import, Outcome

Form = Literal["ndjson", "csv"]
COLUMNS = ("line", "id", "provider", "grant_id", "outcome", "class", "reason", "remedy")
_AT_ONCE = 1000
"""Rows that one query reads."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Beginnings that a spreadsheet takes for a formula."""


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
    return _csv([COLUMNS]) if form == "csv" else b""


def written(form: Form, rows: Sequence[ImportedRow]) -> bytes:
    return _csv([_cells(row) for row in rows]) if form == "csv" else b"".join(map(_line, rows))


def _values(row: ImportedRow) -> tuple[object, ...]:
    """In the order of COLUMNS."""
    return (row.line, row.key, row.provider, row.grant_id, row.outcome, row.class_, row.reason, row.remedy)


def _line(row: ImportedRow) -> bytes:
    return to_json(dict(zip(COLUMNS, _values(row), strict=True))) + b"\n"


def _cells(row: ImportedRow) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in _values(row))


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    """As RFC 4180 has it."""
    text = StringIO()
    csv.writer(text).writerows([[harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def harmless(cell: str) -> str:
    """With a quote before what a spreadsheet would run."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
