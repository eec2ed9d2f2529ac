"""`python -m bench.move_in`: how fast one process verifies the rows of an import.

A new installation, an import of so many Google rows, and `opengrant work`, with a provider that answers after 20 ms;
all on this machine. Tells grants per second, the CPU of that process for each, its memory, and how the first tenth
compares with the last. Budgets are raised far above what one process can do; all else is as it comes.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import uvloop
from pydantic import SecretStr
from tests.peers.postgres import Postgres

from bench import databases, sampling, stage
from bench.load import Unexpected, measure
from bench.plans import select, tell
from bench.remotes import DIGITS, REFRESH_TAIL
from bench.report import about_the_machine
from bench.stage import Engine
from bench.upkeep import Remotes, _cpu, _database_cpu, _remotes, _since
from opengrant.api.import_rows import ROWS
from opengrant.assembly.database import connect_store
from opengrant.assembly.installation import installation
from opengrant.connectors.connectors import ConnectorFields
from opengrant.imports.loading import NewImport
from opengrant.model import CustomConnect, ProviderName
from opengrant.model.logins import VirtualCalendarLogin
from opengrant.settings import Settings

_DONE = "select coalesce(sum(created), 0), coalesce(sum(rows), 0) from import_batches"
_STUCK = 120.0
_SETTLE = 2.0
"""Seconds before latencies are taken."""


@dataclass(slots=True)
class Run:
    """What was measured. marks: now and then, (rows that were done, seconds, CPU seconds of the event loop, of all)."""

    rows: int
    marks: list[tuple[int, float, float, float]] = field(default_factory=list)
    resident: int = 0
    database_cpu: float | None = None
    api: str = ""

    def __str__(self) -> str:
        done, seconds, loop, cpu = self.marks[-1]
        told = (
            f"{done:,} grants in {seconds:.1f} s: {done / seconds:,.0f} a second, {cpu / done * 1e6:,.0f} µs of CPU"
            f" each, {loop / done * 1e6:,.0f} of it by the event loop ({done / cpu:,.0f} a second by CPU),"
            f" {self.resident / 1e6:.0f} MB resident at most"
        )
        if self.database_cpu is not None:
            told += f", PostgreSQL's own {self.database_cpu / done * 1e6:,.0f} µs"
        first, last = self._part(0, 0.1), self._part(0.9, 1)
        return f"{told}; first tenth {first}, last tenth {last}; {self.api}"

    def _part(self, begin: float, end: float) -> str:
        """Of the rows from one share to another: a second, by CPU, and by the event loop's CPU."""
        inside = [mark for mark in self.marks if begin * self.rows <= mark[0] <= end * self.rows]
        if len(inside) < 2 or inside[0][0] == inside[-1][0]:
            return "too short to tell"
        (before, at, loop, cpu), (after, until, looped, spent) = inside[0], inside[-1]
        rows = after - before
        told = f"{(spent - cpu) / rows * 1e6:,.0f} µs, {(looped - loop) / rows * 1e6:,.0f} of it by the event loop"
        return f"{rows / (until - at):,.0f} a second, {told}"


def main() -> int:
    chosen = _parse()
    engines: list[Engine] = ["sqlite", "postgres"] if chosen.engine == "both" else [chosen.engine]
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()), flush=True)
    try:
        with _remotes(chosen.latency) as remotes:
            remotes.ask(f"/mode?latency={chosen.latency}&id_token=1")
            for engine in engines:
                print(f"{engine:9} {_measure(engine, chosen, remotes)}", flush=True)
    except Unexpected as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.move_in", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres", "both"], default="both", help="both unless told")
    parser.add_argument("--rows", type=int, default=100_000, help="of the import; 100,000")
    parser.add_argument("--latency", type=int, default=20, help="milliseconds that the provider takes; 20")
    parser.add_argument("--concurrency", type=int, default=200, help="OPENGRANT_IMPORTS__CONCURRENCY; 200")
    parser.add_argument(
        "--api", choices=["beside", "together"], help="GETs meanwhile: by a server beside, or by the process itself"
    )
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    return parser.parse_args()


def _measure(engine: Engine, chosen: argparse.Namespace, remotes: Remotes) -> Run:
    with contextlib.ExitStack() as opened:
        directory = Path(tempfile.mkdtemp(prefix="opengrant-bench-"))
        opened.callback(shutil.rmtree, directory)
        postgres = opened.enter_context(Postgres()) if engine == "postgres" else None
        url = None if postgres is None else postgres.create_database()
        get = uvloop.run(_fill(engine, directory / "data", url, chosen.rows))
        environment = stage.environment(directory / "data", url, remotes.ca_file, remotes.ports) | {
            "OPENGRANT_REFRESH__BUDGET": "100000",
            "OPENGRANT_REFRESH__PROVIDER_BUDGET": "1000000",
            "OPENGRANT_IMPORTS__CONCURRENCY": str(chosen.concurrency),
        }
        found = directory / "samples"
        launch = ["-m", "bench.sampling", str(found)] if chosen.profile else ["-m", "opengrant"]
        if chosen.profile:
            # After the process that writes it has ended, and before its directory goes.
            opened.callback(lambda: print(found.read_text()))

        def start(*command: str) -> psutil.Process:
            log = directory / f"{len(list(directory.glob('*.log')))}.log"
            running = opened.enter_context(stage.run([sys.executable, *launch, *command], log, environment))
            record = stage.logged(log, "working" if command[0] == "work" else "serving")
            if command[0] == "serve":
                ports.append(int(record["url"].rsplit(":", 1)[1]))
            return psutil.Process(running.pid)

        ports = list[int]()
        server = None if chosen.api is None else start("serve", *(["--no-work"] if chosen.api == "beside" else []))
        worker = server if server is not None and chosen.api == "together" else start("work")
        if chosen.profile:
            sampling.start(worker.pid)
        api = None if server is None else _Api(ports[0], server.pid, get)
        return uvloop.run(_watch(engine, directory / "data", url, chosen.rows, worker, api))


@dataclass(slots=True)
class _Api:
    """A server that answers requests meanwhile. get: the request."""

    port: int
    pid: int
    get: bytes

    async def latencies(self) -> str:
        sample = await measure(
            self.port,
            self.pid,
            itertools.repeat(self.get),
            status=200,
            concurrency=4,
            warm_up=_SETTLE,
            seconds=10,
            rate=100,
        )
        return f"p50 {sample.percentile(50):.1f} ms, p99 {sample.percentile(99):.1f} ms"


async def _watch(
    engine: Engine, data: Path, url: str | None, rows: int, process: psutil.Process, api: _Api | None
) -> Run:
    store = await connect_store(Settings(data_dir=data, database_url=None if url is None else SecretStr(url)))
    try:
        run, began, cpu, databases_cpu = Run(rows), time.perf_counter(), _cpu(process), _database_cpu(url)
        loop = _loop_cpu(process)
        moved, during = began, None if api is None else asyncio.create_task(api.latencies())
        while True:
            await asyncio.sleep(0.25)
            ((done, _),) = await store.read(select(_DONE))
            run.resident = max(run.resident, process.memory_info().rss)
            at = time.perf_counter()
            if not run.marks or done > run.marks[-1][0]:
                moved = at
                run.marks.append((int(done), at - began, _loop_cpu(process) - loop, _cpu(process) - cpu))
            tell(f"{engine}: {done:,} of {rows:,} rows")
            if done >= rows:
                break
            if at - moved > _STUCK:
                raise Unexpected(f"the import stopped at {done} of {rows}")
        tell("")
        run.database_cpu = _since(databases_cpu, _database_cpu(url))
        if api is not None and during is not None:
            run.api = f"GET {await during} during the import, {await api.latencies()} afterwards"
        return run
    finally:
        await store.close()


def _loop_cpu(process: psutil.Process) -> float:
    """Seconds of CPU of its event loop."""
    return sampling.threads(process.pid)["event loop"]


async def _fill(engine: Engine, data: Path, url: str | None, rows: int) -> bytes:
    """A connector, and an import whose rows all wait. Returns a request for a grant."""
    settings = Settings(data_dir=data, database_url=None if url is None else SecretStr(url))
    async with installation(settings) as installed:
        services = installed.services
        application = await services.applications.create("bench")
        client = SecretStr(databases.CLIENT["client_secret"])
        draft = ConnectorFields(client_id=databases.CLIENT["client_id"], client_secret=client)
        await services.connectors.create(application, ProviderName.GOOGLE, draft)
        await services.connectors.create(application, ProviderName.VIRTUAL_CALENDAR, ConnectorFields())
        grant = await services.connect.custom(application, CustomConnect(login=VirtualCalendarLogin(email="room-7")))
        key = (await services.api_keys.create(application, "bench", lifetime=None)).secret.get_secret_value()
        began, cpu = time.perf_counter(), time.process_time()
        loaded = await services.import_loading.load(
            application,
            _pieces(rows),
            NewImport(name="bench"),
            ROWS,
            tell=lambda _, lines: tell(f"{engine}: {lines:,} of {rows:,} rows are stored"),
        )
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        tell("")
        print(f"{engine:9} stored {rows / seconds:,.0f} rows a second, {cpu / rows * 1e6:,.0f} µs of CPU each")
        if loaded.job.lines != rows:
            raise Unexpected(f"{loaded.job.lines} of {rows} rows are stored")
    head = f"GET /v3/grants/{grant.id} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n"
    return head.encode()


async def _pieces(rows: int) -> AsyncIterator[bytes]:
    for start in range(0, rows, 500):
        yield b"".join(map(_line, range(start, min(start + 500, rows))))


def _line(number: int) -> bytes:
    token = f"1//{number:0{DIGITS}}{REFRESH_TAIL}"
    row = {"id": f"user-{number}", "provider": "google", "settings": {"refresh_token": token}}
    return json.dumps(row).encode() + b"\n"


if __name__ == "__main__":
    sys.exit(main())
