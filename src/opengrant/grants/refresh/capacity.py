"""How many grants the clock looks after at once, in whole, by kind of credential and at each mail host."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field

from opengrant.model import Grant, ProviderName
from opengrant.providers.registry import WITH_PASSWORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Counts the attempts of this process. Built once, in assembly/refresh.py.

    concurrency  grants at once; at most half of them by passwords, and a quarter at one mail host
    proofs       passwords at once, if that is less: as many as may be at mail servers
    """

    concurrency: int
    proofs: int
    _running: dict["asyncio.Task[None]", ProviderName] = field(default_factory=dict)
    _at_host: Counter[str] = field(default_factory=Counter)

    @property
    def running(self) -> "list[asyncio.Task[None]]":
        return list(self._running)

    def start(self, provider: ProviderName, attempt: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(attempt)
        self._running[task] = provider
        task.add_done_callback(self._running.pop)

    async def wait(self) -> None:
        """Until at least one more attempt may start."""
        while len(self._running) >= self.concurrency:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    def room(self, provider: ProviderName) -> int:
        """How many more attempts may start.

        Mail servers may hang for a minute. Passwords never take all the room, and not more than can be at mail
        servers, so that none waits there in vain.
        """
        free = self.concurrency - len(self._running)
        if provider not in WITH_PASSWORD:
            return free
        proofs = sum(1 for other in self._running.values() if other in WITH_PASSWORD)
        return min(free, max(1, min(self.concurrency // 2, self.proofs)) - proofs)

    @contextlib.contextmanager
    def at_host(self, grant: Grant) -> Iterator[bool]:
        """Count an attempt at its mail host. Gives whether too many are there already."""
        if grant.provider not in WITH_PASSWORD:
            yield False
            return
        host = grant.mail_host or grant.provider.value
        crowded = self._at_host[host] >= max(1, self.concurrency // 4)
        self._at_host[host] += 1
        try:
            yield crowded
        finally:
            self._at_host[host] -= 1
            if not self._at_host[host]:
                del self._at_host[host]
