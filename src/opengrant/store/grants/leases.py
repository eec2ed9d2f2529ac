"""Leases: which owner works on a subject, and until when, across all nodes.

A subject is a grant's id, or `spent:<digest>` for a refresh token that has no grant yet. The row is committed before
the call of the provider, so it also records the intent: a lease that outlives its owner means that an answer of the
provider may be lost. The owner is random for each lease, so an owner cannot release another's lease.
"""

from opengrant.model import SECOND, Micros
from opengrant.model.basics import record
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
"""Prefix of the subject for a refresh token that has no grant yet; the token's digest follows."""
LONGEST: Micros = 300 * SECOND
"""The longest lease. One that ends later was taken before the clock was set back.

If the caller's own lease is longer, because providers may take so long, the limit is that and a minute.
"""
_MARGIN: Micros = 60 * SECOND


@record
class Lease:
    """attempts: 1, or more if earlier owners did not store a result."""

    application_id: str
    subject: str
    owner: str
    attempts: int


def take(
    application_id: str, subject: str, owner: str, *, at: Micros, until: Micros, alone: bool = True
) -> Steps[Lease | None]:
    """None while another owner has it. alone: no other statement follows in this transaction."""
    longest = max(at + LONGEST, until + _MARGIN)
    rows = yield Statement(TAKE, (application_id, subject, owner, until, at, longest), last=alone)
    return Lease(application_id, subject, owner, rows[0][0]) if rows and rows[0][1] == owner else None


def give_back_arm(lease: Lease) -> Arm:
    """Release after the result is stored."""
    return Arm(_GIVE_BACK, (lease.application_id, lease.subject, lease.owner))


def give_back(lease: Lease) -> Steps[None]:
    yield give_back_arm(lease).alone


def put_back(lease: Lease) -> Steps[None]:
    """Release without a call of the provider: an answer that an earlier owner lost stays unknown."""
    yield from (leave_open if lease.attempts > 1 else give_back)(lease)


def leave_open(lease: Lease) -> Steps[None]:
    """Let other owners try at once, and keep the record that an answer may be lost."""
    yield Statement(LEAVE_OPEN, (lease.application_id, lease.subject, lease.owner))


def leave_lost(lease: Lease, *, at: Micros) -> Steps[None]:
    """As `leave_open`; the lease of a token without a grant keeps a time, so that `forget_spent` finds it."""
    if not lease.subject.startswith(SPENT):
        yield from leave_open(lease)
        return
    yield Statement(
        "update leases set until = $4 where application_id = $1 and subject = $2 and owner = $3",
        (lease.application_id, lease.subject, lease.owner, at),
    )


def forget_spent(application_id: str, *, cutoff: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` leases of tokens without a grant that ended before `cutoff`; return their number."""
    rows = yield Statement(
        f"""delete from leases where application_id = $1 and subject in (
               select subject from leases where application_id = $1 and subject like '{SPENT}%' and until < $2 limit $3)
           and until < $2 returning 1""",
        (application_id, cutoff, limit),
    )
    return len(rows)


def forget(application_id: str, subject: str) -> Steps[None]:
    """Drop all leases of a deleted subject."""
    yield Statement("delete from leases where application_id = $1 and subject = $2", (application_id, subject))
