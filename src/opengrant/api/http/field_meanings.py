"""The meanings of fields for /openapi.json: the docstring under each field of a wire model.

Pydantic can read them itself (`use_attribute_docstrings`), but does so whenever a class is made: that parsed every file
of wire/ at every start, and took a fifth of it. Here they are read when the document is asked for.
"""

import ast
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from opengrant.api.http.openapi_texts import FIELDS


class WithMeanings(GenerateJsonSchema):
    """Pydantic's generator of JSON schemas, with the docstring of a field as its description, or what FIELDS says."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._docstrings = functools.cache(_docstrings)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        properties: dict[str, Any] = described.get("properties", {})
        model: type[BaseModel] = schema["cls"]
        for name, field in model.model_fields.items():
            shown = next((alias for alias in _names(name, field) if alias in properties), None)
            meaning = field.description or self._meaning(model, name) or FIELDS.get(str(shown))
            if shown is not None and meaning is not None:
                properties[shown]["description"] = meaning
        return described

    def _meaning(self, model: type[BaseModel], name: str) -> str | None:
        """From the class that declares the field."""
        for owner in model.__mro__:
            if name in inspect.get_annotations(owner):
                return self._docstrings(owner.__module__).get(owner.__qualname__, {}).get(name)
        return None


def _names(name: str, field: FieldInfo) -> Iterator[object]:
    """The names that a field may have in a schema."""
    yield name
    yield field.alias
    if isinstance(field.validation_alias, AliasChoices):
        yield from field.validation_alias.choices


def _docstrings(module: str) -> Mapping[str, Mapping[str, str]]:
    """{class: {attribute: docstring}} of the classes of a module; empty when its source is not there."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except OSError:
        return {}
    return {node.name: dict(_attributes(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _attributes(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for one, following in zip(node.body, node.body[1:], strict=False):
        match one, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
