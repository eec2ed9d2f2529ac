"""POST /v3/connect/custom: bring your own credentials. What holds for every provider, shown with virtual calendars."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support import MARK, Tenant, data, importer, problem, secret


def test_a_virtual_calendar_becomes_a_grant(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    answer = tenant.connect("virtual-calendar", {"email": "room-7"}, state="floor-2")
    assert answer.status_code == 201
    made = data(answer)
    named = {key: made[key] for key in made if key not in {"id", "created_at", "updated_at", "workspace_id"}}
    assert named == {
        "provider": "virtual-calendar",
        "scope": [],
        "grant_status": "valid",
        "email": "room-7",
        "state": "floor-2",
        "settings": {"email": "room-7"},
        "blocked": False,
        "opengrant": {"proven_at": made["created_at"], "refreshes": 0},
    }
    assert made["created_at"] == made["updated_at"]
    assert data(tenant.get(f"/v3/grants/{made['id']}")) == made


def test_the_same_mailbox_keeps_its_grant_id(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    first = data(tenant.connect("virtual-calendar", {"email": "room-7"}, state="a", name="Seven"))
    again = tenant.connect("virtual-calendar", {"email": "room-7"})
    assert again.status_code == 201
    renewed = data(again)
    assert renewed["id"] == first["id"]
    assert (renewed["state"], renewed["name"]) == ("a", "Seven")
    assert data(tenant.connect("virtual-calendar", {"email": "room-7"}, state="b"))["state"] == "b"


def test_a_key_that_may_import_chooses_the_id_of_a_grant(tenant: Tenant, stranger: Tenant) -> None:
    kept, free = str(uuid.uuid4()), str(uuid.uuid4())
    for one in (tenant, stranger):
        one.connector("virtual-calendar")
        one.http.headers["Authorization"] = f"Bearer {importer(one)}"

    def connect(email: str, grant_id: object, who: Tenant = tenant) -> httpx.Response:
        return who.connect("virtual-calendar", {"email": email}, grant_id=grant_id)

    assert data(connect("room-7", kept))["id"] == data(connect("room-7", kept))["id"] == kept
    assert data(connect("room-7", None))["id"] == data(connect("room-7", ""))["id"] == kept
    for refused, words in (
        (connect("room-8", kept), "another mailbox"),
        (connect("room-8", kept, stranger), "another mailbox"),
        (connect("room-7", free), kept),
        (connect("room-8", kept.upper()), "grant_id"),
        (connect("room-8", "42"), "grant_id"),
    ):
        status, type_, message = problem(refused)
        assert (status, type_) == (400, "api.invalid_request_error")
        assert message.startswith("grant_id")
        assert words in message
    assert (tenant.grants(), stranger.grants()) == (1, 0)


def test_without_that_permission_the_key_is_told_how_to_get_it(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    status, type_, message = problem(
        tenant.connect("virtual-calendar", {"email": "room-7"}, grant_id=str(uuid.uuid4()))
    )
    assert (status, type_) == (403, "grant.access_denied")
    assert "--permission all --permission grants.import" in message
    assert tenant.grants() == 0


def test_the_event_of_a_first_time_differs_from_that_of_a_renewal(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    tenant.connect("virtual-calendar", {"email": "room-7"})
    (created, first), (updated, second) = tenant.events()
    assert (created, updated) == ("grant.created", "grant.updated")
    first_payload, second_payload = json.loads(first), json.loads(second)
    assert first_payload["code"] == 25012
    assert (second_payload["code"], second_payload["reauthentication_flag"]) == (25027, True)
    assert first_payload["grant_id"] == second_payload["grant_id"] == made["id"]
    assert first_payload["integration_id"] == second_payload["integration_id"]


def test_identifiers_of_virtual_calendars_are_compared_as_given(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    ids = {data(tenant.connect("virtual-calendar", {"email": one}))["id"] for one in ("room", "Room", " room", "ROOM")}
    assert len(ids) == 4


def test_fifty_requests_at_once_make_one_grant(tenant: Tenant) -> None:
    """Invariant 2."""
    tenant.connector("virtual-calendar")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: tenant.connect("virtual-calendar", {"email": "room-7"}), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({data(answer)["id"] for answer in answers}) == 1
    assert tenant.grants() == 1
    assert [type_ for type_, _ in tenant.events()].count("grant.created") == 1


def test_connecting_and_deleting_at_once_never_brings_an_id_back(tenant: Tenant) -> None:
    """Invariant 4: whoever was deleted stays deleted, under that id."""
    tenant.connector("virtual-calendar")

    def connect(_: int) -> str:
        answer = tenant.connect("virtual-calendar", {"email": "room-7"})
        assert answer.status_code == 201, answer.text
        return str(data(answer)["id"])

    def delete(_: int) -> str | None:
        found = tenant.get("/v3/grants?email=room-7").json()["data"]
        if found and tenant.delete(f"/v3/grants/{found[0]['id']}").status_code == 200:
            return str(found[0]["id"])
        return None

    with ThreadPoolExecutor(16) as pool:
        made = pool.map(connect, range(120))
        gone = pool.map(delete, range(120))
        deleted = {one for one in gone if one}
        assert set(made) >= deleted
    assert deleted
    for one in deleted:
        assert tenant.get(f"/v3/grants/{one}").status_code == 404
    created = [json.loads(payload)["grant_id"] for type_, payload in tenant.events() if type_ == "grant.created"]
    assert len(created) == len(set(created))


def test_a_connector_that_goes_meanwhile_leaves_no_valid_grant_behind(tenant: Tenant) -> None:
    for _ in range(10):
        tenant.connector("virtual-calendar")
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(tenant.connect, "virtual-calendar", {"email": f"r{n}"}) for n in range(8)]
            tenant.delete("/v3/connectors/virtual-calendar")
        assert {answer.result().status_code for answer in answers} <= {201, 400}
        assert data(tenant.get("/v3/grants?grant_status=valid")) == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"provider": "virtual-calendar"}, "settings"),
        ({"provider": "virtual-calendar", "settings": []}, "settings"),
        ({"provider": "virtual-calendar", "settings": {}}, "settings.email"),
        ({"provider": "virtual-calendar", "settings": {"email": ""}}, "settings.email"),
        ({"provider": "virtual-calendar", "settings": {"email": 7}}, "settings.email"),
        ({"provider": "virtual-calendar", "settings": {"email": "a\x00b"}}, "settings.email"),
        ({"provider": "virtual-calendar", "settings": {"email": "a"}, "state": "x" * 257}, "state"),
        ({"provider": "virtual-calendar", "settings": {"email": "a"}, "scope": "a\x00"}, "scope"),
        ({"provider": "virtual-calendar", "settings": {"email": "a"}, "scope": [1]}, "scope.0"),
        ({"provider": "imap", "settings": {"imap_username": "a"}}, "settings.imap_password"),
        ({"provider": "imap", "settings": {"imap_username": "a", "imap_password": "b", "imap_port": 0}}, "imap_port"),
        (
            {"provider": "imap", "settings": {"imap_username": "a", "imap_password": "b", "imap_port": 65536}},
            "imap_port",
        ),
        ({"provider": "imap", "settings": {"imap_username": "a", "imap_password": "b", "imap_port": "x"}}, "imap_port"),
        (
            {"provider": "imap", "settings": {"imap_username": "a", "imap_password": "b", "smtp_port": True}},
            "smtp_port",
        ),
        ({"provider": "imap", "settings": {"imap_username": "a", "imap_password": "b", "smtp_port": 1.5}}, "smtp_port"),
        ({"provider": "google", "settings": {"refresh_token": ""}}, "settings.refresh_token"),
        ({"provider": "google", "settings": {"refresh_token": None}}, "settings.refresh_token"),
        ({"provider": "microsoft", "settings": {"email_address": "a@b.example"}}, "settings.credential_id"),
        ({"provider": "microsoft", "settings": {}}, "settings.refresh_token"),
        ({"provider": "zoom", "settings": {"refresh_token": "x"}}, "zoom"),
        ({"provider": "icloud", "settings": {"username": "a@icloud.com"}}, "settings.password"),
        ({"provider": "ews", "settings": {"ews_password": "x"}}, "settings.ews_username"),
        ({"provider": "nylas", "settings": {"email": "nobody"}}, "settings.email"),
    ],
)
def test_a_wrong_body_names_the_field_and_stores_nothing(tenant: Tenant, body: dict[str, object], named: str) -> None:
    for provider in ("virtual-calendar", "imap", "google", "microsoft"):
        tenant.connector(provider)
    status, type_, message = problem(tenant.post("/v3/connect/custom", body))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert named in message
    assert tenant.grants() == 0


@pytest.mark.parametrize("provider", ["google", "microsoft", "imap", "virtual-calendar"])
def test_without_a_connector_the_message_names_it(tenant: Tenant, provider: str) -> None:
    settings = {
        "refresh_token": secret(),
        "imap_username": "a@b.example",
        "imap_password": secret(),
        "email": "room",
    }
    status, type_, message = problem(tenant.connect(provider, settings))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert f"{provider} connector" in message
    assert MARK not in message


def test_unknown_fields_are_ignored(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    answer = tenant.connect("virtual-calendar", {"email": "room", "colour": "red"}, metadata={"a": 1})
    assert answer.status_code == 201
    assert data(answer)["settings"] == {"email": "room"}


def test_names_in_any_script_come_back_unharmed(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    identifier = "Ratssaal Zürich 会议室 🚀 \u202e"
    made = data(tenant.connect("virtual-calendar", {"email": identifier}, name="Ünïcode", state='"\\ %00'))
    assert (made["email"], made["name"], made["state"]) == (identifier, "Ünïcode", '"\\ %00')
    assert data(tenant.http.get("/v3/grants", params={"email": identifier}))[0]["id"] == made["id"]


def test_two_applications_have_grants_of_their_own_for_one_mailbox(tenant: Tenant, stranger: Tenant) -> None:
    ids = set()
    for one in (tenant, stranger):
        one.connector("virtual-calendar")
        ids.add(data(one.connect("virtual-calendar", {"email": "room-7"}))["id"])
    assert len(ids) == 2
