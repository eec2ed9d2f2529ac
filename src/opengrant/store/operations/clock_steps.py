"""Rows with times in the future: written before the clock was set back, or by a clock that is ahead.

A stored time later than now counts as now. Code that uses single rows does so itself. For queries that compare times,
the rows are moved once, when the clock has gone back, so that queries stay as simple as their indexes. A deadline keeps
its duration: it moves with the time from which it was counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from opengrant.model import AGREE, Micros
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants import leases


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A column whose times are never in the future.

    until    a deadline counted from it
    only     condition on the rows
    counted  how rows are counted. "indexed": by an index of the application and this column. "pending": only deliveries
             that wait, in their index. "not": it has no index, and a clock that is ahead writes other columns, too.
             "all": the table is small.
    """

    table: str
    column: str
    until: str | None = None
    only: str = "1 = 1"
    counted: Literal["all", "indexed", "pending", "not"] = "all"

    @property
    def move(self) -> str:
        shifted = "" if self.until is None else f"{self.until} = {self.until} - ({self.column} - $1), "
        return (
            f"update {self.table} set {shifted}{self.column} = $1 where {self.column} > $1 and {self.only} returning 1"
        )

    @property
    def count(self) -> str:
        if self.counted == "indexed":
            return f"""select count(*) from applications a cross join {self.table} t
                       where t.application_id = a.id and t.{self.column} > $1"""
        pending = " and state = 'pending'" if self.counted == "pending" else ""
        return f"select count(*) from {self.table} where {self.column} > $1{pending}"


# Not the times of nonces: a nonce that is deleted too early could be used again. Not the times of events: they record
# what the clock showed.
_STAMPS = (
    # The age of a token is no longer known, so its grant is refreshed: see _TOKENS.
    _Stamp("grants", "proven_at", only="token_expires_at is null", counted="not"),
    _Stamp("grants", "updated_at", counted="indexed"),
    _Stamp("brakes", "since"),
    _Stamp("brakes", "degraded_at"),
    _Stamp("paces", "spent_until"),
    _Stamp("rations", "began_at"),
    _Stamp("idempotency", "created_at", counted="indexed"),
    _Stamp("deliveries", "created_at", counted="pending"),
    _Stamp("deliveries", "queued_at", counted="pending"),
    _Stamp("webhooks", "window_at"),
    _Stamp("webhooks", "status_updated_at"),
    _Stamp("domain_checks", "created_at", "expires_at"),
    _Stamp("logins", "created_at", "expires_at"),
    _Stamp("login_codes", "asked_at", "expires_at"),
    _Stamp("console_links", "created_at", "expires_at"),
    _Stamp("console_sessions", "created_at", "expires_at"),
    _Stamp("console_sessions", "used_at"),
    _Stamp("tokens", "created_at", "expires_at", counted="not"),
    _Stamp("token_families", "created_at", counted="not"),
    _Stamp("token_families", "used_at", counted="indexed"),
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
# The time of the postponement is not stored: the next attempt shows the present state.
_WAITS = (
    """update brakes set probe_at = case when probe_at > $1 then $1 else probe_at end, paused_until = null
       where probe_at > $1 or paused_until > $1 returning 1""",
    "update mail_watches set due_at = $1 where due_at > $1 returning 1",
    """update deliveries set due_at = $1 where state = 'pending' and owner is null and due_at > $1 returning 1""",
    # Not before its time: that is what the caller asked for, whatever the clock shows.
    """update outgoing set run_at = case when send_at > $1 then send_at else $1 end
       where state = 'pending' and owner is null and attempts > 0 and run_at > $1 returning 1""",
)
# The owner may still be working: the claim lasts no longer than one that begins now.
_HELD = (
    "update leases set until = $2 where until > $2 and until > $1 returning 1",
    """update deliveries set due_at = $2
       where state = 'pending' and owner is not null and due_at > $2 and due_at > $1 returning 1""",
    """update outgoing set run_at = $2
       where state = 'pending' and owner is not null and run_at > $2 and run_at > $1 returning 1""",
)


def move(*, at: Micros, dialect: Dialect) -> Steps[Mapping[str, int]]:
    """After a clock step back to `at`: move every row that is ahead. Returns the number of changed rows by table.

    Reads whole tables: only for a clock step.
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
    """Number of rows ahead of the clock, by table; empty if all clocks agree. Reads no large table."""
    found: dict[str, int] = {}
    for stamp in _STAMPS:
        if stamp.counted == "not":
            continue
        rows = yield Statement(stamp.count, (at + AGREE,))
        found[stamp.table] = max(found.get(stamp.table, 0), rows[0][0])
    rows = yield Statement("select count(*) from leases where until > $1", (at + leases.LONGEST + AGREE,))
    found["leases"] = rows[0][0]
    return {table: number for table, number in found.items() if number}


def went_back(*, at: Micros, last: Micros) -> Steps[Micros]:
    """How far the clock is behind the latest time seen; 0 if it is not. Stores this time.

    last  latest time that this process has seen
    """
    rows = yield Statement("select seen_at from clock where id = 1")
    behind = max(rows[0][0] if rows else 0, last) - at
    yield Statement(
        """insert into clock (id, seen_at) values (1, $1)
           on conflict (id) do update set seen_at = excluded.seen_at""",
        (at,),
    )
    return behind if behind > AGREE else 0
