"""Drafts through the API, those of other mail programs among them, against a real Dovecot."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.mail.mailbox import Owner, mail
from tests.support import Tenant, data, problem

FOLDER = "Entwuerfe"


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
