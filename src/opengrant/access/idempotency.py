"""Idempotency-Key: a repeated request with the same key and body within a day gets the first successful answer.

A failed request is not stored: it changed nothing, so a retry is safe and may succeed.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic_core import from_json, to_json

from opengrant.errors import ConcurrentIdempotentRequest, InvalidIdempotencyKey, InvalidIdempotentRequest
from opengrant.model import Application, Clock, micros
from opengrant.store.access import idempotency
from opengrant.store.engine.port import Store
from opengrant.vault.digests import Digests

KEPT = timedelta(hours=24)
LONGEST_KEY = 256
_ABANDONED = timedelta(minutes=3)
"""Longer than any verification takes: an entry that has no answer by then belongs to a process that ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """Built once, in assembly/."""

    db: Store
    digests: Digests
    clock: Clock

    async def once(
        self, app: Application, key: str, body: bytes, run: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> Mapping[str, Any]:
        """The answer of `run`, or of its first successful call.

        Raises InvalidIdempotencyKey; InvalidIdempotentRequest when the key was sent with another body before;
        ConcurrentIdempotentRequest while the first request is running; and what `run` raises.
        """
        if not key or len(key) > LONGEST_KEY or not key.isprintable():
            raise InvalidIdempotencyKey(f"Idempotency-Key: 1 to {LONGEST_KEY} printable characters.")
        request = self.digests.request(app.id, body)
        now = self.clock()
        begun = idempotency.begin(
            app.id, key, request, at=now, abandoned=now - micros(_ABANDONED), expired=now - micros(KEPT)
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
        """Drop answers that are older than a day."""
        await self.db.write(idempotency.forget_before(app.id, cutoff=self.clock() - micros(KEPT)))

    async def _first_answer(self, app: Application, key: str, request: str) -> Mapping[str, Any]:
        entry = await self.db.read(idempotency.find(app.id, key))
        if entry is not None and entry.request != request:
            raise InvalidIdempotentRequest("This Idempotency-Key came with another body before. Use a new key.")
        if entry is None or entry.answer is None:
            raise ConcurrentIdempotentRequest(
                "The first request with this Idempotency-Key is still under way. Ask again in a moment.", retry_after=1
            )
        answer: dict[str, Any] = from_json(entry.answer)
        return answer
