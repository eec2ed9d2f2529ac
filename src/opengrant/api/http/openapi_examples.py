"""Examples of fields, bodies and answers for /openapi.json.

One cast plays in all of them: the application Acme, the mailbox of Ana, on Monday, 2 March 2026. An example is written
once, for a field: in the example of a request body, beside its model, or in the table below. Whole answers are put
together from fields.
"""

from collections.abc import Iterable, Mapping
from typing import Any

REQUEST_ID = "6f0c1d9e-7a51-4e0f-9f3f-0d8f5b7f2a11"
GRANT_ID = "1f2e3d4c-0000-4000-8000-0000000000d1"
LOCATION = "https://app.example.com/callback?code=example-code&state=customer-42"
NEXT_CURSOR = "eyJhZnRlciI6MTc3MjQzODQwMH0"

Schemas = Mapping[str, dict[str, Any]]


def add_to(schemas: Schemas, bodies: Iterable[tuple[str, Any]]) -> None:
    """Give every field of the schemas an example, in place. bodies: (schema, example of the whole)."""
    found: dict[tuple[str, str], Any] = {}
    for name, body in bodies:
        _collect(schemas, name, body, found)
    for name, schema in schemas.items():
        for field, shape in schema.get("properties", {}).items():
            if "examples" in shape or leads_on(shape, schemas):
                continue
            for example in _candidates(name, field, shape, found):
                shape["examples"] = [example]
                break


def _candidates(
    schema: str, field: str, shape: Mapping[str, Any], found: Mapping[tuple[str, str], Any]
) -> Iterable[Any]:
    """The most special first."""
    if (own := f"{schema}.{field}") in _EXAMPLES:
        yield _EXAMPLES[own]
    if (schema, field) in found:
        yield found[schema, field]
    if "const" in shape:
        yield shape["const"]
    if "enum" in shape:
        yield shape["enum"][0]
    if field in _EXAMPLES:
        yield _EXAMPLES[field]
    if "default" in shape and shape["default"] not in ("", []):
        yield shape["default"]
    if shape.get("type") == "boolean":
        yield True
    if "enum" in shape.get("items", {}):
        yield [shape["items"]["enum"][0]]


def _collect(schemas: Schemas, name: str, value: object, found: dict[tuple[str, str], Any]) -> None:
    """Note the values that an example gives to the fields of a schema, and of those within it."""
    if not isinstance(value, dict):
        return
    fields = schemas[name].get("properties", {})
    for field, inner in value.items():
        if field in fields:
            found.setdefault((name, field), inner)
            for within in _models(fields[field]):
                for one in inner if isinstance(inner, list) else [inner]:
                    _collect(schemas, within, one, found)


def _models(shape: Mapping[str, Any]) -> Iterable[str]:
    """The schemas that a field, or an item of it, refers to."""
    if "$ref" in shape:
        yield shape["$ref"].rpartition("/")[2]
    for part in (*shape.get("anyOf", ()), *shape.get("oneOf", ()), *([shape["items"]] if "items" in shape else ())):
        yield from _models(part)


def leads_on(shape: Mapping[str, Any], schemas: Schemas) -> bool:
    """Whether it is an object with fields of its own, or a list of such: the examples are those of the fields."""
    return any("properties" in schemas[name] for name in _models(shape))


def compose(shape: Mapping[str, Any], schemas: Schemas) -> Any:
    """An example of a whole, from those of its fields."""
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        found = schemas[name]
        if "properties" not in found:
            return compose(found, schemas)
        fields = found["properties"].items()
        return {field: compose(inner, schemas) for field, inner in fields if f"{name}.{field}" not in _LEFT_OUT}
    given = (*shape.get("examples", ()), *([shape["const"]] if "const" in shape else ()), *shape.get("enum", ()))
    if given:
        return given[0]
    if choices := (*shape.get("anyOf", ()), *shape.get("oneOf", ())):
        return compose(choices[0], schemas)
    if shape.get("type") == "array":
        return [compose(shape["items"], schemas)]
    return {name: compose(inner, schemas) for name, inner in shape.get("properties", {}).items()}


_LEFT_OUT = frozenset(
    {"Grant.email_aliases", "GrantHealth.trouble", "GrantHealth.degraded", "GrantHealth.missing_scopes"}
)
"""Fields that do not go together with the others of their model in one answer."""

_EXAMPLES: dict[str, Any] = {}
"""By field, or by model and field."""
