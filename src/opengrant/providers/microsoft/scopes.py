"""Microsoft's scopes: short names of Graph's, resources, and which permission covers which."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from opengrant.providers.facts import Ability

_GRAPH_ROOTS = (
    "https://graph.microsoft.com/",
    "https://graph.microsoft.us/",
    "https://dod-graph.microsoft.us/",
    "https://microsoftgraph.chinacloudapi.cn/",
)
_OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
"""Answers seldom list them, granted or not."""
_COVERING = frozenset(
    {
        *("calendars", "contacts", "directory", "files", "group", "mail", "mailboxsettings", "notes", "people"),
        *("place", "sites", "tasks", "user"),
    }
)
"""Nouns of permissions where a greater permission covers a lesser one: see `_greater`.

Source  Microsoft Graph permissions reference, the descriptions of the delegated permissions: `ReadWrite` "allows the
app to create, read, update, and delete", `.Shared` is for what the user may access "including the user's own", `.All`
for "all … the signed-in user can access"; `ReadBasic` is Read without bodies.
Quirk   Mail.ReadWrite "does not include permission to send mail".
"""
_GREATER_VERBS: Mapping[str, tuple[str, ...]] = {
    "readbasic": ("readbasic", "read", "readwrite"),
    "read": ("read", "readwrite"),
    "readwrite": ("readwrite",),
    "send": ("send",),
}
_GREATER_REACHES: Mapping[str, tuple[str, ...]] = {
    "": ("", "shared", "all"),
    "shared": ("shared",),
    "all": ("all",),
    "appfolder": ("appfolder", "", "all"),
}
_ABILITIES: Mapping[str, tuple[Ability, ...]] = {
    **dict.fromkeys(("openid", "profile", "email", "user.read", "user.readbasic.all"), ("profile",)),
    "offline_access": (),
    "mail.read": ("mail_read",),
    "mail.readbasic": ("mail_headers",),
    "mail.readwrite": ("mail_change", "mail_delete"),
    "mail.send": ("mail_send",),
    "mailboxsettings.readwrite": ("mail_settings",),
    "calendars.read": ("calendar_read",),
    "calendars.readbasic": ("calendar_read",),
    "calendars.readwrite": ("calendar_change",),
    "contacts.read": ("contacts_read",),
    "people.read": ("contacts_read",),
    "contacts.readwrite": ("contacts_change",),
    "files.read": ("files_read",),
    "files.readwrite": ("files_change",),
    "onlinemeetings.read": ("meetings_read",),
    "onlinemeetings.readwrite": ("meetings_change",),
    "https://outlook.office.com/imap.accessasuser.all": ("mail_change", "mail_delete"),
    "https://outlook.office.com/smtp.send": ("mail_send",),
    "https://outlook.office.com/ews.accessasuser.all": (
        *("mail_change", "mail_delete", "mail_send", "calendar_change", "contacts_change"),
    ),
}
"""By the short name in lower case, without `.shared` and `.all` for what others share."""


def abilities(scope: str) -> tuple[Ability, ...]:
    """What a scope lets an application do."""
    name = short(scope).lower()
    shared = name.removesuffix(".shared").removesuffix(".all")
    return _ABILITIES.get(name, _ABILITIES.get(shared, ("other",)))


def missing(granted: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Which of `wanted`, as spelled there, are neither granted nor covered by a granted one.

    An answer lists the scopes of one resource only. It proves nothing about other resources, `.default` and
    OpenID's own scopes.
    """
    known = {short(scope).lower() for scope in granted}
    if any(name.endswith(".default") for name in known):
        return ()  # all consented permissions, whatever they are
    of = resources(granted)
    return tuple(
        scope
        for scope in wanted
        if (name := short(scope).lower()) not in _OPENID_SCOPES
        and known.isdisjoint({name, *_greater(name)})
        and not name.endswith(".default")
        and _resource(name) in of
    )


def resource_root(graph_url: str) -> str:
    """The root that scopes of this cloud's Graph begin with."""
    host = urlsplit(graph_url).hostname or ""
    return next((root for root in _GRAPH_ROOTS if urlsplit(root).hostname == host), _GRAPH_ROOTS[0])


def short(scope: str) -> str:
    """`Mail.Read` for `https://graph.microsoft.com/Mail.Read`, in all clouds."""
    for root in _GRAPH_ROOTS:
        if scope.lower().startswith(root):
            return scope[len(root) :]
    return scope


def _greater(name: str) -> set[str]:
    """The lower-case names of the permissions that cover this one, of the same resource."""
    root, slash, permission = name.rpartition("/")
    noun, _, rest = permission.partition(".")
    verb, _, reach = rest.partition(".")
    if noun not in _COVERING:
        return set()
    return {
        f"{root}{slash}{noun}.{greater}{'.' if wider else ''}{wider}"
        for greater in _GREATER_VERBS.get(verb, ())
        for wider in _GREATER_REACHES.get(reach, ())
    }


def _resource(short_scope: str) -> str:
    """Whose scope it is: "" for Graph, else the resource's URL."""
    return short_scope.rpartition("/")[0] if "://" in short_scope else ""


def resources(scope: Iterable[str]) -> set[str]:
    names = [short(name).lower() for name in scope]
    return {_resource(name) for name in names if name not in _OPENID_SCOPES} or {""}
