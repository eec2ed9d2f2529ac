"""What becomes of an export where something is there already: other ids, newer grants, other clients."""

import asyncio
import copy
import io
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from pydantic_core import to_json

from opengrant.api.import_rows import ROWS
from opengrant.imports.imports import ImportedRow
from opengrant.imports.loading import NewImport
from opengrant.imports.restoring import CannotRestore
from opengrant.imports.verifying import Work
from opengrant.model import SECOND, Application
from opengrant.model.imports import Import
from tests.fakes.oauth import FakeOAuth
from tests.imports.restored import Line, outcomes, restore, secrets_of
from tests.imports.stored import leased, stored
from tests.support import LiveServer, Tenant, data, secret


def exported(live: LiveServer, app: Application) -> list[Line]:
    """The lines of an export."""

    async def read() -> bytes:
        return b"".join([part.lines async for part in live.services.exporting.parts(app)])

    return [json.loads(line) for line in live.call(read()).splitlines()]


@pytest.fixture
def lines(tenant: Tenant, provider: FakeOAuth) -> list[Line]:
    """An export of two grants of Google: the second uses a client of its own, and has an external id."""
    tenant.connector("google")
    held = {"client_id": "other", "client_secret": secret("other")}
    body = {"name": "Other client", "credential_type": "connector", "credential_data": held}
    other = data(tenant.post("/v3/connectors/google/creds", body))["id"]
    for name, more in (("one", {}), ("two", {"credential_id": other})):
        provider.accepts(token := secret(name), email=f"{name}@example.com")
        extra = {"external_id": "user-2", "workspace_id": workspace(tenant)} if more else {}
        assert tenant.connect("google", {"refresh_token": token, **more}, **extra).status_code == 201
    return exported(tenant.server, tenant.application)


def workspace(tenant: Tenant) -> str:
    body = {"name": "Sales", "domain": "sales.example", "auto_group": True}
    return str(data(tenant.post("/v3/workspaces", body))["workspace_id"])


def into_another_installation(lines: Sequence[Line]) -> list[Line]:
    """The same lines with other ids of grants: what these tests restore into has the ids of `lines` already."""
    moved = copy.deepcopy([*lines])
    for line in moved:
        if line["kind"] == "grant":
            line["grant"]["id"] = "f" + line["grant"]["id"][1:-1] + ("0" if line["grant"]["id"][-1] != "0" else "1")
    return moved


def grants_of(lines: Sequence[Line]) -> list[Line]:
    found = [line for line in lines if line["kind"] == "grant"]
    return sorted(found, key=lambda line: line["grant"]["email"])


def without(lines: Sequence[Line], *kinds: str) -> list[Line]:
    return [line for line in lines if line["kind"] not in kinds]


def test_another_application_gets_the_connector_the_clients_and_the_workspace(
    server: LiveServer, stranger: Tenant, lines: list[Line], tenant: Tenant
) -> None:
    results = restore(server, stranger.application, lines)
    assert {one.class_ for one in results} == {"conflict"}
    assert all("another application" in (one.reason or "") for one in results)

    moved = into_another_installation(lines)
    assert outcomes(restore(server, stranger.application, moved)) == {"created": 2}
    mine, theirs = (secrets_of(server, app) for app in (tenant.application, stranger.application))
    assert {one for owner, one in mine.items() if owner[0] == "credential"} == {
        one for owner, one in theirs.items() if owner[0] == "credential"
    }
    listed = {grant["email"]: grant for grant in data(stranger.get("/v3/grants"))}
    spaces = {space["workspace_id"]: space for space in data(stranger.get("/v3/workspaces"))}
    assert spaces[listed["two@example.com"]["workspace_id"]]["name"] == "Sales"
    assert data(stranger.get("/v3/grants/external:user-2"))["id"] == listed["two@example.com"]["id"]
    history = data(stranger.get(f"/v3/grants/{listed['one@example.com']['id']}/timeline"))
    assert [moment["type"] for moment in history] == ["imported"]
    # Receivers of another installation know these grants by the same ids.
    assert stranger.events() == []

    assert outcomes(restore(server, stranger.application, moved)) == {"unchanged": 2}
    assert len(data(stranger.get("/v3/connectors/google/creds"))) == 2


def test_the_newer_of_two_credentials_stays(server: LiveServer, tenant: Tenant, lines: list[Line]) -> None:
    assert outcomes(restore(server, tenant.application, lines)) == {"unchanged": 2}

    older, newer = copy.deepcopy(lines), copy.deepcopy(lines)
    for one, by in ((older, -SECOND), (newer, SECOND)):
        for line in grants_of(one):
            line["grant"] |= {name: line["grant"][name] + by for name in ("proven_at", "updated_at")}
            line["grant"]["name"] = f"by {by}"
            line["secret"]["refresh_token"] = secret(f"by{by}")
    before = secrets_of(server, tenant.application)
    assert outcomes(restore(server, tenant.application, older)) == {"unchanged": 2}
    assert secrets_of(server, tenant.application) == before

    server.rows("update grants set blocked = 1 where application_id = $1", tenant.application.id)
    generations = "select id, generation from grants where application_id = $1"
    was = dict(server.rows(generations, tenant.application.id))
    assert outcomes(restore(server, tenant.application, newer)) == {"renewed": 2}
    after = secrets_of(server, tenant.application)
    for line in grants_of(newer):
        assert line["secret"]["refresh_token"].encode() in after["grant", line["grant"]["id"], "live"]
    # A refresh that is under way has read the generation before, and cannot overwrite this.
    assert all(now > was[id_] for id_, now in server.rows(generations, tenant.application.id))
    kept = server.rows(
        "select name, blocked, workspace_id from grants where application_id = $1", tenant.application.id
    )
    assert {(name, blocked) for name, blocked, _ in kept} == {(f"by {SECOND}", 1)}
    assert all(space is not None for _, _, space in kept)
    assert outcomes(restore(server, tenant.application, newer)) == {"unchanged": 2}


def test_what_contradicts_the_store_is_refused_with_the_reason(
    server: LiveServer, tenant: Tenant, lines: list[Line]
) -> None:
    one, two = grants_of(lines)
    app, head = tenant.application, without(lines, "grant", "end")

    def refused(line: Line, **grant: Any) -> str:
        [result] = restore(server, app, [*head, {**line, "grant": line["grant"] | grant}])
        assert (result.outcome, result.class_) == ("refused", "conflict")
        return result.reason or ""

    free = "11111111-2222-4333-8444-555555555555"
    assert one["grant"]["id"] in refused(one, id=free)
    assert "another mailbox" in refused(one, id=two["grant"]["id"])
    elsewhere = {"id": free, "mailbox_key": "new@example.com", "email": "new@example.com"}
    assert two["grant"]["id"] in refused(one, **elsewhere, external_id="user-2")
    assert tenant.grants() == 2


def test_a_connector_with_another_client_keeps_it_and_gets_the_other_as_a_credential(
    server: LiveServer, stranger: Tenant, lines: list[Line]
) -> None:
    own = {"client_id": "mine", "client_secret": secret("mine")}
    connector = stranger.connector("google", settings=own)
    results = restore(server, stranger.application, into_another_installation(lines))
    assert outcomes(results) == {"created": 2}
    after = data(stranger.get("/v3/connectors/google"))
    for name in ("settings", "active_credential_id"):
        assert after[name] == connector[name]
    credentials = {one["id"]: one["name"] for one in data(stranger.get("/v3/connectors/google/creds"))}
    assert len(credentials) == 3
    used = {grant["credential_id"] for grant in data(stranger.get("/v3/grants"))}
    assert used == set(credentials) - {connector["active_credential_id"]}


def test_a_connector_with_the_same_client_is_used(
    server: LiveServer, stranger: Tenant, lines: list[Line], provider: FakeOAuth
) -> None:
    connector = stranger.connector("google")
    moved = into_another_installation(lines)
    assert outcomes(restore(server, stranger.application, moved)) == {"created": 2}
    listed = {grant["email"]: grant for grant in data(stranger.get("/v3/grants"))}
    assert listed["one@example.com"]["credential_id"] == connector["active_credential_id"]


def test_an_input_that_cannot_be_restored_as_a_whole(server: LiveServer, lines: list[Line]) -> None:
    by_subject = server.tenant(identity="subject").application
    with pytest.raises(CannotRestore, match="apps create NAME --identity email"):
        restore(server, by_subject, lines)
    with pytest.raises(CannotRestore, match="first line"):
        restore(server, by_subject, lines[1:])


def test_lines_that_are_wrong_are_refused_and_quote_nothing(
    server: LiveServer, stranger: Tenant, lines: list[Line]
) -> None:
    head, line = (
        without(into_another_installation(lines), "grant", "end"),
        grants_of(into_another_installation(lines))[0],
    )
    hidden = secret("hidden")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"opengrant": 2}, "later release"),
        ({"kind": "grants"}, "kind: must be one of"),
        ({"grant": [hidden]}, "missing or wrong"),
        ({"grant": line["grant"] | {"status": hidden}}, "status"),
        ({"grant": line["grant"] | {"id": "F" * 36}}, "id"),
        ({"grant": line["grant"] | {"name": "a\0b"}}, "name"),
        ({"grant": line["grant"] | {"created_at": 2**70}}, "created_at"),
        ({"grant": line["grant"] | {"credential_id": "gone"}}, "credential_id"),
        ({"grant": line["grant"] | {"provider": "zoom", "connector_id": "gone"}}, "no zoom connector"),
        ({"secret": hidden}, "secret: must be an object"),
        ({"secret": {"v": 2, "kind": "oauth", "refresh_token": hidden}}, "access_token"),
        ({"secret": {"v": 2, "kind": "none"}}, "kind none"),
        ({"unreadable": True}, "could not be opened"),
    ]
    results = restore(server, stranger.application, [*head, *(line | change for change, _ in wrong)])
    assert [one.outcome for one in results] == ["refused"] * len(wrong)
    for one, (_, reason) in zip(results, wrong, strict=True):
        assert reason in (one.reason or ""), one.reason
        assert hidden not in (one.reason or "")
    assert stranger.grants() == 0


def test_when_a_restored_grant_is_due(server: LiveServer, stranger: Tenant, lines: list[Line]) -> None:
    """A token that has ended: within the hour. An ended grant, and one that waits for the cut-over: not at all."""
    one, two = grants_of(into_another_installation(lines))
    head, app = without(lines, "grant", "end"), stranger.application
    one["grant"] |= {"token_expires_at": 1}
    trouble = {
        "kind": "reconnect",
        "reason": "invalid_grant",
        "code": "",
        "remedy": "",
        "first_seen": 1,
        "last_seen": 1,
    }
    two["grant"] |= {"status": "invalid", "trouble": trouble}
    held = copy.deepcopy(one)
    held["grant"] |= {"id": "11111111-2222-4333-8444-666666666666", "mailbox_key": "h@example.com"}
    held["grant"]["email"] = "h@example.com"
    assert outcomes(restore(server, app, [*head, one, two])) == {"created": 2}
    assert outcomes(restore(server, app, [*head, held], hold=True)) == {"created": 1}
    due = dict(server.rows("select email, due_at from grants where application_id = $1", app.id))
    now = server.services.restoring.clock()
    assert now - 60 * SECOND < due["one@example.com"] < now + 3600 * SECOND
    assert (due["two@example.com"], due["h@example.com"]) == (None, None)
    server.rows("update grants set due_at = null where application_id = $1", app.id)


def test_a_grant_whose_connector_was_deleted_comes_back_under_the_present_one(
    server: LiveServer, tenant: Tenant, stranger: Tenant, lines: list[Line]
) -> None:
    assert tenant.delete("/v3/connectors/google").status_code == 200
    tenant.connector("google")
    again = into_another_installation(exported(server, tenant.application))
    assert outcomes(restore(server, stranger.application, again)) == {"created": 2}
    shown = data(stranger.get("/v3/grants"))
    assert {grant["grant_status"] for grant in shown} == {"invalid"}
    assert {grant["opengrant"]["trouble"]["reason"] for grant in shown} == {"connector_deleted"}


def test_a_connector_made_during_an_export_comes_before_its_grants(
    server: LiveServer, tenant: Tenant, provider: FakeOAuth, lines: list[Line]
) -> None:
    def connect() -> None:
        tenant.connector("yahoo")
        provider.accepts(token := secret("yahoo"), email="three@example.com")
        assert tenant.connect("yahoo", {"refresh_token": token}).status_code == 201

    async def collect() -> list[Line]:
        found, before = [], True
        async for part in server.services.exporting.parts(tenant.application):
            found += [json.loads(line) for line in part.lines.splitlines()]
            if before and found[-1]["kind"] == "credential":
                before = False
                await asyncio.to_thread(connect)
        return found

    kinds = [(line["kind"], line[line["kind"]].get("provider")) for line in server.call(collect())]
    grants = [place for place, (kind, _) in enumerate(kinds) if kind == "grant"]
    assert len(grants) == len(grants_of(lines)) + 1
    assert kinds.index(("connector", "yahoo")) < grants[0]
    assert len([kind for kind, _ in kinds if kind == "connector"]) == 2


def test_a_secret_that_does_not_open_is_named_and_left_out(
    server: LiveServer, tenant: Tenant, stranger: Tenant, lines: list[Line]
) -> None:
    damaged = grants_of(lines)[0]["grant"]["id"]
    server.rows("update secrets set sealed = $1 where owner_id = $2", b"\x01" + b"x" * 60, damaged)

    async def unreadable() -> list[str]:
        return [id_ async for part in server.services.exporting.parts(tenant.application) for id_ in part.unreadable]

    assert server.call(unreadable()) == [damaged]
    again = exported(server, tenant.application)
    assert again[-1]["end"] == {"grants": 2, "unreadable": 1}
    results = restore(server, stranger.application, into_another_installation(again))
    assert outcomes(results) == {"refused": 1, "created": 1}


def test_a_node_that_has_lost_its_lease_changes_no_row(
    tenant: Tenant, lines: list[Line], log_stream: io.BytesIO
) -> None:
    """The other node has the rows as they were: not tried, and not failed."""
    restoration = tenant.server.services.restoring.begin(tenant.application)
    rows = [tenant.server.call(restoration.take(number, line)) for number, line in enumerate(lines, 1)]
    done = stored(tenant, [row for row in rows if row is not None])
    mine = leased(done)
    done.server.rows("update import_batches set owner = 'other' where import_id = $1 returning 1", done.job.id)
    logged = len(log_stream.getvalue())
    done.server.call(
        done.server.services.import_work.verifying.run(Work(app=tenant.application, job=done.job, batch=mine))
    )
    tried = done.server.rows("select outcome, attempts from import_rows where import_id = $1", done.job.id)
    assert [tuple(row) for row in tried] == [("waiting", 0), ("waiting", 0)]
    assert b"import_row_broken" not in log_stream.getvalue()[logged:]


def test_refused_grants_of_an_export_are_imported_again_from_the_file_of_failed_rows(
    server: LiveServer, tenant: Tenant, stranger: Tenant, lines: list[Line]
) -> None:
    content = b"".join(to_json(line) + b"\n" for line in lines)
    job = imported(stranger, content)
    assert {one.class_ for one in results_of(stranger, job)} == {"conflict"}  # the ids are those of the tenant

    failed = server.call(collected(server.services.import_remaining.lines(stranger.application, job)))
    for line in grants_of(lines):
        assert tenant.delete(f"/v3/grants/{line['grant']['id']}").status_code == 200
    again = imported(stranger, failed)
    assert [one.outcome for one in results_of(stranger, again)] == ["created", "created"]
    spaces = {space["workspace_id"]: space["name"] for space in data(stranger.get("/v3/workspaces"))}
    assert spaces[data(stranger.get("/v3/grants/external:user-2"))["workspace_id"]] == "Sales"


def imported(tenant: Tenant, content: bytes) -> Import:
    services, app = tenant.server.services, tenant.application

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    async def work() -> Import:
        exports = services.restoring.begin(app)
        new = NewImport(name="export")
        loaded = await services.import_loading.load(app, pieces(), new, ROWS, exports=exports)
        assert not exports.cut_off
        while await services.import_work.run_round():
            continue
        return loaded.job

    return tenant.server.call(work())


def results_of(tenant: Tenant, job: Import) -> list[ImportedRow]:
    return tenant.server.call(tenant.server.services.imports.results(tenant.application, job, after=0, limit=100))


async def collected(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])
