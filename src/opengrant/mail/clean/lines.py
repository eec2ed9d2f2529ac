"""HTML as lines of text or Markdown."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from opengrant.mail.clean.styles import Look, Sheet, look
from opengrant.mail.clean.tokens import End, Raw, Start, Text, tokens

DEEPEST = 6
"""Lists and quotations within each other that are indented: else a line may be longer than all that was sent."""
LONGEST_URL = 2000

_BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "caption",
            "center",
            "dd",
            "details",
            "dir",
            "div",
            "dl",
        ),
        *("dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
        *(
            "hgroup",
            "hr",
            "html",
            "li",
            "main",
            "menu",
            "nav",
            "ol",
            "p",
            "pre",
            "section",
            "summary",
            "table",
            "tbody",
        ),
        *("tfoot", "thead", "tr", "ul"),
    }
)
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "dl", "table", "figure"}
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_NOT_SHOWN = frozenset(
    {
        *("script", "style", "template", "noscript", "title", "textarea", "select", "object", "svg", "math", "iframe"),
        *("audio", "video", "canvas", "datalist", "xmp", "noembed", "noframes", "map", "applet"),
    }
)
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u", "span"}
)
"""Those that begin again in the next block if they are not closed; span among them, to be safe."""
_CELLS = ("td", "th", "caption")
_TABLE_PARTS = frozenset({*_CELLS, "tr", "tbody", "thead", "tfoot", "table"})
_WALLS = (*_CELLS, "table")
"""An end tag within one of these ends nothing outside."""
_CLOSED_BY: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "li": (("li",), ("ul", "ol")),
    "dd": (("dd", "dt"), ("dl",)),
    "dt": (("dd", "dt"), ("dl",)),
    "tr": (("tr",), ("table",)),
    "td": (("td", "th"), ("tr", "table")),
    "th": (("td", "th"), ("tr", "table")),
    "tbody": (("tbody", "thead", "tfoot"), ("table",)),
}
"""An element: which open ones it closes, unless one of the others lies between."""
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "s": "~~", "strike": "~~", "del": "~~"}
_ESCAPED = re.compile(r"([\\`*_\[\]<>])")
_BLANKS = re.compile(r"[ \t\n\f\r\xa0]+")
_QUOTES = re.compile(
    r"(?:gmail|yahoo|protonmail|tutanota)[_-]quoted?(?![a-z])|zmail_extra|moz-cite-prefix", re.IGNORECASE
)
_QUOTE_IDS = frozenset(
    {"divrplyfwdmsg", "appendonsend", "replysplit", "isreplycontent", "mail-editor-reference-message-container"}
)
_SIGNATURES = re.compile(
    r"(?:gmail_signature|moz-signature|elementtoproof-signature|protonmail_signature_block)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Style:
    """How HTML is written. Links and images: whether they are named."""

    markdown: bool = False
    links: bool = False
    images: bool = False
    image_marks: bool = True
    tables: bool = False


@dataclass(slots=True)
class Line:
    """quote, signature: 0, or a number that the lines of one quotation, or signature, share.

    cited  how many passages that the writer cites lie around it
    """

    text: str
    quote: int = 0
    signature: int = 0
    cited: int = 0


@dataclass(slots=True)
class _Element:
    name: str
    look: Look
    quote: int
    signature: int
    mark: str = ""
    href: str = ""
    number: int = 0


@dataclass(slots=True)
class _Writer:
    style: Style
    sheet: Sheet
    lines: list[Line] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    stack: list[_Element] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    unclosed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Formatting elements that hide text, and were not closed by their own end tag."""
    marks: list[str] = field(default_factory=list)
    """Of Markdown, that are open: they end with a line and begin again on the next."""
    parts: int = 0
    blank: bool = True
    cells: int = 0
    header: int = 0
    rest_of_message: int = 0

    @property
    def top(self) -> _Element:
        return self.stack[-1] if self.stack else _ROOT

    @property
    def hidden(self) -> bool:
        return self.top.look.hidden or bool(self.unclosed)

    def is_in(self, *names: str) -> bool:
        return any(self.places[name] for name in names)

    def last(self, names: tuple[str, ...]) -> int:
        return max((self.places[name][-1] for name in names if self.places[name]), default=-1)

    # ── elements ──

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in _CLOSED_BY:
            closes, walls = _CLOSED_BY[name]
            if self.last(closes) > self.last(walls):
                self.pop_to(self.last(closes))
        elif name in _BLOCKS and self.last(("p",)) > self.last(_WALLS):
            self.pop_to(self.last(("p",)))
        if name in _BLOCKS:
            self.end_line(paragraph=name in _PARAGRAPHS)
        if name in _VOID:
            self.void(name, attributes)
            return
        parent = self.top
        made = _Element(
            name,
            look(parent.look, name, attributes, self.sheet.of(name, attributes)),
            self.quote_of(name, attributes) or parent.quote,
            self.signature_of(attributes) or parent.signature,
        )
        self.places[name].append(len(self.stack))
        self.stack.append(made)
        if not self.hidden:
            self.open(made, attributes)

    def end(self, name: str) -> None:
        wall = self.last(("table",) if name in _TABLE_PARTS else _WALLS)
        if name == "br":
            self.void(name, {})
        elif self.places[name] and self.places[name][-1] >= wall:
            self.pop_to(self.places[name][-1], by=name)
        elif self.unclosed.get(name):
            self.forget(name)
        elif name == "p":
            self.end_line(paragraph=True)

    def pop_to(self, place: int, *, by: str = "") -> None:
        """by: the end tag that does it."""
        while len(self.stack) > place:
            one = self.top
            if one.mark:
                self.close_mark(one.mark)
            elif not self.hidden:
                self.close(one)
            if one.name in _BLOCKS:
                self.end_line(paragraph=one.name in _PARAGRAPHS)
            self.stack.pop()
            self.places[one.name].pop()
            if one.name in _WALLS:
                self.unclosed.clear()
            elif one.name in _FORMATTING and one.look.hidden and not self.top.look.hidden and one.name != by:
                self.unclosed[one.name] += 1

    def forget(self, name: str) -> None:
        self.unclosed[name] -= 1
        if not self.unclosed[name]:
            del self.unclosed[name]

    def quote_of(self, name: str, attributes: Mapping[str, str]) -> int:
        if self.rest_of_message:
            return self.rest_of_message
        id_ = attributes.get("id", "").lower().removeprefix("x_")
        if id_ in _QUOTE_IDS:
            # Outlook puts this before what it quotes, not around it.
            self.parts += 1
            self.rest_of_message = self.parts
            return self.parts
        cited = name == "blockquote" and attributes.get("type", "").lower() == "cite"
        if self.top.quote or not (cited or _QUOTES.search(attributes.get("class", "")[:500])):
            return 0
        self.parts += 1
        return self.parts

    def signature_of(self, attributes: Mapping[str, str]) -> int:
        if self.top.signature or not (
            _SIGNATURES.search(attributes.get("class", "")[:500])
            or attributes.get("id", "").lower().removeprefix("x_") in ("signature", "ms-outlook-mobile-signature")
        ):
            return 0
        self.parts += 1
        return self.parts

    # ── what they write ──

    def open(self, one: _Element, attributes: Mapping[str, str]) -> None:
        name = one.name
        if name in _CELLS:
            self.cells += 1
            if self.cells > 1:
                self.raw(" | " if self.style.tables else " ")
            self.header += name == "th"
        elif name == "li":
            self.raw(self.bullet())
        elif name == "ol":
            one.number = 1
        elif name == "tr":
            self.cells = self.header = 0
            if self.style.tables:
                self.raw("| ")
        elif name == "a":
            href = attributes.get("href", "").strip()
            usable = href.lower().startswith(("http://", "https://", "mailto:", "tel:")) and len(href) <= LONGEST_URL
            if self.style.links and usable and not self.is_linked():
                one.href = _encoded(href)
                self.raw("[")
        elif self.style.markdown:
            self.open_marked(one)

    def open_marked(self, one: _Element) -> None:
        if one.name[0] == "h" and one.name[1:] in ("1", "2", "3", "4", "5", "6"):
            self.raw("#" * int(one.name[1]) + " ")
        elif one.name == "pre":
            self.lines.append(self.line("```"))
        elif (mark := _MARKS.get(one.name)) is not None and mark not in self.marks:
            one.mark = mark
            self.marks.append(mark)
            self.raw(mark)

    def close(self, one: _Element) -> None:
        if one.href:
            if self.pieces and self.pieces[-1] == "[":
                self.pieces.pop()
                self.text(one.href)
            else:
                self.raw(f"]({one.href})")
        elif one.name == "tr" and self.style.tables and self.cells:
            self.raw(" |")
            self.end_line()
            if self.header == self.cells and self.style.markdown:
                self.lines.append(self.line("|" + " --- |" * self.cells))
            self.cells = self.header = 0
        elif one.name == "pre" and self.style.markdown:
            self.end_line()
            self.lines.append(self.line("```"))

    def close_mark(self, mark: str) -> None:
        self.marks.remove(mark)
        if self.pieces and self.pieces[-1] == mark:
            self.pieces.pop()
            return
        trailing = bool(self.pieces) and self.pieces[-1].endswith(" ")
        if trailing:
            self.pieces[-1] = self.pieces[-1].rstrip(" ")
        self.pieces.append(mark + (" " if trailing else ""))

    def void(self, name: str, attributes: Mapping[str, str]) -> None:
        if self.hidden:
            return
        if name == "br":
            self.end_line()
        elif name == "hr" and self.style.markdown:
            self.lines += [self.line("---"), self.line("")]
        elif name == "img" and self.style.images:
            self.image(attributes)

    def image(self, attributes: Mapping[str, str]) -> None:
        source = attributes.get("src", "").strip()
        tiny = any(attributes.get(side, "").strip().removesuffix("px") in ("0", "1") for side in ("width", "height"))
        if tiny or len(source) > LONGEST_URL or not source.lower().startswith(("http://", "https://", "cid:")):
            return
        about = " ".join(attributes.get("alt", "").split())[:500]
        if self.style.image_marks:
            self.raw(f"![{_escaped(about)}]({_encoded(source)})")
        else:
            self.raw(f"{about} ({source})" if about else source)

    def text(self, text: str) -> None:
        if self.hidden or not text:
            return
        if self.is_in("pre"):
            first, *others = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self.raw(first)
            for one in others:
                self.end_line(kept=True)
                self.raw(one)
            return
        text = _BLANKS.sub(" ", text)
        if (len(self.pieces) <= len(self.marks) or self.pieces[-1].endswith(" ")) and text.startswith(" "):
            text = text[1:]
        if text:
            self.raw(_escaped(text) if self.style.markdown and not self.is_in("code") else text)

    def raw(self, piece: str) -> None:
        if piece:
            self.pieces.append(piece)

    def bullet(self) -> str:
        depth = min(len(self.places["ul"]) + len(self.places["ol"]), DEEPEST)
        indent, place = "  " * max(depth - 1, 0), self.last(("ul", "ol"))
        if place < 0 or self.stack[place].name == "ul":
            return indent + "- "
        self.stack[place].number += 1
        return f"{indent}{self.stack[place].number - 1}. "

    def is_linked(self) -> bool:
        return any(self.stack[place].href for place in self.places["a"][:-1][-1:])

    def line(self, text: str) -> Line:
        top = self.top
        cited = min(len(self.places["blockquote"]), DEEPEST) if self.style.markdown else 0
        return Line(text.rstrip(), top.quote, top.signature, cited)

    def end_line(self, *, paragraph: bool = False, kept: bool = False) -> None:
        """kept: a line without text counts, too."""
        text = "".join(self.pieces)
        for mark in reversed(self.marks):
            text = text.rstrip().removesuffix(mark) if text.rstrip().endswith(mark) else text.rstrip() + mark
        self.pieces[:] = self.marks
        if kept or text.strip(" |"):
            self.lines.append(self.line(text))
            self.blank = False
        if paragraph and not self.blank:
            self.lines.append(self.line(""))
            self.blank = True


_ROOT = _Element("", Look(), 0, 0)


def lines(html: str, style: Style) -> list[Line]:
    """What is seen of HTML, line by line."""
    found, sheet = list(tokens(html)), Sheet()
    for one in found:
        if isinstance(one, Raw) and one.name == "style":
            sheet.add(one.text)
    writer, within = _Writer(style, sheet), list[str]()
    for one in found:
        if within:  # an element that is not shown: until it ends, only it counts
            if isinstance(one, Start) and one.name == within[-1] and one.name not in _VOID:
                within.append(one.name)
            elif isinstance(one, End) and one.name == within[-1]:
                within.pop()
        elif isinstance(one, Text):
            writer.text(one.text)
        elif isinstance(one, Start):
            if one.name in _NOT_SHOWN:
                within.append(one.name)
            else:
                writer.start(one.name, one.attributes)
        elif isinstance(one, End):
            writer.end(one.name)
    writer.pop_to(0)
    writer.end_line()
    return writer.lines


def _encoded(url: str) -> str:
    """As Markdown can hold it."""
    return _BLANKS.sub("%20", url).replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")


def _escaped(text: str) -> str:
    return _ESCAPED.sub(r"\\\1", text)
