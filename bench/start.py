"""`python -m bench.start`: what a start takes, what the first requests take, and what a server holds while it idles.

The installation has the 161,000 grants of the other benchmarks. Compiled bytecode is there, as after `pip install`.
"""

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop
from tests.peers.postgres import Postgres

from bench.databases import prepare
from bench.lines import LINES, Scene
from bench.load import Unexpected
from bench.report import about_the_machine
from bench.stage import Engine, certificates, environment, first_line, process, run

_PATIENCE = 60.0
_SETTLED = 3.0
"""Seconds after which a start has nothing left to do."""
_TURNS = 12
"""Requests of each kind: the first, and the median of the last five, which stands for the tenth."""
_LEFT_OUT = {"create-20", "again-20", "agent-password"}
"""Lines that wait for a remote or for bcrypt, and tell nothing here."""
_OPEN = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/reference", "/console")
_OF_A_KEY = ("/v3/overview", "/v3/connectors", "/v3/webhooks", "/v3/workspaces", "/v3/applications", "/v3/audit")


@dataclass(frozen=True, slots=True)
class Place:
    """Where servers are started. settings: their environment; port: where they listen."""

    directory: Path
    settings: dict[str, str]
    port: int
    scene: Scene


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.start", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--starts", type=int, default=7, help="starts that are timed; 7")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds of idling that are measured; 20")
    chosen = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    with _place(chosen.engine) as place:
        _tell_starts(place, chosen.starts)
        _tell_one(place, chosen.idle)
        _tell_workers(place)
    return 0


@contextlib.contextmanager
def _place(engine: Engine) -> Iterator[Place]:
    with contextlib.ExitStack() as opened:
        directory = Path(tempfile.mkdtemp(prefix="opengrant-bench-"))
        opened.callback(shutil.rmtree, directory)
        certificate, ca_file = certificates(directory)
        ports = first_line(
            opened.enter_context(process("bench.remotes", str(certificate), log=directory / "remotes.log"))
        )
        postgres = opened.enter_context(Postgres()) if engine == "postgres" else None
        url = None if postgres is None else postgres.create_empty_database()
        scene, _ = uvloop.run(prepare(directory / "data", url, ports=ports, floors_key=os.urandom(32)))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = environment(directory / "data", url, ca_file, ports) | {
            "OPENGRANT_PORT": str(port),
            "PYTHONPYCACHEPREFIX": str(directory / "bytecode"),
        }
        settings.pop("PYTHONDONTWRITEBYTECODE", None)
        yield Place(directory, settings, port, scene)


@contextlib.contextmanager
def _server(place: Place, **settings: str) -> Iterator[tuple[psutil.Process, float]]:
    """A server that has answered /healthz, and the seconds from its exec to the answer."""
    log = place.directory / "opengrant.log"
    began = time.perf_counter()
    with run([sys.executable, "-m", "opengrant", "serve"], log, place.settings | settings) as started:
        while not _healthy(place.port):
            if started.poll() is not None or time.perf_counter() - began > _PATIENCE:
                raise Unexpected(f"OpenGrant does not start:\n{log.read_text()}")
            time.sleep(0.002)
        yield psutil.Process(started.pid), time.perf_counter() - began


def _healthy(port: int) -> bool:
    try:
        with contextlib.closing(_Client(port)) as client:
            return client.ask(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", 200) > 0
    except OSError:
        return False


class _Client:
    """One connection, one request at a time."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes, status: int) -> float:
        """Seconds until the whole answer is there. Raises Unexpected for any other status."""
        began = time.perf_counter()
        self._socket.sendall(request)
        head, _, body = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        while len(body) < length:
            body += self._more()
        if not head.startswith(b"HTTP/1.1 %d " % status):
            raise Unexpected(f"{request[:60]!r} was answered by {head[:30]!r}: {body[:300]!r}")
        return time.perf_counter() - began

    def close(self) -> None:
        self._socket.close()

    def _until(self, mark: bytes) -> bytes:
        found = b""
        while mark not in found:
            found += self._more()
        return found

    def _more(self) -> bytes:
        if not (piece := self._socket.recv(65_536)):
            raise ConnectionResetError("the server closed the connection")
        return piece


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────


def _tell_starts(place: Place, starts: int) -> None:
    with _server(place):
        time.sleep(_SETTLED)  # writes the bytecode
    seconds, spent = [], []
    for _ in range(starts):
        with _server(place) as (server, took):
            seconds.append(took)
            spent.append(_cpu(server))
    print(f"exec to /healthz: {_milliseconds(seconds)}; CPU until then: {_milliseconds(spent)}")


def _milliseconds(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:,.0f} ms, least {min(seconds) * 1e3:,.0f}"


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _tell_one(place: Place, idle: float) -> None:
    with _server(place) as (server, _):
        time.sleep(_SETTLED)
        print(f"idle: {server.memory_info().rss / 1e6:,.0f} MB resident", end="")
        before = _cpu(server)
        time.sleep(idle)
        print(f", {(_cpu(server) - before) / idle:.2%} of a core")
        _tell_first_requests(place)
        print(f"after these: {server.memory_info().rss / 1e6:,.0f} MB resident")


def _tell_first_requests(place: Place) -> None:
    print(f"\n{'':<34}{'first ms':>10}{'tenth ms':>10}{'times':>8}")
    for name, status, requests in _kinds(place.scene):
        with contextlib.closing(_Client(place.port)) as client:
            taken = [client.ask(next(requests), status) for _ in range(_TURNS)]
        tenth = statistics.median(taken[-5:])
        print(f"{name:<34}{taken[0] * 1e3:>10.1f}{tenth * 1e3:>10.1f}{taken[0] / tenth:>8.1f}", flush=True)


def _kinds(scene: Scene) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    for path in _OPEN:
        yield path, 200, iter([f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()] * _TURNS)
    for path in _OF_A_KEY:
        asked = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {scene.few}\r\n\r\n"
        yield path, 200, iter([asked.encode()] * _TURNS)
    for line in LINES:
        if line.name not in _LEFT_OUT:
            yield line.title, line.status, line.requests(scene)


def _tell_workers(place: Place) -> None:
    held = {count: _held(place, count) for count in (1, 2, 3)}
    print(f"\none process holds {held[1]:,.0f} MB (Pss); two workers with their parent {held[2]:,.0f}", end="")
    print(f", so the second adds {held[2] - held[1]:,.0f}; the third adds {held[3] - held[2]:,.0f}")


def _held(place: Place, workers: int) -> float:
    """MB of all processes, shared pages divided by those who share them."""
    with _server(place, OPENGRANT_WORKERS=str(workers)) as (server, _):
        time.sleep(_SETTLED)
        family = [server, *server.children()]
        return sum(process.memory_full_info().pss for process in family) / 1e6


if __name__ == "__main__":
    sys.exit(main())
