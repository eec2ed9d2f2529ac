"""/v3/connect/token, /v3/connect/revoke, /v3/connect/tokeninfo and the keys of id_tokens: OAuth for applications.

Whatever fails here is answered in OAuth's words (api/http/responses.py), and the token itself without an envelope.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, WithJsonSchema

from opengrant.api.http.authentication import bearer_of
from opengrant.api.http.decoding import decode
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Flat, One, Open, route
from opengrant.api.wire import fields as wire
from opengrant.errors import OAuthRefused, Unauthorized
from opengrant.events.actor import Actor, act_as
from opengrant.model import ProviderName
from opengrant.signin.token_endpoint import AccessTokenRequest
from opengrant.signin.tokens import Info, Issued

TAG = "Tokens"

_LONGEST = 8192
_Secret = Annotated[SecretStr, Field(max_length=_LONGEST)]


class TokenRequest(wire.Model):
    """What to exchange. An empty value counts as absent."""

    model_config = wire.examples(
        {
            "grant_type": "authorization_code",
            "client_id": "1f2e3d4c-0000-4000-8000-0000000000a0",
            "client_secret": "example-api-key",
            "code": "example-code",
            "redirect_uri": "https://app.example.com/callback",
        },
        {
            "grant_type": "refresh_token",
            "client_id": "1f2e3d4c-0000-4000-8000-0000000000a0",
            "client_secret": "example-api-key",
            "refresh_token": "example-refresh-token",
        },
    )
    grant_type: Annotated[
        str,
        Field(max_length=64),
        WithJsonSchema({"enum": ["authorization_code", "refresh_token", "client_credentials"]}),
    ]
    """`authorization_code` needs code and redirect_uri, `refresh_token` a refresh_token, `client_credentials` a
    grant_id."""
    client_id: Annotated[str, Field(max_length=64)] | None = None
    """The application's id; always needed."""
    client_secret: _Secret | None = None
    """An API key of the application; a bearer in the Authorization header does as well. Without either, a code can be
    exchanged by PKCE alone, for redirect URIs of programs that cannot keep a secret."""
    code: _Secret | None = None
    """From hosted sign-in. It is good once, and whatever comes of it."""
    redirect_uri: Annotated[str, Field(max_length=2048)] | None = None
    """The one that the sign-in was started with."""
    code_verifier: _Secret | None = None
    """PKCE, when the sign-in was started with a challenge, and only then."""
    refresh_token: _Secret | None = None
    """From an answer of this endpoint."""
    grant_id: Annotated[str, wire.text(128)] | None = None
    """For `client_credentials`: the grant that the access token shall be for."""
    idp_claims: _Secret | None = None
    """Refused: no other identity provider is trusted yet."""

    def to_model(self, bearer: str | None) -> AccessTokenRequest:
        secret = self.client_secret or (None if bearer is None else SecretStr(bearer))
        return AccessTokenRequest(
            self.grant_type,
            self.client_id,
            secret,
            self.code,
            self.redirect_uri,
            self.code_verifier,
            self.refresh_token,
            self.grant_id,
            self.idp_claims,
        )


class TokenAnswer(wire.Model):
    """Tokens for a grant."""

    access_token: str = Field(repr=False)
    """Opaque; a bearer for `GET /v3/grants/me`."""
    expires_in: int
    """Seconds that the access token is good for."""
    grant_id: str
    token_type: Literal["Bearer"]
    scope: str
    """With spaces between."""
    email: str
    id_token: str = Field(repr=False)
    """A JWT about the grant's owner, signed by this server: `/v3/connect/jwks` has the keys."""
    refresh_token: str | None = Field(default=None, repr=False)
    """After a sign-in with `access_type=offline`, and whenever refresh tokens rotate."""
    provider: ProviderName | None = None
    """When a code was exchanged."""

    @classmethod
    def of(cls, issued: Issued, grant_type: str) -> wire.Answer:
        answer: wire.Answer = {
            "access_token": issued.access_token.get_secret_value(),
            "expires_in": issued.expires_in,
            "grant_id": issued.grant.id,
            "token_type": "Bearer",
            "scope": " ".join(issued.scope),
            "email": issued.grant.email,
            "id_token": issued.id_token.get_secret_value(),
        }
        if issued.refresh_token is not None:
            answer["refresh_token"] = issued.refresh_token.get_secret_value()
        if grant_type == "authorization_code":
            answer["provider"] = issued.grant.provider.value
        return answer


class RevokeRequest(wire.Model):
    """What to revoke."""

    model_config = wire.examples({"token": "example-refresh-token"})
    token: _Secret | None = None
    """An access or refresh token; in the query, or here."""


class RevokeQuery(wire.Model):
    """What to revoke."""

    token: SecretStr | None = None
    """An access or refresh token."""


class TokenInfoQuery(wire.Model):
    """What to look at: one of the two."""

    # As long as an address can be: what is longer than any token of ours is none.
    access_token: SecretStr | None = None
    """An access token of ours."""
    id_token: SecretStr | None = None
    """Or an id_token."""


class TokenInfo(wire.Model):
    """What a good token says."""

    iss: str
    """This server."""
    aud: str
    """The application."""
    sub: str
    """The grant."""
    email: str
    iat: int
    exp: int

    @classmethod
    def of(cls, info: Info) -> wire.Answer:
        return {
            "iss": info.issuer,
            "aud": info.audience,
            "sub": info.subject,
            "email": info.email,
            "iat": info.issued_at,
            "exp": info.expires_at,
        }


class KeySet(wire.Model):
    """A JSON Web Key Set."""

    keys: list[dict[str, str]]
    """The present key, and the one before it."""


@route(
    "POST",
    "/v3/connect/token",
    tag=TAG,
    access=Open(),
    body=TokenRequest,
    answers=Flat(TokenAnswer),
    errors=(OAuthRefused,),
    form=True,
)
async def exchange_token(request: Request) -> wire.Answer:
    """Exchange a one-time code, a refresh token, or an API key and a grant's id, for an access token.

    As JSON or as a form. The access token is good for an hour.
    """
    sent = _without_blanks(request.json_or_form())
    if "grant_type" not in sent:
        raise OAuthRefused("invalid_request", "Missing required parameter: grant_type")
    body = decode(TokenRequest, sent)
    ask = body.to_model(_bearer(request))
    client = await request.services.exchange.authenticate(ask)
    if client.key_id is not None:
        act_as(Actor.key(client.key_id, request.id))
    issued = await request.services.exchange.exchange(client, ask, issuer=request.origin)
    return TokenAnswer.of(issued, body.grant_type)


@route(
    "POST",
    "/v3/connect/revoke",
    tag=TAG,
    access=Open(),
    query=RevokeQuery,
    body=RevokeRequest,
    errors=(OAuthRefused,),
    form=True,
)
async def revoke_token(request: Request) -> None:
    """Revoke an access or refresh token, and all that came of the same sign-in. The grant stays.

    Whoever has a token may revoke it: no API key is needed.
    """
    token = request.query(RevokeQuery).token
    if token is None and request.body:
        token = decode(RevokeRequest, _without_blanks(request.json_or_form())).token
    if token is None:
        raise OAuthRefused("invalid_request", "Missing required parameter: token")
    await request.services.tokens.revoke(token.get_secret_value())


@route(
    "GET",
    "/v3/connect/tokeninfo",
    tag=TAG,
    access=Open(),
    query=TokenInfoQuery,
    answers=One(TokenInfo),
    errors=(OAuthRefused,),
)
async def get_token_info(request: Request) -> wire.Answer:
    """Check an access token or an id_token, and see what it is for. No API key is needed."""
    query = request.query(TokenInfoQuery)
    tokens = request.services.tokens
    if query.access_token is not None:
        issuer = request.origin
        return TokenInfo.of(await tokens.info(query.access_token.get_secret_value(), issuer=issuer))
    if query.id_token is not None:
        return TokenInfo.of(await tokens.id_token_info(query.id_token.get_secret_value()))
    raise OAuthRefused("invalid_request", "Missing required parameter: access_token or id_token")


@route("GET", "/v3/connect/jwks", tag=TAG, access=Open(), answers=Flat(KeySet), also_at="/.well-known/jwks.json")
async def list_signing_keys(request: Request) -> wire.Answer:
    """The public keys of id_tokens, as a JSON Web Key Set. Look again when a token names a key that you lack."""
    return await request.services.tokens.signing.published()


def _without_blanks(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if value is not None and value != ""}


def _bearer(request: Request) -> str | None:
    try:
        return bearer_of(request.headers)
    except Unauthorized:
        return None  # of another scheme, which says nothing here
