"""A message as the console shows it: as plain text, or as HTML that loads nothing and runs nothing.

Pure. The HTML was written by a stranger. It is rebuilt from what is known to be harmless, sanitised by nh3, and put
into a document whose own policy forbids to load or to run anything. The console shows that in a sandboxed frame.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape

import nh3

from opengrant.mail.html_tokens import End, Start, Text, Token, tokens
from opengrant.model.basics import record

MOST = 500_000
"""Characters of a text that are shown."""
DEEPEST = 100
"""Elements within each other; the tags of what is deeper are left out."""

_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "figcaption", "figure"),
        *("footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre"),
        *("section", "table", "tr", "ul"),
    }
)
_VOID = frozenset({"br", "col", "hr", "img", "wbr"})
_TAGS = {
    *_BLOCKS,
    *_VOID,
    *("a", "abbr", "b", "bdi", "bdo", "big", "caption", "cite", "code", "colgroup", "del", "dfn", "em", "font", "i"),
    *("ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup"),
    *("tbody", "td", "tfoot", "th", "thead", "tt", "u", "var"),
}
_EVERYWHERE = frozenset(
    {"style", "align", "valign", "bgcolor", "color", "width", "height", "dir", "lang", "title"},
)
_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "a": frozenset({"href"}),
    "img": frozenset({"src", "alt"}),
    "table": frozenset({"border", "cellpadding", "cellspacing"}),
    "td": frozenset({"colspan", "rowspan", "nowrap"}),
    "th": frozenset({"colspan", "rowspan", "nowrap"}),
    "font": frozenset({"face", "size"}),
    "ol": frozenset({"start", "type"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
}
_UNSEEN = frozenset({"noscript", "template"})
_CELLS = frozenset({"td", "th"})
_CLOSED_BY: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_BLOCKS, frozenset({"p"})),
    "li": frozenset({"li", "p"}),
    "dt": frozenset({"dt", "dd", "p"}),
    "dd": frozenset({"dt", "dd", "p"}),
    "td": frozenset({"td", "th", "p"}),
    "th": frozenset({"td", "th", "p"}),
    "tr": frozenset({"tr", "td", "th", "p"}),
}
"""Elements whose end may be left out, by what ends them."""

_STYLE_NAMES = re.compile(
    r"color|background-color|font(?:-(?:family|size|style|weight|variant))?|letter-spacing|line-height|list-style-type"
    r"|text-(?:align|decoration|indent|transform)|vertical-align|white-space|direction|word-(?:break|spacing)"
    r"|overflow-wrap|(?:min-|max-)?(?:width|height)|display"
    r"|padding(?:-(?:top|right|bottom|left))?|margin(?:-(?:top|right|bottom|left))?"
    r"|border(?:-(?:top|right|bottom|left))?(?:-(?:color|style|width))?|border-(?:collapse|spacing|radius)"
)
_STYLE_VALUE = re.compile(r"(?:[-\w#%.,+! \t]|(?:rgba?|hsla?)\([\d.,%/ ]*\))+", re.ASCII)
"""Nothing that names an address can be written so."""
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)

_HEAD = (
    '<!doctype html><html lang="und"><head><meta charset="utf-8"><title>The message</title>'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:;'
    " style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'\">"
    '<meta name="referrer" content="no-referrer"><meta http-equiv="x-dns-prefetch-control" content="off"></head>'
    '<body style="margin: 16px; color: #1b1d23; background-color: #fff; font: 15px/1.5 system-ui, sans-serif;'
    ' overflow-wrap: anywhere">'
)


@record
class Shown:
    """html: a document. left_out: images that are not shown. cut: there is more than is shown."""

    text: str
    html: str | None = None
    left_out: int = 0
    cut: bool = False


def shown(content: str, *, is_html: bool, as_html: bool) -> Shown:
    """content: the text of a message. The worst takes a second: use a thread."""
    cut, content = len(content) > MOST, content[:MOST]
    if not is_html:
        return Shown(content, cut=cut)
    if not as_html:
        return Shown(plain(content), cut=cut)
    safe, left_out = sanitised(content)
    return Shown("", f"{_HEAD}{safe}</body></html>", left_out, cut)


def plain(html: str) -> str:
    """The text of HTML, in lines."""
    said, line, kept = list[str](), list[str](), 0

    def end_line() -> None:
        said.append("".join(line) if kept else " ".join("".join(line).split()))
        line.clear()

    for token in _seen(html):
        match token:
            case Text(text):
                if not kept:
                    line.append(text)
                    continue
                first, *more = text.split("\n")
                line.append(first)
                for one in more:
                    end_line()
                    line.append(one)
            case Start("br"):
                end_line()
            case Start("td" | "th"):
                line.append(" ")
            case Start("li"):
                end_line()
                line.append("• ")
            case Start("img", attributes):
                line.append(attributes.get("alt", ""))
            case Start(name) | End(name) if name in _BLOCKS:
                end_line()
                kept = max(0, kept + (0 if name != "pre" else 1 if isinstance(token, Start) else -1))
    end_line()
    # One empty line at most between two others.
    return re.sub(r"\n{3,}", "\n\n", "\n".join(said)).strip("\n")


def sanitised(html: str) -> tuple[str, int]:
    """HTML for the body of a document, and how many images were left out of it."""
    rebuilt = _Rebuilt()
    for token in _seen(html):
        rebuilt.take(token)
    rebuilt.close_all()
    return _CLEANER.clean("".join(rebuilt.pieces)), rebuilt.left_out


def _seen(html: str) -> Iterator[Token]:
    """Without what is within elements that browsers show nothing of."""
    within: str | None = None
    for token in tokens(html):
        if within is None:
            yield token
            within = token.name if isinstance(token, Start) and token.name in _UNSEEN else None
        elif isinstance(token, End) and token.name == within:
            within = None


class _Rebuilt:
    """Known tags alone, each of which is closed, in the order that they were opened."""

    def __init__(self) -> None:
        self.pieces = list[str]()
        self.left_out = 0
        self._open = list[str]()

    def take(self, token: Token) -> None:
        match token:
            case Text(text):
                self.pieces.append(escape(text, quote=False))
            case Start(name, attributes) if name in _TAGS:
                self._begin(name, attributes)
            case End(name) if name in _TAGS:
                self._end(name)

    def close_all(self) -> None:
        while self._open:
            self._close_last()

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        while self._open and self._open[-1] in _CLOSED_BY.get(name, ()):
            self._close_last()
        kept = dict(_kept(name, attributes))
        if name == "img" and "src" not in kept:
            self.left_out += 1
            self.pieces.append(escape(kept.get("alt", ""), quote=False))
            return
        if name not in _VOID:
            if len(self._open) >= DEEPEST:
                return
            self._open.append(name)
        written = "".join(f' {key}="{escape(value)}"' for key, value in kept.items())
        self.pieces.append(f"<{name}{written}>")

    def _end(self, name: str) -> None:
        for depth, opened in enumerate(reversed(self._open), 1):
            if opened == name:
                for _ in range(depth):
                    self._close_last()
                return
            if opened in _CELLS and name not in {"table", "tbody", "thead", "tfoot", "tr"}:
                return  # what is in a cell ends nothing around the table

    def _close_last(self) -> None:
        self.pieces.append(f"</{self._open.pop()}>")


def _kept(name: str, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    allowed = _ATTRIBUTES.get(name, frozenset()) | _EVERYWHERE
    for key, value in attributes.items():
        if key in allowed and (kept := _VALUES.get(key, _any)(value)):
            yield key, kept


def _any(value: str) -> str:
    return value


def _link(value: str) -> str:
    return value.strip() if _LINK.match(value.strip()) else ""


def _image(value: str) -> str:
    return value.strip() if _IMAGE.fullmatch(value.strip()) else ""


def _style(value: str) -> str:
    return ";".join(one for declaration in value.split(";") if (one := _declaration(declaration)))


def _declaration(text: str) -> str:
    name, _, value = text.partition(":")
    name, value = name.strip().lower(), value.replace('"', "").replace("'", "").strip()
    return f"{name}:{value}" if _STYLE_NAMES.fullmatch(name) and _STYLE_VALUE.fullmatch(value) else ""


_VALUES: Mapping[str, Callable[[str], str]] = {"href": _link, "src": _image, "style": _style}

_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes={"*": set(_EVERYWHERE), **{name: set(found) for name, found in _ATTRIBUTES.items()}},
    url_schemes={"http", "https", "mailto", "data"},
    # In the frame a link opens nothing; its address can be seen and copied.
    set_tag_attribute_values={"a": {"target": "_blank"}},
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)
