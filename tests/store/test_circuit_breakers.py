"""store/grants/circuit_breakers.py: what a success does to a breaker, and what two transactions at one breaker do."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from opengrant.model import Application, Connector, Grant, ProviderName
from opengrant.store.connectors import connectors
from opengrant.store.engine.port import Dialect, Statement, Steps, Store
from opengrant.store.grants import circuit_breakers, grants, leases, refreshing
from opengrant.store.grants.circuit_breakers import CircuitBreaker
from opengrant.store.grants.grants import Writing
from opengrant.store.grants.leases import Lease
from opengrant.store.tenants import applications
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


@pytest.mark.parametrize("degraded", [False, True])
async def test_a_proven_password_ends_a_streak_and_leaves_a_degraded_source_to_its_event(
    store: Store, degraded: bool
) -> None:
    await store.migrate()
    await store.write(applications.add(Application("acme", "Acme", "email", 1)))
    connector = Connector("c1", "acme", ProviderName.IMAP, "IMAP", {}, (), None, 1, 1)
    await store.write(connectors.add(connector))
    made = Grant(
        *("g1", "acme", ProviderName.IMAP, "c1", "m", "a@b.test", "valid", (), {"imap_host": "imap.test"}, 1, 1, 1, 1)
    )
    grant = await store.write(grants.create(Writing(made, None), store.dialect))
    assert grant is not None
    breaker = replace(HELD_TO_BLAME, source=grant.blames, degraded_at=2 if degraded else None)
    other = replace(breaker, source="c1/other.test")
    for one in (breaker, other):
        await store.write(circuit_breakers.put("acme", one))
    lease = Lease("acme", "g1", "node", 1)
    newer = replace(grant, generation=grant.generation + 1)
    found = await store.write(refreshing.proven(newer, lease, store.dialect, alone=True))
    assert not found.written
    await store.write(circuit_breakers.put("acme", breaker))
    await store.write(leases.take("acme", "g1", "node", at=1, until=2))
    found = await store.write(refreshing.proven(replace(grant, due_at=9), lease, store.dialect, alone=True))
    assert found == (True, degraded)
    stored = await store.read(grants.find("acme", "g1"))
    assert stored is not None
    assert (stored.due_at, stored.refreshes) == (9, 1)
    assert await store.read(circuit_breakers.find("acme", grant.blames)) == (breaker if degraded else None)
    assert await store.read(circuit_breakers.find("acme", other.source)) == other
    assert await store.write(leases.take("acme", "g1", "another", at=1, until=2)) is not None


def test_a_proven_password_is_one_statement_on_postgres() -> None:
    made = Grant(*("g1", "acme", ProviderName.IMAP, "c1", "m", "a@b.test", "valid", (), {}, 1, 1, 1, 1))
    steps = refreshing.proven(made, Lease("acme", "g1", "node", 1), Dialect.POSTGRES, alone=True)
    assert next(steps).last
    with pytest.raises(StopIteration):
        steps.send([("g1", 0)])
