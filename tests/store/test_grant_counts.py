"""Kept counts of grants equal the grants, after any history, on both engines."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opengrant.model import Grant, ProviderName, Sealed, Trouble
from opengrant.store.engine import migrate
from opengrant.store.engine.port import Conflict, Dialect, Row, Statement, Steps, Store
from opengrant.store.grants import counts, grants, refreshing
from opengrant.store.grants.grants import Writing
from opengrant.store.grants.leases import Lease
from opengrant.store.operations import overview
from tests.store.conftest import Target

APPS = ("app", "other")
SOURCES = (("google", "c-google", "k-first"), ("google", "c-google", "k-second"), ("imap", "c-imap", None))
HOSTS = (None, "mail.test", "ews/odd.test")
TROUBLE = Trouble("provider_down", "server_unavailable", "503", "Wait.", 1, 1)
SEALED = Sealed("key", b"sealed")


async def write(store: Store, sql: str, *args: object) -> Sequence[Row]:
    def steps() -> Steps[Sequence[Row]]:
        return (yield Statement(sql, args))

    return await store.write(steps())


@pytest.fixture
async def ready(store: Store) -> Store:
    await store.migrate()
    await fill(store)
    return store


async def fill(store: Store) -> None:
    """Two applications, their connectors and credentials."""
    for app in APPS:
        await write(store, "insert into applications (id, name, created_at) values ($1, $1, 1)", app)
        for provider, connector, credential in SOURCES:
            await write(
                store,
                """insert into connectors (application_id, id, provider, name, settings, scope, created_at, updated_at)
                   values ($1, $2, $3, $3, '{}', '[]', 1, 1) on conflict do nothing""",
                *(app, connector, provider),
            )
            await write(
                store,
                """insert into credentials (application_id, id, connector_id, provider, name, type, created_at,
                                            updated_at) values ($1, $2, $3, $4, $2, 'connector', 1, 1)""",
                *(app, credential or "k-none", connector, provider),
            )


def grant(app: str, number: int, source: int, host: int) -> Grant:
    provider, connector, credential = SOURCES[source]
    settings = {} if HOSTS[host] is None else {"imap_host" if host == 1 else "ews_host": HOSTS[host]}
    mailbox = f"u{number}@example.test"
    return Grant(
        *(f"g{number}", app, ProviderName(provider), connector, mailbox, mailbox, "valid", (), settings),
        *(1, 1, 1, 1),
        credential_id=credential,
    )


Action = Callable[[Store, Grant, Trouble], Steps[Any]]


def create(store: Store, one: Grant, _: Trouble) -> Steps[Any]:
    return (yield from grants.create(Writing(one, None, SEALED), store.dialect))


def renew(store: Store, one: Grant, _: Trouble) -> Steps[Any]:
    return (yield from grants.renew(Writing(one, None, SEALED), store.dialect))


def change(store: Store, one: Grant, trouble: Trouble) -> Steps[Any]:
    found = yield from grants.find(one.application_id, one.id)
    if found is not None:
        moved = replace(found, credential_id=one.credential_id, settings=one.settings, trouble=trouble)
        yield from grants.change(Writing(moved, None), seen_version=found.version)


def delete(_: Store, one: Grant, __: Trouble) -> Steps[Any]:
    return (yield from grants.delete(one.application_id, one.id))


def end(_: Store, one: Grant, trouble: Trouble) -> Steps[Any]:
    found = yield from grants.find(one.application_id, one.id)
    if found is not None:
        yield from grants.end(found, trouble)


def expire_some(store: Store, one: Grant, trouble: Trouble) -> Steps[Any]:
    return (
        yield from grants.expire_some(
            one.application_id,
            using="connector_id",
            id_=one.connector_id,
            trouble=trouble,
            limit=2,
            dialect=store.dialect,
        )
    )


def _settled(attempt: Callable[[Store, Grant, Trouble], Steps[Any]]) -> Action:
    """Of the grant as it is stored."""

    def settle(store: Store, one: Grant, trouble: Trouble) -> Steps[Any]:
        found = yield from grants.find(one.application_id, one.id)
        if found is not None:
            yield from attempt(store, found, trouble)

    return settle


@_settled
def trouble(_: Store, found: Grant, trouble: Trouble) -> Steps[Any]:
    yield from refreshing.troubled(replace(found, trouble=trouble))


@_settled
def hold(_: Store, found: Grant, trouble: Trouble) -> Steps[Any]:
    yield from refreshing.held(found.application_id, found.id, replace(trouble, held=True))


@_settled
def refresh(store: Store, found: Grant, _: Trouble) -> Steps[Any]:
    lease = Lease(found.application_id, found.id, "node", 1)
    yield from refreshing.refreshed(found, SEALED, lease, store.dialect, spent=None, alone=False)


@_settled
def revive(_: Store, found: Grant, __: Trouble) -> Steps[Any]:
    yield from refreshing.revived(found, SEALED)


@_settled
def prove(store: Store, found: Grant, _: Trouble) -> Steps[Any]:
    lease = Lease(found.application_id, found.id, "node", 1)
    yield from refreshing.proven(found, lease, store.dialect, alone=False)


def fold(store: Store, _: Grant, __: Trouble) -> Steps[Any]:
    if store.dialect is Dialect.POSTGRES:
        yield from counts.fold()


def sweep(_: Store, one: Grant, __: Trouble) -> Steps[Any]:
    yield from counts.sweep(one.application_id)


ACTIONS: tuple[Action, ...] = (
    *(create, create, renew, change, delete, end, expire_some, trouble, hold, refresh, revive, prove, fold, sweep),
)
STEP = st.tuples(
    st.sampled_from(ACTIONS),
    st.builds(grant, st.sampled_from(APPS), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)),
    st.builds(replace, st.just(TROUBLE), suspected=st.booleans(), held=st.booleans()),
    st.booleans(),
)


class Undone(Exception):
    """A script that fails after its writes."""


def failing(steps: Steps[Any]) -> Steps[Any]:
    yield from steps
    raise Undone


def counted(of: Sequence[Grant]) -> dict[str, overview.Health]:
    """As `overview.health`, from the grants themselves."""
    found: dict[str, overview.Health] = {}
    for one in of:
        health = found.setdefault(one.provider, overview.Health())
        if one.status == "invalid":
            health.invalid += 1
            continue
        health.valid += 1
        health.troubled += one.trouble is not None
        health.held += one.trouble is not None and one.trouble.held
        health.suspected += one.trouble is not None and one.trouble.suspected
    return found


async def check(store: Store) -> None:
    for app in APPS:
        rows = await write(store, f"select {grants.COLUMNS} from grants where application_id = $1", app)
        stored = [grants.read(row) for row in rows]
        assert await store.read(overview.health(app)) == counted(stored)
        well = [one for one in stored if one.status == "valid"]
        for _, connector, credential in SOURCES:
            source = credential or connector
            of_source = [one for one in well if (one.credential_id or one.connector_id) == source]
            assert await store.read(counts.of_source(app, source)) == len(of_source)
            for host in HOSTS:
                named = source if host is None else f"{source}/{host}"
                at_host = [one for one in of_source if one.blames == named]
                untroubled = [one for one in at_host if one.trouble is None]
                assert await store.read(counts.untroubled(app, named)) == len(untroubled)
                if host is not None:
                    assert await store.read(counts.of_host(app, source, host)) == len(at_host)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(STEP, min_size=5, max_size=25))
async def test_counts_follow_every_history(ready: Store, history: list[tuple[Action, Grant, Trouble, bool]]) -> None:
    for action, one, trouble, fails in history:
        steps = action(ready, one, trouble)
        try:
            await ready.write(failing(steps) if fails else steps)
        except (Undone, RuntimeError):  # a script ends with its `last` statement
            assert fails
        except Conflict:  # the grant exists with another provider
            assert action is create
    await check(ready)
    for app in APPS:
        assert not await ready.read(counts.differences(app))


async def test_a_recount_finds_and_corrects_what_is_wrong(ready: Store) -> None:
    for number in range(6):
        await ready.write(create(ready, grant("app", number, number % 3, number % 3), TROUBLE))
    await write(ready, "delete from grant_counts where source <> 'k-first'")
    await write(ready, "update grant_counts set grants = 7")
    await write(ready, "insert into host_counts values ('app', 'gone', 'gone.test', 'valid', 3)")
    if ready.dialect is Dialect.POSTGRES:
        await write(ready, "delete from grant_count_changes")
    found = await ready.read(counts.differences("app"))
    assert len(found) >= 3
    # What others write between the two is in the counts, too.
    await ready.write(create(ready, grant("app", 6, 0, 1), TROUBLE))
    await ready.write(delete(ready, grant("app", 2, 2, 2), TROUBLE))
    await ready.write(counts.correct("app", found))
    await check(ready)
    assert not await ready.read(counts.differences("app"))


async def test_the_migration_counts_grants_that_exist(store: Store) -> None:
    known = migrate.load(store.dialect)
    before = [migration for migration in known if migration.name < "0023"]
    assert [one.name for one in before] == await migrate.run(store.write, store.dialect, before)
    await fill(store)
    for number in range(6):
        one = grant("app", number, number % 3, number % 3)
        await store.write(create(store, one, TROUBLE))
    await store.write(end(store, grant("app", 0, 0, 0), TROUBLE))
    assert await migrate.run(store.write, store.dialect, known)
    await check(store)
    await store.write(delete(store, grant("app", 1, 0, 0), TROUBLE))
    await check(store)


async def test_transactions_that_count_the_same_source_do_not_wait_for_each_other(
    postgres_target: Target, beside: asyncpg.Connection
) -> None:
    store = await postgres_target.open()
    await store.migrate()
    await fill(store)
    await store.write(create(store, grant("app", 0, 0, 1), TROUBLE))
    open_transaction = beside.transaction()
    await open_transaction.start()
    await beside.execute("update grants set status = 'invalid' where id = 'g0'")
    async with asyncio.timeout(60):
        await store.write(create(store, grant("app", 1, 0, 1), TROUBLE))
        await store.write(counts.fold())
    assert (await store.read(overview.health("app")))["google"] == overview.Health(valid=2)
    await open_transaction.commit()
    await check(store)
    await store.write(counts.fold())
    assert await beside.fetchval("select count(*) from grant_count_changes") == 0
    await check(store)
    await store.close()
