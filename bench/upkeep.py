"""`python -m bench.upkeep`: how fast one process refreshes what is due, and what finding it costs.

Without `--plan`: `opengrant work` over a database in which everything is due at once, with a provider that takes its
time, until nothing is due; then bench/upkeep_floor.py with the same writes. Budgets are raised far above what one
process can do; all else is as it comes. With `--plan`: see bench/plans.py.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from tests.peers.postgres import Postgres

from bench import databases, plans, stage
from bench.floor import Config
from bench.load import Unexpected
from bench.report import about_the_machine
from bench.stage import Engine
from opengrant.assembly.database import connect_store
from opengrant.assembly.installation import installation
from opengrant.connectors.connectors import ConnectorFields
from opengrant.connectors.credentials import NewCredential
from opengrant.model import SECOND, ProviderName, now
from opengrant.model.secrets import read_credential
from opengrant.settings import Settings
from opengrant.store.grants import refreshing

SOURCES = 4
"""Credentials that the grants are shared out to."""
_CHUNK = 5_000
_LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What one process did. cpu: seconds, of all threads; resident: bytes, before the first grant, after a quarter of
    them, and at most."""

    grants: int
    seconds: float
    cpu: float
    resident: tuple[int, int, int] | None = None
    database_cpu: float | None = None

    def __str__(self) -> str:
        told = (
            f"{self.grants:,} grants in {self.seconds:.1f} s: {self.grants / self.seconds:,.0f} a second,"
            f" {self.cpu / self.grants * 1e6:,.0f} µs of CPU each ({self.cpu / self.seconds:.2f} cores)"
        )
        if self.database_cpu is not None:
            told += f", PostgreSQL's own {self.database_cpu / self.grants * 1e6:,.0f} µs"
        if self.resident is not None:
            before, early, most = (number / 1e6 for number in self.resident)
            told += f"; {before:.0f} MB resident at first, {early:.0f} after a quarter, {most:.0f} at most"
        return told


@dataclass(frozen=True, slots=True)
class Remotes:
    ports: dict[str, int]
    ca_file: Path

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    def ask(self, target: str) -> bytes:
        with urllib.request.urlopen(f"{self.http}{target}", timeout=30) as answer:
            body: bytes = answer.read()
        return body

    def refreshes(self) -> int:
        """Since this was last asked."""
        calls: dict[str, int] = json.loads(self.ask("/calls"))
        return calls.get("POST /google/token", 0)


def main() -> int:
    chosen = _parse()
    engines: list[Engine] = ["sqlite", "postgres"] if chosen.engine == "both" else [chosen.engine]
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()), flush=True)
    try:
        for engine in engines:
            if chosen.plan:
                plans.show(engine, chosen.plan)
            else:
                _compare(engine, chosen)
    except Unexpected as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.upkeep", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres", "both"], default="both", help="both unless told")
    parser.add_argument("--grants", type=int, default=100_000, help="that are due at once; 100,000")
    parser.add_argument("--floor-grants", type=int, default=20_000, help="for the floor; 20,000, or GRANTS if fewer")
    parser.add_argument("--latency", type=int, default=50, help="milliseconds that the provider takes; 50")
    parser.add_argument("--concurrency", type=int, default=100, help="OPENGRANT_REFRESH__CONCURRENCY; 100")
    parser.add_argument(
        "--plan", type=int, metavar="GRANTS", help="only show the sweep's queries over so many, 1 %% of them due"
    )
    return parser.parse_args()


def _compare(engine: Engine, chosen: argparse.Namespace) -> None:
    with _remotes(chosen.latency) as remotes:
        ours = _measure(engine, chosen, remotes, chosen.grants, ours=True)
        floor = _measure(engine, chosen, remotes, min(chosen.grants, chosen.floor_grants), ours=False)
    ratio = (floor.cpu / floor.grants) / (ours.cpu / ours.grants)
    speed = (ours.grants / ours.seconds) / (floor.grants / floor.seconds)
    print(f"{engine:9} OpenGrant  {ours}\n{engine:9} the floor  {floor}")
    print(f"{engine:9} ratio      {speed:.2f}, by CPU {ratio:.2f}", flush=True)


def _measure(engine: Engine, chosen: argparse.Namespace, remotes: Remotes, grants: int, *, ours: bool) -> Upkeep:
    with contextlib.ExitStack() as opened:
        directory = Path(tempfile.mkdtemp(prefix="opengrant-bench-"))
        opened.callback(shutil.rmtree, directory)
        postgres = opened.enter_context(Postgres()) if engine == "postgres" else None
        url = None if postgres is None else postgres.create_empty_database()
        key = os.urandom(32)
        credentials = uvloop.run(_fill(engine, directory / "data", url, grants, None if ours else key))
        os.sync()
        remotes.refreshes()
        if ours:
            return _work(engine, chosen, remotes, directory, url, grants)
        database = url or str(directory / "data" / "opengrant.db")
        held = dict.fromkeys(credentials, databases.CLIENT)
        config = Config(database, str(remotes.ca_file), remotes.http, {}, held, 4, key.hex())
        return _run_floor(engine, chosen, remotes, directory, config, grants)


def _work(
    engine: Engine,
    chosen: argparse.Namespace,
    remotes: Remotes,
    directory: Path,
    url: str | None,
    grants: int,
) -> Upkeep:
    environment = stage.environment(directory / "data", url, remotes.ca_file, remotes.ports) | {
        "OPENGRANT_REFRESH__BUDGET": "100000",
        "OPENGRANT_REFRESH__PROVIDER_BUDGET": "1000000",
        "OPENGRANT_REFRESH__CONCURRENCY": str(chosen.concurrency),
    }
    log = directory / "opengrant.log"
    with stage.run([sys.executable, "-m", "opengrant", "work"], log, environment) as running:
        stage.logged(log, "working")
        process = psutil.Process(running.pid)
        began, cpu, databases_cpu = time.perf_counter(), _cpu(process), _database_cpu(url)
        before = early = most = process.memory_info().rss
        for done in _progress(engine, "OpenGrant", remotes, grants):
            most = max(most, process.memory_info().rss)
            early = most if done <= grants // 4 else early
            if done >= grants:
                break
        uvloop.run(_until_written(directory / "data", url, grants))
        seconds, cpu = time.perf_counter() - began, _cpu(process) - cpu
        return Upkeep(grants, seconds, cpu, (before, early, most), _since(databases_cpu, _database_cpu(url)))


def _run_floor(
    engine: Engine,
    chosen: argparse.Namespace,
    remotes: Remotes,
    directory: Path,
    config: Config,
    grants: int,
) -> Upkeep:
    command = [sys.executable, "-m", "bench.upkeep_floor", json.dumps(asdict(config)), str(chosen.concurrency)]
    url = config.database if engine == "postgres" else None
    with stage.run(command, directory / "floor.log", dict(os.environ)) as running:
        stage.first_line(running)
        before = _database_cpu(url)
        for done in _progress(engine, "the floor", remotes, grants):
            if done >= grants:
                break
        spent = _since(before, _database_cpu(url))
        found = stage.first_line(running)
        if found["grants"] != grants:
            raise Unexpected(f"the floor refreshed {found['grants']} of {grants}")
        return Upkeep(grants, found["seconds"], found["cpu"], database_cpu=spent)


# ── what is due ───────────────────────────────────────────────────────────────────────────────────────────────


async def _fill(engine: Engine, data: Path, url: str | None, grants: int, floors_key: bytes | None) -> list[str]:
    """Grants that have all been due for a while, for OpenGrant, or sealed for the floor; ids of their credentials."""
    settings = Settings(data_dir=data, database_url=None if url is None else SecretStr(url))
    async with installation(settings) as installed:
        services = installed.services
        application = await services.applications.create("bench")
        client = SecretStr(databases.CLIENT["client_secret"])
        draft = ConnectorFields(client_id=databases.CLIENT["client_id"], client_secret=client)
        connector = await services.connectors.create(application, ProviderName.GOOGLE, draft)
        credentials = [str(connector.active_credential_id)]
        for number in range(1, SOURCES):
            further = NewCredential(f"client {number}", read_credential(databases.CLIENT, "connector"))
            credentials.append((await services.credentials.create(application, ProviderName.GOOGLE, further)).id)
        vault = services.rotated_tokens.vault
    due_at, cipher = now() - grants * 1000 - 60 * SECOND, None if floors_key is None else AESGCM(floors_key)
    for start in range(0, grants, _CHUNK):
        numbers = range(start, min(start + _CHUNK, grants))
        rows = [
            databases.grant(
                *(application, connector, number),
                at=due_at - 3600 * SECOND,
                ends_at=due_at + 600 * SECOND,
                due_at=due_at + number * 1000,
                credential_id=credentials[number % SOURCES],
            )
            for number in numbers
        ]
        secrets = [
            databases.secret(row, number, vault) if cipher is None else databases.floors_secret(row, number, cipher)
            for number, row in zip(numbers, rows, strict=True)
        ]
        await databases.fill(data, url, {"grants": rows, "secrets": secrets})
        plans.tell(f"{engine}: filled {numbers.stop:,} of {grants:,}")
    plans.tell("")
    return credentials


async def _until_written(data: Path, url: str | None, grants: int) -> None:
    """Wait until what the provider gave is stored. Raises Unexpected when some of it is not."""
    store = await connect_store(Settings(data_dir=data, database_url=None if url is None else SecretStr(url)))
    try:
        for _ in range(100):
            if not await store.read(refreshing.due_sources(at=now())):
                break
            await asyncio.sleep(0.05)
        ((renewed, leased),) = await store.read(plans.select(_RENEWED))
    finally:
        await store.close()
    if (renewed, leased) != (grants, 0):
        raise Unexpected(f"{renewed} of {grants} grants were renewed once, {leased} leases are left")


_RENEWED = "select (select count(*) from grants where generation = 2), (select count(*) from leases)"


# ── watching ──────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def _remotes(latency: int) -> Iterator[Remotes]:
    with tempfile.TemporaryDirectory(prefix="opengrant-bench-") as name:
        directory = Path(name)
        certificate, ca_file = stage.certificates(directory)
        with stage.process("bench.remotes", str(certificate), log=directory / "remotes.log") as running:
            remotes = Remotes(stage.first_line(running), ca_file)
            remotes.ask(f"/mode?latency={latency}&id_token=0")
            yield remotes


def _progress(engine: Engine, who: str, remotes: Remotes, grants: int) -> Iterator[int]:
    """How many refreshes the provider has answered so far, every now and then."""
    began, done, moved = time.monotonic(), 0, time.monotonic()
    while time.monotonic() - began < _LONGEST:
        time.sleep(0.2)
        asked = remotes.refreshes()
        done, moved = done + asked, time.monotonic() if asked else moved
        if time.monotonic() - moved > 60:
            raise Unexpected(f"{who} stopped at {done} of {grants}")
        plans.tell(f"{engine}: {who} has refreshed {done:,} of {grants:,}")
        if done >= grants:
            plans.tell("")
        yield done
    raise Unexpected(f"{who} refreshed {done} of {grants} in {_LONGEST:.0f} s")


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _database_cpu(url: str | None) -> float | None:
    """Of all of PostgreSQL's processes, those that have ended included."""
    if url is None:
        return None
    port = url.rsplit(":", 1)[1].split("/")[0]
    total = 0.0
    for server in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # some child has just ended
            if f"port={port}" in server.cmdline():
                total += sum(_cpu(process) for process in (server, *server.children()))
                ended = server.cpu_times()
                total += ended.children_user + ended.children_system
    return total


def _since(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


if __name__ == "__main__":
    sys.exit(main())
