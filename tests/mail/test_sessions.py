"""The pool of sessions: turns, bounds, broken wires. Against servers that hang up."""

import asyncio
import contextlib

import pytest
from pydantic import SecretStr

from opengrant.errors import Overloaded, ProviderFailure
from opengrant.mail.sessions import Key, Sessions
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.imap import commands
from opengrant.net.mail_login import MailClient, ServerLogin
from tests.fakes.mail import CLOSE, FakeMail

LIST = b'* LIST () "/" INBOX\r\nTAG OK done\r\n'


@contextlib.asynccontextmanager
async def pool(*, offers=b"IMAP4rev1 AUTH=PLAIN SASL-IR", replies=None, **bounds):
    client = MailClient(Guard(parse_networks("127.0.0.0/8"), Resolver()), at_once=8, allow_plaintext=True)
    told = {"CAPABILITY": b"* CAPABILITY %b\r\nTAG OK done\r\n" % offers, "LIST": LIST, **(replies or {})}
    sessions = Sessions(**bounds)
    async with FakeMail(replies=told) as server:

        async def open_():
            login = ServerLogin(
                leg="imap",
                host="127.0.0.1",
                port=server.port,
                security="plain",
                username="ana",
                secret=SecretStr("x"),
            )
            return await client.open_imap("imap", login)

        try:
            yield sessions, open_, server
        finally:
            sessions.close()


def key(name, *, host="a"):
    return Key(name, 1, host)


async def folders(_, session):
    return [one.name for one in await commands.list_folders(session)]


async def test_a_session_is_used_again_and_one_call_at_a_time_has_it():
    async with pool() as (sessions, open_, server):
        calls = (sessions.call(key("g"), open_, folders) for _ in range(10))
        assert await asyncio.gather(*calls) == [["INBOX"]] * 10
        assert server.connections == 1


async def test_a_wire_that_broke_at_rest_is_opened_again_once():
    async with pool(replies={"LIST": LIST + CLOSE}) as (sessions, open_, server):
        for _ in range(3):
            assert await sessions.call(key("g"), open_, folders) == ["INBOX"]
        assert server.connections == 3


async def test_a_new_session_that_breaks_is_not_tried_again():
    async with pool(replies={"LIST": CLOSE}) as (sessions, open_, server):
        with pytest.raises(ProviderFailure):
            await sessions.call(key("g"), open_, folders)
        assert server.connections == 1


async def test_what_may_have_changed_something_is_not_done_twice():
    async def create(_, session):
        await commands.create_folder(session, "New")

    async with pool(replies={"CREATE": CLOSE}) as (sessions, open_, server):
        await sessions.call(key("g"), open_, folders)
        with pytest.raises(ProviderFailure):
            await sessions.call(key("g"), open_, create)
        assert server.count("CREATE") == 1


async def test_a_call_that_is_given_up_does_not_leave_its_answer_to_the_next():
    async with pool(replies={"NOOP": b""}) as (sessions, open_, server):
        await sessions.call(key("g"), open_, folders)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sessions.call(key("g"), open_, lambda _, session: session.run(b"NOOP"))
        assert await sessions.call(key("g"), open_, folders) == ["INBOX"]
        assert server.connections == 2


async def test_at_a_bound_the_session_that_rests_longest_is_closed():
    async with pool(most=2) as (sessions, open_, server):
        for name in "abcab":
            assert await sessions.call(key(name), open_, folders) == ["INBOX"]
        # c took the place of a, a that of b, and b that of c.
        assert server.connections == 5


@pytest.mark.parametrize("bound", [{"most": 2}, {"most_of_a_host": 2}])
async def test_when_none_rests_one_more_is_told_to_come_back(bound):
    async with pool(**bound) as (sessions, open_, _), contextlib.AsyncExitStack() as held:
        for name in "ab":
            await held.enter_async_context(sessions.use(key(name), open_))
        with pytest.raises(Overloaded) as refused:
            await sessions.call(key("c"), open_, folders)
        assert refused.value.retry_after


async def test_a_session_that_rests_long_is_closed():
    async with pool(idle=0.05) as (sessions, open_, server):
        await sessions.call(key("g"), open_, folders)
        await server.ended()
        assert server.count("LOGOUT") == 1
        assert sessions._kept == {}
