"""A real Cyrus IMAP, the second IMAP server beside Dovecot: STARTTLS and implicit TLS, on free ports of this machine.

Its separator is "/", it knows no folders but the inbox until a client makes them, and its accounts are Dovecot's.
"""

import imaplib
import os
import ssl
import subprocess
import time
from collections.abc import Mapping

from tests.peers.dovecot import ACCOUNTS, give_away, write_certificates
from tests.peers.processes import Peer, free_ports, tied
from tests.peers.unpacked import ROOT, libraries, there

PROGRAMS = ROOT / "usr/lib/cyrus/bin"

# Accounts are known by their whole address: a default domain that equals theirs would be cut off before the login.
SETTINGS = r"""
configdirectory: {dir}/config
partition-default: {dir}/spool
defaultpartition: default
proc_path: {dir}/proc
mboxname_lockpath: {dir}/lock
temp_path: {dir}
idlesocket: {dir}/idle
cyrus_user: {user}
cyrus_group: {group}
admins: nobody-at-all
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {dir}/accounts
sasl_mech_list: PLAIN LOGIN
virtdomains: userid
defaultdomain: internal
autocreate_quota: 0
autocreate_post: no
specialuse_protect: \Important
skiplist_unsafe: yes
delete_mode: immediate
tls_server_cert: {dir}/cert.pem
tls_server_key: {dir}/key.pem
"""
SERVICES = """
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {dir}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {dir}/imapd.conf" listen="127.0.0.1:{imap}" prefork=1
  imaps cmd="{programs}/imapd -C {dir}/imapd.conf -s" listen="127.0.0.1:{imaps}" prefork=1
  elsewhere cmd="{programs}/imapd -C {dir}/imapd.conf -s" listen="127.0.0.2:{imaps}" prefork=1
}}
EVENTS {{
}}
DAEMON {{
  idled cmd="{programs}/idled -C {dir}/imapd.conf"
}}
"""


class Cyrus(Peer):
    """Context manager. Ports: `imap` (STARTTLS) and `imaps` (implicit TLS)."""

    def __init__(self) -> None:
        super().__init__("cyrus")
        self.dir.chmod(0o755)
        self.imap, self.imaps = free_ports(2)
        self.ca_file = self.dir / "ca.pem"
        self._environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries()}

    @staticmethod
    def missing() -> str:
        """Why it cannot run here; "": it can."""
        return "" if there() else "Cyrus is not there: `./dev check` fetches it"

    def _start(self) -> None:
        write_certificates(self.dir)
        for name in ("config", "config/socket", "spool", "proc", "lock"):
            (self.dir / name).mkdir()
        for address, password in ACCOUNTS.items():
            self._add(address, password)
        user, group = give_away(self.dir)
        settings, services = self.dir / "imapd.conf", self.dir / "cyrus.conf"
        settings.write_text(SETTINGS.format(dir=self.dir, user=user, group=group))
        services.write_text(SERVICES.format(dir=self.dir, programs=PROGRAMS, imap=self.imap, imaps=self.imaps))
        master = [str(PROGRAMS / "master"), "-C", str(settings), "-M", str(services), "-p", str(self.dir / "pid"), "-D"]
        self._run([*tied("SIGTERM", refuses_root=True), *master], env=self._environment)

    def settings(self) -> Mapping[str, str]:
        """What OpenGrant needs in its environment to talk to this server."""
        return {
            "OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "OPENGRANT_OUTBOUND__CA_FILE": str(self.ca_file),
        }

    def _add(self, address: str, password: str) -> None:
        name, _, domain = address.partition("@")
        subprocess.run(
            [str(ROOT / "usr/sbin/saslpasswd2"), "-p", "-c", "-f", str(self.dir / "accounts"), "-u", domain, name],
            input=password.encode(),
            env=self._environment,
            check=True,
            timeout=30,
        )

    def _warm_up(self) -> None:
        name, password = next(iter(ACCOUNTS.items()))
        context = ssl.create_default_context(cafile=str(self.ca_file))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with imaplib.IMAP4_SSL("127.0.0.1", self.imaps, ssl_context=context, timeout=30) as client:
                    client.login(name, password)
            except (OSError, imaplib.IMAP4.error):
                assert self._process is not None
                assert self._process.poll() is None, "Cyrus ended: start its master with -D by hand"
                time.sleep(0.05)
            else:
                return
        raise AssertionError("Cyrus does not answer")
