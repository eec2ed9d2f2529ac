"""Rows from the future: what the clock wrote before it was set back, or another one that goes ahead.

A stored time later than now counts as now. Single rows are read that way where they are used; where a query compares,
the rows themselves are moved, once, when the clock is seen to have gone back. So every query stays as simple as its
index. A deadline keeps the duration that it had: it moves with the time from which it was counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from opengrant.model import AGREE, Micros
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants import leases


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A column that never lies ahead. until: a deadline that was counted from it. only: which rows."""

    table: str
    column: str
    until: str | None = None
    only: str = "1 = 1"

    @property
    def move(self) -> str:
        shifted = "" if self.until is None else f"{self.until} = {self.until} - ({self.column} - $1), "
        return (
            f"update {self.table} set {shifted}{self.column} = $1 where {self.column} > $1 and {self.only} returning 1"
        )

    @property
    def count(self) -> str:
        return f"select count(*) from {self.table} where {self.column} > $1"


# Those of nonces stay: one that was forgotten too early could be used once more. Those of events stay too: they tell
# what the clock said.
_STAMPS = (
    # The age of a token is not known any more, so its grant is renewed: see _TOKENS.
    _Stamp("grants", "proven_at", only="token_expires_at is null"),
    _Stamp("grants", "updated_at"),
    _Stamp("brakes", "since"),
    _Stamp("brakes", "degraded_at"),
    _Stamp("paces", "spent_until"),
    _Stamp("rations", "began_at"),
    _Stamp("idempotency", "created_at"),
    _Stamp("deliveries", "created_at"),
    _Stamp("deliveries", "queued_at"),
    _Stamp("webhooks", "window_at"),
    _Stamp("webhooks", "status_updated_at"),
    _Stamp("domain_checks", "created_at", "expires_at"),
    _Stamp("logins", "created_at", "expires_at"),
    _Stamp("login_codes", "asked_at", "expires_at"),
    _Stamp("console_links", "created_at", "expires_at"),
    _Stamp("console_sessions", "created_at", "expires_at"),
    _Stamp("console_sessions", "used_at"),
    _Stamp("tokens", "created_at", "expires_at"),
    _Stamp("token_families", "created_at"),
    _Stamp("token_families", "used_at"),
)
_TOKENS = """
    update grants set due_at = $1
    where proven_at > $1 and due_at > $1 and token_expires_at is not null returning 1
"""
_SEEN = {
    Dialect.SQLITE: "json_extract(trouble, '$.last_seen')",
    Dialect.POSTGRES: "cast(trouble::json ->> 'last_seen' as bigint)",
}
_TROUBLED = """
    update grants set due_at = $1
    where trouble is not null and status = 'valid' and due_at > $1 and {} > $1 returning 1
"""
# When these were put off is not written down: the next attempt shows what is true now.
_WAITS = (
    """update brakes set probe_at = case when probe_at > $1 then $1 else probe_at end, paused_until = null
       where probe_at > $1 or paused_until > $1 returning 1""",
    """update deliveries set due_at = $1 where state = 'pending' and owner is null and due_at > $1 returning 1""",
)
# Whoever has one may well be at it: it is his no longer than if he had begun now.
_HELD = (
    "update leases set until = $2 where until > $2 and until > $1 returning 1",
    """update deliveries set due_at = $2
       where state = 'pending' and owner is not null and due_at > $2 and due_at > $1 returning 1""",
)


def move(*, at: Micros, dialect: Dialect) -> Steps[Mapping[str, int]]:
    """The clock was set back to `at`: no row is ahead of it afterwards. Returns how many were changed, by table.

    It reads whole tables, so it is for that moment alone.
    """
    moved: dict[str, int] = {}
    held = at + leases.LONGEST
    statements = [
        Statement(_TOKENS, (at,)),
        Statement(_TROUBLED.format(_SEEN[dialect]), (at,)),
        *(Statement(sql, (at,)) for sql in _WAITS),
        *(Statement(sql, (at, held)) for sql in _HELD),
        *(Statement(stamp.move, (at,)) for stamp in _STAMPS),
    ]
    for statement in statements:
        rows = yield statement
        table = statement.sql.split()[1]
        moved[table] = moved.get(table, 0) + len(rows)
    return {table: number for table, number in moved.items() if number}


def count(*, at: Micros) -> Steps[Mapping[str, int]]:
    """How many rows are ahead of the clock, by table: none where all clocks agree. Reads whole tables."""
    found: dict[str, int] = {}
    for stamp in _STAMPS:
        rows = yield Statement(stamp.count, (at + AGREE,))
        found[stamp.table] = max(found.get(stamp.table, 0), rows[0][0])
    rows = yield Statement("select count(*) from leases where until > $1", (at + leases.LONGEST + AGREE,))
    found["leases"] = rows[0][0]
    return {table: number for table, number in found.items() if number}


def went_back(*, at: Micros, last: Micros) -> Steps[Micros]:
    """By how much the clock is behind the latest time that was seen; remembers this one. 0: it went on.

    last  what this process has seen
    """
    rows = yield Statement("select seen_at from clock where id = 1")
    behind = max(rows[0][0] if rows else 0, last) - at
    yield Statement(
        """insert into clock (id, seen_at) values (1, $1)
           on conflict (id) do update set seen_at = excluded.seen_at""",
        (at,),
    )
    return behind if behind > AGREE else 0
