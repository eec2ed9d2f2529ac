"""Tenants."""

from typing import cast

from opengrant.model import Application, IdentityRule
from opengrant.store.port import Dialect, Row, Statement, Steps

COLUMNS = "id, name, identity_rule, created_at"


def add(application: Application) -> Steps[bool]:
    """Returns whether it was new; an id that exists is left alone."""
    rows = yield Statement(
        f"insert into applications ({COLUMNS}) values ($1, $2, $3, $4) on conflict (id) do nothing returning id",
        (application.id, application.name, application.identity_rule, application.created_at),
    )
    return bool(rows)


def find(application_id: str) -> Steps[Application | None]:
    rows = yield Statement(f"select {COLUMNS} from applications where id = $1", (application_id,))
    return read(rows[0]) if rows else None


def everyone() -> Steps[list[Application]]:
    rows = yield Statement(f"select {COLUMNS} from applications order by created_at, id")
    return [read(row) for row in rows]


def any_yet(dialect: Dialect) -> Steps[bool]:
    """Whether there is any, asked such that no other transaction can add the first one meanwhile."""
    if dialect is Dialect.POSTGRES:
        # SQLite has one writer at a time anyway.
        yield Statement("lock table applications in share row exclusive mode")
    return bool((yield Statement("select 1 from applications limit 1")))


def read(row: Row) -> Application:
    return Application(row[0], row[1], cast(IdentityRule, row[2]), row[3])
