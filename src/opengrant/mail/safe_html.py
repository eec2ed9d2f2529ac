"""HTML that is safe to show, made of HTML that is not: no scripts, no forms, nothing that lies over a page."""

import re

import nh3

_STYLES = {
    *("background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-radius"),
    *("border-right", "border-spacing", "border-style", "border-top", "border-width", "color", "font", "font-family"),
    *("font-size", "font-style", "font-weight", "height", "letter-spacing", "line-height", "margin", "margin-bottom"),
    *("margin-left", "margin-right", "margin-top", "max-width", "padding", "padding-bottom", "padding-left"),
    *("padding-right", "padding-top", "text-align", "text-decoration", "text-transform", "vertical-align"),
    *("white-space", "width"),
}
"""What mail programs show of styles; none of these moves a thing out of its place or loads anything."""
_ATTRIBUTES = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"style", "dir", "lang", "title", "align", "valign", "width", "height", "bgcolor"},
    "font": {"color", "face", "size"},
}
_ATTRIBUTES["table"] |= {"border", "cellpadding", "cellspacing"}
_CLEANER = nh3.Cleaner(
    tags=nh3.ALLOWED_TAGS | {"font", "big"},
    attributes=_ATTRIBUTES,
    filter_style_properties=_STYLES,
    url_schemes={"http", "https", "mailto", "tel", "cid"},
    url_relative="deny",
)
MOST_TAGS = 4000
"""For an HTML parser, time grows with the square of how deep elements lie within each other: 4,000 are 0.1 s."""
_IMAGE_WITHIN = re.compile(r"""\bsrc\s*+=\s*+(?:["']\s*+)?data:""", re.IGNORECASE)


def safe_html(html: str) -> str:
    """Raises ValueError: there are too many tags. It may take 0.1 s, and belongs in a thread."""
    if html.count("<") > MOST_TAGS:
        raise ValueError(html.count("<"))
    return _CLEANER.clean(html)


def has_image_within(html: str) -> bool:
    """Whether an image is written out in the text (`data:`), which mail programs do not show."""
    return _IMAGE_WITHIN.search(html) is not None
