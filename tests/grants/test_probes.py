"""Passwords, proven on the clock: a mailbox that works is asked for in the way that worked when it was connected."""

import base64
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.connectors.connectors import ConnectorFields
from opengrant.model import Application, Grant, ProviderName
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import MailClient
from opengrant.providers.ews.password import Ews
from opengrant.providers.icloud.password import ICloud
from opengrant.providers.imap.discovery import MailHosts
from opengrant.providers.imap.password import Imap
from opengrant.store.grants import grants
from tests.fakes.dns import FakeDns
from tests.fakes.ews import PASSWORD, USER, FakeExchange
from tests.fakes.mail import Certificates, FakeMail
from tests.grants.house import House, SlowOAuth, house
from tests.logins import connecting

HERE = "127.0.0.1"
DAY = 86_400.0


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    made = Certificates()
    yield made
    made.close()


@pytest.fixture
async def home(tmp_path: Path, slow_provider: SlowOAuth) -> AsyncIterator[House]:
    async with house(None, tmp_path, slow_provider) as built:
        yield built


@contextlib.asynccontextmanager
async def outside(ca_file: Path, *hosts: str) -> AsyncIterator[tuple[Guard, Resolver, MailClient]]:
    """What providers reach the world with; these hosts are here."""
    async with FakeDns({(host, "A"): [HERE] for host in hosts}) as dns:
        resolver = Resolver(dns.address)
        guard = Guard(parse_networks("127.0.0.0/8"), resolver)
        with contextlib.nullcontext(MailClient(guard, at_once=8, ca_file=ca_file)) as door:
            yield guard, resolver, door


async def connected(home: House, name: ProviderName, provider: object, settings: dict[str, Any]) -> Application:
    """A tenant with one grant, whose provider is this one."""
    app = await home.tenant()
    await home.connectors.create(app, name, ConnectorFields())
    object.__setattr__(home.nodes[0].connect.prove.providers.passwords, name.value, provider)  # the house's own
    await home.nodes[0].connect.custom(app, connecting(name, settings))
    return app


async def probed(home: House, app: Application) -> Grant:
    """The grant after its next probe."""
    home.clock.move(2 * DAY)
    await home.nodes[0].refresh.due.run_round()
    await home.nodes[0].refresh.drain()
    (row,) = await home.rows("select id from grants where application_id = $1", app.id)
    grant = await home.db.read(grants.find(app.id, row[0]))
    assert grant is not None
    return grant


def logins(server: FakeMail) -> list[str]:
    """The user names that a fake server was sent."""
    blobs = [line.rpartition(b" ")[2] for line in server.heard if b"PLAIN" in line and b"AUTH" in line]
    return [base64.b64decode(blob).decode().split("\0")[1] for blob in blobs]


@contextlib.asynccontextmanager
async def web_de(certificates: Certificates) -> AsyncIterator[tuple[FakeMail, FakeMail, Imap]]:
    """Mail servers that call a user by the local part of the address, and by nothing else; the ports are ours."""
    hosts, users = ("imap.web.de", "smtp.web.de"), frozenset({"eve"})
    tls = certificates.serving(*hosts)
    async with (
        FakeMail(tls=tls, implicit=True, users=users) as incoming,
        FakeMail("smtp", tls=tls, implicit=True, users=users) as outgoing,
        outside(certificates.ca_file, *hosts) as (guard, resolver, door),
    ):
        hosts_of = MailHosts(guard, resolver, door, autoconfig_urls=(), ispdb_url="", timeout=20)
        yield incoming, outgoing, Imap(door, hosts_of)


def eve(incoming: FakeMail, outgoing: FakeMail, **more: Any) -> dict[str, Any]:
    ports = {"imap_port": incoming.port, "smtp_port": outgoing.port}
    return {"imap_username": "eve@web.de", "imap_password": SecretStr("x"), **ports, **more}


async def test_a_mailbox_is_asked_for_by_the_name_that_its_servers_know(
    home: House, certificates: Certificates
) -> None:
    async with web_de(certificates) as (incoming, outgoing, provider):
        app = await connected(home, ProviderName.IMAP, provider, eve(incoming, outgoing))
        grant = await probed(home, app)
    assert (grant.status, grant.trouble, grant.refreshes) == ("valid", None, 1)
    assert (logins(incoming), logins(outgoing)) == (["eve"] * 2, ["eve"] * 2)


async def test_who_connects_again_with_the_hosts_that_a_grant_shows_is_known_there_too(
    home: House, certificates: Certificates
) -> None:
    async with web_de(certificates) as (incoming, outgoing, provider):
        app = await connected(home, ProviderName.IMAP, provider, eve(incoming, outgoing))
        named = eve(incoming, outgoing, imap_host="imap.web.de", smtp_host="smtp.web.de")
        again = await home.nodes[0].connect.custom(app, connecting(ProviderName.IMAP, named))
        grant = await probed(home, app)
    assert (grant.id, grant.status, grant.trouble) == (again.id, "valid", None)
    assert (logins(incoming), logins(outgoing)) == (["eve"] * 3, ["eve"] * 3)


async def test_a_mailbox_without_a_submission_server_is_not_asked_for_one(
    home: House, certificates: Certificates
) -> None:
    async with (
        FakeMail(tls=certificates.good, implicit=True) as incoming,
        outside(certificates.ca_file) as (guard, resolver, door),
    ):
        hosts = MailHosts(guard, resolver, door, autoconfig_urls=(), ispdb_url="", timeout=20)
        settings = {"imap_username": "eve@example.test", "imap_password": SecretStr("x")}
        place = {"imap_host": "localhost", "imap_port": incoming.port}
        app = await connected(home, ProviderName.IMAP, Imap(door, hosts), {**settings, **place})
        hosts.beside = None  # type: ignore[assignment, method-assign] -- nobody shall look
        grant = await probed(home, app)
    assert (grant.status, grant.trouble) == ("valid", None)


async def test_apple_is_asked_by_the_form_of_the_name_that_it_took(home: House, certificates: Certificates) -> None:
    async with (
        FakeMail(tls=certificates.good, implicit=True, users=frozenset({"jane"})) as incoming,
        FakeMail("smtp", tls=certificates.good, implicit=True) as outgoing,
        outside(certificates.ca_file) as (guard, _, door),
    ):
        provider = ICloud(
            door,
            guard,
            imap_host="localhost",
            imap_port=incoming.port,
            smtp_host="localhost",
            smtp_port=outgoing.port,
            caldav_url="",
            ca_file=certificates.ca_file,
        )
        settings = {"username": "jane@icloud.com", "password": SecretStr("abcd-efgh-ijkl-mnop")}
        app = await connected(home, ProviderName.ICLOUD, provider, settings)
        grant = await probed(home, app)
    assert (grant.status, grant.trouble) == ("valid", None)
    assert logins(incoming) == ["jane@icloud.com", "jane", "jane"]


async def test_an_exchange_server_is_asked_at_the_url_where_it_is(home: House) -> None:
    with FakeExchange() as exchange:
        async with outside(exchange.ca_file, "mail.example.test") as (guard, resolver, _):
            provider = Ews(guard, resolver, timeout=20, ca_file=exchange.ca_file)
            url = f"https://mail.example.test:{exchange.port}/custom/Services.asmx"
            settings = {"email": USER, "ews_username": USER, "ews_password": SecretStr(PASSWORD), "ews_host": url}
            app = await connected(home, ProviderName.EWS, provider, settings)
            grant = await probed(home, app)
    assert (grant.status, grant.trouble, grant.refreshes) == ("valid", None, 1)
    assert {one.path for one in exchange.seen} == {"/custom/Services.asmx"}
