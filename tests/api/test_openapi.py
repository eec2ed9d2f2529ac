"""/openapi.json: complete, and true to what the server does."""

import ast
import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as effort
from jsonschema_rs import Draft202012Validator
from schemathesis import CheckFunction, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

import opengrant
from opengrant.api.http.decoding import decode
from opengrant.api.http.openapi import document, examples_of, members
from opengrant.api.http.openapi_errors import AS_RAISED
from opengrant.api.http.openapi_examples import GRANT_ID, REQUEST_ID, leads_on
from opengrant.api.http.route_table import OPERATIONS
from opengrant.grants import handover
from opengrant.grants.connect.detect import PER_MINUTE
from opengrant.model import ProviderName
from tests.api.console import with_link
from tests.api.signed import Signing, account
from tests.support import LiveServer, Tenant

PACKAGE = Path(opengrant.__file__).parent
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document()))


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to."""
    if "$ref" not in part:
        return part
    _, _, kind, name = part["$ref"].split("/")
    found: dict[str, Any] = DOCUMENT["components"][kind][name]
    return found


def valid(schema: dict[str, Any], value: Any) -> bool:
    return _validator(json.dumps(schema)).is_valid(value)


@functools.cache
def _validator(schema: str) -> Draft202012Validator:
    """Takes milliseconds to make, and hundreds of answers have the same schema."""
    return Draft202012Validator({**json.loads(schema), "components": DOCUMENT["components"]})


def test_every_route_is_in_it() -> None:
    listed = {(verb.upper(), path) for path, item in DOCUMENT["paths"].items() for verb in item}
    assert listed == {(operation.method, operation.path) for operation in OPERATIONS}


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    for path, item in DOCUMENT["paths"].items():
        for verb, operation in item.items():
            assert operation["summary"], (verb, path)
            assert operation["tags"], (verb, path)
            assert {"500", "503"} <= set(operation["responses"])
            if any("apiKey" in way for way in operation["security"]):
                assert "401" in operation["responses"]
    ids = [operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


def test_custom_connect_is_one_of_named_described_and_exampled_variants() -> None:
    body = DOCUMENT["paths"]["/v3/connect/custom"]["post"]["requestBody"]["content"]["application/json"]
    names = [option["$ref"].rpartition("/")[2] for option in body["schema"]["oneOf"]]
    assert names == [
        "RefreshToken",
        "CredentialOverride",
        "MicrosoftBulk",
        "GoogleBulk",
        "ImapLogin",
        "ICloudLogin",
        "EwsLogin",
        "VirtualCalendar",
        "ZoomMeetings",
        "AgentAccount",
    ]
    for name in names:
        schema = DOCUMENT["components"]["schemas"][name]
        assert schema["title"]
        assert schema["description"]
        for example in schema["examples"]:
            assert valid(schema, example), example
    for example in body["examples"].values():
        fits = [name for name in names if valid(DOCUMENT["components"]["schemas"][name], example["value"])]
        assert len(fits) == 1, "an example fits more than one variant"


TITLES = [
    *("Refresh token", "Credential override", "Microsoft bulk", "Google bulk", "IMAP", "iCloud", "EWS"),
    *("Virtual calendar", "Zoom Meetings", "Agent Account"),
]
BODIES = [
    pytest.param(operation["requestBody"], id=f"{verb.upper()} {path}")
    for path, item in DOCUMENT["paths"].items()
    for verb, operation in item.items()
    if "requestBody" in operation
]


def named(reference: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def properties(schema: dict[str, Any], where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, schema) of every property of a body, through references, choices and lists."""
    if "$ref" in schema:
        yield from properties(named(schema["$ref"]), where)
    for choice in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        # A choice without a type only narrows what stands beside it.
        if "$ref" in choice or "type" in choice:
            yield from properties(choice, where)
    if "items" in schema:
        yield from properties(schema["items"], f"{where}[]")
    for name, field in schema.get("properties", {}).items():
        yield f"{where}.{name}", field
        yield from properties(field, f"{where}.{name}")


@pytest.mark.parametrize("body", BODIES)
def test_every_body_has_examples_that_fit_it(body: dict[str, Any]) -> None:
    for content in body["content"].values():
        examples = [example["value"] for example in content["examples"].values()]
        assert examples
        for example in examples:
            assert valid(content["schema"], example), example
        for variant in content["schema"].get("oneOf", ()):
            assert any(valid(variant, example) for example in examples), f"{variant} has no example"


@pytest.mark.parametrize("body", BODIES)
def test_every_property_of_a_body_is_described(body: dict[str, Any]) -> None:
    content = next(iter(body["content"].values()))
    assert [where for where, field in properties(content["schema"]) if not field.get("description")] == []


@pytest.mark.parametrize("body", BODIES)
def test_secrets_in_examples_are_nobodys(body: dict[str, Any]) -> None:
    content = next(iter(body["content"].values()))
    secrets = {
        where.rpartition(".")[2] for where, field in properties(content["schema"]) if field.get("format") == "password"
    }

    def look(value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                look(inner, key)
        elif name in secrets:
            # The second is how Apple itself writes "an app-specific password".
            assert "example" in value.lower() or value == "abcd-efgh-ijkl-mnop", (name, value)

    for example in content["examples"].values():
        look(example["value"])


def test_a_discriminator_names_each_value_once_and_is_left_out_where_one_property_cannot_tell() -> None:
    found = {}
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                if "oneOf" not in schema:
                    continue
                told_by = schema.get("discriminator", {})
                found[path] = told_by.get("propertyName")
                for value, reference in told_by.get("mapping", {}).items():
                    field = named(reference)["properties"][found[path]]
                    assert value in field.get("enum", [field.get("const")])
                    assert {"$ref": reference} in schema["oneOf"]
    assert found == {
        # `google` is a refresh token, an override or bulk: the settings tell.
        "/v3/connect/custom": None,
        "/v3/connectors": "provider",
        "/v3/connectors/{provider}/creds": "credential_type",
    }


def test_the_ten_ways_in_have_their_names() -> None:
    body = DOCUMENT["paths"]["/v3/connect/custom"]["post"]["requestBody"]["content"]["application/json"]
    assert [named(option["$ref"])["title"] for option in body["schema"]["oneOf"]] == TITLES
    assert {example["summary"] for example in body["examples"].values()} == set(TITLES)


def test_each_way_in_says_in_one_line_what_it_is_for_and_has_its_answer() -> None:
    operation = DOCUMENT["paths"]["/v3/connect/custom"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    lines = [named(option["$ref"])["description"].partition("\n\n")[0] for option in body["schema"]["oneOf"]]
    assert len(set(lines)) == 10
    assert [line for line in lines if len(line) > 100 or not line.endswith(".") or ". " in line] == []
    answers = operation["responses"]["201"]["content"]["application/json"]["examples"]
    assert answers.keys() == body["examples"].keys()
    for name, example in body["examples"].items():
        sent, grant = example["value"], answers[name]["value"]["data"]
        assert grant["provider"] == sent["provider"]
        secrets = {"refresh_token", "imap_password", "password", "ews_password", "app_password", "credential_id"}
        assert grant["settings"].keys() == sent["settings"].keys() - secrets - {"scopes"}
    assert "Bring Your Own Authentication" in operation["description"]


def test_every_parameter_is_described_and_has_examples_that_fit() -> None:
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                assert parameter.get("description"), (path, parameter["name"])
                assert parameter["examples"], (path, parameter["name"])
                for example in parameter["examples"].values():
                    assert valid(parameter["schema"], example["value"]), (path, parameter["name"])


def test_every_field_has_an_example_that_fits_or_fields_within() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    fields = {
        f"{name}.{field}": shape
        for name, schema in schemas.items()
        for field, shape in schema.get("properties", {}).items()
        if not leads_on(shape, schemas)
    }
    assert len(fields) > 900
    assert [name for name, shape in fields.items() if not shape.get("examples") or not shape.get("description")] == []
    # One validator for all: to make one takes as long as to check hundreds of examples.
    together = Draft202012Validator({"properties": fields, "components": DOCUMENT["components"]})
    wrong = together.iter_errors({name: shape["examples"][0] for name, shape in fields.items()})
    assert [(error.instance_path, error.message) for error in wrong] == []


def test_every_answer_has_an_example_that_fits() -> None:
    for path, item in DOCUMENT["paths"].items():
        for verb, operation in item.items():
            for status, response in operation["responses"].items():
                for media, content in resolved(response).get("content", {}).items():
                    if media != "application/json":
                        continue
                    examples = list(map(resolved, content["examples"].values()))
                    assert examples, (verb, path, status)
                    for example in examples:
                        assert valid(content["schema"], example["value"]), (verb, path, status)
                        assert not example["value"].get("request_id") or example["value"]["request_id"] == REQUEST_ID


NAMED = re.compile(
    r"(Create|List|Get|Count|Update|Delete|Send|Test|Check|Invalidate|Detect|Verify|Revoke|Rotate|Replay|Cancel|Clean|Start"
    r"|Import|Download|Find|Group|Assign|Pause|Resume|Export) [a-zA-Z][a-zA-Z' -]*"
)


def test_names_are_a_verb_and_an_object_short_and_unique() -> None:
    operations = [operation for item in DOCUMENT["paths"].values() for operation in item.values()]
    names = [operation["summary"] for operation in operations if "x-opengrant-same-as" not in operation]
    assert len(set(names)) == len(names)
    assert [name for name in names if not NAMED.fullmatch(name) or len(name) > 40] == []
    assert {"Create a grant", "List grants", "Get a message", "Delete a grant"} <= set(names)
    assert [operation["operationId"] for operation in operations if not operation.get("description")] == []


def test_what_a_call_needs_is_in_its_security() -> None:
    def of(verb: str, path: str) -> list[dict[str, list[str]]]:
        found: list[dict[str, list[str]]] = DOCUMENT["paths"][path][verb]["security"]
        return found

    session = {"consoleSession": ["grants.token"], "consoleHeader": []}
    assert of("post", "/v3/grants/{grant_id}/token") == [{"apiKey": ["grants.token"]}, session]
    assert of("get", "/v3/grants/{grant_id}")[:2] == [{"apiKey": ["all"]}, {"accessToken": []}]
    assert of("post", "/v3/admin/domains")[0]["signatureKid"] == ["domain.create"]
    assert of("get", "/healthz") == []


def test_additions_to_the_api_and_limits_are_marked() -> None:
    marked = {
        operation["operationId"]: operation
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        if operation.get("x-opengrant-addition")
    }
    assert {"check_grant", "get_overview", "read_token", "replay_delivery", "healthz"} <= marked.keys()
    ours = ("/v3/console/", "/v3/requests")
    assert {one.handler.__name__ for one in OPERATIONS if one.path.startswith(ours)} <= marked.keys()
    assert not marked.keys() & {"connect_custom", "list_grants", "list_webhooks", "send_message", "create_event"}
    assert marked["read_credential"]["x-opengrant-limit"].startswith(f"{handover.LIMIT} calls a minute")
    detect = DOCUMENT["paths"]["/v3/providers/detect"]["post"]
    assert detect["x-opengrant-limit"].startswith(f"{PER_MINUTE} calls a minute")


def test_examples_of_bodies_pass_the_decoder_of_the_server() -> None:
    seen = 0
    for operation in OPERATIONS:
        for model in members(operation.body):
            for example in examples_of(model):
                decode(model, json.loads(json.dumps(example)))
                seen += 1
    assert seen > 50


def test_a_provider_in_a_path_is_one_of_nine() -> None:
    (parameter,) = DOCUMENT["paths"]["/v3/connectors/{provider}"]["get"]["parameters"]
    assert parameter["schema"]["enum"] == [provider.value for provider in ProviderName]


def test_what_may_be_sent_twice_says_how() -> None:
    with_key = [
        (verb, path)
        for path, item in DOCUMENT["paths"].items()
        for verb, operation in item.items()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    ]
    assert with_key == [
        ("post", "/v3/connect/custom"),
        ("post", "/v3/grants/{grant_id}/messages/send"),
        ("post", "/v3/grants/{grant_id}/drafts/{draft_id}"),
    ]


def test_every_error_says_what_to_do() -> None:
    """As `what is wrong: what to do about it.`"""
    assert len(DOCUMENT["components"]["examples"]) > 60
    for name, example in DOCUMENT["components"]["examples"].items():
        wrong, _, remedy = example["summary"].partition(": ")
        assert wrong, name
        assert remedy, name


def test_texts_of_errors_that_stand_twice_are_those_that_the_code_raises() -> None:
    names = tuple(kind.__name__ for kind in AS_RAISED)
    sources = {path: path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "openapi_errors.py"}
    raising = [ast.parse(source) for source in sources.values() if any(name in source for name in names)]
    nodes = [node for module in raising for node in ast.walk(module)]
    fixed = {node.value for node in nodes if isinstance(node, ast.Constant)}
    patterns = [_pattern(node) for node in nodes if isinstance(node, ast.JoinedStr)]
    for kind, text in AS_RAISED.items():
        assert text in fixed or any(pattern.fullmatch(text) for pattern in patterns), kind


def _pattern(text: ast.JoinedStr) -> re.Pattern[str]:
    """What an f-string may become. One with little fixed text becomes nothing that counts."""
    parts = [part.value if isinstance(part, ast.Constant) else None for part in text.values]
    fixed = sum(len(str(part)) for part in parts if part is not None)
    return re.compile(
        "".join(".*" if part is None else re.escape(str(part)) for part in parts) if fixed > 20 else "(?!)"
    )


def test_answers_of_the_server_are_those_of_the_document(tenant: Tenant) -> None:
    tenant.connector("google")
    custom = "/v3/connect/custom"
    signing_in = f"/v3/connect/auth?client_id={tenant.application.id}&redirect_uri=https://x.example&response_type=code"
    met = {
        "Unauthorized": tenant.get("/v3/grants", headers={"Authorization": "Basic"}),
        "GrantNotFound": tenant.get(f"/v3/grants/{GRANT_ID}"),
        "InvalidPayload": tenant.http.post(custom, content=b"["),
        "ProviderRequired": tenant.post(custom, {}),
        "InvalidRequest.connect_custom": tenant.post(custom, {"provider": "google", "settings": {}}),
        "InvalidRequest.list_grants": tenant.get("/v3/grants?limit=0"),
        "PayloadTooLarge": tenant.http.post(custom, content=b" " * ((1 << 20) + 1)),
        "WebhookNotFound": tenant.get("/v3/webhooks/whk_none"),
        "CallbackNotAllowed": tenant.get(signing_in),
        "AuthenticationFailed": tenant.get("/v3/admin/domains", headers={"Authorization": ""}),
    }
    documented = DOCUMENT["components"]["examples"]
    for name, answer in met.items():
        assert answer.json()["error"] == documented[name]["value"]["error"], name


def test_every_tag_is_described_in_a_sentence() -> None:
    used = {tag for item in DOCUMENT["paths"].values() for operation in item.values() for tag in operation["tags"]}
    assert {tag["name"] for tag in DOCUMENT["tags"]} == used
    for tag in DOCUMENT["tags"]:
        assert tag.get("description", "").count(". ") == 0, tag
        assert tag.get("description", "").endswith("."), tag
    assert DOCUMENT["tags"][0]["name"] == "Connect"


def test_every_reference_leads_somewhere() -> None:
    for kind, name in re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(DOCUMENT)):
        assert name in DOCUMENT["components"][kind]


def test_no_answer_can_hold_a_secret() -> None:
    """The schemas of answers have no field that is named like one."""
    for name in ("Grant", "Connector"):
        fields = set(DOCUMENT["components"]["schemas"][name]["properties"])
        assert not fields & {"client_secret", "refresh_token", "imap_password", "password", "access_token"}


@pytest.fixture
def crowded(tenant: Tenant) -> Tenant:
    """An application with something in it, so that more than refusals are met."""
    for provider in ("virtual-calendar", "imap", "google", "microsoft"):
        tenant.connector(provider)
    tenant.connect("virtual-calendar", {"email": "room-7"})
    return tenant


EXPLORE = "OPENGRANT_EXPLORE" in os.environ
# We send a good key with every request, so a made-up one would count as wrong and never arrive.
WITHOUT_KEYS = {
    **DOCUMENT,
    "security": [],
    "paths": {
        path: {method: {**operation, "security": []} for method, operation in item.items()}
        for path, item in DOCUMENT["paths"].items()
    },
}
TO_TRY = [
    (f"{operation.method} {operation.path}", mode)
    for operation in OPERATIONS
    if operation.alias_of is None
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # Nothing can be wrong with a request that takes no input.
    if mode is GenerationMode.POSITIVE or operation.body is not None or operation.query is not None
]
# A well-formed request may still name a mailbox that its provider refuses, or a connector that exists already.
DEPENDS_ON_THE_WORLD = {
    "POST /v3/connect/custom",
    "POST /v3/connectors",
    "PATCH /v3/connectors/{provider}",
    "POST /v3/connectors/{provider}/creds",
    "PATCH /v3/connectors/{provider}/creds/{credential_id}",
    "PATCH /v3/grants/{grant_id}",
    "POST /v3/workspaces",
    "PATCH /v3/applications",
    "POST /v3/console/branding-preview",
    "POST /v3/applications/redirect-uris",
    "PATCH /v3/applications/redirect-uris/{redirect_uri_id}",
    "POST /v3/workspaces/auto-group",
    "POST /v3/providers/detect",
    "POST /v3/admin/domains",
    "GET /v3/admin/domains",
    "POST /v3/webhooks",
    "POST /v3/webhooks/send-test-event",
    # A webhook that is not there is 400 on this wire.
    "GET /v3/webhooks/{webhook_id}",
    "PUT /v3/webhooks/{webhook_id}",
    "DELETE /v3/webhooks/{webhook_id}",
    "POST /v3/webhooks/rotate-secret/{webhook_id}",
    "PUT /v3/webhooks/{webhook_id}/rotate-secret",
    "GET /v3/webhooks/{webhook_id}/deliveries",
    "GET /v3/webhooks/{webhook_id}/deliveries/{delivery_id}",
    "POST /v3/webhooks/{webhook_id}/deliveries/replay-failed",
    "POST /v3/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    "GET /v3/grants",
    "GET /v3/audit",
    "GET /v3/imports",
    "GET /v3/imports/{import_id}/results",
    "GET /v3/grants/{grant_id}/timeline",
    "GET /v3/grants/{grant_id}/reconnect-link",
    "GET /v3/connect/auth",
    "POST /v3/connect/token",
    "POST /v3/connect/revoke",
    "GET /v3/connect/tokeninfo",
    "POST /v3/calendars/availability",  # its participants must be grants
    "POST /v3/console/sessions",
    "POST /v3/console/mailbox-sign-ins",  # its provider must have a connector
    "POST /v3/console/owner-links",
}


LONG = 1_000


def cheap(part: Any) -> Any:
    """Without bounds of long texts: schemathesis takes seconds to compile one, and hardly makes such a text."""
    if isinstance(part, dict):
        return {
            name: cheap(value)
            for name, value in part.items()
            if not (name == "maxLength" and isinstance(value, int) and value > LONG)
        }
    return [cheap(one) for one in part] if isinstance(part, list) else part


@functools.cache
def described(mode: GenerationMode) -> OpenApiSchema:
    """Reading the document takes longer than most requests."""
    return schemathesis.openapi.from_dict(cheap(DOCUMENT if mode is GenerationMode.POSITIVE else WITHOUT_KEYS))


def _has_null(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_null, value.values()))
    return value is None or (isinstance(value, list) and any(map(_has_null, value)))


def _number(mode: GenerationMode, method: str, *, on_postgres: bool) -> int:
    """What a request must look like is no matter of the database: PostgreSQL sees a few, and no unfit body."""
    if EXPLORE:
        return 100
    if on_postgres and mode is GenerationMode.NEGATIVE and method != "GET":
        pytest.skip("what is refused by its shape does not reach the database: SQLite sees it")
    return 2 if on_postgres else _OF_EACH[mode]


_OF_EACH = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 4}


@functools.cache
def requests(operation: str, mode: GenerationMode) -> list[schemathesis.Case]:
    """What schemathesis makes from the document, for both engines: to make a request takes longer than to answer it."""
    method, path = operation.split(" ")
    made: list[schemathesis.Case] = []

    @effort(
        # The same requests every time, so that a change is judged by itself; OPENGRANT_EXPLORE=1: more, and new ones.
        max_examples=100 if EXPLORE else _OF_EACH[mode],
        derandomize=not EXPLORE,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described(mode)[path][method].as_strategy(generation_mode=mode))
    def make(case: schemathesis.Case) -> None:
        # The server takes a null for a field that was left out; the document does not offer it.
        assume(mode is GenerationMode.POSITIVE or not _has_null(case.body))
        # A path that is one of an operation that is not served yet.
        assume((case.path_parameters or {}).get("message_id") not in {"send", "schedules", "clean", "smart-compose"})
        made.append(case)

    make()
    return made


@pytest.fixture(scope="module")
def signing(server: LiveServer) -> Signing:
    """One service account for all: making a key takes longer than most requests."""
    return Signing(account(server))


@pytest.mark.parametrize(("operation", "mode"), TO_TRY)
@pytest.mark.timeout(3600 if EXPLORE else 300)
def test_the_server_does_what_it_says(
    crowded: Tenant, server: LiveServer, signing: Signing, operation: str, mode: GenerationMode
) -> None:
    """schemathesis makes requests from the document, fitting and unfitting, and compares each answer with it."""
    method, path = operation.split(" ")
    number = _number(mode, method, on_postgres="OPENGRANT_DATABASE_URL" in server.env)
    excluded: list[CheckFunction] = [positive_data_acceptance] if operation in DEPENDS_ON_THE_WORLD else []
    signed = path.startswith("/v3/admin/")
    if method == "GET" or signed:
        excluded.append(negative_data_rejection)  # a parameter that nobody knows is ignored, as the wire wants it
    for case in requests(operation, mode)[:number]:
        if signed:
            case.call_and_validate(base_url=server.url, auth=signing, excluded_checks=excluded, timeout=60)
        elif path.startswith("/v3/console/"):
            browser = with_link(crowded)
            case.call_and_validate(base_url=server.url, headers=browser.headers, excluded_checks=excluded, timeout=60)
        else:
            headers = {"Authorization": f"Bearer {crowded.api_key}"}
            case.call_and_validate(base_url=server.url, headers=headers, excluded_checks=excluded, timeout=60)
