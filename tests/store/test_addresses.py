"""Grants are found by any part of their address, whatever the index of parts has seen of them yet."""

from collections.abc import Sequence

import pytest

from opengrant.store.engine.arguments import Arguments
from opengrant.store.engine.port import Dialect, Row, Statement, Steps, Store
from opengrant.store.grants import addresses


def run(*texts: str) -> Steps[None]:
    for text in texts:
        yield Statement(text)


def made(application: str, *names: str) -> list[str]:
    return [
        f"""insert into grants (application_id, id, provider, connector_id, mailbox_key, email, email_key, scope,
                                settings, status, asked_at, version, created_at, updated_at)
            values ('{application}', '{application}/{name[:9]}', 'imap', 'c', '{name}', '{name}', '{name}', '[]',
                    '{{}}', 'valid', 1, 1, {number}, {number})"""
        for number, name in enumerate(names)
    ]


async def found(store: Store, text: str, application: str = "one") -> list[str]:
    args = Arguments([application])
    parts = await store.read(addresses.rarest(application, text))
    search = addresses.search(text, parts, args, store.dialect)
    sql = f"""select email from grants where application_id = $1 and id in ({search.found}) and {search.condition}
              order by created_at"""
    return [email for (email,) in await store.read(rows(sql, *args))]


@pytest.mark.parametrize("indexed", [True, False])
async def test_parts_are_found_at_once_and_until_the_address_is_gone(store: Store, indexed: bool) -> None:
    async def settle() -> None:
        while indexed and store.dialect is Dialect.SQLITE and await store.write(addresses.index(2)):
            pass

    await store.migrate()
    parents = [f"insert into applications (id, name, created_at) values ('{one}', 'x', 1)" for one in ("one", "other")]
    await store.write(run(*parents, *made("one", "anna.lee@a.test", "lee@b.test", 'q"uo te@b.test')))
    await store.write(run(*made("other", "anna.lee@a.test")))
    await settle()
    assert await found(store, "lee@") == ["anna.lee@a.test", "lee@b.test"]
    assert await found(store, '"uo t') == ['q"uo te@b.test']
    assert await found(store, "@b.test") == ["lee@b.test", 'q"uo te@b.test']
    assert await found(store, "lee@a.test", "other") == ["anna.lee@a.test"]
    assert await found(store, "lee@c") == []

    await store.write(
        run("update grants set email_key = 'moved@c.test' where application_id = 'one' and id = 'one/lee@b.tes'")
    )
    await store.write(run("delete from grants where application_id = 'one' and id = 'one/anna.lee@'"))
    await settle()
    assert await found(store, "lee@") == []
    assert await found(store, "moved") == ["lee@b.test"]
    assert await found(store, "anna", "other") == ["anna.lee@a.test"]


async def test_the_index_forgets_the_parts_of_an_address_that_is_gone(store: Store) -> None:
    if store.dialect is Dialect.POSTGRES:
        return  # the row with its parts goes with the grant
    await store.migrate()
    await store.write(
        run("insert into applications (id, name, created_at) values ('one', 'x', 1)", *made("one", "a@b.test"))
    )
    held = "select count(*) from address_parts where address_parts match '\"b.t\"'"
    for text, left in (("select 1", 1), ("delete from grants", 0)):
        await store.write(run(text))
        while await store.write(addresses.index()):
            pass
        assert not await store.read(addresses.is_behind())
        assert [list(row) for row in await store.read(rows(held))] == [[left]]


def rows(sql: str, *args: object) -> Steps[Sequence[Row]]:
    return (yield Statement(sql, args))
