"""A mailbox of the real Dovecot as its owner's mail program sees it, beside what the API shows of it."""

import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from email.message import EmailMessage

from tests.nodes.node import until
from tests.peers.cyrus import Cyrus
from tests.peers.dovecot import ACCOUNTS, Dovecot

OWNER = "bob@example.test"
RECEIVED = 1_772_438_400
"""2026-03-02T08:00Z: when the first message came."""
PURPOSES = {"Papierkorb": "\\Trash", "Ablage": "\\Archive", "Entwuerfe": "\\Drafts"}
"""Dovecot knows these names by its configuration."""
_NAME = re.compile(r' "[./]" ')


class Owner:
    """Logged in by imaplib."""

    def __init__(self, server: Dovecot | Cyrus) -> None:
        trust = ssl.create_default_context(cafile=str(server.ca_file))
        self.client = imaplib.IMAP4_SSL("127.0.0.1", server.imaps, ssl_context=trust, timeout=60)
        password = ACCOUNTS[OWNER].encode()
        try:
            self.client.authenticate("PLAIN", lambda _: b"\0" + OWNER.encode() + b"\0" + password)
        except BaseException:
            self.client.shutdown()
            raise

    def empty(self) -> None:
        """No folder but an empty inbox."""
        until(self._has_no_folders, "folders of an earlier test stay")
        self.client.select("INBOX")
        self.client.uid("STORE", "1:*", "+FLAGS", "\\Deleted")
        self.client.expunge()
        self.client.close()

    def _has_no_folders(self) -> bool:
        """After an attempt: a server may refuse while another session that ends still has the folder open."""
        for name in self.folders():
            if name != "INBOX":
                self.client.delete(f'"{name}"')
        return self.folders() == ["INBOX"]

    def folders(self) -> list[str]:
        lines = self.client.list()[1]
        return [_NAME.split(line.decode())[-1].strip('"') for line in lines if isinstance(line, bytes)]

    def make(self, name: str) -> None:
        purpose = PURPOSES.get(name) if "CREATE-SPECIAL-USE" in self.client.capabilities else None
        answer = self.client.create(f'"{name}" (USE ({purpose}))' if purpose else f'"{name}"')
        assert answer[0] == "OK", (answer, self.client.list())

    def put(self, message: bytes, *, folder: str = "INBOX", flags: str = "", after: int = 0) -> None:
        """after: seconds after RECEIVED when it came."""
        when = imaplib.Time2Internaldate(RECEIVED + after)
        assert self.client.append(f'"{folder}"', flags.strip(), when, message)[0] == "OK"

    def flags(self, folder: str = "INBOX") -> list[frozenset[str]]:
        """Of each message, in the order in which they came."""
        self.client.select(f'"{folder}"', readonly=True)
        found = self.client.fetch("1:*", "(FLAGS)")[1]
        self.client.close()
        lines = [line for line in found if isinstance(line, bytes)]
        marks = [frozenset(mark.decode() for mark in imaplib.ParseFlags(line)) for line in lines]
        return [mark - {"\\Recent"} for mark in marks]

    def count(self, folder: str) -> int:
        status, found = self.client.select(f'"{folder}"', readonly=True)
        return int(found[0] or 0) if status == "OK" else -1


@contextlib.contextmanager
def owner_of(server: Dovecot | Cyrus, *, empty: bool = True) -> Iterator[Owner]:
    """empty: the mailbox is emptied first."""
    owner = Owner(server)
    try:
        if empty:
            owner.empty()
        yield owner
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            owner.client.logout()


def mail(
    number: int,
    *,
    subject: str | None = None,
    sender: str = "Ana Müller <ana@example.com>",
    to: str = "bob@example.test",
    html: str | None = "<p>Hello <b>Bob</b></p>",
    files: Sequence[tuple[str, bytes]] = (),
    **headers: str,
) -> bytes:
    """A message with the Message-ID <number@example.com>; headers: `In_Reply_To` and the like, "" for none."""
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    message["Subject"] = f"Message {number}" if subject is None else subject
    given = {"Message_ID": f"<{number}@example.com>", **headers}
    for name, value in given.items():
        if value:
            message[name.replace("_", "-")] = value
    message.set_content(f"Hello Bob, this is message {number}.\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name, content in files:
        message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
