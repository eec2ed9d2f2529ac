"""What a page changes of an application's branding, in words for the person who chooses it.

The pages themselves never fail on a colour: see colours.py. This says what they do with it.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from opengrant.pages.brand import picture
from opengrant.pages.colours import (
    BLACK,
    DARK,
    DARK_ENOUGH,
    LIGHT,
    SHAPE,
    TEXT,
    WHITE,
    Colour,
    Scheme,
    contrast,
    ink,
    legible,
)


class Remark(NamedTuple):
    """field: its place in the application, as `hosted_authentication.color_primary`."""

    field: str
    message: str


def remarks(branding: Mapping[str, object], hosted: Mapping[str, object]) -> list[Remark]:
    """In the order of the fields. Empty for branding that is shown as it is."""
    return [
        *_of_picture("branding.icon_url", branding.get("icon_url")),
        *_of_primary(_colour(hosted, "color_primary")),
        *_of_secondary(_colour(hosted, "color_secondary")),
        *_of_background(_colour(hosted, "background_color")),
        *_of_picture("hosted_authentication.background_image_url", hosted.get("background_image_url")),
    ]


def _of_picture(field: str, url: object) -> Iterator[Remark]:
    if isinstance(url, str) and url and not picture(url):
        yield Remark(field, "Not shown: sign-in pages load no pictures from other servers. Upload the picture instead.")


def _of_primary(colour: Colour | None) -> Iterator[Remark]:
    if colour is None:
        return
    field = "hosted_authentication.color_primary"
    if ink(colour) is BLACK:
        yield Remark(
            field,
            f"Buttons get black text: white text on this colour has a contrast of {_ratio(WHITE, colour)}, and"
            f" {TEXT:g} is needed.",
        )
    yield from _of_links(field, colour, LIGHT, "light", "darker")
    yield from _of_links(field, colour, DARK, "dark", "lighter")
    if contrast(colour, LIGHT.card) < SHAPE:
        yield Remark(
            field,
            f"Buttons get a darker edge in the light theme: on white this colour has a contrast of"
            f" {_ratio(colour, LIGHT.card)}, and {SHAPE:g} is needed.",
        )


def _of_links(field: str, colour: Colour, scheme: Scheme, theme: str, how: str) -> Iterator[Remark]:
    shown = legible(colour, scheme.sunken, TEXT)
    if shown != colour:
        yield Remark(
            field,
            f"Links are shown {how} in the {theme} theme, as #{shown.digits}: this colour has a contrast of"
            f" {_ratio(colour, scheme.sunken)} there, and {TEXT:g} is needed.",
        )


def _of_secondary(colour: Colour | None) -> Iterator[Remark]:
    if colour is not None and contrast(colour, LIGHT.card) < SHAPE:
        yield Remark(
            "hosted_authentication.color_secondary",
            f"Hard to see on white: the contrast is {_ratio(colour, LIGHT.card)}, and {SHAPE:g} is usual for shapes.",
        )


def _of_background(colour: Colour | None) -> Iterator[Remark]:
    if colour is not None and colour.luminance > DARK_ENOUGH:
        yield Remark(
            "hosted_authentication.background_color",
            "The dark theme shows a darker shade of it, so that the page stays dark.",
        )


def _colour(members: Mapping[str, object], name: str) -> Colour | None:
    value = members.get(name)
    return Colour.read(value) if isinstance(value, str) else None


def _ratio(one: Colour, other: Colour) -> str:
    # Rounded down: 4.49 must not be shown as 4.5.
    return f"{int(contrast(one, other) * 10) / 10:g}"
