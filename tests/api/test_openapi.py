"""/openapi.json: complete, and true to what the server does."""

import json
import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from jsonschema_rs import Draft202012Validator
from schemathesis import CheckFunction, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from opengrant.api.openapi import document
from opengrant.api.routing import OPERATIONS
from tests.api.signed import Signing, account
from tests.support import LiveServer, Tenant

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document()))


def test_every_route_is_in_it() -> None:
    listed = {(verb.upper(), path) for path, item in DOCUMENT["paths"].items() for verb in item}
    assert listed == {(operation.method, operation.path) for operation in OPERATIONS}


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    for path, item in DOCUMENT["paths"].items():
        for verb, operation in item.items():
            assert operation["summary"], (verb, path)
            assert operation["tags"], (verb, path)
            assert {"500", "503"} <= set(operation["responses"])
            if "security" not in operation:
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
        whole = {**schema, "components": DOCUMENT["components"]}
        validator = Draft202012Validator(whole)
        for example in schema["examples"]:
            validator.validate(example)
    for example in body["examples"].values():
        fits = [
            name
            for name in names
            if Draft202012Validator(
                {**DOCUMENT["components"]["schemas"][name], "components": DOCUMENT["components"]}
            ).is_valid(example["value"])
        ]
        assert len(fits) == 1, "an example fits more than one variant"


def test_every_reference_leads_somewhere() -> None:
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)):
        assert name in DOCUMENT["components"]["schemas"]


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
    "POST /v3/connectors/{provider}/creds",
    "PATCH /v3/connectors/{provider}/creds/{credential_id}",
    "PATCH /v3/grants/{grant_id}",
    "POST /v3/workspaces",
    "PATCH /v3/applications",
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
    "GET /v3/audit",
    "GET /v3/grants/{grant_id}/timeline",
    "GET /v3/grants/{grant_id}/reconnect-link",
    "GET /v3/connect/auth",
    "POST /v3/connect/token",
    "POST /v3/connect/revoke",
    "GET /v3/connect/tokeninfo",
}


@pytest.mark.parametrize(("operation", "mode"), TO_TRY)
@pytest.mark.timeout(300)
def test_the_server_does_what_it_says(
    crowded: Tenant, server: LiveServer, operation: str, mode: GenerationMode
) -> None:
    """schemathesis makes requests from the document, fitting and unfitting, and compares each answer with it."""
    method, path = operation.split(" ")
    target = schemathesis.openapi.from_dict(DOCUMENT)[path][method]
    signing = Signing(account(server))
    excluded: list[CheckFunction] = [positive_data_acceptance] if operation in DEPENDS_ON_THE_WORLD else []
    if method == "GET" or path.startswith("/v3/admin/"):
        excluded.append(negative_data_rejection)  # a parameter that nobody knows is ignored, as the wire wants it

    @effort(max_examples=30, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=target.as_strategy(generation_mode=mode))
    def conforms(case: schemathesis.Case) -> None:
        if path.startswith("/v3/admin/"):
            case.call_and_validate(base_url=server.url, auth=signing, excluded_checks=excluded, timeout=60)
        else:
            headers = {"Authorization": f"Bearer {crowded.api_key}"}
            case.call_and_validate(base_url=server.url, headers=headers, excluded_checks=excluded, timeout=60)

    conforms()
