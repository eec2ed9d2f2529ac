"""Everything that takes part, started and stopped: remotes, a database for each side, OpenGrant and the floor."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil
import trustme
from tests.peers.postgres import Postgres

from bench.databases import prepare
from bench.floor import Config
from bench.lines import Line, Scene
from bench.remotes import CLIENT_ID

Engine = Literal["sqlite", "postgres"]

_CLIENT_SECRET = "GOCSPX-bench"
_READY = 30.0
"""Seconds a process may take to start."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared. idle: bytes of resident memory before the first request."""

    port: int
    pid: int
    idle: int
    scene: Scene


@dataclass(frozen=True, slots=True)
class Stage:
    ours: Side
    floor: Side
    remotes_port: int

    def set(self, line: Line) -> None:
        """Make the remotes behave as the line wants."""
        url = f"http://127.0.0.1:{self.remotes_port}/mode?latency={line.latency}&id_token={int(line.id_token)}"
        with urllib.request.urlopen(url, timeout=_READY):
            pass


@contextlib.asynccontextmanager
async def stage(engine: Engine, *, launch: tuple[str, ...] = ("-m", "opengrant")) -> AsyncIterator[Stage]:
    """Set up for one engine. `launch`: the interpreter's arguments that run OpenGrant's command line."""
    with contextlib.ExitStack() as opened:
        directory = Path(tempfile.mkdtemp(prefix="opengrant-bench-"))
        opened.callback(shutil.rmtree, directory)
        certificate, ca_file = _certificates(directory)
        remotes = opened.enter_context(_process("bench.remotes", str(certificate), log=directory / "remotes.log"))
        ports = _first_line(remotes)
        http = f"http://127.0.0.1:{ports['http']}"
        postgres = opened.enter_context(Postgres()) if engine == "postgres" else None
        url = None if postgres is None else postgres.create_database()
        environment = _environment(directory / "data", url, ca_file, http)
        scene = await prepare(directory / "data", url, imap_port=ports["imap"], client_secret=_CLIENT_SECRET)
        if postgres is not None and url is not None:
            database = postgres.create_database(template=url.rsplit("/", 1)[1])
        else:
            database = str(directory / "floor.db")
            shutil.copyfile(directory / "data" / "opengrant.db", database)
        config = Config(
            database=database,
            ca_file=str(ca_file),
            token_url=f"{http}/token",
            userinfo_url=f"{http}/userinfo",
            client_id=CLIENT_ID,
            client_secret=_CLIENT_SECRET,
            master_key=os.urandom(32).hex(),
        )
        floor = opened.enter_context(
            _process("bench.floor", json.dumps(asdict(config)), log=directory / "floor.log"),
        )
        log = directory / "opengrant.log"
        ours = opened.enter_context(_run([sys.executable, *launch, "serve"], log, environment))
        yield Stage(
            ours=_side(_serving_at(log), ours, scene),
            floor=_side(_first_line(floor)["port"], floor, scene),
            remotes_port=ports["http"],
        )


def _side(port: int, process: "subprocess.Popen[bytes]", scene: Scene) -> Side:
    time.sleep(1)  # what a start leaves to do is done by then
    idle = psutil.Process(process.pid).memory_info().rss
    return Side(port, process.pid, idle, scene)


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────


def _process(module: str, *args: str, log: Path) -> contextlib.AbstractContextManager["subprocess.Popen[bytes]"]:
    return _run([sys.executable, "-m", module, *args], log, dict(os.environ))


@contextlib.contextmanager
def _run(command: list[str], log: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stream, env=environment
        )
    try:
        yield process
    except Exception:
        sys.stderr.write(f"{command[1:3]} wrote:\n{log.read_text(errors='replace')[-2000:]}\n")
        raise
    finally:
        process.terminate()
        with process:
            process.wait(timeout=_READY)


def _first_line(process: "subprocess.Popen[bytes]") -> dict[str, int]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with {process.wait()} before it served")
    ports: dict[str, int] = json.loads(line)
    return ports


def _serving_at(log: Path) -> int:
    """The port that OpenGrant says it serves."""
    deadline = time.monotonic() + _READY
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if '"event":"serving"' in line:
                return int(json.loads(line)["url"].rsplit(":", 1)[1])
        time.sleep(0.05)
    raise RuntimeError(f"OpenGrant does not start:\n{log.read_text()}")


def _certificates(directory: Path) -> tuple[Path, Path]:
    """The mail server's certificate with its key, and the CA to trust."""
    ca = trustme.CA()
    ours, ca_file = directory / "server.pem", directory / "ca.pem"
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(ours))
    ca.cert_pem.write_to_path(str(ca_file))
    return ours, ca_file


def _environment(data: Path, url: str | None, ca_file: Path, http: str) -> dict[str, str]:
    """OpenGrant as it comes, but for what points it at this stage."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("OPENGRANT_")}
    return mine | {
        "OPENGRANT_PORT": "0",
        "OPENGRANT_DATA_DIR": str(data),
        **({} if url is None else {"OPENGRANT_DATABASE_URL": url}),
        "OPENGRANT_GOOGLE__TOKEN_URL": f"{http}/token",
        "OPENGRANT_GOOGLE__USERINFO_URL": f"{http}/userinfo",
        "OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        "OPENGRANT_OUTBOUND__CA_FILE": str(ca_file),
    }
