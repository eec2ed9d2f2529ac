"""The mail proxy of a live server, with TLS, on free ports."""

import imaplib
import smtplib
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import trustme

from opengrant.mailproxy.proxy import MailProxy
from opengrant.server.sockets import bind
from tests.support import LiveServer, Tenant


class Proxied:
    """Context manager. Ports: `imap`, `smtp`; `trust` and `ca_file` are for clients."""

    def __init__(self, server: LiveServer, *, max_sessions: int = 100) -> None:
        self.server = server
        authority = trustme.CA()
        self.trust = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        authority.configure_trust(self.trust)
        self._dir = tempfile.TemporaryDirectory(prefix="proxy-")
        self.ca_file = Path(self._dir.name) / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self._context)
        self._max = max_sessions

    def __enter__(self) -> Self:
        self.proxy = self.server.call(self._open())
        # What other tests of this process were refused counts for its address.
        self.server.services.proxy_logins.refused.forget()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._dir.cleanup()

    def close(self) -> None:
        self.server.call(self.proxy.close())

    async def _open(self) -> MailProxy:
        proxy = MailProxy(self.server.services.proxy_logins, tls=self._context, max_sessions=self._max)
        imap, smtp = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
        self.imap, self.smtp = (one.getsockname()[1] for one in (imap, smtp))
        await proxy.open("imap", imap)
        await proxy.open("smtp", smtp)
        return proxy

    def mailbox(self) -> imaplib.IMAP4_SSL:
        return imaplib.IMAP4_SSL("localhost", self.imap, ssl_context=self.trust, timeout=60)

    def submission(self) -> smtplib.SMTP_SSL:
        return smtplib.SMTP_SSL("localhost", self.smtp, context=self.trust, timeout=60)

    def clients(self) -> int:
        """How many are connected."""
        return len(self.proxy._clients)

    def look(self) -> None:
        """Look at the open sessions, as the proxy does every minute."""
        self.server.call(self.proxy.look_once())


def key_of(tenant: Tenant, *permissions: str) -> str:
    """A new API key with these permissions."""
    keys = tenant.server.services.api_keys
    made = tenant.server.call(keys.create(tenant.application, "mail", lifetime=None, permissions=permissions))
    return str(made.secret.get_secret_value())


def until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
