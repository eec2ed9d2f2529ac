"""A record as one line of JSON."""

import contextlib
import json
import time
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import orjson
from pydantic_core import PydanticSerializationError, to_json

from opengrant.logs.masking import named, plain, type_name

Record = MutableMapping[str, Any]

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def format_record(record: Record) -> bytes:
    """One line of JSON with its line end. Never raises, whatever the record holds."""
    try:
        shown = {"ts": _rfc3339(record["ts"]), "level": record["level"], "event": plain(record["event"], 0)}
        if "request_id" in record:
            shown["request_id"] = plain(record["request_id"], 0)
        shown.update((key, named(key, value, 0)) for key, value in record.items() if key not in shown)
        with contextlib.suppress(PydanticSerializationError):  # a lone surrogate; `_encode` writes it
            return to_json(shown) + b"\n"
        line = _encode(shown)
    except Exception as error:  # noqa: BLE001 -- a bad record must not end the log
        line = _encode(
            {
                "ts": _rfc3339(time.time_ns()),
                "level": "error",
                "event": "log_record_unreadable",
                "error": type_name(error),
            }
        )
    # A lone surrogate has no UTF-8; JSON writes it as \udXXX.
    return line.encode("utf-8", "backslashreplace") + b"\n"


def trusted_line(level: str, event: str, request_id: str, fields: Mapping[str, str | int | float]) -> bytes:
    """One line of JSON from fields that need no mask: each is an id, a number, or a word from a fixed set."""
    shown = {"ts": _rfc3339(time.time_ns()), "level": level, "event": event, "request_id": request_id, **fields}
    return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)


def _rfc3339(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
