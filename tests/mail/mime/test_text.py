"""What a message says, and what is attached to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail.mime.index import index
from opengrant.mail.mime.text import attachments, body, snippet, texts
from opengrant.model.mail import Attachment, Body
from tests.mail.mime.corpus import BADLY, HTML, PDF, PLAIN, WELL, lines, mixed


def said(raw: bytes) -> Body:
    found = index(raw)
    part = texts(found.root).shown
    return body(part, b"" if part is None else raw[slice(*found.bodies[part.number])])


def attached(raw: bytes) -> list[tuple[str, str]]:
    return [(one.id, one.content_type) for one in attachments(index(raw).root)]


NOTES = ("Content-Type: text/plain; name=notes.txt", "", "notes")
CALENDAR = ("Content-Type: text/calendar; method=REQUEST", "", "BEGIN:VCALENDAR")


@pytest.mark.parametrize(
    ("raw", "content", "ids"),
    [
        (WELL["a text"], "one\r\ntwo\r\n", []),
        (WELL["no header"], "only a body\r\n", []),
        (WELL["a text in Latin 1"], "Grüße\r\n", []),
        (WELL["two forms"], "<p>Grüße</p>", []),
        (WELL["two forms and an attachment"], "<p>Grüße</p>", ["2"]),
        (WELL["a message within"], "Grüße", ["2"]),
        (WELL["nothing but a message within"], "", ["1"]),
        (WELL["a digest"], "", ["1", "2"]),
        (WELL["a report"], "Grüße", ["2"]),
        (WELL["an image in the text"], "<p>Grüße</p>", ["2"]),
        (WELL["odd cases and folds"], "<p>ä</p>", []),
        (BADLY["a blank after the encoding"], "ä", []),
        (lines("Content-Type: text/plain; name=body.txt", "", "text"), "text\r\n", []),
        (lines("Content-Type: text/plain", "Content-Disposition: attachment", "", "x"), "", ["1"]),
        (lines("Content-Type: application/pdf", "", "x"), "", ["1"]),
        (mixed("--outer", *PDF, "--outer", *PLAIN, "--outer--"), "Grüße", ["1"]),
        (mixed("--outer", *NOTES, "--outer", *PLAIN, "--outer--"), "Grüße", ["1"]),
        (mixed("--outer", *PLAIN, "--outer", *HTML, "--outer--"), "Grüße", ["2"]),
        (
            mixed("--i", *PLAIN, "--i", *HTML, "--i", *CALENDAR, "--i--", kind="multipart/alternative; boundary=i"),
            "<p>Grüße</p>",
            ["3"],
        ),
        (
            mixed(
                *("--i", *PLAIN, "--i", "Content-Type: text/x-amp-html", "", "<b>", "--i"),
                *("Content-Type: multipart/related; boundary=r", "", "--r", *HTML, "--r", *PDF, "--r--", "--i--"),
                kind="multipart/alternative; boundary=i",
            ),
            "<p>Grüße</p>",
            ["3.2"],
        ),
    ],
)
def test_the_text_and_the_attachments(raw: bytes, content: str, ids: list[str]) -> None:
    assert said(raw).content == content
    assert [one for one, _ in attached(raw)] == ids


def test_what_is_said_of_an_attachment() -> None:
    (image,) = attachments(index(WELL["an image in the text"]).root)
    assert image == Attachment(
        id="2",
        filename="dot.png",
        content_type="image/png; name=dot.png",
        size=12,
        content_id="dot@example.com",
        disposition="inline",
        is_inline=True,
    )
    (other,) = attachments(index(WELL["two forms and an attachment"]).root)
    assert (other.filename, other.disposition, other.content_id, other.is_inline) == (
        "a.pdf",
        "attachment",
        None,
        False,
    )
    (named,) = attachments(index(WELL["names with marks"]).root)
    assert named.filename == '../a "b" \\ c;d.txt'


@pytest.mark.parametrize(
    ("header", "within", "inline"),
    [
        ("Content-ID: <a>\r\nContent-Disposition: inline", "mixed", True),
        ("Content-ID: <a>\r\nContent-Disposition: attachment", "related", False),
        ("Content-ID: <a>", "related", True),
        ("Content-ID: <a>", "mixed", False),
        ("Content-Disposition: inline; filename=a.pdf", "mixed", False),
    ],
)
def test_a_part_is_inline_if_the_text_can_show_it(header: str, within: str, inline: bool) -> None:
    kind = f"multipart/{within}; boundary=outer"
    raw = mixed("--outer", *HTML, "--outer", "Content-Type: image/png", header, "", "x", "--outer--", kind=kind)
    (found,) = attachments(index(raw).root)
    assert found.is_inline is inline


@pytest.mark.parametrize("name", [*WELL, *BADLY])
def test_each_part_is_the_text_or_another_form_of_it_or_attached(name: str) -> None:
    root = index({**WELL, **BADLY}[name]).root
    shown = texts(root)
    known = {one.id for one in attachments(root)} | {one.number for one in (shown.html, shown.plain) if one}
    assert known == {part.number for part in root.leaves()}
    said({**WELL, **BADLY}[name]).content.encode()


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("<p>Hel<b>lo</b></p><p>you</p>", "Hello you"),
        ("<title>t</title><style>p{}</style><script>x()</script><body>a<br>b&amp;c&nbsp;d<!-- e -->", "a b&c d"),
        ("<table><tr><td>a<td>b</table>", "a b"),
        ("\u200c\u034f\u00ad &zwnj;&#847; a", "a"),
        ("<p>unfinished <a href='", "unfinished"),
        ("", ""),
        ("<frameset>", ""),
        ("x" * 200, "x" * 100),
        ("<p>a</p>" + " " * 20_000 + "b", "a"),
        (f"<head><style>{'p{}' * 15_000}</style></head><BODY class=x>a<p>b", "a b"),
        ("<p><b></b></p>" * 500 + "a" * 90 + " " + "b" * 90, "a" * 90 + " " + "b" * 9),
    ],
)
def test_a_snippet_of_html(html: str, says: str) -> None:
    assert snippet(html, is_html=True) == says


def test_a_snippet_of_a_plain_text() -> None:
    assert snippet(" a\r\n\r\n\t<b>  c ", is_html=False) == "a <b> c"
    assert len(snippet("ab " * 100, is_html=False)) <= 100


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["<p", ">", "<b>", "</", "&#0;", "&#xd800;", "a", " "])).map("".join)
)
def test_no_html_breaks_a_snippet(html: str) -> None:
    found = snippet(html, is_html=True)
    assert len(found) <= 100
    found.encode()
