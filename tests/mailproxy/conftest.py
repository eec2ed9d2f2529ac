"""A server whose mail servers are Dovecot, and for tokens fakes that a test chooses."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.beside import Beside, Junction
from tests.fakes.mail import Certificates
from tests.fakes.oauth import FakeOAuth
from tests.mailproxy.support import Proxied, key_of
from tests.peers.dovecot import Dovecot
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, data, imap

ALICE = "alice@example.test"


@pytest.fixture(scope="package")
def certificates() -> Iterator[Certificates]:
    made = Certificates()
    yield made
    made.close()


@dataclass(frozen=True)
class MailPlaces:
    """Where Google's mail servers are, as the server's settings say: a test puts one there."""

    imap: Junction
    smtp: Junction


@pytest.fixture(scope="package")
def beside() -> Iterator[Beside]:
    with Beside() as thread:
        yield thread


@pytest.fixture(scope="package")
def google_mail(beside: Beside) -> MailPlaces:
    return MailPlaces(beside.enter(Junction(9)), beside.enter(Junction(9)))


@pytest.fixture(scope="package")
def server(
    engine_env: dict[str, str],
    fake_provider: FakeOAuth,
    dovecot: Dovecot,
    certificates: Certificates,
    google_mail: MailPlaces,
    postgres: Postgres,
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    directory = tmp_path_factory.mktemp("proxied")
    authorities = directory / "ca.pem"
    authorities.write_text("".join(Path(one.ca_file).read_text() for one in (dovecot, certificates)))
    env = {
        **engine_env,
        **fake_provider.settings(),
        **dovecot.settings(),
        "OPENGRANT_OUTBOUND__CA_FILE": str(authorities),
        "OPENGRANT_GOOGLE__IMAP_HOST": "localhost",
        "OPENGRANT_GOOGLE__IMAP_PORT": str(google_mail.imap.port),
        "OPENGRANT_GOOGLE__SMTP_HOST": "localhost",
        "OPENGRANT_GOOGLE__SMTP_PORT": str(google_mail.smtp.port),
    }
    if "OPENGRANT_DATABASE_URL" in env:
        env["OPENGRANT_DATABASE_URL"] = postgres.create_database()
    with LiveServer(env, directory, log_stream) as live:
        yield live


@pytest.fixture
def proxied(server: LiveServer) -> Iterator[Proxied]:
    with Proxied(server) as proxy:
        yield proxy


@pytest.fixture
def grant(tenant: Tenant, dovecot: Dovecot) -> Any:
    """Alice's mailbox at Dovecot."""
    tenant.connector("imap")
    return data(tenant.connect("imap", imap(dovecot, ALICE)))


@pytest.fixture
def key(tenant: Tenant) -> str:
    return key_of(tenant, "grants.proxy")
