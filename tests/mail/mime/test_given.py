"""Messages that callers have written: what is made of any bytes is a message without Bcc, for any server."""

import re

import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from opengrant.errors import InvalidData
from opengrant.mail.mime.given import given
from opengrant.mail.mime.headers import Headers
from opengrant.mail.mime.writing import has_longer_line

_LINES = st.lists(
    st.sampled_from(
        [
            *(b"From: a@example.com", b"To: b@example.com", b"Bcc: c@example.com,", b"bcc : d@example.com", b" folded"),
            *(b"Message-ID: <x@example.com>", b"Message-ID: ", b"Date: today", b"Subject: x", b"", b".", b"Bcc: body"),
            *(b"Resent-Bcc: e@example.com", b"\tmore: x", "X: ä".encode(), b"no field", b"X: \r y"),
        ]
    ),
    max_size=12,
)


@each(_LINES, st.sampled_from([b"\r\n", b"\n"]))
def test_what_is_made_of_it_is_a_message(lines: list[bytes], end: bytes) -> None:
    mime = end.join([b"From: a@example.com", b"To: b@example.com", *lines])
    try:
        found = given(mime, message_id_="<new@example.com>", date=0)
    except InvalidData:
        return
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", found.raw)
    head, _, body = found.raw.partition(b"\r\n\r\n")
    fields = Headers.read(head)
    names = [name.lower() for name, _ in fields.fields]
    assert not {"bcc", "resent-bcc"} & set(names)
    assert fields.first("date") is not None
    assert fields.first("message-id") == found.message_id
    assert {one.email for one in found.bcc} <= {one.email for one in found.recipients}
    written = re.sub(rb"\r\n?|\n", b"\r\n", mime)
    assert written.endswith(body)


@each(st.binary(max_size=200))
def test_no_bytes_fail_in_another_way(data: bytes) -> None:
    with pytest.raises(InvalidData):
        given(data, message_id_="<new@example.com>", date=0)


@each(st.lists(st.integers(0, 12), max_size=8), st.integers(1, 10))
def test_a_long_line_is_found_wherever_it_is(lengths: list[int], most: int) -> None:
    data = b"\r\n".join(b"x" * length for length in lengths)
    assert has_longer_line(data, most) is any(length > most for length in lengths)
