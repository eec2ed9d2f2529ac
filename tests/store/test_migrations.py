"""The schema: every migration once, under a lock, the same on both engines."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest

from opengrant.store.engine import migrate
from opengrant.store.engine.migrate import Migration, MigrationError
from opengrant.store.engine.port import Dialect, Row, Statement, Steps, Store
from tests.store.conftest import Target, somebody_waits

ALL = [migration.name for migration in migrate.load(Dialect.SQLITE)]


def rows(sql: str, *args: object) -> Steps[Sequence[Row]]:
    return (yield Statement(sql, args))


async def apply(store: Store, *known: Migration) -> list[str]:
    return await migrate.run(store.write, store.dialect, known)


async def test_a_fresh_database_gets_every_migration_in_order(store: Store) -> None:
    assert await store.pending() == ALL
    assert await store.migrate() == ALL
    assert await store.pending() == []
    recorded = await store.read(rows("select name, checksum, applied_at from schema_migrations order by name"))
    assert [(row[0], row[1]) for row in recorded] == [(m.name, m.checksum) for m in migrate.load(store.dialect)]
    assert all(row[2] > 1_700_000_000_000_000 for row in recorded)  # microseconds


async def test_a_second_run_changes_nothing(store: Store) -> None:
    await store.migrate()
    assert await store.migrate() == []


async def test_asking_what_is_pending_changes_nothing(store: Store) -> None:
    await store.pending()
    exists = {
        Dialect.SQLITE: "select count(*) from sqlite_master",
        Dialect.POSTGRES: "select count(*) from information_schema.tables where table_schema = 'public'",
    }
    assert list((await store.read(rows(exists[store.dialect])))[0]) == [0]


async def test_two_processes_at_once_run_each_migration_once(target: Target) -> None:
    async def migrate_elsewhere() -> list[str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.store.process", "migrate", *target.argv(), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        names: list[str] = json.loads(out)
        return names

    done = await asyncio.gather(*(migrate_elsewhere() for _ in range(3)))
    assert sorted(name for names in done for name in names) == ALL


async def test_a_node_waits_while_another_migrates(postgres_target: Target, beside: asyncpg.Connection) -> None:
    stores = [await postgres_target.open() for _ in range(2)]
    slow = Migration("0001_slow", "create table a (id text); select pg_advisory_xact_lock(1);")
    await beside.execute("select pg_advisory_lock(1)")
    running = [asyncio.create_task(apply(store, slow)) for store in stores]
    await somebody_waits(beside, backends=2)
    await beside.execute("select pg_advisory_unlock(1)")
    assert sorted(await asyncio.gather(*running)) == [[], ["0001_slow"]]
    for store in stores:
        await store.close()


async def test_a_migration_that_changed_after_it_ran_is_refused(store: Store) -> None:
    await apply(store, Migration("0001_a", "create table a (id text);"))
    changed = [Migration("0001_a", "create table a (id bigint);"), Migration("0002_b", "create table b (id text);")]
    with pytest.raises(MigrationError, match="'0001_a' ran in this database with another text"):
        await apply(store, *changed)
    with pytest.raises(MigrationError, match="another text"):
        await store.read(migrate.pending(store.dialect, changed))


async def test_a_database_newer_than_the_program_is_refused(store: Store) -> None:
    await store.migrate()
    later = [*migrate.load(store.dialect), Migration("9999_from_the_future", "create table future (id text);")]
    await apply(store, *later)
    for ask in (store.migrate, store.pending):
        with pytest.raises(MigrationError, match=r"newer than this program: migration '9999_from_the_future'"):
            await ask()


async def test_a_migration_that_was_skipped_is_refused(store: Store) -> None:
    first, second = Migration("0001_a", "create table a (id text);"), Migration("0002_b", "create table b (id text);")
    await apply(store, second)
    with pytest.raises(MigrationError, match="'0001_a' has not run in this database, although later ones have"):
        await apply(store, first, second)


async def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(store: Store) -> None:
    good = Migration("0001_good", "create table good (id text);")
    bad = Migration(
        "0002_bad", "create table half (id text); insert into half values ('x'); insert into nowhere values (1);"
    )
    with pytest.raises(Exception, match="nowhere"):
        await apply(store, good, bad)
    await store.read(rows("select * from good"))
    with pytest.raises(Exception, match="half"):
        await store.read(rows("select * from half"))
    mended = Migration("0002_bad", "create table half (id text);")
    assert await apply(store, good, mended) == ["0002_bad"]


async def test_a_migration_is_cut_only_where_a_statement_ends(store: Store) -> None:
    text = """
        -- a comment; with a semicolon
        create table notes (id text, "odd;name" text); /* another; one */
        insert into notes values ('a;b', 'it''s; fine');
        -- the end;
    """
    assert await apply(store, Migration("0001_notes", text)) == ["0001_notes"]
    found = await store.read(rows("select * from notes"))
    assert [list(row) for row in found] == [["a;b", "it's; fine"]]


def test_a_sqlite_trigger_stays_in_one_piece() -> None:
    text = "create trigger t after insert on a begin delete from b; delete from c; end; create table d (id text);"
    assert [part.split()[:2] for part in migrate.split(text, Dialect.SQLITE)] == [
        ["create", "trigger"],
        ["create", "table"],
    ]


def test_a_postgres_function_stays_in_one_piece() -> None:
    text = "create function f() returns int language sql as $body$ select 1; select ';'; $body$; select f();"
    assert [part.split()[0] for part in migrate.split(text, Dialect.POSTGRES)] == ["create", "select"]


def test_a_migration_that_is_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="must end with a semicolon"):
        list(migrate.split("create table a (id text); create table b (id text)", Dialect.SQLITE))


def test_a_twin_replaces_the_text_on_postgres_alone(tmp_path: Path) -> None:
    (tmp_path / "0002_b.sql").write_text("sqlite")
    (tmp_path / "0002_b.postgres.sql").write_text("postgres")
    (tmp_path / "0001_a.sql").write_text("both")
    assert migrate.load(Dialect.SQLITE, tmp_path) == [Migration("0001_a", "both"), Migration("0002_b", "sqlite")]
    assert migrate.load(Dialect.POSTGRES, tmp_path) == [Migration("0001_a", "both"), Migration("0002_b", "postgres")]


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_a.postgres.sql").write_text("")
    with pytest.raises(ValueError, match="0001_a has a PostgreSQL twin and no original"):
        migrate.load(Dialect.SQLITE, tmp_path)
    (tmp_path / "0001_a.sql").write_text("")
    (tmp_path / "0001_b.sql").write_text("")
    with pytest.raises(ValueError, match="the same number"):
        migrate.load(Dialect.SQLITE, tmp_path)


# Where SQLite has the table `numbers`, PostgreSQL has a sequence. Each has an index of addresses in its own way.
SQLITE_COLUMNS = """
    select t.name, c.name, c."notnull" from sqlite_master t, pragma_table_xinfo(t.name) c
    where t.type = 'table' and t.name not like 'sqlite_%' and t.name <> 'numbers'
      and t.name not like '%address%' order by t.name, c.cid
"""
# Only SQLite numbers without a sequence; only PostgreSQL collects changes of counts.
POSTGRES_COLUMNS = """
    select table_name::text, column_name::text, (is_nullable = 'NO')::int from information_schema.columns
    where table_schema = 'public' and table_name in (select tablename from pg_tables where schemaname = 'public')
      and table_name <> 'grant_count_changes' and table_name not like '%address%'
    order by table_name collate "C", ordinal_position
"""
# Both engines make an index behind every primary key and unique column; only those with a name of ours count.
# An expression in an index has no column: both say null.
SQLITE_INDEXES = """
    select t.name, i.name, i."unique", c.name
    from sqlite_master t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
    where t.type = 'table' and i.origin = 'c' and t.name not like '%address%' order by i.name, c.seqno
"""
POSTGRES_INDEXES = """
    select i.indrelid::regclass::text, i.indexrelid::regclass::text, i.indisunique::int, a.attname::text
    from pg_index i
    cross join lateral unnest(i.indkey) with ordinality as k (number, place)
    left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indrelid::regclass::text in (select tablename from pg_tables where schemaname = 'public')
      and i.indrelid::regclass::text <> 'grant_count_changes' and i.indrelid::regclass::text not like '%address%'
      and not exists (select 1 from pg_constraint c where c.conindid = i.indexrelid)
    order by i.indexrelid::regclass::text collate "C", k.place
"""
SQLITE_KEYS = """
    select t.name, c.name from sqlite_master t, pragma_table_xinfo(t.name) c
    where t.type = 'table' and c.pk > 0 and t.name <> 'numbers' and t.name not like '%address%' order by t.name, c.pk
"""
POSTGRES_KEYS = """
    select i.indrelid::regclass::text, a.attname::text
    from pg_index i
    cross join lateral unnest(i.indkey) with ordinality as k (number, place)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indisprimary and i.indrelid::regclass::text in (select tablename from pg_tables where schemaname = 'public')
      and i.indrelid::regclass::text not like '%address%'
    order by i.indrelid::regclass::text collate "C", k.place
"""


@pytest.mark.parametrize(
    ("on_sqlite", "on_postgres"),
    [(SQLITE_COLUMNS, POSTGRES_COLUMNS), (SQLITE_INDEXES, POSTGRES_INDEXES), (SQLITE_KEYS, POSTGRES_KEYS)],
    ids=["columns", "indexes", "primary keys"],
)
async def test_both_engines_end_up_with_the_same_schema(
    sqlite_target: Target, postgres_target: Target, on_sqlite: str, on_postgres: str
) -> None:
    found: list[list[tuple[object, ...]]] = []
    for target, sql in ((sqlite_target, on_sqlite), (postgres_target, on_postgres)):
        store = await target.open()
        await store.migrate()
        found.append([tuple(row) for row in await store.read(rows(sql))])
        await store.close()
    assert found[0] == found[1]
    assert {row[0] for row in found[0]} > {"grants", "connectors"}
