"""The stored login of a mailbox on the wire."""

from dataclasses import fields
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from opengrant.api.wire.fields import Answer, Model, examples
from opengrant.model import stored_logins as model


class CredentialBody(Model):
    """What the login is needed for."""

    model_config = examples({"reason": "import of old mail"})
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    """For the audit trail."""


class MailServerLogin(Model):
    """A login at an IMAP or SMTP server."""

    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    """How the connection was secured when the login was proven."""
    username: str
    password: str = Field(repr=False)


class CaldavLogin(Model):
    """A login at a CalDAV server."""

    principal_url: str
    home_url: str | None = None
    """The collection of the calendars."""
    username: str
    password: str = Field(repr=False)


class ExchangeLogin(Model):
    """A login at an Exchange server."""

    url: str
    """The endpoint of Exchange Web Services."""
    auth: str | None = None
    """`ntlm`, `negotiate` or `basic`: what the server took."""
    version: str | None = None
    """The schema that the server takes."""
    mailbox: str | None = None
    """The address by which the server knows the mailbox."""
    username: str
    password: str = Field(repr=False)


class StoredLogin(Model):
    """The login of a mailbox. A member that the grant does not have is absent."""

    imap: MailServerLogin | None = None
    smtp: MailServerLogin | None = None
    caldav: CaldavLogin | None = None
    ews: ExchangeLogin | None = None

    @staticmethod
    def of(login: model.StoredLogin) -> Answer:
        legs = {leg: getattr(login, leg) for leg in StoredLogin.model_fields}
        return {leg: _opened(found) for leg, found in legs.items() if found is not None}


def _opened(login: model.MailServerLogin | model.CaldavLogin | model.EwsServerLogin) -> Answer:
    held = {one.name: getattr(login, one.name) for one in fields(login)}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in held.items()
        if value is not None
    }
