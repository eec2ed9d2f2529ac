"""Sessions of the console, and the one-time links that begin them, by keyed digest.

Like API keys, both are found by digest alone, because they identify the application of a request.
"""

from dataclasses import dataclass

from opengrant.model import Application, Micros
from opengrant.store.engine.json_columns import get_list
from opengrant.store.engine.port import Row, Statement, Steps
from opengrant.store.tenants import applications

_APPLICATION = applications.COLUMNS.of("a")

# Permissions and expiry are the present ones of the key: a revoked key ends its sessions at once.
_LIVE = f"""
    select s.id, s.api_key_id, k.permissions, k.expires_at, s.created_at, s.used_at, s.expires_at, {_APPLICATION}
    from console_sessions s
    join applications a on a.id = s.application_id
    left join api_keys k on k.id = s.api_key_id and k.application_id = s.application_id
    where s.expires_at > $2 and s.used_at > $3
      and (s.api_key_id is null
           or k.id is not null and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2))
"""

FIND = f"{_LIVE} and s.digest = $1"


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A signed-in browser. key_id: the API key that began it; None: an operator's link.

    used_at     to the minute
    expires_at  latest end, not after that of its key
    """

    id: str
    application: Application
    key_id: str | None
    permissions: tuple[str, ...]
    created_at: Micros
    used_at: Micros
    expires_at: Micros

    @property
    def operator(self) -> bool:
        """Whether it has the rights of the command line, for its application."""
        return self.key_id is None


def find(digest: str, *, now: Micros, idle_since: Micros) -> Steps[ConsoleSession | None]:
    """The live session of a cookie. One that was not used since `idle_since` has ended."""
    rows = yield Statement(FIND, (digest, now, idle_since))
    return _read(rows[0]) if rows else None


def of_application(application_id: str, *, now: Micros, idle_since: Micros) -> Steps[list[ConsoleSession]]:
    """Live ones, newest first."""
    rows = yield Statement(
        f"{_LIVE} and s.application_id = $1 order by s.created_at desc, s.id", (application_id, now, idle_since)
    )
    return [_read(row) for row in rows]


def add(
    application_id: str, session_id: str, digest: str, key_id: str | None, *, at: Micros, expires_at: Micros
) -> Steps[None]:
    yield Statement(
        """insert into console_sessions (application_id, id, digest, api_key_id, created_at, used_at, expires_at)
           values ($1, $2, $3, $4, $5, $5, $6)""",
        (application_id, session_id, digest, key_id, at, expires_at),
    )


def used(application_id: str, session_id: str, *, at: Micros) -> Steps[None]:
    """Never moves the time backwards, because several processes report uses."""
    yield Statement(
        "update console_sessions set used_at = $3 where application_id = $1 and id = $2 and used_at < $3",
        (application_id, session_id, at),
        last=True,
    )


def end(application_id: str, session_id: str) -> Steps[bool]:
    """False if there is no such session."""
    rows = yield Statement(
        "delete from console_sessions where application_id = $1 and id = $2 returning 1", (application_id, session_id)
    )
    return bool(rows)


def end_all(application_id: str) -> Steps[list[str]]:
    """End every session and drop every link. Returns the ids of the sessions."""
    yield Statement("delete from console_links where application_id = $1", (application_id,))
    rows = yield Statement("delete from console_sessions where application_id = $1 returning id", (application_id,))
    return [id_ for (id_,) in rows]


def crowd_out(application_id: str, *, operator: bool, keep: int) -> Steps[list[str]]:
    """End the oldest sessions of one kind, beyond `keep`; return their ids."""
    rows = yield Statement(
        """delete from console_sessions where application_id = $1 and id in (
               select id from console_sessions
               where application_id = $1 and case when api_key_id is null then 1 else 0 end = $2
               order by created_at desc, id limit 1000 offset $3)
           returning id""",
        (application_id, int(operator), keep),
    )
    return [id_ for (id_,) in rows]


def add_link(application_id: str, link_id: str, digest: str, *, at: Micros, expires_at: Micros) -> Steps[None]:
    yield Statement(
        "insert into console_links (application_id, id, digest, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        (application_id, link_id, digest, at, expires_at),
    )


def redeem(digest: str, *, now: Micros) -> Steps[tuple[str, str] | None]:
    """Delete a link and return its (application, id), to one caller only. None if it is unknown or has expired."""
    rows = yield Statement(
        "delete from console_links where digest = $1 and expires_at > $2 returning application_id, id", (digest, now)
    )
    return (rows[0][0], rows[0][1]) if rows else None


def forget(application_id: str, *, now: Micros, idle_since: Micros) -> Steps[None]:
    """Delete links and sessions that have ended."""
    yield Statement("delete from console_links where application_id = $1 and expires_at <= $2", (application_id, now))
    yield Statement(
        """delete from console_sessions where application_id = $1 and (
               expires_at <= $2 or used_at <= $3 or api_key_id in (
                   select id from api_keys
                   where application_id = $1 and (revoked_at is not null or expires_at <= $2)))""",
        (application_id, now, idle_since),
    )


def _read(row: Row) -> ConsoleSession:
    id_, key_id, permissions, key_expires_at, created_at, used_at, expires_at, *application = row
    return ConsoleSession(
        id_,
        applications.read(application),
        key_id,
        # "all" does not include live tokens: a session from the command line cannot read them.
        ("all",) if key_id is None else get_list(permissions),
        created_at,
        used_at,
        expires_at if key_expires_at is None else min(expires_at, key_expires_at),
    )
