"""Several messages by their ids, wherever they lie: where they were seen last, else in one folder after another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from opengrant.mail import ids
from opengrant.mail.imap import finding, listing
from opengrant.mail.imap.heads import Seen
from opengrant.mail.port import Headers, Message
from opengrant.mail.sessions import Kept
from opengrant.net.imap import commands
from opengrant.net.imap.session import ImapSession

LONGEST = 4000
"""Characters of ids in one search: some servers take commands of 8 KB and no more."""


async def some(
    kept: Kept, session: ImapSession, message_ids: Sequence[str], *, headers: Headers, bodies: bool
) -> list[Message]:
    found = dict[str, Seen]()
    wanted = set(message_ids)

    def take(seen: Sequence[Seen]) -> None:
        for one in seen:
            if one.head.id in wanted and one.head.id not in found:
                found[one.head.id] = one
                kept.remember(one.head.id, (one.wire, one.validity, one.uid))

    known = defaultdict[tuple[bytes, int], list[int]](list)
    for id_ in wanted:
        place = ids.located(id_) or kept.hints.get(id_)
        if place is not None:
            known[place[0], place[1]].append(place[2])
    for (wire, validity), uids in known.items():
        take(await finding.read(session, wire, uids, headers, validity=validity))
    left = [id_ for id_ in message_ids if id_ not in found and ids.is_message_id(id_) and ids.located(id_) is None]
    if left:
        folders = finding.in_order([one for one in await commands.list_folders(session) if commands.can_open(one)])
        for start in range(0, len(folders), finding.AT_ONCE):
            left = [id_ for id_ in left if id_ not in found]
            for batch in _batches(left):
                for wire, numbers in await finding.search(session, batch, folders[start : start + finding.AT_ONCE]):
                    take(await finding.read(session, wire, numbers, headers))
    seen = [found[id_] for id_ in message_ids if id_ in found]
    texts = await listing.texts(session, seen) if bodies else {}
    return [one.message(headers, texts.get((one.wire, one.uid))) for one in seen]


def _batches(message_ids: Sequence[str]) -> Iterator[list[str]]:
    batch, size = list[str](), 0
    for id_ in message_ids:
        if batch and size + len(id_) > LONGEST:
            yield batch
            batch, size = [], 0
        batch.append(id_)
        size += len(id_)
    if batch:
        yield batch
