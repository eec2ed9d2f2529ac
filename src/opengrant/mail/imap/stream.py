"""The messages of several folders as one list: the newest first, as each folder received them.

A server numbers the messages of a folder in the order in which it got them, and a page goes on below a number. So no
message is repeated or skipped while others come and go.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from opengrant.errors import DataNotFound, InvalidData
from opengrant.mail.imap import rounds
from opengrant.mail.port import Place
from opengrant.net.imap import commands
from opengrant.net.imap.commands import ListedFolder, Uids
from opengrant.net.imap.names import decode_name
from opengrant.net.imap.session import ImapSession

MOST_FOLDERS = 60
"""In a list of all: a cursor has room for them."""
AGAIN = "page_token: a folder was renamed, deleted or numbered anew meanwhile. Begin the list again."
_BITS, _NUMBER, _VALIDITY = 32, (1 << 32) - 1, (1 << 29) - 1
"""A place is one number: the lower bits of a folder's UIDVALIDITY, and the number of a message."""


@dataclass(slots=True)
class Reading:
    """A folder that is read.

    below    the number below which it goes on; None: at the beginning
    found    all numbers that the search has found
    waiting  numbers that come next, the highest first
    more     there are others below them
    dates    number → when it came, where several folders are read
    """

    wire: bytes
    below: int | None
    validity: int = 0
    found: Uids = field(default_factory=Uids)
    waiting: deque[int] = field(default_factory=deque)
    more: bool = False
    dates: dict[int, int] = field(default_factory=dict)

    @property
    def goes_on(self) -> bool:
        return bool(self.waiting) or self.more


Taken = Sequence[tuple[Reading, int]]
"""Messages by their folder and number."""


async def everywhere(session: ImapSession) -> list[ListedFolder]:
    """All folders that can be opened and are not known to be empty, but none whose messages lie in others too."""
    listed = await commands.list_folders(session, counts="LIST-STATUS" in session.offers)
    return [one for one in listed if commands.can_open(one) and one.total != 0 and not _is_of_others(one)]


def _is_of_others(folder: ListedFolder) -> bool:
    return bool({"\\all", "\\flagged"} & {mark.lower() for mark in folder.attributes})


def bounded(wires: list[bytes]) -> list[bytes]:
    """Raises InvalidData: too many for a list of everything."""
    if len(wires) > MOST_FOLDERS:
        raise InvalidData(f"in: the mailbox has more than {MOST_FOLDERS} folders with messages. Name one of them.")
    return wires


async def read(
    session: ImapSession,
    wires: Sequence[bytes],
    wanted: Callable[[int | None], list[bytes] | None],
    after: Place,
    depth: int,
    *,
    named: bool,
) -> list[Reading]:
    """What the folders have.

    wanted  the search of a folder that goes on below a number; None: nothing can be there
    depth   how many messages are taken of each
    named   a folder that cannot be opened is an error
    """
    places = dict(after)
    left = places.keys() - {digest(wire) for wire in wires}
    # A folder that is empty by now is not listed any more, and needs none of its place.
    if left and named:
        raise InvalidData(AGAIN)
    searches = dict[bytes, list[list[bytes]]]()
    for wire in wires:
        place = places.get(digest(wire))
        search = wanted(None if place is None else place & _NUMBER)
        searches[wire] = [] if search is None else [search]
    readings = list[Reading]()
    for wire, opened, uids in await rounds.search(session, searches):
        place = places.get(digest(wire))
        if opened is None:
            if named:
                raise DataNotFound(f"in: the mailbox has no folder {decode_name(wire)[:200]!r} that can be opened.")
            continue
        if place is not None and place >> _BITS != opened & _VALIDITY:
            raise InvalidData(AGAIN)
        readings.append(_reading(wire, None if place is None else place & _NUMBER, opened, uids, depth))
    return readings


def _reading(wire: bytes, below: int | None, validity: int, found: Uids, depth: int) -> Reading:
    first = list(islice(found if below is None else found.below(below), depth + 1))
    return Reading(wire, below, validity, found, deque(first[:depth]), more=len(first) > depth)


async def date(session: ImapSession, readings: Sequence[Reading]) -> None:
    """Learn when the messages came that are compared with those of other folders."""
    asked = {one.wire: (one.validity, one.waiting) for one in readings}
    dated = await rounds.fetch(session, asked, b"INTERNALDATE")
    for one in readings:
        one.dates = {seen.uid: seen.date for seen in dated.get(one.wire, ())}
        there = deque(uid for uid in one.waiting if uid in one.dates)
        if one.waiting and not there:
            one.below = one.waiting[-1]  # all are gone, and the next page is not to ask for them again
        one.waiting = there


def take(readings: Sequence[Reading], count: int) -> list[tuple[Reading, int]]:
    """The next messages of all folders, the newest first, as far as it is known which are next."""
    taken = list[tuple[Reading, int]]()
    while len(taken) < count:
        if any(one.more and not one.waiting for one in readings):
            break
        left = [one for one in readings if one.waiting]
        if not left:
            break
        newest = max(left, key=lambda one: one.dates.get(one.waiting[0], 0))
        taken.append((newest, newest.waiting.popleft()))
    return taken


def by_folder(taken: Taken) -> Mapping[bytes, tuple[int, list[int]]]:
    """As `rounds.fetch` takes it."""
    numbers = defaultdict[bytes, list[int]](list)
    for reading, uid in taken:
        numbers[reading.wire].append(uid)
    return {reading.wire: (reading.validity, numbers[reading.wire]) for reading, _ in taken}


def place(readings: Sequence[Reading]) -> Place | None:
    """Where the list goes on; None: it has ended."""
    if not any(one.goes_on for one in readings):
        return None
    return tuple(
        (digest(one.wire), (one.validity & _VALIDITY) << _BITS | (one.below if one.goes_on else 1))
        for one in readings
        if one.below is not None
    )


def digest(wire: bytes) -> str:
    """Short: a cursor has one of each folder."""
    return hashlib.blake2b(wire, digest_size=6).hexdigest()
