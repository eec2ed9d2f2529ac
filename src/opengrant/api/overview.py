"""/v3/overview: how an application is doing. Ours; the vendor's wire has nothing like it."""

from opengrant.api.http.routes import Call, route
from opengrant.api.wire import overview as wire
from opengrant.api.wire.grants import Answer
from opengrant.errors import InvalidRequest


@route("GET", "/v3/overview", tag="Overview", query=wire.OverviewQuery, answers=wire.Overview, errors=(InvalidRequest,))
async def get_overview(call: Call) -> Answer:
    """Get how grants, connectors and webhooks of the application are doing.

    It may be ten seconds old: `at` says of when it is.
    """
    hours = call.query(wire.OverviewQuery).hours
    return wire.Overview.of(await call.services.overview.of(call.application, hours=hours))
