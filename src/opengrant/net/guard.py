"""Which addresses a request may make this server connect to.

A host from a request is resolved once. Only public addresses, or those that the operator allows, are kept, and the
connection goes to a kept address. The refusal is the same for an unknown name and for an internal address, so it cannot
be used to map the internal network.

Sources  IANA special-purpose address registries (RFC 6890 and its updates); WHATWG URL, "ends in a number".
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import idna

from opengrant.errors import Evidence, Leg, ProviderFailure
from opengrant.net.dns import DnsUnavailable, NameNotFound, Resolver
from opengrant.net.http_connect import AddressInfo, LookUp

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC_V4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",
        "100.64.0.0/10",  # CGNAT; one cloud has its metadata at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's wire server: a public address that leads inside
        "169.254.0.0/16",  # link-local, metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
# All public IPv6 addresses are here. Mapped and compatible IPv4, NAT64, ULA, link- and site-local, multicast are not.
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "3ffe::/16",  # returned to IANA
        "3fff::/20",  # documentation
    )
]
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
MAX_ADDRESSES = 8
"""Addresses tried of one host."""


class BadHost(ValueError):
    """Neither a host name nor an address."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect. `host` is the A-label name or literal that TLS checks; `addresses` were checked here."""

    host: str
    port: int
    addresses: tuple[str, ...]


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public Internet. Embedded IPv4 never does."""
    if isinstance(address, ipaddress.IPv4Address):
        listed = any(address in network for network in _NOT_PUBLIC_V4)
    else:
        listed = address not in _PUBLIC_V6 or any(address in network for network in _NOT_PUBLIC_V6)
    # The standard library's table too: it is updated with Python.
    return not listed and address.is_global and not address.is_multicast


def parse_host(text: str) -> Address | str:
    """Read a host from a request: an address, or a lower-case A-label name without a final dot.

    Numbers that C libraries read as addresses (`0x7f.1`, `2130706433`, `127.1`, `010.0.0.1`) are refused.
    Raises BadHost.
    """
    if text.startswith("[") and text.endswith("]"):
        return _literal(text[1:-1])
    if ":" in text:
        return _literal(text)
    name = text.removesuffix(".")
    if len(name) > 253:  # before IDNA, which takes quadratic time
        raise BadHost(text)
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii").removesuffix(".")
        except (idna.IDNAError, UnicodeError) as error:
            raise BadHost(text) from error
    name = name.lower()
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _literal(name)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadHost(text)
    return name


def parse_domain(text: str) -> str | None:
    """A lower-case A-label name with a dot in it; None for anything else."""
    try:
        host = parse_host(text)
    except BadHost:
        return None
    return host if isinstance(host, str) and "." in host else None


def domain_of(address: str) -> str | None:
    """The A-label domain of an email address; None when it is no address at a named host."""
    local, at, text = address.rpartition("@")
    return parse_domain(text) if local and at else None


def _literal(text: str) -> Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadHost(text) from error
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        raise BadHost(text)
    return address


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read comma-separated CIDRs. Raises ValueError."""
    return tuple(ipaddress.ip_network(item.strip()) for item in text.split(",") if item.strip())


class Guard:
    """Resolves hosts from requests, and refuses internal ones."""

    def __init__(self, allowed_private: Iterable[Network], resolver: Resolver) -> None:
        self._allowed = tuple(allowed_private)
        self._resolver = resolver

    def admits(self, address: Address) -> bool:
        """Whether a connection is allowed: the address is public, or in a network that the operator allows."""
        return is_public(address) or any(address in network for network in self._allowed)

    async def resolve(self, host: str, port: int, *, provider: str, leg: Leg) -> Target:
        """Resolve once and keep the allowed addresses.

        Raises ProviderFailure at step "dns": code "bad_host" (not a host), "no_public_address" (unknown or internal;
        the code does not say which), "dns_unavailable" (no answer).
        """
        try:
            name = parse_host(host)
            found = [name] if not isinstance(name, str) else await self._look_up(name)
        except BadHost:
            raise _refusal(provider, leg, "bad_host") from None
        except NameNotFound:
            found = []
        except DnsUnavailable:
            raise _refusal(provider, leg, "dns_unavailable") from None
        kept = tuple(str(address) for address in found if self.admits(address))[:MAX_ADDRESSES]
        if not kept:
            raise _refusal(provider, leg, "no_public_address")
        return Target(str(name), port, kept)

    def look_up(self, *, provider: str, leg: Leg) -> LookUp:
        """For an HttpClient; every connection passes this guard. Raises ProviderFailure as `resolve` does."""

        async def addresses(host: str, port: int) -> Sequence[AddressInfo]:
            target = await self.resolve(host, port, provider=provider, leg=leg)
            return [_info(address, port) for address in target.addresses]

        return addresses

    async def _look_up(self, name: str) -> list[Address]:
        # A scope (`fe80::1%eth0`) never makes an address acceptable, and would hide it from the lists above.
        return [ipaddress.ip_address(text.partition("%")[0]) for text in await self._resolver.addresses(name)]


_REFUSALS = {
    "bad_host": "This is not a valid host name.",
    "dns_unavailable": "The host name could not be looked up.",
    "no_public_address": "The host has no public address.",
}


def _refusal(provider: str, leg: Leg, code: str) -> ProviderFailure:
    return ProviderFailure(Evidence(provider, leg, "dns", code=code, text=_REFUSALS[code], sent=False))


def _info(address: str, port: int) -> AddressInfo:
    v6 = ":" in address
    where = (address, port, 0, 0) if v6 else (address, port)
    return socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where
