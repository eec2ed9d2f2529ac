"""Masks secrets, whole or in part, that a remote repeats, before its words are shown or logged."""

import re
from collections.abc import Iterable

MASK = "***"
SHORTEST = 8
"""Characters of a secret in a row that count as a part of the secret."""

_LETTERS = re.compile(r"[A-Za-z]+")
_PROSE = re.compile(r"[A-Za-z]* [A-Za-z ]*")
_SHORTEST_PROSE = 16
"""Fewest characters of a part that is letters and blanks: shorter ones occur in any sentence."""
# Words that occur in passwords and in servers' sentences: as whole words they reveal nothing, and the judgement of a
# refusal needs them.
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
    """Built once per answer from the forms of the secrets. The cost is linear in the forms and in the text."""

    def __init__(self, forms: Iterable[str]) -> None:
        # Longest first: one form may begin another.
        self._forms = sorted({form for form in forms if form}, key=len, reverse=True)
        self._parts = {form[at : at + SHORTEST] for form in self._forms for at in range(len(form) - SHORTEST + 1)}

    def shows(self, text: str) -> bool:
        """Whether the text contains a whole secret, so short or so odd that a mask cannot hide it."""
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
