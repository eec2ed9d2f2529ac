"""The resolver, against a name server that answers from data."""

import itertools
import time
from types import SimpleNamespace

import dns.asyncresolver
import dns.resolver
import pytest

from opengrant.net.dns import DnsUnavailable, NameNotFound, Resolver
from tests.fakes.dns import FakeDns


async def test_addresses_of_both_families_are_found():
    records = {("mail.test", "A"): ["192.0.2.1"], ("mail.test", "AAAA"): ["2001:db8::1"]}
    async with FakeDns(records) as dns:
        assert await Resolver(dns.address).addresses("mail.test") == ["2001:db8::1", "192.0.2.1"]


async def test_a_name_with_one_family_needs_no_other():
    async with FakeDns({("mail.test", "A"): ["192.0.2.1"]}) as dns:
        assert await Resolver(dns.address).addresses("mail.test") == ["192.0.2.1"]


async def test_localhost_is_never_asked_of_a_server():
    async with FakeDns() as dns:
        assert "127.0.0.1" in await Resolver(dns.address).addresses("localhost")
        assert dns.asked == []


async def test_the_system_knows_this_machine():
    resolver = Resolver()
    assert await resolver.addresses("127.0.0.1") == ["127.0.0.1"]
    resolver.close()


async def test_services_come_best_first_without_the_final_dot():
    records = {("_imaps._tcp.test", "SRV"): ["20 0 993 B.test.", "10 1 993 a.test.", "10 5 1993 c.test.", "0 0 0 ."]}
    async with FakeDns(records) as dns:
        services = await Resolver(dns.address).services("_imaps._tcp.test")
        assert [(s.host, s.port) for s in services] == [("", 0), ("c.test", 1993), ("a.test", 993), ("b.test", 993)]


async def test_exchangers_come_most_preferred_first_and_a_null_mx_is_none():
    records = {("a.test", "MX"): ["20 mx2.a.test.", "10 MX1.a.test."], ("b.test", "MX"): ["0 ."]}
    async with FakeDns(records) as dns:
        resolver = Resolver(dns.address)
        assert await resolver.exchangers("a.test") == ["mx1.a.test", "mx2.a.test"]
        assert await resolver.exchangers("b.test") == []


@pytest.mark.parametrize("trouble", ["SERVFAIL", "SILENCE"])
async def test_trouble_is_told_apart_from_absence(trouble):
    async with FakeDns({("here.test", "TXT"): ["x"]}, {"broken.test": trouble}) as dns:
        hasty, patient = Resolver(dns.address, timeout=0.5), Resolver(dns.address)
        for kind in ("addresses", "services", "exchangers"):
            with pytest.raises(DnsUnavailable):
                await getattr(hasty, kind)("broken.test")
            with pytest.raises(NameNotFound):
                await getattr(patient, kind)("gone.test")
            with pytest.raises(NameNotFound):
                await getattr(patient, kind)("here.test")


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_a_clock_that_is_set_meanwhile_spoils_no_answer(monkeypatch, step):
    now, asked = time.time, itertools.count()
    clock = SimpleNamespace(**vars(time) | {"time": lambda: now() + (step if next(asked) else 0)})
    for module in (dns.resolver, dns.asyncresolver):
        monkeypatch.setattr(module, "time", clock)  # theirs alone: others ask the time too
    async with FakeDns({("a.test", "MX"): ["10 mx.a.test."]}) as server:
        assert await Resolver(server.address).exchangers("a.test") == ["mx.a.test"]


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1:x", "1.2.3", "[::1"])
def test_a_server_that_is_no_address_is_refused_at_once(text):
    with pytest.raises(ValueError, match=r"\S"):
        Resolver(text)


def test_servers_may_name_ports_in_both_families():
    Resolver("127.0.0.1, 127.0.0.1:5353, ::1, [::1]:5353")
