"""Every page in the states that people meet, by name."""

import base64
from collections.abc import Mapping
from types import MappingProxyType

from opengrant import pages
from opengrant.model import ProviderName

_LOGO = base64.b64encode(
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="12" fill="#0f766e"/>'
    b'<path d="M16 32V17l16 14V16" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"'
    b' stroke-linejoin="round"/></svg>'
).decode()

BRANDED = pages.Brand.read(
    {"name": "Northwind", "icon_url": f"data:image/svg+xml;base64,{_LOGO}"},
    {
        "color_primary": "#0f766e",
        "terms_of_service_url": "https://northwind.example/terms",
        "privacy_policy_url": "https://northwind.example/privacy",
    },
)
PLAIN = pages.Brand(name="Acme Calendar")
ACTION = "/form"
CSRF = "qk3v0m"
_BACK = "/show/choice"
SERVERS = ("imap.example.com", "smtp.example.com")
_GOOGLE = "https://www.googleapis.com/auth/"
_SCOPES = {
    ProviderName.GOOGLE: ("openid", f"{_GOOGLE}gmail.modify", f"{_GOOGLE}calendar"),
    ProviderName.MICROSOFT: ("User.Read", "Mail.ReadWrite", "Mail.Send", "Calendars.ReadWrite"),
    ProviderName.YAHOO: ("openid", "mail-r"),
    ProviderName.ZOOM: ("user:read:user", "meeting:write:meeting", "phone:read:call_log"),
}

PAGES: Mapping[str, pages.Page] = MappingProxyType(
    {
        "choice": pages.Choice(BRANDED, ACTION, CSRF, pages.OFFERED, scopes=_SCOPES),
        "choice-or-detect": pages.Choice(
            PLAIN,
            ACTION,
            CSRF,
            (ProviderName.GOOGLE, ProviderName.MICROSOFT),
            ("select_provider", "detect"),
            scopes={
                ProviderName.GOOGLE: (f"{_GOOGLE}calendar.readonly",),
                ProviderName.MICROSOFT: ("Calendars.Read",),
            },
        ),
        "choice-empty": pages.Choice(PLAIN, ACTION, CSRF),
        "detect": pages.Choice(BRANDED, ACTION, CSRF, sections=("detect",)),
        "detect-wrong": pages.Choice(
            BRANDED,
            ACTION,
            CSRF,
            sections=("detect",),
            email="jane@",
            error="Enter a whole address, such as you@example.com.",
        ),
        "detect-failed": pages.Choice(
            PLAIN,
            ACTION,
            CSRF,
            (ProviderName.GOOGLE, ProviderName.MICROSOFT),
            ("detect", "select_provider"),
            email="jane@example.com",
            problem="The mail service of this address could not be looked up just now. Try again in a moment."
            " Or choose the provider yourself.",
        ),
        "detect-found": pages.Choice(BRANDED, ACTION, CSRF, (ProviderName.GOOGLE,), email="jane@gmail.com", found=True),
        "imap-address": pages.Login(BRANDED, ACTION, CSRF, ProviderName.IMAP, back=_BACK),
        "imap-not-found": pages.Login(
            BRANDED,
            ACTION,
            CSRF,
            ProviderName.IMAP,
            {"email": "jane@example.com"},
            {"imap_host": "We found no mail server for your address. Check the address, or enter the server."},
            details=("search, dns, hosts_not_found",),
            back=_BACK,
        ),
        "imap": pages.Login(BRANDED, ACTION, CSRF, ProviderName.IMAP, back=_BACK, servers=SERVERS),
        "imap-gmail": pages.Login(
            BRANDED,
            ACTION,
            CSRF,
            ProviderName.IMAP,
            {"email": "jane@gmail.com"},
            back=_BACK,
            servers=("imap.gmail.com", "smtp.gmail.com"),
        ),
        "imap-wrong": pages.Login(
            BRANDED,
            ACTION,
            CSRF,
            ProviderName.IMAP,
            {"email": "jane@example.com", "password": "hunter2", "imap_host": "imap.example.com", "smtp_port": "5877"},
            {"password": "Check it and enter it again.", "smtp_host": "Name the outgoing server."},
            problem="The mail server refused this password.",
            smtp_required=True,
            back=_BACK,
            servers=SERVERS,
        ),
        "imap-refused": pages.Login(
            BRANDED,
            ACTION,
            CSRF,
            ProviderName.IMAP,
            {"email": "jane@example.com"},
            {"password": "The password was not accepted. Check it, or use an app password."},
            details=(
                "The server said: [AUTHENTICATIONFAILED] Authentication failed.",
                "IMAP, auth, AUTHENTICATIONFAILED, password_refused",
            ),
            back=_BACK,
            servers=SERVERS,
        ),
        "imap-silent": pages.Login(
            PLAIN,
            ACTION,
            CSRF,
            ProviderName.IMAP,
            {"email": "jane@example.com"},
            problem="The mail server does not answer just now. Try again in a few minutes.",
            details=("IMAP, connect, timeout, server_unavailable",),
            servers=SERVERS,
        ),
        "icloud": pages.Login(
            BRANDED,
            ACTION,
            CSRF,
            ProviderName.ICLOUD,
            {"email": "jane@icloud.com"},
            back=_BACK,
            servers=("imap.mail.me.com", "smtp.mail.me.com", "caldav.icloud.com"),
        ),
        "ews-address": pages.Login(PLAIN, ACTION, CSRF, ProviderName.EWS),
        "ews": pages.Login(
            PLAIN,
            ACTION,
            CSRF,
            ProviderName.EWS,
            {"email": "jane@example.com", "username": "jane@example.com"},
            servers=("*.example.com",),
        ),
        "lost": pages.Lost(pages.Brand(name="OpenGrant")),
        "problem": pages.Problem(
            BRANDED,
            "This link has expired",
            "A sign-in must be finished within 15 minutes. Go back to the app you came from and start again.",
            request_id="6f0c1d9e-7a51-4e0f-9f3f-0d8f5b7f2a11",
        ),
        "problem-unbranded": pages.Problem(
            pages.Brand(),
            "This link does not work",
            "The app that sent you here is not known.",
            back=_BACK,
            details=("client_id: there is no such application. It is your application's id.",),
        ),
    }
)
"""All but Onward, which leads away at once."""
