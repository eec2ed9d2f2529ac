"""/v3/imports: the list, the progress and the results of imports, and what can be done with them."""

import csv
import json
import uuid
from io import StringIO
from typing import Any

import pytest

from opengrant.model import SECOND, Micros, now
from opengrant.store.engine.port import Statement, Steps
from tests.support import Tenant, data, problem

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
