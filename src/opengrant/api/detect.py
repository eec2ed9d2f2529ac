"""POST /v3/providers/detect: which provider an address belongs to."""

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, route
from opengrant.api.wire import detect as wire
from opengrant.errors import InvalidRequest, ProviderUnavailable, RateLimited


@route(
    "POST",
    "/v3/providers/detect",
    tag="Connect",
    query=wire.DetectQuery,
    answers=One(wire.Detection),
    errors=(InvalidRequest, RateLimited, ProviderUnavailable),
    limit="20 calls a minute for an application",
)
async def detect_provider(request: Request) -> wire.Detection:
    """Detect a provider.

    Finds the provider of an email address, by its domain.

    The parameters are in the query; there is no body.
    """
    query = request.query(wire.DetectQuery)
    found = await request.services.detect.provider(
        request.application, query.email, any_provider=query.all_provider_types
    )
    return wire.Detection.of(query.email, found)
