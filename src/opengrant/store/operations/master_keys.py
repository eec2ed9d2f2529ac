"""The master keys that have sealed secrets of this database."""

from dataclasses import dataclass

from opengrant.model import Micros, Sealed
from opengrant.store.engine.port import Statement, Steps


@dataclass(frozen=True, slots=True)
class SeenKey:
    """A key that has sealed here. retired: no secret needs it any more."""

    canary: Sealed
    retired: bool


def seen() -> Steps[list[SeenKey]]:
    rows = yield Statement("select id, canary, retired_at from master_keys order by created_at, id")
    return [SeenKey(Sealed(id_, bytes(canary)), retired is not None) for id_, canary, retired in rows]


def add(canary: Sealed, *, at: Micros) -> Steps[None]:
    """Register a key. After two concurrent first starts the first canary stays."""
    yield Statement(
        "insert into master_keys (id, canary, created_at) values ($1, $2, $3) on conflict (id) do nothing",
        (canary.key_id, canary.data, at),
        last=True,
    )


def set_retired(key_id: str, *, at: Micros | None) -> Steps[None]:
    yield Statement("update master_keys set retired_at = $2 where id = $1", (key_id, at), last=True)


def in_use(key_id: str) -> Steps[bool]:
    """Whether a secret is still sealed with that key. Scans the table: only for a missing key."""
    rows = yield Statement("select 1 from secrets where key_id = $1 limit 1", (key_id,))
    return bool(rows)
