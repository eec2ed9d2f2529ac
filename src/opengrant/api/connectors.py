"""/v3/connectors: one provider's app settings in an application."""

from opengrant.api import wire
from opengrant.api.connect import provider_of
from opengrant.api.routing import Call, decode, route
from opengrant.errors import InvalidRequest, NotFound
from opengrant.model import ProviderName

TAG = "Connectors"


@route(
    "POST",
    "/v3/connectors",
    tag=TAG,
    body=wire.ConnectorVariant,
    answers=wire.Connector,
    status=201,
    errors=(InvalidRequest,),
)
async def create_connector(call: Call) -> wire.Answer:
    """Create a connector.

    One per provider. For OAuth providers its client becomes the connector's primary credential.
    """
    sent = call.json()
    provider = provider_of(sent)
    draft = decode(wire.CONNECTOR[provider], sent).to_model()
    return wire.Connector.of(await call.services.connectors.create(call.application, provider, draft))


@route(
    "GET", "/v3/connectors", tag=TAG, query=wire.Paging, answers=wire.Connector, listed=True, errors=(InvalidRequest,)
)
async def list_connectors(call: Call) -> tuple[list[wire.Answer], wire.Paging]:
    """List connectors, in order of creation."""
    paging = call.query(wire.Paging)
    found = await call.services.connectors.page(call.application, limit=paging.size, offset=paging.offset)
    return [wire.Connector.of(connector) for connector in found], paging


@route("GET", "/v3/connectors/{provider}", tag=TAG, answers=wire.Connector, errors=(NotFound,))
async def get_connector(call: Call) -> wire.Answer:
    """Get a connector."""
    return wire.Connector.of(await call.services.connectors.get(call.application, provider_in_path(call)))


@route(
    "PATCH",
    "/v3/connectors/{provider}",
    tag=TAG,
    body=wire.ConnectorPatch,
    answers=wire.Connector,
    errors=(InvalidRequest, NotFound),
    also="PUT",
)
async def update_connector(call: Call) -> wire.Answer:
    """Change a connector.

    Omitted fields stay. `settings` replaces what may be read; a client id or secret that is left out stays.
    """
    provider = provider_in_path(call)
    draft = call.read(wire.ConnectorPatch).to_model()
    return wire.Connector.of(await call.services.connectors.update(call.application, provider, draft))


@route("DELETE", "/v3/connectors/{provider}", tag=TAG, errors=(NotFound,))
async def delete_connector(call: Call) -> None:
    """Delete a connector with its credentials.

    Its grants become invalid at once. They keep their ids and come back to life when their mailboxes
    connect again through a new connector.
    """
    await call.services.connectors.delete(call.application, provider_in_path(call))


def provider_in_path(call: Call) -> ProviderName:
    """The provider that the path names. Raises NotFound."""
    name = call.params["provider"]
    if name not in set(ProviderName):
        raise NotFound(f"There is no provider of that name. One of {', '.join(ProviderName)}.")
    return ProviderName(name)
