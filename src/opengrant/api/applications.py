"""/v3/applications: the application of the API key, and its redirect URIs."""

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, route
from opengrant.api.wire import applications as wire
from opengrant.errors import InvalidRequest, NotFound
from opengrant.model import Profile

TAG = "Applications"


@route(
    "GET",
    "/v3/applications",
    tag=TAG,
    answers=One(wire.Details),
    errors=(NotFound,),
    also_at="/v3/applications/{application_id}",
)
async def get_application(request: Request) -> wire.Details:
    """Get the application.

    The application of the API key.
    """
    _check_id(request)
    return await _details(request, await request.services.applications.profile(request.application))


@route(
    "PATCH",
    "/v3/applications",
    tag=TAG,
    body=wire.ApplicationPatch,
    answers=One(wire.Details, says_success=True),
    errors=(InvalidRequest, NotFound),
    also_at="/v3/applications/{application_id}",
)
async def update_application(request: Request) -> wire.Details:
    """Update the application.

    Changes how sign-in pages look and other settings of the API key's application. What is left out stays.

    `additional_settings` can be written and not read. Ids, region and environment are ignored.
    """
    _check_id(request)
    change = request.read(wire.ApplicationPatch).to_model()
    return await _details(request, await request.services.applications.update(request.application, change))


@route(
    "GET",
    "/v3/applications/redirect-uris",
    tag=TAG,
    answers=One(wire.RedirectUris, says_success=True),
    also_at="/v3/applications/callback-uris",
)
async def list_redirect_uris(request: Request) -> wire.RedirectUris:
    """List redirect URIs.

    In order of creation.
    """
    return wire.RedirectUris.of(await request.services.redirects.of_application(request.application))


@route(
    "POST",
    "/v3/applications/redirect-uris",
    tag=TAG,
    body=wire.RedirectUriBody,
    answers=One(wire.RedirectUri),
    errors=(InvalidRequest,),
    also_at="/v3/applications/callback-uris",
)
async def create_redirect_uri(request: Request) -> wire.RedirectUri:
    """Create a redirect URI.

    Registers an address that a sign-in may lead back to. The answer has the status 200.
    """
    draft = request.read(wire.RedirectUriBody).to_model()
    return wire.RedirectUri.of(await request.services.redirects.create(request.application, draft))


@route(
    "GET",
    "/v3/applications/redirect-uris/{redirect_uri_id}",
    tag=TAG,
    answers=One(wire.RedirectUri),
    errors=(NotFound,),
    also_at="/v3/applications/callback-uris/{redirect_uri_id}",
)
async def get_redirect_uri(request: Request) -> wire.RedirectUri:
    """Get a redirect URI.

    By its id.
    """
    return wire.RedirectUri.of(
        await request.services.redirects.get(request.application, request.params["redirect_uri_id"])
    )


@route(
    "PATCH",
    "/v3/applications/redirect-uris/{redirect_uri_id}",
    tag=TAG,
    body=wire.RedirectUriPatch,
    answers=One(wire.RedirectUri),
    errors=(InvalidRequest, NotFound),
    also="PUT",
    also_at="/v3/applications/callback-uris/{redirect_uri_id}",
)
async def update_redirect_uri(request: Request) -> wire.RedirectUri:
    """Update a redirect URI.

    Sign-ins that are under way with the old address fail.
    """
    change = request.read(wire.RedirectUriPatch).to_model()
    uri_id = request.params["redirect_uri_id"]
    return wire.RedirectUri.of(await request.services.redirects.update(request.application, uri_id, change))


@route(
    "DELETE",
    "/v3/applications/redirect-uris/{redirect_uri_id}",
    tag=TAG,
    errors=(NotFound,),
    also_at="/v3/applications/callback-uris/{redirect_uri_id}",
)
async def delete_redirect_uri(request: Request) -> None:
    """Delete a redirect URI.

    Sign-ins that are under way with it fail. Without any redirect URI, users cannot sign in.
    """
    await request.services.redirects.delete(request.application, request.params["redirect_uri_id"])


def _check_id(request: Request) -> None:
    """The path may name the application of the API key only. Raises NotFound."""
    if request.params.get("application_id", request.application.id) != request.application.id:
        raise NotFound("There is no such application. An API key reaches its own only.")


async def _details(request: Request, profile: Profile) -> wire.Details:
    organization = await request.services.service_accounts.organization()
    workspace = await request.services.workspaces.default(request.application)
    return wire.Details.of(
        request.application,
        profile,
        await request.services.redirects.of_application(request.application),
        organization_id=organization.id,
        region=organization.region,
        default_workspace_id=workspace.id,
    )
