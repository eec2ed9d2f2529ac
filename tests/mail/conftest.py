"""A mailbox with a password, connected, and its owner's mail program beside it."""

from collections.abc import Iterator

import pytest

from tests.mail.mailbox import OWNER, Owner, owner_of
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """One engine is enough: nothing of the mailbox is stored."""
    return sqlite_server


@pytest.fixture
def owner(dovecot: Dovecot) -> Iterator[Owner]:
    with owner_of(dovecot) as owner:
        yield owner


@pytest.fixture
def grant(tenant: Tenant, dovecot: Dovecot) -> str:
    """The path of the owner's grant."""
    tenant.connector("imap")
    made = data(tenant.connect("imap", imap(dovecot, OWNER)))
    return f"/v3/grants/{made['id']}"
