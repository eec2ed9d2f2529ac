"""IMAP settings become a verified mailbox: against a real Dovecot, and servers that refuse."""

import base64
import contextlib

import pytest
from pydantic import SecretStr

from opengrant.errors import InvalidRequest, Overloaded, ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.login_attempt import Deadlines
from opengrant.net.mail_login import MailClient
from opengrant.providers.imap.discovery import MailHosts
from opengrant.providers.imap.password import Imap
from tests.fakes.dns import FakeDns
from tests.fakes.mail import Certificates, FakeMail
from tests.logins import verify
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE

USER = "alice@example.test"
PASSWORD = ACCOUNTS[USER]
REFUSED = b"TAG NO [AUTHENTICATIONFAILED] no\r\n"


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.close()


@contextlib.asynccontextmanager
async def imap(ca_file, records=None, **options):
    async with FakeDns({("example.test", "TXT"): ["x"]} | (records or {})) as dns:
        resolver = Resolver(dns.address)
        guard = Guard(parse_networks("127.0.0.0/8"), resolver)
        with contextlib.nullcontext(MailClient(guard, ca_file=ca_file, **{"at_once": 8} | options)) as door:
            yield Imap(door, MailHosts(guard, resolver, door, autoconfig_urls=(), ispdb_url="", timeout=20))


def ask(username=USER, password=PASSWORD, **more):
    secrets = {key: SecretStr(more.pop(key)) for key in ("smtp_password",) if key in more}
    return {"imap_username": username, "imap_password": SecretStr(password)} | secrets | more


def services(name, port):
    return {(f"{name}._tcp.example.test", "SRV"): [f"0 1 {port} mail.example.test."]}


MAIL_A = {("mail.example.test", "A"): [ELSEWHERE]}


async def test_both_legs_are_proved_and_only_what_may_be_shown_is_shown(dovecot):
    async with imap(dovecot.ca_file) as provider:
        verified = await verify(
            provider,
            ask(
                imap_host="localhost",
                imap_port=dovecot.imaps,
                smtp_host=ELSEWHERE,
                smtp_port=dovecot.submission,
                smtp_username="bob@example.test",
                smtp_password=ACCOUNTS["bob@example.test"],
                type="other",
            ),
        )
    assert (verified.identity.email, verified.identity.subject) == (USER, None)
    assert verified.settings == {
        "imap_username": USER,
        "imap_host": "localhost",
        "imap_port": dovecot.imaps,
        "smtp_host": ELSEWHERE,
        "smtp_port": dovecot.submission,
        "smtp_username": "bob@example.test",
        "type": "other",
    }
    assert verified.secret == {
        "imap_password": PASSWORD,
        "imap_security": "tls",
        "smtp_password": ACCOUNTS["bob@example.test"],
        "smtp_security": "starttls",
    }
    assert PASSWORD not in repr(verified)


async def test_imap_alone_is_enough_for_a_host_of_ones_own(dovecot):
    async with imap(dovecot.ca_file) as provider:
        verified = await verify(provider, ask(imap_host="localhost", imap_port=dovecot.imaps))
    assert verified.settings == {"imap_username": USER, "imap_host": "localhost", "imap_port": dovecot.imaps}
    assert "smtp_password" not in verified.secret


SMTP_ALONE = [{"smtp_port": 465}, {"smtp_username": "bob"}, {"smtp_username": "bob", "smtp_password": "wrong"}]


@pytest.mark.parametrize("given", SMTP_ALONE, ids=["port", "username", "login"])
async def test_what_is_given_for_an_smtp_server_that_nobody_knows_is_refused(dovecot, given):
    async with imap(dovecot.ca_file) as provider:
        with pytest.raises(InvalidRequest, match=r"settings\.smtp_host is required") as refused:
            await verify(provider, ask(imap_host="localhost", imap_port=dovecot.imaps, **given))
    assert all(name in refused.value.message for name in given)


async def test_neither_is_it_dropped_where_the_domain_publishes_no_submission(dovecot):
    async with imap(dovecot.ca_file, MAIL_A | services("_imaps", dovecot.imaps)) as provider:
        with pytest.raises(InvalidRequest, match=r"settings\.smtp_host is required"):
            await verify(provider, ask(smtp_password="wrong"))


async def test_a_login_that_is_no_address_names_the_mailbox_as_it_is(dovecot):
    async with imap(dovecot.ca_file) as provider:
        verified = await verify(provider, ask("dora", ACCOUNTS["dora"], imap_host="localhost", imap_port=dovecot.imaps))
        assert verified.identity.email == "dora"
        with pytest.raises(InvalidRequest, match="imap_host"):
            await verify(provider, ask("dora", ACCOUNTS["dora"]))


async def test_missing_hosts_are_found(dovecot):
    records = MAIL_A | services("_imaps", dovecot.imaps) | services("_submission", dovecot.submission)
    async with imap(dovecot.ca_file, records) as provider:
        verified = await verify(provider, ask())
    assert {name: verified.settings[name] for name in ("imap_host", "imap_port", "smtp_host", "smtp_port")} == {
        "imap_host": "mail.example.test",
        "imap_port": dovecot.imaps,
        "smtp_host": "mail.example.test",
        "smtp_port": dovecot.submission,
    }


async def test_a_domain_that_publishes_no_submission_gets_a_grant_without_it(dovecot):
    async with imap(dovecot.ca_file, MAIL_A | services("_imaps", dovecot.imaps)) as provider:
        verified = await verify(provider, ask())
    assert not {"smtp_host", "smtp_port"} & set(verified.settings)


async def test_the_submission_server_of_a_named_imap_host_is_found_beside_it(dovecot):
    records = MAIL_A | services("_imaps", dovecot.imaps) | services("_submissions", dovecot.submissions)
    async with imap(dovecot.ca_file, records) as provider:
        verified = await verify(provider, ask(imap_host="mail.example.test", imap_port=dovecot.imaps))
    assert (verified.settings["smtp_host"], verified.secret["smtp_security"]) == ("mail.example.test", "tls")


async def test_published_submission_must_take_the_password(dovecot):
    records = MAIL_A | services("_imaps", dovecot.imaps) | services("_submissions", 9)
    async with imap(dovecot.ca_file, records) as provider:
        with pytest.raises(ProviderFailure) as failure:
            await verify(provider, ask())
    assert (failure.value.evidence.leg, failure.value.evidence.code) == ("smtp", "refused")


@pytest.mark.parametrize(
    ("imap_password", "smtp_password", "leg"),
    [("wrong", PASSWORD, "imap"), (PASSWORD, "wrong", "smtp"), ("a", "b", "imap")],
)
async def test_a_refusal_names_its_leg_and_imap_comes_first(dovecot, imap_password, smtp_password, leg):
    async with imap(dovecot.ca_file) as provider:
        with pytest.raises(ProviderFailure) as failure:
            await verify(
                provider,
                ask(
                    USER,
                    imap_password,
                    smtp_password=smtp_password,
                    imap_host="localhost",
                    imap_port=dovecot.imaps,
                    smtp_host="localhost",
                    smtp_port=dovecot.submissions,
                ),
            )
    assert (failure.value.evidence.leg, failure.value.evidence.step) == (leg, "auth")


@pytest.mark.parametrize("field", ["imap_username", "imap_password", "smtp_username", "smtp_password"])
@pytest.mark.parametrize("character", ["\0", "\r", "\n", "\ud800"])
async def test_characters_no_server_accepts_are_refused_before_any_connection(certificates, field, character):
    settings = ask(smtp_username="x", smtp_password="y", imap_host="localhost", imap_port=9)
    settings[field] = SecretStr(f"a{character}b") if "password" in field else f"a{character}b"
    async with imap(certificates.ca_file) as provider:
        with pytest.raises(InvalidRequest, match=field) as refused:
            await verify(provider, settings)
    assert character not in refused.value.message


@pytest.mark.parametrize("field", ["imap_username", "imap_password"])
async def test_name_and_password_are_required(certificates, field):
    settings = ask(imap_host="localhost")
    del settings[field]
    async with imap(certificates.ca_file) as provider:
        with pytest.raises(InvalidRequest, match=field):
            await verify(provider, settings)


async def test_a_host_inside_is_refused_like_one_that_does_not_exist(certificates):
    async with imap(certificates.ca_file, {("inner.test", "A"): ["10.0.0.7"]}) as provider:
        for host in ("inner.test", "nowhere.test", "10.0.0.7"):
            with pytest.raises(ProviderFailure) as failure:
                await verify(provider, ask(imap_host=host))
            assert failure.value.evidence.code == "no_public_address"


def logins(server):
    """The user names and passwords a fake server was sent."""
    blobs = [line.rpartition(b" ")[2] for line in server.heard if b"AUTHENTICATE PLAIN" in line]
    return [tuple(base64.b64decode(blob).decode().split("\0")[1:]) for blob in blobs]


@contextlib.asynccontextmanager
async def famous(certificates, host, **options):
    """A fake server that DNS shows as a well-known provider's; its table row, but the port is ours."""
    async with (
        FakeMail(tls=certificates.serving(host), implicit=True, **options) as server,
        imap(certificates.ca_file, {(host, "A"): ["127.0.0.1"]}) as provider,
    ):
        yield server, provider


async def test_gmail_app_passwords_are_tried_without_their_spaces(certificates):
    async with famous(certificates, "imap.gmail.com", replies={"AUTHENTICATE": REFUSED}) as (server, provider):
        with pytest.raises(ProviderFailure):
            await verify(provider, ask("eve@gmail.com", "abcd efgh", imap_host="imap.gmail.com", imap_port=server.port))
    assert logins(server) == [("eve@gmail.com", "abcd efgh"), ("eve@gmail.com", "abcdefgh")]


async def test_other_passwords_keep_their_spaces_and_are_tried_once(certificates):
    async with (
        FakeMail(tls=certificates.good, implicit=True, replies={"AUTHENTICATE": REFUSED}) as server,
        imap(certificates.ca_file) as provider,
    ):
        with pytest.raises(ProviderFailure):
            await verify(provider, ask(USER, " a b ", imap_host="localhost", imap_port=server.port))
    assert logins(server) == [(USER, " a b ")]


async def test_a_provider_that_logs_in_by_the_local_part_gets_that_first(certificates):
    async with famous(certificates, "imap.web.de", replies={"AUTHENTICATE": REFUSED}) as (server, provider):
        with pytest.raises(ProviderFailure):
            await verify(provider, ask("eve@web.de", "x", imap_port=server.port, smtp_host="localhost", smtp_port=9))
    assert logins(server) == [("eve", "x"), ("eve@web.de", "x")]


async def test_trouble_at_the_server_costs_no_second_attempt(certificates):
    async with famous(certificates, "imap.web.de", replies={"AUTHENTICATE": b"TAG NO [UNAVAILABLE] later\r\n"}) as (
        server,
        provider,
    ):
        with pytest.raises(ProviderFailure) as failure:
            await verify(provider, ask("eve@web.de", "x", imap_port=server.port, smtp_host="localhost", smtp_port=9))
    assert failure.value.evidence.code == "UNAVAILABLE"
    assert logins(server) == [("eve", "x")]


async def test_the_spelling_that_worked_is_kept_among_the_secrets(certificates):
    async with (
        famous(certificates, "imap.web.de") as (server, provider),
        FakeMail("smtp", tls=certificates.good, implicit=True) as smtp,
    ):
        verified = await verify(
            provider, ask("eve@web.de", "x", imap_port=server.port, smtp_host="localhost", smtp_port=smtp.port)
        )
    assert (verified.identity.email, verified.settings["imap_username"]) == ("eve@web.de", "eve@web.de")
    assert verified.secret["imap_login"] == "eve"
    assert "smtp_login" not in verified.secret


async def test_the_wait_for_a_turn_is_ours_and_not_the_servers(monkeypatch):
    """A proof that has waited for long is not one whose server took long."""
    monkeypatch.setattr("opengrant.providers.imap.password.WHOLE", 0.1)
    async with imap(None, at_once=1, deadlines=Deadlines(turn=0.3)) as provider, provider._door.turn():
        with pytest.raises(Overloaded):
            await verify(provider, ask(imap_host=ELSEWHERE, imap_port=9))
