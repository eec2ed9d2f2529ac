"""The processes of an installation, the database's own facts, and the migrations that have run."""

from collections.abc import Sequence
from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.port import Dialect, Statement, Steps

MOST = 200
"""Processes that are listed, those seen latest."""


@dataclass(frozen=True, slots=True)
class Node:
    """A process: a server, one of several workers of a server, or `opengrant work`."""

    id: str
    host: str
    pid: int
    version: str
    started_at: Micros
    seen_at: Micros


_COLUMNS = "id, host, pid, version, started_at, seen_at"
_FACTS = {
    Dialect.SQLITE: """
        select sqlite_version(), page_count * page_size from pragma_page_count(), pragma_page_size()
    """,
    Dialect.POSTGRES: "select current_setting('server_version'), pg_database_size(current_database())",
}


def see(node: Node) -> Steps[None]:
    """Record that the process runs."""
    yield Statement(
        f"""insert into nodes ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6)
            on conflict (id) do update set seen_at = excluded.seen_at""",
        (node.id, node.host, node.pid, node.version, node.started_at, node.seen_at),
    )


def seen(*, since: Micros) -> Steps[list[Node]]:
    """Processes that were seen at this time or later, those that run longest first."""
    rows = yield Statement(
        f"select {_COLUMNS} from nodes where seen_at >= $1 order by started_at, id limit $2", (since, MOST)
    )
    return [Node(*row) for row in rows]


def forget(*, before: Micros) -> Steps[None]:
    """Delete the rows of processes that were last seen before this time."""
    yield Statement("delete from nodes where seen_at < $1", (before,))


def database(dialect: Dialect) -> Steps[tuple[str, int]]:
    """The engine's version, and the bytes that the database takes."""
    ((version, size),) = yield Statement(_FACTS[dialect])
    return str(version), int(size)


def migrations() -> Steps[Sequence[tuple[str, Micros]]]:
    """Name and time of each migration that has run, in order."""
    rows = yield Statement("select name, applied_at from schema_migrations order by name")
    return [(name, at) for name, at in rows]
