"""GET /v3/audit: who did what to which grant."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from opengrant.api.http.authentication import require
from opengrant.errors import AccessDenied
from opengrant.jobs.sweep import sweep
from opengrant.model import SECOND, Caller
from tests.api.signed import Account, account
from tests.fakes.oauth import FakeOAuth
from tests.support import MARK, LiveServer, Tenant, data, problem, secret


@pytest.fixture
def admin(server: LiveServer) -> Account:
    return account(server)


def trail(tenant: Tenant, **query: Any) -> list[dict[str, Any]]:
    """The newest entries of an application."""
    answer = tenant.get("/v3/audit", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = data(answer)
    return found


def key_of(tenant: Tenant) -> str:
    """The actor that a tenant's requests have."""
    sql = "select id from api_keys where application_id = $1 order by created_at limit 1"
    return f"key:{tenant.server.rows(sql, tenant.application.id)[0][0]}"


def left(tenant: Tenant, act: Callable[[], Any]) -> list[dict[str, Any]]:
    """The entries that doing something leaves, oldest first."""
    before = {entry["id"] for entry in trail(tenant, limit=200)}
    act()
    return [entry for entry in reversed(trail(tenant, limit=200)) if entry["id"] not in before]


def calendar(tenant: Tenant, email: str) -> dict[str, Any]:
    made = tenant.connect("virtual-calendar", {"email": email})
    assert made.status_code == 201, made.text
    grant: dict[str, Any] = data(made)
    return grant


@pytest.fixture
def calendars(tenant: Tenant) -> Tenant:
    tenant.connector("virtual-calendar")
    return tenant


def test_an_entry_says_who_did_what_to_which_grant_and_under_which_request(calendars: Tenant) -> None:
    answer = calendars.connect("virtual-calendar", {"email": "room-7"})
    entry = trail(calendars)[0]
    assert uuid.UUID(entry.pop("id"))
    assert entry.pop("at") == data(answer)["created_at"]
    assert entry == {
        "type": "grant.created",
        "actor": key_of(calendars),
        "grant_id": data(answer)["id"],
        "request_id": answer.json()["request_id"],
        "detail": {"provider": "virtual-calendar"},
    }


def test_every_change_of_a_grant_leaves_one_entry(calendars: Tenant) -> None:
    grant = calendar(calendars, "room-7")
    path = f"/v3/grants/{grant['id']}"
    steps: list[tuple[Callable[[], Any], str, dict[str, Any]]] = [
        (lambda: calendars.patch(path, {"name": "Room"}), "grant.updated", {"changed": ["name"]}),
        (lambda: calendar(calendars, "room-7"), "grant.updated", {"changed": ["credential"]}),
        (lambda: calendars.delete(path), "grant.deleted", {}),
    ]
    for act, type_, detail in steps:
        (entry,) = left(calendars, act)
        assert (entry["type"], entry["grant_id"], entry["actor"]) == (type_, grant["id"], key_of(calendars))
        assert entry["detail"] == {"provider": "virtual-calendar", **detail}


def test_connectors_and_credentials_leave_their_entries_without_their_secrets(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    client = {"client_id": "client", "client_secret": secret("client")}
    other = {"name": "other", "credential_type": "connector", "credential_data": client}
    creds = "/v3/connectors/google/creds"
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")

    def credential() -> str:
        return next(str(one["id"]) for one in data(tenant.get(creds)) if one["name"] != "Google Connector")

    steps: list[tuple[Callable[[], Any], list[str]]] = [
        (lambda: tenant.connector("google"), ["connector.created"]),
        (lambda: tenant.patch("/v3/connectors/google", {"name": "Mail", "settings": client}), ["connector.updated"]),
        (lambda: tenant.post(creds, other), ["credential.created"]),
        (lambda: tenant.post(creds, other), []),
        (lambda: tenant.patch(f"{creds}/{credential()}", {"credential_data": client}), ["credential.updated"]),
        (lambda: tenant.delete(f"{creds}/{credential()}"), ["credential.deleted"]),
        (lambda: tenant.connect("google", {"refresh_token": token}), ["grant.created"]),
        (lambda: tenant.delete("/v3/connectors/google"), ["connector.deleted", "grant.expired"]),
    ]
    for act, types in steps:
        entries = left(tenant, act)
        # What one transaction writes may bear one time; its order is then that of the ids.
        assert sorted(entry["type"] for entry in entries) == types
        assert {entry["actor"] for entry in entries} <= {key_of(tenant)}
        assert len({entry["request_id"] for entry in entries}) <= 1
    by_type = {entry["type"]: entry["detail"] for entry in trail(tenant)}
    assert by_type["connector.updated"]["changed"] == ["name", "client_secret"]
    assert by_type["credential.updated"]["changed"] == ["credential_data"]
    sql = "select type, payload, actor, detail from events where application_id = $1"
    rows = str([tuple(row) for row in tenant.server.rows(sql, tenant.application.id)])
    assert "connector.updated" in rows
    assert MARK not in rows


def test_workspaces_leave_their_entries(calendars: Tenant) -> None:
    grant = calendar(calendars, "room-7@example.com")
    calendars.get("/v3/workspaces")
    (created,) = left(calendars, lambda: calendars.post("/v3/workspaces", {"name": "Example"}))
    id_ = created["detail"]["workspace_id"]
    path = f"/v3/workspaces/{id_}"
    assign = {"assign_grants": [grant["id"], str(uuid.uuid4())]}
    steps: list[tuple[Callable[[], Any], str, dict[str, Any]]] = [
        (lambda: calendars.patch(path, {"name": "Other"}), "workspace.updated", {"changed": ["name"]}),
        (lambda: calendars.post(f"{path}/manual-assign", assign), "workspace.assigned", {"assigned": [grant["id"]]}),
        (lambda: calendars.delete(path), "workspace.deleted", {}),
    ]
    assert (created["type"], created["actor"]) == ("workspace.created", key_of(calendars))
    for act, type_, detail in steps:
        (entry,) = left(calendars, act)
        assert (entry["type"], entry["actor"]) == (type_, key_of(calendars))
        assert entry["detail"] == {"workspace_id": id_, **detail}


def test_keys_that_a_service_account_makes_and_revokes_are_its_doing(admin: Account, tenant: Tenant) -> None:
    keys = f"/v3/admin/applications/{tenant.application.id}/api-keys"
    (created,) = left(tenant, lambda: admin.post(keys, {"permissions": ["all", "grants.token"]}))
    key_id = created["detail"]["api_key_id"]
    assert (created["type"], created["actor"]) == ("api_key.created", f"service_account:{admin.kid}")
    assert created["detail"]["permissions"] == ["all", "grants.token"]
    (revoked,) = left(tenant, lambda: admin.request("DELETE", f"{keys}/{key_id}"))
    assert (revoked["type"], revoked["detail"]) == ("api_key.revoked", {"api_key_id": key_id})
    assert left(tenant, lambda: admin.request("DELETE", f"{keys}/{key_id}")) == []


def test_what_an_organization_does_is_in_its_own_trail(admin: Account, server: LiveServer, tenant: Tenant) -> None:
    address = f"{uuid.uuid4().hex}.example.com"
    path = f"/v3/admin/domains/{address}"

    def all_of_it() -> None:
        assert admin.post("/v3/admin/domains", {"name": "Mail", "domain_address": address}).status_code == 200
        admin.request("PUT", path, {"name": "Post"})
        admin.post(f"{path}/info", {"type": "ownership"})
        admin.post(f"{path}/info", {"type": "ownership"})
        admin.request("DELETE", path)

    assert left(tenant, all_of_it) == []
    sql = "select type, actor, detail from events where application_id = $1 order by created_at, id"
    rows = [row for row in server.rows(sql, admin.organization_id) if row[2] and address in row[2]]
    assert [row[0] for row in rows] == ["domain.created", "domain.updated", "domain.record_issued", "domain.deleted"]
    assert {row[1] for row in rows} == {f"service_account:{admin.kid}"}
    sql = "select detail from events where application_id = $1 and type = 'service_account.created'"
    made = [json.loads(row[0])["service_account_id"] for row in server.rows(sql, admin.organization_id)]
    assert made.count(admin.kid) == 1


def test_what_is_refused_leaves_no_entry(calendars: Tenant, provider: FakeOAuth) -> None:
    calendars.connector("google")
    grant = calendar(calendars, "room-7")
    bad = secret("refused")

    def refusals() -> None:
        answers = [
            calendars.post("/v3/connectors", {"provider": "virtual-calendar"}),
            calendars.patch("/v3/connectors/google", {"active_credential_id": str(uuid.uuid4())}),
            calendars.delete("/v3/connectors/imap"),
            calendars.connect("google", {"refresh_token": bad}),
            calendars.patch(f"/v3/grants/{grant['id']}", {"settings": {"email": "room-8"}}),
            calendars.delete(f"/v3/grants/{uuid.uuid4()}"),
            calendars.delete(f"/v3/workspaces/{uuid.uuid4()}"),
        ]
        assert [answer.status_code for answer in answers] == [400, 400, 404, 400, 400, 404, 404]

    assert left(calendars, refusals) == []


def test_an_operator_acts_under_a_reason(server: LiveServer, calendars: Tenant) -> None:
    grant = calendar(calendars, "room-7")
    server.call(server.services.grants.block(grant["id"], blocked=True, reason="reported as stolen"))
    server.call(server.services.grants.block(grant["id"], blocked=False))
    unblocked, blocked = trail(calendars, limit=2)
    assert (blocked["type"], blocked["detail"]) == ("grant.blocked", {"reason": "reported as stolen"})
    assert (unblocked["type"], unblocked["detail"]) == ("grant.unblocked", {})
    assert {blocked["grant_id"], unblocked["grant_id"]} == {grant["id"]}


def test_a_stranger_sees_nothing(calendars: Tenant, stranger: Tenant) -> None:
    grant = calendar(calendars, "room-7")
    assert trail(calendars, grant_id=grant["id"])
    assert trail(stranger, grant_id=grant["id"]) == []
    assert trail(stranger, actor=key_of(calendars)) == []
    assert [entry["type"] for entry in trail(stranger)] == ["api_key.created", "application.created"]


def test_filters_are_exact_and_all_of_them_must_fit(calendars: Tenant) -> None:
    one, two = calendar(calendars, "room-1"), calendar(calendars, "room-2")
    calendars.delete(f"/v3/grants/{two['id']}")
    assert [entry["type"] for entry in trail(calendars, grant_id=two["id"])] == ["grant.deleted", "grant.created"]
    assert [entry["grant_id"] for entry in trail(calendars, type="grant.created")] == [two["id"], one["id"]]
    assert trail(calendars, type="grant.created", grant_id=one["id"], actor="clock") == []
    assert len(trail(calendars, actor=key_of(calendars))) == 4
    now = trail(calendars, limit=1)[0]["at"]
    assert trail(calendars, before=now) == trail(calendars)
    assert trail(calendars, since=now + 1) == []
    assert trail(calendars, before=now - 3600) == []


@pytest.mark.parametrize("query", ["limit=0", "since=yesterday", "page_token=what", "grant_id=" + "x" * 65])
def test_a_senseless_filter_is_refused_by_name(tenant: Tenant, query: str) -> None:
    status, type_, message = problem(tenant.get(f"/v3/audit?{query}"))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert message.startswith(query.partition("=")[0])


def test_pages_neither_repeat_nor_skip_while_entries_are_added(calendars: Tenant) -> None:
    for number in range(7):
        calendar(calendars, f"room-{number}")
    sql = "update events set created_at = (select max(created_at) from events where application_id = $1)"
    calendars.server.rows(f"{sql} where application_id = $1 and type = 'grant.created'", calendars.application.id)
    whole = [entry["id"] for entry in trail(calendars)]
    assert len(whole) == len(set(whole)) == 10
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    for page in range(4):
        answer = calendars.get("/v3/audit", params=query).json()
        seen += [entry["id"] for entry in answer["data"]]
        assert ("next_cursor" in answer) == (page < 3)
        query["page_token"] = answer.get("next_cursor")
        calendar(calendars, f"late-{page}")
    assert seen == whole


def test_old_entries_are_swept_and_young_ones_stay(calendars: Tenant, server: LiveServer) -> None:
    old, young = calendar(calendars, "old"), calendar(calendars, "young")
    year = 366 * 86_400 * SECOND
    server.rows("update events set created_at = created_at - $2 where grant_id = $1", old["id"], year)
    server.rows("update events set created_at = created_at - $2 where grant_id = $1", young["id"], year // 2)
    server.call(sweep(server.services).run())
    assert trail(calendars, grant_id=old["id"]) == []
    assert len(trail(calendars, grant_id=young["id"])) == 1


def test_what_is_still_to_be_delivered_is_not_swept(calendars: Tenant, server: LiveServer) -> None:
    grant = calendar(calendars, "room-7")
    server.rows("update events set created_at = 1 where grant_id = $1", grant["id"])
    server.rows(
        """insert into deliveries (application_id, webhook_id, event_id, type, subject, payload,
                                   created_at, queued_at, due_at, state, attempts)
           select application_id, 'w', id, type, '', '{}', 1, 1, 1, 'pending', 0 from events where grant_id = $1""",
        grant["id"],
    )
    server.call(server.services.audit.forget())
    assert len(trail(calendars, grant_id=grant["id"])) == 1
    server.rows("update deliveries set state = 'delivered' where application_id = $1", calendars.application.id)
    server.call(server.services.audit.forget())
    assert trail(calendars, grant_id=grant["id"]) == []


@pytest.mark.parametrize("permissions", [["grants.read"], [], "all", ["all"] * 7])
def test_a_permission_that_does_not_exist_is_refused_with_those_that_do(
    admin: Account, tenant: Tenant, permissions: object
) -> None:
    keys = f"/v3/admin/applications/{tenant.application.id}/api-keys"
    status, type_, message = problem(admin.post(keys, {"permissions": permissions}))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert message.startswith("permissions")
    if permissions == ["grants.read"]:
        assert "'all', 'grants.token', 'grants.credential', 'grants.proxy', 'grants.mail' or 'grants.import'" in message


def test_all_does_not_include_reading_tokens(tenant: Tenant) -> None:
    require("all", Caller(tenant.application, "k", ("all",)))
    require("grants.token", Caller(tenant.application, "k", ("all", "grants.token")))
    with pytest.raises(AccessDenied, match=r"--permission all --permission grants\.token"):
        require("grants.token", Caller(tenant.application, "k", ("all",)))


def test_a_key_that_may_only_read_tokens_is_told_so_everywhere_else(admin: Account, tenant: Tenant) -> None:
    keys = f"/v3/admin/applications/{tenant.application.id}/api-keys"
    made = data(admin.post(keys, {"permissions": ["grants.token"]}))
    assert made["permissions"] == ["grants.token"]
    with tenant.server.client(made["api_key"]) as http:
        for path in ("/v3/grants", "/v3/connectors", "/v3/audit"):
            status, type_, message = problem(http.get(path))
            assert (status, type_) == (403, "grant.access_denied")
            assert "lacks the permission all" in message
        refused = http.post("/v3/connectors", json={"provider": "imap"})
    assert problem(refused)[0] == 403
    assert data(tenant.get("/v3/connectors")) == []
