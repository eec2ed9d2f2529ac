"""Colours of an application, made legible: WCAG 2.2 luminance and contrast, and the stylesheet of a palette.

The brand's colour fills the buttons unchanged. The label of a button is black or white; its edge and the links are the
brand's colour, moved towards black or white until the contrast is sufficient.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, Self

TEXT = 4.5
"""Contrast of text (success criterion 1.4.3)."""
SHAPE = 3.0
"""Contrast of edges, icons and focus rings (1.4.11)."""


class Colour(NamedTuple):
    """sRGB, 0 to 255 each."""

    red: int
    green: int
    blue: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """`#abc`, `#aabbcc`, also with opacity, which is ignored. None for anything else."""
        found = re.fullmatch(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", text.strip().lower())
        if found is None:
            return None
        digits = found[1]
        if len(digits) < 6:
            digits = "".join(digit * 2 for digit in digits)
        return cls(*bytes.fromhex(digits[:6]))

    @property
    def digits(self) -> str:
        """Six hexadecimal digits."""
        return bytes(self).hex()

    @property
    def luminance(self) -> float:
        """Relative luminance: 0 is black, 1 is white."""
        red, green, blue = (_linear(part / 255) for part in self)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def towards(self, other: "Colour", share: float) -> "Colour":
        """This colour with a share (0 to 1) of another in it."""
        return Colour(*(round(mine + (theirs - mine) * share) for mine, theirs in zip(self, other, strict=True)))


BLACK, WHITE = Colour(0, 0, 0), Colour(255, 255, 255)


def contrast(one: Colour, other: Colour) -> float:
    """1 (the same) to 21 (black on white)."""
    dark, light = sorted((one.luminance, other.luminance))
    return (light + 0.05) / (dark + 0.05)


def ink(surface: Colour) -> Colour:
    """White where it can be read, else black. One of them reaches 4.5 on every colour."""
    return WHITE if contrast(WHITE, surface) >= TEXT else BLACK


def legible(colour: Colour, surface: Colour, least: float) -> Colour:
    """The colour, moved as little as needed towards black or white to have `least` contrast with the surface."""
    pole = max(BLACK, WHITE, key=lambda candidate: contrast(candidate, surface))
    steps = (colour.towards(pole, step / 50) for step in range(51))
    return next((step for step in steps if contrast(step, surface) >= least), pole)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


class Scheme(NamedTuple):
    """The fixed surfaces of one colour scheme; common.css has the same values.

    card    what everything stands on
    sunken  fields, help and hover inside the card: where contrast with the accent is lowest
    page    around the card, unless the application names a colour
    """

    card: Colour
    sunken: Colour
    page: Colour


LIGHT = Scheme(WHITE, Colour(0xF2, 0xF4, 0xF7), Colour(0xF2, 0xF4, 0xF7))
DARK = Scheme(Colour(0x13, 0x15, 0x19), Colour(0x1F, 0x22, 0x28), Colour(0x0B, 0x0C, 0x0F))
DARK_ENOUGH = 0.02
"""Luminance that the page may have in the dark scheme."""
_OURS = Colour(0x2F, 0x55, 0xD4)


@dataclass(frozen=True, slots=True)
class Palette:
    """What an application may choose.

    primary     buttons, links, focus
    secondary   the initial that stands in for a logo, and the line above the card
    background  around the card; None: the scheme's own
    gap         pixels between buttons
    """

    primary: Colour = _OURS
    secondary: Colour = _OURS
    background: Colour | None = None
    gap: int = 10

    def stylesheet(self) -> str:
        """Custom properties for both schemes, which static/pages.css takes up."""
        light, dark = (_properties(self, scheme) for scheme in (LIGHT, DARK))
        return (
            f":root{{--gap:{self.gap}px;{_declared(light)}}}\n"
            f"@media (prefers-color-scheme:dark){{:root{{{_declared(dark)}}}}}\n"
        )


def _properties(palette: Palette, scheme: Scheme) -> dict[str, Colour]:
    label = ink(palette.primary)
    away = BLACK if label is WHITE else WHITE  # so that hovering never costs contrast
    return {
        "page": _page(palette, scheme),
        "accent": legible(palette.primary, scheme.sunken, TEXT),
        "button": palette.primary,
        "button-hover": palette.primary.towards(away, 0.14),
        "button-ink": label,
        "button-edge": legible(palette.primary, scheme.card, SHAPE),
        "mark": palette.secondary,
        "mark-ink": ink(palette.secondary),
    }


def _page(palette: Palette, scheme: Scheme) -> Colour:
    if palette.background is None:
        return scheme.page
    if scheme is LIGHT:
        return palette.background
    steps = (palette.background.towards(BLACK, step / 50) for step in range(51))
    return next(step for step in steps if step.luminance <= DARK_ENOUGH)


def _declared(properties: dict[str, Colour]) -> str:
    return ";".join(f"--{name}:#{colour.digits}" for name, colour in properties.items())
