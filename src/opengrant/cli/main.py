"""Where the `opengrant` command begins.

A server needs no command line library: without cyclopts and rich it starts 0.1 seconds earlier and takes 8 MB less.
So the two commands that run for long are recognised here, when they come without anything that wants to be parsed.
Every other line, a mistake too, goes to cli/commands.py. cli/environment.py takes the options of all commands first.
"""

import sys
from typing import NoReturn

from opengrant import logs as _logs  # noqa: F401 -- first: it decides how structlog is loaded
from opengrant.cli import environment, serving
from opengrant.errors import OpenGrantError, StoreUnavailable
from opengrant.store.engine.migrate import MigrationError
from opengrant.vault import MasterKeyError


def main() -> None:
    """Run a command; an error is one sentence and exit status 1, 2 for a line that cannot be understood."""
    try:
        _run(environment.take(sys.argv[1:]))
    except StoreUnavailable as problem:
        _fail(f"The database cannot be used: {problem.detail}")
    except OpenGrantError as problem:
        _fail(problem.message)
    except serving.WrongUsage as problem:
        _fail(str(problem), status=2)
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
            from opengrant.cli.commands import start  # noqa: PLC0415 -- see above

            start(arguments)


def _fail(text: str, *, status: int = 1) -> NoReturn:
    sys.stderr.write(f"opengrant: {text}\n")
    sys.exit(status)
