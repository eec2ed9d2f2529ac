"""What receivers are told of two states of a mailbox. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from opengrant.mail.watching.known import FLAGGED, SEEN, KnownFolder, Place

Change = Literal["created", "updated", "deleted"]


class ToldMessage(NamedTuple):
    """places: where it lies now; of a deleted message, nowhere."""

    change: Change
    id: str
    places: tuple[Place, ...]

    @property
    def unread(self) -> bool:
        return not self.places[0].flags & SEEN

    @property
    def starred(self) -> bool:
        return bool(self.places[0].flags & FLAGGED)


class ToldFolder(NamedTuple):
    change: Change
    folder: KnownFolder


def messages(before: Mapping[str, tuple[Place, ...]], after: Mapping[str, tuple[Place, ...]]) -> list[ToldMessage]:
    """Of all ids in either: the deleted ones first, then by folder and number."""
    found = list[ToldMessage]()
    for id_ in before.keys() | after.keys():
        was, now = before.get(id_, ()), after.get(id_, ())
        if not now:
            if was:  # else it came and went within one look
                found.append(ToldMessage("deleted", id_, ()))
        elif not was:
            found.append(ToldMessage("created", id_, now))
        elif _shown(was) != _shown(now):
            found.append(ToldMessage("updated", id_, now))
    return sorted(found, key=lambda one: (one.places, one.id))


def _shown(places: tuple[Place, ...]) -> tuple[frozenset[int], int]:
    """Folders, and the flags in the first of them."""
    return frozenset(place.folder for place in places), places[0].flags & (SEEN | FLAGGED)


def folders(before: Sequence[KnownFolder], after: Sequence[KnownFolder]) -> list[ToldFolder]:
    """A folder is its name: one that was renamed is another."""
    was, now = ({one.wire: one for one in some} for some in (before, after))
    found = [ToldFolder("deleted", one) for wire, one in was.items() if wire not in now]
    for wire, one in now.items():
        if wire not in was:
            found.append(ToldFolder("created", one))
        elif was[wire].attributes != one.attributes:
            found.append(ToldFolder("updated", one))
    return found
