"""Writes of an import while its input is read: batches, rows, sources; and how far it has come."""

from collections.abc import Mapping, Sequence

from pydantic_core import to_json

from opengrant.model import SECOND, Micros, ProviderName
from opengrant.model.basics import record
from opengrant.model.imports import Import, Outcome
from opengrant.store import secrets
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.imports import batches, jobs

MOST_SKIPPED = 100_000
"""Lines beyond the mark that may be stored: see `Reached`."""

_STREAM_WAITS: Micros = 86_400 * SECOND
"""A stream cannot be continued: what is stored of it is of no use."""
_FILE_WAITS: Micros = 7 * 86_400 * SECOND
"""A file can, until its rows are removed."""


@record
class NewRow:
    """A row as it is stored. batch: 0 for a line that was refused as it was read."""

    line: int
    batch: int
    provider: str | None
    key: str | None
    grant_id: str | None
    outcome: Outcome
    class_: str | None = None
    reason: str | None = None
    remedy: str | None = None
    at: Micros | None = None


@record
class NewBatch:
    """A batch and its sealed rows. number: the line of its first row, so that it is given to no other batch."""

    number: int
    source: str
    provider: ProviderName
    staged: bool
    rows: int
    sealed: secrets.SecretRow


@record
class Reached:
    """How far the input is stored.

    held    the import as it is now: its `updated_at` is what the next write compares
    beyond  lines after `held.lines` that are stored too, because their batch was full earlier
    """

    held: Import
    beyond: frozenset[int]


def _bulk(table: str, listed: Mapping[str, str], fixed: Mapping[str, str], conflict: str = "") -> dict[Dialect, str]:
    """An insert of many rows from `$3`, a list in JSON, for the import `$1`, `$2`.

    listed  column → type, in the order of the values. fixed: column → what it is in every row
    """
    into = f"insert into {table} (application_id, import_id, {', '.join([*listed, *fixed])})"
    sqlite = ", ".join(f"json_extract(v.value, '$[{place}]')" for place in range(len(listed)))
    postgres = ", ".join(f"(v ->> {place})::{type_}" for place, type_ in enumerate(listed.values()))
    # `where true` tells SQLite that `on conflict` is no part of a join.
    return {
        Dialect.SQLITE: f"""{into} select {", ".join(["$1, $2", sqlite, *fixed.values()])}
                            from json_each($3) v where true {conflict}""",
        Dialect.POSTGRES: f"""{into} select {", ".join(["$1, $2", postgres, *fixed.values()])}
                              from jsonb_array_elements($3::jsonb) v {conflict}""",
    }


_ROWS = _bulk(
    "import_rows",
    {
        "line": "bigint",
        "batch": "bigint",
        **dict.fromkeys(("provider", "key", "grant_id", "outcome", "class", "reason", "remedy"), "text"),
        "at": "bigint",
    },
    {"attempts": "0"},
)
_BATCHES = _bulk(
    "import_batches",
    {"number": "bigint", "source": "text", "provider": "text", "state": "text", "rows": "bigint"},
    {
        **dict.fromkeys(("round", "due_at", "until"), "0"),
        **dict.fromkeys(("created", "renewed", "unchanged", "sign_in", "refused", "failed"), "0"),
        "owner": "null",
        "updated_at": "$4",
    },
)
_SOURCES = _bulk(
    "import_sources",
    {"source": "text", "provider": "text", "state": "text"},
    {"paused_until": "null", "trouble": "null", "streak": "0"},
    "on conflict do nothing",
)


def reached(application_id: str, import_id: str) -> Steps[Reached | None]:
    """None if there is no such import."""
    held = yield from jobs.find(application_id, import_id)
    if held is None:
        return None
    rows = yield Statement(
        "select line from import_rows where application_id = $1 and import_id = $2 and line > $3 limit $4",
        (application_id, import_id, held.lines, MOST_SKIPPED),
    )
    return Reached(held, frozenset(int(line) for (line,) in rows))


def store(
    held: Import,
    new: Sequence[NewBatch],
    rows: Sequence[NewRow],
    *,
    kept: Sequence[secrets.SecretRow] = (),
    lines: int,
    at: Micros,
    dialect: Dialect,
) -> Steps[Import | None]:
    """Write new batches and rows, and that all lines up to `lines` are stored.

    held     the import as this process left it: another one that stores the same input, or a cancellation, changes it
    kept     sealed rows that were refused, see `refused`
    Returns  the import afterwards; None, with nothing written, if it has changed
    """
    owner = (held.application_id, held.id)
    found = yield Statement(
        f"""update imports set lines = $3, updated_at = $4
            where application_id = $1 and id = $2 and state = 'loading' and updated_at = $5
            returning {jobs.COLUMNS}""",
        (*owner, lines, max(at, held.updated_at + 1), held.updated_at),
    )
    if not found:
        return None
    if new:
        sources = {one.source: (one.source, one.provider, "staged" if one.staged else "open") for one in new}
        yield Statement(_SOURCES[dialect], (*owner, _json([*sources.values()])))
        listed = [
            (one.number, one.source, one.provider, "staged" if one.staged else "waiting", one.rows) for one in new
        ]
        yield Statement(_BATCHES[dialect], (*owner, _json(listed), at))
        for one in new:
            yield from secrets.put(one.sealed, at=at)
    for secret in kept:
        yield from secrets.put(secret, at=at)
    if rows:
        values = [
            (
                *(row.line, row.batch, row.provider, row.key, row.grant_id, row.outcome),
                *(row.class_, row.reason, row.remedy, row.at),
            )
            for row in rows
        ]
        yield Statement(_ROWS[dialect], (*owner, _json(values)))
    return jobs.COLUMNS.read(found[0])


def complete(held: Import, *, digest: str, at: Micros) -> Steps[Import | None]:
    """The whole input is stored: the import runs, or is finished if it has no row to verify.

    None, with nothing written, if it has changed. Raises Conflict if another import has that digest.
    """
    owner = (held.application_id, held.id)
    rows = yield Statement("select 1 from import_batches where application_id = $1 and import_id = $2 limit 1", owner)
    found = yield Statement(
        f"""update imports set state = $3, digest = $4, started_at = $5, updated_at = $5, finished_at = $6
            where application_id = $1 and id = $2 and state = 'loading' and updated_at = $7 returning {jobs.COLUMNS}""",
        (
            *owner,
            "running" if rows else "finished",
            digest,
            max(at, held.updated_at + 1),
            None if rows else at,
            held.updated_at,
        ),
    )
    return jobs.COLUMNS.read(found[0]) if found else None


def release_digest(application_id: str, import_id: str) -> Steps[None]:
    """The same input may be imported again."""
    yield Statement(
        "update imports set digest = null where application_id = $1 and id = $2", (application_id, import_id)
    )


_GIVEN_UP = "state = 'cancelled', digest = null, hold_refresh = 0, finished_at = 0"


def give_up(application_id: str, import_id: str) -> Steps[bool]:
    """End an import whose input was not read to its end, so that `batches.forget_part` can remove it. False: it was."""
    rows = yield Statement(
        f"update imports set {_GIVEN_UP} where application_id = $1 and id = $2 and state = 'loading' returning id",
        (application_id, import_id),
    )
    return bool(rows)


def give_up_abandoned(application_id: str, *, at: Micros) -> Steps[None]:
    """Likewise all of them, long after the last of each was written."""
    yield Statement(
        f"""update imports set {_GIVEN_UP} where application_id = $1 and state = 'loading'
              and updated_at < case when digest is null then cast($2 as bigint) else cast($3 as bigint) end""",
        (application_id, at - _STREAM_WAITS, at - _FILE_WAITS),
    )


def remaining(application_id: str, import_id: str, *, after: int) -> Steps[tuple[int, frozenset[int]] | None]:
    """The next batch that has rows which can be imported again, and their lines. None if there is none."""
    places = ", ".join(f"'{outcome}'" for outcome in sorted(batches.KEPT))
    rows = yield Statement(
        """select number from import_batches
           where application_id = $1 and import_id = $2 and number > $3 and refused + failed > 0
           order by number limit 1""",
        (application_id, import_id, after),
    )
    if not rows:
        return None
    number = int(rows[0][0])
    rows = yield Statement(
        f"""select line from import_rows
            where application_id = $1 and import_id = $2 and batch = $3 and outcome in ({places})""",
        (application_id, import_id, number),
    )
    return number, frozenset(int(line) for (line,) in rows)


def _json(values: object) -> str:
    return to_json(values).decode()


_REFUSED = "refused "


def refused_purpose(line: int) -> str:
    """Of the sealed rows that were refused as they were read, and can be imported again. line: of their first."""
    return f"{_REFUSED}{line}"


def refused(application_id: str, import_id: str) -> Steps[list[int]]:
    """The lines that `refused_purpose` was made of, in order."""
    rows = yield Statement(
        """select purpose from secrets
           where application_id = $1 and owner_kind = 'import' and owner_id = $2 and purpose like $3""",
        (application_id, import_id, f"{_REFUSED}%"),
    )
    return sorted(int(purpose.removeprefix(_REFUSED)) for (purpose,) in rows)


def not_kept(application_id: str, import_id: str, *, first: int) -> Steps[tuple[int, list[int]]]:
    """Lines that can only be corrected in the input: how many, and the first of them."""
    where = """from import_rows where application_id = $1 and import_id = $2 and batch = 0
               and class in ('unreadable', 'duplicate')"""
    ((number,),) = yield Statement(f"select count(*) {where}", (application_id, import_id))
    rows = yield Statement(f"select line {where} order by line limit $3", (application_id, import_id, first))
    return int(number), [int(line) for (line,) in rows]
