"""Pages of lists: by offset, and by a cursor (api/http/cursors.py)."""

from typing import Annotated, ClassVar

from pydantic import Field

from opengrant.api.wire.fields import Model, text


class Sized(Model):
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = 50
    """How many at most; more than 200 counts as 200."""

    LARGEST: ClassVar[int] = 200

    @property
    def size(self) -> int:
        return min(self.limit, self.LARGEST)


class Paging(Sized):
    """By offset, or by cursor where the route says so."""

    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = 10
    """How many at most; more than 200 counts as 200."""
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """How many to skip."""


class Query(Sized):
    """Which part of the list."""

    page_token: Annotated[str, text(4096)] | None = None
    """The `next_cursor` of the page before."""
