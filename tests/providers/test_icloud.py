"""iCloud settings become a verified account: against Dovecot and Radicale, and servers that answer as Apple's do."""

import asyncio
import base64
import contextlib

import pytest
from pydantic import SecretStr

from opengrant.errors import InvalidRequest, ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import MailClient
from opengrant.providers.classify import classify
from opengrant.providers.icloud.password import ICloud
from tests.fakes.dns import FakeDns
from tests.fakes.mail import CLOSE, Certificates, FakeMail
from tests.logins import verify
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.peers.radicale import Radicale

USER = "alice@example.test"
PASSWORD = ACCOUNTS[USER]
APP_PASSWORD = "abcd-efgh-ijkl-mnop"
REFUSED = b"TAG NO [AUTHENTICATIONFAILED] Authentication failed\r\n"
SMTP_REFUSED = b"535 5.7.8 Error: authentication failed\r\n"
HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.close()


@pytest.fixture(scope="module")
def radicale():
    with Radicale({USER: PASSWORD, "bob@example.test": ACCOUNTS["bob@example.test"]}) as peer:
        yield peer


class Calendars:
    """iCloud's CalDAV as `caldav.icloud.com` and its partitions answer; a table from path to answers, the last stays.

    heard  (host, path, user and password) of every request
    """

    def __init__(self, tls):
        self.tls, self.heard, self.port = tls, [], 0
        self.answers = {
            "/": [self.multistatus("current-user-principal", "/1234567/principal/")],
            "/1234567/principal/": [
                self.multistatus("calendar-home-set", "https://p07-caldav.icloud.com:443/1234567/calendars/")
            ],
        }

    @staticmethod
    def multistatus(name, href):
        space = "DAV:" if name == "current-user-principal" else "urn:ietf:params:xml:ns:caldav"
        body = (
            '<?xml version="1.0"?><multistatus xmlns="DAV:"><response><href>/</href><propstat><prop>'
            f'<c:{name} xmlns:c="{space}"><href>{href}</href></c:{name}></prop>'
            "<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
        )
        return Calendars.reply(207, body)

    @staticmethod
    def reply(status, body="", **headers):
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body.encode())}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._talk, HERE, 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await asyncio.sleep(0)

    async def _talk(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        user = base64.b64decode(head.partition("Basic ")[2].split("\r\n")[0]).decode()
        self.heard.append((headers["host"].partition(":")[0], path, user))
        script = self.answers.get(path, [self.reply(404)])
        writer.write(script.pop(0) if len(script) > 1 else script[0])
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def icloud(ca_file, *, imap=9, smtp=9, caldav="", host="localhost", records=None, observe=None):
    async with FakeDns(records) as dns:
        resolver = Resolver(dns.address)
        guard = Guard(parse_networks("0.0.0.0/0,::/0"), resolver)
        with contextlib.nullcontext(MailClient(guard, at_once=8, ca_file=ca_file)) as door:
            yield ICloud(
                door,
                guard,
                imap_host=host,
                imap_port=imap,
                smtp_host=host,
                smtp_port=smtp,
                caldav_url=caldav,
                ca_file=ca_file,
                observe=observe,
            )


@contextlib.asynccontextmanager
async def apple(certificates, *, imap=None, smtp=None, calendars=None):
    """Apple's servers as they are when all is well, but for what a test changes. Yields (imap, smtp, provider, dav)."""
    tls = certificates.serving("localhost", "caldav.icloud.com", "p07-caldav.icloud.com", "elsewhere.test")
    names = ("caldav.icloud.com", "p07-caldav.icloud.com", "elsewhere.test")
    async with (
        FakeMail(tls=tls, implicit=True, replies=imap) as incoming,
        FakeMail("smtp", tls=tls, implicit=True, replies=smtp) as outgoing,
        Calendars(tls) as dav,
        icloud(
            certificates.ca_file,
            imap=incoming.port,
            smtp=outgoing.port,
            caldav=f"https://caldav.icloud.com:{dav.port}/",
            records={(name, "A"): [HERE] for name in names},
        ) as provider,
    ):
        dav.answers.update({path: [one] for path, one in (calendars or {}).items()})
        yield incoming, outgoing, provider, dav


def ask(username="jane@icloud.com", password=APP_PASSWORD):
    return {"username": username, "password": SecretStr(password)}


async def refusal(provider, settings):
    with pytest.raises(ProviderFailure) as failure:
        await verify(provider, settings)
    evidence = failure.value.evidence
    assert settings["password"].get_secret_value() not in repr(evidence)
    verdict = classify(evidence)
    return evidence.leg, str(verdict.kind), verdict.reason


def logins(server):
    blobs = [line.rpartition(b" ")[2] for line in server.heard if b"AUTH" in line and b"PLAIN" in line]
    return [base64.b64decode(blob).decode().split("\0")[1] for blob in blobs]


# ---------------------------------------------------------------- real servers


async def test_real_mail_and_calendar_servers_are_proved(dovecot: Dovecot, radicale: Radicale, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(dovecot.ca_file.read_bytes() + radicale.ca_file.read_bytes())
    async with icloud(both, imap=dovecot.imaps, smtp=dovecot.submission, caldav=radicale.url) as provider:
        verified = await verify(provider, ask(USER, PASSWORD))
        wrong = await refusal(provider, ask(USER, "wrong"))
        only_mail = await refusal(provider, ask("eve@example.test", ACCOUNTS["eve@example.test"]))
    assert (verified.identity.email, verified.settings) == (USER, {"username": USER})
    assert verified.secret == {
        "password": PASSWORD,
        "imap_login": USER,
        "imap_security": "tls",
        "smtp_login": USER,
        "smtp_security": "starttls",
        "caldav_login": USER,
        "caldav_principal": f"{radicale.url}alice%40example.test/",
        "caldav_home": f"{radicale.url}alice%40example.test/",
    }
    assert PASSWORD not in repr(verified)
    assert wrong == ("imap", "reconnect", "app_password_required")
    assert only_mail == ("caldav", "reconnect", "apple_account_name_needed")


async def test_each_discovery_is_observed_once(radicale: Radicale):
    seen = []
    observe = lambda *what: seen.append(what[:3])  # noqa: E731 -- as short as what it does
    async with icloud(radicale.ca_file, caldav=radicale.url, observe=observe) as provider:
        for password in (PASSWORD, "wrong"):
            with pytest.raises(ProviderFailure):  # there is no mail server
                await verify(provider, ask(USER, password))
    async with icloud(radicale.ca_file, caldav="https://localhost:9/", observe=observe) as provider:
        await refusal(provider, ask(USER, PASSWORD))
    assert seen == [("icloud", "caldav", outcome) for outcome in ("ok", "http", "connect")]


async def test_without_a_calendar_url_mail_alone_proves(dovecot: Dovecot):
    async with icloud(dovecot.ca_file, imap=dovecot.imaps, smtp=dovecot.submissions) as provider:
        verified = await verify(provider, ask(USER, PASSWORD))
    assert (verified.identity.subject, "caldav_home" in verified.secret) == (None, False)


# ---------------------------------------------------------------- accepted


async def test_the_account_number_comes_from_the_principal(certificates):
    async with apple(certificates) as (_, _, provider, dav):
        verified = await verify(provider, ask())
        assert verified.secret["caldav_principal"] == f"https://caldav.icloud.com:{dav.port}/1234567/principal/"
    assert (verified.identity.subject, verified.identity.user_id) == ("1234567", "1234567")
    assert verified.secret["caldav_home"] == "https://p07-caldav.icloud.com:443/1234567/calendars/"
    assert {user for _, _, user in dav.heard} == {f"jane@icloud.com:{APP_PASSWORD}"}


@pytest.mark.parametrize(
    ("username", "imap", "email"),
    [
        ("jane@icloud.com", ["jane@icloud.com", "jane"], "jane@icloud.com"),
        ("jane@me.com", ["jane@me.com", "jane"], "jane@me.com"),
        ("jane", ["jane", "jane@icloud.com"], "jane@icloud.com"),
    ],
)
async def test_imap_gets_both_forms_of_the_name_and_the_others_the_address(certificates, username, imap, email):
    replies = {"AUTHENTICATE": [REFUSED], "LOGIN": b"TAG OK yes\r\n"}
    async with apple(certificates, imap=replies) as (incoming, outgoing, provider, dav):
        assert await refusal(provider, ask(username)) == ("imap", "reconnect", "no_icloud_mailbox")
        assert (logins(incoming), logins(outgoing)) == (imap, [email])
    assert {user for _, _, user in dav.heard} == {f"{email}:{APP_PASSWORD}"}
    async with apple(certificates) as (incoming, _, provider, _):
        verified = await verify(provider, ask(username))
        assert logins(incoming) == imap[:1]
    assert (verified.identity.email, verified.settings["username"]) == (email, username)
    assert (verified.secret["imap_login"], verified.secret["smtp_login"]) == (username, email)


async def test_the_local_part_of_a_foreign_address_is_somebody_elses_name(certificates):
    async with apple(certificates, imap={"AUTHENTICATE": REFUSED}) as (incoming, _, provider, _):
        assert await refusal(provider, ask("jane@gmail.com")) == ("imap", "reconnect", "no_icloud_mailbox")
        assert logins(incoming) == ["jane@gmail.com"]


async def test_a_partition_gets_the_password_after_a_redirect_and_a_stranger_does_not(certificates):
    async with apple(certificates) as (_, _, provider, dav):
        dav.answers["/"] = [dav.reply(301, Location=f"https://p07-caldav.icloud.com:{dav.port}/there")]
        dav.answers["/there"] = [dav.multistatus("current-user-principal", "/1234567/principal/")]
        await verify(provider, ask())
        assert [host for host, _, _ in dav.heard] == ["caldav.icloud.com", *["p07-caldav.icloud.com"] * 2]
    for target in ("https://elsewhere.test:{}/", "http://caldav.icloud.com:{}/", "https://evilicloud.com:{}/"):
        async with apple(certificates) as (_, _, provider, dav):
            dav.answers["/"] = [dav.reply(302, Location=target.format(dav.port))]
            assert await refusal(provider, ask()) == ("caldav", "provider_down", "redirected_elsewhere")
            assert len(dav.heard) == 1


async def test_a_moved_account_is_looked_for_again_once(certificates):
    async with apple(certificates) as (_, _, provider, dav):
        good = dav.answers["/1234567/principal/"][0]
        dav.answers["/1234567/principal/"] = [dav.reply(403), good]
        assert (await verify(provider, ask())).identity.subject == "1234567"


# ---------------------------------------------------------------- refused


BOTH_SCHEMES = 'X-MobileMe-AuthToken realm="Newcastle", Basic realm="Newcastle"'


@pytest.mark.parametrize(
    ("password", "reason"),
    [(APP_PASSWORD, "app_password_refused"), ("the account's own", "app_password_required")],
)
async def test_a_wrong_password_is_told_by_its_kind(certificates, password, reason):
    calendars = {"/": Calendars.reply(401, WWW_Authenticate=BOTH_SCHEMES)}
    refusing = {"imap": {"AUTHENTICATE": REFUSED}, "smtp": {"AUTH": SMTP_REFUSED}, "calendars": calendars}
    async with apple(certificates, **refusing) as (incoming, outgoing, provider, dav):
        assert await refusal(provider, ask(password=password)) == ("imap", "reconnect", reason)
        assert (len(logins(incoming)), len(logins(outgoing)), len(dav.heard)) == (2, 1, 1)


async def test_mail_that_is_refused_for_sending_alone_wants_the_icloud_address(certificates):
    async with apple(certificates, smtp={"AUTH": SMTP_REFUSED}) as (_, _, provider, _):
        assert await refusal(provider, ask("jane@custom.test")) == ("smtp", "reconnect", "no_icloud_mailbox")


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (Calendars.reply(401, WWW_Authenticate=BOTH_SCHEMES), "reconnect", "apple_account_name_needed"),
        (Calendars.reply(401, WWW_Authenticate="X-MobileMe-AuthToken x"), "connector", "caldav_url_wrong"),
        (Calendars.reply(403), "reconnect", "account_blocked"),
        (Calendars.reply(404), "connector", "caldav_url_wrong"),
        (Calendars.reply(429), "rate_limited", "throttled"),
        (Calendars.reply(503), "provider_down", "server_unavailable"),
        (Calendars.reply(200, "<html>"), "provider_down", "server_unavailable"),
        (Calendars.reply(207, "<html>"), "provider_down", "senseless_answer"),
        (Calendars.reply(207, '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), "provider_down", "senseless_answer"),
        (Calendars.reply(207, '<multistatus xmlns="DAV:"/>'), "provider_down", "senseless_answer"),
        (b"garbage\r\n\r\n", "provider_down", "server_unavailable"),
        (b"", "provider_down", "server_unavailable"),
        (Calendars.reply(207, "x" * (1 << 20) + "y"), "provider_down", "server_unavailable"),
    ],
)
async def test_calendar_answers(certificates, answer, kind, reason):
    async with apple(certificates, calendars={"/": answer}) as (_, _, provider, _):
        assert await refusal(provider, ask()) == ("caldav", kind, reason)


@pytest.mark.parametrize(
    ("imap", "smtp", "leg", "kind"),
    [
        ({"AUTHENTICATE": b"TAG NO [UNAVAILABLE] later\r\n"}, None, "imap", "provider_down"),
        ({"AUTHENTICATE": CLOSE}, None, "imap", "provider_down"),
        (None, {"AUTH": b"454 4.7.0 Temporary authentication failure\r\n"}, "smtp", "provider_down"),
        (None, {"EHLO": b"421 4.3.0 closing\r\n" + CLOSE}, "smtp", "provider_down"),
    ],
)
async def test_trouble_at_the_mail_servers_is_no_refusal(certificates, imap, smtp, leg, kind):
    async with apple(certificates, imap=imap, smtp=smtp) as (incoming, _, provider, _):
        assert (await refusal(provider, ask()))[:2] == (leg, kind)
        assert len(logins(incoming)) == 1


async def test_hosts_that_are_not_there_are_down_and_not_the_callers_fault(certificates):
    async with icloud(certificates.ca_file, caldav="https://localhost:9/") as provider:
        assert (await refusal(provider, ask()))[1] == "provider_down"
    async with icloud(certificates.ca_file, caldav="https://nowhere.test/", host="nowhere.test") as provider:
        assert await refusal(provider, ask()) == ("imap", "provider_down", "server_unavailable")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"password": SecretStr("x")}, "username"),
        ({"username": "jane"}, "password"),
        ({"username": "jane", "password": SecretStr("")}, "password"),
        ({"username": "ja\nne", "password": SecretStr("x")}, "username"),
        ({"username": "jane", "password": SecretStr("a\0b")}, "password"),
        ({"username": "jane", "password": SecretStr("a\ud800")}, "password"),
        ({"username": "ja:ne", "password": SecretStr("x")}, "username"),
    ],
)
async def test_what_cannot_work_is_refused_before_any_connection(certificates, settings, field):
    async with icloud(certificates.ca_file) as provider:
        with pytest.raises(InvalidRequest, match=field):
            await verify(provider, settings)
