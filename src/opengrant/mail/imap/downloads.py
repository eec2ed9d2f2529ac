"""Attachments and whole messages, fetched in pieces: a piece is asked for when the one before has been taken."""

import asyncio
from collections.abc import AsyncIterator

from opengrant.errors import DataNotFound, InvalidData
from opengrant.mail.imap import finding
from opengrant.mail.imap.heads import Seen
from opengrant.mail.mime import transfer
from opengrant.mail.port import Download
from opengrant.mail.sessions import Kept
from opengrant.model.mail import Attachment
from opengrant.net.imap import commands
from opengrant.net.imap.session import ImapSession
from opengrant.net.line_connection import Malformed

PIECE = 512 * 1024
"""Bytes, encoded."""
MAX_RAW = 25 * 1024 * 1024
"""Bytes of a message that is given whole."""


async def attachment(kept: Kept, session: ImapSession, message_id: str, attachment_id: str) -> Attachment:
    """Raises DataNotFound."""
    return _attachment(await finding.find(kept, session, message_id), attachment_id)


async def begin(kept: Kept, session: ImapSession, message_id: str, attachment_id: str) -> Download:
    """The first piece is read at once, so that a failure is known before the answer begins. Raises DataNotFound."""
    seen = await finding.find(kept, session, message_id)
    found = _attachment(seen, attachment_id)
    part = next(one for one in seen.root.leaves() if one.number == attachment_id)
    decoder = transfer.decoder(part.encoding)
    piece = await _piece(session, seen, attachment_id, 0)
    if len(piece) < PIECE:
        return Download(found, decoder.feed(piece) + decoder.end(), whole=True, rest=_nothing())

    async def rest() -> AsyncIterator[bytes]:
        start, piece = PIECE, b"-"
        while piece:
            piece = await _piece(session, seen, attachment_id, start)
            start += len(piece)
            if start > 2 * seen.head.size + 4 * PIECE:
                raise Malformed("too_long")  # the part is longer than its message
            if decoded := decoder.feed(piece) if piece else decoder.end():
                yield decoded

    return Download(found, decoder.feed(piece), whole=False, rest=rest())


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def raw(kept: Kept, session: ImapSession, message_id: str) -> tuple[str, bytes]:
    """Raises DataNotFound, InvalidData."""
    seen = await finding.find(kept, session, message_id)
    if seen.head.size > MAX_RAW:
        raise InvalidData(f"fields: raw_mime is given of messages up to {MAX_RAW} bytes.")
    return seen.head.id, await whole(session, seen, most=MAX_RAW)


async def whole(session: ImapSession, seen: Seen, *, most: int) -> bytes:
    """The bytes of a message of the open folder; no more than `most` and a piece. Raises DataNotFound."""
    pieces, piece = list[bytes](), b"-"
    while piece and sum(map(len, pieces)) <= most:
        piece = await _piece(session, seen, "", sum(map(len, pieces)))
        pieces.append(piece)
        if len(piece) < PIECE:
            break
    return await asyncio.to_thread(b"".join, pieces)


async def _piece(session: ImapSession, seen: Seen, number: str, start: int) -> bytes:
    """b"": there is no more. A server may answer with less than it was asked for only at the end."""
    wanted = b"BODY.PEEK[%b]<%d.%d>" % (number.encode("ascii"), start, PIECE)
    found = await commands.fetch(session, [seen.uid], wanted)
    if not found:
        raise DataNotFound("The message was deleted meanwhile.")
    return next(iter(found[0].parts.values()), b"")[:PIECE]


def _attachment(seen: Seen, attachment_id: str) -> Attachment:
    found = next((one for one in seen.head.attachments if one.id == attachment_id), None)
    if found is None:
        raise DataNotFound(f"The message has no attachment {attachment_id[:100]!r}.")
    return found
