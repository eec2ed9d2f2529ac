"""/v3/imports: the list, the progress and the results of imports, and what can be done with them."""

import csv
import gzip
import json
import uuid
from io import StringIO
from typing import Any

import pytest

from opengrant.model import SECOND, Micros, now
from opengrant.store.engine.port import Statement, Steps
from tests.fakes.oauth import FakeOAuth
from tests.imports.stored import forgotten
from tests.support import Tenant, data, importer, problem, secret

__all__ = ["forgotten"]
OUTCOMES = ("created", "renewed", "unchanged", "sign_in", "refused", "failed")


def stored(tenant: Tenant, *, state: str = "running", at: Micros | None = None) -> str:
    """An import of eight lines: three of one source that works, four of one that does not, one that was not read."""
    import_id, app = str(uuid.uuid4()), tenant.application.id
    began = now() - 10 * SECOND if at is None else at
    trouble = {"class": "connector", "reason": "client_refused", "remedy": "Correct it.", "since": began}
    batches = (("c1", "google", "done", 3, (2, 0, 0, 1, 0, 0)), ("c2", "zoom", "waiting", 4, (0, 1, 0, 0, 0, 0)))
    lines = (
        *((1, 1, "a", "google", "created"), (2, 1, "b", "google", "created"), (3, 1, "c", "google", "sign_in")),
        *((4, 2, "d", "zoom", "renewed"), (5, 2, "e", "zoom", "waiting"), (6, 2, None, "zoom", "waiting")),
        *((7, 2, "g", "zoom", "waiting"), (8, 0, None, None, "refused")),
    )

    def script() -> Steps[None]:
        yield Statement(
            """insert into imports (application_id, id, name, state, lines, cut_over, hold_refresh, created_at,
                                    started_at, updated_at, released)
               values ($1, $2, 'users.ndjson', $3, 8, 0, 0, $4, $4, $4, 0)""",
            (app, import_id, state, began),
        )
        for number, (source, provider, batch, rows, counts) in enumerate(batches, 1):
            yield Statement(
                """insert into import_sources (application_id, import_id, source, provider, state, paused_until,
                                               trouble, streak) values ($1, $2, $3, $4, 'open', $5, $6, 0)""",
                (app, import_id, source, provider, *((began, json.dumps(trouble)) if source == "c2" else (None, None))),
            )
            yield Statement(
                f"""insert into import_batches (application_id, import_id, number, source, provider, state, round,
                                                due_at, until, rows, {", ".join(OUTCOMES)}, updated_at)
                    values ($1, $2, $3, $4, $5, $6, 0, 0, 0, $7, $8, $9, $10, $11, $12, $13, $14)""",
                (app, import_id, number, source, provider, batch, rows, *counts, now()),
            )
        for line, number, key, of, outcome in lines:
            yield Statement(
                """insert into import_rows (application_id, import_id, line, batch, provider, key, outcome,
                                            class, reason, attempts, at)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10)""",
                (app, import_id, line, number, of, key, outcome, "bad_request", "It is no JSON.", now()),
            )

    tenant.server.call(tenant.server.services.db.write(script()))
    return import_id


def got(tenant: Tenant, import_id: str) -> dict[str, Any]:
    found: dict[str, Any] = data(tenant.get(f"/v3/imports/{import_id}"))
    return found


def test_the_progress_counts_rows_by_outcome_and_by_source(tenant: Tenant) -> None:
    found = got(tenant, stored(tenant))
    counted = {"created": 2, "renewed": 1, "sign_in": 1, "refused": 1, "waiting": 3}
    assert {name: number for name, number in found["counts"].items() if number} == counted
    assert (found["rows"], found["status"], found["all_sources"]) == (8, "running", 2)
    worse, better = found["sources"]  # those that do not work come first
    assert (worse["id"], worse["state"], worse["rows"], worse["trouble"]["reason"]) == (
        "c2",
        "paused",
        4,
        "client_refused",
    )
    assert (better["id"], better["state"], better["counts"]["sign_in"]) == ("c1", "open", 1)
    assert 0 < found["rows_per_second"] <= 5
    assert found["ends_at"] > found["started_at"]
    assert sum(span["rows"] for span in found["spans"]) == 4


def test_results_are_in_the_order_of_the_lines_and_page_by_page(tenant: Tenant) -> None:
    import_id = stored(tenant)
    lines, token = list[int](), ""
    while True:
        page = tenant.get(
            f"/v3/imports/{import_id}/results", params={"limit": 3, **({"page_token": token} if token else {})}
        )
        lines += [row["line"] for row in data(page)]
        if (token := page.json().get("next_cursor")) is None:
            break
    assert lines == list(range(1, 9))
    refused = data(tenant.get(f"/v3/imports/{import_id}/results", params={"outcome": "refused,sign_in"}))
    assert [(row["line"], row.get("id"), row["outcome"]) for row in refused] == [
        (3, "c", "sign_in"),
        (8, None, "refused"),
    ]
    assert (refused[1]["reason"], refused[1]["class"]) == ("It is no JSON.", "bad_request")
    assert "provider" not in refused[1]
    wrong = tenant.get(f"/v3/imports/{import_id}/results", params={"outcome": "lost"})
    assert problem(wrong)[0] == 400
    assert "outcome" in problem(wrong)[2]


def test_results_are_a_file_of_lines_or_a_table(tenant: Tenant) -> None:
    path = f"/v3/imports/{stored(tenant)}/results"
    lines = tenant.get(f"{path}.ndjson")
    assert lines.headers["content-type"] == "application/x-ndjson"
    found = [json.loads(line) for line in lines.text.splitlines()]
    assert [(row["line"], row["id"], row["outcome"]) for row in found][5:] == [
        (6, None, "waiting"),
        (7, "g", "waiting"),
        (8, None, "refused"),
    ]
    table = tenant.get(f"{path}.csv", params={"outcome": "created"})
    assert "import-results.csv" in table.headers["content-disposition"]
    head, *rows = csv.reader(StringIO(table.text))
    assert head == list(found[0])
    assert [row[:5] for row in rows] == [["1", "a", "google", "", "created"], ["2", "b", "google", "", "created"]]
    assert tenant.get(f"/v3/imports/{uuid.uuid4()}/results.csv").status_code == 404


def test_an_import_is_paused_resumed_and_cancelled(tenant: Tenant) -> None:
    import_id = stored(tenant)
    path = f"/v3/imports/{import_id}"
    assert data(tenant.post(f"{path}/pause"))["status"] == "paused"
    assert data(tenant.post(f"{path}/pause"))["status"] == "paused"  # it is what was asked for
    assert data(tenant.post(f"{path}/resume"))["status"] == "running"
    cancelled = data(tenant.post(f"{path}/cancel"))
    assert (cancelled["status"], cancelled["counts"]["cancelled"], cancelled["counts"]["waiting"]) == (
        "cancelled",
        3,
        0,
    )
    assert cancelled["finished_at"] >= cancelled["started_at"]
    status, kind, text = problem(tenant.post(f"{path}/resume"))
    assert (status, kind) == (400, "api.invalid_request_error")
    assert "is cancelled" in text
    said = [entry["type"] for entry in data(tenant.get("/v3/audit")) if entry["type"].startswith("import.")]
    assert said == ["import.cancelled", "import.resumed", "import.paused"]


def test_the_list_is_of_this_application_alone_newest_first(tenant: Tenant) -> None:
    old, new = stored(tenant, at=now() - 3600 * SECOND), stored(tenant)
    other = tenant.server.tenant(name="another")
    strange = stored(other)
    assert [job["id"] for job in data(tenant.get("/v3/imports"))] == [new, old]
    first = tenant.get("/v3/imports", params={"limit": 1})
    second = tenant.get("/v3/imports", params={"limit": 1, "page_token": first.json()["next_cursor"]})
    assert [job["id"] for job in data(second)] == [old]
    for verb, path in (("GET", ""), ("GET", "/results"), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/cancel")):
        refused = tenant.http.request(verb, f"/v3/imports/{strange}{path}")
        assert refused.status_code == 404, (verb, path)
    assert got(other, strange)["status"] == "running"
    other.http.close()


@pytest.mark.parametrize("state", ["loading", "paused"])
def test_an_import_that_is_not_running_has_no_end_in_sight(tenant: Tenant, state: str) -> None:
    assert "ends_at" not in got(tenant, stored(tenant, state=state))


def importing(tenant: Tenant) -> Tenant:
    """The tenant with a key that may import."""
    tenant.api_key = importer(tenant)
    tenant.http.headers["Authorization"] = f"Bearer {tenant.api_key}"
    return tenant


def rooms(*names: str, **more: Any) -> dict[str, Any]:
    rows = [{"id": name, "provider": "virtual-calendar", "settings": {"email": name}, **more} for name in names]
    return {"rows": rows}


def worked(tenant: Tenant, import_id: str) -> dict[str, Any]:
    """The import when nothing of it waits."""
    work = tenant.server.services.import_work
    for _ in range(100):
        tenant.server.call(work.run_round())
        if got(tenant, import_id)["status"] == "finished":
            break
    return got(tenant, import_id)


def test_rows_become_grants_with_the_ids_that_they_name(tenant: Tenant) -> None:
    importing(tenant).connector("virtual-calendar")
    kept = str(uuid.uuid4())
    body = rooms("room-1", "room-2") | {}
    body["rows"] += rooms("room-3", grant_id=kept)["rows"] + rooms("room-1")["rows"] + [{"provider": "gogle"}]
    checked = data(tenant.post("/v3/imports/dry-run", body))
    assert (checked["lines"], checked["new"], checked["refused"]) == (5, 3, 2)
    assert [line["line"] for line in checked["refused_lines"]] == [4, 5]
    assert tenant.grants() == 0

    answer = tenant.post("/v3/imports", body, params={"name": "rooms"})
    assert answer.status_code == 201
    assert tenant.post("/v3/imports", body).json()["data"]["id"] == data(answer)["id"]  # the same rows
    done = worked(tenant, data(answer)["id"])
    assert {name: number for name, number in done["counts"].items() if number} == {"created": 3, "refused": 2}
    assert (done["name"], done["status"], tenant.grants()) == ("rooms", "finished", 3)
    assert data(tenant.get(f"/v3/grants/{kept}"))["email"] == "room-3"
    results = data(tenant.get(f"/v3/imports/{done['id']}/results"))
    assert [row.get("id") for row in results] == ["room-1", "room-2", "room-3", "room-1", None]
    assert results[2]["grant_id"] == kept
    assert "line 1" in results[3]["reason"]


def test_a_table_or_lines_are_the_body_itself(tenant: Tenant) -> None:
    importing(tenant).connector("virtual-calendar")
    table = b"id,provider,email\r\n7,virtual-calendar,room-7\r\n"
    sent = tenant.http.post("/v3/imports", content=table, headers={"content-type": "text/csv"})
    assert worked(tenant, data(sent)["id"])["counts"]["created"] == 1
    lines = gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rooms("a", "b")["rows"]))
    sent = tenant.http.post("/v3/imports", content=lines, headers={"content-type": "application/x-ndjson"})
    assert worked(tenant, data(sent)["id"])["counts"]["created"] == 2


@pytest.mark.parametrize("path", ["/v3/imports", "/v3/imports/dry-run"])
def test_a_body_that_becomes_too_large_or_is_damaged_is_refused_before_a_row_is_stored(
    tenant: Tenant, path: str
) -> None:
    importing(tenant).connector("virtual-calendar")
    row = json.dumps(rooms("a")["rows"][0]).encode() + b"\n"
    bodies = {
        "bytes when they are unpacked": gzip.compress(b'{"id": "' + b"x" * 17_000_000),
        "lines": gzip.compress(b"{}\n" * 100_002),
        "ends early": gzip.compress(row * 50)[:-9],
    }
    for text, body in bodies.items():
        sent = tenant.http.post(path, content=body, headers={"content-type": "application/x-ndjson"})
        assert text in problem(sent)[2]
        assert sent.status_code == (400 if text == "ends early" else 413)
    assert data(tenant.get("/v3/imports")) == []


def test_a_key_needs_the_permission_to_import(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    for path, body in (("", rooms("room-1")), (f"/{stored(tenant)}/cut-over", None)):
        status, _, text = problem(tenant.post(f"/v3/imports{path}", body))
        assert status == 403
        assert "grants.import" in text
    assert tenant.grants() == 0


def test_a_body_that_holds_no_rows_is_refused_in_whole(tenant: Tenant) -> None:
    importing(tenant).connector("virtual-calendar")
    for body in ({}, {"rows": []}, {"rows": ["room-1"]}):
        assert problem(tenant.post("/v3/imports", body))[0] == 400
    strange = tenant.http.post("/v3/imports", content=b"\xff\xfei\x00", headers={"content-type": "text/csv"})
    assert problem(strange)[0] == 400
    assert data(tenant.get("/v3/imports")) == []


def test_rows_wait_for_the_cut_over(tenant: Tenant, provider: FakeOAuth) -> None:
    importing(tenant).connector("zoom")
    provider.accepts(token := secret("zoom"), email="ana@example.com")
    body = {"rows": [{"provider": "zoom", "settings": {"refresh_token": token}}]}
    import_id = data(tenant.post("/v3/imports", body, params={"cut_over": "true"}))["id"]
    waits = got(tenant, import_id)
    assert (waits["counts"]["staged"], waits["sources"][0]["state"]) == (1, "staged")
    wrong = tenant.post(f"/v3/imports/{import_id}/cut-over", {"source": "other"})
    assert (problem(wrong)[0], "source" in problem(wrong)[2]) == (400, True)
    assert data(tenant.post(f"/v3/imports/{import_id}/cut-over"))["counts"]["waiting"] == 1
