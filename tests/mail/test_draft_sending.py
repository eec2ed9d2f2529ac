"""POST /v3/grants/{grant_id}/drafts/{draft_id}, by a real Postfix, with drafts in a real Dovecot."""

import threading
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.policy import default
from typing import Any

import httpx
import pytest

from tests.mail import test_drafts, test_send
from tests.mail.mailbox import OWNER, Owner, mail
from tests.mail.test_drafts import FOLDER, path, put, raws
from tests.mail.test_send import parsed
from tests.peers.postfix import UNWANTED, Postfix
from tests.support import Tenant, data, problem

drafts = test_drafts.drafts
grant = test_send.grant
SAID = {
    "to": [{"email": "ana@example.com", "name": "Ana"}],
    "bcc": [{"email": "carl@example.com", "name": ""}],
    "subject": "Grüße",
    "body": "<p>Hello</p>",
    "attachments": [{"filename": "a.bin", "content_type": "application/x-thing", "content": "AAEC"}],
    "custom_headers": [{"name": "X-Ticket", "value": "5"}],
}


def send(tenant: Tenant, grant: str, id_: str, **headers: str) -> httpx.Response:
    """As the SDKs do it: without a body and without its type."""
    return tenant.http.post(path(grant, id_), headers=headers)


def sent(owner: Owner) -> list[bytes]:
    return [one.as_bytes() for one in raws(owner, "Sent")]


def test_a_draft_is_sent_and_is_gone(tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix) -> None:
    drafts.put(mail(7, References="<6@example.com>"))
    made = data(tenant.post(f"{grant}/drafts", {**SAID, "reply_to_message_id": "<7@example.com>", "starred": True}))
    answer = send(tenant, grant, made["id"])
    assert answer.status_code == 200, answer.text
    one = data(answer)
    assert answer.json()["grant_id"] == one["grant_id"] == grant.rpartition("/")[2]
    assert (one["object"], one["folders"], one["reply_to_message_id"]) == ("message", ["Sent"], "<7@example.com>")
    for name in ("to", "bcc", "subject", "body", "thread_id"):
        assert one[name] == made[name], name
    assert one["id"] != made["id"]
    assert [file["filename"] for file in one["attachments"]] == ["a.bin"]
    received = postfix.received(2)
    assert {each.recipient for each in received} == {"ana@example.com", "carl@example.com"}
    message = parsed(received[0])
    assert (message["Bcc"], message["X-Ticket"], message["Message-ID"]) == (None, "5", one["id"])
    assert (message["In-Reply-To"], message["References"]) == ("<7@example.com>", "<6@example.com> <7@example.com>")
    assert drafts.count(FOLDER) == 0
    assert len(sent(drafts)) == 1
    for again in (send(tenant, grant, made["id"]), tenant.get(path(grant, made["id"]))):
        assert problem(again)[:2] == (404, "not_found_error")


def test_a_draft_of_another_program_is_sent_as_it_wrote_it(
    tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix
) -> None:
    marks = {"X_Mozilla_Draft_Info": "internal/draft", "X_Identity_Key": "id1", "Fcc": "imap://x/Sent"}
    put(drafts, 1, sender="", Bcc="carl@example.com", X_Own="kept", files=[("a.pdf", b"%PDF")], **marks)
    one = data(send(tenant, grant, "<1@example.com>"))
    assert one["from"] == [{"email": OWNER, "name": ""}]
    message = parsed(postfix.received(2)[0])
    assert (message["From"], message["Bcc"], message["X-Own"]) == (OWNER, None, "kept")
    assert [message[name.replace("_", "-")] for name in marks] == [None, None, None]
    assert message.get_body(("plain",)).get_content() == "Hello Bob, this is message 1.\n"
    assert message.get_body(("html",)).get_content() == "<p>Hello <b>Bob</b></p>\n"
    assert len(message.get_all("Message-ID")) == len(message.get_all("Date")) == 1


def test_a_form_that_no_server_takes_is_written_anew(
    tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix
) -> None:
    drafts.put(mail(1, html=None).replace(b"Hello Bob", b"x" * 3000), folder=FOLDER)
    assert send(tenant, grant, "<1@example.com>").status_code == 200
    message = parsed(postfix.received(1)[0])
    assert message.get_content().startswith("x" * 3000)


def test_a_draft_without_an_id_is_sent(tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix) -> None:
    drafts.put(mail(1, Message_ID=""), folder=FOLDER)
    (one,) = data(tenant.get(f"{grant}/drafts"))
    assert send(tenant, grant, one["id"]).status_code == 200
    assert len(postfix.received(1)) == 1
    assert drafts.count(FOLDER) == 0


def test_of_two_versions_the_newest_is_sent_and_both_are_gone(
    tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix
) -> None:
    put(drafts, 1, subject="Old words")
    put(drafts, 1, subject="New words", after=5)
    assert data(send(tenant, grant, "<1@example.com>"))["subject"] == "New words"
    assert drafts.count(FOLDER) == 0


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"to": [], "bcc": []}, (400, "to")),
        ({"subject": UNWANTED}, (400, "The mail server refuses")),
        ({"to": [{"email": "gone@example.test"}]}, (400, "The mail server refuses")),
        ({"to": [{"email": "later@example.test"}]}, (503, "The mail server does not take")),
    ],
)
def test_what_is_not_sent_stays_a_draft(
    tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix, more: Any, expected: tuple[int, str]
) -> None:
    made = data(tenant.post(f"{grant}/drafts", {**SAID, **more}))
    for _ in range(2):
        status, _, message = problem(send(tenant, grant, made["id"]))
        assert (status, message[: len(expected[1])]) == expected
    assert drafts.count(FOLDER) == 1
    changed = data(tenant.put(path(grant, made["id"]), {"to": SAID["to"], "subject": "Good"}))
    assert send(tenant, grant, changed["id"]).status_code == 200


def test_a_repeat_with_a_key_has_the_first_answer(tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix) -> None:
    key = {"Idempotency-Key": "k"}
    made = data(tenant.post(f"{grant}/drafts", SAID))
    first, again = (send(tenant, grant, made["id"], **key) for _ in range(2))
    assert (again.status_code, again.headers.get("idempotent-response")) == (200, "true")
    volatile = {"bcc", "date", "created_at", "unread"}
    assert {name: value for name, value in data(again).items() if name not in volatile} == {
        name: value for name, value in data(first).items() if name not in volatile
    }
    other = data(tenant.post(f"{grant}/drafts", SAID))
    assert problem(send(tenant, grant, other["id"], **key))[:2] == (409, "api.invalid_idempotent_request")
    assert len(postfix.received(2)) == 2


def test_the_first_answer_outlives_the_copy(tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix) -> None:
    made = data(tenant.post(f"{grant}/drafts", SAID))
    first = data(send(tenant, grant, made["id"], **{"Idempotency-Key": "k"}))
    drafts.client.select("Sent")
    drafts.client.store("1", "+FLAGS", "\\Deleted")
    drafts.client.expunge()
    drafts.client.unselect()
    again = data(send(tenant, grant, made["id"], **{"Idempotency-Key": "k"}))
    assert (again["id"], again["folders"]) == (first["id"], [])


def test_a_draft_that_was_sent_and_not_erased_is_not_sent_again(
    tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix
) -> None:
    """As where the process dies before it erases the draft: it lies there still, byte for byte."""
    raw = mail(1)
    drafts.put(raw, folder=FOLDER)
    first = data(send(tenant, grant, "<1@example.com>"))
    drafts.put(raw, folder=FOLDER)
    again = data(send(tenant, grant, "<1@example.com>"))
    assert again == first
    assert drafts.count(FOLDER) == 0
    put(drafts, 1, subject="Another one")
    assert data(send(tenant, grant, "<1@example.com>"))["id"] != first["id"]
    assert len(postfix.received(2)) == 2
    assert len(sent(drafts)) == 2


def test_calls_at_once_send_once(tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix) -> None:
    made = data(tenant.post(f"{grant}/drafts", SAID))
    ready = threading.Barrier(4)

    def attempt(_: int) -> int:
        ready.wait(timeout=60)
        return send(tenant, grant, made["id"]).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(attempt, range(4)))
    assert set(statuses) <= {200, 404, 409}
    assert 200 in statuses
    assert len(postfix.received(2)) == 2
    assert len(sent(drafts)) == 1


def test_a_signature_is_put_at_the_end(tenant: Tenant, grant: str, drafts: Owner, postfix: Postfix) -> None:
    made = data(tenant.post(f"{grant}/signatures", {"name": "Mine", "body": "<b>Bob</b>"}))
    named = {"signature_id": made["id"]}
    baked = data(tenant.post(f"{grant}/drafts", {**SAID, **named}))
    assert baked["body"].endswith("<br><b>Bob</b>")
    changed = data(tenant.put(path(grant, baked["id"]), {"body": "<p>Bye</p>", **named}))
    assert changed["body"] == "<p>Bye</p><br><b>Bob</b>"
    for body in (named, {"signature_id": "unknown", "body": "x"}):
        assert problem(tenant.put(path(grant, baked["id"]), body))[0] == 400
    assert problem(tenant.post(path(grant, baked["id"]), {"signature_id": "unknown"}))[0] == 400
    draft = data(tenant.post(f"{grant}/drafts", SAID))
    one = data(tenant.post(path(grant, draft["id"]), named))
    assert one["body"].strip() == "<p>Hello</p><br><b>Bob</b>"
    message = message_from_bytes(postfix.received(2)[0].raw, policy=default)
    assert "<b>Bob</b>" in message.get_body(("html",)).get_content()  # type: ignore[union-attr]
