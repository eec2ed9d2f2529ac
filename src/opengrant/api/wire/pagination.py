"""Pages of lists: by offset, and by a cursor that marks the row before the next page."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, TypeVar

from pydantic import Field

from opengrant.api.wire.fields import Model, text
from opengrant.errors import InvalidRequest
from opengrant.model import Micros

T = TypeVar("T")


class Paging(Model):
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = 10
    """How many at most; more than 200 counts as 200."""
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """How many to skip."""

    LARGEST: ClassVar[int] = 200

    @property
    def size(self) -> int:
        return min(self.limit, self.LARGEST)


class Query(Model):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = 50
    """How many at most; more than 200 counts as 200."""
    page_token: Annotated[str, text(256)] | None = None
    """The `next_cursor` of the page before."""

    LARGEST: ClassVar[int] = 200

    @property
    def size(self) -> int:
        return min(self.limit, self.LARGEST)

    @property
    def after(self) -> tuple[Micros, str] | None:
        """The (time, id) that a page token stands for. Raises InvalidRequest."""
        if self.page_token is None:
            return None
        try:
            at, colon, id_ = base64.urlsafe_b64decode(self.page_token).decode("ascii").partition(":")
            if not colon or not id_.isprintable() or not 0 <= (micros := int(at)) < 2**63:
                raise ValueError(self.page_token)
        except (ValueError, binascii.Error):
            raise InvalidRequest("page_token: is not a next_cursor that was given out.") from None
        return micros, id_


def cut(found: Sequence[T], size: int, position: Callable[[T], tuple[Micros, str]]) -> tuple[Sequence[T], str | None]:
    """Cut rows that were read with a limit of `size + 1`. Returns the page and its `next_cursor`, None on the last.

    position  the (time, id) of a row, which `Query.after` reads from the cursor of the page before
    """
    if len(found) <= size:
        return found, None
    shown = found[:size]
    at, id_ = position(shown[-1])
    return shown, base64.urlsafe_b64encode(f"{at}:{id_}".encode()).decode()
