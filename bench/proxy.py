"""`python -m bench.proxy`: what the mail proxy adds to a round trip, and what a session holds.

The mail server is a real Dovecot behind TLS, asked directly and through `opengrant serve`, in turns. A trip is a NOOP.
"""

import argparse
import contextlib
import json
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import trustme
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.peers.processes import free_ports

from bench.load import Unexpected
from bench.mailboxes import PATIENCE, cpu, serving
from bench.report import about_the_machine

_EACH = 15
"""Sessions of one grant; the proxy allows no more."""
_LARGE = 5_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A running server. logins: user names that the proxy takes, with a key for all of them."""

    dovecot: Dovecot
    process: psutil.Process
    port: int
    trust: ssl.SSLContext
    logins: list[str]
    key: str


class Client:
    """An IMAP connection that is logged in."""

    def __init__(self, port: int, trust: ssl.SSLContext, username: str, password: str) -> None:
        raw = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = trust.wrap_socket(raw, server_hostname="localhost")
        self._file = self._socket.makefile("rb")
        self._file.readline()
        quoted = password.replace("\\", "\\\\").replace('"', '\\"')
        self.ask(f'LOGIN "{username}" "{quoted}"'.encode())

    def ask(self, command: bytes) -> float:
        """Seconds until the command is done."""
        began = time.perf_counter()
        self._socket.sendall(b"a " + command + b"\r\n")
        self._answered(command)
        return time.perf_counter() - began

    def append(self, message: bytes, where: bytes = b"INBOX") -> None:
        """where: the folder, and more that comes before the message."""
        self.ask(b"APPEND %b {%d}" % (where, len(message)))
        self._socket.sendall(message + b"\r\n")
        self._answered(b"APPEND")

    def _answered(self, command: bytes) -> None:
        while not (line := self._file.readline()).startswith(b"a "):
            if not line or line.startswith(b"+"):
                break
        if not line.startswith((b"a OK", b"+")):
            raise Unexpected(f"{command[:40]!r} was answered by {line!r}")

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.proxy", description=__doc__)
    parser.add_argument("--trips", type=int, default=2000, help="round trips of each turn; 2000")
    chosen = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    with _place() as place:
        _tell_trips(place, chosen.trips)
        _tell_sessions(place)
    return 0


def _tell_trips(place: Place, trips: int) -> None:
    name, password = next(iter(ACCOUNTS.items()))
    theirs = ssl.create_default_context(cafile=str(place.dovecot.ca_file))
    direct = Client(place.dovecot.imaps, theirs, name, password)
    ours = Client(place.port, place.trust, place.logins[0], place.key)
    for client in (direct, ours):
        _median(client, 200)
    turns = [(_median(direct, trips), _median(ours, trips)) for _ in range(3)]
    before = cpu(place.process)
    _median(ours, trips)
    spent = (cpu(place.process) - before) / trips
    there, through = (min(turn[side] for turn in turns) for side in (0, 1))
    print(
        f"round trip: {there * 1e3:.3f} ms direct, {through * 1e3:.3f} ms through the proxy, {spent * 1e6:.0f} µs CPU"
    )
    direct.close()
    ours.close()


def _median(client: Client, trips: int) -> float:
    return statistics.median(client.ask(b"NOOP") for _ in range(trips))


def _tell_sessions(place: Place) -> None:
    first = Client(place.port, place.trust, place.logins[0], place.key)
    first.append(b"x" * _LARGE)
    time.sleep(1)
    before = place.process.memory_info().rss
    began = time.perf_counter()
    clients = [Client(place.port, place.trust, name, place.key) for name in place.logins[1:] for _ in range(_EACH)]
    each = (time.perf_counter() - began) / len(clients)
    time.sleep(1)
    idle = (place.process.memory_info().rss - before) / len(clients)
    for client in clients:
        client.append(b"x" * _LARGE)
    used = (place.process.memory_info().rss - before) / len(clients)
    print(
        f"{len(clients)} sessions: {each * 1e3:.1f} ms a login, {idle / 1e3:.0f} KB each,"
        f" {used / 1e3:.0f} KB after {_LARGE // 1_000_000} MB through each"
    )
    for client in [first, *clients]:
        client.close()


@contextlib.contextmanager
def _place() -> Iterator[Place]:
    with contextlib.ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="opengrant-bench-")))
        authority, certificate = trustme.CA(), directory / "proxy.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        (port,) = free_ports(1)
        settings = {"OPENGRANT_PROXY__IMAP_PORT": str(port), "OPENGRANT_PROXY__CERTIFICATE": str(certificate)}
        served = opened.enter_context(serving(settings))
        logins = list(served.grants.values())
        if len(logins) < 2:
            raise Unexpected("Too few mailboxes could be connected.")
        made = subprocess.run(
            [sys.executable, "-m", "opengrant", "keys", "create", "--permission", "grants.proxy", "--json"],
            env=served.settings,
            capture_output=True,
            check=True,
        )
        yield Place(served.dovecot, served.process, port, trust, logins, json.loads(made.stdout)["api_key"])


if __name__ == "__main__":
    sys.exit(main())
