"""Threads through the API, against a real Dovecot."""

import itertools
import random
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from opengrant.mail.ids import thread_id
from tests.mail.mailbox import RECEIVED, Owner, mail
from tests.support import Tenant, data, problem


def reply(number: int, *to: int, **more: Any) -> bytes:
    """A message that names the whole chain."""
    return mail(number, References=" ".join(f"<{one}@example.com>" for one in to), **more)


def id_(number: int) -> str:
    return f"<{number}@example.com>"


def conversation(owner: Owner) -> None:
    """1 came, 2 was sent, 3 came, 4 is a draft; 9 is another one, between them."""
    for folder in ("Sent", "Entwuerfe", "Work"):
        owner.make(folder)
    owner.put(mail(1, subject="Plans", flags=""), after=10, flags="\\Seen")
    owner.put(
        reply(2, 1, subject="Re: Plans", sender="bob@example.test", to="ana@example.com"),
        folder="Sent",
        after=20,
        flags="\\Seen",
    )
    owner.put(mail(9, sender="eve@example.com"), after=25)
    owner.put(reply(3, 1, 2, subject="Re: Plans", files=[("plan.pdf", b"%PDF")]), folder="Work", after=30)
    owner.put(reply(4, 1, 2, 3, subject="Re: Plans"), folder="Entwuerfe", after=40, flags="\\Draft \\Seen")


def test_a_thread_is_its_messages_in_all_folders(tenant: Tenant, grant: str, owner: Owner) -> None:
    conversation(owner)
    first, second = data(tenant.get(f"{grant}/threads"))
    assert second["message_ids"] == [id_(9)]
    assert first["id"] == data(tenant.get(f"{grant}/messages/{quote(id_(3), safe='')}"))["thread_id"]
    latest = first.pop("latest_draft_or_message")
    assert (latest["id"], latest["object"], latest["folders"]) == (id_(4), "draft", ["Entwuerfe"])
    assert latest["body"].strip() == "<p>Hello <b>Bob</b></p>"
    assert first == {
        "id": first["id"],
        "grant_id": grant.rpartition("/")[2],
        "object": "thread",
        "has_attachments": True,
        "has_drafts": True,
        "starred": False,
        "unread": True,
        "earliest_message_date": RECEIVED + 10,
        "latest_message_received_date": RECEIVED + 30,
        "latest_message_sent_date": RECEIVED + 20,
        "participants": [
            {"email": "ana@example.com", "name": "Ana Müller"},
            {"email": "bob@example.test", "name": ""},
        ],
        "message_ids": [id_(1), id_(2), id_(3)],
        "draft_ids": [id_(4)],
        "folders": ["INBOX", "Sent", "Work", "Entwuerfe"],
        "snippet": "Hello Bob",
        "subject": "Plans",
    }
    assert data(tenant.get(f"{grant}/threads/{first['id']}")) == {**first, "latest_draft_or_message": latest}
    listed = data(tenant.get(f"{grant}/threads?select=id,message_ids"))
    assert listed[1] == {"id": second["id"], "message_ids": [id_(9)]}


FILTERS = {
    "in=INBOX": [9, 1],
    "in=Work": [1],
    "in=Work&in=Sent": [1],
    "subject=plans": [1],
    "from=eve@example.com": [9],
    "from=bob@example.test": [1],
    "to=ana@example.com&in=Sent": [1],
    "any_email=eve@example.com,ana@example.com": [1, 9],
    "unread=true": [1, 9],
    "unread=false": [],
    "starred=true": [],
    "starred=false": [1, 9],
    "has_attachment=true": [1],
    "has_attachment=false": [1, 9],
    f"latest_message_before={RECEIVED + 40}": [9],
    f"latest_message_after={RECEIVED + 25}": [1],
    f"latest_message_after={RECEIVED + 25}&in=INBOX": [1],
    f"earliest_message_date={RECEIVED + 25}": [9],
    "search_query_native=%22message 3%22": [1],
    "limit=200": [1, 9],
    "thread_id=tnothing": [],
    "thread_id=tPDlAZXhhbXBsZS5jb20-": [9],
}


def first_ids(found: list[dict[str, Any]]) -> list[str]:
    return [one["message_ids"][0] for one in found]


def test_filters(tenant: Tenant, grant: str, owner: Owner) -> None:
    conversation(owner)
    found = {query: first_ids(data(tenant.get(f"{grant}/threads?{query}"))) for query in FILTERS}
    assert found == {query: [*map(id_, numbers)] for query, numbers in FILTERS.items()}


@pytest.mark.parametrize(
    "query", ["limit=0", "unread=maybe", "in=Nothing", "page_token=x", "latest_message_after=-1", "select=a.b"]
)
def test_a_wrong_query_names_its_parameter(tenant: Tenant, grant: str, owner: Owner, query: str) -> None:
    status, _, message = problem(tenant.get(f"{grant}/threads?{query}"))
    assert status == (404 if query == "in=Nothing" else 400)
    assert query.partition("=")[0] in message


def pages(tenant: Tenant, grant: str, query: str, between: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    found, token = list[dict[str, Any]](), ""
    while token is not None:
        answer = tenant.get(f"{grant}/threads?{query}{token}").json()
        found += answer["data"]
        token = f"&page_token={answer['next_cursor']}" if "next_cursor" in answer else None
        between()
    return found


@pytest.mark.parametrize("seed", range(3))
def test_each_thread_comes_once_and_in_its_place_while_mail_comes_in(
    tenant: Tenant, grant: str, owner: Owner, seed: int
) -> None:
    """New mail of threads that were shown, of some that were not, and of new ones, into folders old and new."""
    chosen = random.Random(seed)
    folders = ["INBOX", "Sent", "Work"]
    for folder in folders[1:]:
        owner.make(folder)
    latest, numbers = dict[int, int](), itertools.count(100)

    def arrive(after: int, *, only: int | None = None) -> None:
        thread = chosen.choice([*range(1, 9)]) if only is None else only
        owner.put(reply(next(numbers), thread), folder=chosen.choice(folders), after=after)
        latest[thread] = after

    for after in range(25):
        arrive(after)
    expected = sorted(latest, key=lambda thread: -latest[thread])
    later = itertools.count(1000)

    def mail_comes() -> None:
        for _ in range(chosen.randrange(4)):
            arrive(next(later))
        arrive(next(later), only=50 + next(later))

    limit = chosen.choice([1, 2, 3])
    found = pages(tenant, grant, f"limit={limit}&select=id", mail_comes)
    assert [one["id"] for one in found] == [thread_id(id_(thread)) for thread in expected]
    # In one folder, threads are placed by what they have there.
    in_work = [one["id"] for one in pages(tenant, grant, "limit=2&in=Work&select=id", mail_comes)]
    assert len(in_work) == len(set(in_work))
    messages = data(tenant.get(f"{grant}/messages?in=Work&limit=200&select=thread_id"))
    assert set(in_work) <= {one["thread_id"] for one in messages}


def test_threads_are_those_that_dovecot_finds(tenant: Tenant, grant: str, owner: Owner) -> None:
    """Dovecot's THREAD=REFERENCES, of messages whose subjects differ, some of which are missing."""
    chosen = random.Random(7)
    chains: dict[int, tuple[int, ...]] = {}
    for number in range(60):
        parent = chosen.choice([*chains]) if number % 10 else None
        chains[number] = () if parent is None else (*chains[parent], parent)
    kept = [number for number in chains if chosen.random() < 0.7]
    for place, number in enumerate(kept):
        to = {"In_Reply_To": id_(chains[number][-1])} if len(chains[number]) == 1 and number % 2 else {}
        owner.put(mail(number, **to) if to else reply(number, *chains[number]), after=place)
    owner.client.select("INBOX")
    threaded = owner.client.thread("REFERENCES", "UTF-8", "ALL")[1][0].decode()
    wanted = {frozenset(id_(kept[place - 1]) for place in group) for group in outermost(threaded)}
    found = pages(tenant, grant, "limit=7&in=INBOX&select=message_ids")
    assert {frozenset(one["message_ids"]) for one in found} == wanted


def outermost(threaded: str) -> list[list[int]]:
    """The numbers of each outermost list."""
    depth, found = 0, list[list[int]]()
    for token in re.findall(r"[()]|\d+", threaded):
        if token.isdigit():
            found[-1].append(int(token))
            continue
        if token == "(" and depth == 0:
            found.append([])
        depth += 1 if token == "(" else -1
    return found


def test_all_messages_are_marked_and_moved_but_drafts_stay(tenant: Tenant, grant: str, owner: Owner) -> None:
    conversation(owner)
    at = f"{grant}/threads/{thread_id(id_(1))}"
    changed = data(tenant.put(at, {"unread": False, "starred": True}))
    assert (changed["unread"], changed["starred"]) == (False, True)
    assert all({"\\Seen", "\\Flagged"} <= marks for folder in ("Sent", "Work") for marks in owner.flags(folder))
    assert owner.flags("INBOX") == [{"\\Seen", "\\Flagged"}, frozenset()]
    owner.make("Ablage")
    assert data(tenant.put(at, {"folders": []}))["folders"] == ["Ablage", "Entwuerfe"]
    counts = {folder: owner.count(folder) for folder in ("INBOX", "Sent", "Work", "Ablage", "Entwuerfe")}
    assert counts == {"INBOX": 1, "Sent": 0, "Work": 0, "Ablage": 3, "Entwuerfe": 1}
    assert problem(tenant.put(at, {}))[:2] == (400, "invalid_request_error")
    assert problem(tenant.put(at, {"folders": ["Nothing"]}))[:2] == (400, "invalid_request_error")


def test_a_thread_is_deleted_into_the_trash_and_from_there_for_good(tenant: Tenant, grant: str, owner: Owner) -> None:
    conversation(owner)
    at = f"{grant}/threads/{thread_id(id_(1))}"
    assert tenant.delete(at).status_code == 200
    assert data(tenant.get(at))["folders"] == ["Trash"]
    owner.put(reply(5, 1), after=50)
    assert data(tenant.put(at, {"folders": ["Work"]}))["folders"] == ["Trash", "Work"]  # what was deleted stays so
    for _ in range(2):
        assert tenant.delete(at).status_code == 200
    assert problem(tenant.get(at))[:2] == (404, "not_found_error")
    assert (owner.count("Trash"), owner.count("INBOX")) == (0, 1)


def test_a_thread_with_a_long_root_is_found_by_its_id(tenant: Tenant, grant: str, owner: Owner) -> None:
    """As far as an id goes: one that is longer still is listed, and its messages are listed by it."""
    for number, length in enumerate((300, 680, 750)):
        named = b"References: <%b@example.com>\r\nSubject:" % (b"x" * length)
        owner.put(mail(number).replace(b"Subject:", named, 1), after=number)
    longest, *others = data(tenant.get(f"{grant}/threads"))
    for one in others:
        assert data(tenant.get(f"{grant}/threads/{one['id']}")) == one
    assert longest["message_ids"] == [id_(2)]
    assert problem(tenant.get(f"{grant}/threads/{longest['id']}"))[0] == 404


def test_a_message_without_an_id_is_a_thread_of_its_own(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1, Message_ID=""))
    owner.put(mail(2))
    _, one = data(tenant.get(f"{grant}/threads?in=INBOX"))
    assert one["message_ids"][0].startswith("uid:")
    assert data(tenant.get(f"{grant}/threads/{one['id']}")) == one
    assert data(tenant.put(f"{grant}/threads/{one['id']}", {"starred": True}))["starred"] is True


@pytest.mark.parametrize(
    "id_", ["tPG5vdGhpbmdAZXhhbXBsZS5jb20-", "t", "x", "%3C1@example.com%3E", "t%0d%0aA1", "t" + "A" * 1500, "tdWlkOg"]
)
def test_an_id_that_is_none_is_a_404_whatever_it_holds(tenant: Tenant, grant: str, owner: Owner, id_: str) -> None:
    owner.put(mail(1))
    at = f"{grant}/threads/{id_}"
    for answer in (tenant.get(at), tenant.put(at, {"unread": False}), tenant.delete(at)):
        assert problem(answer)[:2] == (404, "not_found_error"), answer.text
    assert owner.flags() == [frozenset()]
