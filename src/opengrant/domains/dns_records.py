"""The DNS records that verify a domain: what to publish, and whether an answer matches. No I/O.

Sources  ownership: the wire's own record, with our prefix. SPF: RFC 7208. DKIM: RFC 6376 section 3.6.1.
         MX: RFC 5321 section 5.1. DMARC: RFC 7489 sections 6.3 and 6.6.3. The feedback record is the MX of the
         subdomain that bounces are sent to.
"""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opengrant.store.domains.domains import Kind, RecordType, Status

APEX = "@"
BOUNCE_LABEL = "bounce"
OWNERSHIP_PREFIX = "opengrant-ownership-verify="
_PREFERENCE = 10
_SPF = "v=spf1"


@dataclass(frozen=True, slots=True)
class MailNames:
    """The host names of this installation in mail; published records point to them.

    inbound  receives the mail of verified domains
    spf      has an SPF record that names the addresses that mail is sent from
    bounce   receives bounces
    """

    inbound: str
    spf: str
    bounce: str

    @classmethod
    def at(cls, host: str) -> "MailNames":
        """One machine for everything."""
        return cls(host, host, host)


class Wanted(NamedTuple):
    """A record to publish. `host` is relative to the domain, `@` for itself; `value` of an MX has no final dot."""

    host: str
    type: RecordType
    value: str


class RecordFinding(NamedTuple):
    """The result of a look-up, with a message for users."""

    status: Status
    message: str


DMARC = Wanted("_dmarc", "TXT", "v=DMARC1; p=none")
"""Advised, not required: it does not change which hosts may send, but some receivers require a DMARC record. A stricter
policy is accepted too."""

NOWHERE = "mail.invalid"
"""Used when our host name is not configured: a name that cannot exist (RFC 6761 section 6.4)."""

DONE = RecordFinding("done", "The record was found.")
NAMELESS = RecordFinding(
    "pending",
    "Do not publish it yet: this server has no name. Set OPENGRANT_PUBLIC_URL, or the hosts of OPENGRANT_DOMAINS__.",
)
MISSING = RecordFinding("pending", "The record is not there yet. A change of DNS can take hours to be seen everywhere.")


def ownership(token: str) -> Wanted:
    return Wanted(APEX, "TXT", OWNERSHIP_PREFIX + token)


def dkim(selector: str, public_key: bytes) -> Wanted:
    """public_key: a DER SubjectPublicKeyInfo, which is what RFC 6376 puts into `p`."""
    encoded = base64.b64encode(public_key).decode("ascii")
    return Wanted(f"{selector}._domainkey", "TXT", f"v=DKIM1; k=rsa; p={encoded}")


def by_configuration(kind: Kind, hosts: MailNames) -> Wanted | None:
    """The record of a kind that has the same value for every domain; None for the other kinds."""
    match kind:
        case "mx":
            return Wanted(APEX, "MX", f"{_PREFERENCE} {hosts.inbound}")
        case "feedback":
            return Wanted(BOUNCE_LABEL, "MX", f"{_PREFERENCE} {hosts.bounce}")
        case "spf":
            return Wanted(APEX, "TXT", f"{_SPF} include:{hosts.spf} ~all")
        case _:
            return None


def is_nameless(value: str) -> bool:
    """Whether a record contains NOWHERE."""
    return NOWHERE in value


def full_name(host: str, domain: str) -> str:
    """The name to look up."""
    return domain if host == APEX else f"{host}.{domain}"


def judge(kind: Kind, wanted: str, seen: Sequence[str]) -> RecordFinding:
    """Compare the answer of DNS with the wanted value.

    seen  TXT values, or mail exchangers with the most preferred first; empty when there are none
    """
    return _JUDGES[kind](wanted, seen)


def judge_dmarc(seen: Sequence[str]) -> RecordFinding:
    """Check the TXT values at the name of DMARC; any policy is accepted."""
    found = sum(re.match(r"v\s*=\s*DMARC1\s*(;|$)", text.strip()) is not None for text in seen)
    if found > 1:
        return RecordFinding("failed", "There are several DMARC records; receivers then honour none. Keep one.")
    if found:
        return DONE
    return RecordFinding("pending", "There is none. Receivers then go by that of the domain above, if it has one.")


def _judge_ownership(wanted: str, seen: Sequence[str]) -> RecordFinding:
    # Other services verify domains with TXT records too, so other texts are not wrong.
    if wanted in (text.strip() for text in seen):
        return DONE
    if any(text.strip().startswith(OWNERSHIP_PREFIX) for text in seen):
        return RecordFinding(
            "failed", "There is an ownership record with another value. Replace it with the one shown here."
        )
    return MISSING


def _judge_spf(wanted: str, seen: Sequence[str]) -> RecordFinding:
    records = [text.lower().split() for text in seen if text.lower().split()[:1] == [_SPF]]
    include = wanted.lower().split()[1]
    if not records:
        return MISSING
    if len(records) > 1:
        return RecordFinding(
            "failed", "There are several SPF records; receivers then honour none. Merge them into one."
        )
    for term in records[0]:
        if term.removeprefix("+") == include:
            return DONE
        if re.fullmatch(r"[+?~-]?all", term):
            break  # terms after `all` are ignored (RFC 7208 section 5.1)
    return RecordFinding("failed", f"The SPF record lacks {include}. Put it in front of the `all` at the end.")


def _judge_dkim(wanted: str, seen: Sequence[str]) -> RecordFinding:
    keys = [tags for text in seen if "p" in (tags := _tags(text))]
    if not keys:
        return MISSING
    mine = _tags(wanted)["p"]
    if any(tags["p"] == mine and tags.get("k", "rsa") == "rsa" and tags.get("v", "DKIM1") == "DKIM1" for tags in keys):
        return DONE
    return RecordFinding("failed", "There is a DKIM record with another key. It may have been cut off: TXT records are"
                   " made of strings of up to 255 characters, and some forms keep only the first.")  # fmt: skip


def _judge_mx(wanted: str, seen: Sequence[str]) -> RecordFinding:
    host = wanted.split()[1].lower()
    if not seen:
        return MISSING
    if seen[0] == host:
        return DONE
    if host in seen:
        return RecordFinding(
            "failed", f"{seen[0]} is preferred to {host} and gets the mail. Give {host} the lowest number."
        )
    return RecordFinding("failed", f"Mail goes to {seen[0]}. Replace the MX records with the one shown here.")


_JUDGES: dict[Kind, Callable[[str, Sequence[str]], RecordFinding]] = {
    "ownership": _judge_ownership,
    "mx": _judge_mx,
    "spf": _judge_spf,
    "dkim": _judge_dkim,
    "feedback": _judge_mx,
}


def _tags(text: str) -> dict[str, str]:
    """A tag list (RFC 6376 section 3.2), without the white space of folded values."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): re.sub(r"\s+", "", value) for name, equals, value in pairs if equals}
