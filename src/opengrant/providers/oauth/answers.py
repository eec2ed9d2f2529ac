"""Consent pages, token answers and id_tokens, as all OAuth providers have them.

Token endpoints agree on success and on little else (RFC 6749 section 5): the readers here accept every spelling that
has been seen.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from joserfc import jws, jwt
from joserfc.errors import JoseError
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.model import SECOND, ClientApp, Micros, Tokens
from opengrant.net.provider_http import Answer, Field
from opengrant.providers.base import Consent
from opengrant.providers.oauth.evidence import refusal
from opengrant.providers.oauth.members import read_scope

LEEWAY = 300
"""Seconds by which a provider's clock may differ from ours."""

_DEFAULT_LIFETIME = 3600
_SHORT_LIFETIME = 300
_LONGEST_LIFETIME = 366 * 24 * 3600

_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]+")


def read_tokens(answer: Answer, *, fixed_end: bool = False) -> Tokens:
    """Read a token endpoint's answer.

    answer   JSON body {"access_token": str, "expires_in": int | str | float, "scope": "a b", …}.
             `expires_in` counts seconds from before the request left. Missing means an hour; nothing, less than
             nothing or more than a year means five minutes. An empty `refresh_token` is none.
    fixed_end  `refresh_token_expires_in` is the end for good: rotated tokens do not get a later one
    Returns  Tokens; `scope` is None when the answer names none: unchanged (RFC 6749 section 6).
    Raises   ProviderFailure for everything else, a 2xx with an `error` or without an access token included.
    """
    body = answer.json
    if not answer.succeeded or not isinstance(body, Mapping) or body.get("error"):
        raise refusal(answer)
    access_token = body.get("access_token")
    if not isinstance(access_token, str) or not _ACCESS_TOKEN.fullmatch(access_token):
        raise refusal(answer)
    return Tokens(
        access_token=SecretStr(access_token),
        refresh_token=_secret(body.get("refresh_token")),
        expires_at=answer.sent_at + _lifetime(body.get("expires_in")) * SECOND,
        scope=read_scope(body.get("scope")),
        id_token=_secret(body.get("id_token")),
        ends_at=_end(body.get("refresh_token_expires_in"), answer.sent_at) if fixed_end else None,
    )


def consent_url(url: str, client: ClientApp, consent: Consent, needed: Iterable[str], **more: str) -> str:
    """A consent page's address (RFC 6749 section 4.1.1, RFC 7636). `needed`: scopes to ask for in any case."""
    query = {
        "client_id": client.client_id,
        "redirect_uri": consent.redirect_uri,
        "response_type": "code",
        "scope": " ".join(dict.fromkeys((*consent.scope, *needed))),
        "state": consent.state,
        "code_challenge": consent.challenge,
        "code_challenge_method": "S256",
        **({"login_hint": consent.login_hint} if consent.login_hint else {}),
        **more,
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode({name: value for name, value in query.items() if value})}"


def code_fields(code: SecretStr, redirect_uri: str, verifier: SecretStr) -> dict[str, Field]:
    """The fields for a code, beside the client: the same at every token endpoint."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }


def read_id_token(
    id_token: SecretStr | None, *, audience: str, issuers: Iterable[str] | None, at: Micros
) -> Mapping[str, Any] | None:
    """The claims of an id_token that came straight from a token endpoint over TLS; None when it is not for us.

    The signature is not checked: OpenID Connect Core 3.1.3.7 accepts TLS instead. An unexpected token is no
    error, because there are other ways to learn who the user is.
    """
    if id_token is None:
        return None
    expected: dict[str, jwt.ClaimsOption] = {"exp": {"essential": True}, "aud": {"essential": True, "value": audience}}
    if issuers is not None:
        expected["iss"] = {"essential": True, "values": list(issuers)}
    try:
        claims = from_json(jws.extract_compact(id_token.get_secret_value().encode()).payload)
        if not isinstance(claims, dict):
            return None
        jwt.JWTClaimsRegistry(now=at // SECOND, leeway=LEEWAY, **expected).validate(claims)
    except (JoseError, ValueError, TypeError, AttributeError):
        return None
    return claims


def unverified_claims(token: SecretStr) -> Mapping[str, Any] | None:
    """The claims of a token that came straight from its endpoint, if it is a JWT."""
    try:
        claims = from_json(jws.extract_compact(token.get_secret_value().encode()).payload)
    except (JoseError, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def _lifetime(value: object) -> int:
    """Seconds from any value of `expires_in`."""
    if value is None or value == "":
        return _DEFAULT_LIFETIME
    seconds = _number(value)
    return int(seconds) if seconds is not None and 1 <= seconds <= _LONGEST_LIFETIME else _SHORT_LIFETIME


def _end(value: object, sent_at: Micros) -> Micros | None:
    """When a refresh token ends. Google says so for apps in testing and for consents of limited time."""
    seconds = _number(value)
    return sent_at + int(seconds) * SECOND if seconds is not None and 1 <= seconds <= _LONGEST_LIFETIME else None


def _number(value: object) -> float | None:
    if not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _secret(value: object) -> SecretStr | None:
    return SecretStr(value) if isinstance(value, str) and value.strip() else None
