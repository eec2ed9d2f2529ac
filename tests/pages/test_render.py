"""What pages say stays text, and what a brand asks for stays safe."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from markupsafe import Markup

from opengrant import pages
from opengrant.model import NO_APPS, ProviderName
from tests.pages.gallery import PAGES, SERVERS

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</title></textarea></style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &#x3c;b&#x3e;",
    "\x00\x1b[31m\u202e<b",
    "é" * 5000,
]


class _Outline(HTMLParser):
    """Which elements with which attributes, and all text and values there are."""

    def __init__(self, document: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.said: list[str] = []
        self.feed(document.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.said += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def brand(text: str) -> pages.Brand:
    return pages.Brand(
        name=text,
        title=text,
        subtitle=text,
        icon="data:image/png;base64,AAAA",
        terms_url="https://example.com/" + text,
        privacy_url="https://example.com/" + text,
    )


def login(text: str, provider: ProviderName) -> pages.Login:
    fields = pages.FIELDS[provider]
    return pages.Login(
        brand(text),
        "/form",
        text,
        provider,
        dict.fromkeys(fields, text),
        dict.fromkeys(fields, text),
        problem=text,
        back="/back",
        servers=(text,),
    )


def every_page(text: str) -> dict[str, pages.Page]:
    """Each page with the text wherever a page takes one."""
    shown = brand(text)
    google = (ProviderName.GOOGLE,)
    return {
        "choice": pages.Choice(shown, "/form", text, google, ("detect", "select_provider"), text, text),
        "choice without title": pages.Choice(replace(shown, title="", subtitle=""), "/form", text, google, found=True),
        "imap": login(text, ProviderName.IMAP),
        "icloud": login(text, ProviderName.ICLOUD),
        "ews": login(text, ProviderName.EWS),
        "problem": pages.Problem(shown, text, text, text, "/back"),
        "onward": pages.Onward(shown, "https://app.example/?state=" + text, text),
    }


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", every_page(""))
def test_no_text_breaks_out_of_its_place(name: str, hostile: str) -> None:
    harmless = _Outline(pages.render(every_page("x")[name]))
    outline = _Outline(pages.render(every_page(hostile)[name]))
    assert outline.elements == harmless.elements
    assert any(hostile.replace("\x00", "\ufffd") in said or hostile in said for said in outline.said)


@pytest.mark.parametrize("name", every_page(""))
def test_text_that_claims_to_be_safe_is_escaped_too(name: str) -> None:
    document = pages.render(every_page(Markup("<b>bold</b>"))[name])
    assert b"<b>" not in document
    assert b"&lt;b&gt;" in document


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_script_or_style_inside(name: str) -> None:
    document = pages.render(PAGES[name]).decode()
    assert not re.search(r"<style|<script(?! src=\"/static/)|\sstyle=|\son\w+=", document)


def test_passwords_are_never_shown_again() -> None:
    values = dict.fromkeys(pages.FIELDS[ProviderName.IMAP], "hunter2") | {"email": "jane@example.com"}
    values |= {"imap_host": "", "imap_port": "", "smtp_host": "", "smtp_port": "", "smtp_username": ""}
    page = pages.Login(pages.Brand(), "/form", "csrf", ProviderName.IMAP, values, servers=SERVERS)
    assert b"hunter2" not in pages.render(page)
    assert b"jane@example.com" in pages.render(page)
    assert "hunter2" not in repr(page)


def test_neither_the_token_of_a_form_nor_a_code_is_in_a_repr() -> None:
    assert "sesame" not in repr(pages.Choice(pages.Brand(), "/form", "sesame"))
    assert "sesame" not in repr(pages.Onward(pages.Brand(), "https://app.example/?code=sesame", "app"))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "\tjavascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "/own",
        "",
    ],
)
def test_nothing_leads_on_to_what_runs(url: str) -> None:
    with pytest.raises(ValueError, match="absolute URLs that run nothing"):
        pages.Onward(pages.Brand(), url, "app")
    assert pages.Brand.read({}, {"terms_of_service_url": url, "privacy_policy_url": url}).terms_url == ""
    with pytest.raises(ValueError, match=r"http\(s\) URLs only" if url else "own origin"):
        pages.Brand(terms_url=url) if url else pages.Choice(pages.Brand(), url, "csrf")


@pytest.mark.parametrize("word", sorted(NO_APPS))
def test_a_scheme_is_read_whole(word: str) -> None:
    for spelling in (word, word.upper()):
        with pytest.raises(ValueError, match="absolute URLs that run nothing"):
            pages.Onward(pages.Brand(), f"{spelling}://callback", "app")
    for url in (f"my{word}://callback", f"com.acme.{word}://callback", f"app://{word}:1/callback"):
        assert url.encode() in pages.render(pages.Onward(pages.Brand(), url, "app"))


def test_an_app_is_led_on_to_by_its_scheme() -> None:
    document = pages.render(pages.Onward(pages.Brand(), "com.example.app://done?code=c&state=s", "Example"))
    assert b'href="com.example.app://done?code=c&amp;state=s"' in document


@pytest.mark.parametrize(
    "action", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere", "form", "/a b"]
)
def test_forms_are_sent_to_our_own_origin_only(action: str) -> None:
    with pytest.raises(ValueError, match="own origin"):
        pages.Choice(pages.Brand(), action, "csrf")


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/logo.png",
        "//cdn.example/logo.png",
        "/\\cdn.example/logo.png",
        "data:text/html;base64,AAAA",
        'data:image/png;base64,AAAA" onerror="x',
    ],
)
def test_pictures_of_other_servers_are_not_shown(url: str) -> None:
    read = pages.Brand.read({"name": "Acme", "icon_url": url}, {"background_image_url": url})
    assert (read.icon, read.backdrop, read.initial) == ("", "", "A")
    with pytest.raises(ValueError, match="own origin"):
        pages.Brand(icon=url)


@pytest.mark.parametrize("value", [None, 7, True, [], {}, "", "</style>", "rgb(1,2,3)", "#12", "-1", 10**9])
def test_settings_that_make_no_sense_do_not_break_a_page(value: Any) -> None:
    names = ["alignment", "color_primary", "color_secondary", "background_color", "background_image_url", "spacing"]
    names += ["title", "subtitle", "terms_of_service_url", "privacy_policy_url"]
    read = pages.Brand.read(dict.fromkeys(["name", "icon_url"], value), dict.fromkeys(names, value))
    assert _Outline(pages.render(pages.Choice(read, "/form", "csrf"))).elements
    assert read.palette.primary == pages.Brand().palette.primary


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("jane@gmail.com", b"Where to find your Gmail password"),
        ("jane@HOTMAIL.co.uk", b"choose Microsoft instead"),
        ("jane@yahoo.de", b"Generate app password"),
        ("jane@me.com", b"xxxx-xxxx-xxxx-xxxx"),
        ("jane@fastmail.fm", b"may use IMAP and SMTP"),
    ],
)
def test_a_known_address_gets_the_help_of_its_service(email: str, said: bytes) -> None:
    page = pages.Login(pages.Brand(), "/form", "csrf", ProviderName.IMAP, {"email": email}, servers=SERVERS)
    document = pages.render(page)
    unfolded = document.partition(b'<details class="fold help is-known" open>')[2].partition(b"</details>")[0]
    visible = re.sub(rb"<section[^>]* hidden>.*?</section>", b"", unfolded, flags=re.DOTALL)
    assert said in visible
    assert visible.count(b"<section") == 1


def test_an_unknown_address_gets_the_general_help_folded() -> None:
    page = pages.Login(
        pages.Brand(), "/form", "csrf", ProviderName.IMAP, {"email": "jane@example.com"}, servers=SERVERS
    )
    assert b'<details class="fold help">' in pages.render(page)
