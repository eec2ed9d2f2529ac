"""`opengrant serve` beside a real Dovecot, with a grant for each mailbox, as the benchmarks of mail have it."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.peers.processes import free_ports

from bench.load import Unexpected
from bench.stage import run

KEY = "bench-" + "k" * 40
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """A running server. grants: ids by the name of the account; settings: its environment; http: speaks to it."""

    dovecot: Dovecot
    process: psutil.Process
    grants: dict[str, str]
    settings: dict[str, str]
    http: httpx.Client


@contextlib.contextmanager
def serving(
    more: Mapping[str, str] | None = None,
    *,
    accounts: Mapping[str, str] = ACCOUNTS,
    launch: tuple[str, ...] = ("-m", "opengrant"),
    dovecot_more: str = "",
) -> Iterator[Place]:
    """more, dovecot_more: further settings; accounts: user names and passwords; launch: as of `bench.stage.stage`."""
    with contextlib.ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="opengrant-bench-")))
        dovecot = opened.enter_context(Dovecot(dovecot_more, accounts=accounts))
        (port,) = free_ports(1)
        settings = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OPENGRANT_")},
            **dovecot.settings(),
            "OPENGRANT_DATA_DIR": str(directory / "data"),
            "OPENGRANT_PORT": str(port),
            "OPENGRANT_BOOTSTRAP_API_KEY": KEY,
            **(more or {}),
        }
        log = directory / "opengrant.log"
        server = opened.enter_context(run([sys.executable, *launch, "serve"], log, settings))
        headers = {"Authorization": f"Bearer {KEY}"}
        http = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=PATIENCE)
        opened.enter_context(http)
        _wait(http, log)
        yield Place(dovecot, psutil.Process(server.pid), _connect(http, dovecot, accounts), settings, http)


def cpu(process: psutil.Process) -> float:
    """Seconds of all its threads."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _wait(http: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if http.get("/healthz").status_code == 200:
                return
        time.sleep(0.1)
    raise Unexpected(f"OpenGrant does not start:\n{log.read_text()}")


def _connect(http: httpx.Client, dovecot: Dovecot, accounts: Mapping[str, str]) -> dict[str, str]:
    http.post("/v3/connectors", json={"provider": "imap"}).raise_for_status()
    grants = dict[str, str]()
    for name, password in accounts.items():
        held = {"imap_username": name, "imap_password": password, "imap_host": ELSEWHERE, "imap_port": dovecot.imaps}
        made = http.post("/v3/connect/custom", json={"provider": "imap", "settings": held})
        if made.status_code == 201:  # a login that is no address is refused
            grants[name] = made.json()["data"]["id"]
    return grants
