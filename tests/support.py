"""A live OpenGrant for tests: the real server on a real socket, in a thread with an event loop of its own."""

import asyncio
import contextlib
import logging
import socket
import ssl
import tarfile
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import httpx
import uvicorn
import uvloop

from opengrant import logs
from opengrant.assembly.installation import Installation, installation
from opengrant.grants.connect.connect import Connect
from opengrant.model import Application, Clock, IdentityRule, Micros
from opengrant.server.asgi import asgi
from opengrant.server.sockets import listen, url_of
from opengrant.server.uvicorn_server import config
from opengrant.settings import Settings
from opengrant.store.engine.port import Row, Statement, Steps, Store, StoreUnavailable
from tests.peers.cyrus import Cyrus
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot

T = TypeVar("T")

MARK = "sEcReT"
"""Every secret a test sends contains it, so that it can be looked for where it must never be."""


_PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For plain HTTP: loading certificate authorities would take longer than most tests do, and one for each client as
long as a request."""


def secret(hint: str = "") -> str:
    return f"{MARK}-{hint}-{uuid.uuid4().hex}"


@dataclass
class Tenant:
    """An application with an API key, and a client that speaks for it."""

    application: Application
    api_key: str
    http: httpx.Client
    server: "LiveServer"

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.http.post(path, json=body, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, **more)

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.http.patch(path, json=body)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self.http.put(path, json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.http.delete(path)

    def connector(self, provider: str, **body: Any) -> dict[str, Any]:
        """Make a connector; for OAuth providers with the client that the stand-ins know."""
        if provider in {"google", "microsoft", "yahoo", "zoom"}:
            body.setdefault("settings", {"client_id": "client", "client_secret": secret("client")})
        answer = self.post("/v3/connectors", {"provider": provider, **body})
        assert answer.status_code == 201, answer.text
        return data(answer)

    def connect(self, provider: str, settings: Mapping[str, Any], **more: Any) -> httpx.Response:
        return self.post("/v3/connect/custom", {"provider": provider, "settings": settings, **more})

    def grants(self) -> int:
        """How many grants this application has in the database."""
        sql = "select count(*) from grants where application_id = $1"
        return int(self.server.rows(sql, self.application.id)[0][0])

    def events(self) -> list[tuple[str, str]]:
        """(type, payload) of everything that happened to this application's grants, in order."""
        sql = "select type, payload from events where application_id = $1 and payload <> '{}' order by created_at, id"
        return [(row[0], row[1]) for row in self.server.rows(sql, self.application.id)]


def unpack(archive: Path, place: Path) -> None:
    """An archive of ours. Python before 3.11.4, as Debian 12 has it, takes no filter, and needs none for it."""
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        packed.extractall(place)


def importer(tenant: Tenant) -> str:
    """An API key that may choose the ids of grants."""
    server = tenant.server
    made = server.services.api_keys.create(
        tenant.application, "importer", lifetime=None, permissions=("all", "grants.import")
    )
    return str(server.call(made).secret.get_secret_value())


class Interrupted:
    """A server's own store, where something else happens between what a caller has read and the first it writes."""

    def __init__(self, store: Store, meanwhile: Callable[[], object]) -> None:
        self.dialect = store.dialect
        self.read, self.migrate, self.pending, self.close = store.read, store.migrate, store.pending, store.close
        self.write_soon, self.write_many = store.write_soon, store.write_many
        self._store, self._meanwhile = store, meanwhile
        self._happened = False

    async def write(self, steps: Steps[T]) -> T:
        if not self._happened:
            self._happened = True
            await asyncio.to_thread(self._meanwhile)
        return await self._store.write(steps)


def on_store(connect: Connect, db: Store, *, clock: Clock | None = None) -> Connect:
    """The same service on another store, and on another clock where one is given."""
    clock = clock or connect.exchange.clock
    rotated = replace(connect.exchange.rotated, db=db, clock=clock)
    return replace(
        connect,
        db=db,
        exchange=replace(connect.exchange, db=db, rotated=rotated, clock=clock),
        record=replace(connect.record, db=db, rows=replace(connect.record.rows, clock=clock)),
    )


class Away:
    """A server's own store, which cannot write any more once scripts have returned so many of these."""

    def __init__(self, store: Store, after: type, *, times: int = 1) -> None:
        self.dialect = store.dialect
        self.read, self.migrate, self.pending, self.close = store.read, store.migrate, store.pending, store.close
        self.write_soon, self.write_many = store.write_soon, store.write_many
        self._store, self._after = store, after
        self._left = times

    async def write(self, steps: Steps[T]) -> T:
        if not self._left:
            steps.close()
            raise StoreUnavailable("The database is away.")
        written = await self._store.write(steps)
        self._left -= isinstance(written, self._after)
        return written


def imap(server: Dovecot | Cyrus, username: str, **more: Any) -> dict[str, Any]:
    """The settings of a connect/custom request for one of a server's accounts, with both legs where it has both."""
    hosts: dict[str, Any] = {"imap_host": ELSEWHERE, "imap_port": server.imaps}
    if isinstance(server, Dovecot):
        hosts |= {"smtp_host": ELSEWHERE, "smtp_port": server.submissions}
    return {"imap_username": username, "imap_password": ACCOUNTS[username], **hosts, **more}


def data(answer: httpx.Response) -> Any:
    return answer.json()["data"]


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """(status, type, message) of an error answer, after checking its envelope."""
    body = answer.json()
    assert set(body) == {"request_id", "error"}, body
    assert set(body["error"]) <= {"type", "message", "provider_error"}, body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == body["request_id"]
    return answer.status_code, body["error"]["type"], body["error"]["message"]


@dataclass
class LiveServer:
    """Start and stop with `with`. Everything it answers and logs is kept, to be searched for secrets."""

    env: Mapping[str, str]
    directory: Path
    log: BytesIO = field(default_factory=BytesIO)
    answers: list[str] = field(default_factory=list)

    def __enter__(self) -> "LiveServer":
        self._loop = uvloop.new_event_loop()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="live server", daemon=True)
        self._thread.start()
        assert self._ready.wait(60), "the server did not start"
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive(), f"the server did not stop: {self._under_way()}"
        self.assert_no_secret_leaked()

    def _under_way(self) -> list[str]:
        """What a server that does not stop is waiting for."""
        return [f"{task.get_name()} in {task.get_stack()}" for task in asyncio.all_tasks(self._loop)]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as failure:  # noqa: BLE001 -- handed to the thread that waits
            self._failure = failure
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        settings = settings_from(
            {"OPENGRANT_PORT": "0", "OPENGRANT_DATA_DIR": str(self.directory / "data"), **self.env}
        )
        bound = listen(settings)
        self.url = url_of(bound)
        with bound:
            await self._serve_on(settings, bound)

    async def _serve_on(self, settings: Settings, bound: socket.socket) -> None:
        async with installation(settings) as self.installed:
            # A hash that resists attackers takes a quarter of a second; tests/providers/test_agent.py makes some.
            self.services.connect.prove.providers.passwords.agent_account.cost = 4
            configured = config(settings, asgi(self.installed))
            self._server = _Server(configured)
            self._server.ready = self._ready
            await self._server.serve(sockets=[bound])

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    @property
    def services(self) -> Any:
        return self.installed.services

    def now(self) -> Micros:
        """By the server's clock. On PostgreSQL that is the database's, which differs by what reading it has taken."""
        return int(self.services.deliveries.clock())

    def rows(self, sql: str, *args: Any) -> Sequence[Row]:
        def script() -> Steps[Sequence[Row]]:
            return (yield Statement(sql, args))

        return self.call(self.services.db.write(script()))

    def tenant(self, *, identity: IdentityRule = "email", name: str = "test") -> Tenant:
        """A fresh application, so that no test sees another's rows."""
        applications = self.services.applications
        application = self.call(applications.create(name, identity_rule=identity))
        key = self.call(self.services.api_keys.create(application, "test", lifetime=None)).secret.get_secret_value()
        return Tenant(application, key, self.client(key), self)

    def client(self, api_key: str | None) -> httpx.Client:
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        hooks = {"response": [self._remember]}
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=90, event_hooks=hooks, trust_env=False, verify=_PLAIN
        )

    def _remember(self, answer: httpx.Response) -> None:
        answer.read()
        self.answers.append(f"{answer.headers} {answer.text}")

    def assert_no_secret_leaked(self) -> None:
        written = _not_yet_searched(self.log)
        for mark in (MARK, *ACCOUNTS.values()):
            assert mark not in written, "a secret is in the log"
            assert not any(mark in answer for answer in self.answers), "a secret is in an answer"


_searched: WeakKeyDictionary[BytesIO, int] = WeakKeyDictionary()


def _not_yet_searched(log: BytesIO) -> str:
    """What is new in a log since the last call: all servers of a run share one, so it becomes long."""
    new = log.getvalue()[_searched.get(log, 0) :]
    # A line that is not complete is searched with the next ones.
    _searched[log] = _searched.get(log, 0) + new.rfind(b"\n") + 1
    return new.decode()


class _Server(uvicorn.Server):
    """Tells when it serves, and leaves the process's signals alone: it runs in a thread."""

    ready: threading.Event

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


def settings_from(env: Mapping[str, str]) -> Settings:
    """Settings as the process environment would give them, without touching it."""
    nested: dict[str, Any] = {}
    for name, value in env.items():
        *groups, last = name.removeprefix("OPENGRANT_").lower().split("__")
        target = nested
        for group in groups:
            target = target.setdefault(group, {})
        target[last] = value
    return Settings(**nested)


def start_logging(stream: BytesIO) -> logs.LogWriter:
    # The tests' own client runs in this process, and writes down the addresses that it is redirected to.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return logs.configure("debug", stream)


def set_in_refresh(part: Any, **values: Any) -> None:
    """Give new values to the fields of these names, in the part of grants/refresh and in all parts that it holds."""
    for one in fields(part):
        held = getattr(part, one.name)
        if one.name in values:
            object.__setattr__(part, one.name, values[one.name])
        elif is_dataclass(held) and type(held).__module__.startswith("opengrant.grants.refresh."):
            set_in_refresh(held, **values)


@contextlib.contextmanager
def clock_stands(server: LiveServer, at: Micros | None = None) -> Iterator[None]:
    """For refreshes it is `at`, or now."""
    refresh = server.services.refresh
    # The server's clock, not this machine's: on PostgreSQL it is the database's, which may be some milliseconds ahead.
    clock = refresh.due.clock
    held = clock() if at is None else at
    set_in_refresh(refresh, clock=lambda: held)
    try:
        yield
    finally:
        set_in_refresh(refresh, clock=clock)


async def rounds(server: LiveServer) -> None:
    """What the clock does until nothing is due.

    It takes no time: what has just failed is not due again, however slow the machine.
    """
    refresh = server.services.refresh
    with clock_stands(server):
        while await refresh.due.run_round():
            pass
        await refresh.drain()


__all__ = [
    "MARK",
    "Away",
    "Installation",
    "Interrupted",
    "LiveServer",
    "Tenant",
    "clock_stands",
    "data",
    "imap",
    "importer",
    "problem",
    "rounds",
    "secret",
    "set_in_refresh",
    "settings_from",
    "start_logging",
]
