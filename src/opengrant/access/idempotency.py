"""Idempotency-Key: the same key and body within a day has the first success as its answer.

A failure is not remembered: it stored nothing, so asking again is safe and may end better.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from pydantic_core import from_json, to_json

from opengrant.errors import ConcurrentIdempotentRequest, InvalidIdempotencyKey, InvalidIdempotentRequest
from opengrant.model import SECOND, Application, Clock
from opengrant.store.access import idempotency
from opengrant.store.engine.port import Store
from opengrant.vault.digests import Digests

KEPT = timedelta(hours=24)
LONGEST_KEY = 256
_ABANDONED = timedelta(minutes=3)
"""Longer than any verification may take: an entry that is still without an answer then lost its process."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """Built once, in assembly/installation.py."""

    db: Store
    digests: Digests
    clock: Clock

    async def once(
        self, app: Application, key: str, body: bytes, run: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> Mapping[str, Any]:
        """What `run` returns, or returned the first time.

        Raises InvalidIdempotencyKey; InvalidIdempotentRequest when the key came with another body;
        ConcurrentIdempotentRequest while the first request is under way; and what `run` raises.
        """
        if not key or len(key) > LONGEST_KEY or not key.isprintable():
            raise InvalidIdempotencyKey(f"Idempotency-Key: 1 to {LONGEST_KEY} printable characters.")
        request = self.digests.request(app.id, body)
        now = self.clock()
        begun = idempotency.begin(
            app.id, key, request, at=now, abandoned=now - _micros(_ABANDONED), expired=now - _micros(KEPT)
        )
        if not await self.db.write(begun):
            return await self._first_answer(app, key, request)
        try:
            answer = await run()
        except BaseException:
            await self.db.write(idempotency.release(app.id, key, request))
            raise
        await self.db.write(idempotency.finish(app.id, key, request, to_json(dict(answer)).decode()))
        return answer

    async def forget(self, app: Application) -> None:
        """Drop answers older than a day."""
        await self.db.write(idempotency.forget_before(app.id, cutoff=self.clock() - _micros(KEPT)))

    async def _first_answer(self, app: Application, key: str, request: str) -> Mapping[str, Any]:
        entry = await self.db.read(idempotency.find(app.id, key))
        if entry is not None and entry.request != request:
            raise InvalidIdempotentRequest("This Idempotency-Key came with another body before. Use a new key.")
        if entry is None or entry.answer is None:
            raise ConcurrentIdempotentRequest(
                "The first request with this Idempotency-Key is still under way. Ask again in a moment.", retry_after=1
            )
        return cast(dict[str, Any], from_json(entry.answer))


def _micros(duration: timedelta) -> int:
    return int(duration.total_seconds()) * SECOND
