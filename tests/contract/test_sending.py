"""Messages are sent through the official SDKs, with nothing changed but the base URL."""

import io
import tempfile
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
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
TO = [{"email": "ana@example.com", "name": "Ana"}]
MIME = (
    "From: bob@example.test\r\nTo: ana@example.com\r\nBcc: carl@example.com\r\nSubject: Raw\r\n"
    "Message-ID: <raw@example.com>\r\n\r\nHello\r\n"
)


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """One engine is enough: what is stored of a message that is sent is tested elsewhere."""
    return sqlite_server


@pytest.fixture
def grant(tenant: Tenant, dovecot: Dovecot, postfix: Postfix) -> str:
    tenant.connector("imap")
    postfix.forget()
    return str(data(tenant.connect("imap", imap(dovecot, OWNER, **postfix.settings())))["id"])


@pytest.fixture
def owner(dovecot: Dovecot) -> Iterator[Owner]:
    with owner_of(dovecot) as owner:
        owner.put(mail(1))
        yield owner


def received(postfix: Postfix, count: int) -> dict[str, Any]:
    """By subject."""
    messages = [message_from_bytes(one.raw, policy=default) for one in postfix.received(count)]
    return {str(one["Subject"]): one for one in messages}


def test_the_python_sdk(nylas: Client, grant: str, owner: Owner, postfix: Postfix) -> None:
    said: Any = {"to": TO, "subject": "Plain", "body": "<p>Hi</p>", "reply_to_message_id": "<1@example.com>"}
    sent = nylas.messages.send(grant, said)
    assert (sent.data.subject, sent.data.grant_id, sent.data.folders) == ("Plain", grant, ["Sent"])
    assert sent.data.id is not None
    assert nylas.messages.find(grant, sent.data.id).data.thread_id == sent.data.thread_id

    files = [
        {"filename": "l.pdf", "content_type": "application/pdf", "content": io.BytesIO(LARGE), "size": len(LARGE)},
        {"filename": "i.png", "content_type": "image/png", "content": io.BytesIO(b"png"), "size": 3, "content_id": "i"},
    ]
    large = nylas.messages.send(
        grant, {"to": TO, "subject": "Large", "body": '<img src="cid:i">', "attachments": files}
    )  # type: ignore[typeddict-item]
    assert {one.filename: one.is_inline for one in large.data.attachments or []} == {"l.pdf": False, "i.png": True}
    raw = nylas.messages.send_raw_mime(grant, {"mime": MIME})
    assert (raw.data.id, raw.data.subject) == ("<raw@example.com>", "Raw")
    messages = received(postfix, 4)
    assert set(messages) == {"Plain", "Large", "Raw"}
    assert messages["Plain"]["References"] == "<1@example.com>"
    (pdf,) = messages["Large"].iter_attachments()
    assert pdf.get_content() == LARGE
    with pytest.raises(NylasApiError) as refused:
        nylas.messages.send(grant, {"to": [{"email": "gone@example.test"}], "subject": "x"})
    assert (refused.value.status_code, refused.value.type) == (400, "invalid_request_error")
    assert refused.value.provider_error["code"] == "5.1.1"  # type: ignore[index]


def test_the_node_sdk(tenant: Tenant, grant: str, owner: Owner, postfix: Postfix) -> None:
    given = {"apiKey": tenant.api_key, "apiUri": tenant.server.url, "grant": grant, "size": len(LARGE)}
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        found = NodeScripts("node_sdk", Path(directory)).run("sending", given)
    assert found["plain"]["folders"] == ["Sent"]
    assert found["large"] == [["i.png", True], ["l.pdf", False]]
    assert (found["refused"]["statusCode"], found["refused"]["type"]) == (400, "invalid_request_error")
    messages = received(postfix, 2)
    assert set(messages) == {"Plain", "Large"}
    (pdf,) = messages["Large"].iter_attachments()
    assert pdf.get_content() == LARGE
