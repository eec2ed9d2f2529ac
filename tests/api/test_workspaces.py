"""/v3/workspaces: groups of grants, by domain or by hand."""

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from opengrant.model import ProviderName
from opengrant.tenants.workspaces import WorkspaceChange
from tests.logins import connecting
from tests.support import Interrupted, LiveServer, Tenant, data, on_store, problem


@pytest.fixture
def calendars(tenant: Tenant) -> Tenant:
    """An application that can make grants of any name."""
    tenant.connector("virtual-calendar")
    return tenant


def grant(tenant: Tenant, email: str, **more: Any) -> dict[str, Any]:
    made = tenant.connect("virtual-calendar", {"email": email}, **more)
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = data(made)
    return answer


def workspace(tenant: Tenant, **body: Any) -> dict[str, Any]:
    made = tenant.post("/v3/workspaces", {"name": "Example", **body})
    assert made.status_code == 200, made.text
    answer: dict[str, Any] = data(made)
    return answer


def default(tenant: Tenant) -> dict[str, Any]:
    first: dict[str, Any] = data(tenant.get("/v3/workspaces"))[0]
    return first


def where(tenant: Tenant, grant_id: str) -> str | None:
    found: str | None = data(tenant.get(f"/v3/grants/{grant_id}")).get("workspace_id")
    return found


def eventually_in(tenant: Tenant, grant_id: str, workspace_id: str) -> None:
    deadline = time.monotonic() + 30
    while where(tenant, grant_id) != workspace_id:
        assert time.monotonic() < deadline, "the grouping did not reach this grant"
        time.sleep(0.02)


def test_every_application_has_a_default_workspace(tenant: Tenant, stranger: Tenant) -> None:
    answer = tenant.get("/v3/workspaces").json()
    assert set(answer) == {"request_id", "data"}
    (only,) = answer["data"]
    times = only.pop("created_at"), only.pop("updated_at")
    assert times[0] == times[1] > 1_700_000_000
    assert uuid.UUID(only.pop("workspace_id"))
    assert only == {
        "application_id": tenant.application.id,
        "name": "Default",
        "domain": "",
        "auto_group": False,
        "default": True,
    }
    assert default(tenant) == default(tenant)
    assert default(stranger)["workspace_id"] != default(tenant)["workspace_id"]


def test_many_first_requests_at_once_make_one_default_workspace(tenant: Tenant) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: tenant.get("/v3/workspaces"), range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({one["workspace_id"] for answer in answers for one in data(answer)}) == 1


def test_a_workspace_has_all_its_fields(tenant: Tenant) -> None:
    made = workspace(tenant, domain="Example.COM")
    assert {key: made[key] for key in made if key not in {"workspace_id", "created_at", "updated_at"}} == {
        "application_id": tenant.application.id,
        "name": "Example",
        "domain": "example.com",
        "auto_group": True,
        "default": False,
    }
    for name in (made["workspace_id"], "example.com", "EXAMPLE.com"):
        assert data(tenant.get(f"/v3/workspaces/{name}")) == made
    assert data(tenant.get("/v3/workspaces"))[1:] == [made]


def test_without_a_domain_nothing_is_grouped(tenant: Tenant) -> None:
    for body in ({}, {"domain": ""}, {"auto_group": False}):
        made = workspace(tenant, **body)
        assert (made["domain"], made["auto_group"]) == ("", False)
        assert not {"policy_id", "rule_ids"} & set(made)
    assert workspace(tenant, domain="example.com", auto_group=False)["auto_group"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x", "domain": "not a domain"}, "domain"),
        ({"name": "x", "domain": "192.0.2.1"}, "domain"),
        ({"name": "x", "auto_group": True}, "auto_group"),
        ({"name": "x", "rule_ids": "rule-1"}, "rule_ids"),
        ({"name": "x", "policy_id": ""}, "policy_id"),
        ({"name": "x", "policy_id": "policy-1"}, "policy_id: there is no policy 'policy-1'"),
        ({"name": "x", "rule_ids": ["rule-1"]}, "rule_ids: there is no rule 'rule-1'"),
    ],
)
def test_a_workspace_that_cannot_be_is_refused(tenant: Tenant, body: dict[str, Any], field: str) -> None:
    status, type_, message = problem(tenant.post("/v3/workspaces", body))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert field in message
    assert len(data(tenant.get("/v3/workspaces"))) == 1


def test_a_domain_has_one_workspace(tenant: Tenant, stranger: Tenant) -> None:
    workspace(tenant, domain="example.com")
    refused = problem(tenant.post("/v3/workspaces", {"name": "Again", "domain": "EXAMPLE.com"}))
    assert refused[:2] == (400, "api.invalid_request_error")
    assert "example.com" in refused[2]
    assert workspace(stranger, domain="example.com")


def test_what_is_not_sent_stays(tenant: Tenant) -> None:
    made = kept(tenant, workspace(tenant, domain="example.com"))
    path = f"/v3/workspaces/{made['workspace_id']}"
    changed = data(tenant.patch(path, {"name": "New", "domain": "example.com"}))
    assert changed == {**made, "name": "New", "updated_at": changed["updated_at"]}
    changed = data(tenant.patch(path, {"auto_group": False}))
    assert (changed["auto_group"], changed["rule_ids"], changed["policy_id"]) == (False, ["r"], "p")
    for unknown in ({"policy_id": "q"}, {"rule_ids": ["s"]}):
        status, type_, message = problem(tenant.patch(path, unknown))
        assert (status, type_) == (400, "api.invalid_request_error")
        assert message.startswith(f"{next(iter(unknown))}: there is no")
    assert data(tenant.get(path)) == changed


def test_changes_of_different_fields_at_once_are_all_kept(tenant: Tenant) -> None:
    made = workspace(tenant)["workspace_id"]
    workspaces = tenant.server.services.workspaces

    async def rounds() -> list[tuple[str, str]]:
        seen = []
        for number in range(10):
            changes = (WorkspaceChange(name=f"name {number}"), WorkspaceChange(policy_id=f"policy-{number}"))
            await asyncio.gather(*(workspaces.update(tenant.application, made, change) for change in changes))
            found = await workspaces.get(tenant.application, made)
            seen.append((found.name, found.policy_id))
        return seen

    assert tenant.server.call(rounds()) == [(f"name {n}", f"policy-{n}") for n in range(10)]


def kept(tenant: Tenant, made: dict[str, Any]) -> dict[str, Any]:
    """The workspace with a policy and a rule, as an earlier release took them."""
    had = WorkspaceChange(policy_id="p", rule_ids=("r",))
    tenant.server.call(tenant.server.services.workspaces.update(tenant.application, made["workspace_id"], had))
    found: dict[str, Any] = data(tenant.get(f"/v3/workspaces/{made['workspace_id']}"))
    return found


@pytest.mark.parametrize("nothing", [None, []])
def test_null_takes_a_policy_and_rules_away(tenant: Tenant, nothing: object) -> None:
    made = kept(tenant, workspace(tenant))
    path = f"/v3/workspaces/{made['workspace_id']}"
    assert "policy_id" not in data(tenant.patch(path, {"policy_id": None}))
    assert "rule_ids" not in data(tenant.patch(path, {"rule_ids": nothing}))
    assert data(tenant.get(path)).keys() & {"policy_id", "rule_ids"} == set()


def test_a_domain_cannot_change_and_grouping_needs_one(tenant: Tenant) -> None:
    made = workspace(tenant, domain="example.com")
    bare = workspace(tenant)
    for id_, body in (
        (made["workspace_id"], {"domain": "example.org"}),
        (made["workspace_id"], {"domain": ""}),
        (bare["workspace_id"], {"auto_group": True}),
        (made["workspace_id"], {}),
    ):
        assert problem(tenant.patch(f"/v3/workspaces/{id_}", body))[:2] == (400, "api.invalid_request_error")
    assert data(tenant.get("/v3/workspaces/example.com")) == made


def test_a_change_names_the_workspace_by_its_id(tenant: Tenant) -> None:
    workspace(tenant, domain="example.com")
    assert problem(tenant.patch("/v3/workspaces/example.com", {"name": "x"}))[:2] == (404, "api.not_found_error")


def test_the_default_workspace_stays_as_it_is_but_for_policy_and_rules(tenant: Tenant) -> None:
    path = f"/v3/workspaces/{default(tenant)['workspace_id']}"
    kept(tenant, default(tenant))
    changed = data(tenant.patch(path, {"policy_id": None}))
    assert (changed.get("policy_id"), changed["rule_ids"], changed["default"]) == (None, ["r"], True)
    assert problem(tenant.patch(path, {"name": "x"}))[:2] == (400, "api.invalid_request_error")
    assert problem(tenant.patch(path, {"auto_group": True}))[:2] == (400, "api.invalid_request_error")
    assert problem(tenant.delete(path))[:2] == (400, "api.invalid_request_error")
    assert default(tenant) == changed


def test_a_new_grant_goes_where_it_is_told_else_to_its_domain_else_to_the_default(calendars: Tenant) -> None:
    named = workspace(calendars)["workspace_id"]
    ours = workspace(calendars, domain="example.com")["workspace_id"]
    workspace(calendars, domain="by-hand.example", auto_group=False)
    home = default(calendars)["workspace_id"]
    assert grant(calendars, "a@example.com", workspace_id=named)["workspace_id"] == named
    assert grant(calendars, "b@EXAMPLE.com")["workspace_id"] == ours
    for elsewhere in ("c@sub.example.com", "d@by-hand.example", "room-7"):
        assert grant(calendars, elsewhere)["workspace_id"] == home


def test_a_grant_of_an_unknown_workspace_is_refused(calendars: Tenant, stranger: Tenant) -> None:
    for unknown in (str(uuid.uuid4()), workspace(stranger)["workspace_id"]):
        asked = calendars.connect("virtual-calendar", {"email": "room-7"}, workspace_id=unknown)
        status, type_, message = problem(asked)
        assert (status, type_) == (400, "api.invalid_request_error")
        assert "workspace_id" in message
    assert calendars.grants() == 0


def test_connecting_again_leaves_a_grant_where_it_is(calendars: Tenant) -> None:
    made = grant(calendars, "a@example.com", workspace_id=workspace(calendars)["workspace_id"])
    workspace(calendars, domain="example.com")
    assert grant(calendars, "a@example.com")["workspace_id"] == made["workspace_id"]


def test_grants_can_be_listed_by_workspace(calendars: Tenant) -> None:
    ours = workspace(calendars, domain="example.com")["workspace_id"]
    here = grant(calendars, "a@example.com")["id"]
    grant(calendars, "room-7")
    assert [one["id"] for one in data(calendars.get(f"/v3/grants?workspace_id={ours}"))] == [here]


def test_assigning_moves_a_grant_from_any_workspace_and_removing_leaves_it_in_none(calendars: Tenant) -> None:
    made = workspace(calendars, domain="example.com")
    path = f"/v3/workspaces/{made['workspace_id']}/manual-assign"
    first, second = grant(calendars, "room-1")["id"], grant(calendars, "room-2")["id"]
    done = data(calendars.post(path, {"assign_grants": [second, first, str(uuid.uuid4()), second]}))
    assert done == {
        "application_id": calendars.application.id,
        "workspace_id": made["workspace_id"],
        "domain": "example.com",
        "grants_assigned": [second, first],
        "grants_removed": None,
    }
    assert where(calendars, first) == made["workspace_id"]
    done = data(calendars.post("/v3/workspaces/example.com/manual-assign", {"remove_grants": [first]}))
    assert (done["grants_assigned"], done["grants_removed"]) == (None, [first])
    assert where(calendars, first) is None
    # It is not in there any more, so there is nothing to remove.
    assert data(calendars.post(path, {"remove_grants": [first]}))["grants_removed"] is None


def test_an_assignment_names_one_grant_at_least_and_500_at_most(calendars: Tenant) -> None:
    path = f"/v3/workspaces/{workspace(calendars)['workspace_id']}/manual-assign"
    for body in ({}, {"assign_grants": [], "remove_grants": []}, {"assign_grants": ["x"] * 501}, {"assign_grants": 5}):
        assert problem(calendars.post(path, body))[:2] == (400, "api.invalid_request_error")
    one = grant(calendars, "room-7")["id"]
    many = [*(str(uuid.uuid4()) for _ in range(499)), one]
    assert data(calendars.post(path, {"assign_grants": many}))["grants_assigned"] == [one]


def test_a_move_by_hand_survives_a_later_change_of_the_grant(calendars: Tenant) -> None:
    ours = workspace(calendars)["workspace_id"]
    one = grant(calendars, "room-7")["id"]
    calendars.post(f"/v3/workspaces/{ours}/manual-assign", {"assign_grants": [one]})
    assert data(calendars.patch(f"/v3/grants/{one}", {"name": "Room 7"}))["workspace_id"] == ours
    assert grant(calendars, "room-7")["workspace_id"] == ours


def test_a_move_survives_a_renewal_that_had_read_where_the_grant_was_before(
    calendars: Tenant, server: LiveServer
) -> None:
    theirs, wanted = workspace(calendars)["workspace_id"], workspace(calendars)["workspace_id"]
    made = grant(calendars, "room-7")

    def move() -> None:
        path = f"/v3/workspaces/{theirs}/manual-assign"
        assert data(calendars.post(path, {"assign_grants": [made["id"]]}))["grants_assigned"] == [made["id"]]

    connect, app = server.services.connect, calendars.application
    ask = connecting(ProviderName.VIRTUAL_CALENDAR, {"email": "room-7"}, name="Room 7")
    # Connecting again, then a PATCH with settings: neither says anything about the workspace.
    interrupted = on_store(connect, Interrupted(connect.db, move))
    renewed = server.call(interrupted.custom(app, ask))
    assert (renewed.id, renewed.name, renewed.workspace_id) == (made["id"], "Room 7", theirs)
    assert where(calendars, made["id"]) == theirs
    home = default(calendars)["workspace_id"]
    assert grant(calendars, "room-7", workspace_id=home)["workspace_id"] == home
    there = server.call(server.services.grants.get(app, "room-7"))
    interrupted = on_store(connect, Interrupted(connect.db, move))
    renewed = server.call(interrupted.renew(app, there, ask))
    assert renewed.workspace_id == where(calendars, made["id"]) == theirs
    # One that names a workspace has the last word.
    interrupted = on_store(connect, Interrupted(connect.db, move))
    renewed = server.call(interrupted.custom(app, replace(ask, workspace_id=wanted)))
    assert renewed.workspace_id == where(calendars, made["id"]) == wanted


def test_a_block_survives_a_renewal_that_had_read_the_grant_before(calendars: Tenant, server: LiveServer) -> None:
    made = grant(calendars, "room-7")

    def block() -> None:
        server.call(server.services.grants.block(made["id"], blocked=True))

    connect = server.services.connect
    interrupted = on_store(connect, Interrupted(connect.db, block))
    ask = connecting(ProviderName.VIRTUAL_CALENDAR, {"email": "room-7"})
    assert server.call(interrupted.custom(calendars.application, ask)).blocked
    assert data(calendars.get(f"/v3/grants/{made['id']}"))["blocked"]
    assert problem(calendars.connect("virtual-calendar", {"email": "room-7"}))[0] == 423


def test_deleting_a_workspace_moves_its_grants_to_the_default_one(calendars: Tenant) -> None:
    by_id = workspace(calendars)
    workspace(calendars, domain="example.com")
    first = grant(calendars, "room-7", workspace_id=by_id["workspace_id"])["id"]
    second = grant(calendars, "a@example.com")["id"]
    assert set(calendars.delete(f"/v3/workspaces/{by_id['workspace_id']}").json()) == {"request_id"}
    assert calendars.delete("/v3/workspaces/example.com").status_code == 200
    home = default(calendars)["workspace_id"]
    assert [where(calendars, one) for one in (first, second)] == [home, home]
    assert problem(calendars.delete("/v3/workspaces/example.com"))[:2] == (404, "api.not_found_error")
    assert grant(calendars, "b@example.com")["workspace_id"] == home


def test_auto_group_moves_grants_of_the_default_workspace_to_their_domains(calendars: Tenant) -> None:
    kept = workspace(calendars)["workspace_id"]
    by_hand = workspace(calendars, domain="by-hand.example", auto_group=False)["workspace_id"]
    home = default(calendars)["workspace_id"]
    ours, theirs = grant(calendars, "a@example.com")["id"], grant(calendars, "b@EXAMPLE.org")["id"]
    placed = grant(calendars, "c@example.com", workspace_id=kept)["id"]
    stays = [grant(calendars, name)["id"] for name in ("d@by-hand.example", "room-7")]
    known = workspace(calendars, domain="example.com")["workspace_id"]
    begun = calendars.post("/v3/workspaces/auto-group", {})
    assert begun.status_code == 200, begun.text
    assert set(data(begun)) == {"job_id", "message"}
    eventually_in(calendars, ours, known)
    made = data(calendars.get("/v3/workspaces/example.org"))
    assert (made["name"], made["auto_group"], made["default"]) == ("example.org", True, False)
    eventually_in(calendars, theirs, made["workspace_id"])
    assert where(calendars, placed) == kept
    assert [where(calendars, one) for one in stays] == [home, home]
    assert data(calendars.get("/v3/workspaces/by-hand.example"))["workspace_id"] == by_hand


def test_auto_group_takes_in_grants_that_are_in_no_workspace(calendars: Tenant) -> None:
    """As those of releases before there were any."""
    one = grant(calendars, "a@example.com")["id"]
    home = default(calendars)["workspace_id"]
    calendars.post(f"/v3/workspaces/{home}/manual-assign", {"remove_grants": [one]})
    assert where(calendars, one) is None
    known = workspace(calendars, domain="example.com")["workspace_id"]
    calendars.post("/v3/workspaces/auto-group", {})
    eventually_in(calendars, one, known)


def test_auto_group_can_be_narrowed(calendars: Tenant) -> None:
    grants = {name: grant(calendars, name) for name in ("a@example.com", "b@example.org", "c@example.org")}
    sql = "update grants set {} where application_id = $1 and email = $2"
    calendars.server.rows(sql.format("status = 'invalid'"), calendars.application.id, "c@example.org")
    calendars.post("/v3/workspaces/auto-group", {"specific_domain": "EXAMPLE.org"})
    made = _once_there(calendars, "example.org")
    eventually_in(calendars, grants["b@example.org"]["id"], made)
    assert where(calendars, grants["c@example.org"]["id"]) == default(calendars)["workspace_id"]
    assert problem(calendars.get("/v3/workspaces/example.com"))[0] == 404


def test_auto_group_takes_invalid_and_late_grants_when_asked(calendars: Tenant) -> None:
    old, new = grant(calendars, "a@example.com")["id"], grant(calendars, "b@example.com")["id"]
    app = calendars.application.id
    calendars.server.rows("update grants set created_at = 0 where application_id = $1 and id = $2", app, old)
    calendars.server.rows("update grants set status = 'invalid' where application_id = $1 and id = $2", app, new)
    calendars.post("/v3/workspaces/auto-group", {"invalid_also": True, "after_created_at": 1_000_000_000})
    eventually_in(calendars, new, _once_there(calendars, "example.com"))
    assert where(calendars, old) == default(calendars)["workspace_id"]


def _once_there(tenant: Tenant, domain: str) -> str:
    deadline = time.monotonic() + 30
    while (answer := tenant.get(f"/v3/workspaces/{domain}")).status_code == 404:
        assert time.monotonic() < deadline, "the workspace was not made"
        time.sleep(0.02)
    made: str = data(answer)["workspace_id"]
    return made


def test_auto_group_goes_past_its_first_page(calendars: Tenant) -> None:
    one = grant(calendars, "0@example.com")
    columns = "application_id, provider, connector_id, scope, settings, status, asked_at, version, updated_at"
    for place in range(450):
        calendars.server.rows(
            f"""insert into grants ({columns}, id, mailbox_key, email, email_key, created_at)
                select {columns}, $3, $3, $4, $4, $5 from grants where application_id = $1 and id = $2""",
            calendars.application.id,
            one["id"],
            str(uuid.uuid4()),
            f"{place}@example.com",
            one["created_at"] * 1_000_000,  # many at one time: the page's end is told by the id then
        )
    known = workspace(calendars, domain="example.com")["workspace_id"]
    calendars.post("/v3/workspaces/auto-group", {})
    sql = "select count(*) from grants where application_id = $1 and workspace_id = $2"
    deadline = time.monotonic() + 60
    while calendars.server.rows(sql, calendars.application.id, known)[0][0] != 451:
        assert time.monotonic() < deadline, "not every grant was grouped"
        time.sleep(0.05)


def test_auto_group_is_possible_once_a_minute_and_without_a_body(tenant: Tenant, stranger: Tenant) -> None:
    first = tenant.http.post("/v3/workspaces/auto-group")
    assert first.status_code == 200, first.text
    again = tenant.post("/v3/workspaces/auto-group", {})
    assert problem(again)[:2] == (429, "api.rate_limit_error")
    assert 0 < int(again.headers["retry-after"]) <= 60
    assert stranger.post("/v3/workspaces/auto-group", {}).status_code == 200
    # A minute later, as the database counts it.
    sql = "update rations set began_at = began_at - 60000000 where application_id = $1"
    tenant.server.rows(sql, tenant.application.id)
    assert tenant.post("/v3/workspaces/auto-group", {}).status_code == 200


@pytest.mark.parametrize(
    "body", [{"specific_domain": "not a domain"}, {"invalid_also": "maybe"}, {"after_created_at": "x"}]
)
def test_a_grouping_that_cannot_be_is_refused_and_does_not_count(tenant: Tenant, body: dict[str, Any]) -> None:
    assert problem(tenant.post("/v3/workspaces/auto-group", body))[:2] == (400, "api.invalid_request_error")
    assert tenant.post("/v3/workspaces/auto-group", {}).status_code == 200


def test_a_stranger_sees_and_touches_nothing(calendars: Tenant, stranger: Tenant) -> None:
    made = workspace(calendars, domain="example.com")
    mine = grant(calendars, "a@example.com")["id"]
    assert len(data(stranger.get("/v3/workspaces"))) == 1
    for name in (made["workspace_id"], "example.com", default(calendars)["workspace_id"]):
        path = f"/v3/workspaces/{name}"
        missing = problem(stranger.get(path))
        assert missing[:2] == (404, "api.not_found_error")
        assert problem(stranger.patch(path, {"policy_id": None})) == missing
        assert problem(stranger.delete(path)) == missing
        assert problem(stranger.post(f"{path}/manual-assign", {"assign_grants": [mine]})) == missing
    theirs = workspace(stranger)["workspace_id"]
    done = data(stranger.post(f"/v3/workspaces/{theirs}/manual-assign", {"assign_grants": [mine]}))
    assert done["grants_assigned"] is None
    assert where(calendars, mine) == made["workspace_id"]
