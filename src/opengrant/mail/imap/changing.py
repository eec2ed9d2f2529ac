"""Changes of a message: flags, folders, the trash."""

from dataclasses import replace

from opengrant.errors import InvalidData
from opengrant.mail import ids
from opengrant.mail.imap import finding, folders, heads
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
    seen = await finding.find(kept, session, message_id, change=True)
    wires = None if into is None else await targets(session, into)
    body = (await heads.bodies(session, [seen])).get(seen.uid)
    # Finding the targets may have opened other folders.
    await commands.open_folder(session, seen.wire, change=True)
    await mark(session, [seen.uid], unread=unread, starred=starred)
    if wires is not None:
        await put(session, seen.wire, [seen.uid], wires)
        kept.hints.pop(message_id, None)
    head = replace(
        seen.head,
        unread=seen.head.unread if unread is None else unread,
        starred=seen.head.starred if starred is None else starred,
        folders=seen.head.folders if wires is None else tuple(folders.id_of(wire) for wire in wires),
    )
    return replace(seen, head=head).message("none", body)


async def mark(session: ImapSession, uids: list[int], *, unread: bool | None, starred: bool | None) -> None:
    """Messages of the open folder."""
    for flag, wanted in ((b"\\Seen", None if unread is None else not unread), (b"\\Flagged", starred)):
        if wanted is not None:
            await commands.store(session, uids, flag, add=wanted)


async def targets(session: ImapSession, into: tuple[str, ...]) -> list[bytes]:
    """The wire names of folders that there are. into: as of `change`. Raises InvalidData."""
    if len(into) > MOST_FOLDERS:
        raise InvalidData(f"folders: {MOST_FOLDERS} at most.")
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


async def put(session: ImapSession, wire: bytes, uids: list[int], into: list[bytes]) -> None:
    """Put messages of the open folder into others. Copies come first: one place too many is better than none."""
    others = [one for one in into if one != wire]
    stays = len(others) < len(into)
    for one in others if stays else others[1:]:
        await commands.copy(session, uids, one)
    if not stays:
        await commands.move(session, uids, others[0])


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
