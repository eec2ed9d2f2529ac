"""OpenGrant with a peer or stand-in behind each of its nine providers, and requests that they accept.

A module takes it by making `every_provider` its `server`. iCloud's addresses are settings: a junction stands at each,
so that a test may put another server there than the real one.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.beside import Beside, Junction
from tests.fakes.dns import FakeDns
from tests.fakes.ews import PASSWORD as EWS_PASSWORD
from tests.fakes.ews import USER as EWS_USER
from tests.fakes.ews import FakeExchange
from tests.fakes.mail import Certificates
from tests.fakes.oauth import TENANT, FakeOAuth
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.peers.postgres import Postgres
from tests.peers.radicale import Radicale
from tests.support import LiveServer, Tenant, data, imap, secret

ALICE = "alice@example.test"
SCOPE = "https://www.googleapis.com/auth/calendar"

EMAILS = {
    "google refresh": "google@example.com",
    "microsoft refresh": "microsoft@example.com",
    "yahoo refresh": "yahoo@example.com",
    "zoom refresh": "zoom@example.com",
    "google override": "google@example.com",
    "microsoft override": "microsoft@example.com",
    "yahoo override": "yahoo@example.com",
    "zoom override": "zoom@example.com",
    "google bulk": "di@contoso.test",
    "microsoft bulk": "cy@contoso.test",
    "imap": ALICE,
    "icloud": ALICE,
    "ews": EWS_USER,
    "virtual-calendar": "room-7",
    "nylas": "sales@agents.example.test",
}
"""The ten ways in, with each provider's refresh token apart, and whose mailbox the accepted request is of."""

Ask = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Apple:
    """What stands at iCloud's three addresses."""

    imap: Junction
    smtp: Junction
    caldav: Junction

    def as_usual(self) -> None:
        for junction in (self.imap, self.smtp, self.caldav):
            junction.leads_to = junction.usual


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a provider's words mean knows no engine: of the table of test_refusals.py, PostgreSQL sees one row for each
    variant and answer. That nothing is stored is proven there too."""
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    seen = set()
    for item in items:
        case = _refusal(item)
        (left_out if case in seen else kept).append(item)
        seen.add(case)
        seen.discard(None)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


def _refusal(item: pytest.Item) -> tuple[str, object, object] | None:
    """(test, variant, what the caller is told) of a refusal on PostgreSQL."""
    if item.path.name != "test_refusals.py" or not isinstance(item, pytest.Function):
        return None
    given = item.callspec.params
    if given["engine_env"] != "postgres":
        return None
    told = given["told"] if "told" in given else getattr(given.get("row"), "told", None)
    return item.originalname, given.get("variant"), told


@pytest.fixture(scope="module")
def radicale() -> Iterator[Radicale]:
    with Radicale({ALICE: ACCOUNTS[ALICE]}) as peer:
        yield peer


@pytest.fixture(scope="module")
def running_exchange() -> Iterator[FakeExchange]:
    with FakeExchange() as fake:
        yield fake


@pytest.fixture
def exchange(running_exchange: FakeExchange) -> FakeExchange:
    """The Exchange server, forgetful of earlier tests."""
    running_exchange.reset()
    return running_exchange


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    made = Certificates()
    yield made
    made.close()


@pytest.fixture(scope="module")
def name_server() -> Iterator[FakeDns]:
    """A name server: no test asks the machine's own."""
    with Beside() as beside:
        yield beside.enter(FakeDns({("example.test", "TXT"): ["x"]}, {"broken.test": "SERVFAIL"}))


@pytest.fixture(scope="module")
def apple_addresses(dovecot: Dovecot, radicale: Radicale) -> Iterator[Apple]:
    with Beside() as beside:
        yield Apple(*(beside.enter(Junction(port)) for port in (dovecot.imaps, dovecot.submissions, radicale.port)))


@pytest.fixture
def apple(apple_addresses: Apple) -> Apple:
    """iCloud, forgetful of earlier tests."""
    apple_addresses.as_usual()
    return apple_addresses


@pytest.fixture(scope="module")
def every_provider(
    engine_env: dict[str, str],
    fake_provider: FakeOAuth,
    dovecot: Dovecot,
    radicale: Radicale,
    running_exchange: FakeExchange,
    apple_addresses: Apple,
    certificates: Certificates,
    name_server: FakeDns,
    postgres: Postgres,
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    directory = tmp_path_factory.mktemp("ten")
    authorities = directory / "ca.pem"
    peers = (dovecot, radicale, running_exchange, certificates)
    authorities.write_text("".join(Path(one.ca_file).read_text() for one in peers))
    env = {
        **engine_env,
        **fake_provider.settings(),
        **dovecot.settings(),
        "OPENGRANT_OUTBOUND__CA_FILE": str(authorities),
        "OPENGRANT_OUTBOUND__DNS_SERVERS": name_server.address,
        "OPENGRANT_IMAP__ISPDB_URL": "",
        "OPENGRANT_ICLOUD__IMAP_HOST": "localhost",
        "OPENGRANT_ICLOUD__IMAP_PORT": str(apple_addresses.imap.port),
        "OPENGRANT_ICLOUD__SMTP_HOST": "localhost",
        "OPENGRANT_ICLOUD__SMTP_PORT": str(apple_addresses.smtp.port),
        "OPENGRANT_ICLOUD__CALDAV_URL": f"https://localhost:{apple_addresses.caldav.port}/",
    }
    if "OPENGRANT_DATABASE_URL" in env:
        env["OPENGRANT_DATABASE_URL"] = postgres.create_database()
    with LiveServer(env, directory, log_stream) as live:
        organization = live.call(live.services.service_accounts.organization()).id
        live.call(live.services.domains.create(organization, "agents.example.test", "Agents"))
        live.rows("update domains set verified_ownership = 1")
        yield live


@pytest.fixture
def ask(tenant: Tenant, provider: FakeOAuth, dovecot: Dovecot, exchange: FakeExchange, apple: Apple) -> Ask:
    """The body of a request that its provider accepts, by the name of its variant; its connector is there then."""
    connected: set[str] = set()
    numbers = itertools.count()

    def credential(name: str, type_: str, held: dict[str, Any]) -> str:
        body = {"name": f"{type_} {next(numbers)}", "credential_type": type_, "credential_data": held}
        answer = tenant.post(f"/v3/connectors/{name}/creds", body)
        assert answer.status_code == 201, answer.text
        return str(data(answer)["id"])

    def token(name: str) -> str:
        made = secret("refresh")
        more = {}
        if name == "zoom":
            more = {"scope": "user:read:user meeting:write:meeting meeting:update:meeting meeting:delete:meeting"}
        provider.accepts(made, email=f"{name}@example.com", **more)
        return made

    def make(variant: str) -> dict[str, Any]:
        name, _, kind = variant.partition(" ")
        if name not in connected:
            tenant.connector(name)
            connected.add(name)
        settings: dict[str, Any]
        match kind or name:
            case "refresh":
                settings = {"refresh_token": token(name)}
            case "override":
                own = {"client_id": "other", "client_secret": secret("other")}
                settings = {"refresh_token": token(name), "credential_id": credential(name, "connector", own)}
            case "bulk" if name == "google":
                provider.employs("di@contoso.test")
                file = provider.delegates(scope=SCOPE, domain="contoso.test")
                settings = {
                    "email_address": "di@contoso.test",
                    "credential_id": credential(name, "serviceaccount", file),
                    "scopes": [SCOPE],
                }
            case "bulk":
                provider.employs("cy@contoso.test")
                held = {"client_id": "bulk", "client_secret": secret("bulk"), "tenant": TENANT}
                provider.consents("bulk", held["client_secret"], roles="User.Read.All Mail.Read Calendars.Read")
                settings = {
                    "email_address": "cy@contoso.test",
                    "credential_id": credential(name, "adminconsent", held),
                }
            case "imap":
                settings = imap(dovecot, ALICE)
            case "icloud":
                settings = {"username": ALICE, "password": ACCOUNTS[ALICE]}
            case "ews":
                settings = {"email": EWS_USER, "ews_username": EWS_USER, "ews_password": EWS_PASSWORD}
                settings |= {"ews_host": "localhost", "ews_port": exchange.port}
            case "virtual-calendar":
                settings = {"email": "room-7"}
            case _:
                settings = {"email": "sales@agents.example.test", "app_password": "Abcdefgh1jklmnopq9"}
        return {"provider": name, "settings": settings}

    return make
