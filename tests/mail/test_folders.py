"""Folders through the API, against a real Dovecot."""

from urllib.parse import quote

import pytest

from tests.mail.mailbox import Owner, mail
from tests.support import Tenant, data, problem


def test_folders_are_listed_as_the_server_has_them(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.make("Papierkorb")
    owner.make("Entw&APw-rfe 2026")
    owner.put(mail(1))
    owner.put(mail(2), flags="\\Seen")
    found = {one["name"]: one for one in data(tenant.get(f"{grant}/folders"))}
    assert found.keys() == {"INBOX", "Papierkorb", "Entwürfe 2026"}
    inbox = found["INBOX"]
    assert (inbox["id"], inbox["object"], inbox["total_count"], inbox["unread_count"]) == ("INBOX", "folder", 2, 1)
    assert inbox["grant_id"] == grant.rpartition("/")[2]
    assert "\\Trash" in found["Papierkorb"]["attributes"]
    odd = found["Entwürfe 2026"]
    assert data(tenant.get(f"{grant}/folders/{odd['id']}")) == odd
    assert odd["id"] == quote(odd["id"], safe="~"), "it stands in a path as it is"


def test_counts_of_the_folder_that_is_open_are_those_of_this_moment(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1))
    owner.put(mail(2))
    assert len(data(tenant.get(f"{grant}/messages?in=INBOX"))) == 2
    owner.client.select("INBOX")
    owner.client.store("1", "+FLAGS", "\\Deleted")
    owner.client.expunge()
    (inbox,) = data(tenant.get(f"{grant}/folders"))
    assert (inbox["total_count"], inbox["unread_count"]) == (1, 1)


@pytest.mark.parametrize("name", ["Invoices", "Rechnungen für 2026", 'quo"te \\ back', "A & B", "a.b.c", "日本語"])
def test_a_folder_is_made_renamed_and_deleted(tenant: Tenant, grant: str, owner: Owner, name: str) -> None:
    made = data(tenant.post(f"{grant}/folders", {"name": name}))
    assert (made["name"], made["total_count"]) == (name, 0)
    renamed = data(tenant.put(f"{grant}/folders/{made['id']}", {"name": f"{name} too"}))
    assert renamed["name"] == f"{name} too"
    assert problem(tenant.get(f"{grant}/folders/{made['id']}"))[:2] == (404, "not_found_error")
    assert tenant.delete(f"{grant}/folders/{renamed['id']}").status_code == 200
    assert [one["name"] for one in data(tenant.get(f"{grant}/folders")) if one["name"].endswith("too")] == []


def test_what_cannot_be_is_a_400_that_says_why(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.make("Invoices")
    for answer in (
        tenant.post(f"{grant}/folders", {"name": "Invoices"}),
        tenant.post(f"{grant}/folders", {"name": "in\r\nA1 DELETE INBOX"}),
        tenant.post(f"{grant}/folders", {"name": ""}),
        tenant.put(f"{grant}/folders/Invoices", {}),
        tenant.put(f"{grant}/folders/INBOX", {"name": "Other"}),
        tenant.delete(f"{grant}/folders/INBOX"),
        tenant.get(f"{grant}/folders?limit=0"),
    ):
        assert problem(answer)[:2] == (400, "invalid_request_error"), answer.text
    assert sorted(owner.folders()) == ["INBOX", "Invoices"]


@pytest.mark.parametrize("id_", ["Nothing", "~", "~!!", "~SU5CT1g", "a%2Fb", "~DQo", "%0d%0aA1%20DELETE%20INBOX"])
def test_an_id_that_is_none_is_a_404_whatever_it_holds(tenant: Tenant, grant: str, owner: Owner, id_: str) -> None:
    for answer in (tenant.get(f"{grant}/folders/{id_}"), tenant.delete(f"{grant}/folders/{id_}")):
        assert answer.status_code == 404, answer.text
    assert owner.folders() == ["INBOX"]


def test_pages_of_folders_follow_their_cursor(tenant: Tenant, grant: str, owner: Owner) -> None:
    for number in range(5):
        owner.make(f"Folder {number}")
    seen, token = list[str](), ""
    while token is not None:
        answer = tenant.get(f"{grant}/folders?limit=2{token}").json()
        seen += [one["name"] for one in answer["data"]]
        token = f"&page_token={answer['next_cursor']}" if "next_cursor" in answer else None
    assert sorted(seen) == ["Folder 0", "Folder 1", "Folder 2", "Folder 3", "Folder 4", "INBOX"]


def test_select_names_what_is_shown(tenant: Tenant, grant: str, owner: Owner) -> None:
    assert data(tenant.get(f"{grant}/folders?select=id,name")) == [{"id": "INBOX", "name": "INBOX"}]


def test_grants_without_mail_say_what_to_use(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room-12"}))
    status, type_, message = problem(tenant.get(f"/v3/grants/{made['id']}/folders"))
    assert (status, type_) == (400, "invalid_request_error")
    assert "no mail" in message
