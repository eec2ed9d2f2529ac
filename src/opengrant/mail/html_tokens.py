"""HTML as tags and texts, in one pass.

No tree is made. A parser that keeps to the standard looks through all open elements at each tag: 100 KB of `<div>` take
it 2 seconds, 400 KB half a minute.
"""

import html as entities
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>\x00]*+)")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+ (?P<name>[^\s/>][^\s/>=]*+)
        (?: \s*+ = \s*+
            (?: "(?P<double>[^"]*+)" | '(?P<single>[^']*+)' | (?P<bare>(?!["'])[^\s>]*+) | (?P<open>["']) )
        )?
    """,
    re.VERBOSE,
)
_COMMENT_END = re.compile(r"--!?>")
_END = re.compile(r"[\s/]*+>")
_NUMBER = re.compile(r"&#(?:0*+([0-9]{8,}+)|[xX]0*+([0-9a-fA-F]{7,}+));?")
"""A reference to a character that there is not. Python's reader of references takes quadratic time for its digits."""
_ZEROS = re.compile(r"(&#[xX]?)0{2,}+(?=[0-9a-fA-F])")
RAW = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title"})
"""Elements that hold text alone: a tag in them is none."""
_NO_ATTRIBUTES: Mapping[str, str] = {}


class Text(NamedTuple):
    text: str


class Raw(NamedTuple):
    """What an element of RAW holds."""

    name: str
    text: str


class Start(NamedTuple):
    """Names are in lower case; the first attribute of a name counts."""

    name: str
    attributes: Mapping[str, str]


class End(NamedTuple):
    name: str


Token = Text | Raw | Start | End


def tokens(html: str) -> Iterator[Token]:
    """A tag that does not end takes the rest of the text with it, as in browsers."""
    at, size = 0, len(html)
    while at < size:
        opens = html.find("<", at)
        if opens < 0:
            yield Text(unescape(html[at:]))
            return
        if opens > at:
            yield Text(unescape(html[at:opens]))
        tag = _TAG.match(html, opens)
        if tag is None:
            at = _after_declaration(html, opens)
            if at == opens:  # the mark itself
                yield Text("<")
                at += 1
            continue
        name = tag[2].lower()
        attributes, end = _attributes(html, tag.end())
        if end < 0:
            return
        at = end
        if tag[1]:
            yield End(name)
            continue
        yield Start(name, attributes)
        if name in RAW:
            held, at = _raw(html, name, at)
            yield Raw(name, held)
            yield End(name)


def unescape(text: str) -> str:
    """References to characters as those. Never raises, and is linear, as Python's own is not for long numbers."""
    if "&" not in text:
        return text
    return entities.unescape(_NUMBER.sub("\ufffd", _ZEROS.sub(r"\1", text)))


def _attributes(html: str, at: int) -> tuple[Mapping[str, str], int]:
    """And where the tag ends; -1: it does not."""
    if html.startswith(">", at):
        return _NO_ATTRIBUTES, at + 1
    found = dict[str, str]()
    while (end := _END.match(html, at)) is None:
        one = _ATTRIBUTE.match(html, at)
        if one is None or one["open"] is not None:
            return found, -1
        value = next((part for part in (one["double"], one["single"], one["bare"]) if part is not None), "")
        found.setdefault(one["name"].lower(), unescape(value))
        at = one.end()
    return found, end.end()


def _after_declaration(html: str, at: int) -> int:
    """Behind a comment or what counts as one; `at` itself: there is none."""
    if html.startswith("<!--", at):
        for short in ("<!-->", "<!--->"):
            if html.startswith(short, at):
                return at + len(short)
        closes = _COMMENT_END.search(html, at + 4)
        return len(html) if closes is None else closes.end()
    if html.startswith(("<!", "<?", "</"), at):
        end = html.find(">", at)
        return len(html) if end < 0 else end + 1
    return at


def _raw(html: str, name: str, at: int) -> tuple[str, int]:
    """What is before the end tag, and where that ends."""
    end = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(html, at)
    if end is None:
        return html[at:], len(html)
    closes = html.find(">", end.end())
    return html[at : end.start()], len(html) if closes < 0 else closes + 1
