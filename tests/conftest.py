"""Fixtures: peers that are started once a run, a live server per engine, an application per test."""

# ruff: noqa: E402 -- the collector is switched off before the imports
import gc

# What is imported and collected here stays: to look for garbage among it takes a sixth of the time.
gc.disable()

import inspect
import os
import shutil
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import hypothesis
import pytest
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from tests.fakes.oauth import FakeOAuth
from tests.fakes.receiver import Hook, Receiver
from tests.peers.dovecot import Dovecot
from tests.peers.emulate import Emulate
from tests.peers.postfix import Postfix
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, start_logging

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
if "OPENGRANT_EXPLORE" not in os.environ:
    # It also tries the texts and numbers that it finds in our sources. To read all of them in each process, and to
    # compare thousands of texts with each new pattern, takes long; and any new text would change all examples.
    providers._get_local_constants = Constants

# httpx gives up after 5 s where nothing else is said, which says how busy the machine is, too.
for _step in ("connect", "read", "write", "pool"):
    setattr(inspect.signature(httpx.Client).parameters["timeout"].default, _step, 60.0)

_LONG = (
    *("tests/nodes/", "tests/cli/", "tests/api/test_openapi.py", "tests/grants/test_refresh_machine.py"),
    *("tests/web/", "tests/pages/test_browser.py", "tests/signin/", "tests/api/test_refusals.py", "tests/store/"),
    *("tests/mail/test_watching.py", "tests/mail/test_servers.py", "tests/calendars/test_recurrence.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first: the last ones are what idle processes wait for."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Dozens of databases: to look at each every minute costs as much as hundreds of tests.
    with Postgres(vacuum_every="5min") as peer:
        yield peer


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as peer:
        yield peer


@pytest.fixture(scope="session")
def postfix(dovecot: Dovecot) -> Iterator[Postfix]:
    """A mail server that keeps what it is sent; Dovecot's accounts may send."""
    if reason := Postfix.missing():
        pytest.skip(reason)
    with Postfix(dovecot) as peer:
        yield peer


@pytest.fixture(scope="session")
def emulate() -> Iterator[Emulate]:
    with Emulate() as peer:
        yield peer


@pytest.fixture(scope="session")
def fake_provider() -> Iterator[FakeOAuth]:
    with FakeOAuth() as fake:
        yield fake


@pytest.fixture
def provider(fake_provider: FakeOAuth) -> FakeOAuth:
    """The stand-in for Google and Microsoft, forgetful of earlier tests."""
    fake_provider.reset()
    return fake_provider


@pytest.fixture(scope="session")
def log_stream() -> Iterator[BytesIO]:
    """Where every live server of this run logs to."""
    stream = BytesIO()
    writer = start_logging(stream)
    yield stream
    writer.close()


@pytest.fixture
def workdir() -> Iterator[Path]:
    """A directory of the test's own with a short path, outside pytest's."""
    path = Path(tempfile.mkdtemp(prefix="opengrant-test-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres) -> str:
    return postgres.create_database()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def engine_env(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of the database: the suite runs on both."""
    if request.param == "sqlite":
        return {}
    return {"OPENGRANT_DATABASE_URL": request.getfixturevalue("shared_database")}


@pytest.fixture(scope="session")
def sqlite_server(
    fake_provider: FakeOAuth, dovecot: Dovecot, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    env = {**fake_provider.settings(), **dovecot.settings()}
    with LiveServer(env, tmp_path_factory.mktemp("server"), log_stream) as live:
        yield live


@pytest.fixture(scope="session")
def postgres_server(
    shared_database: str,
    fake_provider: FakeOAuth,
    dovecot: Dovecot,
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    env = {"OPENGRANT_DATABASE_URL": shared_database, **fake_provider.settings(), **dovecot.settings()}
    with LiveServer(env, tmp_path_factory.mktemp("server"), log_stream) as live:
        yield live


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, engine_env: dict[str, str]) -> Iterator[LiveServer]:
    """OpenGrant, with the scriptable stand-in as Google and Microsoft, and Dovecot as the mail server.

    From file to file engines take turns; their servers live on, and find the grants of earlier files at rest.
    """
    live: LiveServer = request.getfixturevalue("postgres_server" if engine_env else "sqlite_server")
    live.rows("update grants set due_at = null")
    yield live
    live.assert_no_secret_leaked()
    live.answers.clear()


@pytest.fixture(scope="session")
def emulated(
    engine_env: dict[str, str],
    emulate: Emulate,
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
) -> Iterator[LiveServer]:
    """OpenGrant, with the provider emulator as Google and Microsoft."""
    env = {**engine_env, **emulate.settings()}
    if "OPENGRANT_DATABASE_URL" in env:
        env["OPENGRANT_DATABASE_URL"] = postgres.create_database()
    with LiveServer(env, tmp_path_factory.mktemp("emulated"), log_stream) as live:
        yield live


@pytest.fixture
def tenant(server: LiveServer) -> Iterator[Tenant]:
    """An application of this test's own, with a key."""
    made = server.tenant()
    yield made
    made.http.close()


@pytest.fixture
def stranger(server: LiveServer) -> Iterator[Tenant]:
    """Another application on the same server."""
    made = server.tenant()
    yield made
    made.http.close()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with Receiver() as fake:
        yield fake


@pytest.fixture
def hook(receiver: Receiver) -> Hook:
    """A destination of this test's own."""
    return receiver.hook()


@pytest.fixture(scope="session")
def announcing(
    engine_env: dict[str, str],
    dovecot: Dovecot,
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[LiveServer]:
    """OpenGrant with a database of its own: its deliveries are nobody else's. What has to wait, waits for make_due."""
    patience = {"OPENGRANT_WEBHOOKS__TIMEOUT": "60", "OPENGRANT_WEBHOOKS__EXPIRED_AFTER": "60"}
    env = {**engine_env, **dovecot.settings(), **patience}
    if "OPENGRANT_DATABASE_URL" in env:
        peer: Postgres = request.getfixturevalue("postgres")
        env["OPENGRANT_DATABASE_URL"] = peer.create_database()
    with LiveServer(env, tmp_path_factory.mktemp("announcing"), log_stream) as live:
        yield live


@pytest.fixture
def impatient(announcing: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """That server waits for a receiver's answer for a second."""
    monkeypatch.setattr(announcing.services.delivery_sender.receivers, "timeout", 1.0)


@pytest.fixture
def subscriber(announcing: LiveServer) -> Iterator[Tenant]:
    """An application on the server that announces."""
    made = announcing.tenant()
    yield made
    made.http.close()
