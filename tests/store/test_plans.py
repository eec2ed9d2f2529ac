"""What a query reads does not grow with the number of grants, on either engine.

Each function of the store that touches grants runs on 100,000 of them. Its plans may neither scan nor sort the table.
Plans alone do not tell enough: one that walks over an index looks the same whether it ends soon or never. So the rows
that a statement reads are counted too. What counts all grants must stay within an index, and may read all of that.
"""

import importlib
import inspect
import itertools
import json
import pkgutil
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, get_args

import asyncpg
import pytest
import pytest_asyncio

from opengrant import store
from opengrant.model import Grant, ProviderName, Sealed, Trouble
from opengrant.store.domains import domains
from opengrant.store.engine.json_columns import put_trouble
from opengrant.store.engine.open import open_store
from opengrant.store.engine.parameters import plain
from opengrant.store.engine.port import Dialect, Row, Statement, Steps
from opengrant.store.events.events import Event
from opengrant.store.grants import addresses, grants, keyed, listing, refreshing, stored_token
from opengrant.store.grants.grants import Writing
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.listing import FEW, FRONT, GrantFilters, Order, Position, Window
from opengrant.store.grants.paces import Rates
from opengrant.store.grants.refreshing import Source
from opengrant.store.grants.source_health import SOURCE
from opengrant.store.imports import batches as imports
from opengrant.store.imports import exporting, known, restoring
from opengrant.store.mail import watches
from opengrant.store.operations import checkup, clock_steps, overview
from opengrant.store.signin import tokens
from opengrant.store.tenants import workspaces
from tests.peers.postgres import Postgres

MANY = 50_000
READ = FEW[1] + FRONT
"""Rows of grants that a statement may read: the few matches of a filter, or a page's worth of dense ones."""
STEPS_A_ROW = 25
"""Instructions of SQLite's machine for a row that is read and kept; one that is passed by takes five."""
START = 1_700_000_000_000_000
END = START + MANY * 1_000_000
HOUR = 3_600_000_000
TROUBLE = Trouble("provider_down", "server_unavailable", "503", "Wait.", START, START)

# Rare are the provider zoom and the workspace w-old (the ten oldest), what is invalid or in trouble (one in a hundred),
# and the credential k-rare. Grants were updated in another order than created. Every address begins with "u", one in a
# hundred with "u77". No grant of Google is in trouble.
FILL = f"""
    insert into grants (application_id, id, provider, connector_id, mailbox_key, email, email_key, subject, scope,
                        settings, status, credential_id, workspace_id, ip, external_id, asked_at, version, created_at,
                        updated_at, due_at, proven_at, used_at, trouble, token_expires_at)
    select 'app', 'g' || n,
           case when n <= 10 then 'zoom' when n % 10 < 7 then 'google' when n % 10 < 9 then 'microsoft' else 'imap' end,
           case when n <= 10 then 'c-zoom' when n % 10 < 7 then 'c-google' when n % 10 < 9 then 'c-microsoft'
                else 'c-imap' end,
           'u' || (n % 100) || '-' || n || '@example.test', 'u' || (n % 100) || '-' || n || '@example.test',
           'u' || (n % 100) || '-' || n || '@example.test', 's' || n, '[]',
           '{{"imap_host":"mail' || (n % 3) || '.test"}}',
           case when n % 100 = 50 then 'invalid' else 'valid' end,
           case when n % 1000 = 1 then 'k-rare' end,
           case when n <= 10 then 'w-old' when n % 20 = 3 then 'w-some' else 'w-default' end,
           case when n % 50 = 0 then '192.0.2.' || (n % 7) end, 'x' || n,
           {START}, 1, {START} + n * 1000000, {START} + (n * cast(7919 as bigint) % {MANY}) * 1000000,
           {START} + n * 1000000, {START}, {START},
           case when n % 100 = 7 then '{put_trouble(TROUBLE)}' end,
           {START} + n * 1000000
    from numbers"""
PARENTS = [
    f"insert into applications (id, name, created_at) values ('app', 'app', {START}), ('other', 'other', {START})",
    f"""insert into api_keys (id, application_id, digest, name, permissions, created_at, updated_at)
        values ('key', 'app', 'digest', '', '[]', {START}, {START})""",
    *(
        f"""insert into connectors (application_id, id, provider, name, settings, scope, created_at, updated_at)
            values ('app', 'c-{one}', '{one}', '{one}', '{{}}', '[]', {START}, {START})"""
        for one in ("zoom", "google", "microsoft", "imap")
    ),
]


EMAIL = "u0-500@example.test"
GRANT = Grant(
    *("g500", "app", ProviderName.GOOGLE, "c-google", EMAIL, EMAIL, "valid", (), {}),
    *(START + 500_000_000, START, START, 1),
    subject="s500",
    proven_at=START,
)
ENTRY = Event("e", "app", "grant.token_read", "g500", {}, START)
pytestmark = pytest.mark.asyncio(loop_scope="module")
ORDERS: tuple[Order, ...] = get_args(Order)


@dataclass(slots=True)
class Work:
    """What a statement did with grants.

    scans           of the table, as in its plan
    read, sorted    rows, more or less
    walked          entries of an index that needed no look at their rows
    """

    sql: str
    plan: str
    scans: list[str] = field(default_factory=list)
    read: int = 0
    sorted: int = 0
    walked: int = 0


class Filled(Protocol):
    """A database with MANY grants."""

    dialect: Dialect

    async def drive(self, steps: Steps[Any]) -> list[Work]:
        """Run a script and undo it."""

    async def fetch(self, statement: Statement) -> Sequence[Row]: ...


async def answer(filled: Filled, steps: Steps[Any]) -> Any:
    """What a script returns that only reads."""
    rows = None
    try:
        while True:
            rows = await filled.fetch(next(steps) if rows is None else steps.send(rows))
    except StopIteration as end:
        return end.value


class FilledSqlite:
    """tables: a pattern of those that are looked at, by name or alias."""

    dialect = Dialect.SQLITE

    def __init__(self, connection: sqlite3.Connection, *, tables: str = "grants|g") -> None:
        self.connection = connection
        self.looked_at = re.compile(rf"(SCAN|SEARCH) ({tables})\b")

    async def drive(self, steps: Steps[Any]) -> list[Work]:
        done, rows = list[Work](), None
        self.connection.execute("begin")
        try:
            while True:
                statement = next(steps) if rows is None else steps.send(rows)
                rows, work = self._run(statement)
                done.append(work)
        except StopIteration:
            return done
        finally:
            self.connection.rollback()

    async def fetch(self, statement: Statement) -> Sequence[Row]:
        args = {str(n): value for n, value in enumerate(plain(statement.args), 1)}
        return self.connection.execute(statement.sql, args).fetchall()

    def _run(self, statement: Statement) -> tuple[list[Row], Work]:
        args = {str(n): value for n, value in enumerate(plain(statement.args), 1)}
        plan = [row[3] for row in self.connection.execute(f"explain query plan {statement.sql}", args)]
        hundreds = itertools.count()
        self.connection.set_progress_handler(lambda: next(hundreds) < 0, 100)
        rows = self.connection.execute(statement.sql, args).fetchall()
        self.connection.set_progress_handler(None, 0)
        read = next(hundreds) * 100 // STEPS_A_ROW
        seen = [line for line in plan if self.looked_at.match(line)]
        work = Work(statement.sql, "\n".join(plan), [line for line in seen if line.startswith("SCAN")])
        work.sorted = read if any("TEMP B-TREE FOR ORDER" in line for line in plan) else 0
        if any("COVERING INDEX" in line for line in seen):
            work.walked = read
        else:
            work.read = read
        return rows, work


class FilledPostgres:
    """tables: those that are looked at."""

    dialect = Dialect.POSTGRES

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", *, tables: Collection[str] = ("grants",)
    ) -> None:
        self.connection = connection
        self.tables = tables

    async def drive(self, steps: Steps[Any]) -> list[Work]:
        done, rows = list[Work](), None
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            while True:
                statement = next(steps) if rows is None else steps.send(rows)
                done.append(await self._explain(statement))
                rows = [tuple(row) for row in await self.connection.fetch(statement.sql, *plain(statement.args))]
        except StopIteration:
            return done
        finally:
            await transaction.rollback()

    async def fetch(self, statement: Statement) -> Sequence[Row]:
        return [tuple(row) for row in await self.connection.fetch(statement.sql, *plain(statement.args))]

    async def _explain(self, statement: Statement) -> Work:
        explain = f"explain (analyze, timing off, format json) {statement.sql}"
        attempt = self.connection.transaction()
        await attempt.start()
        found = json.loads(await self.connection.fetchval(explain, *plain(statement.args)))
        await attempt.rollback()
        work = Work(statement.sql, "\n".join(map(brief, nodes(found[0]["Plan"]))))
        for node in nodes(found[0]["Plan"]):
            kind, loops = node["Node Type"], node["Actual Loops"]
            if node.get("Relation Name") in self.tables and kind.endswith("Scan"):
                rows = loops * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
                if kind == "Index Only Scan":
                    work.walked += rows
                else:
                    work.read += rows
                work.scans += [str(node.get("Filter"))] if kind == "Seq Scan" else []
            if kind.endswith("Sort"):
                work.sorted += loops * node["Plans"][0]["Actual Rows"]
        return work


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def brief(node: dict[str, Any]) -> str:
    names = (
        "Node Type",
        "Relation Name",
        "Index Name",
        "Index Cond",
        "Filter",
        "Sort Key",
        "Actual Rows",
        "Actual Loops",
    )
    return "; ".join(str(node[name]) for name in names if name in node)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(Dialect))
async def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Filled]:
    path = tmp_path_factory.mktemp("plans") / "store.db"
    url = postgres.create_database() if request.param is Dialect.POSTGRES else None
    empty = await open_store(database_url=url, sqlite_path=path)
    await empty.migrate()
    await empty.close()
    if url is None:
        connection = sqlite3.connect(path, isolation_level=None)
        numbers = f"with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < {MANY})"
        made = connection.execute(SQLITE_INDEXES).fetchall()
        tuned = ["pragma synchronous = off", "pragma cache_size = -200000"]
        for sql in [*tuned, *PARENTS, *refilled(made, f"{numbers} {FILL}")]:
            connection.execute(sql)
        filled = FilledSqlite(connection)
        while await answer(filled, addresses.index(MANY)):
            pass
        yield filled
        connection.close()
    else:
        beside = await asyncpg.connect(url)
        made = [tuple(row) for row in await beside.fetch(POSTGRES_INDEXES)]
        fill = FILL.replace("numbers", f"generate_series(cast(1 as bigint), {MANY}) n")
        for sql in ["set maintenance_work_mem = '256MB'", *PARENTS, *refilled(made, fill), "vacuum analyze"]:
            await beside.execute(sql)
        yield FilledPostgres(beside)
        await beside.close()


SQLITE_INDEXES = "select name, sql from sqlite_master where type = 'index' and tbl_name = 'grants' and sql is not null"
POSTGRES_INDEXES = (
    "select indexname, indexdef from pg_indexes where tablename = 'grants' and indexname <> 'grants_pkey'"
)


def refilled(made: Sequence[Row], fill: str) -> list[str]:
    """Indexes that are made when the rows are there take a third of the time."""
    return [*(f"drop index {name}" for name, _ in made), fill, *(sql for _, sql in made)]


SINGLE = [
    GrantFilters(email="u7-107@example.test"),
    GrantFilters(email_prefix="u"),
    GrantFilters(email_prefix="u77"),
    GrantFilters(email_prefix="u77-77@"),
    GrantFilters(status="valid"),
    GrantFilters(status="invalid"),
    GrantFilters(provider="google"),
    GrantFilters(provider="zoom"),
    GrantFilters(connector="c-google"),
    GrantFilters(connector="c-zoom"),
    GrantFilters(ip="192.0.2.1"),
    GrantFilters(workspace_id="w-default"),
    GrantFilters(workspace_id="w-old"),
    GrantFilters(since=START + 100_000_000, before=START + (MANY - 100) * 1_000_000),
    GrantFilters(before=START + 100_000_000),
    GrantFilters(troubled=True),
    GrantFilters(troubled=False),
    GrantFilters(email_contains="7-107@"),
    GrantFilters(email_contains="example"),
    GrantFilters(email_contains="nowhere"),
    GrantFilters(search="x77"),
    GrantFilters(trouble_class="provider_down"),
    GrantFilters(trouble_class="reconnect"),
]


def both(one: GrantFilters, other: GrantFilters) -> GrantFilters | None:
    """Both conditions; None where both are about the same."""
    names = [name for name in GrantFilters.__slots__ if getattr(one, name) is not None]
    if any(getattr(other, name) is not None for name in names):
        return None
    return replace(other, **{name: getattr(one, name) for name in names})


COUNTS_TO_A_LIMIT = {overview.tokens_ending, overview.due_before}


async def slow(filled: Filled, steps: Steps[Any], *, read: int = READ, walked: int = READ) -> list[str]:
    """What a script does that would take longer with more grants."""
    return [
        f"{work.read} read, {work.walked} walked, {work.sorted} sorted, scans {work.scans}: {work.sql}\n{work.plan}"
        for work in await filled.drive(steps)
        if work.scans or work.sorted > READ or work.read > read or work.walked > walked
    ]


async def test_a_page_of_grants_reads_few_of_them(filled: Filled) -> None:
    pairs = [pair for one, other in itertools.combinations(SINGLE, 2) if (pair := both(one, other)) is not None]
    wrong = list[str]()
    for filters, order in itertools.product([GrantFilters(), *SINGLE, *pairs], ORDERS):
        steps = listing.page("app", filters, Window(order), dialect=filled.dialect)
        wrong += [f"{order} {filters}: {one}" for one in await slow(filled, steps)]
    assert not wrong, f"{len(wrong)} of {2 * len(pairs)}, such as {wrong[0]}"


async def test_what_has_the_order_of_the_listing_is_neither_counted_nor_sorted(filled: Filled) -> None:
    page = listing.page("app", GrantFilters(ip="192.0.2.1"), Window(limit=10), dialect=filled.dialect)
    work = await filled.drive(page)
    assert len(work) == 1
    assert work[0].read + work[0].walked < MANY // 350, work


async def test_the_rare_parts_of_an_address_are_looked_for(filled: Filled) -> None:
    text = "7-107@example.test"
    parts = await answer(filled, addresses.rarest("app", text))
    assert len(parts) > 1
    for part in parts:
        assert part in text
        assert part not in "@example.test", "all addresses have it"


def conditions(
    filters: GrantFilters, blamed: Collection[str]
) -> list[tuple[str, Callable[[dict[str, Any], Any], bool], Any]]:
    """The conditions once more, in other words: its name, and what is wanted."""

    def is_troubled(row: dict[str, Any]) -> bool:
        return row["status"] == "valid" and (row["trouble"] is not None or row["source"] in blamed)

    made: dict[str, Callable[[dict[str, Any], Any], bool]] = {
        "email": lambda row, wanted: row["email_key"] == wanted,
        "status": lambda row, wanted: row["status"] == wanted,
        "provider": lambda row, wanted: row["provider"] == wanted,
        "connector": lambda row, wanted: wanted in {row["provider"], row["connector_id"]},
        "ip": lambda row, wanted: row["ip"] == wanted,
        "workspace_id": lambda row, wanted: row["workspace_id"] == wanted,
        "since": lambda row, wanted: row["created_at"] >= wanted,
        "before": lambda row, wanted: row["created_at"] <= wanted,
        "email_prefix": lambda row, wanted: row["email_key"].startswith(wanted),
        "email_contains": lambda row, wanted: wanted in row["email_key"],
        "troubled": lambda row, wanted: is_troubled(row) == wanted,
        "search": lambda row, wanted: wanted in row["email_key"] or row["external_id"].startswith(wanted),
        # The sources that are held to blame have this class, too.
        "trouble_class": lambda row, wanted: (
            (row["trouble"] is not None or is_troubled(row)) and wanted == TROUBLE.kind
        ),
    }
    asked = {name: getattr(filters, name) for name in made}
    return [(name, made[name], wanted) for name, wanted in asked.items() if wanted is not None]


READABLE = (
    *("id", "email_key", "status", "provider", "connector_id", "ip", "workspace_id", "created_at", "updated_at"),
    "external_id",
)
"""Columns that `conditions` read, beside the trouble and the source."""


class Everything:
    """All grants in each order, and for each condition who fulfils it, as a number with a byte for each of them: many
    filters have their conditions in common."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows
        self._orders = {
            order: sorted(range(len(rows)), key=lambda n: (rows[n][order], rows[n]["id"])) for order in ORDERS
        }
        self._holding: dict[tuple[str, object, Collection[str]], int] = {}

    def fitting(self, filters: GrantFilters, order: Order, blamed: Collection[str]) -> list[tuple[int, str]]:
        """(time, id) of the grants that fit, in an order."""
        rows = self._rows
        found = int.from_bytes(b"\1" * len(rows))
        for name, holds, wanted in conditions(filters, blamed):
            key = (name, wanted, blamed if name.startswith("trouble") else ())
            if key not in self._holding:
                self._holding[key] = int.from_bytes(bytes([holds(row, wanted) for row in rows]))
            found &= self._holding[key]
        fits = found.to_bytes(len(rows))
        return [(rows[n][order], rows[n]["id"]) for n in self._orders[order] if fits[n]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everything(filled: Filled) -> Everything:
    names = (*READABLE, "trouble", "source")
    sql = f"select {', '.join(READABLE)}, trouble, {SOURCE[filled.dialect]} from grants"
    return Everything([dict(zip(names, row, strict=True)) for row in await filled.fetch(Statement(sql))])


@pytest.mark.parametrize("blamed", [(), ("k-rare/mail1.test", "c-zoom/mail2.test"), ("c-google/mail1.test",)])
async def test_a_page_has_just_the_grants_that_fit(
    filled: Filled, everything: Everything, blamed: tuple[str, ...]
) -> None:
    chance = random.Random(7)
    pairs = [pair for one, other in itertools.combinations(SINGLE, 2) if (pair := both(one, other)) is not None]
    # Those with a way of their own, whatever chance brings.
    address = GrantFilters(ip="192.0.2.1")
    always = [GrantFilters(email_contains="7-107@"), address, replace(address, before=END - HOUR)]
    always += [GrantFilters(search="x77"), GrantFilters(search="7-10"), GrantFilters(trouble_class=TROUBLE.kind)]
    parts = [one for one in pairs if one.email_contains is not None]
    for filters in [*chance.sample(SINGLE, 6), *chance.sample(pairs, 18), *chance.sample(parts, 6), *always]:
        order, descending = chance.choice(ORDERS), chance.random() < 0.5
        fitting = everything.fitting(filters, order, blamed)
        if descending:
            fitting.reverse()
        offset = chance.choice((0, 3, 700, len(fitting) // 2))
        after = Position(*chance.choice(fitting)) if fitting and chance.random() < 0.5 else None
        behind = fitting[fitting.index(after) + 1 :] if after else fitting
        window = Window(order, descending, 50, offset, after)
        named = () if filters.trouble_class not in {None, TROUBLE.kind} else blamed
        page = await answer(filled, listing.page("app", filters, window, dialect=filled.dialect, blamed=named))
        assert [one.id for one in page] == [id_ for _, id_ in behind[offset : offset + 50]], (filters, window)


@pytest.mark.parametrize(
    "blamed", [("k-rare/mail1.test",), ("c-zoom/mail1.test", "c-imap/mail1.test")], ids=["few", "many"]
)
async def test_a_page_of_grants_whose_source_is_in_trouble_reads_few_of_them(
    filled: Filled, blamed: tuple[str, ...]
) -> None:
    wrong = list[str]()
    for wanted, one, order in itertools.product((True, False), [GrantFilters(), *SINGLE], ORDERS):
        if (filters := both(GrantFilters(troubled=wanted), one)) is not None:
            steps = listing.page("app", filters, Window(order, descending=False), dialect=filled.dialect, blamed=blamed)
            wrong += [f"{order} {filters}: {one}" for one in await slow(filled, steps)]
    assert not wrong, f"{len(wrong)}, such as {wrong[0]}"


def scripts(dialect: Dialect) -> dict[Callable[..., Any], list[Steps[Any]]]:
    """Each function of the store that touches grants, with what it is called with."""
    lease = Lease("app", GRANT.id, "node", 1)
    sealed = Sealed("key", b"sealed")
    writing = Writing(GRANT, None, sealed)
    family = tokens.Family("family", GRANT.id, (), START, START)
    sources = [
        Source("app", id_, ProviderName.GOOGLE, degraded)
        for id_ in ("c-google", "c-zoom", "k-rare")
        for degraded in (True, False)
    ]
    claiming = {"until": START + HOUR, "rates": Rates(100.0, 100.0), "probe_again": START + HOUR, "dialect": dialect}
    return {
        addresses.rarest: [addresses.rarest("app", "example.test")],
        grants.create: [grants.create(writing, dialect)],
        grants.renew: [grants.renew(writing, dialect)],
        grants.change: [grants.change(writing, seen_version=1)],
        grants.find: [grants.find("app", "g500")],
        grants.beginning: [grants.beginning("app", "0a1b", limit=10)],
        keyed.find: [keyed.find(b"digest", "g500", now=START)],
        grants.find_mailbox: [grants.find_mailbox("app", ProviderName.IMAP, EMAIL)],
        grants.find_mailbox_and_home: [
            grants.find_mailbox_and_home("app", ProviderName.IMAP, keys, "example.com")
            for keys in ([EMAIL], [EMAIL, f"other-{EMAIL}"])
        ],
        grants.find_provider_email: [grants.find_provider_email("app", ProviderName.GOOGLE, EMAIL)],
        grants.find_email: [grants.find_email("app", EMAIL, exact=exact) for exact in (True, False)],
        grants.owner_of_id: [grants.owner_of_id("g500"), grants.owner_of_id("none")],
        exporting.grants_after: [exporting.grants_after("app", after, limit=100) for after in ("", "g500")],
        restoring.look: [restoring.look(GRANT, keys) for keys in ([EMAIL], [EMAIL, f"other-{EMAIL}"])],
        known.mailboxes: [known.mailboxes("app", [(ProviderName.IMAP, EMAIL), (ProviderName.ZOOM, EMAIL)], dialect)],
        known.grant_ids: [known.grant_ids(["g500", "none"], dialect)],
        known.external_ids: [known.external_ids("app", ["x5", "none"], dialect)],
        imports.held: [imports.held("app", "import", limit=100)],
        imports.release: [
            imports.release("app", "import", {"g500": START, "g501": END}, up_to=2, state="running", dialect=dialect)
        ],
        grants.find_external: [grants.find_external("app", "x5"), grants.find_external("app", "none")],
        grants.set_aside: [grants.set_aside(GRANT)],
        grants.hold_unchanged: [grants.hold_unchanged(GRANT)],
        grants.stays: [grants.stays(GRANT, dialect)],
        checkup.settings_in_use: [checkup.settings_in_use("google", applications=["app"])],
        grants.block: [grants.block(app, "g500", blocked=True) for app in (None, "app")],
        grants.delete: [grants.delete("app", "g500")],
        grants.account_in_use: [grants.account_in_use(GRANT), grants.account_in_use(replace(GRANT, subject=None))],
        grants.expire_some: [
            grants.expire_some("app", using=using, id_=id_, trouble=TROUBLE, limit=100, dialect=dialect)
            for using, id_ in (("connector_id", "c-google"), ("connector_id", "c-zoom"), ("credential_id", "k-rare"))
        ],
        grants.end: [grants.end(GRANT, TROUBLE)],
        stored_token.read: [
            stored_token.read("app", "g500", ENTRY, at=START, until=START, used_since=0, dialect=dialect)
        ],
        refreshing.state: [refreshing.state("app", "g500")],
        refreshing.due_sources: [refreshing.due_sources(at=at) for at in (START, END)],
        refreshing.claim: [
            refreshing.claim(source, "node", at=at, limit=100, **claiming) for source in sources for at in (START, END)
        ],
        refreshing.refreshed: [refreshing.refreshed(GRANT, sealed, lease, dialect, spent="spent")],
        refreshing.revived: [refreshing.revived(GRANT, sealed)],
        refreshing.proven: [refreshing.proven(GRANT, lease, dialect, alone=True)],
        refreshing.states: [refreshing.states("app", ["g500", "g501"])],
        refreshing.troubled: [refreshing.troubled(GRANT)],
        refreshing.held: [refreshing.held("app", "g107", TROUBLE)],
        refreshing.put_off: [refreshing.put_off(GRANT, lease, due_at=END)],
        refreshing.used: [refreshing.used(GRANT, at=START, due_at=None)],
        refreshing.authenticated_since: [refreshing.authenticated_since("app", "c-google", since=END - HOUR // 2)],
        refreshing.expiries: [refreshing.expiries("app", "g500", since=START)],
        watches.look_through: [
            watches.look_through("app", ("imap", "icloud"), after=after, limit=100)
            for after in ((0, ""), (END - HOUR, "g500"))
        ],
        watches.add: [watches.add("app", ["g500", "g501"], at=START)],
        watches.held: [watches.held("app", "owner")],
        clock_steps.count: [clock_steps.count(at=END)],
        overview.overdue: [overview.overdue(at=at) for at in (START, END)],
        tokens.begin: [tokens.begin("app", family, dialect)],
        workspaces.assign: [workspaces.assign("app", "w-old", ["g5", "g500"])],
        workspaces.release: [workspaces.release("app", "w-old", ["g5", "g500"])],
        workspaces.take_in: [workspaces.take_in("app", "w-old", "w-default", ["g5", "g500"])],
        workspaces.grants_up_to: [workspaces.grants_up_to("app", "w-old", most=READ // 2)],
        workspaces.delete: [workspaces.delete("app", "w-old", to="w-default")],
        workspaces.strays: [
            workspaces.strays("app", "w-default", since=START, invalid_also=also, after=after, limit=100)
            for also in (True, False)
            for after in (None, workspaces.Stray(END - HOUR, "g1", EMAIL))
        ],
        domains.has_mailboxes: [domains.has_mailboxes("example.test", provider="nylas")],
        overview.tokens_ending: [overview.tokens_ending("app", after=START, soon=START + HOUR, later=END)],
        overview.due_before: [overview.due_before("app", at=END)],
    }


async def test_no_script_walks_over_all_grants(filled: Filled) -> None:
    wrong = list[str]()
    for function, calls in scripts(filled.dialect).items():
        for steps in calls:
            most = 3 * overview.MOST_SOON if function in COUNTS_TO_A_LIMIT else READ
            found = await slow(filled, steps, read=most, walked=most)
            wrong += [f"{function.__module__}.{function.__name__}: {one}" for one in found]
    assert not wrong, "\n\n".join(wrong)


async def test_every_function_that_touches_grants_is_looked_at() -> None:
    """Those of whole modules, and others that name the table."""
    touching = set()
    for module in pkgutil.walk_packages(store.__path__, f"{store.__name__}."):
        for function in vars(importlib.import_module(module.name)).values():
            if inspect.isgeneratorfunction(function) and function.__module__ == module.name:
                whole = module.name in {grants.__name__, refreshing.__name__}
                named = re.search(r"(from|update|join) grants\b", inspect.getsource(function))
                if (whole or named) and not function.__name__.startswith("_"):
                    touching.add(function)
    looked_at = set(scripts(Dialect.SQLITE)) | {listing.page}
    assert touching <= looked_at, touching - looked_at
