"""`opengrant config`: the settings in force, and where each came from.

cli/commands.py names it by path: other commands do not load it.
"""

import os

import cyclopts

from opengrant.cli.output import AsJson, out, print_json
from opengrant.cli.serving import load_settings
from opengrant.settings import in_force, say_unknown, unknown

config_app = cyclopts.App(name="config", help="The settings in force, and where each came from.")


@config_app.default
def config(*, json: AsJson = False) -> None:
    """Show the settings in force, and where each came from. Secrets are masked.

    What is printed is a file of settings: those that are set, and the defaults of the others as comments.
    """
    rows = [{"name": one.name, "value": one.value, "source": one.source} for one in in_force(load_settings())]
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
