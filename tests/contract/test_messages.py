"""Folders, messages and attachments through the official SDKs, with nothing changed but the base URL."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.mail.mailbox import OWNER, RECEIVED, Owner, mail, owner_of
from tests.peers.dovecot import Dovecot
from tests.peers.nodejs import NodeScripts
from tests.support import LiveServer, Tenant, data, imap

FILE = b"%PDF" * 300_000


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """One engine is enough: nothing of the mailbox is stored."""
    return sqlite_server


@pytest.fixture
def grant(tenant: Tenant, dovecot: Dovecot) -> str:
    tenant.connector("imap")
    return str(data(tenant.connect("imap", imap(dovecot, OWNER)))["id"])


@pytest.fixture
def owner(dovecot: Dovecot) -> Iterator[Owner]:
    with owner_of(dovecot) as owner:
        owner.make("Papierkorb")
        owner.put(mail(1, subject="First"), after=1)
        owner.put(mail(2, files=[("plan ä.pdf", FILE)]), after=2)
        owner.put(mail(3, sender="eve@example.com"), after=3, flags="\\Seen")
        yield owner


def test_every_call_of_the_python_sdk(nylas: Client, grant: str, owner: Owner) -> None:
    inbox, trash = sorted(nylas.folders.list(grant).data, key=lambda one: one.name or "")
    assert (inbox.id, inbox.name, inbox.total_count, inbox.unread_count) == ("INBOX", "INBOX", 3, 2)
    assert trash.attributes is not None
    assert "\\Trash" in trash.attributes
    made = nylas.folders.create(grant, {"name": "Rechnungen für 2026"}).data
    assert nylas.folders.find(grant, made.id).data == made
    work = nylas.folders.update(grant, made.id, {"name": "Work"}).data
    assert (work.id, work.name) == ("Work", "Work")

    query: Any = {"in": "INBOX", "limit": 2}
    first = nylas.messages.list(grant, query)
    assert [one.id for one in first.data] == ["<3@example.com>", "<2@example.com>"]
    second = nylas.messages.list(grant, {**query, "page_token": first.next_cursor})
    assert ([one.subject for one in second.data], second.next_cursor) == (["First"], None)
    for asked, wanted in (
        ({"unread": True, "any_email": ["ana@example.com", "x@example.com"]}, {"<1@example.com>", "<2@example.com>"}),
        ({"from": ["eve@example.com"], "received_after": RECEIVED}, {"<3@example.com>"}),
        ({"has_attachment": True}, {"<2@example.com>"}),
        ({"search_query_native": "first"}, {"<1@example.com>"}),
        ({"thread_id": first.data[0].thread_id}, {"<3@example.com>"}),
    ):
        assert {one.id for one in nylas.messages.list(grant, asked).data} == wanted  # type: ignore[arg-type]
    with_headers = nylas.messages.find(grant, "<1@example.com>", query_params={"fields": "include_headers"}).data  # type: ignore[typeddict-item]
    assert with_headers.headers is not None
    assert "First" in {one.value for one in with_headers.headers}
    raw = nylas.messages.find(grant, "<1@example.com>", query_params={"fields": "raw_mime"}).data  # type: ignore[typeddict-item]
    assert raw.raw_mime

    changed = nylas.messages.update(
        grant, "<1@example.com>", {"unread": False, "starred": True, "folders": ["Work"]}
    ).data
    assert (changed.unread, changed.starred, changed.folders) == (False, True, ["Work"])
    assert nylas.messages.find(grant, "<1@example.com>").data.folders == ["Work"]

    (file,) = first.data[1].attachments or []
    of: Any = {"message_id": "<2@example.com>"}
    assert nylas.attachments.find(grant, file.id, of).data == file
    assert file.filename == "plan ä.pdf"
    assert nylas.attachments.download_bytes(grant, file.id, of) == FILE
    assert b"".join(nylas.attachments.download(grant, file.id, of).iter_content(65536)) == FILE

    kept = nylas.messages.update(grant, "<2@example.com>", {"metadata": {"key1": "a:b", "Order No": "17"}}).data
    assert kept.metadata == {"key1": "a:b", "Order No": "17"}
    pair: Any = {"metadata_pair": {"key1": "a:b"}}
    assert [(one.id, one.metadata) for one in nylas.messages.list(grant, pair).data] == [(kept.id, kept.metadata)]
    (cleaned,) = nylas.messages.clean_messages(grant, {"message_id": ["<2@example.com>"], "ignore_links": False}).data
    assert (cleaned.id, cleaned.conversation) == ("<2@example.com>", "Hello Bob")

    of_inbox: Any = {"source": "inbox", "limit": 1}
    people = nylas.contacts.list(grant, of_inbox)
    assert [one.emails and one.emails[0].email for one in people.data] == ["eve@example.com"]
    rest = nylas.contacts.list(grant, {**of_inbox, "page_token": people.next_cursor})
    assert [one.surname for one in rest.data] == ["Müller"]
    assert nylas.contacts.find(grant, people.data[0].id).data == people.data[0]
    assert (nylas.contacts.list(grant).data, nylas.contacts.list_groups(grant).data) == ([], [])

    assert nylas.messages.destroy(grant, "<3@example.com>").request_id
    assert nylas.messages.find(grant, "<3@example.com>").data.folders == ["Papierkorb"]
    assert nylas.folders.destroy(grant, "Work").request_id
    with pytest.raises(NylasApiError) as gone:
        nylas.messages.find(grant, "<1@example.com>")
    assert (gone.value.status_code, gone.value.type) == (404, "not_found_error")


def test_every_call_of_the_node_sdk(tenant: Tenant, grant: str, owner: Owner) -> None:
    given = {"apiKey": tenant.api_key, "apiUri": tenant.server.url, "grant": grant}
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        found = NodeScripts("node_sdk", Path(directory)).run("messages", given)
    assert sorted(found["folders"]) == ["INBOX", "Papierkorb"]
    assert (found["made"]["name"], found["renamed"]["id"]) == ("Rechnungen für 2026", "Work")
    assert found["pages"] == [["<3@example.com>", "<2@example.com>"], ["<1@example.com>"]]
    assert found["filtered"] == ["<2@example.com>", "<1@example.com>"]
    assert found["subject"] == "First"
    assert found["changed"] == {"unread": False, "starred": True, "folders": ["Work"]}
    assert found["file"]["filename"] == "plan ä.pdf"
    assert (found["bytes"], found["streamed"], found["node"]) == (len(FILE), len(FILE), len(FILE))
    assert found["keyed"] == [["<2@example.com>", {"key1": "a:b", "orderNo": "17"}]]
    assert found["cleaned"] == ["Hello **Bob**"]
    assert found["people"] == ["eve@example.com", "ana@example.com"]
    assert (found["person"], found["groups"]) == ("Müller", [])
    assert found["trashed"] == ["Papierkorb"]
    assert (found["gone"]["statusCode"], found["gone"]["type"]) == (404, "not_found_error")
