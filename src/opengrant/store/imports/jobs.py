"""Imports themselves: made, found, and moved from state to state."""

from collections.abc import Sequence

from opengrant.model import Micros
from opengrant.model.imports import Import, ImportState
from opengrant.store.engine.columns import FLAG, Columns
from opengrant.store.engine.port import Statement, Steps

COLUMNS = Columns(
    Import,
    (
        *("application_id", "id", "name", "state", "digest", "lines", "cut_over", "hold_refresh", "cut_over_at"),
        *("created_at", "started_at", "finished_at", "updated_at", "cut_at", "released"),
    ),
    cut_over=FLAG,
    hold_refresh=FLAG,
)


def add(new: Import) -> Steps[bool]:
    """False if the application has an import with that digest already."""
    rows = yield Statement(
        f"insert into imports ({COLUMNS}) values ({COLUMNS.places}) on conflict do nothing returning id",
        COLUMNS.write(new),
    )
    return bool(rows)


def find(application_id: str, import_id: str) -> Steps[Import | None]:
    rows = yield Statement(
        f"select {COLUMNS} from imports where application_id = $1 and id = $2", (application_id, import_id)
    )
    return COLUMNS.read(rows[0]) if rows else None


def find_digest(application_id: str, digest: str) -> Steps[Import | None]:
    """The import of an input, by its content."""
    rows = yield Statement(
        f"select {COLUMNS} from imports where application_id = $1 and digest = $2", (application_id, digest)
    )
    return COLUMNS.read(rows[0]) if rows else None


def newest(application_id: str, *, before: tuple[Micros, str] | None, limit: int) -> Steps[list[Import]]:
    """Newest first. before: created_at and id of the last one of the page before."""
    at, last = before or (2**62, "")
    rows = yield Statement(
        f"""select {COLUMNS} from imports where application_id = $1 and (created_at, id) < ($2, $3)
            order by created_at desc, id desc limit $4""",
        (application_id, at, last, limit),
    )
    return [COLUMNS.read(row) for row in rows]


def move(
    application_id: str, import_id: str, *, from_: Sequence[ImportState], to: ImportState, at: Micros
) -> Steps[Import | None]:
    """Change the state. None if the import is in none of the states `from_`.

    All grants that a cancelled import holds are looked through again: rows under way may still add some.
    """
    places = ", ".join(f"${n}" for n in range(5, len(from_) + 5))
    rows = yield Statement(
        f"""update imports set state = $3, updated_at = $4,
                   started_at = case when $3 = 'running' then coalesce(started_at, $4) else started_at end,
                   finished_at = case when $3 in ('finished', 'cancelled') then $4 else null end,
                   released = case when $3 = 'cancelled' then 0 else released end
            where application_id = $1 and id = $2 and state in ({places}) returning {COLUMNS}""",
        (application_id, import_id, to, at, *from_),
    )
    return COLUMNS.read(rows[0]) if rows else None
