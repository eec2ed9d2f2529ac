"""Lists by cursor. A cursor carries the query that it continues, and the position of the last row of its page.

What the next request repeats must be the same; what it leaves out is taken from the cursor. So the time of a page does
not grow with its depth, and no row is repeated or skipped while others come and go.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic_core import from_json, to_json

from opengrant.api.http.decoding import decode, read_query
from opengrant.api.http.request import Request
from opengrant.api.wire.pagination import Sized
from opengrant.errors import InvalidRequest
from opengrant.model import Micros

T = TypeVar("T")
Query = TypeVar("Query", bound=Sized)

_LONGEST = 4096
_FARTHEST = 1 << 62
_FREE = frozenset({"limit", "page_token", "select"})
"""What may differ from page to page."""
_FOREIGN = "page_token: this is no next_cursor of this list."


@dataclass(frozen=True, slots=True)
class Listed(Generic[Query]):
    """A request for a page.

    query  with what the cursor carries
    after  the (time, id) of the last row of the page before; None at the beginning
    """

    query: Query
    after: tuple[Micros, str] | None
    of: str
    sent: Mapping[str, str]

    def cut(self, found: Sequence[T], position: Callable[[T], tuple[Micros, str]]) -> tuple[Sequence[T], str | None]:
        """Cut rows that were read with a limit of `query.size + 1`: the page and its cursor, None on the last page.

        position  the (time, id) of a row
        """
        size = self.query.size
        if len(found) <= size:
            return found, None
        shown = found[:size]
        return shown, cursor(self.sent, list(position(shown[-1])), of=self.of)


def listed(request: Request, shape: type[Query], *, of: str) -> Listed[Query]:
    """The query as `shape`. of: what is listed, and whose. Raises InvalidRequest."""
    sent, place = continued(read_query(request.query_string), of=of)
    query = decode(shape, sent)
    if place is None:
        return Listed(query, None, of, sent)
    match place:
        case [int(at), str(id_)] if at >= 0:
            return Listed(query, (at, id_), of, sent)
    raise InvalidRequest(_FOREIGN)


def continued(query: Mapping[str, str], *, of: str) -> tuple[dict[str, str], list[Any] | None]:
    """The whole query, and where its next page begins; None: at the beginning. of: what is listed.

    Raises InvalidRequest.
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
        raise InvalidRequest(_FOREIGN) from None
    for name, value in query.items():
        if name not in _FREE and before.get(name) != value:
            raise InvalidRequest(
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
