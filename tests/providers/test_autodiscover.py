"""From an address to its Exchange server, and whom the password never reaches on the way."""

import contextlib
import json
from dataclasses import replace

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model.logins import EwsLogin, NotShown
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.providers.classify import classify
from opengrant.providers.ews.password import Ews
from tests.fakes.dns import FakeDns
from tests.fakes.ews import PASSWORD, USER, FakeExchange, Reply, pox
from tests.logins import verify

HERE = ["127.0.0.1"]
AUTODISCOVER = {("autodiscover.example.test", "A"): HERE, ("mail.example.test", "A"): HERE}


@pytest.fixture(scope="module")
def running():
    with FakeExchange() as fake:
        yield fake


@pytest.fixture
def exchange(running):
    running.reset()
    running.ews_url = f"https://mail.example.test:{running.port}/custom/Services.asmx"
    return running


async def find(exchange, records, *, password=PASSWORD, email=USER, username=USER, trouble=None, observe=None):
    async with provider(exchange, records, trouble=trouble, observe=observe) as ews:
        return await verify(ews, {"email": email, "ews_username": username, "ews_password": SecretStr(password)})


@contextlib.asynccontextmanager
async def provider(exchange, records, *, trouble=None, observe=None):
    async with FakeDns(records | {("example.test", "TXT"): ["x"]}, trouble) as dns:
        resolver = Resolver(dns.address, timeout=0.5 if trouble else 10)
        guard = Guard(parse_networks("127.0.0.0/8"), resolver)
        ports = {"https_port": exchange.port, "http_port": exchange.http_port}
        with contextlib.closing(resolver):
            yield Ews(guard, resolver, timeout=20, ca_file=exchange.ca_file, observe=observe, **ports)


async def refusal(exchange, records, **more):
    """(kind, reason), and what the caller is told."""
    with pytest.raises(ProviderFailure) as failure:
        await find(exchange, records, **more)
    verdict = classify(failure.value.evidence)
    return (str(verdict.kind), verdict.reason), failure.value.evidence.text


def found_at(url):
    """JSON's answer for anybody."""
    return Reply(200, json.dumps({"Protocol": "EWS", "Url": url}), before_login=True)


def passwords(exchange):
    """The hosts that were shown proof of the password."""
    return [host for host, _ in exchange.logins()]


async def test_the_search_is_observed_apart_from_what_comes_after_it(exchange):
    seen = []
    await find(exchange, AUTODISCOVER, observe=lambda *what: seen.append(what[:3]))
    await refusal(exchange, {}, observe=lambda *what: seen.append(what[:3]))
    # Found and opened; then nothing found, which is told as a failed look-up.
    assert seen == [("ews", "ews", outcome) for outcome in ("ok", "ok", "dns")]


async def test_json_finds_the_server_without_the_password(exchange):
    verified = await find(exchange, AUTODISCOVER)
    assert verified.settings["ews_host"] == "mail.example.test"
    assert verified.secret["ews_url"] == exchange.ews_url
    assert passwords(exchange) == ["mail.example.test"]
    assert exchange.count("pox") == 0


async def shown_first(exchange, *shown, host=None, search=True):
    """Where the password would go; with `shown`, what becomes of a login whose user has seen these servers."""
    login = EwsLogin(ews_username=USER, ews_password=SecretStr(PASSWORD), ews_host=host)
    async with provider(exchange, AUTODISCOVER) as ews:
        if not shown:
            return await ews.servers(login, search=search)
        try:
            return (await ews.verify(replace(login, shown=shown))).settings["ews_host"]
        except NotShown as unseen:
            return unseen.servers


async def test_where_the_password_goes_is_known_before_it_goes_there(exchange):
    assert await shown_first(exchange, search=False) == ()
    assert await shown_first(exchange, host="https://mail.example.test/EWS", search=False) == ("mail.example.test",)
    assert await shown_first(exchange) == ("mail.example.test",)
    for seen in ("autodiscover.example.test", "example.test", "*.mail.example.test.evil.test"):
        assert await shown_first(exchange, seen) == ("mail.example.test",)
    assert passwords(exchange) == []
    assert await shown_first(exchange, "MAIL.example.test") == "mail.example.test"
    assert passwords(exchange) == ["mail.example.test"]


async def test_a_domain_that_wants_the_password_first_is_shown_as_a_whole(exchange):
    exchange.answers("json", Reply(404, before_login=True))
    assert await shown_first(exchange) == ("*.example.test",)
    assert await shown_first(exchange, "mail.example.test") == ("*.example.test",)
    assert passwords(exchange) == []
    exchange.answers("json", Reply(404, before_login=True))
    assert await shown_first(exchange, "*.example.test") == "mail.example.test"
    # What the domain then names may be elsewhere: that has to be seen, too.
    exchange.reset()
    exchange.answers("json", Reply(404, before_login=True))
    exchange.ews_url = f"https://mail.other.test:{exchange.port}/EWS/Exchange.asmx"
    assert await shown_first(exchange, "*.example.test") == ("*.example.test", "mail.other.test")
    assert set(passwords(exchange)) == {"autodiscover.example.test"}


async def test_the_domain_itself_is_asked_first(exchange):
    await find(exchange, AUTODISCOVER | {("example.test", "A"): HERE})
    assert [one.host for one in exchange.seen if one.kind == "json"] == ["example.test"]


async def test_the_user_names_domain_is_asked_after_the_addresss(exchange):
    exchange.mailboxes["gil@other.test"] = "Gil"
    verified = await find(exchange, AUTODISCOVER, email="gil@other.test")
    assert (verified.identity.email, verified.settings["ews_host"]) == ("gil@other.test", "mail.example.test")


@pytest.mark.parametrize("offers", [("NTLM",), ("Basic",)])
async def test_older_servers_are_asked_with_the_password_and_tell_the_outer_url(exchange, offers):
    exchange.offers = offers
    exchange.answers("json", Reply(404, before_login=True))
    verified = await find(exchange, AUTODISCOVER)
    assert verified.secret["ews_url"] == exchange.ews_url
    assert set(passwords(exchange)) == {"autodiscover.example.test", "mail.example.test"}


async def test_a_json_redirect_is_followed(exchange):
    location = f"https://mail.example.test:{exchange.port}/autodiscover/autodiscover.json?Email=x&Protocol=EWS"
    exchange.answers("json", Reply(302, headers={"Location": location}, before_login=True), found_at(exchange.ews_url))
    assert (await find(exchange, AUTODISCOVER)).secret["ews_url"] == exchange.ews_url


async def test_redirects_without_end_are_given_up(exchange):
    location = f"https://autodiscover.example.test:{exchange.port}/autodiscover/autodiscover.json?Email=x"
    exchange.ews_url = None
    exchange.answers("json", Reply(302, headers={"Location": location}, before_login=True))
    assert (await refusal(exchange, AUTODISCOVER))[0] == ("bad_request", "exchange_not_found")
    assert exchange.count("json") <= 21


async def test_another_address_is_asked_for_when_the_server_says_so(exchange):
    exchange.answers("json", Reply(404, before_login=True), found_at(exchange.ews_url))
    exchange.answers("pox", pox("redirectAddr", RedirectAddr="gil@other.test"))
    records = AUTODISCOVER | {("autodiscover.other.test", "A"): HERE}
    found, _ = await refusal(exchange, records)
    # other.test is not the user's: the certificate there is not good for it, and the password stays home.
    assert found == ("bad_request", "exchange_not_found")
    assert set(passwords(exchange)) == {"autodiscover.example.test"}


@pytest.mark.parametrize(
    "answer",
    [
        pox("redirectUrl", RedirectUrl="https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml"),
        pox("redirectAddr", RedirectAddr="gil@example.onmicrosoft.com"),
        Reply(302, headers={"Location": "https://autodiscover-s.outlook.com/x"}, before_login=True),
    ],
)
async def test_microsoft_365_is_recognised_and_gets_no_password(exchange, answer):
    exchange.answers("json", Reply(404, before_login=True))
    exchange.answers("pox", answer)
    assert (await refusal(exchange, AUTODISCOVER))[0] == ("bad_request", "exchange_online")


async def test_microsoft_365_as_json_names_it(exchange):
    exchange.ews_url = "https://outlook.office365.com/EWS/Exchange.asmx"
    assert (await refusal(exchange, AUTODISCOVER))[0] == ("bad_request", "exchange_online")
    assert passwords(exchange) == []


async def test_plain_http_is_asked_only_where_it_leads_and_believed_within_the_domain(exchange):
    url, exchange.ews_url = exchange.ews_url, None
    exchange.answers("json", Reply(404, before_login=True), Reply(404, before_login=True), found_at(url))
    location = f"https://mail.example.test:{exchange.port}/autodiscover/autodiscover.xml"
    exchange.answers("http", Reply(302, headers={"Location": location}))
    assert (await find(exchange, AUTODISCOVER | {("example.test", "A"): HERE})).secret["ews_url"] == url
    [plain] = [one for one in exchange.seen if one.kind == "http"]
    assert (plain.method, plain.scheme, plain.body) == ("GET", "", "")


@pytest.mark.parametrize("by", ["http", "srv"])
async def test_what_nobody_proved_does_not_lead_out_of_the_domain(exchange, by):
    exchange.ews_url = None
    records = dict(AUTODISCOVER)
    if by == "http":
        exchange.answers("http", Reply(302, headers={"Location": "https://mail.hoster.test/autodiscover/x.xml"}))
    else:
        records["_autodiscover._tcp.example.test", "SRV"] = [f"0 0 {exchange.port} mail.hoster.test."]
    found, text = await refusal(exchange, records)
    assert found == ("bad_request", "redirected_elsewhere")
    assert "mail.hoster.test" in text
    assert passwords(exchange) == []


async def test_srv_leads_within_the_domain(exchange):
    records = {
        ("mail.example.test", "A"): HERE,
        ("_autodiscover._tcp.example.test", "SRV"): [f"0 0 {exchange.port} mail.example.test."],
    }
    assert (await find(exchange, records)).secret["ews_url"] == exchange.ews_url


async def test_a_server_at_the_domain_itself_is_the_last_guess(exchange):
    exchange.ews_url = None
    verified = await find(exchange, {("example.test", "A"): HERE})
    assert verified.secret["ews_url"] == f"https://example.test:{exchange.port}/EWS/Exchange.asmx"


async def test_a_refused_password_is_told_when_nobody_else_knows(exchange):
    exchange.answers("json", Reply(404, before_login=True))
    assert (await refusal(exchange, AUTODISCOVER, password="wrong"))[0] == ("reconnect", "password_refused")
    assert len(passwords(exchange)) == 1


async def test_nobody_there_means_give_the_host(exchange):
    assert (await refusal(exchange, {}))[0] == ("bad_request", "exchange_not_found")


async def test_a_broken_autodiscover_host_is_down_rather_than_missing(exchange):
    exchange.answers("json", Reply(503, before_login=True))
    exchange.answers("pox", Reply(503, before_login=True))
    assert (await refusal(exchange, AUTODISCOVER))[0] == ("provider_down", "server_unavailable")


async def test_no_dns_is_our_trouble(exchange):
    names = ["example.test", "autodiscover.example.test", "_autodiscover._tcp.example.test"]
    found, _ = await refusal(exchange, {}, trouble=dict.fromkeys(names, "SERVFAIL"))
    assert found == ("provider_down", "dns_unavailable")


@pytest.mark.parametrize("body", ["", "[]", '{"Url": 7}', '{"Url": "http://mail.example.test/x.asmx"}', "<html>"])
async def test_garbage_names_no_server(exchange, body):
    exchange.ews_url = None
    exchange.answers("json", Reply(200, body, before_login=True))
    exchange.answers("pox", Reply(200, body))
    assert (await refusal(exchange, AUTODISCOVER))[0] == ("bad_request", "exchange_not_found")
