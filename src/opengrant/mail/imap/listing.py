"""Pages of messages, of one folder or of all of them, in the order of the stream."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from opengrant.mail.imap import criteria, folders, heads, stream
from opengrant.mail.imap.heads import Seen
from opengrant.mail.port import MessagePage, MessageQuery, Place
from opengrant.mail.sessions import Kept
from opengrant.model.mail import Body
from opengrant.net.imap import commands
from opengrant.net.imap.session import ImapSession

SCANNED = 1000
"""Messages that are looked at for one page, where the server cannot decide what is on it."""
SCANNED_OF_EACH = 200
"""The same of each folder, where all are read."""
_AT_LEAST = 50
"""Messages that are read at a time, where some of them will not be shown."""


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
    read = await stream.read(
        session,
        wires,
        lambda below: criteria.criteria(query, below=below, without=without),
        after or (),
        depth,
        named=named,
    )
    if len(read) > 1:
        await stream.date(session, read)
    found = list[Seen]()
    while len(found) < limit and (batch := stream.take(read, max(limit - len(found), _AT_LEAST if looks else 0))):
        seen = await _heads(session, batch, query)
        for folder, uid in batch:
            if len(found) == limit:
                folder.more = True
                continue
            folder.below = uid
            one = seen.get((folder.wire, uid))
            if one is not None and criteria.matches(query, one.head):
                found.append(one)
    for one in found:
        kept.remember(one.head.id, (one.wire, one.validity, one.uid))
    shown = await texts(session, found) if query.bodies else {}
    messages = [one.message(query.headers, shown.get((one.wire, one.uid))) for one in found]
    return MessagePage(messages, stream.place(read))


async def _all(session: ImapSession) -> list[bytes]:
    """The folders that a list of everything is made of: all but drafts."""
    listed = await stream.everywhere(session)
    drafts = folders.purpose(listed, "\\drafts")
    return stream.bounded([one.wire for one in listed if one is not drafts])


async def _heads(session: ImapSession, batch: stream.Taken, query: MessageQuery) -> dict[tuple[bytes, int], Seen]:
    """By folder and number; messages that are gone are left out."""
    read = await heads.read_all(session, stream.by_folder(batch), headers=query.headers)
    return {(one.wire, one.uid): one for one in read}


async def texts(session: ImapSession, found: Sequence[Seen]) -> dict[tuple[bytes, int], Body]:
    """By folder and number, the texts that a list shows."""
    by_folder = defaultdict[bytes, list[Seen]](list)
    for one in found:
        by_folder[one.wire].append(one)
    most = min(heads.MAX_LISTED_TEXT, heads.MAX_LISTED // max(1, len(found)))
    read = dict[tuple[bytes, int], Body]()
    for wire, seen in by_folder.items():
        await commands.open_folder(session, wire)
        for uid, body in (await heads.bodies(session, seen, most=most)).items():
            read[wire, uid] = body
    return read
