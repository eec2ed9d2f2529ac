"""A message as a tree of parts, whether it was read from its bytes or from what a server says of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from opengrant.mail.mime import headers
from opengrant.model.basics import record

DEEPEST = 64
"""Multiparts within each other; one that is deeper counts as a part without parts."""
MOST_PARTS = 1_000

_KIND = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_QUOTED = re.compile(r'(["\\])')


@record
class Part:
    """A part of a message. A message within a message is one part: it is not looked into.

    number       as IMAP counts: "2", "1.2"; "" for a message that is a multipart
    kind         type and subtype in lower case; nothing but letters, digits and marks that a header may have
    parameters   of the type, by lower-case name, without the boundary and without a charset that says nothing
    encoding     of the transfer, in lower case
    disposition  in lower case; None without one
    content_id   without angle brackets
    size         bytes of the encoded body

    A multipart has its kind, its disposition and its parts alone.
    """

    number: str
    kind: str
    parameters: Mapping[str, str]
    encoding: str
    disposition: str | None
    filename: str | None
    content_id: str | None
    size: int
    parts: tuple["Part", ...] = ()

    @property
    def is_multipart(self) -> bool:
        return bool(self.parts)

    @property
    def content_type(self) -> str:
        """As a header would say it."""
        return "".join((self.kind, *(f"; {name}={_value(value)}" for name, value in self.parameters.items())))

    def leaves(self) -> Iterator["Part"]:
        """The parts that have no parts, in their order; itself, if it has none."""
        for part in self.parts:
            yield from part.leaves()
        if not self.parts:
            yield self


def _value(value: str) -> str:
    return value if _TOKEN.fullmatch(value) else '"' + _QUOTED.sub(r"\\\1", value) + '"'


@record
class Described:
    """What the header of a part says, or a server of it."""

    kind: str
    parameters: Mapping[str, str]
    encoding: str
    disposition: str | None
    disposition_parameters: Mapping[str, str]
    content_id: str | None

    def leaf(self, number: str, size: int) -> Part:
        kept = {
            name: value
            for name, value in self.parameters.items()
            if name != "boundary" and (name, value.lower()) != ("charset", "us-ascii")
        }
        return Part(
            number=number,
            kind=self.kind,
            parameters=kept,
            encoding=self.encoding,
            disposition=self.disposition or None,
            filename=self.disposition_parameters.get("filename") or kept.get("name") or None,
            content_id=(headers.text(self.content_id or "").removeprefix("<").removesuffix(">").strip() or None),
            size=size,
        )

    def multipart(self, number: str, parts: Iterable[Part]) -> Part:
        # Servers tell no more of it, so that no more is known of one that was read here either.
        return Part(number, self.kind, {}, TEXT.encoding, self.disposition or None, None, None, 0, tuple(parts))


TEXT = Described("text/plain", {}, "7bit", None, {}, None)
"""What a part is whose header says nothing of it (RFC 2045, section 5.2)."""


@lru_cache(256)
def kind_of(said: str) -> str | None:
    """A content type in lower case; None where it is none."""
    plain = said.strip().lower()
    return plain if _KIND.fullmatch(plain) else None
