"""Header fields: folded, encoded, cut, and wrong."""

import email.header
import email.utils
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail.mime import headers
from opengrant.mail.mime.headers import Headers


def test_fields_keep_their_order_and_are_unfolded_but_not_decoded() -> None:
    block = b"Received: a\r\n\tb\r\nreceived: c\r\nSubject: =?utf-8?q?x?=\r\nno field\r\nX-Empty:\r\nX-Blank : y \r\n"
    found = Headers.read(block)
    assert found.fields == (
        ("Received", "a\tb"),
        ("received", "c"),
        ("Subject", "=?utf-8?q?x?="),
        ("X-Empty", ""),
        ("X-Blank", "y"),
    )
    assert found.first("subject") == "=?utf-8?q?x?="
    assert found.first("to") is None
    assert found.every("received") == "a\tb,c"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8*de?b?R3LDvMOfZQ==?= an alle", "Grüße an alle"),
        ("=?utf-8?b?R3LD?=\t =?utf-8?b?vMOfZQ?=", "Grüße"),  # cut within a character, no padding
        ("=?iso-8859-1?q?a?= =?utf-8?q?=C3=A4?=", "aä"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?q?a_b?=x", "a bx"),
        ("=?utf-8?q?How are you??=", "How are you?"),
        ('"=?utf-8?q?=C3=A4?="', '"ä"'),
        ("=?koi8-r?b?8NLJ18XU?=", "Привет"),
        ("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?gb2312?b?xOO6ww==?=", "你好"),
        ("=?ks_c_5601-1987?b?vsiz5w==?=", "안녕"),
        ("=?x-unknown?q?=C3=A4?=", "ä"),
        ("=?idna?q?xn--a?=", "xn--a"),
        ("=?unicode_escape?q?=5Cu0041?=", "\\u0041"),
        ("=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        ("a\x00b\x85c\u2028d", "a b c d"),
        ("=?utf-8?q?unfinished", "=?utf-8?q?unfinished"),
        ("=?utf-8?x?y?=", "=?utf-8?x?y?="),
        ("", ""),
    ],
)
def test_a_text_is_decoded(value: str, says: str) -> None:
    assert headers.text(value) == says


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=60)


@given(_TEXT, st.sampled_from(["utf-8", "gb18030"]))
def test_what_python_encodes_is_decoded(text: str, charset: str) -> None:
    encoded = email.header.Header(text, charset, header_name="Subject").encode()
    assert headers.text(Headers.read(b"Subject: " + encoded.encode()).fields[0][1]) == text


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from(["=?", "utf-8", "?q?", "?b?", "?=", "=", " ", "=C3", "x"])).map("".join)
)
def test_no_text_breaks_it_and_none_has_control_characters(value: str) -> None:
    said = headers.text(value)
    assert not any(character in said for character in "\r\n\0\x1b\x7f")
    said.encode()


def test_message_ids() -> None:
    value = 'your "mail" <a@example.com>\t<b@example\r\n .com><a@example.com> <> <c d@example.com> <ä\x01@x> <'
    value += "x" * 900 + ">"
    assert headers.message_ids(value) == ("<a@example.com>", "<b@example.com>", "<cd@example.com>")
    assert len(headers.message_ids("<a@x>".join(map(str, range(5_000))))) == 1
    assert len(headers.message_ids("".join(f"<{number}@x>" for number in range(5_000)))) == 1_000


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        ("", None),
        (" <a@example.com> ", "<a@example.com>"),
        ("<a@example.com> (sent)", "<a@example.com>"),
        ("a@example.com", "a@example.com"),
        ("<a#/?%@example.com>", "<a#/?%@example.com>"),
        ("<>", None),
        ("two words", None),
        (f"<{'x' * 900}>", None),
        ("<a\x01@example.com>", None),
    ],
)
def test_a_message_id_that_can_be_used(value: str | None, found: str | None) -> None:
    assert headers.message_id(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Mon, 2 Mar 2026 09:00:00 +0100", 1_772_438_400),
        ("2 Mar 2026 08:00 GMT (winter)", 1_772_438_400),
        ("Mon, 02 Mar 26 03:00:00 EST", 1_772_438_400),
        ("Mon, 2 Mar 2026 08:00:00", 1_772_438_400),
        ("Mon, 32 Foo 2026 09:00:00", None),
        ("x", None),
        ("", None),
        (None, None),
        ("1 Jan 99999999999999999999 00:00:00 +0000", None),
        ("9" * 10_000, None),
    ],
)
def test_dates(value: str | None, found: int | None) -> None:
    assert headers.date(value) == found


_ZONES = st.integers(-720, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=_ZONES))  # noqa: DTZ001  (the zone is drawn)
def test_a_date_that_python_writes_is_read(moment: datetime) -> None:
    assert headers.date(email.utils.format_datetime(moment)) == int(moment.replace(microsecond=0).timestamp())


_WORDS = ["Mon", "Mar", "2", "2026", "09:00:00", "+0100", ",", "-", ":", "0", "99", "GMT", "-9999", "9:9:99"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(_WORDS)).map(" ".join))
def test_no_date_breaks_it(value: str) -> None:
    found = headers.date(value)
    assert found is None or isinstance(found, int)


@pytest.mark.parametrize(
    ("value", "word", "parameters"),
    [
        ("text/plain", "text/plain", {}),
        ("TEXT/Plain; Charset=UTF-8 ; format = flowed", "text/plain", {"charset": "UTF-8", "format": "flowed"}),
        ('a/b; name="x;\\"y\\\\"; z=1', "a/b", {"name": 'x;"y\\', "z": "1"}),
        ("attachment; filename=my file.pdf", "attachment", {"filename": "my file.pdf"}),
        ("attachment; filename*=utf-8'de'%C3%A4%2Fb", "attachment", {"filename": "ä/b"}),
        ("attachment; filename=plain; filename*=utf-8''%C3%A4", "attachment", {"filename": "ä"}),
        ("a; n*0=one; n*1*=%20two; n*10=ten; n*2=three", "a", {"n": "one twothreeten"}),
        ("a; n*=no%20charset", "a", {"n": "no charset"}),
        ("a; n*0*=utf-8''%C3; n*1*=%A4", "a", {"n": "ä"}),
        ("a; n*=utf-8''%0D%0Ax", "a", {"n": "x"}),
        ('a; n="=?utf-8?q?=C3=A4?="', "a", {"n": "ä"}),
        ("a; n=1; N=2", "a", {"n": "1"}),
        ('a; n="unfinished; m=1', "a", {"n": '"unfinished', "m": "1"}),
        ("a (comment); n=1", "a", {"n": "1"}),
        ("a;;; =x; n; m=", "a", {"m": ""}),
        ("a; b\0c=1; ä=2; \x85=4; n=5", "a", {"n": "5"}),
        ("", "", {}),
    ],
)
def test_parameters(value: str, word: str, parameters: dict[str, str]) -> None:
    assert headers.parameterised(value) == (word, parameters)


@given(_TEXT)
def test_a_long_name_that_python_writes_is_read(name: str) -> None:
    value = f"attachment; filename*={email.utils.encode_rfc2231(name, 'utf-8')}"
    assert headers.parameterised(value) == ("attachment", {"filename": name})


@given(st.text(st.sampled_from("an=;*'\"\\ %01"), max_size=60))
def test_no_parameters_break_it(value: str) -> None:
    _, found = headers.parameterised(value)
    assert all(name == name.lower() for name in found)
