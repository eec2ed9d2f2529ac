"""How fast rows are verified: the budgets of sources and providers, room in this process, and sources in trouble.

A source begins with few rows at once and gets more with each that its provider answers. It gets half when the provider
asks to slow down. A source that does not work pauses: then one row at a time asks whether it works again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import structlog

from opengrant.grants.refresh import circuit_breaker
from opengrant.imports.lag import Lag
from opengrant.model import SECOND, Clock, Micros
from opengrant.providers.registry import HERE, WITH_PASSWORD
from opengrant.store.engine.port import Store
from opengrant.store.grants import circuit_breakers, paces
from opengrant.store.grants.paces import Rates
from opengrant.store.imports import sources
from opengrant.store.imports.sources import Source, SourceState, Trouble

log = structlog.get_logger()

Turn = Literal["all", "one"]
"""How many rows of a source may be verified now: all, or one that asks whether the source works."""

RESERVE = 0.2
"""The part of each budget that is left for refreshes."""
_FIRST_WINDOW = 4.0
_STREAK = 5
"""So many failures in a row of a source that has worked, and it pauses."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 600.0
"""Seconds, where the provider names no time; each pause is twice as long as the one before."""
_PERMITS_LAST: Micros = 1 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an operator sets.

    concurrency   rows at once in a process: half of them with passwords at most, a quarter at one mail host
    proofs        passwords at once, if that is less
    rates         of the budgets
    probe_every   between two attempts with a source in trouble
    """

    concurrency: int
    proofs: int
    rates: Rates
    probe_every: Micros


@dataclass(slots=True)
class _Here:
    """A source, as this process sees it.

    window   rows at once; running: now
    permits  requests that may be sent of the budget; taken at
    worked   when its provider last answered; streak: failures since; pauses: in a row
    pausing  pauses that are being stored
    """

    window: float = _FIRST_WINDOW
    running: int = 0
    permits: int = 0
    permits_at: Micros = 0
    worked: Micros = 0
    streak: int = 0
    pauses: int = 0
    paused_until: Micros = 0
    pausing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """Built once, in assembly/imports.py."""

    db: Store
    clock: Clock
    limits: Limits
    lag: Lag
    dice: Callable[[], float] = random.random
    _here: dict[Source, _Here] = field(default_factory=dict)
    _running: Counter[str] = field(default_factory=Counter)
    """Rows by "all", "password" and mail host."""
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    # ── room and budgets ──────────────────────────────────────────────────────────────────────────────────────

    async def enter(self, source: Source, wanted: int, stops: Callable[[], bool]) -> bool:
        """Wait until one more row of the source may be verified; then call `leave`. False: stop, or the source pauses.

        wanted  rows of the source that wait, this one included
        """
        here = self._of(source)
        while not (stops() or self.paused(source)):
            if not self._has_room(source, here):
                self._freed.clear()
                await _for_a_while(self._freed)
            elif here.permits <= 0 and source.provider not in HERE:
                await self._permit(source, here, wanted)  # meanwhile there may be no room, or a pause
            else:
                here.permits -= 1
                here.running += 1
                self._running.update(_places(source))
                return True
        return False

    def leave(self, source: Source) -> None:
        here = self._of(source)
        here.running -= 1
        self._running.subtract(_places(source))
        self._freed.set()

    def _has_room(self, source: Source, here: _Here) -> bool:
        most = self.limits.concurrency
        if self._running["all"] >= int(self.lag.now or most) or here.running >= int(here.window):
            return False
        if source.provider not in WITH_PASSWORD:
            return True
        passwords = max(1, min(most // 2, self.limits.proofs))
        return self._running["password"] < passwords and self._running[_host(source)] < max(1, most // 4)

    async def _permit(self, source: Source, here: _Here, wanted: int) -> None:
        """Take requests of the budget, for a fraction of a second."""
        rates, at = self.limits.rates, self.clock()
        some = int(min(wanted, min(rates.source, rates.provider) / 5 + 1))
        here.permits += await self.db.write_soon(
            paces.take(
                source.application_id,
                source.id.partition("/")[0],  # budgets are those of connectors and credentials
                source.provider,
                rates=rates,
                at=at,
                limit=some,
                reserve=RESERVE,
            )
        )
        here.permits_at = at
        if here.permits <= 0:
            await asyncio.sleep(min(0.5, max(0.02, 1 / rates.source)))

    # ── sources in trouble ────────────────────────────────────────────────────────────────────────────────────

    async def turn(self, source: Source) -> Turn | None:
        """How many rows may be verified now; None: the source pauses. Takes the turn of the one row."""
        at, here = self.clock(), self._of(source)
        before = here.paused_until
        state = await self.db.read(sources.find(source))
        if here.pausing or not await self._breaker_lets(source, state, here, at):
            return None
        if here.paused_until > before:  # by rows of another batch, since the state was read
            return None
        here.paused_until = 0
        if state.streak == 0:
            return "all"
        here.window = _FIRST_WINDOW
        until = at + self.limits.probe_every
        return "one" if await self.db.write(sources.take_turn(source, at=at, until=until)) else None

    async def _breaker_lets(self, source: Source, state: SourceState, here: _Here, at: Micros) -> bool:
        """Whether the breaker of the source, which counts refreshes, lets rows through."""
        breaker = state.breaker
        if breaker is None or not circuit_breaker.is_open(breaker, at=at):
            return True
        if breaker.degraded_at is not None and here.worked > breaker.degraded_at:
            return True  # it works for rows
        until = max(breaker.paused_until or 0, breaker.probe_at or 0)
        if until <= at:
            again = at + self.limits.probe_every
            turn = circuit_breakers.take_turn(source.application_id, source.id, at=at, until=again)
            if await self.db.write(turn):
                return True
            until = again
        said = circuit_breaker.quoted(breaker)
        trouble = Trouble(said["class"], said["reason"], said["remedy"], breaker.degraded_at or breaker.since)
        await self._pause(source, trouble, until=until)
        return False

    def paused(self, source: Source) -> bool:
        """Whether this process has seen it pause."""
        return self._of(source).paused_until > self.clock()

    async def worked(self, source: Source, turn: Turn) -> None:
        """Its provider has answered for a row: yes or no."""
        here = self._of(source)
        in_trouble = turn == "one" or here.pauses > 0
        here.worked, here.streak, here.pauses, here.paused_until = self.clock(), 0, 0, 0
        here.window = min(here.window + 1, float(self.limits.concurrency))
        if in_trouble:
            await self.db.write(sources.works(source))
            log.info("import_source_works", import_id=source.import_id, source=source.id)

    async def asked_to_slow_down(self, source: Source, trouble: Trouble, *, seconds: float | None) -> None:
        """seconds: as the provider says; None: it names no time."""
        here = self._of(source)
        if here.paused_until > self.clock() and seconds is None:
            return  # rows that were under way are told the same
        here.window = max(1.0, here.window / 2)
        await self._pause_for(source, trouble, seconds)

    async def failed(self, source: Source, trouble: Trouble, turn: Turn, *, connector: bool) -> None:
        """A row failed, and the row may not be to blame. connector: the provider refused the connector's client."""
        here = self._of(source)
        here.streak += 1
        if here.paused_until > self.clock():
            return
        never_worked = connector and here.worked == 0
        if turn == "one" or never_worked or here.streak >= _STREAK:
            await self._pause_for(source, trouble, self.limits.probe_every / SECOND if connector else None)

    async def _pause_for(self, source: Source, trouble: Trouble, seconds: float | None) -> None:
        here = self._of(source)
        if seconds is None:
            seconds = min(_FIRST_PAUSE * 2**here.pauses, _LONGEST_PAUSE) * (0.5 + self.dice() / 2)
        here.pauses = min(here.pauses + 1, 20)
        await self._pause(source, trouble, until=self.clock() + int(seconds * SECOND))

    async def _pause(self, source: Source, trouble: Trouble, *, until: Micros) -> None:
        here = self._of(source)
        here.paused_until = max(here.paused_until, until)
        self._freed.set()
        log.warning(
            "import_source_pauses", import_id=source.import_id, source=source.id, reason=trouble.reason, until=until
        )
        here.pausing += 1
        try:
            await self.db.write(sources.pause(source, trouble, until=until, streak=max(1, here.streak)))
        finally:
            here.pausing -= 1

    def forget(self, import_id: str) -> None:
        """What is known of the sources of an import that has ended."""
        for source in [source for source in self._here if source.import_id == import_id]:
            if not self._here[source].running:
                del self._here[source]

    def _of(self, source: Source) -> _Here:
        here = self._here.get(source)
        if here is None:
            here = self._here[source] = _Here()
        elif here.permits and self.clock() - here.permits_at > _PERMITS_LAST:
            here.permits = 0
        return here


def _places(source: Source) -> tuple[str, ...]:
    return ("all", "password", _host(source)) if source.provider in WITH_PASSWORD else ("all",)


def _host(source: Source) -> str:
    """The mail host of a source with passwords, named after the connector; a provider with servers of its own."""
    return source.id.partition("/")[2] or source.provider.value


async def _for_a_while(event: asyncio.Event) -> None:
    """Until it is set; others may need to be looked at meanwhile."""
    try:
        async with asyncio.timeout(0.5):
            await event.wait()
    except TimeoutError:
        return
