"""GET /v3/providers: what to set up for each provider. The vendor's API has no such path."""

from opengrant.api.http.request import Request, callback_uri
from opengrant.api.http.route_table import One, route
from opengrant.api.wire import providers as wire
from opengrant.connectors.setup_guide import GUIDES
from opengrant.model import ProviderName


@route("GET", "/v3/providers", tag="Connectors", answers=One(wire.Providers), addition=True)
async def list_providers(request: Request) -> wire.Providers:
    """List providers.

    The nine providers: what to register at each, with which redirect URI and scopes, and what to enter here.
    """
    redirect_uri = callback_uri(request)
    return wire.Providers.model_construct(
        [wire.Provider.of(provider, GUIDES[provider], redirect_uri) for provider in ProviderName]
    )
