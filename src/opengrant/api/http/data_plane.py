"""What calls for the contents of a grant share: the grant, their own error words, lists in queries, and cursors.

A cursor carries the query that it continues. What the next request repeats must be the same; what it leaves out is
taken from the cursor.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json

from opengrant.api.http.decoding import Shape, decode, read_query
from opengrant.api.http.request import Request
from opengrant.api.wire.fields import Answer
from opengrant.errors import InvalidData, InvalidRequest
from opengrant.grants.refusals import refuse_blocked
from opengrant.model import Grant

_LONGEST = 4096
_FARTHEST = 1 << 62
_FREE = frozenset({"limit", "page_token", "select"})
"""What may differ from page to page."""


async def grant_of(request: Request) -> Grant:
    """The grant of the path, to use what it holds. Raises GrantNotFound, AccessDenied, Blocked."""
    grant = await request.grant()
    refuse_blocked(grant)
    return grant


def read(request: Request, shape: type[Shape]) -> Shape:
    """The body. Raises InvalidData."""
    try:
        return request.read(shape)
    except InvalidRequest as problem:
        raise InvalidData(problem.message) from None


def read_flags(request: Request, shape: type[Shape]) -> Shape:
    """The query. Raises InvalidData."""
    return check(shape, raw_query(request))


def check(shape: type[Shape], query: Mapping[str, str]) -> Shape:
    try:
        return decode(shape, dict(query))
    except InvalidRequest as problem:
        raise InvalidData(problem.message) from None


def raw_query(request: Request, *, lists: frozenset[str] = frozenset()) -> dict[str, str]:
    """lists: parameters that may be repeated; they are joined by commas. Raises InvalidData."""
    try:
        found = read_query(request.query_string)
    except InvalidRequest as problem:
        raise InvalidData(problem.message) from None
    if lists & found.keys():
        pairs = parse_qsl(request.query_string.decode("ascii"))
        for name in lists & found.keys():
            found[name] = ",".join(value for key, value in pairs if key == name and value != "undefined")
    for name, value in found.items():
        # PostgreSQL cannot store it, and so cannot look for it.
        if "\x00" in value:
            raise InvalidData(f"{name[:60]}: has characters that are not allowed here.")
    return found


def continued(query: Mapping[str, str], *, of: str) -> tuple[dict[str, str], list[Any] | None]:
    """The whole query, and where its next page begins; None: at the beginning. of: what is listed.

    Raises InvalidData.
    """
    sent = query.get("page_token")
    if sent is None:
        return dict(query), None
    try:
        if len(sent) > _LONGEST:
            raise ValueError(sent)
        held = from_json(base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4)))
        before, place = held["q"], held["p"]
        if held["of"] != of or not _are_texts(before) or not _can_be_sought(place):
            raise ValueError(sent)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise InvalidData("page_token: this is no next_cursor of this list.") from None
    for name, value in query.items():
        if name not in _FREE and before.get(name) != value:
            raise InvalidData(
                f"page_token: it continues a list with another {name}. Repeat the query, or leave it out."
            )
    return {**before, **{name: value for name, value in query.items() if name in _FREE}}, place


def _are_texts(query: Mapping[str, object]) -> bool:
    return all(isinstance(one, str) and "\x00" not in one for one in query.values())


def _can_be_sought(values: object) -> bool:
    """Whether a database can look for these: texts, and integers of 63 bits. A cursor may be forged."""
    return isinstance(values, list) and all(
        "\x00" not in one if isinstance(one, str) else type(one) is int and abs(one) <= _FARTHEST for one in values
    )


def cursor(query: Mapping[str, str], place: list[Any], *, of: str) -> str:
    kept = {name: value for name, value in query.items() if name not in _FREE}
    return base64.urlsafe_b64encode(to_json({"of": of, "q": kept, "p": place})).decode().rstrip("=")


def selection(names: str | None) -> Callable[[Answer], Answer]:
    """What leaves the named top-level members of an answer. Raises InvalidData: a name is one within another."""
    if names is None or not names.strip():
        return lambda answer: answer
    wanted = {name.strip() for name in names.split(",")}
    if any("." in name for name in wanted):
        raise InvalidData("select: only top-level fields can be selected.")
    return lambda answer: {name: value for name, value in answer.items() if name in wanted}
