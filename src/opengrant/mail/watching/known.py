"""What is known of a mailbox: of each folder how far it was read, and of its newest messages id and flags.

Messages are kept in pages by their numbers, so that a change writes the page that it is in, and all of a mailbox is few
rows. Pure.
"""

import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from opengrant.mail import ids
from opengrant.model.basics import record
from opengrant.model.mail import Folder
from opengrant.net.imap.changes import Mark
from opengrant.net.imap.names import decode_name

SEEN, FLAGGED, DELETED = 1, 2, 4
PER_PAGE = 128
"""Numbers of messages to a page: some 9 KB with the usual Message-IDs."""
_FEW = 20
"""Ids that are looked for in the bytes of pages; for more, all pages are read once."""
_ROW = struct.Struct(">IBH")

PageKey = tuple[int, int]
"""Number of a folder, number of a page."""


class KnownMessage(NamedTuple):
    """flags: SEEN, FLAGGED and DELETED, added."""

    uid: int
    flags: int
    id: str


class Place(NamedTuple):
    """Where a message lies."""

    folder: int
    uid: int
    flags: int


@record
class KnownFolder:
    """A folder as it was seen last.

    number  ours; names it in the pages
    wire    its name as the server writes it
    total   messages when it was opened last, or as STATUS said of a folder that is not read; None where it did not say
    unread  as STATUS said
    mark    None: its messages are not read
    """

    number: int
    wire: bytes
    delimiter: str
    attributes: tuple[str, ...]
    total: int | None = None
    unread: int | None = None
    mark: Mark | None = None

    @property
    def id(self) -> str:
        return ids.folder_id(decode_name(self.wire))

    @property
    def is_inbox(self) -> bool:
        return self.wire.upper() == b"INBOX"

    def folder(self) -> Folder:
        return Folder(self.id, decode_name(self.wire), self.attributes, self.delimiter, self.total, self.unread)

    def packed(self) -> list[object]:
        """As JSON has it."""
        mark = None if self.mark is None else list(self.mark)
        wire = self.wire.decode("latin-1")
        return [self.number, wire, self.delimiter, list(self.attributes), self.total, self.unread, mark]

    @classmethod
    def unpacked(cls, row: list[object]) -> "KnownFolder":
        match row:
            case [int(number), str(wire), str(delimiter), [*attributes], total, unread, mark]:
                assert total is None or isinstance(total, int)
                assert unread is None or isinstance(unread, int)
                return cls(
                    number,
                    wire.encode("latin-1"),
                    delimiter,
                    tuple(str(one) for one in attributes),
                    total,
                    unread,
                    Mark(*mark) if isinstance(mark, list) else None,
                )
        raise ValueError("no folder")


def flag_bits(flags: Collection[str]) -> int:
    """flags: lower case, as `commands.fetch` gives them."""
    return SEEN * ("\\seen" in flags) + FLAGGED * ("\\flagged" in flags) + DELETED * ("\\deleted" in flags)


def pack(messages: Iterable[KnownMessage]) -> bytes:
    parts = list[bytes]()
    for uid, flags, id_ in messages:
        name = id_.encode()
        parts += _ROW.pack(uid, flags, len(name)), name
    return b"".join(parts)


def unpack(page: bytes) -> list[KnownMessage]:
    found, at = list[KnownMessage](), 0
    while at < len(page):
        uid, flags, size = _ROW.unpack_from(page, at)
        at += _ROW.size + size
        found.append(KnownMessage(uid, flags, page[at - size : at].decode()))
    return found


class Book:
    """The known messages of a mailbox. Pages are read when something in them is asked for."""

    def __init__(self, pages: Mapping[PageKey, bytes]) -> None:
        self._raw = dict(pages)
        self._open = dict[PageKey, dict[int, KnownMessage]]()
        self._changed = set[PageKey]()

    def find(self, folder: int, uid: int) -> KnownMessage | None:
        return self._page((folder, uid // PER_PAGE)).get(uid)

    def put(self, folder: int, message: KnownMessage) -> None:
        key = folder, message.uid // PER_PAGE
        self._page(key)[message.uid] = message
        self._changed.add(key)

    def drop(self, folder: int, uid: int) -> None:
        key = folder, uid // PER_PAGE
        if self._page(key).pop(uid, None) is not None:
            self._changed.add(key)

    def uids(self, folder: int) -> list[int]:
        """Of all known messages of a folder, the lowest first."""
        keys = [key for key in self._raw.keys() | self._open.keys() if key[0] == folder]
        return sorted(uid for key in keys for uid in self._page(key))

    def places(self, wanted: Collection[str]) -> dict[str, tuple[Place, ...]]:
        """Where messages with these ids lie, those not that are marked as deleted; nothing of ids that lie nowhere."""
        if len(wanted) <= _FEW:
            names = [one.encode() for one in wanted]
            keys = [key for key, raw in self._raw.items() if any(name in raw for name in names)]
        else:
            keys = list(self._raw)
        found = defaultdict[str, list[Place]](list)
        for key in sorted({*keys, *self._open}):
            for message in self._page(key).values():
                if message.id in wanted and not message.flags & DELETED:
                    found[message.id].append(Place(key[0], message.uid, message.flags))
        return {id_: tuple(sorted(places)) for id_, places in found.items()}

    def changed(self) -> dict[PageKey, bytes]:
        """The pages that are not as they were; b"" for one that holds nothing now."""
        packed = {key: pack(sorted(self._open[key].values())) for key in self._changed}
        return {key: page for key, page in packed.items() if page != self._raw.get(key, b"")}

    def _page(self, key: PageKey) -> dict[int, KnownMessage]:
        if key not in self._open:
            raw = self._raw.get(key)
            if raw is None:
                return self._open.setdefault(key, {})
            self._open[key] = {one.uid: one for one in unpack(raw)}
        return self._open[key]
