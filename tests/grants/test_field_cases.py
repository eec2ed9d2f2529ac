"""What real servers say to a password that was right: what a caller hears at connect, and what becomes of the grant.

One row is one wording, in the words that were seen. The mailbox is connected while its servers accept it; then they
say this to four probes, each late enough for a second look.
"""

# ruff: noqa: E501 -- a row of a table is one line, with the server's whole sentence in it

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.api.wire import grants as wire
from opengrant.connectors.connectors import ConnectorFields
from opengrant.errors import InvalidAuthentication, OpenGrantError, ProviderUnavailable, RateLimited
from opengrant.events.activity import Activity
from opengrant.grants import refusals as outcome
from opengrant.model import Application, Grant, ProviderName, Trouble
from opengrant.operations.overview import Overview
from opengrant.providers.imap.discovery import MailHosts
from opengrant.providers.imap.password import Imap
from opengrant.store.grants import grants
from tests.fakes.mail import CLOSE, IMAP, Certificates, FakeMail
from tests.fakes.oauth import Reply
from tests.grants.house import House, SlowOAuth, house
from tests.grants.test_probes import DAY, connected, outside
from tests.logins import connecting
from tests.support import secret

Settings = dict[str, Any]

HOST = "imap.example.test"
MICROSOFT = "outlook.office365.com"


@dataclass(frozen=True)
class Row:
    """`says`: the whole answer to the login, IMAP's after its tag. remedy: words of it. wait: Retry-After at connect.

    ends         the grant is invalid after the second look; else it is valid after every look
    looks_after  seconds between two looks
    """

    says: str
    error: type[OpenGrantError]
    kind: str
    reason: str
    remedy: str
    ends: bool
    wait: int | None = None
    host: str = HOST
    looks_after: float = DAY

    @property
    def leg(self) -> str:
        return "smtp" if self.says[:3].isdecimal() else "imap"

    @property
    def verb(self) -> str:
        return "AUTH" if self.leg == "smtp" else "AUTHENTICATE"

    @property
    def answer(self) -> bytes:
        if self.says.startswith("BYE"):
            return f"* {self.says}\r\n".encode() + CLOSE
        return f"{'' if self.leg == 'smtp' else 'TAG '}{self.says}\r\n".encode()

    @property
    def words(self) -> str:
        """What the caller must be shown of it."""
        return self.says.partition(" ")[2]


REFUSED, SLOW, DOWN = InvalidAuthentication, RateLimited, ProviderUnavailable
LOCKED = "535 5.7.139 Authentication unsuccessful, account locked. [X.PROD.OUTLOOK.COM]"
CRITERIA = "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. [X.PROD.OUTLOOK.COM]"
QQ = "535 Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy. More information at https://help.mail.qq.com/detail/108/1023"
ROWS = [
    # A cause that passes, whatever else is said.
    Row("535 5.7.0 (#AUTH005) Too many bad auth attempts.", SLOW, "rate_limited", "too_many_connections", "fewer logins", ends=False, wait=30),
    Row("NO LOGIN Too many bad login attempts.", SLOW, "rate_limited", "too_many_connections", "fewer logins", ends=False, wait=30),
    Row("NO Temporary authentication failure (rate-limit)", SLOW, "rate_limited", "too_many_connections", "fewer logins", ends=False, wait=30),
    Row("NO Temporary authentication failure.", DOWN, "provider_down", "server_unavailable", "later", ends=False),
    Row("NO [AUTHENTICATIONFAILED] Too many invalid login attempts. Try again in 10 minutes.", SLOW, "rate_limited", "too_many_connections", "fewer logins", ends=False, wait=600),
    Row("NO [AUTHENTICATIONFAILED] Internal error occurred. Refer to server log for more information.", DOWN, "provider_down", "server_unavailable", "later", ends=False),
    Row("NO Login failed: generic failure", DOWN, "provider_down", "server_unavailable", "later", ends=False),
    Row("535 5.7.8 Error: authentication failed: generic failure", DOWN, "provider_down", "server_unavailable", "later", ends=False),
    Row("535 5.7.8 Error: authentication failed: Connection lost to authentication server", DOWN, "provider_down", "server_unavailable", "later", ends=False),
    Row("535 5.7.8 Authentication failed. Please try again.", DOWN, "provider_down", "server_unavailable", "later", ends=False),
    Row("NO [AUTHENTICATIONFAILED] Server busy, authentication failed", DOWN, "provider_down", "server_unavailable", "later", ends=False),
    # Microsoft.
    Row("NO Basic authentication is disabled.", REFUSED, "reconnect", "password_login_disabled", "provider microsoft", ends=True),
    Row("BYE Basic authentication is disabled.", REFUSED, "reconnect", "password_login_disabled", "provider microsoft", ends=True),
    Row("NO AUTHENTICATE failed.", REFUSED, "reconnect", "password_refused", "DOMAIN\\user", ends=True),
    Row("NO AUTHENTICATE failed.", REFUSED, "reconnect", "password_login_disabled", "provider microsoft", ends=True, host=MICROSOFT),
    Row("535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [X.PROD.OUTLOOK.COM]", REFUSED, "reconnect", "password_login_disabled", "provider microsoft", ends=True),
    Row(LOCKED, REFUSED, "reconnect", "account_locked", "unlock it", ends=True),
    Row(LOCKED, REFUSED, "reconnect", "account_locked", "unlock it", ends=False, looks_after=800),
    Row(CRITERIA, REFUSED, "reconnect", "admin_policy", "administrator", ends=True),
    Row("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.", REFUSED, "reconnect", "smtp_auth_disabled_by_admin", "SMTP AUTH", ends=True),
    Row("535 5.7.139 Authentication unsuccessful, the moon is full.", REFUSED, "reconnect", "password_refused", "policy", ends=True),
    # What has to be switched on first.
    Row("NO [ALERT] IMAP access is disabled for your domain. Please contact your domain administrator for questions about this feature. (Failure)", REFUSED, "reconnect", "imap_disabled", "administrator", ends=True),
    Row("NO [ALERT] You are yet to enable IMAP for your account. Please contact your administrator (Failure)", REFUSED, "reconnect", "imap_disabled", "mail settings", ends=True),
    Row("NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)", REFUSED, "reconnect", "imap_disabled", "mail settings", ends=True),
    Row("NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials or IMAP is disabled sc=abc", REFUSED, "reconnect", "password_refused", "switch IMAP on", ends=True),
    Row("535 5.7.8 Error: authentication failed: This user does not have access rights to this service", REFUSED, "reconnect", "smtp_disabled", "mail programs", ends=True),
    # What has to be sent instead.
    Row("NO LOGIN Login error or password error", REFUSED, "reconnect", "app_password_required", "authorization code", ends=True),
    Row("535 Login Fail. Please enter your authorization code to login. More information in http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256", REFUSED, "reconnect", "app_password_required", "authorization code", ends=True),
    Row("535 Error: ??????????: http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256", REFUSED, "reconnect", "app_password_required", "authorization code", ends=True),
    Row("534 5.7.14 <https://accounts.google.com/signin/continue> Please log in via your web browser and then try again.", REFUSED, "reconnect", "browser_login_required", "web browser", ends=True),
    # A refused password that a sentence with two meanings leaves in doubt for a day.
    Row(QQ, REFUSED, "reconnect", "app_password_required", "authorization code", ends=True, looks_after=1.2 * DAY),
    Row(QQ, REFUSED, "reconnect", "app_password_required", "authorization code", ends=False, looks_after=0.2 * DAY),
    Row("NO Invalid login or password. Try again.", REFUSED, "reconnect", "password_refused", "password", ends=True, looks_after=1.2 * DAY),
    Row("NO Invalid login or password. Try again.", REFUSED, "reconnect", "password_refused", "password", ends=False, looks_after=0.2 * DAY),
    # Plain refusals of those who send no code, or one of their own.
    Row("NO Authentication failed", REFUSED, "reconnect", "password_refused", "mechanism PLAIN", ends=True),
    Row("NO [AUTHENTICATIONFAILED] Authentication failed", REFUSED, "reconnect", "password_refused", "app password", ends=True),
    Row("NO [AUTHORIZATIONFAILED] AUTHENTICATE Incorrect username or password. (#MBR1212)", REFUSED, "reconnect", "password_refused", "app password", ends=True),
    Row("NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials", REFUSED, "reconnect", "password_refused", "Yahoo and AOL", ends=True, host="imap.mail.yahoo.com"),
    Row("NO [AUTHENTICATIONFAILED] Invalid credentials(Failure)", REFUSED, "reconnect", "password_refused", "Zoho", ends=True, host="imap.zoho.com"),
    Row("NO authentication failed", REFUSED, "reconnect", "password_refused", "POP3 and IMAP", ends=True, host="imap.gmx.net"),
    Row("535 Authentication credentials invalid", REFUSED, "reconnect", "password_refused", "POP3 and IMAP", ends=True, host="mail.gmx.net"),
    Row("535 5.7.0 Incorrect username or password.", REFUSED, "reconnect", "password_refused", "Fastmail", ends=True, host="smtp.fastmail.com"),
    Row("535 Error: authentication failed", REFUSED, "reconnect", "app_password_required", "authorization code", ends=True, host="smtp.163.com"),
    Row("535 Incorrect authentication data", REFUSED, "reconnect", "password_refused", "password", ends=True),
    # Nobody knows.
    Row("NO The moon is full.", DOWN, "unknown", "unknown_refusal", "own words", ends=False),
]  # fmt: skip


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    made = Certificates()
    yield made
    made.close()


@pytest.fixture(scope="module")
def home(
    loop: asyncio.AbstractEventLoop, slow_provider: SlowOAuth, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """What words mean knows no engine: one house for all rows."""
    opened = house(None, tmp_path_factory.mktemp("house"), slow_provider)
    yield loop.run_until_complete(opened.__aenter__())
    loop.run_until_complete(opened.__aexit__(None, None, None))


Asking = Callable[[], Imap]


@pytest.fixture(scope="module")
def asking(loop: asyncio.AbstractEventLoop, certificates: Certificates) -> Iterator[Asking]:
    """Makes the provider, with one door to all hosts: a TLS context takes long to make."""
    world = outside(certificates.ca_file, *{row.host for row in ROWS})
    guard, resolver, door = loop.run_until_complete(world.__aenter__())
    yield lambda: Imap(door, MailHosts(guard, resolver, door, autoconfig_urls=(), ispdb_url="", timeout=20))
    loop.run_until_complete(world.__aexit__(None, None, None))


@contextlib.asynccontextmanager
async def servers(certificates: Certificates, host: str) -> AsyncIterator[tuple[FakeMail, FakeMail, Settings]]:
    """Mail servers of that name, and settings that they accept."""
    tls = certificates.serving(host)
    async with (
        FakeMail(tls=tls, implicit=True) as incoming,
        FakeMail("smtp", tls=tls, implicit=True) as outgoing,
    ):
        settings = {"imap_username": "ann@corp.example", "imap_password": SecretStr("Secr3t-word")}
        settings |= {"imap_host": host, "imap_port": incoming.port, "smtp_host": host, "smtp_port": outgoing.port}
        yield incoming, outgoing, settings


async def looked_at(home: House, app: Application, after: float) -> Grant:
    """The grant, when so many seconds have passed."""
    home.clock.move(after)
    await home.nodes[0].refresh.due.run_round()
    await home.nodes[0].refresh.drain()
    ((id_,),) = await home.rows("select id from grants where application_id = $1", app.id)
    grant = await home.db.read(grants.find(app.id, id_))
    assert grant is not None
    return grant


async def heard_at_connect(home: House, app: Application, settings: Settings) -> OpenGrantError:
    with pytest.raises(OpenGrantError) as heard:
        await home.nodes[0].connect.custom(app, connecting(ProviderName.IMAP, settings))
    return heard.value


async def story(
    home: House, asking: Asking, certificates: Certificates, row: Row
) -> tuple[OpenGrantError, list[Grant]]:
    """What a caller hears who connects again, and the grant after each of up to four looks."""
    async with servers(certificates, row.host) as (incoming, outgoing, settings):
        app = await connected(home, ProviderName.IMAP, asking(), settings)
        (incoming if row.leg == "imap" else outgoing).answers(row.verb, row.answer)
        error = await heard_at_connect(home, app, settings)
        seen = [await looked_at(home, app, 2 * DAY)]
        while len(seen) < 4 and seen[-1].status == "valid" and (row.looks_after >= DAY or len(seen) < 2):
            seen.append(await looked_at(home, app, row.looks_after))
        await home.rest(app)
    return error, seen


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.says[:60]} {row.looks_after}")
def test_what_a_server_says(
    loop: asyncio.AbstractEventLoop, home: House, asking: Asking, certificates: Certificates, row: Row
) -> None:
    error, seen = loop.run_until_complete(story(home, asking, certificates, row))
    assert type(error) is row.error
    told = (error.provider_error or {})["opengrant"]
    assert (told["class"], told["reason"]) == (row.kind, row.reason)
    assert row.remedy in told["remedy"]
    assert error.retry_after == row.wait
    assert row.words in error.message
    last = seen[-1]
    assert last.status == ("invalid" if row.ends else "valid")
    assert last.trouble is not None
    assert (last.trouble.kind, last.trouble.reason) == (row.kind, row.reason)
    if row.ends:
        assert len(seen) == 2
    elif row.kind != "reconnect":
        assert last.trouble.failures == 4


def test_what_is_over_is_over(
    loop: asyncio.AbstractEventLoop, home: House, asking: Asking, certificates: Certificates
) -> None:
    async def told() -> tuple[OpenGrantError, Grant]:
        async with servers(certificates, HOST) as (incoming, _, settings):
            app = await connected(home, ProviderName.IMAP, asking(), settings)
            incoming.answers("AUTHENTICATE", b"TAG NO LOGIN Too many bad login attempts.\r\n")
            error = await heard_at_connect(home, app, settings)
            incoming.answers("AUTHENTICATE", IMAP["AUTHENTICATE"])
            again = await home.nodes[0].connect.custom(app, connecting(ProviderName.IMAP, settings))
            await home.rest(app)
            return error, again

    error, again = loop.run_until_complete(told())
    assert (type(error), again.status, again.trouble) == (RateLimited, "valid", None)


def test_words_that_nobody_knows_ask_for_a_person_after_a_week(
    loop: asyncio.AbstractEventLoop, home: House, asking: Asking, certificates: Certificates
) -> None:
    """Whatever else goes wrong in between, until something works."""

    async def told() -> tuple[list[bool], list[tuple[str, int]], int, Grant]:
        async with servers(certificates, HOST) as (incoming, _, settings):
            app = await connected(home, ProviderName.IMAP, asking(), settings)
            flags, counts = [], []
            overview = Overview(
                db=home.db,
                activity=Activity(db=home.db, clock=home.clock),
                clock=home.clock,
                observe=lambda *seen: counts.append(seen),
                observe_grants=lambda _: None,
            )
            incoming.answers("AUTHENTICATE", b"TAG NO The moon is full.\r\n")
            for day in range(9):
                if day == 5:
                    incoming.answers("AUTHENTICATE", b"TAG NO Temporary failure.\r\n")
                if day == 6:
                    incoming.answers("AUTHENTICATE", b"TAG NO The moon is full.\r\n")
                grant = await looked_at(home, app, 1.1 * DAY)
                flags.append("needs_attention" in wire.Grant.of(grant)["opengrant"]["trouble"])
            await overview.measure()
            sql = "select type, count(*) from events where application_id = $1 and type like 'grant.%' group by type"
            entries = [(row[0], row[1]) for row in await home.rows(sql, app.id)]
            incoming.answers("AUTHENTICATE", IMAP["AUTHENTICATE"])
            grant = await looked_at(home, app, 1.1 * DAY)
            await overview.measure()
            await home.rest(app)
            assert [seen[2] for seen in counts] == [1, 0]
            return flags, entries, counts[0][2], grant

    flags, entries, _, grant = loop.run_until_complete(told())
    assert flags == [False] * 7 + [True] * 2
    assert ("grant.needs_attention", 1) in entries
    assert (grant.status, grant.trouble, grant.attention_at) == ("valid", None, None)


# ---------------------------------------------------------------- tokens


async def token_story(home: House, name: ProviderName, reply: Reply, **more: Any) -> tuple[Grant, list[Grant]]:
    """A grant by a refresh token, as it was made and after each of two looks to which the provider says this."""
    provider, app = home.provider, await home.tenant()
    provider.reset()
    provider.parks = False
    try:
        await home.connectors.create(
            app, name, ConnectorFields(client_id="client", client_secret=SecretStr(secret("client")))
        )
        token = secret("root")
        provider.consented(token, email="gil@example.com", scope="openid email profile user:read:user", **more)
        made = await home.nodes[0].connect.custom(app, connecting(name, {"refresh_token": SecretStr(token)}))
        provider.answers("token", reply, times=4)
        seen = [await looked_at(home, app, 8 * DAY), await looked_at(home, app, DAY)]
    finally:
        provider.reset()
        await home.rest(app)
    return made, seen


def test_google_s_seven_days_are_told_before_and_after(loop: asyncio.AbstractEventLoop, home: House) -> None:
    bad = Reply(400, {"error": "invalid_grant", "error_description": "Bad Request"})
    told = {"refresh_token_expires_in": 604_799}
    made, seen = loop.run_until_complete(token_story(home, ProviderName.GOOGLE, bad, tokens=told))
    shown = wire.Grant.of(made)
    ends_in = shown["opengrant"]["refresh_token_expires_at"] - shown["created_at"]
    assert 604_700 < ends_in <= 604_800
    assert "refresh_token_expires_at" not in shown["settings"]
    last = seen[-1]
    assert (last.status, last.trouble and last.trouble.reason) == ("invalid", "token_revoked")
    assert last.trouble is not None
    assert "seven days" in last.trouble.remedy


@pytest.mark.parametrize("name", [ProviderName.GOOGLE, ProviderName.ZOOM, ProviderName.MICROSOFT])
@pytest.mark.parametrize("words", ["Too many requests", "Rate limit exceeded", "Throttled", "Please try again later"])
def test_throttling_dressed_as_a_refusal_ends_no_grant(
    loop: asyncio.AbstractEventLoop, home: House, name: ProviderName, words: str
) -> None:
    dressed = Reply(400, {"error": "invalid_grant", "error_description": words})
    _, seen = loop.run_until_complete(token_story(home, name, dressed))
    assert [grant.status for grant in seen] == ["valid"] * 2
    assert seen[-1].trouble is not None
    assert seen[-1].trouble.kind == "rate_limited"


def test_zoom_s_older_refusal_is_the_owner_s(loop: asyncio.AbstractEventLoop, home: House) -> None:
    old = Reply(401, {"reason": "Invalid Token!", "error": "invalid_request"})
    _, seen = loop.run_until_complete(token_story(home, ProviderName.ZOOM, old))
    assert (seen[-1].status, seen[-1].trouble and seen[-1].trouble.reason) == ("invalid", "token_revoked")


def test_zoom_grants_that_meet_it_end_one_by_one(loop: asyncio.AbstractEventLoop, home: House) -> None:
    """As many as would else be a sign that the connector is at fault."""
    old = Reply(401, {"reason": "Invalid Token!", "error": "invalid_request"})
    ended = [loop.run_until_complete(token_story(home, ProviderName.ZOOM, old))[1][-1] for _ in range(6)]
    assert [(grant.status, grant.trouble and grant.trouble.held) for grant in ended] == [("invalid", False)] * 6


def test_a_caller_who_wants_a_token_is_shown_words_that_nobody_knows() -> None:
    trouble = Trouble("unknown", "unknown_answer", "moon", "Look them up.", 0, 0, text="The moon is full")
    error = outcome.at_use(trouble, provider=ProviderName.GOOGLE, status="valid", at=0)
    assert "It said: The moon is full." in error.message
