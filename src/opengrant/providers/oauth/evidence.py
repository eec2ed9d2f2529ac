"""Refusals of OAuth providers as evidence: code, finer words and sentence, without a secret in them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from pydantic import SecretStr

from opengrant.errors import Evidence, ProviderFailure
from opengrant.net.masking import MASK, Mask
from opengrant.net.provider_http import Answer
from opengrant.net.retry_after import retry_after
from opengrant.providers.oauth.members import text_of

_MAX_READ = 8192
_MAX_QUOTED = 1024
_MAX_SENTENCE = 512
_MAX_CLEANED = 4 * _MAX_SENTENCE
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_SECRET_NAME = re.compile(r"token|secret|assertion|password|authorization|^jwt$", re.IGNORECASE)

# Google's shapes, JWTs, and any run of 40 or more that mixes in digits: longer than a trace id, shorter than a token.
_TOKEN_LIKE = re.compile(
    r"ya29\.[\w.-]+|\b1//?[\w-]{10,}|\beyJ[\w-]+(?:\.[\w-]*)*|(?<![\w.~+=-])(?=[\w.~+=-]*\d)[\w.~+=-]{40,}"
)


def conclusion(provider: str, code: str, text: str, *, said: ProviderFailure | None = None) -> ProviderFailure:
    """What we conclude from good answers; refusals.py knows each `code`. `said`: the refusal behind it."""
    body = None if said is None else said.evidence.body
    return ProviderFailure(Evidence(provider, "api", "reply", code=code, text=text, body=body))


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
    budget = _MAX_QUOTED - 8

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

    return {name: copy(item, 3) for name, item in members(body) if budget > 0}
