"""Whether a host can be reached: its name, a connection, its certificate. Sends no data."""

import asyncio
import os
import ssl

from opengrant.errors import ProviderFailure
from opengrant.net.guard import Guard

_DNS_WORDS = {
    "bad_host": "is no host name",
    "no_public_address": "has no public address: correct the name, or allow its network in"
    " OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS",
}


async def reach(guard: Guard, host: str, port: int, *, tls: ssl.SSLContext | None, seconds: float) -> str | None:
    """Why the host cannot be reached, and what to do; None if it can. tls: None for a connection without TLS."""
    try:
        async with asyncio.timeout(seconds):
            target = await guard.resolve(host, port, provider="doctor", leg="api")
            name = None if tls is None else target.host
            _, writer = await asyncio.open_connection(target.addresses[0], port, ssl=tls, server_hostname=name)
            writer.transport.abort()
    except ProviderFailure as failure:
        return _DNS_WORDS.get(failure.evidence.code, "cannot be looked up: check this machine's DNS")
    except TimeoutError:
        return f"does not answer within {seconds:.0f} s: check firewall and routes"
    except ssl.SSLCertVerificationError as problem:
        wrong = f"shows a certificate that is not accepted ({problem.verify_message})"
        return f"{wrong}: renew it, or name its CA in OPENGRANT_OUTBOUND__CA_FILE"
    except ssl.SSLError as problem:
        return f"does not speak TLS that is safe ({problem.reason}): check its port and its TLS versions"
    except OSError as problem:
        return f"cannot be connected to ({os.strerror(problem.errno or 0)}): check firewall and routes"
    return None
