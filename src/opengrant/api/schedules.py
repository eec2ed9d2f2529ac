"""/v3/grants/{grant_id}/messages/schedules."""

from opengrant.api.folders import BY_TOKEN, ERRORS, TAG
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, route
from opengrant.api.wire import schedules as wire
from opengrant.api.wire.fields import Answer

_SCHEDULES = "/v3/grants/{grant_id}/messages/schedules"
_SCHEDULE = f"{_SCHEDULES}/{{schedule_id}}"


@route("GET", _SCHEDULES, tag=TAG, access=BY_TOKEN, answers=One(wire.Schedules), errors=ERRORS)
async def list_schedules(request: Request) -> list[Answer]:
    """List scheduled messages.

    Lists messages with `send_at`: those that wait, and those whose time was in the last three days.

    The earliest comes first. The list has no pages: of 2,000 and more the oldest that are closed are left out.
    """
    grant = await grant_of(request)
    return [wire.schedule(one) for one in await request.services.schedules.all_of(grant)]


@route("GET", _SCHEDULE, tag=TAG, access=BY_TOKEN, answers=One(wire.Schedule), errors=ERRORS)
async def get_schedule(request: Request) -> Answer:
    """Get a scheduled message.

    Tells what happened to a message that was sent with `send_at`.
    """
    grant = await grant_of(request)
    return wire.schedule(await request.services.schedules.get(grant, request.params["schedule_id"]))


@route("DELETE", _SCHEDULE, tag=TAG, access=BY_TOKEN, answers=One(wire.Cancelled, status=202), errors=ERRORS)
async def cancel_schedule(request: Request) -> Answer:
    """Cancel a scheduled message.

    Cancels a message that was sent with `send_at`.

    Possible until its time, and while it waits for another attempt. A message that the mail server is taking, that was
    sent or that has failed gives 404.
    """
    grant = await grant_of(request)
    await request.services.schedules.cancel(grant, request.params["schedule_id"])
    return {"message": "The schedule was cancelled. Its message will not be sent."}
