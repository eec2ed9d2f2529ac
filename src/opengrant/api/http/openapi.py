"""/openapi.json: the route table and the wire models, written down as OpenAPI 3.1.

Nothing is described twice: paths, verbs, bodies, answers and errors come from the table that serves them.

Members of an operation that say more than OpenAPI does, or that are used in one way:
    summary                 its name: "Create a grant"
    description             what it does, in sentences
    security                who may call it; the permission that it needs stands as a role
    x-opengrant-addition    true: the vendor's API has no such call
    x-opengrant-limit       how often it may be called, in words
    x-opengrant-same-as     the operationId of the operation that this one repeats with another verb or path

Each field and parameter has an example, each body and answer a whole one. That of a field is in `examples` of its
schema. A field that is an object, or a list of objects, has none: its own fields have them. Those of an answer are in
`examples` of the response: `success`, or one for each type of error. Answers with errors, their examples and headers
are components, because many operations have the same ones.
"""

import inspect
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json

from opengrant import __version__
from opengrant.api.http import responses
from opengrant.api.http.authentication import CONSOLE_COOKIE, CONSOLE_HEADER
from opengrant.api.http.field_meanings import WithMeanings
from opengrant.api.http.openapi_errors import answer as error_answer
from opengrant.api.http.openapi_errors import example as error_example
from opengrant.api.http.openapi_examples import (
    GRANT_ID,
    LOCATION,
    NEXT_CURSOR,
    REQUEST_ID,
    compose,
    connected,
    connector,
    echoed,
)
from opengrant.api.http.openapi_examples import add_to as add_examples
from opengrant.api.http.openapi_texts import (
    CONSOLE_PARAMETER,
    DESCRIPTION,
    HEADERS,
    PATH_PARAMETERS,
    SIGNATURE_HEADERS,
    TAGS,
)
from opengrant.api.http.route_table import (
    OPERATIONS,
    Access,
    Answers,
    Cursor,
    Done,
    FileBody,
    Flat,
    InConsole,
    Key,
    MultipartBody,
    One,
    Open,
    Operation,
    Page,
    Redirect,
    Signed,
    SignIn,
    Stream,
)
from opengrant.api.wire import errors as wire
from opengrant.errors import (
    AccessDenied,
    AuthenticationFailed,
    Forbidden,
    Internal,
    InvalidPayload,
    OpenGrantError,
    Overloaded,
    PayloadTooLarge,
    Unauthorized,
)
from opengrant.model import ProviderName

_SCHEMAS = "#/components/schemas/"


def document(public_url: str | None = None) -> dict[str, Any]:
    """The whole document, ready for JSON."""
    schemas, refs = _schemas()
    components: dict[str, dict[str, Any]] = {
        "schemas": schemas,
        "responses": {},
        "examples": {},
        "headers": _HEADERS,
        "securitySchemes": _security_schemes(),
    }
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, components, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenGrant",
            "version": __version__,
            "summary": "A self-hosted grant server.",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url or "/"}],
        "tags": _tags(),
        "paths": paths,
        "components": {**components, "schemas": _used(schemas, paths, components["responses"])},
    }


def _used(schemas: Mapping[str, Any], *parts: object) -> dict[str, Any]:
    """Without those of query strings, which parameters were made of."""
    used: set[str] = set()
    waiting = [name for part in parts for name in _references(part)]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _references(schemas[name])
    return {name: schema for name, schema in schemas.items() if name in used}


def _references(part: object) -> Iterable[str]:
    """The names of the schemas that a part of the document refers to."""
    if isinstance(part, Mapping):
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith(_SCHEMAS):
            yield reference.removeprefix(_SCHEMAS)
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _references(inner)


_REQUEST_ID = {"type": "string", "format": "uuid", "examples": [REQUEST_ID]}
_HEADERS = {
    "X-Request-Id": {"description": "Equal to `request_id` in the body.", "required": True, "schema": _REQUEST_ID},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "examples": [30]}},
    "Location": {
        "description": "Where the browser goes.",
        "required": True,
        "schema": {"type": "string", "examples": [LOCATION]},
    },
}


def _security_schemes() -> dict[str, Any]:
    return {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key of the application."},
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token, good for its own grant: see `/v3/connect/token`.",
        },
        "consoleSession": {
            "type": "apiKey",
            "in": "cookie",
            "name": CONSOLE_COOKIE,
            "description": (
                "A session of the console: see `/v3/console/sessions`. It counts only together with"
                f" `{CONSOLE_HEADER}: 1`, and only when there is no `Authorization` header."
            ),
        },
        "consoleHeader": {
            "type": "apiKey",
            "in": "header",
            "name": CONSOLE_HEADER,
            "description": "`1`. Pages of other origins cannot send it, so that they cannot use the cookie.",
        },
        **{
            f"signature{name}": {
                "type": "apiKey",
                "in": "header",
                "name": f"X-Nylas-{name}",
                "description": description,
            }
            for name, description in SIGNATURE_HEADERS.items()
        },
    }


def _tags() -> list[dict[str, str]]:
    used = dict.fromkeys(operation.tag for operation in OPERATIONS)
    known = [{"name": name, "description": sentence} for name, sentence in TAGS.items() if name in used]
    return [*known, *({"name": name} for name in used if name not in TAGS)]


def members(shape: Any) -> tuple[type[BaseModel], ...]:
    """The models of a union, or the one model; of None none."""
    if shape is None:
        return ()
    found = typing.get_args(shape) if isinstance(shape, types.UnionType) else (shape,)
    return tuple(member for member in found if member is not types.NoneType)


def _schemas() -> tuple[dict[str, Any], Mapping[Any, Any]]:
    inputs: list[tuple[type[BaseModel], Any]] = []
    for operation in OPERATIONS:
        inputs += [(model, "validation") for model in members(operation.body)]
        if operation.query is not None:
            inputs.append((operation.query, "validation"))
        if not isinstance(operation.answers, Done | Redirect | Stream):
            inputs.append((operation.answers.shape, "serialization"))
    inputs += [(wire.Error, "serialization"), (wire.OAuthError, "serialization")]
    refs, top = models_json_schema(
        list(dict.fromkeys(inputs)), ref_template=f"{_SCHEMAS}{{model}}", schema_generator=WithMeanings
    )
    schemas = {name: _without_nulls(schema) for name, schema in top["$defs"].items()}
    add_examples(schemas, _bodies(refs))
    return schemas, refs


def _bodies(refs: Mapping[Any, Any]) -> Iterable[tuple[str, Any]]:
    for operation in OPERATIONS:
        for model in members(operation.body):
            for example in examples_of(model):
                yield refs[model, "validation"]["$ref"].rpartition("/")[2], example


def _without_nulls(schema: Any) -> Any:
    """Optional fields are absent, never null: `anyOf [X, null]` becomes X, and a null default goes."""
    if isinstance(schema, list):
        return [_without_nulls(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {key: _without_nulls(value) for key, value in schema.items() if not (key == "default" and value is None)}
    options = cleaned.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del cleaned["anyOf"]
        cleaned = {**rest[0], **cleaned} if len(rest) == 1 else {**cleaned, "anyOf": rest}
    return cleaned


def _operation(
    operation: Operation, components: Mapping[str, dict[str, Any]], refs: Mapping[Any, Any]
) -> dict[str, Any]:
    summary, _, description = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    name = operation.handler.__name__
    described: dict[str, Any] = {
        "operationId": name if operation.alias_of is None else f"{name}_{_aside(operation)}",
        "summary": " ".join(summary.split()).rstrip("."),
        "tags": [operation.tag],
    }
    if operation.alias_of is not None:
        description = f"The same as {operation.alias_of}. {description}".rstrip()
        described["x-opengrant-same-as"] = name
    if description:
        described["description"] = description
    if operation.addition or operation.path.startswith("/v3/console/"):
        described["x-opengrant-addition"] = True
    if operation.limit is not None:
        described["x-opengrant-limit"] = operation.limit
    if parameters := _parameters(operation, components["schemas"]):
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = _body(operation, refs)
    described["responses"] = _responses(operation, components, refs)
    described["security"] = _security(operation.access)
    return described


def _parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = [_in_path(found) for found in re.findall(r"{(\w+)}", operation.path)]
    if isinstance(operation.access, SignIn):
        parameters.append(CONSOLE_PARAMETER)
    if operation.query is not None:
        parameters += list(_query(schemas[operation.query.__name__]))
    return parameters + [HEADERS[name] for name in operation.reads]


def _security(access: Access) -> list[dict[str, list[str]]]:
    """What the operation needs; no item: nothing."""
    match access:
        case Open() | SignIn():
            return []
        case Signed(permission):
            return [
                {f"signature{name}": [permission] if name == "Kid" else [] for name in SIGNATURE_HEADERS},
                _session("operator"),
            ]
        case InConsole(operator=operator, needs=needs):
            return [_session("operator" if operator else needs)]
        case Key(needs, by_token=by_token, by_session=by_session):
            ways: list[dict[str, list[str]]] = [{"apiKey": [needs]}]
            if by_token:
                ways.append({"accessToken": []})
            if by_session:
                ways.append(_session(needs))
            return ways


def _session(role: str | None) -> dict[str, list[str]]:
    """A session of the console takes its cookie and its header."""
    return {"consoleSession": [role] if role else [], "consoleHeader": []}


def _aside(operation: Operation) -> str:
    """What tells another verb, or another path, from the operation that it is an alias of."""
    verb = operation.method.lower()
    first_path = str(operation.alias_of).partition(" ")[2]
    elsewhere = [part for part in operation.path.split("/") if first_path and part not in first_path.split("/")]
    return "_".join([verb, *(re.sub(r"\W+", "_", part.strip("{}")) for part in elsewhere)])


def _in_path(name: str) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": "path", "required": True}
    parameter["schema"] = {"type": "string", "minLength": 1}
    if name == "provider":
        parameter["schema"] = {"type": "string", "enum": [provider.value for provider in ProviderName]}
    if name in PATH_PARAMETERS:
        parameter["description"], examples = PATH_PARAMETERS[name]
        parameter["examples"] = {summary: {"value": value} for summary, value in examples.items()}
    return parameter


def _query(schema: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for name, field in schema["properties"].items():
        shape = {key: value for key, value in field.items() if key not in {"title", "description", "examples"}}
        parameter = {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": shape}
        if "description" in field:
            parameter["description"] = field["description"]
        if "examples" in field:
            parameter["examples"] = {"example": {"value": field["examples"][0]}}
        yield parameter


def _body(operation: Operation, refs: Mapping[Any, Any]) -> dict[str, Any]:
    models = members(operation.body)
    content: dict[str, Any] = {}
    if len(models) == 1:
        content["schema"] = refs[models[0], "validation"]
    else:
        content["schema"] = {"oneOf": [refs[model, "validation"] for model in models]}
        if (discriminator := _discriminator(models, refs)) is not None:
            content["schema"]["discriminator"] = discriminator
    content["examples"] = {
        key: {"summary": title, "value": example} for key, title, example in _body_examples(operation)
    }
    types_of_body = ["application/json", *(["application/x-www-form-urlencoded"] if operation.form else [])]
    # A body of which nothing is required need not come, where a query may stand for it.
    may_lack = operation.form or types.NoneType in typing.get_args(operation.body)
    required = not may_lack or any(field.is_required() for field in models[0].model_fields.values())
    described = dict.fromkeys(types_of_body, content)
    match operation.file:
        case FileBody(media):
            (example,) = examples_of(models[0])
            held = next(iter(example.values()))
            text = held if isinstance(held, str) else "".join(f"{to_json(row).decode()}\n" for row in held)
            plain = {"file": {"summary": "A file", "value": text}}
            described[media] = {"schema": {"type": "string", "minLength": 1}, "examples": plain}
        case MultipartBody(name):
            described["multipart/form-data"] = _multipart(name, content)
    return {"required": required, "content": described}


def _multipart(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema": {
            "type": "object",
            "properties": {name: content["schema"]},
            "required": [name],
            "additionalProperties": {"type": "string", "format": "binary"},
        },
        "encoding": {name: {"contentType": "application/json"}},
        "examples": {
            title: {**example, "value": {name: example["value"]}} for title, example in content["examples"].items()
        },
    }


def examples_of(model: type[BaseModel]) -> list[Any]:
    return list(typing.cast(dict[str, Any], model.model_config.get("json_schema_extra", {})).get("examples", []))


def _discriminator(models: tuple[type[BaseModel], ...], refs: Mapping[Any, Any]) -> dict[str, Any] | None:
    """The property whose value tells which of the models a body is; None where it takes more than one property."""
    for name in models[0].model_fields:
        values = [typing.get_args(model.model_fields[name].annotation) for model in models if _is_word(model, name)]
        words = [word for some in values for word in some]
        if len(values) == len(models) and len(set(words)) == len(words):
            named = zip(models, values, strict=True)
            mapping = {word: refs[model, "validation"]["$ref"] for model, some in named for word in some}
            return {"propertyName": name, "mapping": mapping}
    return None


def _is_word(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and typing.get_origin(field.annotation) is typing.Literal


def _responses(
    operation: Operation, components: Mapping[str, dict[str, Any]], refs: Mapping[Any, Any]
) -> dict[str, Any]:
    schemas = components["schemas"]
    described = {str(operation.answers.status): _with_example(_success(operation.answers, refs), operation, schemas)}
    if isinstance(operation.answers, One) and operation.answers.put_off:
        described["202"] = _with_example(_put_off(operation.answers, refs), operation, schemas, later=True)
    by_status: dict[int, list[type[OpenGrantError]]] = {}
    for kind in dict.fromkeys(_errors(operation)):
        by_status.setdefault(kind.status, []).append(kind)
    for status, kinds in sorted(by_status.items()):
        described[str(status)] = _refusal(operation, status, kinds, components, refs)
    return described


def _with_example(
    response: dict[str, Any], operation: Operation, schemas: Mapping[str, dict[str, Any]], *, later: bool = False
) -> dict[str, Any]:
    """later: it says what will be done later, and has more members."""
    for media in response.get("content", {}).values():
        if media["schema"].get("format") == "binary":
            continue
        value = compose(media["schema"], schemas)
        if later and isinstance(operation.answers, One):
            fields = schemas[operation.answers.shape.__name__]["properties"]
            more = {name: compose(fields[name], schemas) for name in operation.answers.put_off}
            value = {**value, "data": {**value["data"], **more}, **more}
        media["examples"] = _answered(value, operation, schemas)
    return response


def _answered(value: Any, operation: Operation, schemas: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Examples of an answer: one, or one for each variant of the body. They repeat what the body's examples send."""
    bodies = list(_body_examples(operation))
    data = value.get("data")
    if not bodies or not isinstance(data, dict):
        return {"success": {"value": value}}
    fields = (field for schema in schemas.values() for field in schema.get("properties", {}).items())
    secrets = frozenset(name for name, shape in fields if shape.get("writeOnly"))
    if len(members(operation.body)) == 1:
        return {"success": {"value": {**value, "data": echoed(data, bodies[0][2], secrets)}}}
    made = {"/v3/connect/custom": connected, "/v3/connectors": connector}.get(operation.path, echoed)
    return {
        key: {"summary": title, "value": {**value, "data": made(data, body, secrets)}} for key, title, body in bodies
    }


def _body_examples(operation: Operation) -> Iterable[tuple[str, str, Any]]:
    """(key, title, example) of each example of a body."""
    for model in members(operation.body):
        title = model.model_config.get("title") or model.__name__
        for number, example in enumerate(examples_of(model), 1):
            yield model.__name__ if number == 1 else f"{model.__name__}_{number}", title, example


def _refusal(
    operation: Operation,
    status: int,
    kinds: Iterable[type[OpenGrantError]],
    components: Mapping[str, dict[str, Any]],
    refs: Mapping[Any, Any],
) -> dict[str, str]:
    """An answer with one of several errors of one status: a reference, because many operations have the same one."""
    in_oauth = operation.path in responses.OAUTH_PATHS
    said, shown = [], {}
    bodies = [(model, example) for model in members(operation.body) for example in examples_of(model)]
    for kind in kinds:
        meaning = inspect.cleandoc(kind.__doc__ or "")
        said.append(f"`{kind.type}`: {meaning}")
        which, problem = error_example(kind, operation, bodies)
        name = ".".join(filter(None, (kind.__name__, which, "oauth" if in_oauth else "")))
        summary = meaning.partition("\n")[0]
        components["examples"][name] = {"summary": summary, "value": error_answer(problem, operation.path)}
        shown[kind.type if kind.type not in shown else kind.__name__] = {"$ref": f"#/components/examples/{name}"}
    response = _response("  \n".join(said), refs[wire.OAuthError if in_oauth else wire.Error, "serialization"])
    response["content"]["application/json"]["examples"] = shown
    if status in {429, 503}:
        response["headers"]["Retry-After"] = _header("Retry-After")
    names = (reference["$ref"].rpartition("/")[2] for reference in shown.values())
    name = "-".join(names)
    components["responses"][name] = response
    return {"$ref": f"#/components/responses/{name}"}


def _success(answers: Answers, refs: Mapping[Any, Any]) -> dict[str, Any]:
    match answers:
        case Redirect():
            return _redirect()
        case Stream(media=media):
            return _stream(media)
        case Done():
            schema = _envelope()
        case One(shape, says_success=says_success, says_grant=says_grant):
            more: dict[str, Any] = {"success": {"const": True}} if says_success else {}
            if says_grant:
                more["grant_id"] = {"type": "string", "examples": [GRANT_ID]}
            schema = _envelope(data=refs[shape, "serialization"], **more)
        case Page(shape, by_cursor=by_cursor):
            limit, offset = ({"type": "integer", "examples": [number]} for number in (50, 0))
            schema = _envelope(data=_list(refs[shape, "serialization"]), limit=limit, offset=offset)
            if by_cursor:
                schema["properties"]["next_cursor"] = _NEXT_CURSOR
        case Cursor(shape):
            schema = _envelope(data=_list(refs[shape, "serialization"]))
            schema["properties"]["next_cursor"] = _NEXT_CURSOR
        case Flat(shape):
            schema = refs[shape, "serialization"]
    return _response("Success", schema)


def _put_off(answers: One, refs: Mapping[Any, Any]) -> dict[str, Any]:
    now = _success(answers, refs)["content"]["application/json"]["schema"]["properties"]
    members = {name: schema for name, schema in now.items() if name != "request_id"}
    repeated = {name: {"description": "As in `data`."} for name in answers.put_off}
    return _response("What will be done later", _envelope(**members, **repeated))


_NEXT_CURSOR = {
    "type": "string",
    "description": "The page_token of the next page; absent on the last.",
    "examples": [NEXT_CURSOR],
}


def _envelope(**members: Any) -> dict[str, Any]:
    properties = {"request_id": _REQUEST_ID, **members}
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _errors(operation: Operation) -> list[type[OpenGrantError]]:
    """What a call of the operation may be answered with besides success."""
    errors: list[type[OpenGrantError]] = list(operation.errors)
    match operation.access:
        case Signed():
            errors += [AuthenticationFailed, Forbidden, Unauthorized, AccessDenied]
        case Key() | InConsole():
            errors += [Unauthorized, AccessDenied]
    if operation.body is not None:
        errors += [InvalidPayload, PayloadTooLarge]
    return [*errors, Overloaded, Internal]


def _redirect() -> dict[str, Any]:
    return {
        "description": "The browser is sent on.",
        "headers": {**_REQUEST_ID_HEADER, "Location": _header("Location")},
    }


def _stream(media: str) -> dict[str, Any]:
    binary = {media: {"schema": {"type": "string", "format": "binary"}}}
    return {"description": "The bytes.", "headers": {**_REQUEST_ID_HEADER}, "content": binary}


def _response(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {**_REQUEST_ID_HEADER},
        "content": {"application/json": {"schema": schema}},
    }


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


_REQUEST_ID_HEADER = {"X-Request-Id": _header("X-Request-Id")}
