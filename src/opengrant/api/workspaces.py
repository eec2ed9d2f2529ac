"""/v3/workspaces: groups of grants."""

from opengrant.api.http.routes import Call, route
from opengrant.api.wire import workspaces as wire
from opengrant.errors import InvalidRequest, NotFound, Overloaded, RateLimited

TAG = "Workspaces"


@route("GET", "/v3/workspaces", tag=TAG, answers=wire.Workspaces)
async def list_workspaces(call: Call) -> wire.Workspaces:
    """List workspaces: the default one first, then in order of creation."""
    found = await call.services.workspaces.everyone(call.application)
    return wire.Workspaces([wire.Workspace.of(workspace) for workspace in found])


@route("POST", "/v3/workspaces", tag=TAG, body=wire.WorkspaceBody, answers=wire.Workspace, errors=(InvalidRequest,))
async def create_workspace(call: Call) -> wire.Workspace:
    """Create a workspace. Answers 200."""
    draft = call.read(wire.WorkspaceBody).to_model()
    return wire.Workspace.of(await call.services.workspaces.create(call.application, draft))


@route(
    "POST",
    "/v3/workspaces/auto-group",
    tag=TAG,
    body=wire.AutoGroupBody,
    answers=wire.AutoGroupJob,
    errors=(InvalidRequest, RateLimited, Overloaded),
)
async def auto_group_workspaces(call: Call) -> wire.AutoGroupJob:
    """Group grants by their domains, in the background.

    Grants of no workspace and of the default one move to the workspace of their domain, which is made when it
    is missing. Once a minute.
    """
    ask = (call.read(wire.AutoGroupBody) if call.body else wire.AutoGroupBody()).to_model()
    job_id = await call.services.workspaces.auto_group(call.application, ask)
    return wire.AutoGroupJob(job_id=job_id, message="Grants are being grouped by their domains.")


@route("GET", "/v3/workspaces/{workspace_id}", tag=TAG, answers=wire.Workspace, errors=(NotFound,))
async def get_workspace(call: Call) -> wire.Workspace:
    """Get a workspace by its id or its domain."""
    return wire.Workspace.of(await call.services.workspaces.get(call.application, call.params["workspace_id"]))


@route(
    "PATCH",
    "/v3/workspaces/{workspace_id}",
    tag=TAG,
    body=wire.WorkspacePatch,
    answers=wire.Workspace,
    errors=(InvalidRequest, NotFound),
)
async def update_workspace(call: Call) -> wire.Workspace:
    """Change a workspace, by its id.

    Its domain stays as it is; of the default workspace only policy_id and rule_ids can change.
    """
    change = call.read(wire.WorkspacePatch).to_model()
    id_ = call.params["workspace_id"]
    return wire.Workspace.of(await call.services.workspaces.update(call.application, id_, change))


@route("DELETE", "/v3/workspaces/{workspace_id}", tag=TAG, errors=(InvalidRequest, NotFound))
async def delete_workspace(call: Call) -> None:
    """Delete a workspace by its id or its domain; its grants move to the default one."""
    await call.services.workspaces.delete(call.application, call.params["workspace_id"])


@route(
    "POST",
    "/v3/workspaces/{workspace_id}/manual-assign",
    tag=TAG,
    body=wire.AssignBody,
    answers=wire.Assigned,
    errors=(InvalidRequest, NotFound),
)
async def assign_grants(call: Call) -> wire.Assigned:
    """Move grants into a workspace, or out of it."""
    body = call.read(wire.AssignBody)
    done = await call.services.workspaces.assign(
        call.application,
        call.params["workspace_id"],
        assign=body.assign_grants or (),
        remove=body.remove_grants or (),
    )
    return wire.Assigned.of(done)
