"""Answers of IMAP servers as values: pure, linear, and strict only where reading on would be a guess.

An answer comes in pieces: a line without its end, then by turns a literal and the line that goes on behind it.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from opengrant.net.line_connection import Malformed

Value: TypeAlias = "bytes | int | list[Value] | None"
"""A string or an atom, a number, NIL, a list."""

MAX_DEPTH = 300
"""Lists within lists; what lies deeper is left out. Dovecot describes a hundred levels of MIME, two lists each."""

_OF_A_LINE, _OF_A_VALUE = 256, 64

# The name of a part in an answer has blanks and brackets of its own; how long it gets is what we ask for.
# A token is in one of the groups; of an empty string all of them are empty. The last group is what is no token: a
# string that does not end goes on to the end of the line, so that no other one is looked for within it.
_TOKEN = re.compile(
    rb" *(?:([()])"
    rb"|((?i:BODY|BINARY)\[[^\]]{0,200}\](?:<\d{1,10}>)?|[^ ()\"{][^ ()\"]*)"
    rb'|"([^"\\]*(?:\\.[^"\\]*)*)"'
    rb"|(~?\{\d{1,10}\+?\}$)"
    rb"|(\".*|.))",
    re.DOTALL,
)
_UNTAGGED = re.compile(rb"\* (?:(\d{1,10}) )?([A-Za-z][A-Za-z0-9-]*) ?")
_STATUS = re.compile(
    rb"(?P<tag>[^ ]+) (?P<word>OK|NO|BAD|BYE|PREAUTH)(?: (?:\[(?P<code>[A-Za-z][A-Za-z0-9-]*)(?: (?P<more>[^\]]*))?\])?"
    rb"(?P<text>.*))?$",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class Response(NamedTuple):
    """An untagged answer with data. word: upper case; number: what stands before the word, as in `* 12 FETCH`."""

    word: str
    number: int | None
    values: list[Value]


class Status(NamedTuple):
    """How something went. word: OK, NO, BAD, BYE or PREAUTH; code: upper case, "" for none; more: what it holds."""

    tag: bytes
    word: str
    code: str
    more: bytes
    text: bytes


def read(pieces: Sequence[bytes]) -> Response | Status:
    """An answer, untagged or tagged. Raises Malformed("not_imap")."""
    if (status := read_status(pieces)) is not None:
        return status
    found = _UNTAGGED.match(pieces[0])
    if found is None:
        raise Malformed("not_imap")
    number = None if found[1] is None else int(found[1])
    return Response(found[2].decode("ascii").upper(), number, values([pieces[0][found.end() :], *pieces[1:]]))


def read_status(pieces: Sequence[bytes]) -> Status | None:
    """None: it is no status."""
    found = _STATUS.match(pieces[0])
    if found is not None and len(pieces) > 1:
        found = _STATUS.match(b"".join(pieces))
    if found is None:
        return None
    code = (found["code"] or b"").decode("ascii").upper()
    return Status(found["tag"], found["word"].decode("ascii").upper(), code, found["more"] or b"", found["text"] or b"")


def values(pieces: Sequence[bytes]) -> list[Value]:
    """The values of an answer, in their order. Raises Malformed("not_imap") for what is not closed or no value."""
    current: list[Value] = []
    outer: list[list[Value]] = []
    for number, piece in enumerate(pieces):
        if number % 2:
            current.append(piece)
            continue
        for bracket, atom, text, literal, wrong in _TOKEN.findall(piece.rstrip(b" ")):
            if wrong:
                raise Malformed("not_imap")
            if atom:
                current.append(_atom(atom))
            elif bracket == b"(":
                inner: list[Value] = []
                if len(outer) < MAX_DEPTH:
                    current.append(inner)
                outer.append(current)
                current = inner
            elif bracket:
                if not outer:
                    raise Malformed("not_imap")
                current = outer.pop()
            elif not literal:  # the literal itself is the next piece
                current.append(_ESCAPED.sub(rb"\1", text) if b"\\" in text else text)
    if outer:
        raise Malformed("not_imap")
    return current


def weight(piece: bytes) -> int:
    """Bytes of memory that a line takes at most when it is read, roughly: each value is an object."""
    return len(piece) + _OF_A_LINE + _OF_A_VALUE * sum(map(piece.count, (b" ", b"(", b")", b'"', b",")))


def _atom(text: bytes) -> Value:
    if text == b"NIL":
        return None
    if text.isdigit() and len(text) <= 20:
        return int(text)
    return None if len(text) == 3 and text.upper() == b"NIL" else text


def ranges(text: bytes) -> list[tuple[int, int]]:
    """The ranges of a set such as `4,7:9`, in its order. Raises Malformed("not_imap") for what is no set."""
    found = list[tuple[int, int]]()
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        if not first.isdigit() or len(first) > 10 or (last and (not last.isdigit() or len(last) > 10)):
            raise Malformed("not_imap")
        low, high = sorted((int(first), int(last or first)))
        found.append((low, high))
    return found
