"""The clock as caller."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from opengrant.grants.connect import rotated_tokens
from opengrant.jobs.loop import Job, run_jobs
from opengrant.jobs.sweep import KEEP_ROTATIONS, key_uses, sweep
from opengrant.model import SECOND
from opengrant.store.engine.port import Steps
from opengrant.store.grants import rotations
from tests.fakes.oauth import FakeOAuth, Reply
from tests.support import LiveServer, Tenant, problem, secret

SOON = timedelta(milliseconds=1)


async def test_a_job_that_fails_comes_again_and_harms_no_other() -> None:
    runs = {"ill": 0, "well": 0}
    enough = asyncio.Event()

    async def ill() -> None:
        runs["ill"] += 1
        raise RuntimeError("this one always fails")

    async def well() -> None:
        runs["well"] += 1
        if min(runs.values()) >= 3:
            enough.set()

    loop = asyncio.create_task(run_jobs([Job("ill", SOON, ill), Job("well", SOON, well)]))
    async with asyncio.timeout(30):
        await enough.wait()
    loop.cancel()
    await asyncio.wait([loop])
    assert loop.cancelled()


async def test_a_job_never_overlaps_itself() -> None:
    under_way, most, runs = 0, 0, 0
    enough = asyncio.Event()

    async def slow() -> None:
        nonlocal under_way, most, runs
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        runs += 1
        if runs == 5:
            enough.set()

    loop = asyncio.create_task(run_jobs([Job("slow", SOON, slow)]))
    async with asyncio.timeout(30):
        await enough.wait()
    loop.cancel()
    await asyncio.wait([loop])
    assert most == 1


def test_successors_that_nobody_came_back_for_are_destroyed_after_a_day(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth
) -> None:
    tenant.connector("microsoft")
    token = secret("refresh")
    provider.accepts(token, email="bo@example.com", single_use=True, id_token=False)
    provider.answers("me", Reply(503, {"error": {"code": "serviceNotAvailable", "message": "later"}}))
    assert problem(tenant.connect("microsoft", {"refresh_token": token}))[0] == 504

    def kept() -> int:
        sql = "select count(*) from secrets where application_id = $1 and owner_kind = 'rotation'"
        return int(server.rows(sql, tenant.application.id)[0][0])

    job = sweep(server.services)
    server.call(job.run())
    assert kept() == 1
    day = int(KEEP_ROTATIONS.total_seconds()) * SECOND
    server.rows(
        "update rotations set created_at = created_at - $2 where application_id = $1", tenant.application.id, day
    )
    server.call(job.run())
    assert kept() == 0
    provider.behaves()
    assert problem(tenant.connect("microsoft", {"refresh_token": token}))[1] == "grant.refresh_token_invalid"


def test_when_a_key_was_last_used_is_written_and_never_moves_back(tenant: Tenant, server: LiveServer) -> None:
    def last_used() -> int | None:
        (key,) = server.call(server.services.api_keys.of_application(tenant.application))
        return key.last_used_at

    assert last_used() is None
    tenant.get("/v3/grants")
    server.call(key_uses(server.services).run())
    first = last_used()
    assert first is not None
    tenant.get("/v3/grants")
    server.call(key_uses(server.services).run())
    second = last_used()
    assert second is not None
    assert second > first
    key_id = server.rows("select id from api_keys where application_id = $1", tenant.application.id)[0][0]
    server.services.api_keys.uses[key_id] = first
    server.call(key_uses(server.services).run())
    assert last_used() == second


def test_spent_tokens_are_swept_in_portions(
    tenant: Tenant, server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotated_tokens, "_FORGOTTEN_AT_ONCE", 2)
    for number in range(5):
        server.rows(
            "insert into rotations (application_id, provider, spent, created_at) values ($1, 'zoom', $2, 1)",
            *(tenant.application.id, f"spent {number}"),
        )
        server.rows(
            """insert into secrets (application_id, owner_kind, owner_id, purpose, key_id, sealed, updated_at)
               values ($1, 'rotation', $2, 'successor', 'k1', $3, 1)""",
            *(tenant.application.id, f"spent {number}", b"sealed"),
        )
    going = []
    before = rotations.forget_before

    def forget(*args: Any, **named: Any) -> Steps[int]:
        gone = yield from before(*args, **named)
        going.append(gone)
        return gone

    monkeypatch.setattr(rotations, "forget_before", forget)
    server.call(server.services.rotated_tokens.forget_old(tenant.application, older_than=KEEP_ROTATIONS))
    assert going == [2, 2, 1, 0]
    for table in ("rotations", "secrets"):
        assert not server.rows(f"select 1 from {table} where application_id = $1", tenant.application.id)
