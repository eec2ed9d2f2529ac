"""The sentences of the pages: one catalogue for each language in catalogues/, all with the same names.

A catalogue is read when the first reader of its language comes. How a catalogue is made: docs/decisions/0031.
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

_ENDING = ".toml"
_LONGEST = 1000
"""Characters of Accept-Language that are read."""


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language. `say` is the call: `say("onward.title_for", name="Google")`.

    tag        BCP 47, for `lang` and Content-Language
    direction  ltr or rtl
    """

    tag: str
    direction: Literal["ltr", "rtl"]
    sentences: Mapping[str, str] = field(repr=False)

    def __call__(self, name: str, /, **values: object) -> str:
        """The sentence of this name with the values in its placeholders. Raises KeyError."""
        return self.sentences[name].format_map(values)


@functools.cache
def tags() -> frozenset[str]:
    """The languages that there are."""
    names = (file.name for file in (files(__package__) / "catalogues").iterdir())
    return frozenset(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING))


@functools.cache
def words(tag: str) -> Words:
    """The sentences of a language of `tags()`."""
    catalogue = tomllib.loads((files(__package__) / "catalogues" / f"{tag}{_ENDING}").read_text(encoding="utf-8"))
    about = catalogue.pop("language")
    sentences = {f"{table}.{name}": text for table, rows in catalogue.items() for name, text in rows.items()}
    return Words(tag, about["direction"], MappingProxyType(sentences))


def english() -> Words:
    """The language of readers who ask for none that there is."""
    return words("en")


def preferred(accept_language: str) -> Words:
    """The best language for a browser's Accept-Language (RFC 9110, 12.5.4).

    A region counts for nothing: `pt-PT` gets the Portuguese that there is.
    """
    ranked: list[tuple[float, str]] = []
    for part in accept_language[:_LONGEST].split(","):
        tag, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = _weight(parameters)
        if weight > 0:
            ranked.append((weight, tag.partition("-")[0]))
    # The sort keeps the browser's order among equals.
    for _, language in sorted(ranked, key=lambda one: -one[0]):
        if language in tags():
            return words(language)
        if language == "*":
            break
    return english()


def _weight(parameters: list[str]) -> float:
    given = next((one.partition("=")[2] for one in parameters if one.replace(" ", "").startswith("q=")), "1")
    try:
        weight = float(given)
    except ValueError:
        return 0
    return weight if 0 <= weight <= 1 else 0
