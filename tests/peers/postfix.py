"""A real Postfix that keeps what it is sent, and refuses what a test names. Its logins are those of a Dovecot.

It listens where Dovecot does, with STARTTLS and with implicit TLS, takes mail for every domain, and sends none on.
Its master process has to be started by root; everything else runs as another user.
"""

import os
import shutil
import smtplib
import ssl
import time
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import NamedTuple

from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.peers.processes import UNPRIVILEGED, Peer, free_ports, tied
from tests.peers.unpacked import ROOT, libraries, there

GROUP = "games"
"""Of the folders that local programs would hand mail in by. Postfix refuses one that it uses for anything else."""
PROGRAMS = ROOT / "usr/lib/postfix/sbin"

MAIN = r"""
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
meta_directory = {dir}
daemon_directory = {programs}
command_directory = {root}/usr/sbin
shlib_directory = {root}/usr/lib/postfix
import_environment = MAIL_CONFIG LD_LIBRARY_PATH={libraries}
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
mail_owner = {user}
setgid_group = {group}
default_privs = daemon
myhostname = localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = static:all
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
message_size_limit = {most}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_tls_cert_file = {tls}/cert.pem
smtpd_tls_key_file = {tls}/key.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {tls}/run/auth-client
smtpd_recipient_restrictions = check_recipient_access inline:{{ {replies} }}, permit_sasl_authenticated, reject
header_checks = regexp:{dir}/header_checks
smtpd_error_sleep_time = 0
"""
MASTER = """
127.0.0.1:{submission} inet n - n - - smtpd
127.0.0.2:{submission} inet n - n - - smtpd
127.0.0.1:{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.2:{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""
REPLIES = {
    "gone@example.test": "550 5.1.1 no such user",
    "later@example.test": "450 4.2.1 try again later",
    "full@example.test": "552 5.2.2 mailbox full",
}
"""What RCPT is answered with for these recipients."""
STAYS = '"$@" & master=$!; trap "kill $master" TERM; wait $master; wait $master'
"""Postfix's master changes its user for a moment, which unties it from us: a shell stays tied, and ends it."""
UNWANTED = "unwanted"
"""A message with this word in its subject is refused after it was sent."""


class Received(NamedTuple):
    """recipient: of the envelope; a message to several is there once for each. raw: with Postfix's fields on top."""

    recipient: str
    raw: bytes


class Postfix(Peer):
    """Context manager. Ports: `submission` (STARTTLS) and `submissions` (implicit TLS).

    dovecot  whose accounts may send, and whose certificate it shows
    most     bytes of a message
    """

    def __init__(self, dovecot: Dovecot, *, most: int = 40_000_000) -> None:
        self._dovecot, self._most = dovecot, most
        super().__init__("postfix")
        self.dir.chmod(0o755)
        self.submission, self.submissions = free_ports(2)

    @staticmethod
    def missing() -> str:
        """Why it cannot run here; "": it can."""
        if os.geteuid() != 0:
            return "only root can start Postfix"
        return "" if there() else "Postfix is not there: `./dev check` fetches it"

    def _start(self) -> None:
        self._write()
        self._run(
            [*tied("SIGTERM"), "sh", "-c", STAYS, "sh", str(PROGRAMS / "master"), "-c", str(self.dir), "-d"],
            env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries("usr/lib/postfix")},
        )

    def settings(self) -> dict[str, str | int]:
        """Of a grant that sends here."""
        return {"smtp_host": ELSEWHERE, "smtp_port": self.submissions}

    def forget(self) -> None:
        """What was received so far, and what is still on its way."""
        deadline = time.monotonic() + 60
        while self._queued():
            assert time.monotonic() < deadline, f"{self._queued()} are not delivered"
            time.sleep(0.02)
        for file in self._files():
            file.unlink()

    def received(self, count: int, *, seconds: float = 60) -> list[Received]:
        """So many messages, in no order, or fewer if the others do not come in time."""
        deadline = time.monotonic() + seconds
        while len(self._files()) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        raws = [file.read_bytes() for file in self._files()]
        return [Received(str(BytesHeaderParser().parsebytes(raw)["Delivered-To"]), raw) for raw in raws]

    def _queued(self) -> list[Path]:
        """What Postfix has taken and not delivered yet."""
        queues = (self.dir / "queue" / name for name in ("maildrop", "incoming", "active"))
        return [file for queue in queues for file in queue.rglob("*") if file.is_file()]

    def _files(self) -> list[Path]:
        return [*self.dir.glob("mail/all/new/*")]

    def _write(self) -> None:
        user = UNPRIVILEGED[0]
        for name in ("data", "mail"):
            self._folder(name, 0o755)
        (self.dir / "queue").mkdir()
        for name in (
            "active",
            "bounce",
            "corrupt",
            "defer",
            "deferred",
            "flush",
            "hold",
            "incoming",
            "private",
            "saved",
        ):
            self._folder(f"queue/{name}", 0o700)
        for name in ("maildrop", "public"):
            self._folder(f"queue/{name}", 0o730)
            shutil.chown(self.dir / "queue" / name, group=GROUP)
        (self.dir / "queue" / "pid").mkdir()
        (self.dir / "header_checks").write_text(f"/^Subject:.*{UNWANTED}/ REJECT unwanted content\n")
        (self.dir / "master.cf").write_text(MASTER.format(submission=self.submission, submissions=self.submissions))
        (self.dir / "main.cf").write_text(
            MAIN.format(
                dir=self.dir,
                root=ROOT,
                programs=PROGRAMS,
                libraries=libraries("usr/lib/postfix"),
                tls=self._dovecot.dir,
                user=user,
                group=GROUP,
                uid=(self.dir / "mail").stat().st_uid,
                gid=(self.dir / "mail").stat().st_gid,
                most=self._most,
                replies=", ".join(f"{{{name} = {reply}}}" for name, reply in REPLIES.items()),
            )
        )

    def _folder(self, name: str, mode: int) -> None:
        path = self.dir / name
        path.mkdir()
        path.chmod(mode)
        shutil.chown(path, *UNPRIVILEGED)

    def _warm_up(self) -> None:
        name, password = next(iter(ACCOUNTS.items()))
        trust = ssl.create_default_context(cafile=str(self._dovecot.ca_file))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with smtplib.SMTP_SSL("127.0.0.1", self.submissions, context=trust, timeout=30) as client:
                    client.login(name, password)
            except (OSError, smtplib.SMTPException):
                assert self._process is not None
                assert self._process.poll() is None, self._log()
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self._log())

    def _log(self) -> str:
        log = self.dir / "log"
        return log.read_text() if log.exists() else f"Postfix did not start: {PROGRAMS}/master -c {self.dir} -d -v"
