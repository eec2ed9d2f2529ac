"""Threads through the official SDKs, with nothing changed but the base URL."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nylas import Client
from nylas.models.drafts import Draft
from nylas.models.errors import NylasApiError

from tests.contract import test_messages as messages
from tests.mail.mailbox import RECEIVED, Owner, mail, owner_of
from tests.peers.dovecot import Dovecot
from tests.peers.nodejs import NodeScripts
from tests.support import Tenant

server, grant = messages.server, messages.grant
PLANS = ["<1@example.com>", "<2@example.com>"]


@pytest.fixture
def owner(dovecot: Dovecot) -> Iterator[Owner]:
    """1 and 2 are one conversation with the draft 4, and 3 is another."""
    with owner_of(dovecot) as owner:
        for folder in ("Sent", "Entwuerfe", "Papierkorb", "Work"):
            owner.make(folder)
        owner.put(mail(1, subject="Plans"), after=1)
        owner.put(mail(2, sender="bob@example.test", References=PLANS[0]), folder="Sent", after=2, flags="\\Seen")
        owner.put(mail(3, sender="eve@example.com"), after=3)
        owner.put(mail(4, References=" ".join(PLANS)), folder="Entwuerfe", after=4, flags="\\Draft \\Seen")
        yield owner


def test_every_call_of_the_python_sdk(nylas: Client, grant: str, owner: Owner) -> None:
    first = nylas.threads.list(grant, {"limit": 1})
    second = nylas.threads.list(grant, {"limit": 1, "page_token": first.next_cursor})  # type: ignore[typeddict-item]
    assert [one.message_ids for one in (*first.data, *second.data)] == [PLANS, ["<3@example.com>"]]
    filters: tuple[tuple[dict[str, Any], int], ...] = (
        ({"any_email": ["eve@example.com", "x@example.com"]}, 1),
        ({"from": "eve@example.com", "unread": True, "has_attachment": False}, 1),
        ({"in": "Sent", "latest_message_after": RECEIVED, "earliest_message_date": RECEIVED}, 1),
        ({"thread_id": first.data[0].id, "starred": True}, 0),
        ({"search_query_native": "hello", "limit": 200}, 2),
    )
    for query, count in filters:
        assert len(nylas.threads.list(grant, query).data) == count, query  # type: ignore[arg-type]
    thread = nylas.threads.find(grant, first.data[0].id).data
    assert thread == first.data[0]
    assert isinstance(thread.latest_draft_or_message, Draft)
    assert (thread.has_drafts, thread.draft_ids, thread.unread) == (True, ["<4@example.com>"], True)
    assert nylas.messages.find(grant, PLANS[1]).data.thread_id == thread.id
    changed = nylas.threads.update(grant, thread.id, {"unread": False, "starred": True, "folders": ["Work"]}).data
    assert (changed.unread, changed.starred, set(changed.folders)) == (False, True, {"Work", "Entwuerfe"})
    assert nylas.threads.destroy(grant, thread.id).request_id
    assert nylas.threads.find(grant, thread.id).data.folders == ["Papierkorb"]
    assert nylas.threads.destroy(grant, thread.id).request_id
    with pytest.raises(NylasApiError) as gone:
        nylas.threads.find(grant, thread.id)
    assert (gone.value.status_code, gone.value.type) == (404, "not_found_error")


def test_every_call_of_the_node_sdk(tenant: Tenant, grant: str, owner: Owner) -> None:
    given = {"apiKey": tenant.api_key, "apiUri": tenant.server.url, "grant": grant}
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        found = NodeScripts("node_sdk", Path(directory)).run("threads", given)
    assert found["pages"] == [[PLANS], [["<3@example.com>"]]]
    assert (found["latest"], found["hasDrafts"]) == ("draft", True)
    assert found["changed"] == {"unread": False, "starred": True, "folders": ["Work", "Entwuerfe"]}
    assert found["trashed"] == ["Papierkorb"]
    assert (found["gone"]["statusCode"], found["gone"]["type"]) == (404, "not_found_error")
