"""Which messages belong to one conversation, by References and In-Reply-To and never by their subjects."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from opengrant.model.basics import record


@record
class Linked:
    """A message, and those of its conversation that it names, oldest first."""

    message_id: str
    named: tuple[str, ...]


def named(references: Sequence[str], in_reply_to: Sequence[str]) -> tuple[str, ...]:
    """What a message names by its headers: what it answers, where it has no References."""
    return tuple(references) or tuple(in_reply_to[:1])


def grouped(messages: Iterable[Linked]) -> list[list[str]]:
    """Message-IDs by conversation: conversations, and messages in them, in the order given; each message once.

    As RFC 5256 does it (REFERENCES), in linear time: a message hangs on the one that it answers, and for a message that
    does not say what it answers, or that is missing, the first chain that names it counts.
    """
    by_id = {one.message_id: one for one in reversed([*messages])}
    listed = [*reversed(by_id.values())]
    sets, hanging = _Sets(), set[str]()
    for one in listed:
        if one.named and one.named[-1] != one.message_id:
            hanging.add(one.message_id)
            sets.join(one.named[-1], one.message_id)
    for one in listed:
        for parent, child in pairwise(one.named):
            if child not in hanging:
                hanging.add(child)
                sets.join(parent, child)
    conversations: dict[str, list[str]] = {}
    for one in listed:
        conversations.setdefault(sets.of(one.message_id), []).append(one.message_id)
    return list(conversations.values())


class _Sets:
    """Disjoint sets of Message-IDs, each with one of them for its name."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def of(self, message_id: str) -> str:
        above = self._above
        while (parent := above.get(message_id, message_id)) != message_id:
            above[message_id] = message_id = above.get(parent, parent)
        return message_id

    def join(self, one: str, other: str) -> None:
        first, second = self.of(one), self.of(other)
        if first != second:
            self._above[second] = first
