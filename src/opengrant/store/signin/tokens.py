"""Access and refresh tokens that this server issues, by keyed digest, and their families.

A revoked family has no tokens. A script that changes both writes the family first and then its tokens, so that two
scripts cannot deadlock.
"""

from dataclasses import dataclass
from typing import Literal

from opengrant.model import Application, Micros
from opengrant.store.engine.columns import Columns, split
from opengrant.store.engine.json_columns import LIST, put_list
from opengrant.store.engine.port import Dialect, Row, Statement, Steps
from opengrant.store.tenants import applications

Kind = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Family:
    """The tokens of one sign-in or one call with an API key. used_at: of the last refresh."""

    id: str
    grant_id: str
    scope: tuple[str, ...]
    created_at: Micros
    used_at: Micros


FAMILY = Columns(Family, ("id", "grant_id", "scope", "created_at", "used_at"), scope=LIST)

FIND = f"""
    select t.kind, t.created_at, t.expires_at, t.spent_at, {FAMILY.of("f")}, {applications.COLUMNS.of("a")}
    from tokens t
    join token_families f on f.application_id = t.application_id and f.id = t.family_id
    join applications a on a.id = t.application_id
    where t.application_id = $1 and t.digest = $2
"""


@dataclass(frozen=True, slots=True)
class Token:
    """expires_at: None for a refresh token that does not expire. spent_at: when a rotation replaced it."""

    application: Application
    family: Family
    kind: Kind
    created_at: Micros
    expires_at: Micros | None
    spent_at: Micros | None

    def over(self, at: Micros) -> bool:
        return self.expires_at is not None and self.expires_at <= at


def begin(application_id: str, family: Family, dialect: Dialect) -> Steps[bool]:
    """False, with nothing written, if the grant is gone or the family exists already (it may be revoked)."""
    row = (application_id, family.id, family.grant_id, put_list(family.scope), family.created_at)
    if dialect is Dialect.POSTGRES:
        # Waits for a concurrent deletion of the grant: the deletion finds this family, or this script finds no grant.
        held = "select 1 from grants where application_id = $1 and id = $2 for key share"
        yield Statement(held, (application_id, family.grant_id))
    rows = yield Statement(
        f"""insert into token_families (application_id, {FAMILY})
            select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as bigint),
                   cast($5 as bigint)
            where exists (select 1 from grants where application_id = $1 and id = $3)
            on conflict (application_id, id) do nothing returning 1""",
        row,
    )
    return bool(rows)


def add(
    application_id: str, family_id: str, kind: Kind, digest: str, *, at: Micros, expires_at: Micros | None
) -> Steps[None]:
    yield Statement(
        """insert into tokens (application_id, digest, family_id, kind, created_at, expires_at)
           values ($1, $2, $3, $4, $5, $6)""",
        (application_id, digest, family_id, kind, at, expires_at),
    )


def find(application_id: str, digest: str) -> Steps[Token | None]:
    """Includes expired and spent tokens; the tokens of a revoked family are gone."""
    rows = yield Statement(FIND, (application_id, digest))
    return _read(rows[0]) if rows else None


def use(application_id: str, family_id: str, *, at: Micros) -> Steps[bool]:
    """Record a refresh. False if the family is revoked; else it cannot be revoked until this transaction ends."""
    rows = yield Statement(
        """update token_families set used_at = $3 where application_id = $1 and id = $2 and revoked_at is null
           returning 1""",
        (application_id, family_id, at),
    )
    return bool(rows)


def spend(application_id: str, digest: str, *, at: Micros, forget_at: Micros) -> Steps[bool]:
    """Mark a refresh token as spent. False if a concurrent call was first. Its row stays until `forget_at` at most."""
    rows = yield Statement(
        """update tokens set spent_at = $3,
                             expires_at = case when expires_at < $4 then expires_at else $4 end
           where application_id = $1 and digest = $2 and spent_at is null returning 1""",
        (application_id, digest, at, forget_at),
    )
    return bool(rows)


def prolong(application_id: str, digest: str, *, expires_at: Micros | None) -> Steps[None]:
    yield Statement(
        "update tokens set expires_at = $3 where application_id = $1 and digest = $2 and spent_at is null",
        (application_id, digest, expires_at),
    )


def revoke(application_id: str, family_id: str, *, at: Micros) -> Steps[str | None]:
    """Delete a family's tokens and refuse new ones. Returns the grant's id; None if it was revoked before.

    A family that does not exist yet is inserted as revoked: if a code is used twice at once, the second use must revoke
    the tokens that the first use is about to issue.
    """
    rows = yield Statement(
        """insert into token_families (application_id, id, grant_id, scope, created_at, used_at, revoked_at)
           values ($1, $2, '', '[]', $3, $3, $3)
           on conflict (application_id, id) do update set revoked_at = excluded.revoked_at
           where token_families.revoked_at is null
           returning grant_id""",
        (application_id, family_id, at),
    )
    if not rows:
        return None
    yield Statement("delete from tokens where application_id = $1 and family_id = $2", (application_id, family_id))
    return str(rows[0][0])


def die_with(application_id: str, grant_id: str) -> Steps[None]:
    """Revoke all families of a deleted grant.

    Access tokens stay until they expire, so that the answer to them is that the grant is gone.
    """
    yield Statement(
        """update token_families set revoked_at = used_at
           where application_id = $1 and grant_id = $2 and revoked_at is null""",
        (application_id, grant_id),
    )
    yield Statement(
        """delete from tokens where application_id = $1 and kind = 'refresh' and family_id in (
               select id from token_families where application_id = $1 and grant_id = $2)""",
        (application_id, grant_id),
    )


def forget_expired(application_id: str, *, at: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` expired tokens; return their number."""
    rows = yield Statement(
        """delete from tokens where application_id = $1 and digest in (
               select digest from tokens where application_id = $1 and expires_at <= $2 order by expires_at limit $3)
           returning 1""",
        (application_id, at, limit),
    )
    return len(rows)


def forget_empty(application_id: str, *, unused_since: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` families that have no token and were not used since; return their number."""
    rows = yield Statement(
        """delete from token_families where application_id = $1 and id in (
               select f.id from token_families f
               where f.application_id = $1 and f.used_at < $2
                 and not exists (select 1 from tokens t where t.application_id = $1 and t.family_id = f.id)
               order by f.used_at limit $3)
           returning 1""",
        (application_id, unused_since, limit),
    )
    return len(rows)


def _read(row: Row) -> Token:
    kind, created_at, expires_at, spent_at, *rest = row
    family, application = split(rest, FAMILY.width, applications.COLUMNS.width)
    return Token(applications.read(application), FAMILY.read(family), kind, created_at, expires_at, spent_at)
