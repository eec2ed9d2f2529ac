"""A query as IMAP searches: what the server can answer, and what has to be looked at here."""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from opengrant.errors import InvalidData
from opengrant.mail import ids
from opengrant.mail.port import MessageQuery
from opengrant.model.mail import MessageHead
from opengrant.net.imap.commands import uid_set
from opengrant.net.imap.names import quoted

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FIRST, _LAST = 0, 4_102_444_800
"""1970 and 2100: what lies beyond is no time of a message, and has no date that all servers read."""
_BAD = re.compile("[\x00\r\n]")


class _Parts:
    """A command: text, and by turns a literal and the text behind it."""

    def __init__(self) -> None:
        self.parts = [b"UNDELETED"]

    def add(self, text: bytes) -> None:
        self.parts[-1] += b" " + text

    def add_text(self, name: str, text: str) -> None:
        if _BAD.search(text):
            raise InvalidData(f"{name}: has characters that no message can be searched for.")
        if text.isascii():
            self.add(quoted(text.encode("ascii")))
        else:
            self.parts[-1] += b" "
            self.parts += [text.encode("utf-8", "replace"), b""]


def criteria(query: MessageQuery, *, below: int | None, without: Collection[int] = ()) -> list[bytes] | None:
    """For `commands.search`. below: a uid; without: uids. None: no message can match. Raises InvalidData."""
    made = _Parts()
    if below is not None:
        if below <= 1:
            return None
        made.add(b"UID 1:%d" % (below - 1))
    if without:
        made.add(b"NOT UID " + uid_set(without))
    for wanted, yes, no in ((query.unread, b"UNSEEN", b"SEEN"), (query.starred, b"FLAGGED", b"UNFLAGGED")):
        if wanted is not None:
            made.add(yes if wanted else no)
    # Servers compare days, each in a zone of its own; seconds are compared here.
    if query.after is not None:
        made.add(b"SINCE " + day(query.after, -1))
    if query.before is not None:
        made.add(b"BEFORE " + day(query.before, 2))
    for name, key, texts in (
        ("from", b"FROM", query.sender),
        ("to", b"TO", query.to),
        ("cc", b"CC", query.cc),
        ("bcc", b"BCC", query.bcc),
    ):
        _any_of(made, name, [(key, text) for text in texts])
    keys = (b"FROM", b"TO", b"CC", b"BCC")
    _any_of(made, "any_email", [(key, text) for text in query.any_email for key in keys])
    if query.subject is not None:
        _any_of(made, "subject", [(b"SUBJECT", query.subject)])
    for word in query.words:
        _any_of(made, "search_query_native", [(b"TEXT", word)])
    if query.thread_id is not None:
        root = ids.thread_root(query.thread_id)
        if root is None:
            return None
        names = (b"HEADER MESSAGE-ID", b"HEADER REFERENCES", b"HEADER IN-REPLY-TO")
        _any_of(made, "thread_id", [(name, root) for name in names])
    return made.parts


def _any_of(made: _Parts, name: str, terms: Sequence[tuple[bytes, str]]) -> None:
    for place, (key, text) in enumerate(terms):
        if place < len(terms) - 1:
            made.add(b"OR")
        made.add(key)
        made.add_text(name, text)


def day(at: int, days: int) -> bytes:
    day = datetime.fromtimestamp(min(max(at, _FIRST + 86_400), _LAST), UTC) + timedelta(days=days)
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}".encode("ascii")


def needs_a_look(query: MessageQuery) -> bool:
    """Whether a server's answer to the search has more than what is asked for."""
    return any(one is not None for one in (query.before, query.after, query.has_attachment, query.thread_id))


def matches(query: MessageQuery, head: MessageHead) -> bool:
    if query.before is not None and head.date >= query.before:
        return False
    if query.after is not None and head.date <= query.after:
        return False
    if query.thread_id is not None and head.thread_id != query.thread_id:
        return False
    has = any(not one.is_inline for one in head.attachments)
    return query.has_attachment is None or query.has_attachment == has
