"""Commands about folders and messages. All raise what `ImapSession.run` raises, and Malformed."""

import bisect
import itertools
import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from opengrant.errors import ProviderFailure
from opengrant.net.imap.names import decode_name, encode_name, quoted
from opengrant.net.imap.parser import Response, Value, ranges
from opengrant.net.imap.session import SECONDS, Answer, ImapSession
from opengrant.net.line_connection import Malformed

MAX_COUNTED = 200
"""Folders whose messages are counted one command at a time, where the server has no command for all."""
AT_ONCE = 20
"""Commands that are under way at a time."""
COUNTS = b"MESSAGES UNSEEN"
SLOWEST = 256 * 1024
"""Bytes a second that a mail server takes at least."""

_DATE = re.compile(rb" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_NAMES = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}


class ListedFolder(NamedTuple):
    """A line of LIST. wire: the name as the server wrote it.

    total, unread  None where the server did not say
    status         all that STATUS said: upper case → number
    """

    wire: bytes
    name: str
    delimiter: str
    attributes: tuple[str, ...]
    total: int | None = None
    unread: int | None = None
    status: Mapping[bytes, int] = MappingProxyType({})


class Fetched(NamedTuple):
    """A line of FETCH. parts: what is in brackets, upper case → its bytes."""

    uid: int
    flags: frozenset[str]
    date: int
    size: int
    structure: list[Value] | None
    parts: dict[bytes, bytes]


class Uids:
    """Numbers of messages as a server listed them, each once, the highest first.

    ranges  (lowest, highest) of each. A folder of a million takes no list of them
    """

    def __init__(self, found: Iterable[tuple[int, int]] = ()) -> None:
        merged = list[tuple[int, int]]()
        for low, high in sorted(found):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(high, merged[-1][1])
            else:
                merged.append((low, high))
        self.ranges = merged[::-1]

    def __iter__(self) -> Iterator[int]:
        for low, high in self.ranges:
            yield from range(high, low - 1, -1)

    def __contains__(self, uid: int) -> bool:
        # The ranges are in falling order: the first one that begins at the number or below it.
        place = bisect.bisect_left(self.ranges, -uid, key=lambda one: -one[0])
        return place < len(self.ranges) and uid <= self.ranges[place][1]

    def below(self, uid: int) -> "Uids":
        return Uids((low, min(high, uid - 1)) for low, high in self.ranges if low < uid)


# Folders.


async def list_folders(session: ImapSession, *, counts: bool = False, items: bytes = COUNTS) -> list[ListedFolder]:
    """All folders, those that cannot be opened too. items: of STATUS, where messages are counted."""
    extended = "LIST-EXTENDED" in session.offers or "LIST-STATUS" in session.offers
    wanted = [b"SPECIAL-USE"] * ("SPECIAL-USE" in session.offers)
    wanted += [b"STATUS (%b)" % items] * (counts and "LIST-STATUS" in session.offers)
    options = b" RETURN (%b)" % b" ".join(wanted) if wanted and extended else b""
    if counts and session.selected is not None:
        await _look_again(session)  # of the open folder a server counts what it has told this session of
    answer = await session.run(b'LIST "" "*"' + options)
    folders = [one for response in answer.of("LIST") if can_be_named(one := _listed(response))]
    known = _counts(answer)
    if counts and not known:
        known = await _ask_counts(session, folders, items)
    return [folder._replace(**_counted(known[folder.wire])) if folder.wire in known else folder for folder in folders]


def _counted(status: Mapping[bytes, int]) -> dict[str, Any]:
    return {"total": status.get(b"MESSAGES"), "unread": status.get(b"UNSEEN"), "status": status}


async def _ask_counts(
    session: ImapSession, folders: Sequence[ListedFolder], items: bytes
) -> dict[bytes, dict[bytes, int]]:
    """What STATUS says of each folder; nothing of one that the server does not count."""
    names = [folder.wire for folder in folders if can_open(folder)][:MAX_COUNTED]
    known = dict[bytes, dict[bytes, int]]()
    for start in range(0, len(names), AT_ONCE):
        chunk = [(b"STATUS %b (%b)" % (quoted(name), items),) for name in names[start : start + AT_ONCE]]
        for result in await session.run_all(chunk):
            if not isinstance(result, ProviderFailure):
                known |= _counts(result)
    return known


async def count(session: ImapSession, wire: bytes, items: bytes) -> dict[bytes, int]:
    """What STATUS says of one folder; nothing of one that the server does not count."""
    (result,) = await session.run_all([(b"STATUS %b (%b)" % (quoted(wire), items),)])
    return {} if isinstance(result, ProviderFailure) else next(iter(_counts(result).values()), {})


def _counts(answer: Answer) -> dict[bytes, dict[bytes, int]]:
    """Folder → what was counted → how many."""
    found = dict[bytes, dict[bytes, int]]()
    for response in answer.of("STATUS"):
        match response.values:
            case [name, [*members]] if not len(members) % 2:
                pairs = zip(members[::2], members[1::2], strict=True)
                found[_text(name)] = {_text(key).upper(): value for key, value in pairs if isinstance(value, int)}
    return found


def _listed(response: Response) -> ListedFolder:
    match response.values:
        case [list(attributes), delimiter, name, *_]:
            wire = _text(name)
            return ListedFolder(
                wire,
                decode_name(wire),
                _text(delimiter).decode("utf-8", "replace"),
                tuple(_text(one).decode("ascii", "replace") for one in attributes),
            )
    raise Malformed("not_imap")


def can_be_named(folder: ListedFolder) -> bool:
    """Whether a command can name it."""
    return not {0, 10, 13} & set(folder.wire)


def can_open(folder: ListedFolder) -> bool:
    return not {"\\noselect", "\\nonexistent"} & {attribute.lower() for attribute in folder.attributes}


async def create_folder(session: ImapSession, name: str) -> None:
    session.changed = True
    await session.run(b"CREATE " + quoted(encode_name(name)))
    # Clients that list subscribed folders only would not show it. Servers without subscriptions refuse.
    await session.run_all([(b"SUBSCRIBE " + quoted(encode_name(name)),)])


async def rename_folder(session: ImapSession, wire: bytes, name: str) -> None:
    session.selected, session.changed = None, True
    await session.run(b"RENAME %b %b" % (quoted(wire), quoted(encode_name(name))))


async def delete_folder(session: ImapSession, wire: bytes) -> None:
    if session.selected is not None:
        session.selected = None
        # CLOSE would erase what others have marked in the folder that is open.
        await session.run(b"UNSELECT" if "UNSELECT" in session.offers else opening(b"INBOX"))
    session.changed = True
    await session.run(b"DELETE " + quoted(wire))


# Messages.


def opening(wire: bytes, *, change: bool = False) -> bytes:
    return (b"SELECT " if change else b"EXAMINE ") + quoted(wire)


async def open_folder(session: ImapSession, wire: bytes, *, change: bool = False) -> int:
    """Open a folder unless it is open. Returns its UIDVALIDITY, 0 where the server has none."""
    if session.selected is not None and session.selected.is_for(wire, change=change):
        await _look_again(session)
        return session.selected.validity
    session.selected = None  # where it fails, none is open
    return took(session, wire, await session.run(opening(wire, change=change)), change=change)


async def _look_again(session: ImapSession) -> None:
    """Have the open folder as the server has it now."""
    if not session.synced:
        await session.run(b"NOOP")
        session.synced = True


def took(session: ImapSession, wire: bytes, answer: Answer, *, change: bool = False) -> int:
    """Note that the session has opened a folder, from the answer to `opening`. Returns its UIDVALIDITY."""
    said = answer.codes.get("UIDVALIDITY", b"")
    validity = int(said) if said.isdigit() and len(said) <= 20 else 0
    session.opened(wire, validity, change=change)
    return validity


def searching(session: ImapSession, criteria: Sequence[bytes]) -> tuple[bytes, ...]:
    """The command for `found`. criteria: text, and by turns a literal and the text behind it."""
    head = b"UID SEARCH RETURN (ALL) " if "ESEARCH" in session.offers else b"UID SEARCH "
    charset = b"CHARSET UTF-8 " if any(not part.isascii() for part in criteria) else b""
    return head + charset + criteria[0], *criteria[1:]


def found(answer: Answer) -> Uids:
    """The messages of a search."""
    sets = list[tuple[int, int]]()
    for response in answer.of("ESEARCH"):
        values = response.values
        for key, value in itertools.pairwise(values):
            if isinstance(key, bytes) and key.upper() == b"ALL":
                sets += ranges(str(value).encode() if isinstance(value, int) else _text(value))
    for response in answer.of("SEARCH"):
        sets += [(value, value) for value in response.values if isinstance(value, int)]
    return Uids(sets)


async def search(session: ImapSession, criteria: Sequence[bytes], *, seconds: float = SECONDS) -> Uids:
    return found(await session.run(*searching(session, criteria), seconds=seconds))


async def fetch(session: ImapSession, uids: Collection[int], items: bytes) -> list[Fetched]:
    """These messages of the open folder, in no order; those that are gone are not among them."""
    if not uids:
        return []
    return fetched(await session.run(fetching(uids, items)), uids)


def fetching(uids: Iterable[int], items: bytes) -> bytes:
    """The command for `fetched`."""
    return b"UID FETCH %b (UID %b)" % (uid_set(uids), items)


def fetched(answer: Answer, uids: Iterable[int]) -> list[Fetched]:
    return fetched_among(answer, set(uids))


def fetched_among(answer: Answer, wanted: Container[int]) -> list[Fetched]:
    lines = dict[int, dict[bytes, Value]]()
    for response in answer.of("FETCH"):
        line = _members(response)
        uid = line.get(b"UID")
        if isinstance(uid, int) and uid in wanted:
            # A server may tell of flags that another client has changed, in a line of its own.
            lines.setdefault(uid, {}).update(line)
    return [_fetched(uid, line) for uid, line in lines.items()]


def _members(response: Response) -> dict[bytes, Value]:
    match response.values:
        case [list(members)] if not len(members) % 2:
            names = [_text(name).upper() for name in members[::2]]
            return dict(zip(names, members[1::2], strict=True))
    raise Malformed("not_imap")


def _fetched(uid: int, line: dict[bytes, Value]) -> Fetched:
    flags, date, size = line.get(b"FLAGS"), line.get(b"INTERNALDATE"), line.get(b"RFC822.SIZE")
    structure = line.get(b"BODYSTRUCTURE")
    return Fetched(
        uid,
        frozenset(_text(flag).decode("ascii", "replace").lower() for flag in flags)
        if isinstance(flags, list)
        else frozenset(),
        read_date(date) if isinstance(date, bytes) else 0,
        size if isinstance(size, int) else 0,
        structure if isinstance(structure, list) else None,
        {name: _text(value) for name, value in line.items() if b"[" in name and value is not None},
    )


def read_date(text: bytes) -> int:
    """Seconds since the epoch of an INTERNALDATE; 0 for what is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        return 0
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    # strptime takes ten times as long.
    time = (int(year), _MONTHS.get(month.lower(), 0), int(day), int(hour), int(minute), int(second))
    try:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return int((datetime(*time, tzinfo=UTC) - (-offset if sign == b"-" else offset)).timestamp())
    except (ValueError, OverflowError):
        return 0


async def store(session: ImapSession, uids: Sequence[int], flags: bytes, *, add: bool) -> None:
    """flags: as in `\\Seen \\Flagged`."""
    sign, session.changed = b"+" if add else b"-", True
    await session.run(b"UID STORE %b %bFLAGS.SILENT (%b)" % (uid_set(uids), sign, flags))


async def copy(session: ImapSession, uids: Sequence[int], wire: bytes) -> None:
    session.changed = True
    await session.run(b"UID COPY %b %b" % (uid_set(uids), quoted(wire)))


async def append(session: ImapSession, wire: bytes, message: bytes, *, flags: bytes) -> tuple[int, int] | None:
    """Put a message into a folder: lines that end in CRLF, no NUL. flags: as in `\\Seen \\Draft`.

    Returns its folder's UIDVALIDITY and its uid; None where the server does not say. The code TRYCREATE says that there
    is no such folder.
    """
    session.changed, session.synced = True, False
    seconds = SECONDS + len(message) / SLOWEST
    answer = await session.run(b"APPEND %b (%b) " % (quoted(wire), flags), message, b"", seconds=seconds)
    said = answer.codes.get("APPENDUID", b"").split()
    if len(said) == 2 and all(one.isdigit() and len(one) <= 20 for one in said):
        return int(said[0]), int(said[1])
    return None


async def move(session: ImapSession, uids: Sequence[int], wire: bytes) -> None:
    """To another folder. Where the server has no MOVE, by copying and erasing."""
    session.changed = True
    if "MOVE" in session.offers:
        await session.run(b"UID MOVE %b %b" % (uid_set(uids), quoted(wire)))
    else:
        await copy(session, uids, wire)
        await erase(session, uids)


async def erase(session: ImapSession, uids: Sequence[int]) -> None:
    """For good. Without UIDPLUS, messages that others have marked stay, and then so do these, marked."""
    known = set(uids)
    await store(session, uids, b"\\Deleted", add=True)
    if "UIDPLUS" in session.offers:
        await session.run(b"UID EXPUNGE " + uid_set(uids))
    elif all(uid in known for uid in await search(session, [b"DELETED"])):
        await session.run(b"EXPUNGE")


def uid_set(uids: Iterable[int]) -> bytes:
    """Numbers as a set, runs of them as ranges."""
    runs = list[list[int]]()
    for uid in sorted(set(uids)):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in runs)


def _text(value: Value) -> bytes:
    match value:
        case bytes():
            return value
        case int():
            return b"%d" % value
        case None:
            return b""
    raise Malformed("not_imap")
