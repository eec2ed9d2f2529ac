"""DNS look-ups of addresses, services, mail exchangers and texts, each with a deadline.

Addresses come from the system's resolver, so /etc/hosts and the operator's set-up apply; SRV, MX and TXT come from
dnspython. If servers are configured, they answer everything except `localhost`, which is always this machine
(RFC 6761 section 6.3).
"""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdata
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.SRV import SRV

MAX_RECORDS = 32
"""Records used of one answer."""


_A_DAY = 86_400.0


class NameNotFound(Exception):
    """The name does not exist, or has no record of that kind."""


class DnsUnavailable(Exception):
    """No answer: a server failed, none answered in time, or none is configured."""


@dataclass(frozen=True, slots=True)
class Service:
    """One SRV record (RFC 2782). `host` has no final dot; it is empty if the service is declared absent."""

    host: str
    port: int
    priority: int
    weight: int


class Resolver:
    """Queries DNS. Names are ASCII (A-labels) without a final dot.

    servers  comma-separated `address` or `address:port` (`[v6]:port`); empty asks the system
    timeout  seconds for one query with all its retries
    """

    def __init__(self, servers: str = "", *, timeout: float = 5.0, threads: int = 16) -> None:
        self._timeout = timeout
        self._servers = [_server(item.strip()) for item in servers.split(",") if item.strip()]
        # getaddrinfo cannot be interrupted: a thread that hangs stays in the pool until it returns.
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="dns")
        self._client: dns.asyncresolver.Resolver | None = None

    async def addresses(self, name: str) -> list[str]:
        """IPv4 and IPv6 addresses, in the order to try. Raises NameNotFound, DnsUnavailable."""
        if name == "localhost" or name.endswith(".localhost"):
            return ["127.0.0.1", "::1"]
        if not self._servers:
            return await self._ask_system(name)
        answers = await asyncio.gather(
            self._ask(name, dns.rdatatype.AAAA), self._ask(name, dns.rdatatype.A), return_exceptions=True
        )
        found = [record.to_text() for answer in answers if not isinstance(answer, BaseException) for record in answer]
        if found:
            return found
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, NameNotFound):
                raise answer
        raise NameNotFound(name)

    async def services(self, name: str) -> list[Service]:
        """SRV records, best first. Raises NameNotFound, DnsUnavailable."""
        records = [record for record in await self._ask(name, dns.rdatatype.SRV) if isinstance(record, SRV)]
        found = [Service(_bare(r.target.to_text()), r.port, r.priority, r.weight) for r in records]
        return sorted(found, key=lambda service: (service.priority, -service.weight, service.host))

    async def exchangers(self, domain: str) -> list[str]:
        """MX hosts of a domain, lower-cased, most preferred first. Raises NameNotFound, DnsUnavailable."""
        records = [record for record in await self._ask(domain, dns.rdatatype.MX) if isinstance(record, MX)]
        ranked = sorted((record.preference, _bare(record.exchange.to_text())) for record in records)
        return [host for _, host in ranked if host]

    async def texts(self, name: str) -> list[str]:
        """TXT records, the strings of each joined (RFC 7208 section 3.3), in no order; bytes that are not
        UTF-8 are replaced. Raises NameNotFound, DnsUnavailable."""
        records = [record for record in await self._ask(name, dns.rdatatype.TXT) if isinstance(record, TXT)]
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_system(self, name: str) -> list[str]:
        def look_up() -> list[str]:
            # Bytes: a str would go through Python's IDNA 2003 codec.
            infos = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(info[4][0]) for info in infos))[:MAX_RECORDS]

        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        except TimeoutError as error:
            raise DnsUnavailable(name) from error
        except socket.gaierror as error:
            # NODATA means a name without addresses; Python has it only if the C library has it.
            gone = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
            raise (NameNotFound(name) if error.errno in gone else DnsUnavailable(name)) from error

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> list[dns.rdata.Rdata]:
        try:
            client = self._client = self._client or self._open()
            async with asyncio.timeout(self._timeout):
                answer = await _resolve(client, name, kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN) as error:
            raise NameNotFound(name) from error
        except (dns.exception.DNSException, OSError) as error:  # OSError covers TimeoutError
            raise DnsUnavailable(name) from error
        return list(answer)[:MAX_RECORDS]

    def _open(self) -> dns.asyncresolver.Resolver:
        client = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            client.nameservers = list(self._servers)
        return client


async def _resolve(client: dns.asyncresolver.Resolver, name: str, kind: dns.rdatatype.RdataType) -> dns.resolver.Answer:
    """Without dnspython's deadline, which uses the wall clock and expires when that clock is set (NTP, a suspended
    machine)."""
    while True:
        try:
            return await client.resolve(name, kind, search=False, lifetime=_A_DAY)
        except dns.resolver.LifetimeTimeout:
            continue  # the clock was set back


def _server(text: str) -> dns.nameserver.Nameserver:
    """Read `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`. Raises ValueError."""
    address, port = text, "53"
    if text.startswith("["):
        address, closing, rest = text[1:].partition("]")
        if not closing:
            raise ValueError(text)
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    return dns.nameserver.Do53Nameserver(str(ipaddress.ip_address(address)), int(port))


def _bare(name: str) -> str:
    return name.rstrip(".").lower()
