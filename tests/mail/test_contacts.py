"""Contacts: who the mailbox corresponds with, by the headers of a real Dovecot's messages."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from opengrant.mail import contacts
from opengrant.mail.imap import correspondents
from tests.fakes.oauth import FakeOAuth
from tests.mail.mailbox import OWNER, Owner, mail
from tests.support import LiveServer, Tenant, data, problem


def emails(tenant: Tenant, grant: str, query: str = "") -> list[str]:
    answer = tenant.get(f"{grant}/contacts?source=inbox{query}")
    assert answer.status_code == 200, answer.text
    return [one["emails"][0]["email"] for one in data(answer)]


@pytest.fixture
def box(owner: Owner) -> Owner:
    """Two who wrote, two who were written to, one of them both, and machines."""
    owner.make("Sent")
    owner.put(mail(1, sender="Ana Müller <Ana@Example.com>"), after=1)
    owner.put(mail(2, sender="eve@example.com"), after=2)
    owner.put(mail(3, sender="News <no-reply@shop.example.com>"), after=3)
    owner.put(mail(4, sender="bounces+17=x@example.com"), after=4)
    owner.put(mail(5, sender=f"Myself <{OWNER}>"), after=5)
    to = "ana@example.com, Carl <carl@example.com>"
    owner.put(mail(6, sender=OWNER, to=to, Cc='"Dora, Dr." <dora@example.com>'), folder="Sent", after=6)
    return owner


def test_people_who_wrote_or_were_written_to_are_listed_the_last_one_first(
    tenant: Tenant, grant: str, box: Owner
) -> None:
    found = data(tenant.get(f"{grant}/contacts?source=inbox"))
    assert {one["emails"][0]["email"] for one in found[:3]} == {
        *("ana@example.com", "carl@example.com", "dora@example.com")
    }
    assert [one["emails"][0]["email"] for one in found[3:]] == ["eve@example.com"]
    (ana,) = [one for one in found if one["emails"][0]["email"] == "ana@example.com"]
    assert (ana["display_name"], ana["given_name"], ana["surname"]) == ("Ana Müller", "Ana", "Müller")
    assert (ana["object"], ana["source"], ana["phone_numbers"], ana["groups"]) == ("contact", "inbox", [], [])
    assert "given_name" not in found[3]
    assert data(tenant.get(f"{grant}/contacts/{ana['id']}")) == ana
    assert data(tenant.get(f"{grant}/contacts/{ana['id']}?select=id")) == {"id": ana["id"]}
    assert box.flags() == [frozenset()] * 5, "looking leaves no trace"


def test_pages_and_filters(tenant: Tenant, grant: str, box: Owner) -> None:
    whole = emails(tenant, grant)
    seen, token = list[str](), ""
    while token is not None:
        answer = tenant.get(f"{grant}/contacts?source=inbox&limit=3{token}").json()
        seen += [one["emails"][0]["email"] for one in answer["data"]]
        token = f"&page_token={answer['next_cursor']}" if answer.get("next_cursor") else None
    assert seen == whole
    assert emails(tenant, grant, "&email=EVE@") == ["eve@example.com"]
    assert emails(tenant, grant, "&email=nobody") == []
    assert emails(tenant, grant, "&phone_number=123") == []
    assert emails(tenant, grant, ",address_book,domain") == whole
    for source in ("", "?source=address_book", "?source=domain"):
        assert data(tenant.get(f"{grant}/contacts{source}")) == []
    assert data(tenant.get(f"{grant}/contacts/groups")) == []
    for query in ("source=work", "group=x", "metadata_pair=key1:a", "limit=0", "source=inbox&page_token=x"):
        assert problem(tenant.get(f"{grant}/contacts?{query}"))[:2] == (400, "invalid_request_error")
    assert problem(tenant.get(f"{grant}/contacts/c123"))[:2] == (404, "not_found_error")


def test_they_are_remembered_for_some_minutes(
    tenant: Tenant, grant: str, box: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = emails(tenant, grant)
    box.put(mail(9, sender="fay@example.com"), after=9)
    assert emails(tenant, grant) == whole
    monkeypatch.setattr(contacts, "FRESH", timedelta(0))
    assert emails(tenant, grant) == ["fay@example.com", *whole]


def test_the_newest_messages_are_read_and_no_more(
    tenant: Tenant, grant: str, box: Owner, monkeypatch: pytest.MonkeyPatch, server: LiveServer
) -> None:
    monkeypatch.setattr(correspondents, "NEWEST", 4)
    monkeypatch.setattr(correspondents, "MOST", 4)
    found = emails(tenant, grant)
    assert (len(found), "ana@example.com" in found) == (1, False), "room for four, of which three are left out"
    held: Any = replace(server.services.contacts, held=type(server.services.contacts.held)())
    monkeypatch.setattr(contacts, "REMEMBERED", 1)
    for _ in range(2):
        server.call(
            held._all(tenant.application, server.call(server.services.grants.get(tenant.application, grant[11:])))
        )
    assert len(held.held) == 1


def test_grants_without_mail_have_none(tenant: Tenant, grant: str, provider: FakeOAuth) -> None:
    tenant.connector("virtual-calendar")
    room = data(tenant.connect("virtual-calendar", {"email": "Room 12"}))
    assert problem(tenant.get(f"/v3/grants/{room['id']}/contacts?source=inbox"))[0] == 400
    assert problem(tenant.post(f"{grant}/contacts", {"given_name": "Ana"}))[0] == 501
