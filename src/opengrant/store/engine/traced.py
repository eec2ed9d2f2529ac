"""A store whose scripts are spans, for a process with traces."""

import functools
from types import CodeType, GeneratorType
from typing import Any, TypeVar

from opengrant.store.engine.port import Steps, Store
from opengrant.tracing.spans import Spans

T = TypeVar("T")

_SYSTEMS = {"sqlite": "sqlite", "postgres": "postgresql"}


class TracedStore:
    """Fills the Store protocol with another store's methods. Scripts outside a trace are no spans: a job that looks for
    work each second would fill the collector."""

    def __init__(self, db: Store, spans: Spans) -> None:
        self.dialect = db.dialect
        self.migrate, self.pending, self.close = db.migrate, db.pending, db.close
        self._db, self._spans = db, spans
        self._system = _SYSTEMS[db.dialect]

    async def read(self, steps: Steps[T]) -> T:
        if not self._spans.recording():
            return await self._db.read(steps)
        with self._spans.script(_name(steps), self._system, "read"):
            return await self._db.read(steps)

    async def write(self, steps: Steps[T]) -> T:
        if not self._spans.recording():
            return await self._db.write(steps)
        with self._spans.script(_name(steps), self._system, "write"):
            return await self._db.write(steps)

    async def write_soon(self, steps: Steps[T]) -> T:
        if not self._spans.recording():
            return await self._db.write_soon(steps)
        with self._spans.script(_name(steps), self._system, "write_soon"):
            return await self._db.write_soon(steps)

    async def write_many(self, steps: Steps[T]) -> T:
        if not self._spans.recording():
            return await self._db.write_many(steps)
        with self._spans.script(_name(steps), self._system, "write_many"):
            return await self._db.write_many(steps)


def _name(steps: Steps[Any]) -> str:
    """Module and name of the script, such as `grants.leases.put_back`."""
    frame = steps.gi_frame if isinstance(steps, GeneratorType) else None
    return "script" if frame is None else _full_name(frame.f_code, frame.f_globals["__name__"])


@functools.lru_cache(1024)
def _full_name(code: CodeType, module: str) -> str:
    return f"{module.removeprefix('opengrant.').removeprefix('store.')}.{code.co_qualname}"
