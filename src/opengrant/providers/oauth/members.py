"""Members of the JSON objects that OAuth providers send: texts, addresses, lists of scopes."""

import re
from collections.abc import Mapping
from typing import Any

_ADDRESS = re.compile(r"[^\s@<>,;:\"()]+@[^\s@<>,;:\"()]+")


def text_of(members: Mapping[str, Any], *names: str) -> str | None:
    """The first of these members that is a non-empty string."""
    return next((value for name in names if isinstance(value := members.get(name), str) and value), None)


def is_address(value: object) -> bool:
    """It can be a mailbox's address: one @, no separators."""
    return isinstance(value, str) and len(value) <= 320 and _ADDRESS.fullmatch(value) is not None


def read_scope(value: object) -> tuple[str, ...] | None:
    """Scopes from "a b", "a,b" or ["a", "b"], in order, once each; None when there are none."""
    if isinstance(value, list):
        value = " ".join(item for item in value if isinstance(item, str))
    if not isinstance(value, str):
        return None
    return tuple(dict.fromkeys(value.replace(",", " ").split())) or None
