"""A PostgreSQL server of our own, for tests: Debian's binaries, a fresh directory, a free port on 127.0.0.1."""

import asyncio
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.processes import UNPRIVILEGED, free_ports, tied

_READY = 120.0
"""Seconds the server may take to accept connections, and to make a database."""
_USER = "opengrant"


class Postgres:
    """Starts with `start` (or `with`), serves any number of databases, leaves nothing behind.

    Durable against a killed client, not against a power cut: fsync is off.

    vacuum_every  the time in which PostgreSQL looks at each database, to vacuum its tables
    """

    def __init__(self, *, vacuum_every: str = "1min") -> None:
        self.vacuum_every = vacuum_every
        self.password = secrets.token_hex(16)
        self.port = 0
        self._directory: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._template: str | None = None

    def start(self) -> Self:
        """Raises RuntimeError, with the server's log, when it does not come up."""
        self._directory = Path(tempfile.mkdtemp(prefix="og-pg-"))
        try:
            self._initialise(self._directory)
            for _ in range(3):  # somebody else may take the free port before the server does
                if self._serve(self._directory):
                    return self
            raise RuntimeError(f"PostgreSQL does not start:\n{self._log()}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)  # nothing of it is needed any more
            self._server.wait(timeout=_READY)
            self._server = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
        self._template = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Make a database with our tables, and return its URL. It is a copy: the migrations take four times as long."""
        if self._template is None:
            template = self.create_empty_database()
            with ThreadPoolExecutor() as beside:  # the caller may have a running event loop
                beside.submit(asyncio.run, _migrate(template)).result()
            self._template = template.rpartition("/")[2]
        return self.create_empty_database(self._template)

    def create_empty_database(self, template: str = "template1") -> str:
        """Make a database and return its URL. `template` is one that nobody is connected to; its content is copied."""
        name = f"t{secrets.token_hex(8)}"
        self._psql(f'--command=create database {name} template "{template}"')
        return self.url(name)

    def dump(self, url: str) -> bytes:
        """All that a database of this server holds, as SQL text."""
        # Hex is how bytea is written; as raw bytes a search finds what lies in it.
        done = subprocess.run([_binary("pg_dump"), "--inserts", url], capture_output=True, check=True, timeout=60)
        return done.stdout + b"".join(
            bytes.fromhex(found.decode()) for found in re.findall(rb"\\x((?:[0-9a-f]{2})+)", done.stdout)
        )

    def load(self, url: str, file: Path) -> None:
        """Run a file of SQL, such as a dump, in a database of this server."""
        self._psql(f"--file={file}", url)

    def _psql(self, what: str, url: str | None = None) -> None:
        subprocess.run(
            [_binary("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", what, url or self.url("postgres")],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_READY,
        )

    def _initialise(self, directory: Path) -> None:
        password_file = directory / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        if os.geteuid() == 0:
            for path in (directory, password_file):
                shutil.chown(path, *UNPRIVILEGED)
        command = [
            *tied(refuses_root=True),
            _binary("initdb"),
            f"--pgdata={directory / 'data'}",
            f"--username={_USER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        made = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{made.stderr}")

    def _serve(self, directory: Path) -> bool:
        (self.port,) = free_ports(1)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": directory,
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "autovacuum_naptime": self.vacuum_every,
        }
        command = [*tied("SIGQUIT", refuses_root=True), _binary("postgres"), "-D", str(directory / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (directory / "log").open("ab") as log:
            self._server = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _READY
        ready = [_binary("pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={self.port}"]
        while self._server.poll() is None:
            # Another server may hold the port: then ours is about to end, and must not be taken for ready.
            if (directory / "data" / "postmaster.pid").exists() and subprocess.run(ready, check=False).returncode == 0:
                return True
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL is not ready after {_READY:.0f} s:\n{self._log()}")
            time.sleep(0.05)
        self._server = None
        return False

    def _log(self) -> str:
        log = self._directory / "log" if self._directory else None
        return log.read_text(errors="replace") if log and log.exists() else ""


async def _migrate(url: str) -> None:
    from opengrant.store.engine.open import open_store  # noqa: PLC0415 -- peers start without the project's packages

    store = await open_store(database_url=url, sqlite_path=Path())
    await store.migrate()
    await store.close()


def _binary(name: str) -> str:
    """The newest installed version's; Debian keeps them outside PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return str(found[-1])
