"""What an operator does about one grant: look what happened to it, ask its provider, end it, let its owner reconnect.

Ours; the vendor's wire has nothing like it.
"""

from opengrant.api.grants import TAG
from opengrant.api.http.routes import Call, origin, route
from opengrant.api.wire import grant_actions as actions
from opengrant.api.wire import grants as wire
from opengrant.api.wire import pagination as cursors
from opengrant.errors import Blocked, CallbackNotAllowed, GrantNotFound, InvalidRequest, Overloaded
from opengrant.grants.history import Place


@route(
    "POST",
    "/v3/grants/{grant_id}/check",
    tag=TAG,
    answers=wire.Grant,
    errors=(InvalidRequest, GrantNotFound, Blocked, Overloaded),
)
async def check_grant(call: Call) -> wire.Answer:
    """Ask the provider now whether a grant works.

    The answer is 200 with the grant, whatever the provider says: its trouble is inside. What it said in the last five
    seconds counts. Where it asked for a pause, or the whole connector is held to blame and its next probe is not due,
    it is left alone, and the trouble says so; it says so in every answer until then.
    """
    grant_id = await call.services.grants.id_of(call.application, call.params["grant_id"])
    grant = await call.services.refresh.check_on_request(call.application, grant_id)
    return wire.Grant.shown(await call.services.grants.blame.show(call.application, grant, fresh=True))


@route(
    "POST",
    "/v3/grants/{grant_id}/invalidate",
    tag=TAG,
    body=actions.Invalidation,
    answers=wire.Grant,
    errors=(InvalidRequest, GrantNotFound, Overloaded),
)
async def invalidate_grant(call: Call) -> wire.Answer:
    """End a grant until its mailbox is connected again.

    It becomes invalid with the reason `invalidated`, and `grant.expired` is sent. It keeps its id; connecting the
    mailbox again makes it valid. One that is invalid already stays as it is.
    """
    body = call.read(actions.Invalidation) if call.body else actions.Invalidation()
    grant = await call.services.grants.get(call.application, call.params["grant_id"])
    ended = await call.services.grants.invalidate(call.application, grant, reason=body.reason)
    return wire.Grant.shown(await call.services.grants.blame.show(call.application, ended))


@route(
    "GET",
    "/v3/grants/{grant_id}/reconnect-link",
    tag=TAG,
    query=actions.ReconnectQuery,
    answers=actions.ReconnectLink,
    errors=(InvalidRequest, GrantNotFound, CallbackNotAllowed),
)
async def get_reconnect_link(call: Call) -> wire.Answer:
    """Get an address of hosted sign-in for a grant's mailbox, to send to its owner.

    Your redirect URI gets the one-time code, as after any sign-in. It holds no secret and does not expire.
    """
    query = call.query(actions.ReconnectQuery)
    grant = await call.services.grants.get(call.application, call.params["grant_id"])
    base = origin(call.headers, call.services)
    url = await call.services.hosted.reconnect_link(call.application, grant, redirect_uri=query.redirect_uri, base=base)
    return {"url": url}


@route(
    "GET",
    "/v3/grants/{grant_id}/timeline",
    tag=TAG,
    query=cursors.Query,
    answers=actions.Moment,
    cursor=True,
    errors=(InvalidRequest, GrantNotFound),
)
async def get_grant_timeline(call: Call) -> tuple[list[wire.Answer], str | None]:
    """List what happened to a grant, newest first. `next_cursor` is there while there are more.

    It goes back as far as the audit trail. Renewals that found nothing wrong are one entry, `refreshed`, with their
    number; the entry that ends such a run says how many there were.
    """
    query = call.query(cursors.Query)
    after = None if query.after is None else Place(*query.after)
    grant = await call.services.grants.get(call.application, call.params["grant_id"])
    found = await call.services.timeline.page(call.application, grant, after=after, limit=query.size + 1)
    shown = found[: query.size]
    more = cursors.token(*shown[-1].place) if len(found) > query.size else None
    return [actions.Moment.of(moment) for moment in shown], more
