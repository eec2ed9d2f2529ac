"""Which texts of an HTML message are not visible, by styles and attributes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Declarations = Mapping[str, str]
Color = tuple[int, int, int]

MOST_RULES = 1000
_FAR = -200.0
"""Pixels: what lies so far out is not on the page."""
_ALIKE = 16
"""Of 255, in each of red, green and blue: closer colours look the same."""
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
_SELECTOR = re.compile(r"([a-z][a-z0-9]*+)?([.#][\w-]++)?", re.IGNORECASE)
_LAST = re.compile(r"[\s>+~]++")
_NUMBER = re.compile(
    r"\s*+([+-]?(?:\d{1,9}+(?:\.\d{0,9}+)?|\.\d{1,9}+))\s*+(px|pt|em|rem|ex|ch|%|cm|mm|in|vw|vh)?", re.IGNORECASE
)
_RGB = re.compile(
    r"rgba?\(\s*+(\d{1,3})[\s,]++(\d{1,3})[\s,]++(\d{1,3})(?:[\s,/]++(\d{0,9}+\.?(?:\d{1,9}+)?)%?)?\s*+\)",
    re.IGNORECASE,
)
_HEX = re.compile(r"#([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})(?![0-9a-f])", re.IGNORECASE)
_NAMED: Mapping[str, Color] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "ghostwhite": (248, 248, 255),
    "whitesmoke": (245, 245, 245),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "navy": (0, 0, 128),
    "yellow": (255, 255, 0),
    "orange": (255, 165, 0),
}
TRANSPARENT = "transparent"


@dataclass(frozen=True, slots=True)
class Look:
    """How a text looks there. gone: neither it nor anything within it is seen. color, background: None: not known."""

    gone: bool = False
    invisible: bool = False
    tiny: bool = False
    color: Color | str | None = (0, 0, 0)
    background: Color | None = (255, 255, 255)

    @property
    def hidden(self) -> bool:
        if self.gone or self.invisible or self.tiny or self.color == TRANSPARENT:
            return True
        if not isinstance(self.color, tuple) or self.background is None:
            return False
        return all(abs(one - other) <= _ALIKE for one, other in zip(self.color, self.background, strict=True))


@dataclass(slots=True)
class Sheet:
    """Rules of style elements: those for a tag, a class or an id alone. Others say only that a background is not known.

    What is within `@media` and the like is left out: it is for small screens, paper and dark rooms.
    """

    rules: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, css: str) -> None:
        css, at = _without_comments(css), 0
        while len(self.rules) < MOST_RULES and (opens := css.find("{", at)) >= 0:
            selectors = css[at:opens].strip()
            if selectors.startswith("@"):
                at = _after_block(css, opens)
                continue
            closes = css.find("}", opens)
            closes = len(css) if closes < 0 else closes
            said = declarations(css[opens + 1 : closes])
            for one in selectors.split(","):
                self._add(one.strip(), said)
            at = closes + 1

    def _add(self, selector: str, said: Declarations) -> None:
        parts = _LAST.split(selector)
        key = _key(parts[-1])
        if len(parts) > 1 or key is None:
            if key is None or not {"background", "background-color", "background-image"} & said.keys():
                return
            said = {"background": "unknown"}
        self.rules.setdefault(key, {}).update(said)

    def of(self, name: str, attributes: Mapping[str, str]) -> dict[str, str]:
        """What counts for an element, by its tag, classes, id and style."""
        found = dict(self.rules.get(name, ()))
        marks = [f".{one}" for one in attributes.get("class", "").split()[:20]]
        for marked in (*marks, "#" + attributes.get("id", "")):
            for key in (marked, name + marked):
                if key in self.rules:
                    found |= self.rules[key]
        if style := attributes.get("style"):
            found |= declarations(style)
        return found


def look(parent: Look, name: str, attributes: Mapping[str, str], said: Declarations) -> Look:
    """How an element within `parent` looks."""
    if parent.gone:
        return parent
    if "hidden" in attributes or _is_gone(said):
        return replace(parent, gone=True)
    found = parent
    if (seen := said.get("visibility")) is not None:
        found = replace(found, invisible=seen in ("hidden", "collapse"))
    if (size := said.get("font-size")) is not None and (number := _NUMBER.match(size)) is not None:
        relative = number[2] is None or number[2].lower() in ("em", "%", "ex", "ch")
        small = float(number[1]) <= (0.05 if relative and number[2] != "%" else 1.0)
        found = replace(found, tiny=small or (found.tiny and relative))
    elif size is not None:
        found = replace(found, tiny=False)
    return _painted(found, name, attributes, said)


def _painted(look_: Look, name: str, attributes: Mapping[str, str], said: Declarations) -> Look:
    color = said.get("color") or (attributes.get("color") if name == "font" else attributes.get("text"))
    if color is not None:
        look_ = replace(look_, color=_color(color))
    elif name == "a" and "href" in attributes:
        look_ = replace(look_, color=None)
    for ground in (attributes.get("bgcolor"), said.get("background-color"), said.get("background")):
        if ground is None or ground in ("none", "inherit", "initial", TRANSPARENT):
            continue
        painted = None if "url(" in ground or "gradient" in ground else _color(ground)
        look_ = replace(look_, background=painted if isinstance(painted, tuple) else None)
    if "background-image" in said or "background" in attributes:
        look_ = replace(look_, background=None)
    return look_


def _is_gone(said: Declarations) -> bool:
    if said.get("display") == "none" or _below(said.get("opacity"), 0.05):
        return True
    if "hidden" in said.get("overflow", "") and any(
        _below(said.get(side), 1.0) for side in ("max-height", "height", "max-width", "width")
    ):
        return True
    if said.get("position") in ("absolute", "fixed") and any(
        _below(said.get(side), _FAR) for side in ("left", "top", "right", "bottom")
    ):
        return True
    clipped = said.get("clip-path", "").startswith(("inset(100%", "inset(50%", "circle(0")) or said.get(
        "clip", ""
    ).startswith("rect(0")
    return clipped or _below(said.get("text-indent"), _FAR) or "scale(0)" in said.get("transform", "")


def _below(value: str | None, most: float) -> bool:
    number = None if value is None else _NUMBER.match(value)
    return number is not None and float(number[1]) <= most


def declarations(style: str) -> dict[str, str]:
    """`a: b; c: d`, in lower case."""
    if "\\" in style:
        style = _CSS_ESCAPE.sub(_unescaped, style)
    if "/*" in style:
        style = _without_comments(style)
    found = dict[str, str]()
    for one in style.lower().split(";"):
        name, colon, value = one.partition(":")
        if colon:
            found[name.strip()] = value.replace("!important", "").strip()
    return found


def _unescaped(found: re.Match[str]) -> str:
    number = int(found[1], 16) if found[1] else 0
    return found[2] or (chr(number) if 0 < number < 0x110000 else "")


def _without_comments(css: str) -> str:
    first, *others = css.split("/*")
    return first + "".join(one.partition("*/")[2] for one in others)


def _after_block(css: str, opens: int) -> int:
    """Behind the bracket that closes the one at `opens`."""
    depth = 0
    for mark in re.compile(r"[{}]").finditer(css, opens):
        depth += 1 if mark[0] == "{" else -1
        if not depth:
            return mark.end()
    return len(css)


def _key(selector: str) -> str | None:
    """None: it is none of those that are looked up."""
    found = _SELECTOR.fullmatch(selector)
    return None if found is None or not selector else (found[1] or "").lower() + (found[2] or "")


def _color(text: str) -> Color | str | None:
    """The first colour in a text, which may be a shorthand of more."""
    if (found := _RGB.search(text)) is not None:
        if found[4] is not None and float(found[4].strip(".") or 0) == 0:
            return TRANSPARENT
        return int(found[1]), int(found[2]), int(found[3])
    if (code := _HEX.search(text)) is not None:
        digits = code[1] if len(code[1]) > 4 else "".join(digit * 2 for digit in code[1])
        if digits[6:] == "00":
            return TRANSPARENT
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    words = text.lower().split()
    return TRANSPARENT if TRANSPARENT in words else next((_NAMED[word] for word in words if word in _NAMED), None)
