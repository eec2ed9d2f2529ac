"""Addresses as senders write them."""

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail.mime.addresses import addresses


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a@example.com", [("a@example.com", "")]),
        ("<a@example.com>", [("a@example.com", "")]),
        ("A B <a@example.com>, c@example.com", [("a@example.com", "A B"), ("c@example.com", "")]),
        ('"B, A" <a@example.com>', [("a@example.com", "B, A")]),
        (r'"a \"b\" c" <a@example.com>', [("a@example.com", 'a "b" c')]),
        ("a@example.com (A (nested) B)", [("a@example.com", "A (nested) B")]),
        ("=?utf-8?q?J=C3=B6?= B <a@example.com>", [("a@example.com", "Jö B")]),
        ("=?utf-8?q?B,_J=C3=B6?= <a@example.com>", [("a@example.com", "B, Jö")]),
        ("Jö <a@example.com>", [("a@example.com", "Jö")]),
        (
            "team: a@example.com, B <b@example.com>; c@example.com",
            [("a@example.com", ""), ("b@example.com", "B"), ("c@example.com", "")],
        ),
        ("undisclosed-recipients:;", []),
        ("<@one,@two:a@example.com>", [("a@example.com", "")]),
        ('"a b"@example.com', [('"a b"@example.com', "")]),
        ("a @ example . com", [("a@example.com", "")]),
        ("a@[IPv6:2001:db8::1]", [("a@[IPv6:2001:db8::1]", "")]),
        ("J. R. O'Neil <a@example.com>", [("a@example.com", "J. R. O'Neil")]),
        ("a@example.com <a@example.com>", [("a@example.com", "a@example.com")]),
        ("MAILER-DAEMON", [("MAILER-DAEMON", "")]),
        ("No Address", [("", "No Address")]),
        (" , ,, ", []),
        ("", []),
        ("A <a@example.com", [("a@example.com", "A")]),
        ('"A <a@example.com>', [("a@example.com", '"A')]),
        ("a@example.com (no end", [("a@example.com", "no end")]),
        ("ä@exämple.com", [("ä@exämple.com", "")]),
        ("=?utf-8?q?bank?=@example.com", [("=?utf-8?q?bank?=@example.com", "")]),
        ("=?utf-8?q?x=0D=0ABcc=3A_y?= <a@example.com>", [("a@example.com", "x Bcc: y")]),
    ],
)
def test_addresses(value: str, found: list[tuple[str, str]]) -> None:
    assert [(one.email, one.name) for one in addresses(value)] == found


_ATOM = st.text("abcXYZ019-_+!#$%&'*/=^`{|}~", min_size=1, max_size=8)
_EMAIL = st.builds("{}.{}@{}.example".format, _ATOM, _ATOM, st.text("abc09", min_size=1, max_size=8))
_NAME = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="=?"), max_size=12)


@given(st.lists(st.tuples(_NAME, _EMAIL), max_size=5))
def test_what_python_writes_is_read_as_python_reads_it(people: list[tuple[str, str]]) -> None:
    value = ", ".join(email.utils.formataddr(one) for one in people)
    assert [(one.email, one.name) for one in addresses(value)] == [(address, name) for name, address in people]


_MARKS = ["a", "b", "@x.example", " ", ",", "<", ">", '"', "(", ")", "\\", ":", ";", "[", "]", "."]


@given(st.lists(st.sampled_from(_MARKS)).map("".join))
def test_nothing_breaks_it(value: str) -> None:
    assert all(one.email or one.name for one in addresses(value))


@given(st.lists(st.sampled_from([*_MARKS, "A B <a@x.example>, "])).map("".join))
def test_the_usual_is_read_as_the_rest_is(value: str) -> None:
    """A comment in front has the same read in the other way."""
    assert [one.email for one in addresses(f"(){value}")] == [one.email for one in addresses(value)]


_ENTRIES = ["a@x.example", "B C <b@x.example>", '"D, E" <d@x.example>', "<f@x.example>", "g@x.example (H)"]


@given(st.lists(st.sampled_from(_ENTRIES), min_size=1))
def test_lists_are_read_as_python_reads_them(entries: list[str]) -> None:
    value = ", ".join(entries)
    assert [(one.name, one.email) for one in addresses(value)] == email.utils.getaddresses([value])
