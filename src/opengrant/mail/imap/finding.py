"""Finds a message by its id: where it was seen last, else in one folder after another."""

from collections.abc import Sequence
from itertools import islice

from opengrant.errors import DataNotFound, ProviderFailure
from opengrant.mail import ids
from opengrant.mail.imap import heads
from opengrant.mail.imap.folders import purpose
from opengrant.mail.imap.heads import Seen
from opengrant.mail.port import Headers
from opengrant.mail.sessions import Kept
from opengrant.net.imap import commands
from opengrant.net.imap.commands import ListedFolder
from opengrant.net.imap.names import quoted
from opengrant.net.imap.session import ImapSession

AT_ONCE = 10
"""Folders that are searched in one go."""
_MOST_ALIKE = 5
"""Messages of one folder that are looked at, where several have the id in their Message-ID."""


async def find(
    kept: Kept, session: ImapSession, message_id: str, *, headers: Headers = "none", change: bool = False
) -> Seen:
    """The message, with its folder open. Raises DataNotFound.

    A server finds what contains a text. What counts is the message's own Message-ID, which is read each time.
    """
    if (place := ids.located(message_id)) is not None:
        at: tuple[bytes, int, int] | None = place
    elif ids.is_message_id(message_id):
        at = kept.hints.get(message_id)
    else:
        raise _missing(message_id)
    if at is not None:
        found = await _look(session, message_id, at[0], (at[2],), headers, change=change, validity=at[1])
        if found is not None:
            return found
        if place is not None:
            raise _missing(message_id)
        kept.hints.pop(message_id, None)
    folders = in_order([one for one in await commands.list_folders(session) if commands.can_open(one)])
    for start in range(0, len(folders), AT_ONCE):
        for wire, uids in await search(session, (message_id,), folders[start : start + AT_ONCE]):
            found = await _look(session, message_id, wire, uids, headers, change=change)
            if found is not None:
                kept.remember(message_id, (wire, found.validity, found.uid))
                return found
    raise _missing(message_id)


async def _look(
    session: ImapSession,
    message_id: str,
    wire: bytes,
    uids: Sequence[int],
    headers: Headers,
    *,
    change: bool,
    validity: int | None = None,
) -> Seen | None:
    """The message if it is one of these. validity: the folder is another one where this is not its UIDVALIDITY."""
    seen = await read(session, wire, uids, headers, change=change, validity=validity)
    return next((one for one in seen if one.head.id == message_id), None)


async def read(
    session: ImapSession,
    wire: bytes,
    uids: Sequence[int],
    headers: Headers,
    *,
    change: bool = False,
    validity: int | None = None,
) -> list[Seen]:
    """Messages of a folder; none if it is gone."""
    try:
        opened = await commands.open_folder(session, wire, change=change)
    except ProviderFailure as failure:
        if session.usable and "NO" in failure.evidence.subcodes:
            return []
        raise
    return await heads.read(session, wire, opened, uids, headers=headers) if validity in (None, opened) else []


async def search(
    session: ImapSession, message_ids: Sequence[str], folders: Sequence[ListedFolder]
) -> list[tuple[bytes, tuple[int, ...]]]:
    """Folders that have messages with one of these texts in their Message-ID, and those messages."""
    terms = [b"HEADER MESSAGE-ID " + quoted(one.encode("ascii")) for one in message_ids]
    command = commands.searching(session, [b"UNDELETED " + b"OR " * (len(terms) - 1) + b" ".join(terms)])
    asked = [one for folder in folders for one in ((commands.opening(folder.wire),), command)]
    session.selected = None
    results = await session.run_all(asked)
    found = list[tuple[bytes, tuple[int, ...]]]()
    for folder, opened, result in zip(folders, results[::2], results[1::2], strict=True):
        if isinstance(opened, ProviderFailure) or isinstance(result, ProviderFailure):
            continue  # a folder that is gone, or that may not be opened
        uids = tuple(islice(commands.found(result), _MOST_ALIKE * len(terms)))
        if uids:
            found.append((folder.wire, uids))
    return found


def in_order(folders: Sequence[ListedFolder]) -> list[ListedFolder]:
    """Where most mail is first, what was thrown away last."""
    late = {one.wire for mark in ("\\trash", "\\junk") if (one := purpose(folders, mark)) is not None}
    early = {one.wire for mark in ("\\all", "\\archive", "\\sent") if (one := purpose(folders, mark)) is not None}

    def rank(one: ListedFolder) -> int:
        if one.name.upper() == "INBOX":
            return 0
        return 1 if one.wire in early else 3 if one.wire in late else 2

    return sorted(folders, key=rank)


def _missing(message_id: str) -> DataNotFound:
    return DataNotFound(f"The mailbox has no message {message_id[:200]!r}.")
