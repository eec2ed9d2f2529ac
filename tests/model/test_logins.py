"""What a stored credential is proven with again, and what a change of one member is laid over."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

import opengrant
from opengrant.model.basics import ShownSettings
from opengrant.model.logins import (
    AgentAccountLogin,
    EwsLogin,
    ICloudLogin,
    ImapLogin,
    PasswordLogin,
    again,
    to_change,
)
from opengrant.model.secrets import AppPasswordSecret, EwsSecret, ICloudSecret, ImapSecret, PasswordSecret

P, Q = SecretStr("p"), SecretStr("q")
IMAP = {
    "imap_username": "eve",
    "email": "eve@example.com",
    "imap_host": "imap.example.com",
    "imap_port": 993,
    "smtp_host": "smtp.example.com",
    "smtp_port": 465,
    "type": "example",
}
EWS = {"email": "gil@example.com", "ews_username": "EX\\gil", "ews_host": "mail.example.com", "ews_port": 443}
URL = "https://mail.example.com/custom/Services.asmx"


def imap(*, smtp: SecretStr | None = P) -> ImapSecret:
    return ImapSecret(imap_password=P, imap_security="tls", imap_login="eve@example.com", smtp_password=smtp)


@pytest.mark.parametrize(
    ("settings", "secret", "login"),
    [
        (IMAP, imap(), ImapLogin(**IMAP, imap_password=P, smtp_password=P, proven=imap())),  # type: ignore[arg-type]
        (
            {"username": "fay"},
            ICloudSecret(password=P, imap_login="f"),
            ICloudLogin(username="fay", password=P, imap_login="f"),
        ),
        (EWS, EwsSecret(ews_password=P, ews_url=URL), EwsLogin(**EWS, ews_password=P, ews_url=URL)),  # type: ignore[arg-type]
        (
            {"email": "a@example.com", "has_app_password": True},
            AppPasswordSecret(app_password_bcrypt=P),
            AgentAccountLogin(email="a@example.com"),
        ),
    ],
)
def test_a_stored_credential_is_proven_as_it_was_before(
    settings: ShownSettings, secret: PasswordSecret | AppPasswordSecret, login: PasswordLogin
) -> None:
    assert again({**settings, "email_verified": False}, secret) == login


@pytest.mark.parametrize(
    ("settings", "secret", "login"),
    [
        (IMAP, imap(), ImapLogin(**IMAP, imap_password=P)),  # type: ignore[arg-type]
        (IMAP, imap(smtp=Q), ImapLogin(**IMAP, imap_password=P, smtp_password=Q)),  # type: ignore[arg-type]
        (IMAP, imap(smtp=None), ImapLogin(**IMAP, imap_password=P)),  # type: ignore[arg-type]
        ({"username": "fay"}, ICloudSecret(password=P, imap_login="f"), ICloudLogin(username="fay", password=P)),
        (EWS, EwsSecret(ews_password=P, ews_url=URL), EwsLogin(**EWS | {"ews_host": URL}, ews_password=P)),  # type: ignore[arg-type]
        (EWS, EwsSecret(ews_password=P), EwsLogin(**EWS, ews_password=P)),  # type: ignore[arg-type]
    ],
)
def test_a_change_is_laid_over_what_its_user_would_send_again(
    settings: ShownSettings, secret: PasswordSecret, login: PasswordLogin
) -> None:
    assert to_change(settings, secret) == login


def test_no_cast_stands_between_a_credential_and_its_type() -> None:
    rooms = ("model", "connectors", "grants", "signin", "providers")
    package = Path(opengrant.__file__).parent
    files = [file for room in rooms for file in (package / room).rglob("*.py")]
    assert len(files) > 80
    assert [str(file) for file in files if re.search(r"\bcast\(|ProviderName, object\]", file.read_text("utf-8"))] == []
