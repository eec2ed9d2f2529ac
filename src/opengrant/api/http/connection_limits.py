"""How many connections one process keeps open, in all and for one address."""

import functools
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import cast

from opengrant.errors import Overloaded

Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class Bounds:
    """The limits of one process, and the counts of what is open in it.

    per_address  connections of one IPv4 address, or of one IPv6 network of 64 bits; proxies are exempt
    head_within  seconds for a whole request head
    body_within  seconds for what is missing of a body, once the application waits for it
    """

    connections: int
    per_address: int
    proxies: tuple[Network, ...]
    head_within: float
    body_within: float = 30.0
    open: int = 0
    of_address: Counter[str] = field(default_factory=Counter)
    lingering: int = 0

    def enter(self, address: str | None) -> tuple[Overloaded, str] | None:
        """Count a connection. At a limit, return the refusal and its reason in the metrics, and count nothing."""
        if self.open >= self.connections:
            return Overloaded("The server is at its limit of connections. Try again.", retry_after=1), "full"
        if address is not None and self.of_address[address] >= self.per_address:
            sentence = "Too many connections from this address. Use fewer, and keep them open."
            return Overloaded(sentence, retry_after=1), "address"
        self.open += 1
        if address is not None:
            self.of_address[address] += 1
        return None

    def leave(self, address: str | None) -> None:
        """Uncount a connection that was counted under this address."""
        self.open -= 1
        if address is not None:
            self.of_address[address] -= 1
            if not self.of_address[address]:
                del self.of_address[address]


@functools.lru_cache(4096)
def counted_as(host: str, proxies: tuple[Network, ...]) -> str | None:
    """The address that a client's connections count under; None: they have no limit by address."""
    try:
        address = ip_address(host)
    except ValueError:
        return None  # no TCP
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    address = mapped or address
    if any(address in network for network in proxies):
        return None
    if isinstance(address, IPv6Address):
        # A host usually has all the addresses of its network.
        return str(cast(IPv6Network, ip_network(f"{address}/64", strict=False)).network_address)
    return str(address)
