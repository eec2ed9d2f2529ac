"""Where the parts of a message lie, with Python's own parser as the second opinion."""

import email
import email.policy
from email.message import EmailMessage, Message
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail.mime import transfer
from opengrant.mail.mime.index import Index, index
from opengrant.mail.mime.parts import DEEPEST, MOST_PARTS, Part
from tests.mail.mime.corpus import BADLY, WELL, lines, mixed


def bytes_of(raw: bytes, found: Index, part: Part) -> bytes:
    start, end = found.bodies[part.number]
    return transfer.decode(raw[start:end], part.encoding)


def seen(raw: bytes) -> list[tuple[str, str | None, str | None, bytes]]:
    """Type, name, Content-ID and content of each part, as found here."""
    found = index(raw)
    return [
        (part.kind, part.filename, part.content_id, _plain(part.kind, bytes_of(raw, found, part)))
        for part in found.root.leaves()
    ]


def expected(raw: bytes) -> list[tuple[str, str | None, str | None, bytes]]:
    """The same, as Python's parser finds it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return [_expected(part) for part in _leaves(message)]


def _leaves(message: Message) -> list[Message]:
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        return [message]
    return [leaf for part in message.get_payload() for leaf in _leaves(part)]  # type: ignore[union-attr, arg-type]


def _expected(part: Message) -> tuple[str, str | None, str | None, bytes]:
    content = part.get_payload(decode=True)
    if content is None:  # a message within, or a report
        (within,) = part.get_payload()
        content = within.as_bytes()  # type: ignore[union-attr]
    content_id = part["content-id"]
    return (
        part.get_content_type(),
        part.get_filename(),
        None if content_id is None else str(content_id).strip("<>"),
        _plain(part.get_content_type(), content),  # type: ignore[arg-type]
    )


def _plain(kind: str, content: bytes) -> bytes:
    """With the line ends of Python, which writes a message within anew, and the last of them as it likes."""
    lines = content.replace(b"\r\n", b"\n")
    return lines.rstrip(b"\n") if kind == "message/rfc822" else lines


OTHERWISE = {
    "a report": "Python takes it apart",
    "no end": "Python takes the last line end for that of a delimiter",
}


@pytest.mark.parametrize("name", [name for name in WELL if name not in OTHERWISE])
def test_the_same_parts_as_of_pythons_parser(name: str) -> None:
    assert seen(WELL[name]) == expected(WELL[name])


_CONTENT = st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode))
_NAME = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=80)


@st.composite
def messages(draw: st.DrawFn) -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = draw(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=60))
    made.set_content(draw(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c"), max_size=120)))
    if draw(st.booleans()):
        made.add_alternative("<p>x</p>\n", subtype="html", cte=draw(st.sampled_from(["base64", "quoted-printable"])))
    for content, name in draw(st.lists(st.tuples(_CONTENT, _NAME), max_size=3)):
        made.add_attachment(content, maintype="application", subtype="x-any", filename=name, cid="<c@example.com>")
    return made


@given(messages())
def test_what_python_writes_is_read_as_python_reads_it(message: EmailMessage) -> None:
    raw = message.as_bytes(policy=email.policy.SMTP)
    assert seen(raw) == expected(raw)


@pytest.mark.parametrize("name", [*WELL, *BADLY])
def test_every_byte_of_a_part_is_where_the_index_says(name: str) -> None:
    raw = {**WELL, **BADLY}[name]
    found = index(raw)
    leaves = list(found.root.leaves())
    assert leaves
    assert {part.number for part in leaves} == found.bodies.keys()
    spans = [found.bodies[part.number] for part in leaves]
    assert all(0 <= start <= end <= len(raw) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert [part.size for part in leaves] == [end - start for start, end in spans]


ODD = {
    "nothing": [("text/plain", b"")],
    "lines that end in LF": [("text/plain", b"one"), ("text/plain", b"two")],
    "no boundary": [("text/plain", None)],
    "no delimiter": [("text/plain", b"text that is no part\r\n")],
    "no part": [("text/plain", b"")],
    "the same boundary within": [("text/plain", "Grüße".encode()), ("application/pdf", b"JVBERi0xLjQK")],
    "a boundary that looks like an end": [("text/plain", "Grüße".encode())],
    "a header that ends at a delimiter": [("text/html", b""), ("text/plain", "Grüße".encode())],
    "no content type": [("text/plain", b"x\r\n")],
    "a content type in Chinese": [("text/plain", b"x\r\n")],
    "a blank after the encoding": [("text/plain", b"w6Q=\r\n")],
    "two content types": [("text/html", b"x\r\n")],
}


@pytest.mark.parametrize("name", ODD)
def test_bad_input_has_parts_too(name: str) -> None:
    raw = BADLY[name]
    found = index(raw)
    assert [part.kind for part in found.root.leaves()] == [kind for kind, _ in ODD[name]]
    for part, (_, content) in zip(found.root.leaves(), ODD[name], strict=True):
        start, end = found.bodies[part.number]
        assert content is None or raw[start:end] == content


@given(
    st.lists(st.sampled_from([b"--a", b"--b", b"--a--", b"--b--", b"", b"x", b"Content-Type: multipart/x; boundary=b"]))
)
def test_no_order_of_delimiters_breaks_it(body: list[bytes]) -> None:
    raw = mixed(*body, kind="multipart/mixed; boundary=a")
    found = index(raw)
    spans = [found.bodies[part.number] for part in found.root.leaves()]
    assert spans == sorted(spans)
    assert all(start <= end for start, end in spans)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message(raw: bytes) -> None:
    assert list(index(raw).root.leaves())


def test_multiparts_that_lie_too_deep_are_not_looked_into() -> None:
    deep = b"".join(
        lines(f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}") for level in range(1_000)
    )
    found = index(deep + b"\r\ntext")
    level, part = 0, found.root
    while part.parts:
        level, part = level + 1, part.parts[0]
    assert level == DEEPEST
    assert part.kind == "multipart/mixed"


def test_parts_beyond_a_thousand_stay_in_the_last_one() -> None:
    raw = mixed(*["--outer\r\n\r\nx"] * 10_000, "--outer--")
    found = index(raw)
    leaves = list(found.root.leaves())
    assert len(leaves) == MOST_PARTS - 1
    assert found.bodies[leaves[-1].number][1] == len(raw)


def test_a_header_is_read_up_to_its_bound() -> None:
    raw = lines("Subject: first", *["X-Filler: " + "x" * 1_000] * 300, "To: late@example.com", "", "body")
    found = index(raw)
    assert found.headers.first("subject") == "first"
    assert found.headers.first("to") is None
    assert bytes_of(raw, found, found.root) == b"body\r\n"
