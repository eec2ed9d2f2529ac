"""store/grants/circuit_breakers.py on PostgreSQL: two transactions can be at one breaker; in SQLite they take turns."""

import asyncio
from dataclasses import replace

import asyncpg

from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants import circuit_breakers
from opengrant.store.grants.circuit_breakers import CircuitBreaker
from tests.store.conftest import Target, somebody_waits

SOURCE = "a-credential"
HELD_TO_BLAME = CircuitBreaker(SOURCE, "provider_down", "unavailable", ("a", "b"), 1, 2, None, 3, "{}")


async def test_a_failure_does_not_bring_back_a_brake_that_a_success_has_released(
    postgres_target: Target, beside: asyncpg.Connection
) -> None:
    store = await postgres_target.open()
    await store.migrate()

    def fail() -> Steps[None]:
        breaker = yield from circuit_breakers.lock("acme", SOURCE, Dialect.POSTGRES)
        assert breaker is not None
        yield Statement("select pg_advisory_xact_lock(1)")
        yield from circuit_breakers.put("acme", replace(breaker, probe_at=4))

    await store.write(circuit_breakers.put("acme", HELD_TO_BLAME))
    await beside.execute("select pg_advisory_lock(1)")
    failing = asyncio.create_task(store.write(fail()))
    await somebody_waits(beside)
    succeeding = asyncio.create_task(store.write(circuit_breakers.release("acme", SOURCE)))
    try:
        await somebody_waits(beside, backends=2)
    finally:
        await beside.execute("select pg_advisory_unlock(1)")
    await failing
    assert await succeeding == replace(HELD_TO_BLAME, probe_at=4)
    assert await store.read(circuit_breakers.find("acme", SOURCE)) is None
    await store.close()
