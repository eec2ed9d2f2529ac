"""From bytes to checked values: JSON, HTML forms, query strings, and the wire models that check them."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from opengrant.api.http.validation_errors import explain
from opengrant.errors import InvalidPayload, InvalidRequest

Shape = TypeVar("Shape", bound=BaseModel)
T = TypeVar("T")

_BYTE_ORDER_MARK = "\ufeff".encode()
_MOST_FIELDS = 100


def decode(shape: type[Shape], value: object) -> Shape:
    """Check a decoded body against its wire model. Raises InvalidRequest, which names every wrong field."""
    return checked(lambda: shape.model_validate(value))


def checked(validate: Callable[[], T]) -> T:
    """Return what `validate` returns; turn its ValidationError into InvalidRequest."""
    try:
        return validate()
    except ValidationError as problem:
        raise explain(problem) from None


def read_query(query_string: bytes) -> dict[str, str]:
    """Decode a query string. Empty values and the literal `undefined`, which an SDK sends, count as absent.

    Raises InvalidRequest.
    """
    try:
        pairs = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=_MOST_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise InvalidRequest("The query string is not valid: percent-encode it as UTF-8.") from None
    return {key: value for key, value in pairs if value not in {"", "undefined"}}


def read_json(body: bytes) -> dict[str, Any]:
    """Decode a JSON object. Raises InvalidPayload."""
    try:
        # Some editors and tools write a byte order mark first.
        decoded = from_json(body.removeprefix(_BYTE_ORDER_MARK), allow_inf_nan=False)
    except ValueError:
        # The parser's message may quote the body, and the body may hold a password.
        raise InvalidPayload("Invalid JSON payload format. Send one JSON object, encoded as UTF-8.") from None
    if not isinstance(decoded, dict):
        raise InvalidPayload("Invalid JSON payload format. The body must be a JSON object.")
    return decoded


def read_form(body: bytes) -> dict[str, Any]:
    """Decode an HTML form with each field at most once. Raises InvalidPayload."""
    try:
        pairs = parse_qsl(body.decode("ascii"), errors="strict", keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise InvalidPayload("Invalid form: percent-encode it as UTF-8.") from None
    fields: dict[str, Any] = dict(pairs)
    if len(fields) < len(pairs):
        raise InvalidPayload("Invalid form: a field was sent twice.")
    return fields
