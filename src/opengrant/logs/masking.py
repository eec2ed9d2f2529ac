"""What a record may show, whatever the caller passes: the last line of defence.

Values under a key that looks like a secret are masked. Bytes and unknown objects become their type. An exception
becomes its type and its frames, because the message of another library's exception may quote a secret.
"""

import math
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from types import TracebackType
from typing import Any
from uuid import UUID

from opengrant.errors import OpenGrantError, ProviderFailure

_LONGEST_TEXT = 4096
_DEEPEST = 6
_MOST_FRAMES = 40
_MOST_CAUSES = 5
_MASK = "***"
_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|bearer|jwt|assertion|authorization|cookie|credential|verifier|apikey|keys?$"
)
_ABOUT_A_SECRET = re.compile(r"[_-](id|ids|type|kind|name|url|at|in|count|status|scope)$")


def plain(value: Any, depth: int) -> Any:
    """The value as types of JSON, masked. depth: of containers around it."""
    result: Any
    match value:
        case str():
            result = value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "…"
        case None | bool() | int():
            result = value
        case float():
            result = value if math.isfinite(value) else str(value)
        case Enum():
            result = plain(value.value, depth)
        case date():
            result = value.isoformat()
        case UUID() | PurePath():
            result = str(value)
        case BaseException():
            result = describe(value, quote=False)
        case bytes() | bytearray() | memoryview():
            result = f"<{len(value)} bytes>"
        case Mapping() | list() | tuple() | set() | frozenset() if depth >= _DEEPEST:
            result = "…"
        case Mapping():
            result = {str(key): named(str(key), item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            result = [plain(item, depth + 1) for item in value]
        case _:
            result = f"<{type_name(value)}>"
    return result


def named(name: str, value: Any, depth: int) -> Any:
    if _is_secret(name) and not isinstance(value, bool | int | float | None):
        return _MASK
    return plain(value, depth)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    name = name.lower()
    return _SECRET_NAME.search(name) is not None and _ABOUT_A_SECRET.search(name) is None


def raised(exc_info: Any) -> BaseException | None:
    """The exception behind an exc_info: itself, the triple of sys.exc_info(), or true for the one being handled."""
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case _:
            return sys.exc_info()[1] if exc_info else None


def describe(error: BaseException, *, quote: bool, causes: int = _MOST_CAUSES) -> dict[str, Any]:
    """Type and frames, innermost last; the message if the class is ours or `quote` is true; then the cause."""
    shown: dict[str, Any] = {"type": type_name(error)}
    if quote or isinstance(error, OpenGrantError | ProviderFailure):
        shown["message"] = str(error)
    shown["frames"] = list(_frames(error.__traceback__))[-_MOST_FRAMES:]
    if causes:
        if isinstance(error, BaseExceptionGroup):
            shown["exceptions"] = [
                describe(one, quote=quote, causes=causes - 1) for one in error.exceptions[:_MOST_CAUSES]
            ]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            shown["cause"] = describe(cause, quote=quote, causes=causes - 1)
    return shown


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield f"{_short(code.co_filename)}:{trace.tb_lineno}:{code.co_qualname}"
        trace = trace.tb_next


@lru_cache(maxsize=1024)
def _short(filename: str) -> str:
    """The path inside its package root: a log does not show where the program is installed."""
    for root in ("/site-packages/", "/src/", "/lib/"):
        before, found, inside = filename.rpartition(root)
        if found and before:
            return inside
    return PurePath(filename).name


def type_name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
