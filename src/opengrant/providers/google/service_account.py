"""Google Workspace mailboxes through a service account with domain-wide delegation: no user takes part.

Source  Google Identity, "Using OAuth 2.0 for Server to Server Applications". A signed assertion names the user and
the scopes; an administrator of the user's domain must have listed every one of them for the service account.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from opengrant.errors import InvalidRequest, ProviderFailure
from opengrant.model import SECOND, Identity, ServiceAccountKey, now
from opengrant.net.provider_http import Field, Http
from opengrant.providers.google.scopes import GMAIL_SCOPES, USERINFO_SCOPES, expand_scope
from opengrant.providers.minted import Minted
from opengrant.providers.oauth.answers import read_tokens
from opengrant.providers.oauth.evidence import conclusion, refusal
from opengrant.providers.oauth.members import is_address, text_of

PROVIDER = "google-bulk"
"""Its refusals have their own judge: here `access_denied` is about the delegation, not about a user's administrator."""

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_BACKDATED = 10
"""Seconds; a clock that runs ahead would otherwise sign assertions from the future."""
_LIFETIME = 3000
"""Seconds; Google takes up to an hour."""
_SHORTEST_KEY = 2048
_CONSUMER_DOMAINS = frozenset({"gmail.com", "googlemail.com"})


class GoogleBulk:
    """Mints tokens for a Workspace's users. URLs are whole ones, from settings."""

    def __init__(
        self,
        http: Http,
        *,
        token_url: str,
        audience: str = "https://oauth2.googleapis.com/token",
        userinfo_url: str,
        gmail_url: str,
    ) -> None:
        """`audience` stays Google's own URL where a mirror answers at `token_url`."""
        self._http = http
        self._token_url = token_url
        self._audience = audience
        self._userinfo_url = userinfo_url
        self._gmail_url = gmail_url.rstrip("/")

    async def mint(self, credential: ServiceAccountKey, email: str, scope: tuple[str, ...]) -> Minted:
        """Prove one user's mailbox and get a token for it.

        credential  a service account's key file: `client_email`, `private_key` as SecretStr, `private_key_id`.
                    Its `token_uri` is never used: the file could send the assertion to any host.
        scope       what the token is for; all are granted or none
        Raises      InvalidRequest, ProviderFailure
        """
        scope = expand_scope(scope)
        _check(email, scope)
        # Parsing and signing take a millisecond of CPU.
        assertion = await asyncio.to_thread(_sign, credential, email, scope, self._audience)
        fields: dict[str, Field] = {"grant_type": _GRANT_TYPE, "assertion": assertion}
        tokens = read_tokens(await self._http.form(PROVIDER, "token", self._token_url, fields))
        user: Mapping[str, Any] = {}
        if USERINFO_SCOPES & set(scope):
            user = await self._ask(self._userinfo_url, tokens.access_token)
        if GMAIL_SCOPES & set(scope):
            # Some users have a licence without Gmail: the token endpoint does not check that.
            await self._ask(f"{self._gmail_url}/users/me/profile", tokens.access_token)
        subject = text_of(user, "sub", "id")
        identity = Identity(email=email, subject=subject, user_id=subject, name=text_of(user, "name"))
        return Minted(identity, tokens.access_token, tokens.expires_at, scope)

    async def _ask(self, url: str, token: SecretStr) -> Mapping[str, Any]:
        answer = await self._http.get(PROVIDER, "api", url, bearer=token)
        if answer.succeeded and isinstance(answer.json, Mapping):
            return answer.json
        raise refusal(answer)


def _check(email: str, scope: tuple[str, ...]) -> None:
    if not scope:
        raise InvalidRequest(
            "scope: a service account needs at least one. Name them in the request (scope or settings.scopes), or set"
            " the connector's scope."
        )
    if not is_address(email):
        raise InvalidRequest("settings.email_address: this is not a mail address.")
    if email.rpartition("@")[2].lower() in _CONSUMER_DOMAINS:
        raise InvalidRequest(
            f"settings.email_address: {email} is a consumer account. A service account reaches only users of a"
            " Workspace that delegated to it; connect this one with a refresh token."
        )


def _sign(credential: ServiceAccountKey, email: str, scope: tuple[str, ...], audience: str) -> SecretStr:
    """The assertion that asks for a token as this user. Raises ProviderFailure: key_unreadable."""
    issued_at = now() // SECOND - _BACKDATED
    claims = {
        "iss": credential.client_email,
        "sub": email,
        "scope": " ".join(scope),
        "aud": audience,
        "iat": issued_at,
        "exp": issued_at + _LIFETIME,
    }
    header = {"alg": "RS256"}
    if credential.private_key_id:
        header["kid"] = credential.private_key_id
    return SecretStr(jwt.encode(header, claims, RSAKey.import_key(_key(credential)), algorithms=["RS256"]))


def check_key(credential: ServiceAccountKey) -> None:
    """Raises InvalidRequest when no assertion could be signed with this key file."""
    try:
        _key(credential)
    except ProviderFailure:
        raise InvalidRequest(
            "credential_data.private_key: this is not an RSA key of 2048 bits or more, in PEM. Send the whole key file"
            " as Google made it; line breaks may be spelled \\n."
        ) from None


def _key(credential: ServiceAccountKey) -> RSAPrivateKey:
    # Files from an environment variable or a form often have \n as two characters.
    text = credential.private_key.get_secret_value().replace("\\n", "\n")
    try:
        # Checking the key's arithmetic would block the interpreter for 40 ms; a wrong key gives a wrong signature.
        key = load_pem_private_key(text.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _SHORTEST_KEY or not credential.client_email:
        raise conclusion(PROVIDER, "key_unreadable", "The credential is not a service account's key file")
    return key
