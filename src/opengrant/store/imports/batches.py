"""Batches of an import: leased by a node, its rows made final one by one, ended.

Each write names the owner of the lease, and makes a row final only once: a node that lost its lease writes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic_core import to_json

from opengrant.model import SECOND, Micros, ProviderName, Sealed
from opengrant.model.basics import record
from opengrant.model.imports import ImportState, Outcome, RowResult
from opengrant.store import secrets
from opengrant.store.engine.json_columns import put_list
from opengrant.store.engine.port import Dialect, Statement, Steps

LEASE: Micros = 60 * SECOND
"""Renewed while a node works. A lease that ends much later was taken before the clock was set back."""

_COUNTED: tuple[Outcome, ...] = ("created", "renewed", "unchanged", "sign_in", "refused", "failed")
_THIS = "application_id = $1 and import_id = $2 and number = $3"
_ITS_ROWS = "application_id = $1 and import_id = $2 and batch = $3"
_UNDECIDED = "outcome in ('waiting', 'staged')"
KEPT: frozenset[Outcome] = frozenset({"refused", "failed"})
"""Rows of these outcomes can be imported again, so they are kept."""


class LeaseLost(Exception):
    """Another node has the batch, or has made the row final."""


@record
class Batch:
    """A batch that is leased. round: how often its rows have been tried."""

    application_id: str
    import_id: str
    number: int
    source: str
    provider: ProviderName
    round: int
    rows: int
    owner: str


def _strings(place: int, dialect: Dialect) -> str:
    """The members of a JSON array of strings."""
    if dialect is Dialect.POSTGRES:
        return f"select jsonb_array_elements_text(${place}::jsonb)"
    return f"select value from json_each(${place})"


def lease(
    application_id: str,
    import_id: str,
    owner: str,
    *,
    at: Micros,
    busy: Sequence[str],
    full: Sequence[ProviderName],
    dialect: Dialect,
) -> Steps[Batch | None]:
    """Lease the next batch that is due: those that were tried least come first. None if there is none.

    busy, full  sources and providers that are left out
    """
    rows = yield Statement(
        f"""update import_batches set owner = $3, until = $4, updated_at = $5
            where application_id = $1 and import_id = $2 and state = 'waiting' and (until <= $5 or until > $6)
              and number = (
                select b.number from import_batches b
                where b.application_id = $1 and b.import_id = $2 and b.state = 'waiting'
                  and b.due_at <= $5 and (b.until <= $5 or b.until > $6)
                  and b.source not in ({_strings(7, dialect)}) and b.provider not in ({_strings(8, dialect)})
                  and not exists (select 1 from import_sources s
                                  where s.application_id = $1 and s.import_id = $2 and s.source = b.source
                                    and s.paused_until > $5)
                order by b.round, b.number limit 1 {dialect.locks("for update skip locked")})
            returning number, source, provider, round, rows""",
        (
            *(application_id, import_id, owner, at + LEASE, at, at + 2 * LEASE),
            *(put_list(busy), put_list(full)),
        ),
    )
    if not rows:
        return None
    number, source, provider, round_, count = rows[0]
    return Batch(application_id, import_id, number, source, ProviderName(provider), round_, count, owner)


def renew(batch: Batch, *, at: Micros) -> Steps[bool]:
    """False if the lease is lost."""
    rows = yield Statement(
        f"update import_batches set until = $5 where {_THIS} and owner = $4 returning number",
        (*_key(batch), batch.owner, at + LEASE),
    )
    return bool(rows)


def sealed(batch: Batch) -> Steps[Sealed | None]:
    return secrets.find(batch.application_id, "import", batch.import_id, purpose(batch.number))


def undecided(batch: Batch) -> Steps[tuple[dict[int, int], bool]]:
    """Lines that have no final outcome → attempts; and whether they were staged: their cut-over has come then."""
    rows = yield Statement(
        f"select line, attempts, outcome from import_rows where {_ITS_ROWS} and {_UNDECIDED} order by line", _key(batch)
    )
    return {int(line): int(attempts) for line, attempts, _ in rows}, any(outcome == "staged" for *_, outcome in rows)


def decide(batch: Batch, results: Sequence[RowResult], *, at: Micros, dialect: Dialect) -> Steps[None]:
    """Make rows final, and count them. Raises LeaseLost, so that nothing of the transaction is written."""
    if not results:
        return
    decided = yield from _decide(batch, results, at=at, dialect=dialect)
    counts = [sum(one.outcome == outcome for one in results) for outcome in _COUNTED]
    if decided != len(results):
        raise LeaseLost
    changes = ", ".join(f"{name} = {name} + ${n}" for n, name in enumerate(_COUNTED, 6))
    rows = yield Statement(
        f"update import_batches set updated_at = $5, {changes} where {_THIS} and owner = $4 returning number",
        (*_key(batch), batch.owner, at, *counts),
    )
    if not rows:
        raise LeaseLost


def _decide(batch: Batch, results: Sequence[RowResult], *, at: Micros, dialect: Dialect) -> Steps[int]:
    """Write the outcomes of rows that have none. Returns how many."""
    values = [(one.line, one.outcome, one.grant_id, one.class_, one.reason, one.remedy) for one in results]
    if dialect is Dialect.SQLITE:  # a statement each: with a list in JSON it would compare each row with each member
        written = 0
        for row in values:
            written += len((yield Statement(_DECIDE, (*_key(batch), *row, at))))
        return written
    given = to_json([dict(zip(_MEMBERS, row, strict=True)) for row in values]).decode()
    return len((yield Statement(_PG_DECIDE, (*_key(batch), given, at))))


_MEMBERS = ("line", "outcome", "grant_id", "class", "reason", "remedy")
_DECIDE = f"""
    update import_rows set outcome = $5, grant_id = coalesce($6, grant_id), class = $7, reason = $8, remedy = $9,
                           attempts = attempts + 1, at = $10
    where {_ITS_ROWS} and line = $4 and {_UNDECIDED} returning line
"""
_PG_DECIDE = f"""
    update import_rows i set outcome = r.outcome, grant_id = coalesce(r.grant_id, i.grant_id), class = r.class,
                             reason = r.reason, remedy = r.remedy, attempts = i.attempts + 1, at = $5
    from jsonb_to_recordset($4::jsonb) as r(line bigint, {", ".join(f"{name} text" for name in _MEMBERS[1:])})
    where i.application_id = $1 and i.import_id = $2 and i.batch = $3 and i.line = r.line and i.{_UNDECIDED}
    returning i.line
"""


def count_attempts(batch: Batch, lines: Sequence[int], dialect: Dialect) -> Steps[None]:
    """Of rows that were tried and are not final."""
    which = "select (jsonb_array_elements_text($4::jsonb))::bigint"
    if dialect is Dialect.SQLITE:
        which = "select value from json_each($4)"
    yield Statement(
        f"""update import_rows set attempts = attempts + 1
            where {_ITS_ROWS} and {_UNDECIDED} and line in ({which})
              and exists (select 1 from import_batches where {_THIS} and owner = $5)""",
        (*_key(batch), to_json(list(lines)).decode(), batch.owner),
    )


def give_back(batch: Batch, *, at: Micros, due_at: Micros | None = None) -> Steps[None]:
    """End the lease of a batch that has rows left. due_at: the next round begins then; None: go on in this round."""
    if due_at is None:
        yield Statement(
            f"update import_batches set owner = null, until = 0, updated_at = $5 where {_THIS} and owner = $4",
            (*_key(batch), batch.owner, at),
        )
    else:
        yield Statement(
            f"""update import_batches set owner = null, until = 0, updated_at = $5, round = round + 1, due_at = $6
                where {_THIS} and owner = $4""",
            (*_key(batch), batch.owner, at, due_at),
        )


def kept(batch: Batch) -> Steps[frozenset[int]]:
    """Lines whose rows can be imported again."""
    places = ", ".join(f"'{outcome}'" for outcome in sorted(KEPT))
    rows = yield Statement(f"select line from import_rows where {_ITS_ROWS} and outcome in ({places})", _key(batch))
    return frozenset(int(line) for (line,) in rows)


def finish(batch: Batch, remains: Sealed | None, *, at: Micros) -> Steps[bool]:
    """End a batch without undecided rows. remains: its rows that are kept; None: destroy all.

    False if rows are undecided, or the lease is lost.
    """
    rows = yield Statement(
        f"""update import_batches set state = 'done', owner = null, until = 0, updated_at = $5
            where {_THIS} and owner = $4
              and not exists (select 1 from import_rows where {_ITS_ROWS} and {_UNDECIDED})
            returning number""",
        (*_key(batch), batch.owner, at),
    )
    if not rows:
        return False
    if remains is None:
        yield from secrets.destroy_one(batch.application_id, "import", batch.import_id, purpose(batch.number))
    else:
        row = secrets.SecretRow(batch.application_id, "import", batch.import_id, purpose(batch.number), remains)
        yield from secrets.put(row, at=at)
    return True


def purpose(number: int) -> str:
    """Of the secret that holds the rows of a batch."""
    return f"rows {number}"


def _key(batch: Batch) -> tuple[str, str, int]:
    return batch.application_id, batch.import_id, batch.number


# ── whole imports ─────────────────────────────────────────────────────────────────────────────────────────────


Need = Literal["work", "close", "release", "cut_over"]
"""work: rows wait. close: it was cancelled, and rows are not. release: grants that were held are to be refreshed.
cut_over: its time has come."""

_OPEN = """exists (select 1 from import_batches b
                   where b.application_id = i.application_id and b.import_id = i.id
                     and b.state in ('waiting', 'staged'))"""


def needing(*, at: Micros) -> Steps[list[tuple[str, str, Need]]]:
    """(application, import, what it needs) of all applications, oldest first."""
    rows = yield Statement(
        f"""select i.application_id, i.id, case
                when i.state = 'cancelled' and {_OPEN} then 'close'
                when i.state <> 'cancelled' and i.cut_at is null and i.cut_over_at <= $1 then 'cut_over'
                when i.state = 'running' then 'work'
                else 'release' end
            from imports i
            where i.state = 'running' or (i.state = 'cancelled' and {_OPEN})
               or (i.hold_refresh = 1 and i.released < i.lines
                   and (i.state = 'cancelled' or (i.state in ('finished', 'paused') and i.cut_at is not null)
                        or (i.state = 'finished' and i.cut_over_at <= $1)))
            order by i.created_at, i.id""",
        (at,),
    )
    return [(application_id, id_, need) for application_id, id_, need in rows]


def finish_import(application_id: str, import_id: str, *, at: Micros) -> Steps[bool]:
    """End a running import whose batches are all done. Returns whether it ended."""
    rows = yield Statement(
        # Grants that were held while others were released already are found by looking through all again.
        """update imports set state = 'finished', finished_at = $3, updated_at = $3, released = 0
           where application_id = $1 and id = $2 and state = 'running'
             and not exists (select 1 from import_batches b
                             where b.application_id = $1 and b.import_id = $2 and b.state in ('waiting', 'staged'))
           returning id""",
        (application_id, import_id, at),
    )
    if rows:
        yield Statement(
            """update import_sources set state = 'done', paused_until = null, trouble = null, streak = 0
               where application_id = $1 and import_id = $2""",
            (application_id, import_id),
        )
    return bool(rows)


def cut_over(application_id: str, import_id: str, source: str | None, *, at: Micros) -> Steps[int]:
    """Let staged batches be verified, of one source or of all. Returns their number."""
    of = (application_id, import_id, source)
    # Of two at once, the second one waits: else neither would be the last.
    yield Statement(
        "update imports set updated_at = $3 where application_id = $1 and id = $2", (application_id, import_id, at)
    )
    rows = yield Statement(
        """update import_batches set state = 'waiting', due_at = $4, updated_at = $4
           where application_id = $1 and import_id = $2 and state = 'staged' and source = coalesce($3, source)
           returning number""",
        (*of, at),
    )
    yield Statement(
        """update import_sources set state = 'open'
           where application_id = $1 and import_id = $2 and state = 'staged' and source = coalesce($3, source)""",
        of,
    )
    if not rows and source is not None:
        return 0  # nothing of it waited, so it is not the last one
    yield Statement(
        """update imports set cut_at = $3
           where application_id = $1 and id = $2 and cut_at is null
             and not exists (select 1 from import_batches b
                             where b.application_id = $1 and b.import_id = $2 and b.state = 'staged')""",
        (application_id, import_id, at),
    )
    return len(rows)


def count_again() -> Steps[None]:
    """Let PostgreSQL count the rows of tables that an import fills.

    It does so by itself after a minute. Until then it plans for the sizes before the import, and reads all grants of
    an application to find one.
    """
    for table in ("grants", "secrets", "events", "import_batches", "import_rows"):
        yield Statement(f"analyze {table}")


def close_some(application_id: str, import_id: str, *, at: Micros, limit: int) -> Steps[int]:
    """Make the undecided rows of a cancelled import final, for up to `limit` batches. Returns how many there were."""
    rows = yield Statement(
        """update import_batches set state = 'done', owner = null, until = 0, updated_at = $3
           where application_id = $1 and import_id = $2 and number in (
               select number from import_batches
               where application_id = $1 and import_id = $2 and state in ('waiting', 'staged')
                 and (until <= $3 or until > $5) limit $4)
           returning number""",
        (application_id, import_id, at, limit, at + 2 * LEASE),
    )
    for (number,) in rows:
        yield Statement(
            f"update import_rows set outcome = 'cancelled', at = $4 where {_ITS_ROWS} and {_UNDECIDED}",
            (application_id, import_id, number, at),
        )
        yield from secrets.destroy_one(application_id, "import", import_id, purpose(number))
    return len(rows)


@record
class Held:
    """A grant that is not refreshed before the cut-over."""

    id: str
    provider: ProviderName
    token_expires_at: Micros | None
    used_at: Micros | None


def held(application_id: str, import_id: str, *, limit: int) -> Steps[tuple[list[Held], int]]:
    """Some of the grants that the import holds back, and the line up to which this looked; the last one if no more.

    A grant that was used meanwhile is refreshed again already.
    """
    rows = yield Statement(
        """select r.line, g.id, g.provider, g.token_expires_at, g.used_at
           from (select application_id, line, grant_id from import_rows
                 where application_id = $1 and import_id = $2
                   and line > (select released from imports where application_id = $1 and id = $2)
                 order by line limit $3) r
           left join grants g on g.application_id = r.application_id and g.id = r.grant_id
                             and g.due_at is null and g.status = 'valid'
           order by r.line""",
        (application_id, import_id, limit),
    )
    grants = [Held(id_, ProviderName(provider), ends, used) for _, id_, provider, ends, used in rows if id_ is not None]
    return grants, (int(rows[-1][0]) if rows else 2**53)


def release(
    application_id: str,
    import_id: str,
    due: Mapping[str, Micros],
    *,
    up_to: int,
    state: ImportState,
    dialect: Dialect,
) -> Steps[None]:
    """Let held grants be refreshed. due: grant → when. up_to: what `held` returned with them.

    state  of the import; one that was cancelled or has ended meanwhile looks through all its grants again
    """
    if dialect is Dialect.SQLITE:
        for id_, at in due.items():
            yield Statement(_RELEASE, (application_id, id_, at))
    elif due:
        given = to_json([{"id": id_, "due_at": at} for id_, at in due.items()]).decode()
        yield Statement(_PG_RELEASE, (application_id, given))
    yield Statement(
        "update imports set released = $3 where application_id = $1 and id = $2 and state = $4",
        (application_id, import_id, up_to, state),
    )


_RELEASE = """
    update grants set due_at = $3, version = version + 1
    where application_id = $1 and id = $2 and due_at is null and status = 'valid'
"""
_PG_RELEASE = """
    update grants g set due_at = r.due_at, version = g.version + 1
    from jsonb_to_recordset($2::jsonb) as r(id text, due_at bigint)
    where g.application_id = $1 and g.id = r.id and g.due_at is null and g.status = 'valid'
"""


_FORGOTTEN_BATCHES, _FORGOTTEN_ROWS = 20, 1000
"""Of an import, in one transaction: a batch has a large secret."""


def forget_some(application_id: str, *, cutoff: Micros) -> Steps[bool]:
    """Delete a part of an import that ended before `cutoff`. Returns whether there was one.

    An import that still holds grants back stays.
    """
    rows = yield Statement(
        """select id from imports
           where application_id = $1 and state in ('finished', 'cancelled') and finished_at < $2
             and (hold_refresh = 0 or released >= lines) limit 1""",
        (application_id, cutoff),
    )
    if not rows:
        return False
    yield from forget_part(application_id, rows[0][0])
    return True


def forget_part(application_id: str, import_id: str) -> Steps[bool]:
    """Delete a part of an import, credentials first. Returns whether more of it is left."""
    of = (application_id, import_id)
    some = yield Statement(
        """delete from import_batches where application_id = $1 and import_id = $2 and number in (
               select number from import_batches where application_id = $1 and import_id = $2 limit $3)
           returning number""",
        (*of, _FORGOTTEN_BATCHES),
    )
    for (number,) in some:
        yield from secrets.destroy_one(application_id, "import", import_id, purpose(number))
    if some:
        return True
    yield from secrets.destroy(application_id, "import", [import_id])  # rows that were refused as they were read
    some = yield Statement(
        """delete from import_rows where application_id = $1 and import_id = $2 and line in (
               select line from import_rows where application_id = $1 and import_id = $2 order by line limit $3)
           returning line""",
        (*of, _FORGOTTEN_ROWS),
    )
    if some:
        return True
    yield Statement("delete from import_sources where application_id = $1 and import_id = $2", of)
    yield Statement("delete from imports where application_id = $1 and id = $2", of)
    return False
