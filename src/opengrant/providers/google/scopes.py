"""Google's scopes: short names, those that name the owner, and which scope covers which."""

from collections.abc import Mapping

from opengrant.providers.facts import Ability

ROOT = "https://www.googleapis.com/auth/"
_SHORT_SCOPES = {"email": f"{ROOT}userinfo.email", "profile": f"{ROOT}userinfo.profile"}
IDENTITY_SCOPES = ("openid", f"{ROOT}userinfo.email", f"{ROOT}userinfo.profile")
EMAIL_SCOPES = frozenset({f"{ROOT}userinfo.email"})
USERINFO_SCOPES = EMAIL_SCOPES | {"openid", f"{ROOT}userinfo.profile"}
GMAIL_SCOPES = frozenset(
    {"https://mail.google.com/"} | {f"{ROOT}gmail.{name}" for name in ("modify", "readonly", "compose", "metadata")}
)
_CALENDAR_READS = ("events.readonly", "events.owned.readonly", "events.public.readonly", "events.freebusy")
_COVERS: Mapping[str, frozenset[str]] = {
    scope: frozenset(f"{ROOT}{name}" for name in names)
    for scope, names in {
        "https://mail.google.com/": (
            *("gmail.modify", "gmail.readonly", "gmail.compose", "gmail.send", "gmail.insert", "gmail.labels"),
            "gmail.metadata",
        ),
        f"{ROOT}gmail.modify": (
            *("gmail.readonly", "gmail.compose", "gmail.send", "gmail.insert", "gmail.labels", "gmail.metadata"),
        ),
        f"{ROOT}gmail.compose": ("gmail.send",),
        f"{ROOT}gmail.readonly": ("gmail.metadata",),
        f"{ROOT}calendar": (
            *("calendar.readonly", "calendar.settings.readonly", "calendar.freebusy", "calendar.app.created"),
            *("calendar.events", "calendar.events.owned", *(f"calendar.{name}" for name in _CALENDAR_READS)),
            *("calendar.calendars", "calendar.calendars.readonly"),
            *("calendar.calendarlist", "calendar.calendarlist.readonly", "calendar.acls", "calendar.acls.readonly"),
        ),
        f"{ROOT}calendar.readonly": (
            *("calendar.settings.readonly", "calendar.freebusy"),
            *("calendar.calendars.readonly", "calendar.calendarlist.readonly"),
            *(f"calendar.{name}" for name in _CALENDAR_READS),
        ),
        f"{ROOT}calendar.events": ("calendar.events.owned", *(f"calendar.{name}" for name in _CALENDAR_READS)),
        f"{ROOT}calendar.events.readonly": (*(f"calendar.{name}" for name in _CALENDAR_READS[1:]),),
        f"{ROOT}drive": (
            *("drive.readonly", "drive.file", "drive.metadata", "drive.metadata.readonly", "drive.photos.readonly"),
            *("documents", "documents.readonly", "spreadsheets", "spreadsheets.readonly"),
            *("presentations", "presentations.readonly"),
        ),
        f"{ROOT}drive.readonly": (
            *("drive.metadata.readonly", "drive.photos.readonly"),
            *("documents.readonly", "spreadsheets.readonly", "presentations.readonly"),
        ),
    }.items()
}
"""What a scope covers beside itself: scopes that allow no call which this one does not allow.

Source  "Authorization scopes" of each method in the references of the Gmail, Calendar, Drive, Docs, Sheets and Slides
APIs; "Choose Gmail API scopes", "Choose Google Calendar API scopes", "Choose Google Drive API scopes".
Quirk   gmail.settings.basic and .sharing are covered by no other scope, not even mail.google.com: only they allow
writing filters, forwarding and signatures. A scope also covers its own name with `.readonly`, in every API (contacts,
tasks, drive.metadata, …).
"""
_READONLY = ".readonly"
_ABILITIES: Mapping[str, tuple[Ability, ...]] = {
    "openid": ("profile",),
    "https://mail.google.com/": ("mail_change", "mail_delete", "mail_send"),
    f"{ROOT}userinfo.email": ("profile",),
    f"{ROOT}userinfo.profile": ("profile",),
    f"{ROOT}gmail.modify": ("mail_change", "mail_send"),
    f"{ROOT}gmail.readonly": ("mail_read",),
    f"{ROOT}gmail.metadata": ("mail_headers",),
    f"{ROOT}gmail.compose": ("mail_write", "mail_send"),
    f"{ROOT}gmail.send": ("mail_send",),
    f"{ROOT}gmail.settings.basic": ("mail_settings",),
    f"{ROOT}gmail.settings.sharing": ("mail_settings",),
    f"{ROOT}calendar": ("calendar_change",),
    f"{ROOT}calendar.events": ("calendar_change",),
    f"{ROOT}calendar.events.owned": ("calendar_change",),
    f"{ROOT}calendar.readonly": ("calendar_read",),
    f"{ROOT}calendar.events.readonly": ("calendar_read",),
    f"{ROOT}calendar.events.owned.readonly": ("calendar_read",),
    f"{ROOT}calendar.freebusy": ("calendar_busy",),
    f"{ROOT}calendar.events.freebusy": ("calendar_busy",),
    f"{ROOT}contacts": ("contacts_change",),
    f"{ROOT}contacts.readonly": ("contacts_read",),
    f"{ROOT}contacts.other.readonly": ("contacts_read",),
    f"{ROOT}directory.readonly": ("contacts_read",),
    f"{ROOT}drive": ("files_change",),
    f"{ROOT}drive.readonly": ("files_read",),
    f"{ROOT}drive.metadata.readonly": ("files_read",),
}


def abilities(scope: str) -> tuple[Ability, ...]:
    """What a scope lets an application do."""
    return _ABILITIES.get(_SHORT_SCOPES.get(scope, scope), ("other",))


def expand_scope(scope: tuple[str, ...]) -> tuple[str, ...]:
    """Short OpenID names as the URLs that Google answers with."""
    if _SHORT_SCOPES.keys().isdisjoint(scope):
        return tuple(dict.fromkeys(scope))
    return tuple(dict.fromkeys(_SHORT_SCOPES.get(name, name) for name in scope))


def missing(granted: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Which of `wanted`, as spelled there, are neither granted nor covered by a granted one."""
    known = set(expand_scope(granted))
    return tuple(scope for scope in wanted if not _covered(_SHORT_SCOPES.get(scope, scope), known))


def _covered(scope: str, granted: set[str]) -> bool:
    if scope in granted or any(scope in _COVERS.get(one, ()) for one in granted):
        return True
    return scope.endswith(_READONLY) and scope.removesuffix(_READONLY) in granted


def allows(granted: frozenset[str] | None, one_of: frozenset[str]) -> bool:
    """True also when the answer does not say which scopes were granted."""
    return granted is None or bool(granted & one_of)
