"""What it costs to find what is due among a million grants: the sweep's queries, timed, with the plans they get.

One grant in a hundred is due, spread over the sources of several applications; most others will be within the hour,
some never. `cold`: nothing of the database is in PostgreSQL's buffers, SQLite's cache or, as far as the system lets go
of it, in memory. `warm`: the median of what follows. Plans are shown as PostgreSQL makes them for the values at hand
and as it makes them once for all, which a statement that is used again and again may get.
"""

import asyncio
import os
import re
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import asyncpg
import uvloop
from pydantic import SecretStr
from tests.peers.postgres import Postgres

from bench.load import Unexpected
from opengrant.assembly.database import connect_store
from opengrant.assembly.installation import installation
from opengrant.connectors.connectors import ConnectorFields
from opengrant.connectors.credentials import NewCredential
from opengrant.model import SECOND, Micros, ProviderName, now
from opengrant.model.secrets import read_credential
from opengrant.settings import Settings
from opengrant.store.engine.port import Row, Statement, Steps, Store
from opengrant.store.grants import refreshing
from opengrant.store.grants.refreshing import Rates, Source

APPLICATIONS, CREDENTIALS = 5, 4
"""And so many sources to each."""
_CHUNK = 100_000
_WARM = 20
_RATES = Rates(source=1e9, provider=1e9)

# $1 application, $2 connector, $3 credential, $4 time, $5 number of the first, $6 how many.
_FILL = """
    insert into grants (id, application_id, provider, connector_id, mailbox_key, email, email_key, status, scope,
                        settings, created_at, updated_at, asked_at, version, subject, user_id, name, state,
                        credential_id, blocked, token_expires_at, due_at, proven_at, used_at, generation)
    select {id}, $1, 'google', $2, 'user' || n || '@example.com', 'user' || n || '@example.com',
           'user' || n || '@example.com', case when n % 100 = 99 then 'invalid' else 'valid' end,
           '["openid","https://www.googleapis.com/auth/gmail.readonly"]', '{{}}', {at} - n, {at} - n, {at} - n, 1,
           'subject ' || n, 'subject ' || n, 'User ' || n, 'customer', $3, 0, {at} + 600000000 + n,
           case n % 100 when 0 then {at} - n when 99 then null else {at} + 60000000 + n * 3000 end,
           {at} - n, {at} - n, 1
    from {numbers}
"""
_FILL_POSTGRES = _FILL.format(
    id="gen_random_uuid()::text",
    at="$4::bigint",
    numbers="generate_series($5::bigint, $5::bigint + $6::bigint - 1) n",
)
_FILL_SQLITE = _FILL.format(
    id="lower(hex(randomblob(16)))",
    at="?4",
    numbers="(with recursive numbers (n) as (select ?5 union all select n + 1 from numbers where n + 1 < ?5 + ?6)"
    " select n from numbers)",
).replace("$", "?")
_BY_DUE = r"grants_by_due \(application_id=\? AND <expr>=\? AND due_at"
_SCANNED = {
    "postgres": re.compile(r"Seq Scan on grants"),
    "sqlite": re.compile(rf"SCAN (g|grants)\b|SEARCH (g|grants)\b(?! USING (COVERING )?INDEX {_BY_DUE})"),
}
"""Lines of a plan that read more of the table than what is due."""


def tell(text: str) -> None:
    """Progress, on one line of the terminal; nothing ends it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
    elif text:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def select(sql: str) -> Steps[Sequence[Row]]:
    return (yield Statement(sql))


def show(engine: str, grants: int) -> None:
    """Fill, measure, print. Raises Unexpected when a plan reads all grants."""
    directory = Path(tempfile.mkdtemp(prefix="opengrant-bench-"))
    try:
        if engine == "sqlite":
            uvloop.run(_sqlite(directory, grants))
        else:
            with Postgres() as server:
                uvloop.run(_postgres(directory, server, grants))
    finally:
        shutil.rmtree(directory)


async def _sqlite(directory: Path, grants: int) -> None:
    settings = Settings(data_dir=directory, database_url=None)
    sources = await _sources(settings)
    path = directory / "opengrant.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma synchronous = off")
    for args in _chunks(sources, grants):
        connection.execute(_FILL_SQLITE, args)
        tell(f"sqlite: filled {args[4] + args[5]:,} of {grants:,}")
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    tell("")
    await asyncio.to_thread(_forget, [path])
    store = await connect_store(settings)
    source = await _time("sqlite", store, grants)
    await store.close()
    plan, scans = sqlite3.connect(path), list[str]()
    for name, sql, sample in _statements(source, at=now()):
        values = {str(number): value for number, value in enumerate(sample, 1)}
        rows = [row[3] for row in plan.execute(f"explain query plan {sql}", values)]
        scans += _print_plan("sqlite", name, rows)
    plan.close()
    _refuse(scans)


async def _postgres(directory: Path, server: Postgres, grants: int) -> None:
    full = server.create_empty_database()
    sources = await _sources(Settings(data_dir=directory, database_url=SecretStr(full)))
    connection = await asyncpg.connect(full)
    for args in _chunks(sources, grants):
        await connection.execute(_FILL_POSTGRES, *args)
        tell(f"postgres: filled {args[4] + args[5]:,} of {grants:,}")
    await connection.execute("vacuum analyze grants")
    await connection.close()
    tell("")
    # Copied file by file, so that the server has nothing of the copy in its buffers.
    name = f"cold{uuid.uuid4().hex}"
    connection = await asyncpg.connect(server.url("postgres"))
    await connection.execute(f"create database {name} template {full.rsplit('/', 1)[1]} strategy file_copy")
    data = Path(await connection.fetchval("show data_directory"))
    oid = await connection.fetchval("select oid from pg_database where datname = $1", name)
    await connection.close()
    await asyncio.to_thread(_forget, list((data / "base" / str(oid)).iterdir()))
    store = await connect_store(Settings(data_dir=directory, database_url=SecretStr(server.url(name))))
    source = await _time("postgres", store, grants)
    await store.close()
    connection = await asyncpg.connect(server.url(name))
    scans = list[str]()
    for mode in ("force_custom_plan", "force_generic_plan"):
        await connection.execute(f"set plan_cache_mode = {mode}")
        for title, sql, sample in _statements(source, at=now()):
            await connection.execute(f"prepare one as {sql}")
            values = ", ".join(str(value) if isinstance(value, int) else f"'{value}'" for value in sample)
            async with connection.transaction():
                rows = await connection.fetch(f"explain (analyze, buffers) execute one ({values})")
                await connection.execute("delete from leases; deallocate one")
            scans += _print_plan("postgres", f"{title}, {mode.split('_')[1]} plan", [row[0] for row in rows])
    await connection.close()
    _refuse(scans)


async def _sources(settings: Settings) -> list[tuple[str, str, str]]:
    """(application, connector, credential) of each."""
    found = []
    async with installation(settings) as installed:
        services, client = installed.services, {"client_id": "bench", "client_secret": "GOCSPX-bench"}
        for number in range(APPLICATIONS):
            application = await services.applications.create(f"bench {number}")
            draft = ConnectorFields(client_id=client["client_id"], client_secret=SecretStr(client["client_secret"]))
            connector = await services.connectors.create(application, ProviderName.GOOGLE, draft)
            found.append((application.id, connector.id, str(connector.active_credential_id)))
            for further in range(1, CREDENTIALS):
                named = NewCredential(f"client {further}", read_credential(client, "connector"))
                credential = await services.credentials.create(application, ProviderName.GOOGLE, named)
                found.append((application.id, connector.id, credential.id))
    return found


def _chunks(sources: list[tuple[str, str, str]], grants: int) -> Iterator[tuple[str, str, str, Micros, int, int]]:
    """Arguments of `_FILL`."""
    at, size = now() - 60 * SECOND, min(_CHUNK, -(-grants // len(sources)))
    for number, start in enumerate(range(0, grants, size)):
        yield (*sources[number % len(sources)], at, start, min(size, grants - start))


async def _time(engine: str, store: Store, grants: int) -> Source:
    """Print how long the two take, first of all and then again; returns a source with something due."""
    found, claimed, sources = list[float](), list[float](), list[Source]()
    for turn in range(1 + _WARM):
        at, began = now(), time.perf_counter()
        sources = await store.read(refreshing.due_sources(at=at))
        found.append(time.perf_counter() - began)
        if not sources:
            raise Unexpected("nothing is due")
        source, began = sources[turn % len(sources)], time.perf_counter()
        leases = await store.write(
            refreshing.claim(
                source,
                str(uuid.uuid4()),
                at=at,
                until=at + 70 * SECOND,
                limit=50,
                rates=_RATES,
                probe_again=at,
                dialect=store.dialect,
            )
        )
        claimed.append(time.perf_counter() - began)
        if not leases:
            raise Unexpected(f"{source.id} has grants that are due, and none was claimed")
        tell(f"{engine}: turn {turn} of {_WARM}")
    tell("")
    idle = list[float]()
    for _ in range(1 + _WARM):
        began = time.perf_counter()
        # Before anything was due: what is asked once a second when there is nothing to do.
        if await store.read(refreshing.due_sources(at=at - 86_400 * SECOND)):
            raise Unexpected("something is due too early")
        idle.append(time.perf_counter() - began)
    named = {f"due_sources, {len(sources)} of them": found, "due_sources, none": idle, "claim of 50": claimed}
    for name, times in named.items():
        warm = statistics.median(times[1:])
        print(
            f"{engine:9} {grants:,} grants, {name}: cold {times[0] * 1e3:.1f} ms, warm {warm * 1e3:.2f} ms", flush=True
        )
    return sources[0]


def _statements(source: Source, *, at: Micros) -> list[tuple[str, str, tuple[str | int, ...]]]:
    """What the sweep asks, as (name, text, arguments)."""
    claim = (source.application_id, source.id, "nobody", at + 70 * SECOND, at, 50)
    return [
        ("due_sources", refreshing.DUE_SOURCES, (at,)),
        ("claim", refreshing.CLAIM, claim),
        ("claim of a healthy one", refreshing.CLAIM_HEALTHY, claim),
        ("claim of any", refreshing.CLAIM_ANY, claim),
    ]


def _print_plan(engine: str, name: str, rows: list[str]) -> list[str]:
    """Returns what in it reads all grants."""
    print(f"\n{engine}, {name}:", *rows, sep="\n    ", flush=True)
    return [f"{engine}, {name}: {row.strip()}" for row in rows if _SCANNED[engine].search(row)]


def _refuse(scans: list[str]) -> None:
    if scans:
        raise Unexpected("\n".join(["plans that read grants which are not due:", *scans]))


def _forget(paths: list[Path]) -> None:
    """Ask the system to keep nothing of these files in memory."""
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
