"""Source health: a grant without a trouble of its own is shown with that of its source.

A source whose circuit breaker is open is not asked, so none of its grants is known to work. Answers say so; nothing is
stored with the grants, which are unchanged when the source recovers.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opengrant.grants.refresh import circuit_breaker
from opengrant.model import Application, Clock, Grant, ListedGrant, Micros, Trouble
from opengrant.model.basics import record
from opengrant.store.engine.port import Store
from opengrant.store.grants import source_health
from opengrant.store.grants.circuit_breakers import CircuitBreaker

_KEEP = 1.0
"""Seconds that an application without open breakers is remembered: showing a grant then needs no second query."""
_MOST_KEPT = 500


@dataclass(frozen=True, slots=True)
class Degraded:
    """A source whose breaker is open because its grants fail alike.

    host  None unless it is a mail host
    said  the provider's words, as in `Trouble`
    """

    since: Micros
    host: str | None
    said: Mapping[str, Any]
    probe_at: Micros | None


@record
class Shown:
    """A grant as answers show it.

    inherited  the trouble of its source, if the grant is valid and has none of its own
    degraded   its source, if that is degraded
    """

    grant: Grant | ListedGrant
    inherited: Trouble | None = None
    degraded: Degraded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """Built once, in assembly/rooms.py."""

    db: Store
    clock: Clock
    _well: dict[str, float] = field(default_factory=dict)
    """By application: when it had no open breaker. An open one is looked up each time: it may be closed by now."""

    async def show(self, app: Application, grant: Grant, *, fresh: bool = False) -> Shown:
        """fresh: the source was asked just now, so what is remembered does not count."""
        return self._shown(grant, await self.sources(app, fresh=fresh))

    async def show_all(self, app: Application, grants: list[ListedGrant]) -> list[Shown]:
        sources = await self.sources(app)
        return [self._shown(grant, sources) for grant in grants] if sources else [Shown(grant) for grant in grants]

    async def sources(self, app: Application, *, fresh: bool = False) -> Mapping[str, CircuitBreaker]:
        """Open circuit breakers of the application, by source."""
        began = time.monotonic()
        if not fresh and began < self._well.get(app.id, -_KEEP) + _KEEP:
            return {}
        found = {one.source: one for one in await self.db.read(source_health.blamed(app.id, at=self.clock()))}
        if len(self._well) >= _MOST_KEPT:
            for old in [other for other, at in self._well.items() if began >= at + _KEEP]:
                del self._well[old]
        if found:
            self._well.pop(app.id, None)
        else:
            self._well[app.id] = began
        return found

    async def blamed(self, app: Application, class_: str | None) -> list[str]:
        """Names of the sources with an open circuit breaker; class_: only of those whose trouble has it."""
        at = self.clock()
        return [
            name
            for name, breaker in (await self.sources(app)).items()
            if class_ is None or circuit_breaker.trouble_of(breaker, at=at).kind == class_
        ]

    def forget(self) -> None:
        """Look them up the next time."""
        self._well.clear()

    def _shown(self, grant: Grant | ListedGrant, sources: Mapping[str, CircuitBreaker]) -> Shown:
        if not sources or (found := sources.get(grant.blames)) is None:
            return Shown(grant)
        inherits = grant.status == "valid" and grant.trouble is None
        inherited = circuit_breaker.trouble_of(found, at=self.clock()) if inherits else None
        return Shown(grant, inherited, _degraded(found))


def _degraded(found: CircuitBreaker) -> Degraded | None:
    if found.degraded_at is None:
        return None
    host = found.source.partition("/")[2]
    return Degraded(found.degraded_at, host or None, circuit_breaker.quoted(found), found.probe_at)
