"""`python -m bench.peers`: the same work by OpenGrant, EmailEngine and Nango, as CPU of product and database together.

It starts a real Dovecot, one token server and OpenGrant, prints their addresses, and measures those of the peers that
it was told of. How to start these: bench/peers.md.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from tests.peers.dovecot import Dovecot
from tests.peers.postgres import Postgres

from bench.databases import CLIENT
from bench.load import Unexpected
from bench.remotes import DIGITS, REFRESH_TAIL, SCOPE
from bench.report import about_the_machine
from bench.stage import Engine, certificates, environment, first_line, logged, process, run

PROVE, READ, IMPORT, TOKEN, REFRESH = (
    "prove IMAP and SMTP, store",
    "read an account",
    "import a refresh token, proven",
    "token from the store",
    "refresh",
)
_AT_ONCE = 8
_PASSWORD = "correct horse"
_SETTLED = 6.0
"""Seconds between two kinds of work: what the last one left to do is done, and no recent result counts."""
_PATIENCE = 600.0
"""Seconds in which a peer must have been started."""

Work = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Remotes:
    """What all of them ask. The numbered accounts are in Dovecot's list of users."""

    dovecot: Dovecot
    http: int

    def login(self, number: int) -> tuple[str, str]:
        return f"user{number}@example.test", _PASSWORD


@dataclass(frozen=True, slots=True)
class Product:
    """A product, its processes with those of its database, and the work it can do, by name; a number is an account."""

    name: str
    processes: Callable[[], list[psutil.Process]]
    works: Mapping[str, Work]
    spent: dict[str, float] = field(default_factory=dict)

    def cpu(self) -> float:
        """Seconds so far, those of children that have ended included."""
        total = 0.0
        for one in self.processes():
            with contextlib.suppress(psutil.Error):  # it has just ended
                times = one.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total


class Caller:
    """JSON over HTTP with one header. Raises Unexpected for a status of 400 and above."""

    def __init__(self, url: str, authorization: str) -> None:
        self.place, self.authorization = urlsplit(url), authorization

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self.place.hostname or "", self.place.port, timeout=60)
        with contextlib.closing(connection):
            headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        if answer.status >= 400:
            raise Unexpected(f"{method} {path} was answered {answer.status}: {content[:300]!r}")
        return json.loads(content) if content else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.peers", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite", help="OpenGrant's database")
    parser.add_argument("--accounts", type=int, default=200, help="how often each thing is done; 200")
    for name, key in (("emailengine", "access token"), ("nango", "secret key")):
        parser.add_argument(f"--{name}", metavar="URL")
        parser.add_argument(f"--{name}-key", default="", help=f"its {key}")
        parser.add_argument(
            f"--{name}-processes", default=name, metavar="REGEX", help="command lines, with its database's"
        )
    chosen = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    with contextlib.ExitStack() as opened:
        remotes, ports, directory = _remotes(chosen.accounts, opened)
        products = [_opengrant(chosen.engine, remotes, ports, directory, opened)]
        products += [found for found in (_emailengine(chosen, remotes), _nango(chosen)) if found is not None]
        for name in (PROVE, READ, IMPORT, TOKEN, REFRESH):
            for product in products:
                if name in product.works:
                    product.spent[name] = _measure(product, product.works[name], chosen.accounts)
    _print(products)
    return 0


def _remotes(accounts: int, opened: contextlib.ExitStack) -> tuple[Remotes, dict[str, int], Path]:
    directory = Path(tempfile.mkdtemp(prefix="opengrant-bench-"))
    opened.callback(shutil.rmtree, directory)
    dovecot = opened.enter_context(Dovecot())
    with (dovecot.dir / "users").open("a", encoding="utf-8") as users:
        users.writelines(f"user{number}@example.test:{{PLAIN}}{_PASSWORD}\n" for number in range(accounts))
    time.sleep(1.1)  # Dovecot looks at the file once a second at most
    certificate, _ = certificates(directory)
    ports = first_line(opened.enter_context(process("bench.remotes", str(certificate), log=directory / "remotes.log")))
    print(f"Dovecot: IMAP 127.0.0.1:{dovecot.imaps}, SMTP 127.0.0.1:{dovecot.submissions}, both with TLS")
    print(f"its CA: {dovecot.ca_file}")
    print(f"token endpoint: http://127.0.0.1:{ports['http']}/google/token", flush=True)
    return Remotes(dovecot, ports["http"]), ports, directory


def _measure(product: Product, work: Work, accounts: int) -> float:
    """Seconds of CPU for each account."""
    work(0)  # what is made with the first request of its kind is not counted
    time.sleep(_SETTLED)
    before = product.cpu()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(work, range(1, accounts)))
    return (product.cpu() - before) / (accounts - 1)


def _print(products: list[Product]) -> None:
    print(f"\n{'ms of CPU each':<34}" + "".join(f"{product.name:>24}" for product in products))
    ours = products[0].spent
    for name, seconds in ours.items():
        cells = [f"{seconds * 1e3:.2f}"]
        for peer in products[1:]:
            theirs = peer.spent.get(name)
            cells.append("-" if theirs is None else f"{theirs * 1e3:.2f} ({theirs / seconds:.1f} times)")
        print(f"{name:<34}" + "".join(f"{cell:>24}" for cell in cells))
    for absent in {"EmailEngine", "Nango"} - {product.name for product in products}:
        print(f"{absent}: absent, so there is no ratio to it. See bench/peers.md.")


# ── the products ──────────────────────────────────────────────────────────────────────────────────────────────


def _opengrant(
    engine: Engine, remotes: Remotes, ports: dict[str, int], directory: Path, opened: contextlib.ExitStack
) -> Product:
    postgres = opened.enter_context(Postgres()) if engine == "postgres" else None
    url = None if postgres is None else postgres.create_empty_database()
    settings = environment(directory / "data", url, remotes.dovecot.ca_file, ports)
    log = directory / "opengrant.log"
    command = [sys.executable, "-m", "opengrant"]
    started = opened.enter_context(run([*command, "serve"], log, settings))
    url = logged(log, "serving")["url"]
    permissions = ["--permission", "all", "--permission", "grants.token"]  # tokens are handed out to such keys alone
    made = subprocess.run(
        [*command, "keys", "create", *permissions, "--json"], env=settings, check=True, stdout=subprocess.PIPE
    )
    ask = Caller(url, f"Bearer {json.loads(made.stdout)['api_key']}")
    ask("POST", "/v3/connectors", {"provider": "imap"})
    ask("POST", "/v3/connectors", {"provider": "google", "settings": CLIENT, "scope": SCOPE.split()})
    mailboxes: dict[int, str] = {}
    imported: dict[int, str] = {}

    def connect(provider: str, settings: Any) -> str:
        body = {"provider": provider, "settings": settings}
        return str(ask("POST", "/v3/connect/custom", body)["data"]["id"])

    def prove(number: int) -> None:
        mailboxes[number] = connect("imap", _imap_settings(remotes, number))

    def bring(number: int) -> None:
        imported[number] = connect("google", {"refresh_token": f"1//{number:0{DIGITS}}{REFRESH_TAIL}"})

    def token(number: int) -> None:
        ask("POST", f"/v3/grants/{imported[number]}/token", {"reason": "bench"})

    return Product(
        "OpenGrant",
        lambda: [psutil.Process(started.pid), *_of_postgres(postgres)],
        {
            PROVE: prove,
            READ: lambda number: ask("GET", f"/v3/grants/{mailboxes[number]}") and None,
            IMPORT: bring,
            TOKEN: token,
            REFRESH: lambda number: ask("POST", f"/v3/grants/{imported[number]}/check") and None,
        },
    )


def _imap_settings(remotes: Remotes, number: int) -> dict[str, Any]:
    name, password = remotes.login(number)
    return {
        "imap_username": name,
        "imap_password": password,
        "imap_host": "127.0.0.1",
        "imap_port": remotes.dovecot.imaps,
        "smtp_host": "127.0.0.1",
        "smtp_port": remotes.dovecot.submissions,
    }


def _of_postgres(postgres: Postgres | None) -> Iterator[psutil.Process]:
    for child in psutil.Process().children() if postgres is not None else ():
        if any(f"port={postgres.port}" in part for part in child.cmdline()):
            yield child
            yield from child.children()


def _emailengine(chosen: argparse.Namespace, remotes: Remotes) -> Product | None:
    """Registering an account does not prove it, so that it is proven first."""
    if chosen.emailengine is None:
        return None
    ask = _started(chosen.emailengine, f"Bearer {chosen.emailengine_key}", "/v1/stats")

    def prove(number: int) -> None:
        user, password = remotes.login(number)
        place = {"host": "127.0.0.1", "secure": True, "auth": {"user": user, "pass": password}}
        servers = {
            "imap": {**place, "port": remotes.dovecot.imaps},
            "smtp": {**place, "port": remotes.dovecot.submissions},
        }
        found = ask("POST", "/v1/verifyAccount", servers)
        if not (found["imap"]["success"] and found["smtp"]["success"]):
            raise Unexpected(f"EmailEngine does not reach Dovecot: {found}")
        ask("POST", "/v1/account", {"account": f"bench-{number}", "name": user, "email": user, **servers})

    return Product(
        "EmailEngine",
        _matching(chosen.emailengine_processes),
        {PROVE: prove, READ: lambda number: ask("GET", f"/v1/account/bench-{number}") and None},
    )


def _nango(chosen: argparse.Namespace) -> Product | None:
    """Importing a connection does not prove it, so that its token is refreshed at once."""
    if chosen.nango is None:
        return None
    ask = _started(chosen.nango, f"Bearer {chosen.nango_key}", "/integrations")

    def get(number: int, more: str = "") -> None:
        ask("GET", f"/connections/bench-{number}?provider_config_key=bench{more}")

    def refresh(number: int) -> None:
        get(number, "&force_refresh=true")

    def bring(number: int) -> None:
        credentials = {
            "type": "OAUTH2",
            "access_token": "unknown",
            "refresh_token": f"1//{number:0{DIGITS}}{REFRESH_TAIL}",
            "expires_at": "2020-01-01T00:00:00Z",
        }
        named = {"provider_config_key": "bench", "connection_id": f"bench-{number}"}
        ask("POST", "/connections", {**named, "credentials": credentials})
        refresh(number)

    return Product("Nango", _matching(chosen.nango_processes), {IMPORT: bring, TOKEN: get, REFRESH: refresh})


def _started(url: str, authorization: str, path: str) -> Caller:
    """Wait until the peer answers: it may need the addresses that were printed. Raises Unexpected."""
    ask, deadline = Caller(url, authorization), time.monotonic() + _PATIENCE
    while True:
        try:
            ask("GET", path)
        except (OSError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise Unexpected(f"nothing answers at {url}") from None
            time.sleep(1)
        else:
            return ask


def _matching(pattern: str) -> Callable[[], list[psutil.Process]]:
    wanted = re.compile(pattern)

    def find() -> list[psutil.Process]:
        found = psutil.process_iter(["cmdline"])
        return [one for one in found if one.pid != os.getpid() and wanted.search(" ".join(one.info["cmdline"] or ()))]

    return find


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unexpected as problem:
        sys.exit(f"bench: {problem}")
