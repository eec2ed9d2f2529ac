"""Opens connections for net/http_client.py: names, addresses, TLS. A Fault says which of them failed."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohappyeyeballs

from opengrant.net.http_connection import Connection, Fault
from opengrant.net.tls_sessions import TlsSessions
from opengrant.net.tls_transport import TlsTransport

MAX_TEXT = 1024
"""Characters kept of a TLS error's text."""
_STAGGER = 0.25
"""Seconds until the next address of a host is tried beside the one before (RFC 8305)."""

_NOT_HTTP = Fault("http", "not_http", sent=False)
_HUNG_UP = Fault("connect", "unreachable", sent=False)

AddressInfo = tuple[int, int, int, str, Any]
"""As of socket.getaddrinfo."""
LookUp = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]
"""The addresses of a host and port, at least one. Raises OSError or UnicodeError; other exceptions pass through."""


async def system_addresses(host: str, port: int) -> Sequence[AddressInfo]:
    """As the system resolves names."""
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def connect(
    host: str, port: int, look_up: LookUp, tls: ssl.SSLContext | None, sessions: TlsSessions | None = None
) -> Connection | Fault:
    """Look the name up, connect, and shake hands if there is `tls`. Raises TimeoutError; cancel it at a deadline.

    sessions  from which TLS is resumed
    """
    found = await _reach(host, port, look_up)
    if tls is not None and not isinstance(found, Fault):
        found = await _start_tls(found, tls, (host.removesuffix("."), port), sessions or TlsSessions())
    if isinstance(found, Fault) or not found.closed:
        return found
    # It ended before a request: the server speaks first, or does not want us.
    return _NOT_HTTP if found.unasked else _HUNG_UP._replace(cause=ConnectionResetError())


async def _reach(host: str, port: int, look_up: LookUp) -> Connection | Fault:
    try:
        return await _open(await look_up(host, port))
    except socket.gaierror as error:
        again = error.errno == socket.EAI_AGAIN
        return Fault("dns", "name_lookup_failed" if again else "name_not_found", sent=False)
    except UnicodeError:  # a label too long for the IDNA codec
        return Fault("dns", "name_not_found", sent=False)
    except ConnectionRefusedError as error:
        return Fault("connect", "refused", sent=False, cause=error)
    except TimeoutError:
        raise
    except OSError as error:
        return Fault("connect", "unreachable", sent=False, cause=error)
    except RuntimeError:  # uvloop has some of its own
        return Fault("connect", "unreachable", sent=False, cause=OSError())


async def _open(addresses: Sequence[AddressInfo]) -> Connection:
    loop, where = asyncio.get_running_loop(), addresses[0][4]
    if len(addresses) == 1 and not any(where[2:]):  # nor is there an IPv6 scope
        # No socket object and no task of ours, which cost as much as the connection.
        return (await loop.create_connection(Connection, *where[:2]))[1]
    sock = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=_STAGGER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # uvloop loses a socket when it is cancelled while it takes the socket over: it closes the descriptor, and the
    # socket object later closes another file that has the same number by then. Taking over waits for no network.
    taken = asyncio.ensure_future(loop.create_connection(Connection, sock=sock))
    try:
        return (await asyncio.shield(taken))[1]
    except asyncio.CancelledError:
        taken.add_done_callback(_abandon)
        raise


def _abandon(taken: "asyncio.Future[tuple[asyncio.Transport, Connection]]") -> None:
    if not taken.cancelled() and taken.exception() is None:
        taken.result()[1].abort()


async def _start_tls(
    connection: Connection, context: ssl.SSLContext, server: tuple[str, int], sessions: TlsSessions
) -> Connection | Fault:
    plain, resume, secure = connection.transport, sessions.find(*server), False
    try:
        if connection.closed:
            # A server of TLS does not speak first.
            raise _no_tls() if connection.unasked else ConnectionResetError
        transport = TlsTransport(plain, connection, context, server[0], resume)
        await transport.shake_hands()
        secure = True
    except ssl.SSLCertVerificationError as error:
        # Only TLS faults are quoted: their text names the fault and the server, nothing of ours.
        return Fault("tls", "certificate_refused", sent=False, text=error.verify_message[:MAX_TEXT], cause=error)
    except OSError as error:
        text = error.reason if isinstance(error, ssl.SSLError) else ""
        return Fault("tls", "handshake_failed", sent=False, text=(text or "")[:MAX_TEXT], cause=error)
    finally:
        if not secure:
            plain.abort()
            if resume is not None:
                sessions.refuse(*server)
    connection.transport = transport
    return connection


def _no_tls() -> ssl.SSLError:
    """What OpenSSL says to a first record that is none."""
    error = ssl.SSLError()
    error.reason = "WRONG_VERSION_NUMBER"
    return error
