"""Blame: what a grant's source says about it. A grant without a trouble of its own has that of its source.

A source that is degraded, or that its provider wants a pause for, is not asked about any of its grants: none of them
is known to work just now. It is told where grants are shown, and stored with none of them: when the source recovers,
they are as they were.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opengrant.grants.refresh import circuit_breaker
from opengrant.model import Application, Clock, Grant, Micros
from opengrant.store.engine.port import Store
from opengrant.store.grants import source_health as blame
from opengrant.store.grants.circuit_breakers import CircuitBreaker

_KEEP = 1.0
"""Seconds that nothing is believed to be to blame: while all is well, showing a grant costs no second question."""
_MOST_KEPT = 500


@dataclass(frozen=True, slots=True)
class Degraded:
    """A source that is held to blame. host: None unless it is a mail host. said: as in `Trouble`."""

    since: Micros
    host: str | None
    said: Mapping[str, Any]
    probe_at: Micros | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A grant as it is shown, never to be written. degraded: its source, if that is."""

    grant: Grant
    degraded: Degraded | None = None


@dataclass(slots=True)
class Blame:
    """Built once, in assembly/installation.py."""

    db: Store
    clock: Clock
    _well: dict[str, float] = field(default_factory=dict)
    """By application: when it was asked and nothing was to blame. What is, is looked up each time: it may be over."""

    async def show(self, app: Application, grant: Grant, *, fresh: bool = False) -> Shown:
        """fresh: the source was asked just now, so nothing that was known before counts."""
        return self._shown(grant, await self.sources(app, fresh=fresh))

    async def show_all(self, app: Application, grants: list[Grant]) -> list[Shown]:
        sources = await self.sources(app)
        return [self._shown(grant, sources) for grant in grants]

    async def sources(self, app: Application, *, fresh: bool = False) -> Mapping[str, CircuitBreaker]:
        """Those that only a probe may ask just now, by name."""
        began = time.monotonic()
        if not fresh and began < self._well.get(app.id, -_KEEP) + _KEEP:
            return {}
        found = {one.source: one for one in await self.db.read(blame.blamed(app.id, at=self.clock()))}
        if len(self._well) >= _MOST_KEPT:
            self._well = {other: at for other, at in self._well.items() if began < at + _KEEP}
        if found:
            self._well.pop(app.id, None)
        else:
            self._well[app.id] = began
        return found

    def forget(self) -> None:
        """Ask anew the next time."""
        self._well.clear()

    def _shown(self, grant: Grant, sources: Mapping[str, CircuitBreaker]) -> Shown:
        found = sources.get(grant.blames)
        if found is None:
            return Shown(grant)
        if grant.status == "valid" and grant.trouble is None:
            grant = replace(grant, trouble=circuit_breaker.trouble_of(found, at=self.clock()))
        return Shown(grant, _degraded(found))


def _degraded(found: CircuitBreaker) -> Degraded | None:
    if found.degraded_at is None:
        return None
    host = found.source.partition("/")[2]
    return Degraded(found.degraded_at, host or None, circuit_breaker.quoted(found), found.probe_at)
