"""What a draft says: read from its bytes, merged with what a caller changes, written.

`read` is for a thread.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from opengrant.errors import InvalidData
from opengrant.mail.mime import LOOP_LIMIT, text, transfer
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.compose import File, check_header, compose
from opengrant.mail.mime.headers import Headers, message_ids
from opengrant.mail.mime.headers import text as decoded
from opengrant.mail.mime.index import Index, index
from opengrant.mail.outgoing import Letter, outgoing
from opengrant.model.basics import record
from opengrant.model.mail import Address

MOST_HEADERS = 100
"""Further fields of a draft that are kept."""


@record
class Draft:
    """references: Message-IDs of the conversation that it answers, oldest first; the last is the one it answers."""

    letter: Letter
    references: tuple[str, ...] = ()


def read(raw: bytes) -> Draft:
    """A draft of any program. Of a text in two forms the shown one is kept."""
    found = index(raw)
    fields = found.headers
    said = text.texts(found.root).shown
    body = text.body(said, b"" if said is None else _encoded(raw, found, said.number))
    senders = addresses(fields.every("from"))
    answers = message_ids(fields.first("in-reply-to") or "")[:1]
    references = message_ids(fields.first("references") or "")
    letter = Letter(
        sender=senders[0] if senders else None,
        to=addresses(fields.every("to")),
        cc=addresses(fields.every("cc")),
        bcc=addresses(fields.every("bcc")),
        reply_to=addresses(fields.every("reply-to")),
        subject=decoded(fields.first("subject") or ""),
        body=body.content,
        is_html=body.is_html or said is None,
        files=tuple(_files(raw, found)),
        headers=tuple(_further(fields))[:MOST_HEADERS],
    )
    return Draft(letter, tuple(one for one in references if one not in answers) + answers)


def merged(draft: Draft, said: Letter, given: frozenset[str]) -> Letter:
    """What was said last counts. given: names of the members that the caller has given."""
    return replace(draft.letter, **{name: getattr(said, name) for name in given})


def _files(raw: bytes, found: Index) -> Iterator[File]:
    leaves = {part.number: part for part in found.root.leaves()}
    for one in text.attachments(found.root):
        content = transfer.decode(_encoded(raw, found, one.id), leaves[one.id].encoding)
        yield File(one.filename, one.content_type, content, one.content_id, is_inline=one.is_inline)


def _encoded(raw: bytes, found: Index, number: str) -> bytes:
    start, end = found.bodies[number]
    return raw[start:end]


def _further(fields: Headers) -> Iterator[tuple[str, str]]:
    """Those that a message does not set by itself."""
    for name, value in fields.fields:
        shown = decoded(value)
        try:
            check_header(name, shown)
        except InvalidData:
            continue
        yield name, shown


async def written(
    said: Letter,
    *,
    own: Address,
    message_id: str,
    date: int,
    references: tuple[str, ...],
) -> bytes:
    """A draft as a message. own: who it is from where the letter does not say; date: seconds. Raises InvalidData."""
    draft = outgoing(said, own=own, message_id=message_id, date=date, references=references)
    if len(said.body) + sum(len(file.content) for file in said.files) > LOOP_LIMIT:
        return await asyncio.to_thread(compose, draft, with_bcc=True)
    return compose(draft, with_bcc=True)
