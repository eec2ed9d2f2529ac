"""Where the `opengrant` command begins.

A server needs no command line library: without cyclopts and rich it starts 0.1 seconds earlier and takes 8 MB less.
So the two commands that run for long are recognised here, when they come without anything that wants to be parsed.
Every other line, a mistake too, goes to cli/commands.py.
"""

import sys
from typing import NoReturn

from opengrant import logs as _logs  # noqa: F401 -- first: it decides how structlog is loaded
from opengrant.cli import serving
from opengrant.errors import OpenGrantError, StoreUnavailable
from opengrant.store.engine.migrate import MigrationError
from opengrant.vault import MasterKeyError


def main() -> None:
    """Run a command; an error of ours is one sentence and exit status 1, without a stack trace."""
    try:
        _run(sys.argv[1:])
    except StoreUnavailable as problem:
        _fail(f"The database cannot be used: {problem.detail}")
    except OpenGrantError as problem:
        _fail(problem.message)
    except (serving.Failure, MasterKeyError, MigrationError) as problem:
        _fail(str(problem))
    except OSError as problem:
        where = "" if problem.filename is None else f"{problem.filename}: "
        _fail(f"{where}{problem.strerror or problem}")


def _run(arguments: list[str]) -> None:
    match arguments:
        case ["serve"]:
            serving.serve(work=True)
        case ["serve", "--no-work"]:
            serving.serve(work=False)
        case ["work"]:
            serving.work(port=None)
        case _:
            from opengrant.cli.commands import app  # noqa: PLC0415 -- see above

            app()


def _fail(text: str) -> NoReturn:
    sys.stderr.write(f"opengrant: {text}\n")
    sys.exit(1)
