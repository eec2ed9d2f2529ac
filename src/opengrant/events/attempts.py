"""Attempts to deliver: what was sent, what the receiver answered, and why it failed, in words.

A receiver's answer is untrusted text. It is cut, and what may be a secret in it is masked.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pydantic import SecretStr

from opengrant.events.envelope import Signed
from opengrant.model import Micros
from opengrant.net.guarded_http import Page
from opengrant.net.masking import MASK
from opengrant.store.events.deliveries import Attempt

MOST_BODY = 2048
"""Bytes kept of an answer's body."""
MOST_KEPT = 10
"""Attempts kept of a delivery, the latest."""
_MOST_HEADERS = 30
_LONGEST_VALUE = 256
_SECRET_NAMES = ("cookie", "authorization", "token", "secret", "key", "password", "session", "auth")
"""A header with one of these in its name may hold a secret of the receiver."""
_SECRET_WORDS = ("token", "secret", "password", "authorization", "cookie", "api_key", "apikey")
_SECRET_MEMBER = re.compile(
    rf"""((?:{"|".join(_SECRET_WORDS)})["']?\s{{0,4}}[:=]\s{{0,4}}["']?)[^"'\s,;&}}]+""", re.IGNORECASE
)
"""A member of JSON or of a form in an answer's body that looks like a secret."""
_NO_ANSWER = {
    "timeout": "No answer in time",
    "refused": "Connection refused",
    "reset": "Connection reset",
    "closed": "Connection closed before the answer was complete",
    "unreachable": "Network unreachable",
    "not_http": "The answer was not HTTP",
    "bad_host": "The URL has no valid host name",
    "no_public_address": "The host has no public address",
    "dns_unavailable": "The host name could not be looked up",
    "CERTIFICATE_VERIFY_FAILED": "Certificate not trusted",
    "no_contents": "The message could not be read from its mail server, so nothing was sent",
    "too_late": "Not delivered in time",
}


def reason_of(outcome: str) -> str:
    """The outcome of an attempt in words: of an HTTP status, or of a word for a fault."""
    if outcome.isdigit():
        return f"Answered {outcome}"
    return _NO_ANSWER.get(outcome) or f"No connection ({outcome.lower().replace('_', ' ')})"


def answered(number: int, signed: Signed, page: Page, secret: SecretStr, *, at: Micros, took: Micros) -> Attempt:
    """An attempt that was answered, with any status."""
    known = secret.get_secret_value()
    return Attempt(
        number=number,
        at=at,
        took=took,
        outcome=str(page.status),
        reason=_reason_of_page(page),
        signature=signed.signature,
        headers=_shown_headers(page.headers, known),
        body=_beginning(page.body, known),
        cut=len(page.body) > MOST_BODY,
    )


def unanswered(
    number: int, signed: Signed | None, outcome: str, text: str, *, at: Micros, took: Micros, limit: float
) -> Attempt:
    """An attempt without an answer.

    signed  None: nothing was sent
    text    what is known beside the outcome
    limit   seconds that the receiver had
    """
    reason = reason_of(outcome)
    if outcome == "timeout":
        reason = f"No answer within {limit:g} s"
    elif outcome == "CERTIFICATE_VERIFY_FAILED" and text:
        reason = f"{reason}: {text}"
    return Attempt(
        number=number,
        at=at,
        took=took,
        outcome=outcome,
        reason=reason,
        signature=None if signed is None else signed.signature,
    )


def latest(earlier: Sequence[Attempt], attempt: Attempt) -> list[Attempt]:
    """What is kept, oldest first."""
    return [*earlier, attempt][-MOST_KEPT:]


def _reason_of_page(page: Page) -> str:
    reason = reason_of(str(page.status))
    if 300 <= page.status < 400:
        return f"{reason}: redirects are not followed"
    if page.status == HTTPStatus.GONE:
        return f"{reason}: the receiver wants no more events"
    return reason


def _shown_headers(headers: Mapping[str, str], known: str) -> dict[str, str]:
    shown: dict[str, str] = {}
    for name, value in headers.items():
        if len(shown) == _MOST_HEADERS:
            break
        secret = _may_hold_a_secret(name) or known in value
        shown[_printable(name[:_LONGEST_VALUE])] = MASK if secret else _printable(value[:_LONGEST_VALUE])
    return shown


@functools.lru_cache(maxsize=1024)
def _may_hold_a_secret(header: str) -> bool:
    return any(part in header for part in _SECRET_NAMES)


def _beginning(body: bytes, known: str) -> str:
    # Masked before it is cut: the part of a secret that is left at the end would not be found.
    shown = _masked(body[: MOST_BODY + len(known)].decode("utf-8", "replace"), known)
    return shown.encode()[:MOST_BODY].decode("utf-8", "ignore")


def _masked(body: str, known: str) -> str:
    lower = body.lower()
    # The expression takes 30 times as long.
    if any(word in lower for word in _SECRET_WORDS):
        body = _SECRET_MEMBER.sub(rf"\1{MASK}", body)
    return _printable(body.replace(known, MASK))


def _printable(text: str) -> str:
    """Without control characters, and without what no UTF-8 can say."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else "�" for one in text)
