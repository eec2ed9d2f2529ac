"""The branding of an application, made safe to show."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import urlsplit

from opengrant.pages.colours import Colour, Palette

Alignment = Literal["left", "center", "right"]
_ALIGNMENTS: Mapping[str, Alignment] = {"left": "left", "center": "center", "right": "right"}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")
_WIDEST_GAP = 32


@dataclass(frozen=True, slots=True)
class Brand:
    """An application's name, pictures, words and colours.

    icon, backdrop         a picture of our own origin (`/…`) or a data: URL; empty for none. Pages load nothing from
                           other servers, which would see who signs in
    title, subtitle        empty for our own words
    terms_url, privacy_url absolute http(s) URLs; empty for none
    """

    name: str = ""
    icon: str = ""
    backdrop: str = ""
    title: str = ""
    subtitle: str = ""
    alignment: Alignment = "center"
    terms_url: str = ""
    privacy_url: str = ""
    palette: Palette = field(default_factory=Palette)

    def __post_init__(self) -> None:
        if not all(picture(url) == url for url in (self.icon, self.backdrop)):
            raise ValueError("a page shows pictures of our own origin only, or data: URLs")
        if not all(link(url) == url for url in (self.terms_url, self.privacy_url)):
            raise ValueError("a page leads to http(s) URLs only")

    @classmethod
    def read(cls, branding: Mapping[str, object], hosted: Mapping[str, object], *, icon: str = "") -> Self:
        """From an application's `branding` and `hosted_authentication`, in the wire's names.

        Values that are missing or unsafe are left out; no error is raised.
        icon  our own copy of `icon_url`, if there is one
        """
        standard = Palette()
        primary = Colour.read(_text(hosted, "color_primary")) or standard.primary
        return cls(
            name=_text(branding, "name"),
            icon=picture(icon) or picture(_text(branding, "icon_url")),
            backdrop=picture(_text(hosted, "background_image_url")),
            title=_text(hosted, "title"),
            subtitle=_text(hosted, "subtitle"),
            alignment=_ALIGNMENTS.get(_text(hosted, "alignment"), "center"),
            terms_url=link(_text(hosted, "terms_of_service_url")),
            privacy_url=link(_text(hosted, "privacy_policy_url")),
            palette=Palette(
                primary,
                Colour.read(_text(hosted, "color_secondary")) or primary,
                Colour.read(_text(hosted, "background_color")),
                _gap(hosted.get("spacing"), standard.gap),
            ),
        )

    @property
    def initial(self) -> str:
        """The first letter of the name, in place of a logo."""
        return next((letter.upper()[0] for letter in self.name if letter.isalnum()), "")


def link(url: str) -> str:
    """The URL if a page may link to it: absolute, http or https. Otherwise empty."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.hostname else ""


def picture(url: str) -> str:
    """The URL if it is a path of ours or a data: URL. Otherwise empty."""
    return url if _PICTURE.fullmatch(url) or own(url) else ""


def own(url: str) -> bool:
    """Whether it is a path of our own origin. Browsers read `//` and `/\\` as a host, and skip tabs and newlines."""
    return re.fullmatch(r"/(?![/\\])[^\x00-\x20\x7f\\]*", url) is not None


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    return value.strip() if isinstance(value, str) else ""


def _gap(value: object, otherwise: int) -> int:
    return min(max(value, 0), _WIDEST_GAP) if isinstance(value, int) and not isinstance(value, bool) else otherwise
