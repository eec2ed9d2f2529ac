"""HTML as a row of tags and texts, read in one pass: linear in what a stranger sends, whatever that is.

Parsers that build a tree, as browsers do, take quadratic time for some inputs: 100,000 times `<div>` is half a minute.
What is read here is rebuilt and sanitised afterwards (showing.py), so nothing depends on reading as browsers do.
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import NamedTuple


class Text(NamedTuple):
    """Decoded."""

    text: str


class Open(NamedTuple):
    """attributes: decoded; the first of each name."""

    name: str
    attributes: Mapping[str, str]


class Close(NamedTuple):
    name: str


Token = Text | Open | Close

_SKIPPED = ("script", "style", "title", "textarea", "noscript", "template", "xmp", "iframe", "noembed", "noframes")
"""Elements whose content is no text of the message."""
_ENDS = {name: re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE) for name in _SKIPPED}
_NAME = re.compile(r"[a-zA-Z][^ \t\n\f\r/>]*")
_ATTRIBUTE = re.compile(r"[ \t\n\f\r/]*(>|=?[^ \t\n\f\r/>=]+|=|\Z)")
_VALUE = re.compile(r"[ \t\n\f\r]*=[ \t\n\f\r]*(?:\"([^\"]*)(\"?)|'([^']*)('?)|([^ \t\n\f\r>]*))")


def tokens(html: str) -> Iterator[Token]:
    """What is unfinished at the end is left out, as in browsers. Comments are left out too."""
    at = 0
    while at < len(html):
        tag = html.find("<", at)
        if tag != at:
            yield Text(unescape(html[at : tag if tag >= 0 else len(html)]))
        if tag < 0:
            return
        name = _NAME.match(html, tag + 1)
        if name is not None:
            word = name[0].lower()
            read = _attributes(html, name.end())
            if read is None:
                return
            attributes, at = read
            yield Open(word, attributes)
            if word in _ENDS:
                end = _ENDS[word].search(html, at)
                if end is None:
                    return
                at = end.start()
        elif html.startswith(("</", "<!", "<?"), tag):
            comment = html.startswith("<!--", tag)
            end_of_tag = html.find("-->" if comment else ">", tag + 2)
            if end_of_tag < 0:
                return
            closed = _NAME.match(html, tag + 2) if html[tag + 1] == "/" else None
            if closed is not None:
                yield Close(closed[0].lower())
            at = end_of_tag + (3 if comment else 1)
        else:
            yield Text("<")
            at = tag + 1


def _attributes(html: str, at: int) -> tuple[dict[str, str], int] | None:
    """Of a tag, and where the tag ends. None: it does not end."""
    found = dict[str, str]()
    while True:
        name = _ATTRIBUTE.match(html, at)
        if name is None or not name[1]:
            return None
        at = name.end()
        if name[1] == ">":
            return found, at
        value = _VALUE.match(html, at)
        if value is not None:
            double, closed, single, also_closed, bare = value.groups()
            if closed == "" or also_closed == "":
                return None
            at = value.end()
            found.setdefault(name[1].lower(), unescape(double or single or bare or ""))
        else:
            found.setdefault(name[1].lower(), "")
