"""The outbound guard: what a request may make us connect to."""

import asyncio
import ipaddress
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.errors import ProviderFailure
from opengrant.net.dns import Resolver
from opengrant.net.guard import BadHost, Guard, Target, is_public, parse_host, parse_networks
from opengrant.net.http_client import HttpClient, place_of
from tests.fakes.dns import FakeDns

INSIDE = [
    "10.1.2.3", "127.0.0.1", "0.0.0.0", "100.64.0.1", "169.254.169.254", "168.63.129.16", "172.31.255.255", "192.0.2.1",
    "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fec0::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1", "2001:0:4136:e378::1", "2002:7f00:1::", "2002:808:808::",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
]  # fmt: skip
ODD = [
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "127.1",
    "127.0.0.1.",
    "0x7f000001",
    "[::1]",
    "::1",
    "1.2.3.4.5",
    "127.0.1",
]
BAD = [
    "",
    ".",
    "a..b",
    "-a.test",
    "a-.test",
    "a b.test",
    "a\0.test",
    "x" * 64 + ".test",
    "a." * 130,
    "a/b",
    "a@b",
    "fe80::1%eth0",
]

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)


def spellings(address: ipaddress.IPv4Address) -> list[str]:
    number, parts = int(address), str(address).split(".")
    return [
        str(address),
        f"{address}.",
        str(number),
        hex(number),
        oct(number).replace("0o", "0"),
        ".".join(hex(int(part)) for part in parts),
        ".".join(f"0{int(part):o}" for part in parts),
        f"{parts[0]}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}",
        "。".join(parts),
        "".join(chr(ord(char) + 0xFEE0) if char.isdigit() else char for char in str(address)),
        f"::ffff:{address}",
        f"[::ffff:{address}]",
        f"::{address}",
        f"64:ff9b::{address}",
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))),
    ]


@given(v4.filter(lambda address: not address.is_global))
async def test_no_spelling_of_a_private_ipv4_address_passes(address):
    guard = Guard((), Resolver("127.0.0.1:9", timeout=0.01))
    for spelling in spellings(address):
        with pytest.raises(ProviderFailure):
            await guard.resolve(spelling, 993, provider="imap", leg="imap")


@given(v6.filter(lambda address: not address.is_global or address.is_multicast or address.ipv4_mapped))
async def test_no_ipv6_address_that_is_not_global_passes(address):
    guard = Guard((), Resolver("127.0.0.1:9", timeout=0.01))
    for spelling in (str(address), address.exploded, f"[{address}]", f"{address}%eth0"):
        with pytest.raises(ProviderFailure):
            await guard.resolve(spelling, 993, provider="imap", leg="imap")


@given(st.text(max_size=80))
def test_any_text_is_a_host_or_refused(text):
    try:
        host = parse_host(text)
    except BadHost:
        return
    assert isinstance(host, ipaddress.IPv4Address | ipaddress.IPv6Address) or (host.isascii() and len(host) <= 253)


@pytest.mark.parametrize("text", INSIDE)
def test_special_ranges_are_not_public(text):
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"])
def test_public_addresses_are_public(text):
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("host", ODD + BAD)
async def test_odd_spellings_and_bad_names_are_refused_before_any_look_up(host):
    async with FakeDns() as dns:
        guard = Guard((), Resolver(dns.address))
        with pytest.raises(ProviderFailure) as refused:
            await guard.resolve(host, 993, provider="imap", leg="imap")
        assert refused.value.evidence.code in ("bad_host", "no_public_address")
        assert dns.asked == []


async def test_a_private_name_and_an_unknown_name_are_refused_alike():
    async with FakeDns({("inner.test", "A"): ["10.0.0.7"], ("inner.test", "AAAA"): ["fd00::7"]}) as dns:
        guard = Guard((), Resolver(dns.address))
        refusals = []
        for host in ("inner.test", "nowhere.test", "localhost", "10.0.0.7"):
            with pytest.raises(ProviderFailure) as refused:
                await guard.resolve(host, 993, provider="imap", leg="imap")
            refusals.append(refused.value.evidence)
        assert len(set(refusals)) == 1
        assert (refusals[0].step, refusals[0].code) == ("dns", "no_public_address")


async def test_only_the_public_addresses_of_a_mixed_name_are_kept():
    records = {("mixed.test", "A"): ["10.0.0.7", "9.9.9.9"], ("mixed.test", "AAAA"): ["::1", "2620:fe::fe"]}
    async with FakeDns(records) as dns:
        target = await Guard((), Resolver(dns.address)).resolve("Mixed.test.", 993, provider="imap", leg="imap")
        assert target == Target("mixed.test", 993, ("2620:fe::fe", "9.9.9.9"))


async def test_what_the_operator_allows_passes_and_nothing_beside_it():
    guard = Guard(parse_networks("127.0.0.0/8, fd00:1::/32"), Resolver("127.0.0.1:9", timeout=0.01))
    assert (await guard.resolve("localhost", 1, provider="imap", leg="imap")).addresses == ("127.0.0.1",)
    assert (await guard.resolve("[fd00:1::5]", 1, provider="imap", leg="imap")).addresses == ("fd00:1::5",)
    for host in ("::1", "::ffff:127.0.0.1", "10.0.0.1"):
        with pytest.raises(ProviderFailure):
            await guard.resolve(host, 1, provider="imap", leg="imap")


async def test_an_international_name_is_looked_up_and_checked_as_its_a_label():
    async with FakeDns({("xn--bcher-kva.test", "A"): ["9.9.9.9"]}) as dns:
        target = await Guard((), Resolver(dns.address)).resolve("Bücher.test", 993, provider="imap", leg="imap")
        assert (target.host, target.addresses) == ("xn--bcher-kva.test", ("9.9.9.9",))


async def test_a_failing_name_server_is_not_taken_for_a_missing_name():
    async with FakeDns(trouble={"broken.test": "SERVFAIL"}) as dns:
        with pytest.raises(ProviderFailure) as refused:
            await Guard((), Resolver(dns.address)).resolve("broken.test", 993, provider="imap", leg="imap")
        assert refused.value.evidence.code == "dns_unavailable"


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:9/", "https://[::1]:9/", "https://inner.test/", "https://[fe80::1]/"]
)
async def test_an_http_client_refuses_private_hosts_however_they_are_named(url):
    async with FakeDns({("inner.test", "A"): ["10.0.0.7"]}) as dns:
        guard = Guard((), Resolver(dns.address))
        client = HttpClient(
            connections_per_host=1,
            connect_within=20,
            tls=ssl.create_default_context(),
            look_up=guard.look_up(provider="imap", leg="detect"),
        )
        with pytest.raises(ProviderFailure) as refused:
            await client.send(place_of(url), b"", within=20)
        assert refused.value.evidence.code == "no_public_address"


async def test_a_connection_goes_to_the_address_that_was_checked():
    """The name is looked up once, by this guard: a second answer could lead elsewhere."""
    heads = []

    async def serve(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, FakeDns({("inner.test", "A"): ["10.0.0.7", "127.0.0.1"]}) as dns:
        guard = Guard(parse_networks("127.0.0.0/8"), Resolver(dns.address))
        client = HttpClient(
            connections_per_host=1,
            connect_within=20,
            tls=ssl.create_default_context(),
            look_up=guard.look_up(provider="imap", leg="detect"),
        )
        place = place_of(f"http://inner.test:{port}/")
        found = await client.send(place, f"GET / HTTP/1.1\r\n{place.headers}\r\n".encode(), within=20)
        client.close()
    assert found.status == 204
    assert f"host: inner.test:{port}".encode() in heads[0]
    assert dns.asked.count(("inner.test", "A")) == 1
