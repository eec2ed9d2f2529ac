"""Hand over messages that are due: each once, though nodes die.

A node claims a message, and commits the mark "it may have been sent" before the mail server gets the end of it. So
after a crash the mark tells: without it the message was not sent, and is sent; with it the mailbox is asked, and what
is not found there is not sent again. docs/decisions/0025-scheduled-send.md.
"""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from opengrant import tracing
from opengrant.errors import DataNotFound, Internal, MaySent, OpenGrantError, StoreUnavailable
from opengrant.failpoints import point
from opengrant.grants.refusals import refuse_blocked
from opengrant.mail.metadata import Pairs
from opengrant.mail.schedules import results
from opengrant.mail.schedules.results import Result
from opengrant.mail.schedules.sealing import Kept, unseal
from opengrant.mail.sending import Sending
from opengrant.model import SECOND, Application, Clock, Grant, Micros
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import events
from opengrant.store.grants import grants
from opengrant.store.mail import metadata, outgoing
from opengrant.store.mail.outgoing import Claim, Outgoing
from opengrant.store.tenants import applications
from opengrant.vault import Unsealable, Vault

log = structlog.get_logger()

AT_ONCE = 8
"""Messages under way in a process, of one grant only one."""
AT_ONCE_OF_HOST = 4
MOST_BYTES = 64 * 1024 * 1024
"""Of all messages under way; a larger one goes alone."""
CLAIM: Micros = 300 * SECOND
WHOLE = 240.0
"""Seconds for an attempt: the claim outlasts it."""
PATIENCE = 60.0
"""Seconds that a process that stops waits for what is under way: what is cut off may have been sent."""


class _Lost(Exception):
    """The message was cancelled or deleted, or another node has it."""


@dataclass(slots=True, kw_only=True)
class ScheduledSender:
    """Built once, in assembly/. observe: receives the outcome of each attempt: sent, retried, failed, unknown."""

    db: Store
    vault: Vault
    clock: Clock
    sending: Sending
    observe: Callable[[str], None]
    _under_way: dict[str, Outgoing] = field(default_factory=dict)
    """By id."""
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    _claiming: asyncio.Lock = field(default_factory=asyncio.Lock)
    _closing: bool = False

    async def run(self) -> None:
        """Start to work on what is due, as far as there is room; return at once."""
        if not self._closing and len(self._tasks) < AT_ONCE and await self.db.read(outgoing.any_due(at=self.clock())):
            self._begin()

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def drain(self) -> None:
        """Claim nothing more. What is not done soon is left to its claim, as if this node had died."""
        self._closing = True
        if self._tasks:
            _, left = await asyncio.wait(set(self._tasks), timeout=PATIENCE)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _begin(self) -> None:
        task = asyncio.create_task(self._work(), name="scheduled send")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """One message after another, while there are any; each task that finds one begins another task.

        What is interrupted is due again when its claim ends.
        """
        try:
            while not self._closing and (one := await self._claim()) is not None:
                try:
                    if len(self._tasks) < AT_ONCE:
                        self._begin()
                    point("scheduled.claimed")
                    await self._attempt(one)
                finally:
                    del self._under_way[one.id]
        except StoreUnavailable as problem:
            log.warning("scheduled_send_interrupted", problem=str(problem))
        except Exception:
            log.exception("scheduled_send_interrupted")

    async def _claim(self) -> Outgoing | None:
        async with self._claiming:
            here = list(self._under_way.values())
            hosts = Counter(one.host for one in here)
            at = self.clock()
            claim = Claim(
                owner=str(uuid.uuid4()),
                at=at,
                until=at + CLAIM,
                but_grants={one.grant_id for one in here},
                but_hosts={host for host, number in hosts.items() if number >= AT_ONCE_OF_HOST},
                largest=MOST_BYTES - sum(one.size for one in here) if here else 1 << 62,
            )
            found = await self.db.write(outgoing.claim(claim, self.db.dialect))
            if found is not None:
                self._under_way[found.id] = found
            return found

    async def _attempt(self, one: Outgoing) -> None:
        about = {"opengrant.application_id": one.application_id, "opengrant.grant_id": one.grant_id}
        with tracing.span("scheduled send", {**about, "opengrant.schedule_id": one.id}):
            await self._try(one)

    async def _try(self, one: Outgoing) -> None:
        found = await self.db.read(_stored(one))
        if found is None:
            return  # deleted with its grant
        attempt = _Attempt(self, one, *found)
        try:
            result = await attempt.result()
        except _Lost:
            return
        point("scheduled.answered")
        at = self.clock()
        if await self.db.write(_write(one, result, attempt.pairs, at=at)):
            self.observe(result.kind)
            log.info("scheduled_send", schedule=one.id, grant=one.grant_id, attempt=one.attempts, outcome=result.kind)


@dataclass(slots=True)
class _Attempt:
    """One attempt. doubtful: the message may have been sent. pairs: its metadata, once it is open."""

    sender: ScheduledSender
    one: Outgoing
    app: Application
    grant: Grant
    pieces: Sequence[secrets.SecretRow]
    doubtful: bool = False
    pairs: Pairs | None = None

    async def result(self) -> Result:
        """Raises _Lost: there is nothing to write."""
        self.doubtful = self.one.handed_at is not None
        try:
            async with asyncio.timeout(WHOLE):
                return await self._made()
        except MaySent as problem:
            error: OpenGrantError = problem
        except OpenGrantError as problem:
            # The mailbox could not be asked, or the message was refused: so it was not sent.
            self.doubtful, error = self.one.handed_at is not None, problem
        except TimeoutError:
            error = results.TOO_SLOW
        chance = random.random()  # noqa: S311 -- only jitter
        return results.of_error(self.one, error, doubtful=self.doubtful, at=self.sender.clock(), chance=chance)

    async def _made(self) -> Result:
        sender, one = self.sender, self.one
        if not self.doubtful and results.is_stale(one, at=sender.clock()):
            return results.STALE
        refuse_blocked(self.grant)
        mail, self.pairs = await self._open()
        if self.doubtful:
            try:
                await sender.sending.mail.mailbox(self.app, self.grant).get(one.message_id, headers="none")
            except DataNotFound:
                return results.UNKNOWN
            return results.SENT
        await sender.sending.deliver(self.app, self.grant, mail, self._mark)
        return results.SENT

    async def _open(self) -> Kept:
        try:
            return await unseal(self.sender.vault, self.pieces)
        except Unsealable as problem:
            log.error("scheduled_send_unreadable", schedule=self.one.id, problem=str(problem))
            raise Internal("The stored message cannot be opened: its master key is missing.") from None

    async def _mark(self) -> None:
        if not await self.sender.db.write(outgoing.mark(self.one, at=self.sender.clock())):
            raise _Lost
        self.doubtful = True
        point("scheduled.marked")


def _stored(one: Outgoing) -> Steps[tuple[Application, Grant, list[secrets.SecretRow]] | None]:
    app = yield from applications.find(one.application_id)
    grant = yield from grants.find(one.application_id, one.grant_id)
    if app is None or grant is None:
        return None
    return app, grant, (yield from secrets.all_of(one.application_id, outgoing.KIND, one.id))


def _write(one: Outgoing, result: Result, pairs: Pairs | None, *, at: Micros) -> Steps[bool]:
    """False: the claim has ended."""
    if result.run_at is not None:
        return (yield from outgoing.again(one, result.outcome, run_at=result.run_at, sent=result.doubtful))
    state: outgoing.State = "success" if result.error is None else "failed"
    if not (yield from outgoing.close(one, state, result.outcome, at=at)):
        return False
    yield from secrets.destroy(one.application_id, outgoing.KIND, [one.id])
    if pairs and state == "success":
        of = (one.application_id, one.grant_id, one.message_id)
        yield from metadata.put(*of, pairs, kind="message", date=at // SECOND, at=at)
    yield from events.announce(results.event(one, result, at=at))
    return True
