"""The copy of a sent message: once in the folder for it, whether the server that sends files it or not."""

from opengrant.errors import ProviderFailure
from opengrant.mail.imap import folders
from opengrant.mail.imap.criteria import day
from opengrant.mail.outgoing import Ready
from opengrant.mail.sessions import Kept
from opengrant.net.imap import commands
from opengrant.net.imap.names import quoted
from opengrant.net.imap.session import ImapSession
from opengrant.providers.mail.sending import files_copies

_NAME = "Sent"


async def file(kept: Kept, session: ImapSession, message: Ready, host: str, *, again: bool = False) -> bytes | None:
    """The folder of the copy; None where the server files it, and has no folder that is known for it.

    host    of the server that has sent it
    again   an earlier try failed, and may have put it there all the same
    Raises  InvalidData: there is no folder, and the server makes none.
    """
    files = files_copies(host)
    known = kept.files if files is None else files
    if kept.sent is None:
        listed = await commands.list_folders(session)
        found = folders.purpose(listed, "\\sent")
        if found is None and files:
            return None
        kept.sent = await folders.make(session, listed, _NAME) if found is None else found.wire
    if known is None or again:
        if await _lies_there(session, kept.sent, message):
            return kept.sent
        # One that files does so before it answers: of those after the first, none has to be looked for.
        kept.files = False if files is None else files
    if known:
        return kept.sent
    try:
        await commands.append(session, kept.sent, message.raw, flags=b"\\Seen")
    except ProviderFailure:
        kept.sent = None  # perhaps it is gone
        raise
    return kept.sent


async def _lies_there(session: ImapSession, wire: bytes, message: Ready) -> bool:
    """Whether the server has filed it. A search among those of today takes no long time."""
    named = b"HEADER MESSAGE-ID " + quoted(message.message_id.encode("ascii"))
    search = commands.searching(session, [b"SINCE %b %b" % (day(message.date, -1), named)])
    session.selected = None
    opened, result = await session.run_all([(commands.opening(wire),), search])
    if isinstance(opened, ProviderFailure):
        raise opened
    commands.took(session, wire, opened)
    return not isinstance(result, ProviderFailure) and any(True for _ in commands.found(result))
