"""What a DNS answer says about a record that was asked for."""

import base64

import pytest

from opengrant.domains.dns_records import (
    DMARC,
    MailNames,
    by_configuration,
    dkim,
    full_name,
    judge,
    judge_dmarc,
    ownership,
)

HOSTS = MailNames(inbound="mx.og.test", spf="spf.og.test", bounce="bounce.og.test")
OWNERSHIP = ownership("token").value
DKIM = dkim("og1", b"public key" * 40)
KEY = base64.b64encode(b"public key" * 40).decode()
MX = "10 mx.og.test"
SPF = "v=spf1 include:spf.og.test ~all"


def test_each_record_points_where_it_should() -> None:
    assert by_configuration("mx", HOSTS) == ("@", "MX", MX)
    assert by_configuration("feedback", HOSTS) == ("bounce", "MX", "10 bounce.og.test")
    assert by_configuration("spf", HOSTS) == ("@", "TXT", SPF)
    assert ownership("token") == ("@", "TXT", "opengrant-ownership-verify=token")
    assert ("og1._domainkey", "TXT", f"v=DKIM1; k=rsa; p={KEY}") == DKIM
    assert (full_name("@", "a.test"), full_name("bounce", "a.test")) == ("a.test", "bounce.a.test")


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        ([], "pending"),
        (["v=spf1 -all", "someone-else-verify=token"], "pending"),
        ([OWNERSHIP], "done"),
        ([f" {OWNERSHIP} "], "done"),
        (["opengrant-ownership-verify=old", OWNERSHIP], "done"),
        (["opengrant-ownership-verify=old"], "failed"),
        ([OWNERSHIP + "x"], "failed"),
        ([OWNERSHIP.upper()], "pending"),
    ],
)
def test_ownership_is_the_exact_token(seen: list[str], status: str) -> None:
    assert judge("ownership", OWNERSHIP, seen).status == status


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        ([], "pending"),
        (["unrelated"], "pending"),
        (["v=spf10 include:spf.og.test"], "pending"),
        ([SPF], "done"),
        (["V=SPF1  ip4:192.0.2.1 +include:SPF.og.test -all"], "done"),
        (["v=spf1 include:other.test ~all"], "failed"),
        (["v=spf1 -include:spf.og.test ~all"], "failed"),
        (["v=spf1 include:spf.og.test.evil.test ~all"], "failed"),
        (["v=spf1 -all include:spf.og.test"], "failed"),
        ([SPF, "v=spf1 -all"], "failed"),
    ],
)
def test_spf_includes_us_where_receivers_look(seen: list[str], status: str) -> None:
    assert judge("spf", SPF, seen).status == status


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        ([], "pending"),
        (["unrelated; a=b"], "pending"),
        ([DKIM.value], "done"),
        ([f"k=rsa ;p = {KEY[:100]} {KEY[100:]} ; t=s"], "done"),
        ([f"p={KEY}"], "done"),
        ([f"v=DKIM1; k=ed25519; p={KEY}"], "failed"),
        ([f"v=DKIM1; k=rsa; p={KEY[:255]}"], "failed"),
        (["v=DKIM1; p="], "failed"),
    ],
)
def test_dkim_publishes_our_key_whole(seen: list[str], status: str) -> None:
    assert judge("dkim", DKIM.value, seen).status == status


@pytest.mark.parametrize("kind", ["mx", "feedback"])
@pytest.mark.parametrize(
    ("seen", "status"),
    [
        ([], "pending"),
        (["mx.og.test"], "done"),
        (["mx.og.test", "backup.test"], "done"),
        (["aspmx.other.test", "mx.og.test"], "failed"),
        (["aspmx.other.test"], "failed"),
    ],
)
def test_mail_must_come_to_us_first(kind: str, seen: list[str], status: str) -> None:
    assert judge(kind, MX, seen).status == status  # type: ignore[arg-type]


def test_every_failure_says_what_to_do() -> None:
    assert "spf.og.test" in judge("spf", SPF, ["v=spf1 -all"]).message
    assert "aspmx.other.test" in judge("mx", MX, ["aspmx.other.test"]).message
    assert "255" in judge("dkim", DKIM.value, ["p=x"]).message


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        ([], "pending"),
        (["unrelated", "v=DMARC10; p=none", "p=none; v=DMARC1"], "pending"),
        ([DMARC.value], "done"),
        (["v = DMARC1 ;p=reject; rua=mailto:post@example.com", "unrelated"], "done"),
        ([DMARC.value, "v=DMARC1; p=reject"], "failed"),
    ],
)
def test_any_one_dmarc_policy_will_do(seen: list[str], status: str) -> None:
    assert judge_dmarc(seen).status == status
