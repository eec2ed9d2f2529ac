"""/v3/console: how a browser signs in, and how it connects a mailbox. The vendor's API has no such paths.

The session is a cookie that scripts cannot read. It counts only together with a header that pages of other origins
cannot send, so that links and forms elsewhere cannot use it (api/http/authentication.py).
"""

from opengrant.access.console_sessions import LASTS
from opengrant.api.hosted_cookies import set_cookie
from opengrant.api.http.authentication import CONSOLE_COOKIE
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, InConsole, One, SignIn, route
from opengrant.api.wire import console as wire
from opengrant.errors import AccessDenied, GrantNotFound, InvalidRequest, NotFound, Unauthorized
from opengrant.signin.owner_links import LASTS as OWNER_LINK_LASTS

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


@route("GET", _SESSIONS + "/current", tag=TAG, access=InConsole(), answers=One(wire.ConsoleSession))
async def get_console_session(request: Request) -> wire.ConsoleSession:
    """Get the current console session.

    The session that the request comes with.
    """
    return wire.ConsoleSession.of(request.own_session)


@route("DELETE", _SESSIONS + "/current", tag=TAG, access=InConsole(), errors=(NotFound,))
async def end_console_session(request: Request) -> None:
    """Delete the current console session.

    Signs out: ends the session that the request comes with, and clears its cookie.
    """
    await request.services.sessions.end(request.application, request.own_session.id)
    request.answer_headers.append(_cookie(request, "", seconds=0))


@route("GET", _SESSIONS, tag=TAG, access=InConsole(operator=True), answers=Cursor(wire.ConsoleSession))
async def list_console_sessions(request: Request) -> tuple[list[wire.ConsoleSession], None]:
    """List console sessions.

    Lists who is signed in to the application, newest first. For operators: sessions that began with a link.
    """
    return [
        wire.ConsoleSession.of(session)
        for session in await request.services.sessions.of_application(request.application)
    ], None


@route(
    "DELETE",
    _SESSIONS + "/{session_id}",
    tag=TAG,
    access=InConsole(operator=True),
    errors=(NotFound,),
)
async def end_any_console_session(request: Request) -> None:
    """Delete a console session.

    Ends a session of the application, with its next request. For operators: sessions that began with a link.
    """
    await request.services.sessions.end(request.application, request.params["session_id"])


@route(
    "POST",
    "/v3/console/mailbox-sign-ins",
    tag=TAG,
    access=InConsole(needs="all"),
    body=wire.MailboxSignIn,
    answers=One(wire.MailboxSignInBegun, status=201),
    errors=(InvalidRequest, GrantNotFound),
)
async def begin_mailbox_sign_in(request: Request) -> wire.MailboxSignInBegun:
    """Start a mailbox sign-in.

    It connects a mailbox to the application of the session by hosted sign-in. It needs no redirect URI and gives no
    code: the grant is made when the mailbox is proven, and the browser returns to the console. The answer sets the
    cookie that binds the sign-in to this browser.
    """
    body, session, base = request.read(wire.MailboxSignIn), request.own_session, request.origin
    start = request.services.hosted.start
    if body.grant_id is None:
        begun = await start.begin_in_console(session, body.provider, body.login_hint, base=base)
    else:
        grant = await request.services.grants.get(session.application, f"grant:{body.grant_id}")
        begun = await start.reconnect_in_console(session, grant, base=base)
    request.answer_headers.append(set_cookie(begun, base))
    return wire.MailboxSignInBegun(url=begun.url, state=begun.state or "")


@route(
    "POST",
    "/v3/console/owner-links",
    tag=TAG,
    access=InConsole(needs="all"),
    body=wire.OwnerLinksBody,
    answers=One(wire.OwnerLinks, status=201),
    errors=(InvalidRequest,),
)
async def create_owner_links(request: Request) -> wire.OwnerLinks:
    """Create owner links.

    One for a new mailbox, or one for each of these grants. The owner opens the link, signs in, and the grant is made or
    works again. It needs no redirect URI. A link works for seven days; everyone who has it can connect a mailbox of
    their own with it.
    """
    body, app, base = request.read(wire.OwnerLinksBody), request.application, request.origin
    start, made, left_out = request.services.hosted.start, [], []
    if body.grant_ids is None:
        url = await start.owner_link_for_new(app, body.provider, body.login_hint, base=base)
        made.append(wire.OwnerLink.model_construct(url=url))
    for grant_id in body.grant_ids or ():
        try:
            grant = await request.services.grants.get(app, f"grant:{grant_id}")
            url = await start.owner_link(app, grant, base=base)
            made.append(wire.OwnerLink.model_construct(url=url, grant_id=grant.id, email=grant.email))
        except (GrantNotFound, InvalidRequest) as problem:
            left_out.append(wire.LeftOut.model_construct(grant_id=grant_id, reason=problem.message))
    if made:
        await start.links.made(app, len(made))
    return wire.OwnerLinks.model_construct(
        links=made, left_out=left_out, lasts_seconds=int(OWNER_LINK_LASTS.total_seconds())
    )


def _cookie(request: Request, value: str, *, seconds: int) -> tuple[bytes, bytes]:
    """The session's cookie. Strict: requests from other sites do not carry it, not even a click on a link."""
    secure = "; Secure" if request.origin.startswith("https:") else ""
    cookie = f"{CONSOLE_COOKIE}={value}; Path=/v3; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    return b"set-cookie", cookie.encode()
