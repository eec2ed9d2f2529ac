"""Idempotency-Key: a repeated request with the same key and body gets the first answer.

`once` is for what can be tried again: a failed request is not stored, because it changed nothing. `one_attempt` is for
what must not happen twice: refusals are stored too, and what was handed over is remembered before it is.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from opengrant.errors import (
    ConcurrentIdempotentRequest,
    InvalidIdempotencyKey,
    InvalidIdempotentRequest,
    MaySent,
    OpenGrantError,
)
from opengrant.model import Application, Clock, micros
from opengrant.store.access import idempotency
from opengrant.store.engine.port import Store
from opengrant.vault.digests import Digests

KEPT = timedelta(hours=24)
ATTEMPTS_KEPT = timedelta(hours=1)
LONGEST_KEY = 256
_ABANDONED = timedelta(minutes=3)
"""Longer than any call takes: an entry that has no answer by then belongs to a process that ended."""


class Attempt(NamedTuple):
    """handed_over: an earlier attempt ended in the middle, after `hand_over`."""

    handed_over: bool
    hand_over: Callable[[], Awaitable[None]]


class Outcome(NamedTuple):
    """replayed: it is that of an earlier request."""

    answer: Mapping[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """Built once, in assembly/."""

    db: Store
    digests: Digests
    clock: Clock

    async def once(
        self, app: Application, key: str, body: bytes, run: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> Mapping[str, Any]:
        """The answer of `run`, or of its first successful call within a day.

        Raises InvalidIdempotencyKey; InvalidIdempotentRequest when the key was sent with another body before;
        ConcurrentIdempotentRequest while the first request is running; and what `run` raises.
        """
        check(key)
        request = self.digests.request(app.id, body)
        if await self._claim(app, key, request, KEPT) is None:
            return await self._first_answer(app, key, request)
        try:
            answer = await run()
        except BaseException:
            await self.db.write(idempotency.release(app.id, key, request))
            raise
        await self._finish(app, key, request, answer)
        return answer

    async def one_attempt(
        self,
        app: Application,
        key: str,
        body: bytes,
        run: Callable[[Attempt], Awaitable[Mapping[str, Any]]],
        *,
        within: str,
        keeps_refusals: bool = True,
    ) -> Outcome:
        """The answer of `run`, or of its first call within an hour. Raises as `once`; a stored refusal, too.

        within          where the key counts: a key of one grant is not that of another
        keeps_refusals  False: only MaySent is stored
        A refusal that says "try again" is not stored.
        """
        check(key)
        key, request = f"{within}\n{key}", self.digests.request(app.id, body)  # a key has no line ends: none is alike
        claimed = await self._claim(app, key, request, ATTEMPTS_KEPT)
        if claimed is None:
            return _replayed(await self._first_answer(app, key, request))
        handed_over = claimed.handed_over

        async def hand_over() -> None:
            nonlocal handed_over
            await self.db.write(idempotency.hand_over(app.id, key, request, at=self.clock()))
            handed_over = True

        try:
            answer = await run(Attempt(handed_over, hand_over))
        except OpenGrantError as problem:
            keeps = keeps_refusals or isinstance(problem, MaySent)
            await self._refused(app, key, request, problem, handed_over=claimed.handed_over, keeps=keeps)
            raise
        except BaseException:
            if not handed_over:
                await self.db.write(idempotency.release(app.id, key, request))
            raise
        await self._finish(app, key, request, {"answer": answer})
        return Outcome(answer, replayed=False)

    async def _refused(
        self,
        app: Application,
        key: str,
        request: str,
        problem: OpenGrantError,
        *,
        handed_over: bool,
        keeps: bool,
    ) -> None:
        """handed_over: by an earlier attempt. keeps: one for good is stored."""
        if not problem.retryable and keeps:
            await self._finish(app, key, request, {"refused": _stored(problem)})
        elif handed_over:  # what became of it is still to be found out
            at = self.clock() - micros(_ABANDONED) - 1
            await self.db.write(idempotency.reopen(app.id, key, request, at=at))
        else:
            await self.db.write(idempotency.release(app.id, key, request))

    async def forget(self, app: Application) -> None:
        """Drop answers that are older than a day."""
        await self.db.write(idempotency.forget_before(app.id, cutoff=self.clock() - micros(KEPT)))

    async def _claim(self, app: Application, key: str, request: str, kept: timedelta) -> idempotency.Claimed | None:
        now = self.clock()
        begun = idempotency.begin(
            app.id, key, request, at=now, abandoned=now - micros(_ABANDONED), expired=now - micros(kept)
        )
        return await self.db.write(begun)

    async def _finish(self, app: Application, key: str, request: str, answer: Mapping[str, Any]) -> None:
        await self.db.write(idempotency.finish(app.id, key, request, to_json(dict(answer)).decode()))

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


def check(key: str) -> None:
    """Raises InvalidIdempotencyKey."""
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise InvalidIdempotencyKey(f"Idempotency-Key: 1 to {LONGEST_KEY} printable characters.")


def _replayed(stored: Mapping[str, Any]) -> Outcome:
    if "refused" in stored:
        raise _refusal(stored["refused"])
    return Outcome(stored["answer"], replayed=True)


def _stored(problem: OpenGrantError) -> dict[str, Any]:
    return {
        "status": problem.status,
        "type": problem.type,
        "message": problem.message,
        "provider_error": None if problem.provider_error is None else dict(problem.provider_error),
    }


def _refusal(stored: Mapping[str, Any]) -> OpenGrantError:
    """The error as it was. One of a type that this release does not know any more is a general one."""
    known = (kind for kind in _kinds(OpenGrantError) if (kind.status, kind.type) == (stored["status"], stored["type"]))
    problem = next(known, OpenGrantError)(stored["message"], provider_error=stored["provider_error"])
    problem.replayed = True
    return problem


def _kinds(kind: type[OpenGrantError]) -> Iterator[type[OpenGrantError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _kinds(one)
