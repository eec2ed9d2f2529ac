"""/v3/requests: what became of a request, by the id of its answer. The vendor's API has no such path."""

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.wire import requests as wire
from opengrant.errors import InvalidRequest, NotFound


@route(
    "GET",
    "/v3/requests",
    tag="Requests",
    query=wire.RequestQuery,
    answers=Cursor(wire.AnsweredRequest),
    errors=(InvalidRequest,),
    addition=True,
)
async def list_failed_requests(request: Request) -> tuple[list[wire.AnsweredRequest], None]:
    """List failed requests.

    Lists the latest requests of this application that were answered with an error, newest first.
    """
    query = request.query(wire.RequestQuery)
    found = await request.services.requests.failed(request.application.id, query.to_model(), limit=query.size)
    return [wire.AnsweredRequest.of(entry) for entry in found], None


@route(
    "GET",
    "/v3/requests/{request_id}",
    tag="Requests",
    answers=One(wire.AnsweredRequest),
    errors=(NotFound,),
    addition=True,
)
async def get_request(request: Request) -> wire.AnsweredRequest:
    """Get a request.

    Looks up a request of this application by the `request_id` of its answer.

    Requests are kept for a day unless the operator says otherwise, without bodies. One that was answered by another
    process is there after some seconds.
    """
    return wire.AnsweredRequest.of(
        await request.services.requests.find(request.application.id, request.params["request_id"])
    )
