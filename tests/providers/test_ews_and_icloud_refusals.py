"""What a refusal of iCloud or an Exchange server means."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opengrant.errors import Evidence
from opengrant.providers.classify import classify
from opengrant.providers.classify import classify as judge
from opengrant.providers.ews import refusals as ews_answers
from opengrant.providers.ews.refusals import CONFIRM_AFTER, RESPONSE_CODES
from opengrant.providers.icloud import refusals as icloud_answers
from opengrant.providers.icloud.refusals import NOT_APPS_SHAPE, OTHER_LEG_ACCEPTED
from opengrant.providers.verdict import Kind, Verdict

VERDICTS = [
    value for value in (*vars(ews_answers).values(), *vars(icloud_answers).values()) if isinstance(value, Verdict)
]


def ews(status=None, code="", step="http", subcodes=()):
    return judge(Evidence("ews", "ews", step, status=status, code=code, subcodes=subcodes))


def icloud(leg, *, status=None, code="", step="http", subcodes=(), text=""):
    return judge(Evidence("icloud", leg, step, status=status, code=code, subcodes=subcodes, text=text))


@pytest.mark.parametrize(
    ("kind", "reason", "codes"),
    [
        ("reconnect", "mailbox_unknown", "ErrorNonExistentMailbox ErrorNonPrimarySmtpAddress"),
        ("bad_request", "mailbox_missing", "ErrorMissingEmailAddress"),
        ("reconnect", "not_authorized", "ErrorAccessDenied ErrorImpersonateUserDenied ErrorImpersonationDenied"),
        ("reconnect", "password_expired", "ErrorPasswordExpired ErrorPasswordChangeRequired"),
        ("reconnect", "account_disabled", "ErrorAccountDisabled"),
        ("provider_down", "server_unavailable", "ErrorMailboxMoveInProgress ErrorMailboxStoreUnavailable"),
        ("provider_down", "server_unavailable", "ErrorMailboxFailover ErrorInternalServerTransientError"),
        ("provider_down", "server_unavailable", "ErrorConnectionFailed ErrorTimeoutExpired"),
        ("provider_down", "server_unavailable", "ErrorNoRespondingCASInDestinationSite"),
        ("rate_limited", "throttled", "ErrorServerBusy ErrorExceededConnectionCount ErrorTooManyObjectsOpened"),
        ("bad_request", "server_too_old", "ErrorInvalidServerVersion ErrorIncorrectSchemaVersion"),
        ("bad_request", "server_too_old", "ErrorInvalidSchemaVersionForMailboxVersion"),
    ],
)
@pytest.mark.parametrize("status", [200, 500])
def test_the_servers_own_word_counts_before_the_status(kind, reason, codes, status):
    for code in codes.split():
        verdict = ews(status, code)
        assert (str(verdict.kind), verdict.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (401, "reconnect", "password_refused"),
        (403, "reconnect", "ews_disabled"),
        (404, "bad_request", "not_ews"),
        (418, "unknown", "unknown_refusal"),
        (429, "rate_limited", "throttled"),
        (440, "bad_request", "login_form"),
        (456, "reconnect", "account_locked"),
        (457, "reconnect", "account_locked"),
        (500, "provider_down", "server_unavailable"),
        (502, "provider_down", "server_unavailable"),
        (503, "provider_down", "server_unavailable"),
        (599, "provider_down", "server_unavailable"),
    ],
)
def test_a_status_without_words(status, kind, reason):
    verdict = ews(status)
    assert (str(verdict.kind), verdict.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("step", "code", "subcodes", "kind", "reason"),
    [
        ("dns", "bad_host", (), "bad_request", "bad_host"),
        ("dns", "no_public_address", (), "bad_request", "no_public_address"),
        ("dns", "dns_unavailable", (), "provider_down", "dns_unavailable"),
        ("connect", "refused", (), "provider_down", "server_unavailable"),
        ("connect", "timeout", (), "provider_down", "server_unavailable"),
        ("http", "closed", (), "provider_down", "server_unavailable"),
        ("http", "not_http", (), "bad_request", "not_http"),
        ("tls", "CERTIFICATE_VERIFY_FAILED", ("10",), "bad_request", "certificate_expired"),
        ("tls", "CERTIFICATE_VERIFY_FAILED", ("62",), "bad_request", "certificate_wrong_name"),
        ("tls", "WRONG_VERSION_NUMBER", (), "bad_request", "wrong_port"),
        ("tls", "UNSUPPORTED_PROTOCOL", (), "bad_request", "tls_too_old"),
    ],
)
def test_below_http(step, code, subcodes, kind, reason):
    verdict = ews(None, code, step, subcodes)
    assert (str(verdict.kind), verdict.reason) == (kind, reason)
    assert "imap" not in verdict.remedy.lower()


def test_exchanges_401_is_believed_only_the_second_time():
    verdict = ews(401, "password_refused", "auth")
    assert (verdict.kind, verdict.retryable, verdict.retry_after) == (Kind.RECONNECT, True, CONFIRM_AFTER)


@pytest.mark.parametrize("leg", ["ews", "caldav"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Temporary authentication failure", "provider_down"),
        ("Too many failed attempts", "rate_limited"),
        ("Access is denied due to invalid credentials.", "reconnect"),
    ],
)
def test_words_for_a_cause_that_passes_outweigh_a_refusal(leg, text, kind):
    provider = "ews" if leg == "ews" else "icloud"
    assert judge(Evidence(provider, leg, "http", status=401, code="401", text=text)).kind == kind


def test_a_password_that_basic_may_spell_otherwise_is_named_as_such():
    verdict = ews(401, "password_refused", "auth", (ews_answers.NOT_ASCII,))
    assert (verdict.kind, verdict.reason, verdict.retry_after) == (Kind.RECONNECT, "password_refused", CONFIRM_AFTER)
    assert "beyond ASCII" in verdict.remedy
    assert "beyond ASCII" not in ews(401, "password_refused", "auth").remedy


@pytest.mark.parametrize(
    ("leg", "status", "code"), [("imap", None, "AUTHENTICATIONFAILED"), ("smtp", 535, "5.7.8"), ("caldav", 401, "401")]
)
def test_a_password_that_icloud_refuses_is_told_by_its_form(leg, status, code):
    step = "auth" if leg != "caldav" else "http"
    assert icloud(leg, status=status, code=code, step=step).reason == "app_password_refused"
    shaped = icloud(leg, status=status, code=code, step=step, subcodes=(NOT_APPS_SHAPE,))
    assert (shaped.kind, shaped.reason) == (Kind.RECONNECT, "app_password_required")
    known = icloud(leg, status=status, code=code, step=step, subcodes=(OTHER_LEG_ACCEPTED, NOT_APPS_SHAPE))
    assert known.reason == ("apple_account_name_needed" if leg == "caldav" else "no_icloud_mailbox")


@pytest.mark.parametrize(
    ("leg", "step", "code", "reason"),
    [
        ("imap", "dns", "no_public_address", "server_unavailable"),
        ("imap", "tls", "CERTIFICATE_VERIFY_FAILED", "tls_failed"),
        ("caldav", "tls", "CERTIFICATE_VERIFY_FAILED", "tls_failed"),
        ("caldav", "dns", "no_public_address", "server_unavailable"),
        ("caldav", "connect", "refused", "server_unavailable"),
    ],
)
def test_the_operators_hosts_are_never_the_callers_mistake(leg, step, code, reason):
    verdict = icloud(leg, step=step, code=code)
    assert (verdict.kind, verdict.reason) == (Kind.PROVIDER_DOWN, reason)


def test_throttling_keeps_the_servers_own_wait_and_makes_none_up():
    assert ews(500, "ErrorServerBusy").retry_after is None
    asked = Evidence("ews", "ews", "http", status=500, code="ErrorServerBusy", retry_after=297.7)
    assert judge(asked).retry_after == 297.7
    down = Evidence("icloud", "caldav", "http", status=503, code="503", retry_after=5)
    assert judge(down).retry_after == 5


@pytest.mark.parametrize("verdict", [*VERDICTS, *RESPONSE_CODES.values()])
def test_every_verdict_says_what_to_do(verdict):
    assert verdict.reason.replace("_", "").isalnum()
    assert verdict.reason == verdict.reason.lower()
    assert verdict.remedy.endswith(".")
    assert verdict.retryable or verdict.kind not in (Kind.PROVIDER_DOWN, Kind.RATE_LIMITED)


@pytest.mark.parametrize("leg", ["ews", "caldav"])
@given(
    status=st.none() | st.integers(100, 999),
    code=st.text(max_size=20),
    step=st.sampled_from(["dns", "connect", "tls", "auth", "http", "reply"]),
)
def test_words_nobody_knows_never_end_a_grant(leg, status, code, step):
    assume(code not in {*RESPONSE_CODES, "password_refused", "locked_out", "401", "403"})
    assume(status not in (401, 403, 456, 457))
    provider = "ews" if leg == "ews" else "icloud"
    assert classify(Evidence(provider, leg, step, status=status, code=code)).kind is not Kind.RECONNECT
