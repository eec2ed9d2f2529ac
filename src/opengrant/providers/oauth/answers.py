"""What the OAuth providers share: reading token answers and refusals, id_tokens, lists of scopes.

Token endpoints agree on success and on little else (RFC 6749 section 5): the readers here accept every
spelling that has been seen, and turn the rest into evidence without a secret in it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote_plus, urlencode

from joserfc import jws, jwt
from joserfc.errors import JoseError
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.errors import Evidence, ProviderFailure
from opengrant.model import SECOND, ClientApp, Micros, Tokens
from opengrant.net.masking import MASK, Mask
from opengrant.net.provider_http import Answer, Field
from opengrant.net.retry_after import retry_after
from opengrant.providers.base import Consent

LEEWAY = 300
"""Seconds by which a provider's clock may differ from ours."""

_DEFAULT_LIFETIME = 3600
_SHORT_LIFETIME = 300
_LONGEST_LIFETIME = 366 * 24 * 3600
_MAX_READ = 8192
_MAX_QUOTED = 1024
_MAX_SENTENCE = 512
_MAX_CLEANED = 4 * _MAX_SENTENCE

_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]+")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()]+@[^\s@<>,;:\"()]+")
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_SECRET_NAME = re.compile(r"token|secret|assertion|password|authorization|^jwt$", re.IGNORECASE)
# Google's shapes, JWTs, and any run of 40 or more that mixes in digits: longer than a trace id, shorter than a token.
_TOKEN_LIKE = re.compile(
    r"ya29\.[\w.-]+|\b1//?[\w-]{10,}|\beyJ[\w-]+(?:\.[\w-]*)*|(?<![\w.~+=-])(?=[\w.~+=-]*\d)[\w.~+=-]{40,}"
)


def read_tokens(answer: Answer) -> Tokens:
    """Read a token endpoint's answer.

    answer   JSON body {"access_token": str, "expires_in": int | str | float, "scope": "a b", …}.
             `expires_in` counts seconds from before the request left. Missing means an hour; nothing, less than
             nothing or more than a year means five minutes. An empty `refresh_token` is none.
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
        # Microsoft's next refresh token gets a later end; Google keeps the first one.
        ends_at=_end(body.get("refresh_token_expires_in"), answer.sent_at) if answer.provider == "google" else None,
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


def conclusion(provider: str, code: str, text: str, *, said: ProviderFailure | None = None) -> ProviderFailure:
    """What we conclude from good answers; refusals.py knows each `code`. `said`: the refusal behind it."""
    body = None if said is None else said.evidence.body
    return ProviderFailure(Evidence(provider, "api", "reply", code=code, text=text, body=body))


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


def read_scope(value: object) -> tuple[str, ...] | None:
    """Scopes from "a b", "a,b" or ["a", "b"], in order, once each; None when there are none."""
    if isinstance(value, list):
        value = " ".join(item for item in value if isinstance(item, str))
    if not isinstance(value, str):
        return None
    return tuple(dict.fromkeys(re.split(r"[\s,]+", value.strip(" ,\t\r\n")))) if value.strip(" ,\t\r\n") else None


def is_address(value: object) -> bool:
    """It can be a mailbox's address: one @, no separators."""
    return isinstance(value, str) and len(value) <= 320 and _ADDRESS.fullmatch(value) is not None


def text_of(members: Mapping[str, Any], *names: str) -> str | None:
    """The first of these members that is a non-empty string."""
    return next((value for name in names if isinstance(value := members.get(name), str) and value), None)


def _lifetime(value: object) -> int:
    """Seconds from any value of `expires_in`."""
    if value is None or value == "":
        return _DEFAULT_LIFETIME
    try:
        seconds = float(cast(str, value))
    except (TypeError, ValueError, OverflowError):
        return _SHORT_LIFETIME
    return int(seconds) if 1 <= seconds <= _LONGEST_LIFETIME else _SHORT_LIFETIME


def _end(value: object, sent_at: Micros) -> Micros | None:
    """When a refresh token ends. Google says so for apps in testing and for consents of limited time."""
    try:
        seconds = float(cast(str, value))
    except (TypeError, ValueError, OverflowError):
        return None
    return sent_at + int(seconds) * SECOND if 1 <= seconds <= _LONGEST_LIFETIME else None


def _secret(value: object) -> SecretStr | None:
    return SecretStr(value) if isinstance(value, str) and value.strip() else None


# ---------------------------------------------------------------- refusals as evidence


def refusal(answer: Answer) -> ProviderFailure:
    """The evidence of an answer that is not what was asked for: an error, or a 2xx that makes no sense."""
    body = answer.json if isinstance(answer.json, Mapping) else {}
    if answer.succeeded and not body.get("error"):
        # It may hold live tokens under any name, so nothing is quoted.
        code = "answer_senseless" if answer.is_json else ("answer_not_json" if answer.body.strip() else "answer_empty")
        return ProviderFailure(
            Evidence(answer.provider, answer.leg, "reply", status=answer.status, code=code, is_json=answer.is_json)
        )
    code, subcodes, sentence = _words(body)
    if not answer.is_json:
        sentence = _page(answer.text[:_MAX_READ])
    hide = Mask(_forms(answer.secrets))
    return ProviderFailure(
        Evidence(
            provider=answer.provider,
            leg=answer.leg,
            step="http",
            status=answer.status,
            code=_clean(code, hide)[:128],
            subcodes=tuple(_clean(word, hide)[:128] for word in subcodes),
            text=_clean(sentence, hide)[:_MAX_SENTENCE],
            body=_quotable(body, hide) if body else None,
            is_json=answer.is_json,
            retry_after=retry_after(answer.headers, answer.received_at),
        )
    )


def _words(body: Mapping[str, Any]) -> tuple[str, tuple[str, ...], str]:
    """(code, finer words, sentence) from the shapes in use.

    {"error": "…", "error_description": "…", "error_codes": [70008], "error_subtype" | "suberror": "…"}   OAuth
    {"error": {"code": 403, "status": "…", "message": "…", "errors": [{"reason": "…"}], "details": […]}}  Google APIs
    {"error": {"code": "…", "message": "…", "innerError": {…}}}                                          Graph
    {"code": 4711, "message" | "reason": "…", "error": "…"}                                              numbered
    """
    error = body.get("error")
    if isinstance(error, Mapping):
        code = text_of(error, "status") or _word(error.get("code"))
        details = [*_objects(error.get("errors")), *_objects(error.get("details"))]
        reasons = [_word(detail.get("reason")) for detail in details]
        return code, tuple(word for word in reasons if word), text_of(error, "message") or ""
    numbers = body.get("error_codes")
    finer = [
        *(_word(number) for number in (numbers if isinstance(numbers, list) else [])),
        *(_word(body.get(name)) for name in ("error_subtype", "suberror")),
    ]
    code = _word(error)
    number = _word(body.get("code"))
    if code:
        finer.append(number)
    else:
        code = number
    sentence = text_of(body, "error_description", "reason", "message", "error_message") or ""
    return code, tuple(word for word in finer if word), sentence


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())


def _word(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _page(text: str) -> str:
    """One line from a body that is not JSON: a page's title, or the plain text."""
    if "<" not in text:
        return text
    title = _TITLE.search(text)
    return title.group(1) if title else ""


def _forms(secrets: Iterable[SecretStr]) -> Iterator[str]:
    """Each secret as it was sent and form-encoded; not very short ones, which would mask half the sentence."""
    for secret in secrets:
        value = secret.get_secret_value()
        if len(value) >= 4:
            yield from {value, quote_plus(value, errors="replace")}


def _clean(text: str, hide: Mask) -> str:
    """One line without token-like text and without what was sent."""
    text = _TOKEN_LIKE.sub(MASK, hide.over(text[:_MAX_CLEANED]))
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _quotable(body: Mapping[str, Any], hide: Mask) -> Mapping[str, Any]:
    """The provider's object minus anything token-like, about 1 KiB of it."""
    budget = _MAX_QUOTED

    def copy(value: object, depth: int) -> Any:
        nonlocal budget
        budget -= 8
        match value:
            case str():
                text = _clean(value, hide)[: min(_MAX_SENTENCE, max(0, budget))]
                budget -= len(text)
                return text
            case bool() | None:
                return value
            case int() | float():
                return value if -(2**63) < value < 2**63 else None
            case list() if depth:
                return [copy(item, depth - 1) for item in value if budget > 0]
            case Mapping() if depth:
                return {name: copy(item, depth - 1) for name, item in members(value) if budget > 0}
            case _:
                return None

    def members(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        nonlocal budget
        for name, item in value.items():
            if budget <= 0:
                return
            budget -= len(name) + 4
            if len(name) <= 64 and not _SECRET_NAME.search(name) and name == _clean(name, hide):
                yield name, item

    return cast(Mapping[str, Any], copy(body, 4))
