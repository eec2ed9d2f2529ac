"""What a remote repeats of a secret that it was sent, whole or in part, is masked before it is shown or logged."""

import re
from collections.abc import Iterable

MASK = "***"
SHORTEST = 8
"""Characters of a secret in a row that count as a part of it."""

_LETTERS = re.compile(r"[A-Za-z]+")
_PROSE = re.compile(r"[A-Za-z]* [A-Za-z ]*")
_SHORTEST_PROSE = 16
"""Characters that a part must have that is letters with a blank between them: shorter ones stand in any sentence."""
# People build passwords from these, and servers their sentences: as a whole word they tell nothing, and judging needs
# them.
_COMMON = frozenset(
    {
        *("account", "accounts", "administrator", "application", "applications", "authenticate", "authenticated"),
        *("authentication", "authorization", "authorized", "available", "connection", "credential", "credentials"),
        *("disabled", "exchange", "expected", "incorrect", "internal", "microsoft", "password", "passwords"),
        *("permission", "permitted", "required", "security", "specific", "temporarily", "temporary", "unavailable"),
        *("username", "verification"),
    }
)


class Mask:
    """Built once per answer from the spellings of the secrets; the cost is linear in them and in the text."""

    def __init__(self, forms: Iterable[str]) -> None:
        # One may begin another.
        self._forms = sorted({form for form in forms if form}, key=len, reverse=True)
        self._parts = {form[at : at + SHORTEST] for form in self._forms for at in range(len(form) - SHORTEST + 1)}

    def shows(self, text: str) -> bool:
        """Whether one of the secrets stands in it as a whole: so short, or so odd, that a mask cannot hide it."""
        return any(form in text for form in self._forms)

    def over(self, text: str) -> str:
        """The text with each secret, and each part of one, masked."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return self._over_parts(text) if self._parts else text

    def _over_parts(self, text: str) -> str:
        pieces, kept, at = list[str](), 0, 0
        while at + SHORTEST <= len(text):
            if text[at : at + SHORTEST] not in self._parts:
                at += 1
                continue
            end = at + SHORTEST
            while end < len(text) and text[end - SHORTEST + 1 : end + 1] in self._parts:
                end += 1
            if not (_is_common_word(text, at, end) or _is_prose(text[at:end])):
                pieces += [text[kept:at], MASK]
                kept = end
            at = end
        return "".join((*pieces, text[kept:]))


def _is_prose(part: str) -> bool:
    return len(part) < _SHORTEST_PROSE and _PROSE.fullmatch(part) is not None


def _is_common_word(text: str, start: int, end: int) -> bool:
    word = text[start:end]
    beside = text[start - 1 : start] + text[end : end + 1]
    return not any(map(str.isalnum, beside)) and bool(_LETTERS.fullmatch(word)) and word.lower() in _COMMON
