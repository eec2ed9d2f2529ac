"""Circuit breakers: sources whose grants fail alike. A row exists from the first failure until the next success.

What the rows mean is grants/refresh/circuit_breaker.py's; here they are locked, read and written.
"""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.json_columns import LIST
from opengrant.store.engine.port import Dialect, Statement, Steps


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """members: grants that failed alike in a row. since: of the first. evidence: the provider's answer, as JSON.

    degraded_at   since when the source itself is held to blame
    paused_until  the provider asked for a pause
    probe_at      when one grant of a degraded source may try again
    """

    source: str
    kind: str
    reason: str
    members: tuple[str, ...]
    since: Micros
    degraded_at: Micros | None
    paused_until: Micros | None
    probe_at: Micros | None
    evidence: str


COLUMNS = Columns(
    CircuitBreaker,
    ("source", "kind", "reason", "members", "since", "degraded_at", "paused_until", "probe_at", "evidence"),
    members=LIST,
)
read = COLUMNS.read


def lock(application_id: str, source: str, dialect: Dialect) -> Steps[CircuitBreaker | None]:
    """Read and lock, to write in the same transaction."""
    if dialect is Dialect.POSTGRES:
        # There may be no row yet, so the name is locked.
        yield Statement("select pg_advisory_xact_lock(hashtextextended($1, 0))", (f"brake {application_id} {source}",))
    # And the row: a success deletes it without a lock on the name, and a later write would restore it.
    return (yield from _find(application_id, source, "for update" if dialect is Dialect.POSTGRES else ""))


def find(application_id: str, source: str) -> Steps[CircuitBreaker | None]:
    return _find(application_id, source)


def _find(application_id: str, source: str, locking: str = "") -> Steps[CircuitBreaker | None]:
    rows = yield Statement(
        f"select {COLUMNS} from brakes where application_id = $1 and source = $2 {locking}", (application_id, source)
    )
    return read(rows[0]) if rows else None


def degraded(application_id: str, *, limit: int) -> Steps[list[CircuitBreaker]]:
    """Degraded sources, longest first."""
    rows = yield Statement(
        f"""select {COLUMNS} from brakes where application_id = $1 and degraded_at is not null
            order by degraded_at, source limit $2""",
        (application_id, limit),
    )
    return [read(row) for row in rows]


def put(application_id: str, breaker: CircuitBreaker) -> Steps[None]:
    yield Statement(
        f"""insert into brakes (application_id, {COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            on conflict (application_id, source) do update set
                kind = excluded.kind, reason = excluded.reason, members = excluded.members, since = excluded.since,
                degraded_at = excluded.degraded_at, paused_until = excluded.paused_until,
                probe_at = excluded.probe_at, evidence = excluded.evidence""",
        (application_id, *COLUMNS.write(breaker)),
    )


def release(application_id: str, source: str) -> Steps[CircuitBreaker | None]:
    """Delete after a success. Returns the deleted row."""
    rows = yield Statement(
        f"delete from brakes where application_id = $1 and source = $2 returning {COLUMNS}", (application_id, source)
    )
    return read(rows[0]) if rows else None


def take_turn(application_id: str, source: str, *, at: Micros, until: Micros) -> Steps[bool]:
    """Whether a degraded source may be probed now. If so, no other probe runs before `until`, whatever the result: a
    provider that is down may answer slowly."""
    rows = yield Statement(
        """update brakes set probe_at = $4
           where application_id = $1 and source = $2 and degraded_at is not null and probe_at <= $3
             and (paused_until is null or paused_until <= $3)
           returning source""",
        (application_id, source, at, until),
    )
    return bool(rows)


def probe_now(application_id: str, source: str) -> Steps[None]:
    """The source has been changed: the next attempt shows whether that helped."""
    yield Statement(
        "update brakes set probe_at = 0, paused_until = null where application_id = $1 and source = $2",
        (application_id, source),
    )


def forget(application_id: str, source: str) -> Steps[None]:
    """Delete the source's row, and those of its mail hosts, whose names begin with it."""
    yield Statement(
        "delete from brakes where application_id = $1 and (source = $2 or source like $2 || '/%')",
        (application_id, source),
    )
