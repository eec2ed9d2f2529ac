"""The pages that are built from web/: /reference, /console and the files they load.

The build writes each file three times, plain, `.br` and `.gz`. All names but those of the two pages contain a digest.
"""

import functools
from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePath

from opengrant.pages.assets import PREFIX, TYPES, Asset

__all__ = ["PREFIX", "NotBuilt", "find", "page"]

_ENCODINGS = {".br": "br", ".gz": "gzip"}


class NotBuilt(Exception):
    """This checkout has no built pages."""


def page(name: str) -> Asset:
    """The document `reference` or `console`. Raises NotBuilt."""
    asset = _all().get(f"{name}.html")
    if asset is None:
        raise NotBuilt("The pages of this checkout have not been built. `./dev serve` builds them.")
    return asset


def find(name: str) -> Asset | None:
    """A file that the documents load, by its exact name; its content never changes.

    The licences of the packages in them are in the same folder. They are not served: their name never changes.
    """
    return None if name.endswith(".html") or name == "licences.txt" else _all().get(name)


@functools.cache
def _all() -> Mapping[str, Asset]:
    directory = files(__package__) / "built"
    if not directory.is_dir():
        return {}
    contents = {file.name: file.read_bytes() for file in directory.iterdir()}
    return {
        name: Asset(
            name,
            content,
            TYPES[PurePath(name).suffix.removeprefix(".")],
            {
                encoding: contents[name + ending]
                for ending, encoding in _ENCODINGS.items()
                if len(contents.get(name + ending, content)) < len(content)
            },
        )
        for name, content in contents.items()
        if PurePath(name).suffix not in _ENCODINGS
    }
