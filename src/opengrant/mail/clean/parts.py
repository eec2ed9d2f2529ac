"""Which elements mail programs put around what they quote, and around signatures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_QUOTES = re.compile(
    r"(?:gmail|yahoo|protonmail|tutanota)[_-]quoted?(?![a-z])|zmail_extra|moz-cite-prefix", re.IGNORECASE
)
_QUOTE_IDS = frozenset(
    {"divrplyfwdmsg", "appendonsend", "replysplit", "isreplycontent", "mail-editor-reference-message-container"}
)
_SIGNATURES = re.compile(
    r"(?:gmail_signature|moz-signature|elementtoproof-signature|protonmail_signature_block)\b", re.IGNORECASE
)
_SIGNATURE_IDS = frozenset({"signature", "ms-outlook-mobile-signature"})


@dataclass(slots=True)
class Parts:
    """Numbers them. rest: what all that follows belongs to; 0: to nothing."""

    count: int = 0
    rest: int = 0

    def quote(self, name: str, attributes: Mapping[str, str], around: int) -> int:
        """The quotation that an element belongs to. around: that of the element around it; 0: none."""
        if self.rest or around:
            return self.rest or around
        if _id(attributes) in _QUOTE_IDS:
            # Outlook puts this before what it quotes, not around it.
            self.rest = self._next()
            return self.rest
        cited = name == "blockquote" and attributes.get("type", "").lower() == "cite"
        return self._next() if cited or _QUOTES.search(attributes.get("class", "")[:500]) else 0

    def signature(self, attributes: Mapping[str, str], around: int) -> int:
        """The same of signatures."""
        if around:
            return around
        marked = _SIGNATURES.search(attributes.get("class", "")[:500]) or _id(attributes) in _SIGNATURE_IDS
        return self._next() if marked else 0

    def _next(self) -> int:
        self.count += 1
        return self.count


def _id(attributes: Mapping[str, str]) -> str:
    """Outlook writes `x_` before those of a message that it quotes."""
    return attributes.get("id", "").lower().removeprefix("x_")
