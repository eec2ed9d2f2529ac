"""The application exchanges a code of hosted sign-in for a grant."""

import hmac
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from opengrant.errors import OAuthRefused, OpenGrantError
from opengrant.grants.connect.connect import Connect
from opengrant.model import Application, Grant, RedirectUri
from opengrant.signin import pkce
from opengrant.signin.codes import LoginCodes
from opengrant.signin.login import AuthorizationRequest
from opengrant.tenants.redirect_uris import RedirectUris


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The grant of a code, and what the sign-in asked for."""

    grant: Grant
    access_type: Literal["online", "offline"]
    scope: tuple[str, ...]
    code_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """Built once, in assembly/."""

    codes: LoginCodes
    redirects: RedirectUris
    connect: Connect
    secretless_web: bool
    """Codes for redirect URIs of platform `web` may be redeemed without the API key, by PKCE alone."""

    async def redeem(
        self, app: Application, code: SecretStr, *, redirect_uri: str, verifier: str | None, authenticated: bool
    ) -> Redeemed:
        """Turn a code into its grant. The code is used up even if this fails.

        authenticated  the request carried the application's API key
        Raises         OAuthRefused; CodeUsedTwice, so that the caller revokes what the code gave before
        """
        burnt = await self.codes.burn(app, code)
        request = AuthorizationRequest.from_row(burnt.row.ask)
        await self._check(app, request, redirect_uri, verifier, authenticated=authenticated)
        custom = request.custom_connect(request.hosted_login(burnt.row.provider), login_id=burnt.row.login_id)
        try:
            grant = await self.connect.accept(app, custom, self.codes.proof(burnt))
        except OpenGrantError as problem:
            raise OAuthRefused("invalid_grant", problem.message) from None
        return Redeemed(grant, request.access_type, grant.scope, burnt.row.id)

    async def _check(
        self,
        app: Application,
        request: AuthorizationRequest,
        redirect_uri: str,
        verifier: str | None,
        *,
        authenticated: bool,
    ) -> None:
        """Raises OAuthRefused unless the code's own client sends it."""
        if not hmac.compare_digest(redirect_uri.encode(), request.redirect_uri.encode()):
            raise OAuthRefused("invalid_grant", "redirect_uri is not the one that the sign-in was started with.")
        redirect = await self.redirects.match(app, request.redirect_uri)
        if redirect is None:
            raise OAuthRefused("invalid_grant", "redirect_uri is registered no longer.")
        if not _challenge_met(request, verifier):
            raise OAuthRefused("invalid_grant", "Code verifier challenge failed", code=45004)
        if not authenticated:
            self._require_public_client(redirect, request)

    def _require_public_client(self, redirect: RedirectUri, request: AuthorizationRequest) -> None:
        """Without the API key a client must use PKCE, and run where a secret cannot be kept. Raises OAuthRefused."""
        if request.challenge is None or (redirect.platform == "web" and not self.secretless_web):
            raise OAuthRefused(
                "invalid_client",
                "Send the API key as client_secret or as a bearer token. Only redirect URIs of platform js, desktop,"
                " ios or android may do with PKCE alone.",
            )


def _challenge_met(request: AuthorizationRequest, verifier: str | None) -> bool:
    """Whether the verifier fits the challenge. Without a challenge, a verifier is refused.

    Its sender started a sign-in with PKCE; a code without a challenge is of another sign-in, which an attacker may
    have started.
    """
    if request.challenge is None:
        return not verifier
    return pkce.verifies(request.method, request.challenge, verifier or "")
