"""The ports of the mail proxy: bound once, served by each worker."""

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from ipaddress import ip_address

import structlog

from opengrant.assembly.installation import Installation
from opengrant.net.mail_login import MailLeg
from opengrant.server.sockets import CannotListen, bind
from opengrant.settings import Proxy, Settings

log = structlog.get_logger()

MailPorts = Mapping[MailLeg, socket.socket]


class CannotProxy(Exception):
    """The mail proxy cannot be opened; the text says why and what to do."""


@contextlib.contextmanager
def mail_ports(settings: Settings) -> Iterator[MailPorts]:
    """The listening sockets of the ports that are set. Raises CannotProxy."""
    proxy = settings.proxy
    wanted: dict[MailLeg, int | None] = {"imap": proxy.imap_port, "smtp": proxy.smtp_port}
    with contextlib.ExitStack() as opened:
        bound = dict[MailLeg, socket.socket]()
        if any(port is not None for port in wanted.values()):
            tls_of(proxy)
        for leg, port in wanted.items():
            if port is not None:
                try:
                    bound[leg] = opened.enter_context(bind(proxy.host, port))
                except CannotListen as problem:
                    raise CannotProxy(
                        f"{problem} Set OPENGRANT_PROXY__{leg.upper()}_PORT to a free port, and OPENGRANT_PROXY__HOST"
                        " to an address of this machine."
                    ) from None
        yield bound


@contextlib.asynccontextmanager
async def proxying(installed: Installation, ports: MailPorts) -> AsyncIterator[None]:
    """Serve the ports until the block ends. Raises CannotProxy."""
    if not ports:
        yield
        return
    from opengrant.mailproxy.proxy import MailProxy  # noqa: PLC0415 -- most installations have no such port

    settings = installed.settings.proxy
    proxy = MailProxy(installed.services.proxy_logins, tls=tls_of(settings), max_sessions=settings.max_sessions)
    try:
        for leg, bound in ports.items():
            await proxy.open(leg, bound)
        log.info("proxying", **{leg: bound.getsockname()[1] for leg, bound in ports.items()})
        yield
    finally:
        await proxy.close()


def tls_of(settings: Proxy) -> ssl.SSLContext | None:
    """None: without TLS, which must be allowed and stay on this machine. Raises CannotProxy."""
    if settings.certificate is None:
        if settings.allow_plaintext and _is_loopback(settings.host):
            return None
        raise CannotProxy(
            "The mail proxy needs a certificate: set OPENGRANT_PROXY__CERTIFICATE. On a loopback address,"
            " OPENGRANT_PROXY__ALLOW_PLAINTEXT=true permits it without TLS."
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as problem:
        raise CannotProxy(
            f"The certificate of the mail proxy cannot be used ({problem.strerror or 'no such pair'}): check"
            " OPENGRANT_PROXY__CERTIFICATE and OPENGRANT_PROXY__KEY, which are PEM files."
        ) from None
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
