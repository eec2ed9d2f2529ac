"""Scheduled send through the official SDKs, with nothing changed but the base URL."""

import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.mail.mailbox import OWNER
from tests.peers.dovecot import Dovecot
from tests.peers.nodejs import NodeScripts
from tests.support import LiveServer, Tenant, data, imap


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """One engine is enough: what it stores is tested beneath."""
    return sqlite_server


@pytest.fixture
def grant(tenant: Tenant, dovecot: Dovecot) -> str:
    tenant.connector("imap")
    return str(data(tenant.connect("imap", imap(dovecot, OWNER)))["id"])


def test_the_python_sdk_schedules_lists_finds_and_stops(tenant: Tenant, grant: str) -> None:
    messages = Client(api_key=tenant.api_key, api_uri=tenant.server.url).messages
    send_at = int(time.time()) + 3600
    body: Any = {"to": [{"email": "ana@example.com"}], "subject": "Later", "body": "Hello", "send_at": send_at}
    made = messages.send(grant, body)
    assert (made.data.grant_id, made.data.send_at, made.data.subject) == (grant, send_at, "Later")
    assert made.data.schedule_id
    (listed,) = messages.list_scheduled_messages(grant).data
    assert (listed.schedule_id, listed.status.code) == (made.data.schedule_id, "pending")
    assert messages.find_scheduled_message(grant, listed.schedule_id).data == listed
    assert messages.stop_scheduled_message(grant, listed.schedule_id).data.message
    stopped = messages.find_scheduled_message(grant, listed.schedule_id).data
    assert (stopped.status.code, bool(stopped.status.description)) == ("cancelled", True)
    assert stopped.close_time is not None
    with pytest.raises(NylasApiError) as closed:
        messages.stop_scheduled_message(grant, listed.schedule_id)
    assert closed.value.status_code == 404


def test_the_node_sdk_schedules_lists_finds_and_stops(tenant: Tenant, grant: str) -> None:
    given = {"apiKey": tenant.api_key, "apiUri": tenant.server.url, "grant": grant, "sendAt": int(time.time()) + 3600}
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        found = NodeScripts("node_sdk", Path(directory)).run("schedules", given)
    assert found["made"] == {"grantId": grant, "sendAt": given["sendAt"], "scheduled": True}
    assert found["listed"] == ["pending"]
    assert found["found"] == "pending"
    assert found["stopped"]
    assert (found["then"]["code"], found["closed"]) == ("cancelled", True)
    assert found["again"]["statusCode"] == 404
