"""EWS settings become a verified mailbox: against a stand-in that independent clients accept, and its refusals."""

import asyncio
import contextlib

import pytest
import requests.adapters
from exchangelib import BASIC, DELEGATE, NTLM, UTC, Account, Configuration, Credentials, FailFast
from exchangelib.protocol import BaseProtocol
from exchangelib.version import EXCHANGE_2016, Version
from pydantic import SecretStr

from opengrant.errors import InvalidRequest, ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.providers.classify import classify
from opengrant.providers.ews.password import Ews
from opengrant.providers.ews.refusals import NOT_ASCII
from tests.fakes.dns import FakeDns
from tests.fakes.ews import DOMAIN_PASSWORD, DOMAIN_USER, PASSWORD, USER, FakeExchange, Reply, error, fault
from tests.fakes.mail import Certificates, FakeMail
from tests.logins import verify

HOSTS = {("mail.example.test", "A"): ["127.0.0.1"]}


@pytest.fixture(scope="module")
def running():
    with FakeExchange() as fake:
        yield fake


@pytest.fixture
def exchange(running):
    running.reset()
    return running


@contextlib.asynccontextmanager
async def ews(exchange, *, allowed="127.0.0.0/8", patience=20, ca_file=None, observe=None):
    async with FakeDns(HOSTS) as dns:
        resolver = Resolver(dns.address)
        guard = Guard(parse_networks(allowed), resolver)
        yield Ews(guard, resolver, timeout=patience, ca_file=ca_file or exchange.ca_file, observe=observe)


def ask(exchange, password=PASSWORD, **more):
    given = {"email": USER, "ews_username": USER, "ews_host": "mail.example.test", "ews_port": exchange.port}
    return given | {"ews_password": SecretStr(password)} | more


async def refusal(exchange, password=PASSWORD, *, patience=20, **more):
    """(kind, reason) of the verdict, and the evidence."""
    async with ews(exchange, patience=patience) as provider:
        with pytest.raises(ProviderFailure) as failure:
            await verify(provider, ask(exchange, password, **more))
    evidence = failure.value.evidence
    assert evidence.leg == "ews"
    assert PASSWORD not in repr(evidence)
    verdict = classify(evidence)
    return (str(verdict.kind), verdict.reason), evidence


# ---------------------------------------------------------------- the stand-in itself


@pytest.mark.parametrize("scheme", [NTLM, BASIC])
async def test_an_independent_client_accepts_the_stand_in(exchange, scheme):
    class OwnCa(requests.adapters.HTTPAdapter):
        def cert_verify(self, conn, url, verify, cert):
            super().cert_verify(conn, url, str(exchange.ca_file), cert)

    def open_mailbox(password):
        configuration = Configuration(
            service_endpoint=f"https://localhost:{exchange.port}/EWS/Exchange.asmx",
            credentials=Credentials(USER, password),
            auth_type=scheme,
            version=Version(build=EXCHANGE_2016),
            retry_policy=FailFast(),
        )
        account = Account(USER, config=configuration, autodiscover=False, access_type=DELEGATE, default_timezone=UTC)
        try:
            [resolved] = account.protocol.resolve_names([USER])
            return account.root.name, resolved.name
        finally:
            account.protocol.close()

    before, BaseProtocol.HTTP_ADAPTER_CLS = BaseProtocol.HTTP_ADAPTER_CLS, OwnCa
    try:
        assert await asyncio.to_thread(open_mailbox, PASSWORD) == ("Top of Information Store", "Gil Faure")
        with pytest.raises(Exception, match=r"(?i)unauthorized|credentials"):
            await asyncio.to_thread(open_mailbox, "wrong")
    finally:
        BaseProtocol.HTTP_ADAPTER_CLS = before


# ---------------------------------------------------------------- accepted


@pytest.mark.parametrize(
    ("offers", "scheme", "legs"),
    [
        (("Negotiate", "NTLM", "Basic"), "ntlm", ["", "NTLM1", "NTLM3"]),
        (("Negotiate, NTLM",), "ntlm", ["", "NTLM1", "NTLM3"]),
        (("Negotiate", "Basic"), "negotiate", ["", "Negotiate1", "Negotiate3"]),
        (('Basic realm="mail.example.test"',), "basic", ["", "Basic"]),
    ],
)
async def test_a_mailbox_opens_by_the_best_scheme_offered(exchange, offers, scheme, legs):
    exchange.offers = offers
    async with ews(exchange) as provider:
        verified = await verify(provider, ask(exchange))
    assert (verified.identity.email, verified.identity.name, verified.identity.subject) == (USER, "Gil Faure", None)
    assert verified.settings == {
        "email": USER,
        "ews_username": USER,
        "ews_host": "mail.example.test",
        "ews_port": exchange.port,
    }
    assert verified.secret == {
        "ews_password": PASSWORD,
        "ews_url": f"https://mail.example.test:{exchange.port}/EWS/Exchange.asmx",
        "ews_auth": scheme,
        "ews_version": "Exchange2010_SP2",
        "ews_server": "15.2.1118",
    }
    assert PASSWORD not in repr(verified)
    folder = [one.scheme for one in exchange.seen if "ResolveNames" not in one.body]
    assert folder == legs
    assert all(one.headers["X-AnchorMailbox"] == USER for one in exchange.seen)


async def test_each_conversation_is_observed_once(exchange):
    seen = []
    async with ews(exchange, observe=lambda *what: seen.append(what[:3])) as provider:
        await verify(provider, ask(exchange))
        for wrong in (ask(exchange, "wrong"), ask(exchange, ews_port=9)):
            with pytest.raises(ProviderFailure):
                await verify(provider, wrong)
    assert seen == [("ews", "ews", outcome) for outcome in ("ok", "auth", "connect")]


@pytest.mark.parametrize("offers", [("NTLM",), ("Basic",)])
async def test_only_an_accepted_login_leaves_a_tls_session_to_resume(exchange, offers):
    exchange.offers = offers
    async with ews(exchange) as provider:
        with pytest.raises(ProviderFailure):
            await verify(provider, ask(exchange, "wrong"))
        for _ in range(3):
            await verify(provider, ask(exchange))
        # Under another name the certificate has not been checked.
        await verify(provider, ask(exchange, ews_host="127.0.0.1"))
    assert exchange.resumed == [False, False, True, True, False]


async def test_another_machine_in_the_servers_place_must_show_its_certificate(exchange):
    async with ews(exchange) as provider:
        await verify(provider, ask(exchange))
        with contextlib.closing(Certificates()) as made:
            exchange.tls = made.unknown_ca
            for _ in range(2):
                with pytest.raises(ProviderFailure, match="CERTIFICATE_VERIFY_FAILED"):
                    await verify(provider, ask(exchange))
        exchange.reset()
        for _ in range(2):
            await verify(provider, ask(exchange))
    assert exchange.resumed == [False, False]  # after a handshake that failed the next ones are full


async def test_a_domain_login_opens_the_mailbox_of_the_address(exchange):
    async with ews(exchange) as provider:
        verified = await verify(provider, ask(exchange, DOMAIN_PASSWORD, ews_username=DOMAIN_USER))
    assert (verified.identity.email, verified.settings["ews_username"]) == (USER, DOMAIN_USER)


async def test_the_address_defaults_to_the_user_name(exchange):
    async with ews(exchange) as provider:
        verified = await verify(provider, ask(exchange, email=None))
    assert (verified.identity.email, verified.settings["email"]) == (USER, USER)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("https://mail.example.test:{port}/custom/Services.asmx", "/custom/Services.asmx"),
        ("https://MAIL.example.test:{port}/ews/exchange.asmx", "/ews/exchange.asmx"),
        ("https://mail.example.test:{port}/owa", "/EWS/Exchange.asmx"),
        ("mail.example.test:{port}", "/EWS/Exchange.asmx"),
        ("127.0.0.1", "/EWS/Exchange.asmx"),
    ],
)
async def test_the_host_may_be_a_whole_url(exchange, given, path):
    async with ews(exchange) as provider:
        verified = await verify(provider, ask(exchange, ews_host=given.format(port=exchange.port)))
    assert {one.path for one in exchange.seen} == {path}
    assert verified.settings["ews_port"] == exchange.port


async def test_an_old_server_is_asked_in_its_own_version(exchange):
    exchange.versions = {"Exchange2007_SP1"}
    async with ews(exchange) as provider:
        verified = await verify(provider, ask(exchange))
    assert verified.secret["ews_version"] == "Exchange2007_SP1"
    assert exchange.logins() == [("mail.example.test", "NTLM")]


async def test_an_alias_opens_its_primary_mailbox_and_stays_the_grants_address(exchange):
    async with ews(exchange) as provider:
        verified = await verify(provider, ask(exchange, email="alias@example.test"))
    assert verified.identity.email == "alias@example.test"
    assert (verified.secret["ews_mailbox"], verified.identity.name) == (USER, "Gil Faure")


async def test_a_directory_that_tells_no_name_is_no_reason_to_refuse(exchange):
    folder = Reply(200, GET_FOLDER, {"Content-Type": "text/xml"})
    exchange.answers("ews", folder, fault("ErrorInternalServerError"))
    async with ews(exchange) as provider:
        verified = await verify(provider, ask(exchange))
    assert verified.identity.name is None


async def test_another_endpoint_of_the_same_host_is_followed(exchange):
    exchange.answers("other", Reply(302, headers={"Location": "/custom/Services.asmx"}, before_login=True))
    url = f"https://mail.example.test:{exchange.port}/old/exchange.asmx"
    async with ews(exchange) as provider:
        verified = await verify(provider, ask(exchange, ews_host=url))
    assert verified.secret["ews_url"].endswith("/custom/Services.asmx")


GET_FOLDER = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:GetFolderResponse'
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>'
    '<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder>'
    '<t:FolderId Id="A" ChangeKey="B"/></t:Folder></m:Folders></m:GetFolderResponseMessage></m:ResponseMessages>'
    "</m:GetFolderResponse></s:Body></s:Envelope>"
)


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("offers", [("NTLM", "Basic"), ("Negotiate",), ("Basic",)])
async def test_a_wrong_password_costs_one_attempt(exchange, offers):
    exchange.offers = offers
    assert (await refusal(exchange, "wrong"))[0] == ("reconnect", "password_refused")
    assert exchange.logins() == [("mail.example.test", offers[0])]


@pytest.mark.parametrize(
    ("offers", "password", "told"),
    [("Basic", "P\u00e4sswort1", True), ("Basic", "wrong", False), ("NTLM", "P\u00e4ss", False)],
)
async def test_an_umlaut_over_basic_is_sent_once_and_named(exchange, offers, password, told):
    exchange.offers = (offers,)
    with pytest.raises(ProviderFailure) as failure:
        async with ews(exchange) as provider:
            await verify(provider, {**ask(exchange), "ews_password": SecretStr(password)})
    assert (NOT_ASCII in failure.value.evidence.subcodes) == told
    assert len(exchange.logins()) == 1


@pytest.mark.parametrize(
    ("offers", "reason"),
    [(("Bearer",), "password_login_disabled"), (("Digest x", "Kerberos"), "login_not_offered")],
)
async def test_schemes_without_passwords_get_none(exchange, offers, reason):
    exchange.offers = offers
    assert (await refusal(exchange))[0] == ("bad_request", reason)
    assert exchange.logins() == []


async def test_a_server_that_asks_for_no_password_proves_none(exchange):
    exchange.offers = ()
    assert (await refusal(exchange))[0] == ("bad_request", "no_authentication")


async def test_a_proxy_that_drops_ntlm_connections_is_not_a_wrong_password(exchange):
    exchange.keeps = False
    assert (await refusal(exchange))[0] == ("provider_down", "connection_not_kept")


HTML = "<html><body>hello</body></html>"
FORM = '<html><form action="/owa/auth.owa"><input type="password"></form></html>'


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(401, "The referenced account is currently locked out"), ("reconnect", "account_locked")),
        (Reply(500, "The referenced account is currently locked out"), ("reconnect", "account_locked")),
        (Reply(403, HTML), ("reconnect", "ews_disabled")),
        (Reply(404, HTML), ("bad_request", "not_ews")),
        (Reply(405, HTML), ("bad_request", "not_ews")),
        (Reply(200, HTML), ("bad_request", "not_ews")),
        (Reply(200, "not even html"), ("bad_request", "not_ews")),
        (Reply(200, "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), ("bad_request", "not_ews")),
        (Reply(200, FORM), ("bad_request", "login_form")),
        (Reply(302, headers={"Location": "/owa/"}), ("bad_request", "login_form")),
        (Reply(302, headers={"Location": "/ews/genericerrorpage.htm"}), ("provider_down", "server_unavailable")),
        (
            Reply(302, headers={"Location": "https://elsewhere.test/EWS/Exchange.asmx"}),
            ("bad_request", "redirected_elsewhere"),
        ),
        (
            Reply(302, headers={"Location": "https://outlook.office365.com/EWS/Exchange.asmx"}),
            ("bad_request", "exchange_online"),
        ),
        (Reply(302, headers={"Location": "/EWS/Exchange.asmx"}), ("bad_request", "not_ews")),
        (Reply(440, FORM), ("bad_request", "login_form")),
        (Reply(456), ("reconnect", "account_locked")),
        (Reply(457), ("reconnect", "account_locked")),
        (Reply(429), ("rate_limited", "throttled")),
        (Reply(500, "<html>Server Error in '/EWS' Application.</html>"), ("provider_down", "server_unavailable")),
        (Reply(500), ("provider_down", "server_unavailable")),
        (Reply(502, HTML), ("provider_down", "server_unavailable")),
        (Reply(503, HTML), ("provider_down", "server_unavailable")),
        (Reply(504, HTML), ("provider_down", "server_unavailable")),
        (Reply(403, HTML, {"X-CasErrorCode": "ServerNotFound"}), ("provider_down", "server_unavailable")),
        (Reply(418, HTML), ("unknown", "unknown_refusal")),
        (Reply(200, "x" * (1 << 20) + "y"), ("provider_down", "senseless_answer")),
    ],
)
async def test_answers_that_are_no_soap(exchange, reply, expected):
    exchange.answers("ews", reply)
    assert (await refusal(exchange))[0] == expected


@pytest.mark.parametrize("how", [error, fault])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ErrorNonExistentMailbox", ("reconnect", "mailbox_unknown")),
        ("ErrorMissingEmailAddress", ("bad_request", "mailbox_missing")),
        ("ErrorAccessDenied", ("reconnect", "not_authorized")),
        ("ErrorPasswordExpired", ("reconnect", "password_expired")),
        ("ErrorAccountDisabled", ("reconnect", "account_disabled")),
        ("ErrorMailboxMoveInProgress", ("provider_down", "server_unavailable")),
        ("ErrorExceededConnectionCount", ("rate_limited", "throttled")),
        ("ErrorSomethingNew", ("provider_down", "server_unavailable")),
    ],
)
async def test_the_xml_counts_whatever_the_status(exchange, how, code, expected):
    exchange.answers("ews", how(code, "Because."))
    found, evidence = await refusal(exchange)
    if (code, how) == ("ErrorSomethingNew", error):
        expected = ("unknown", "unknown_refusal")
    assert (found, evidence.code, evidence.text) == (expected, code, "Because.")


async def test_a_busy_server_says_how_long_to_wait(exchange):
    exchange.answers("ews", fault("ErrorServerBusy", values={"BackOffMilliseconds": "297749"}))
    found, evidence = await refusal(exchange)
    assert found == ("rate_limited", "throttled")
    assert classify(evidence).retry_after == 297.749


async def test_retry_after_is_heard(exchange):
    exchange.answers("ews", Reply(503, HTML, {"Retry-After": "120"}))
    assert classify((await refusal(exchange))[1]).retry_after == 120


async def test_a_server_of_no_known_version_is_too_old(exchange):
    exchange.versions = {"Exchange2003"}
    assert (await refusal(exchange))[0] == ("bad_request", "server_too_old")


async def test_no_mailbox_of_that_address(exchange):
    assert (await refusal(exchange, email="nobody@example.test"))[0] == ("reconnect", "mailbox_unknown")


async def test_a_password_that_comes_back_is_quoted_nowhere(exchange):
    exchange.answers("ews", fault("ErrorAccessDenied", f"The password {PASSWORD} is good"))
    _, evidence = await refusal(exchange)
    assert evidence.text == "The password *** is good"


async def test_a_silent_server_is_down_and_not_waited_for(exchange):
    exchange.answers("ews", Reply(silent=True, before_login=True))
    assert (await refusal(exchange, patience=0.3))[0] == ("provider_down", "server_unavailable")


async def test_a_server_that_is_not_there_is_down(exchange):
    assert (await refusal(exchange, ews_port=9))[0] == ("provider_down", "server_unavailable")


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ("expired", "certificate_expired"),
        ("unknown_ca", "certificate_untrusted"),
        ("wrong_name", "certificate_wrong_name"),
    ],
)
async def test_the_password_is_not_sent_past_a_bad_certificate(exchange, certificate, reason):
    made = Certificates()
    with contextlib.closing(made):
        exchange.tls = getattr(made, certificate)
        async with ews(exchange, ca_file=made.ca_file) as provider:
            with pytest.raises(ProviderFailure) as failure:
                await verify(provider, ask(exchange))
    verdict = classify(failure.value.evidence)
    assert (str(verdict.kind), verdict.reason, exchange.seen) == ("bad_request", reason, [])


async def test_a_port_that_speaks_no_tls_is_the_wrong_one(exchange):
    async with FakeMail("smtp") as server:
        assert (await refusal(exchange, ews_port=server.port))[0] == ("bad_request", "wrong_port")


@pytest.mark.parametrize("host", ["mail.example.test", "127.0.0.1", "10.0.0.7", "nowhere.test", "[::1]"])
async def test_a_host_inside_is_refused_like_one_that_does_not_exist(exchange, host):
    async with ews(exchange, allowed="") as provider:
        with pytest.raises(ProviderFailure) as failure:
            await verify(provider, ask(exchange, ews_host=host))
    evidence = failure.value.evidence
    assert (evidence.step, evidence.code, classify(evidence).reason) == (
        "dns",
        "no_public_address",
        "no_public_address",
    )
    assert exchange.seen == []


async def test_microsoft_365_is_never_sent_a_password(exchange):
    for host in ("outlook.office365.com", "https://outlook.office365.com/EWS/Exchange.asmx"):
        assert (await refusal(exchange, ews_host=host, ews_port=443))[0] == ("bad_request", "exchange_online")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"ews_username": ""}, "ews_username"),
        ({"ews_password": None}, "ews_password"),
        ({"ews_password": SecretStr("a\0b")}, "ews_password"),
        ({"ews_password": SecretStr("a\ud800b")}, "ews_password"),
        ({"email": "no address"}, "email"),
        ({"email": "a\n@example.test"}, "email"),
        ({"email": None, "ews_username": DOMAIN_USER}, "email"),
        ({"ews_username": "a:b"}, "ews_username"),
        ({"ews_host": "http://mail.example.test/EWS/Exchange.asmx"}, "ews_host"),
        ({"ews_host": "https://user:pw@mail.example.test"}, "ews_host"),
        ({"ews_host": "mail example"}, "ews_host"),
        ({"ews_host": "mail.example.test:99999"}, "ews_host"),
        ({"ews_host": "0x7f.1"}, "ews_host"),
    ],
)
async def test_what_cannot_work_is_refused_before_any_connection(exchange, settings, field):
    async with ews(exchange) as provider:
        with pytest.raises(InvalidRequest, match=field):
            await verify(provider, ask(exchange) | settings)
    assert exchange.seen == []
