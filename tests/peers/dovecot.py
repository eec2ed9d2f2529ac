"""A real Dovecot: IMAP and submission, each with STARTTLS and with implicit TLS, on free ports of this machine.

It listens on 127.0.0.1 and 127.0.0.2. Dovecot trusts a client whose address equals its own, as 127.0.0.1 seen from
127.0.0.1; at 127.0.0.2 it shows what any client from elsewhere sees: LOGINDISABLED and [PRIVACYREQUIRED] before TLS.
Needs Debian's dovecot-imapd and dovecot-submissiond.
"""

import imaplib
import os
import shutil
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme

from tests.peers.processes import UNPRIVILEGED, Peer, free_ports, tied

NAMES = ("localhost", "mail.example.test", "127.0.0.1", "127.0.0.2")
ELSEWHERE = "127.0.0.2"
"""Where Dovecot treats us as any other client."""

ACCOUNTS = {
    "alice@example.test": "correct horse",
    "bob@example.test": "pässwörd ☂",
    "dora": "a login that is no address",
    "eve@example.test": 'quo"te\\back',
}
DISABLED = ("carol@example.test", "locked away")

CONFIG = r"""
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/dovecot.log
protocols = imap submission
listen = 127.0.0.1, 127.0.0.2
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_location = maildir:~/Maildir
mail_max_userip_connections = 1000
# Two clients that move and delete at once can wait for each other for a minute.
mail_max_lock_timeout = 2 secs
namespace inbox {{
  inbox = yes
  mailbox Papierkorb {{
    special_use = \Trash
  }}
  mailbox Ablage {{
    special_use = \Archive
  }}
  mailbox Entwuerfe {{
    special_use = \Drafts
  }}
}}
hostname = localhost
{more}
submission_relay_host = 127.0.0.1
submission_relay_port = 9
# A failed login waits half a second nevertheless. This one lets nobody in, and only asks for no delay.
passdb {{
  driver = static
  args = noauthenticate=y nodelay=y
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/home/%u
}}
# Without its penalty socket Dovecot delays nobody for the failures of others, which all come from one address here.
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  idle_kill = 4294967295 secs
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  client_limit = 1000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service submission-login {{
  chroot =
  service_count = 0
  client_limit = 1000
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
"""


class Dovecot(Peer):
    """Context manager. Ports: `imap` and `submission` (STARTTLS), `imaps` and `submissions` (implicit TLS).

    more      further settings
    accounts  names and passwords; one more is disabled
    """

    def __init__(self, more: str = "", *, accounts: Mapping[str, str] = ACCOUNTS) -> None:
        self._more, self._accounts = more, accounts
        super().__init__("dovecot")
        self.dir.chmod(0o755)
        self.imap, self.imaps, self.submission, self.submissions = free_ports(4)
        self.ca_file = self.dir / "ca.pem"

    def _start(self) -> None:
        write_certificates(self.dir)
        self._write_users(self._accounts)
        user, group = give_away(self.dir)
        config = self.dir / "dovecot.conf"
        config.write_text(
            CONFIG.format(
                dir=self.dir,
                more=self._more,
                user=user,
                group=group,
                imap=self.imap,
                imaps=self.imaps,
                submission=self.submission,
                submissions=self.submissions,
            )
        )
        self._run([*tied("SIGTERM", refuses_root=True), "dovecot", "-F", "-c", str(config)])

    def _write_users(self, accounts: Mapping[str, str]) -> None:
        users = [f"{name}:{{PLAIN}}{password}" for name, password in accounts.items()]
        users.append(f"{DISABLED[0]}:{{PLAIN}}{DISABLED[1]}::::::nologin=yes")
        new = self.dir / "users.new"
        new.write_text("\n".join(users) + "\n", encoding="utf-8")
        new.chmod(0o644)
        new.replace(self.dir / "users")

    @contextmanager
    def refusing(self, name: str) -> Iterator[None]:
        """This account's password is another one until the block ends. After it the old one works at once."""
        self._write_users({**self._accounts, name: "something else altogether"})
        try:
            self._wait_until(name, lets_in=False)
            yield
        finally:
            self._write_users(self._accounts)
            self._wait_until(name, lets_in=True)

    def settings(self) -> Mapping[str, str]:
        """What OpenGrant needs in its environment to talk to this server."""
        return {
            "OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "OPENGRANT_OUTBOUND__CA_FILE": str(self.ca_file),
        }

    def _warm_up(self) -> None:
        """Wait until it serves. The first login can take 5 s, in which Dovecot looks for its penalty socket."""
        self._wait_until(next(iter(self._accounts)), lets_in=True)

    def _wait_until(self, name: str, *, lets_in: bool) -> None:
        """Until it has read its file of passwords, at which it looks once a second at most."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError, imaplib.IMAP4.error):
                if self._lets_in(name) == lets_in:
                    return
            assert self._process is not None
            assert self._process.poll() is None, self._log()
            time.sleep(0.05)
        raise AssertionError(self._log())

    def _lets_in(self, name: str) -> bool:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with imaplib.IMAP4_SSL("127.0.0.1", self.imaps, ssl_context=context, timeout=30) as client:
            try:
                client.authenticate("PLAIN", lambda _: f"\0{name}\0{self._accounts[name]}".encode())
            except imaplib.IMAP4.error as error:
                if "AUTHENTICATIONFAILED" in str(error):
                    return False
                raise
            return True

    def _log(self) -> str:
        log = self.dir / "dovecot.log"
        return log.read_text() if log.exists() else "Dovecot did not start: run `dovecot -n`."


def write_certificates(directory: Path) -> None:
    """ca.pem, and by that authority cert.pem and key.pem."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(directory / "ca.pem"))
    certificate = ca.issue_cert(*NAMES)
    certificate.private_key_pem.write_to_path(str(directory / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(directory / "cert.pem"), append=True)


def give_away(directory: Path) -> tuple[str, str]:
    """The user and the group that a server's workers run as, and whose the files are: the workers refuse root."""
    if os.geteuid() == 0:
        for path in (directory, *directory.rglob("*")):
            shutil.chown(path, *UNPRIVILEGED)
    return directory.owner(), directory.group()
