"""Threads: what belongs to one is searched for in all folders, and a list of them follows the stream of messages.

A thread's place in a list is its newest message among those that match and were there when the list began. A page goes
through the stream. It shows a thread where it meets it first, and leaves out one whose place is above: that was shown
before. So each thread comes once while mail comes in. Only what is moved between folders meanwhile may be missed.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from opengrant.errors import DataNotFound, InvalidData
from opengrant.mail import ids, threads
from opengrant.mail.imap import changing, criteria, folders, heads, listing, stream, thread_members
from opengrant.mail.imap.heads import Seen
from opengrant.mail.imap.stream import Reading
from opengrant.mail.imap.thread_members import Candidate
from opengrant.mail.port import Message, MessageQuery, Place, Thread, ThreadPage, ThreadQuery
from opengrant.mail.sessions import Kept
from opengrant.mail.threads import Member
from opengrant.net.imap import commands
from opengrant.net.imap.commands import ListedFolder
from opengrant.net.imap.session import ImapSession

SCANNED, SCANNED_OF_EACH = 500, 100
"""Messages of a folder that one page goes through: where there is one folder, and where there are several."""
_BATCH = 50
"""Messages whose thread is looked at together."""
_AHEAD = 10
"""Threads that are looked at beyond the page, in the same go: no last page is to be of threads shown before."""
_GOES = 5
"""How often one page looks for the messages of threads."""
_NEWEST = "newest"


_Found = tuple[Thread, Seen]
"""A thread, and its latest message."""
_Taken = tuple[Reading, int]
_Roots = Mapping[tuple[bytes, int], str]


class _Stream:
    """The stream of a list of threads, with what it takes to know which were shown on earlier pages.

    began     folder → the number below which this page goes on
    ceilings  folder → the number below which all was there when the list began
    newest    when the newest message had come then
    """

    def __init__(self, readings: list[Reading], *, ceilings: Mapping[str, int], newest: int | None) -> None:
        self.readings, self._first = readings, newest is None
        for one in readings:
            if one.below is None:
                one.below = next(iter(one.found), 0) + 1
        self._by_wire = {one.wire: one for one in readings}
        self._began = {one.wire: one.below or 0 for one in readings}
        self._ceilings = {one.wire: ceilings.get(stream.digest(one.wire), one.below or 0) for one in readings}
        dates = (at for one in readings for at in one.dates.values())
        self._newest = max(dates, default=0) if newest is None else newest

    def shown_before(self, seen: Iterable[Seen]) -> bool:
        """Whether one of these messages of a thread has been passed on an earlier page."""
        return not self._first and any(self._was_passed(one) for one in seen)

    def _was_passed(self, one: Seen) -> bool:
        reading = self._by_wire.get(one.wire)
        if reading is None or one.uid not in reading.found or one.uid < self._began[one.wire]:
            return False
        # Above the ceiling is what has come since, which counts for nothing, and what was moved, which was passed.
        return one.uid < self._ceilings[one.wire] or one.head.date <= self._newest

    def place(self) -> Place | None:
        found = stream.place(self.readings)
        if found is None:
            return None
        ceilings = {stream.digest(wire): ceiling for wire, ceiling in self._ceilings.items()}
        return (*((f"{digest}-{ceilings[digest]:x}", number) for digest, number in found), (_NEWEST, self._newest))


async def page(kept: Kept, session: ImapSession, query: ThreadQuery, *, after: Place | None, limit: int) -> ThreadPage:
    """Raises DataNotFound, InvalidData."""
    listed = await stream.everywhere(session)
    going = await _stream(session, listed, query, after)
    shown, decided = list[_Found](), dict[str, _Found | None]()
    goes = _GOES
    while goes and len(shown) < limit and (batch := stream.take(going.readings, _BATCH)):
        roots = await heads.roots(session, stream.by_folder(batch))
        pending = deque(batch)
        while (
            _show(pending, roots, decided, shown, limit)
            and goes
            and (group := _next(pending, roots, decided, limit - len(shown) + _AHEAD))
        ):
            goes -= 1
            whole = await thread_members.complete(session, listed, group)
            for thread_id in group:
                decided[thread_id] = _decide(going, listed, query, whole.get(thread_id, ()))
        for reading, _ in pending:
            reading.more = True
    return ThreadPage(await _with_texts(kept, session, shown, bodies=query.one.bodies), going.place())


async def get(kept: Kept, session: ImapSession, thread_id: str) -> Thread:
    """Raises DataNotFound."""
    listed = await stream.everywhere(session)
    thread = _thread(listed, await _members(session, listed, thread_id))
    return (await _with_texts(kept, session, [thread], bodies=True))[0]


async def change(
    kept: Kept,
    session: ImapSession,
    thread_id: str,
    *,
    unread: bool | None,
    starred: bool | None,
    into: tuple[str, ...] | None,
) -> Thread:
    """The thread as it is afterwards. into: as of `changing.change`. Raises DataNotFound, InvalidData."""
    listed = await stream.everywhere(session)
    seen = await _all(session, listed, thread_id)
    wires = None if into is None else await changing.targets(session, into)
    moving = _movable(listed, seen)
    for wire, (validity, uids) in _by_folder(seen).items():
        if await commands.open_folder(session, wire, change=True) != validity:
            continue
        await changing.mark(session, uids, unread=unread, starred=starred)
        moved = [uid for uid in uids if (wire, uid) in moving]
        if wires is not None and moved:
            await changing.put(session, wire, moved, wires)
    if wires is not None:
        for one in seen:
            kept.hints.pop(one.head.id, None)
    return await get(kept, session, thread_id)


async def delete(kept: Kept, session: ImapSession, thread_id: str) -> None:
    """Raises DataNotFound, InvalidData."""
    seen = await _all(session, await stream.everywhere(session), thread_id)
    listed = await commands.list_folders(session)
    trash = folders.purpose(listed, "\\trash")
    wire = trash.wire if trash is not None else await folders.make(session, listed, "Trash")
    whole = all(one.wire == wire for one in seen)
    for lies_in, (validity, uids) in _by_folder(seen).items():
        if await commands.open_folder(session, lies_in, change=True) != validity:
            continue
        if lies_in != wire:
            await commands.move(session, uids, wire)
        elif whole:
            await commands.erase(session, uids)
    for one in seen:
        kept.hints.pop(one.head.id, None)


async def _stream(
    session: ImapSession, listed: Sequence[ListedFolder], query: ThreadQuery, after: Place | None
) -> _Stream:
    places, ceilings, newest = _where(after or ())
    named = list(dict.fromkeys([await folders.wire_name(session, one) for one in query.one.folders]))
    wires = named or stream.bounded([one.wire for one in listed])
    if after is not None:
        wires = [wire for wire in wires if named or stream.digest(wire) in ceilings]
    asked = _narrowed(query)
    readings = await stream.read(
        session,
        wires,
        # Whether a message above the place is one of the thread's has to be known, too.
        lambda _: criteria.criteria(asked, below=None),
        places,
        SCANNED if len(wires) == 1 else SCANNED_OF_EACH,
        named=bool(named),
    )
    await stream.date(session, readings)
    return _Stream(readings, ceilings=ceilings, newest=newest)


def _where(after: Place) -> tuple[Place, dict[str, int], int | None]:
    """Where folders go on, by digest their ceilings, and when the newest message had come. Raises InvalidData."""
    places, ceilings, newest = list[tuple[str, int]](), dict[str, int](), None
    for key, number in after:
        if key == _NEWEST:
            newest = number
            continue
        digest, _, ceiling = key.partition("-")
        try:
            ceilings[digest] = int(ceiling, 16)
        except ValueError:
            raise InvalidData("page_token: this is no next_cursor of this list.") from None
        places.append((digest, number))
    return tuple(places), ceilings, newest


def _narrowed(query: ThreadQuery) -> MessageQuery:
    """What one message of each thread that is wanted matches, as far as a server can tell."""
    one = replace(query.one, before=query.before)
    if query.begun is not None:
        return replace(one, after=query.begun - 1)
    # The latest message need not be the one that matches something else.
    alone = query.one == MessageQuery(bodies=query.one.bodies)
    return replace(one, after=query.after) if alone else one


def _next(pending: deque[_Taken], roots: _Roots, decided: Mapping[str, object], most: int) -> dict[str, Candidate]:
    """The next threads that were not met before."""
    group: dict[str, Candidate] = {}
    for reading, uid in pending:
        root = roots.get((reading.wire, uid))
        if root is not None and (thread_id := ids.thread_id(root)) not in decided:
            if thread_id not in group and len(group) == most:
                break
            group.setdefault(thread_id, Candidate(root)).own.append((reading, uid))
    return group


def _decide(going: _Stream, listed: Sequence[ListedFolder], query: ThreadQuery, seen: Sequence[Seen]) -> _Found | None:
    """None: the thread is not of this page. seen: all its messages."""
    if not seen or going.shown_before(seen):
        return None
    found = _thread(listed, seen)
    return found if threads.matches(query, found[0]) else None


def _show(
    pending: deque[_Taken], roots: _Roots, decided: dict[str, _Found | None], shown: list[_Found], limit: int
) -> bool:
    """Go through the messages whose threads were decided. False: the page is full, and there is more."""
    while pending:
        reading, uid = pending[0]
        root = roots.get((reading.wire, uid))
        if root is not None:
            if (thread_id := ids.thread_id(root)) not in decided:
                break
            found = decided[thread_id]
            if found is not None:
                if len(shown) == limit:
                    return False
                shown.append(found)
                decided[thread_id] = None
        pending.popleft()
        reading.below = uid
    return True


async def _members(session: ImapSession, listed: Sequence[ListedFolder], thread_id: str) -> list[Seen]:
    """Raises DataNotFound."""
    root = ids.thread_root(thread_id)
    if root is None:
        raise _missing(thread_id)
    candidate = Candidate(root)
    if (place := ids.located(root)) is not None:
        candidate.own.append((Reading(place.wire, None, place.validity), place.uid))
    seen = (await thread_members.complete(session, listed, {thread_id: candidate})).get(thread_id)
    if not seen:
        raise _missing(thread_id)
    return seen


async def _all(session: ImapSession, listed: Sequence[ListedFolder], thread_id: str) -> list[Seen]:
    """To be changed. Raises DataNotFound, InvalidData: there are too many to know all."""
    seen = await _members(session, listed, thread_id)
    if len(seen) >= thread_members.MOST:
        raise InvalidData(f"thread_id: a thread of {thread_members.MOST} messages and more is not changed in one call.")
    return seen


def _thread(listed: Sequence[ListedFolder], seen: Sequence[Seen]) -> _Found:
    sent, drafts = folders.purpose(listed, "\\sent"), folders.purpose(listed, "\\drafts")
    members = [
        Member(
            one.head,
            draft=drafts is not None and one.wire == drafts.wire,
            sent=sent is not None and one.wire == sent.wire,
        )
        for one in seen
    ]
    thread = threads.thread_of(members)
    latest = [one for one in seen if one.head.id == thread.latest.head.id]
    return thread, max(latest, key=lambda one: (one.head.date, one.uid))


async def _with_texts(kept: Kept, session: ImapSession, found: Sequence[_Found], *, bodies: bool) -> list[Thread]:
    for _, latest in found:
        kept.remember(latest.head.id, (latest.wire, latest.validity, latest.uid))
    texts = await listing.texts(session, [latest for _, latest in found]) if bodies else {}
    return [
        replace(thread, latest=Message(thread.latest.head, texts.get((latest.wire, latest.uid))))
        for thread, latest in found
    ]


def _movable(listed: Sequence[ListedFolder], seen: Sequence[Seen]) -> set[tuple[bytes, int]]:
    """All but drafts, and what lies in the trash beside others."""
    drafts, trash = (folders.purpose(listed, mark) for mark in ("\\drafts", "\\trash"))
    moving = [one for one in seen if drafts is None or one.wire != drafts.wire]
    beside = [one for one in moving if trash is None or one.wire != trash.wire]
    return {(one.wire, one.uid) for one in beside or moving}


def _by_folder(seen: Sequence[Seen]) -> Mapping[bytes, tuple[int, list[int]]]:
    return stream.by_folder([(Reading(one.wire, None, one.validity), one.uid) for one in seen])


def _missing(thread_id: str) -> DataNotFound:
    return DataNotFound(f"The mailbox has no thread {thread_id[:200]!r}.")
