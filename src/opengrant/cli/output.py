"""What commands print: JSON for scripts, columns for terminals."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic_core import to_json
from rich.console import Console

AsJson = Annotated[bool, Parameter("--json", negative=(), help="Print JSON, for scripts.")]
out = Console(highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    sys.stdout.write(to_json(value, indent=2).decode() + "\n")


def print_rows(rows: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        print_json(rows)
        return
    print_columns([tuple(rows[0]), *(tuple(_cell(*item) for item in row.items()) for row in rows)] if rows else [])


def print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """The first row is the heading. A rich table would cut ids to fit the terminal, and they must be copied whole."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.print(line.rstrip(), markup=False)
    if not rows:
        out.print("none")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.endswith("_at"):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return ", ".join(value) if isinstance(value, list) else str(value)
