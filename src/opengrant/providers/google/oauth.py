"""Google accounts with a refresh token: Gmail, Workspace, calendars.

Sources  Google Identity, "Using OAuth 2.0 for Web Server Applications" and "OpenID Connect"; Gmail API
users.getProfile. Refresh tokens do not rotate. The granted scopes are those of the refresh answer, because users
can deselect single ones.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp, Identity, Tokens, now
from opengrant.net.provider_http import Answer, Field, Http
from opengrant.providers.base import Consent
from opengrant.providers.google.refusals import judge
from opengrant.providers.google.scopes import (
    EMAIL_SCOPES,
    GMAIL_SCOPES,
    IDENTITY_SCOPES,
    USERINFO_SCOPES,
    allows,
    expand_scope,
    missing,
)
from opengrant.providers.oauth.answers import code_fields, consent_url, read_id_token, read_tokens
from opengrant.providers.oauth.evidence import conclusion, refusal
from opengrant.providers.oauth.members import is_address, text_of
from opengrant.providers.oauth.probe import ProvenByRefusal
from opengrant.providers.verdict import Kind

PROVIDER = "google"
_ISSUERS = ("https://accounts.google.com", "accounts.google.com")


class Google(ProvenByRefusal):
    """Refreshes and identifies Google accounts. URLs are whole ones, from settings."""

    rotates = False
    single_use = False

    def __init__(
        self,
        http: Http,
        *,
        token_url: str,
        userinfo_url: str,
        tokeninfo_url: str,
        gmail_url: str,
        revoke_url: str,
        authorize_url: str,
    ) -> None:
        super().__init__(token_url, judge)
        self._http = http
        self._userinfo_url = userinfo_url
        self._tokeninfo_url = tokeninfo_url
        self._gmail_url = gmail_url.rstrip("/")
        self._revoke_url = revoke_url
        self._authorize_url = authorize_url

    async def refresh(self, client: ClientApp, refresh_token: SecretStr) -> Tokens:
        """Spend the refresh token once; no retry. Raises ProviderFailure."""
        fields: dict[str, Field] = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": client.client_id,
            "client_secret": client.client_secret,
        }
        return read_tokens(await self._http.form(PROVIDER, "token", self._token_url, fields), fixed_end=True)

    def consent_url(self, client: ClientApp, consent: Consent) -> str:
        """Google gives a refresh token only for offline access, and again only when consent is asked for again."""
        more = {"access_type": "offline", "prompt": "consent" if consent.login_hint else "select_account consent"}
        if consent.granted:
            more["include_granted_scopes"] = "true"
        return consent_url(self._authorize_url, client, consent, IDENTITY_SCOPES, **more)

    async def exchange(self, client: ClientApp, code: SecretStr, *, redirect_uri: str, verifier: SecretStr) -> Tokens:
        """Spend the code once; no retry. Raises ProviderFailure."""
        fields: dict[str, Field] = {
            **code_fields(code, redirect_uri, verifier),
            "client_id": client.client_id,
            "client_secret": client.client_secret,
        }
        return read_tokens(await self._http.form(PROVIDER, "token", self._token_url, fields), fixed_end=True)

    async def identify(self, client: ClientApp, tokens: Tokens) -> Identity:
        """The owner, from id_token, userinfo, tokeninfo or Gmail profile: the first that names an address.

        Only calls that the granted scopes allow are made. A source that cannot tell is skipped. One that is
        down ends the search, since the next source may know less.
        Raises ProviderFailure: identity_scopes_missing, email_not_verified, or what the provider answered.
        """
        claims = read_id_token(tokens.id_token, audience=client.client_id, issuers=_ISSUERS, at=now())
        if claims is not None and (identity := _openid_identity(claims)):
            return identity
        scope = None if tokens.scope is None else frozenset(expand_scope(tokens.scope))
        bearer = tokens.access_token
        unable: list[Answer] = []
        if allows(scope, USERINFO_SCOPES):
            answer = await self._http.get(PROVIDER, "api", self._userinfo_url, bearer=bearer)
            if identity := _openid_identity(_told(answer)):
                return identity
            unable.append(answer)
        if allows(scope, EMAIL_SCOPES):
            answer = await self._http.get(PROVIDER, "api", self._tokeninfo_url, query={"access_token": bearer})
            members = _told(answer)
            if members.get("aud") == client.client_id and (identity := _openid_identity(members)):
                return identity
            unable.append(answer)
        if allows(scope, GMAIL_SCOPES):
            answer = await self._http.get(PROVIDER, "api", f"{self._gmail_url}/users/me/profile", bearer=bearer)
            members = _told(answer)
            if is_address(members.get("emailAddress")):
                return Identity(email=members["emailAddress"])
            unable.append(answer)
        raise _no_identity(scope, unable)

    def granted_scope(self, tokens: Tokens) -> tuple[str, ...] | None:
        """As Google spells scopes: whole URLs, `openid` bare; None when the answer named none."""
        return None if tokens.scope is None else expand_scope(tokens.scope)

    def missing_scope(self, tokens: Tokens, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Which of `wanted`, as spelled there, the user did not grant, nor one that covers it."""
        if tokens.scope is None:
            return ()
        return missing(tokens.scope, wanted)

    def lacking_scope(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        """A Gmail scope names the mailbox too; otherwise it takes `openid` and `userinfo.email`."""
        known = set(expand_scope(scope))
        return () if known & GMAIL_SCOPES else tuple(sorted({"openid", *EMAIL_SCOPES} - known, reverse=True))

    async def aliases(self, access_token: SecretStr) -> tuple[str, ...]:
        """The owner's other addresses, as Gmail's send-as settings hold them. Raises ProviderFailure.

        An address without confirmation is left out.
        """
        answer = await self._http.get(
            PROVIDER, "api", f"{self._gmail_url}/users/me/settings/sendAs", bearer=access_token
        )
        if not (answer.succeeded and isinstance(answer.json, Mapping)):
            raise refusal(answer)
        listed = answer.json.get("sendAs")
        entries = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        return tuple(
            one["sendAsEmail"]
            for one in entries
            if not one.get("isPrimary")
            and one.get("verificationStatus", "accepted") == "accepted"
            and is_address(one.get("sendAsEmail"))
        )

    async def revoke(self, token: SecretStr) -> bool:
        """Best effort: whether the token is revoked now. True also when it was before.

        Google revokes the user's whole consent for the project: other grants of the same user and client end too.
        """
        try:
            answer = await self._http.form(PROVIDER, "token", self._revoke_url, {"token": token})
        except ProviderFailure:
            return False
        return answer.succeeded or refusal(answer).evidence.code == "invalid_token"


def _told(answer: Answer) -> Mapping[str, Any]:
    """The members of a good answer; empty when this source cannot tell (wrong scope, or it does not exist here)."""
    if answer.succeeded and isinstance(answer.json, Mapping):
        return answer.json
    failure = refusal(answer)
    if answer.status != 404 and judge(failure.evidence).kind in {Kind.PROVIDER_DOWN, Kind.RATE_LIMITED}:
        raise failure
    return {}


def _openid_identity(members: Mapping[str, Any]) -> Identity | None:
    """From id_token claims, userinfo of either version, or tokeninfo (where booleans are words)."""
    email = members.get("email")
    if not is_address(email):
        return None
    verified = members.get("email_verified", members.get("verified_email", True))
    if str(verified).lower() != "true":
        raise conclusion(PROVIDER, "email_not_verified", "Google has not verified that the address is the user's")
    subject = text_of(members, "sub", "id")
    return Identity(email=str(email), subject=subject, user_id=subject, name=text_of(members, "name"))


def _no_identity(scope: frozenset[str] | None, unable: list[Answer]) -> ProviderFailure:
    """The failure when no source names the address: missing scopes, unless the scopes allow it."""
    allowed = scope is not None and bool(scope & (EMAIL_SCOPES | GMAIL_SCOPES))
    if unable and (allowed or all(answer.status == 404 for answer in unable)):
        return refusal(unable[0])
    lacking = sorted(USERINFO_SCOPES - (scope or frozenset()))
    return conclusion(PROVIDER, "identity_scopes_missing", f"The token lacks {', '.join(lacking)}")
