"""Header fields of a message or part: their texts, addresses, Message-IDs, parameters and dates."""

import binascii
import calendar
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_tz
from typing import Self
from urllib.parse import unquote_to_bytes

from opengrant.mail.mime import charsets, transfer

MOST_BYTES = 256 * 1024
"""Of the header of a message or part; what is beyond is not read."""
_LONGEST_ID = 900
_MOST_IDS = 1_000
_LONGEST_DATE = 200

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_NAME = re.compile(rb"[!-9;-~]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# The charset may have a language after an asterisk (RFC 2231). Some senders leave question marks in the text.
_WORD = re.compile(r"=\?([!->@-~]{1,64})\?([bq])\?([^?]*+(?>(?:\?(?!=)[^?]*+){0,4}))\?=", re.IGNORECASE)
_ID = re.compile(r"<[^<>]+>")


@dataclass(frozen=True, slots=True)
class Headers:
    """The fields in their order, as (name, value). Values are unfolded and not decoded: of RFC 2047, say."""

    fields: tuple[tuple[str, str], ...]
    _values: dict[str, list[str]] = field(init=False, repr=False, compare=False, default_factory=dict)
    """By name in lower case."""

    def __post_init__(self) -> None:
        for name, value in self.fields:
            self._values.setdefault(name.lower(), []).append(value)

    @classmethod
    def read(cls, block: bytes, *, beginning: bytes = b"") -> Self:
        """Of the lines of a header; those that are no field are left out.

        beginning  of the names of the fields that are wanted, in lower case
        """
        return cls(tuple(_fields(block[:MOST_BYTES], beginning)))

    def first(self, name: str) -> str | None:
        """name: in lower case."""
        values = self._values.get(name)
        return values[0] if values else None

    def every(self, name: str) -> str:
        """The values of all fields of this name as one list, joined by commas; name in lower case."""
        return ",".join(self._values.get(name, ()))


def _fields(block: bytes, beginning: bytes) -> Iterator[tuple[str, str]]:
    for line in _FOLD.sub(b"", block).split(b"\n"):
        if line[: len(beginning)].lower() != beginning:
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        if colon and _NAME.fullmatch(name):
            yield name.decode("ascii"), charsets.decode_brief(value.strip(b" \t\r"))


def text(value: str) -> str:
    """What a field's value says, with its encoded words decoded (RFC 2047), and without control characters.

    Encoded words count wherever they stand, in quotes also: many senders put them there.
    """
    if "=?" in value:
        value = "".join(_decoded(value))
    return printable(value)


def printable(value: str) -> str:
    """Each run of control characters is a blank."""
    return (value if value.isprintable() else _CONTROLS.sub(" ", value)).strip()


def _decoded(value: str) -> Iterator[str]:
    """Words that follow each other in one charset are decoded as one: some senders cut within a character."""
    charset, data, end = "", bytearray(), 0
    for word in _WORD.finditer(value):
        between = value[end : word.start()]
        named = word[1].partition("*")[0].lower()
        follows = end > 0 and (not between or between.isspace())
        if not follows or named != charset:
            yield charsets.decode(bytes(data), charset)
            data.clear()
        if not follows:
            yield between
        charset, end = named, word.end()
        data += _bytes_of(word[3], word[2])
    yield charsets.decode(bytes(data), charset)
    yield value[end:]


def _bytes_of(encoded: str, encoding: str) -> bytes:
    data = encoded.encode()
    return transfer.decode(data, "base64") if encoding in "bB" else binascii.a2b_qp(data, header=True)


def message_ids(value: str) -> tuple[str, ...]:
    """Of In-Reply-To or References: each once, in their order, with angle brackets, without blanks of folding."""
    found = ("".join(match[0].split()) for match in _ID.finditer(value))
    return tuple(dict.fromkeys(one for one in found if usable_id(one)))[:_MOST_IDS]


def message_id(value: str | None) -> str | None:
    """Of Message-ID, with angle brackets where the sender wrote them; None for none that can be used."""
    if value is None:
        return None
    bracketed = _ID.search(value)
    found = value.strip() if bracketed is None else "".join(bracketed[0].split())
    return found if usable_id(found) else None


def usable_id(found: str) -> bool:
    """Whether a message can be named and found by it: in ASCII, not very long, and without blanks and controls."""
    return 2 < len(found) <= _LONGEST_ID and found.isascii() and found.isprintable() and " " not in found


def date(value: str | None) -> int | None:
    """Seconds since the epoch; None where it is no date. A date without a zone counts as UTC."""
    if value is None or len(value) > _LONGEST_DATE:
        return None
    try:
        found = parsedate_tz(value)
        return None if found is None else calendar.timegm((*found[:6], 0, 1, 0)) - (found[9] or 0)
    except (ValueError, IndexError, TypeError, OverflowError):  # years, months and hours that no calendar has
        return None


# ── parameters ────────────────────────────────────────────────────────────────────────────────────────────────

_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?>(?:[^"\\]++|\\.)*))"|([^;]*+))', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PARAMETER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`{|}~-]{1,100}")
_SECTION = re.compile(r"([^*]+)(?:\*([0-9]{1,3}))?(\*?)")


def parameterised(value: str) -> tuple[str, dict[str, str]]:
    """Of Content-Type and Content-Disposition: the word in front in lower case, and the parameters."""
    pairs = (
        (found[1], found[3].strip() if found[2] is None else _ESCAPED.sub(r"\1", found[2]))
        for found in _PARAMETER.finditer(value)
    )
    word = value.partition(";")[0].strip().lower()
    return word.split(maxsplit=1)[0] if word else "", parameters(pairs)


def parameters(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By lower-case name: long ones put together and decoded (RFC 2231), which count more than a plain one.

    Encoded words in a plain value are decoded too: no rule allows them there, and many senders write them. What has no
    name that a header may have is left out.
    """
    plain: dict[str, str] = {}
    long: dict[str, dict[int, tuple[bool, str]]] = {}
    for written, value in pairs:
        name = written.lower()
        if not _PARAMETER_NAME.fullmatch(name):
            continue
        section = _SECTION.fullmatch(name) if "*" in name else None
        if section is None:
            plain.setdefault(name, text(value))
        else:
            long.setdefault(section[1], {}).setdefault(int(section[2] or 0), (bool(section[3]), value))
    return plain | {name: _joined([part for _, part in sorted(sections.items())]) for name, sections in long.items()}


def _joined(sections: list[tuple[bool, str]]) -> str:
    encoded, first = sections[0]
    charset = None
    if encoded and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
    values = [(encoded, first), *sections[1:]]
    data = b"".join(unquote_to_bytes(value) if percent else value.encode() for percent, value in values)
    return printable(charsets.decode(data, charset))
