"""Pages of messages, of one folder or of all of them: the newest first, as each folder received them.

A server numbers the messages of a folder in the order in which it got them, and a page goes on below a number. So no
message is repeated or skipped while others come and go.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from opengrant.errors import DataNotFound, InvalidData, ProviderFailure
from opengrant.mail.imap import criteria, folders, heads
from opengrant.mail.imap.heads import Seen
from opengrant.mail.port import MessagePage, MessageQuery, Place
from opengrant.mail.sessions import Kept
from opengrant.model.mail import Body
from opengrant.net.imap import commands
from opengrant.net.imap.commands import Uids
from opengrant.net.imap.names import decode_name
from opengrant.net.imap.session import Answer, ImapSession

SCANNED = 1000
"""Messages that are looked at for one page, where the server cannot decide what is on it."""
SCANNED_OF_EACH = 200
"""The same of each folder, where all are read."""
MOST_FOLDERS = 60
"""In a list of all: a cursor has room for them."""
_AT_LEAST = 50
"""Messages that are read at a time, where some of them will not be shown."""
_BITS, _NUMBER, _VALIDITY = 32, (1 << 32) - 1, (1 << 29) - 1
"""A place is one number: the lower bits of a folder's UIDVALIDITY, and the number of a message."""
_AGAIN = "page_token: a folder was renamed, deleted or numbered anew meanwhile. Begin the list again."


@dataclass(slots=True)
class _Folder:
    """A folder that is read.

    below    the number below which it goes on; None: at the beginning
    waiting  numbers that come next, the highest first
    more     there are others below them
    dates    number → when it came, where several folders are read
    """

    wire: bytes
    below: int | None
    validity: int = 0
    waiting: deque[int] = field(default_factory=deque)
    more: bool = False
    dates: dict[int, int] = field(default_factory=dict)

    @property
    def goes_on(self) -> bool:
        return bool(self.waiting) or self.more


async def page(
    kept: Kept, session: ImapSession, query: MessageQuery, *, after: Place | None, limit: int
) -> MessagePage:
    """Raises DataNotFound, InvalidData."""
    named = [await folders.wire_name(session, one) for one in query.folders]
    wires = list(dict.fromkeys(named)) or await _all(session)
    return await page_of(kept, session, wires, query, after=after, limit=limit, named=bool(named))


async def page_of(
    kept: Kept,
    session: ImapSession,
    wires: Sequence[bytes],
    query: MessageQuery,
    *,
    after: Place | None,
    limit: int,
    named: bool = True,
    without: Collection[int] = (),
) -> MessagePage:
    """Of these folders.

    named    one that cannot be opened is an error
    without  messages that are left out
    Raises DataNotFound, InvalidData.
    """
    looks = criteria.needs_a_look(query)
    depth = limit if not looks else SCANNED if len(wires) == 1 else SCANNED_OF_EACH
    read = await _read(session, wires, query, after or (), depth, named=named, without=without)
    if len(read) > 1:
        await _date(session, read)
    found = list[Seen]()
    while len(found) < limit and (batch := _next(read, max(limit - len(found), _AT_LEAST if looks else 0))):
        for one in await _heads(session, batch, query):
            folder = next(folder for folder in read if folder.wire == one.wire)
            if len(found) == limit:
                folder.more = True
                continue
            folder.below = one.uid
            if criteria.matches(query, one.head):
                found.append(one)
    for one in found:
        kept.remember(one.head.id, (one.wire, one.validity, one.uid))
    texts = await _texts(session, found) if query.bodies else {}
    messages = [one.message(query.headers, texts.get((one.wire, one.uid))) for one in found]
    return MessagePage(messages, _place(read))


async def _all(session: ImapSession) -> list[bytes]:
    """The folders that a list of everything is made of: all but drafts, and none whose messages lie in others too."""
    listed = await commands.list_folders(session, counts="LIST-STATUS" in session.offers)
    left_out = {one.wire for one in listed if {"\\all", "\\flagged"} & {mark.lower() for mark in one.attributes}}
    drafts = folders.purpose(listed, "\\drafts")
    if drafts is not None:
        left_out.add(drafts.wire)
    wires = [one.wire for one in listed if commands.can_open(one) and one.wire not in left_out and one.total != 0]
    if len(wires) > MOST_FOLDERS:
        raise InvalidData(f"in: the mailbox has more than {MOST_FOLDERS} folders with messages. Name one of them.")
    return wires


async def _read(
    session: ImapSession,
    wires: Sequence[bytes],
    query: MessageQuery,
    after: Place,
    depth: int,
    *,
    named: bool,
    without: Collection[int],
) -> list[_Folder]:
    """What the folders have for the query. named, without: as for `page_of`."""
    places = dict(after)
    left = places.keys() - {_digest(wire) for wire in wires}
    read = list[_Folder]()
    for wire in wires:
        place = places.get(_digest(wire))
        below = None if place is None else place & _NUMBER
        wanted = criteria.criteria(query, below=below, without=without)
        opened, uids = await _search(session, wire, wanted)
        if opened is None:
            if named:
                raise DataNotFound(f"in: the mailbox has no folder {decode_name(wire)[:200]!r} that can be opened.")
            continue
        if place is not None and place >> _BITS != opened & _VALIDITY:
            raise InvalidData(_AGAIN)
        first = list(islice(uids, depth + 1))
        read.append(_Folder(wire, below, opened, deque(first[:depth]), more=len(first) > depth))
    # A folder that is empty by now is not listed any more, and needs none of its place.
    if left and named:
        raise InvalidData(_AGAIN)
    return read


async def _search(session: ImapSession, wire: bytes, wanted: list[bytes] | None) -> tuple[int | None, Iterable[int]]:
    """The folder's UIDVALIDITY, None if it cannot be opened, and what is found there."""
    if session.selected is not None and session.selected.wire == wire:
        validity = await commands.open_folder(session, wire)
        return validity, () if wanted is None else await commands.search(session, wanted)
    session.selected = None
    asked: list[tuple[bytes, ...]] = [(commands.opening(wire),)]
    if wanted is not None and (len(wanted) == 1 or "LITERAL+" in session.offers):
        asked.append(commands.searching(session, wanted))
        wanted = None
    opened, *found = await session.run_all(asked)
    if isinstance(opened, ProviderFailure):
        if "NO" not in opened.evidence.subcodes:
            raise opened
        return None, ()
    validity = commands.took(session, wire, opened)
    if wanted is not None:
        return validity, await commands.search(session, wanted)
    return validity, _found(found[0]) if found else ()


def _found(result: Answer | ProviderFailure) -> Uids:
    if isinstance(result, ProviderFailure):
        raise result
    return commands.found(result)


async def _date(session: ImapSession, read: Sequence[_Folder]) -> None:
    """Learn when the messages came that are compared with those of other folders."""
    for folder in read:
        if folder.waiting:
            await commands.open_folder(session, folder.wire)
            dated = await commands.fetch(session, folder.waiting, b"INTERNALDATE")
            folder.dates = {one.uid: one.date for one in dated}
            folder.waiting = deque(uid for uid in folder.waiting if uid in folder.dates)


def _next(read: Sequence[_Folder], count: int) -> list[tuple[_Folder, int]]:
    """The next messages of all folders, the newest first, as far as it is known which are next."""
    taken = list[tuple[_Folder, int]]()
    while len(taken) < count:
        if any(folder.more and not folder.waiting for folder in read):
            break
        left = [folder for folder in read if folder.waiting]
        if not left:
            break
        newest = max(left, key=lambda folder: folder.dates.get(folder.waiting[0], 0))
        taken.append((newest, newest.waiting.popleft()))
    return taken


async def _heads(session: ImapSession, batch: Sequence[tuple[_Folder, int]], query: MessageQuery) -> list[Seen]:
    """In the order of the batch; messages that are gone are left out."""
    by_folder = defaultdict[bytes, list[int]](list)
    for folder, uid in batch:
        by_folder[folder.wire].append(uid)
    seen = dict[tuple[bytes, int], Seen]()
    for wire, uids in by_folder.items():
        validity = await commands.open_folder(session, wire)
        for one in await heads.read(session, wire, validity, uids, headers=query.headers):
            seen[wire, one.uid] = one
    return [seen[folder.wire, uid] for folder, uid in batch if (folder.wire, uid) in seen]


async def _texts(session: ImapSession, found: Sequence[Seen]) -> dict[tuple[bytes, int], Body]:
    by_folder = defaultdict[bytes, list[Seen]](list)
    for one in found:
        by_folder[one.wire].append(one)
    most = min(heads.MAX_LISTED_TEXT, heads.MAX_LISTED // max(1, len(found)))
    texts = dict[tuple[bytes, int], Body]()
    for wire, seen in by_folder.items():
        await commands.open_folder(session, wire)
        for uid, body in (await heads.bodies(session, seen, most=most)).items():
            texts[wire, uid] = body
    return texts


def _place(read: Sequence[_Folder]) -> Place | None:
    if not any(folder.goes_on for folder in read):
        return None
    return tuple(
        (_digest(folder.wire), (folder.validity & _VALIDITY) << _BITS | (folder.below if folder.goes_on else 1))
        for folder in read
        if folder.below is not None
    )


def _digest(wire: bytes) -> str:
    """Short: a cursor has one of each folder."""
    return hashlib.blake2b(wire, digest_size=6).hexdigest()
