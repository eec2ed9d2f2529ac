"""Keeping grants alive: what is due, who looks after it, and what came of it.

A new live secret is written by compare-and-swap on the grant's generation, which only new live secrets raise: a
slow loser can neither overwrite a newer credential nor call it dead, while somebody who changes a grant's name
meanwhile disturbs nobody.
"""

from dataclasses import dataclass

from opengrant.model import Grant, Micros, ProviderName, Sealed, Trouble
from opengrant.store import secrets
from opengrant.store.connectors import connectors
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.columns import split
from opengrant.store.engine.json_columns import put_trouble
from opengrant.store.engine.port import Dialect, Row, Statement, Steps
from opengrant.store.engine.writes import Arm, Head, together
from opengrant.store.grants import circuit_breakers, grants, leases, rotations
from opengrant.store.grants.circuit_breakers import CircuitBreaker
from opengrant.store.grants.leases import Lease

# As in the index that serves it.
_SOURCE = "coalesce(g.credential_id, g.connector_id)"


_WIDTHS = (grants.COLUMNS.width, 2, connectors.COLUMNS.width, 4, circuit_breakers.COLUMNS.width)
STATE = f"""
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
    where g.application_id = $1 and g.id = $2
"""

# Each source is asked for by itself, from the index: one with a million due grants costs no more than one with one.
# Two questions, since an `or` inside of one would walk over all grants of a source. SQLite uses an index on an
# expression only if what it is compared with has no affinity of its own, as a column has: hence `|| ''`.
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
# One that nothing was wrong with is the better witness, and the next to be due may well come before its time.
CLAIM_HEALTHY = _CLAIM.format("g.due_at > $5 and g.trouble is null")
CLAIM_ANY = _CLAIM.format("g.due_at is not null")

# A success that ends a trouble is told by an entry of its own.
_COUNTED = "case when trouble is null then refreshes + 1 else 0 end"
_SET_REFRESHED = f"""
    update grants set status = 'valid', token_expires_at = $4, due_at = $5, proven_at = $6, used_at = $7,
                      refreshes = {_COUNTED}, trouble = null, attention_at = null, generation = generation + 1,
                      version = version + 1
    where application_id = $1 and id = $2 and generation = $3
"""
_VALID_REFRESHED = f"{_SET_REFRESHED} and status = 'valid' returning id"
_REFRESHED = Head(_VALID_REFRESHED, f"g as ({_VALID_REFRESHED})", "id")


@dataclass(frozen=True, slots=True)
class State:
    """A grant with all that is needed to ask its provider. live: None when it keeps no secret."""

    grant: Grant
    live: Sealed | None
    found: WithClient | None
    breaker: CircuitBreaker | None


@dataclass(frozen=True, slots=True)
class Source:
    """A source with grants that are due. degraded: one of them may try."""

    application_id: str
    id: str
    provider: ProviderName
    degraded: bool


def state(application_id: str, grant_id: str) -> Steps[State | None]:
    rows = yield Statement(STATE, (application_id, grant_id))
    if not rows:
        return None
    grant, live, connector, client, brake = split(rows[0], *_WIDTHS)
    found = None
    if connector[0] is not None:
        credential_id, type_, *sealed = client
        found = WithClient(connectors.read(connector), credential_id, type_, _sealed(sealed))
    return State(grants.read(grant), _sealed(live), found, None if brake[0] is None else circuit_breakers.read(brake))


def _sealed(columns: Row) -> Sealed | None:
    key_id, data = columns
    return None if data is None else Sealed(key_id, bytes(data))


def due_sources(*, at: Micros) -> Steps[list[Source]]:
    """Of all applications, in no order."""
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
    rates: "Rates",
    probe_again: Micros,
    dialect: Dialect,
) -> Steps[list[Lease]]:
    """Leases on grants of a source that are due, longest due first, as many as its and its provider's budgets allow.

    Of a degraded source only two: one that is due and one that nothing is known to be wrong with, or else any.

    rates        requests per second, all nodes together
    probe_again  when a degraded source may be probed the next time
    """
    paces = ((source.application_id, f"source {source.id}", rates.source), ("", source.provider.value, rates.provider))
    spent = []
    for application_id, name, rate in paces:
        spent_until = yield from _lock_pace(application_id, name, at=at)
        # No more is ever spent than this. What is further ahead was spent by a clock that was set back since.
        if not at < spent_until <= at + _AT_ONCE + int(1_000_000 / rate):
            spent_until = at
        # Of a budget below one a second, one whenever what was spent has been earned again.
        limit = min(limit, max(int((at + _AT_ONCE - spent_until) * rate / 1_000_000), spent_until <= at))
        spent.append(spent_until)
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
    for (application_id, name, rate), spent_until in zip(paces, spent, strict=True):
        now_spent = spent_until + int(len(rows) * 1_000_000 / rate)
        yield Statement(
            "update paces set spent_until = $3 where application_id = $1 and name = $2",
            (application_id, name, now_spent),
        )
    return [Lease(source.application_id, subject, owner, attempts) for subject, attempts in rows]


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per second."""

    source: float
    provider: float


_AT_ONCE: Micros = 1_000_000
"""How much of a budget may be spent in one go: a second's worth."""


def _lock_pace(application_id: str, name: str, *, at: Micros) -> Steps[Micros]:
    rows = yield Statement(
        """insert into paces (application_id, name, spent_until) values ($1, $2, $3)
           on conflict (application_id, name) do update set spent_until = paces.spent_until returning spent_until""",
        (application_id, name, at),
    )
    return int(rows[0][0])


def refreshed(
    grant: Grant,
    live: Sealed,
    lease: Lease,
    dialect: Dialect,
    *,
    spent: str | None,
    walked: tuple[str, ...] = (),
    alone: bool = True,
) -> Steps[bool]:
    """Store what a provider gave for the generation in `grant`, and give the lease back, in one transaction.

    grant   as it shall be; its `generation` is the one that was read
    spent   digest of the single-use refresh token that is dead now: whoever sends it again is led to this grant
    walked  those of others that are recorded as spent, and whose successors led to it
    alone   nothing else is written in this transaction afterwards
    Returns False, with nothing written, when the generation is another by now, or the grant is invalid or gone.
    """
    arms = [_live_arm(grant, live), leases.give_back_arm(lease)]
    if spent is not None:
        arms += rotations.spend_arms(grant, spent, at=grant.proven_at)
    arms += rotations.hand_over_arms(grant, [digest for digest in walked if digest != spent])
    return bool((yield from together(_REFRESHED, _refreshed(grant), arms, dialect, last=alone)))


def revived(grant: Grant, live: Sealed) -> Steps[bool]:
    """As `refreshed`, for a grant that was called invalid meanwhile: an answer that came late proves it alive."""
    rows = yield Statement(f"{_SET_REFRESHED} returning id", _refreshed(grant))
    if rows:
        yield _live_arm(grant, live).alone
    return bool(rows)


_refreshed = grants.COLUMNS.writer(
    ("application_id", "id", "generation", "token_expires_at", "due_at", "proven_at", "used_at")
)


def proven(grant: Grant, lease: Lease) -> Steps[bool]:
    """A stored password works still: nothing of it changes. False when there is another credential by now."""
    rows = yield Statement(
        f"""update grants set due_at = $4, proven_at = $5, refreshes = {_COUNTED}, trouble = null, attention_at = null,
                              version = version + 1
            where application_id = $1 and id = $2 and generation = $3 and status = 'valid' returning id""",
        (grant.application_id, grant.id, grant.generation, grant.due_at, grant.proven_at),
    )
    yield from leases.give_back(lease)
    return bool(rows)


def troubled(grant: Grant) -> Steps[bool]:
    """Write status, trouble and due_at, if the credential is still the one that failed and the grant was valid."""
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
    """A grant with that very trouble is valid, or valid again, and due when the trouble says so.

    Returns it as it was before; None when it has no such trouble.
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
    """Nobody was asked, and nobody shall be before then. Not if the grant is due at another time by now."""
    yield Statement(
        "update grants set due_at = $3 where application_id = $1 and id = $2 and due_at = $4 and status = 'valid'",
        (grant.application_id, grant.id, due_at, grant.due_at),
    )
    yield from leases.put_back(lease)


def used(grant: Grant, *, at: Micros, due_at: Micros | None) -> Steps[None]:
    """Somebody needs it: an idle grant comes back to being refreshed ahead of time."""
    yield Statement(
        """update grants set used_at = $3, due_at = $4, version = version + 1
           where application_id = $1 and id = $2 and version = $5 and status = 'valid'""",
        (grant.application_id, grant.id, at, due_at, grant.version),
    )


def _live_arm(grant: Grant, live: Sealed) -> Arm:
    row = secrets.SecretRow(grant.application_id, "grant", grant.id, "live", live)
    return secrets.put_arm(row, at=grant.proven_at or grant.updated_at)


def authenticated_since(application_id: str, source: str, *, since: Micros) -> Steps[bool]:
    """Whether somebody connected a mailbox of this source, or renewed it, after that time."""
    rows = yield Statement(
        f"select 1 from grants g where g.application_id = $1 and g.updated_at > $3 and {_SOURCE} = $2 limit 1",
        (application_id, source, since),
    )
    return bool(rows)


def expiries(application_id: str, grant_id: str, *, since: Micros) -> Steps[list[str]]:
    """Ids of the notices that a grant has expired."""
    rows = yield Statement(
        """select id from events
           where application_id = $1 and grant_id = $2 and type = 'grant.expired' and created_at >= $3""",
        (application_id, grant_id, since),
    )
    return [id_ for (id_,) in rows]
