"""Whatever an application's colours are, what stands on them or in them can be read."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from opengrant.pages.assets import PACKAGED, find, theme
from opengrant.pages.colours import BLACK, DARK, LIGHT, WHITE, Colour, Palette, Scheme, contrast

colours = st.builds(Colour, *[st.integers(0, 255)] * 3)
palettes = st.builds(Palette, colours, colours, st.none() | colours, st.integers(0, 32))


def declared(stylesheet: str) -> dict[Scheme, dict[str, Colour]]:
    light, dark = stylesheet.split("@media")
    found = {}
    for scheme, part in ((LIGHT, light), (DARK, dark)):
        pairs = re.findall(r"--([a-z-]+):#([0-9a-f]{6})", part)
        found[scheme] = {name: colour for name, digits in pairs if (colour := Colour.read(digits)) is not None}
    return found


@given(palettes)
@example(Palette(Colour(255, 255, 0), WHITE, WHITE))
@example(Palette(WHITE, BLACK, Colour(119, 119, 119)))
@example(Palette(Colour(118, 118, 118), Colour(119, 119, 119)))
def test_every_pair_of_colours_that_meet_has_enough_contrast(palette: Palette) -> None:
    for scheme, made in declared(palette.stylesheet()).items():
        for surface in (scheme.card, scheme.sunken):
            assert contrast(made["accent"], surface) >= 4.5
        assert contrast(made["button-ink"], made["button"]) >= 4.5
        assert contrast(made["button-ink"], made["button-hover"]) >= 4.5
        assert contrast(made["button-edge"], scheme.card) >= 3
        assert contrast(made["mark-ink"], made["mark"]) >= 4.5


@given(palettes)
def test_a_brand_keeps_its_colour_where_nothing_has_to_be_read(palette: Palette) -> None:
    for made in declared(palette.stylesheet()).values():
        assert (made["button"], made["mark"]) == (palette.primary, palette.secondary)


@given(palettes)
def test_the_page_of_the_dark_scheme_is_dark(palette: Palette) -> None:
    assert declared(palette.stylesheet())[DARK]["page"].luminance <= 0.02


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast(BLACK, WHITE) == 21
    assert round(contrast(Colour(0x76, 0x76, 0x76), WHITE), 2) == 4.54  # the lightest grey that passes on white


def test_the_fixed_colours_of_the_stylesheet_can_be_read() -> None:
    stylesheet = PACKAGED["pages.css"].content.decode()
    light, dark = (
        dict(re.findall(r"--([a-z-]+): #([0-9a-f]{6});", part)) for part in stylesheet.split("@media", 2)[:2]
    )
    assert "light-dark(" not in stylesheet
    for scheme, named in ((LIGHT, light), (DARK, dark)):
        fixed = {name: Colour(*bytes.fromhex(digits)) for name, digits in {**light, **named}.items()}
        assert (fixed["card"], fixed["sunken"]) == (scheme.card, scheme.sunken)
        for surface in ("page", "card", "raised", "sunken"):
            for text in ("ink", "soft", "accent", "good", "warn", "wrong"):
                assert contrast(fixed[text], fixed[surface]) >= 4.5, (text, surface)
            for shape in ("edge", "fill-accent", "fill-good", "fill-warn", "fill-wrong"):
                assert contrast(fixed[shape], fixed[surface]) >= 3, (shape, surface)
        for state in ("accent", "good", "warn", "wrong"):
            assert contrast(fixed[state], fixed[f"{state}-sunken"]) >= 4.5, state
        for filled in ("accent", "wrong"):
            assert contrast(fixed[f"{filled}-ink"], fixed[filled]) >= 4.5, filled
        for code in ("ink", "soft", "key", "string", "number", "word"):
            assert contrast(fixed[f"code-{code}"], fixed["code"]) >= 4.5, code


@given(palettes)
def test_any_process_can_answer_for_the_stylesheet_of_a_palette(palette: Palette) -> None:
    name = theme(palette).name
    theme.cache_clear()
    found = find(name)
    assert found is not None
    assert found.content == palette.stylesheet().encode()


@given(st.text() | st.from_regex(r"theme-[0-9a-f]{6}-[0-9a-f]{6}-none-[0-9]{1,2}\.[0-9a-f]{12}\.css", fullmatch=True))
def test_there_is_no_file_of_a_name_that_we_did_not_make(name: str) -> None:
    assert find(name) is None
