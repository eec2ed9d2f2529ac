"""Header fields as bytes: folded, in ASCII, and never more than the one field that was meant."""

import base64
import binascii
import functools
import re
from collections.abc import Iterable, Iterator, Sequence

import idna

from opengrant.errors import InvalidData
from opengrant.mail.mime.headers import printable
from opengrant.model.mail import Address

_LINE = 76
_LONGEST_PIECE = 900
"""Characters that stay together though the line gets longer than it should be: a link, say."""
_LONGEST_WORD = 45
"""Bytes of text in an encoded word: 72 characters with all around them."""
_LONGEST_ADDRESS = 320
_PLAIN = re.compile(r"[ -~]*")
_PIECE = re.compile(r" *[^ ]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_ESCAPE = re.compile(r'(["\\])')


def one_line(text: str) -> str:
    """Without control characters. What UTF-8 cannot hold is a question mark."""
    return printable(text).encode("utf-8", "replace").decode()


def field(name: str, pieces: Iterable[str]) -> bytes:
    """pieces: ASCII without line ends; a line may break before each that begins with a blank."""
    lines = [f"{name}:"]
    for piece in pieces:
        if piece.startswith(" ") and len(lines[-1]) + len(piece) > _LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += piece
    return "\r\n".join(lines).encode("ascii") + b"\r\n"


def text(value: str) -> Iterator[str]:
    """Pieces of a text that people read, such as a subject."""
    said = one_line(value)
    pieces = _PIECE.findall(said)
    if _PLAIN.fullmatch(said) and "=?" not in said and all(len(piece) < _LONGEST_PIECE for piece in pieces):
        yield from (piece if piece.startswith(" ") else f" {piece}" for piece in pieces)
    else:
        yield from encoded(said)


def encoded(said: str) -> Iterator[str]:
    """Encoded words (RFC 2047), none of which cuts a character."""
    data = said.encode()
    start = 0
    while start < len(data):
        end = min(start + _LONGEST_WORD, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield f" =?utf-8?b?{base64.b64encode(data[start:end]).decode()}?="
        start = end


def addresses(found: Sequence[Address], *, field: str) -> Iterator[str]:
    """Pieces of a list. Raises InvalidData for an address that cannot be written; field: for its message."""
    for place, one in enumerate(found):
        comma = "," if place < len(found) - 1 else ""
        email = address(one.email, field=field)
        name = one_line(one.name)
        if not name:
            yield f" {email}{comma}"
            continue
        yield from _name(name)
        yield f" <{email}>{comma}"


def _name(name: str) -> Iterator[str]:
    if not _PLAIN.fullmatch(name) or "=?" in name or len(name) > _LINE:
        yield from encoded(name)
    elif _ATOMS.fullmatch(name):
        yield f" {name}"
    else:
        yield ' "' + _ESCAPE.sub(r"\\\1", name) + '"'


def address(email: str, *, field: str) -> str:
    """In ASCII: a domain in another script as A-labels. Raises InvalidData."""
    local, _, domain = email.strip().rpartition("@")
    try:
        domain = domain if domain.isascii() else idna.encode(domain[:255], uts46=True).decode()
    except ValueError:  # also where idna finds a label that cannot be
        domain = ""
    written = f"{local}@{domain}"
    if not _LOCAL.fullmatch(local) or not re.fullmatch(r"[A-Za-z0-9._-]+|\[[A-Za-z0-9.:]+\]", domain):
        raise InvalidData(f"{field}: {email[:100]!r} is no address that mail can be sent to.")
    if len(written) > _LONGEST_ADDRESS:
        raise InvalidData(f"{field}: an address has at most {_LONGEST_ADDRESS} characters.")
    return written


def parameter(name: str, value: str) -> Iterator[str]:
    """Pieces of a parameter such as a file's name: in pieces and percent-encoded where it has to be (RFC 2231)."""
    said = one_line(value)
    if _PLAIN.fullmatch(said) and len(said) <= 60:
        yield f'; {name}="' + _ESCAPE.sub(r"\\\1", said) + '"'
        return
    pieces = [*_percent(said)]
    if len(pieces) == 1:
        yield f"; {name}*=utf-8''{pieces[0]}"
        return
    for number, piece in enumerate(pieces):
        yield f"; {name}*{number}*=" + ("" if number else "utf-8''") + piece


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_~")


def _percent(said: str) -> Iterator[str]:
    """At most 48 characters each."""
    written = [chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in said.encode()]
    yield from ("".join(written[start : start + 16]) for start in range(0, len(written), 16))


def lines(data: bytes) -> bytes:
    """With CRLF for each line end. Three searches for a text take less time than one for a pattern."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def has_longer_line(data: bytes, most: int) -> bool:
    """Whether a line has more than so many bytes, its CRLF not counted. data: of text with no other line ends.

    A search that could begin at each byte would take the length of a line for each of them.
    """
    first = data[: most + 1]
    if len(first) > most and b"\r" not in first:
        return True
    return _longer(most).search(data) is not None


@functools.cache
def _longer(most: int) -> re.Pattern[bytes]:
    return re.compile(rb"\n[^\r\n]{%d}" % (most + 1))


def quoted_printable(data: bytes) -> bytes:
    """data: lines that end in CRLF."""
    made = binascii.b2a_qp(data, istext=True)
    # It takes the line end of its input for its own; without any it takes LF.
    return made if b"\n" in data else made.replace(b"\n", b"\r\n")
