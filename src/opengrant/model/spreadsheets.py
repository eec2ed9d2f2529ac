"""Tables as files that spreadsheets open."""

import csv
from collections.abc import Sequence
from io import StringIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Beginnings that a spreadsheet takes for a formula: it would run what a mailbox owner has written in a name."""


def table(rows: Sequence[Sequence[str]]) -> bytes:
    """CSV, as RFC 4180 has it. A cell that a spreadsheet would run begins with a quote."""
    text = StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
