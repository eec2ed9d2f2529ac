"""Refresh tokens that a verification has spent, by keyed digest.

The successor of a spent token is a secret of owner_kind rotation if the verification stopped there, or else the live
secret of `grant_id`. See docs/decisions/0006-rotations.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opengrant.model import Grant, Micros, ProviderName, Sealed
from opengrant.store import secrets
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.engine.writes import Arm, Head, insert, together, write

FIND = """
    select r.grant_id, s.owner_kind, s.owner_id, s.purpose, s.key_id, s.sealed
    from rotations r left join secrets s
      on s.application_id = r.application_id
     and ((r.grant_id is null and s.owner_kind = 'rotation' and s.owner_id = r.spent and s.purpose = 'successor')
       or (s.owner_kind = 'grant' and s.owner_id = r.grant_id and s.purpose = 'live'))
    where r.application_id = $1 and r.provider = $2 and r.spent = $3
"""


_RECORD = insert(
    "rotations",
    {**dict.fromkeys(("application_id", "provider", "spent", "grant_id"), "text"), "created_at": "bigint"},
    conflict="""on conflict (application_id, provider, spent)
                do update set grant_id = excluded.grant_id, created_at = excluded.created_at""",
)
_RECORDED = Head(f"{_RECORD.alone} returning spent", f"g as ({_RECORD.alone} returning spent)", "spent")
_HAND_OVER = write(
    """update rotations set grant_id = {3}{after}
       where rotations.application_id = {0} and rotations.provider = {1} and rotations.spent = {2}""",
    ("text", "text", "text", "text"),
    after=" from g",
)


@dataclass(frozen=True, slots=True)
class Successor:
    """The sealed successor of a spent token."""

    grant_id: str | None
    row: secrets.SecretRow


def find(application_id: str, provider: ProviderName, spent: str) -> Steps[Successor | None]:
    """None if the token was never spent here, or its grant is gone."""
    rows = yield Statement(FIND, (application_id, provider, spent))
    if not rows or rows[0][5] is None:
        return None
    grant_id, owner_kind, owner_id, purpose, key_id, sealed = rows[0]
    return Successor(
        grant_id, secrets.SecretRow(application_id, owner_kind, owner_id, purpose, Sealed(key_id, bytes(sealed)))
    )


def spent_for(grant: Grant, spent: str) -> Steps[bool]:
    """Whether this grant holds the successor of the token."""
    rows = yield Statement(
        "select 1 from rotations where application_id = $1 and provider = $2 and spent = $3 and grant_id = $4",
        (grant.application_id, grant.provider, spent, grant.id),
    )
    return bool(rows)


def record(
    application_id: str, provider: ProviderName, spent: str, successor: secrets.SecretRow, *, at: Micros
) -> Steps[None]:
    """Store the successor of a spent token; it replaces an earlier one."""
    yield Arm(_RECORD, (application_id, provider, spent, None, at)).alone
    yield from secrets.put(successor, at=at)


def record_alone(
    application_id: str,
    provider: ProviderName,
    spent: str,
    successor: secrets.SecretRow,
    *,
    at: Micros,
    dialect: Dialect,
) -> Steps[None]:
    """As `record`, for a script that writes nothing else: one statement on PostgreSQL."""
    args = (application_id, provider, spent, None, at)
    yield from together(_RECORDED, args, [secrets.put_arm(successor, at=at)], dialect)


def spend_arms(grant: Grant, spent: str, *, at: Micros | None) -> list[Arm]:
    """Record that the grant holds the successor of a token that it has just spent."""
    app_id = grant.application_id
    return [
        Arm(_RECORD, (app_id, grant.provider, spent, grant.id, at)),
        secrets.destroy_arm(app_id, "rotation", spent),
    ]


def hand_over_arms(grant: Grant, spent: Iterable[str]) -> Iterator[Arm]:
    """Record that the grant holds the successors of these tokens, and destroy the copies kept elsewhere."""
    for digest in spent:
        yield Arm(_HAND_OVER, (grant.application_id, grant.provider, digest, grant.id))
        yield secrets.destroy_arm(grant.application_id, "rotation", digest)


def forget(application_id: str, provider: ProviderName, spent: str) -> Steps[None]:
    """Delete the record of a token, and its successor if no grant holds it."""
    yield Statement(
        "delete from rotations where application_id = $1 and provider = $2 and spent = $3",
        (application_id, provider, spent),
    )
    yield from secrets.destroy(application_id, "rotation", [spent])


def forget_of(application_id: str, grant_id: str) -> Steps[None]:
    """Delete the records that lead to a deleted grant."""
    rows = yield Statement(
        "delete from rotations where application_id = $1 and grant_id = $2 returning spent", (application_id, grant_id)
    )
    # An earlier release left these secrets.
    yield from secrets.destroy(application_id, "rotation", [digest for (digest,) in rows])


def forget_before(application_id: str, *, cutoff: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` older records, and the successors that no grant holds. Returns the number of records."""
    # The time is compared twice, because a token may be recorded again meanwhile; `+ 0` hides the index from the second
    # comparison.
    rows = yield Statement(
        """delete from rotations where application_id = $1 and (provider, spent) in (
               select provider, spent from rotations where application_id = $1 and created_at < $2
               order by created_at limit $3)
           and created_at + 0 < $2 returning spent""",
        (application_id, cutoff, limit),
    )
    yield from secrets.destroy(application_id, "rotation", [digest for (digest,) in rows])
    return len(rows)
