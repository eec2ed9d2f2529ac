"""/v3/console/sessions: how a browser signs in to the console. The vendor's API has no such paths.

The session is a cookie that scripts cannot read. It counts only together with a header that pages of other origins
cannot send, so that links and forms elsewhere cannot use it (api/http/authentication.py).
"""

from opengrant.access.console_sessions import LASTS
from opengrant.api.http.authentication import CONSOLE_COOKIE
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, InConsole, One, SignIn, route
from opengrant.api.wire import console as wire
from opengrant.errors import AccessDenied, InvalidRequest, NotFound, Unauthorized

TAG = "Console"

_SESSIONS = "/v3/console/sessions"


@route(
    "POST",
    _SESSIONS,
    tag=TAG,
    access=SignIn(),
    body=wire.SignIn,
    answers=One(wire.ConsoleSession, status=201),
    errors=(InvalidRequest, Unauthorized, AccessDenied),
    addition=True,
)
async def create_console_session(request: Request) -> wire.ConsoleSession:
    """Create a console session.

    Signs in to the console, with an API key or a one-time link.

    The answer sets the cookie `opengrant_console`. With it and the header `X-OpenGrant-Console: 1`, and without an
    `Authorization` header, requests are those of the session. It ends after 8 hours, after 30 minutes without use, and
    with its API key.
    """
    body = request.read(wire.SignIn)
    sessions = request.services.sessions
    if body.link is not None:
        begun = await sessions.begin_by_link(body.link, request_id=request.id)
    else:
        assert body.api_key is not None
        begun = await sessions.begin_by_key(body.api_key, request_id=request.id)
    request.answer_headers.append(_cookie(request, begun.cookie.get_secret_value(), seconds=int(LASTS.total_seconds())))
    return wire.ConsoleSession.of(begun.session)


@route("GET", _SESSIONS + "/current", tag=TAG, access=InConsole(), answers=One(wire.ConsoleSession), addition=True)
async def get_console_session(request: Request) -> wire.ConsoleSession:
    """Get the current console session.

    The session that the request comes with.
    """
    return wire.ConsoleSession.of(request.own_session)


@route("DELETE", _SESSIONS + "/current", tag=TAG, access=InConsole(), errors=(NotFound,), addition=True)
async def end_console_session(request: Request) -> None:
    """Delete the current console session.

    Signs out: ends the session that the request comes with, and clears its cookie.
    """
    await request.services.sessions.end(request.application, request.own_session.id)
    request.answer_headers.append(_cookie(request, "", seconds=0))


@route("GET", _SESSIONS, tag=TAG, access=InConsole(operator=True), answers=Cursor(wire.ConsoleSession), addition=True)
async def list_console_sessions(request: Request) -> tuple[list[wire.ConsoleSession], None]:
    """List console sessions.

    Lists who is signed in to the application, newest first. For operators: sessions that began with a link.
    """
    return [
        wire.ConsoleSession.of(session)
        for session in await request.services.sessions.of_application(request.application)
    ], None


@route(
    "DELETE", _SESSIONS + "/{session_id}", tag=TAG, access=InConsole(operator=True), errors=(NotFound,), addition=True
)
async def end_any_console_session(request: Request) -> None:
    """Delete a console session.

    Ends a session of the application, with its next request. For operators: sessions that began with a link.
    """
    await request.services.sessions.end(request.application, request.params["session_id"])


def _cookie(request: Request, value: str, *, seconds: int) -> tuple[bytes, bytes]:
    """The session's cookie. Strict: requests from other sites do not carry it, not even a click on a link."""
    secure = "; Secure" if request.origin.startswith("https:") else ""
    cookie = f"{CONSOLE_COOKIE}={value}; Path=/v3; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    return b"set-cookie", cookie.encode()
