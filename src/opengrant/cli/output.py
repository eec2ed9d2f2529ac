"""What commands print: JSON for scripts, tables that fit the terminal for people."""

import re
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic_core import to_json
from rich.console import Console

AsJson = Annotated[bool, Parameter("--json", negative=(), help="Print JSON, for scripts.")]
Wide = Annotated[bool, Parameter("--wide", negative=(), help="Show full ids and texts, and all columns.")]
out = Console(highlight=False, soft_wrap=True)

SHORT = 8
"""Characters of an id in a table. Commands take an id by its beginning."""
_NARROWEST = 8
_GAP = "  "
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(Z|:\d\d)|-")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def print_json(value: Any) -> None:
    sys.stdout.write(to_json(value, indent=2).decode() + "\n")


def print_rows(rows: list[dict[str, Any]], *, json: bool, wide: bool = False, columns: Sequence[str] = ()) -> None:
    """columns: those of the table, in their order; all with `wide`, and without a choice."""
    if json:
        print_json(rows)
        return
    names = tuple(rows[0] if rows and (wide or not columns) else columns)
    print_columns(
        [names, *(tuple(_cell(row[name], name) for name in names) for row in rows)] if rows else [], wide=wide
    )


def print_columns(rows: Sequence[tuple[str, ...]], *, wide: bool = False) -> None:
    """The first row is the heading. Without `wide`, ids are shortened and texts are cut to fit the terminal."""
    if not rows:
        out.print("none")
        return
    shown = [row if wide else tuple(_UUID.sub(_short, cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    if not wide:
        widths = _fitting(widths, [_least(column) for column in zip(*shown, strict=True)])
    for row in shown:
        cells = [_cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)]
        out.print(_GAP.join(cells).rstrip(), markup=False)


def _short(found: re.Match[str]) -> str:
    return found[0][:SHORT]


def _least(column: Sequence[str]) -> int:
    """Half a time says nothing: a column of times keeps its width. Others keep that of their heading."""
    heading, *cells = column
    return max(map(len, column)) if all(_TIME.fullmatch(cell) for cell in cells) else len(heading)


def _fitting(widths: list[int], least: list[int]) -> list[int]:
    """The widest columns give way first."""
    room = shutil.get_terminal_size((80, 24)).columns - len(_GAP) * (len(widths) - 1)
    widths = [*widths]
    least = [max(one, _NARROWEST) for one in least]
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda place: widths[place] - least[place])
        if widths[widest] <= least[widest]:
            break
        widths[widest] -= 1
    return widths


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _cell(value: Any, name: str) -> str:
    if value is None:
        return "-"
    if name.endswith("_at"):
        return time_of(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def time_of(seconds: int) -> str:
    """In UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")
