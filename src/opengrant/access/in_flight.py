"""A bound on requests that wait for a provider, so that slow providers cannot use up the process."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from opengrant.errors import Overloaded


@dataclass(slots=True, kw_only=True)
class InFlightLimit:
    """Counts verifications and connector checks of this process together; built once, in assembly/."""

    limit: int
    under_way: int = field(default=0, init=False)

    @contextlib.contextmanager
    def bounded(self) -> Iterator[None]:
        """Around code that asks a provider while a request waits. Raises Overloaded when the limit is reached."""
        if self.under_way >= self.limit:
            raise Overloaded("Too many verifications are under way. Try again in a moment.", retry_after=1)
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1
