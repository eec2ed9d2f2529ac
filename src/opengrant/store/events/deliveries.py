"""Deliveries: one row for an event and a destination, written with the event by store/events/events.py.

A node claims a delivery by moving its `due_at` to the end of the claim, under a new owner. So the claim of a dead node
ends by itself, and a node that was too slow can no longer write. Of one subject at one destination only the earliest
pending delivery is claimed: that keeps their order.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import orjson

from opengrant.model import Micros
from opengrant.store.engine.arguments import Arguments
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.engine.writes import Arm, write

State = Literal["pending", "delivered", "failed"]
STATES: tuple[State, ...] = get_args(State)

MOST_PENDING = 10_000
"""Limit of the count of pending deliveries of all applications."""
_LOOK_AT = 100
"""Due deliveries of a destination that one query reads."""
_LOOKS = 10
"""Most queries of a claim, if all that they find must wait."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """attempts: including the current one. outcome: of the last one, an HTTP status or a word."""

    application_id: str
    seq: int
    webhook_id: str
    event_id: str
    type: str
    subject: str
    payload: str
    created_at: Micros
    queued_at: Micros
    due_at: Micros
    state: State
    attempts: int
    outcome: str | None
    ended_at: Micros | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver.

    number     which attempt of the delivery, from 1
    outcome    an HTTP status, or a word
    reason     the same in words
    signature  what was sent as signature; None: nothing was sent
    headers    of the answer
    body       the beginning of the answer's body
    cut        the answer's body was longer
    """

    number: int
    at: Micros
    took: Micros
    outcome: str
    reason: str
    signature: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    cut: bool = False


_COLUMNS = Columns(
    Delivery,
    (
        *("application_id", "seq", "webhook_id", "event_id", "type", "subject", "payload", "created_at", "queued_at"),
        *("due_at", "state", "attempts", "outcome", "ended_at"),
    ),
)


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """The terms of a claim.

    until    end of the claim
    limit    most deliveries
    hold     duration for which a `grant.expired` is held back
    give_up  deliveries queued at this time or before are not sent any more
    """

    owner: str
    at: Micros
    until: Micros
    limit: int
    hold: Micros
    give_up: Micros


# One row for each webhook that wants the event.
_ADD = write(
    """insert into deliveries (application_id, webhook_id, event_id, type, subject, payload,
                               created_at, queued_at, due_at, state, attempts)
       select w.application_id, w.id, cast({1} as text), cast({2} as text), cast({3} as text), cast({4} as text),
              cast({5} as bigint), cast({5} as bigint), cast({5} as bigint), 'pending', 0
       from {after}webhooks w
       where w.application_id = {0} and w.status in ('active', 'failing') and w.triggers like {6}""",
    ("text", "text", "text", "text", "text", "bigint", "text"),
    after="g, ",
)
_ANY_WEBHOOK = "select 1 from webhooks where application_id = $1 limit 1"

# One index entry for each destination, however many deliveries are pending.
_DUE = """
    select w.application_id, w.id from webhooks w
    where w.status in ('active', 'failing') and exists (
        select 1 from deliveries d where d.application_id = w.application_id and d.webhook_id = w.id
        and d.state = 'pending' and d.due_at <= $1)
"""

_CANDIDATES = f"""
    select {_COLUMNS}, (
        select e.due_at from deliveries e
        where e.application_id = d.application_id and e.webhook_id = d.webhook_id and e.subject = d.subject
        and e.state = 'pending' and e.seq < d.seq order by e.seq limit 1)
    from deliveries d
    where application_id = $1 and webhook_id = $2 and state = 'pending' and due_at <= $3
    order by d.due_at, d.seq limit {_LOOK_AT}
"""


def add_arm(application_id: str, event_id: str, type_: str, subject: str, payload: str, *, at: Micros) -> Arm:
    """A delivery of an event to each live destination that subscribes to its type.

    subject  id of the grant; "" for an event of another kind
    """
    # The query costs far less than a write that inserts nothing, and most applications have no webhook.
    return Arm(
        _ADD,
        (application_id, event_id, type_, subject, payload, at, f'%"{type_}"%'),  # in the JSON list of triggers
        needed=Statement(_ANY_WEBHOOK, (application_id,)),
    )


def due(*, at: Micros) -> Steps[list[tuple[str, str]]]:
    """(application, webhook) of every live destination with due deliveries, in no order."""
    rows = yield Statement(_DUE, (at,))
    return [(application_id, webhook_id) for application_id, webhook_id in rows]


def claim(application_id: str, webhook_id: str, terms: ClaimTerms, dialect: Dialect) -> Steps[list[Delivery]]:
    """Claim up to `limit` deliveries, each the earliest of its subject. Others are postponed until they may be sent.

    Deliveries that have been tried for too long end here.
    """
    # Concurrent claims of two nodes get different rows.
    sql = _CANDIDATES + dialect.locks("for update skip locked")
    taken: list[Delivery] = []
    for _ in range(_LOOKS):
        rows = yield Statement(sql, (application_id, webhook_id, terms.at))
        for *columns, ahead in rows:
            delivery = _COLUMNS.read(columns)
            held_until = min(delivery.created_at, terms.at) + terms.hold if delivery.type == "grant.expired" else 0
            if ahead is not None:
                if ahead > delivery.due_at:
                    yield from _move(delivery, ahead)
            elif held_until > terms.at and not delivery.attempts:
                yield from _move(delivery, held_until)
            elif delivery.queued_at <= terms.give_up:
                yield from _end(delivery, "failed", delivery.outcome or "too_late", at=terms.at)
            elif len(taken) < terms.limit:
                taken.append(replace(delivery, attempts=delivery.attempts + 1))
        if taken or len(rows) < _LOOK_AT:
            break
    for delivery in taken:
        yield Statement(
            """update deliveries set owner = $3, due_at = $4, attempts = attempts + 1
               where application_id = $1 and seq = $2""",
            (application_id, delivery.seq, terms.owner, terms.until),
        )
    return taken


def delivered(delivery: Delivery, owner: str, attempts: Sequence[Attempt], *, at: Micros) -> Steps[bool]:
    """False if the claim has ended: another node sends it again, or has done so.

    attempts  those to keep; the last one is the current
    """
    return (yield from _end(delivery, "delivered", attempts[-1].outcome, at=at, owner=owner, attempts=attempts))


def failed(delivery: Delivery, owner: str, attempts: Sequence[Attempt], *, at: Micros) -> Steps[bool]:
    """End it as failed; the next delivery of its subject may be sent."""
    return (yield from _end(delivery, "failed", attempts[-1].outcome, at=at, owner=owner, attempts=attempts))


def again(delivery: Delivery, owner: str, attempts: Sequence[Attempt], *, due_at: Micros) -> Steps[bool]:
    """Try again later; the next delivery of its subject waits."""
    rows = yield Statement(
        """update deliveries set owner = null, outcome = $4, due_at = $5, history = $6
           where application_id = $1 and seq = $2 and owner = $3 and state = 'pending' returning seq""",
        (delivery.application_id, delivery.seq, owner, attempts[-1].outcome, due_at, _put_history(attempts)),
    )
    return bool(rows)


def _end(
    delivery: Delivery,
    state: State,
    outcome: str,
    *,
    at: Micros,
    owner: str | None = None,
    attempts: Sequence[Attempt] = (),
) -> Steps[bool]:
    args: tuple[Any, ...] = (delivery.application_id, delivery.seq, state, outcome, at)
    claimed = "" if owner is None else "and owner = $6"
    history = "" if owner is None else ", history = $7"
    rows = yield Statement(
        f"""update deliveries set state = $3, outcome = $4, ended_at = $5, owner = null{history}
            where application_id = $1 and seq = $2 and state = 'pending' {claimed}
            returning seq""",
        args if owner is None else (*args, owner, _put_history(attempts)),
    )
    if not rows:
        return False
    # The next delivery of the subject, postponed until the end of this claim, is due now.
    yield Statement(
        """update deliveries set due_at = $4
           where application_id = $1 and due_at > $4 and attempts = 0 and seq = (
               select min(seq) from deliveries
               where application_id = $1 and webhook_id = $2 and subject = $3 and state = 'pending')""",
        (delivery.application_id, delivery.webhook_id, delivery.subject, at),
    )
    return True


def history(application_id: str, seq: int) -> Steps[list[Attempt]]:
    """The attempts that are kept, oldest first."""
    rows = yield Statement(
        "select history from deliveries where application_id = $1 and seq = $2", (application_id, seq)
    )
    return [Attempt(**one) for one in orjson.loads(rows[0][0])] if rows and rows[0][0] is not None else []


def _put_history(attempts: Sequence[Attempt]) -> str:
    return orjson.dumps(attempts).decode()


def find(application_id: str, webhook_id: str, seq: int) -> Steps[Delivery | None]:
    rows = yield Statement(
        f"select {_COLUMNS} from deliveries where application_id = $1 and seq = $2 and webhook_id = $3",
        (application_id, seq, webhook_id),
    )
    return _COLUMNS.read(rows[0]) if rows else None


def _move(delivery: Delivery, due_at: Micros) -> Steps[None]:
    yield Statement(
        "update deliveries set due_at = $3 where application_id = $1 and seq = $2 and state = 'pending'",
        (delivery.application_id, delivery.seq, due_at),
    )


def withdraw(application_id: str, event_ids: Sequence[str]) -> Steps[list[str]]:
    """Delete deliveries without an attempt; return the ids of events that no destination has got or will get."""
    unsent = []
    for event_id in event_ids:
        yield Statement(
            """delete from deliveries
               where application_id = $1 and event_id = $2 and state = 'pending' and attempts = 0""",
            (application_id, event_id),
        )
        rows = yield Statement(
            "select 1 from deliveries where application_id = $1 and event_id = $2 limit 1", (application_id, event_id)
        )
        if not rows:
            unsent.append(event_id)
    return unsent


@dataclass(frozen=True, slots=True)
class DeliveryFilters:
    """Conditions of a listing; None means any."""

    webhook_id: str | None = None
    state: State | None = None
    event_id: str | None = None
    before: int | None = None
    """A sequence number."""


def page(application_id: str, filters: DeliveryFilters, *, limit: int) -> Steps[list[Delivery]]:
    """The latest first. A page reads about `limit` deliveries of each destination and state that may have some."""
    args = Arguments([application_id])
    order = "seq" if filters.event_id is None else "+seq"
    before, most = args.given((f"{order} < {{}}", filters.before)), args.place(limit)
    if filters.event_id is not None:
        # `|| ''` and `+`: an event has few deliveries, so its index serves and no other.
        known = (("webhook_id || '' = {}", filters.webhook_id), ("state || '' = {}", filters.state))
        choices = [args.given(("event_id = {}", filters.event_id), *known)]
    elif filters.webhook_id is None and filters.state is None:
        choices = [[]]
    else:
        ids = [filters.webhook_id] if filters.webhook_id is not None else (yield from _webhooks(application_id))
        states = [filters.state] if filters.state is not None else STATES
        choices = [
            args.given(("webhook_id = {}", id_), ("state = {}", state)) for id_, state in itertools.product(ids, states)
        ]
    parts = []
    for number, conditions in enumerate(choices):
        where = " and ".join(["application_id = $1", *before, *conditions])
        part = f"select {_COLUMNS} from deliveries where {where} order by {order} desc limit {most}"
        parts.append(f"select * from ({part}) d{number}")
    if not parts:
        return []
    sql = f"select * from ({' union all '.join(parts)}) d order by seq desc limit {most}"
    return [_COLUMNS.read(row) for row in (yield Statement(sql, tuple(args)))]


def _webhooks(application_id: str) -> Steps[list[str]]:
    """With those whose deliveries are being deleted."""
    return [id_ for (id_,) in (yield Statement("select id from webhooks where application_id = $1", (application_id,)))]


def replay(application_id: str, seq: int, *, webhook_id: str | None, at: Micros) -> Steps[Delivery | None]:
    """Send it again with the same event id and a new period of retries. None if there is no such delivery.

    webhook_id  only a delivery of this destination; None: of any
    """
    rows = yield Statement(
        f"""update deliveries set state = 'pending', due_at = $3, queued_at = $3, owner = null, ended_at = null
            where application_id = $1 and seq = $2 {"" if webhook_id is None else "and webhook_id = $4"}
            returning {_COLUMNS}""",
        (application_id, seq, at) if webhook_id is None else (application_id, seq, at, webhook_id),
    )
    return _COLUMNS.read(rows[0]) if rows else None


def replay_failed(application_id: str, webhook_id: str, *, ended_before: Micros, at: Micros, limit: int) -> Steps[int]:
    """The same for up to `limit` failed deliveries of a destination; returns their number."""
    # `+`: their index is that of states, not that of ends.
    rows = yield Statement(
        """update deliveries set state = 'pending', due_at = $4, queued_at = $4, owner = null, ended_at = null
           where application_id = $1 and seq in (
               select seq from deliveries
               where application_id = $1 and webhook_id = $2 and state = 'failed' and +ended_at <= $3
               order by seq limit $5) returning seq""",
        (application_id, webhook_id, ended_before, at, limit),
    )
    return len(rows)


def pending() -> Steps[int]:
    """Number of pending deliveries of all live destinations and applications, up to MOST_PENDING."""
    # `cross join`: SQLite keeps this order; otherwise it reads all deliveries.
    rows = yield Statement(
        f"""select count(*) from (
                select 1 from webhooks w cross join deliveries d
                where d.application_id = w.application_id and d.webhook_id = w.id and d.state = 'pending'
                  and w.status in ('active', 'failing')
                limit {MOST_PENDING}) p"""
    )
    return int(rows[0][0])


def oldest_pending() -> Steps[Micros | None]:
    """`queued_at` of the oldest pending delivery of all live destinations and applications."""
    rows = yield Statement(
        """select min((select d.queued_at from deliveries d
                       where d.application_id = w.application_id and d.webhook_id = w.id and d.state = 'pending'
                       order by d.seq limit 1))
           from webhooks w where w.status in ('active', 'failing')"""
    )
    return rows[0][0] if rows else None


def forget(application_id: str, *, ended_before: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` deliveries that ended before; return their number."""
    rows = yield Statement(
        """delete from deliveries where application_id = $1 and seq in (
               select seq from deliveries where application_id = $1 and ended_at < $2
               order by ended_at limit $3) returning seq""",
        (application_id, ended_before, limit),
        last=True,
    )
    return len(rows)


def forget_all_of(application_id: str, webhook_id: str, *, limit: int) -> Steps[int]:
    """Delete up to `limit` deliveries of a deleted destination, in any state; return their number."""
    rows = yield Statement(
        """delete from deliveries where application_id = $1 and seq in (
               select seq from deliveries where application_id = $1 and webhook_id = $2
               order by state, seq limit $3) returning seq""",
        (application_id, webhook_id, limit),
        last=True,
    )
    return len(rows)
