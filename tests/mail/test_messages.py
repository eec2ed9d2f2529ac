"""Messages through the API, against a real Dovecot."""

import base64
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from typing import Any
from urllib.parse import quote

import pytest

from tests.mail.mailbox import RECEIVED, Owner, mail
from tests.support import Tenant, data, problem


def ids(found: Any) -> list[str]:
    return [one["id"] for one in found]


def named(*numbers: int) -> list[str]:
    return [f"<{number}@example.com>" for number in numbers]


def path(grant: str, id_: str) -> str:
    return f"{grant}/messages/{quote(id_, safe='')}"


def test_a_message_is_shown_with_its_text_and_what_is_attached(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(
        mail(7, subject="Grüße", files=[("plan ä.pdf", b"%PDF" * 100)], Cc="c@example.com", Reply_To="r@example.com")
    )
    (one,) = data(tenant.get(f"{grant}/messages?in=INBOX"))
    assert (one["id"], one["object"], one["subject"]) == ("<7@example.com>", "message", "Grüße")
    assert one["from"] == [{"email": "ana@example.com", "name": "Ana Müller"}]
    assert [party["email"] for field in ("to", "cc", "bcc", "reply_to") for party in one[field]] == [
        *("bob@example.test", "c@example.com", "r@example.com")
    ]
    assert (one["date"], one["unread"], one["starred"], one["folders"]) == (RECEIVED, True, False, ["INBOX"])
    assert one["body"].strip() == "<p>Hello <b>Bob</b></p>"
    assert one["snippet"] == "Hello Bob"
    (file,) = one["attachments"]
    assert (file["filename"], file["is_inline"], file["content_disposition"]) == ("plan ä.pdf", False, "attachment")
    assert file["content_type"].startswith("application/pdf")
    assert data(tenant.get(path(grant, one["id"]))) == one
    assert owner.flags() == [frozenset()], "looking leaves no trace"


def test_plain_text_is_shown_where_there_is_no_html(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1, html=None))
    (one,) = data(tenant.get(f"{grant}/messages?in=INBOX"))
    assert one["body"].strip() == "Hello Bob, this is message 1."


def test_pages_neither_repeat_nor_skip_while_others_come_and_go(tenant: Tenant, grant: str, owner: Owner) -> None:
    for number in range(1, 8):
        owner.put(mail(number), after=number)
    first = tenant.get(f"{grant}/messages?in=INBOX&limit=3&select=id").json()
    assert ids(first["data"]) == named(7, 6, 5)
    owner.put(mail(99), after=99)
    owner.client.select("INBOX")
    owner.client.store("6", "+FLAGS", "\\Deleted")
    owner.client.expunge()
    second = tenant.get(f"{grant}/messages?limit=3&select=id&page_token={first['next_cursor']}").json()
    assert ids(second["data"]) == named(4, 3, 2)
    third = tenant.get(f"{grant}/messages?limit=3&select=id&page_token={second['next_cursor']}").json()
    assert (ids(third["data"]), third.get("next_cursor")) == (named(1), None)


def test_without_a_folder_all_but_drafts_are_listed_the_newest_first(tenant: Tenant, grant: str, owner: Owner) -> None:
    for folder in ("Work", "Leer", "Entwuerfe", "Papierkorb"):
        owner.make(folder)
    for number, folder in enumerate(("INBOX", "Work", "Papierkorb", "INBOX", "Work", "Entwuerfe", "INBOX")):
        owner.put(mail(number), folder=folder, after=number)
    wanted = named(6, 4, 3, 2, 1, 0)
    assert ids(data(tenant.get(f"{grant}/messages"))) == wanted
    seen, token = list[str](), ""
    while token is not None:
        answer = tenant.get(f"{grant}/messages?limit=2&select=id{token}").json()
        seen += ids(answer["data"])
        token = f"&page_token={answer['next_cursor']}" if "next_cursor" in answer else None
    assert seen == wanted
    assert set(ids(data(tenant.get(f"{grant}/messages?in=Work&in=Entwuerfe")))) == set(named(1, 4, 5))


FILTERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("unread=true", (3, 2, 1)),
    ("unread=False", (4,)),
    ("starred=1", (3,)),
    ("subject=invoice", (2,)),
    ("subject=gr%C3%BC%C3%9Fe", (3,)),
    ("from=eve@example.com", (4,)),
    ("from=eve@example.com&from=ana@example.com", (4, 3, 2, 1)),
    ("to=carl@example.com", (2,)),
    ("cc=carl@example.com", (4,)),
    ("any_email=carl@example.com,nobody@example.com", (4, 2)),
    ("has_attachment=true", (1,)),
    ("has_attachment=false", (4, 3, 2)),
    (f"received_after={RECEIVED + 20}", (4, 3)),
    (f"received_before={RECEIVED + 20}", (1,)),
    (f"received_after={RECEIVED + 10}&received_before={RECEIVED + 40}", (3, 2)),
    ("search_query_native=%22message+2%22", (2,)),
    ("q=hello", (4, 3, 2, 1)),
    ("unread=true&subject=nothing+like+this", ()),
    ("subject=undefined", (4, 3, 2, 1)),
    ("subject=%22%29+OR+ALL", ()),
)


def test_filters(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1, files=[("a.pdf", b"x")]), after=10)
    owner.put(mail(2, subject="Your INVOICE", to="carl@example.com"), after=20)
    owner.put(mail(3, subject="Viele Grüße"), after=30, flags="\\Flagged")
    owner.put(mail(4, sender="eve@example.com", Cc="carl@example.com"), after=40, flags="\\Seen")
    for query, wanted in FILTERS:
        for folder in ("&in=INBOX", ""):
            answer = tenant.get(f"{grant}/messages?select=id&{query}{folder}")
            assert ids(data(answer)) == named(*wanted), (query, folder, answer.text)


def test_a_conversation_has_one_thread(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.make("Sent")
    owner.put(mail(1), after=1)
    owner.put(mail(2, In_Reply_To="<1@example.com>", References="<1@example.com>"), folder="Sent", after=2)
    owner.put(mail(3, References="<1@example.com> <2@example.com>"), after=3)
    owner.put(mail(4), after=4)
    found = {one["id"]: one["thread_id"] for one in data(tenant.get(f"{grant}/messages"))}
    thread = found["<1@example.com>"]
    assert [found[id_] == thread for id_ in named(2, 3, 4)] == [True, True, False]
    assert ids(data(tenant.get(f"{grant}/messages?thread_id={thread}"))) == named(3, 2, 1)
    assert data(tenant.get(f"{grant}/messages?thread_id=unknown")) == []


def test_headers_and_the_message_itself_on_request(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1, subject="Grüße", References="<a@example.com> <b@example.com>", X_Twice="1"))
    at = path(grant, "<1@example.com>")
    for listed in (False, True):
        read = f"{grant}/messages?in=INBOX&" if listed else f"{at}?"
        found = data(tenant.get(f"{read}fields=include_headers"))
        headers = (found[0] if listed else found)["headers"]
        assert {"name": "X-Twice", "value": "1"} in headers
        assert next(one["value"] for one in headers if one["name"] == "Subject").startswith("=?utf-8?")
        found = data(tenant.get(f"{read}fields=include_basic_headers"))
        assert {one["name"] for one in (found[0] if listed else found)["headers"]} == {"Message-ID", "References"}
    raw = data(tenant.get(f"{at}?fields=raw_mime"))
    assert raw.keys() == {"id", "grant_id", "object", "raw_mime"}
    assert message_from_bytes(base64.urlsafe_b64decode(raw["raw_mime"]))["X-Twice"] == "1"
    assert problem(tenant.get(f"{grant}/messages?in=INBOX&fields=raw_mime"))[0] == 400


def test_a_message_is_found_in_whichever_folder_it_lies(tenant: Tenant, grant: str, owner: Owner) -> None:
    for number in range(25):
        owner.make(f"Folder {number}")
    owner.put(mail(1), folder="Folder 24")
    assert data(tenant.get(path(grant, "<1@example.com>")))["folders"] == ["~" + _pack("Folder 24")]
    owner.client.select('"Folder 24"')
    owner.client.uid("MOVE", "1", '"Folder 3"')
    assert data(tenant.get(path(grant, "<1@example.com>")))["folders"] == ["~" + _pack("Folder 3")]


def _pack(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


@pytest.mark.parametrize("message_id", ["", f"<{'x' * 1200}@example.com>", "<grüße@example.com>", "<a b@example.com>"])
def test_a_message_without_a_usable_id_has_one_of_ours(
    tenant: Tenant, grant: str, owner: Owner, message_id: str
) -> None:
    raw = mail(1, Message_ID="").replace(b"Subject:", f"Message-ID: {message_id}\r\nSubject:".encode(), 1)
    owner.put(raw)
    owner.put(mail(2))
    (one,) = (one for one in data(tenant.get(f"{grant}/messages?in=INBOX")) if one["id"] != "<2@example.com>")
    assert data(tenant.get(path(grant, one["id"]))) == one
    assert data(tenant.put(path(grant, one["id"]), {"starred": True}))["starred"] is True
    owner.client.select("INBOX")
    owner.client.store("1", "+FLAGS", "\\Deleted")
    owner.client.expunge()
    assert problem(tenant.get(path(grant, one["id"])))[:2] == (404, "not_found_error")


@pytest.mark.parametrize(
    "id_",
    ["<nothing@example.com>", "1@example.com", "uid:", "uid:SU5CT1gAMQAx", '"', "a\r\nA1 LOGOUT", "ü", "x" * 2000],
)
def test_an_id_that_is_none_is_a_404_whatever_it_holds(tenant: Tenant, grant: str, owner: Owner, id_: str) -> None:
    owner.put(mail(1))
    at = path(grant, id_)
    for answer in (tenant.get(at), tenant.put(at, {"unread": False}), tenant.delete(at)):
        assert problem(answer)[:2] == (404, "not_found_error"), answer.text
    assert owner.flags() == [frozenset()]


def test_flags_are_changed(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1))
    owner.put(mail(2))
    at = path(grant, "<1@example.com>")
    changed = data(tenant.put(at, {"unread": False, "starred": True}))
    assert (changed["unread"], changed["starred"], changed["body"].strip()) == (False, True, "<p>Hello <b>Bob</b></p>")
    assert owner.flags() == [{"\\Seen", "\\Flagged"}, frozenset()]
    assert data(tenant.put(at, {"unread": True, "starred": None}))["starred"] is True
    assert owner.flags() == [{"\\Flagged"}, frozenset()]


def test_folders_are_replaced(tenant: Tenant, grant: str, owner: Owner) -> None:
    for folder in ("Work", "Home", "Ablage"):
        owner.make(folder)
    owner.put(mail(1))
    at = path(grant, "<1@example.com>")

    def counts() -> list[int]:
        return [owner.count(folder) for folder in ("INBOX", "Work", "Home", "Ablage")]

    assert data(tenant.put(at, {"folders": ["Work"]}))["folders"] == ["Work"]
    assert counts() == [0, 1, 0, 0]
    assert data(tenant.put(at, {"folders": ["Work", "Home"]}))["folders"] == ["Work", "Home"]
    assert counts() == [0, 1, 1, 0]
    assert problem(tenant.put(at, {"folders": ["Nothing"]}))[:2] == (400, "invalid_request_error")
    owner.put(mail(2))
    assert data(tenant.put(path(grant, "<2@example.com>"), {"folders": []}))["folders"] == ["Ablage"]
    assert counts() == [0, 1, 1, 1]


def test_a_deleted_message_goes_to_the_trash_and_from_there_for_good(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1))
    at = path(grant, "<1@example.com>")
    assert problem(tenant.delete(f"{at}?hard_delete=true"))[0] == 403
    assert tenant.delete(at).status_code == 200
    trash = next(name for name in owner.folders() if name != "INBOX")
    assert (owner.count("INBOX"), owner.count(trash)) == (0, 1)
    assert data(tenant.get(at))["folders"] == [trash]
    assert tenant.delete(at).status_code == 200
    assert owner.count(trash) == 0
    assert problem(tenant.get(at))[0] == 404


def test_the_servers_own_trash_is_used(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.make("Papierkorb")
    owner.put(mail(1))
    assert tenant.delete(path(grant, "<1@example.com>")).status_code == 200
    assert sorted(owner.folders()) == ["INBOX", "Papierkorb"]
    assert owner.count("Papierkorb") == 1


def test_calls_for_one_mailbox_take_turns(tenant: Tenant, grant: str, owner: Owner) -> None:
    for number in range(1, 6):
        owner.put(mail(number), after=number)

    def read(number: int) -> str:
        return str(data(tenant.get(path(grant, f"<{number % 5 + 1}@example.com>")))["id"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(24))) == [f"<{number % 5 + 1}@example.com>" for number in range(24)]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "unread=maybe", "in=Nothing", "metadata_pair=key6:a", "page_token=x"]
)
def test_a_wrong_query_names_its_parameter(tenant: Tenant, grant: str, owner: Owner, query: str) -> None:
    status, _, message = problem(tenant.get(f"{grant}/messages?{query}"))
    assert status == (404 if query == "in=Nothing" else 400)
    assert query.partition("=")[0] in message


@pytest.mark.parametrize("body", [{}, {"unread": None}, {"metadata": {"a": 1}}, {"folders": "INBOX"}, {"starred": "x"}])
def test_a_wrong_change_changes_nothing(tenant: Tenant, grant: str, owner: Owner, body: Any) -> None:
    owner.put(mail(1))
    assert problem(tenant.put(path(grant, "<1@example.com>"), body))[:2] == (400, "invalid_request_error")
    assert owner.flags() == [frozenset()]


def test_a_strangers_mailbox_is_not_there(tenant: Tenant, stranger: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1))
    for at in (f"{grant}/messages", path(grant, "<1@example.com>"), f"{grant}/folders"):
        assert problem(stranger.get(at))[:2] == (404, "grant.not_found")


def test_tracking_options_are_shown_where_they_are_asked_for(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1))
    none = {"opens": False, "links": False, "thread_replies": False}
    fields = "fields=include_tracking_options"
    (one,) = data(tenant.get(f"{grant}/messages?in=INBOX&{fields}"))
    assert (one["tracking_options"], data(tenant.get(f"{path(grant, one['id'])}?{fields}"))) == (none, one)
    assert "tracking_options" not in data(tenant.get(path(grant, one["id"])))
