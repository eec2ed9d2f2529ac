"""Rows of other systems as rows of this one: which of their members is which of ours.

A row of ours is a body of POST /v3/connect/custom with `id`, `external_id` and `grant_id`. A table has no objects in
objects, so its columns are flat: `refresh_token` is `settings.refresh_token`.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

from pydantic_core import from_json, to_json

from opengrant.errors import InvalidRequest
from opengrant.imports.presets import PRESETS

OUTSIDE = frozenset(
    {"provider", "id", "external_id", "grant_id", "name", "state", "scope", "scopes", "workspace_id", "settings"}
)
"""Members of a row beside those of its settings."""
_NUMBER = re.compile("[0-9]{1,6}")
_SIMPLE: Mapping[str, Mapping[str, str]] = {
    "imap": {"username": "imap_username", "password": "imap_password", "host": "imap_host", "port": "imap_port"},
    "ews": {"username": "ews_username", "password": "ews_password", "host": "ews_host", "port": "ews_port"},
}
"""Plain names of columns that mean just one setting of a provider."""
_NAMES = frozenset(name for names in _SIMPLE.values() for name in names)
_ADDRESS = {"imap": "imap_username", "ews": "ews_username", "icloud": "username"}
"""The user name that a column `email` stands for where none is named."""
_WITH_EMAIL = frozenset({"imap", "ews"})
"""Providers whose settings have an `email` beside the user name."""
_BY_TOKEN = frozenset({"google", "microsoft", "yahoo", "zoom"})


@dataclass(frozen=True, slots=True)
class RowMap:
    """How rows are read that are not of our shape. With one, nothing else of a row is read.

    sources    our member → where it stands in their row: names with dots between
    constants  our member → what it is in every row
    preset     name of a system whose rows are known; it comes first
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    preset: str | None = None

    @classmethod
    def of(
        cls, maps: Sequence[str], constants: Sequence[str], preset: str | None, *, known: frozenset[str]
    ) -> "RowMap | None":
        """From `target=source` and `target=value`; None if there are none.

        known    members of our `settings`
        Raises   InvalidRequest
        """
        if not maps and not constants and preset is None:
            return None
        if preset is not None and preset not in PRESETS:
            raise InvalidRequest(f"There is no preset {preset!r}. There are: {', '.join(PRESETS)}.")
        return cls(_pairs(maps, "--map", known), _pairs(constants, "--set", known), preset)

    @property
    def mark(self) -> bytes:
        """Differs for maps that read the same input differently."""
        return sha256(to_json([self.sources, self.constants, self.preset])).digest()

    def apply(self, theirs: Mapping[str, Any]) -> dict[str, Any]:
        """Our row. Raises InvalidRequest."""
        flat = {} if self.preset is None else PRESETS[self.preset].read(theirs, _look_up)
        for target, source in self.sources.items():
            value = _look_up(theirs, source)
            if value is not None and value != "":
                flat[target] = value
        flat.update(self.constants)
        return nested(flat)


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A row from columns: `settings.refresh_token` and `refresh_token` are both members of `settings`."""
    row: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    provider = flat.get("provider")
    simple = _SIMPLE.get(provider, {}) if isinstance(provider, str) else {}
    for column, given in flat.items():
        is_json = column == "settings" and isinstance(given, str) and given.lstrip().startswith("{")
        value = _opened(given) if is_json else given
        if column == "settings" and isinstance(value, dict):
            settings = {**value, **settings}
        elif column in OUTSIDE:
            row[column] = value
        else:
            name = column.removeprefix("settings.")
            settings.setdefault(simple.get(name, name), value)
    _place_address(settings, provider)
    if settings:
        row["settings"] = settings
    return row


def _place_address(settings: dict[str, Any], provider: object) -> None:
    """A column `email` is the user name where none is named. Of a token, the provider tells it."""
    if not isinstance(provider, str) or "email" not in settings:
        return
    if provider in _ADDRESS:
        settings.setdefault(_ADDRESS[provider], settings["email"])
        if provider not in _WITH_EMAIL:
            del settings["email"]
    elif provider in _BY_TOKEN:
        address = settings.pop("email")
        if "refresh_token" not in settings:
            settings.setdefault("email_address", address)


def check_columns(columns: Sequence[str], known: frozenset[str]) -> None:
    """Refuse a CSV with a column that no row has: it would make every row wrong. Raises InvalidRequest."""
    wrong = [column for column in columns if not _is_known(column, known)]
    if len(wrong) == len(columns):
        # Nothing is quoted: if it is no header, it is a row with a token or a password.
        raise InvalidRequest(
            "Line 1: no column is known. The first line of a CSV names the columns: provider,refresh_token,… For other"
            " names, say which to read with --map."
        )
    if wrong:
        near = did_you_mean(wrong[0].removeprefix("settings."), known | OUTSIDE)
        raise InvalidRequest(
            f"Line 1: the column {wrong[0][:64]!r} is not known{near}. Leave it out, or name the columns to read with"
            " --map."
        )


def _is_known(column: str, known: frozenset[str]) -> bool:
    name = column.removeprefix("settings.")
    return column in OUTSIDE or name in known or name in _NAMES


def did_you_mean(name: str, known: frozenset[str]) -> str:
    """What a sentence ends with; empty if nothing is near."""
    return _near(name[:64], known)


@lru_cache(256)
def _near(name: str, known: frozenset[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _pairs(given: Sequence[str], option: str, known: frozenset[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for one in given:
        target, equals, value = one.partition("=")
        target, value = target.strip(), value.strip()
        if not equals or not target or not value:
            raise InvalidRequest(f"{option}: write TARGET={'SOURCE' if option == '--map' else 'VALUE'}.")
        if not _is_known(target, known):
            near = did_you_mean(target.removeprefix("settings."), known | OUTSIDE)
            raise InvalidRequest(f"{option}: {target[:64]!r} is no member of a row{near}.")
        if target in pairs:
            raise InvalidRequest(f"{option}: {target!r} is there twice.")
        pairs[target] = value
    return pairs


def _look_up(theirs: Mapping[str, Any], path: str) -> Any:
    """A value by its path; None if there is none. Text that is JSON, as databases write it, is opened."""
    if path in theirs:  # a column may have dots in its name
        return theirs[path]
    value: Any = theirs
    for name in path.split("."):
        if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
            value = _opened(value)
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and _NUMBER.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _opened(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return text
