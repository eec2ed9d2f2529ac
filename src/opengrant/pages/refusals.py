"""Sentences for the owner of a mailbox that could not be connected, by reason. Data only.

API callers get another sentence, about fields and calls. The page shows this one beside the field that it is about. A
reason without a row has the sentence of its kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from opengrant.model import ProviderName
from opengrant.pages.views import form_of
from opengrant.providers.facts import Form

About = Literal["address", "password", "server", "port", ""]
"""The part of the form that a sentence is about; empty: the whole form."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """field: of the provider's form; empty when the sentence is about the whole form."""

    sentence: str
    field: str = ""


_IT_WAITS = "Wait a few minutes, then try again."
_ADMIN = "Ask the administrator of your mailbox."
_ELSEWHERE = "Go back and choose Microsoft, if it is offered."


def _at(about: About, sentence: str) -> tuple[About, str]:
    return about, sentence


KINDS: Mapping[str, tuple[About, str]] = {
    "reconnect": _at("password", "Your mail service did not accept this sign-in. Check the address and the password."),
    "connector": _at("", "This sign-in is not set up correctly. Tell the team of the application that sent you here."),
    "provider_down": _at("", "Your mail service does not answer just now. Try again in a few minutes."),
    "rate_limited": _at("", f"Your mail service wants fewer sign-ins just now. {_IT_WAITS}"),
    "bad_request": _at("", "Your mailbox cannot be connected with these settings. Check the address and the servers."),
    "unknown": _at(
        "", f"Your mail service refused, in words that we do not know. See the details, or {_ADMIN.lower()}"
    ),
}
"""For reasons that have no row. By the value of Kind."""

REASONS: Mapping[str, tuple[About, str]] = {
    # ── the password ──
    "password_refused": _at("password", "The password was not accepted. Check it, or use an app password."),
    "app_password_required": _at(
        "password",
        "Your usual password does not work here. Make an app password in the security settings of your mail account,"
        " and enter that.",
    ),
    "app_password_refused": _at(
        "password",
        "The app-specific password was not accepted. Make a new one at account.apple.com, and enter that.",
    ),
    "password_expired": _at(
        "password", "Your password has expired. Set a new one at your mail service, and enter that."
    ),
    "login_malformed": _at("password", "The server could not read this. Check it for unusual characters."),
    # ── the account ──
    "browser_login_required": _at(
        "",
        "Your mail service wants to see you first. Sign in there with a web browser, confirm what it asks, then try"
        " again here.",
    ),
    "mailbox_not_accessible": _at(
        "address",
        "The mailbox could not be opened. Check the address and the password, and ask its administrator whether mail"
        " programs (IMAP) may use it.",
    ),
    "mailbox_unknown": _at("address", "The server has no mailbox of this address. Check its spelling."),
    "mailbox_missing": _at("address", "This account has no mailbox. Enter the address of the mailbox that you want."),
    "not_authorized": _at("address", "You may not open this mailbox. Sign in as its owner, or ask for access to it."),
    "account_disabled": _at("", f"This account is switched off. {_ADMIN}"),
    "account_locked": _at("", f"This account is locked. Unlock it at your mail service and try again. Or: {_ADMIN}"),
    "account_blocked": _at(
        "",
        "iCloud turned this account away. Sign in at icloud.com, see what it asks, then try again.",
    ),
    "admin_policy": _at("", f"A rule of your organization does not allow this sign-in. {_ADMIN}"),
    "imap_disabled": _at(
        "",
        "Mail programs (IMAP) are switched off for this mailbox. Switch IMAP on in its settings, or ask its"
        " administrator.",
    ),
    "smtp_disabled": _at(
        "",
        "Sending mail from other programs (SMTP) is switched off for this mailbox. Switch it on in its settings, or ask"
        " its administrator.",
    ),
    "smtp_auth_disabled_by_admin": _at(
        "",
        f"Your organization does not let programs send mail from this mailbox (SMTP AUTH is off). {_ADMIN}",
    ),
    "no_icloud_mailbox": _at(
        "address",
        "The password is right, but this address opens no iCloud mailbox. Enter the one that ends in @icloud.com,"
        " @me.com or @mac.com.",
    ),
    "apple_account_name_needed": _at("address", "Enter the iCloud address of your Apple Account; calendars need it."),
    # ── another way in ──
    "password_login_disabled": _at("", f"This mail service accepts no passwords from other programs. {_ELSEWHERE}"),
    "exchange_online": _at("", f"Your mailbox is at Microsoft 365, which accepts no passwords here. {_ELSEWHERE}"),
    "no_imap_service": _at(
        "address", "The service of this address lets no other program read mail. Use another mailbox."
    ),
    "ews_disabled": _at("", f"The server does not let other programs open this mailbox (EWS). {_ADMIN}"),
    # ── the servers ──
    "bad_host": _at("server", "This is no name of a server. Enter one such as mail.example.com."),
    "no_public_address": _at("server", "No server of this name can be found. Check its spelling."),
    "dns_unavailable": _at(
        "server", "The name of the server cannot be looked up just now. Try again in a few minutes."
    ),
    "hosts_not_found": _at(
        "server",
        "We found no mail server for your address. Check the address, or enter the server; your mail service tells"
        " its name.",
    ),
    "exchange_not_found": _at(
        "server",
        "We found no Exchange server for your address. Check the address, or enter the server, such as"
        " mail.example.com.",
    ),
    "redirected_elsewhere": _at(
        "server",
        "The way led to another server, which your password was not sent to. Enter the server if you know its name.",
    ),
    "server_unavailable": _at("server", "The mail server does not answer just now. Try again in a few minutes."),
    "gave_up": _at(
        "server",
        "The mail server did not answer within half a minute, so we stopped. Check the server settings, or try again"
        " later.",
    ),
    "no_greeting": _at("port", "A server is there but says nothing. Check the port, or try again in a few minutes."),
    "too_many_connections": _at("", f"Your mail server wants fewer sign-ins just now. {_IT_WAITS}"),
    "throttled": _at("", f"Your mail server wants fewer sign-ins just now. {_IT_WAITS}"),
    "wrong_port_or_tls_mode": _at(
        "port",
        "This port does not fit. Incoming mail uses 993 or 143, outgoing mail 465 or 587.",
    ),
    "wrong_port": _at("server", "The server does not speak TLS there. Check its name and port."),
    "tls_required": _at("port", "This port has no encryption. Incoming mail uses 993, outgoing mail 465 or 587."),
    "starttls_not_offered": _at("port", "This port has no encryption. Use 993 for incoming and 465 for outgoing mail."),
    "login_not_offered": _at("server", f"This server accepts no passwords. Check its name and port. Or: {_ADMIN}"),
    "tls_too_old": _at("server", f"The encryption of this server is too old to be safe. {_ADMIN}"),
    "tls_failed": _at("", "No safe connection could be made. Tell the team of the application that sent you here."),
    "certificate_invalid": _at("server", f"The server could not prove that it is the right one. {_ADMIN}"),
    "certificate_expired": _at("server", f"The certificate of this server has expired, so it is not safe. {_ADMIN}"),
    "certificate_not_yet_valid": _at("server", f"The certificate of this server is not valid yet. {_ADMIN}"),
    "certificate_untrusted": _at(
        "server",
        f"The certificate of this server comes from an authority that is not trusted here. {_ADMIN}",
    ),
    "certificate_wrong_name": _at(
        "server",
        "The server has a certificate for another name. Enter the name that your mail service gives; often it is one"
        " of the hosting company.",
    ),
    "not_ews": _at("server", f"No Exchange server answers there. Check its name. Or: {_ADMIN}"),
    "not_http": _at("server", "No Exchange server answers there. Check its name and port."),
    "login_form": _at("server", f"A login page stands before this server, so programs cannot sign in. {_ADMIN}"),
    "no_authentication": _at(
        "server",
        "This server asks nobody for a password, so it cannot check yours. Check its name.",
    ),
    "server_too_old": _at("server", "This Exchange server is too old to be connected."),
    "connection_not_kept": _at("", f"The server broke the connection off while you were signing in. {_ADMIN}"),
    "senseless_answer": _at("", "The server gave an answer that makes no sense. Try again in a few minutes."),
    "caldav_url_wrong": KINDS["connector"],
    # ── words that are not known ──
    "refused_otherwise": _at(
        "",
        f"The mail server refused, but not because of the password. See the details. Or: {_ADMIN}",
    ),
    "unknown_refusal": _at("", f"The mail server refused, in words that we do not know. See the details. Or: {_ADMIN}"),
}
_OUTGOING: Mapping[str, tuple[About, str]] = {
    "password_refused": _at(
        "password",
        "Your mailbox opened, but the outgoing server (SMTP) did not accept the password. It may want another one.",
    ),
    "server_unavailable": _at(
        "server",
        "Your mailbox opened, but the outgoing server (SMTP) does not answer. Check its name and port, or try again"
        " later.",
    ),
}
"""For the outgoing server. The incoming server has accepted the login before."""
_EXCHANGE: Mapping[str, tuple[About, str]] = {
    "password_refused": _at("password", "The user name or the password was not accepted. Check both."),
}
_WANTS_SERVER = frozenset({"hosts_not_found", "exchange_not_found"})
"""Reasons that are shown at the server's field even when it is empty."""


def refusal(
    provider: ProviderName, *, kind: str, reason: str, leg: str = "", filled: frozenset[str] = frozenset()
) -> Refusal:
    """The sentence and its field in the form.

    kind, reason  of the verdict
    leg           the protocol: imap, smtp, ews, caldav
    filled        fields of the form that were not left empty
    """
    form = form_of(provider)
    special = form.sentences or {"smtp": _OUTGOING, "ews": _EXCHANGE}.get(leg, {})
    about, sentence = special.get(reason) or REASONS.get(reason) or KINDS.get(kind) or KINDS["unknown"]
    field = _field(form, about, leg, filled)
    if about in ("server", "port") and field not in filled and reason not in _WANTS_SERVER:
        field = ""  # detection found the server; the owner did not enter it
    return Refusal(sentence, field)


def _field(form: Form, about: About, leg: str, filled: frozenset[str]) -> str:
    """The form's field that a sentence is about; empty where the form has none."""
    outgoing = leg == "smtp" and "smtp_host" in form.fields
    name = "smtp" if outgoing else "imap"
    match about:
        case "address":
            return "email"
        case "password":
            return "smtp_password" if outgoing and "smtp_password" in filled else "password"
        # Without a port in the form, the owner can only change the server's name.
        case "port" if f"{name}_port" in filled and f"{name}_port" in form.fields:
            return f"{name}_port"
        case "server" | "port":
            return next((one for one in (f"{name}_host", "host") if one in form.fields), "")
        case _:
            return ""
