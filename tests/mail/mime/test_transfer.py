"""Transfer encodings, in pieces of any size."""

import base64
import binascii
import quopri
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail.mime import transfer


def in_pieces(data: bytes, cuts: list[int], encoding: str) -> bytes:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    reading = transfer.decoder(encoding)
    pieces = [reading.feed(data[one:other]) for one, other in pairwise(places)]
    return b"".join(pieces) + reading.end()


_CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(st.binary(max_size=500), _CUTS)
def test_base64(content: bytes, cuts: list[int]) -> None:
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    assert in_pieces(encoded, cuts, "base64") == content
    assert in_pieces(encoded.rstrip(b"=\r\n"), cuts, "base64") == content


@given(st.binary(max_size=500), _CUTS)
def test_quoted_printable(content: bytes, cuts: list[int]) -> None:
    assert in_pieces(quopri.encodestring(content), cuts, "quoted-printable") == quopri.decodestring(
        quopri.encodestring(content)
    )


@given(st.binary(max_size=200) | st.text("=AaFf0 \t\r\nxyz/+").map(str.encode), _CUTS)
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "7bit", "x-any"])
def test_any_bytes_are_read_alike_in_any_pieces(encoding: str, data: bytes, cuts: list[int]) -> None:
    assert in_pieces(data, cuts, encoding) == transfer.decode(data, encoding)


@pytest.mark.parametrize(
    ("encoded", "content"),
    [
        (b"YQ==", b"a"),
        (b"YQ", b"a"),
        (b"YWI", b"ab"),
        (b"YWJj\r\nZ", b"abc"),
        (b"Y W!J\x00j", b"abc"),
        (b"YQ==\r\n-- \r\nfooter of a list", b"a"),
        (b"====", b""),
        (b"", b""),
    ],
)
def test_base64_with_faults(encoded: bytes, content: bytes) -> None:
    assert transfer.decode(encoded, "base64") == content


@pytest.mark.parametrize(
    ("encoded", "content"),
    [
        (b"a=\r\nb", b"ab"),
        (b"=C3=A4=c3=a4", "ää".encode()),
        (b"100=% =XY =", b"100=% =XY "),
        (b"a_b", b"a_b"),
    ],
)
def test_quoted_printable_with_faults(encoded: bytes, content: bytes) -> None:
    assert transfer.decode(encoded, "quoted-printable") == content


def test_a_line_without_an_end_is_not_collected() -> None:
    reading = transfer.decoder("quoted-printable")
    given_back = sum(len(reading.feed(b"x" * 8_000 + b"=41")) for _ in range(1_000))
    assert given_back > 8_000_000 - 2 * 64 * 1024
    assert given_back + len(reading.end()) == 8_001_000


def test_the_size_of_a_piece_does_not_matter_for_a_long_line() -> None:
    data = b"=41" * 60_000
    assert binascii.a2b_qp(data) == b"A" * 60_000
    assert in_pieces(data, list(range(0, 180_000, 1_001)), "quoted-printable") == b"A" * 60_000
