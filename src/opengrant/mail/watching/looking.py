"""One look at a mailbox: which folders differ from what is known, and what is different in them.

A message that is moved while a look lasts may be missed in one folder and found in the other. So folders are counted
again after something came or went, until a count finds nothing new.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from opengrant.errors import ProviderFailure
from opengrant.mail import ids
from opengrant.mail.imap import folders as purposes
from opengrant.mail.mime.headers import Headers, message_id
from opengrant.mail.watching import told
from opengrant.mail.watching.known import Book, KnownFolder, KnownMessage, Place, flag_bits
from opengrant.mail.watching.told import ToldMessage
from opengrant.net.imap import changes, commands
from opengrant.net.imap.changes import Mark, Opened
from opengrant.net.imap.commands import Fetched, ListedFolder
from opengrant.net.imap.names import decode_name
from opengrant.net.imap.session import ImapSession

KEPT_OF_MAIN, KEPT_OF_OTHER = 2000, 500
"""The newest messages that are known of the inbox and of sent mail, and of another folder."""
MOST_FOLDERS = 200
"""Folders whose messages are read."""
_PASSES = 3
_SLACK = 128
"""So many more are known before the oldest are forgotten."""
_LEFT_OUT = frozenset({"\\all", "\\flagged"})
"""Marks of folders whose messages lie in others too."""
_CHANGING = frozenset({"\\marked", "\\unmarked"})
"""Attributes that say what is in a folder, not what it is."""


@dataclass(slots=True)
class Look:
    """At one mailbox, with one session.

    folders  what is known of them; after `run`, as they are now
    load     reads what is known of messages, when it is first needed
    first    nothing is known of the mailbox: there is nothing to tell
    """

    session: ImapSession
    folders: Sequence[KnownFolder]
    load: Callable[[], Awaitable[Book]]
    first: bool
    book: Book | None = None
    _moved: bool = False
    _before: dict[str, tuple[Place, ...]] = field(default_factory=dict)
    _arrived: dict[str, int] = field(default_factory=dict)
    """Id → when it came, in seconds, of messages in folders that were not known before."""
    _appended: set[str] = field(default_factory=set)
    _forgotten: set[str] = field(default_factory=set)

    async def run(self) -> None:
        await changes.enable(self.session)
        for _ in range(_PASSES):
            self._moved = False
            await self._pass()
            if not self._moved or self.first:
                break

    def told(self, *, since: int) -> list[ToldMessage]:
        """What is to be told of messages. since: seconds; what is older in a folder that is new is not new mail."""
        if self.book is None or self.first:
            return []
        found = told.messages(self._before, self.book.places(self._before.keys()))
        return [one for one in found if not self._is_silent(one, since)]

    def _is_silent(self, one: ToldMessage, since: int) -> bool:
        if one.change == "deleted":
            return one.id in self._forgotten
        came = self._arrived.get(one.id)
        return one.change == "created" and came is not None and came < since and one.id not in self._appended

    async def _pass(self) -> None:
        listed = await commands.list_folders(self.session, counts=True, items=changes.items(self.session))
        # So that the inbox has the lowest number.
        listed.sort(key=lambda one: one.wire.upper() != b"INBOX")
        read, known = _read(listed), {one.wire: one for one in self.folders}
        number = max((one.number for one in self.folders), default=-1) + 1
        now = list[KnownFolder]()
        for one in listed:
            folder = known.pop(one.wire, None)
            if folder is None:
                folder, number = KnownFolder(number, one.wire, "", ()), number + 1
            attributes = tuple(mark for mark in one.attributes if mark.lower() not in _CHANGING)
            folder = replace(folder, delimiter=one.delimiter, attributes=attributes)
            if one.wire in read:
                now.append(await self._look(folder, one, main=read[one.wire]))
            else:
                await self._change(folder.number, await self._uids(folder), [])
                now.append(replace(folder, total=one.total, unread=one.unread, mark=None))
        for folder in known.values():
            await self._change(folder.number, await self._uids(folder), [])
        self.folders = now

    async def _look(self, folder: KnownFolder, listed: ListedFolder, *, main: bool) -> KnownFolder:
        status, mark = listed.status, folder.mark
        if not status and not main:
            return folder  # the server does not count it
        if mark is not None and not folder.is_inbox and not (main and not mark.modseq) and _is_same(folder, status):
            return folder
        kept = KEPT_OF_MAIN if main else KEPT_OF_OTHER
        try:
            opened = await changes.reopen(self.session, folder.wire, mark)
            if mark is None or mark.validity != opened.validity:
                found = await self._anew(folder, opened, kept)
            else:
                found = await self._since(folder, mark, opened, kept)
        except ProviderFailure as failure:
            if not self.session.usable or "NO" not in failure.evidence.subcodes:
                raise
            return folder  # it is gone by now, or may not be opened
        return replace(found, unread=listed.unread)

    async def _anew(self, folder: KnownFolder, opened: Opened, kept: int) -> KnownFolder:
        """A folder that is seen for the first time, or whose messages have new numbers."""
        found = await changes.newest(self.session, opened.total, most=kept + _SLACK)
        put = [_message(one, folder.wire, opened.validity) for one in found]
        for message, one in zip(put, found, strict=True):
            self._arrived.setdefault(message.id, one.date)
        await self._change(folder.number, await self._uids(folder), put)
        following = max(opened.next, put[-1].uid + 1 if put else 1)
        mark = Mark(opened.validity, put[0].uid if put else following, following, opened.modseq)
        return replace(folder, total=opened.total, mark=mark)

    async def _since(self, folder: KnownFolder, mark: Mark, opened: Opened, kept: int) -> KnownFolder:
        found = list[Fetched]()
        if not opened.next or opened.next > mark.next:
            found = await changes.new(self.session, mark.next, most=kept)
        put = [_message(one, folder.wire, opened.validity) for one in found]
        self._appended |= {message.id for message in put}
        late = sum(opened.next and one.uid >= opened.next for one in found)
        following = max(mark.next, found[-1].uid + 1 if found else 0)
        # Where more have come than are read at once, the next pass goes on behind them.
        total = None if len(found) == kept else opened.total + late
        if total is not None:
            following = max(following, opened.next)
        came = len(found) - late
        gone, flags = await self._changes(folder, mark, opened, came)
        book = self.book
        if book is not None:
            known = [message for uid in flags if (message := book.find(folder.number, uid)) is not None]
            put += [one._replace(flags=bits) for one in known if (bits := flag_bits(flags[one.uid])) != one.flags]
        await self._change(folder.number, gone, put)
        low = await self._forget(folder, mark.low, kept) if found else mark.low
        self._moved = self._moved or total is None
        return replace(folder, total=total, mark=Mark(opened.validity, low, following, opened.modseq))

    async def _changes(
        self, folder: KnownFolder, mark: Mark, opened: Opened, came: int
    ) -> tuple[list[int], dict[int, frozenset[str]]]:
        """Known messages that are gone, and flags of others."""
        if opened.gone is not None:
            if opened.flags:
                await self._loaded()
            return (_among(await self._uids(folder), opened.gone) if opened.gone else []), opened.flags
        if not mark.modseq or not opened.modseq:
            uids, flags = await self._uids(folder), await changes.all_flags(self.session, mark)
            return [uid for uid in uids if uid not in flags], flags
        gone = list[int]()
        if folder.total is None or folder.total + came != opened.total:
            left = await changes.present(self.session, mark)
            uids = await self._uids(folder)
            gone = sorted(set(uids) - set(_among(uids, left)))
        if opened.flags:
            await self._loaded()
        return gone, opened.flags

    async def _change(self, folder: int, drop: Iterable[int], put: Sequence[KnownMessage]) -> None:
        """Write what has changed into the book, and note how the messages were before."""
        drop = list(drop)
        if not drop and not put:
            return
        book = await self._loaded()
        before = {one.uid: one for uid in drop if (one := book.find(folder, uid)) is not None}
        if not self.first:
            touched = {one.id for one in (*before.values(), *put)} - self._before.keys()
            self._before |= dict.fromkeys(touched, ()) | book.places(touched)
        for uid in before:
            book.drop(folder, uid)
        self._moved = self._moved or bool(before) or any(book.find(folder, one.uid) is None for one in put)
        for one in put:
            book.put(folder, one)

    async def _forget(self, folder: KnownFolder, low: int, kept: int) -> int:
        """Keep the newest. Returns the lowest number that is known."""
        book = await self._loaded()
        uids = book.uids(folder.number)
        if len(uids) <= kept + _SLACK:
            return low
        for uid in uids[:-kept]:
            if (one := book.find(folder.number, uid)) is not None:
                self._forgotten.add(one.id)
            book.drop(folder.number, uid)
        return uids[-kept]

    async def _uids(self, folder: KnownFolder) -> list[int]:
        return [] if folder.mark is None else (await self._loaded()).uids(folder.number)

    async def _loaded(self) -> Book:
        if self.book is None:
            self.book = await self.load()
        return self.book


async def stands_still(session: ImapSession, folders: Sequence[KnownFolder]) -> bool:
    """Open the inbox, to wait for its changes. False: it has changed since it was looked at."""
    inbox = next((one for one in folders if one.is_inbox), None)
    opened = await changes.reopen(session, b"INBOX" if inbox is None else inbox.wire, None)
    if inbox is None or inbox.mark is None:
        return False
    mark = inbox.mark
    is_next = not opened.next or opened.next == mark.next
    return is_next and (opened.validity, opened.modseq, opened.total) == (mark.validity, mark.modseq, inbox.total)


async def sent_stands_still(session: ImapSession, folders: Sequence[KnownFolder]) -> bool:
    """Whether sent mail is as it was looked at, without opening its folder."""
    listed = [ListedFolder(one.wire, decode_name(one.wire), one.delimiter, one.attributes) for one in folders]
    sent = purposes.purpose(listed, "\\sent")
    folder = next((one for one in folders if sent is not None and one.wire == sent.wire), None)
    if folder is None or folder.mark is None or folder.is_inbox:
        return True
    return _is_same(folder, await commands.count(session, folder.wire, changes.items(session)))


def _read(listed: Sequence[ListedFolder]) -> dict[bytes, bool]:
    """The folders whose messages are read; True: one of the two that most changes are in."""
    drafts, sent = purposes.purpose(listed, "\\drafts"), purposes.purpose(listed, "\\sent")
    wires = [
        one.wire
        for one in listed
        if commands.can_open(one)
        and not _LEFT_OUT & {mark.lower() for mark in one.attributes}
        and (drafts is None or one.wire != drafts.wire)
    ]
    main = {b"INBOX", None if sent is None else sent.wire}
    return {wire: wire.upper() == b"INBOX" or wire in main for wire in wires[:MOST_FOLDERS]}


def _is_same(folder: KnownFolder, status: Mapping[bytes, int]) -> bool:
    """Whether STATUS says what is known already."""
    mark = folder.mark
    assert mark is not None
    said = status.get(b"UIDVALIDITY"), status.get(b"UIDNEXT"), status.get(b"MESSAGES")
    if said != (mark.validity, mark.next, folder.total):
        return False
    return status.get(b"HIGHESTMODSEQ") == mark.modseq if mark.modseq else status.get(b"UNSEEN") == folder.unread


def _message(one: Fetched, wire: bytes, validity: int) -> KnownMessage:
    block = next(iter(one.parts.values()), b"")
    header = message_id(Headers.read(block).first("message-id") or "") or ""
    return KnownMessage(one.uid, flag_bits(one.flags), ids.message_id(header, wire, validity, one.uid))


def _among(uids: Sequence[int], ranges: Iterable[tuple[int, int]]) -> list[int]:
    """Those of the numbers, which are in order, that are in one of the ranges."""
    found = set[int]()
    for low, high in ranges:
        found.update(uids[bisect_left(uids, low) : bisect_left(uids, high + 1)])
    return sorted(found)
