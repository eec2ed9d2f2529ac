"""The token endpoints on the wire."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, WithJsonSchema

from opengrant.api.wire.fields import Answer, Model, examples, text
from opengrant.model import ProviderName
from opengrant.signin.token_endpoint import AccessTokenRequest
from opengrant.signin.token_reader import Info
from opengrant.signin.tokens import Issued

_LONGEST = 8192
_Secret = Annotated[SecretStr, Field(max_length=_LONGEST)]


class TokenRequest(Model):
    """What to exchange. An empty value counts as absent."""

    model_config = examples(
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
    grant_id: Annotated[str, text(128)] | None = None
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


class TokenAnswer(Model):
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
    def of(cls, issued: Issued, grant_type: str) -> Answer:
        answer: Answer = {
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


class RevokeRequest(Model):
    """What to revoke."""

    model_config = examples({"token": "example-refresh-token"})
    token: _Secret | None = None
    """An access or refresh token; in the query, or here."""


class RevokeQuery(Model):
    """What to revoke."""

    token: SecretStr | None = None
    """An access or refresh token."""


class TokenInfoQuery(Model):
    """What to look at: one of the two."""

    # As long as an address can be: what is longer than any token of ours is none.
    access_token: SecretStr | None = None
    """An access token of ours."""
    id_token: SecretStr | None = None
    """Or an id_token."""


class TokenInfo(Model):
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
    def of(cls, info: Info) -> Answer:
        return {
            "iss": info.issuer,
            "aud": info.audience,
            "sub": info.subject,
            "email": info.email,
            "iat": info.issued_at,
            "exp": info.expires_at,
        }


class KeySet(Model):
    """A JSON Web Key Set."""

    keys: list[dict[str, str]]
    """The present key, and the one before it."""
