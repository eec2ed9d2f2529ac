"""/v3/requests: what became of a request, by the id of its answer."""

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest

from opengrant.errors import NotFound, StoreUnavailable
from opengrant.jobs.sweep import old_requests
from opengrant.metrics import render
from opengrant.operations import request_log
from opengrant.operations.request_log import NO_APPLICATION, Entry, RequestFilters, RequestLog
from opengrant.store.engine.port import Store
from opengrant.store.operations import requests as store
from tests.support import LiveServer, Tenant, data, problem, secret


def looked_up(tenant: Tenant, request_id: str) -> dict[str, Any]:
    answer = tenant.get(f"/v3/requests/{request_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = data(answer)
    return found


def failed(tenant: Tenant, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(tenant.get("/v3/requests", params=query))
    return found


def entry(id_: str, *, status: int = 200, at: int | None = None) -> Entry:
    began = time.time_ns() // 1000 if at is None else at
    return Entry(id_, began, "GET", "/v3/x", status, 1, None, None, None, "e" if status >= 400 else None, "E", "n:1")


def log_of(server: LiveServer, db: Any, **more: Any) -> RequestLog:
    mine = server.services.requests
    terms = {"keep": mine.keep, "most": mine.most, "dropped": lambda _: None, **more}
    return RequestLog(db=db, clock=mine.clock, **terms)


def test_a_refused_request_is_found_by_the_id_of_its_answer(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    grant = data(tenant.connect("virtual-calendar", {"email": "room-7"}))["id"]
    tenant.delete(f"/v3/grants/{grant}")
    refused = tenant.get(f"/v3/grants/{grant}")
    found = looked_up(tenant, refused.json()["request_id"])
    sql = "select id from api_keys where application_id = $1"
    ((key,),) = tenant.server.rows(sql, tenant.application.id)
    assert abs(found.pop("at") - time.time()) < 60
    assert 0 < found.pop("duration_ms") < 60_000
    assert found.pop("node")
    meaning = found["error"].pop("meaning")
    assert "no such grant" in meaning
    assert found == {
        "id": refused.headers["x-request-id"],
        "method": "GET",
        "route": "/v3/grants/{grant_id}",
        "status": 404,
        "api_key_id": key,
        "grant_id": grant,
        "error": {"type": "grant.not_found", "name": "GrantNotFound"},
    }


def test_a_request_that_went_well_is_found_and_is_not_among_those_that_failed(tenant: Tenant) -> None:
    well = tenant.get("/v3/grants").json()["request_id"]
    found = looked_up(tenant, well)
    assert (found["status"], found["route"]) == (200, "/v3/grants")
    assert "error" not in found
    assert failed(tenant) == []


def test_those_that_failed_are_listed_the_latest_first_by_any_filter(tenant: Tenant) -> None:
    ids = [tenant.get(f"/v3/{path}").json()["request_id"] for path in ("grants/x", "webhooks/x", "grants?limit=x")]
    tenant.server.call(tenant.server.services.requests.write())
    ids.append(tenant.get("/v3/connectors/nope").json()["request_id"])

    def listed(**query: Any) -> list[str]:
        return [one["id"] for one in failed(tenant, **query)]

    assert listed() == ids[::-1]
    assert listed(limit=2) == ids[:1:-1]
    assert listed(status="4xx") == ids[::-1]
    assert listed(status="5xx") == []
    assert listed(status="404", route="/v3/grants/{grant_id}") == ids[:1]
    assert listed(error="70000") == ids[1:2]
    assert listed(api_key_id=str(uuid.uuid4())) == listed(grant_id=str(uuid.uuid4())) == []
    assert problem(tenant.get("/v3/requests?status=200"))[0] == 400


def test_neither_addresses_nor_secrets_nor_what_was_sent_are_kept(server: LiveServer, tenant: Tenant) -> None:
    name, word = f"{uuid.uuid4().hex}@example.com", secret("query")
    sent = [
        tenant.get(f"/v3/grants/{name}?limit={word}"),
        tenant.get(f"/v3/grants/{name}/messages/{word}?q={word}", headers={"X-Secret": word}),
        tenant.post("/v3/connect/custom", {"provider": "imap", "settings": {"imap_password": word}, "x": name}),
        tenant.get("/v3/grants", headers={"Authorization": f"Bearer nyk_v0_{word}"}),
    ]
    server.call(server.services.requests.write())
    for answer in sent[:3]:
        assert answer.status_code >= 400
        looked_up(tenant, answer.json()["request_id"])
    kept = server.rows("select entries from request_batches")
    everything = "".join(str([*store.unpacked(bytes(one))]) for (one,) in kept)
    assert sent[0].json()["request_id"] in everything
    assert [leak for leak in (name, word, tenant.api_key) if leak in everything] == []


def test_of_a_request_without_an_application_only_the_server_knows(server: LiveServer, tenant: Tenant) -> None:
    with server.client("nyk_v0_wrong") as unknown:
        refused = unknown.get("/v3/grants").json()["request_id"]
        open_one = unknown.get("/v3/providers/detect?email=a@example.com").headers["x-request-id"]
    assert problem(tenant.get(f"/v3/requests/{refused}"))[0] == 404
    log = server.services.requests
    assert server.call(log.find(NO_APPLICATION, refused)).kind == "Unauthorized"
    assert open_one


def test_a_strangers_request_is_none_and_nonsense_too(tenant: Tenant, stranger: Tenant) -> None:
    theirs = stranger.get("/v3/grants/x").json()["request_id"]
    for id_ in (theirs, str(uuid.uuid4()), "x", "0" * 5000):
        status, type_, _ = problem(tenant.get(f"/v3/requests/{id_}"))
        assert (status, type_) == (404, "api.not_found_error")
    assert looked_up(stranger, theirs)["status"] == 404
    assert theirs not in str(failed(tenant))


def test_what_cannot_be_stored_waits_up_to_a_bound_and_the_oldest_goes_first(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down:
        dialect = server.services.db.dialect

        async def write_soon(self, _: Any) -> None:
            raise StoreUnavailable("down")

    monkeypatch.setattr(request_log, "MOST_WAITING", 5000)
    dropped: list[int] = []
    log = log_of(server, Down(), dropped=dropped.append)
    for number in range(5003):
        log.add("app", entry(str(number)))
    assert (len(dropped), log.full.is_set()) == (3, True)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            server.call(log.write())
    log.db = server.services.db
    server.call(log.write())
    rows = server.rows("select entries from request_batches where application_id = 'app'")
    kept = [one.id for (packed,) in rows for one in store.unpacked(bytes(packed))]
    assert sorted(kept, key=int) == [str(number) for number in range(3, 5003)]
    server.rows("delete from request_batches where application_id = 'app' returning id")
    assert b"opengrant_request_records_dropped_total" in render()[0]


def test_old_ones_and_those_above_the_bound_are_dropped(server: LiveServer, tenant: Tenant) -> None:
    log, app, now = server.services.requests, tenant.application.id, server.services.requests.clock()
    late = now - 90_000 * 1_000_000
    far = now + 10 * 86_400 * 1_000_000

    def add(*times: int) -> None:
        batches = [store.packed(app, [entry("x", at=at, status=500)], failed=True) for at in times]
        server.call(server.services.db.write(store.add(batches, [uuid.uuid4().hex for _ in batches])))

    def times() -> list[int]:
        sql = "select until from request_batches where application_id = $1 and failed = 1 order by until"
        return [row[0] for row in server.rows(sql, app)]

    add(late, now, far)
    server.call(old_requests(server.services).run())
    assert times() == [now]
    add(*(now - number for number in range(1, 10)))
    size = server.rows("select max(size) from request_batches where application_id = $1", app)[0][0]
    few = log_of(server, log.db, most=4 * size)
    server.call(few.forget([app]))
    assert times()[0] > now - 5
    assert times()[-1] == now


def test_it_can_be_turned_off(server: LiveServer) -> None:
    off = log_of(server, server.services.db, keep=timedelta(0))
    assert not off.is_on
    with pytest.raises(NotFound, match="OPENGRANT_REQUESTS__KEEP is 0"):
        server.call(off.find("app", "x"))


def test_an_id_tells_the_time_and_is_valid(tenant: Tenant) -> None:
    ids = [uuid.UUID(tenant.get("/v3/grants").json()["request_id"]) for _ in range(20)]
    assert {(one.version, one.variant) for one in ids} == {(7, uuid.RFC_4122)}
    assert len(set(ids)) == 20
    assert all(abs((one.int >> 80) / 1000 - time.time()) < 60 for one in ids)


def test_few_batches_are_read_for_a_look_up(server: LiveServer, tenant: Tenant) -> None:
    app, at = tenant.application.id, server.services.requests.clock()
    batches = [store.packed(app, [entry(str(n), at=at + n * 5_000_000)], failed=False) for n in range(-50, 50)]
    db: Store = server.services.db
    server.call(db.write(store.add(batches, [f"b{n}" for n in range(100)])))
    found = server.call(db.read(store.around(app, at=at)))
    assert [one.id for packed in found for one in store.unpacked(packed)] == ["0"]


def test_filters_fit_what_they_name() -> None:
    one = entry("x", status=503)._replace(grant_id="g", key_id="k")
    assert RequestFilters().fit(one)
    assert RequestFilters(statuses=(500, 599), error="e", grant_id="g", key_id="k", route="/v3/x").fit(one)
    assert not RequestFilters(statuses=(400, 499)).fit(one)
    assert not RequestFilters(grant_id="other").fit(one)
