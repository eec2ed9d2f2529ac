"""/openapi.json in pieces, for /reference: the list of all operations, and each operation with what it refers to.

The whole document is more than a megabyte. The page shows one operation at a time.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import from_json, to_json

_DETAILS = frozenset({"description", "parameters", "requestBody", "responses"})
"""Members of an operation that a list of operations does without."""
_REF = re.compile(rb'"\$ref":"#/components/(\w+)/([^"]+)"')


class Pieces:
    """Pieces of one document. Each is an OpenAPI document itself, as JSON."""

    def __init__(self, document: bytes) -> None:
        whole = from_json(document)
        self.operations = to_json(_outline(whole))
        self._paths = {
            operation["operationId"]: to_json({path: {verb: operation}})
            for path, verbs in whole["paths"].items()
            for verb, operation in verbs.items()
        }
        self._components = {
            (kind, name): to_json(component)
            for kind, components in whole["components"].items()
            for name, component in components.items()
        }

    def operation(self, operation_id: str) -> bytes | None:
        """An operation with the components that it refers to; None if there is no such operation."""
        paths = self._paths.get(operation_id)
        if paths is None:
            return None
        by_kind: dict[str, dict[str, bytes]] = {}
        for kind, name in self._needed_by(paths):
            by_kind.setdefault(kind, {})[name] = self._components[kind, name]
        return _object({"paths": paths, "components": _object({kind: _object(some) for kind, some in by_kind.items()})})

    def _needed_by(self, json: bytes) -> Iterable[tuple[str, str]]:
        """The components that a piece refers to, directly or by another component."""
        found: dict[tuple[str, str], None] = {}
        look_in = [json]
        while look_in:
            for kind, name in _REF.findall(look_in.pop()):
                key = (kind.decode(), name.decode())
                if key not in found:
                    found[key] = None
                    look_in.append(self._components[key])
        return found


def _outline(whole: Mapping[str, Any]) -> dict[str, Any]:
    paths = {
        path: {
            verb: {name: value for name, value in operation.items() if name not in _DETAILS}
            for verb, operation in verbs.items()
        }
        for path, verbs in whole["paths"].items()
    }
    components = {"securitySchemes": whole["components"]["securitySchemes"]}
    return {**whole, "paths": paths, "components": components}


def _object(members: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join(to_json(name) + b":" + value for name, value in members.items()) + b"}"
