"""A row of an import: a body of POST /v3/connect/custom, with `id`, `external_id` and `grant_id`.

The API and the command line read rows by this one parser. An unknown member is refused here, where connect/custom
ignores it: in a file of a million rows, a misspelt column would be noticed too late.
"""

import re
from typing import Any, get_args

from opengrant.api.connect import provider_of
from opengrant.api.http.decoding import decode
from opengrant.api.wire import connect as wire
from opengrant.errors import InvalidRequest
from opengrant.imports.mapping import did_you_mean
from opengrant.imports.rows import RowForm
from opengrant.model.imports import ImportRow

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LONGEST_KEY = 256
_OF_A_ROW = frozenset({"id", "grant_id"})
_OUTSIDE: dict[type[wire.ConnectBody], frozenset[str]] = {}
_INSIDE: dict[type[wire.ConnectBody], frozenset[str]] = {}
for _variant in get_args(wire.CustomVariant):
    _OUTSIDE[_variant] = frozenset(_variant.model_fields) | _OF_A_ROW | {"credential_id"}
    _INSIDE[_variant] = frozenset(_variant.model_fields["settings"].annotation.model_fields)


def parse_row(sent: dict[str, Any], line: int) -> ImportRow:
    """Raises InvalidRequest, which names every wrong member and quotes no value."""
    provider = provider_of(sent)
    settings = sent.get("settings")
    inside = settings if isinstance(settings, dict) else {}
    if "credential_id" in sent and inside.get("credential_id") is None:
        inside["credential_id"] = sent["credential_id"]  # as connect/custom takes it
    shape = wire.custom_variant(provider, inside)
    if not (sent.keys() <= _OUTSIDE[shape] and inside.keys() <= _INSIDE[shape]):
        _refuse_unknown(sent, inside, shape, provider)
    key, grant_id = _key(sent.get("id")), _grant_id(sent.get("grant_id"))
    return ImportRow(line, decode(shape, sent).to_model(), key, grant_id)


def _refuse_unknown(sent: dict[str, Any], inside: dict[str, Any], shape: type[wire.ConnectBody], provider: str) -> None:
    for where, members, known in (("", sent, _OUTSIDE[shape]), ("settings.", inside, _INSIDE[shape])):
        for name, value in members.items():
            if name not in known and value not in (None, ""):
                raise InvalidRequest(
                    f"{where}{_shown(name)}: is not supported for {provider}{did_you_mean(name, known)}."
                )


def _shown(name: str) -> str:
    """A name from the row, without what a terminal would obey."""
    return name[:64] if name.isprintable() else repr(name[:64])


def _key(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > _LONGEST_KEY or not value.isprintable():
        raise InvalidRequest(f"id: should be a string of at most {_LONGEST_KEY} printable characters.")
    return value


def _grant_id(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or _UUID.fullmatch(value) is None:
        raise InvalidRequest("grant_id: should be a UUID in lower-case letters, with hyphens.")
    return value


ROWS = RowForm(parse=parse_row, settings=frozenset[str]().union(*_INSIDE.values()))
"""Rows of imports, for what reads them."""
