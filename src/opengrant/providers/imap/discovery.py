"""Finds the mail servers of an address.

Sources, best first; the published ones are asked in parallel and the best that answers counts:

    table       well-known domains (known_domains.py); no network
    autoconfig  the domain's own XML, over HTTPS
    ispdb       a public database; it is sent the domain, never the address
    srv         RFC 6186 and 8314 records
    mx          well-known mail exchangers, else autoconfig and ispdb of the exchanger's own domain
    guess       imap., mail., smtp. and the domain itself, where such a server answers

Left out  Exchange Autodiscover: it needs the password, which would then go to guessed hosts.
Privacy   the address goes to its own domain only; all other servers learn the domain.
"""

import asyncio
import re
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import quote, urljoin
from xml.etree.ElementTree import Element  # the type alone; net/foreign_xml.py parses

import structlog

from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.net.dns import DnsUnavailable, NameNotFound, Resolver, Service
from opengrant.net.foreign_xml import BadXml, read_xml
from opengrant.net.guard import BadHost, Guard, domain_of, parse_host
from opengrant.net.http_client import HttpClient, place_of
from opengrant.net.http_connection import Fault
from opengrant.net.mail_login import IMPLICIT_TLS, MailClient, MailLeg
from opengrant.providers.imap.known_domains import DOMAINS, EXCHANGERS, FILTERS, WITHOUT_IMAP, Row

log = structlog.get_logger()

T = TypeVar("T")
Source = Literal["table", "autoconfig", "ispdb", "srv", "mx", "guess"]

MAX_XML = 256 * 1024
_AT_ONCE = 8
"""Connections to one host."""
MAX_REDIRECTS = 3

# `yahoo.*` means yahoo.de, yahoo.co.uk, yahoo.com.br; not a name under a longer suffix, which may have another owner.
_NATIONAL = re.compile(r"[a-z]{2,3}(\.[a-z]{2})?")
# By name, because each login looks in them; the first row with a name counts.
_ROWS = {domain: row for row in reversed(DOMAINS) for domain in row.domains.split()}
_ROWS_BY_IMAP_HOST = {row.imap.partition(":")[0]: row for row in reversed(DOMAINS)}
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gob", "gov", "ne", "net", "or", "org"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server and the user name for it."""

    host: str
    port: int
    security: Literal["tls", "starttls"]
    username: str


@dataclass(frozen=True, slots=True)
class Found:
    """Where a mailbox is. `smtp` is None when its source names no submission server."""

    imap: Endpoint
    smtp: Endpoint | None
    source: Source


class AutoconfigError(ValueError):
    """The document names no server with TLS and a password login."""


# Failures of a source: it then has no result.
_SILENT = (
    AutoconfigError,
    NameNotFound,
    DnsUnavailable,
    ProviderFailure,
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class _Means:
    """What a search works with. `patience`: seconds each source, and the guess after them, may take."""

    guard: Guard
    resolver: Resolver
    door: MailClient
    autoconfig_urls: tuple[str, ...]
    ispdb_url: str
    patience: float


class MailHosts:
    """Built once.

    autoconfig_urls  templates with {domain} and {email}; HTTPS only
    ispdb_url        template with {domain}; empty switches it off
    timeout          seconds for everything; the published sources get the first half, the guess the rest
    """

    def __init__(
        self,
        guard: Guard,
        resolver: Resolver,
        door: MailClient,
        *,
        autoconfig_urls: Sequence[str],
        ispdb_url: str,
        timeout: float,
    ) -> None:
        self._means = _Means(guard, resolver, door, tuple(autoconfig_urls), ispdb_url, timeout / 2)

    async def find(self, address: str) -> Found:
        """Find the servers of an address.

        Raises InvalidRequest when it is no address, ProviderFailure with leg "detect" and code "no_imap_service",
        "hosts_not_found" or "dns_unavailable".
        """
        domain = domain_of(address)
        if domain is None:
            raise InvalidRequest("imap_host is required when imap_username is not an email address.")
        if domain in WITHOUT_IMAP:
            raise _failure("no_imap_service", f"{domain} offers no IMAP.")
        search = _Search(self._means, address, domain)
        found = find_in_table(address, domain) or await search.published() or await search.guess()
        if found is None:
            code = "dns_unavailable" if search.dns_failed else "hosts_not_found"
            raise _failure(code, f"No mail servers were found for {domain}.")
        log.info("mail_hosts_found", source=found.source, domain=domain)
        return found

    async def beside(self, imap_host: str, address: str) -> Found | None:
        """The servers that belong to an IMAP host of the request; None when unknown.

        The network is used only when the host is in the address's own domain.
        """
        imap_host = imap_host.lower().removesuffix(".")
        if (row := _ROWS_BY_IMAP_HOST.get(imap_host)) is not None:
            return _found(row, address, "table")
        domain = domain_of(address)
        if domain is None or (imap_host != domain and not imap_host.endswith(f".{domain}")):
            return None
        try:
            found = await self.find(address)
        except ProviderFailure:
            return None
        return found if found.imap.host == imap_host else None


class _Search:
    """One run through the sources for one address."""

    def __init__(self, means: _Means, address: str, domain: str) -> None:
        self._means, self._address, self._domain = means, address, domain
        self.dns_failed = False

    async def published(self) -> Found | None:
        """The best-ranked result of the domain, the database and DNS."""
        means = self._means
        client = HttpClient(
            connections_per_host=_AT_ONCE,
            connect_within=means.patience / 2,
            tls=means.door.tls,
            look_up=means.guard.look_up(provider="imap", leg="detect"),
        )
        try:
            return await _best(
                self._source(self._autoconfig(client, self._domain)),
                self._source(self._ispdb(client, self._domain)),
                self._source(self._srv()),
                self._source(self._mx(client)),
            )
        finally:
            client.close()

    async def guess(self) -> Found | None:
        """Try the usual names; only a greeting is exchanged."""
        d = self._domain
        imap, smtp = await asyncio.gather(
            self._first_that_greets("imap", [f"imap.{d}", f"mail.{d}", d], [993, 143]),
            self._first_that_greets("smtp", [f"smtp.{d}", f"mail.{d}", d], [465, 587]),
        )
        return Found(imap, smtp, "guess") if imap else None

    async def _source(self, answer: Awaitable[Found | None]) -> Found | None:
        try:
            async with asyncio.timeout(self._means.patience):
                return await answer
        except _SILENT as error:
            failed = isinstance(error, ProviderFailure) and error.evidence.code == "dns_unavailable"
            self.dns_failed = self.dns_failed or failed or isinstance(error, DnsUnavailable)
            return None

    async def _autoconfig(self, client: HttpClient, domain: str) -> Found | None:
        # Another domain's server must not learn the address: the request names the domain only.
        email = self._address if domain == self._domain else ""
        urls = [
            url.replace("{domain}", domain).replace("{email}", quote(email, safe=""))
            for url in self._means.autoconfig_urls
        ]
        return await _best(*(self._source(self._read(client, url, "autoconfig")) for url in urls))

    async def _ispdb(self, client: HttpClient, domain: str) -> Found | None:
        if not self._means.ispdb_url:
            return None
        return await self._read(client, self._means.ispdb_url.replace("{domain}", domain), "ispdb")

    async def _srv(self) -> Found | None:
        names = ("_imaps", "_imap", "_submissions", "_submission")
        imaps, imap, submissions, submission = await asyncio.gather(*(self._services(name) for name in names))
        incoming = self._from_services(imaps, imap)
        return Found(incoming, self._from_services(submissions, submission), "srv") if incoming else None

    async def _mx(self, client: HttpClient) -> Found | None:
        exchangers = await self._means.resolver.exchangers(self._domain)
        if not exchangers or _under(exchangers[0], FILTERS):
            return None
        for row in EXCHANGERS:
            if (region := _exchanger_fits(row, exchangers[0])) is not None:
                return _found(row, self._address, "mx", region)
        base = _base_domain(exchangers[0])
        if base == self._domain:
            return None
        found = find_in_table(self._address, base) or await _best(
            self._source(self._autoconfig(client, base)), self._source(self._ispdb(client, base))
        )
        return Found(found.imap, found.smtp, "mx") if found else None

    async def _read(self, client: HttpClient, url: str, source: Source) -> Found:
        return parse_autoconfig(await _fetch(client, url, self._means.patience), self._address, source)

    async def _services(self, name: str) -> list[Service]:
        try:
            return await self._means.resolver.services(f"{name}._tcp.{self._domain}")
        except NameNotFound:
            return []

    def _from_services(self, implicit: list[Service], upgraded: list[Service]) -> Endpoint | None:
        """The best record that offers the service. Some publish 465 as `_submission`: then the port decides."""
        for service, tls in [*((one, True) for one in implicit), *((one, False) for one in upgraded)]:
            if service.host and service.port:
                security: Literal["tls", "starttls"] = "tls" if tls or service.port in IMPLICIT_TLS else "starttls"
                return Endpoint(service.host, service.port, security, self._address)
        return None

    async def _first_that_greets(self, leg: MailLeg, hosts: list[str], ports: list[int]) -> Endpoint | None:
        async def try_one(host: str, port: int) -> Endpoint | None:
            if not await self._means.door.greets("imap", leg, host, port):
                return None
            return Endpoint(host, port, "tls" if port in IMPLICIT_TLS else "starttls", self._address)

        async def in_time(host: str, port: int) -> Endpoint | None:
            try:
                async with asyncio.timeout(self._means.patience):
                    return await try_one(host, port)
            except TimeoutError:
                return None

        return await _best(*(in_time(host, port) for port in ports for host in hosts))


async def _best(*ranked: Awaitable[T | None]) -> T | None:
    """Run all at once; the highest-ranked result wins, and the rest is cancelled."""
    tasks = [asyncio.ensure_future(one) for one in ranked]
    try:
        for task in tasks:
            if (result := await task) is not None:
                return result
        return None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _fetch(client: HttpClient, url: str, patience: float) -> bytes:
    """GET over HTTPS, within bounds; each redirect passes the guard again. Raises what `_SILENT` lists."""
    for _ in range(MAX_REDIRECTS + 1):
        place = place_of(url)
        if not place.secure:
            raise AutoconfigError("not HTTPS")
        request = f"GET {place.target} HTTP/1.1\r\n{place.headers}\r\n"
        answer = await client.send(place, request.encode(), within=patience, enough=MAX_XML + 1)
        if isinstance(answer, Fault):
            raise AutoconfigError(answer.code)
        if answer.status in (301, 302, 303, 307, 308):
            url = urljoin(url, dict(reversed(answer.headers)).get(b"location", b"").decode())
            continue
        if answer.status != 200:
            raise AutoconfigError(f"HTTP {answer.status}")
        if len(answer.body) > MAX_XML:
            raise AutoconfigError("too long")
        return answer.body
    raise AutoconfigError("too many redirects")


def parse_autoconfig(document: bytes, address: str, source: Source) -> Found:
    """Read a config-v1.1 document: the first server of each kind with TLS and a password counts.

    Raises AutoconfigError, and nothing else.
    """
    try:
        root = read_xml(document)
    except BadXml as error:
        raise AutoconfigError("not readable") from error
    imap = _first_server(root.iter("incomingServer"), "imap", address)
    if imap is None:
        raise AutoconfigError("no IMAP server with TLS")
    return Found(imap, _first_server(root.iter("outgoingServer"), "smtp", address), source)


def _first_server(servers: Iterable[Element], kind: str, address: str) -> Endpoint | None:
    for server in servers:
        if server.get("type") == kind and (endpoint := _read_server(server, address)):
            return endpoint
    return None


def _read_server(server: Element, address: str) -> Endpoint | None:
    def text(tag: str) -> str:
        return _fill((server.findtext(tag) or "").strip(), address)

    ways = {(element.text or "").strip().lower() for element in server.iter("authentication")}
    securities: dict[str, Literal["tls", "starttls"]] = {"SSL": "tls", "STARTTLS": "starttls"}
    security = securities.get(text("socketType").upper())
    port = text("port")
    takes_passwords = not ways or any(way.startswith(("password", "plain")) for way in ways)
    if security is None or not takes_passwords or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        return None
    try:
        host = str(parse_host(text("hostname")))
    except BadHost:
        return None
    username = text("username") or address
    return Endpoint(host, int(port), security, username if username.isprintable() else address)


def _fill(text: str, address: str) -> str:
    local, _, domain = address.rpartition("@")
    values = {"ADDRESS": address, "LOCALPART": local, "DOMAIN": domain}
    return re.sub("%EMAIL(ADDRESS|LOCALPART|DOMAIN)%", lambda place: values[place[1]], text)


def find_in_table(address: str, domain: str) -> Found | None:
    """Look a domain up among the well-known ones; the login is made from the address."""
    label, _, suffix = domain.partition(".")
    row = _ROWS.get(domain) or (_ROWS.get(f"{label}.*") if _NATIONAL.fullmatch(suffix) else None)
    return None if row is None else _found(row, address, "table")


def login_at(host: str, address: str) -> str | None:
    """The user name that the table gives for an address, if `host` is one of its servers."""
    domain = domain_of(address)
    found = find_in_table(address, domain) if domain else None
    servers = {endpoint.host for endpoint in (found.imap, found.smtp) if endpoint} if found else set()
    return found.imap.username if found and host.lower().removesuffix(".") in servers else None


def _exchanger_fits(row: Row, exchanger: str) -> str | None:
    """What stands for the row's `*` ("" without one) when the exchanger is under one of its names, else None."""
    for pattern in row.domains.split():
        head, star, tail = pattern.partition("*.")
        if not star and _under(exchanger, (pattern,)):
            return ""
        if star and (fit := re.fullmatch(rf"{re.escape(head)}([a-z0-9-]+)\.{re.escape(tail)}", exchanger)):
            return fit[1]
    return None


def _under(name: str, domains: Sequence[str]) -> bool:
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def _base_domain(host: str) -> str:
    """The registrable part of a host, good enough for a look-up: there is no list of public suffixes here."""
    labels = host.split(".")
    national = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3:] if national else labels[-2:])


def _found(row: Row, address: str, source: Source, region: str = "") -> Found:
    username = address.rpartition("@")[0] if row.login == "local" else address
    return Found(_endpoint(row.imap.format(region), username), _endpoint(row.smtp.format(region), username), source)


def _endpoint(text: str, username: str) -> Endpoint:
    host, _, port = text.partition(":")
    return Endpoint(host, int(port.removesuffix("s")), "starttls" if port.endswith("s") else "tls", username)


def _failure(code: str, text: str) -> ProviderFailure:
    return ProviderFailure(Evidence("imap", "detect", "dns", code=code, text=text, sent=False))
