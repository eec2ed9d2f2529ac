"""Parts of a message as an IMAP server describes them: the value of BODYSTRUCTURE (RFC 9051, section 7.5.2)."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from opengrant.mail.mime import charsets
from opengrant.mail.mime.headers import parameters
from opengrant.mail.mime.parts import DEEPEST, MOST_PARTS, TEXT, Described, Part, kind_of

_BRIEF = 100
"""Bytes of words that are remembered."""
_PLAIN = re.compile(rb"[A-Za-z0-9._-]+")
_BASE = 7
"""Items of a part before those of its kind: type, subtype, parameters, id, description, encoding, size."""


def structure(value: object) -> Part:
    """The same tree as of the message's bytes.

    value   lists, bytes or str, int and None, as the server sent them; what makes no sense counts as text/plain
    """
    return _Reading().part(value, "", 0)


class _Reading:
    def __init__(self) -> None:
        self._count = 0

    def part(self, value: object, number: str, depth: int) -> Part:
        self._count += 1
        items = value if isinstance(value, list | tuple) else ()
        if not items:
            return TEXT.leaf(number or "1", 0)
        if not isinstance(items[0], list | tuple):
            return _leaf(items, number or "1")
        last = next((place for place, item in enumerate(items) if not isinstance(item, list | tuple)), len(items))
        kind = f"multipart/{_text(_at(items, last))}"
        if depth >= DEEPEST:
            return _described(kind, _at(items, last + 1), _at(items, last + 2)).leaf(number or "1", 0)
        prefix = f"{number}." if number else ""
        parts = [
            self.part(item, f"{prefix}{place}", depth + 1)
            for place, item in enumerate(items[:last], 1)
            if self._count < MOST_PARTS
        ]
        # Of its parameters nothing is kept.
        return _described(kind, None, _at(items, last + 2)).multipart(number, parts)


def _leaf(items: Sequence[object], number: str) -> Part:
    match items:
        case [bytes(type_), bytes(subtype), [bytes(name), bytes(charset)], None, _, bytes(encoding), size, *more] if (
            type_.lower() == b"text"
            and name.lower() == b"charset"
            and _PLAIN.fullmatch(charset)
            and len(subtype) + len(charset) + len(encoding) < _BRIEF
            and _at(more, 2) is None
        ):
            # Nearly all texts: a type, a charset and an encoding that were read before, and nothing of their own.
            known = _text_part(subtype, charset, encoding)
            return Part(number, known.kind, known.parameters, known.encoding, None, None, None, _number(size))
    kind = f"{_text(_at(items, 0))}/{_text(_at(items, 1))}"
    own = 0  # items between those of each part and those that any part may have
    if kind.lower().startswith("text/"):
        own = 1
    elif isinstance(_at(items, _BASE), list | tuple):  # the envelope and the structure of a message within
        own = 3
    said = _described(kind, _at(items, 2), _at(items, _BASE + own + 1), _at(items, 3), _at(items, 5))
    return said.leaf(number, _number(_at(items, 6)))


@lru_cache(256)
def _text_part(subtype: bytes, charset: bytes, encoding: bytes) -> Part:
    return _described(f"text/{_text(subtype)}", [b"charset", charset], None, None, encoding).leaf("", 0)


def _described(
    kind: str, of_kind: object, disposition: object, content_id: object = None, encoding: object = None
) -> Described:
    word, of_disposition = (*disposition, None, None)[:2] if isinstance(disposition, list | tuple) else (None, None)
    return Described(
        kind=kind_of(kind) or TEXT.kind,
        parameters=_parameters(of_kind),
        encoding=_text(encoding).lower() or TEXT.encoding,
        disposition=_text(word).lower(),
        disposition_parameters=_parameters(of_disposition),
        content_id=_text(content_id),
    )


def _parameters(value: object) -> dict[str, str]:
    match value:
        case [bytes(name), bytes(said)] if name.lower() == b"charset" and _PLAIN.fullmatch(said):  # most have no other
            return {"charset": said.decode("ascii")}
        case [_, _, *_]:
            return parameters(_pairs(value))
    return {}


def _pairs(items: Sequence[object]) -> Iterable[tuple[str, str]]:
    return ((_text(name), _text(said)) for name, said in zip(items[::2], items[1::2], strict=False))


def _at(items: Sequence[object], place: int) -> object:
    return items[place] if place < len(items) else None


def _number(value: object) -> int:
    """Some servers put it in quotes."""
    if isinstance(value, bytes) and value.isdigit() and len(value) < 20:
        return int(value)
    return max(value, 0) if isinstance(value, int) else 0


def _text(value: object) -> str:
    from_bytes = charsets.decode_brief(value) if isinstance(value, bytes) else value
    return from_bytes if isinstance(from_bytes, str) else ""
