"""Leases: who works on a subject until when, for any number of nodes.

A subject is a grant's id, or `spent:<digest>` for a refresh token that has no grant yet. The row is committed before
the provider is asked, so that it is also the record of the intent: when it outlives its owner, an answer of the
provider may have been lost. The owner is random for each lease, so that nobody can give back another's.
"""

from dataclasses import dataclass

from opengrant.model import SECOND, Micros
from opengrant.store.engine.port import Statement, Steps
from opengrant.store.engine.writes import Arm, write

TAKE = """
    insert into leases (application_id, subject, owner, until, attempts) values ($1, $2, $3, $4, 1)
    on conflict (application_id, subject) do update set
        owner = case when leases.until <= $5 then excluded.owner else leases.owner end,
        until = case when leases.until <= $5 then excluded.until else $6 end,
        attempts = case when leases.until <= $5 then leases.attempts + 1 else leases.attempts end
    where leases.until <= $5 or leases.until > $6
    returning attempts, owner
"""
_GIVE_BACK = write(
    "delete from leases{after} where leases.application_id = {0} and leases.subject = {1} and leases.owner = {2}",
    ("text", "text", "text"),
    after=" using g",
)
LEAVE_OPEN = "update leases set until = 0 where application_id = $1 and subject = $2 and owner = $3"

SPENT = "spent:"
"""Begins the subject of a lease on a refresh token that has no grant yet; the digest of the token follows."""
LONGEST: Micros = 300 * SECOND
"""No lease lasts longer from when it is met. One that would was taken before the clock was set back.

Where providers may take so long that the caller's own lease is longer, that and a minute: other work takes more calls.
"""
_MARGIN: Micros = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Lease:
    """attempts: 1, or more when earlier owners never came back with an answer."""

    application_id: str
    subject: str
    owner: str
    attempts: int


def take(application_id: str, subject: str, owner: str, *, at: Micros, until: Micros) -> Steps[Lease | None]:
    """None while somebody else has it."""
    longest = max(at + LONGEST, until + _MARGIN)
    rows = yield Statement(TAKE, (application_id, subject, owner, until, at, longest), last=True)
    return Lease(application_id, subject, owner, rows[0][0]) if rows and rows[0][1] == owner else None


def give_back_arm(lease: Lease) -> Arm:
    """Release after the result is stored."""
    return Arm(_GIVE_BACK, (lease.application_id, lease.subject, lease.owner))


def give_back(lease: Lease) -> Steps[None]:
    yield give_back_arm(lease).alone


def put_back(lease: Lease) -> Steps[None]:
    """Nobody was asked: what an earlier owner may have lost is as unknown as it was."""
    yield from (leave_open if lease.attempts > 1 else give_back)(lease)


def leave_open(lease: Lease) -> Steps[None]:
    """Let others try at once, and let them know that an answer may have been lost."""
    yield Statement(LEAVE_OPEN, (lease.application_id, lease.subject, lease.owner))


def leave_lost(lease: Lease, *, at: Micros) -> Steps[None]:
    """As `leave_open`; the lease of a token without a grant keeps a time, by which `forget_spent` finds it."""
    if not lease.subject.startswith(SPENT):
        yield from leave_open(lease)
        return
    yield Statement(
        "update leases set until = $4 where application_id = $1 and subject = $2 and owner = $3",
        (lease.application_id, lease.subject, lease.owner, at),
    )


def forget_spent(application_id: str, *, cutoff: Micros, limit: int) -> Steps[int]:
    """Drop those of refresh tokens without a grant that ran out before; returns how many, at most `limit`."""
    rows = yield Statement(
        f"""delete from leases where application_id = $1 and subject in (
               select subject from leases where application_id = $1 and subject like '{SPENT}%' and until < $2 limit $3)
           and until < $2 returning 1""",
        (application_id, cutoff, limit),
    )
    return len(rows)


def forget(application_id: str, subject: str) -> Steps[None]:
    """Whoever has it: its subject is gone."""
    yield Statement("delete from leases where application_id = $1 and subject = $2", (application_id, subject))
