"""Yahoo and AOL accounts with a refresh token.

Sources  Yahoo Developer, "OAuth 2.0 Authorization Code Flow" and "OpenID Connect". Answers name no scopes, and a
refresh brings a refresh token back each time, normally the one that was sent. AOL is the same service under other
hosts, with clients of its own: set its URLs.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp, Identity, Tokens, now
from opengrant.net.provider_http import Field, Http
from opengrant.providers.base import Consent
from opengrant.providers.oauth.answers import code_fields, consent_url, read_id_token, read_tokens
from opengrant.providers.oauth.client_auth import token_form
from opengrant.providers.oauth.evidence import conclusion, refusal
from opengrant.providers.oauth.members import is_address, text_of
from opengrant.providers.oauth.probe import ProvenByRefusal
from opengrant.providers.verdict import Kind
from opengrant.providers.yahoo.refusals import judge

PROVIDER = "yahoo"
_ISSUERS = ("https://api.login.yahoo.com", "https://api.login.aol.com")
_REDIRECT_URI = "oob"
"""Required although there is no redirect; every app may use this one."""
_IMPLIED = {"mail-r": "mail-w"}


class Yahoo(ProvenByRefusal):
    """Refreshes and identifies Yahoo accounts. URLs are whole ones, from settings."""

    rotates = True  # seldom, but a rotated token must not be lost
    single_use = False

    def __init__(self, http: Http, *, token_url: str, userinfo_url: str, authorize_url: str) -> None:
        super().__init__(token_url, judge)
        self._http = http
        self._authorize_url = authorize_url
        self._userinfo_url = userinfo_url

    async def refresh(self, client: ClientApp, refresh_token: SecretStr) -> Tokens:
        """Spend the refresh token once; no retry. Raises ProviderFailure."""
        fields: dict[str, Field] = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "redirect_uri": _REDIRECT_URI,
        }
        return read_tokens(await token_form(self._http, PROVIDER, self._token_url, client, fields))

    def consent_url(self, client: ClientApp, consent: Consent) -> str:
        """Yahoo has no login hint and ignores unknown parameters."""
        return consent_url(self._authorize_url, client, consent, ("openid", "email"))

    async def exchange(self, client: ClientApp, code: SecretStr, *, redirect_uri: str, verifier: SecretStr) -> Tokens:
        """Spend the code once; no retry. Raises ProviderFailure."""
        fields = code_fields(code, redirect_uri, verifier)
        return read_tokens(await token_form(self._http, PROVIDER, self._token_url, client, fields))

    async def identify(self, client: ClientApp, tokens: Tokens) -> Identity:
        """The owner of the tokens, from the id_token, else from userinfo. Both need the scopes `openid` and `email`.

        Raises ProviderFailure: identity_scopes_missing, email_not_verified, or what userinfo answered.
        """
        claims = read_id_token(tokens.id_token, audience=client.client_id, issuers=_ISSUERS, at=now())
        if claims is not None and (identity := _identity(claims)):
            return identity
        answer = await self._http.get(PROVIDER, "api", self._userinfo_url, bearer=tokens.access_token)
        if answer.succeeded and isinstance(answer.json, Mapping):
            if identity := _identity(answer.json):
                return identity
            raise _no_identity("Userinfo named no mail address")
        failure = refusal(answer)
        passing = judge(failure.evidence).kind in {Kind.PROVIDER_DOWN, Kind.RATE_LIMITED}
        if answer.status in {401, 403} and not passing:
            # The token is seconds old, so it is valid and lacks the scopes.
            raise _no_identity("Userinfo refused the token", failure)
        raise failure

    def granted_scope(self, tokens: Tokens) -> tuple[str, ...] | None:
        """As Yahoo spells scopes; None when the answer named none, which is usual."""
        return tokens.scope

    def missing_scope(self, tokens: Tokens, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Which of `wanted` the token provably lacks. Writing mail includes reading it."""
        if tokens.scope is None:
            return ()
        return tuple(scope for scope in wanted if not {scope, _IMPLIED.get(scope)} & set(tokens.scope))

    def lacking_scope(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        """Userinfo needs both: `openid` to answer at all, `email` to name the address."""
        return tuple(name for name in ("openid", "email") if name not in scope)


def _identity(members: Mapping[str, Any]) -> Identity | None:
    """From id_token claims or userinfo; None when they name no address."""
    email = members.get("email")
    if not is_address(email):
        return None
    if str(members.get("email_verified", True)).lower() != "true":
        raise conclusion(PROVIDER, "email_not_verified", "Yahoo has not verified that the address is the user's")
    subject = text_of(members, "sub")
    return Identity(email=str(email), subject=subject, user_id=subject, name=text_of(members, "name"))


def _no_identity(what: str, said: ProviderFailure | None = None) -> Exception:
    return conclusion(PROVIDER, "identity_scopes_missing", f"{what}: it needs the scopes openid and email", said=said)
