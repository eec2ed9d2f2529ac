"""/v3/connectors: one provider's app settings in an application."""

from opengrant.api.connect import provider_of
from opengrant.api.http.decoding import decode
from opengrant.api.http.request import Request, callback_uri
from opengrant.api.http.route_table import One, Page, route
from opengrant.api.wire import connectors as wire
from opengrant.api.wire.fields import Answer
from opengrant.api.wire.pagination import Paging
from opengrant.connectors.check import CallbackUri
from opengrant.errors import InvalidRequest, NotFound, Overloaded
from opengrant.model import ProviderName

TAG = "Connectors"


@route(
    "POST",
    "/v3/connectors",
    tag=TAG,
    body=wire.ConnectorVariant,
    answers=One(wire.Connector, status=201),
    errors=(InvalidRequest,),
)
async def create_connector(request: Request) -> Answer:
    """Create a connector.

    One for each provider. For OAuth providers its client becomes the connector's primary credential.
    """
    sent = request.json()
    provider = provider_of(sent)
    draft = decode(wire.CONNECTOR[provider], sent).to_model()
    return wire.Connector.of(await request.services.connectors.create(request.application, provider, draft))


@route("GET", "/v3/connectors", tag=TAG, query=Paging, answers=Page(wire.Connector), errors=(InvalidRequest,))
async def list_connectors(request: Request) -> tuple[list[Answer], Paging]:
    """List connectors.

    In order of creation.
    """
    paging = request.query(Paging)
    found = await request.services.connectors.page(request.application, limit=paging.size, offset=paging.offset)
    return [wire.Connector.of(connector) for connector in found], paging


@route("GET", "/v3/connectors/{provider}", tag=TAG, answers=One(wire.Connector), errors=(NotFound,))
async def get_connector(request: Request) -> Answer:
    """Get a connector.

    By the name of its provider. Secrets are never shown.
    """
    return wire.Connector.of(await request.services.connectors.get(request.application, provider_in_path(request)))


@route(
    "PATCH",
    "/v3/connectors/{provider}",
    tag=TAG,
    body=wire.ConnectorPatch,
    answers=One(wire.Connector),
    errors=(InvalidRequest, NotFound),
    also="PUT",
)
async def update_connector(request: Request) -> Answer:
    """Update a connector.

    What is left out stays.

    `settings` replaces what may be read; a client id or secret that is left out stays. Both are those of the credential
    that was created with the connector, whichever is active: to change one changes the other.
    """
    provider = provider_in_path(request)
    draft = request.read(wire.ConnectorPatch).to_model()
    return wire.Connector.of(await request.services.connectors.update(request.application, provider, draft))


@route("DELETE", "/v3/connectors/{provider}", tag=TAG, errors=(NotFound,))
async def delete_connector(request: Request) -> None:
    """Delete a connector.

    Deletes its credentials, too.

    Its grants become invalid at once. They keep their ids and become valid again when their mailboxes connect through a
    new connector. Nothing is revoked at the provider.
    """
    await request.services.connectors.delete(request.application, provider_in_path(request))


@route(
    "POST",
    "/v3/connectors/{provider}/test",
    tag=TAG,
    answers=One(wire.TrialResult),
    errors=(NotFound, Overloaded),
    addition=True,
)
async def test_connector(request: Request) -> wire.TrialResult:
    """Test a connector.

    Finds mistakes in a connector before users meet them.

    Asks the provider whether it accepts the client of the active credential, without any user's token, and says step by
    step what was found. The status is 200 also when a step fails: `ok` tells. No grant changes.
    """
    callback = CallbackUri(callback_uri(request), fixed=request.services.public_url is not None)
    return wire.TrialResult.of(
        await request.services.connector_check.run(request.application, provider_in_path(request), callback)
    )


def provider_in_path(request: Request) -> ProviderName:
    """The provider that the path names. Raises NotFound."""
    name = request.params["provider"]
    if name not in set(ProviderName):
        raise NotFound(f"There is no provider of that name. One of {', '.join(ProviderName)}.")
    return ProviderName(name)
