"""`opengrant config`: the settings in force, and where each came from.

cli/commands.py names it by path: other commands do not load it.
"""

import os
from collections.abc import Iterator
from typing import Any

import cyclopts
from pydantic import BaseModel, SecretStr

from opengrant.cli import environment
from opengrant.cli.output import AsJson, out, print_json
from opengrant.cli.serving import load_settings
from opengrant.settings import Settings, say_unknown, unknown

config_app = cyclopts.App(name="config", help="The settings in force, and where each came from.")

_MASK = "********"


@config_app.default
def config(*, json: AsJson = False) -> None:
    """Show the settings in force, and where each came from. Secrets are masked.

    What is printed is a file of settings: those that are set, and the defaults of the others as comments.
    """
    rows = [*_rows(load_settings())]
    if json:
        print_json(rows)
        return
    chosen = [row for row in rows if row["source"] != "default"]
    for row in chosen:
        line, source = f"{row['name']}={_written(row['value'])}", f"# from {row['source']}"
        together = f"{line}  {source}"
        out.print(together if len(together) <= 80 else f"{source}\n{line}", markup=False)
    out.print(("\n" if chosen else "") + "# Defaults", markup=False)
    for row in rows:
        if row["source"] == "default":
            out.print(f"# {row['name']}={_written(row['value'])}", markup=False)
    for name, nearest in unknown(os.environ):
        out.print(f"\n# {say_unknown(name, nearest)}", markup=False)


def _rows(settings: Settings) -> Iterator[dict[str, Any]]:
    present = {name.upper() for name in os.environ}
    for name, value in _values(settings, environment.PREFIX):
        source = environment.sources.get(name, "the environment") if name in present else "default"
        yield {"name": name, "value": value, "source": source}


def _values(part: BaseModel, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in type(part).model_fields:
        value, name = getattr(part, field), prefix + field.upper()
        if isinstance(value, BaseModel):
            yield from _values(value, f"{name}__")
        else:
            yield name, _MASK if isinstance(value, SecretStr) else value


def _written(value: object) -> str:
    """As a file of settings has it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            text = str(value)
            return f"'{text}'" if any(mark in text for mark in ' #"') else text
