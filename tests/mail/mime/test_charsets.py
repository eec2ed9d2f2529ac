"""Bytes of any charset as text."""

import encodings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail.mime import charsets

RUSSIAN, JAPANESE, CHINESE, KOREAN, HEBREW = (
    "Привет мир, как дела сегодня",
    "今日は良い天気ですね。明日も晴れるでしょう",
    "你好世界今天天气很好我们去公园散步吧",
    "안녕하세요 오늘 날씨가 좋네요",
    "שלום עולם מה שלומך היום",
)


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        ("Grüße", "utf-8", "UTF-8"),
        ("Grüße", "utf-8", None),
        ("Grüße", "utf-8", "us-ascii"),
        ("Grüße", "utf-8", "no such charset"),
        ("Grüße", "latin-1", "ISO-8859-1"),
        ("Grüße", "latin-1", None),
        ("café", "latin-1", None),
        ("„5 €“", "cp1252", "iso-8859-1"),
        ("ç'était à l'école", "cp1252", None),
        ("①", "cp932", "shift_jis"),
        ("똠", "cp949", "ks_c_5601-1987"),
        ("镕", "gb18030", "gb2312"),
        (RUSSIAN, "koi8-r", "KOI8-R"),
        (RUSSIAN, "cp1251", None),
        (RUSSIAN, "koi8-r", None),
        (JAPANESE, "shift_jis", None),
        (JAPANESE, "euc-jp", None),
        (CHINESE, "gb18030", None),
        (KOREAN, "euc-kr", None),
        (HEBREW, "cp1255", None),
        ("x", "utf-16", "utf-16"),
        ("", "utf-8", "utf-16"),
    ],
)
def test_a_text_is_read(text: str, charset: str, declared: str | None) -> None:
    assert charsets.decode(text.encode(charset), declared) == text


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "shift_jis", "utf-16-le"])
def test_a_character_that_is_cut_off_at_the_end_is_left_out(charset: str) -> None:
    assert charsets.decode(JAPANESE.encode(charset)[:-1], charset, cut=True) == JAPANESE[:-1]


def test_what_cannot_be_read_is_marked() -> None:
    assert charsets.decode(b"\x1b$B\x7f\xff\x1b(B end", "iso-2022-jp").endswith("end")
    assert charsets.decode(b"a\x81b", "windows-1252") == "a\ufffdb"
    assert charsets.decode("Grüße".encode("latin-1"), "utf-8") == "Gr\ufffd\ufffde"


NO_CHARSETS = [
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
    "utf-7",
    "rot13",
    "base64",
    "zip",
    "mbcs",
    "undefined",
]


@pytest.mark.parametrize("name", NO_CHARSETS)
def test_codecs_that_are_no_charsets_are_not_used(name: str) -> None:
    assert charsets.codec(name) is None


@pytest.mark.parametrize("name", sorted(charsets._KNOWN))
def test_each_charset_that_is_known_has_a_codec(name: str) -> None:
    found = charsets.codec(name)
    assert found is not None
    assert "x".encode(found)
    assert charsets.decode(b"\xff\xfe\x00 plain", name).encode()


def test_names_that_are_not_known_leave_nothing_behind() -> None:
    before = len(encodings._cache)  # type: ignore[attr-defined]
    for number in range(100):
        assert charsets.decode(b"\xe4", f"x-charset-{number}")
    assert len(encodings._cache) <= before + 20  # type: ignore[attr-defined]


@given(st.binary(max_size=200), st.none() | st.sampled_from([*sorted(charsets._KNOWN), "utf-7", "x"]))
def test_any_bytes_are_a_text_that_can_be_sent(data: bytes, declared: str | None) -> None:
    charsets.decode(data, declared).encode()
    charsets.decode(data, declared, cut=True).encode()
