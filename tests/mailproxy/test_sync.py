"""mbsync through the mail proxy, both ways, until both sides are equal."""

import imaplib
import subprocess
import uuid
from pathlib import Path
from typing import Any

from tests.mailproxy.support import Proxied
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.peers.processes import tied
from tests.support import Tenant, data, imap

BOB = "bob@example.test"
CONFIG = """
IMAPAccount proxied
Host localhost
Port {port}
User {user}
Pass {password}
SSLType IMAPS
CertificateFile {ca}

IMAPStore there
Account proxied

MaildirStore here
Path {here}/
Inbox {here}/INBOX
SubFolders Verbatim

Channel all
Far :there:
Near :here:
Patterns "{work}" "{box}"
Create Both
Expunge Both
Sync All
SyncState *
"""


def message(number: int) -> bytes:
    return b"From: a@example.test\r\nMessage-ID: <%d@sync.test>\r\nSubject: %d\r\n\r\nmail %d\r\n" % (
        number,
        number,
        number,
    )


def there(client: imaplib.IMAP4, folder: str) -> dict[bytes, frozenset[bytes]]:
    """Subject → flags of each mail, as Dovecot itself shows them."""
    assert client.select(folder)[0] == "OK"
    found = client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
    pairs = [one for one in found if isinstance(one, tuple)]
    return {
        text.split(b"Subject: ")[1].strip(): frozenset(imaplib.ParseFlags(head)) - {rb"\Recent"} for head, text in pairs
    }


def here(directory: Path) -> dict[bytes, frozenset[bytes]]:
    words = {"S": rb"\Seen", "F": rb"\Flagged", "R": rb"\Answered"}
    found = {}
    for path in [*directory.glob("cur/*"), *directory.glob("new/*")]:
        flags = path.name.partition(":2,")[2]
        subject = next(line for line in path.read_bytes().splitlines() if line.startswith(b"Subject: "))
        found[subject[9:]] = frozenset(words[flag] for flag in flags if flag in words)
    return found


def test_mbsync_keeps_both_sides_equal(
    proxied: Proxied, tenant: Tenant, key: str, dovecot: Dovecot, workdir: Path
) -> None:
    tenant.connector("imap")
    grant: Any = data(tenant.connect("imap", imap(dovecot, BOB)))
    direct = imaplib.IMAP4("127.0.0.1", dovecot.imap)
    direct.authenticate("PLAIN", lambda _: f"\0{BOB}\0{ACCOUNTS[BOB]}".encode())
    # Of this test's own: on both engines it is the same Dovecot.
    work, box = (f"{name}-{uuid.uuid4()}" for name in ("work", "box"))
    direct.create(work)
    direct.create(box)
    for number in range(12):
        direct.append(work if number % 3 else box, r"(\Seen)" if number % 2 else "", "", message(number))
    local = workdir / "mail"
    local.mkdir()
    config = workdir / "mbsyncrc"
    config.write_text(
        CONFIG.format(
            port=proxied.imap, user=grant["id"], password=key, ca=proxied.ca_file, here=local, work=work, box=box
        )
    )

    def sync() -> None:
        command = [*tied(), "mbsync", "-c", str(config), "all"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    sync()
    assert here(local / work) == there(direct, work)
    assert here(local / box) == there(direct, box)

    # Changes on both sides: a flag there, a deletion there, a new mail here, a flag here.
    direct.select(work)
    direct.store("1", "+FLAGS", r"(\Flagged)")
    direct.store("2", "+FLAGS", r"(\Deleted)")
    direct.expunge()
    (local / work / "new" / "1.made.here").write_bytes(message(99).replace(b"\r\n", b"\n"))
    unseen = next(path for path in (local / box).glob("*/*") if path.parent.name in ("cur", "new"))
    unseen.rename(local / box / "cur" / f"{unseen.name.partition(':')[0]}:2,FS")
    sync()
    assert b"99" in there(direct, work)
    assert len(there(direct, work)) == 8
    assert here(local / work) == there(direct, work)
    assert here(local / box) == there(direct, box)
    assert any(rb"\Flagged" in flags for flags in there(direct, box).values())
    direct.logout()
