"""Opaque tokens: what they are made of, and that nothing else is taken for one."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from opengrant.access.bearer_tokens import ACCESS, CODE, LONGEST, REFRESH, application_of, make

IDS = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
PREFIXES = st.sampled_from([ACCESS, REFRESH, CODE])


@given(prefix=PREFIXES, application_id=IDS)
def test_a_token_tells_its_application_and_is_made_of_what_any_header_or_query_can_hold(
    prefix: str, application_id: str
) -> None:
    token = make(prefix, application_id).get_secret_value()
    assert application_of(prefix, token) == application_id
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)
    assert len(token) <= LONGEST


@given(application_id=IDS)
def test_a_token_is_only_of_its_own_kind(application_id: str) -> None:
    token = make(ACCESS, application_id).get_secret_value()
    assert application_of(REFRESH, token) is None
    assert application_of(CODE, token) is None


def test_no_two_are_alike() -> None:
    assert len({make(ACCESS, "app").get_secret_value() for _ in range(1000)}) == 1000


@given(prefix=PREFIXES, application_id=IDS, cut=st.integers(1, 60), tail=st.text(min_size=1, max_size=5))
def test_a_token_that_was_cut_or_added_to_is_none(prefix: str, application_id: str, cut: int, tail: str) -> None:
    token = make(prefix, application_id).get_secret_value()
    assert application_of(prefix, token[:-cut]) is None
    assert application_of(prefix, token + tail) is None


@given(text=st.one_of(st.text(max_size=300), st.text(max_size=200).map(lambda rest: f"{ACCESS}{rest}")))
@example(text=f"{ACCESS}.{'a' * 43}")
@example(text=f"{ACCESS}_w.{'a' * 43}")  # a byte that is no UTF-8
@example(text=f"{ACCESS}A.{'a' * 43}")  # no base64 is a single character
@example(text=f"{ACCESS}AA.{'a' * 43}")  # a NUL, which no database takes
@example(text=f"{ACCESS}w6k.{'a' * 43}")  # é
@example(text=f"{ACCESS}{'QUFB' * 22}.{'a' * 43}")  # 66 letters
@example(text=f"{ACCESS}QUJD.{'a' * 43}\n")
@example(text=f"{ACCESS}QUJD.{'a' * 42}é")
@example(text=f"{ACCESS}\ud800.{'a' * 43}")
@example(text="nyk_v0_" + "a" * 43)
def test_whatever_else_is_sent_raises_nothing(text: str) -> None:
    found = application_of(ACCESS, text)
    assert found is None or re.fullmatch(r"oga_[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}", text)
    assert found is None or re.fullmatch(r"[ -~]{1,64}", found)


@given(prefix=PREFIXES, application_id=IDS)
def test_a_token_does_not_show_itself(prefix: str, application_id: str) -> None:
    token = make(prefix, application_id)
    assert token.get_secret_value() not in f"{token} {token!r}"
