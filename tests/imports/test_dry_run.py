"""A dry run: rows are compared with what is stored, nothing is written, and no provider is asked."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from opengrant.api.import_rows import ROWS
from opengrant.imports.checking import Report
from opengrant.imports.loading import NewImport
from opengrant.imports.rows import Refused
from tests.fakes.oauth import FakeOAuth
from tests.imports.test_loading import USERS, google, imap, lines
from tests.nodes.node import consent
from tests.support import Tenant, data, secret

FREE = "1f2e3d4c-0000-4000-8000-00000000c002"


def check(tenant: Tenant, content: bytes, new: NewImport = USERS) -> tuple[Report, list[Refused]]:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    refused: list[Refused] = []
    service = tenant.server.services.import_checking
    report = tenant.server.call(service.check(tenant.application, pieces(), new, ROWS, refuse=refused.append))
    return report, refused


def room(name: str, **more: Any) -> dict[str, Any]:
    return {"provider": "virtual-calendar", "settings": {"email": name}, **more}


def test_rows_are_compared_with_the_store(tenant: Tenant, stranger: Tenant) -> None:
    for owner in (tenant, stranger):
        owner.connector("virtual-calendar")
    tenant.connector("google")
    mine = data(tenant.post("/v3/connect/custom", room("mine", external_id="x-1")))["id"]
    other = data(tenant.post("/v3/connect/custom", room("other")))["id"]
    more = data(tenant.post("/v3/connect/custom", room("more")))["id"]
    theirs = data(stranger.post("/v3/connect/custom", room("theirs", external_id="x-2")))["id"]
    both = (tenant.application.id, stranger.application.id)
    count = "select count(*) from events where application_id in ($1, $2)"
    before = tenant.server.rows(count, *both)[0][0]

    rows = [
        room("new", grant_id=FREE, external_id="x-2"),
        room("mine", grant_id=mine),
        room("other", grant_id="1f2e3d4c-0000-4000-8000-00000000c003"),
        room("third", grant_id=other),
        room("fourth", grant_id=theirs),
        room("fifth", external_id="x-1") | {"id": "5"},
        google(1, grant_id=mine[:-1] + ("0" if mine[-1] != "0" else "1")),
        google(2, grant_id=more) | {"id": "g"},
        google(3) | {"settings": {"refresh_token": "t", "credential_id": "nonsense"}},
    ]
    report, refused = check(tenant, lines(rows[:5]) + b"nonsense\n" + lines(rows[5:]))
    assert dict(report.rows) == {"new": 1, "known": 1, "unknown": 1}
    assert [(one.line, one.class_, one.reason) for one in refused] == [
        (3, "conflict", f"grant_id: the mailbox has the grant {other} already."),
        (4, "conflict", "grant_id: another grant has this id."),
        (5, "conflict", "grant_id: another grant has this id."),
        (6, "unreadable", "The line is not JSON, from column 2 on."),
        (7, "conflict", f"external_id: the grant {mine} has it."),
        (9, "conflict", "grant_id: another grant has this id."),
        (10, "bad_request", "settings.credential_id: this application has no credential 'nonsense'."),
    ]
    assert (report.lines, dict(report.refused)) == (10, {"unreadable": 1, "conflict": 5, "bad_request": 1})
    assert not report.is_clean
    assert tenant.server.rows(count, *both)[0][0] == before
    assert tenant.server.rows("select id from imports where application_id = $1", tenant.application.id) == []


def test_missing_connectors_are_counted_and_the_time_is_that_of_the_slowest_source(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    tenant.connector("imap")
    tenant.connector("zoom")
    rows = [
        *(google(number) for number in range(1200)),
        *(imap(number, "slow.example") for number in range(3000)),
        *(imap(number, f"h{number}.example") for number in range(50)),
        {"provider": "zoom", "settings": {"refresh_token": secret("zoom")}},
        {"provider": "microsoft", "settings": {"refresh_token": secret("microsoft")}},
    ]
    report, _ = check(tenant, lines(rows), replace(USERS, cut_over=True))
    assert report.missing == {"microsoft": 1}
    assert sum(report.rows.values()) == 4252
    assert report.providers == {"google": 1200, "imap": 3050, "zoom": 1, "microsoft": 1}
    parts = {part.provider: part for part in report.parts.values()}
    assert (parts["google"].rows, parts["zoom"].staged, parts["google"].staged) == (1200, True, False)
    assert report.seconds == 3000 / tenant.server.services.import_checking.speeds.mail_host
    assert provider.requests == []


def test_a_token_that_was_used_here_before_is_known(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("zoom")
    token = consent(provider, "zoom", "zoe@example.com")
    assert tenant.connect("zoom", {"refresh_token": token}).status_code == 201
    asked = len(provider.requests)
    row = {"provider": "zoom", "settings": {"refresh_token": token}}
    report, refused = check(tenant, to_json(row))
    assert (dict(report.rows), refused) == ({"known": 1}, [])
    assert len(provider.requests) == asked
