"""Metadata of messages: kept here by the message's id, on both engines; and erasing at once."""

from typing import Any
from urllib.parse import quote

import pytest

from opengrant.mail import metadata as service
from tests.mail.mailbox import Owner, mail
from tests.support import LiveServer, Tenant, data, problem


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, engine_env: dict[str, str]) -> LiveServer:
    """Both engines: metadata is stored."""
    live: LiveServer = request.getfixturevalue("postgres_server" if engine_env else "sqlite_server")
    return live


def path(grant: str, number: int) -> str:
    return f"{grant}/messages/{quote(f'<{number}@example.com>', safe='')}"


def put(tenant: Tenant, grant: str, number: int, **pairs: str) -> Any:
    answer = tenant.put(path(grant, number), {"metadata": pairs})
    assert answer.status_code == 200, answer.text
    return data(answer)


def listed(tenant: Tenant, grant: str, query: str) -> list[str]:
    answer = tenant.get(f"{grant}/messages?{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in data(answer)]


def named(*numbers: int) -> list[str]:
    return [f"<{number}@example.com>" for number in numbers]


def rows(server: LiveServer, tenant: Tenant) -> int:
    sql = "select count(*) from message_metadata where application_id = $1"
    return int(server.rows(sql, tenant.application.id)[0][0])


def test_metadata_is_put_shown_replaced_and_left_alone(
    tenant: Tenant, grant: str, owner: Owner, server: LiveServer
) -> None:
    owner.put(mail(1), after=1)
    owner.put(mail(2), after=2)
    assert "metadata" not in data(tenant.get(path(grant, 1)))
    made = put(tenant, grant, 1, key1="a,b", Order="17")
    assert made["metadata"] == {"key1": "a,b", "Order": "17"}
    assert data(tenant.get(path(grant, 1))) == made
    assert [one.get("metadata") for one in data(tenant.get(f"{grant}/messages?in=INBOX"))] == [None, made["metadata"]]
    assert data(tenant.get(f"{grant}/messages?in=INBOX&select=metadata")) == [{}, {"metadata": made["metadata"]}]
    moved = data(tenant.put(path(grant, 1), {"starred": True, "metadata": None}))
    assert (moved["metadata"], moved["starred"]) == (made["metadata"], True)
    assert put(tenant, grant, 1, other="x")["metadata"] == {"other": "x"}
    assert "metadata" not in put(tenant, grant, 1)
    assert rows(server, tenant) == 0


def test_what_is_no_metadata_is_refused_and_what_has_no_message(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1))
    for bad in ({"k": 1}, {"k" * 41: "x"}, {"k": "x" * 501}, {str(n): "x" for n in range(51)}, "x"):
        assert problem(tenant.put(path(grant, 1), {"metadata": bad}))[:2] == (400, "invalid_request_error")
    assert problem(tenant.put(path(grant, 9), {"metadata": {"k": "x"}}))[:2] == (404, "not_found_error")


def test_messages_are_found_by_their_pairs_in_whichever_folder_they_lie(
    tenant: Tenant, grant: str, owner: Owner
) -> None:
    owner.make("Work")
    for number in range(1, 6):
        owner.put(mail(number), after=number, folder="Work" if number == 3 else "INBOX")
        put(tenant, grant, number, key1="a", key2="even" if number % 2 == 0 else "odd", free="x")
    assert listed(tenant, grant, "metadata_pair=key1:a") == named(5, 4, 3, 2, 1)
    assert listed(tenant, grant, "metadata_pair=key1:a&metadata_pair=key2:odd&fields=include_headers") == named(5, 3, 1)
    assert listed(tenant, grant, "metadata_pair=key1:a,key2:even") == named(4, 2)
    assert listed(tenant, grant, "metadata_pair=key1:b") == []
    pages, token = list[str](), ""
    while token is not None:
        answer = tenant.get(f"{grant}/messages?metadata_pair=key1:a&limit=2&select=id{token}").json()
        pages += [one["id"] for one in answer["data"]]
        token = f"&page_token={answer['next_cursor']}" if answer.get("next_cursor") else None
    assert pages == named(5, 4, 3, 2, 1)
    assert data(tenant.get(f"{grant}/drafts?metadata_pair=key1:a")) == []
    for query in ("free:x", "key1", "key6:a", "key1:a&in=INBOX", "key1:a&unread=true", "key1:a&q=x"):
        assert problem(tenant.get(f"{grant}/messages?metadata_pair={query}"))[:2] == (400, "invalid_request_error")


def test_drafts_have_their_own(tenant: Tenant, grant: str, owner: Owner, server: LiveServer) -> None:
    made = data(tenant.post(f"{grant}/drafts", {"subject": "x", "metadata": {"key1": "a"}}))
    at = f"{grant}/drafts/{quote(made['id'], safe='')}"
    assert (made["metadata"], data(tenant.get(at))["metadata"]) == ({"key1": "a"}, {"key1": "a"})
    changed = data(tenant.put(at, {"subject": "y"}))
    assert changed["metadata"] == {"key1": "a"}
    assert data(tenant.put(at, {"metadata": {"key1": "b"}}))["metadata"] == {"key1": "b"}
    (found,) = data(tenant.get(f"{grant}/drafts?metadata_pair=key1:b"))
    assert (found["id"], found["object"], found["subject"]) == (made["id"], "draft", "y")
    assert listed(tenant, grant, "metadata_pair=key1:b") == []
    assert tenant.delete(at).status_code == 200
    assert rows(server, tenant) == 0


def test_a_message_that_is_gone_leaves_none(
    tenant: Tenant, grant: str, owner: Owner, server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.make("Papierkorb")
    for number in (1, 2, 3):
        owner.put(mail(number), after=number)
        put(tenant, grant, number, key1="a")
    for left in (3, 2):
        assert tenant.delete(path(grant, 1)).status_code == 200
        assert rows(server, tenant) == left, "in the trash it has it still"
    owner.client.select("INBOX")
    owner.client.store("1", "+FLAGS", "\\Deleted")
    owner.client.expunge()
    assert listed(tenant, grant, "metadata_pair=key1:a") == named(3)
    assert rows(server, tenant) == 2, "a message that is not shown yet keeps it for a day"
    at = server.services.mail_metadata.clock()
    monkeypatch.setattr(service, "micros", lambda _: -at)
    assert listed(tenant, grant, "metadata_pair=key1:a") == named(3)
    assert rows(server, tenant) == 1
    assert tenant.delete(grant).status_code == 200
    assert rows(server, tenant) == 0


def test_a_grant_has_no_more_than_there_is_room_for(
    tenant: Tenant, grant: str, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST", 1)
    owner.put(mail(1))
    owner.put(mail(2))
    put(tenant, grant, 1, key1="a")
    assert problem(tenant.put(path(grant, 2), {"metadata": {"key1": "a"}}))[:2] == (400, "invalid_request_error")
    assert put(tenant, grant, 1, key1="b")["metadata"] == {"key1": "b"}


def test_a_message_is_erased_at_once_where_the_application_allows_it(
    tenant: Tenant, grant: str, owner: Owner, server: LiveServer
) -> None:
    owner.make("Papierkorb")
    owner.put(mail(1))
    put(tenant, grant, 1, key1="a")
    assert problem(tenant.delete(f"{path(grant, 1)}?hard_delete=true"))[:2] == (403, "grant.access_denied")
    assert owner.count("INBOX") == 1
    allowed = tenant.patch("/v3/applications", {"mail_settings": {"hard_delete": True}})
    assert data(allowed)["mail_settings"] == {"hard_delete": True}
    assert tenant.delete(f"{path(grant, 1)}?hard_delete=true").status_code == 200
    assert (owner.count("INBOX"), owner.count("Papierkorb"), rows(server, tenant)) == (0, 0, 0)
    tenant.patch("/v3/applications", {"mail_settings": {"hard_delete": False}})
    assert problem(tenant.delete(f"{path(grant, 1)}?hard_delete=true"))[0] == 403
