"""Why a mailbox could not be connected, for its owner: which sentence, and at which field of the form.

API callers get another sentence, about fields and calls. The sentences are in catalogues/, under `reason`. A reason
without a row has the sentence of its kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from opengrant.model import ProviderName
from opengrant.pages.languages import Words
from opengrant.pages.views import form_of
from opengrant.providers.facts import About, Form


@dataclass(frozen=True, slots=True)
class Refusal:
    """field: of the provider's form; empty when the sentence is about the whole form."""

    sentence: str
    field: str = ""


KINDS: Mapping[str, About] = {
    "reconnect": "password",
    "connector": "",
    "provider_down": "",
    "rate_limited": "",
    "bad_request": "",
    "unknown": "",
}
"""For reasons that have no row. By the value of Kind."""

REASONS: Mapping[str, About] = {
    # ── the password ──
    "password_refused": "password",
    "app_password_required": "password",
    "app_password_refused": "password",
    "password_expired": "password",
    "login_malformed": "password",
    # ── the account ──
    "browser_login_required": "",
    "mailbox_not_accessible": "address",
    "mailbox_unknown": "address",
    "mailbox_missing": "address",
    "not_authorized": "address",
    "account_disabled": "",
    "account_locked": "",
    "account_blocked": "",
    "admin_policy": "",
    "imap_disabled": "",
    "smtp_disabled": "",
    "smtp_auth_disabled_by_admin": "",
    "no_icloud_mailbox": "address",
    "apple_account_name_needed": "address",
    # ── another way in ──
    "password_login_disabled": "",
    "exchange_online": "",
    "no_imap_service": "address",
    "ews_disabled": "",
    # ── the servers ──
    "bad_host": "server",
    "no_public_address": "server",
    "dns_unavailable": "server",
    "hosts_not_found": "server",
    "exchange_not_found": "server",
    "redirected_elsewhere": "server",
    "server_unavailable": "server",
    "gave_up": "server",
    "no_greeting": "port",
    "too_many_connections": "",
    "throttled": "",
    "wrong_port_or_tls_mode": "port",
    "wrong_port": "server",
    "tls_required": "port",
    "starttls_not_offered": "port",
    "login_not_offered": "server",
    "tls_too_old": "server",
    "tls_failed": "",
    "certificate_invalid": "server",
    "certificate_expired": "server",
    "certificate_not_yet_valid": "server",
    "certificate_untrusted": "server",
    "certificate_wrong_name": "server",
    "not_ews": "server",
    "not_http": "server",
    "login_form": "server",
    "no_authentication": "server",
    "server_too_old": "server",
    "connection_not_kept": "",
    "senseless_answer": "",
    "caldav_url_wrong": "",
    # ── words that are not known ──
    "refused_otherwise": "",
    "unknown_refusal": "",
}
_OF_LEG: Mapping[str, Mapping[str, About]] = {
    # The incoming server has accepted the login before.
    "smtp": {"password_refused": "password", "server_unavailable": "server"},
    "ews": {"password_refused": "password"},
}
"""Reasons that have another sentence for this protocol, under `reason_<protocol>`."""
_WANTS_SERVER = frozenset({"hosts_not_found", "exchange_not_found"})
"""Reasons that are shown at the server's field even when it is empty."""


def refusal(
    words: Words,
    provider: ProviderName,
    *,
    kind: str,
    reason: str,
    leg: str = "",
    filled: frozenset[str] = frozenset(),
) -> Refusal:
    """The sentence and its field in the form.

    kind, reason  of the verdict
    leg           the protocol: imap, smtp, ews, caldav
    filled        fields of the form that were not left empty
    """
    form = form_of(provider)
    table, special = (provider.value, form.reasons) if form.reasons else (leg, _OF_LEG.get(leg, {}))
    if reason in special:
        name, about = f"reason_{table}.{reason}", special[reason]
    elif reason in REASONS:
        name, about = f"reason.{reason}", REASONS[reason]
    else:
        known = kind if kind in KINDS else "unknown"
        name, about = f"reason.{known}", KINDS[known]
    sentence = words(name, **{end: words(f"reason.{end}") for end in ("wait", "admin", "elsewhere")})
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
