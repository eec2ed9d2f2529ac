"""What has changed in a folder since it was last looked at, by what the server offers: QRESYNC, CONDSTORE, or neither.

A server that refuses what it offers is taken not to offer it, for the rest of the session.

Sources  RFC 7162 (CONDSTORE, QRESYNC), 5161 (ENABLE), 4731 (ESEARCH)
All raise what `ImapSession.run` raises, and Malformed.
"""

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from opengrant.errors import ProviderFailure
from opengrant.net.imap import commands
from opengrant.net.imap.commands import Fetched
from opengrant.net.imap.names import quoted
from opengrant.net.imap.parser import ranges
from opengrant.net.imap.session import NEWS, Answer, ImapSession
from opengrant.net.line_connection import Malformed

ASKED_EVERY = 30.0
"""Seconds between two questions to a server that cannot tell of changes by itself."""
_LATE = 30.0
"""Seconds by which a busy process may ask too late, before the session is closed."""
LAST = (1 << 32) - 1
"""The highest number of a message."""
_HEAD = b"UID FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


class Mark(NamedTuple):
    """How far a folder is known.

    low, next  the messages that are known have numbers from `low` to below `next`
    modseq     0 where the server has none
    """

    validity: int
    low: int
    next: int
    modseq: int


class Opened(NamedTuple):
    """A folder as the server opened it. modseq: 0 where it has none. gone: None where it did not say."""

    validity: int
    next: int
    modseq: int
    total: int
    flags: dict[int, frozenset[str]]
    gone: list[tuple[int, int]] | None


def items(session: ImapSession) -> bytes:
    """What STATUS is asked for, to see whether a folder has changed."""
    return b"MESSAGES UNSEEN UIDNEXT UIDVALIDITY" + b" HIGHESTMODSEQ" * has_modseq(session)


def has_modseq(session: ImapSession) -> bool:
    return "CONDSTORE" in session.offers or "QRESYNC" in session.offers


async def enable(session: ImapSession) -> None:
    """Ask the server to tell which messages are gone, where it can. It goes on without where it refuses."""
    if "QRESYNC" in session.offers and "ENABLE" in session.offers and not session.qresync:
        (answer,) = await session.run_all([(b"ENABLE QRESYNC",)])
        session.qresync = not isinstance(answer, ProviderFailure)


async def wait(session: ImapSession, seconds: float) -> bool:
    """Wait until the open folder has changed. False: it has not for so long."""
    until = asyncio.get_running_loop().time() + seconds
    if "IDLE" in session.offers:
        try:
            return await session.listen(seconds)
        except ProviderFailure:
            if not session.usable:
                raise
            session.offers -= {"IDLE"}
    while (left := until - asyncio.get_running_loop().time()) > 0:
        session.rest(ASKED_EVERY + _LATE)
        await asyncio.sleep(min(left, ASKED_EVERY))
        answer = await session.run(b"NOOP")
        if any(response.word in NEWS for response in answer.responses):
            return True
    return False


async def reopen(session: ImapSession, wire: bytes, mark: Mark | None) -> Opened:
    """Open a folder for reading, and learn what the server tells of changes since the mark as it does so.

    Changes are those of known messages. Without a mark none are told.
    """
    session.selected = None
    how = b""
    if mark is not None and session.qresync and mark.modseq and mark.next > mark.low:
        how = b" (QRESYNC (%d %d %d:%d))" % (mark.validity, mark.modseq, mark.low, mark.next - 1)
    elif has_modseq(session):
        how = b" (CONDSTORE)"
    try:
        answer = await session.run(b"EXAMINE %b%b" % (quoted(wire), how))
    except ProviderFailure as failure:
        if not session.usable or not how or "BAD" not in failure.evidence.subcodes:
            raise
        _is_lacking(session)
        return await reopen(session, wire, mark)
    validity = commands.took(session, wire, answer)
    total = next((one.number for one in reversed(answer.of("EXISTS"))), None)
    modseq = 0 if "NOMODSEQ" in answer.codes or not has_modseq(session) else _number(answer, "HIGHESTMODSEQ")
    opened = Opened(validity, _number(answer, "UIDNEXT"), modseq, total or 0, {}, None)
    if mark is None or mark.validity != validity:
        return opened
    if b"QRESYNC" in how:
        return opened._replace(flags=_flags(answer, mark), gone=_vanished(answer))
    if mark.modseq and modseq and mark.next > mark.low:
        same = modseq == mark.modseq
        try:
            return opened if same else opened._replace(flags=await _flags_since(session, mark, mark.modseq))
        except ProviderFailure:
            if not session.usable:
                raise
            _is_lacking(session)
            return opened._replace(modseq=0)
    return opened


def _is_lacking(session: ImapSession) -> None:
    session.offers -= {"CONDSTORE", "QRESYNC"}
    session.qresync = False


async def all_flags(session: ImapSession, mark: Mark) -> dict[int, frozenset[str]]:
    """Of the known messages of the open folder that are still there."""
    return await _flags_since(session, mark, 0)


async def present(session: ImapSession, mark: Mark) -> list[tuple[int, int]]:
    """The numbers, as ranges, of known messages of the open folder that are still there."""
    if mark.next <= mark.low:
        return []
    found = await commands.search(session, [b"UID %d:%d" % (mark.low, mark.next - 1)])
    return found.ranges


async def new(session: ImapSession, start: int, *, most: int) -> list[Fetched]:
    """Messages of the open folder from this number on, the lowest first, and `most` at most."""
    found = await commands.search(session, [b"UID %d:*" % start])
    # A server answers with its last message where none is behind that number.
    uids = (uid for low, high in reversed(found.ranges) for uid in range(max(low, start), high + 1))
    return await _heads(session, list(islice(uids, most)))


async def newest(session: ImapSession, total: int, *, most: int) -> list[Fetched]:
    """The last messages of the open folder, the lowest number first."""
    if not total:
        return []
    answer = await session.run(b"FETCH %d:* (%b)" % (max(1, total - most + 1), _HEAD))
    return _in_order(commands.fetched_among(answer, range(1, LAST + 1)))


async def _heads(session: ImapSession, uids: Sequence[int]) -> list[Fetched]:
    return _in_order(await commands.fetch(session, uids, _HEAD.removeprefix(b"UID ")))


def _in_order(found: list[Fetched]) -> list[Fetched]:
    return sorted(found, key=lambda one: one.uid)


async def _flags_since(session: ImapSession, mark: Mark, modseq: int) -> dict[int, frozenset[str]]:
    if mark.next <= mark.low:
        return {}
    since = b" (CHANGEDSINCE %d)" % modseq if modseq else b""
    answer = await session.run(b"UID FETCH %d:%d (FLAGS)%b" % (mark.low, mark.next - 1, since))
    return _flags(answer, mark)


def _flags(answer: Answer, mark: Mark) -> dict[int, frozenset[str]]:
    return {one.uid: one.flags for one in commands.fetched_among(answer, range(mark.low, mark.next))}


def _vanished(answer: Answer) -> list[tuple[int, int]]:
    found = list[tuple[int, int]]()
    for response in answer.of("VANISHED"):
        match response.values:
            case [*_, bytes(numbers)]:
                found += ranges(numbers)
            case [*_, int(number)]:
                found.append((number, number))
            case _:
                raise Malformed("not_imap")
    return found


def _number(answer: Answer, code: str) -> int:
    said = answer.codes.get(code, b"")
    return int(said) if said.isdigit() and len(said) <= 20 else 0
