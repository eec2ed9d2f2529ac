"""The messages of threads, looked for in all folders: those that are the first of a thread, and those that name it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from opengrant.errors import ProviderFailure, ProviderUnavailable
from opengrant.mail import ids
from opengrant.mail.imap import finding, heads, rounds, stream
from opengrant.mail.imap.heads import Seen
from opengrant.mail.imap.stream import Reading
from opengrant.net.imap.commands import ListedFolder
from opengrant.net.imap.names import quoted
from opengrant.net.imap.session import ImapSession

MOST = 1000
"""Messages of one thread, or of all threads that are looked at together for a page."""
MOST_FOLDERS = 100
"""Folders that are searched."""
_LINE = 8000
"""Bytes of a search. Servers need not take more (RFC 7162 section 4)."""
_SECONDS = 50.0
"""For a search. A server that keeps no index of headers reads all messages for it."""


@dataclass(slots=True)
class Candidate:
    """A thread that the stream has met. own: its messages there."""

    root: str
    own: list[tuple[Reading, int]] = field(default_factory=list)


async def complete(
    session: ImapSession, listed: Sequence[ListedFolder], group: Mapping[str, Candidate]
) -> dict[str, list[Seen]]:
    """The messages of these threads in all folders, of each folder the newest."""
    own = stream.by_folder([one for candidate in group.values() for one in candidate.own])
    searches = _searches([one.root for one in group.values() if ids.located(one.root) is None])
    asked = dict[bytes, tuple[int, list[int]]](own)
    if searches:
        wires = [one.wire for one in finding.in_order(listed)[:MOST_FOLDERS]]
        found = await _search(session, dict.fromkeys(wires, searches))
        uids = {one.wire: list(islice(one.uids, MOST)) for one in found}
        if sum(map(len, uids.values())) > MOST:
            share = MOST // sum(map(bool, uids.values()))
            uids = {wire: numbers[:share] for wire, numbers in uids.items()}
        for one in found:
            if one.validity is not None and own.get(one.wire, (one.validity,))[0] == one.validity:
                mine = own[one.wire][1] if one.wire in own else []
                asked[one.wire] = one.validity, list(dict.fromkeys((*mine, *uids[one.wire])))
    threads_ = defaultdict[str, list[Seen]](list)
    for seen in await heads.read_all(session, asked):
        if seen.head.thread_id in group:
            threads_[seen.head.thread_id].append(seen)
    return threads_


def _searches(roots: Sequence[str]) -> list[list[bytes]]:
    """For messages that are one of these, or that name one of them; each no longer than a line may be."""
    terms = [
        b"HEADER %b %b" % (name, quoted(root.encode("ascii")))
        for root in roots
        if ids.is_message_id(root)
        for name in (b"MESSAGE-ID", b"REFERENCES", b"IN-REPLY-TO")
    ]
    lines, size = [list[bytes]()], 0
    for term in terms:
        size += len(term) + len(b"OR ")
        if size > _LINE and lines[-1]:
            lines.append([])
            size = len(term)
        lines[-1].append(term)
    return [[b"UNDELETED " + _any(line)] for line in lines if line]


def _any(terms: Sequence[bytes]) -> bytes:
    """Halved again and again, so that no server has to go down further than some levels."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return b"OR %b %b" % (_any(terms[:half]), _any(terms[half:]))


async def _search(session: ImapSession, asked: Mapping[bytes, Sequence[list[bytes]]]) -> list[rounds.Searched]:
    """Raises ProviderUnavailable: it takes too long."""
    try:
        return await rounds.search(session, asked, seconds=_SECONDS)
    except ProviderFailure as failure:
        if failure.evidence.code != "timeout":
            raise
        raise ProviderUnavailable(
            "The mail server took too long to look for the messages of a thread: it may have no index of headers."
            " GET /v3/grants/{grant_id}/messages needs none."
        ) from None
