"""Drafts through the official SDKs, with nothing changed but the base URL."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.mail.mailbox import OWNER, Owner, mail, owner_of
from tests.peers.dovecot import Dovecot
from tests.peers.nodejs import NodeScripts
from tests.peers.postfix import Postfix
from tests.support import LiveServer, Tenant, data, imap

LARGE = b"%PDF" * 800_000


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """One engine is enough: nothing of the mailbox is stored."""
    return sqlite_server


@pytest.fixture
def grant(tenant: Tenant, dovecot: Dovecot, postfix: Postfix) -> str:
    tenant.connector("imap")
    postfix.forget()
    return str(data(tenant.connect("imap", imap(dovecot, OWNER, **postfix.settings())))["id"])


@pytest.fixture
def owner(dovecot: Dovecot) -> Iterator[Owner]:
    with owner_of(dovecot) as owner:
        owner.make("Entwuerfe")
        owner.put(mail(1))
        owner.put(mail(2, subject="Begun elsewhere"), folder="Entwuerfe", flags="\\Draft \\Seen")
        yield owner


def test_every_call_of_the_python_sdk(nylas: Client, grant: str, owner: Owner, postfix: Postfix) -> None:
    body: Any = {
        "to": [{"email": "ana@example.com", "name": "Ana"}],
        "bcc": [{"email": "c@example.com"}],
        "subject": "Grüße",
        "body": "<p>Hi</p>",
        "reply_to_message_id": "<1@example.com>",
        "metadata": {"key1": "order-17"},
        "attachments": [{"filename": "s.txt", "content_type": "text/plain", "content": io.BytesIO(b"x"), "size": 1}],
    }
    made = nylas.drafts.create(grant, body).data
    assert (made.object, made.subject, made.grant_id, made.folders) == ("draft", "Grüße", grant, ["Entwuerfe"])
    assert made.thread_id == nylas.messages.find(grant, "<1@example.com>").data.thread_id
    assert nylas.drafts.find(grant, made.id).data == made

    change: Any = {
        "subject": "Larger",
        "attachments": [
            {"filename": "l.pdf", "content_type": "application/pdf", "content": io.BytesIO(LARGE), "size": len(LARGE)}
        ],
    }
    with pytest.raises(TypeError):  # nylas 6.18 sends a multipart draft, and then trips over its own tuple
        nylas.drafts.update(grant, made.id, change)
    changed = nylas.drafts.find(grant, made.id).data
    assert (changed.id, changed.subject, changed.body, changed.to) == (made.id, "Larger", "<p>Hi</p>", made.to)
    (file,) = changed.attachments or []
    assert nylas.attachments.download_bytes(grant, file.id, {"message_id": made.id}) == LARGE
    assert nylas.drafts.update(grant, "<2@example.com>", {"starred": True}).data.starred is True

    first = nylas.drafts.list(grant, {"limit": 1})
    assert [one.id for one in first.data] == [made.id]
    second = nylas.drafts.list(grant, {"limit": 1, "page_token": first.next_cursor})  # type: ignore[typeddict-item]
    assert ([one.subject for one in second.data], second.next_cursor) == (["Begun elsewhere"], None)
    for asked, wanted in (
        ({"starred": True}, ["<2@example.com>"]),
        ({"any_email": ["c@example.com", "x@example.com"]}, [made.id]),
        ({"to": ["ana@example.com"], "has_attachment": True}, [made.id]),
        ({"thread_id": made.thread_id, "bcc": ["c@example.com"]}, [made.id]),
        ({"subject": "begun"}, ["<2@example.com>"]),
        ({"metadata_pair": {"key1": "order-17"}}, [made.id]),
    ):
        assert [one.id for one in nylas.drafts.list(grant, asked).data] == wanted, asked  # type: ignore[arg-type]

    sent = nylas.drafts.send(grant, made.id).data
    assert (sent.object, sent.subject, sent.folders, sent.thread_id) == ("message", "Larger", ["Sent"], made.thread_id)
    assert sent.id != made.id
    assert nylas.messages.find(grant, sent.id).data.metadata == {"key1": "order-17"}
    assert {one.recipient for one in postfix.received(2)} == {"ana@example.com", "c@example.com"}

    assert nylas.drafts.destroy(grant, "<2@example.com>").request_id
    with pytest.raises(NylasApiError) as gone:
        nylas.drafts.find(grant, "<2@example.com>")
    assert (gone.value.status_code, gone.value.type) == (404, "not_found_error")
    assert owner.count("Entwuerfe") == 0


def test_every_call_of_the_node_sdk(tenant: Tenant, grant: str, owner: Owner, postfix: Postfix) -> None:
    given = {"apiKey": tenant.api_key, "apiUri": tenant.server.url, "grant": grant, "size": len(LARGE)}
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        found = NodeScripts("node_sdk", Path(directory)).run("drafts", given)
    assert (found["made"]["object"], found["made"]["replyTo"]) == ("draft", [{"email": "r@example.com", "name": ""}])
    assert found["found"] == found["made"]
    assert (found["same"], found["subject"], found["file"]) == (True, "Larger", "l.pdf")
    assert found["bytes"] == len(LARGE)
    assert found["pages"] == [["Larger"], ["Begun elsewhere"]]
    assert found["filtered"] == ["Larger"]
    assert found["sent"] == {"object": "message", "subject": "Larger", "folders": ["Sent"]}
    assert [one.recipient for one in postfix.received(1)] == ["ana@example.com"]
    assert (found["gone"]["statusCode"], found["gone"]["type"]) == (404, "not_found_error")
