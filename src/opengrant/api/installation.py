"""/v3/console/installation: what runs here. For operators alone: it is not about one application."""

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import InConsole, One, route
from opengrant.api.wire import installation as wire


@route(
    "GET",
    "/v3/console/installation",
    tag="Console",
    access=InConsole(operator=True),
    answers=One(wire.Installation),
)
async def get_installation(request: Request) -> wire.Installation:
    """Get the installation.

    The version, the processes, the database and the settings in force.

    For operators: sessions that a link began. Secrets are masked.
    """
    return wire.Installation.of(await request.services.about.facts())
