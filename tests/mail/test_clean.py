"""What a message says by itself: the functions, input that is made to cost or to deceive, and the call."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail.clean.conversation import Options, conversation
from opengrant.model.mail import Body
from tests.mail.mailbox import Owner, mail
from tests.support import Tenant, data, problem


def clean(content: str, *, html: bool = True, **options: bool) -> str:
    return conversation(Body(content, "", is_html=html), Options(**options))


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none">{}</div>',
        '<div style="DISPLAY : None !important">{}</div>',
        r'<div style="displ\61 y:none">{}</div>',
        '<div style="display:/**/none">{}</div>',
        "<div style='visibility:hidden'><b>{}</b></div>",
        '<span style="font-size:0">{}</span>',
        '<span style="font-size:0px;line-height:0"><i style="font-size:100%">{}</i></span>',
        '<font color="#fff">{}</font>',
        '<p style="color:#fefefe">{}</p>',
        '<td bgcolor="#123456"><span style="color:rgb(18, 52, 86)">{}</span></td>',
        '<p style="color:rgba(0,0,0,0)">{}</p>',
        '<a style="opacity:0" href="https://x">{}</a>',
        "<div hidden>{}</div>",
        '<div style="max-height:0;overflow:hidden">{}</div>',
        '<div style="position:absolute;left:-9999px">{}</div>',
        '<div style="text-indent:-9999px">{}</div>',
        "<style>.a{{display:none}}</style><p class='b a'>{}</p>",
        "<p id=a>{}</p><style>p#a {{ font-size: 0 }}</style>",
        '<p><b style="display:none">{0}</p><p>{0}</b></p>',
        "<!-- {} --><!--> -- {} -->"[:11],
        "<script>{}</script><style>{}</style><template>{}</template><noscript>{}</noscript><title>{}</title>",
        "<textarea><p>{}</p></textarea><select><option>{}</select><svg><text>{}</text></svg>",
        "".join(chr(0xE0000 + ord(letter)) for letter in "xyzzy"),
    ],
)
def test_what_nobody_sees_is_left_out(hidden: str) -> None:
    html = f"<p>Before</p>{hidden.format(*['xyzzy'] * 5)}<p>After</p>"
    for options in ({}, {"markdown": True, "links": True, "images": True, "tables": True}):
        assert clean(html, **options).split() == ["Before", "After"]


@pytest.mark.parametrize(
    "seen",
    [
        '<td bgcolor="#000000"><font color="white">{}</font></td>',
        '<div style="background:url(https://x/a.png)"><p style="color:#fff">{}</p></div>',
        '<table style="font-size:0"><tr><td style="font-size:14px">{}</td></tr></table>',
        '<div style="visibility:hidden"><p style="visibility:visible">{}</p></div>',
        "<style>@media (max-width:600px){{.a{{display:none}}}}</style><p class=a>{}</p>",
        "<style>.x .a{{background:#00f}} .a{{color:#fff}}</style><p class=a>{}</p>",
        '<div><p style="display:none">gone<div>{}</div>',
        '<table><tr><td style="display:none">gone<td>{}</table>',
        "<![if !mso]>{}<![endif]>",
        '<a href="https://x" style="color:#fff">{}</a>'.replace("#fff", "#00f"),
    ],
)
def test_what_is_seen_stays(seen: str) -> None:
    assert "gone" not in clean(seen.format("Hello"))
    assert "Hello" in clean(seen.format("Hello"))


def test_html_as_markdown() -> None:
    html = (
        "<h2>Plan</h2><p>See <b>this </b>and <i>that</i>, 2 * 3.</p><ul><li>one<li>two<ol><li>a<li>b</ol></ul>"
        "<table><tr><th>A<th>B<tr><td>1<td>2</table><blockquote>said</blockquote>"
        '<p><a href="https://example.com/a(b)">l[i]nk</a> <img src="https://example.com/a.png" alt="A">'
        '<a href="javascript:x()">no</a><img src="https://example.com/p.png" width="1"></p><pre>a\n  b</pre>'
    )
    assert clean(html, markdown=True, links=True, images=True, tables=True) == (
        "## Plan\n\nSee **this** and *that*, 2 \\* 3.\n\n- one\n- two\n\n  1. a\n  2. b\n\n"
        "| A | B |\n| --- | --- |\n| 1 | 2 |\n\n> said\n\n"
        "[l\\[i\\]nk](https://example.com/a%28b%29) ![A](https://example.com/a.png)no\n\n```\na\n  b\n```"
    )
    assert clean(html).splitlines()[:3] == ["Plan", "", "See this and that, 2 * 3."]
    assert "A B\n1 2" in clean(html)
    assert "A (https://example.com/a.png)" in clean(html, images=True, image_marks=False)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Yes.\n\nOn Mon, Mar 2, 2026 at 9:00 AM Ana Müller\n<ana@example.com> wrote:\n\n> Hi\n", "Yes."),
        ("Ja.\n\nAm 02.03.2026 um 09:00 schrieb Ana <ana@example.com>:\n> Hi", "Ja."),
        ("Le lun. 2 mars 2026 à 09:00, Ana <ana@example.com> a écrit :\n> Hi\n\nOui", "Oui"),
        ("> one\nA\n> two\nB", "A\nB"),
        ("A\n\n-----Original Message-----\nFrom: x\nB", "A"),
        ("A\n\n____________\nFrom: Ana\nSent: Monday\nTo: Bob\nSubject: Re: x\n\nB", "A"),
        ("A\n\n---------- Forwarded message ---------\nFrom: Ana\nDate: x\nTo: y\n\nB", None),
        ("> only this\n> and that", None),
        ("He wrote:\nthis", None),
        ("A\n-- \nAna\nAcme", "A"),
        ("A\nSent from my iPhone", "A"),
        ("A\n\nBest regards,\nAna\n+49 1", "A"),
        ("A\n\nMit freundlichen Grüßen\nAna", "A"),
        ("Thanks", None),
        ("A\n\nThanks!\n\nPlease send the invoice to Bob today.", None),
        ("A\n\nBest\n\n*Ana Müller*\nAcme Inc.\nMain Street 1, 12345 Town\nhttps://example.com", "A"),
        ("Thanks for the plan. It is long:\n" + "word " * 200, None),
    ],
)
def test_quotations_and_endings_of_plain_text(text: str, kept: str | None) -> None:
    whole = "\n".join(line.rstrip() for line in text.splitlines()).strip()
    assert clean(text, html=False) == (whole if kept is None else kept)


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ('<div>A</div><div class="gmail_quote"><div class="gmail_attr">On Mon wrote:</div>B</div>', "A"),
        ('<div class="gmail_quote"><div>---------- Forwarded message ---------<br>From: x</div>B</div>', None),
        ('<p>A</p><div class="moz-cite-prefix">On 1.</div><blockquote type="cite">B</blockquote><p>C</p>', "A\n\nC"),
        ('<div>A</div><div id="divRplyFwdMsg"><b>From:</b> Ana</div><div>B</div>', "A"),
        ('<div>A</div><div class="gmail_signature">Ana</div>', "A"),
        ("<blockquote>A</blockquote>", "A"),
        ("<p>A</p><p>Best regards,<br>Ana</p>", "A"),
    ],
)
def test_quotations_and_endings_of_html(html: str, kept: str | None) -> None:
    assert clean(html) == ("---------- Forwarded message ---------\nFrom: x\nB" if kept is None else kept)


def test_goodbyes_stay_where_they_are_asked_for() -> None:
    assert clean("A\n\nBest regards,\nAna", html=False, goodbyes=False) == "A\n\nBest regards,\nAna"


COSTLY = [
    *(
        "<div>",
        "<ul><li>",
        "<blockquote>x",
        "<p><font color=#fff>",
        "<table><td>",
        "</div>",
        "<b><div></b>",
        "<",
        "<!--",
    ),
    *("<!-- x -->", '<a b="', "<a b='c' ", "&#", "&#0", "&#9", " ", "<style>.a{b:c}</style>", "<p class='a b c'>x"),
    *("<pre>x\n", "<div class=gmail_quote>x", "<b><i><s><code>x<p>", "<div id=divRplyFwdMsg>", "<style>/*", "\\"),
]
FEW_TAGS = frozenset({"<!--", "<!-- x -->", '<a b="', "<a b='c' ", "&#", "&#0", "&#9", " ", "<style>/*", "\\"})
COSTLY_TEXT = [
    "\n",
    "> \n",
    ">",
    "On Mon 1 wrote:\n",
    "On 1 a\n",
    "-- \n",
    "From: x\nTo: y\n",
    "Best\n",
    "best ",
    "_",
    "1 a:\n",
]


@pytest.mark.parametrize("piece", COSTLY)
def test_html_that_is_made_to_cost_takes_linear_time(piece: str) -> None:
    """A quadratic reader runs into the time-out."""
    size = 192 * 1024 if piece in FEW_TAGS else 24 * 1024
    found = clean(piece * (size // len(piece)), markdown=True, links=True, images=True, tables=True)
    assert len(found) <= 8 * size


@pytest.mark.parametrize("piece", COSTLY_TEXT)
def test_text_that_is_made_to_cost_takes_linear_time(piece: str) -> None:
    assert len(clean(piece * (64 * 1024 // len(piece)), html=False)) <= 64 * 1024


_TAGS = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<b>",
            "</b>",
            "<td>",
            "</td>",
            "<table>",
            "</table>",
            "<li>",
            "</ul>",
            "<ul>",
            "<pre>",
            "</pre>",
        ),
        *(
            "<a href=https://x>",
            "</a>",
            "<img src=https://x alt=']'>",
            "<span style='display:none'>",
            "</span>",
            "<br>",
        ),
        *("<style>p{color:#fff}", "</style>", "<!--", "-->", "<blockquote type=cite>", "</blockquote>", "<tr>", "<h1>"),
        *(
            "<div class=gmail_quote>",
            "</div>",
            "<th>",
            "<code>",
            "</code>",
            "<select>",
            "text",
            " ",
            "\n",
            "&lt;",
            "<hr>",
        ),
    ]
)


@given(st.lists(_TAGS | st.text(max_size=5), max_size=40).map("".join), st.booleans(), st.booleans(), st.booleans())
def test_nothing_makes_it_fail(content: str, html: bool, markdown: bool, others: bool) -> None:
    options = {"markdown": markdown, "links": others, "images": others, "tables": others, "goodbyes": others}
    assert clean(content, html=html, **options) == clean(content, html=html, **options)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_a_plain_word_is_what_it_was(word: str) -> None:
    assert clean(f"<p>{word}</p>") in (word, "".join(one for one in word if one not in "\u115f\u1160\u3164\uffa0"))


# ── the call ──────────────────────────────────────────────────────────────────────────────────────────────────────


def call(tenant: Tenant, grant: str, *numbers: int, **options: bool) -> Any:
    body = {"message_id": [f"<{number}@example.com>" for number in numbers], **options}
    return tenant.put(f"{grant}/messages/clean", body)


def test_messages_are_cleaned_where_they_are(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.make("Work")
    link = '<p>Hello <a href="https://example.com">Bob</a></p><div style="display:none">x</div>'
    owner.put(mail(1, html=link), after=1)
    owner.put(mail(2, html=None), folder="Work", after=2)
    first, second = data(call(tenant, grant, 1, 2))
    assert (first["conversation"], second["conversation"]) == ("Hello Bob", "Hello Bob, this is message 2.")
    assert (first["id"], first["folders"], second["folders"]) == ("<1@example.com>", ["INBOX"], ["Work"])
    assert "display:none" in first["body"]
    (first,) = data(call(tenant, grant, 1, html_as_markdown=True, ignore_links=False))
    assert first["conversation"] == "Hello [Bob](https://example.com)"
    assert owner.flags() == [frozenset()], "looking leaves no trace"


def test_what_cannot_be_cleaned_is_named(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.put(mail(1))
    assert problem(call(tenant, grant, 1, 9))[:2] == (404, "not_found_error")
    for body in (
        {},
        {"message_id": []},
        {"message_id": ["x"] * 21},
        {"message_id": ["<1@example.com>"], "html_as_markdown": True, "images_as_markdown": False},
        {"message_id": "x\r\ny"},
    ):
        assert problem(tenant.put(f"{grant}/messages/clean", body))[:2] == (400, "invalid_request_error")
