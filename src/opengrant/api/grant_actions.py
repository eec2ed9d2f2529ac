"""What an operator does about one grant: its timeline, a check, its end, a reconnect link.

The vendor's API has no such paths.
"""

from opengrant.api.grants import TAG
from opengrant.api.http.cursors import listed
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.wire import grant_actions as actions
from opengrant.api.wire import grants as wire
from opengrant.api.wire import pagination
from opengrant.api.wire.fields import Answer
from opengrant.errors import Blocked, CallbackNotAllowed, GrantNotFound, InvalidRequest, Overloaded
from opengrant.grants.history import AuditPosition


@route(
    "POST",
    "/v3/grants/{grant_id}/check",
    tag=TAG,
    answers=One(wire.Grant),
    errors=(InvalidRequest, GrantNotFound, Blocked, Overloaded),
    addition=True,
)
async def check_grant(request: Request) -> Answer:
    """Check a grant.

    Asks the provider now whether the grant works.

    The status is 200 whatever the provider says: `opengrant.trouble` of the grant has it. An answer of the last five
    seconds is used again. The provider is not asked while it wants a pause, or while the whole connector fails and its
    next check is not due; the trouble says so.
    """
    grant_id = await request.services.grants.id_of(request.application, request.params["grant_id"])
    grant = await request.services.refresh.checks.check_on_request(request.application, grant_id)
    return wire.Grant.shown(await request.services.grants.health.show(request.application, grant, fresh=True))


@route(
    "POST",
    "/v3/grants/{grant_id}/invalidate",
    tag=TAG,
    body=actions.Invalidation,
    answers=One(wire.Grant),
    errors=(InvalidRequest, GrantNotFound, Overloaded),
    addition=True,
)
async def invalidate_grant(request: Request) -> Answer:
    """Invalidate a grant.

    Ends a grant until its mailbox is connected again.

    It becomes invalid with the reason `invalidated`, and `grant.expired` is sent. It keeps its id; connecting the
    mailbox again makes it valid. A grant that is invalid already stays as it is.
    """
    body = request.read(actions.Invalidation) if request.body else actions.Invalidation()
    grant = await request.services.grants.get(request.application, request.params["grant_id"])
    ended = await request.services.grants.invalidate(request.application, grant, reason=body.reason)
    return wire.Grant.shown(await request.services.grants.health.show(request.application, ended))


@route(
    "GET",
    "/v3/grants/{grant_id}/reconnect-link",
    tag=TAG,
    query=actions.ReconnectQuery,
    answers=One(actions.ReconnectLink),
    errors=(InvalidRequest, GrantNotFound, CallbackNotAllowed),
    addition=True,
)
async def get_reconnect_link(request: Request) -> Answer:
    """Get a reconnect link.

    An address of hosted sign-in for the grant's mailbox, to send to its owner.

    Your redirect URI gets the one-time code, as after any sign-in. It holds no secret and does not expire.
    """
    query = request.query(actions.ReconnectQuery)
    grant = await request.services.grants.get(request.application, request.params["grant_id"])
    base = request.origin
    url = await request.services.hosted.start.reconnect_link(
        request.application, grant, redirect_uri=query.redirect_uri, base=base
    )
    return {"url": url}


@route(
    "GET",
    "/v3/grants/{grant_id}/timeline",
    tag=TAG,
    query=pagination.Query,
    answers=Cursor(actions.Moment),
    errors=(InvalidRequest, GrantNotFound),
    addition=True,
)
async def get_grant_timeline(request: Request) -> tuple[list[Answer], str | None]:
    """List a grant's timeline.

    Lists what happened to a grant, newest first. `next_cursor` is there while there are more.

    It goes back as far as the audit trail. Renewals that found nothing wrong are one entry, `refreshed`, with their
    number; the entry that ends such a run says how many there were.
    """
    grant = await request.services.grants.get(request.application, request.params["grant_id"])
    asked = listed(request, pagination.Query, of=f"timeline {grant.id}")
    after = None if asked.after is None else AuditPosition(*asked.after)
    limit = asked.query.size + 1
    found = await request.services.timeline.page(request.application, grant, after=after, limit=limit)
    shown, cursor = asked.cut(found, lambda moment: moment.place)
    return [actions.Moment.of(moment) for moment in shown], cursor
