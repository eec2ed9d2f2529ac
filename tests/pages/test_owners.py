"""pages/refusals.py: what the owner of a mailbox is told, for every reason that can come of a form."""

from typing import Any

import pytest

from opengrant.model import ProviderName
from opengrant.pages import FIELDS, Brand, Login, english, refusal
from opengrant.pages.refusals import KINDS, REASONS
from opengrant.providers.ews import refusals as ews_answers
from opengrant.providers.google import refusals as google_answers
from opengrant.providers.icloud import refusals as icloud_answers
from opengrant.providers.mail import refusals as mail_answers
from opengrant.providers.microsoft import refusals as microsoft_answers
from opengrant.providers.oauth import refusals as standard_answers
from opengrant.providers.registry import WITH_PASSWORD
from opengrant.providers.verdict import Kind, Verdict
from opengrant.providers.yahoo import refusals as yahoo_answers
from opengrant.providers.zoom import refusals as zoom_answers
from opengrant.signin.password_form import timed_out

_API_WORDS = ("imap_", "smtp_", "ews_", "settings.imap", "POST", "/v3", "OPENGRANT", "provider ", "operator", "(IMAP, ")

OAUTH_ANSWERS = (standard_answers, google_answers, microsoft_answers, yahoo_answers, zoom_answers)


def verdicts(value: Any) -> set[Verdict]:
    """All in a table, however deep."""
    if isinstance(value, Verdict):
        return {value}
    if isinstance(value, dict):
        return set[Verdict]().union(*map(verdicts, value.values()))
    if isinstance(value, tuple | list | set | frozenset):
        return set[Verdict]().union(*map(verdicts, value))
    return set()


def of(*modules: Any) -> dict[str, Kind]:
    found = set[Verdict]().union(*(verdicts(value) for module in modules for value in vars(module).values()))
    assert found
    return {verdict.reason: verdict.kind for verdict in found}


def test_every_reason_of_a_mail_server_has_a_sentence_of_its_own() -> None:
    """A reason without one is told by its kind: right, and not much help."""
    lacking = sorted(of(mail_answers, ews_answers, icloud_answers).keys() - REASONS.keys())
    assert lacking == [], f"add a row to opengrant/pages/refusals.py for each of {', '.join(lacking)}"


@pytest.mark.parametrize("provider", sorted(WITH_PASSWORD & FIELDS.keys()))
def test_every_reason_of_every_leg_fits_the_form(provider: ProviderName) -> None:
    known = of(*OAUTH_ANSWERS, mail_answers, ews_answers, icloud_answers) | {"made_up_tomorrow": Kind.UNKNOWN}
    for reason, kind in known.items():
        for leg in ("", "imap", "smtp", "ews", "caldav", "detect"):
            for filled in (frozenset[str](), frozenset(FIELDS[provider])):
                told = refusal(english(), provider, kind=kind.value, reason=reason, leg=leg, filled=filled)
                assert told.sentence.endswith("."), reason
                assert not [word for word in _API_WORDS if word in told.sentence], told.sentence
                errors = {told.field: told.sentence} if told.field else {}
                Login(Brand(), "/form", "csrf", provider, errors=errors)


def test_every_kind_has_a_sentence_and_a_new_one_too() -> None:
    assert KINDS.keys() == set(Kind)
    told = refusal(english(), ProviderName.IMAP, kind="new", reason="new").sentence
    assert told.startswith("Your mail service refused, in words that we do not know.")


@pytest.mark.parametrize(
    ("provider", "reason", "leg", "filled", "field"),
    [
        ("imap", "password_refused", "imap", "", "password"),
        ("imap", "password_refused", "smtp", "", "password"),
        ("imap", "password_refused", "smtp", "smtp_password", "smtp_password"),
        ("imap", "certificate_expired", "imap", "imap_host", "imap_host"),
        ("imap", "certificate_expired", "smtp", "imap_host smtp_host", "smtp_host"),
        ("imap", "certificate_expired", "imap", "", ""),
        ("imap", "wrong_port_or_tls_mode", "imap", "imap_host imap_port", "imap_port"),
        ("imap", "wrong_port_or_tls_mode", "imap", "imap_host", "imap_host"),
        ("imap", "hosts_not_found", "detect", "", "imap_host"),
        ("imap", "no_imap_service", "detect", "", "email"),
        ("imap", "server_unavailable", "imap", "", ""),
        ("ews", "password_refused", "ews", "", "password"),
        ("ews", "exchange_not_found", "ews", "", "host"),
        ("ews", "not_ews", "ews", "host", "host"),
        ("icloud", "app_password_required", "imap", "", "password"),
        ("icloud", "server_unavailable", "imap", "", ""),
    ],
)
def test_a_sentence_stands_at_the_field_that_it_is_about(
    provider: str, reason: str, leg: str, filled: str, field: str
) -> None:
    filled_in = frozenset(filled.split())
    told = refusal(english(), ProviderName(provider), kind="unknown", reason=reason, leg=leg, filled=filled_in)
    assert told.field == field


def test_a_search_that_takes_too_long_has_a_sentence() -> None:
    problem = timed_out(ProviderName.IMAP, 30)
    assert problem.provider_error is not None
    assert problem.provider_error["opengrant"]["reason"] in REASONS
