"""Addresses of this installation, for people at its machine."""

from contextlib import suppress
from ipaddress import ip_address

from opengrant.settings import Settings


def base_url(settings: Settings) -> str:
    """Where a browser on this machine finds the server, unless a setting says where all do."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = settings.host
    with suppress(ValueError):
        address = ip_address(host)
        if address.is_unspecified:
            address = ip_address("127.0.0.1" if address.version == 4 else "::1")
        host = str(address) if address.version == 4 else f"[{address}]"
    return f"http://{host}:{settings.port}"
