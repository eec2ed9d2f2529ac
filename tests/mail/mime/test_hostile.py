"""Input that is made to cost: each is read to its end, though it is large.

A linear reader takes a second at most. A quadratic one takes from most of a minute to hours, and runs into the time-out
of the test.
"""

from collections.abc import Callable

import pytest

from opengrant.mail.mime import charsets, headers, transfer
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.headers import Headers
from opengrant.mail.mime.index import index
from opengrant.mail.mime.parts import DEEPEST, MOST_PARTS
from opengrant.mail.mime.text import attachments, snippet, texts
from tests.mail.mime.corpus import lines, mixed

HEADER = headers.MOST_BYTES
BODY = 2 * 1024 * 1024


def filled(piece: str, size: int = HEADER) -> str:
    return piece * (size // len(piece))


def nested(levels: int) -> bytes:
    return b"".join(
        lines(f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}") for level in range(levels)
    )


MESSAGES: dict[str, Callable[[], bytes]] = {
    "blanks": lambda: mixed("--outer", "", " " * BODY, "--outer--"),
    "blank lines": lambda: mixed("--outer", "", "\r\n" * (BODY // 2), "--outer--"),
    "dashes": lambda: mixed("--outer", "", "-" * BODY, "--outer--"),
    "lines of dashes": lambda: mixed("--outer", "", "--\r\n" * (BODY // 4), "--outer--"),
    "lines that are nearly delimiters": lambda: mixed("--outer", "", "--outerx\r\n" * (BODY // 10), "--outer--"),
    "nearly delimiters under deep multiparts": lambda: nested(DEEPEST) + b"\r\n" + b"--b0x\r\n" * (BODY // 7),
    "10,000 parts": lambda: mixed(*["--outer\r\n\r\nx"] * 10_000, "--outer--"),
    "1,000 levels": lambda: nested(1_000),
    "100,000 levels": lambda: nested(100_000),
    "parts that begin and end": lambda: mixed("--outer", *["--outer--", "--outer"] * 100_000),
    "multiparts side by side": lambda: mixed(
        *["--outer\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n"] * 900
    ),
    "headers without an end": lambda: mixed(*["--outer\r\nContent-Type: text/html"] * 10_000),
    "a header line of 2 MB": lambda: b"Subject: " + b"x" * BODY,
    "2 MB of header lines": lambda: b"a: b\r\n" * (BODY // 6),
    "2 MB of folds": lambda: b"Subject: x" + b"\r\n " * (BODY // 3),
    "2 MB of lines that are no fields": lambda: b"\r" * BODY,
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_is_made_to_cost(name: str) -> None:
    found = index(MESSAGES[name]())
    assert 1 <= len(list(found.root.leaves())) <= MOST_PARTS
    assert len(found.headers.fields) <= HEADER // 3
    assert attachments(found.root) is not None
    assert texts(found.root) is not None


VALUES = [
    *("=?utf-8?q?", "=?utf-8?q?a", "=?", "=?a?b?=", "=?utf-8?q?=C3?= ", "=?a?q?x?=", "?=", "=?utf-8?b?w", "=?x?q??"),
    *("(", ")", "(\\", "()", "<", ">", '"', '""', '"\\', '\\"', "\\", ",", ";", ":", "a:", "a:;", "[", "@", "<@"),
    *("a", "a ", '"a"', '"a" ', "a@b.c,", "<a@b.c> ", ";a=b", ";a", '; a="', ';a="\\', ";a*1=", ";a*=%", ";a*0*=''"),
    *("; ", " ", "\t", "<a@b>", "<a", "a>", "1 ", "-", "+1"),
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", VALUES)
def test_a_header_that_is_made_to_cost(piece: str) -> None:
    value = filled(piece)
    for read in (headers.text, addresses, headers.parameterised, headers.message_ids, headers.message_id, headers.date):
        read(value)
    assert Headers.read(value.encode()) is not None


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", [b"=", b"=\r", b"=\n", b" ", b" \n", b"A", b"A=", b"=A", b"\xff", b"\n"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_a_body_that_is_made_to_cost(encoding: str, piece: bytes) -> None:
    assert len(transfer.decode(piece * (BODY // len(piece)), encoding)) <= BODY
    reading = transfer.decoder(encoding)
    assert sum(len(reading.feed(piece * 50)) for _ in range(20_000)) <= 1_000_000 * len(piece)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("charset", [None, *sorted(charsets._KNOWN), "punycode", "idna", "x" * 100_000])
def test_a_text_that_is_made_to_cost(charset: str | None) -> None:
    for piece in (b"\xff", b"\xe4a", b"\x1b$B", b"\x80", b"+AAA-", b"~{", b"\0"):
        charsets.decode(piece * (200_000 // len(piece)), charset)


TAGS = ["<b>", "<p><b>", "<table>", "<a href=", "&", "<!--", "<", "<svg>", "<select>", "\n", "<p>a"]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", TAGS)
def test_html_that_is_made_to_cost(piece: str) -> None:
    assert len(snippet(filled(piece, BODY), is_html=True)) <= 100


def test_formatting_that_is_left_open_costs_a_list_little() -> None:
    """A parser's tree of 16 KB of it has a million nodes, of each message of a list."""
    html = "".join(f"<p><font color={number}>" for number in range(1000))
    assert [snippet(html, is_html=True) for _ in range(200)] == [""] * 200
