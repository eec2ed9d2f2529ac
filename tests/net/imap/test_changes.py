"""What a session learns of changes that another program makes, against a real Dovecot."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.imap import changes, commands
from opengrant.net.imap.changes import Mark
from opengrant.net.imap.session import ImapSession
from opengrant.net.mail_login import MailClient, ServerLogin
from tests.fakes.mail import CLOSE
from tests.mail.mailbox import OWNER, Owner, mail, owner_of
from tests.net.imap.test_session import session as fake_session
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot

LACKS = {
    "qresync": frozenset[str](),
    "condstore": frozenset({"QRESYNC"}),
    "neither": frozenset({"QRESYNC", "CONDSTORE", "LIST-STATUS", "ESEARCH", "IDLE"}),
}


@pytest.fixture
def owner(dovecot: Dovecot):
    with owner_of(dovecot) as owner:
        yield owner


@contextlib.asynccontextmanager
async def watching(dovecot: Dovecot, lacks: str = "qresync") -> AsyncIterator[ImapSession]:
    client = MailClient(Guard(parse_networks("127.0.0.0/8"), Resolver()), at_once=2, ca_file=dovecot.ca_file)
    secret = SecretStr(ACCOUNTS[OWNER])
    place = {"host": ELSEWHERE, "port": dovecot.imaps, "security": "tls"}
    opened = await client.open_imap("imap", ServerLogin(leg="imap", username=OWNER, secret=secret, **place))
    opened.offers -= LACKS[lacks]
    await changes.enable(opened)
    try:
        yield opened
    finally:
        opened.close()


async def told(session: ImapSession, mark: Mark) -> tuple[list[int], dict[int, frozenset[str]]]:
    """Which known messages are left, and flags that have changed."""
    opened = await changes.reopen(session, b"INBOX", mark)
    assert opened.validity == mark.validity
    flags = opened.flags if opened.modseq else await changes.all_flags(session, mark)
    known = set(range(mark.low, mark.next))
    if opened.gone is None:
        left = {uid for low, high in await changes.present(session, mark) for uid in range(low, high + 1)}
    else:
        left = known - {uid for low, high in opened.gone for uid in range(low, high + 1)}
    return sorted(left & known), {uid: marks - {"\\recent"} for uid, marks in flags.items()}


@pytest.mark.parametrize("lacks", LACKS)
async def test_changes_since_a_mark_are_told(dovecot: Dovecot, owner: Owner, lacks: str) -> None:
    for number in range(4):
        owner.put(mail(number))
    async with watching(dovecot, lacks) as session:
        first = await changes.reopen(session, b"INBOX", None)
        found = await changes.newest(session, first.total, most=3)
        assert [one.uid for one in found] == [first.next - 3, first.next - 2, first.next - 1]
        assert all(b"@example.com" in next(iter(one.parts.values())) for one in found)
        mark = Mark(first.validity, first.next - 4, first.next, first.modseq)
        assert bool(mark.modseq) == (lacks != "neither")

        owner.client.select("INBOX")
        owner.client.store("2", "+FLAGS", "\\Seen")
        owner.client.store("1", "+FLAGS", "\\Deleted")
        owner.client.expunge()
        owner.put(mail(5))

        left, flags = await told(session, mark)
        assert left == [mark.low + 1, mark.low + 2, mark.low + 3]
        assert flags[mark.low + 1] == {"\\seen"}
        assert lacks == "neither" or flags.keys() == {mark.low + 1}
        assert [one.uid for one in await changes.new(session, mark.next, most=9)] == [mark.next]
        assert await changes.new(session, mark.next + 1, most=9) == []

        (inbox,) = await commands.list_folders(session, counts=True, items=changes.items(session))
        assert (inbox.total, inbox.unread, inbox.status[b"UIDNEXT"]) == (4, 3, mark.next + 1)
        assert (b"HIGHESTMODSEQ" in inbox.status) == (lacks != "neither")


async def test_a_busy_process_that_asks_too_late_keeps_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(seconds: float) -> None:
        time.sleep(seconds * 10)  # noqa: ASYNC251 - nothing else runs meanwhile
        await asyncio.sleep(0.001)

    monkeypatch.setattr(changes, "ASKED_EVERY", 0.01)
    monkeypatch.setattr(changes, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": late}))
    async with fake_session(NOOP=b"* 4 EXISTS\r\nTAG OK done\r\n") as (opened, _):
        assert await changes.wait(opened, 30)


@pytest.mark.parametrize("lacks", ["qresync", "neither"])
async def test_new_mail_ends_the_wait(
    dovecot: Dovecot, owner: Owner, lacks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "ASKED_EVERY", 0.1)
    async with watching(dovecot, lacks) as session:
        await changes.reopen(session, b"INBOX", None)
        assert not await changes.wait(session, 0.05)
        waiting = asyncio.create_task(changes.wait(session, 60))
        await asyncio.sleep(0)
        await asyncio.to_thread(owner.put, mail(1))
        assert await waiting
        assert session.usable
        assert (await changes.reopen(session, b"INBOX", None)).total == 1


async def test_a_server_that_refuses_what_it_offers_is_asked_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ASKED_EVERY", 0.01)
    told = (
        b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 5] ok\r\n* OK [HIGHESTMODSEQ 9] ok\r\nTAG OK done\r\n"
    )
    bad, replies = b"TAG BAD what\r\n", {"EXAMINE": told, "NOOP": b"* 4 EXISTS\r\nTAG OK done\r\n"}
    refusals = dict.fromkeys(("IDLE", "ENABLE", 'EXAMINE "INBOX" (CONDSTORE)'), bad)
    offers = b"IMAP4rev1 AUTH=PLAIN SASL-IR IDLE ENABLE CONDSTORE QRESYNC"
    async with fake_session(**replies, **refusals, offers=offers) as (opened, _):
        await changes.enable(opened)
        assert (await changes.reopen(opened, b"INBOX", None)) == (7, 5, 0, 3, {}, None)
        assert await changes.wait(opened, 30)
    async with fake_session(EXAMINE=told, UID=bad, offers=offers) as (opened, _):
        assert (await changes.reopen(opened, b"INBOX", Mark(7, 1, 5, 8))).modseq == 0
        assert not changes.has_modseq(opened)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"TAG BAD what\r\n", "BAD"),
        (b"+ idling\r\n* BYE [UNAVAILABLE] going down\r\n" + CLOSE, "UNAVAILABLE"),
        (b"+ idling\r\n* OK still here\r\n" + CLOSE, "closed"),
        (b"+ idling\r\nwhat is this\r\n", "not_imap"),
        (b"+ idling\r\n* 1 FETCH (X {2000000000}\r\n", "too_long"),
        (CLOSE, "closed"),
    ],
)
async def test_a_server_that_breaks_off_while_it_is_listened_to(answer: bytes, code: str) -> None:
    async with fake_session(IDLE=answer, offers=b"IMAP4rev1 AUTH=PLAIN SASL-IR IDLE") as (opened, _):
        with pytest.raises(ProviderFailure) as failure:
            await opened.listen(30)
        assert failure.value.evidence.code == code
