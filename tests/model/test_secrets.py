"""What is sealed: every form that was ever written can be read, and no repr shows it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from opengrant.model import CredentialType
from opengrant.model.secrets import (
    AppPasswordSecret,
    ConnectorClient,
    ConsentedApp,
    CredentialSecret,
    EwsSecret,
    ICloudSecret,
    ImapSecret,
    NoSecret,
    OAuthSecret,
    OrganisationSecret,
    RotatedToken,
    Secret,
    SecretUnreadable,
    ServiceAccountKey,
    decode,
    encode,
    members,
    read_credential,
)


def hidden(text: str) -> SecretStr:
    return SecretStr(text)


WRITTEN_BY_0_1_0: dict[str, tuple[dict[str, Any], Secret]] = {
    "tokens, connected": (
        {"refresh_token": "r", "access_token": "a", "access_token_scope": ["openid", "email"]},
        OAuthSecret(refresh_token=hidden("r"), access_token=hidden("a"), access_token_scope=("openid", "email")),
    ),
    "tokens, no scope told": (
        {"refresh_token": "r", "access_token": "a", "access_token_scope": None},
        OAuthSecret(refresh_token=hidden("r"), access_token=hidden("a")),
    ),
    "tokens, rotated by a refresh": (
        {"refresh_token": "r2", "access_token": "a2", "access_token_scope": ["x"], "previous_refresh_token": "r"},
        OAuthSecret(
            refresh_token=hidden("r2"),
            access_token=hidden("a2"),
            access_token_scope=("x",),
            previous_refresh_token=hidden("r"),
        ),
    ),
    "what a spent token has become": ({"refresh_token": "r"}, RotatedToken(refresh_token=hidden("r"))),
    "a mailbox of an organisation": (
        {"access_token": "a", "scope": ["Mail.Read"]},
        OrganisationSecret(access_token=hidden("a"), scope=("Mail.Read",)),
    ),
    "a mailbox of an organisation, no scope": (
        {"access_token": "a", "scope": []},
        OrganisationSecret(access_token=hidden("a"), scope=()),
    ),
    "IMAP alone": (
        {"imap_password": "p", "imap_security": "starttls"},
        ImapSecret(imap_password=hidden("p"), imap_security="starttls"),
    ),
    "IMAP and SMTP": (
        {"imap_password": "p", "imap_security": "tls", "smtp_password": "q", "smtp_security": "plain"},
        ImapSecret(imap_password=hidden("p"), imap_security="tls", smtp_password=hidden("q"), smtp_security="plain"),
    ),
    "IMAP and SMTP, other user names": (
        {
            "imap_password": "p",
            "imap_security": "tls",
            "imap_login": "eve",
            "smtp_password": "p",
            "smtp_security": "tls",
            "smtp_login": "eve@example.com",
        },
        ImapSecret(
            imap_password=hidden("p"),
            imap_security="tls",
            imap_login="eve",
            smtp_password=hidden("p"),
            smtp_security="tls",
            smtp_login="eve@example.com",
        ),
    ),
    "iCloud, mail alone": (
        {
            "password": "p",
            "imap_login": "fay",
            "imap_security": "tls",
            "smtp_login": "fay@icloud.com",
            "smtp_security": "starttls",
        },
        ICloudSecret(
            password=hidden("p"),
            imap_login="fay",
            imap_security="tls",
            smtp_login="fay@icloud.com",
            smtp_security="starttls",
        ),
    ),
    "iCloud with calendars": (
        {
            "password": "p",
            "imap_login": "fay",
            "imap_security": "tls",
            "smtp_login": "fay@icloud.com",
            "smtp_security": "starttls",
            "caldav_login": "fay@icloud.com",
            "caldav_principal": "https://c/1/",
            "caldav_home": "https://p/1/",
        },
        ICloudSecret(
            password=hidden("p"),
            imap_login="fay",
            imap_security="tls",
            smtp_login="fay@icloud.com",
            smtp_security="starttls",
            caldav_login="fay@icloud.com",
            caldav_principal="https://c/1/",
            caldav_home="https://p/1/",
        ),
    ),
    "Exchange": (
        {
            "ews_password": "p",
            "ews_url": "https://mail/EWS/Exchange.asmx",
            "ews_auth": "ntlm",
            "ews_version": "Exchange2010_SP2",
            "ews_server": "15.1.2507",
        },
        EwsSecret(
            ews_password=hidden("p"),
            ews_url="https://mail/EWS/Exchange.asmx",
            ews_auth="ntlm",
            ews_version="Exchange2010_SP2",
            ews_server="15.1.2507",
        ),
    ),
    "Exchange by an alias": (
        {
            "ews_password": "p",
            "ews_url": "https://mail/EWS/Exchange.asmx",
            "ews_auth": "basic",
            "ews_version": "Exchange2007_SP1",
            "ews_server": "",
            "ews_mailbox": "gil@example.com",
        },
        EwsSecret(
            ews_password=hidden("p"),
            ews_url="https://mail/EWS/Exchange.asmx",
            ews_auth="basic",
            ews_version="Exchange2007_SP1",
            ews_server="",
            ews_mailbox="gil@example.com",
        ),
    ),
    "an app password": ({"app_password_bcrypt": "$2b$12$x"}, AppPasswordSecret(app_password_bcrypt=hidden("$2b$12$x"))),
    "the end of an app password": ({}, NoSecret()),
}
"""Kept for ever: rows of that release may be opened for the first time years later."""


CREDENTIALS_OF_0_1_0: dict[str, tuple[CredentialType, dict[str, Any], CredentialSecret]] = {
    "a connector's own client": (
        "connector",
        {"client_id": "c", "client_secret": "s"},
        ConnectorClient(client_id="c", client_secret=hidden("s")),
    ),
    "another client, of a tenant": (
        "connector",
        {"client_id": "c", "client_secret": "s", "tenant": "contoso.example"},
        ConnectorClient(client_id="c", client_secret=hidden("s"), tenant="contoso.example"),
    ),
    "a service account": (
        "serviceaccount",
        {"private_key_id": "k", "private_key": "PEM", "client_email": "e@p.iam", "client_id": "1", "project_id": "p"},
        ServiceAccountKey(
            private_key_id="k", private_key=hidden("PEM"), client_email="e@p.iam", client_id="1", project_id="p"
        ),
    ),
    "a service account, no more than it needs": (
        "serviceaccount",
        {"private_key_id": "k", "private_key": "PEM", "client_email": "e@p.iam"},
        ServiceAccountKey(private_key_id="k", private_key=hidden("PEM"), client_email="e@p.iam"),
    ),
    "the consent of any tenant": ("adminconsent", {}, ConsentedApp()),
    "the consent of one tenant": ("adminconsent", {"tenant": "t"}, ConsentedApp(tenant="t")),
    "the consent to an application of its own": (
        "adminconsent",
        {"tenant": "t", "client_id": "c", "client_secret": "s"},
        ConsentedApp(tenant="t", client_id="c", client_secret=hidden("s")),
    ),
}
"""Likewise. Their kind is the type that stands beside them."""


@pytest.mark.parametrize("kind", CREDENTIALS_OF_0_1_0)
def test_a_credential_of_0_1_0_is_read(kind: str) -> None:
    type_, written, meant = CREDENTIALS_OF_0_1_0[kind]
    assert read_credential(written, type_) == meant
    sealed = json.loads(encode(meant))
    assert read_credential(sealed, type_) == meant
    assert {name: sealed.get(name) for name in written} == written


@pytest.mark.parametrize("kind", WRITTEN_BY_0_1_0)
def test_what_0_1_0_wrote_is_read(kind: str) -> None:
    written, meant = WRITTEN_BY_0_1_0[kind]
    assert decode(json.dumps(written).encode()) == meant


@pytest.mark.parametrize("kind", WRITTEN_BY_0_1_0)
def test_0_1_0_finds_its_members_in_what_is_written_now(kind: str) -> None:
    """It ignores members that it does not know, and takes one that is missing for null."""
    written, meant = WRITTEN_BY_0_1_0[kind]
    sealed = json.loads(encode(meant))
    assert {name: sealed.get(name) for name in written} == written
    assert sealed["v"] == 2


_text = st.text(min_size=1)
_secret = _text.map(SecretStr)
_perhaps = st.none() | _text
_security = st.sampled_from([None, "tls", "starttls", "plain"])
_scopes = st.none() | st.lists(_text).map(tuple)
ANY: st.SearchStrategy[Secret] = st.one_of(
    st.builds(
        OAuthSecret,
        refresh_token=_secret,
        access_token=_secret,
        access_token_scope=_scopes,
        previous_refresh_token=st.none() | _secret,
    ),
    st.builds(RotatedToken, refresh_token=_secret),
    st.builds(OrganisationSecret, access_token=_secret, scope=_scopes),
    st.builds(
        ImapSecret,
        imap_password=_secret,
        imap_security=_security,
        imap_login=_perhaps,
        smtp_password=st.none() | _secret,
        smtp_security=_security,
        smtp_login=_perhaps,
    ),
    st.builds(ICloudSecret, password=_secret, imap_login=_perhaps, smtp_security=_security, caldav_home=_perhaps),
    st.builds(EwsSecret, ews_password=_secret, ews_url=_perhaps, ews_server=_perhaps, ews_mailbox=_perhaps),
    st.builds(AppPasswordSecret, app_password_bcrypt=_secret),
    st.builds(NoSecret),
    st.builds(ConnectorClient, client_id=_text, client_secret=_secret, tenant=_perhaps),
    st.builds(ServiceAccountKey, client_email=_text, private_key=_secret, private_key_id=_perhaps),
    st.builds(ConsentedApp, tenant=_perhaps, client_id=_perhaps, client_secret=st.none() | _secret),
)


@given(ANY)
def test_what_is_written_is_read(secret: Secret) -> None:
    assert decode(encode(secret)) == secret


@given(ANY)
def test_no_repr_shows_a_member(secret: Secret) -> None:
    shown = f"{secret!r} {secret} {[secret]!r}"
    values = [str(value) for name, value in members(secret).items() if name not in {"v", "kind"}]
    assert not [value for value in values if len(value) > 8 and value in shown]


MARK = "hunter2-and-more"


@pytest.mark.parametrize(
    "sealed",
    [
        {"v": 3, "kind": "oauth", "refresh_token": MARK},
        {"v": 2, "kind": MARK},
        {"v": 2, "kind": "oauth", "refresh_token": {"x": MARK}, "access_token": MARK},
        {"v": 2, "kind": "imap", "imap_password": [MARK]},
        {"unknown": MARK},
    ],
)
def test_what_makes_no_sense_is_refused_without_its_text(sealed: dict[str, Any]) -> None:
    with pytest.raises(SecretUnreadable) as refused:
        decode(json.dumps(sealed).encode())
    assert MARK not in f"{refused.value!r}"
    assert refused.value.__cause__ is None
