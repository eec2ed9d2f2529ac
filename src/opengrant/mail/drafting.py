"""What a draft says: read from its bytes, merged with what a caller changes, written, made ready to be sent.

`read` is for a thread.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from opengrant.errors import InvalidData
from opengrant.mail import reading
from opengrant.mail.mime import LOOP_LIMIT, text, transfer, writing
from opengrant.mail.mime.compose import File, check_header, compose
from opengrant.mail.mime.headers import Headers
from opengrant.mail.mime.headers import text as decoded
from opengrant.mail.mime.index import Index, index
from opengrant.mail.outgoing import Letter, Ready, as_given, composed, new_id, outgoing
from opengrant.model.basics import record
from opengrant.model.mail import Address, Attachment

MOST_HEADERS = 100
"""Further fields of a draft that are kept."""
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_MARK = re.compile(rb"message-id|date|fcc|x-unsent|x-identity-key|x-account-key|x-mozilla-.*", re.IGNORECASE)


@record
class Draft:
    """references: Message-IDs of the conversation that it answers, oldest first; the last is the one it answers."""

    letter: Letter
    references: tuple[str, ...] = ()


def read(raw: bytes) -> Draft:
    """A draft of any program. Of a text in two forms the shown one is kept."""
    found = index(raw)
    head = reading.head(found.headers, found.root, id_="", folders=(), date=0, size=len(raw))
    said = text.texts(found.root).shown
    body = text.body(said, b"" if said is None else _encoded(raw, found, said.number))
    letter = Letter(
        sender=head.sender[0] if head.sender else None,
        to=head.to,
        cc=head.cc,
        bcc=head.bcc,
        reply_to=head.reply_to,
        subject=head.subject,
        body=body.content,
        is_html=body.is_html or said is None,
        files=tuple(_files(raw, found, head.attachments)),
        headers=tuple(_further(found.headers))[:MOST_HEADERS],
    )
    answers = head.in_reply_to[:1]
    return Draft(letter, tuple(one for one in head.references if one not in answers) + answers)


def merged(draft: Draft, said: Letter, given: frozenset[str]) -> Letter:
    """What was said last counts. given: names of the members that the caller has given."""
    return replace(draft.letter, **{name: getattr(said, name) for name in given})


def ready(raw: bytes, draft: Draft, *, own: Address, token: str, date: int, signature: str | None) -> Ready:
    """The message that a draft becomes.

    draft      what was read from `raw`
    token      what makes its Message-ID unique
    signature  HTML to be put at its end
    Raises     InvalidData
    """
    letter = draft.letter
    if not (letter.to or letter.cc or letter.bcc):
        raise InvalidData("to: the draft has no recipient. Name one in to, cc or bcc before it is sent.")
    message_id = new_id((letter.sender or own).email, token)
    if signature is None:
        # What another program has written stays as it is, unless a mail server would not take it in that form.
        with contextlib.suppress(InvalidData):
            return as_given(_unmarked(raw, letter, own), message_id=message_id, date=date)
    else:
        letter = letter.signed(signature)
    letter = replace(letter, headers=tuple(one for one in letter.headers if not _MARK.fullmatch(one[0].encode())))
    return composed(letter, own=own, message_id=message_id, date=date, references=draft.references)


def _unmarked(raw: bytes, letter: Letter, own: Address) -> bytes:
    """A draft without what makes it one: its id, its date, and the notes of mail programs; with a sender."""
    head, _, body = raw.partition(b"\r\n\r\n")
    named = [(field.partition(b":")[0].rstrip().lower(), field) for field in _FIELD_END.split(head)]
    kept = [field for name, field in named if not _MARK.fullmatch(name) and (letter.sender or name != b"from")]
    if letter.sender is None:
        kept.insert(0, writing.field("From", writing.addresses([own], field="from")).rstrip())
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


def _files(raw: bytes, found: Index, attached: Sequence[Attachment]) -> Iterator[File]:
    leaves = {part.number: part for part in found.root.leaves()}
    for one in attached:
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
    references: Sequence[str],
) -> bytes:
    """A draft as a message. own: who it is from where the letter does not say; date: seconds. Raises InvalidData."""
    draft = outgoing(said, own=own, message_id=message_id, date=date, references=references)
    if len(said.body) + sum(len(file.content) for file in said.files) > LOOP_LIMIT:
        return await asyncio.to_thread(compose, draft, with_bcc=True)
    return compose(draft, with_bcc=True)
