"""Addresses of a field such as To (RFC 5322, section 3.4), as senders write them.

Python's own reader calls itself for each comment within a comment and for each group, so that a thousand of either end
it with an error; this one is a loop.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from opengrant.mail.mime import headers
from opengrant.model.mail import Address

_TOKEN = re.compile(
    r"""
    (?P<blank>\s++)
    | "(?P<quoted>(?>(?:[^"\\]++|\\.)*))"
    | <(?P<angle>[^<>]*+)>?
    | (?P<comment>\()
    | (?P<mark>[,;:])
    | (?P<word>=\?[^\s?]{1,64}\?[bq]\?[^\s?]*+\?= | \[[^\[\]]*+\] | (?>(?:[^\s"<>(),;:\[\\]++|\\.)+) | .)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_USUAL = re.compile(
    r"""
    \s*+ (?: "(?P<quoted>[^"\\]*+)" | (?P<name>[^\s"<>(),;:\\@\[\]][^"<>(),;:\\@\[\]]*+) ) \s*+
    < (?P<email>[^\x00-\x20\x7f-\x9f"<>()@,:;]++ @ [^\x00-\x20\x7f-\x9f"<>()@,:;]++) > \s*+ (?:,|\Z)
    """,
    re.VERBOSE,
)
"""A name and an address, as nearly all are: read at once, in a quarter of the time."""
_BARE = re.compile(r"\s*+([A-Za-z0-9.!#$%&'*+/^_`{|}~-]++@[A-Za-z0-9.-]++)\s*+(?:,|\Z)")
"""An address alone."""
_COMMENT_END = re.compile(r"\\.|[()]", re.DOTALL)
_BRACKETS = re.compile(r"([()])")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(slots=True)
class _Reading:
    """One address so far. raw: as it stands there, without blanks; phrase: what a name is made of, with them."""

    raw: list[str] = field(default_factory=list)
    phrase: list[str] = field(default_factory=list)
    angle: str | None = None
    comments: list[str] = field(default_factory=list)
    after_blank: bool = False

    def add(self, raw: str, word: str) -> None:
        if self.after_blank and self.phrase:
            self.phrase.append(" ")
        self.raw.append(raw)
        self.phrase.append(word)
        self.after_blank = False


def addresses(value: str) -> tuple[Address, ...]:
    """In their order, the members of groups among them. An entry without an address has its text as name."""
    found, at = list[Address](), 0
    while at < len(value):
        if bare := _BARE.match(value, at):
            found.append(Address(bare[1], ""))
            at = bare.end()
        elif usual := _USUAL.match(value, at):
            found.append(Address(usual["email"], headers.text(usual["quoted"] or usual["name"] or "")))
            at = usual.end()
        else:
            found += _addresses(value, at)
            break
    return tuple(found)


def _addresses(value: str, at: int) -> Iterator[Address]:
    """Of any form, from a place where one begins."""
    now, begins = _Reading(), True
    while at < len(value):
        if begins and (usual := _USUAL.match(value, at)):
            yield Address(usual["email"], headers.text(usual["quoted"] or usual["name"] or ""))
            at = usual.end()
            continue
        begins = False
        token = _TOKEN.match(value, at)
        assert token is not None  # its last choice is any character
        at = token.end()
        match token.lastgroup:
            case "blank":
                now.after_blank = True
            case "quoted":
                now.add(token[0], _ESCAPED.sub(r"\1", token["quoted"]))
            case "angle":
                now.angle = token["angle"] if now.angle is None else now.angle
            case "comment":
                at, comment = _comment(value, at)
                now.comments.append(comment)
                now.after_blank = True
            case "word":
                now.add(token[0], token[0])
            case _ if token[0] == ":" and now.angle is None:
                now = _Reading()  # the name of a group
            case _:
                yield from _finished(now)
                now, begins = _Reading(), True
    yield from _finished(now)


def _comment(value: str, at: int) -> tuple[int, str]:
    """Where it ends, and its text. One that does not end goes to the end of the value."""
    depth = 1
    for mark in _COMMENT_END.finditer(value, at):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if not depth:
            return mark.end(), value[at : mark.start()]
    return len(value), value[at:]


def _without_comments(email: str) -> str:
    """Comments within an address are obsolete (RFC 5322, section 4.4). Quotes may hold brackets: those stay."""
    if "(" not in email or '"' in email:
        return email
    kept, depth = list[str](), 0
    for piece in _BRACKETS.split(email):
        if piece in ("(", ")"):
            depth = max(0, depth + (1 if piece == "(" else -1))
        elif not depth:
            kept.append(piece)
    return "".join(kept)


def _finished(read: _Reading) -> Iterator[Address]:
    if read.angle is not None:
        email, name = _without_comments(read.angle), "".join(read.phrase) or " ".join(read.comments)
    else:
        email, name = "".join(read.raw), " ".join(read.comments)
        if " " in read.phrase and "@" not in email:
            email, name = "", "".join(read.phrase)
    if email.lstrip().startswith("@"):  # a route, which is obsolete: the address follows its colon
        email = email.rpartition(":")[2]
    if '"' not in email:
        email = "".join(email.split())
    email, name = headers.printable(email), headers.text(name)
    if email or name:
        yield Address(email, name)
