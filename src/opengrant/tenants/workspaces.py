"""Workspaces: groups of an application's grants, by domain or by assignment."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import Application, Clock, Micros
from opengrant.net.guard import domain_of, parse_domain
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import workspaces
from opengrant.store.tenants.workspaces import Workspace

__all__ = ["Assigned", "NewWorkspace", "Workspace", "WorkspaceChange", "Workspaces"]

MOST = 10_000
"""Workspaces of one application; the list has no pages."""
MOST_COUNTED = 1000
"""Grants of one workspace that are counted: more would take longer the more there are."""


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """A workspace to create. `auto_group` None: true when there is a domain."""

    name: str
    domain: str = ""
    auto_group: bool | None = None
    policy_id: str | None = None
    rule_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkspaceChange:
    """The members of a PATCH. None: not sent; an empty policy_id or rule_ids removes the stored value."""

    name: str | None = None
    domain: str | None = None
    auto_group: bool | None = None
    policy_id: str | None = None
    rule_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The result of an assignment; each list is in the order of the request."""

    workspace: Workspace
    assigned: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspaces:
    """Built once, in assembly/."""

    db: Store
    clock: Clock

    async def require(self, app: Application, wanted: str) -> None:
        """Raises InvalidRequest when the workspace does not exist."""
        if await self.db.read(workspaces.find(app.id, wanted)) is None:
            raise InvalidRequest("workspace_id: this application has no such workspace.")

    async def default(self, app: Application) -> Workspace:
        """The application's default workspace."""
        workspace = await self.db.read(workspaces.find_default(app.id))
        return (
            workspace if workspace is not None else await self.db.write(workspaces.get_default(app.id, at=self.clock()))
        )

    async def of_application(self, app: Application) -> list[Workspace]:
        """The default one first, then in order of creation."""
        await self.default(app)
        return await self.db.read(workspaces.of_application(app.id))

    async def count_grants(self, app: Application, workspace_ids: Sequence[str]) -> dict[str, int]:
        """How many grants each of these workspaces has, up to MOST_COUNTED."""
        return await self.db.read(_count_grants(app, workspace_ids))

    async def get(self, app: Application, id_or_domain: str) -> Workspace:
        """Raises NotFound."""
        return await self.db.read(_get(app, id_or_domain))

    async def create(self, app: Application, new: NewWorkspace) -> Workspace:
        """Raises InvalidRequest when the domain is invalid or taken, or when auto_group has no domain to group by."""
        domain = checked_domain(new.domain)
        auto_group = bool(domain) if new.auto_group is None else new.auto_group
        _check_grouping(domain, auto_group)
        workspace = replace(
            fresh(app, new.name, domain, auto_group, at=self.clock()), policy_id=new.policy_id, rule_ids=new.rule_ids
        )
        if not await self.db.write(add(workspace)):
            raise InvalidRequest(f"domain: this application has a workspace for {domain} already.")
        return workspace

    async def update(self, app: Application, workspace_id: str, change: WorkspaceChange) -> Workspace:
        """Raises NotFound; InvalidRequest for a member that cannot change."""
        return await self.db.write(self._update(app, workspace_id, change))

    async def delete(self, app: Application, id_or_domain: str) -> None:
        """Its grants move to the default workspace. Raises NotFound; InvalidRequest for the default one."""
        await self.db.write(self._delete(app, id_or_domain))

    async def assign(
        self, app: Application, id_or_domain: str, *, assign: Sequence[str], remove: Sequence[str]
    ) -> Assigned:
        """Move grants into this workspace, and remove others from it; those are then in no workspace.

        Ids of other applications' grants, and ids to remove that are not in this workspace, are ignored.
        """
        return await self.db.write(_assign(app, id_or_domain, assign, remove, at=self.clock()))

    def _update(self, app: Application, workspace_id: str, change: WorkspaceChange) -> Steps[Workspace]:
        workspace = _some((yield from workspaces.hold(app.id, workspace_id)))
        if change.domain is not None and checked_domain(change.domain) != workspace.domain:
            raise InvalidRequest("domain: cannot be changed. Make another workspace instead.")
        changed = replace(
            workspace,
            name=workspace.name if change.name is None else change.name,
            auto_group=workspace.auto_group if change.auto_group is None else change.auto_group,
            policy_id=workspace.policy_id if change.policy_id is None else change.policy_id or None,
            rule_ids=workspace.rule_ids if change.rule_ids is None else change.rule_ids,
            updated_at=self.clock(),
        )
        if workspace.is_default and (changed.name, changed.auto_group) != (workspace.name, workspace.auto_group):
            raise InvalidRequest("Of the default workspace, only policy_id and rule_ids can change.")
        _check_grouping(changed.domain, changed.auto_group)
        yield from workspaces.replace(changed)
        fields = ("name", "auto_group", "policy_id", "rule_ids")
        names = [name for name in fields if getattr(workspace, name) != getattr(changed, name)]
        yield from audit.record(
            app.id, "workspace.updated", at=changed.updated_at, workspace_id=workspace.id, changed=names or None
        )
        return changed

    def _delete(self, app: Application, id_or_domain: str) -> Steps[None]:
        workspace = yield from _get(app, id_or_domain)
        if workspace.is_default:
            raise InvalidRequest("The default workspace cannot be deleted.")
        now = self.clock()
        default = yield from workspaces.get_default(app.id, at=now)
        if not (yield from workspaces.delete(app.id, workspace.id, to=default.id)):
            raise _not_found()
        yield from audit.record(app.id, "workspace.deleted", at=now, workspace_id=workspace.id)


def _count_grants(app: Application, workspace_ids: Sequence[str]) -> Steps[dict[str, int]]:
    counted = {}
    for workspace_id in workspace_ids:
        counted[workspace_id] = yield from workspaces.grants_up_to(app.id, workspace_id, most=MOST_COUNTED)
    return counted


def workspace_domain(email: str) -> str:
    """The domain by which a new grant with that address finds its workspace; "" for none.

    The same for all providers: a virtual calendar's identifier that looks like an address is treated as one.
    """
    return domain_of(email) or ""


def checked_domain(text: str) -> str:
    """A domain from a request; "" stays "". Raises InvalidRequest."""
    domain = parse_domain(text) or ""
    if text and not domain:
        raise InvalidRequest("domain: must be the name of an email domain, such as example.com.")
    return domain


def _check_grouping(domain: str, auto_group: bool) -> None:
    if auto_group and not domain:
        raise InvalidRequest("auto_group: needs a domain to group by.")


def _get(app: Application, id_or_domain: str) -> Steps[Workspace]:
    workspace = yield from workspaces.find(app.id, id_or_domain)
    if workspace is None and (domain := parse_domain(id_or_domain)):
        workspace = yield from workspaces.find_domain(app.id, domain)
    return _some(workspace)


def _some(workspace: Workspace | None) -> Workspace:
    if workspace is None:
        raise _not_found()
    return workspace


def _not_found() -> NotFound:
    return NotFound("This application has no such workspace.")


def fresh(app: Application, name: str, domain: str, auto_group: bool, *, at: Micros) -> Workspace:
    """A workspace that is not stored yet."""
    return Workspace(
        id=str(uuid.uuid4()),
        application_id=app.id,
        name=name,
        domain=domain,
        auto_group=auto_group,
        is_default=False,
        policy_id=None,
        rule_ids=(),
        created_at=at,
        updated_at=at,
    )


def add(workspace: Workspace) -> Steps[bool]:
    """Store a workspace and its audit entry. False when its domain has one. Raises InvalidRequest."""
    if (yield from workspaces.count(workspace.application_id)) >= MOST:
        raise InvalidRequest(f"An application can have {MOST} workspaces, and this one has.")
    if not (yield from workspaces.add(workspace)):
        return False
    yield from audit.record(
        workspace.application_id, "workspace.created", at=workspace.created_at, workspace_id=workspace.id
    )
    return True


def _assign(
    app: Application, id_or_domain: str, assign: Sequence[str], remove: Sequence[str], *, at: Micros
) -> Steps[Assigned]:
    workspace = yield from _get(app, id_or_domain)
    assigned = _in_order(assign, (yield from workspaces.assign(app.id, workspace.id, assign)))
    removed = _in_order(remove, (yield from workspaces.release(app.id, workspace.id, remove)))
    if assigned or removed:
        yield from audit.record(
            app.id,
            "workspace.assigned",
            at=at,
            workspace_id=workspace.id,
            assigned=assigned or None,
            removed=removed or None,
        )
    return Assigned(workspace, assigned, removed)


def _in_order(asked: Sequence[str], done: set[str]) -> tuple[str, ...]:
    return tuple(one for one in dict.fromkeys(asked) if one in done)
