"""The token endpoint: exchanges a code, a refresh token or a grant's id for tokens."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pydantic import SecretStr

from opengrant.access.api_keys import ApiKeys
from opengrant.errors import CodeUsedTwice, GrantNotFound, OAuthRefused, Unauthorized
from opengrant.grants.manage import Grants
from opengrant.model import Application
from opengrant.signin.redeem import Redeemed
from opengrant.signin.tokens import AccessTokens, Issued, refuse_blocked
from opengrant.tenants.applications import Applications

EVERYTHING = "all"
"""The permission that lets an API key act as client_secret."""


class Redeems(Protocol):
    """Turns one-time codes of hosted sign-in into grants."""

    async def redeem(
        self, app: Application, code: SecretStr, *, redirect_uri: str, verifier: str | None, authenticated: bool
    ) -> Redeemed:
        """Raises OAuthRefused, also when the client is not `authenticated` and the code has no PKCE challenge or its
        redirect URI belongs to a server; CodeUsedTwice for a code that was redeemed before.
        """


@dataclass(frozen=True, slots=True)
class AccessTokenRequest:
    """A request of the token endpoint. A member that is absent or empty is None.

    secret  the API key, from the body or the Authorization header
    """

    grant_type: str | None
    client_id: str | None
    secret: SecretStr | None = None
    code: SecretStr | None = None
    redirect_uri: str | None = None
    verifier: SecretStr | None = None
    refresh_token: SecretStr | None = None
    grant_id: str | None = None
    idp_claims: SecretStr | None = None


class Client(NamedTuple):
    """An authenticated client. key_id: None when the request has no API key and relies on PKCE."""

    application: Application
    key_id: str | None


_NEEDED: dict[str, tuple[str, ...]] = {
    "authorization_code": ("code", "redirect_uri"),
    "refresh_token": ("refresh_token",),
    "client_credentials": ("grant_id",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """Built once, in assembly/."""

    applications: Applications
    api_keys: ApiKeys
    codes: Redeems
    tokens: AccessTokens
    grants: Grants

    async def authenticate(self, request: AccessTokenRequest) -> Client:
        """Check that the request is complete, then the client. Raises OAuthRefused.

        Without an API key only a code can be exchanged, and only with a PKCE verifier. An unknown application, a
        wrong key and another application's key get the same text.
        """
        _require_complete(request)
        client_id = request.client_id or ""
        if request.secret is None:
            if request.grant_type != "authorization_code" or request.verifier is None:
                raise OAuthRefused(
                    "invalid_client", "Send the API key as client_secret, or as a bearer in the Authorization header."
                )
            application = await self.applications.find(client_id)
            if application is None:
                raise _unknown_client()
            return Client(application, None)
        try:
            caller = await self.api_keys.authenticate(request.secret.get_secret_value())
        except Unauthorized:
            raise _unknown_client() from None
        if caller.application.id != client_id:
            raise _unknown_client()
        if EVERYTHING not in caller.permissions:
            raise OAuthRefused("unauthorized_client", f"This API key lacks the permission {EVERYTHING}.")
        return Client(caller.application, caller.key_id)

    async def exchange(self, client: Client, request: AccessTokenRequest, *, issuer: str) -> Issued:
        """Issue the tokens. `issuer`: the base URL that the caller reached us at. Raises OAuthRefused."""
        app = client.application
        if request.code is not None and request.grant_type == "authorization_code":
            return await self._redeem(client, request, request.code, issuer)
        if request.refresh_token is not None and request.grant_type == "refresh_token":
            return await self.tokens.refresh(app, request.refresh_token, issuer=issuer)
        try:
            grant = await self.grants.get(app, f"grant:{(request.grant_id or '').removeprefix('grant:')}")
        except GrantNotFound:
            raise OAuthRefused("invalid_grant", "grant_id: this application has no such grant.") from None
        refuse_blocked(grant)
        return await self.tokens.issue(app, grant, "client_credentials", issuer=issuer, scope=grant.scope)

    async def _redeem(self, client: Client, request: AccessTokenRequest, code: SecretStr, issuer: str) -> Issued:
        app = client.application
        try:
            redeemed = await self.codes.redeem(
                app,
                code,
                redirect_uri=request.redirect_uri or "",
                verifier=None if request.verifier is None else request.verifier.get_secret_value(),
                authenticated=client.key_id is not None,
            )
        except CodeUsedTwice as twice:
            await self.tokens.revoke_of_code(app, twice.code_id)
            raise
        return await self.tokens.issue(
            app,
            redeemed.grant,
            "authorization_code",
            issuer=issuer,
            scope=redeemed.scope,
            offline=redeemed.access_type == "offline",
            code_id=redeemed.code_id,
        )


def _require_complete(request: AccessTokenRequest) -> None:
    if request.grant_type is None:
        raise _missing("grant_type")
    if request.grant_type not in _NEEDED:
        raise OAuthRefused("unsupported_grant_type", f"grant_type: must be one of {', '.join(_NEEDED)}.")
    for name in ("client_id", *_NEEDED[request.grant_type]):
        if getattr(request, name) is None:
            raise _missing(name)
    if request.idp_claims is not None:
        # No issuer is trusted yet, so a claim is refused: accepting it unchecked would look like a check.
        raise OAuthRefused("invalid_request", "idp_claims: tokens of other identity providers are not accepted.")


def _missing(name: str) -> OAuthRefused:
    return OAuthRefused("invalid_request", f"Missing required parameter: {name}")


def _unknown_client() -> OAuthRefused:
    return OAuthRefused("invalid_client", "client_secret must be an API key of the application that client_id names.")
