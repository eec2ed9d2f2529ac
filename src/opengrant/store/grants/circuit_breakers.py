"""Circuit breakers of sources. A row exists from the first failure until the next success.

grants/refresh/circuit_breaker.py says what the rows mean. The table is called `brakes`.
"""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.json_columns import LIST
from opengrant.store.engine.port import Dialect, Statement, Steps


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """A streak of failures of a source.

    members       the grants that failed alike in a row
    since         when the first of them failed
    degraded_at   since when the breaker is open because of the streak
    paused_until  the provider asked for a pause
    probe_at      when one grant of a degraded source may ask again
    evidence      the provider's words, as JSON
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
    """Read, to write in the same transaction: other nodes wait."""
    if dialect is Dialect.POSTGRES:
        # There may be no row yet: lock the name. All releases that share a database use this text.
        yield Statement("select pg_advisory_xact_lock(hashtextextended($1, 0))", (f"brake {application_id} {source}",))
    # Lock the row too: a success deletes it without locking the name, and a later write would bring it back.
    return (yield from _find(application_id, source, dialect.locks("for update")))


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
    """Delete the row after a success. Returns it."""
    rows = yield Statement(
        f"delete from brakes where application_id = $1 and source = $2 returning {COLUMNS}", (application_id, source)
    )
    return read(rows[0]) if rows else None


END_STREAK = "delete from brakes where application_id = {0} and source = {1} and degraded_at is null"
"""A success ends a streak. The breaker of a degraded source closes with an event: `release`."""


def end_streak(application_id: str, source: str) -> Steps[None]:
    yield Statement(END_STREAK.format("$1", "$2"), (application_id, source))


def take_turn(application_id: str, source: str, *, at: Micros, until: Micros) -> Steps[bool]:
    """Whether the caller may probe a degraded source now.

    If so, no other probe starts before `until`: a provider that is down may take long to answer.
    """
    rows = yield Statement(
        """update brakes set probe_at = $4
           where application_id = $1 and source = $2 and degraded_at is not null and probe_at <= $3
             and (paused_until is null or paused_until <= $3)
           returning source""",
        (application_id, source, at, until),
    )
    return bool(rows)


def probe_now(application_id: str, source: str) -> Steps[None]:
    """After a change of the source, the next attempt is a probe at once."""
    yield Statement(
        "update brakes set probe_at = 0, paused_until = null where application_id = $1 and source = $2",
        (application_id, source),
    )


def forget(application_id: str, source: str) -> Steps[None]:
    """Delete the rows of a source and of its mail hosts, which are named after it."""
    yield Statement(
        "delete from brakes where application_id = $1 and (source = $2 or source like $2 || '/%')",
        (application_id, source),
    )
