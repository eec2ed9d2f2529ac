"""A record for people: the time of day, the level, what happened, and the fields behind it.

08:15:00 INFO  serving  url=http://127.0.0.1:8080
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31"}
_DIM = "2"
_FIRST = ("ts", "level", "event")


def console_line(line: bytes, *, colour: bool) -> bytes:
    """line: a record as JSON, with its line end. A line break within a field is written as \\n."""
    record: Mapping[str, Any] = orjson.loads(line)
    level = str(record["level"])
    at = _painted(str(record["ts"])[11:19], _DIM, colour)
    head = f"{at} {_painted(f'{level.upper():<7}', _COLOURS.get(level, '0'), colour)}"
    fields = [f"{_painted(f'{name}=', _DIM, colour)}{_shown(value)}" for name, value in _fields(record)]
    lines = [" ".join([head, _shown(record["event"], quote=False), *fields])]
    if isinstance(error := record.get("exception"), dict):
        lines += _exception(error)
    return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")


def _fields(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if name not in _FIRST and not (name == "exception" and isinstance(value, dict)):
            yield name, value


def _exception(error: Mapping[str, Any], indent: str = "    ") -> Iterator[str]:
    message = f": {_shown(error['message'], quote=False)}" if "message" in error else ""
    yield f"{indent}{error.get('type')}{message}"
    for frame in error.get("frames", ()):
        yield f"{indent}  at {_shown(frame, quote=False)}"
    for inner in error.get("exceptions", ()):
        yield from _exception(inner, indent + "  ")
    if isinstance(cause := error.get("cause"), dict):
        yield f"{indent}because of"
        yield from _exception(cause, indent + "  ")


def _shown(value: object, *, quote: bool = True) -> str:
    """Without what moves a terminal's cursor or changes its colours: a stranger may have chosen the text."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    clean = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return f'"{clean}"' if quote and isinstance(value, str) and (" " in clean or not clean) else clean


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
