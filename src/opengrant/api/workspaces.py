"""/v3/workspaces: groups of grants."""

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import InConsole, One, route
from opengrant.api.wire import workspaces as wire
from opengrant.errors import InvalidRequest, NotFound, Overloaded, RateLimited

TAG = "Workspaces"


@route("GET", "/v3/workspaces", tag=TAG, answers=One(wire.Workspaces))
async def list_workspaces(request: Request) -> wire.Workspaces:
    """List workspaces.

    The default one first, then in order of creation.
    """
    found = await request.services.workspaces.of_application(request.application)
    return wire.Workspaces([wire.Workspace.of(workspace) for workspace in found])


@route(
    "POST", "/v3/workspaces", tag=TAG, body=wire.WorkspaceBody, answers=One(wire.Workspace), errors=(InvalidRequest,)
)
async def create_workspace(request: Request) -> wire.Workspace:
    """Create a workspace.

    The answer has the status 200.
    """
    draft = request.read(wire.WorkspaceBody).to_model()
    return wire.Workspace.of(await request.services.workspaces.create(request.application, draft))


@route(
    "POST",
    "/v3/workspaces/auto-group",
    tag=TAG,
    body=wire.AutoGroupBody,
    answers=One(wire.AutoGroupJob),
    errors=(InvalidRequest, RateLimited, Overloaded),
    limit="1 call a minute for an application",
)
async def auto_group_workspaces(request: Request) -> wire.AutoGroupJob:
    """Group grants by domain.

    Moves grants into the workspace of their domain, in the background.

    This concerns grants of no workspace and of the default one. A workspace that is missing is created.
    """
    ask = (request.read(wire.AutoGroupBody) if request.body else wire.AutoGroupBody()).to_model()
    job_id = await request.services.grouping.start(request.application, ask)
    return wire.AutoGroupJob(job_id=job_id, message="Grants are being grouped by their domains.")


@route(
    "GET",
    "/v3/console/workspace-grants",
    tag="Console",
    access=InConsole(needs="all"),
    query=wire.CountQuery,
    answers=One(wire.WorkspaceGrants),
    errors=(InvalidRequest,),
)
async def count_workspace_grants(request: Request) -> wire.WorkspaceGrants:
    """Count grants of workspaces.

    The grants of up to 50 workspaces, each counted up to 1,000.
    """
    ids = request.query(wire.CountQuery).ids()
    return wire.WorkspaceGrants(await request.services.workspaces.count_grants(request.application, ids))


@route("GET", "/v3/workspaces/{workspace_id}", tag=TAG, answers=One(wire.Workspace), errors=(NotFound,))
async def get_workspace(request: Request) -> wire.Workspace:
    """Get a workspace.

    By its id or its domain.
    """
    return wire.Workspace.of(await request.services.workspaces.get(request.application, request.params["workspace_id"]))


@route(
    "PATCH",
    "/v3/workspaces/{workspace_id}",
    tag=TAG,
    body=wire.WorkspacePatch,
    answers=One(wire.Workspace),
    errors=(InvalidRequest, NotFound),
)
async def update_workspace(request: Request) -> wire.Workspace:
    """Update a workspace.

    By its id.

    Its domain stays as it is. Of the default workspace only `policy_id` and `rule_ids` can change.
    """
    change = request.read(wire.WorkspacePatch).to_model()
    id_ = request.params["workspace_id"]
    return wire.Workspace.of(await request.services.workspaces.update(request.application, id_, change))


@route("DELETE", "/v3/workspaces/{workspace_id}", tag=TAG, errors=(InvalidRequest, NotFound))
async def delete_workspace(request: Request) -> None:
    """Delete a workspace.

    By its id or its domain. Its grants move to the default one.
    """
    await request.services.workspaces.delete(request.application, request.params["workspace_id"])


@route(
    "POST",
    "/v3/workspaces/{workspace_id}/manual-assign",
    tag=TAG,
    body=wire.AssignBody,
    answers=One(wire.Assigned),
    errors=(InvalidRequest, NotFound),
)
async def assign_grants(request: Request) -> wire.Assigned:
    """Assign grants to a workspace.

    Moves grants into a workspace, or out of it.
    """
    body = request.read(wire.AssignBody)
    done = await request.services.workspaces.assign(
        request.application,
        request.params["workspace_id"],
        assign=body.assign_grants or (),
        remove=body.remove_grants or (),
    )
    return wire.Assigned.of(done)
