"""A mailbox of a real server."""

import imaplib
import ssl
from collections.abc import Iterator

import pytest

from tests.peers.dovecot import ACCOUNTS, Dovecot

FOLDERS = ("Corpus", "Threads")


@pytest.fixture(scope="module")
def mailbox(dovecot: Dovecot) -> Iterator[imaplib.IMAP4]:
    """With `FOLDERS`, which are empty."""
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with imaplib.IMAP4_SSL("127.0.0.1", dovecot.imaps, ssl_context=context, timeout=60) as client:
        client.login(*next(iter(ACCOUNTS.items())))
        for folder in FOLDERS:
            client.create(folder)
        yield client
        if client.state == "SELECTED":
            client.close()
        for folder in FOLDERS:
            client.delete(folder)
