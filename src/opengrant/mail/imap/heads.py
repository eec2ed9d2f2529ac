"""What a FETCH says of messages, as heads; and their texts, fetched part by part."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opengrant.errors import ProviderFailure
from opengrant.mail import ids, reading
from opengrant.mail.imap import rounds
from opengrant.mail.imap.folders import id_of
from opengrant.mail.mime import LOOP_LIMIT, text
from opengrant.mail.mime.headers import Headers as Fields
from opengrant.mail.mime.headers import message_id
from opengrant.mail.mime.parts import Part
from opengrant.mail.mime.structure import structure
from opengrant.mail.port import Headers, Message
from opengrant.model.mail import Body, MessageHead
from opengrant.net.imap import commands
from opengrant.net.imap.commands import Fetched
from opengrant.net.imap.session import ImapSession

MAX_TEXT = 5 * 1024 * 1024
"""Bytes of a message's text, encoded, where one message is shown; what is beyond is cut off."""
MAX_LISTED_TEXT = 256 * 1024
"""The same in a list."""
MAX_LISTED = 8 * 1024 * 1024
"""Bytes of all texts of a list."""

_FIELDS = b"HEADER.FIELDS (FROM TO CC BCC REPLY-TO SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES)"
_LINKS = b"HEADER.FIELDS (MESSAGE-ID IN-REPLY-TO REFERENCES)"
_HEAD = b"FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[%b]"


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as it lies in a folder. said: the part that its text is in."""

    head: MessageHead
    fields: Fields
    root: Part
    said: Part | None
    wire: bytes
    validity: int
    uid: int

    def message(self, headers: Headers, body: Body | None) -> Message:
        return Message(self.head, body, reading.shown(self.fields, headers))


async def read(
    session: ImapSession, wire: bytes, validity: int, uids: Sequence[int], *, headers: Headers = "none"
) -> list[Seen]:
    """These messages of the open folder, in the same order; those that are gone are left out."""
    found = await commands.fetch(session, uids, _items(headers))
    by_uid = {one.uid: _seen(one, wire, validity) for one in found}
    return [by_uid[uid] for uid in uids if uid in by_uid]


async def read_all(
    session: ImapSession, asked: Mapping[bytes, tuple[int, Sequence[int]]], *, headers: Headers = "none"
) -> list[Seen]:
    """Messages of several folders, those of a folder in no order. asked: as for `rounds.fetch`."""
    found = await rounds.fetch(session, asked, _items(headers))
    return [_seen(one, wire, asked[wire][0]) for wire, lines in found.items() for one in lines]


async def roots(session: ImapSession, asked: Mapping[bytes, tuple[int, Sequence[int]]]) -> dict[tuple[bytes, int], str]:
    """By folder and number, the Message-IDs that the conversations of messages begin with."""
    found = await rounds.fetch(session, asked, b"BODY.PEEK[%b]" % _LINKS)
    known = dict[tuple[bytes, int], str]()
    for wire, lines in found.items():
        for one in lines:
            fields = _fields(one)
            known[wire, one.uid] = reading.first_of_thread(fields, _id(fields, wire, asked[wire][0], one.uid))
    return known


def _items(headers: Headers) -> bytes:
    return _HEAD % (b"HEADER" if headers == "all" else _FIELDS)


def _fields(one: Fetched) -> Fields:
    return Fields.read(next((value for name, value in one.parts.items() if name.startswith(b"BODY[HEADER")), b""))


def _id(fields: Fields, wire: bytes, validity: int, uid: int) -> str:
    return ids.message_id(message_id(fields.first("message-id")) or "", wire, validity, uid)


def _seen(one: Fetched, wire: bytes, validity: int) -> Seen:
    fields, root = _fields(one), structure(one.structure)
    said = text.texts(root)
    head = reading.head(
        fields,
        root,
        id_=_id(fields, wire, validity, one.uid),
        folders=(id_of(wire),),
        date=one.date,
        size=one.size,
        unread="\\seen" not in one.flags,
        starred="\\flagged" in one.flags,
        said=said,
    )
    return Seen(head, fields, root, said.shown, wire, validity, one.uid)


async def bodies(session: ImapSession, seen: Sequence[Seen], *, most: int = MAX_TEXT) -> dict[int, Body]:
    """By uid, the texts of messages of the open folder. most: bytes of each, encoded."""
    numbers = defaultdict[str, list[int]](list)
    for one in seen:
        if one.said is not None:
            numbers[one.said.number].append(one.uid)
    asked = [
        (b"UID FETCH %b (UID BODY.PEEK[%b]<0.%d>)" % (commands.uid_set(uids), number.encode("ascii"), most),)
        for number, uids in numbers.items()
    ]
    data = dict[int, bytes]()
    for result in await session.run_all(asked):
        if isinstance(result, ProviderFailure):
            raise result
        found = commands.fetched(result, [one.uid for one in seen])
        data |= {one.uid: text_ for one in found for text_ in one.parts.values()}
    if sum(map(len, data.values())) > LOOP_LIMIT:
        return await asyncio.to_thread(_bodies, seen, data)
    return _bodies(seen, data)


def _bodies(seen: Sequence[Seen], data: dict[int, bytes]) -> dict[int, Body]:
    return {one.uid: text.body(one.said, data.get(one.uid, b"")) for one in seen}
