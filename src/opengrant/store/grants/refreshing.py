"""Refreshing grants: which are due, which node has the lease, and the result.

A new live secret is written by compare-and-swap on the grant's generation, which only new live secrets raise. So a slow
refresh can neither overwrite a newer credential nor mark it invalid, and a concurrent change of the grant's name does
not disturb a refresh.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opengrant.model import Grant, Micros, ProviderName, Sealed, Trouble
from opengrant.model.basics import record
from opengrant.store import secrets
from opengrant.store.connectors import connectors
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.columns import split
from opengrant.store.engine.json_columns import put_trouble
from opengrant.store.engine.port import Dialect, Row, Statement, Steps
from opengrant.store.engine.writes import Arm, Head, together
from opengrant.store.events import events
from opengrant.store.events.events import Event
from opengrant.store.grants import circuit_breakers, grants, leases, paces, rotations
from opengrant.store.grants.circuit_breakers import CircuitBreaker
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.paces import Rates

# The same expression as in its index.
_SOURCE = "coalesce(g.credential_id, g.connector_id)"


_WIDTHS = (grants.COLUMNS.width, 2, connectors.COLUMNS.width, 4, circuit_breakers.COLUMNS.width)
_STATE = f"""
    select {grants.COLUMNS.of("g")}, s.key_id, s.sealed, {connectors.COLUMNS.of("c")}, r.id, r.type, k.key_id,
           k.sealed, {circuit_breakers.COLUMNS.of("b")}
    from grants g
    left join secrets s
      on s.application_id = g.application_id and s.owner_kind = 'grant' and s.owner_id = g.id and s.purpose = 'live'
    left join connectors c on c.application_id = g.application_id and c.id = g.connector_id
    left join credentials r
      on r.application_id = g.application_id and r.id = coalesce(g.credential_id, c.active_credential_id)
    left join secrets k
      on k.application_id = g.application_id and k.owner_kind = 'credential' and k.owner_id = r.id
     and k.purpose = 'client'
    left join brakes b on b.application_id = g.application_id and b.source = {_SOURCE}
    where g.application_id = $1 and g.id {{0}}
"""
STATE = _STATE.format("= $2")
STATES_AT_ONCE = 50
_STATES = _STATE.format(f"in ({', '.join(f'${n}' for n in range(2, STATES_AT_ONCE + 2))})")

# Each source is looked up in the index: one with a million due grants costs no more than one with a single one.
# Two `exists`, because an `or` inside one would read all grants of a source. SQLite uses an index on an expression only
# if the other side has no affinity, as a column has: hence `|| ''`.
DUE_SOURCES = f"""
    select s.application_id, s.source, s.provider, b.degraded_at is not null
    from (select application_id, id as source, provider from connectors
          union all select application_id, id, provider from credentials) s
    left join brakes b on b.application_id = s.application_id and b.source = s.source
    where (b.paused_until is null or b.paused_until <= $1) and (b.degraded_at is null or b.probe_at <= $1)
      and (exists (select 1 from grants g
                   where g.application_id = s.application_id and {_SOURCE} = s.source || '' and g.due_at <= $1)
           or (b.degraded_at is not null and exists (
                   select 1 from grants g
                   where g.application_id = s.application_id and {_SOURCE} = s.source || ''
                     and g.due_at is not null)))
"""

_CLAIM = f"""
    insert into leases (application_id, subject, owner, until, attempts)
    select g.application_id, g.id, $3, $4, 1 from grants g
    where g.application_id = $1 and {_SOURCE} = $2 and {{0}}
      and not exists (select 1 from leases l
                      where l.application_id = g.application_id and l.subject = g.id and l.until > $5)
    order by g.due_at limit $6
    on conflict (application_id, subject) do update set
        owner = excluded.owner, until = excluded.until, attempts = leases.attempts + 1
    where leases.until <= $5
    returning subject, attempts
"""
CLAIM = _CLAIM.format("g.due_at <= $5")
# Probe with a healthy grant, even before it is due.
CLAIM_HEALTHY = _CLAIM.format("g.due_at > $5 and g.trouble is null")
CLAIM_ANY = _CLAIM.format("g.due_at is not null")

# A success that ends a trouble has an entry of its own in the history.
_COUNTED = "case when trouble is null then refreshes + 1 else 0 end"
_SET_REFRESHED = f"""
    update grants set status = 'valid', token_expires_at = $4, due_at = $5, proven_at = $6, used_at = $7,
                      refreshes = {_COUNTED}, trouble = null, attention_at = null, generation = generation + 1,
                      version = version + 1
    where application_id = $1 and id = $2 and generation = $3
"""
_VALID_REFRESHED = f"{_SET_REFRESHED} and status = 'valid' returning id"
_REFRESHED = Head(_VALID_REFRESHED, f"g as ({_VALID_REFRESHED})", "id")
_IS_DEGRADED = "(select count(*) from brakes where application_id = $1 and source = $6 and degraded_at is not null)"
_SET_PROVEN = f"""
    update grants set due_at = $4, proven_at = $5, refreshes = {_COUNTED}, trouble = null, attention_at = null,
                      version = version + 1
    where application_id = $1 and id = $2 and generation = $3 and status = 'valid'
"""
# The count of what was deleted makes PostgreSQL lock the breaker before the grant, as a failure does.
_PROVEN = Head(
    f"{_SET_PROVEN} returning id, {_IS_DEGRADED} as degraded",
    f"""b as ({circuit_breakers.END_STREAK.format("$1", "$6")} returning source),
        g as ({_SET_PROVEN} and (select count(*) from b) >= 0 returning id, {_IS_DEGRADED} as degraded)""",
    "id, degraded",
)


@record
class State:
    """A grant and everything that a call of its provider needs. live: None for a grant without a secret."""

    grant: Grant
    live: Sealed | None
    found: WithClient | None
    breaker: CircuitBreaker | None


@dataclass(frozen=True, slots=True)
class Source:
    """A source with due grants. degraded: only a probe may run."""

    application_id: str
    id: str
    provider: ProviderName
    degraded: bool


def state(application_id: str, grant_id: str) -> Steps[State | None]:
    rows = yield Statement(STATE, (application_id, grant_id))
    return _state(rows[0]) if rows else None


def _state(row: Row) -> State:
    grant, live, connector, client, breaker = split(row, *_WIDTHS)
    found = None
    if connector[0] is not None:
        credential_id, type_, *sealed = client
        found = WithClient(connectors.read(connector), credential_id, type_, _sealed(sealed))
    return State(
        grants.read(grant), _sealed(live), found, None if breaker[0] is None else circuit_breakers.read(breaker)
    )


def states(application_id: str, grant_ids: Sequence[str]) -> Steps[dict[str, State]]:
    """The states of up to STATES_AT_ONCE grants that exist, by their ids."""
    if len(grant_ids) == 1:
        only = yield from state(application_id, grant_ids[0])
        return {} if only is None else {only.grant.id: only}
    # Always as many places, so that it is one prepared statement.
    ids = (*grant_ids, *[grant_ids[-1]] * (STATES_AT_ONCE - len(grant_ids)))
    rows = yield Statement(_STATES, (application_id, *ids))
    return {one.grant.id: one for one in map(_state, rows)}


def _sealed(columns: Row) -> Sealed | None:
    key_id, data = columns
    return None if data is None else Sealed(key_id, bytes(data))


def due_sources(*, at: Micros) -> Steps[list[Source]]:
    """The sources with due grants of all applications, in no order."""
    rows = yield Statement(DUE_SOURCES, (at,))
    return [
        Source(application_id, source, ProviderName(provider), bool(degraded))
        for application_id, source, provider, degraded in rows
    ]


def claim(
    source: Source,
    owner: str,
    *,
    at: Micros,
    until: Micros,
    limit: int,
    rates: Rates,
    probe_again: Micros,
    dialect: Dialect,
) -> Steps[list[Lease]]:
    """Lease due grants of a source, longest due first, within the rate limits of the source and its provider.

    Of a degraded source lease only two: one due grant and one healthy grant, or if there is neither, any grant.

    rates        requests per second, of all nodes together
    probe_again  time of the next probe of a degraded source
    """
    budgets = yield from paces.hold(source.application_id, source.id, source.provider, rates=rates, at=at)
    limit = min(limit, *(budget.left for budget in budgets))
    if limit < 1:
        return []
    args = (source.application_id, source.id, owner, until, at)
    if source.degraded:
        if not (yield from circuit_breakers.take_turn(source.application_id, source.id, at=at, until=probe_again)):
            return []
        rows = [*(yield Statement(CLAIM, (*args, 1))), *(yield Statement(CLAIM_HEALTHY, (*args, 1)))]
        if not rows:
            rows = list((yield Statement(CLAIM_ANY, (*args, 1))))
    else:
        rows = list((yield Statement(CLAIM, (*args, limit))))
    yield from paces.spend(budgets, len(rows))
    return [Lease(source.application_id, subject, owner, attempts) for subject, attempts in rows]


def refreshed(
    grant: Grant,
    live: Sealed,
    lease: Lease,
    dialect: Dialect,
    *,
    spent: str | None,
    walked: tuple[str, ...] = (),
    entry: Event | None = None,
    alone: bool = True,
) -> Steps[bool]:
    """Store a provider's new secret for the generation in `grant` and release the lease, in one transaction.

    grant   the new state; `generation` as it was read
    spent   digest of the single-use refresh token that was used: it leads to this grant from now on
    walked  digests of earlier spent tokens whose successors led to that one
    entry   of the audit trail, where a caller reads the new token
    alone   no other statement follows in this transaction
    Returns False, with nothing written, if the generation has changed, or the grant is invalid or gone.
    """
    arms = [_live_arm(grant, live), leases.give_back_arm(lease)]
    if spent is not None:
        arms += rotations.spend_arms(grant, spent, at=grant.proven_at)
    if walked:
        arms += rotations.hand_over_arms(grant, [digest for digest in walked if digest != spent])
    if entry is not None:
        arms += events.add_arms(entry)
    return bool((yield from together(_REFRESHED, _refreshed(grant), arms, dialect, last=alone)))


def revived(grant: Grant, live: Sealed) -> Steps[bool]:
    """As `refreshed`, for a grant that became invalid meanwhile: a late answer proves that it works."""
    rows = yield Statement(f"{_SET_REFRESHED} returning id", _refreshed(grant))
    if rows:
        yield _live_arm(grant, live).alone
    return bool(rows)


_refreshed = grants.COLUMNS.writer(
    ("application_id", "id", "generation", "token_expires_at", "due_at", "proven_at", "used_at")
)


class Proven(NamedTuple):
    """written: False if the credential has changed meanwhile. degraded: the breaker of its source is open."""

    written: bool
    degraded: bool


def proven(grant: Grant, lease: Lease, dialect: Dialect, *, entry: Event | None = None, alone: bool) -> Steps[Proven]:
    """The stored password still works and does not change. Ends the streak of failures of its source.

    The lease is given back with it, if it is written.

    entry  of the audit trail, for a caller who asked for the check
    alone  no other statement follows in this transaction
    """
    args = (grant.application_id, grant.id, grant.generation, grant.due_at, grant.proven_at, grant.blames)
    arms = [leases.give_back_arm(lease), *([] if entry is None else events.add_arms(entry))]
    if dialect is Dialect.SQLITE:
        yield from circuit_breakers.end_streak(grant.application_id, grant.blames)
    rows = yield from together(_PROVEN, args, arms, dialect, last=alone)
    return Proven(bool(rows), bool(rows and rows[0][1]))


def troubled(grant: Grant) -> Steps[bool]:
    """Write status, trouble and due_at, if the credential is the one that failed and the grant is valid."""
    rows = yield Statement(
        """update grants set status = $4, trouble = $5, due_at = $6, attention_at = $7, refreshes = 0,
                             version = version + 1
           where application_id = $1 and id = $2 and generation = $3 and status = 'valid' returning id""",
        (
            *(grant.application_id, grant.id, grant.generation),
            *(grant.status, put_trouble(grant.trouble), grant.due_at, grant.attention_at),
        ),
    )
    return bool(rows)


def held(application_id: str, grant_id: str, trouble: Trouble) -> Steps[Grant | None]:
    """Keep (or make) valid a grant whose failure belongs to the source; retry at `trouble.retry_at`.

    Returns the grant as it was before; None if its trouble is another.
    """
    grant = yield from grants.find(application_id, grant_id)
    before = None if grant is None else grant.trouble
    if grant is None or before is None or (before.kind, before.reason) != (trouble.kind, trouble.reason):
        return None
    rows = yield Statement(
        """update grants set status = 'valid', trouble = $3, due_at = $4, version = version + 1
           where application_id = $1 and id = $2 and version = $5 returning id""",
        (application_id, grant_id, put_trouble(trouble), trouble.retry_at, grant.version),
    )
    return grant if rows else None


def put_off(grant: Grant, lease: Lease, *, due_at: Micros) -> Steps[None]:
    """Postpone a grant whose provider was not called, unless its `due_at` has changed meanwhile."""
    yield Statement(
        "update grants set due_at = $3 where application_id = $1 and id = $2 and due_at = $4 and status = 'valid'",
        (grant.application_id, grant.id, due_at, grant.due_at),
    )
    yield from leases.put_back(lease)


def used(grant: Grant, *, at: Micros, due_at: Micros | None) -> Steps[None]:
    """Record a use: an idle grant is refreshed ahead of time again."""
    yield Statement(
        """update grants set used_at = $3, due_at = $4, version = version + 1
           where application_id = $1 and id = $2 and version = $5 and status = 'valid'""",
        (grant.application_id, grant.id, at, due_at, grant.version),
    )


def _live_arm(grant: Grant, live: Sealed) -> Arm:
    row = secrets.SecretRow(grant.application_id, "grant", grant.id, "live", live)
    return secrets.put_arm(row, at=grant.proven_at or grant.updated_at)


def authenticated_since(application_id: str, source: str, *, since: Micros) -> Steps[bool]:
    """Whether a mailbox of this source was connected or renewed after that time."""
    rows = yield Statement(
        f"select 1 from grants g where g.application_id = $1 and g.updated_at > $3 and {_SOURCE} = $2 limit 1",
        (application_id, source, since),
    )
    return bool(rows)


def expiries(application_id: str, grant_id: str, *, since: Micros) -> Steps[list[str]]:
    """Ids of the `grant.expired` events of a grant."""
    rows = yield Statement(
        """select id from events
           where application_id = $1 and grant_id = $2 and type = 'grant.expired' and created_at >= $3""",
        (application_id, grant_id, since),
    )
    return [id_ for (id_,) in rows]
