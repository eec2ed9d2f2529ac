"""What a FETCH says of messages, as heads; and their texts, fetched part by part."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opengrant.errors import ProviderFailure
from opengrant.mail import ids
from opengrant.mail.imap import rounds
from opengrant.mail.imap.folders import id_of
from opengrant.mail.mime import LOOP_LIMIT, text
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.headers import Headers as Fields
from opengrant.mail.mime.headers import message_id, message_ids
from opengrant.mail.mime.headers import text as decoded
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

_BASIC = ("message-id", "in-reply-to", "references")
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
        match headers:
            case "none":
                shown: tuple[tuple[str, str], ...] = ()
            case "basic":
                shown = tuple((name, value) for name, value in self.fields.fields if name.lower() in _BASIC)
            case "all":
                shown = self.fields.fields
        return Message(self.head, body, shown)


@dataclass(frozen=True, slots=True)
class Link:
    """What a message says of its conversation. root: the Message-ID that the conversation begins with."""

    id: str
    root: str
    answers: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def thread_id(self) -> str:
        return ids.thread_id(self.root)


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


async def links(
    session: ImapSession, asked: Mapping[bytes, tuple[int, Sequence[int]]]
) -> dict[tuple[bytes, int], Link]:
    """The same, by folder and number, without what else a head has."""
    found = await rounds.fetch(session, asked, b"BODY.PEEK[%b]" % _LINKS)
    return {
        (wire, one.uid): _link(_fields(one), wire, asked[wire][0], one.uid)
        for wire, lines in found.items()
        for one in lines
    }


def _items(headers: Headers) -> bytes:
    return _HEAD % (b"HEADER" if headers == "all" else _FIELDS)


def _fields(one: Fetched) -> Fields:
    return Fields.read(next((value for name, value in one.parts.items() if name.startswith(b"BODY[HEADER")), b""))


def _link(fields: Fields, wire: bytes, validity: int, uid: int) -> Link:
    id_ = ids.message_id(message_id(fields.first("message-id")) or "", wire, validity, uid)
    answers = message_ids(fields.first("in-reply-to") or "")
    references = message_ids(fields.first("references") or "")
    return Link(id_, (*references, *answers, id_)[0], answers, references)


def _seen(one: Fetched, wire: bytes, validity: int) -> Seen:
    fields, root = _fields(one), structure(one.structure)
    link = _link(fields, wire, validity, one.uid)
    head = MessageHead(
        id=link.id,
        thread_id=link.thread_id,
        folders=(id_of(wire),),
        subject=decoded(fields.first("subject") or ""),
        sender=addresses(fields.every("from")),
        to=addresses(fields.every("to")),
        cc=addresses(fields.every("cc")),
        bcc=addresses(fields.every("bcc")),
        reply_to=addresses(fields.every("reply-to")),
        date=one.date,
        unread="\\seen" not in one.flags,
        starred="\\flagged" in one.flags,
        size=one.size,
        attachments=text.attachments(root),
        in_reply_to=link.answers,
        references=link.references,
    )
    return Seen(head, fields, root, text.texts(root).shown, wire, validity, one.uid)


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
