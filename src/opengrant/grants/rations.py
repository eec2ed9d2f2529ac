"""Calls that an application may make only so often."""

from dataclasses import dataclass
from datetime import timedelta

from opengrant.errors import RateLimited
from opengrant.model import SECOND, Application, Clock
from opengrant.store import rations
from opengrant.store.port import Store


@dataclass(frozen=True, slots=True)
class Ration:
    """So many calls in a fixed window, per application; counted in the store, so for all processes together."""

    db: Store
    clock: Clock
    name: str
    limit: int
    window: timedelta

    async def take(self, app: Application) -> None:
        """Count one call. Raises RateLimited, with the seconds until the window ends."""
        now = self.clock()
        window = int(self.window.total_seconds()) * SECOND
        ends = await self.db.write(rations.take(app.id, self.name, limit=self.limit, window=window, at=now))
        if ends is not None:
            wait = max(1, -(-(ends - now) // SECOND))
            raise RateLimited(
                f"This call is possible {self.limit} times in {window // SECOND} s. Try again in {wait} s.",
                retry_after=wait,
            )
