"""Detect: which provider an address belongs to, as far as its domain tells.

Looks at the domains registered here, then at the table of well-known domains, then at the mail exchanger, then at the
mail settings that the domain publishes. The address is sent to its own domain only (providers/imap/discovery.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from opengrant.access.rate_limits import RateLimit
from opengrant.domains.domains import Domains
from opengrant.errors import InvalidRequest, ProviderFailure, ProviderUnavailable
from opengrant.model import Application, Clock, ProviderName
from opengrant.net.dns import DnsUnavailable, NameNotFound, Resolver
from opengrant.net.guard import domain_of
from opengrant.providers.imap.discovery import MailHosts, find_in_table
from opengrant.providers.imap.known_domains import EXCHANGERS, WITHOUT_IMAP
from opengrant.providers.registry import FACTS
from opengrant.store.connectors import connectors
from opengrant.store.engine.port import Store

PER_MINUTE = 20

_HOSTS = {facts.imap_host: name for name, facts in FACTS.items() if facts.imap_host}
"""Mail servers of providers that have a way in of their own."""


@dataclass(frozen=True, slots=True)
class Detected:
    """How an address can be connected.

    service  with provider `imap`, the service behind it where it has a name: `icloud`, `gmx`
    """

    provider: ProviderName
    service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detect:
    """Finds the provider of an address; built once, in assembly/."""

    db: Store
    domains: Domains
    resolver: Resolver
    hosts: MailHosts
    clock: Clock

    async def provider(
        self, app: Application, email: str, *, any_provider: bool, rate_limited: bool = True
    ) -> Detected | None:
        """None when the provider is unknown, or the application has no connector that can connect the address.

        any_provider  answer also without a connector for the provider
        rate_limited  count it as a call of the application
        Raises        InvalidRequest when it is no address, RateLimited, ProviderUnavailable when DNS does not answer
        """
        domain = domain_of(email)
        if not domain:
            raise InvalidRequest("email: must be an email address.")
        if rate_limited:
            await RateLimit(
                db=self.db,
                clock=self.clock,
                name="providers.detect",
                limit=PER_MINUTE,
                window=timedelta(minutes=1),
            ).take(app)
        natural = await self._natural(app, email, domain)
        return natural if natural is None or any_provider else way_in(natural, await self._connected(app))

    async def _natural(self, app: Application, email: str, domain: str) -> Detected | None:
        """The provider of the address, whether or not the application has a connector for it."""
        if await self.domains.owner_of(app, email) is not None:
            return Detected(ProviderName.NYLAS)
        if domain in WITHOUT_IMAP:
            return None
        if (known := find_in_table(email, domain)) is not None:
            return _at(known.imap.host, named=True)
        try:
            exchanger = await self._exchanger(domain)
            if exchanger is not None and (host := _behind(exchanger)) is not None:
                return _at(host, named=True)
            found = await self.hosts.find(email)
        except DnsUnavailable:
            raise _unavailable(domain) from None
        except ProviderFailure as failure:
            if failure.evidence.code == "dns_unavailable":
                raise _unavailable(domain) from None
            return None
        # A host that only the domain itself publishes has no well-known service name.
        return _at(found.imap.host, named=found.source in {"table", "mx"})

    async def _exchanger(self, domain: str) -> str | None:
        try:
            return next(iter(await self.resolver.exchangers(domain)), None)
        except NameNotFound:
            return None

    async def _connected(self, app: Application) -> frozenset[ProviderName]:
        page = await self.db.read(connectors.page(app.id, limit=len(ProviderName), offset=0))
        return frozenset(one.provider for one in page)


def way_in(natural: Detected, offered: Collection[ProviderName]) -> Detected | None:
    """How an address can be connected by one of these providers; None when it cannot."""
    if natural.provider in offered:
        return natural
    if FACTS[natural.provider].imap_password and ProviderName.IMAP in offered:
        return Detected(ProviderName.IMAP, natural.provider.value)
    return None


def _behind(exchanger: str) -> str | None:
    """The IMAP host of a well-known exchanger, if that host belongs to a provider of its own."""
    for row in EXCHANGERS:
        host = row.imap.partition(":")[0]
        if host in _HOSTS and any(exchanger == end or exchanger.endswith(f".{end}") for end in row.domains.split()):
            return host
    return None


def _at(host: str, *, named: bool) -> Detected:
    provider = _HOSTS.get(host)
    if provider is not None:
        return Detected(provider)
    return Detected(ProviderName.IMAP, _service(host) if named else None)


def _service(host: str) -> str:
    """The common name of a well-known host's service: `imap.gmx.net` is `gmx`, `mail.btinternet.com` `btinternet`.

    The last label that is not generic, so that a host under `.com.au` needs no list of suffixes.
    """
    labels = [label for label in host.split(".")[:-1] if label not in _COMMON]
    return labels[-1] if labels else host.split(".")[-2]


_COMMON = frozenset({"co", "com", "imap", "mail"})


def _unavailable(domain: str) -> ProviderUnavailable:
    return ProviderUnavailable(f"DNS did not answer for {domain}. Try again in a moment.", retry_after=5)
