"""Where settings come from: options of the command line, the environment, a file.

The options and the file are put into the environment, before anything is read from it: server processes inherit it.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from opengrant.cli.serving import Failure
from opengrant.settings import sources

PREFIX = "OPENGRANT_"
_PREFIXES = (PREFIX, "OTEL_")
_OPTIONS: Mapping[str, str] = {
    "--data-dir": "OPENGRANT_DATA_DIR",
    "--log-format": "OPENGRANT_LOG_FORMAT",
}
"""Options that every command knows, and the settings that they are."""
_FILE = "--env-file"
_USUAL_FILE = ".env"


def take(arguments: list[str]) -> list[str]:
    """Put the options that every command knows into force. Returns the other arguments. Raises Failure."""
    left, given = list[str](), dict[str, str]()
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument == "--":
            left += [argument, *rest]
        elif name not in _OPTIONS and name != _FILE:
            left.append(argument)
        else:
            given[name] = value if equals else next(rest, "")
            if not given[name]:
                raise Failure(f"{name}: a value is missing.")
    _read(given.get(_FILE))
    for option, value in given.items():
        if option in _OPTIONS:
            put(option, _OPTIONS[option], value)
    return left


def put(option: str, name: str, value: str) -> None:
    """An option that is a setting: it counts for more than the environment."""
    os.environ[name] = value
    sources[name] = option


def _read(named: str | None) -> None:
    """The settings of a file, where the environment has none of that name. Raises Failure."""
    path = Path(named or _USUAL_FILE)
    if named is None and not path.is_file():
        return
    present = {name.upper() for name in os.environ}
    for name, value in _parsed(path).items():
        if name.upper().startswith(_PREFIXES) and name.upper() not in present:
            os.environ[name.upper()] = value
            sources[name.upper()] = str(path)


def _parsed(path: Path) -> dict[str, str]:
    from dotenv.parser import parse_stream  # noqa: PLC0415 -- most starts need no file

    try:
        with path.open(encoding="utf-8-sig") as stream:
            lines = [*parse_stream(stream)]
    except OSError as problem:
        raise Failure(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise Failure(f"{path} cannot be read: it is not UTF-8.") from None
    for line in lines:
        if line.error or (line.key is not None and line.value is None):
            blank = len(line.original.string) - len(line.original.string.lstrip("\r\n"))
            raise Failure(f"{path}, line {line.original.line + blank}: write NAME=value.")
    return {line.key: line.value for line in lines if line.key is not None and line.value is not None}
