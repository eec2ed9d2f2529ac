"""/v3/grants: found, listed, changed, deleted, and never seen by a stranger."""

import csv
import json
from io import StringIO
from urllib.parse import quote

import httpx
import pytest

from tests.api.console import with_key
from tests.support import Tenant, data, problem


def make(tenant: Tenant, *identifiers: str) -> list[dict[str, object]]:
    if tenant.get("/v3/connectors/virtual-calendar").status_code == 404:
        tenant.connector("virtual-calendar")
    return [data(tenant.connect("virtual-calendar", {"email": one})) for one in identifiers]


def listed(tenant: Tenant, query: str = "") -> list[str]:
    answer = tenant.get(f"/v3/grants{query}")
    assert answer.status_code == 200, answer.text
    return [grant["email"] for grant in data(answer)]


def test_a_grant_is_found_by_each_of_its_names(tenant: Tenant) -> None:
    (made,) = make(tenant, "Room-7@HQ.example")
    for name in (made["id"], f"grant:{made['id']}", str(made["id"]).upper(), "Room-7@HQ.example", "room-7@hq.EXAMPLE",
                 "email:ROOM-7@hq.example"):  # fmt: skip
        assert data(tenant.get(f"/v3/grants/{name}")) == made


def test_an_identifier_without_an_at_sign_is_compared_as_given(tenant: Tenant) -> None:
    (made,) = make(tenant, "Room-7")
    assert data(tenant.get("/v3/grants/Room-7"))["id"] == made["id"]
    assert problem(tenant.get("/v3/grants/room-7"))[:2] == (404, "grant.not_found")


@pytest.mark.parametrize("name", ["grant:room", "external:room", "EMAIL:room@x", "x" * 4000, "grant:", "email:"])
def test_a_name_that_means_nothing_is_not_found(tenant: Tenant, name: str) -> None:
    assert problem(tenant.get(f"/v3/grants/{name}"))[:2] == (404, "grant.not_found")


def test_an_empty_application_lists_nothing(tenant: Tenant) -> None:
    answer = tenant.get("/v3/grants").json()
    assert (answer["data"], answer["limit"], answer["offset"]) == ([], 10, 0)


def test_pages_neither_repeat_nor_skip(tenant: Tenant) -> None:
    names = [f"room-{number}" for number in range(12)]
    make(tenant, *names)
    assert listed(tenant, "?limit=5&order_by=asc") == names[:5]
    assert listed(tenant, "?limit=5&offset=5&order_by=asc") == names[5:10]
    assert listed(tenant, "?limit=5&offset=10&order_by=asc") == names[10:]
    assert listed(tenant) == names[:1:-1]
    assert listed(tenant, "?limit=1000") == names[::-1]
    assert tenant.get("/v3/grants?limit=1000").json()["limit"] == 200


def test_filters_and_their_aliases(tenant: Tenant) -> None:
    first, second = make(tenant, "a@x.example", "b@x.example")
    tenant.delete("/v3/connectors/virtual-calendar")
    (third,) = make(tenant, "c@x.example")
    at = third["created_at"]
    assert listed(tenant, "?email=A@X.example") == ["a@x.example"]
    assert listed(tenant, "?grant_status=valid") == ["c@x.example"]
    assert set(listed(tenant, "?status=invalid")) == {"a@x.example", "b@x.example"}
    assert len(listed(tenant, "?provider=virtual-calendar")) == 3
    assert listed(tenant, "?provider=google") == []
    assert len(listed(tenant, "?connector_id=virtual-calendar")) == 3
    assert listed(tenant, "?ip=10.0.0.1") == []
    assert listed(tenant, "?workspace_id=none") == []
    assert listed(tenant, "?account_id=1") == []
    assert listed(tenant, f"?since={at + 1}") == []  # type: ignore[operator]
    assert len(listed(tenant, f"?since={first['created_at']}&before={at}")) == 3
    assert listed(tenant, "?email=&provider=undefined&grant_status=valid") == ["c@x.example"]
    assert [grant["id"] for grant in data(tenant.get("/v3/grants?sort_by=updated_at&order_by=asc"))] == [
        first["id"], second["id"], third["id"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=-1", "offset=-1", "sort_by=email", "order_by=up", "grant_status=blocked", "since=soon"]
)
def test_a_wrong_query_names_its_parameter(tenant: Tenant, query: str) -> None:
    status, type_, message = problem(tenant.get(f"/v3/grants?{query}"))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert query.partition("=")[0] in message


def test_patch_changes_scope_and_name_and_says_so(tenant: Tenant) -> None:
    (made,) = make(tenant, "room-7")
    changed = data(tenant.patch(f"/v3/grants/{made['id']}", {"scope": ["a", "b"], "name": "Room seven"}))
    assert changed == {**made, "scope": ["a", "b"], "name": "Room seven"}
    type_, payload = tenant.events()[-1]
    assert (type_, json.loads(payload)["code"]) == ("grant.updated", 25014)


def test_put_is_patch(tenant: Tenant) -> None:
    (made,) = make(tenant, "room-7")
    assert data(tenant.http.put(f"/v3/grants/{made['id']}", json={"name": "x"}))["name"] == "x"


@pytest.mark.parametrize("body", [{}, {"settings": None}, {"unknown": 1}, {"scope": 7}, {"scope": " ,"}, {"name": ""}])
def test_a_patch_of_nothing_or_nonsense_is_refused(tenant: Tenant, body: dict[str, object]) -> None:
    (made,) = make(tenant, "room-7")
    assert problem(tenant.patch(f"/v3/grants/{made['id']}", body))[:2] == (400, "api.invalid_request_error")
    assert data(tenant.get(f"/v3/grants/{made['id']}")) == made


def test_a_virtual_calendar_keeps_its_identifier(tenant: Tenant) -> None:
    (made,) = make(tenant, "room-7")
    refused = tenant.patch(f"/v3/grants/{made['id']}", {"settings": {"email": "room-8"}})
    assert problem(refused)[:2] == (400, "api.invalid_request_error")
    assert tenant.patch(f"/v3/grants/{made['id']}", {"settings": {"email": "room-7"}}).status_code == 200


def test_a_deleted_grant_is_gone_for_good(tenant: Tenant) -> None:
    (made,) = make(tenant, "room-7")
    answer = tenant.delete(f"/v3/grants/{made['id']}")
    assert (answer.status_code, set(answer.json())) == (200, {"request_id"})
    assert problem(tenant.get(f"/v3/grants/{made['id']}"))[:2] == (404, "grant.not_found")
    assert problem(tenant.delete(f"/v3/grants/{made['id']}"))[:2] == (404, "grant.not_found")
    (again,) = make(tenant, "room-7")
    assert again["id"] != made["id"]
    assert [type_ for type_, _ in tenant.events()] == ["grant.created", "grant.deleted", "grant.created"]


def test_a_stranger_cannot_tell_a_grant_from_none(tenant: Tenant, stranger: Tenant) -> None:
    (made,) = make(tenant, "room-7@x.example")
    for call in (stranger.get, stranger.delete):
        for name in (made["id"], "room-7@x.example"):
            theirs = problem(call(f"/v3/grants/{name}"))
            assert theirs == problem(call("/v3/grants/00000000-0000-4000-8000-000000000000"))
    assert problem(stranger.patch(f"/v3/grants/{made['id']}", {"name": "x"}))[0] == 404
    assert listed(stranger) == []
    assert data(tenant.get(f"/v3/grants/{made['id']}")) == made


def test_a_grant_answers_to_an_id_of_the_callers_own(tenant: Tenant, stranger: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room-7"}, external_id="crm/42"))
    other = data(tenant.connect("virtual-calendar", {"email": "room-8"}))
    assert data(tenant.http.get("/v3/grants/external%3Acrm%2F42")) == made
    for answer in (
        tenant.connect("virtual-calendar", {"email": "room-9"}, external_id="crm/42"),
        tenant.patch(f"/v3/grants/{other['id']}", {"external_id": "crm/42"}),
    ):
        status, type_, message = problem(answer)
        assert (status, type_) == (400, "api.invalid_request_error")
        assert "external_id" in message
    assert tenant.connect("virtual-calendar", {"email": "room-7"}, external_id="crm/42").status_code == 201
    tenant.connect("virtual-calendar", {"email": "room-7"})
    assert data(tenant.get("/v3/grants/external:crm%2F42"))["id"] == made["id"]
    assert tenant.patch(f"/v3/grants/{other['id']}", {"external_id": "crm/43"}).status_code == 200
    assert data(tenant.get("/v3/grants/external:crm%2F43"))["id"] == other["id"]
    assert problem(stranger.get("/v3/grants/external:crm%2F42"))[:2] == (404, "grant.not_found")


def test_a_blocked_grant_can_be_seen_and_not_used(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    records = tenant.server.services.grants
    tenant.server.call(records.block(made["id"], blocked=True))
    assert data(tenant.get(f"/v3/grants/{made['id']}"))["blocked"] is True
    for refused in (
        tenant.patch(f"/v3/grants/{made['id']}", {"name": "x"}),
        tenant.connect("virtual-calendar", {"email": "room-7"}),
    ):
        assert problem(refused)[:2] == (423, "api.resource_blocked")
    tenant.server.call(records.block(made["id"], blocked=False))
    assert tenant.patch(f"/v3/grants/{made['id']}", {"name": "x"}).status_code == 200


def walked(tenant: Tenant, query: str) -> list[str]:
    """The addresses of all pages, by cursor."""
    found, token = list[str](), ""
    while True:
        answer = tenant.get(f"/v3/grants?{query}{token}").json()
        found += [grant["email"] for grant in answer["data"]]
        if "next_cursor" not in answer:
            return found
        token = f"&page_token={answer['next_cursor']}"


@pytest.mark.parametrize("order", ["sort_by=created_at", "sort_by=updated_at"])
def test_pages_by_cursor_have_each_grant_once(tenant: Tenant, order: str) -> None:
    names = [f"room-{number}@x.example" for number in range(11)]
    make(tenant, *names)
    assert walked(tenant, f"{order}&limit=4") == names[::-1]
    assert walked(tenant, f"{order}&limit=4&order_by=asc") == names
    assert walked(tenant, f"{order}&limit=11") == names[::-1]
    assert walked(tenant, f"{order}&limit=2&email_prefix=room-1") == [names[10], names[1]]
    assert walked(tenant, f"{order}&limit=3&provider=virtual-calendar&grant_status=valid&order_by=asc") == names


def test_a_cursor_stays_while_grants_come_and_go(tenant: Tenant) -> None:
    made = make(tenant, *(f"room-{number}" for number in range(6)))
    first = tenant.get("/v3/grants?limit=2").json()
    make(tenant, "later")
    for gone in (made[4], made[3]):  # the last of the first page, and the first of the second
        tenant.delete(f"/v3/grants/{gone['id']}")
    second = tenant.get(f"/v3/grants?limit=2&page_token={first['next_cursor']}").json()
    assert [grant["email"] for grant in first["data"] + second["data"]] == ["room-5", "room-4", "room-2", "room-1"]


def test_a_cursor_carries_its_query_and_fits_no_other(tenant: Tenant, stranger: Tenant) -> None:
    make(tenant, *(f"room-{number}@x.example" for number in range(4)))
    make(stranger, *(f"room-{number}@y.example" for number in range(4)))
    token = tenant.get("/v3/grants?limit=1&order_by=asc&email_prefix=room").json()["next_cursor"]
    # What is left out counts as before; `limit` is free.
    assert listed(tenant, f"?limit=2&page_token={token}") == ["room-1@x.example", "room-2@x.example"]
    assert listed(tenant, f"?email_prefix=room&page_token={token}")[0] == "room-1@x.example"
    for other in ("order_by=desc", "email_prefix=r", "provider=imap", "sort_by=updated_at", "since=1"):
        status, _, message = problem(tenant.get(f"/v3/grants?{other}&page_token={token}"))[:3]
        assert (status, message.startswith("page_token: ")) == (400, True), other
        assert other.partition("=")[0] in message
    assert problem(tenant.get(f"/v3/grants?offset=1&page_token={token}"))[2].startswith("page_token: ")
    assert problem(stranger.get(f"/v3/grants?page_token={token}"))[:2] == (400, "api.invalid_request_error")
    audit = tenant.get("/v3/audit?limit=1").json()["next_cursor"]
    for wrong in (audit, "x", token[:-3], "A" * 5000):
        assert problem(tenant.get(f"/v3/grants?page_token={wrong}"))[0] == 400


def test_clients_that_page_by_offset_get_no_cursor(tenant: Tenant) -> None:
    make(tenant, "a", "b", "c")
    assert "next_cursor" in tenant.get("/v3/grants?limit=1").json()
    for query in ("limit=1&offset=0", "limit=1&offset=1", "limit=3", "limit=1&account_id=1"):
        assert "next_cursor" not in tenant.get(f"/v3/grants?{query}").json()


def test_grants_are_found_by_any_part_of_their_address(tenant: Tenant, stranger: Tenant) -> None:
    names = ["ana.maria@hq.example", "Maria@shop.example", "an%@hq.example", "zoë@x.example", "room"]
    make(tenant, *names)
    make(stranger, "maria@stranger.example")
    for part, found in {
        "MARIA": names[:2],
        "aria@": names[:2],
        "hq.ex": [names[0], names[2]],
        "n%@": names[2:3],
        "ë@": names[3:4],
        "oo": names[4:],
        "example": names[:4],
        "maria@hq.example": names[:1],
        "mariana": [],
        '"': [],
        "a AND": [],
    }.items():
        assert listed(tenant, f"?order_by=asc&email_contains={quote(part)}") == found, part
    assert listed(tenant, "?email_contains=maria&email_prefix=ana") == names[:1]
    assert listed(tenant, "?email_contains=maria&grant_status=invalid") == []


# ── searching, and the list as a file ────────────────────────────────────────────────────────────────────────


def emails(answer: httpx.Response) -> set[str]:
    return {grant["email"] for grant in data(answer)}


def test_a_search_finds_parts_of_addresses_and_beginnings_of_ids(tenant: Tenant, stranger: Tenant) -> None:
    for one in (tenant, stranger):
        one.connector("virtual-calendar")
        for name in ("Room-North@Example.com", "room-south@example.com"):
            external = f"Hotel-7/{name[:6]}"
            made = one.connect("virtual-calendar", {"email": name}, external_id=external)
            assert made.status_code == 201, made.text
    rooms = {grant["email"]: grant["id"] for grant in data(tenant.get("/v3/grants"))}
    north, south = sorted(rooms)

    def found(text: str, **more: str) -> set[str]:
        return emails(tenant.get("/v3/grants", params={"search": text, **more}))

    assert found("OM-NOR") == {north}
    assert found("Hotel-7/") == {north, south}
    assert found("Hotel-7/room-s") == {south}
    assert found("otel-7") == set(), "an external id is found by its beginning"
    assert found(rooms[south][:8].upper()) == {south}
    assert found(rooms[south]) == {south}
    assert found(rooms[south][:3]) <= {south, north}, "three digits are text"
    assert found("room", provider="google") == set()
    assert found("o") == {north, south}
    assert found("nowhere") == set()


def test_grants_are_listed_by_the_class_of_their_trouble(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    ended, well = (data(tenant.connect("virtual-calendar", {"email": name}))["id"] for name in ("room-1", "room-2"))
    tenant.post(f"/v3/grants/{ended}/invalidate", {})

    def found(class_: str, **more: str) -> set[str]:
        return emails(tenant.get("/v3/grants", params={"trouble_class": class_, **more}))

    assert found("reconnect") == found("reconnect", grant_status="invalid") == {"room-1"}
    assert found("reconnect", grant_status="valid") == found("reconnect", troubled="true") == set()
    assert found("provider_down") == set()
    assert tenant.get("/v3/grants", params={"trouble_class": "other"}).status_code == 400
    assert well


def test_a_list_is_downloaded_as_a_file_that_no_spreadsheet_runs(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opengrant.api.grants_csv._AT_ONCE", 2)
    tenant.connector("virtual-calendar")
    names = ["=1+1", "room-2", "+room-3", 'ro"om,4', "room-5"]
    for name in names:
        tenant.connect("virtual-calendar", {"email": name})
    console = with_key(tenant)
    answer = console.get("/v3/console/grants.csv?order_by=asc&provider=virtual-calendar")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["email"] for row in rows] == ["'=1+1", "room-2", "'+room-3", 'ro"om,4', "room-5"]
    assert {row["grant_status"] for row in rows} == {"valid"}
    assert rows[0]["created_at"].endswith("Z")
    assert console.get("/v3/console/grants.csv?provider=google").text.count("\n") == 1, "the names of the columns"
    assert tenant.get("/v3/console/grants.csv").status_code == 401, "it is for the console"
