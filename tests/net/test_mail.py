"""The door to mail servers: against a real Dovecot, and against servers that misbehave."""

import asyncio
import base64
import contextlib
import socket
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from opengrant.errors import Overloaded, ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.login_attempt import Attempt, Deadlines
from opengrant.net.mail_login import MailClient, Session
from opengrant.providers.mail.refusals import TLS_REASONS
from tests.fakes.mail import CLOSE, DRIP, FLOOD, RESET, SILENCE, STARTTLS, Certificates, FakeMail
from tests.peers.dovecot import ACCOUNTS, DISABLED, ELSEWHERE

USER, PASSWORD = "alice@example.test", "sesame, open!"
CAPABILITY = b"* CAPABILITY IMAP4rev1 %s\r\nTAG OK done\r\n"


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.close()


def door(ca_file=None, **options):
    guard = Guard(parse_networks("127.0.0.0/8"), Resolver())
    return contextlib.nullcontext(MailClient(guard, ca_file=ca_file, **{"at_once": 8} | options))


def impatient(step, reply=SILENCE):
    """For a server that says nothing in `step`, where a test would otherwise wait for as long as the product does."""
    return Deadlines(**{step: 1}) if reply in (SILENCE, DRIP) else Deadlines()


async def log_in(door, leg, host, port, *, security="auto", username=USER, password=PASSWORD):
    call = door.imap_login if leg == "imap" else door.smtp_login
    secret = SecretStr(password)
    async with door.turn():
        return await call("imap", host=host, port=port, security=security, username=username, password=secret)


async def fail(door, leg, host, port, **options):
    with pytest.raises(ProviderFailure) as failure:
        await log_in(door, leg, host, port, **options)
    return failure.value.evidence


# A real server.


@pytest.mark.parametrize(
    ("leg", "port", "security", "found"),
    [
        ("imap", "imaps", "auto", "tls"),
        ("imap", "imap", "auto", "starttls"),
        ("imap", "imap", "starttls", "starttls"),
        ("smtp", "submissions", "tls", "tls"),
        ("smtp", "submission", "auto", "starttls"),
    ],
)
async def test_every_account_of_a_real_server_logs_in(dovecot, leg, port, security, found):
    number = getattr(dovecot, port)
    with door(dovecot.ca_file) as mail:
        for username, password in ACCOUNTS.items():
            session = await log_in(
                mail, leg, ELSEWHERE, number, security=security, username=username, password=password
            )
            assert session == Session(ELSEWHERE, number, found)


@pytest.mark.parametrize(
    ("leg", "port", "status", "code"),
    [("imap", "imaps", None, "AUTHENTICATIONFAILED"), ("smtp", "submissions", 535, "5.7.8")],
)
async def test_a_real_server_refuses_a_wrong_password(dovecot, leg, port, status, code):
    with door(dovecot.ca_file) as mail:
        evidence = await fail(mail, leg, "localhost", getattr(dovecot, port), password="wrong")
    assert (evidence.leg, evidence.step, evidence.status, evidence.code) == (leg, "auth", status, code)
    assert "Authentication failed" in evidence.text


@pytest.mark.parametrize(
    ("leg", "port", "code"), [("imap", "imaps", "CONTACTADMIN"), ("smtp", "submissions", "5.7.13")]
)
async def test_a_real_server_names_a_disabled_account(dovecot, leg, port, code):
    username, password = DISABLED
    with door(dovecot.ca_file) as mail:
        evidence = await fail(mail, leg, "localhost", getattr(dovecot, port), username=username, password=password)
    assert (evidence.step, evidence.code) == ("auth", code)


async def test_a_real_server_takes_no_password_before_tls(dovecot):
    with door(dovecot.ca_file, allow_plaintext=True) as mail:
        evidence = await fail(mail, "imap", ELSEWHERE, dovecot.imap, security="plain")
        assert evidence.code == "LOGINDISABLED"
        evidence = await fail(mail, "smtp", ELSEWHERE, dovecot.submission, security="plain")
        assert (evidence.step, evidence.code) == ("auth", "auth_not_offered")


async def test_a_real_certificate_is_checked_for_its_issuer_and_its_name(dovecot):
    with door() as mail:
        assert (await fail(mail, "imap", "localhost", dovecot.imaps)).code == "CERTIFICATE_VERIFY_FAILED"
    with door(dovecot.ca_file) as mail:
        evidence = await fail(mail, "imap", "127.0.0.1", dovecot.imaps, password="wrong")
        assert evidence.step == "auth"
        evidence = await fail(mail, "imap", "elsewhere.localhost", dovecot.imaps)
        assert (evidence.step, evidence.subcodes) == ("tls", ("62",))


async def test_fifty_logins_at_once_pass_in_turns_of_four(dovecot):
    with door(dovecot.ca_file, at_once=4) as mail:
        password = ACCOUNTS[USER]
        logins = [log_in(mail, "imap", "localhost", dovecot.imaps, password=password) for _ in range(50)]
        assert len(await asyncio.gather(*logins)) == 50


# Certificates and ports.


@pytest.mark.parametrize("leg", ["imap", "smtp"])
@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("flaw", "code"), [("expired", "10"), ("wrong_name", "62"), ("self_signed", "18"), ("unknown_ca", "20")]
)
async def test_no_password_goes_to_a_server_with_a_bad_certificate(certificates, leg, implicit, flaw, code):
    async with FakeMail(leg, tls=getattr(certificates, flaw), implicit=implicit) as server:
        with door(certificates.ca_file) as mail:
            evidence = await fail(mail, leg, "localhost", server.port)
    assert (evidence.step, evidence.code, evidence.subcodes) == ("tls", "CERTIFICATE_VERIFY_FAILED", (code,))
    assert server.count("AUTHENTICATE") + server.count("AUTH") == 0


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_a_server_that_only_knows_old_tls_is_named_so(certificates, leg):
    def serve():  # asyncio would hang up without sending the alert that real servers send
        client, _ = listener.accept()
        with client, pytest.raises(ssl.SSLError):
            certificates.tls_1_0.wrap_socket(client, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener, door(certificates.ca_file) as mail:
        served = asyncio.create_task(asyncio.to_thread(serve))
        evidence = await fail(mail, leg, "localhost", listener.getsockname()[1])
        await served
    # Which side notices first, and its words, depend on the OpenSSL: Debian's lets both begin.
    assert (evidence.step, TLS_REASONS[evidence.code].reason) == ("tls", "tls_too_old")


def test_a_reason_that_python_has_no_name_for_is_named_in_openssls_words():
    attempt = Attempt("imap", "imap", USER, SecretStr(PASSWORD))
    named = {
        "[SSL] legacy sigalg disallowed or unsupported (_ssl.c:992)": "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",
        "unknown error (_ssl.c:992)": "TLS_FAILED",
    }
    for words, code in named.items():
        error = ssl.SSLError(1, words)
        error.reason = None
        assert attempt.network_failure(error).evidence.code == code


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_tls_to_a_plain_port_is_named_so_when_tls_was_asked_for(leg):
    async with FakeMail(leg) as server:
        with door() as mail:
            evidence = await fail(mail, leg, "localhost", server.port, security="tls")
    assert (evidence.step, evidence.code) == ("tls", "WRONG_VERSION_NUMBER")


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_a_port_of_no_fame_is_tried_with_tls_and_then_with_starttls(certificates, leg):
    async with FakeMail(leg, tls=certificates.good) as server:
        with door(certificates.ca_file) as mail:
            session = await log_in(mail, leg, "localhost", server.port)
    assert (session.security, server.connections) == ("starttls", 2)


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_plain_text_to_a_tls_port_waits_for_a_greeting_in_vain(certificates, leg):
    async with FakeMail(leg, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file, deadlines=impatient("greeting")) as mail:
            evidence = await fail(mail, leg, "localhost", server.port, security="starttls")
    assert (evidence.step, evidence.code) == ("greeting", "timeout")


# Downgrades.


@pytest.mark.parametrize(
    ("leg", "replies"),
    [("imap", {"CAPABILITY": CAPABILITY % b"AUTH=PLAIN"}), ("smtp", {"EHLO": b"250-fake\r\n250 AUTH PLAIN\r\n"})],
)
async def test_a_server_stripped_of_starttls_gets_no_password(leg, replies):
    async with FakeMail(leg, replies=replies) as server:
        with door() as mail:
            evidence = await fail(mail, leg, "localhost", server.port)
            assert evidence.code == "starttls_not_offered"
            evidence = await fail(mail, leg, "localhost", server.port, security="plain")
            assert evidence.code == "plaintext_not_allowed"
        assert server.count("AUTHENTICATE") + server.count("AUTH") == 0
        with door(allow_plaintext=True) as mail:
            assert (await log_in(mail, leg, "localhost", server.port)).security == "plain"


async def test_preauth_proves_nothing():
    async with FakeMail(greeting=b"* PREAUTH welcome\r\n") as server:
        with door() as mail:
            evidence = await fail(mail, "imap", "localhost", server.port, security="starttls")
    assert (evidence.step, evidence.code) == ("greeting", "preauth")


@pytest.mark.parametrize(
    ("leg", "reply"),
    [
        ("imap", b"TAG OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=LOGIN\r\n"),
        ("smtp", b"220 begin\r\n250-forged\r\n250 AUTH LOGIN\r\n"),
    ],
)
async def test_what_is_smuggled_in_before_tls_is_not_read_as_if_it_came_through_it(certificates, leg, reply):
    async with FakeMail(leg, replies={"STARTTLS": reply + STARTTLS}, tls=certificates.good) as server:
        with door(certificates.ca_file) as mail:
            evidence = await fail(mail, leg, "localhost", server.port, security="starttls")
    assert evidence.code == "data_before_tls"
    assert server.count("AUTHENTICATE") + server.count("AUTH") == 0


async def test_capabilities_are_asked_again_behind_tls(certificates):
    async with FakeMail(tls=certificates.good) as server:
        with door(certificates.ca_file) as mail:
            await log_in(mail, "imap", "localhost", server.port, security="starttls")
        await server.ended()
    verbs = [line.split(b" ")[1] for line in server.heard]
    assert verbs == [
        b"CAPABILITY", b"STARTTLS", b"CAPABILITY", b"AUTHENTICATE", b"CAPABILITY", b"NAMESPACE", b"LOGOUT"
    ]  # fmt: skip


# One attempt, by the mechanism there is.


@pytest.mark.parametrize(
    ("offers", "rule", "spoken"),
    [
        (b"AUTH=PLAIN SASL-IR", b"TAG OK in\r\n", [b"A AUTHENTICATE PLAIN AHUAcMO2dw=="]),
        (b"AUTH=PLAIN", [b"+ \r\n", b"TAG OK in\r\n"], [b"A AUTHENTICATE PLAIN", b"AHUAcMO2dw=="]),
        (b"AUTH=LOGIN", [b"+ \r\n", b"+ \r\n", b"TAG OK in\r\n"], [b"A AUTHENTICATE LOGIN", b"dQ==", b"cMO2dw=="]),
        (b"", b"TAG OK in\r\n", [b'A LOGIN "u" "p\xc3\xb6w"']),
    ],
)
async def test_imap_uses_the_best_mechanism_offered_and_only_that(certificates, offers, rule, spoken):
    replies = {"CAPABILITY": CAPABILITY % offers, "AUTHENTICATE": rule, "LOGIN": rule}
    async with FakeMail(replies=replies, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file) as mail:
            await log_in(mail, "imap", "localhost", server.port, username="u", password="pöw")
    heard = [line if line.count(b" ") == 0 else b"A " + line.partition(b" ")[2] for line in server.heard]
    assert heard[1 : 1 + len(spoken)] == spoken
    assert heard[1 + len(spoken)] == b"A CAPABILITY"


async def test_a_server_that_wants_more_than_the_mechanism_has_is_sent_a_cancellation(certificates):
    replies = {"CAPABILITY": CAPABILITY % b"AUTH=PLAIN", "AUTHENTICATE": [b"+ \r\n", b"+ \r\n", b"TAG BAD no\r\n"]}
    async with FakeMail(replies=replies, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file) as mail:
            await fail(mail, "imap", "localhost", server.port)
    assert server.heard[3] == b"*"


@pytest.mark.parametrize(
    ("ehlo", "rule", "spoken"),
    [
        (b"250-fake\r\n250 AUTH LOGIN PLAIN\r\n", b"235 in\r\n", [b"AUTH PLAIN AHUAcMO2dw=="]),
        (
            b"250-fake\r\n250 AUTH LOGIN\r\n",
            [b"334 \r\n", b"334 \r\n", b"235 in\r\n"],
            [b"AUTH LOGIN", b"dQ==", b"cMO2dw=="],
        ),
    ],
)
async def test_smtp_uses_the_best_mechanism_offered_and_begins_no_mail(certificates, ehlo, rule, spoken):
    async with FakeMail("smtp", replies={"EHLO": ehlo, "AUTH": rule}, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file) as mail:
            await log_in(mail, "smtp", "localhost", server.port, username="u", password="pöw")
        await server.ended()
    assert server.heard == [b"EHLO [127.0.0.1]", *spoken, b"QUIT"]


@pytest.mark.parametrize(
    ("leg", "offers", "verb", "rule", "spoken"),
    [
        # Announces SASL-IR and cannot read it: 126.com. A BAD has judged no password.
        (
            "imap",
            b"SASL-IR AUTH=PLAIN",
            "AUTHENTICATE",
            {"AUTHENTICATE PLAIN": [b"+ \r\n", b"TAG OK in\r\n"], "": b"TAG BAD Request not ending with \\r\\n\r\n"},
            [b"AUTHENTICATE PLAIN AHUAcMO2dw==", b"AUTHENTICATE PLAIN", b"AHUAcMO2dw=="],
        ),
        # Ignores what stands behind the mechanism.
        (
            "imap",
            b"SASL-IR AUTH=PLAIN",
            "AUTHENTICATE",
            {"": [b"+ \r\n", b"TAG OK in\r\n"]},
            [b"AUTHENTICATE PLAIN AHUAcMO2dw==", b"AHUAcMO2dw=="],
        ),
        (
            "smtp",
            b"AUTH PLAIN",
            "AUTH",
            {"": [b"334 \r\n", b"235 in\r\n"]},
            [b"AUTH PLAIN AHUAcMO2dw==", b"AHUAcMO2dw=="],
        ),
        # "Username:", then "Password:".
        (
            "smtp",
            b"AUTH LOGIN",
            "AUTH",
            {"": [b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 in\r\n"]},
            [b"AUTH LOGIN", b"dQ==", b"cMO2dw=="],
        ),
        # The other way round.
        (
            "smtp",
            b"AUTH LOGIN",
            "AUTH",
            {"": [b"334 UGFzc3dvcmQ6\r\n", b"334 VXNlcm5hbWU6\r\n", b"235 in\r\n"]},
            [b"AUTH LOGIN", b"cMO2dw==", b"dQ=="],
        ),
        # "User Name" and "Password", as Exchange has it.
        (
            "imap",
            b"AUTH=LOGIN",
            "AUTHENTICATE",
            {"": [b"+ VXNlciBOYW1lAA==\r\n", b"+ UGFzc3dvcmQA\r\n", b"TAG OK in\r\n"]},
            [b"AUTHENTICATE LOGIN", b"dQ==", b"cMO2dw=="],
        ),
    ],
)
async def test_each_challenge_gets_what_it_asks_for(certificates, leg, offers, verb, rule, spoken):
    greets = {"CAPABILITY": CAPABILITY % offers, "EHLO": b"250-mail\r\n250 %s\r\n" % offers}
    replies = {**greets, verb: rule[""], **{line: answer for line, answer in rule.items() if line}}
    async with FakeMail(leg, replies=replies, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file) as mail:
            await log_in(mail, leg, "localhost", server.port, username="u", password="pöw")
    heard = [line.partition(b" ")[2] if leg == "imap" and b" " in line else line for line in server.heard]
    assert heard[1 : 1 + len(spoken)] == spoken


async def test_a_second_question_for_the_user_name_does_not_get_the_password(certificates):
    replies = {"EHLO": b"250-mail\r\n250 AUTH LOGIN\r\n", "AUTH": [b"334 VXNlcm5hbWU6\r\n"] * 3}
    async with FakeMail("smtp", replies=replies, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file) as mail:
            evidence = await fail(mail, "smtp", "localhost", server.port, username="u", password="pöw")
    assert server.heard[1:3] == [b"AUTH LOGIN", b"dQ=="]
    assert b"cMO2dw==" not in server.heard
    assert (evidence.step, evidence.status) == ("auth", 334)


@pytest.mark.parametrize(
    "rule",
    [
        b"TAG NO Authentication failed\r\n",
        b"TAG NO [AUTHENTICATIONFAILED] no\r\n",
        b"TAG BAD [AUTHENTICATIONFAILED] no\r\n",
    ],
)
async def test_a_refusal_of_plain_leads_to_no_second_attempt(certificates, rule):
    replies = {"CAPABILITY": CAPABILITY % b"SASL-IR AUTH=PLAIN", "AUTHENTICATE": rule, "LOGIN": b"TAG OK in\r\n"}
    async with FakeMail(replies=replies, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file) as mail:
            evidence = await fail(mail, "imap", "localhost", server.port)
    assert (server.count("AUTHENTICATE"), server.count("LOGIN")) == (1, 0)
    assert ("AUTH=PLAIN" in evidence.subcodes) == (evidence.code == "NO")


async def test_what_answers_instead_of_imap_is_told(certificates):
    async with FakeMail("smtp", greeting=b"220 mail ESMTP\r\n", tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file) as mail:
            evidence = await fail(mail, "imap", "localhost", server.port)
    assert (evidence.code, evidence.text, evidence.host) == ("not_imap", "220 mail ESMTP", "localhost")


@pytest.mark.parametrize(
    ("leg", "verb", "reply"),
    [("imap", "AUTHENTICATE", b"TAG NO [LIMIT] later\r\n"), ("smtp", "AUTH", b"535 5.7.8 no\r\n")],
)
async def test_a_refused_password_is_sent_once(certificates, leg, verb, reply):
    async with FakeMail(leg, replies={verb: reply}, tls=certificates.good) as server:
        with door(certificates.ca_file) as mail:
            await fail(mail, leg, "localhost", server.port)
    assert sum(server.count(word) for word in ("AUTHENTICATE", "LOGIN", "AUTH")) == 1


async def test_a_server_that_wants_to_know_us_is_told(certificates):
    async with FakeMail(
        replies={"CAPABILITY": CAPABILITY % b"ID AUTH=PLAIN SASL-IR", "ID": b"TAG BAD no\r\n"},
        tls=certificates.good,
        implicit=True,
    ) as server:
        with door(certificates.ca_file) as mail:
            await log_in(mail, "imap", "localhost", server.port)
    assert (server.count("ID"), server.count("LIST"), server.count("SELECT")) == (1, 1, 0)


# What servers answer.


@pytest.mark.parametrize(
    ("verb", "reply", "expected"),
    [
        ("AUTHENTICATE", b"TAG NO [LIMIT] too many\r\n", ("auth", "LIMIT", "[LIMIT] too many")),
        ("AUTHENTICATE", b"TAG NO [UNAVAILABLE] back end\r\n", ("auth", "UNAVAILABLE", "[UNAVAILABLE] back end")),
        (
            "AUTHENTICATE",
            b"* NO [WEBALERT https://a.test/x] Web login required.\r\nTAG NO [ALERT] Please log in\r\n",
            ("auth", "WEBALERT", "[WEBALERT https://a.test/x] Web login required. [ALERT] Please log in"),
        ),
        ("AUTHENTICATE", b"* BYE [LIMIT] busy\r\n" + CLOSE, ("auth", "LIMIT", "[LIMIT] busy")),
        ("AUTHENTICATE", b"* BYE shutting down\r\n" + CLOSE, ("auth", "BYE", "shutting down")),
        ("AUTHENTICATE", b"TAG NO LOGIN failed.\r\n", ("auth", "NO", "LOGIN failed.")),
        ("AUTHENTICATE", b"TAG NO [MADEUP] what\r\n", ("auth", "NO", "[MADEUP] what")),
        ("AUTHENTICATE", CLOSE, ("auth", "closed", "")),
        ("AUTHENTICATE", SILENCE, ("auth", "timeout", "")),
        ("AUTHENTICATE", FLOOD, ("auth", "too_long", "")),
        ("AUTHENTICATE", b"* X {9999999}\r\n" + FLOOD, ("auth", "too_long", "")),
        ("AUTHENTICATE", b"* X {" + b"9" * 5000 + b"}\r\n", ("auth", "not_imap", "")),
        ("AUTHENTICATE", b"* NO x\r\n" * 40000, ("auth", "too_long", "")),
        (
            "NAMESPACE",
            b"TAG BAD User is authenticated but not connected.\r\n",
            ("command", "BAD", "User is authenticated but not connected."),
        ),
        ("NAMESPACE", SILENCE, ("command", "timeout", "")),
        ("CAPABILITY", b"TAG OK and nothing else\r\n", ("greeting", "not_imap", "")),
        ("CAPABILITY", b"\xff\x00\r\n", ("greeting", "not_imap", "")),
    ],
)
async def test_imap_answers_become_evidence(certificates, verb, reply, expected):
    deadlines = impatient("command" if verb == "NAMESPACE" else "login", reply)
    async with FakeMail(replies={verb: reply}, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file, deadlines=deadlines) as mail:
            evidence = await fail(mail, "imap", "localhost", server.port)
    assert (evidence.step, evidence.code, evidence.text) == expected


@pytest.mark.parametrize(
    ("verb", "reply", "expected"),
    [
        ("AUTH", b"535-5.7.8 Username and Password\r\n535 5.7.8 not accepted\r\n", ("auth", 535, "5.7.8")),
        ("AUTH", b"535 5.7.139 Authentication unsuccessful\r\n", ("auth", 535, "5.7.139")),
        ("AUTH", b"534 no code\r\n", ("auth", 534, "")),
        ("AUTH", b"454 4.7.0 later\r\n", ("auth", 454, "4.7.0")),
        ("AUTH", CLOSE, ("auth", None, "closed")),
        ("AUTH", SILENCE, ("auth", None, "timeout")),
        ("AUTH", FLOOD, ("auth", None, "too_long")),
        ("AUTH", b"what?\r\n", ("auth", None, "not_smtp")),
        ("EHLO", b"550 go away\r\n", ("greeting", 550, "")),
        ("EHLO", b"250 no auth here\r\n", ("auth", None, "auth_not_offered")),
    ],
)
async def test_smtp_answers_become_evidence(certificates, verb, reply, expected):
    async with FakeMail("smtp", replies={verb: reply}, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file, deadlines=impatient("login", reply)) as mail:
            evidence = await fail(mail, "smtp", "localhost", server.port)
    assert (evidence.step, evidence.status, evidence.code) == expected


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("leg", "greeting", "code"),
    [
        ("imap", b"* BYE too busy\r\n" + CLOSE, "BYE"),
        ("imap", b"220 I am SMTP\r\n", "not_imap"),
        ("imap", SILENCE, "timeout"),
        ("imap", CLOSE, "closed"),
        ("imap", FLOOD, "too_long"),
        ("smtp", b"421 4.3.2 too busy\r\n" + CLOSE, "4.3.2"),
        ("smtp", b"* OK I am IMAP\r\n", "not_smtp"),
        ("smtp", SILENCE, "timeout"),
        ("smtp", CLOSE, "closed"),
        ("smtp", FLOOD, "too_long"),
    ],
)
async def test_greetings_become_evidence(certificates, leg, greeting, code, implicit):
    async with FakeMail(leg, greeting=greeting, tls=certificates.good, implicit=implicit) as server:
        with door(certificates.ca_file, deadlines=impatient("greeting", greeting)) as mail:
            evidence = await fail(mail, leg, "localhost", server.port, security="tls" if implicit else "starttls")
    assert (evidence.step, evidence.code) == ("greeting", code)


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_a_closed_port_is_refused_and_an_inner_host_is_never_tried(leg):
    with door() as mail:
        evidence = await fail(mail, leg, "127.0.0.1", 9)
        assert (evidence.step, evidence.code) == ("connect", "refused")
        evidence = await fail(mail, leg, "10.0.0.1", 993)
        assert (evidence.step, evidence.code) == ("dns", "no_public_address")


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_a_reset_is_told_apart_from_a_close(leg):
    async with FakeMail(leg, replies={"AUTHENTICATE": RESET, "AUTH": RESET, "STARTTLS": RESET}) as server:
        with door() as mail:
            evidence = await fail(mail, leg, "localhost", server.port, security="starttls")
    assert (evidence.step, evidence.code) == ("tls", "reset")


# Bounds.


def test_connecting_tls_and_greeting_have_ten_seconds_each_at_most():
    limits = Deadlines()
    assert max(limits.connect, limits.tls, limits.greeting, limits.command) <= 10


@pytest.mark.parametrize("leg", ["imap", "smtp"])
@pytest.mark.parametrize(
    ("silent_in", "security", "step"),
    [
        ("tls", "tls", "tls"),
        ("greeting", "tls", "greeting"),
        ("greeting", "starttls", "greeting"),
        ("capabilities", "starttls", "greeting"),
        ("starttls", "starttls", "tls"),
        ("handshake", "starttls", "tls"),
    ],
)
async def test_a_silent_server_is_given_up_after_the_deadline_of_its_step(certificates, leg, silent_in, security, step):
    """The other steps have an hour: none of them may be waited for instead, or as well."""
    deadlines = Deadlines(**{"tls": 3600, "greeting": 3600, "command": 3600, "login": 3600, step: 0.5})
    verb = {"capabilities": {"imap": "CAPABILITY", "smtp": "EHLO"}[leg], "starttls": "STARTTLS"}.get(silent_in)
    replies = {verb: SILENCE} if verb else {}
    if silent_in == "handshake":
        replies = {"STARTTLS": (b"TAG OK go\r\n" if leg == "imap" else b"220 go\r\n") + SILENCE}
    implicit = security == "tls" and silent_in != "tls"
    greeting = SILENCE if silent_in in ("tls", "greeting") else None
    async with FakeMail(leg, greeting=greeting, replies=replies, tls=certificates.good, implicit=implicit) as server:
        with door(certificates.ca_file, deadlines=deadlines) as mail:
            async with asyncio.timeout(30):
                evidence = await fail(mail, leg, "localhost", server.port, security=security)
    assert (evidence.step, evidence.code, server.connections) == (step, "timeout", 1)


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_a_server_that_drips_bytes_does_not_outlive_the_step(leg):
    async with FakeMail(leg, greeting=DRIP) as server:
        with door(deadlines=impatient("greeting")) as mail:
            evidence = await fail(mail, leg, "localhost", server.port, security="starttls")
    assert (evidence.step, evidence.code) == ("greeting", "timeout")


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_giving_up_frees_the_turn_for_the_next(certificates, leg):
    async with FakeMail(leg, greeting=SILENCE) as silent, FakeMail(leg, tls=certificates.good) as good:
        with door(certificates.ca_file, at_once=1) as mail:
            for _ in range(3):
                login = asyncio.create_task(log_in(mail, leg, "localhost", silent.port, security="starttls"))
                await silent.met()
                login.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await login
            # With the only turn still taken by the silent server, this one would get none.
            async with asyncio.timeout(Deadlines().greeting / 2):
                await log_in(mail, leg, "localhost", good.port, security="starttls")


async def test_waiting_too_long_for_a_turn_is_our_overload():
    with door(at_once=1, deadlines=Deadlines(turn=0.3)) as mail:
        async with mail.turn():
            with pytest.raises(Overloaded):
                await log_in(mail, "imap", "127.0.0.1", 9)


async def test_each_login_is_observed_once(certificates):
    seen = []
    async with FakeMail(tls=certificates.good) as server:
        with door(certificates.ca_file, observe=lambda *what: seen.append(what[:3])) as mail:
            await log_in(mail, "imap", "localhost", server.port)
            await fail(mail, "smtp", "127.0.0.1", 9)
    assert seen == [("imap", "imap", "ok"), ("imap", "smtp", "connect")]


async def test_a_hello_tells_the_servers_apart():
    async with FakeMail("imap") as imap, FakeMail("smtp") as smtp, FakeMail(greeting=FLOOD) as flood:
        with door() as mail:
            assert await mail.greets("imap", "imap", "localhost", imap.port)
            assert not await mail.greets("imap", "smtp", "localhost", imap.port)
            assert await mail.greets("imap", "smtp", "localhost", smtp.port)
            assert not await mail.greets("imap", "imap", "localhost", flood.port)
            assert not await mail.greets("imap", "imap", "127.0.0.1", 9)
            assert not await mail.greets("imap", "imap", "10.0.0.1", 993)


# Secrets.


@given(
    password=st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
    dress=st.sampled_from(["plain", "base64", "urlsafe", "hex", "quoted"]),
)
def test_no_evidence_ever_holds_the_password(password, before, after, dress):
    raw = f"{before}{password}{after}".encode()
    said = {
        "plain": raw,
        "base64": base64.b64encode(raw),
        "urlsafe": base64.urlsafe_b64encode(raw),
        "hex": raw.hex().encode(),
        "quoted": raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"'),
    }[dress]
    attempt = Attempt("imap", "imap", "me", SecretStr(password))
    failure = attempt.failure("NO", text=b"you said " + said + b", did you not")
    text = failure.evidence.text
    assert password not in text
    assert len(text.encode()) <= 1024
    if len(password) >= 8 and dress != "quoted":
        for word in text.split():
            for decode in (base64.b64decode, base64.urlsafe_b64decode, bytes.fromhex):
                with contextlib.suppress(ValueError):
                    assert password.encode() not in decode(word.strip(",") if decode != bytes.fromhex else word[:-1])


@pytest.mark.parametrize("leg", ["imap", "smtp"])
async def test_a_server_that_repeats_the_password_is_not_quoted(certificates, leg):
    blob = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    said = b"bad: " + PASSWORD.encode() + b" " + blob
    replies = {"AUTHENTICATE": b"TAG NO " + said + b"\r\n", "AUTH": b"535 5.7.8 " + said + b"\r\n"}
    async with FakeMail(leg, replies=replies, tls=certificates.good, implicit=True) as server:
        with door(certificates.ca_file) as mail, pytest.raises(ProviderFailure) as failure:
            await log_in(mail, leg, "localhost", server.port)
    shown = f"{failure.value!r} {failure.value.evidence!r}"
    assert "bad: ***" in shown
    assert PASSWORD not in shown
    assert blob.decode() not in shown
    assert base64.b64encode(PASSWORD.encode()).decode() not in shown


@settings(max_examples=40)
@given(noise=st.lists(st.binary(max_size=60), min_size=1, max_size=4), leg=st.sampled_from(["imap", "smtp"]))
async def test_no_noise_from_a_server_becomes_anything_but_evidence(noise, leg):
    greeting = b"\r\n".join(noise).replace(b"<", b"") + b"\r\n" + CLOSE
    async with FakeMail(leg, greeting=greeting) as server:
        with door(allow_plaintext=True) as mail:
            await fail(mail, leg, "localhost", server.port, security="plain")
