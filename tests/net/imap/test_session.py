"""A session against servers that are slow, lie and break off."""

import contextlib

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.imap import commands
from opengrant.net.mail_login import MailClient, ServerLogin
from tests.fakes.mail import CLOSE, DRIP, FLOOD, SILENCE, FakeMail

USER, PASSWORD = "ana@example.test", "sesame, open!"
LIST = b'* LIST (\\HasNoChildren) "/" INBOX\r\nTAG OK done\r\n'


def login_at(server, secret, **more):
    place = {"leg": "imap", "host": "127.0.0.1", "port": server.port, "security": "plain"}
    return ServerLogin(**place, username=USER, secret=SecretStr(secret), **more)


@contextlib.asynccontextmanager
async def session(**replies):
    """A session with a server that answers these commands so."""
    guard = Guard(parse_networks("127.0.0.0/8"), Resolver())
    client = MailClient(guard, at_once=2, allow_plaintext=True)
    offers = replies.pop("offers", b"IMAP4rev1 AUTH=PLAIN SASL-IR")
    capability = {"CAPABILITY": b"* CAPABILITY %b\r\nTAG OK done\r\n" % offers}
    async with FakeMail(replies={**capability, "LIST": LIST, **replies}) as server:
        opened = await client.open_imap("imap", login_at(server, PASSWORD))
        try:
            yield opened, server
        finally:
            opened.close()


async def refused(opened, *parts, **options):
    with pytest.raises(ProviderFailure) as failure:
        await opened.run(*parts, **options)
    assert failure.value.evidence.step == "command"
    assert PASSWORD not in repr(failure.value.evidence)
    return failure.value.evidence


async def test_a_session_answers_one_command_after_the_other():
    async with session() as (opened, server):
        for _ in range(3):
            assert [one.name for one in await commands.list_folders(opened)] == ["INBOX"]
        assert opened.usable
        assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"TAG NO [NONEXISTENT] no such folder\r\n", "NONEXISTENT"),
        (b"TAG NO not today\r\n", "NO"),
        (b"TAG BAD what\r\n", "BAD"),
    ],
)
async def test_a_refusal_has_the_servers_code_and_the_session_goes_on(answer, code):
    async with session(EXAMINE=answer) as (opened, _):
        assert (await refused(opened, b"EXAMINE x")).code == code
        assert opened.usable
        assert await commands.list_folders(opened)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"* BYE [UNAVAILABLE] going down\r\n" + CLOSE, "UNAVAILABLE"),
        (CLOSE, "closed"),
        (b"* 1 FETCH (UID 1 BODY[] {20}\r\nshort" + CLOSE, "closed"),
        (b"* 1 FETCH (UID 1 BODY[] {2000000000}\r\n", "too_long"),
        (b"* 1 FETCH (UID 1\r\nTAG OK done\r\n", "not_imap"),
        (b"c7 OK done\r\n", "not_imap"),
        (b"+ go on\r\n", "not_imap"),
        (FLOOD, "too_long"),
    ],
)
async def test_a_broken_wire_or_a_lie_ends_the_session(answer, code):
    async with session(UID=answer) as (opened, _):
        evidence = await refused(opened, b"UID FETCH 1 (UID BODY.PEEK[])", seconds=20)
        assert evidence.code == code
        assert not opened.usable


@pytest.mark.parametrize("answer", [SILENCE, DRIP, b"* 1 FETCH (UID 1 BODY[] {20}\r\nshort" + SILENCE])
async def test_every_command_has_a_deadline_however_its_answer_trickles(answer):
    async with session(UID=answer) as (opened, _):
        assert (await refused(opened, b"UID FETCH 1 (UID BODY.PEEK[])", seconds=0.3)).code == "timeout"
        assert not opened.usable


async def test_an_answer_has_a_bound_though_each_of_its_lines_is_short():
    async with session(UID=b"* SEARCH 1 2 3\r\n" * 1000 + b"TAG OK done\r\n") as (opened, _):
        assert (await refused(opened, b"UID SEARCH ALL", most=10_000)).code == "too_long"


async def test_a_line_may_be_longer_than_what_is_held_at_a_time():
    numbers = b" ".join(b"%d" % number for number in range(1, 100_000))
    async with session(UID=b"* SEARCH " + numbers + b"\r\nTAG OK done\r\n") as (opened, _):
        assert len(list(await commands.search(opened, [b"ALL"]))) == 99_999


@pytest.mark.parametrize("offers", [b"IMAP4rev1 AUTH=PLAIN SASL-IR", b"IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+"])
async def test_a_text_that_is_not_ascii_travels_as_a_literal(offers):
    asks_first = b"LITERAL+" not in offers
    done = b"* SEARCH 4\r\nTAG OK done\r\n"
    rule = [b"+ more\r\n", done] if asks_first else [b"", done]
    async with session(offers=offers, UID=rule) as (opened, server):
        found = await commands.search(opened, [b"SUBJECT ", "Grüße".encode(), b" UNSEEN"])
        assert list(found) == [4]
        size = len("Grüße".encode())
        assert server.heard[-2].endswith(b"CHARSET UTF-8 SUBJECT {%d%b}" % (size, b"" if asks_first else b"+"))
        assert server.heard[-1] == "Grüße UNSEEN".encode()


async def test_a_literal_that_the_server_does_not_want_is_not_sent():
    async with session(UID=b"TAG NO [BADCHARSET (US-ASCII)] no\r\n") as (opened, server):
        with pytest.raises(ProviderFailure) as failure:
            await commands.search(opened, [b"SUBJECT ", "Grüße".encode(), b""])
        assert failure.value.evidence.code == "BADCHARSET"
        assert opened.usable
        assert b"Gr" not in server.heard[-1]


async def test_flags_that_another_client_changes_meanwhile_do_not_hide_what_was_asked_for():
    both = b"* 1 FETCH (UID 9 RFC822.SIZE 12 FLAGS ())\r\n* 1 FETCH (FLAGS (\\Seen) UID 9)\r\n* 2 FETCH (FLAGS ())\r\n"
    async with session(
        UID=both.replace(b"* 2 FETCH (FLAGS ())", b"* 2 FETCH (UID 8 FLAGS ())") + b"TAG OK done\r\n"
    ) as (opened, _):
        (found,) = await commands.fetch(opened, [9], b"RFC822.SIZE FLAGS")
        assert (found.size, found.flags) == (12, {"\\seen"})


async def test_a_token_is_shown_by_xoauth2_and_its_refusal_is_one_of_the_login():
    guard = Guard(parse_networks("127.0.0.0/8"), Resolver())
    client = MailClient(guard, at_once=2, allow_plaintext=True)
    offers = b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR\r\nTAG OK done\r\n"
    replies = {"CAPABILITY": offers, "LIST": LIST}
    async with FakeMail(replies=replies) as server:
        login = login_at(server, "ya29.token", bearer=True)
        opened = await client.open_imap("yahoo-mail", login)
        assert await commands.list_folders(opened)
        opened.close()
        server.answers(
            "AUTHENTICATE", [b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n", b"TAG NO [AUTHENTICATIONFAILED] bad token\r\n"]
        )
        with pytest.raises(ProviderFailure) as failure:
            await client.open_imap("yahoo-mail", login)
        assert (failure.value.evidence.step, failure.value.evidence.code) == ("auth", "AUTHENTICATIONFAILED")
