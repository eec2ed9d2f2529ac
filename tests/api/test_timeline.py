"""GET /v3/grants/{id}/timeline: what happened to a grant, told as its life."""

from typing import Any

import pytest

from opengrant.model import SECOND
from tests.api.test_grant_actions import check, invalidate
from tests.api.test_token import age, clock, later, make
from tests.fakes.oauth import FakeOAuth, Reply
from tests.support import MARK, LiveServer, Tenant, data, problem

DEAD = Reply(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})


def timeline(tenant: Tenant, grant: Any, **query: Any) -> list[dict[str, Any]]:
    """A page, newest first."""
    answer = tenant.get(f"/v3/grants/{grant['id']}/timeline", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = data(answer)
    return found


def types(tenant: Tenant, grant: Any) -> list[str]:
    """Oldest first."""
    return [moment["type"] for moment in reversed(timeline(tenant, grant))]


def renew(server: LiveServer, grant: Any, times: int = 1) -> None:
    """As if so many hours passed in which all was well."""
    for _ in range(times):
        age(server, grant)
        clock(server)


def test_a_grant_begins_with_its_verification(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    (moment,) = timeline(tenant, grant)
    ((key_id,),) = tenant.server.rows("select id from api_keys where application_id = $1", tenant.application.id)
    assert (moment["type"], moment["at"], moment["actor"]) == ("verified", grant["created_at"], f"key:{key_id}")
    assert moment["request_id"]
    assert "detail" not in moment


def test_renewals_that_find_nothing_wrong_are_one_moment(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    renew(server, grant, 3)
    newest, first = timeline(tenant, grant)
    proven_at = data(tenant.get(f"/v3/grants/{grant['id']}"))["opengrant"]["proven_at"]
    assert (newest["type"], newest["at"], newest["refreshes"]) == ("refreshed", proven_at, 3)
    assert "actor" not in newest
    assert first["type"] == "verified"


@pytest.mark.parametrize(
    ("reply", "class_", "code"),
    [
        (Reply(503, "down"), "provider_down", "503"),
        (Reply(429, "slow", {"Retry-After": "90"}), "rate_limited", "429"),
        (Reply(401, {"error": "invalid_client"}), "connector", "invalid_client"),
    ],
    ids=["down", "throttled", "connector"],
)
def test_a_trouble_is_told_when_it_begins_and_when_it_is_over(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reply: Reply, class_: str, code: str
) -> None:
    grant = make(tenant, provider)
    renew(server, grant, 2)
    provider.answers("token", reply)
    renew(server, grant)
    later(server, grant)
    server.rows("delete from brakes where application_id = $1", tenant.application.id)
    clock(server)
    (failing, verified) = timeline(tenant, grant)
    assert (failing["type"], failing["class"], failing["provider_code"]) == ("failing", class_, code)
    assert (failing["reason"] != "", failing["remedy"] != "") == (True, True)
    assert (failing["refreshes"], failing["actor"]) == (2, "clock")
    provider.behaves()
    later(server, grant)
    server.rows("delete from brakes where application_id = $1", tenant.application.id)
    clock(server)
    recovered, *before = timeline(tenant, grant)
    assert before == [failing, verified]
    assert (recovered["type"], recovered["class"], recovered["reason"]) == ("recovered", class_, failing["reason"])
    assert (recovered["detail"], recovered["actor"]) == ({"failures": 2}, "clock")
    renew(server, grant)
    assert types(tenant, grant) == ["verified", "failing", "recovered", "refreshed"]


def test_another_trouble_is_told_again(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant = make(tenant, provider)
    for reply in (Reply(503, "down"), Reply(401, {"error": "invalid_client"}), Reply(401, {"error": "invalid_client"})):
        provider.answers("token", reply)
        renew(server, grant)
        later(server, grant)
    found = timeline(tenant, grant)
    assert [moment.get("class") for moment in found] == ["connector", "provider_down", None]


def test_an_end_says_why_and_how_long_all_was_well(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant = make(tenant, provider)
    renew(server, grant, 2)
    provider.answers("token", DEAD)
    renew(server, grant)
    expired, verified = timeline(tenant, grant)
    assert (expired["type"], expired["class"], expired["provider_code"]) == ("expired", "reconnect", "invalid_grant")
    assert (expired["refreshes"], expired["actor"]) == (2, "clock")
    assert expired["remedy"]
    assert verified["type"] == "verified"


def test_an_invalidation_bears_who_did_it_and_their_words(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    renew(server, grant)
    answer = invalidate(tenant, grant, reason="laptop stolen")
    moment = timeline(tenant, grant)[0]
    assert (moment["type"], moment["reason"], moment["refreshes"]) == ("invalidated", "invalidated", 1)
    assert (moment["detail"], moment["request_id"]) == ({"note": "laptop stolen"}, answer.json()["request_id"])
    assert moment["actor"].startswith("key:")


def test_a_mailbox_that_is_connected_again_is_told_with_the_run_that_it_ended(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    renew(server, grant, 2)
    make(tenant, provider)
    make(tenant, provider, subject="another account")
    tenant.patch(f"/v3/grants/{grant['id']}", {"name": "Ana at work"})
    renamed, other, again, _ = timeline(tenant, grant)
    assert (again["type"], again["detail"], again["refreshes"]) == ("reauthenticated", {"changed": ["credential"]}, 2)
    assert (other["type"], other["detail"]) == ("reauthenticated", {"changed": ["credential", "subject"]})
    assert "refreshes" not in other
    assert (renamed["type"], renamed["detail"]) == ("updated", {"changed": ["name"]})


def test_what_operators_did_is_in_it(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant = make(tenant, provider)
    records = server.services.grants
    server.call(records.block(grant["id"], blocked=True, reason="reported"))
    server.call(records.block(grant["id"], blocked=False))
    age(server, grant, seconds=100)
    provider.refuses(503)
    check(tenant, grant)
    # The check found the trouble: what one call does is told in the order in which it was written.
    assert types(tenant, grant) == ["verified", "blocked", "unblocked", "failing", "checked"]
    checked, failing, _, blocked, _ = timeline(tenant, grant)
    assert blocked["reason"] == "reported"
    assert (checked["class"], checked["actor"]) == ("provider_down", failing["actor"])
    assert failing["request_id"] == checked["request_id"]


def test_one_that_was_called_dead_and_is_not_is_restored(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    """Five grants of a connector that are refused alike are not to blame."""
    grants = [make(tenant, provider, email=f"{number}@example.com") for number in range(5)]
    provider.answers("token", DEAD)
    for grant in grants:
        renew(server, grant)
    assert types(tenant, grants[0]) == ["verified", "expired", "restored"]
    provider.behaves()
    server.rows("update brakes set probe_at = 1 where application_id = $1", tenant.application.id)
    later(server, grants[0])
    clock(server)
    assert types(tenant, grants[0]) == ["verified", "expired", "restored", "recovered"]


def test_pages_neither_repeat_nor_skip_and_a_run_is_in_its_place(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    path = f"/v3/grants/{grant['id']}"
    tenant.patch(path, {"name": "a"})
    renew(server, grant)
    for name in "bcd":
        tenant.patch(path, {"name": name})
    whole = timeline(tenant, grant)
    assert [moment["type"] for moment in whole] == ["updated", "updated", "updated", "refreshed", "updated", "verified"]
    for limit in (1, 2, 3, 4, 5, 6):
        pages, more = list[Any](), {}
        while True:
            answer = tenant.get(f"{path}/timeline", params={"limit": limit, **more}).json()
            assert len(answer["data"]) <= limit
            pages += answer["data"]
            if "next_cursor" not in answer:
                break
            more = {"page_token": answer["next_cursor"]}
        assert pages == whole


def test_a_senseless_page_is_refused(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    for query in ("limit=0", "page_token=what"):
        assert problem(tenant.get(f"/v3/grants/{grant['id']}/timeline?{query}"))[0] == 400


def test_the_audit_trail_has_the_same_entries_and_no_secret(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    provider.refuses(503)
    renew(server, grant)
    provider.behaves()
    later(server, grant)
    clock(server)
    trail = data(tenant.get(f"/v3/audit?grant_id={grant['id']}"))
    assert [entry["type"] for entry in trail] == ["grant.recovered", "grant.failing", "grant.created"]
    rows = server.rows("select detail from events where grant_id = $1", grant["id"])
    assert MARK not in str([tuple(row) for row in rows])
    sql = "select count(*) from deliveries where application_id = $1 and type in ('grant.failing', 'grant.recovered')"
    assert server.rows(sql, tenant.application.id)[0][0] == 0


def test_a_run_of_another_age_is_where_it_happened(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant = make(tenant, provider)
    renew(server, grant)
    server.rows("update grants set proven_at = proven_at - $2 where id = $1", grant["id"], 7200 * SECOND)
    assert types(tenant, grant) == ["refreshed", "verified"]
