"""Who a mailbox corresponds with, by the headers of its newest messages."""

from collections.abc import Iterable
from itertools import islice

from opengrant.errors import ProviderFailure
from opengrant.mail.imap import folders
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.headers import Headers
from opengrant.model import fold
from opengrant.model.mail import Correspondent
from opengrant.net.imap import commands
from opengrant.net.imap.session import ImapSession

NEWEST = 1000
"""Messages of each of the two folders."""
MOST = 5000
"""Addresses."""
MOST_OF_A_MESSAGE = 100
LONGEST = 320
"""Characters of an address, and of a name."""
_AT_ONCE = 250


async def read(session: ImapSession) -> list[Correspondent]:
    """The last one first. A name is that of the last message that has one."""
    listed = await commands.list_folders(session)
    sent = folders.purpose(listed, "\\sent")
    found = dict[str, Correspondent]()
    await _read(session, b"INBOX", ("from",), found)
    if sent is not None:
        await _read(session, sent.wire, ("to", "cc", "bcc"), found)
    return sorted(found.values(), key=lambda one: (-one.date, one.email))


async def _read(session: ImapSession, wire: bytes, fields: tuple[str, ...], found: dict[str, Correspondent]) -> None:
    try:
        await commands.open_folder(session, wire)
    except ProviderFailure as failure:
        if session.usable and "NO" in failure.evidence.subcodes:
            return  # the folder is gone
        raise
    uids = list(islice(await commands.search(session, [b"UNDELETED"]), NEWEST))
    items = b"INTERNALDATE BODY.PEEK[HEADER.FIELDS (%b)]" % " ".join(fields).upper().encode("ascii")
    for start in range(0, len(uids), _AT_ONCE):
        for one in await commands.fetch(session, uids[start : start + _AT_ONCE], items):
            headers = Headers.read(next(iter(one.parts.values()), b""))
            _add(found, (headers.every(name) for name in fields), one.date)


def _add(found: dict[str, Correspondent], values: Iterable[str], date: int) -> None:
    for value in values:
        for address in addresses(value)[:MOST_OF_A_MESSAGE]:
            local, _, domain = address.email.rpartition("@")
            if len(address.email) > LONGEST or not local or not domain:
                continue
            key = fold(address.email)
            name = "" if fold(address.name) == key else address.name[:LONGEST].strip()
            known = found.get(key)
            if known is None:
                if len(found) < MOST:
                    found[key] = Correspondent(key, name, date)
                continue
            first, second = (name, known.name) if date >= known.date else (known.name, name)
            found[key] = Correspondent(key, first or second, max(date, known.date))
