"""Writes the answers of /openapi.json as TypeScript: src/console/core/wire.ts, which the console is checked against.

`./dev fix` runs it; tests/web/test_wire.py fails when the file is out of date. Requests are left out: the console
builds their bodies from forms.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opengrant.api.http.openapi import document
from opengrant.server import asgi  # noqa: F401 -- loads every route

FILE = Path(__file__).parent / "src/console/core/wire.ts"
HEADER = "/** The answers of our public API, by web/wire.py from /openapi.json: do not edit. Times are Unix seconds. */"
_WIDTH = 120
"""Columns of a line, as in biome.jsonc."""


def typescript(openapi: Mapping[str, Any]) -> str:
    """One exported type for each schema that an answer with status 2xx refers to, in alphabetical order."""
    schemas = openapi["components"]["schemas"]
    wanted = _reachable(
        schemas,
        (
            answer
            for methods in openapi["paths"].values()
            for operation in methods.values()
            for status, answer in operation["responses"].items()
            if status.startswith("2")
        ),
    )
    return "\n\n".join([HEADER, *(_declaration(name, schemas[name]) for name in sorted(wanted))]) + "\n"


def _reachable(schemas: Mapping[str, Any], roots: Iterable[Any]) -> set[str]:
    found: set[str] = set()
    waiting = [name for root in roots for name in _references(root)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(schemas[name])
    return found


def _references(node: object) -> list[str]:
    if isinstance(node, Mapping):
        reference = node.get("$ref")
        own = [_name(reference)] if isinstance(reference, str) and "/schemas/" in reference else []
        return own + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    comment = _comment(schema, "")
    if schema.get("properties"):
        return f"{comment}export interface {name} {_members(schema)}"
    return comment + _statement(f"export type {name} =", schema, "")


def _members(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    lines = ["{"]
    for name, member in schema["properties"].items():
        start = f"    {name}:" if name in required else f"    {name}?:"
        lines.append(_comment(member, "    ") + _statement(start, member, "    "))
    return "\n".join([*lines, "}"])


def _comment(schema: Mapping[str, Any], indent: str) -> str:
    text = " ".join(schema.get("description", "").split())
    return f"{indent}/** {text} */\n" if text else ""


def _statement(start: str, schema: Mapping[str, Any], indent: str) -> str:
    """`start` and the type, as biome formats them: a union that is too long for a line has one for each member."""
    array = schema.get("type") == "array"
    members = _members_of_union(schema["items"] if array else schema)
    line = f"{start} {_type(schema)};"
    if len(line) <= _WIDTH or len(members) == 1:
        return line
    union = "".join(f"\n{indent}    | {member}" for member in members)
    return f"{start} ({union}\n{indent})[];" if array else f"{start}{union};"


def _type(schema: Mapping[str, Any]) -> str:
    if schema.get("type") == "array":
        element = _type(schema["items"])
        return f"({element})[]" if " | " in element else f"{element}[]"
    return " | ".join(_members_of_union(schema))


def _members_of_union(schema: Mapping[str, Any]) -> list[str]:
    if "$ref" in schema:
        return [_name(schema["$ref"])]
    if "const" in schema:
        return [json.dumps(schema["const"])]
    if "enum" in schema:
        return [json.dumps(value) for value in schema["enum"]]
    if "anyOf" in schema:
        return list(dict.fromkeys(member for one in schema["anyOf"] for member in _members_of_union(one)))
    return [_plain(schema)]


def _plain(schema: Mapping[str, Any]) -> str:
    """Raises KeyError for a shape that no answer has had so far."""
    if schema["type"] == "array":
        return _type(schema)
    if schema["type"] == "object":
        if schema.get("properties") == {}:
            return "Record<string, never>"
        values = schema.get("additionalProperties", True)
        return f"Record<string, {'unknown' if values is True else _type(values)}>"
    return {"integer": "number", "number": "number", "string": "string", "boolean": "boolean"}[schema["type"]]


if __name__ == "__main__":
    FILE.write_text(typescript(document()))
