"""Queries as searches: no text of a caller becomes a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.errors import InvalidData
from opengrant.mail.imap.criteria import criteria
from opengrant.mail.port import MessageQuery
from opengrant.net.imap.parser import values

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@given(TEXTS, st.lists(TEXTS, max_size=3), st.lists(TEXTS, max_size=3), st.integers(0, 1 << 40))
def test_a_text_stays_one_argument(subject, senders, words, at):
    """Read again by a parser of its own, the search has the words of the query where they belong, and no others."""
    query = MessageQuery(subject=subject, sender=tuple(senders), words=tuple(words), after=at, unread=True)
    texts = [*senders, subject, *words]
    try:
        made = criteria(query, below=9)
    except InvalidData:
        assert any(bad in text for text in texts for bad in "\r\n\0")
        return
    assert made is not None
    lines, literals = made[::2], made[1::2]
    assert not any(set(line) & set(b"\r\n\0") for line in lines)
    marked = [line + b"{%d}" % len(text) for line, text in zip(lines, literals, strict=False)]
    pieces = [piece for pair in zip(marked, literals, strict=True) for piece in pair]
    read = values([*pieces, lines[-1]])
    expected = [b"UNDELETED", b"UID", b"1:8", b"UNSEEN", b"SINCE", read[5]]
    for place, text in enumerate(senders):
        expected += [b"OR"] * (place < len(senders) - 1) + [b"FROM", text.encode()]
    expected += [b"SUBJECT", subject.encode()]
    for word in words:
        expected += [b"TEXT", word.encode()]
    assert read == expected


@pytest.mark.parametrize("below", [0, 1])
def test_below_the_first_message_there_is_none(below):
    assert criteria(MessageQuery(), below=below) is None
