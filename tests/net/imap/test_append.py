"""A message is put into a folder of the real Dovecot, with its literal announced and asked for."""

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.imap import commands
from opengrant.net.mail_login import MailClient, ServerLogin
from tests.mail.mailbox import OWNER, Owner, mail, owner_of
from tests.peers.dovecot import ACCOUNTS, Dovecot


@pytest.fixture
def owner(dovecot: Dovecot):
    with owner_of(dovecot) as owner:
        yield owner


async def opened(dovecot: Dovecot):
    client = MailClient(Guard(parse_networks("127.0.0.0/8"), Resolver()), at_once=2, ca_file=dovecot.ca_file)
    login = ServerLogin(
        leg="imap",
        host="localhost",
        port=dovecot.imaps,
        security="tls",
        username=OWNER,
        secret=SecretStr(ACCOUNTS[OWNER]),
    )
    return await client.open_imap("imap", login)


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("size", [0, 3_000_000])
async def test_a_message_comes_out_as_it_went_in(dovecot: Dovecot, owner: Owner, asked: bool, size: int) -> None:
    session = await opened(dovecot)
    if asked:
        session.offers -= {"LITERAL+"}
    message = mail(1) + b"0123456789abcdef\r\n" * (size // 18)
    try:
        place = await commands.append(session, b"INBOX", message, flags=b"\\Seen \\Flagged")
        validity = await commands.open_folder(session, b"INBOX")
        assert place is not None
        assert place[0] == validity
        (found,) = await commands.fetch(session, [place[1]], b"FLAGS BODY.PEEK[]")
    finally:
        session.close()
    assert found.parts[b"BODY[]"] == message
    assert {"\\seen", "\\flagged"} <= found.flags


async def test_a_folder_that_is_not_there_is_named_by_its_code(dovecot: Dovecot, owner: Owner) -> None:
    session = await opened(dovecot)
    try:
        with pytest.raises(ProviderFailure) as failure:
            await commands.append(session, b"None", mail(1), flags=b"")
        assert failure.value.evidence.code == "TRYCREATE"
        assert session.usable
    finally:
        session.close()
