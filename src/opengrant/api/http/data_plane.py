"""What calls for the contents of a grant share: the grant, their own error words, lists in queries."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from opengrant.api.http import cursors
from opengrant.api.http.decoding import Shape, decode, read_query
from opengrant.api.http.request import Request
from opengrant.api.wire.fields import Answer
from opengrant.errors import InvalidData, InvalidRequest
from opengrant.grants.refusals import refuse_blocked
from opengrant.model import Grant


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


def check(shape: type[Shape], sent: Mapping[str, Any]) -> Shape:
    """A query or a body. Raises InvalidData."""
    try:
        return decode(shape, dict(sent))
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
    """As `cursors.continued`. Raises InvalidData."""
    try:
        return cursors.continued(query, of=of)
    except InvalidRequest as problem:
        raise InvalidData(problem.message) from None


def time_and_id(place: list[Any] | None) -> tuple[int, str] | None:
    """Where a page begins whose rows are in the order of a time and an id. Raises InvalidData."""
    match place:
        case None:
            return None
        case [int(time), str(id_)]:
            return time, id_
    raise InvalidData("page_token: this is no next_cursor of this list.")


def selection(names: str | None) -> Callable[[Answer], Answer]:
    """What leaves the named top-level members of an answer. Raises InvalidData: a name is one within another."""
    if names is None or not names.strip():
        return lambda answer: answer
    wanted = {name.strip() for name in names.split(",")}
    if any("." in name for name in wanted):
        raise InvalidData("select: only top-level fields can be selected.")
    return lambda answer: {name: value for name, value in answer.items() if name in wanted}
