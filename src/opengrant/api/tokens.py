"""/v3/connect/token, /v3/connect/revoke, /v3/connect/tokeninfo and the keys of id_tokens: OAuth for applications.

Errors here have OAuth's body (api/http/responses.py), and the token answer has no envelope.
"""

from typing import Any

from opengrant.api.http.authentication import bearer_of
from opengrant.api.http.decoding import decode
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Flat, One, Open, route
from opengrant.api.wire import tokens as wire
from opengrant.api.wire.fields import Answer
from opengrant.errors import OAuthRefused, Unauthorized
from opengrant.events.actor import Actor, act_as

TAG = "Tokens"


@route(
    "POST",
    "/v3/connect/token",
    tag=TAG,
    access=Open(),
    body=wire.TokenRequest,
    answers=Flat(wire.TokenAnswer),
    errors=(OAuthRefused,),
    form=True,
)
async def exchange_token(request: Request) -> Answer:
    """Create an access token.

    Exchanges a one-time code, a refresh token, or an API key and a grant's id for an access token.

    The body is JSON or a form. The access token is valid for an hour.
    """
    sent = _without_blanks(request.json_or_form())
    if "grant_type" not in sent:
        raise OAuthRefused("invalid_request", "Missing required parameter: grant_type")
    body = decode(wire.TokenRequest, sent)
    ask = body.to_model(_bearer(request))
    client = await request.services.exchange.authenticate(ask)
    if client.key_id is not None:
        act_as(Actor.key(client.key_id, request.id))
    issued = await request.services.exchange.exchange(client, ask, issuer=request.origin)
    return wire.TokenAnswer.of(issued, body.grant_type)


@route(
    "POST",
    "/v3/connect/revoke",
    tag=TAG,
    access=Open(),
    query=wire.RevokeQuery,
    body=wire.RevokeRequest,
    errors=(OAuthRefused,),
    form=True,
)
async def revoke_token(request: Request) -> None:
    """Revoke a token.

    Revokes an access or refresh token, and all others of the same sign-in. The grant stays.

    The holder of a token may revoke it.
    """
    token = request.query(wire.RevokeQuery).token
    if token is None and request.body:
        token = decode(wire.RevokeRequest, _without_blanks(request.json_or_form())).token
    if token is None:
        raise OAuthRefused("invalid_request", "Missing required parameter: token")
    await request.services.tokens.revoke(token.get_secret_value())


@route(
    "GET",
    "/v3/connect/tokeninfo",
    tag=TAG,
    access=Open(),
    query=wire.TokenInfoQuery,
    answers=One(wire.TokenInfo),
    errors=(OAuthRefused,),
)
async def get_token_info(request: Request) -> Answer:
    """Get token info.

    Checks an access token or an ID token, and tells what it is for.
    """
    query = request.query(wire.TokenInfoQuery)
    reader = request.services.token_reader
    if query.access_token is not None:
        issuer = request.origin
        return wire.TokenInfo.of(await reader.info(query.access_token.get_secret_value(), issuer=issuer))
    if query.id_token is not None:
        return wire.TokenInfo.of(await reader.id_token_info(query.id_token.get_secret_value()))
    raise OAuthRefused("invalid_request", "Missing required parameter: access_token or id_token")


@route(
    "GET",
    "/v3/connect/jwks",
    tag=TAG,
    access=Open(),
    answers=Flat(wire.KeySet),
    also_at="/.well-known/jwks.json",
    addition=True,
)
async def list_signing_keys(request: Request) -> Answer:
    """List signing keys.

    The public keys of ID tokens, as a JSON Web Key Set. Ask again when a token names a key that you do not have.
    """
    return await request.services.tokens.signing.published()


def _without_blanks(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if value is not None and value != ""}


def _bearer(request: Request) -> str | None:
    try:
        return bearer_of(request.headers)
    except Unauthorized:
        return None  # another scheme; not used here
