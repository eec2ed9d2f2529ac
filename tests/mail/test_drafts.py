"""Drafts through the API, those of other mail programs among them, against a real Dovecot."""

import base64
import json
import random
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import pytest
from requests_toolbelt import MultipartEncoder

from tests.mail.mailbox import OWNER, Owner, mail
from tests.support import Tenant, data, problem

FOLDER = "Entwuerfe"
FILE = random.Random(1).randbytes(300_000)


@pytest.fixture
def drafts(owner: Owner) -> Owner:
    owner.make(FOLDER)
    return owner


def ids(found: Any) -> list[str]:
    return [one["id"] for one in found]


def named(*numbers: int) -> list[str]:
    return [f"<{number}@example.com>" for number in numbers]


def path(grant: str, id_: str) -> str:
    return f"{grant}/drafts/{quote(id_, safe='')}"


def put(owner: Owner, number: int, *, flags: str = "", after: int = 0, **said: Any) -> None:
    owner.put(mail(number, **said), folder=FOLDER, flags=f"\\Draft \\Seen {flags}", after=after or number)


def test_drafts_of_other_programs_are_listed_the_newest_first(tenant: Tenant, grant: str, drafts: Owner) -> None:
    drafts.put(mail(9))
    put(drafts, 1, Bcc="secret@example.com", In_Reply_To="<9@example.com>", References="<9@example.com>")
    put(drafts, 2, flags="\\Flagged", files=[("a.pdf", b"x")])
    second, first = data(tenant.get(f"{grant}/drafts"))
    assert (first["id"], first["object"], first["folders"]) == ("<1@example.com>", "draft", [FOLDER])
    assert (first["reply_to_message_id"], first["bcc"][0]["email"]) == ("<9@example.com>", "secret@example.com")
    assert (second["starred"], second["unread"], second["attachments"][0]["filename"]) == (True, False, "a.pdf")
    assert "reply_to_message_id" not in second
    assert data(tenant.get(path(grant, "<1@example.com>"))) == first
    assert data(tenant.get(f"{path(grant, '<1@example.com>')}?select=id,bcc")).keys() == {"id", "bcc"}
    assert ids(data(tenant.get(f"{grant}/messages"))) == ["<9@example.com>"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("starred=true", (3,)),
        ("subject=INVOICE", (2,)),
        ("to=carl@example.com", (2,)),
        ("cc=carl@example.com&cc=x@example.com", (4,)),
        ("bcc=carl@example.com", (3,)),
        ("any_email=carl@example.com", (4, 3, 2)),
        ("has_attachment=true", (1,)),
        ("has_attachment=false&starred=false", (4, 2)),
        ("in=INBOX&unread=true&received_after=99999999999", (4, 3, 2, 1)),
        ("thread_id=unknown", ()),
    ],
)
def test_filters(tenant: Tenant, grant: str, drafts: Owner, query: str, wanted: tuple[int, ...]) -> None:
    put(drafts, 1, files=[("a.pdf", b"x")])
    put(drafts, 2, subject="Your invoice", to="carl@example.com")
    put(drafts, 3, flags="\\Flagged", Bcc="carl@example.com")
    put(drafts, 4, Cc="carl@example.com")
    assert ids(data(tenant.get(f"{grant}/drafts?select=id&{query}"))) == named(*wanted)


def test_pages_of_one_conversation(tenant: Tenant, grant: str, drafts: Owner) -> None:
    drafts.put(mail(9))
    for number in range(1, 6):
        put(drafts, number, References="<9@example.com>" if number % 2 else "<8@example.com>")
    thread = data(tenant.get(f"{grant}/messages"))[0]["thread_id"]
    first = tenant.get(f"{grant}/drafts?thread_id={thread}&limit=2").json()
    assert ids(first["data"]) == named(5, 3)
    second = tenant.get(f"{grant}/drafts?page_token={first['next_cursor']}").json()
    assert (ids(second["data"]), second.get("next_cursor")) == (named(1), None)
    assert problem(tenant.get(f"{grant}/messages?page_token={first['next_cursor']}"))[0] == 400


def test_of_two_versions_the_newest_counts_everywhere(tenant: Tenant, grant: str, drafts: Owner) -> None:
    """As a change leaves them that was broken off between its two steps."""
    put(drafts, 1, subject="Old words", flags="\\Flagged")
    put(drafts, 2)
    put(drafts, 1, subject="New words", after=5)
    assert [one["subject"] for one in data(tenant.get(f"{grant}/drafts"))] == ["New words", "Message 2"]
    for query in ("subject=old", "starred=true"):
        assert data(tenant.get(f"{grant}/drafts?{query}")) == []
    first = tenant.get(f"{grant}/drafts?limit=1").json()
    second = tenant.get(f"{grant}/drafts?limit=1&page_token={first['next_cursor']}").json()
    assert (ids(second["data"]), second.get("next_cursor")) == (named(2), None)
    assert data(tenant.get(path(grant, "<1@example.com>")))["subject"] == "New words"
    threads = data(tenant.get(f"{grant}/threads"))
    assert [(one["draft_ids"], one["subject"]) for one in threads] == [(named(1), "New words"), (named(2), "Message 2")]
    assert [one["latest_draft_or_message"]["subject"] for one in threads] == ["New words", "Message 2"]
    assert tenant.delete(path(grant, "<1@example.com>")).status_code == 200
    assert drafts.count(FOLDER) == 1
    assert problem(tenant.get(path(grant, "<1@example.com>")))[:2] == (404, "not_found_error")


@pytest.mark.parametrize("message_id", ["", f"<{'x' * 1200}@example.com>", "<a b@example.com>"])
def test_a_draft_without_a_usable_id_has_one_of_ours(
    tenant: Tenant, grant: str, drafts: Owner, message_id: str
) -> None:
    raw = mail(1, Message_ID="").replace(b"Subject:", f"Message-ID: {message_id}\r\nSubject:".encode(), 1)
    drafts.put(raw, folder=FOLDER)
    (one,) = data(tenant.get(f"{grant}/drafts"))
    at = path(grant, one["id"])
    assert data(tenant.get(at)) == one
    assert tenant.delete(at).status_code == 200
    assert drafts.count(FOLDER) == 0
    assert problem(tenant.get(at))[:2] == (404, "not_found_error")


def raws(owner: Owner, folder: str = FOLDER) -> list[EmailMessage]:
    """The messages as they lie in a folder."""
    if not owner.count(folder) > 0:
        return []
    owner.client.select(folder, readonly=True)
    found = owner.client.fetch("1:*", "(BODY.PEEK[])")[1]
    owner.client.close()
    read = [message_from_bytes(one[1], policy=policy.default) for one in found if isinstance(one, tuple)]
    return [one for one in read if isinstance(one, EmailMessage)]


def test_a_draft_is_created_as_a_message_that_other_programs_can_send(
    tenant: Tenant, grant: str, drafts: Owner
) -> None:
    drafts.put(mail(7, References="<6@example.com>"))
    sent = {
        "to": [{"email": "a@example.com", "name": "Ä, B"}],
        "cc": [{"email": "c@example.com"}],
        "bcc": [{"email": "d@example.com"}],
        "reply_to": [{"email": "e@example.com"}],
        "from": [{"email": "alias@example.test", "name": "Bob"}],
        "subject": "Grüße",
        "body": '<p>Grüße <img src="cid:logo"></p>',
        "attachments": [
            {"filename": "a ä.pdf", "content_type": "application/pdf", "content": "JVBERg=="},
            {"filename": "l.png", "content_type": "image/png", "content": "eA==", "content_id": "logo"},
        ],
        "reply_to_message_id": "<7@example.com>",
        "custom_headers": [{"name": "X-Ticket", "value": "Fünf"}],
        "starred": True,
    }
    made = data(tenant.post(f"{grant}/drafts", sent))
    for name in ("to", "cc", "bcc", "reply_to", "from"):
        assert made[name] == [{"name": "", **one} for one in sent[name]]
    for name in ("subject", "body", "reply_to_message_id", "starred"):
        assert made[name] == sent[name], name
    assert (made["object"], made["folders"], made["snippet"], made["unread"]) == ("draft", [FOLDER], "Grüße", False)
    assert [(one["filename"], one["is_inline"]) for one in made["attachments"]] == [("l.png", True), ("a ä.pdf", False)]
    assert made["thread_id"] == data(tenant.get(f"{grant}/messages"))[0]["thread_id"]
    assert data(tenant.get(path(grant, made["id"]))) == made
    assert data(tenant.get(f"{grant}/drafts?thread_id={made['thread_id']}")) == [made]
    assert drafts.flags(FOLDER) == [{"\\Draft", "\\Seen", "\\Flagged"}]
    (raw,) = raws(drafts)
    assert (raw["message-id"], raw["bcc"], raw["x-ticket"]) == (made["id"], "d@example.com", "Fünf")
    assert (raw["in-reply-to"], raw["references"]) == ("<7@example.com>", "<6@example.com> <7@example.com>")
    for one, content in zip(made["attachments"], (b"x", b"%PDF"), strict=True):
        at = f"{grant}/attachments/{one['id']}/download?message_id={quote(made['id'], safe='')}"
        assert tenant.get(at).content == content


def test_an_empty_draft_is_from_the_grant(tenant: Tenant, grant: str, owner: Owner) -> None:
    made = data(tenant.post(f"{grant}/drafts", {}))
    assert (made["from"], made["to"], made["subject"], made["body"]) == ([{"email": OWNER, "name": ""}], [], "", "")
    assert (made["folders"], made["starred"]) == (["Drafts"], False)
    assert sorted(owner.folders()) == ["Drafts", "INBOX"], "a folder was made for it"


def test_a_change_leaves_what_it_does_not_name(tenant: Tenant, grant: str, drafts: Owner) -> None:
    drafts.put(mail(7))
    sent = {
        "to": [{"email": "a@example.com", "name": "A"}],
        "bcc": [{"email": "d@example.com", "name": ""}],
        "subject": "One",
        "body": "plain < text",
        "is_plaintext": True,
        "attachments": [{"filename": "a.bin", "content": base64.b64encode(FILE).decode()}],
        "reply_to_message_id": "<7@example.com>",
        "custom_headers": [{"name": "X-Ticket", "value": "5"}],
    }
    made = data(tenant.post(f"{grant}/drafts", sent))
    at = path(grant, made["id"])

    def changed(**said: Any) -> Any:
        found = data(tenant.put(at, said))
        assert data(tenant.get(f"{grant}/drafts")) == [found]
        assert data(tenant.get(at)) == found
        volatile = {"date", "created_at", "updated_at"}
        return {name: value for name, value in found.items() if name not in volatile and value != made[name]}

    assert changed(subject="Two", cc=None, to=None) == {"subject": "Two"}
    assert changed(starred=True) == {"subject": "Two", "starred": True}
    (raw,) = raws(drafts)
    assert (raw["x-ticket"], raw["references"], raw.get_body().get_content_type()) == (  # type: ignore[union-attr]
        *("5", "<7@example.com>", "text/plain"),
    )
    file = made["attachments"][0]
    download = f"{grant}/attachments/{file['id']}/download?message_id={quote(made['id'], safe='')}"
    assert tenant.get(download).content == FILE
    html = {"subject": "Two", "body": "<b>x</b>", "snippet": "x"}
    assert changed(body="<b>x</b>", is_plaintext=False) == html | {"starred": True}
    assert changed(attachments=[]) == html | {"starred": True, "attachments": []}
    assert changed(starred=False, to=[]) == html | {"attachments": [], "to": []}


def test_an_update_with_nothing_in_it_is_refused(tenant: Tenant, grant: str, drafts: Owner) -> None:
    put(drafts, 1)
    for body in ({}, {"subject": None}):
        assert problem(tenant.put(path(grant, "<1@example.com>"), body))[:2] == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"to": [{"email": "nobody"}]}, "to"),
        ({"reply_to_message_id": "<nothing@example.com>"}, "reply_to_message_id"),
        ({"custom_headers": [{"name": "Bcc", "value": "x@example.com"}]}, "custom_headers"),
        ({"attachments": [{"content": "ä"}]}, "attachments"),
    ],
)
def test_what_cannot_be_kept_is_named_and_changes_nothing(
    tenant: Tenant, grant: str, drafts: Owner, body: Any, named: str
) -> None:
    put(drafts, 1)
    for answer in (tenant.post(f"{grant}/drafts", body), tenant.put(path(grant, "<1@example.com>"), body)):
        status, type_, message = problem(answer)
        assert (status, type_, message.partition(":")[0].split(".")[0]) == (400, "invalid_request_error", named)
    assert drafts.count(FOLDER) == 1
    assert data(tenant.get(path(grant, "<1@example.com>")))["subject"] == "Message 1"


def test_a_draft_of_another_program_is_changed(tenant: Tenant, grant: str, drafts: Owner) -> None:
    put(drafts, 1, files=[("a.pdf", b"%PDF")], Bcc="d@example.com", X_Mozilla="1", References="<7@example.com>")
    was = data(tenant.get(path(grant, "<1@example.com>")))
    found = data(tenant.put(path(grant, "<1@example.com>"), {"subject": "New"}))
    for name in ("id", "thread_id", "bcc", "to", "from", "body", "starred", "reply_to_message_id"):
        assert found.get(name, "<7@example.com>") == was.get(name, "<7@example.com>"), name
    (raw,) = raws(drafts)
    assert (raw["subject"], raw["x-mozilla"], raw["in-reply-to"]) == ("New", "1", "<7@example.com>")
    assert [one.get_content() for one in raw.iter_attachments()] == [b"%PDF"]


def test_a_draft_without_an_id_gets_one_when_it_is_changed(tenant: Tenant, grant: str, drafts: Owner) -> None:
    drafts.put(mail(1, Message_ID=""), folder=FOLDER)
    (was,) = data(tenant.get(f"{grant}/drafts"))
    found = data(tenant.put(path(grant, was["id"]), {"subject": "New"}))
    assert found["id"].endswith("@example.test>")
    assert data(tenant.get(f"{grant}/drafts")) == [found]
    assert problem(tenant.get(path(grant, was["id"])))[0] == 404


def test_a_change_after_a_broken_off_one_leaves_one_version(tenant: Tenant, grant: str, drafts: Owner) -> None:
    put(drafts, 1, subject="Old words")
    put(drafts, 1, subject="New words", flags="\\Flagged", after=5)
    found = data(tenant.put(path(grant, "<1@example.com>"), {"cc": [{"email": "c@example.com"}]}))
    assert (found["subject"], found["starred"]) == ("New words", True)
    assert drafts.flags(FOLDER) == [{"\\Draft", "\\Seen", "\\Flagged"}]


def test_large_files_come_as_multipart_and_stay_when_something_else_changes(
    tenant: Tenant, grant: str, drafts: Owner
) -> None:
    large = random.Random(1).randbytes(4 * 1024 * 1024)
    said = ("", json.dumps({"subject": "Large", "attachments": []}), "application/json")
    encoder = MultipartEncoder({"message": said, "file0": ("a.bin", large, "application/x-thing")})
    headers = {"Content-Type": encoder.content_type}
    made = data(tenant.http.post(f"{grant}/drafts", content=encoder.to_string(), headers=headers))
    at = path(grant, made["id"])
    changed = data(tenant.put(at, {"subject": "Larger"}))
    assert (changed["id"], changed["subject"], changed["attachments"]) == (made["id"], "Larger", made["attachments"])
    download = f"{grant}/attachments/{made['attachments'][0]['id']}/download?message_id={quote(made['id'], safe='')}"
    assert tenant.get(download).content == large
    encoder = MultipartEncoder({"draft": json.dumps({}), "logo": ("l.png", b"x", "image/png")})
    headers = {"Content-Type": encoder.content_type}
    changed = data(tenant.http.put(at, content=encoder.to_string(), headers=headers))
    assert [(one["filename"], one["content_id"]) for one in changed["attachments"]] == [("l.png", "logo")]
    assert changed["subject"] == "Larger"


def test_a_mailbox_without_a_folder_for_drafts_has_none(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1))
    assert tenant.get(f"{grant}/drafts").json()["data"] == []
    for id_ in ("<1@example.com>", "uid:SU5CT1gAMQAx", '"', "a\r\nA1 LOGOUT", "ü", "x" * 2000):
        for answer in (tenant.get(path(grant, id_)), tenant.delete(path(grant, id_))):
            assert problem(answer)[:2] == (404, "not_found_error"), id_
    assert owner.count("INBOX") == 1
    assert owner.folders() == ["INBOX"]


def test_a_strangers_drafts_are_not_there(tenant: Tenant, stranger: Tenant, grant: str, drafts: Owner) -> None:
    put(drafts, 1)
    for at in (f"{grant}/drafts", path(grant, "<1@example.com>")):
        assert problem(stranger.get(at))[:2] == (404, "grant.not_found")
