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
from opengrant.providers.hosted.agent_account import COST

Engine = Literal["sqlite", "postgres"]

_HOST = "127.0.0.1"
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
        self._ask_remotes(f"/mode?latency={line.latency}&id_token={int(line.id_token)}")

    def calls(self) -> dict[str, int]:
        """What was asked of the remotes since this was last asked, and how often."""
        found: dict[str, int] = json.loads(self._ask_remotes("/calls"))
        return found

    def _ask_remotes(self, target: str) -> bytes:
        with urllib.request.urlopen(f"http://{_HOST}:{self.remotes_port}{target}", timeout=_READY) as answer:
            body: bytes = answer.read()
        return body


@contextlib.asynccontextmanager
async def stage(engine: Engine, *, launch: tuple[str, ...] = ("-m", "opengrant")) -> AsyncIterator[Stage]:
    """Set up for one engine. `launch`: the interpreter's arguments that run OpenGrant's command line."""
    with contextlib.ExitStack() as opened:
        directory = Path(tempfile.mkdtemp(prefix="opengrant-bench-"))
        opened.callback(shutil.rmtree, directory)
        certificate, ca_file = certificates(directory)
        remotes = opened.enter_context(process("bench.remotes", str(certificate), log=directory / "remotes.log"))
        ports = first_line(remotes)
        postgres = opened.enter_context(Postgres()) if engine == "postgres" else None
        url = None if postgres is None else postgres.create_empty_database()
        settings = environment(directory / "data", url, ca_file, ports)
        master_key = os.urandom(32)
        scene, held = await prepare(directory / "data", url, ports=ports, floors_key=master_key)
        if postgres is not None and url is not None:
            database = postgres.create_empty_database(template=url.rsplit("/", 1)[1])
        else:
            database = str(directory / "floor.db")
            shutil.copyfile(directory / "data" / "opengrant.db", database)
        os.sync()  # what was filled is on the disk by now: no commit that is measured pays for it
        config = Config(
            database=database,
            ca_file=str(ca_file),
            http=f"http://{_HOST}:{ports['http']}",
            apple={"imap": (_HOST, ports["imap"]), "smtp": (_HOST, ports["smtp"]), "caldav": (_HOST, ports["https"])},
            credentials=held,
            bcrypt_cost=COST,
            master_key=master_key.hex(),
        )
        floor = opened.enter_context(
            process("bench.floor", json.dumps(asdict(config)), log=directory / "floor.log"),
        )
        log = directory / "opengrant.log"
        ours = opened.enter_context(run([sys.executable, *launch, "serve"], log, settings))
        yield Stage(
            ours=_side(_serving_at(log), ours, scene),
            floor=_side(first_line(floor)["port"], floor, scene),
            remotes_port=ports["http"],
        )


def _side(port: int, process: "subprocess.Popen[bytes]", scene: Scene) -> Side:
    time.sleep(1)  # what a start leaves to do is done by then
    idle = psutil.Process(process.pid).memory_info().rss
    return Side(port, process.pid, idle, scene)


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────


def process(module: str, *args: str, log: Path) -> contextlib.AbstractContextManager["subprocess.Popen[bytes]"]:
    """One of our own modules."""
    return run([sys.executable, "-m", module, *args], log, dict(os.environ))


@contextlib.contextmanager
def run(command: list[str], log: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is ended at last; what it wrote to stderr is in `log`, and shown if something went wrong."""
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


def first_line(process: "subprocess.Popen[bytes]") -> dict[str, int]:
    """The next JSON object that it prints, when it has."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with {process.wait()} before it served")
    ports: dict[str, int] = json.loads(line)
    return ports


def _serving_at(log: Path) -> int:
    """The port that OpenGrant says it serves."""
    return int(logged(log, "serving")["url"].rsplit(":", 1)[1])


def logged(log: Path, event: str) -> dict[str, str]:
    """The first record of that event in OpenGrant's log, when it is there."""
    deadline = time.monotonic() + _READY
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if f'"event":"{event}"' in line:
                record: dict[str, str] = json.loads(line)
                return record
        time.sleep(0.05)
    raise RuntimeError(f"OpenGrant does not start:\n{log.read_text()}")


def certificates(directory: Path) -> tuple[Path, Path]:
    """The remotes' certificate with its key, and the CA to trust."""
    ca = trustme.CA()
    ours, ca_file = directory / "server.pem", directory / "ca.pem"
    ca.issue_cert(_HOST).private_key_and_cert_chain_pem.write_to_path(str(ours))
    ca.cert_pem.write_to_path(str(ca_file))
    return ours, ca_file


def environment(data: Path, url: str | None, ca_file: Path, ports: dict[str, int]) -> dict[str, str]:
    """OpenGrant as it comes, but for what points it at this stage."""
    http = f"http://{_HOST}:{ports['http']}"
    mine = {name: value for name, value in os.environ.items() if not name.startswith("OPENGRANT_")}
    return mine | {
        "OPENGRANT_PORT": "0",
        "OPENGRANT_DATA_DIR": str(data),
        **({} if url is None else {"OPENGRANT_DATABASE_URL": url}),
        "OPENGRANT_GOOGLE__TOKEN_URL": f"{http}/google/token",
        "OPENGRANT_GOOGLE__USERINFO_URL": f"{http}/google/userinfo",
        "OPENGRANT_GOOGLE__GMAIL_URL": f"{http}/gmail",
        "OPENGRANT_MICROSOFT__TOKEN_URL": f"{http}/microsoft/token",
        "OPENGRANT_MICROSOFT__GRAPH_URL": f"{http}/graph",
        "OPENGRANT_YAHOO__TOKEN_URL": f"{http}/yahoo/token",
        "OPENGRANT_YAHOO__USERINFO_URL": f"{http}/yahoo/userinfo",
        "OPENGRANT_ZOOM__TOKEN_URL": f"{http}/zoom/token",
        "OPENGRANT_ZOOM__API_URL": f"{http}/zoom",
        "OPENGRANT_ICLOUD__IMAP_HOST": _HOST,
        "OPENGRANT_ICLOUD__IMAP_PORT": str(ports["imap"]),
        "OPENGRANT_ICLOUD__SMTP_HOST": _HOST,
        "OPENGRANT_ICLOUD__SMTP_PORT": str(ports["smtp"]),
        "OPENGRANT_ICLOUD__CALDAV_URL": f"https://{_HOST}:{ports['https']}/",
        "OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        "OPENGRANT_OUTBOUND__CA_FILE": str(ca_file),
    }
