"""The stored login of a mailbox as a mail program needs it: servers, user names and the password."""

from dataclasses import dataclass

from pydantic import SecretStr

from opengrant.model.secrets import Security


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServerLogin:
    """A login at an IMAP or SMTP server.

    security  how the connection was secured when the login was proven
    """

    host: str
    port: int
    security: Security
    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class MailServer:
    """An IMAP or SMTP server that takes access tokens (XOAUTH2)."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServers:
    """Those of one provider."""

    imap: MailServer
    smtp: MailServer


@dataclass(frozen=True, slots=True, kw_only=True)
class CaldavLogin:
    """A login at a CalDAV server. principal_url, home_url: the account, and the collection of its calendars."""

    principal_url: str
    home_url: str | None
    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class EwsServerLogin:
    """A login at an Exchange server.

    auth     "ntlm", "negotiate" or "basic"
    version  the schema that the server takes
    mailbox  the address by which the server knows the mailbox
    """

    url: str
    auth: str | None
    version: str | None
    mailbox: str | None
    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogin:
    """The logins of one grant. None: the grant has no such login."""

    imap: MailServerLogin | None = None
    smtp: MailServerLogin | None = None
    caldav: CaldavLogin | None = None
    ews: EwsServerLogin | None = None
