"""/v3/applications: what the application of the API key says about itself, and its redirect URIs."""

from opengrant.api.http.routes import Call, route
from opengrant.api.wire import applications as wire
from opengrant.errors import InvalidRequest, NotFound
from opengrant.model import Profile

TAG = "Applications"


@route(
    "GET",
    "/v3/applications",
    tag=TAG,
    answers=wire.Details,
    errors=(NotFound,),
    also_at="/v3/applications/{application_id}",
)
async def get_application(call: Call) -> wire.Details:
    """Get the application of the API key."""
    _check_id(call)
    return await _details(call, await call.services.applications.profile(call.application))


@route(
    "PATCH",
    "/v3/applications",
    tag=TAG,
    body=wire.ApplicationPatch,
    answers=wire.Details,
    errors=(InvalidRequest, NotFound),
    also_at="/v3/applications/{application_id}",
    says_success=True,
)
async def update_application(call: Call) -> wire.Details:
    """Change the application of the API key.

    `additional_settings` can be written and not read. Ids, region and environment are ignored.
    """
    _check_id(call)
    change = call.read(wire.ApplicationPatch).to_model()
    return await _details(call, await call.services.applications.update(call.application, change))


@route(
    "GET",
    "/v3/applications/redirect-uris",
    tag=TAG,
    answers=wire.RedirectUris,
    also_at="/v3/applications/callback-uris",
    says_success=True,
)
async def list_redirect_uris(call: Call) -> wire.RedirectUris:
    """List redirect URIs, in order of creation."""
    return wire.RedirectUris.of(await call.services.redirects.everyone(call.application))


@route(
    "POST",
    "/v3/applications/redirect-uris",
    tag=TAG,
    body=wire.RedirectUriBody,
    answers=wire.RedirectUri,
    errors=(InvalidRequest,),
    also_at="/v3/applications/callback-uris",
)
async def create_redirect_uri(call: Call) -> wire.RedirectUri:
    """Register a redirect URI. Answers 200."""
    draft = call.read(wire.RedirectUriBody).to_model()
    return wire.RedirectUri.of(await call.services.redirects.create(call.application, draft))


@route(
    "GET",
    "/v3/applications/redirect-uris/{redirect_uri_id}",
    tag=TAG,
    answers=wire.RedirectUri,
    errors=(NotFound,),
    also_at="/v3/applications/callback-uris/{redirect_uri_id}",
)
async def get_redirect_uri(call: Call) -> wire.RedirectUri:
    """Get a redirect URI."""
    return wire.RedirectUri.of(await call.services.redirects.get(call.application, call.params["redirect_uri_id"]))


@route(
    "PATCH",
    "/v3/applications/redirect-uris/{redirect_uri_id}",
    tag=TAG,
    body=wire.RedirectUriPatch,
    answers=wire.RedirectUri,
    errors=(InvalidRequest, NotFound),
    also="PUT",
    also_at="/v3/applications/callback-uris/{redirect_uri_id}",
)
async def update_redirect_uri(call: Call) -> wire.RedirectUri:
    """Change a redirect URI. Sign-ins that are under way with the old one fail."""
    change = call.read(wire.RedirectUriPatch).to_model()
    uri_id = call.params["redirect_uri_id"]
    return wire.RedirectUri.of(await call.services.redirects.update(call.application, uri_id, change))


@route(
    "DELETE",
    "/v3/applications/redirect-uris/{redirect_uri_id}",
    tag=TAG,
    errors=(NotFound,),
    also_at="/v3/applications/callback-uris/{redirect_uri_id}",
)
async def delete_redirect_uri(call: Call) -> None:
    """Remove a redirect URI. Sign-ins that are under way with it fail. Without any, nobody can sign in."""
    await call.services.redirects.delete(call.application, call.params["redirect_uri_id"])


def _check_id(call: Call) -> None:
    """A path may name the application, but no other than the key's. Raises NotFound."""
    if call.params.get("application_id", call.application.id) != call.application.id:
        raise NotFound("There is no such application. An API key reaches its own only.")


async def _details(call: Call, profile: Profile) -> wire.Details:
    organization = await call.services.service_accounts.organization()
    workspace = await call.services.workspaces.default(call.application)
    return wire.Details.of(
        call.application,
        profile,
        await call.services.redirects.everyone(call.application),
        organization_id=organization.id,
        region=organization.region,
        default_workspace_id=workspace.id,
    )
