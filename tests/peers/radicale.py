"""A real Radicale: CalDAV over HTTPS with htpasswd, on a free port of this machine, as iCloud's calendar server.

Unlike iCloud it names accounts by their user name rather than a number, and keeps all of them on one host.
"""

import base64
import http.client
import ssl
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress

import trustme

from tests.peers.processes import Peer, free_ports, tied

CONFIG = """
[server]
hosts = 127.0.0.1:{port}
ssl = True
certificate = {dir}/cert.pem
key = {dir}/key.pem

[auth]
type = htpasswd
htpasswd_filename = {dir}/users
htpasswd_encryption = plain
delay = 0

[storage]
filesystem_folder = {dir}/collections

[logging]
level = warning
"""


class Radicale(Peer):
    """Context manager. `url` is where discovery begins; `ca_file` holds its CA."""

    def __init__(self, accounts: Mapping[str, str]) -> None:
        super().__init__("radicale")
        self.accounts = dict(accounts)
        (self.port,) = free_ports(1)
        self.url = f"https://localhost:{self.port}/"
        self.ca_file = self.dir / "ca.pem"

    def _start(self) -> None:
        ca = trustme.CA()
        ca.cert_pem.write_to_path(str(self.ca_file))
        certificate = ca.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(str(self.dir / "key.pem"))
        for part in certificate.cert_chain_pems:
            part.write_to_path(str(self.dir / "cert.pem"), append=True)
        users = "".join(f"{name}:{password}\n" for name, password in self.accounts.items())
        (self.dir / "users").write_text(users, encoding="utf-8")
        (self.dir / "collections").mkdir()
        (self.dir / "radicale.conf").write_text(CONFIG.format(dir=self.dir, port=self.port))
        command = [*tied(), sys.executable, "-m", "radicale", "--config", str(self.dir / "radicale.conf")]
        with (self.dir / "radicale.log").open("wb") as log:
            self._run(command, stderr=log)

    def _warm_up(self) -> None:
        """Wait until it answers somebody who may log in."""
        user = ":".join(next(iter(self.accounts.items())))
        headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}", "Depth": "0"}
        context = ssl.create_default_context(cafile=str(self.ca_file))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=10)
            with suppress(OSError, http.client.HTTPException), closing(connection) as asking:
                asking.request("PROPFIND", "/", headers=headers)
                if asking.getresponse().status == 207:
                    return
            assert self._process is not None
            assert self._process.poll() is None, (self.dir / "radicale.log").read_text()
            time.sleep(0.05)
        raise AssertionError((self.dir / "radicale.log").read_text())
