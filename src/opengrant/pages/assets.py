"""Files that pages load. Names contain a digest of the content, so browsers may cache them for ever.

pages.css begins with common.css, which the built pages share. Its typeface comes from their build; without one the
pages use a font of the system.

Besides the files of static/ there is a stylesheet for each palette. Its name contains the colours, so any process can
make it without knowing the application.
"""

import functools
import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType

from opengrant.pages.colours import Colour, Palette

PREFIX = "/static/"
TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
"""By file name extension."""
_DIGEST = 12
_BOTH = re.compile(r"--([a-z-]+): light-dark\(.+, (.+)\);")
_THEME = re.compile(r"theme-([0-9a-f]{6})-([0-9a-f]{6})-([0-9a-f]{6}|none)-([0-9]{1,2})\.[0-9a-f]{12}\.css")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `name` is the last segment of its URL; `encoded`: its content by Content-Encoding, smallest first."""

    name: str
    content: bytes
    content_type: str
    encoded: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Its URL, without the origin."""
        return PREFIX + self.name


def _asset(stem: str, ending: str, content: bytes) -> Asset:
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST]
    encoded = {"gzip": gzip.compress(content, mtime=0)}
    return Asset(f"{stem}.{digest}.{ending}", content, TYPES[ending], encoded)


def _packaged() -> dict[str, Asset]:
    found = {}
    for file in (files(__package__) / "static").iterdir():
        stem, _, ending = file.name.partition(".")
        content = file.read_bytes()
        if file.name == "pages.css":
            content = _slim(f"{_common()}\n{content.decode()}").encode()
        found[file.name] = _asset(stem, ending, content)
    return found


def _slim(stylesheet: str) -> str:
    """Without comments and indentation: a quarter of its compressed size."""
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", stylesheet, flags=re.DOTALL))


def _common() -> str:
    """common.css for the browsers of mailbox owners, which may be too old for light-dark()."""
    text = (files(__package__) / "common.css").read_text()
    text = re.sub(r'url\("[^"]*/([a-z-]+)\.woff2"\)', lambda found: _font(found[1]), text)
    dark = "\n".join(f"    --{name}: {value};" for name, value in re.findall(_BOTH, text))
    light = re.sub(r"light-dark\((.+), .+\);", r"\1;", text)
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n  :root {{\n{dark}\n  }}\n}}\n"


def _font(stem: str) -> str:
    path = typeface(stem)
    return f'url("{path}")' if path else 'local("Geist")'


def typeface(stem: str = "geist") -> str:
    """The path of a file of the typeface; empty if the pages have not been built."""
    built = files(__package__) / "built"
    names = [file.name for file in built.iterdir()] if built.is_dir() else []
    return next((PREFIX + name for name in names if re.fullmatch(rf"{stem}\.[\w-]+\.woff2", name)), "")


PACKAGED: Mapping[str, Asset] = MappingProxyType(_packaged())
"""By the name in static/."""
_BY_NAME = {asset.name: asset for asset in PACKAGED.values()}


@functools.lru_cache(maxsize=256)
def theme(palette: Palette) -> Asset:
    """The stylesheet of a palette."""
    background = "none" if palette.background is None else palette.background.digits
    stem = f"theme-{palette.primary.digits}-{palette.secondary.digits}-{background}-{palette.gap}"
    return _asset(stem, "css", palette.stylesheet().encode())


def find(name: str) -> Asset | None:
    """The file of exactly this name; None for a name of another release."""
    if (found := _BY_NAME.get(name)) is not None:
        return found
    if (parts := _THEME.fullmatch(name)) is None:
        return None
    primary, secondary, background = (Colour.read(digits) for digits in parts.groups()[:3])
    if primary is None or secondary is None:
        return None
    made = theme(Palette(primary, secondary, background, int(parts[4])))
    return made if made.name == name else None
