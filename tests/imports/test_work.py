"""The work of imports: rows become grants, as POST /v3/connect/custom makes them."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from opengrant.api.import_rows import parse_row
from opengrant.errors import StoreUnavailable
from opengrant.store.engine.port import Statement, Steps
from opengrant.store.grants import grants
from tests.fakes.oauth import FakeOAuth, Reply
from tests.imports.stored import Stored, oauth_row, room_row, stored
from tests.nodes.node import consent
from tests.peers.dovecot import ELSEWHERE, Dovecot
from tests.support import LiveServer, Tenant, data, imap, secret


def rows_for(provider: FakeOAuth, *names: str, of: str = "google") -> list[Any]:
    return [
        oauth_row(line, consent(provider, of, f"{name}@example.com"), of) for line, name in enumerate(names, start=1)
    ]


def test_rows_become_grants_and_nothing_of_the_input_is_left(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google")
    rows = rows_for(provider, *(f"u{number}" for number in range(120)))
    done = stored(tenant, rows, size=50).work()
    assert done.outcomes() == {"created": 120}
    assert done.counts() == {"created": 120}
    assert (done.state, done.secrets(), tenant.grants()) == ("finished", 0, 120)
    assert {type_ for type_, _ in tenant.events()} == {"grant.created"}
    made = data(tenant.get(f"/v3/grants/{done.results()[7][1]}"))
    assert (made["email"], made["grant_status"]) == ("u6@example.com", "valid")


def test_a_mailbox_has_one_grant_however_often_it_comes(tenant: Tenant, provider: FakeOAuth) -> None:
    """Five times with tokens of its own, twice with the same token, and it has a grant already."""
    tenant.connector("google")
    first = consent(provider, "google", "ana@example.com")
    known = data(tenant.connect("google", {"refresh_token": first}))["id"]
    tokens = [consent(provider, "google", "ana@example.com") for _ in range(5)]
    rows = [oauth_row(line, token) for line, token in enumerate([*tokens, tokens[0]], start=1)]
    done = stored(tenant, rows, size=4).work()
    assert tenant.grants() == 1
    assert {grant_id for _, grant_id, _ in done.results().values()} == {known}
    assert done.outcomes().keys() <= {"renewed", "unchanged"}
    assert done.outcomes()["renewed"] >= 1  # a row of an earlier batch may come too late, and changes nothing


def test_ids_are_kept_where_they_are_free(tenant: Tenant, stranger: Tenant, provider: FakeOAuth) -> None:
    for one in (tenant, stranger):
        one.connector("google")
    taken = data(tenant.connect("google", {"refresh_token": consent(provider, "google", "bo@example.com")}))["id"]
    theirs = data(stranger.connect("google", {"refresh_token": consent(provider, "google", "eve@example.com")}))["id"]
    kept = [str(uuid.uuid4()) for _ in range(3)]
    wanted = [("ana", kept[0]), ("bo", kept[1]), ("cy", taken), ("di", theirs), ("bo", taken), ("fa", kept[2])]
    rows = [
        oauth_row(line, consent(provider, "google", f"{name}@example.com"), grant_id=id_)
        for line, (name, id_) in enumerate(wanted, start=1)
    ]
    results = stored(tenant, rows).work().results()
    assert [outcome for outcome, _, _ in results.values()] == [
        *("created", "refused", "refused", "refused", "renewed", "created"),
    ]
    assert {class_ for outcome, _, class_ in results.values() if outcome == "refused"} == {"conflict"}
    assert (results[1][1], results[6][1]) == (kept[0], kept[2])
    assert tenant.grants() == 3


def test_an_external_id_of_another_grant_is_a_conflict(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    assert tenant.connect("virtual-calendar", {"email": "room-1"}, external_id="x-1").status_code == 201
    done = stored(tenant, [room_row(1, "room-2", external_id="x-1")]).work()
    assert done.results() == {1: ("refused", None, "conflict")}
    told = tenant.server.rows("select reason, remedy from import_rows where import_id = $1", done.job.id)
    assert [tuple(row) for row in told] == [
        ("external_id: another grant of this application has it.", "Correct the row, and import it again.")
    ]


def test_an_id_that_two_applications_import_at_the_same_time_is_one_grants(tenant: Tenant, stranger: Tenant) -> None:
    ids = [str(uuid.uuid4()) for _ in range(40)]
    imports = []
    for one in (tenant, stranger):
        one.connector("virtual-calendar")
        rows = [room_row(line, f"room-{line}", grant_id=id_) for line, id_ in enumerate(ids, start=1)]
        imports.append(stored(one, rows))
    tenant.server.rows("update imports set state = 'running' where id = $1 returning 1", imports[0].job.id)
    imports[0].work()
    both = [one.results() for one in imports]
    assert [one.state for one in imports] == ["finished", "finished"]
    for line in range(1, 41):
        assert sorted((of[line][0], of[line][2]) for of in both) == [("created", None), ("refused", "conflict")]
    assert tenant.grants() + stranger.grants() == 40


def test_an_answer_that_will_not_change_is_final_and_says_what_to_do(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google")
    rows = [*rows_for(provider, "ana"), oauth_row(2, token := secret("refresh"))]
    done = stored(tenant, rows).work()
    assert {line: outcome for line, (outcome, _, _) in done.results().items()} == {1: "created", 2: "sign_in"}
    ((reason, remedy),) = tenant.server.rows(
        "select reason, remedy from import_rows where import_id = $1 and line = 2", done.job.id
    )
    assert "refused the credentials" in reason
    assert "sign in" in remedy or "connect" in remedy.lower()
    assert token not in reason + remedy
    assert (done.state, done.secrets()) == ("finished", 0)


def test_mailboxes_with_passwords_and_calendars(tenant: Tenant, dovecot: Dovecot) -> None:
    tenant.connector("imap")
    tenant.connector("virtual-calendar")
    good = imap(dovecot, "alice@example.test")
    bodies = [
        {"provider": "imap", "settings": good},
        {"provider": "imap", "settings": {**good, "imap_password": secret("wrong")}},
        {"provider": "virtual-calendar", "settings": {"email": "room-7"}, "external_id": "crm/7"},
        {"provider": "virtual-calendar", "settings": {"email": "room-8"}, "external_id": "crm/7"},
    ]
    rows = [parse_row(body, line) for line, body in enumerate(bodies, start=1)]
    ((connector,),) = tenant.server.rows(
        "select id from connectors where application_id = $1 and provider = 'imap'", tenant.application.id
    )
    results = stored(tenant, rows, sources={"imap": f"{connector}/{ELSEWHERE}"}).work().results()
    outcomes = [outcome for outcome, _, _ in results.values()]
    assert outcomes[:2] == ["created", "sign_in"]
    assert {*outcomes[2:]} == {"created", "refused"}  # one of them has the external id
    assert data(tenant.get("/v3/grants/email:alice@example.test"))["id"] == results[1][1]


def test_a_fault_in_one_row_rolls_back_nothing_of_the_others(
    tenant: Tenant, provider: FakeOAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.connector("google")
    written = grants.create

    def create(writing: grants.Writing, *args: Any, **more: Any) -> Steps[Any]:
        if writing.grant.email == "bad@example.com":
            yield Statement("select no_such_column from grants")
        return (yield from written(writing, *args, **more))

    monkeypatch.setattr(grants, "create", create)
    done = stored(tenant, rows_for(provider, "ana", "bad", "cy")).work()
    assert {line: outcome for line, (outcome, _, _) in done.results().items()} == {
        1: "created",
        2: "waiting",
        3: "created",
    }
    assert done.counts() == {"created": 2}
    monkeypatch.undo()
    done.make_due()
    assert done.work().outcomes() == {"created": 3}


def test_a_row_that_cannot_be_decided_has_failed_at_last_and_is_kept(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google")
    provider.refuses(503)
    done = stored(tenant, rows_for(provider, "ana"))
    for _ in range(30):
        done.make_due()
        done.work()
        if done.state == "finished":
            break
    assert done.results()[1][0] == "failed"
    assert done.counts() == {"failed": 1}
    assert done.secrets() == 1  # it can be imported again


def test_nothing_is_lost_while_the_database_is_away(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    tenant.connector("google")
    done = stored(tenant, rows_for(provider, "ana", "bo", "cy"))
    work = server.services.import_work
    verifying = work.verifying
    object.__setattr__(work, "verifying", replace(verifying, db=_Away(verifying.db)))
    try:
        for _ in range(3):
            done.round()
    finally:
        object.__setattr__(work, "verifying", verifying)
    assert done.outcomes() == {"waiting": 3}
    server.rows("update import_batches set until = 0 where import_id = $1 returning 1", done.job.id)
    assert done.work().outcomes() == {"created": 3}
    assert tenant.grants() == 3


class _Away:
    """A store that can be read and not written."""

    def __init__(self, store: Any) -> None:
        self.dialect, self.read = store.dialect, store.read

    async def write(self, steps: Steps[Any]) -> Any:
        steps.close()
        raise StoreUnavailable("The database is away.")

    write_soon = write_many = write


def test_paused_resumed_and_cancelled(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    tenant.connector("google")
    imports = server.services.imports
    done = stored(tenant, rows_for(provider, "ana", "bo"))
    server.call(imports.pause(tenant.application, done.job.id))
    assert done.work().outcomes() == {"waiting": 2}
    server.call(imports.resume(tenant.application, done.job.id))
    assert done.work().outcomes() == {"created": 2}

    gone = stored(tenant, rows_for(provider, "cy", "di"))
    server.call(imports.cancel(tenant.application, gone.job.id))
    assert gone.work().outcomes() == {"cancelled": 2}
    assert (gone.state, gone.secrets(), tenant.grants()) == ("cancelled", 0, 2)


def test_an_import_is_forgotten_long_after_its_end(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    tenant.connector("google")
    provider.answers("token", Reply(400, {"error": "invalid_grant"}))
    old, new = (stored(tenant, rows_for(provider, name)).work() for name in ("ana", "bo"))
    server.rows("update imports set finished_at = 1 where id = $1 returning 1", old.job.id)
    server.call(server.services.import_work.forget(tenant.application))
    assert _left(old) == (0, 0, 0)
    assert _left(new)[:2] == (1, 1)


def _left(one: Stored) -> tuple[int, int, int]:
    server = one.server
    counts = [
        server.rows(f"select count(*) from {table} where import_id = $1", one.job.id)[0][0]
        for table in ("import_rows", "import_batches")
    ]
    return counts[0], counts[1], one.secrets()


def test_the_pace_of_an_import_that_another_node_has_ended_is_forgotten(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google")
    done = stored(tenant, rows_for(provider, "ana", "bo"), size=1)
    pacing = done.server.services.import_work.verifying.pacing

    def known() -> int:
        """Sources of this import. Those of other tests may be there too."""
        return sum(source.import_id == done.job.id for source in pacing._here)

    with provider.holding():  # or this node might end it
        while not known():
            done.round()
        done.server.rows("update imports set state = 'finished' where id = $1 returning 1", done.job.id)
    done.work()
    assert known() == 0
