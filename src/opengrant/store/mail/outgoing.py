"""Messages that are sent later: their rows. The message itself is sealed, in store/secrets.py.

A node claims a message by moving its `run_at` to the end of the claim, under a new owner. So the claim of a dead node
ends by itself, and a node that was too slow cannot write any more: not even the mark `handed_at`, without which nothing
is sent.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from opengrant.model import Micros
from opengrant.model.basics import record
from opengrant.store import secrets
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.port import Dialect, Statement, Steps

State = Literal["pending", "success", "failed", "cancelled"]
KIND = "outgoing"
"""owner_kind of the pieces of a message; their owner is the message."""


@record
class Outgoing:
    """message_id: its Message-ID. host: of the mail server. size: bytes.

    send_at    when it is to be sent
    run_at     when it is tried next, or when the claim of `owner` ends
    attempts   including the current one
    handed_at  since when it may have been sent: the mail server was about to get the end of the message
    outcome    of the last attempt, in words
    closed_at  when it was sent, failed or cancelled
    """

    application_id: str
    grant_id: str
    id: str
    message_id: str
    host: str
    size: int
    state: State
    send_at: Micros
    run_at: Micros
    owner: str | None
    attempts: int
    handed_at: Micros | None
    outcome: str | None
    closed_at: Micros | None
    created_at: Micros

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.application_id, self.grant_id, self.id)


_COLUMNS = Columns(
    Outgoing,
    (
        *("application_id", "grant_id", "id", "message_id", "host", "size", "state", "send_at", "run_at", "owner"),
        *("attempts", "handed_at", "outcome", "closed_at", "created_at"),
    ),
)
_KEY = "application_id = $1 and grant_id = $2 and id = $3"
_OURS = f"{_KEY} and owner = $4 and state = 'pending'"


class Waiting(NamedTuple):
    """Messages that wait, and their bytes."""

    messages: int
    size: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The terms of a claim.

    until         its end
    but_grants    grants whose messages are not claimed, since another one of them is under way here
    but_hosts     mail servers with as many under way here as may be
    largest       bytes that the message may have
    """

    owner: str
    at: Micros
    until: Micros
    but_grants: Collection[str] = ()
    but_hosts: Collection[str] = ()
    largest: int = 1 << 62


def add(one: Outgoing) -> Steps[bool]:
    """False: there is one with that id."""
    rows = yield Statement(
        f"insert into outgoing ({_COLUMNS}) values ({_COLUMNS.places}) on conflict do nothing returning id",
        _COLUMNS.write(one),
    )
    return bool(rows)


def waiting(application_id: str, grant_id: str) -> Steps[tuple[Waiting, Waiting]]:
    """Of the grant, and of the application. Reads their entries of an index: the bounds keep them few."""
    found = []
    for more, args in ((" and grant_id = $2", (application_id, grant_id)), ("", (application_id,))):
        rows = yield Statement(
            f"""select count(*), coalesce(sum(size), 0) from outgoing
                where application_id = $1{more} and state = 'pending'""",
            args,
        )
        found.append(Waiting(int(rows[0][0]), int(rows[0][1])))
    return found[0], found[1]


def of_grant(application_id: str, grant_id: str, *, limit: int) -> Steps[list[Outgoing]]:
    """Of a grant those that wait, and then the latest of the others; in the order in which they are to be sent."""
    rows = yield Statement(
        f"""select {_COLUMNS} from outgoing where application_id = $1 and grant_id = $2
            order by case state when 'pending' then 0 else 1 end, send_at desc limit $3""",
        (application_id, grant_id, limit),
    )
    return sorted((_COLUMNS.read(row) for row in rows), key=lambda one: (one.send_at, one.id))


def find(application_id: str, grant_id: str, id_: str) -> Steps[Outgoing | None]:
    rows = yield Statement(f"select {_COLUMNS} from outgoing where {_KEY}", (application_id, grant_id, id_))
    return _COLUMNS.read(rows[0]) if rows else None


def cancel(application_id: str, grant_id: str, id_: str, outcome: str, *, at: Micros) -> Steps[bool]:
    """False: it is closed, or may have been sent. A node that prepares to send it cannot mark it any more."""
    rows = yield Statement(
        f"""update outgoing set state = 'cancelled', owner = null, outcome = $4, closed_at = $5
            where {_KEY} and state = 'pending' and handed_at is null returning id""",
        (application_id, grant_id, id_, outcome, at),
    )
    return bool(rows)


def any_due(*, at: Micros) -> Steps[bool]:
    rows = yield Statement("select 1 from outgoing where state = 'pending' and run_at <= $1 limit 1", (at,))
    return bool(rows)


def claim(terms: Claim, dialect: Dialect) -> Steps[Outgoing | None]:
    """The message that has been due for longest, claimed. None: there is none on these terms."""
    args: list[object] = [terms.at, terms.largest]
    conditions = "state = 'pending' and run_at <= $1 and size <= $2"
    for column, but in (("grant_id", terms.but_grants), ("host", terms.but_hosts)):
        if but:
            places = ", ".join(f"${n}" for n in range(len(args) + 1, len(args) + 1 + len(but)))
            conditions += f" and {column} not in ({places})"
            args += but
    # Concurrent claims of two nodes get different rows.
    rows = yield Statement(
        f"""select application_id, grant_id, id from outgoing where {conditions} order by run_at limit 1
            {dialect.locks("for update skip locked")}""",
        tuple(args),
    )
    if not rows:
        return None
    rows = yield Statement(
        f"update outgoing set owner = $4, run_at = $5, attempts = attempts + 1 where {_KEY} returning {_COLUMNS}",
        (*rows[0], terms.owner, terms.until),
    )
    return _COLUMNS.read(rows[0])


def mark(one: Outgoing, *, at: Micros) -> Steps[bool]:
    """Say that it may have been sent from now on. False: it was cancelled or deleted, or the claim has ended."""
    rows = yield Statement(
        f"update outgoing set handed_at = $5 where {_OURS} and run_at > $5 returning id",
        (*one.key, one.owner, at),
        last=True,
    )
    return bool(rows)


def again(one: Outgoing, outcome: str, *, run_at: Micros, sent: bool) -> Steps[bool]:
    """Try again later. sent: it may have been sent. False: the claim has ended."""
    rows = yield Statement(
        f"""update outgoing set owner = null, outcome = $5, run_at = $6, handed_at = case when $7 = 1 then handed_at end
            where {_OURS} returning id""",
        (*one.key, one.owner, outcome, run_at, int(sent)),
    )
    return bool(rows)


def close(one: Outgoing, state: State, outcome: str, *, at: Micros) -> Steps[bool]:
    """False: the claim has ended."""
    rows = yield Statement(
        f"update outgoing set state = $5, owner = null, outcome = $6, closed_at = $7 where {_OURS} returning id",
        (*one.key, one.owner, state, outcome, at),
    )
    return bool(rows)


def forget_closed(application_id: str, *, sent_before: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` closed messages that were to be sent before; return their number."""
    rows = yield Statement(
        """delete from outgoing where (application_id, grant_id, id) in (
               select application_id, grant_id, id from outgoing
               where application_id = $1 and state <> 'pending' and send_at < $2 order by send_at limit $3)
           returning id""",
        (application_id, sent_before, limit),
        last=True,
    )
    return len(rows)


def delete_of_grant(application_id: str, grant_id: str) -> Steps[None]:
    """With the sealed messages."""
    rows = yield Statement(
        "delete from outgoing where application_id = $1 and grant_id = $2 returning id", (application_id, grant_id)
    )
    yield from secrets.destroy(application_id, KIND, [row[0] for row in rows])


def all_waiting() -> Steps[int]:
    """How many wait, of all applications. Reads the index of those."""
    rows = yield Statement("select count(*) from outgoing where state = 'pending'")
    return int(rows[0][0])
