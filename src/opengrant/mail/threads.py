"""What a thread says of its messages. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from opengrant.mail.port import Message, Thread, ThreadQuery
from opengrant.model.basics import record
from opengrant.model.mail import Address, MessageHead


@record
class Member:
    """A message of a thread, as it lies in one folder. sent: the folder is that of sent messages."""

    head: MessageHead
    draft: bool = False
    sent: bool = False


def thread_of(members: Sequence[Member]) -> Thread:
    """members: at least one. A message may be among them several times, of several folders."""
    members = sorted(members, key=lambda one: one.head.date)
    once = _once(members)
    real = [one for one in once if not one.draft] or once
    latest = once[-1]
    sent = {one.head.id for one in members if one.sent}
    return Thread(
        id=latest.head.thread_id,
        subject=once[0].head.subject,
        participants=_participants(one.head for one in once),
        message_ids=tuple(one.head.id for one in once if not one.draft),
        draft_ids=tuple(one.head.id for one in once if one.draft),
        folders=tuple(dict.fromkeys(folder for one in once for folder in one.head.folders)),
        unread=any(one.head.unread for one in once),
        starred=any(one.head.starred for one in once),
        has_attachments=any(not part.is_inline for one in once for part in one.head.attachments),
        earliest=real[0].head.date,
        received=max((one.head.date for one in once if not one.draft and one.head.id not in sent), default=None),
        sent=max((one.head.date for one in once if not one.draft and one.head.id in sent), default=None),
        latest=Message(latest.head),
        latest_is_draft=latest.draft,
    )


def matches(query: ThreadQuery, thread: Thread) -> bool:
    """Whether the thread is as the query wants it. That one message is has been asked of the server."""
    latest, one = thread.latest.head.date, query.one
    return (
        (query.before is None or latest < query.before)
        and (query.after is None or latest > query.after)
        and (query.begun is None or thread.earliest >= query.begun)
        and query.has_attachment in (None, thread.has_attachments)
        and not (one.unread is False and thread.unread)
        and not (one.starred is False and thread.starred)
        and one.thread_id in (None, thread.id)
    )


def _once(members: Iterable[Member]) -> list[Member]:
    """Each message once, with the folders of all its copies. Of two versions of a draft, the newest counts."""
    by_id: dict[str, Member] = {}
    for one in members:
        known = by_id.get(one.head.id)
        if known is None or one.draft:
            by_id.pop(one.head.id, None)
            by_id[one.head.id] = one
        else:
            by_id[one.head.id] = replace(known, head=_joined(known.head, one.head))
    return list(by_id.values())


def _joined(one: MessageHead, copy: MessageHead) -> MessageHead:
    return replace(
        one,
        folders=tuple(dict.fromkeys((*one.folders, *copy.folders))),
        unread=one.unread or copy.unread,
        starred=one.starred or copy.starred,
    )


def _participants(heads: Iterable[MessageHead]) -> tuple[Address, ...]:
    """Each address once, with the first name that it has."""
    found: dict[str, Address] = {}
    for head in heads:
        for address in (*head.sender, *head.to, *head.cc, *head.bcc):
            key = address.email.lower()
            if key not in found or (address.name and not found[key].name):
                found[key] = address
    return tuple(found.values())
