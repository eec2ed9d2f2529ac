"""providers/oauth/answers.py: token answers in every spelling, id_tokens, refusals without secrets."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import SecretStr
from pydantic_core import to_json

from opengrant.errors import Evidence, ProviderFailure
from opengrant.model import SECOND
from opengrant.net.provider_http import Answer
from opengrant.net.retry_after import retry_after
from opengrant.providers.oauth.answers import read_id_token, read_tokens
from opengrant.providers.oauth.evidence import refusal
from opengrant.providers.oauth.members import is_address, read_scope
from tests.fakes.oauth import HTML_403, entra_error

SENT = 1_790_000_000 * SECOND
KEY = OctKey.import_key("a key that nobody needs to check: TLS stands in for it")


def answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, secret: str = "") -> Answer:
    is_json = not isinstance(body, bytes)
    raw = to_json(body, inf_nan_mode="constants") if is_json else body
    secrets = (SecretStr(secret),) if secret else ()
    decoded = body if is_json else None
    return Answer("microsoft", "token", status, headers or {}, raw, decoded, is_json, SENT, SENT + 3 * SECOND, secrets)


def evidence_of(body: Any, **more: Any) -> Evidence:
    with pytest.raises(ProviderFailure) as caught:
        read_tokens(answer(body, **more))
    return caught.value.evidence


# ---------------------------------------------------------------- success


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (3599, 3599),
        ("3599", 3599),
        (3599.9, 3599),
        (" 10 ", 10),
        (None, 3600),
        ("", 3600),
        (0, 300),
        (-5, 300),
        ("soon", 300),
        (10**12, 300),
        ("1e400", 300),
        (float("nan"), 300),
        ([], 300),
        ({}, 300),
        (10**400, 300),
    ],
)
def test_lifetimes_count_from_before_the_request_left(expires_in: Any, seconds: int) -> None:
    assert read_tokens(answer({"access_token": "at", "expires_in": expires_in})).expires_at == SENT + seconds * SECOND


def test_a_missing_lifetime_is_an_hour() -> None:
    assert read_tokens(answer({"access_token": "at"})).expires_at == SENT + 3600 * SECOND


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("a b", ("a", "b")),
        ("a,b", ("a", "b")),
        (" a,  b , a ", ("a", "b")),
        (["a", "b"], ("a", "b")),
        ("", None),
        (" , ", None),
        (None, None),
        (7, None),
    ],
)
def test_scopes_are_separated_by_spaces_or_commas(scope: Any, expected: tuple[str, ...] | None) -> None:
    assert read_scope(scope) == expected
    assert read_tokens(answer({"access_token": "at", "scope": scope})).scope == expected


@pytest.mark.parametrize("refresh_token", ["", "  ", None, 7])
def test_an_empty_refresh_token_is_none(refresh_token: Any) -> None:
    assert read_tokens(answer({"access_token": "at", "refresh_token": refresh_token})).refresh_token is None


def test_tokens_are_not_in_their_repr() -> None:
    tokens = read_tokens(answer({"access_token": "sEcReT1", "refresh_token": "sEcReT2", "id_token": "sEcReT3"}))
    assert "sEcReT" not in repr(tokens)


# ---------------------------------------------------------------- everything else


def test_a_success_with_an_error_in_it_is_that_error() -> None:
    found = evidence_of({"access_token": "at", "error": "invalid_grant", "error_description": "No."})
    assert (found.step, found.status, found.code, found.text) == ("http", 200, "invalid_grant", "No.")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "answer_empty"),
        (b" \n", "answer_empty"),
        (b"<html>", "answer_not_json"),
        ({}, "answer_senseless"),
        ([], "answer_senseless"),
        (None, "answer_senseless"),
        ({"access_token": ""}, "answer_senseless"),
        ({"access_token": 7}, "answer_senseless"),
        ({"access_token": "not\r\na header"}, "answer_senseless"),
        ({"access_token": "ünicode"}, "answer_senseless"),
    ],
)
def test_a_success_without_a_token_makes_no_sense_and_is_not_quoted(body: Any, code: str) -> None:
    found = evidence_of(body)
    assert (found.step, found.status, found.code, found.body, found.text) == ("reply", 200, code, None, "")


def test_entra_s_refusal_keeps_its_numbers_and_traces() -> None:
    body = entra_error("interaction_required", 50076, "Use MFA.", suberror="basic_action", claims='{"access_token":{}}')
    found = evidence_of(body, status=400)
    assert (found.code, found.subcodes, found.is_json) == ("interaction_required", ("50076", "basic_action"), True)
    assert found.body is not None
    for name in ("error", "error_codes", "trace_id", "correlation_id", "claims", "error_uri"):
        assert found.body[name] == body[name]
    assert found.text.startswith("AADSTS50076: Use MFA. Trace ID: ")


def test_a_page_is_quoted_by_its_title() -> None:
    found = evidence_of(HTML_403.encode(), status=403)
    assert (found.text, found.body, found.is_json) == ("Sorry...", None, False)
    assert evidence_of(b"<html><body>secret stuff", status=403).text == ""
    assert evidence_of(b"Too Many\r\n Requests", status=429).text == "Too Many Requests"


@pytest.mark.parametrize(
    "text",
    [
        "ya29.a0AfB_byC-short",
        "1//0gAbCdEfGhIjK-lmn",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln",
        "0.AXoA0123456789abcdefghijklmnopqrstuvwxyz-_ABCDEFG",
    ],
)
def test_what_looks_like_a_token_is_masked_though_nobody_sent_it(text: str) -> None:
    found = evidence_of({"error": "invalid_grant", "error_description": f"The token {text} is bad."}, status=400)
    assert found.text == "The token *** is bad."
    assert found.body == {"error": "invalid_grant", "error_description": "The token *** is bad."}


@given(st.text("abcdefghij-_0123456789", min_size=16, max_size=60), st.integers(0, 50), st.integers(8, 40), st.data())
def test_no_part_of_what_was_sent_is_quoted(token: str, start: int, length: int, data: st.DataObject) -> None:
    start = min(start, len(token) - 8)
    part = token[start : start + length]
    before, after = (data.draw(st.sampled_from(["", " ", "<", "token=", "ZZ"])) for _ in range(2))
    body = {"error": "invalid_grant", "error_description": f"Bad {before}{part}{after}", "hint": {part: part}}
    found = evidence_of(body, status=400, secret=token)
    shown = f"{found.text} {found.body}"
    assert not [at for at in range(len(part) - 7) if part[at : at + 8] in shown]
    assert found.text.startswith("Bad ")


def test_members_named_like_secrets_are_left_out() -> None:
    body = {"error": "x", "refresh_token": "a", "deep": {"client_secret": "b", "assertion": "c", "kept": 1}}
    assert evidence_of(body, status=400).body == {"error": "x", "deep": {"kept": 1}}


def test_a_secret_is_masked_as_a_form_spells_it_too() -> None:
    found = evidence_of({"error": "x", "error_description": "got a%2Bb%2Fc+d"}, status=400, secret="a+b/c d")
    assert found.text == "got ***"


def test_a_long_refusal_is_cut() -> None:
    body = {"error": "x", "error_description": "word " * 10_000, **{f"n{n}": list(range(1000)) for n in range(100)}}
    found = evidence_of(body, status=400)
    assert len(found.text) <= 1024
    assert len(json.dumps(found.body)) <= 2048


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("60", 60),
        ("0", 1),
        ("-3", 1),
        ("1.5", 1.5),
        ("999999", 3600),
        ("inf", 3600),
        ("nan", None),
        ("", None),
        ("soon", None),
        (formatdate(SENT / SECOND + 90, usegmt=True), 90),
        (formatdate(SENT / SECOND - 90, usegmt=True), 1),
        ("Fri, 31 Feb 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_between_a_second_and_an_hour(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, SENT) == seconds


# ---------------------------------------------------------------- id_tokens


def signed(**claims: Any) -> SecretStr:
    at = int(time.time())
    full = {"iss": "https://issuer", "aud": "client", "exp": at + 3600, "sub": "1", **claims}
    return SecretStr(
        jwt.encode({"alg": "HS256"}, {name: value for name, value in full.items() if value is not None}, KEY)
    )


def read(token: SecretStr | None) -> Mapping[str, Any] | None:
    return read_id_token(token, audience="client", issuers=["https://issuer"], at=time.time_ns() // 1000)


def test_an_id_token_for_us_is_believed() -> None:
    claims = read(signed(email="a@b.c"))
    assert claims is not None
    assert claims["email"] == "a@b.c"
    assert read(signed(aud=["other", "client"])) is not None


def test_a_clock_may_be_five_minutes_off() -> None:
    assert read(signed(exp=int(time.time()) - 200)) is not None
    assert read(signed(exp=int(time.time()) - 400)) is None


@pytest.mark.parametrize(
    "claims",
    [{"aud": "other"}, {"aud": None}, {"aud": 7}, {"iss": "https://evil"}, {"iss": None}, {"exp": None}, {"exp": "x"}],
)
def test_an_id_token_that_is_not_for_us_is_none(claims: dict[str, Any]) -> None:
    assert read(signed(**claims)) is None


@given(st.text(max_size=80) | st.from_regex(r"[\w-]{0,20}\.[\w-]{0,20}\.[\w-]{0,20}", fullmatch=True))
def test_a_strange_id_token_is_none_and_no_error(text: str) -> None:
    assert read(SecretStr(text)) is None


@pytest.mark.parametrize("payload", ["[]", "null", "7", '"x"', "{", "\ud800".encode("utf-8", "surrogatepass")])
@pytest.mark.parametrize(
    "header", ["[]", "{}", "7", '{"alg":"none"}', '{"alg":"none","b64":false,"crit":["b64"]}', '{"crit":7,"alg":1}']
)
def test_a_malformed_id_token_is_none_and_no_error(header: str, payload: str | bytes) -> None:
    raw = payload.encode() if isinstance(payload, str) else payload
    parts = [urlsafe_b64encode(part).decode().rstrip("=") for part in (header.encode(), raw, b"")]
    assert read(SecretStr(".".join(parts))) is None


# ---------------------------------------------------------------- properties

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "access_token",
    "refresh_token",
    "expires_in",
    "scope",
    "id_token",
    "error",
    "error_codes",
    "code",
    "token_type",
]
BODIES = VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES) | st.binary(max_size=60)


@given(BODIES, st.integers(200, 599))
def test_any_token_answer_is_tokens_or_a_provider_failure(body: Any, status: int) -> None:
    try:
        tokens = read_tokens(answer(body, status=status))
    except ProviderFailure as failure:
        json.dumps(failure.evidence.body, allow_nan=False)
        return
    assert 200 <= status < 300
    assert tokens.access_token.get_secret_value()
    assert SENT < tokens.expires_at <= SENT + 366 * 24 * 3600 * SECOND
    assert tokens.scope is None or all(tokens.scope)


@given(st.text(max_size=60), st.sampled_from([name for name in NAMES if name not in {"access_token", "error"}]))
def test_nothing_of_a_senseless_answer_is_quoted(text: str, name: str) -> None:
    token = f"<{text}>"
    evidence = refusal(answer({name: {"access_token": token}, "code": token, "message": token})).evidence
    assert evidence.step == "reply"
    assert token not in repr(evidence)
    assert evidence.body is None


@pytest.mark.parametrize("address", ["a@b.c", "ünï@exämple.test", "o'neil+x@example.com"])
def test_addresses(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "value", ["", "a", "@b", "a@", "a b@c.d", "a@b@c", "<a@b.c>", "a@b,c@d", "a@b\n", None, 7, "x" * 320 + "@b"]
)
def test_what_is_no_address(value: object) -> None:
    assert not is_address(value)
