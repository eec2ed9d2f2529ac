"""Watched mailboxes: which process watches each, when it is due, and what is known of it.

A process that watches shows by one row of its own that it is alive (`beat`); a mailbox names its process. So a process
that watches a thousand mailboxes writes one row, and the mailboxes of one that is gone are free at once.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from opengrant.model import Micros
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.events import events
from opengrant.store.events.events import Event

TOLD = tuple(f"{kind}.{change}" for kind in ("message", "folder") for change in ("created", "updated", "deleted"))
"""Types of events for which mailboxes are watched."""

_WANTED = " or ".join(f"""triggers like '%"{type_}"%'""" for type_ in TOLD)
_OURS = "where application_id = $1 and grant_id = $2 and owner = $3 and fence = $4"


class Hold(NamedTuple):
    """A mailbox that a process watches. Only its present holder can write."""

    application_id: str
    grant_id: str
    owner: str
    fence: int


class Taken(NamedTuple):
    """failures: in a row."""

    hold: Hold
    failures: int


class Known(NamedTuple):
    """folders: JSON; None before the first look."""

    folders: str | None
    looked_at: Micros | None


def wanting(*, at: Micros) -> Steps[dict[str, bool]]:
    """Applications with a webhook that wants to be told of mail; True: a mailbox of theirs is due."""
    rows = yield Statement(
        f"""select a.application_id, exists (
                select 1 from mail_watches w where w.application_id = a.application_id and w.due_at <= $1)
            from (select distinct application_id from webhooks
                  where status in ('active', 'failing') and ({_WANTED})) a""",
        (at,),
    )
    return {application_id: bool(due) for application_id, due in rows}


def watched() -> Steps[list[str]]:
    """Applications with watched mailboxes."""
    rows = yield Statement(
        "select id from applications a where exists (select 1 from mail_watches w where w.application_id = a.id)"
    )
    return [id_ for (id_,) in rows]


class Page(NamedTuple):
    """Grants in the order in which they were made. last: time and id of the last one; None at the end."""

    last: tuple[Micros, str] | None
    unwatched: list[str]


def look_through(
    application_id: str, providers: Sequence[str], *, after: tuple[Micros, str], limit: int
) -> Steps[Page]:
    """Valid grants that are not watched, among up to `limit` grants that were made after that one."""
    places = ", ".join(f"${n}" for n in range(5, 5 + len(providers)))
    rows = yield Statement(
        f"""select created_at, id, provider in ({places}) and status = 'valid' and not exists (
                select 1 from mail_watches w where w.application_id = $1 and w.grant_id = g.id)
            from grants g where application_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4""",
        (application_id, *after, limit, *providers),
    )
    return Page((rows[-1][0], rows[-1][1]) if rows else None, [row[1] for row in rows if row[2]])


def add(application_id: str, grant_ids: Sequence[str], *, at: Micros) -> Steps[None]:
    for grant_id in grant_ids:
        yield Statement(
            """insert into mail_watches (application_id, grant_id, due_at)
               select application_id, id, cast($3 as bigint) from grants where application_id = $1 and id = $2
               on conflict do nothing""",
            (application_id, grant_id, at),
        )


def forget_some(application_id: str, *, limit: int) -> Steps[int]:
    """Stop watching up to `limit` mailboxes of an application; return their number."""
    rows = yield Statement(
        """delete from mail_watches where application_id = $1 and grant_id in (
               select grant_id from mail_watches where application_id = $1 limit $2) returning grant_id""",
        (application_id, limit),
    )
    for (grant_id,) in rows:
        yield from _forget_pages(application_id, grant_id)
    return len(rows)


def delete_of_grant(application_id: str, grant_id: str) -> Steps[None]:
    """With the grant."""
    yield Statement("delete from mail_watches where application_id = $1 and grant_id = $2", (application_id, grant_id))
    yield from _forget_pages(application_id, grant_id)


def _forget_pages(application_id: str, grant_id: str) -> Steps[None]:
    yield Statement("delete from mail_pages where application_id = $1 and grant_id = $2", (application_id, grant_id))


# Processes.


def begin(owner: str, *, until: Micros) -> Steps[None]:
    yield Statement("insert into mail_watchers (owner, until) values ($1, $2)", (owner, until))


def beat(owner: str, *, until: Micros) -> Steps[bool]:
    """False: the process was taken to be gone, and has no mailboxes any more."""
    rows = yield Statement("update mail_watchers set until = $2 where owner = $1 returning owner", (owner, until))
    return bool(rows)


def bury(*, at: Micros, longest: Micros, pause: Micros) -> Steps[int]:
    """Free the mailboxes of processes that are gone; return how many.

    longest  a process that says it lives longer has another clock
    pause    time between two logins at a mailbox
    """
    freed = 0
    rows = yield Statement(
        "delete from mail_watchers where until < $1 or until > $2 returning owner", (at, at + longest)
    )
    for (owner,) in rows:
        freed += yield from end(owner, at=at, pause=pause)
    return freed


def end(owner: str, *, at: Micros, pause: Micros) -> Steps[int]:
    """Free all mailboxes of a process: they are due now, or a pause after their last login."""
    yield Statement("delete from mail_watchers where owner = $1", (owner,))
    rows = yield Statement(
        """update mail_watches set owner = null,
                  due_at = case when asked_at + $3 > $2 and asked_at <= $2 then asked_at + $3 else $2 end
           where owner = $1 and application_id in (select id from applications) returning 1""",
        (owner, at, pause),
    )
    return len(rows)


# Mailboxes.


def take(application_id: str, owner: str, *, at: Micros, limit: int, dialect: Dialect) -> Steps[list[Taken]]:
    """Up to `limit` mailboxes that are due, for this process."""
    rows = yield Statement(
        f"""update mail_watches set owner = $2, due_at = null, fence = fence + 1, asked_at = $3
            where application_id = $1 and due_at <= $3 and grant_id in (
                select grant_id from mail_watches where application_id = $1 and due_at <= $3
                order by due_at limit $4 {dialect.locks("for update skip locked")})
            returning grant_id, fence, failures""",
        (application_id, owner, at, limit),
        last=True,
    )
    return [Taken(Hold(application_id, grant_id, owner, fence), failures) for grant_id, fence, failures in rows]


class Held(NamedTuple):
    """generation: of the grant's credential; None: the mailbox is not to be watched any more."""

    fence: int
    generation: int | None


def held(application_id: str, owner: str) -> Steps[dict[str, Held]]:
    """What this process holds, by grant."""
    rows = yield Statement(
        """select w.grant_id, w.fence, (
               select g.generation from grants g
               where g.application_id = $1 and g.id = w.grant_id and g.status || '' = 'valid' and g.blocked = 0)
           from mail_watches w where w.application_id = $1 and w.owner = $2""",
        (application_id, owner),
    )
    return {grant_id: Held(fence, generation) for grant_id, fence, generation in rows}


def known(hold: Hold) -> Steps[Known | None]:
    """None: the process does not hold it any more."""
    rows = yield Statement(f"select folders, looked_at from mail_watches {_OURS}", tuple(hold))
    return Known(*rows[0]) if rows else None


def pages(application_id: str, grant_id: str) -> Steps[dict[tuple[int, int], bytes]]:
    """All pages of a mailbox by folder and page."""
    rows = yield Statement(
        "select folder, page, messages from mail_pages where application_id = $1 and grant_id = $2",
        (application_id, grant_id),
    )
    return {(folder, page): bytes(messages) for folder, page, messages in rows}


def keep(hold: Hold, known: Known, changed: Mapping[tuple[int, int], bytes], told: Sequence[Event]) -> Steps[bool]:
    """Write what is known now, and the events that tell of it, together. False: nothing, it is not held any more."""
    rows = yield Statement(
        f"update mail_watches set folders = $5, looked_at = $6, failures = 0 {_OURS} returning 1", (*hold, *known)
    )
    if not rows:
        return False
    of = hold.application_id, hold.grant_id
    for (folder, page), messages in changed.items():
        if messages:
            yield Statement(
                """insert into mail_pages (application_id, grant_id, folder, page, messages) values ($1, $2, $3, $4, $5)
                   on conflict (application_id, grant_id, folder, page) do update set messages = excluded.messages""",
                (*of, folder, page, messages),
            )
        else:
            yield Statement(
                "delete from mail_pages where application_id = $1 and grant_id = $2 and folder = $3 and page = $4",
                (*of, folder, page),
            )
    for event in told:
        yield from events.announce(event)
    return True


def release(hold: Hold, *, due_at: Micros, failures: int) -> Steps[None]:
    yield Statement(
        f"update mail_watches set owner = null, due_at = $5, failures = $6 {_OURS}",
        (*hold, due_at, failures),
        last=True,
    )
