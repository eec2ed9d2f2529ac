"""/v3/admin/applications/{application_id}/api-keys: made and revoked by signed request, or by an operator's session."""

from datetime import timedelta
from functools import partial

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, Signed, route
from opengrant.api.wire import api_keys as wire
from opengrant.errors import InvalidRequest, NotFound
from opengrant.model import ApiKey, Application, now

_KEYS = "/v3/admin/applications/{application_id}/api-keys"
_KEY = _KEYS + "/{api_key_id}"

_route = partial(route, tag="API keys")


@_route(
    "POST",
    _KEYS,
    access=Signed("apikey.create"),
    body=wire.ApiKeyBody,
    answers=One(wire.NewApiKey),
    errors=(InvalidRequest, NotFound),
)
async def create_api_key(request: Request) -> wire.NewApiKey:
    """Create an API key.

    The secret is in this answer and nowhere else.
    """
    body = request.read(wire.ApiKeyBody) if request.body else wire.ApiKeyBody()
    application = await _application(request)
    new = await request.services.api_keys.create(
        application, body.name, lifetime=timedelta(days=body.expires_in), permissions=tuple(body.permissions)
    )
    return wire.NewApiKey.of(new.key, new.secret.get_secret_value(), now=now())


@_route("GET", _KEYS, access=Signed("apikey.get"), answers=Cursor(wire.ApiKey), errors=(NotFound,))
async def list_api_keys(request: Request) -> tuple[list[wire.ApiKey], None]:
    """List API keys.

    Lists the API keys of an application in order of creation, revoked and expired ones too.
    """
    at = now()
    keys = await request.services.api_keys.of_application(await _application(request))
    return [wire.ApiKey.of(key, now=at) for key in keys], None


@_route("GET", _KEY, access=Signed("apikey.get"), answers=One(wire.ApiKey), errors=(NotFound,))
async def get_api_key(request: Request) -> wire.ApiKey:
    """Get an API key.

    By its id. The secret is never shown again.
    """
    return wire.ApiKey.of(await _api_key(request), now=now())


@_route("DELETE", _KEY, access=Signed("apikey.delete"), errors=(NotFound,))
async def delete_api_key(request: Request) -> None:
    """Revoke an API key.

    It stops working at once, and is listed as revoked.
    """
    key = await _api_key(request)
    await request.services.api_keys.revoke(key.id, application_id=key.application_id)


async def _application(request: Request) -> Application:
    """The application in the path, if it is of the signer's organization, or the operator's own."""
    organization = await request.services.service_accounts.organization()
    strange = request.session is not None and request.session.application.id != request.params["application_id"]
    if strange or request.organization_id != organization.id:
        raise NotFound("There is no such application in this organization.")
    return await request.services.applications.get(request.params["application_id"])


async def _api_key(request: Request) -> ApiKey:
    for key in await request.services.api_keys.of_application(await _application(request)):
        if key.id == request.params["api_key_id"]:
            return key
    raise NotFound("There is no such API key in this application.")
