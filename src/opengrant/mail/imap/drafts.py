"""Drafts: messages in the folder for them. A changed draft is a new message with the same Message-ID, so its id stays.

The new version is put in before the old one is erased. Where that was broken off, two versions lie there: the newest
counts everywhere, and the next change erases the others.
"""

from collections.abc import Sequence
from itertools import islice

from opengrant.errors import DataNotFound
from opengrant.mail import ids
from opengrant.mail.imap import folders, heads, listing
from opengrant.mail.imap.heads import Seen
from opengrant.mail.mime.headers import Headers, message_id
from opengrant.mail.port import Message, MessagePage, MessageQuery, Place
from opengrant.mail.sessions import Kept
from opengrant.net.imap import commands
from opengrant.net.imap.commands import Fetched
from opengrant.net.imap.names import quoted
from opengrant.net.imap.session import ImapSession

MOST_COMPARED = 1000
"""The newest drafts, among which old versions are looked for."""
_MOST_VERSIONS = 20


async def page(
    kept: Kept, session: ImapSession, query: MessageQuery, *, after: Place | None, limit: int
) -> MessagePage:
    """Raises InvalidData."""
    wire = await _folder(session)
    if wire is None:
        return MessagePage([], None)
    await commands.open_folder(session, wire)
    old = await _replaced(session)
    return await listing.page_of(kept, session, [wire], query, after=after, limit=limit, without=old)


async def get(kept: Kept, session: ImapSession, draft_id: str) -> Message:
    """Raises DataNotFound."""
    newest = (await _versions(kept, session, draft_id))[0]
    return newest.message("none", (await heads.bodies(session, [newest])).get(newest.uid))


async def delete(kept: Kept, session: ImapSession, draft_id: str) -> None:
    """For good. Raises DataNotFound."""
    versions = await _versions(kept, session, draft_id, change=True)
    await commands.erase(session, [one.uid for one in versions])
    kept.hints.pop(draft_id, None)


async def _folder(session: ImapSession) -> bytes | None:
    found = folders.purpose(await commands.list_folders(session), "\\drafts")
    return None if found is None else found.wire


async def _replaced(session: ImapSession) -> list[int]:
    """The drafts of the open folder of which there is a newer version."""
    uids = list(islice(await commands.search(session, [b"UNDELETED"]), MOST_COMPARED))
    found = await commands.fetch(session, uids, b"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]")
    newest = dict[str, int]()
    for uid, id_ in sorted((one.uid, _id(one)) for one in found):
        newest[id_] = uid
    return [one.uid for one in found if (id_ := _id(one)) and newest[id_] != one.uid]


def _id(one: Fetched) -> str:
    """The draft's own Message-ID, "" where it has none that can be used."""
    return message_id(Headers.read(next(iter(one.parts.values()), b"")).first("message-id")) or ""


async def _versions(kept: Kept, session: ImapSession, draft_id: str, *, change: bool = False) -> Sequence[Seen]:
    """The draft in all its versions, the newest first, with their folder open. Raises DataNotFound."""
    missing = DataNotFound(f"The mailbox has no draft {draft_id[:200]!r}.")
    place = ids.located(draft_id)
    if place is None and not ids.is_message_id(draft_id):
        raise missing
    wire = await _folder(session)
    if wire is None or (place is not None and place.wire != wire):
        raise missing
    validity = await commands.open_folder(session, wire, change=change)
    # A server does not find an id that its sender has written with blanks.
    seen = place or kept.hints.get(draft_id)
    at = b"UID %d" % seen[2] if seen is not None and seen[:2] == (wire, validity) else b""
    if place is not None and not at:
        raise missing
    named = b"" if place else b"HEADER MESSAGE-ID " + quoted(draft_id.encode("ascii"))
    wanted = b"OR %b %b" % (at, named) if at and named else at or named
    uids = list(islice(await commands.search(session, [b"UNDELETED " + wanted]), _MOST_VERSIONS))
    found = [one for one in await heads.read(session, wire, validity, uids) if one.head.id == draft_id]
    if not found:
        raise missing
    return found
