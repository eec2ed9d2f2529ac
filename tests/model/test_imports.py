"""Rows of an import: what is sealed of them is read back as it was."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from opengrant.model import CustomConnect, ProviderName
from opengrant.model.imports import ImportRow, RestoredRow, StagedRow, decode_rows, encode_rows
from opengrant.model.logins import (
    AgentAccountLogin,
    EwsLogin,
    ICloudLogin,
    ImapLogin,
    OAuthLogin,
    OrganisationLogin,
    VirtualCalendarLogin,
)

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_secret = _text.map(SecretStr)
_maybe = st.none() | _text
_port = st.none() | st.integers(1, 65535)
_logins = st.one_of(
    st.builds(OAuthLogin, provider=st.sampled_from(ProviderName), refresh_token=_secret, credential_id=_maybe),
    st.builds(
        OrganisationLogin,
        provider=st.sampled_from(ProviderName),
        email_address=_text,
        credential_id=_maybe,
        tenant=_maybe,
    ),
    st.builds(
        ImapLogin,
        imap_username=_text,
        imap_password=_secret,
        email=_maybe,
        imap_host=_maybe,
        imap_port=_port,
        smtp_password=st.none() | _secret,
    ),
    st.builds(ICloudLogin, username=_text, password=_secret),
    st.builds(EwsLogin, ews_username=_text, ews_password=_secret, ews_host=_maybe, ews_port=_port),
    st.builds(AgentAccountLogin, email=_text, app_password=st.none() | _secret, drops_app_password=st.booleans()),
    st.builds(VirtualCalendarLogin, email=_text),
)
_asks = st.builds(
    CustomConnect,
    login=_logins,
    scope=st.none() | st.lists(_text, max_size=3).map(tuple),
    state=_maybe,
    name=_maybe,
    workspace_id=_maybe,
    external_id=_maybe,
)
_rows: st.SearchStrategy[StagedRow] = st.one_of(
    st.builds(ImportRow, line=st.integers(1, 10**9), ask=_asks, key=_maybe, grant_id=_maybe),
    st.builds(
        RestoredRow,
        line=st.integers(1, 10**9),
        provider=st.sampled_from(ProviderName),
        key=_maybe,
        grant_id=_text,
        grant=st.dictionaries(_text, _text | st.integers(-(2**53), 2**53) | st.none(), max_size=4),
        secret=st.none() | st.dictionaries(_text, _text, max_size=3),
    ),
)


@given(rows=st.lists(_rows, max_size=5))
def test_rows_are_read_back_as_they_were(rows: list[StagedRow]) -> None:
    assert list(decode_rows(encode_rows(rows))) == rows


def test_no_secret_is_in_the_repr() -> None:
    login = OAuthLogin(provider=ProviderName.GOOGLE, refresh_token=SecretStr("1//secret"))
    restored = RestoredRow(2, ProviderName.GOOGLE, None, "g", {}, {"refresh_token": "1//secret"})
    shown = repr([ImportRow(1, CustomConnect(login=login)), restored])
    assert "1//secret" not in shown
    assert "refresh_token=SecretStr('**********')" in shown
