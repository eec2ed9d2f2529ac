"""/v3/grants: grants that exist."""

from collections.abc import Sequence

from opengrant.api.connect import VERIFICATION_ERRORS
from opengrant.api.http.cursors import listed
from opengrant.api.http.decoding import checked
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Key, One, Page, route
from opengrant.api.wire import grants as wire
from opengrant.api.wire.fields import UNSEEN, Answer
from opengrant.api.wire.grant_patch import GrantPatch, sends_elsewhere, settings_of
from opengrant.api.wire.proxy_tokens import ProxyToken, ProxyTokenBody
from opengrant.api.wire.stored_logins import CredentialBody, StoredLogin
from opengrant.errors import (
    AccessDenied,
    Blocked,
    GrantExpired,
    GrantNotFound,
    InvalidRequest,
    Overloaded,
    ProviderUnavailable,
    RateLimited,
    ReauthEmailInvalid,
)
from opengrant.grants.manage import GrantFilters, Position, Window
from opengrant.model import SECOND

TAG = "Grants"


@route(
    "GET",
    "/v3/grants",
    tag=TAG,
    query=wire.GrantQuery,
    answers=Page(wire.Grant, by_cursor=True),
    errors=(InvalidRequest,),
)
async def list_grants(request: Request) -> tuple[Sequence[Answer], wire.GrantQuery, str | None]:
    """List grants.

    Lists the grants of the application, by default the newest first.

    Page by `offset`, or by `page_token`: the `next_cursor` of the page before. It is there while there are more and no
    `offset` is given, and takes the same time at any depth. It carries the filters and the order, which the next
    request may leave out.
    """
    asked = listed(request, wire.GrantQuery, of=f"grants {request.application.id}")
    query = asked.query
    if query.account_id is not None or query.account_ids is not None:
        return [], query, None
    by_offset = "offset" in query.model_fields_set
    if by_offset and query.page_token is not None:
        raise InvalidRequest("offset: does not go with page_token, which knows where its page begins.")
    window = Window(
        order=query.sort_by,
        descending=query.order_by == "desc",
        limit=query.size + 1,
        offset=query.offset,
        after=None if asked.after is None else Position(*asked.after),
    )
    found = await request.services.grants.page(request.application, filters_of(query), window)
    shown, cursor = asked.cut(found, lambda one: (getattr(one.grant, query.sort_by), one.grant.id))
    return [wire.Grant.shown(one) for one in shown], query, None if by_offset else cursor


def filters_of(query: wire.GrantConditions) -> GrantFilters:
    """The conditions, as the list takes them."""
    return GrantFilters(
        # The identifier of a virtual calendar counts as given.
        email=query.email.strip(UNSEEN) if query.email and "@" in query.email else query.email,
        status=query.grant_status or query.status,
        provider=query.provider,
        connector=query.connector_id,
        ip=query.ip,
        workspace_id=query.workspace_id,
        since=None if query.since is None else query.since * SECOND,
        # Times are kept finer than seconds: "at or before" means until the end of that second.
        before=None if query.before is None else query.before * SECOND + SECOND - 1,
        email_prefix=query.email_prefix,
        email_contains=query.email_contains,
        troubled=query.troubled,
        trouble_class=query.trouble_class,
        search=query.search.strip(UNSEEN) if query.search else None,
    )


@route(
    "GET",
    "/v3/grants/{grant_id}",
    tag=TAG,
    access=Key(by_token=True),
    query=wire.GrantShow,
    answers=One(wire.Grant),
    errors=(InvalidRequest, GrantNotFound),
)
async def get_grant(request: Request) -> Answer:
    """Get a grant.

    By its id, `grant:<id>`, its email, `email:<email>` or `external:<your id>`.

    With an access token, `me` is its own grant; it shows no other.
    """
    show = request.query(wire.GrantShow)
    grant = await request.grant()
    answer = wire.Grant.shown(await request.services.grants.health.show(request.application, grant))
    if show.expose_aliases and (aliases := await request.services.aliases.of(request.application, grant)):
        answer["email_aliases"] = list(aliases)
    return answer


@route(
    "PATCH",
    "/v3/grants/{grant_id}",
    tag=TAG,
    body=GrantPatch,
    answers=One(wire.Grant),
    errors=(GrantNotFound, ReauthEmailInvalid, Blocked, *VERIFICATION_ERRORS),
    also="PUT",
)
async def update_grant(request: Request) -> Answer:
    """Update a grant.

    Changes its credentials, recorded scopes, name or workspace.

    The provider is asked about new credentials first, and they must be of the same mailbox. If they fail, the grant
    stays as it was. What settings leave out of a mailbox with a password, of an Agent Account or of an organisation's
    mailbox is taken from the grant. A new refresh token is used with the grant's client, unless
    `settings.credential_id` names another.
    """
    patch = request.read(GrantPatch)
    grant = await request.grant()
    login = None
    if patch.settings is not None:
        login = await request.services.grants.stored.login_of(request.application, grant)
    held = settings_of(login)
    who = request.session or request.caller
    if sends_elsewhere(patch, held) and (who is None or "grants.token" not in who.permissions):
        # The owner of that server would read it, and this key may read no live credential.
        raise AccessDenied(
            "settings: the stored password would go to another server. Send the password with the new host, or use an"
            " API key with the permission grants.token."
        )
    change = checked(lambda: patch.to_model(grant.provider, held))
    changed = await request.services.grants.change(request.application, grant, change)
    return wire.Grant.shown(await request.services.grants.health.show(request.application, changed))


@route("DELETE", "/v3/grants/{grant_id}", tag=TAG, errors=(InvalidRequest, GrantNotFound))
async def delete_grant(request: Request) -> None:
    """Delete a grant.

    Deletes the grant with its secrets. Its id never comes back.

    A Google token is revoked at Google afterwards, in the background, unless the account has another valid grant.
    """
    await request.services.grants.delete(request.application, await request.grant())


@route(
    "POST",
    "/v3/grants/{grant_id}/token",
    tag=TAG,
    access=Key("grants.token"),
    body=wire.TokenBody,
    answers=One(wire.LiveToken),
    errors=(InvalidRequest, GrantNotFound, GrantExpired, Blocked, ProviderUnavailable, RateLimited, Overloaded),
    addition=True,
)
async def read_token(request: Request) -> Answer:
    """Get an access token.

    The provider's live access token of a grant, to call the provider's own API with.

    It is renewed first if it would end too soon. Each call is in the audit trail.
    """
    body = request.read(wire.TokenBody) if request.body else wire.TokenBody()
    grant_id = await request.services.grants.id_of(request.application, request.params["grant_id"])
    live = await request.services.refresh.tokens.token(
        request.application, grant_id, minimum_ttl=body.minimum_ttl, reason=body.reason
    )
    return wire.LiveToken.of(live)


@route(
    "POST",
    "/v3/grants/{grant_id}/credential",
    tag=TAG,
    access=Key("grants.credential"),
    body=CredentialBody,
    answers=One(StoredLogin),
    errors=(InvalidRequest, GrantNotFound, GrantExpired, Blocked, RateLimited),
    addition=True,
    limit="300 calls a minute for an application",
)
async def read_credential(request: Request) -> Answer:
    """Get a mail login.

    The login of an IMAP, iCloud or Exchange grant, to open its mailbox with your own mail library.

    Servers, ports, user names and the password, as the provider last accepted them. The permission `all` does not
    include this one. Each call and its reason are in the audit trail.
    """
    body = request.read(CredentialBody)
    grant_id = await request.services.grants.id_of(request.application, request.params["grant_id"])
    return StoredLogin.of(await request.services.handover.login(request.application, grant_id, reason=body.reason))


@route(
    "POST",
    "/v3/grants/{grant_id}/proxy-token",
    tag=TAG,
    access=Key("grants.proxy"),
    body=ProxyTokenBody,
    answers=One(ProxyToken),
    errors=(InvalidRequest, GrantNotFound, Blocked),
    addition=True,
)
async def make_proxy_token(request: Request) -> Answer:
    """Create a mail proxy token.

    A password for mail programs: it opens the mailbox of this grant through the mail proxy.

    It opens nothing else and ends by itself; `POST /v3/connect/revoke` ends it earlier. The permission `all` does not
    include this one. Each call and its reason are in the audit trail.
    """
    body = request.read(ProxyTokenBody)
    grant = await request.grant()
    made = await request.services.proxy_tokens.issue(
        request.application, grant, reason=body.reason, expires_in=body.expires_in
    )
    return ProxyToken.of(made, grant.id)
