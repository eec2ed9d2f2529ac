"""A bound on requests that take long, so that slow providers or large files cannot use up the process."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from opengrant.errors import Overloaded


@dataclass(slots=True, kw_only=True)
class InFlightLimit:
    """Counts requests of this process, such as verifications and connector checks together.

    what  they are, in the plural
    """

    limit: int
    what: str = "verifications"
    under_way: int = field(default=0, init=False)

    @contextlib.contextmanager
    def bounded(self) -> Iterator[None]:
        """Around what a request waits for. Raises Overloaded when the limit is reached."""
        if self.under_way >= self.limit:
            raise Overloaded(f"Too many {self.what} are under way. Try again in a moment.", retry_after=1)
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1
