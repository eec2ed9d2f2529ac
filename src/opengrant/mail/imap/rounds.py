"""Several folders in one go: each is opened and searched, or opened and read, without waiting for the one before.

A server answers such pairs in their order, because what a search finds depends on the folder that is open.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from opengrant.errors import ProviderFailure
from opengrant.net.imap import commands
from opengrant.net.imap.commands import Fetched, Uids
from opengrant.net.imap.session import SECONDS, Answer, ImapSession

AT_ONCE = 10
"""Folders that are opened in one go."""


class Searched(NamedTuple):
    """A folder that was searched. validity: its UIDVALIDITY; None: it cannot be opened."""

    wire: bytes
    validity: int | None
    uids: Uids


async def search(
    session: ImapSession, asked: Mapping[bytes, Sequence[list[bytes]]], *, seconds: float = SECONDS
) -> list[Searched]:
    """Folders, in their order, and what is found in them by one of their searches.

    asked    folder → criteria as for `commands.search`
    seconds  for each go
    """
    if len(asked) == 1:
        # The folder may be open already.
        ((wire, searches),) = asked.items()
        validity = await _opened(session, wire)
        if validity is None:
            return [Searched(wire, None, Uids())]
        each = [await commands.search(session, one, seconds=seconds) for one in searches]
        return [Searched(wire, validity, _all(each))]
    in_one_go = AT_ONCE
    if "LITERAL+" not in session.offers and any(len(one) > 1 for searches in asked.values() for one in searches):
        in_one_go = 1  # the server is to ask for each literal, and must have nothing else to say then
    found = list[Searched]()
    for wires in _chunks(list(asked), in_one_go):
        if in_one_go == 1:
            found += await search(session, {wires[0]: asked[wires[0]]}, seconds=seconds)
            continue
        then = [[commands.searching(session, one) for one in asked[wire]] for wire in wires]
        for wire, (opened, answers) in zip(wires, await _run(session, wires, then, seconds), strict=True):
            found.append(Searched(wire, opened, _all([commands.found(answer) for answer in answers])))
    return found


async def fetch(
    session: ImapSession, asked: Mapping[bytes, tuple[int, Sequence[int]]], items: bytes
) -> dict[bytes, list[Fetched]]:
    """By folder, these messages, in no order. Those that are gone are not among them, nor folders that have changed.

    asked  folder → its UIDVALIDITY, and numbers of messages
    """
    wanted = {wire: uids for wire, (_, uids) in asked.items() if uids}
    found = dict[bytes, list[Fetched]]()
    if len(wanted) == 1:
        ((wire, uids),) = wanted.items()
        if await _opened(session, wire) == asked[wire][0]:
            found[wire] = await commands.fetch(session, uids, items)
        return found
    for wires in _chunks(list(wanted), AT_ONCE):
        then = [[(commands.fetching(wanted[wire], items),)] for wire in wires]
        for wire, (opened, answers) in zip(wires, await _run(session, wires, then, SECONDS), strict=True):
            if opened == asked[wire][0]:
                found[wire] = [one for answer in answers for one in commands.fetched(answer, wanted[wire])]
    return found


async def _opened(session: ImapSession, wire: bytes) -> int | None:
    """None: the folder cannot be opened."""
    try:
        return await commands.open_folder(session, wire)
    except ProviderFailure as failure:
        if session.usable and "NO" in failure.evidence.subcodes:
            return None
        raise


async def _run(
    session: ImapSession, wires: Sequence[bytes], then: Sequence[Sequence[tuple[bytes, ...]]], seconds: float
) -> list[tuple[int | None, list[Answer]]]:
    """The UIDVALIDITY of each folder, None if it cannot be opened, and the answers to the commands within it."""
    session.selected = None
    asked = [command for wire, more in zip(wires, then, strict=True) for command in ((commands.opening(wire),), *more)]
    results = iter(await session.run_all(asked, seconds=seconds))
    return [_took(session, wire, results, len(more)) for wire, more in zip(wires, then, strict=True)]


def _took(
    session: ImapSession, wire: bytes, results: Iterator[Answer | ProviderFailure], more: int
) -> tuple[int | None, list[Answer]]:
    opened, answers = next(results), [next(results) for _ in range(more)]
    if isinstance(opened, ProviderFailure):
        if "NO" not in opened.evidence.subcodes:
            raise opened
        session.selected = None
        return None, []
    validity = commands.took(session, wire, opened)
    given = list[Answer]()
    for answer in answers:
        if isinstance(answer, ProviderFailure):
            raise answer
        given.append(answer)
    return validity, given


def _all(found: Sequence[Uids]) -> Uids:
    return found[0] if len(found) == 1 else Uids(one for uids in found for one in uids.ranges)


def _chunks(wires: list[bytes], size: int) -> Iterator[list[bytes]]:
    return (wires[start : start + size] for start in range(0, len(wires), size))
