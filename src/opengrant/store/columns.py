"""How lists and objects are kept in text columns: JSON, in the smallest spelling."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic_core import from_json, to_json


def put_list(values: Sequence[str]) -> str:
    return to_json(list(values)).decode()


def get_list(text: str) -> tuple[str, ...]:
    return tuple(from_json(text))


def put_object(value: Mapping[str, Any]) -> str:
    return to_json(dict(value)).decode()


def get_object(text: str) -> dict[str, Any]:
    return cast(dict[str, Any], from_json(text))
