"""What is sealed of a credential, and the one JSON form of it.

A record of today says its version and its kind: `{"v": 2, "kind": "oauth", …}`. Release 0.1.0 wrote neither, so
`decode` tells those by their members; it is the only place that does. The members are the same in both versions: 0.1.0
reads what is written today.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, PlainSerializer, SecretStr, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from opengrant.model.basics import record

VERSION: Final = 2

Plain = Annotated[SecretStr, PlainSerializer(SecretStr.get_secret_value)]
"""A secret that `encode` writes out. Its repr is blind, as that of every SecretStr."""
Security = Literal["tls", "starttls", "plain"]
"""How the connection to a mail server was secured."""


@record
class Sealed:
    """A ciphertext and the name of the master key that opens it."""

    key_id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OAuthSecret:
    """The tokens of a mailbox whose owner consented.

    access_token_scope      what the provider said it granted; None: it did not say
    previous_refresh_token  the one before the last rotation, which some providers still take
    """

    kind: Literal["oauth"] = "oauth"
    refresh_token: Plain
    access_token: Plain
    access_token_scope: tuple[str, ...] | None = None
    previous_refresh_token: Plain | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RotatedToken:
    """What a spent refresh token has turned into, before a grant holds it."""

    kind: Literal["rotated"] = "rotated"
    refresh_token: Plain


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OrganisationSecret:
    """The access token of a mailbox that a credential of its organisation opens.

    scope  what the next token is asked for; None: the grant's scopes
    """

    kind: Literal["organisation"] = "organisation"
    access_token: Plain
    scope: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ImapSecret:
    """A password for IMAP, and one for SMTP where that was proven too.

    imap_login, smtp_login  the user name that the server takes, where it is not the one that was given
    """

    kind: Literal["imap"] = "imap"
    imap_password: Plain
    imap_security: Security | None = None
    imap_login: str | None = None
    smtp_password: Plain | None = None
    smtp_security: Security | None = None
    smtp_login: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ICloudSecret:
    """An app-specific password for mail, and for calendars where that was proven too."""

    kind: Literal["icloud"] = "icloud"
    password: Plain
    imap_login: str | None = None
    imap_security: Security | None = None
    smtp_login: str | None = None
    smtp_security: Security | None = None
    caldav_login: str | None = None
    caldav_principal: str | None = None
    caldav_home: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EwsSecret:
    """The password of an Exchange account, and how its mailbox was opened.

    ews_url      the endpoint
    ews_auth     "ntlm", "negotiate" or "basic"
    ews_version  the schema that the server takes
    ews_server   the server's version
    ews_mailbox  the address by which the server knows the mailbox, where it is another one
    """

    kind: Literal["ews"] = "ews"
    ews_password: Plain
    ews_url: str | None = None
    ews_auth: str | None = None
    ews_version: str | None = None
    ews_server: str | None = None
    ews_mailbox: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AppPasswordSecret:
    """The hash of an Agent Account's app password."""

    kind: Literal["app_password"] = "app_password"
    app_password_bcrypt: Plain


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ConnectorClient:
    """An OAuth client of a connector. tenant: None where the connector's counts."""

    kind: Literal["connector"] = "connector"
    client_id: str
    client_secret: Plain
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ServiceAccountKey:
    """The key file of a service account. client_id, project_id: kept with the key, and not used."""

    kind: Literal["serviceaccount"] = "serviceaccount"
    client_email: str
    private_key: Plain
    private_key_id: str | None = None
    client_id: str | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ConsentedApp:
    """A tenant that consented to an application.

    tenant         None: any tenant
    client_id      None: the tenant consented to the connector's own client
    """

    kind: Literal["adminconsent"] = "adminconsent"
    tenant: str | None = None
    client_id: str | None = None
    client_secret: Plain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSecret:
    """A proof that there is to be no secret: a stored one is destroyed."""

    kind: Literal["none"] = "none"


PasswordSecret = ImapSecret | ICloudSecret | EwsSecret
GrantSecret = OAuthSecret | OrganisationSecret | PasswordSecret | AppPasswordSecret
"""The live secret of a grant."""
CredentialSecret = ConnectorClient | ServiceAccountKey | ConsentedApp
"""What a credential of a connector holds. Its kind is the type of the credential."""
Secret = GrantSecret | CredentialSecret | RotatedToken | NoSecret

_FORM: TypeAdapter[Secret] = TypeAdapter(
    Annotated[Secret, Field(discriminator="kind")], config=ConfigDict(hide_input_in_errors=True)
)
_KINDS_OF_1 = {
    "app_password_bcrypt": "app_password",
    "imap_password": "imap",
    "ews_password": "ews",
    "password": "icloud",
}
"""By the member that each kind of version 1 had and no other."""


class SecretUnreadable(Exception):
    """What was sealed is no secret that this release knows. The text holds nothing of it."""


def members(secret: Secret) -> dict[str, Any]:
    """As JSON members, the secrets in plain; what is None is left out."""
    return {"v": VERSION, **_FORM.dump_python(secret, mode="json", exclude_none=True)}


def encode(secret: Secret) -> bytes:
    """What is sealed."""
    return to_json(members(secret))


def read(held: Mapping[str, Any], *, kind: str | None = None) -> Secret:
    """The secret with these members. kind: of one that names none, where the reader knows. Raises SecretUnreadable."""
    version = held.get("v", 1)
    if version not in (1, VERSION):
        raise SecretUnreadable(f"A secret of version {version!r} was written by a later release.")
    try:
        return _FORM.validate_python(held if "kind" in held else {**held, "kind": kind or _kind_of_1(held)})
    except ValidationError as problem:
        wrong = ", ".join(str(one["loc"]) for one in problem.errors(include_input=False, include_url=False))
        raise SecretUnreadable(f"A stored secret is not of the form of its kind: {wrong}.") from None


def decode(data: bytes, *, kind: str | None = None) -> Secret:
    """The secret that `encode`, or release 0.1.0, wrote. kind: as in `read`. Raises SecretUnreadable."""
    return read(from_json(data), kind=kind)


def read_credential(held: Mapping[str, Any], type_: str) -> CredentialSecret:
    """The members of a connector's credential of this type, in plain. Raises SecretUnreadable."""
    secret = read(held, kind=type_)
    if not isinstance(secret, CredentialSecret):
        raise SecretUnreadable(f"A credential cannot hold a secret of the kind {secret.kind}.")
    return secret


def _kind_of_1(held: Mapping[str, Any]) -> str:
    for member, kind in _KINDS_OF_1.items():
        if member in held:
            return kind
    if "refresh_token" in held:
        return "oauth" if "access_token" in held else "rotated"
    return "organisation" if held else "none"
