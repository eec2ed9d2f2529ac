"""Parts of /openapi.json, for pages that show one operation at a time. Each is an OpenAPI document of its own.

index       all operations, with their names and nothing else
operation   one operation, with what it refers to
"""

from collections.abc import Iterator, Mapping
from typing import Any

_IN_THE_INDEX = frozenset({"operationId", "summary", "tags", "x-opengrant-addition", "x-opengrant-same-as"})
_REF = "#/components/"


def index(document: Mapping[str, Any]) -> dict[str, Any]:
    paths = {
        path: {
            method: {name: operation[name] for name in operation if name in _IN_THE_INDEX}
            for method, operation in item.items()
        }
        for path, item in document["paths"].items()
    }
    return {**document, "paths": paths, "components": {}}


def operation(document: Mapping[str, Any], operation_id: str) -> dict[str, Any] | None:
    """None when the document has no such operation."""
    for path, item in document["paths"].items():
        for method, found in item.items():
            if found["operationId"] == operation_id:
                schemes = {"securitySchemes": document["components"]["securitySchemes"]}
                return {
                    **document,
                    "tags": [tag for tag in document["tags"] if tag["name"] in found["tags"]],
                    "paths": {path: {method: found}},
                    "components": {**reachable(found, document["components"]), **schemes},
                }
    return None


def reachable(part: object, components: Mapping[str, Any]) -> dict[str, Any]:
    """The components that a part of a document refers to, directly or by others."""
    names: set[str] = set()
    waiting = list(_references(part))
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            kind, _, key = name.partition("/")
            waiting += _references(components[kind][key])
    kept = {
        kind: {key: component for key, component in of_kind.items() if f"{kind}/{key}" in names}
        for kind, of_kind in components.items()
    }
    return {kind: of_kind for kind, of_kind in kept.items() if of_kind}


def _references(part: object) -> Iterator[str]:
    """As `schemas/Grant`."""
    if isinstance(part, Mapping):
        if isinstance(reference := part.get("$ref"), str):
            yield reference.removeprefix(_REF)
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
