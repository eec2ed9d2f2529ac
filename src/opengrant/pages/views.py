"""The pages, as frozen dataclasses of text, which is escaped. The sentences around it are in catalogues/.

Every form sends its fields and `csrf`, and `cancel=1` when the user cancels.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Literal, get_args

from opengrant.model import NO_APPS, ProviderName
from opengrant.pages.app_passwords import SERVICES, Service
from opengrant.pages.brand import Brand, link, own
from opengrant.pages.languages import Words, english
from opengrant.providers.facts import Ability, Form
from opengrant.providers.registry import FACTS

Section = Literal["select_provider", "detect"]

FIELDS: Mapping[ProviderName, tuple[str, ...]] = MappingProxyType(
    {name: facts.form.fields for name, facts in FACTS.items() if facts.form is not None}
)
"""The fields that the form of a provider sends, in the order of the page. Empty fields are sent as empty text."""

SECRET_FIELDS = frozenset({"password", "smtp_password"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
"""The whole scheme: `profile:` is allowed, `file:` is not."""
_COVERED: Mapping[Ability, frozenset[Ability]] = {
    "mail_headers": frozenset({"mail_read", "mail_change"}),
    "mail_read": frozenset({"mail_change"}),
    "calendar_busy": frozenset({"calendar_read", "calendar_change"}),
    "calendar_read": frozenset({"calendar_change"}),
    "contacts_read": frozenset({"contacts_change"}),
    "files_read": frozenset({"files_change"}),
    "meetings_read": frozenset({"meetings_change"}),
}
"""An ability → the greater ones whose sentence says it too."""


def form_of(provider: ProviderName) -> Form:
    """Raises ValueError for a provider without a login form."""
    form = FACTS[provider].form
    if form is None:
        raise ValueError(f"{provider} has no login form")
    return form


def abilities(provider: ProviderName, scope: tuple[str, ...]) -> tuple[str, ...]:
    """What an application with this scope may do: names of sentences under `may`."""
    if FACTS[provider].form is not None:
        return (provider.value,)
    # A consent always tells whose mailbox it is, whatever the scope.
    found: set[Ability] = {"profile", *(ability for one in scope for ability in FACTS[provider].abilities(one))}
    return tuple(one for one in get_args(Ability) if one in found and found.isdisjoint(_COVERED.get(one, ())))


@dataclass(frozen=True, slots=True)
class Page:
    """The part that all pages have.

    brand  the application's
    words  the sentences of the reader's language
    """

    template: ClassVar[str]
    brand: Brand
    words: Words = field(default_factory=english, kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class Choice(Page):
    """Choose a provider, or find it by the email address.

    action     path the forms POST to. They send `csrf` and one of: `provider` (a value of ProviderName), `email`,
               `cancel`
    providers  buttons, in this order; each one of OFFERED
    scopes     by provider, what the application asks for: the page says what it may do then
    sections   parts of the page, from top to bottom, without repetition
    email      the initial value of the email field
    error      one sentence about the email that was sent, or empty
    problem    one sentence about any other failure, or empty
    found      detection found these providers for `email`; the page says so
    """

    template: ClassVar[str] = "choice.html"
    action: str
    csrf: str = field(repr=False)
    providers: tuple[ProviderName, ...] = ()
    sections: tuple[Section, ...] = ("select_provider",)
    email: str = ""
    error: str = ""
    problem: str = ""
    found: bool = False
    scopes: Mapping[ProviderName, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_action(self.action)

    @property
    def may(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """(providers, what the application may do there); providers where it may do the same stand together."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for provider in self.providers:
            if allowed := abilities(provider, self.scopes.get(provider, ())):
                groups.setdefault(allowed, []).append(provider.value)
        return tuple((tuple(names), allowed) for allowed, names in groups.items())


@dataclass(frozen=True, slots=True)
class Login(Page):
    """The login of a mailbox that has no consent page of its own.

    It has two steps: without `servers` the page asks for what they are found by, with them for the password too.

    action         path the form POSTs to. It sends `csrf`, FIELDS of the provider and the `servers` it has shown, or
                   `cancel`; the first step sends no passwords
    provider       imap, icloud or ews
    values         initial values of the fields; passwords in it are not shown
    errors         field → one sentence about it
    problem        one sentence about the whole form ("The mail server does not answer just now."), or empty
    details        the server's own words and the step that failed: folded, for support
    smtp_required  the outgoing server must be named (imap)
    back           path of the choice of providers; empty without one
    servers        where the password goes; `*.example.com` stands for any server under this domain
    """

    template: ClassVar[str] = "login.html"
    action: str
    csrf: str = field(repr=False)
    provider: ProviderName
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    details: tuple[str, ...] = ()
    smtp_required: bool = False
    back: str = ""
    servers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_action(self.action)
        if self.back and not own(self.back):
            raise ValueError("back must be a path of our own origin")
        if unknown := self.errors.keys() - set(FIELDS[self.provider]):
            raise ValueError(f"the {self.provider} form has no field {', '.join(sorted(unknown))}")

    @property
    def shown(self) -> Mapping[str, str]:
        """The values of all fields that may be shown."""
        return {name: self.values.get(name, "") for name in FIELDS[self.provider] if name not in SECRET_FIELDS}

    @property
    def wrong(self) -> tuple[tuple[str, str], ...]:
        """(field, what is wrong with it), in the order of the page."""
        return tuple((name, self.errors[name]) for name in FIELDS[self.provider] if name in self.errors)

    @property
    def service(self) -> Service | None:
        """The mail service of the address, if known."""
        form, email = form_of(self.provider), self.values.get("email", "")
        return next((one for one in self.services if one.name == form.service or one.serves(email)), None)

    @property
    def services(self) -> tuple[Service, ...]:
        """The services whose help the page shows."""
        form = form_of(self.provider)
        return tuple(one for one in SERVICES if form.any_service or one.name == form.service)

    @property
    def servers_open(self) -> bool:
        """Whether the server settings are unfolded: they are needed, filled in, or wrong."""
        about_servers = set(FIELDS[self.provider]) - {"email", "username", "password"}
        return self.smtp_required or any(self.values.get(name) or name in self.errors for name in about_servers)


@dataclass(frozen=True, slots=True)
class Problem(Page):
    """The sign-in ends on this page, without a redirect.

    title       a few words
    message     what happened, and what to do
    request_id  for support; empty for none
    back        path of our own or absolute http(s) URL that helps; empty for none
    details     for the team of the application: folded, may be empty
    """

    template: ClassVar[str] = "problem.html"
    title: str
    message: str
    request_id: str = ""
    back: str = ""
    details: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.back and not (own(self.back) or link(self.back)):
            raise ValueError("back must be a path of our own origin or an http(s) URL")


@dataclass(frozen=True, slots=True)
class Done(Page):
    """The sign-in of an owner link ends on this page: the mailbox is connected."""

    template: ClassVar[str] = "done.html"


@dataclass(frozen=True, slots=True)
class Lost(Page):
    """There is no page at this address.

    wrong_verb  there is one, but not for this verb
    """

    template: ClassVar[str] = "lost.html"
    wrong_verb: bool = False


@dataclass(frozen=True, slots=True)
class Onward(Page):
    """Continues to another origin, by script and with a button.

    A redirect cannot do this in answer to a form: browsers check each hop of a form's redirects against
    `form-action`, and the next origin may redirect anywhere.

    url  absolute; http(s), or the scheme of an app. It may hold a one-time code: it is not in repr
    to   name of the target: "Google", or the application's; empty when that has none
    """

    template: ClassVar[str] = "onward.html"
    url: str = field(repr=False)
    to: str = ""

    def __post_init__(self) -> None:
        scheme = _SCHEME.match(self.url)
        if scheme is None or scheme[1].lower() in NO_APPS:
            raise ValueError("a page leads to absolute URLs that run nothing")


def _check_action(action: str) -> None:
    if not own(action):
        raise ValueError("a form is sent to a path of our own origin")
