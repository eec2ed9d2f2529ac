"""Rate limits of calls, per application."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b

from opengrant.errors import RateLimited
from opengrant.model import SECOND, Application, Clock, Micros, micros
from opengrant.store.access import rate_limits
from opengrant.store.engine.port import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `limit` calls of an application in a fixed window. The store counts, so all processes share the limit."""

    db: Store
    clock: Clock
    name: str
    limit: int
    window: timedelta

    async def take(self, app: Application, *, of: str | None = None) -> None:
        """Count one call. Raises RateLimited, with the seconds until the window ends.

        of  what the call is about, if each such thing has its own limit; only its digest is stored
        """
        now, window = self.clock(), self._window
        ends = await self.db.write(rate_limits.take(app.id, self._of(of), limit=self.limit, window=window, at=now))
        if ends is not None:
            wait = max(1, -(-(ends - now) // SECOND))
            raise RateLimited(
                f"This call is possible {self.limit} times in {window // SECOND} s. Try again in {wait} s.",
                retry_after=wait,
            )

    async def give_back(self, app: Application, *, of: str | None = None) -> None:
        """Take one call back. `of`: as in `take`."""
        await self.db.write(rate_limits.give_back(app.id, self._of(of), window=self._window, at=self.clock()))

    async def forget(self, app: Application) -> None:
        """Delete finished windows of single things (`of`). The row of the limit itself stays."""
        await self.db.write(rate_limits.forget(app.id, f"{self.name} ", cutoff=self.clock() - self._window))

    def _of(self, of: str | None) -> str:
        return self.name if of is None else f"{self.name} {blake2b(of.encode(), digest_size=16).hexdigest()}"

    @property
    def _window(self) -> Micros:
        return micros(self.window)
