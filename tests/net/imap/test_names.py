"""Names of folders: modified UTF-7 there and back, and names that servers should not have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.net.imap.names import decode_name, encode_name, quoted

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@given(TEXTS)
def test_every_name_comes_back(name):
    wire = encode_name(name)
    assert wire.isascii()
    assert decode_name(wire) == name


@given(st.binary(max_size=40))
def test_every_wire_name_is_read_and_two_never_look_alike_unless_one_is_utf8(wire):
    name = decode_name(wire)
    if wire.isascii() and name != wire.decode("ascii"):
        assert encode_name(name) == wire


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        (b"INBOX", "INBOX"),
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"A &- B", "A & B"),
        (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
        ("Entwürfe".encode(), "Entwürfe"),
        (b"&AGE-", "&AGE-"),  # an "a" needs no shift: sent back as it is
        (b"&broken", "&broken"),
    ],
)
def test_names_as_servers_send_them(wire, name):
    assert decode_name(wire) == name


def test_a_name_cannot_end_its_string():
    assert quoted(b'a"b\\c') == b'"a\\"b\\\\c"'
    for wrong in (b"a\r\nb", b"a\nb", b"\0"):
        with pytest.raises(ValueError, match="quoted"):
            quoted(wrong)
