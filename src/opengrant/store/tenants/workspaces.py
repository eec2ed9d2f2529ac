"""Workspaces: groups of an application's grants; one is the default. A grant's row names its workspace."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.columns import FLAG, Columns
from opengrant.store.engine.json_columns import LIST
from opengrant.store.engine.port import Statement, Steps

DEFAULT_NAME = "Default"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A group of grants.

    domain      lower-cased ASCII (A-labels); "" for none
    auto_group  new grants with an address of that domain are placed here
    """

    id: str
    application_id: str
    name: str
    domain: str
    auto_group: bool
    is_default: bool
    policy_id: str | None
    rule_ids: tuple[str, ...]
    created_at: Micros
    updated_at: Micros


COLUMNS = Columns(
    Workspace,
    (
        *("id", "application_id", "name", "domain", "auto_group", "is_default", "policy_id", "rule_ids"),
        *("created_at", "updated_at"),
    ),
    auto_group=FLAG,
    is_default=FLAG,
    rule_ids=LIST,
)
HOME = """
    select id from workspaces
    where application_id = {0} and ((domain = {1} and domain <> '' and auto_group = 1) or is_default = 1)
    order by is_default limit 1
"""
"""The workspace for new grants of a domain, else the default one. {0}: the application's place, {1}: the domain's."""
_REPLACED = COLUMNS.writer(("application_id", "id", "name", "auto_group", "policy_id", "rule_ids", "updated_at"))


@dataclass(frozen=True, slots=True)
class Stray:
    """A grant in no workspace, or in the default one. The next page begins after (`created_at`, `id`)."""

    created_at: Micros
    id: str
    email: str


def add(workspace: Workspace) -> Steps[bool]:
    """False if the application has a workspace of that domain, or a default one, already."""
    rows = yield Statement(
        f"""insert into workspaces ({COLUMNS}) values ({COLUMNS.places})
            on conflict do nothing returning id""",
        COLUMNS.write(workspace),
    )
    return bool(rows)


def find(application_id: str, workspace_id: str) -> Steps[Workspace | None]:
    rows = yield Statement(
        f"select {COLUMNS} from workspaces where application_id = $1 and id = $2", (application_id, workspace_id)
    )
    return COLUMNS.read(rows[0]) if rows else None


def find_domain(application_id: str, domain: str) -> Steps[Workspace | None]:
    """The workspace of a domain, with or without auto_group."""
    rows = yield Statement(
        # The second condition makes the partial index usable.
        f"select {COLUMNS} from workspaces where application_id = $1 and domain = $2 and domain <> ''",
        (application_id, domain),
    )
    return COLUMNS.read(rows[0]) if rows else None


def find_named(application_id: str, name: str) -> Steps[Workspace | None]:
    """The first workspace of that name that has no domain and is not the default one."""
    rows = yield Statement(
        f"""select {COLUMNS} from workspaces where application_id = $1 and name = $2 and domain = '' and is_default = 0
            order by created_at, id limit 1""",
        (application_id, name),
    )
    return COLUMNS.read(rows[0]) if rows else None


def find_default(application_id: str) -> Steps[Workspace | None]:
    rows = yield Statement(
        f"select {COLUMNS} from workspaces where application_id = $1 and is_default = 1", (application_id,)
    )
    return COLUMNS.read(rows[0]) if rows else None


def get_default(application_id: str, *, at: Micros) -> Steps[Workspace]:
    """The default workspace; created if the application has none. Writes."""
    found = yield from find_default(application_id)
    if found is not None:
        return found
    fresh = Workspace(str(uuid.uuid4()), application_id, DEFAULT_NAME, "", False, True, None, (), at, at)
    if (yield from add(fresh)):
        return fresh
    # A concurrent script has inserted and committed it: this insert waited for that.
    found = yield from find_default(application_id)
    assert found is not None
    return found


def of_application(application_id: str) -> Steps[list[Workspace]]:
    """The default one first, then in order of creation."""
    rows = yield Statement(
        f"select {COLUMNS} from workspaces where application_id = $1 order by is_default desc, created_at, id",
        (application_id,),
    )
    return [COLUMNS.read(row) for row in rows]


def count(application_id: str) -> Steps[int]:
    rows = yield Statement("select count(*) from workspaces where application_id = $1", (application_id,))
    return int(rows[0][0])


def grants_up_to(application_id: str, workspace_id: str, *, most: int) -> Steps[int]:
    """How many grants a workspace has, counted up to `most`: a workspace may have a million."""
    rows = yield Statement(
        """select count(*) from
           (select 1 from grants where application_id = $1 and workspace_id = $2 limit $3) as counted""",
        (application_id, workspace_id, most),
    )
    return int(rows[0][0])


def hold(application_id: str, workspace_id: str) -> Steps[Workspace | None]:
    """Read and lock it until this transaction ends."""
    # An update without a change locks the row on PostgreSQL; SQLite has one writer at a time.
    rows = yield Statement(
        f"""update workspaces set updated_at = updated_at where application_id = $1 and id = $2
            returning {COLUMNS}""",
        (application_id, workspace_id),
    )
    return COLUMNS.read(rows[0]) if rows else None


def replace(workspace: Workspace) -> Steps[None]:
    """Write the mutable columns of a workspace that `hold` has locked."""
    yield Statement(
        """update workspaces set name = $3, auto_group = $4, policy_id = $5, rule_ids = $6, updated_at = $7
           where application_id = $1 and id = $2""",
        _REPLACED(workspace),
    )


def delete(application_id: str, workspace_id: str, *, to: str) -> Steps[bool]:
    """Delete the row and move its grants to the workspace `to`. False if it was gone."""
    rows = yield Statement(
        "delete from workspaces where application_id = $1 and id = $2 and is_default = 0 returning id",
        (application_id, workspace_id),
    )
    yield Statement(
        f"update grants set {_MOVED} where application_id = $1 and workspace_id = $2",
        (application_id, workspace_id, to),
    )
    return bool(rows)


# The version rises with every write of a grant, so that a compare-and-swap on an older version fails.
_MOVED = "workspace_id = $3, version = version + 1"


def assign(application_id: str, workspace_id: str, grant_ids: Sequence[str]) -> Steps[set[str]]:
    """Move grants from any workspace to this one; return the ids that exist."""
    return (yield from _move(application_id, None, workspace_id, grant_ids))


def release(application_id: str, workspace_id: str, grant_ids: Sequence[str]) -> Steps[set[str]]:
    """Remove grants from this workspace; return the ids that were in it."""
    return (yield from _move(application_id, workspace_id, None, grant_ids))


def _move(application_id: str, source: str | None, to: str | None, grant_ids: Sequence[str]) -> Steps[set[str]]:
    if not grant_ids:
        return set()
    # In a fixed order, so that two such requests cannot deadlock.
    moved = set()
    for grant_id in sorted(set(grant_ids)):
        rows = yield Statement(
            f"""update grants set {_MOVED}
                where application_id = $1 and id = $2 {"" if source is None else "and workspace_id = $4"}
                returning id""",
            (application_id, grant_id, to) if source is None else (application_id, grant_id, to, source),
        )
        if rows:
            moved.add(grant_id)
    return moved


def strays(
    application_id: str,
    default_id: str,
    *,
    since: Micros,
    invalid_also: bool,
    after: Stray | None,
    limit: int,
) -> Steps[list[Stray]]:
    """The next grants without a workspace of their own, in order of (created_at, id)."""
    # SQLite uses only one lower bound in an index.
    begin = max(since, after.created_at) if after else since
    rows = yield Statement(
        f"""select created_at, id, email from grants
            where application_id = $1 and (workspace_id is null or workspace_id = $2) and created_at >= $3
              and (created_at, id) > ($4, $5)
              {"" if invalid_also else "and status = 'valid'"}
            order by created_at, id limit $6""",
        (application_id, default_id, begin, after.created_at if after else -1, after.id if after else "", limit),
    )
    return [Stray(*row) for row in rows]


def take_in(application_id: str, workspace_id: str, default_id: str, grant_ids: Sequence[str]) -> Steps[int]:
    """Move the grants that are still in no workspace or in the default one; return their number."""
    moved = 0
    for grant_id in sorted(grant_ids):
        rows = yield Statement(
            f"""update grants set {_MOVED} where application_id = $1 and id = $2
                and (workspace_id is null or workspace_id = $4) returning id""",
            (application_id, grant_id, workspace_id, default_id),
        )
        moved += len(rows)
    return moved
