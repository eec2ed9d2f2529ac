"""`python -m bench.growth`: how long the same questions take with 10,000 grants and with many more.

For each engine and each size: a new installation, filled by SQL, and one server process. Every question is asked over
HTTP, one at a time; what no request asks (jobs, commands) is called in this process. The table has the median in
milliseconds for each size, and the factor between the two. CALLS, here and in bench/growth_events.py, are the lists of
questions; add lines there.
"""

import argparse
import contextlib
import http.client
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import asyncpg
import uvloop
from pydantic import SecretStr
from tests.peers.postgres import Postgres

from bench import growth_events
from bench.load import Unexpected
from bench.plans import tell
from bench.report import about_the_machine
from bench.stage import Engine, environment, logged, run
from opengrant.assembly.installation import installation
from opengrant.connectors.connectors import ConnectorFields
from opengrant.model import PERMISSIONS, SECOND, Micros, ProviderName, Trouble, now
from opengrant.settings import Settings
from opengrant.store.engine.json_columns import put_trouble
from opengrant.store.engine.open import open_store
from opengrant.store.grants import addresses

SMALL, LARGE = 10_000, 1_000_000
TURNS, WARM = 15, 3
"""Requests that are measured, and requests before them that are not."""
_CHUNK = 200_000
_ENOUGH = 10
"""Seconds after which a question that no request asks is not asked again."""
_PATIENCE = 120
"""Seconds that one answer may take."""


class Place(NamedTuple):
    """What a question may name. at: when the first grant was made, in Unix seconds; there is one in each second.

    key      an API key with all permissions
    grant    the id of a grant in the middle, with the address `email` and in the workspace `workspace`
    """

    key: str
    application: str
    connector: str
    grants: int
    at: int
    grant: str
    email: str
    workspace: str

    @property
    def middle(self) -> int:
        return self.at + self.grants // 2


LISTS = {
    "first page": "",
    "oldest first": "order_by=asc",
    "by update": "sort_by=updated_at",
    "email": "email={email}",
    "email, by update": "email={email}&sort_by=updated_at",
    "prefix of all": "email_prefix=u",
    "prefix of 1 %": "email_prefix=user77",
    "prefix of 1 %, by update": "email_prefix=user77&sort_by=updated_at",
    "prefix of one": "email_prefix={email}",
    "part of all": "email_contains=example",
    "part of 2 %": "email_contains=ple7.com",
    "part of few": "email_contains=777@example27.",
    "part of few, by update": "email_contains=777@example27.&sort_by=updated_at",
    "part of none": "email_contains=nowhere",
    "search: part of few": "search=777@example27.",
    "search: part of all": "search=example",
    "search: beginning of one id": "search={grant}",
    "search: beginning of external ids of 10 %": "search=external-4",
    "search: none, by update": "search=external-none&sort_by=updated_at",
    "trouble class": "trouble_class=provider_down",
    "trouble class of none": "trouble_class=connector",
    "trouble class and provider": "trouble_class=provider_down&provider=microsoft&sort_by=updated_at",
    "part and provider": "email_contains=example7&provider=microsoft",
    "valid": "grant_status=valid",
    "invalid": "grant_status=invalid",
    "invalid, by update": "grant_status=invalid&sort_by=updated_at",
    "troubled": "troubled=true",
    "troubled, by update": "troubled=true&sort_by=updated_at",
    "untroubled": "troubled=false",
    "provider": "provider=google",
    "rare provider": "provider=zoom",
    "rare provider, by update": "provider=zoom&sort_by=updated_at&order_by=asc",
    "provider without grants": "provider=icloud",
    "connector": "connector_id={connector}",
    "connector, by update": "connector_id={connector}&sort_by=updated_at",
    "workspace": "workspace_id={workspace}",
    "workspace, by update": "workspace_id={workspace}&sort_by=updated_at",
    "ip": "ip=192.0.2.1",
    "ip, by update": "ip=192.0.2.1&sort_by=updated_at",
    "since": "since={middle}",
    "before": "before={middle}",
    "before, by update": "before={middle}&sort_by=updated_at",
    "since and before": "since={at}&before={middle}&order_by=asc",
    "provider and invalid": "provider=microsoft&grant_status=invalid",
    "provider and troubled": "provider=microsoft&troubled=true&sort_by=updated_at",
    "provider without trouble, troubled": "provider=google&troubled=true",
    "provider and workspace": "provider=imap&workspace_id={workspace}",
    "workspace and invalid": "workspace_id={workspace}&grant_status=invalid&sort_by=updated_at",
    "provider and prefix": "provider=microsoft&email_prefix=user7",
    "invalid and before": "grant_status=invalid&before={middle}",
    "ip and invalid": "ip=192.0.2.1&grant_status=invalid",
    "offset 50 %": "offset={half}",
}
CALLS: dict[str, str] = {
    "get": "/v3/grants/{grant}",
    "get by email": "/v3/grants/{email}",
    **{f"list: {name}": f"/v3/grants?limit=50&{query}" for name, query in LISTS.items()},
    **growth_events.CALLS,
}
"""Paths by name. `{…}` is a field of Place; `{middle}` and `{half}` are the time and the number in the middle."""

# Of a hundred grants one is invalid and one is in trouble; Google has neither. Every fiftieth has the address of a
# browser; one in twenty is in the small workspace. Grants were renewed in another order than made.
_FILL = """
    insert into grants (id, application_id, provider, connector_id, mailbox_key, email, email_key, status, scope,
                        settings, created_at, updated_at, asked_at, version, subject, user_id, name, state,
                        workspace_id, ip, external_id, blocked, token_expires_at, due_at, proven_at, used_at,
                        generation, trouble)
    select {id}, {application}, p.provider, p.connector, 'user' || n || '@example' || (n % 50) || '.com',
           'user' || n || '@example' || (n % 50) || '.com', 'user' || n || '@example' || (n % 50) || '.com',
           case when n % 100 = 19 then 'invalid' else 'valid' end,
           '["openid","https://www.googleapis.com/auth/gmail.readonly"]', '{{}}', {at} + n * 1000000,
           {renewed} + (n * cast(7919 as bigint) % {grants}) * 1000000, {at}, 1, 'subject ' || n, 'subject ' || n,
           'User ' || n, 'customer', case when n % 20 = 9 then 'small' else 'default' end,
           case when n % 50 = 7 then '192.0.2.' || (n % 3) end,
           case when n % 2 = 0 then 'external-' || (n % 10) || '-' || n end, 0, {at}, {later} + n * 1000000, {at},
           {at}, 1, case when n % 100 = 9 then '{trouble}' end
    from {numbers} join ({connectors}) p
      on p.number = case when n % 1000 = 3 then 3 when n % 10 < 7 then 0 when n % 10 < 9 then 1 else 2 end
"""
_PROVIDERS = (ProviderName.GOOGLE, ProviderName.MICROSOFT, ProviderName.IMAP, ProviderName.ZOOM)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.growth", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--grants", type=int, default=LARGE, help="of the larger installation; 1,000,000")
    parser.add_argument("--small", type=int, default=SMALL, help="of the smaller one; 10,000")
    parser.add_argument("--only", metavar="TEXT", default="", help="only questions with this text in their name")
    chosen = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    engines: list[Engine] = ["sqlite", "postgres"] if chosen.engine == "both" else [chosen.engine]
    try:
        for engine in engines:
            sizes = (chosen.small, chosen.grants)
            small, large = (_measure(engine, grants, chosen.only) for grants in sizes)
            print(_table(engine, sizes, small, large), flush=True)
    except Unexpected as problem:
        print(f"bench.growth: {problem}", file=sys.stderr)
        return 1
    return 0


def _table(engine: Engine, sizes: Sequence[int], small: dict[str, float], large: dict[str, float]) -> str:
    lines = [f"\n| {engine} | {sizes[0]:,} grants, ms | {sizes[1]:,} grants, ms | factor |", "|---|---|---|---|"]
    for name, before in small.items():
        lines.append(f"| {name} | {before:.1f} | {large[name]:.1f} | {large[name] / before:.1f} |")
    return "\n".join(lines)


def _measure(engine: Engine, grants: int, only: str) -> dict[str, float]:
    """Milliseconds by the name of the question, and `start to serving`."""
    with contextlib.ExitStack() as opened:
        directory = Path(tempfile.mkdtemp(prefix="opengrant-growth-"))
        opened.callback(shutil.rmtree, directory)
        url = opened.enter_context(Postgres()).create_empty_database() if engine == "postgres" else None
        place = uvloop.run(_filled(directory / "data", url, grants))
        ports = dict.fromkeys(("http", "https", "imap", "smtp"), 1)
        log, began = directory / "log", time.perf_counter()
        settings = environment(directory / "data", url, directory / "none", ports)
        del settings["OPENGRANT_OUTBOUND__CA_FILE"]
        opened.enter_context(run([sys.executable, "-m", "opengrant", "serve"], log, settings))
        port = int(logged(log, "serving")["url"].rsplit(":", 1)[1])
        found = {"start to serving": (time.perf_counter() - began) * 1e3}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        opened.callback(connection.close)
        for name, path in CALLS.items():
            if only in name:
                found[name] = _ask(connection, place, path)
        return found | uvloop.run(_inside(_settings(directory / "data", url), place, only))


async def _inside(settings: Settings, place: Place, only: str) -> dict[str, float]:
    """As `_ask`, for what no request asks."""
    found = dict[str, float]()
    async with installation(settings) as installed:
        application = await installed.services.applications.get(place.application)
        for name, ask in growth_events.INSIDE.items():
            if only not in name:
                continue
            times = list[float]()
            while len(times) < WARM + TURNS and sum(times) < _ENOUGH:
                began = time.perf_counter()
                await ask(installed.services, application)
                times.append(time.perf_counter() - began)
            found[name] = statistics.median(times[WARM:] or times) * 1e3
    return found


def _ask(connection: http.client.HTTPConnection, place: Place, path: str) -> float:
    """The median in milliseconds. Raises Unexpected."""
    target = path.format(**place._asdict(), middle=place.middle, half=place.grants // 2)
    times = list[float]()
    for _ in range(WARM + TURNS):
        began = time.perf_counter()
        connection.request("GET", target, headers={"Authorization": f"Bearer {place.key}"})
        answer = connection.getresponse()
        body = answer.read()
        times.append(time.perf_counter() - began)
        if answer.status != 200:
            raise Unexpected(f"{target}: {answer.status} {body[:300]!r}")
    return statistics.median(times[WARM:]) * 1e3


# ── filling ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _settings(data: Path, url: str | None) -> Settings:
    return Settings(data_dir=data, database_url=None if url is None else SecretStr(url))


async def _filled(data: Path, url: str | None, grants: int) -> Place:
    settings = _settings(data, url)
    connectors = list[str]()
    async with installation(settings) as installed:
        services = installed.services
        application = await services.applications.create("growth")
        new = await services.api_keys.create(application, "growth", lifetime=None, permissions=PERMISSIONS)
        for provider in _PROVIDERS:
            client = ConnectorFields(client_id="bench", client_secret=SecretStr("GOCSPX-bench"))
            draft = ConnectorFields() if provider is ProviderName.IMAP else client
            connectors.append((await services.connectors.create(application, provider, draft)).id)
    at = now() - 3 * grants * SECOND
    if url is None:
        path = data / "opengrant.db"
        _fill_sqlite(path, _statements(None, application.id, connectors, grants, at))
        await _index(path)
    else:
        await _fill_postgres(url, _statements(url, application.id, connectors, grants, at))
        async with installation(settings) as installed:
            while await installed.services.grant_counts.fold():
                pass
        await _vacuum(url)
    middle = grants // 2 // 20 * 20 + 9
    email = f"user{middle}@example{middle % 50}.com"
    return Place(
        key=new.secret.get_secret_value(),
        application=application.id,
        connector=connectors[1],
        grants=grants,
        at=at // SECOND,
        grant=f"{middle:08d}-0000-4000-8000-000000000000",
        email=email,
        workspace="small",
    )


def _statements(
    url: str | None, application: str, connectors: Sequence[str], grants: int, at: Micros
) -> Iterator[tuple[str, int]]:
    """Texts that fill the table, each with the number of grants that are there after it."""
    rows = " union all ".join(
        f"select {number} as number, '{provider}' as provider, '{connectors[number]}' as connector"
        for number, provider in enumerate(_PROVIDERS)
    )
    for first in range(0, grants, _CHUNK):
        last = min(first + _CHUNK, grants) - 1
        numbers = (
            f"(with recursive i (n) as (select {first} union all select n + 1 from i where n < {last}) select n from i)"
            if url is None
            else f"generate_series(cast({first} as bigint), {last}) n"
        )
        id_ = "printf('%08d', n)" if url is None else "lpad(n::text, 8, '0')"
        yield (
            _FILL.format(
                id=f"{id_} || '-0000-4000-8000-000000000000'",
                application=f"'{application}'",
                at=at,
                renewed=at + grants * SECOND,
                trouble=put_trouble(Trouble("provider_down", "server_unavailable", "503", "Wait.", at, at)),
                later=now() + 86_400 * SECOND,
                grants=grants,
                numbers=numbers,
                connectors=rows,
            ),
            last + 1,
        )
        events = growth_events.statements(
            first=first,
            id=f"{id_} || '-0000-4000-8000-000000000000'",
            application=f"'{application}'",
            at=at,
            later=now() + 86_400 * SECOND,
            grants=grants,
            numbers=numbers,
        )
        yield from ((sql, last + 1) for sql in events)


def _fill_sqlite(path: Path, statements: Iterator[tuple[str, int]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma synchronous = off")
    connection.execute("pragma cache_size = -500000")
    for sql, grants in statements:
        connection.execute(sql)
        tell(f"sqlite: filled {grants:,}")
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    tell(f"sqlite: {path.stat().st_size / 2**20:,.0f} MiB")


async def _index(path: Path) -> None:
    """Have the job's work done before anything is measured."""
    store = await open_store(database_url=None, sqlite_path=path)
    while await store.write(addresses.index(20_000)):
        pass
    await store.close()


async def _fill_postgres(url: str, statements: Iterator[tuple[str, int]]) -> None:
    connection = await asyncpg.connect(url)
    for sql, grants in statements:
        await connection.execute(sql, timeout=3600)
        tell(f"postgres: filled {grants:,}")
    await connection.close()


async def _vacuum(url: str) -> None:
    """As autovacuum does soon: the changes that were folded are dead rows."""
    connection = await asyncpg.connect(url)
    await connection.execute("vacuum analyze", timeout=3600)
    size = await connection.fetchval("select pg_total_relation_size('grants')")
    await connection.close()
    tell(f"postgres: {size / 2**20:,.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
