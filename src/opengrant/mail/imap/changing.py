"""Changes of a message: flags, folders, the trash."""

from dataclasses import replace

from opengrant.errors import InvalidData
from opengrant.mail import ids
from opengrant.mail.imap import finding, folders, heads
from opengrant.mail.imap.heads import Seen
from opengrant.mail.port import Message
from opengrant.mail.sessions import Kept
from opengrant.net.imap import commands
from opengrant.net.imap.session import ImapSession

MOST_FOLDERS = 20


async def change(
    kept: Kept,
    session: ImapSession,
    message_id: str,
    *,
    unread: bool | None,
    starred: bool | None,
    into: tuple[str, ...] | None,
) -> Message:
    """The message as it is afterwards. into: ids of the folders that it is to lie in; (): of the archive.

    Raises DataNotFound, InvalidData.
    """
    if into is not None and len(into) > MOST_FOLDERS:
        raise InvalidData(f"folders: {MOST_FOLDERS} at most.")
    seen = await finding.find(kept, session, message_id, change=True)
    targets = None if into is None else await _targets(session, into)
    body = (await heads.bodies(session, [seen])).get(seen.uid)
    # Finding the targets may have opened other folders.
    await commands.open_folder(session, seen.wire, change=True)
    for flag, wanted in ((b"\\Seen", None if unread is None else not unread), (b"\\Flagged", starred)):
        if wanted is not None:
            await commands.store(session, [seen.uid], flag, add=wanted)
    if targets is not None:
        await _put(session, seen, targets)
        kept.hints.pop(message_id, None)
    head = replace(
        seen.head,
        unread=seen.head.unread if unread is None else unread,
        starred=seen.head.starred if starred is None else starred,
        folders=seen.head.folders if targets is None else tuple(folders.id_of(wire) for wire in targets),
    )
    return replace(seen, head=head).message("none", body)


async def _targets(session: ImapSession, into: tuple[str, ...]) -> list[bytes]:
    """The wire names of folders that there are."""
    listed = await commands.list_folders(session)
    if not into:
        archive = folders.purpose(listed, "\\all") or folders.purpose(listed, "\\archive")
        if archive is None:
            raise InvalidData("folders: the mailbox has no archive, and a message lies in one folder at least.")
        return [archive.wire]
    known = {folders.id_of(one.wire): one for one in listed if commands.can_open(one)}
    for one in into:
        if one not in known:
            raise InvalidData(f"folders: the mailbox has no folder {one[:200]!r}.")
    return list(dict.fromkeys(known[one].wire for one in into))


async def _put(session: ImapSession, seen: Seen, targets: list[bytes]) -> None:
    """Copies come first: a message that is in one place too many is better than none."""
    others = [wire for wire in targets if wire != seen.wire]
    stays = len(others) < len(targets)
    for wire in others if stays else others[1:]:
        await commands.copy(session, [seen.uid], wire)
    if not stays:
        await commands.move(session, [seen.uid], others[0])


async def delete(kept: Kept, session: ImapSession, message_id: str, *, erase: bool) -> bool:
    """Into the trash, which is made where there is none. What lies in it is erased, as is all with `erase`.

    True: the id has ended, as that of a message without a Message-ID does when it is moved. Raises DataNotFound.
    """
    seen = await finding.find(kept, session, message_id, change=True)
    kept.hints.pop(message_id, None)
    if not erase:
        listed = await commands.list_folders(session)
        trash = folders.purpose(listed, "\\trash")
        erase = trash is not None and trash.wire == seen.wire
        if not erase:
            wire = trash.wire if trash is not None else await folders.make(session, listed, "Trash")
            await commands.open_folder(session, seen.wire, change=True)
            await commands.move(session, [seen.uid], wire)
            return ids.located(message_id) is not None
    await commands.erase(session, [seen.uid])
    return True
