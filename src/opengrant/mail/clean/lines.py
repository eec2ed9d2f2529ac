"""HTML as lines of text or Markdown."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from opengrant.mail.clean.output import DEEPEST, Line, Output, Style
from opengrant.mail.clean.parts import Parts
from opengrant.mail.clean.styles import Look, Sheet, look
from opengrant.mail.html_tokens import End, Raw, Start, Text, tokens

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
    out: Output = field(default_factory=Output)
    stack: list[_Element] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    unclosed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Formatting elements that hide text, and were not closed by their own end tag."""
    parts: Parts = field(default_factory=Parts)
    cells: int = 0
    header: int = 0

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
            self.out.end_line(self.where, paragraph=name in _PARAGRAPHS)
        if name in _VOID:
            self.void(name, attributes)
            return
        parent = self.top
        made = _Element(
            name,
            look(parent.look, name, attributes, self.sheet.of(name, attributes)),
            self.parts.quote(name, attributes, parent.quote),
            self.parts.signature(attributes, parent.signature),
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
            self.out.end_line(self.where, paragraph=True)

    def pop_to(self, place: int, *, by: str = "") -> None:
        """by: the end tag that does it."""
        while len(self.stack) > place:
            one = self.top
            if one.mark:
                self.out.close_mark(one.mark)
            elif not self.hidden:
                self.close(one)
            if one.name in _BLOCKS:
                self.out.end_line(self.where, paragraph=one.name in _PARAGRAPHS)
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

    # ── what they write ──

    def open(self, one: _Element, attributes: Mapping[str, str]) -> None:
        name = one.name
        if name in _CELLS:
            self.cells += 1
            if self.cells > 1:
                self.out.raw(" | " if self.style.tables else " ")
            self.header += name == "th"
        elif name == "li":
            self.out.raw(self.bullet())
        elif name == "ol":
            one.number = 1
        elif name == "tr":
            self.cells = self.header = 0
            if self.style.tables:
                self.out.raw("| ")
        elif name == "a":
            href = attributes.get("href", "").strip()
            usable = href.lower().startswith(("http://", "https://", "mailto:", "tel:")) and len(href) <= LONGEST_URL
            if self.style.links and usable and not self.is_linked():
                one.href = _encoded(href)
                self.out.raw("[")
        elif self.style.markdown:
            self.open_marked(one)

    def open_marked(self, one: _Element) -> None:
        if one.name[0] == "h" and one.name[1:] in ("1", "2", "3", "4", "5", "6"):
            self.out.raw("#" * int(one.name[1]) + " ")
        elif one.name == "pre":
            self.out.add(self.where, "```")
        elif (mark := _MARKS.get(one.name)) is not None and mark not in self.out.marks:
            one.mark = mark
            self.out.open_mark(mark)

    def close(self, one: _Element) -> None:
        if one.href:
            if self.out.unsaid("["):
                self.text(one.href)
            else:
                self.out.raw(f"]({one.href})")
        elif one.name == "tr" and self.style.tables and self.cells:
            self.out.raw(" |")
            self.out.end_line(self.where)
            if self.header == self.cells and self.style.markdown:
                self.out.add(self.where, "|" + " --- |" * self.cells)
            self.cells = self.header = 0
        elif one.name == "pre" and self.style.markdown:
            self.out.end_line(self.where)
            self.out.add(self.where, "```")

    def void(self, name: str, attributes: Mapping[str, str]) -> None:
        if self.hidden:
            return
        if name == "br":
            self.out.end_line(self.where)
        elif name == "hr" and self.style.markdown:
            self.out.add(self.where, "---")
            self.out.add(self.where, "")
        elif name == "img" and self.style.images:
            self.image(attributes)

    def image(self, attributes: Mapping[str, str]) -> None:
        source = attributes.get("src", "").strip()
        tiny = any(attributes.get(side, "").strip().removesuffix("px") in ("0", "1") for side in ("width", "height"))
        if tiny or len(source) > LONGEST_URL or not source.lower().startswith(("http://", "https://", "cid:")):
            return
        about = " ".join(attributes.get("alt", "").split())[:500]
        if self.style.image_marks:
            self.out.raw(f"![{_escaped(about)}]({_encoded(source)})")
        else:
            self.out.raw(f"{about} ({source})" if about else source)

    def text(self, text: str) -> None:
        if self.hidden or not text:
            return
        if self.is_in("pre"):
            first, *others = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self.out.raw(first)
            for one in others:
                self.out.end_line(self.where, kept=True)
                self.out.raw(one)
            return
        text = _BLANKS.sub(" ", text)
        if self.out.after_blank and text.startswith(" "):
            text = text[1:]
        if text:
            self.out.raw(_escaped(text) if self.style.markdown and not self.is_in("code") else text)

    @property
    def where(self) -> Line:
        """A line as it would be here, without its text."""
        cited = min(len(self.places["blockquote"]), DEEPEST) if self.style.markdown else 0
        return Line("", self.top.quote, self.top.signature, cited)

    def bullet(self) -> str:
        depth = min(len(self.places["ul"]) + len(self.places["ol"]), DEEPEST)
        indent, place = "  " * max(depth - 1, 0), self.last(("ul", "ol"))
        if place < 0 or self.stack[place].name == "ul":
            return indent + "- "
        self.stack[place].number += 1
        return f"{indent}{self.stack[place].number - 1}. "

    def is_linked(self) -> bool:
        return any(self.stack[place].href for place in self.places["a"][:-1][-1:])


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
    writer.out.end_line(writer.where)
    return writer.out.lines


def _encoded(url: str) -> str:
    """As Markdown can hold it."""
    return _BLANKS.sub("%20", url).replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")


def _escaped(text: str) -> str:
    return _ESCAPED.sub(r"\\\1", text)
