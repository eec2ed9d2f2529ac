"""What a mail server's refusal means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.errors import Evidence
from opengrant.providers.mail import refusals as mail_answers
from opengrant.providers.mail.refusals import judge
from opengrant.providers.verdict import Kind, Verdict

VERDICTS = [value for value in vars(mail_answers).values() if isinstance(value, Verdict)]


def imap(code="NO", text="", step="auth", subcodes=("NO",)):
    return judge(Evidence("imap", "imap", step, code=code, text=text, subcodes=subcodes))


def smtp(status, code="", text="", step="auth"):
    return judge(Evidence("imap", "smtp", step, status=status, code=code, text=text))


@pytest.mark.parametrize(
    ("code", "text", "kind", "reason"),
    [
        ("AUTHENTICATIONFAILED", "[AUTHENTICATIONFAILED] Authentication failed.", "reconnect", "password_refused"),
        (
            "AUTHENTICATIONFAILED",
            "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
            "reconnect",
            "password_refused",
        ),
        ("AUTHORIZATIONFAILED", "", "reconnect", "not_authorized"),
        ("EXPIRED", "", "reconnect", "password_expired"),
        ("CONTACTADMIN", "[CONTACTADMIN] Login disabled for this user", "reconnect", "account_disabled"),
        ("PRIVACYREQUIRED", "", "bad_request", "tls_required"),
        ("UNAVAILABLE", "", "provider_down", "server_unavailable"),
        ("SERVERBUG", "", "provider_down", "server_unavailable"),
        ("INUSE", "", "provider_down", "server_unavailable"),
        ("CORRUPTION", "", "provider_down", "server_unavailable"),
        ("LIMIT", "", "rate_limited", "too_many_connections"),
        ("NO", "Too many simultaneous connections. (Failure)", "rate_limited", "too_many_connections"),
        ("OVERQUOTA", "", "unknown", "refused_otherwise"),
        ("ALERT", "[ALERT] Application-specific password required: x (Failure)", "reconnect", "app_password_required"),
        ("ALERT", "[ALERT] Invalid credentials (Failure)", "reconnect", "password_refused"),
        ("ALERT", "[ALERT] Unsupported authentication mechanism.", "bad_request", "login_not_offered"),
        ("WEBALERT", "[WEBALERT u] Web login required. [ALERT] Please log in", "reconnect", "browser_login_required"),
        ("NO", "LOGIN failed.", "reconnect", "password_refused"),  # Exchange
        ("NO", "AUTHENTICATE failed.", "reconnect", "password_refused"),
        ("NO", "Login failed.", "reconnect", "password_refused"),  # Courier
        ("NO", "LOGIN failed. Invalid credentials.", "reconnect", "password_refused"),  # Apache James
        ("NO", "AUTHENTICATE failed. Authentication failed.", "reconnect", "password_refused"),
        ("NO", "Authenticate failed.", "reconnect", "password_refused"),
        ("NO", "Login fail. Authorized code is incorrect", "reconnect", "app_password_required"),
        ("NO", "Incorrect username or password", "reconnect", "password_refused"),
        ("NO", "Invalid", "reconnect", "password_refused"),
        ("NO", "LOGIN bad", "reconnect", "password_refused"),
        ("NO", "The moon is full", "unknown", "unknown_refusal"),
        ("BYE", "The moon is full", "provider_down", "server_unavailable"),
    ],
)
def test_imap_answers_at_login(code, text, kind, reason):
    verdict = imap(code, text)
    assert (verdict.kind, verdict.reason) == (kind, reason)


def test_exchange_shows_a_useless_login_only_at_the_next_command():
    verdict = imap("BAD", "User is authenticated but not connected.", "command", ("BAD",))
    assert (verdict.kind, verdict.reason) == (Kind.RECONNECT, "mailbox_not_accessible")


def test_bad_about_the_command_is_not_about_the_password():
    assert imap("BAD", "Invalid command arguments", subcodes=("BAD",)).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "code", "text", "kind", "reason"),
    [
        (535, "5.7.8", "5.7.8 Username and Password not accepted", "reconnect", "password_refused"),
        (535, "", "authentication failed", "reconnect", "password_refused"),
        (535, "5.7.3", "5.7.3 Authentication unsuccessful", "reconnect", "password_refused"),
        (534, "5.7.9", "5.7.9 Application-specific password required.", "reconnect", "app_password_required"),
        (534, "5.7.14", "5.7.14 <https://x> Please log in via your web browser", "reconnect", "browser_login_required"),
        (
            535,
            "5.7.139",
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            "reconnect",
            "smtp_auth_disabled_by_admin",
        ),
        (
            535,
            "5.7.139",
            "5.7.139 Authentication unsuccessful, basic authentication is disabled.",
            "reconnect",
            "password_login_disabled",
        ),
        (550, "5.7.30", "5.7.30 Basic authentication is not supported", "bad_request", "password_login_disabled"),
        (538, "5.7.11", "", "bad_request", "tls_required"),
        (523, "5.7.10", "", "bad_request", "tls_required"),
        (530, "5.7.0", "5.7.0 Must issue a STARTTLS command first", "bad_request", "tls_required"),
        (504, "5.5.4", "", "bad_request", "login_not_offered"),
        (503, "", "", "bad_request", "login_not_offered"),
        (501, "5.5.2", "", "bad_request", "login_malformed"),
        (454, "4.7.0", "4.7.0 Temporary authentication failure", "provider_down", "server_unavailable"),
        (454, "4.7.0", "4.7.0 Too many login attempts", "rate_limited", "too_many_connections"),
        (421, "4.3.2", "busy", "provider_down", "server_unavailable"),
        (421, "4.7.0", "4.7.0 rate limited", "rate_limited", "too_many_connections"),
        (432, "4.7.12", "", "reconnect", "password_expired"),
        (451, "", "", "provider_down", "server_unavailable"),
        (525, "5.7.13", "", "reconnect", "account_disabled"),
        (535, "5.7.13", "", "reconnect", "account_disabled"),
        (550, "", "The moon is full", "unknown", "unknown_refusal"),
    ],
)
def test_smtp_answers_at_login(status, code, text, kind, reason):
    verdict = smtp(status, code, text)
    assert (verdict.kind, verdict.reason) == (kind, reason)


@pytest.mark.parametrize("leg", ["imap", "smtp"])
@pytest.mark.parametrize(
    ("step", "code", "subcodes", "reason"),
    [
        ("tls", "CERTIFICATE_VERIFY_FAILED", ("10",), "certificate_expired"),
        ("tls", "CERTIFICATE_VERIFY_FAILED", ("9",), "certificate_not_yet_valid"),
        ("tls", "CERTIFICATE_VERIFY_FAILED", ("62",), "certificate_wrong_name"),
        ("tls", "CERTIFICATE_VERIFY_FAILED", ("18",), "certificate_untrusted"),
        ("tls", "CERTIFICATE_VERIFY_FAILED", ("20",), "certificate_untrusted"),
        ("tls", "CERTIFICATE_VERIFY_FAILED", ("99",), "certificate_invalid"),
        ("tls", "TLSV1_ALERT_PROTOCOL_VERSION", (), "tls_too_old"),
        ("tls", "WRONG_VERSION_NUMBER", (), "wrong_port_or_tls_mode"),
        ("tls", "starttls_not_offered", (), "starttls_not_offered"),
        ("tls", "plaintext_not_allowed", (), "tls_required"),
        ("greeting", "not_imap", (), "wrong_port_or_tls_mode"),
        ("greeting", "not_smtp", (), "wrong_port_or_tls_mode"),
        ("greeting", "preauth", (), "wrong_port_or_tls_mode"),
        ("auth", "LOGINDISABLED", (), "login_not_offered"),
        ("dns", "no_public_address", (), "no_public_address"),
        ("dns", "bad_host", (), "bad_host"),
    ],
)
def test_what_the_caller_can_mend_is_a_bad_request(leg, step, code, subcodes, reason):
    verdict = judge(Evidence("imap", leg, step, code=code, subcodes=subcodes))
    assert (verdict.kind, verdict.reason, verdict.retryable) == (Kind.BAD_REQUEST, reason, False)


@pytest.mark.parametrize("code", ["refused", "timeout", "reset", "closed", "unreachable", "network", "dns_unavailable"])
def test_a_server_that_cannot_be_reached_is_nobodys_fault(code):
    verdict = judge(Evidence("imap", "imap", "dns" if code == "dns_unavailable" else "connect", code=code))
    assert (verdict.kind, verdict.retryable) == (Kind.PROVIDER_DOWN, True)


@pytest.mark.parametrize(("code", "reason"), [("hosts_not_found",) * 2, ("no_imap_service",) * 2])
def test_hosts_that_are_not_found_are_to_be_given(code, reason):
    verdict = judge(Evidence("imap", "detect", "dns", code=code))
    assert (verdict.kind, verdict.reason) == (Kind.BAD_REQUEST, reason)


@given(
    st.sampled_from(["imap", "smtp", "detect"]),
    st.sampled_from(["dns", "connect", "tls", "greeting", "auth", "command"]),
    st.none() | st.integers(-1, 999),
    st.text(max_size=30),
    st.text(max_size=60),
)
def test_any_evidence_has_a_verdict_and_only_words_at_login_end_a_grant(leg, step, status, code, text):
    verdict = judge(Evidence("imap", leg, step, status=status, code=code, text=text))
    assert verdict.remedy
    if step in ("dns", "connect", "tls") and status is None:
        assert verdict.kind is not Kind.RECONNECT


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.reason)
def test_a_remedy_is_one_sentence(verdict):
    assert verdict.remedy.endswith(".")
    assert ". " not in verdict.remedy
    doubted = verdict.kind is Kind.RECONNECT and verdict.retry_after is not None
    assert verdict.retryable == (doubted or verdict.kind in (Kind.PROVIDER_DOWN, Kind.RATE_LIMITED))
