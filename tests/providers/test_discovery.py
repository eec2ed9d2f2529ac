"""Finding the mail servers of an address: real DNS and HTTPS on this machine, with data of ours."""

import contextlib
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest
import structlog
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from opengrant.errors import InvalidRequest, ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import MailClient
from opengrant.providers.imap.discovery import (
    AutoconfigError,
    Endpoint,
    Found,
    MailHosts,
    find_in_table,
    parse_autoconfig,
)
from tests.fakes.dns import FakeDns
from tests.fakes.mail import Certificates

ADDRESS = "eve@example.test"
SERVER = """<{tag} type="{kind}"><hostname>{host}</hostname><port>{port}</port><socketType>{security}</socketType>
<username>{user}</username><authentication>{auth}</authentication></{tag}>"""


def server(kind, host, port, security="SSL", user="%EMAILADDRESS%", auth="password-cleartext"):
    tag = "incomingServer" if kind in ("imap", "pop3") else "outgoingServer"
    return SERVER.format(tag=tag, kind=kind, host=host, port=port, security=security, user=user, auth=auth)


def document(*servers):
    return f'<clientConfig version="1.1"><emailProvider id="x">{"".join(servers)}</emailProvider></clientConfig>'


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.close()


@dataclass
class Site:
    """An HTTPS server that answers for all hosts; `pages` maps "host/path" to a body, a status or a redirect."""

    pages: dict[str, str | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        host = request.host.partition(":")[0]
        self.asked.append(f"{host}{request.path_qs}")
        page = self.pages.get(f"{host}{request.path}", 404)
        if isinstance(page, int):
            return web.Response(status=page)
        if page.startswith(("http:", "https:")):
            return web.Response(status=302, headers={"Location": page.replace("PORT", str(self.port))})
        return web.Response(text=page)


@pytest.fixture
async def site(certificates):
    made = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    tcp = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificates.good)
    await tcp.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@contextlib.asynccontextmanager
async def finder(certificates, site, records=None, *, allowed="127.0.0.0/8", trouble=None):
    hosts = ("autoconfig.example.test", "ispdb.example.test", "autoconfig.hoster.example.test")
    known = {(host, "A"): ["127.0.0.1"] for host in hosts} | {("example.test", "TXT"): ["x"]}
    async with FakeDns(known | (records or {}), trouble) as dns:
        resolver = Resolver(dns.address, timeout=0.5 if trouble else 10)
        guard = Guard(parse_networks(allowed), resolver)
        with contextlib.nullcontext(MailClient(guard, at_once=4, ca_file=certificates.ca_file)) as door:
            yield MailHosts(
                guard,
                resolver,
                door,
                autoconfig_urls=(f"https://autoconfig.{{domain}}:{site.port}/config.xml?emailaddress={{email}}",),
                ispdb_url=f"https://ispdb.example.test:{site.port}/v1.1/{{domain}}",
                timeout=20,
            )


async def test_a_well_known_domain_needs_no_network(certificates, site):
    async with finder(certificates, site) as hosts:
        found = await hosts.find("eve@Gmail.com")
    assert found.imap == Endpoint("imap.gmail.com", 993, "tls", "eve@Gmail.com")
    assert (found.smtp.host, found.source, site.asked) == ("smtp.gmail.com", "table", [])


@pytest.mark.parametrize(
    ("domain", "host", "username"),
    [
        ("yahoo.co.uk", "imap.mail.yahoo.com", "eve@yahoo.co.uk"),
        ("hotmail.fr", "outlook.office365.com", "eve@hotmail.fr"),
        ("web.de", "imap.web.de", "eve"),
        ("me.com", "imap.mail.me.com", "eve@me.com"),
        ("zoho.com.au", "imap.zoho.com.au", "eve@zoho.com.au"),
    ],
)
def test_the_table_knows_national_domains_and_who_logs_in_by_the_local_part(domain, host, username):
    found = find_in_table(f"eve@{domain}", domain)
    assert (found.imap.host, found.imap.username) == (host, username)


@pytest.mark.parametrize("domain", ["yahoo.evil.example", "notgmail.com", "gmail.com.evil.test", "yahoo.", "live"])
def test_the_table_knows_nobody_who_only_looks_alike(domain):
    assert find_in_table(f"eve@{domain}", domain) is None


async def test_the_domains_own_settings_come_before_the_database(certificates, site):
    site.pages["autoconfig.example.test/config.xml"] = document(
        server("imap", "imap.%EMAILDOMAIN%", 1993), server("smtp", "smtp.example.test", 1587, "STARTTLS")
    )
    site.pages["ispdb.example.test/v1.1/example.test"] = document(server("imap", "db.example.test", 993))
    async with finder(certificates, site) as hosts:
        with structlog.testing.capture_logs() as logs:
            found = await hosts.find(ADDRESS)
    assert found == Found(
        Endpoint("imap.example.test", 1993, "tls", ADDRESS),
        Endpoint("smtp.example.test", 1587, "starttls", ADDRESS),
        "autoconfig",
    )
    assert logs == [
        {"event": "mail_hosts_found", "source": "autoconfig", "domain": "example.test", "log_level": "info"}
    ]


async def test_the_address_goes_to_its_own_domain_only(certificates, site):
    site.pages["ispdb.example.test/v1.1/example.test"] = document(server("imap", "db.example.test", 993))
    records = {("example.test", "MX"): ["1 mx.hoster.test."], ("autoconfig.hoster.test", "A"): ["127.0.0.1"]}
    async with finder(certificates, site, records) as hosts:
        found = await hosts.find(ADDRESS)
    assert (found.source, found.imap.host) == ("ispdb", "db.example.test")
    with_address = [unquote(page) for page in site.asked if "eve" in page]
    assert with_address == [f"autoconfig.example.test/config.xml?emailaddress={ADDRESS}"]


async def test_srv_records_name_hosts_and_ports(certificates, site):
    records = {
        ("_imaps._tcp.example.test", "SRV"): ["0 0 0 ."],
        ("_imap._tcp.example.test", "SRV"): ["20 1 143 two.example.test.", "10 1 1143 one.example.test."],
        ("_submission._tcp.example.test", "SRV"): ["0 1 465 smtp.example.test."],
    }
    async with finder(certificates, site, records) as hosts:
        found = await hosts.find(ADDRESS)
    assert found == Found(
        Endpoint("one.example.test", 1143, "starttls", ADDRESS),
        Endpoint("smtp.example.test", 465, "tls", ADDRESS),
        "srv",
    )


@pytest.mark.parametrize(
    ("exchanger", "host"),
    [
        ("aspmx.l.google.com", "imap.gmail.com"),
        ("example-test.mail.protection.outlook.com", "outlook.office365.com"),
        ("inbound-smtp.eu-west-1.amazonaws.com", "imap.mail.eu-west-1.awsapps.com"),
        ("in1-smtp.messagingengine.com", "imap.fastmail.com"),
        ("mxs.mail.ru", "imap.mail.ru"),
    ],
)
async def test_the_mail_exchanger_tells_who_hosts_a_domain(certificates, site, exchanger, host):
    records = {("example.test", "MX"): ["20 x.mimecast.com.", f"10 {exchanger}."]}
    async with finder(certificates, site, records) as hosts:
        found = await hosts.find(ADDRESS)
    assert (found.source, found.imap.host, found.imap.username) == ("mx", host, ADDRESS)


async def test_the_database_is_asked_about_the_exchangers_domain_too(certificates, site):
    site.pages["ispdb.example.test/v1.1/hoster.test"] = document(server("imap", "imap.hoster.test", 993))
    async with finder(certificates, site, {("example.test", "MX"): ["1 mx7.hoster.test."]}) as hosts:
        found = await hosts.find(ADDRESS)
    assert (found.source, found.imap.host) == ("mx", "imap.hoster.test")


@pytest.mark.parametrize(
    "records", [{("example.test", "MX"): ["1 eu.mimecast.com."]}, {("example.test", "MX"): ["0 ."]}, {}]
)
async def test_what_says_nothing_leads_nowhere(certificates, site, records):
    async with finder(certificates, site, records) as hosts:
        with pytest.raises(ProviderFailure) as failure:
            await hosts.find(ADDRESS)
    assert (failure.value.evidence.leg, failure.value.evidence.code) == ("detect", "hosts_not_found")


async def test_a_failing_name_server_is_not_taken_for_a_domain_without_mail(certificates, site):
    async with finder(certificates, site, trouble={"example.test": "SERVFAIL"}) as hosts:
        with pytest.raises(ProviderFailure) as failure:
            await hosts.find(ADDRESS)
    assert failure.value.evidence.code == "dns_unavailable"


@pytest.mark.parametrize(
    "address", ["eve", "eve@", "@example.test", "eve@localhost", "eve@[127.0.0.1]", "eve@a b.test"]
)
async def test_a_login_that_is_no_address_needs_a_host(certificates, site, address):
    async with finder(certificates, site) as hosts:
        with pytest.raises(InvalidRequest, match="imap_host"):
            await hosts.find(address)


async def test_providers_without_imap_are_refused_by_name(certificates, site):
    async with finder(certificates, site) as hosts:
        with pytest.raises(ProviderFailure) as failure:
            await hosts.find("eve@proton.me")
    assert failure.value.evidence.code == "no_imap_service"


async def test_redirects_are_followed_over_https(certificates, site):
    site.pages["autoconfig.example.test/config.xml"] = "https://ispdb.example.test:PORT/moved"
    site.pages["ispdb.example.test/moved"] = document(server("imap", "imap.example.test", 993))
    async with finder(certificates, site) as hosts:
        assert (await hosts.find(ADDRESS)).source == "autoconfig"


@pytest.mark.parametrize(
    "page",
    [
        "http://ispdb.example.test:PORT/moved",  # not HTTPS
        "https://inner.example.test:PORT/moved",  # leads inside
        "https://10.0.0.1:PORT/moved",
        "https://autoconfig.example.test:PORT/config.xml",  # leads to itself
        "https://",
        500,
        document(server("imap", "imap.example.test", 993)) + " " * 300_000,
    ],
)
async def test_what_leads_elsewhere_or_is_too_long_is_not_read(certificates, site, page):
    site.pages["autoconfig.example.test/config.xml"] = page
    site.pages["ispdb.example.test/moved"] = document(server("imap", "imap.example.test", 993))
    records = {("inner.example.test", "A"): ["10.0.0.7"]}
    async with finder(certificates, site, records) as hosts:
        with pytest.raises(ProviderFailure) as failure:
            await hosts.find(ADDRESS)
    assert failure.value.evidence.code == "hosts_not_found"


async def test_the_own_settings_of_a_domain_that_leads_inside_are_not_fetched(certificates, site):
    site.pages["autoconfig.example.test/config.xml"] = document(server("imap", "imap.example.test", 993))
    async with finder(certificates, site, allowed="") as hosts:
        with pytest.raises(ProviderFailure):
            await hosts.find(ADDRESS)
    assert site.asked == []


async def test_what_belongs_to_a_named_host_is_found_only_for_the_same_provider(certificates, site):
    site.pages["autoconfig.example.test/config.xml"] = document(
        server("imap", "imap.example.test", 993), server("smtp", "smtp.example.test", 465)
    )
    async with finder(certificates, site) as hosts:
        assert (await hosts.beside("IMAP.gmail.com", ADDRESS)).smtp.host == "smtp.gmail.com"
        assert await hosts.beside("mail.elsewhere.test", ADDRESS) is None
        assert await hosts.beside("imap.example.test", "eve") is None
        assert site.asked == []
        assert (await hosts.beside("imap.example.test", ADDRESS)).smtp.host == "smtp.example.test"
        assert await hosts.beside("other.example.test", ADDRESS) is None


# The document.


def test_the_first_server_with_tls_and_a_password_counts():
    found = parse_autoconfig(
        document(
            server("pop3", "pop.example.test", 995),
            server("imap", "plain.example.test", 143, "plain"),
            server("imap", "oauth.example.test", 993, auth="OAuth2"),
            server("imap", "bad host", 993),
            server("imap", "imap.example.test", 99999),
            server("imap", "good.example.test", 143, "STARTTLS", "%EMAILLOCALPART%"),
            server("imap", "late.example.test", 993),
        ).encode(),
        ADDRESS,
        "ispdb",
    )
    assert found == Found(Endpoint("good.example.test", 143, "starttls", "eve"), None, "ispdb")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<",
        document(),
        document(server("imap", "plain.example.test", 143, "plain")),
        '<!DOCTYPE a [<!ENTITY b "c">]>' + document(server("imap", "&b;.example.test", 993)),
        '<?xml version="1.0" encoding="utf-99"?>' + document(server("imap", "a.example.test", 993)),
        "<a>" * 50_000,
    ],
)
def test_other_documents_are_refused(text):
    with pytest.raises(AutoconfigError):
        parse_autoconfig(text.encode(), ADDRESS, "ispdb")


words = st.sampled_from(
    ["imap", "smtp", "SSL", "STARTTLS", "993", "%EMAILADDRESS%", "%EMAILDOMAIN%", "x.test", "\\1", "²"]
)
texts = words | st.text(max_size=20).map(lambda text: text.translate(dict.fromkeys(map(ord, "<>&\0"), "-")))


@given(
    st.binary(max_size=300)
    | st.builds(lambda *parts: document(server(*parts)).encode("utf-8", "ignore"), *[texts] * 6),
    st.text(max_size=20),
)
def test_the_parser_raises_nothing_but_its_own_error(document, address):
    with contextlib.suppress(AutoconfigError):
        assert parse_autoconfig(document, address, "ispdb").imap.port
