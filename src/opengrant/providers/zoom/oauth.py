"""Zoom accounts with a refresh token.

Sources  Zoom Developer, "OAuth 2.0" and the user API's `GET /users/{userId}`. A refresh token can be
spent once: the caller must store the rotated token before anything else.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from opengrant.model import ClientApp, Identity, Tokens
from opengrant.model.basics import record
from opengrant.net.provider_http import Answer, Field, Http
from opengrant.providers.base import Consent
from opengrant.providers.oauth.answers import code_fields, consent_url, read_tokens
from opengrant.providers.oauth.client_auth import token_form
from opengrant.providers.oauth.evidence import conclusion, refusal
from opengrant.providers.oauth.members import is_address, text_of
from opengrant.providers.oauth.probe import ProvenByRefusal
from opengrant.providers.zoom.refusals import judge
from opengrant.providers.zoom.scopes import missing

PROVIDER = "zoom"
_USER_SCOPE = "user:read:user"
_ZOOM_URL = re.compile(
    r"https://(?:[a-z0-9-]+\.)+(?:zoom\.us|zoomgov\.com)(?::443)?(?:/v2)?/?", re.IGNORECASE | re.ASCII
)


@record
class ZoomTokens(Tokens):
    """A token answer that may name the API host of the user's region."""

    api_url: str | None = None


class Zoom(ProvenByRefusal):
    """Refreshes and identifies Zoom accounts. `api_url` is the API's root, without `/v2`."""

    rotates = True
    single_use = True

    def __init__(self, http: Http, *, token_url: str, api_url: str, authorize_url: str) -> None:
        super().__init__(token_url, judge)
        self._http = http
        self._authorize_url = authorize_url
        self._api_url = api_url.rstrip("/").removesuffix("/v2")

    def consent_url(self, client: ClientApp, consent: Consent) -> str:
        """Scopes are set in the app at Zoom; scopes in the URL would only be compared with those."""
        return consent_url(self._authorize_url, client, replace(consent, scope=()), ())

    async def exchange(self, client: ClientApp, code: SecretStr, *, redirect_uri: str, verifier: SecretStr) -> Tokens:
        """Spend the code once; no retry. Raises ProviderFailure."""
        fields = code_fields(code, redirect_uri, verifier)
        return _tokens(await token_form(self._http, PROVIDER, self._token_url, client, fields))

    async def refresh(self, client: ClientApp, refresh_token: SecretStr) -> ZoomTokens:
        """Spend the refresh token once, for good; no retry. Raises ProviderFailure."""
        fields: dict[str, Field] = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return _tokens(await token_form(self._http, PROVIDER, self._token_url, client, fields))

    async def identify(self, client: ClientApp, tokens: Tokens) -> Identity:
        """The owner, from the user API. It needs the scope `user:read:user`, or `user:read` of older apps.

        Raises ProviderFailure: identity_scopes_missing, address_unknown, or what the API answered.
        """
        named = tokens.api_url if isinstance(tokens, ZoomTokens) else None
        url = f"{api_base(named, self._api_url)}/v2/users/me"
        answer = await self._http.get(PROVIDER, "api", url, bearer=tokens.access_token)
        if answer.succeeded and isinstance(answer.json, Mapping) and text_of(answer.json, "id"):
            return _identity(answer.json)
        failure = refusal(answer)
        if judge(failure.evidence).reason == "scopes_missing":
            raise conclusion(PROVIDER, "identity_scopes_missing", failure.evidence.text, said=failure)
        raise failure

    def granted_scope(self, tokens: Tokens) -> tuple[str, ...] | None:
        """As Zoom spells scopes; None when the answer named none."""
        return tokens.scope

    def missing_scope(self, tokens: Tokens, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Which of `wanted` the token lacks, in either kind of scope."""
        if tokens.scope is None:
            return ()
        return missing(tokens.scope, wanted)

    def lacking_scope(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        """`user:read:user`, where a list leaves it out. Usually there is no list: an app's scopes are set at Zoom."""
        return missing(scope, (_USER_SCOPE,)) if scope else ()


def _tokens(answer: Answer) -> ZoomTokens:
    tokens = read_tokens(answer)
    return ZoomTokens(
        tokens.access_token,
        tokens.refresh_token,
        tokens.expires_at,
        tokens.scope,
        api_url=text_of(answer.json, "api_url"),
    )


def api_base(named: str | None, configured: str) -> str:
    """Where a token may go: the API host that its answer named, if that is Zoom's; else where settings say.

    Where the settings name another host than Zoom's, tokens go to that host only.
    """
    if named is not None and _ZOOM_URL.fullmatch(named) and _ZOOM_URL.fullmatch(configured):
        return named.rstrip("/").removesuffix("/v2")
    return configured


def _identity(user: Mapping[str, Any]) -> Identity:
    email = text_of(user, "email")
    if email is None or not is_address(email):
        raise conclusion(PROVIDER, "address_unknown", "The user API named no mail address")
    name = text_of(user, "display_name")
    if name is None:
        name = " ".join(filter(None, (text_of(user, "first_name"), text_of(user, "last_name"))))
    subject = text_of(user, "id")
    return Identity(email=email, subject=subject, user_id=subject, name=name or None)
