"""Calls that an application may make only so often."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b

from opengrant.errors import RateLimited
from opengrant.model import SECOND, Application, Clock, Micros
from opengrant.store.access import rate_limits as rations
from opengrant.store.engine.port import Store


@dataclass(frozen=True, slots=True)
class Ration:
    """So many calls in a fixed window, per application; counted in the store, so for all processes together."""

    db: Store
    clock: Clock
    name: str
    limit: int
    window: timedelta

    async def take(self, app: Application, *, of: str | None = None) -> None:
        """Count one call. Raises RateLimited, with the seconds until the window ends.

        of  what in the application it is about, if each has a ration of its own; only its digest is kept
        """
        now, window = self.clock(), self._window
        ends = await self.db.write(rations.take(app.id, self._of(of), limit=self.limit, window=window, at=now))
        if ends is not None:
            wait = max(1, -(-(ends - now) // SECOND))
            raise RateLimited(
                f"This call is possible {self.limit} times in {window // SECOND} s. Try again in {wait} s.",
                retry_after=wait,
            )

    async def give_back(self, app: Application, *, of: str | None = None) -> None:
        """Uncount one call, as it was taken."""
        await self.db.write(rations.give_back(app.id, self._of(of), window=self._window, at=self.clock()))

    async def forget(self, app: Application) -> None:
        """Drop the counts of what nobody has called about for a window; the ration's own is one row, and stays."""
        await self.db.write(rations.forget(app.id, f"{self.name} ", cutoff=self.clock() - self._window))

    def _of(self, of: str | None) -> str:
        return self.name if of is None else f"{self.name} {blake2b(of.encode(), digest_size=16).hexdigest()}"

    @property
    def _window(self) -> Micros:
        return int(self.window.total_seconds()) * SECOND
