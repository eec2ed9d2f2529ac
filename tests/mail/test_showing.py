"""A message as the console shows it: what HTML of strangers is kept, and what it costs."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opengrant.mail import html_tokens, showing

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example/pixel.gif' width=1 height=1>",
    '<img srcset="https://evil.example/a.png 2x" src="cid:logo" alt="Logo">',
    '<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+">',
    "<picture><source srcset=https://evil.example/a.webp></picture>",
    "<video poster=https://evil.example/p.png src=https://evil.example/v.mp4></video><audio src=//evil.example/>",
    "<style>@import url(https://evil.example/s.css); p{background:url(https://evil.example/b.png)}</style>",
    "<p style=\"background:url('https://evil.example/c.png')\">a</p>",
    '<p style="background-color:red;color:url(https://evil.example/)">b</p>',
    '<p style="color:\\75rl(https://evil.example/);width:image-set(url(https://evil.example/))">c</p>',
    '<p style="font-family:&quot;x&quot;;behavior:url(https://evil.example/x.htc)">d</p>',
    '<table background="https://evil.example/t.png"><td background=https://evil.example/u.png>e</table>',
    '<meta http-equiv=refresh content="0;url=https://evil.example/">',
    "<link rel=stylesheet href=https://evil.example/l.css><link rel=dns-prefetch href=//evil.example>",
    '<base href="https://evil.example/"><a href=/relative>f</a>',
    "<form action=https://evil.example/><input name=password><button formaction=https://evil.example>Go</button></form>",
    "<iframe src=https://evil.example/></iframe><object data=https://evil.example/></object><embed src=//evil.example>",
    "<svg onload=alert(1)><script>alert(1)</script><a xlink:href='javascript:alert(1)'><text>g</text></a></svg>",
    "<svg><use href=https://evil.example/s.svg#a></use><image href=https://evil.example/i.png></svg>",
    '<a href="javascript:alert(1)">h</a><a href=" jav&#x09;ascript:alert(1)">i</a><a href="vbscript:x">j</a>',
    "<a href='data:text/html,<script>alert(1)</script>'>k</a><a ping=https://evil.example href=https://ok.example>l</a>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><img src=x onerror=alert(1)></textarea>",
    "<!--><img src=x onerror=alert(1)>--><![CDATA[<img src=x onerror=alert(1)>]]>",
    "<b a=<img src=x onerror=alert(1)>//",
    '<p title="<img src=x onerror=alert(1)>">m</p>',
    "<template><img src=x onerror=alert(1)></template>",
    "</body></html><script>alert(1)</script>",
    "<body onload=alert(1) background=https://evil.example/b>",
    "<isindex action=javascript:alert(1) type=image><marquee onstart=alert(1)>n</marquee>",
]
TAGS = showing._TAGS
"""What may be there."""


class Seen(HTMLParser):
    """The tags and attributes of HTML, by another reader than ours."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags = set[str]()
        self.attributes = list[tuple[str, str, str]]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def refuse_what_loads_or_runs(html: str) -> None:
    seen = Seen(html)
    assert seen.tags <= TAGS
    for tag, name, value in seen.attributes:
        assert name in {
            *(showing._EVERYWHERE | showing._ATTRIBUTES.get(tag, frozenset())),
            *({"target", "rel"} if tag == "a" else ()),
        }
        if name == "href":
            assert re.match(r"(?:https?://|mailto:)", value, re.IGNORECASE)
        elif name == "src":
            assert re.match(r"data:image/(?:png|jpeg|gif|webp);base64,", value, re.IGNORECASE)
        elif name == "style":
            assert not re.search(r"url|image|@|\\|expression|import", value, re.IGNORECASE)


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_that_loads_or_runs_is_left(html: str) -> None:
    safe, _ = showing.sanitised(f"<p>before</p>{html}<p>after</p>")
    refuse_what_loads_or_runs(safe)
    assert safe.startswith("<p>before</p>")


_PIECES = st.lists(
    st.sampled_from(HOSTILE)
    | st.sampled_from(['"', "'", "<", ">", "<!--", "-->", "=", "/", "\x00"])
    | st.text(max_size=9),
    max_size=8,
)


@given(_PIECES.map("".join))
@example("<a href='https://ok.example' style='color:red'><table><b></a></table>")
def test_not_however_it_is_put_together(html: str) -> None:
    safe, _ = showing.sanitised(html)
    refuse_what_loads_or_runs(safe)
    showing.plain(html)


def test_what_a_newsletter_needs_is_kept() -> None:
    html = (
        '<body bgcolor="#eee"><!-- x --><table width=600 cellpadding=4><tr><td align=center style="color: #333;'
        " background: url(https://evil.example/); font-family: 'Helvetica Neue', Arial; padding: 1px 2px\">"
        'Hello <b>Ana</b><td colspan=2><font color=red size=2>1 &lt; 2</font><img src="data:image/png;base64,iVBORw0=">'
        '<img src="cid:logo@x" alt="The logo"></table><p>one<p>two<ul><li>a<li>b</ul>'
        '<a href="https://example.com/?a=1&amp;b=2">read</a>'
    )
    safe, left_out = showing.sanitised(html)
    assert safe == (
        '<table width="600" cellpadding="4"><tbody><tr><td align="center" style="color:#333;font-family:Helvetica Neue,'
        ' Arial;padding:1px 2px">Hello <b>Ana</b></td><td colspan="2"><font color="red" size="2">1 &lt; 2</font>'
        '<img src="data:image/png;base64,iVBORw0=">The logo</td></tr></tbody></table><p>one</p><p>two</p>'
        '<ul><li>a</li><li>b</li></ul><a href="https://example.com/?a=1&amp;b=2" target="_blank"'
        ' rel="noopener noreferrer nofollow">read</a>'
    )
    assert left_out == 1


def test_the_document_forbids_by_itself_to_load_and_to_run() -> None:
    document = showing.shown("<p>Hello</p>", is_html=True, as_html=True).html
    assert document is not None
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', document)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "<p>Hello</p></body>" in document


def test_text_comes_in_lines() -> None:
    html = (
        "<html><head><title>No</title><style>p {}</style></head><body><h1>Hello&nbsp;Ana</h1><p>The  harbour\n is <b>op"
        "en</b>.<br>Come!</p><ul><li>boats<li>coffee</ul><table><tr><td>a</td><td>b</td></tr></table>"
        "<pre>x\n  y</pre><script>no()</script><img src=x alt='A gull'>bye 1 &lt; 2"
    )
    assert showing.shown(html, is_html=True, as_html=False).text == (
        "Hello Ana\n\nThe harbour is open.\nCome!\n\n• boats\n• coffee\n\na b\n\nx\n  y\nA gullbye 1 < 2"
    )


def test_plain_text_stays_as_it_is_and_a_long_one_is_cut() -> None:
    assert showing.shown("a <b>\n\n\n  c", is_html=False, as_html=True) == showing.Shown("a <b>\n\n\n  c")
    long = showing.shown("x" * (showing.MOST + 1), is_html=False, as_html=False)
    assert (len(long.text), long.cut) == (showing.MOST, True)


@pytest.mark.parametrize("piece", ["<div>", "<b><p>", "<html a{0}=1 b{0}=2>", "<p style='", "<!--", "</"])
def test_html_that_is_made_to_cost(piece: str) -> None:
    """Each takes minutes in a parser as browsers have it, or in one that looks for ends that never come."""
    html = "".join(piece.replace("{0}", str(number)) for number in range(showing.MOST // len(piece)))
    showing.sanitised(html)
    showing.plain(html)


def test_attributes_without_number() -> None:
    safe, _ = showing.sanitised(f"<p {' '.join(f'a{number}' for number in range(50_000))}>x</p>")
    assert safe == "<p>x</p>"


def test_a_character_by_a_number_of_any_length_is_none() -> None:
    assert showing.plain(f"a&#{'1' * 5_000};b") == "a\ufffdb"
    assert showing.sanitised(f"<p title='&#x{'f' * 5_000};'>x</p>")[0] == '<p title="\ufffd">x</p>'


def test_what_is_shown_only_without_scripts_is_left_out() -> None:
    assert showing.plain("a<noscript>b<p>c</noscript>d<template>e") == "ad"
    assert showing.sanitised("a<noscript><b>b</b></noscript>d<template>e")[0] == "ad"


def test_what_is_unfinished_is_left_out() -> None:
    for html in ("a<b c", "a<b c='", 'a<b c="d', "a<!-- b", "a</b", "a<script>b"):
        assert showing.plain(html) == "a", html
    assert list(html_tokens.tokens("<A B=1 b=2 C>")) == [html_tokens.Start("a", {"b": "1", "c": ""})]
