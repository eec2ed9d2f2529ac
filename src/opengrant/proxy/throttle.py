"""Counts of one process: refused logins of an address, and sessions that are open."""

import time
from collections import Counter, OrderedDict
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

from opengrant.errors import Overloaded, RateLimited

TRIES = 20
"""Refused logins of one address, after which it waits."""
WITHIN = 300.0
"""Seconds in which they count."""
_REMEMBERED = 10_000
"""Addresses; the longest unused is forgotten first."""


class RefusedLogins:
    """Refused logins by address, in a fixed window each."""

    def __init__(self) -> None:
        self._counts = OrderedDict[str, tuple[int, float]]()

    def forget(self) -> None:
        self._counts.clear()

    def check(self, address: str) -> None:
        """Raises RateLimited."""
        count, until = self._counts.get(network_of(address), (0, 0.0))
        if count >= TRIES and (left := until - time.monotonic()) > 0:
            wait = int(left) + 1
            raise RateLimited(f"Too many refused logins from this address. Try again in {wait} s.", retry_after=wait)

    def count(self, address: str) -> None:
        network, now = network_of(address), time.monotonic()
        count, until = self._counts.get(network, (0, 0.0))
        self._counts[network] = (count + 1, until) if until > now else (1, now + WITHIN)
        self._counts.move_to_end(network)
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)


class Places:
    """At most so many of each kind of thing at once."""

    def __init__(self) -> None:
        self._taken = Counter[str]()

    def take(self, of: str, limit: int, refusal: str) -> None:
        """Raises Overloaded with the sentence `refusal`."""
        if self._taken[of] >= limit:
            raise Overloaded(refusal)
        self._taken[of] += 1

    def give_back(self, of: str) -> None:
        self._taken[of] -= 1
        if not self._taken[of]:
            del self._taken[of]


def network_of(address: str) -> str:
    """What an address counts as: an IPv6 host usually has all addresses of a network of 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network(ip_network(f"{parsed}/64", strict=False)).network_address)
