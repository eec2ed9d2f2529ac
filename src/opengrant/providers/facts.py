"""What is known of a provider before it is asked anything: names, pages, scopes, hosts, rules.

Each provider's folder has its own `facts.py`; registry.py lists them. Code above providers/ reads a fact and does not
compare a provider's name. Pure: data and functions of data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from opengrant.model import CredentialType, ProviderName
from opengrant.providers.verdict import Judge, Verdict

About = Literal["address", "password", "server", "port", ""]
"""The part of a login form that a sentence is about; empty: the whole form."""
Ability = Literal[
    "profile",
    "mail_headers",
    "mail_read",
    "mail_change",
    "mail_delete",
    "mail_write",
    "mail_send",
    "mail_settings",
    "calendar_busy",
    "calendar_read",
    "calendar_change",
    "contacts_read",
    "contacts_change",
    "files_read",
    "files_change",
    "meetings_read",
    "meetings_change",
    "other",
]
"""What a scope lets an application do, in the words of sign-in pages. other: the provider's own page tells."""
Holds = Literal["token", "password", "nothing"]
"""What keeps a grant of the provider alive. nothing: there is no credential that could go bad, so no next check."""


@dataclass(frozen=True, slots=True)
class Place:
    """A provider's own page."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Scope:
    """required: without it no mailbox can be connected."""

    scope: str
    why: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of a connector's `settings`."""

    name: str
    why: str
    required: bool = True
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    """What to do before the first mailbox, for people.

    register_at  where a client is made; None for providers that know none
    """

    name: str
    register_at: Place | None = None
    scopes: tuple[Scope, ...] = ()
    settings: tuple[Setting, ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def needs_client(self) -> bool:
        return self.register_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The login form of a provider that takes a password.

    fields       in the order of the page
    needed       fields that must not be empty
    wired        name in the form → name on the wire, where they differ
    service      the mail service whose app passwords the page explains (pages/app_passwords.py); empty for none
    any_service  the page explains all of them, and chooses by the address
    reasons      reason → what its sentence is about, where the provider has a sentence of its own (pages/catalogues)
    """

    fields: tuple[str, ...]
    needed: tuple[str, ...]
    wired: Mapping[str, str] = field(default_factory=dict)
    service: str = ""
    any_service: bool = False
    reasons: Mapping[str, About] = field(default_factory=dict)


CalendarPlace = Literal["hosted", "virtual", "remote", "none"]
MailPlace = Literal["imap", "elsewhere", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One provider.

    speaks_as           subject of a sentence about its answer: "Google", "The mail server"
    holds               what keeps a grant alive
    guide               what to do before the first mailbox
    judges              provider's name in the evidence → judge; an organisation's credential has a name of its own.
                        None at all: it is judged by the words that all mail servers share
    proven              reason → what it means of a credential that has worked before
    offered             hosted sign-in can offer it, by a button or a form
    abilities           a scope → what it lets an application do; of a provider with a login form, nothing limits it
    form                its login form; None where there is none
    credential_types    what its connectors' credentials may be
    connector_settings  settings of a connector that may be read again, beside `client_id`
    endpoints           settings of its section that name what this server itself calls, in the order of the doctor
    idle_days           a refresh token that is not used for so many days ends; None when the provider names no time
    imap_host           its mail server, by which an address is recognised
    imap_password       that server accepts an app password: IMAP is another way in
    mail_scope          what its mail servers want a token's scope to contain
    tokenless           why there is no live token; empty where there is one
    calendar            where its grants' calendars are: kept here, kept here without mail, at the provider, or nowhere
    mail                where its grants' mail is: behind IMAP, where this server does not reach yet, or nowhere
    clientless          why a connector check has no client to prove; empty where it does more
    own_domain          its mailboxes live here, on verified domains of the application
    identifier          `email` is an identifier: compared as given, and fixed
    claimed_address     the address is what the user or their server says, with no proof of the domain
    tenant_scope        an organisation's credential takes scopes of the request only, not the connector's
    identity_by_token   on the wire, a token without identity scopes is a wrong refresh token
    """

    name: ProviderName
    speaks_as: str
    holds: Holds
    guide: Guide
    judges: Mapping[str, Judge] = field(default_factory=dict)
    proven: Mapping[str, Verdict] = field(default_factory=dict)
    offered: bool = False
    abilities: Callable[[str], tuple[Ability, ...]] = lambda _: ("other",)
    form: Form | None = None
    credential_types: frozenset[CredentialType] = frozenset()
    connector_settings: frozenset[str] = frozenset()
    endpoints: tuple[str, ...] = ()
    idle_days: int | None = None
    imap_host: str = ""
    imap_password: bool = False
    mail_scope: str = ""
    tokenless: str = ""
    calendar: CalendarPlace = "remote"
    mail: MailPlace = "elsewhere"
    clientless: str = ""
    own_domain: bool = False
    identifier: bool = False
    claimed_address: bool = False
    tenant_scope: bool = False
    identity_by_token: bool = False

    @property
    def organisation_credential(self) -> CredentialType | None:
        """The type of credential that opens all mailboxes of an organisation; None where there is none."""
        return next((one for one in self.credential_types if one != "connector"), None)


def client_settings(client_id: str, client_secret: str) -> tuple[Setting, Setting]:
    """The two settings of every OAuth client. The arguments say what to enter."""
    return Setting("client_id", client_id), Setting("client_secret", client_secret, secret=True)
