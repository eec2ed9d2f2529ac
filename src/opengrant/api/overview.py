"""/v3/overview: counts and health of an application. The vendor's API has no such path."""

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, route
from opengrant.api.wire import overview as wire
from opengrant.api.wire.fields import Answer
from opengrant.errors import InvalidRequest


@route(
    "GET",
    "/v3/overview",
    tag="Overview",
    query=wire.OverviewQuery,
    answers=One(wire.Overview),
    errors=(InvalidRequest,),
    addition=True,
)
async def get_overview(request: Request) -> Answer:
    """Get the overview.

    How the grants, connectors and webhooks of the application are.

    It may be ten seconds old: `at` is its time.
    """
    hours = request.query(wire.OverviewQuery).hours
    return wire.Overview.of(await request.services.overview.of(request.application, hours=hours))
