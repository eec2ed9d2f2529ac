"""Calls of the vendor's API that are not served yet, made by the official SDKs: 401 without a key, 501 with one."""

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nylas import Client
from nylas.models.errors import NylasApiError
from nylas.resources.resource import Resource

from opengrant.api.http.route_table import OPERATIONS
from opengrant.api.unserved import rows
from tests.peers.nodejs import NodeScripts
from tests.support import LiveServer, Tenant, problem

RESOURCES = (
    *("attachments", "contacts", "lists", "messages", "notetakers"),
    *("policies", "rules", "scheduler", "transactional_send"),
)
"""Of both SDKs, and of each what hangs below it."""
SERVED = {
    *("attachments.find", "attachments.download", "attachments.download_bytes", "attachments.downloadBytes"),
    "attachments.downloadNodeStream",
    *("messages.list", "messages.find", "messages.update", "messages.destroy"),
    *("messages.send", "messages.send_raw_mime", "messages.sendRawMime"),
    *("messages.list_scheduled_messages", "messages.find_scheduled_message", "messages.stop_scheduled_message"),
    *("messages.listScheduledMessages", "messages.findScheduledMessage", "messages.stopScheduledMessage"),
    *("messages.clean_messages", "messages.cleanMessages"),
    *("contacts.list", "contacts.find", "contacts.list_groups", "contacts.groups"),
}


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """One engine is enough: nothing is stored."""
    return sqlite_server


def test_every_unserved_call_is_401_without_a_key_and_501_with_one(tenant: Tenant, server: LiveServer) -> None:
    with server.client(None) as anybody:
        for verb, path, instead in rows():
            at = path.replace("{", "").replace("}", "")
            assert problem(anybody.request(verb, at)) == (401, "token.unauthorized_access", "Bearer token invalid")
            status, type_, message = problem(tenant.http.request(verb, at))
            assert (status, type_) == (501, "api.not_implemented"), (verb, path)
            assert message.endswith(instead)


def test_a_path_of_nobodys_api_stays_a_404_with_its_own_text(tenant: Tenant) -> None:
    for path in ("/v3/grants/some/postcards", "/v3/stamps", "/v3/scheduling"):
        assert problem(tenant.get(path)) == (
            *(404, "api.not_found_error"),
            f"There is no {path} here. GET /openapi.json lists what there is.",
        )


def test_an_unserved_path_answers_every_verb_alike(tenant: Tenant) -> None:
    assert problem(tenant.patch("/v3/grants/some/notetakers", {"a": 1}))[:2] == (501, "api.not_implemented")


def test_what_is_served_is_no_longer_called_unserved() -> None:
    served = {(operation.method, _bare(operation.path)) for operation in OPERATIONS}
    assert [(verb, path) for verb, path, _ in rows() if (verb, _bare(path)) in served] == []
    # A parameter has one name wherever it stands, or the name of a served path would change.
    assert {path.split("/")[3] for _, path, _ in rows() if path.startswith("/v3/grants/")} == {"{grant_id}"}


def test_every_resource_of_the_python_sdk(tenant: Tenant) -> None:
    client = Client(api_key=tenant.api_key, api_uri=tenant.server.url)
    stranger = Client(api_key="nyk_v0_wrong", api_uri=tenant.server.url)
    for api, expected in ((client, (501, "api.not_implemented")), (stranger, (401, "token.unauthorized_access"))):
        told = {}
        for resource in RESOURCES:
            for name, method in _methods(getattr(api, resource), resource):
                if name in SERVED:
                    continue
                with pytest.raises(NylasApiError) as refused:
                    method(**_made_up(method))
                told[name] = (refused.value.status_code, refused.value.type)
        assert {name: answer for name, answer in told.items() if answer != expected} == {}
        assert len(told) > 40


def test_every_resource_of_the_node_sdk(tenant: Tenant) -> None:
    given = {"apiUri": tenant.server.url, "apiKey": tenant.api_key, "resources": [_camel(name) for name in RESOURCES]}
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        reported = NodeScripts("node_sdk", Path(directory)).run("unserved", given)
    for answers, expected in ((reported["known"], 501), (reported["unknown"], 401)):
        assert {name: status for name, status in answers.items() if status != expected and name not in SERVED} == {}
        assert len(answers) > 40


def _bare(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(part.title() for part in more)


def _methods(of: Any, name: str) -> Iterator[tuple[str, Any]]:
    for each in dir(of):
        if each.startswith("_"):
            continue
        value = getattr(of, each)
        if isinstance(value, Resource):
            yield from _methods(value, f"{name}.{each}")
        elif inspect.ismethod(value) and each in vars(type(of)):  # not what it inherits to make requests with
            yield f"{name}.{each}", value


def _made_up(method: Any) -> dict[str, Any]:
    """An argument for each parameter that a method must have."""
    made: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.default is not parameter.empty:
            continue
        # One method wants a whole message.
        made[name] = {"mime": "To: ana@example.com"} if name in {"request_body", "query_params"} else "one"
    return made
