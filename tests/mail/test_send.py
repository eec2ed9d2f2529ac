"""POST /v3/grants/{grant_id}/messages/send, by a real Postfix, with copies in a real Dovecot."""

import base64
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pydantic_core import to_json
from requests_toolbelt import MultipartEncoder

from tests.mail.mailbox import OWNER, Owner, mail
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import UNWANTED, Postfix, Received
from tests.support import Tenant, data, imap, problem

TO = "ana@example.com"


@pytest.fixture
def grant(tenant: Tenant, dovecot: Dovecot, postfix: Postfix) -> str:
    """The path of the owner's grant, which sends by Postfix."""
    tenant.connector("imap")
    postfix.forget()
    return f"/v3/grants/{data(tenant.connect('imap', imap(dovecot, OWNER, **postfix.settings())))['id']}"


def said(**more: Any) -> dict[str, Any]:
    return {"to": [{"email": TO, "name": "Ana Müller"}], "subject": "Grüße", "body": "<p>Hello</p>", **more}


def send(tenant: Tenant, grant: str, query: str = "", headers: Any = None, **more: Any) -> httpx.Response:
    return tenant.post(f"{grant}/messages/send{query}", said(**more), headers=headers)


def multipart(tenant: Tenant, grant: str, fields: dict[str, Any], query: str = "", **headers: str) -> httpx.Response:
    encoder = MultipartEncoder(fields=fields)
    headers = {"Content-Type": encoder.content_type, **headers}
    return tenant.http.post(f"{grant}/messages/send{query}", content=encoder.to_string(), headers=headers)


def parsed(received: Received) -> Any:
    """Without what Postfix has put on top."""
    return message_from_bytes(received.raw, policy=default)


def copies(owner: Owner, folder: str = "Sent") -> list[bytes]:
    owner.client.select(f'"{folder}"', readonly=True)
    found = owner.client.fetch("1:*", "(BODY.PEEK[])")[1]
    owner.client.close()
    return [one[1] for one in found if isinstance(one, tuple)]


def test_a_message_is_sent_and_its_copy_lies_in_the_folder_for_sent_mail(
    tenant: Tenant, grant: str, owner: Owner, postfix: Postfix
) -> None:
    answer = send(
        tenant,
        grant,
        cc=[{"email": "bo@example.com"}],
        bcc=[{"email": "carl@example.com"}],
        reply_to=[{"email": "replies@example.com"}],
        attachments=[
            {"filename": "a.txt", "content_type": "text/plain", "content": base64.b64encode(b"\n.\n").decode()}
        ],
        custom_headers=[{"name": "X-Campaign", "value": "spring"}],
        tracking_options={"label": "spring"},
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    sent = body["data"]
    assert body["grant_id"] == sent["grant_id"] == grant.rpartition("/")[2]
    assert (sent["subject"], sent["body"], sent["snippet"]) == ("Grüße", "<p>Hello</p>", "Hello")
    assert sent["from"] == [{"email": OWNER, "name": ""}]
    assert sent["bcc"] == [{"email": "carl@example.com", "name": ""}]
    assert sent["folders"] == ["Sent"]
    assert (sent["unread"], sent["tracking_options"]["label"]) == (False, "spring")
    received = postfix.received(3)
    assert {one.recipient for one in received} == {TO, "bo@example.com", "carl@example.com"}
    message = parsed(received[0])
    assert message["To"] == "Ana Müller <ana@example.com>"
    assert (message["Bcc"], message["X-Campaign"], message["Reply-To"]) == (None, "spring", "replies@example.com")
    assert message["Message-ID"] == sent["id"]
    (attached,) = message.iter_attachments()
    assert attached.get_content() == "\n.\n"
    # The copy is the message, and the API finds it by the id that was answered.
    (copy,) = copies(owner)
    assert received[0].raw.replace(b"\r\n", b"\n").endswith(copy.replace(b"\r\n", b"\n").partition(b"\nFrom:")[2])
    found = data(tenant.get(f"{grant}/messages/{quote(sent['id'], safe='')}"))
    assert {name: found[name] for name in ("id", "thread_id", "folders", "body", "attachments")} == {
        name: sent[name] for name in ("id", "thread_id", "folders", "body", "attachments")
    }
    assert owner.flags("Sent") == [frozenset({"\\Seen"})]


def test_a_dot_at_the_beginning_of_a_line_and_a_large_file_arrive(
    tenant: Tenant, grant: str, owner: Owner, postfix: Postfix
) -> None:
    lines = "".join(f".{'.' * (number % 3)} line\n" for number in range(1000))
    content = bytes(range(256)) * 16_000
    files = {"message": ("", to_json(said(body=lines, is_plaintext=True)), "application/json")}
    answer = multipart(tenant, grant, {**files, "file0": ("big.bin", content, "application/octet-stream")})
    assert answer.status_code == 200, answer.text
    message = parsed(postfix.received(1)[0])
    assert message.get_body(("plain",)).get_content() == lines
    (attached,) = message.iter_attachments()
    assert attached.get_content() == content
    assert len(copies(owner)) == 1


def test_an_inline_file_is_shown_by_its_content_id(tenant: Tenant, grant: str, owner: Owner, postfix: Postfix) -> None:
    fields = {"message": to_json(said(body='<img src="cid:logo">')), "logo": ("l.png", b"png", "image/png")}
    sent = data(multipart(tenant, grant, fields))
    assert [(one["content_id"], one["is_inline"]) for one in sent["attachments"]] == [("logo", True)]
    message = parsed(postfix.received(1)[0])
    assert message.get_content_type() == "multipart/related"


def test_an_answer_carries_the_whole_conversation(tenant: Tenant, grant: str, owner: Owner, postfix: Postfix) -> None:
    owner.put(mail(3, References="<1@example.com> <2@example.com>", In_Reply_To="<2@example.com>"))
    sent = data(send(tenant, grant, reply_to_message_id="<3@example.com>"))
    message = parsed(postfix.received(1)[0])
    assert message["In-Reply-To"] == "<3@example.com>"
    assert message["References"].split() == ["<1@example.com>", "<2@example.com>", "<3@example.com>"]
    answered = data(tenant.get(f"{grant}/messages?in=INBOX"))[0]
    assert sent["thread_id"] == answered["thread_id"]
    assert sent["reply_to_message_id"] == "<3@example.com>"


@pytest.mark.parametrize("bare", [True, False])
def test_a_message_that_the_caller_has_written_stays_as_it_is_but_for_bcc(
    tenant: Tenant, grant: str, owner: Owner, postfix: Postfix, bare: bool
) -> None:
    raw = (
        b"From: Bob <bob@example.test>\r\nTo: ana@example.com\r\nBcc: carl@example.com,\r\n dora@example.com\r\n"
        b"Subject: =?utf-8?q?Hi?=\r\nMessage-ID: <own@example.com>\r\nDate: Mon, 2 Mar 2026 08:00:00 +0000\r\n"
        b"X-Odd:  two  blanks \r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        b".\r\n..\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    )
    given = raw.replace(b"\r\n", b"\n") if bare else raw
    part: Any = given.decode() if bare else ("message.eml", given, "message/rfc822")
    answer = multipart(tenant, grant, {"mime": part}, "?type=mime&fields=include_headers")
    sent = data(answer)
    assert (sent["id"], sent["subject"], sent["body"]) == ("<own@example.com>", "Hi", ".\r\n..\r\nGrüße\r\n")
    assert [one["email"] for one in sent["bcc"]] == ["carl@example.com", "dora@example.com"]
    assert {"name": "X-Odd", "value": "two  blanks"} in sent["headers"]
    received = postfix.received(3)
    assert {one.recipient for one in received} == {"ana@example.com", "carl@example.com", "dora@example.com"}
    without = raw.replace(b"Bcc: carl@example.com,\r\n dora@example.com\r\n", b"")
    assert copies(owner) == [without]
    assert received[0].raw.replace(b"\r\n", b"\n").endswith(without.replace(b"\r\n", b"\n"))


@pytest.mark.parametrize(
    ("mime", "named"),
    [
        (b"", "mime: has no From"),
        (b"From: a@b.c\r\n\r\nx", "mime: has no recipient"),
        (b"From: a@b.c\r\nTo: d@e.f\r\nno field\r\n\r\nx", "mime: begins with a line"),
        (b"From: a@b.c\r\nTo: d@e.f\r\n\r\n\0", "mime: has a NUL"),
        (b"From: a@b.c\r\nTo: d@e.f\r\n\r\n" + b"x" * 999, "mime: has a line of more than"),
        (b"From: a@b.c\r\nTo: \xc3\xbc@e.f\r\n\r\nx", "mime: 'ü@e.f' is no address"),
    ],
)
def test_a_message_that_is_none_is_refused(tenant: Tenant, grant: str, mime: bytes, named: str) -> None:
    status, type_, message = problem(multipart(tenant, grant, {"mime": ("m", mime, "message/rfc822")}, "?type=mime"))
    assert (status, type_) == (400, "invalid_request_error")
    assert message.startswith(named)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"to": []}, "to: name a recipient"),
        ({"to": [{"email": "nobody"}]}, "to: 'nobody' is no address"),
        ({"cc": [{"email": "a@b.c\r\nBcc: d@e.f"}]}, "cc: "),
        ({"from": [{"email": "x"}]}, "from"),
        ({"reply_to_message_id": "<none@example.com>"}, "reply_to_message_id: the mailbox has no message"),
        ({"use_draft": True}, "use_draft: goes with send_at"),
        ({"signature_id": "x"}, "signature_id: "),
    ],
)
def test_a_field_that_is_wrong_is_named(tenant: Tenant, grant: str, owner: Owner, more: Any, expected: str) -> None:
    status, type_, message = problem(send(tenant, grant, **more))
    assert (status, type_) == (400, "invalid_request_error")
    assert message.startswith(expected)


@pytest.mark.parametrize(
    ("recipient", "subject", "expected"),
    [
        ("gone@example.test", "x", (400, "invalid_request_error", "no such user")),
        ("later@example.test", "x", (503, "provider_error", "try again later")),
        ("ana@example.com", UNWANTED, (400, "invalid_request_error", "unwanted content")),
    ],
)
def test_what_the_mail_server_refuses_is_sent_to_nobody(
    tenant: Tenant, grant: str, owner: Owner, postfix: Postfix, recipient: str, subject: str, expected: Any
) -> None:
    to = [{"email": TO}, {"email": recipient}]
    answer = send(tenant, grant, to=to, subject=subject)
    status, type_, message = problem(answer)
    assert ((status, type_), expected[2] in message) == (expected[:2], True), message
    assert recipient in message or subject == UNWANTED
    assert set(answer.json()["error"]["provider_error"]) == {"code", "message", "error", "error_description"}
    # The session goes on, and the one message that comes is the next one.
    assert send(tenant, grant, subject="second").status_code == 200
    (received,) = postfix.received(1)
    assert parsed(received)["Subject"] == "second"
    assert len(copies(owner)) == 1


def test_the_copy_has_a_folder_also_when_its_folder_was_deleted_meanwhile(
    tenant: Tenant, grant: str, owner: Owner, postfix: Postfix
) -> None:
    owner.make("Sent Items")
    assert data(send(tenant, grant))["folders"] == ["~U2VudCBJdGVtcw"]
    owner.client.delete('"Sent Items"')
    assert data(send(tenant, grant))["folders"] == ["Sent"]
    assert (len(copies(owner)), "Sent Items" in owner.folders()) == (1, False)


def test_a_grant_that_cannot_send_says_so(tenant: Tenant, dovecot: Dovecot) -> None:
    tenant.connector("imap")
    login = {name: value for name, value in imap(dovecot, OWNER).items() if not name.startswith("smtp")}
    made = data(tenant.connect("imap", login))
    status, _, message = problem(send(tenant, f"/v3/grants/{made['id']}"))
    assert (status, message[:8]) == (400, "grant_id")


def test_a_signature_stands_at_the_end(tenant: Tenant, grant: str, owner: Owner, postfix: Postfix) -> None:
    made = data(tenant.post(f"{grant}/signatures", {"name": "own", "body": "<p><b>Bob</b> Example</p><p>Berlin</p>"}))
    sent = data(send(tenant, grant, signature_id=made["id"]))
    assert sent["body"] == f"<p>Hello</p><br>{made['body']}"
    plain = data(send(tenant, grant, signature_id=made["id"], body="Hello", is_plaintext=True))
    assert plain["body"].splitlines() == ["Hello", "Bob Example", "Berlin"]


KEY = {"Idempotency-Key": "k" * 256}


def test_a_repeat_has_the_first_answer_and_sends_nothing(
    tenant: Tenant, grant: str, owner: Owner, postfix: Postfix
) -> None:
    first, again = (send(tenant, grant, headers=KEY, bcc=[{"email": "b@example.com"}]) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert data(again) == data(first)
    assert [one.headers.get("idempotent-response") for one in (first, again)] == [None, "true"]
    assert problem(send(tenant, grant, headers=KEY, subject="another"))[:2] == (
        409,
        "api.invalid_idempotent_request",
    )
    assert send(tenant, grant, headers={"Idempotency-Key": "other"}).status_code == 200
    assert len(postfix.received(3)) == 3
    assert len(copies(owner)) == 2
    stored = tenant.server.rows("select answer from idempotency where application_id = $1", tenant.application.id)
    assert "Hello" not in str(stored)


def test_a_repeat_of_a_multipart_body_has_another_boundary_and_is_the_same(
    tenant: Tenant, grant: str, owner: Owner, postfix: Postfix
) -> None:
    fields = {"message": to_json(said()), "file0": ("a.txt", b"x", "text/plain")}
    first, again = (multipart(tenant, grant, fields, **KEY) for _ in range(2))
    assert data(again) == data(first)
    other = {**fields, "file0": ("a.txt", b"y", "text/plain")}
    assert problem(multipart(tenant, grant, other, **KEY))[0] == 409


def test_a_refusal_is_kept_unless_it_says_to_try_again(
    tenant: Tenant, grant: str, owner: Owner, postfix: Postfix
) -> None:
    gone = {"to": [{"email": "gone@example.test"}], "headers": KEY}
    first, again = (send(tenant, grant, **gone) for _ in range(2))
    assert first.json()["error"] == again.json()["error"]
    assert (again.status_code, again.headers.get("idempotent-response")) == (400, "true")
    later = {"to": [{"email": "later@example.test"}], "headers": {"Idempotency-Key": "2"}}
    first, again = (send(tenant, grant, **later) for _ in range(2))
    assert [one.status_code for one in (first, again)] == [503, 503]
    assert "idempotent-response" not in again.headers


@pytest.mark.parametrize("key", ["k" * 257, ""])
def test_a_key_that_is_none_is_refused(tenant: Tenant, grant: str, key: str) -> None:
    answer = send(tenant, grant, headers={"Idempotency-Key": key.encode()})
    assert problem(answer)[:2] == (400, "api.invalid_idempotency_key")


def test_metadata_is_kept_with_what_was_sent(tenant: Tenant, grant: str, owner: Owner, postfix: Postfix) -> None:
    sent = data(send(tenant, grant, metadata={"key1": "order-17", "who": "Ana"}))
    assert sent["metadata"] == {"key1": "order-17", "who": "Ana"}
    (found,) = data(tenant.get(f"{grant}/messages?metadata_pair=key1:order-17"))
    assert (found["id"], found["metadata"], found["folders"]) == (sent["id"], sent["metadata"], ["Sent"])
    (received,) = postfix.received(1)
    assert b"order-17" not in received.raw
