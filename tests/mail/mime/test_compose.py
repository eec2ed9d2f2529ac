"""Messages that are written: what Python's parser reads in them is what was meant, and nothing else."""

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.errors import InvalidData
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.compose import LONGEST_LINE, File, Outgoing, check_header, compose, reply_references
from opengrant.mail.mime.headers import message_ids
from opengrant.mail.mime.index import index
from opengrant.mail.mime.text import attachments, body, texts
from opengrant.model.mail import Address

ANN, BOB = Address("ann@example.com", "Ann"), Address("bob@example.com")
PNG = File("dot.png", "image/png", b"\x89PNG", content_id="dot@example.com", is_inline=True)
PDF = File("a.pdf", "application/pdf", b"%PDF" * 1_000)


def outgoing(**more: Any) -> Outgoing:
    return Outgoing(**{"sender": ANN, "message_id": "<1@example.com>", "date": 1_772_438_400, "to": (BOB,), **more})


def read(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def well_formed(raw: bytes) -> None:
    assert raw.isascii()
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= LONGEST_LINE


def test_a_message_says_what_it_should() -> None:
    raw = compose(
        outgoing(
            cc=(Address("c@exämple.com", "Ç, D"),), bcc=(BOB,), reply_to=(ANN,), subject="Grüße", body="<p>Grüße</p>"
        )
    )
    found = read(raw)
    assert found["from"] == "Ann <ann@example.com>"
    assert found["to"] == "bob@example.com"
    assert found["cc"].addresses[0].display_name == "Ç, D"
    assert found["cc"].addresses[0].addr_spec == "c@xn--exmple-cua.com"
    assert found["bcc"] is None
    assert found["reply-to"] == "Ann <ann@example.com>"
    assert found["subject"] == "Grüße"
    assert found["date"].datetime.timestamp() == 1_772_438_400
    assert found["message-id"] == "<1@example.com>"
    assert found["references"] is None
    assert found.get_content_type() == "text/html"
    assert found.get_content() == "<p>Grüße</p>"
    assert read(compose(outgoing(bcc=(BOB,)), with_bcc=True))["bcc"] == "bob@example.com"


_ANY = st.text(max_size=300) | st.text(st.sampled_from('ab \t\r\n=?_,;:<>()"\\@ä€😀\0'), max_size=300)


@given(_ANY, _ANY, _ANY, _ANY)
def test_no_text_makes_another_field(subject: str, name: str, filename: str, value: str) -> None:
    value = value.translate({0: None, 10: None, 13: None})
    file = File(filename, "text/plain", b"x")
    said = outgoing(subject=subject, to=(Address("b@example.com", name),), files=(file,), headers=(("X-Own", value),))
    raw = compose(said)
    well_formed(raw)
    names = [field for field, _ in index(raw).headers.fields]
    assert names == ["Date", "From", "To", "Subject", "Message-ID", "X-Own", "MIME-Version", "Content-Type"]
    found = index(raw)
    assert [one.email for one in addresses(found.headers.first("to") or "")] == ["b@example.com"]


_PRINTED = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=120)


@given(_PRINTED, _PRINTED, _PRINTED)
def test_texts_come_back(subject: str, name: str, filename: str) -> None:
    raw = compose(outgoing(subject=subject, to=(Address("b@example.com", name),), files=(File(filename, "a/b", b"x"),)))
    found = read(raw)
    assert found["subject"] == subject
    assert [file.get_filename() for file in found.iter_attachments()] == [filename]
    (to,) = addresses(index(raw).headers.first("to") or "")
    assert (to.email, to.name) == ("b@example.com", name)


@given(st.text(max_size=400), st.booleans())
def test_a_body_comes_back(text: str, is_html: bool) -> None:
    raw = compose(outgoing(body=text, is_html=is_html))
    well_formed(raw)
    found = index(raw)
    part = texts(found.root).shown
    assert part is not None
    said = body(part, raw[slice(*found.bodies[part.number])])
    assert said.is_html is is_html
    assert said.content.splitlines() == text.replace("\r\n", "\n").replace("\r", "\n").splitlines()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"),
        ("x" * 2_000, "quoted-printable"),
        ("Grüße an alle, die das lesen", "quoted-printable"),
        ("你好", "base64"),
    ],
)
def test_a_body_is_encoded_as_it_needs(text: str, encoding: str) -> None:
    raw = compose(outgoing(body=text))
    well_formed(raw)
    assert read(raw)["content-transfer-encoding"] == encoding
    assert read(raw).get_content().strip() == text


def test_files_are_attached_or_shown_in_the_text() -> None:
    raw = compose(outgoing(body="<img src='cid:dot@example.com'>", files=(PNG, PDF)))
    well_formed(raw)
    found = read(raw)
    assert [part.get_content_type() for part in found.walk()] == [
        *("multipart/mixed", "multipart/related", "text/html", "image/png", "application/pdf"),
    ]
    png, pdf = attachments(index(raw).root)
    assert (png.filename, png.content_id, png.is_inline) == ("dot.png", "dot@example.com", True)
    assert (pdf.filename, pdf.content_type, pdf.is_inline) == ("a.pdf", "application/pdf", False)
    (attached,) = found.iter_attachments()
    assert attached.get_content() == PDF.content


def test_a_plain_text_shows_no_files() -> None:
    raw = compose(outgoing(body="text", is_html=False, files=(PNG,)))
    assert [part.get_content_type() for part in read(raw).walk()] == ["multipart/mixed", "text/plain", "image/png"]


@pytest.mark.parametrize("kind", ["a/b\r\nX-Evil: 1", "", "multipart/mixed", "message/rfc822", "text/html; charset=x"])
def test_a_type_that_cannot_be_written_is_replaced(kind: str) -> None:
    raw = compose(outgoing(files=(File("a", kind, b"x"),)))
    well_formed(raw)
    assert b"X-Evil" not in raw
    (attached,) = attachments(index(raw).root)
    assert attached.content_type == ("text/html" if kind.startswith("text") else "application/octet-stream")


def test_an_answer_names_the_whole_conversation() -> None:
    chain = tuple(f"<{number}@example.com>" for number in range(30))
    raw = compose(outgoing(references=reply_references(chain, (), "<new@example.com>")))
    well_formed(raw)
    headers = index(raw).headers
    assert headers.first("in-reply-to") == "<new@example.com>"
    assert message_ids(headers.first("references") or "") == (*chain, "<new@example.com>")


def test_of_a_very_long_conversation_the_beginning_and_the_end_are_named() -> None:
    chain = tuple(f"<{number}@{'x' * 800}>" for number in range(100))
    raw = compose(outgoing(references=(*chain, "<ä@example.com>", "<two words>", "<last@example.com>")))
    well_formed(raw)
    assert message_ids(index(raw).headers.first("references") or "") == (
        *(*chain[:20], *chain[-19:], "<last@example.com>"),
    )


def test_the_chain_of_an_answer() -> None:
    assert reply_references(("<a@x>", "<b@x>"), ("<c@x>",), "<d@x>") == ("<a@x>", "<b@x>", "<d@x>")
    assert reply_references((), ("<c@x>", "<e@x>"), "<d@x>") == ("<c@x>", "<d@x>")
    assert reply_references(("<d@x>", "<a@x>"), (), "<d@x>") == ("<a@x>", "<d@x>")
    assert reply_references((), (), "<d@x>") == ("<d@x>",)


@pytest.mark.parametrize(
    "email_",
    [
        "",
        "a",
        "@example.com",
        "a@",
        "a b@example.com",
        "a@b@c",
        "a@example.com\r\nBcc: c@d",
        "ä@example.com",
        "a@x,b@y",
        "<a@b>",
        "a@ex ample",
        f"{'x' * 400}@example.com",
        f"a@{'ä' * 300}.com",
    ],
)
def test_an_address_that_cannot_be_written_is_refused(email_: str) -> None:
    with pytest.raises(InvalidData, match=r"^cc: "):
        compose(outgoing(cc=(Address(email_),)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Subject", "x"),
        ("content-type", "x"),
        ("DKIM-Signature", "x"),
        ("Bcc", "x"),
        ("X Y", "x"),
        ("X:Y", "x"),
        ("", "x"),
        ("X-Ö", "x"),
        ("X-Own", "a\r\nBcc: b@example.com"),
        ("X-Own", "a\nb"),
        ("X-Own", "a\0b"),
    ],
)
def test_a_field_that_a_caller_may_not_set_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidData, match=r"^custom_headers: "):
        check_header(name, value)
    with pytest.raises(InvalidData, match=r"^custom_headers: "):
        compose(outgoing(headers=((name, value),)))


def test_a_link_in_a_field_stays_whole() -> None:
    link = f"<https://example.com/{'x' * 300}>"
    raw = compose(outgoing(headers=(("List-Unsubscribe", link),)))
    well_formed(raw)
    assert index(raw).headers.first("list-unsubscribe") == link


@pytest.mark.parametrize("content_id", ["a b", "a\r\nb", "a>b", "ä", "x" * 300])
def test_a_content_id_that_cannot_be_written_is_refused(content_id: str) -> None:
    with pytest.raises(InvalidData, match=r"^attachments: "):
        compose(outgoing(files=(File("a", "a/b", b"", content_id=content_id),)))


@pytest.mark.timeout(120)
def test_large_input_is_written() -> None:
    people = tuple(Address(f"{number}@example.com", "Ä" * 50) for number in range(20_000))
    raw = compose(
        outgoing(to=people, subject="x ä" * 100_000, body="ä" * 4_000_000, files=(File("ä" * 100_000, "a/b", b""),))
    )
    well_formed(raw)
    assert len(raw) > 8_000_000
