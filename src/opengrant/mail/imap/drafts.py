"""Drafts: messages in the folder for them. A changed draft is a new message with the same Message-ID, so its id stays.

The new version is put in before the old one is erased. Where that was broken off, two versions lie there: the newest
counts everywhere, and the next change erases the others.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from opengrant import failpoints
from opengrant.errors import DataNotFound, InvalidData, ProviderUnavailable
from opengrant.mail import drafting, ids
from opengrant.mail.imap import downloads, folders, heads, listing
from opengrant.mail.imap.heads import Seen
from opengrant.mail.mime.headers import Headers, message_id
from opengrant.mail.outgoing import Letter, new_id
from opengrant.mail.port import Message, MessagePage, MessageQuery, Place
from opengrant.mail.sessions import Kept
from opengrant.model.mail import Address
from opengrant.net.imap import commands
from opengrant.net.imap.commands import Fetched
from opengrant.net.imap.names import quoted
from opengrant.net.imap.session import ImapSession

LARGEST = 36 * 1024 * 1024
"""Bytes of a draft that can be changed or sent: what a request of 25 MB makes, encoded."""
MOST_COMPARED = 1000
"""The newest drafts, among which old versions are looked for."""
_MOST_VERSIONS = 20


class By(NamedTuple):
    """own: who a draft is from where it does not say. date: seconds since the epoch, of now."""

    own: Address
    date: int


class Change(NamedTuple):
    """As `Mailbox.change_draft` says it."""

    said: Letter
    given: frozenset[str]
    references: Sequence[str] | None
    starred: bool | None


async def page(
    kept: Kept, session: ImapSession, query: MessageQuery, *, after: Place | None, limit: int
) -> MessagePage:
    """Raises InvalidData."""
    wire = await _folder(session)
    if wire is None:
        return MessagePage([], None)
    validity = await commands.open_folder(session, wire)
    old = await _replaced(kept, session, wire, validity)
    return await listing.page_of(kept, session, [wire], query, after=after, limit=limit, without=old)


async def get(kept: Kept, session: ImapSession, draft_id: str) -> Message:
    """Raises DataNotFound."""
    return await _shown(session, (await _versions(kept, session, draft_id))[0])


async def create(session: ImapSession, said: Letter, by: By, *, references: Sequence[str], starred: bool) -> Message:
    """Raises InvalidData."""
    draft_id = new_id(by.own.email)
    raw = await drafting.written(said, own=by.own, message_id=draft_id, date=by.date, references=references)
    listed = await commands.list_folders(session)
    found = folders.purpose(listed, "\\drafts")
    wire = await folders.make(session, listed, "Drafts") if found is None else found.wire
    return await _shown(session, await _put(session, wire, draft_id, raw, starred=starred, above=0))


async def change(kept: Kept, session: ImapSession, draft_id: str, change: Change, by: By) -> Message:
    """Raises DataNotFound, InvalidData."""
    versions = await _versions(kept, session, draft_id, change=True)
    newest = versions[0]
    starred = newest.head.starred if change.starred is None else change.starred
    if not change.given:
        if change.starred is not None:
            await commands.store(session, [newest.uid], b"\\Flagged", add=starred)
        return await _shown(session, replace(newest, head=replace(newest.head, starred=starred)))
    draft = await asyncio.to_thread(drafting.read, await _whole(session, newest))
    said = drafting.merged(draft, change.said, change.given)
    references = draft.references if change.references is None else change.references
    # A draft that another program has written without a Message-ID gets one, and with it another id.
    kept_id = draft_id if ids.located(draft_id) is None else new_id(by.own.email)
    raw = await drafting.written(said, own=by.own, message_id=kept_id, date=by.date, references=references)
    fresh = await _put(session, newest.wire, kept_id, raw, starred=starred, above=newest.uid)
    failpoints.point("draft.saved")
    await commands.erase(session, [one.uid for one in versions])
    kept.hints.pop(draft_id, None)
    return await _shown(session, fresh)


async def raw(kept: Kept, session: ImapSession, draft_id: str) -> bytes:
    """Raises DataNotFound, InvalidData."""
    return await _whole(session, (await _versions(kept, session, draft_id))[0])


async def _whole(session: ImapSession, seen: Seen) -> bytes:
    if seen.head.size > LARGEST:
        raise InvalidData(f"A draft of more than {LARGEST} bytes can be neither changed nor sent.")
    return await downloads.whole(session, seen, most=LARGEST)


async def _put(session: ImapSession, wire: bytes, draft_id: str, raw: bytes, *, starred: bool, above: int) -> Seen:
    """The new version as it lies in its folder, which is open then.

    above  the uid of the newest version before it. That one stays until the server shows a newer one: some servers
           take a message that they know by its Message-ID for the same
    """
    flags = b"\\Draft \\Seen" + b" \\Flagged" * starred
    placed = await folders.asked(commands.append(session, wire, raw, flags=flags), field="draft")
    validity = await commands.open_folder(session, wire, change=True)
    if placed is not None and placed[0] == validity:
        for one in await heads.read(session, wire, validity, [placed[1]]):
            if one.head.id == draft_id and one.uid > above:
                return one
    named = b"UNDELETED HEADER MESSAGE-ID " + quoted(draft_id.encode("ascii"))
    uids = islice(await commands.search(session, [named]), 1)
    for one in await heads.read(session, wire, validity, [uid for uid in uids if uid > above]):
        if one.head.id == draft_id:
            return one
    raise ProviderUnavailable("The mail server took the draft and does not show it.")


async def _shown(session: ImapSession, seen: Seen) -> Message:
    return seen.message("none", (await heads.bodies(session, [seen])).get(seen.uid))


async def delete(kept: Kept, session: ImapSession, draft_id: str) -> None:
    """For good. Raises DataNotFound."""
    versions = await _versions(kept, session, draft_id, change=True)
    await commands.erase(session, [one.uid for one in versions])
    kept.hints.pop(draft_id, None)


async def _folder(session: ImapSession) -> bytes | None:
    found = folders.purpose(await commands.list_folders(session), "\\drafts")
    return None if found is None else found.wire


async def _replaced(kept: Kept, session: ImapSession, wire: bytes, validity: int) -> list[int]:
    """The drafts of the open folder of which there is a newer version. A Message-ID is read once in a session."""
    uids = list(islice(await commands.search(session, [b"UNDELETED"]), MOST_COMPARED))
    unread = [uid for uid in uids if (wire, validity, uid) not in kept.drafts]
    found = await commands.fetch(session, unread, b"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]")
    known = kept.drafts | {(wire, validity, one.uid): _id(one) for one in found}
    kept.drafts = {place: known[place] for uid in uids if (place := (wire, validity, uid)) in known}
    newest = dict[str, int]()
    for (_, _, uid), id_ in kept.drafts.items():
        newest[id_] = max(uid, newest.get(id_, 0))
    return [uid for (_, _, uid), id_ in kept.drafts.items() if id_ and newest[id_] != uid]


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
