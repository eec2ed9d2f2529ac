"""Lists and objects in text columns: JSON without spaces."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from pydantic_core import from_json, to_json

from opengrant.model import Trouble
from opengrant.store.engine.columns import Converter


def put_list(values: Sequence[str]) -> str:
    return to_json(list(values)).decode()


@lru_cache(256)
def get_list(text: str) -> tuple[str, ...]:
    """Remembered, because most grants of an application have the same scopes."""
    return tuple(from_json(text))


def put_object(value: Mapping[str, Any]) -> str:
    return to_json(dict(value)).decode()


def get_object(text: str) -> dict[str, Any]:
    return cast(dict[str, Any], from_json(text))


def put_trouble(trouble: Trouble | None) -> str | None:
    return None if trouble is None else to_json(trouble, exclude_none=True).decode()


def get_trouble(text: str | None) -> Trouble | None:
    return None if text is None else Trouble(**from_json(text))


LIST = Converter(put_list, get_list)
OBJECT = Converter(put_object, get_object)
TROUBLE = Converter(put_trouble, get_trouble)
