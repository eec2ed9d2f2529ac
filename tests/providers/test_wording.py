"""Words for a cause that passes: what counts, what only looks like it, and what it costs to look."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from opengrant.errors import Evidence
from opengrant.providers.classify import classify
from opengrant.providers.verdict import Kind
from opengrant.providers.wording import passing, plain, wait_named


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Too many bad auth attempts.", "throttled"),
        ("LOGIN Too many bad login attempts.", "throttled"),
        ("[AUTHENTICATIONFAILED] Too many invalid login attempts. Try again in 10 minutes.", "throttled"),
        ("Too many simultaneous connections. (Failure)", "throttled"),
        ("Temporary authentication failure (rate-limit)", "throttled"),
        ("Token refresh rate exceeded", "throttled"),
        ("Request was throttled.", "throttled"),
        ("too_many_requests", "throttled"),
        ("Concurrent connections limit exceeded", "throttled"),
        ("Temporary authentication failure.", "broken"),
        ("Error: authentication failed: generic failure", "broken"),
        ("Error: authentication failed: Connection lost to authentication server", "broken"),
        ("[AUTHENTICATIONFAILED] Internal error occurred. Refer to server log for more information.", "broken"),
        ("Account is temporarily locked", "broken"),
        ("Server error - Please try again later", "broken"),
        ("Server busy, try again later.", "broken"),
        ("Login failed, TRY AGAIN LATER", "later"),
        ("Please try again in 5 minutes", "later"),
        ("Invalid login or password. Try again.", "again"),
        # What only looks like it.
        ("Not known at corporate.example: separate accounts, moderate rates of failure", None),
        ("The password has too many characters", None),
        ("Invalid arguments: too many arguments", None),
        ("You tried to sign in too many times with an incorrect user ID or password", None),
        ("rate@corp.example: wrong password", None),
        ("Wrong password, see https://help.example/temporary-server-error/rate", None),
        ("Authentication failed. Restarting authentication process.", None),  # hMailServer's wrong password
        ("user not found: no secret in database", None),  # Cyrus SASL
        ("", None),
    ],
)
def test_whole_words_say_that_a_cause_passes(text: str, cause: str | None) -> None:
    assert passing(text) == cause


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Try again in 10 minutes.", 600.0),
        ("wait 30 seconds", 30.0),
        ("Retry after 2 hours", 3600.0),
        ("in 0 seconds", 1.0),
        ("in 99999999999999 minutes", None),
        ("in ten minutes", None),
        ("Try again later", None),
    ],
)
def test_a_wait_that_is_named_is_read(text: str, seconds: float | None) -> None:
    assert wait_named(text) == seconds


PROVIDERS = ["google", "google-bulk", "microsoft", "microsoft-bulk", "yahoo", "zoom"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "access_denied"])
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Too many requests for this token", Kind.RATE_LIMITED),
        ("Rate limit exceeded", Kind.RATE_LIMITED),
        ("Request throttled", Kind.RATE_LIMITED),
        ("Please try again later", Kind.RATE_LIMITED),
        ("Temporarily unavailable", Kind.PROVIDER_DOWN),
        ("Internal error", Kind.PROVIDER_DOWN),
    ],
)
def test_no_word_of_refusal_outweighs_them(provider: str, error: str, words: str, kind: Kind) -> None:
    evidence = Evidence(provider, "token", "http", status=400, code=error, text=words, is_json=True)
    assert classify(evidence).kind is kind


def test_a_code_that_says_so_counts_as_words_do() -> None:
    evidence = Evidence(
        "zoom", "token", "http", status=400, code="invalid_grant", subcodes=("rateLimitExceeded",), is_json=True
    )
    assert classify(evidence).kind is Kind.RATE_LIMITED


HOSTILE: list[tuple[str, Callable[[int], str]]] = [
    ("too many", lambda size: "too many " * size),
    ("spaces", lambda size: " " * 9 * size),
    ("one word", lambda size: "temporar" * size),
    ("links", lambda size: "http://@ " * size),
    ("numbers", lambda size: "in 99999 " * size),
    ("not ASCII", lambda size: "İß\u0345 too " * size),
]


@pytest.mark.parametrize(("name", "made"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_the_work_grows_with_the_length_and_no_faster(name: str, made: Callable[[int], str]) -> None:
    """Counted in calls of functions; the calls themselves look through the text once each."""
    small, large = (_calls(made(size)) for size in (50, 800))
    assert large <= 20 * small + 100, name


def _calls(text: str) -> int:
    count = 0

    def counting(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        passing(text), wait_named(text), plain(text)
    finally:
        sys.setprofile(before)
    return count
