"""What a mail server's refusal means: tables from evidence to verdict, for the legs "imap", "smtp" and "detect".

The first row that fits wins. A text row matches in lower case, anywhere in the server's words; it comes before
codes because servers send telling words with vague codes, never the other way round.

Sources  RFC 5530 (IMAP response codes), RFC 4954 and 5248 (SMTP codes); texts as seen from the providers named.
Quirks   535 5.7.139 (Microsoft) is a policy, not a password. Certificate trouble says nothing about a credential:
         it never ends a grant. An IMAP "NO" that nobody knows proves nothing.
"""

from opengrant.errors import Evidence
from opengrant.providers.verdict import Kind, Verdict

_PASSWORD = Verdict(
    Kind.RECONNECT,
    "password_refused",
    "Check the user name and password, then connect again; some providers want an app password here.",
)
_APP_PASSWORD = Verdict(
    Kind.RECONNECT,
    "app_password_required",
    "Create an app password in the security settings of the mail account and connect again with it.",
)
_AUTHORIZATION_CODE = Verdict(
    Kind.RECONNECT,
    "app_password_required",
    "Create an authorization code in the provider's mail settings and connect again with it as the password.",
)
_BROWSER = Verdict(
    Kind.RECONNECT,
    "browser_login_required",
    "Log in to the mailbox once with a web browser, confirm what the provider asks there, then connect again.",
)
_BASIC_AUTH_OFF = Verdict(
    Kind.RECONNECT,
    "password_login_disabled",
    "Microsoft accepts no passwords for IMAP: connect this mailbox as provider microsoft, with OAuth.",
)
_NOT_CONNECTED = Verdict(
    Kind.RECONNECT,
    "mailbox_not_accessible",
    "Check the password and the mailbox name, and ask the administrator whether IMAP is on for it, then connect again.",
)
_EXPIRED = Verdict(Kind.RECONNECT, "password_expired", "Set a new password at the provider and connect again with it.")
_NOT_ALLOWED = Verdict(
    Kind.RECONNECT, "not_authorized", "Connect with the user name that owns this mailbox, or ask for access to it."
)
_DISABLED = Verdict(
    Kind.RECONNECT, "account_disabled", "Ask the mail administrator to enable the account, then connect again."
)
_SMTP_POLICY = Verdict(
    Kind.RECONNECT,
    "smtp_auth_disabled_by_admin",
    "Ask the Microsoft 365 administrator to allow SMTP AUTH for this mailbox, or connect it as provider microsoft.",
)
_SMTP_NEEDS_OAUTH = Verdict(
    Kind.BAD_REQUEST,
    "password_login_disabled",
    "Microsoft accepts no passwords for SMTP any more: connect this mailbox as provider microsoft, with OAuth.",
)
_TLS_FIRST = Verdict(
    Kind.BAD_REQUEST,
    "tls_required",
    "Use a port with TLS: 993 or 143 for IMAP, 465 or 587 for SMTP.",
)
_NO_STARTTLS = Verdict(
    Kind.BAD_REQUEST,
    "starttls_not_offered",
    "The server offers no encryption on this port: use 993 for IMAP or 465 for SMTP.",
)
_NO_MECHANISM = Verdict(
    Kind.BAD_REQUEST,
    "login_not_offered",
    "The server takes no passwords on this port: check host and port, or ask its administrator.",
)
_WRONG_PORT = Verdict(
    Kind.BAD_REQUEST,
    "wrong_port_or_tls_mode",
    "Check the port: 993 and 465 speak TLS at once, 143 and 587 begin in plain text.",
)
_OLD_TLS = Verdict(
    Kind.BAD_REQUEST, "tls_too_old", "Ask the server's administrator to enable TLS 1.2 or newer, or name another host."
)
_BAD_CERTIFICATE = Verdict(
    Kind.BAD_REQUEST, "certificate_invalid", "Ask the server's administrator to mend its certificate."
)
_NO_ADDRESS = Verdict(
    Kind.BAD_REQUEST,
    "no_public_address",
    "Check the spelling of the host; hosts inside a private network must be allowed by the operator first.",
)
_BAD_HOST = Verdict(Kind.BAD_REQUEST, "bad_host", "Give a valid host name, such as imap.example.com.")
_NO_HOSTS = Verdict(
    Kind.BAD_REQUEST,
    "hosts_not_found",
    "The mail servers of this address could not be found: give imap_host and imap_port, and smtp_host and smtp_port.",
)
_NO_IMAP = Verdict(
    Kind.BAD_REQUEST, "no_imap_service", "This provider offers no IMAP to outside programs: connect another mailbox."
)
_OUR_BUG = Verdict(
    Kind.BAD_REQUEST, "login_malformed", "Check user name and password for unusual characters, then report this."
)
_DOWN = Verdict(
    Kind.PROVIDER_DOWN, "server_unavailable", "The mail server is not available: try again later.", retryable=True
)
_NO_GREETING = Verdict(
    Kind.PROVIDER_DOWN,
    "no_greeting",
    "The server accepted the connection but said nothing: check the port, or try again later.",
    retryable=True,
)
_NO_DNS = Verdict(
    Kind.PROVIDER_DOWN, "dns_unavailable", "The host name cannot be looked up now: try again later.", retryable=True
)
_LIMIT = Verdict(
    Kind.RATE_LIMITED,
    "too_many_connections",
    "The mail server wants fewer logins: wait a few minutes, then try again.",
    retryable=True,
)
_KEEP = Verdict(
    Kind.UNKNOWN, "refused_otherwise", "Read the server's own words: they say nothing about the credentials."
)
_UNKNOWN = Verdict(
    Kind.UNKNOWN, "unknown_refusal", "Read the server's own words; if they do not help, ask its administrator."
)

TEXTS: tuple[tuple[str, Verdict], ...] = (
    ("application-specific password required", _APP_PASSWORD),  # Gmail
    ("app password", _APP_PASSWORD),
    ("app-specific password", _APP_PASSWORD),
    ("application password", _APP_PASSWORD),
    ("authorized code", _AUTHORIZATION_CODE),  # QQ, 163
    ("authorization code", _AUTHORIZATION_CODE),
    ("weixin token", _AUTHORIZATION_CODE),
    ("web login required", _BROWSER),  # Gmail
    ("log in via your web browser", _BROWSER),
    ("log in with your web browser", _BROWSER),
    ("authenticated but not connected", _NOT_CONNECTED),  # Exchange
    ("too many simultaneous connections", _LIMIT),
    ("too many login", _LIMIT),
    ("too many connections", _LIMIT),
    ("too many failed", _LIMIT),
    ("too many auth", _LIMIT),
    ("rate limit", _LIMIT),
    ("smtpclientauthentication is disabled", _SMTP_POLICY),  # Microsoft 365
    ("account disabled", _DISABLED),
    ("account is disabled", _DISABLED),
    ("unsupported authentication mechanism", _NO_MECHANISM),  # Dovecot
)

IMAP_CODES = {
    "AUTHENTICATIONFAILED": _PASSWORD,
    "AUTHORIZATIONFAILED": _NOT_ALLOWED,
    "EXPIRED": _EXPIRED,
    "CONTACTADMIN": _DISABLED,
    "WEBALERT": _BROWSER,
    "PRIVACYREQUIRED": _TLS_FIRST,
    "UNAVAILABLE": _DOWN,
    "SERVERBUG": _DOWN,
    "INUSE": _DOWN,
    "CORRUPTION": _DOWN,
    "BYE": _DOWN,
    "LIMIT": _LIMIT,
    "THROTTLED": _LIMIT,
    "OVERQUOTA": _KEEP,
    "CLIENTBUG": _KEEP,
    "CANNOT": _KEEP,
    "NOPERM": _KEEP,
}

# All that Exchange Online says, to the letter: the words of others begin so, or differ by a capital.
EXCHANGE_ONLINE = frozenset({"LOGIN failed.", "AUTHENTICATE failed."})

# Servers that send no code say it in words.
IMAP_TEXTS: tuple[tuple[str, Verdict], ...] = (
    ("incorrect username or password", _PASSWORD),
    ("username and password not accepted", _PASSWORD),
    ("invalid credentials", _PASSWORD),
    ("invalid login", _PASSWORD),
    ("invalid user", _PASSWORD),
    ("invalid password", _PASSWORD),
    ("login incorrect", _PASSWORD),
    ("login bad", _PASSWORD),
    ("login fail", _PASSWORD),
    ("authenticate fail", _PASSWORD),
    ("bad username or password", _PASSWORD),
    ("wrong password", _PASSWORD),
    ("authentication fail", _PASSWORD),
)

# Status and enhanced code; None stands for any enhanced code.
SMTP_CODES: tuple[tuple[int, str | None, Verdict], ...] = (
    (535, "5.7.139", _SMTP_POLICY),
    (550, "5.7.30", _SMTP_NEEDS_OAUTH),
    (534, "5.7.9", _APP_PASSWORD),
    (534, "5.7.14", _BROWSER),
    (534, None, _APP_PASSWORD),
    (535, "5.7.13", _DISABLED),
    (525, None, _DISABLED),
    (535, None, _PASSWORD),
    (432, None, _EXPIRED),
    (538, None, _TLS_FIRST),
    (523, None, _TLS_FIRST),
    (530, None, _TLS_FIRST),
    (504, None, _NO_MECHANISM),
    (503, None, _NO_MECHANISM),
    (501, None, _OUR_BUG),
)

# What is our own word rather than the server's, for every leg.
FAULTS = {
    "bad_host": _BAD_HOST,
    "no_public_address": _NO_ADDRESS,
    "dns_unavailable": _NO_DNS,
    "hosts_not_found": _NO_HOSTS,
    "no_imap_service": _NO_IMAP,
    "refused": _DOWN,
    "unreachable": _DOWN,
    "timeout": _DOWN,
    "reset": _DOWN,
    "closed": _DOWN,
    "network": _DOWN,
    "starttls_not_offered": _NO_STARTTLS,
    "plaintext_not_allowed": _TLS_FIRST,
    "preauth": _WRONG_PORT,
    "LOGINDISABLED": _NO_MECHANISM,
    "auth_not_offered": _NO_MECHANISM,
    "data_before_tls": _NO_STARTTLS,
    "too_long": _WRONG_PORT,
    "not_imap": _WRONG_PORT,
    "not_smtp": _WRONG_PORT,
}

# OpenSSL's reasons. Any other TLS failure is a wrong port or a server that cannot be talked to as it is.
TLS_REASONS = {
    "CERTIFICATE_VERIFY_FAILED": _BAD_CERTIFICATE,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD_TLS,
    "UNSUPPORTED_PROTOCOL": _OLD_TLS,
    "NO_PROTOCOLS_AVAILABLE": _OLD_TLS,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": _OLD_TLS,
    "DH_KEY_TOO_SMALL": _OLD_TLS,
    "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED": _OLD_TLS,
}

# OpenSSL's verify codes.
CERTIFICATES = {
    "10": Verdict(
        Kind.BAD_REQUEST, "certificate_expired", "Ask the server's administrator to renew its expired certificate."
    ),
    "9": Verdict(
        Kind.BAD_REQUEST,
        "certificate_not_yet_valid",
        "Check the clock of this machine; if it is right, ask the server's administrator for a valid certificate.",
    ),
    "62": Verdict(
        Kind.BAD_REQUEST,
        "certificate_wrong_name",
        "Use the host name in the server's certificate, often one of the hosting company, as imap_host or smtp_host.",
    ),
    "64": Verdict(
        Kind.BAD_REQUEST,
        "certificate_wrong_name",
        "Use the server's name instead of its address: it is in no certificate.",
    ),
}
_UNTRUSTED = Verdict(
    Kind.BAD_REQUEST,
    "certificate_untrusted",
    "The certificate comes from no trusted authority: ask for a public one, or let the operator trust its CA.",
)
CERTIFICATES |= dict.fromkeys(("18", "19", "20", "21"), _UNTRUSTED)


def judge(evidence: Evidence) -> Verdict:
    """Say whose turn it is after a failure with a mail server, or in finding it."""
    said = evidence.text.lower()
    if evidence.status is None and (verdict := FAULTS.get(evidence.code)):
        return _NO_GREETING if (evidence.code, evidence.step) == ("timeout", "greeting") else verdict
    if evidence.step == "tls" and evidence.status is None:
        certificate = next((CERTIFICATES[code] for code in evidence.subcodes if code in CERTIFICATES), None)
        return certificate or TLS_REASONS.get(evidence.code, _WRONG_PORT)
    for words, verdict in TEXTS:
        if words in said:
            return verdict
    return _judge_smtp(evidence) if evidence.leg == "smtp" else _judge_imap(evidence, said)


def _judge_imap(evidence: Evidence, said: str) -> Verdict:
    if evidence.code != "BYE" and (verdict := IMAP_CODES.get(evidence.code)):
        return verdict
    # BAD complains of syntax: its "invalid" is about the command.
    if evidence.step == "auth" and "BAD" not in evidence.subcodes:
        if evidence.text.strip() in EXCHANGE_ONLINE:
            return _BASIC_AUTH_OFF
        for words, verdict in IMAP_TEXTS:
            if words in said:
                return verdict
        if said.removeprefix("[alert]").strip().startswith("invalid"):
            return _PASSWORD
    return IMAP_CODES.get(evidence.code, _UNKNOWN)


def _judge_smtp(evidence: Evidence) -> Verdict:
    status = evidence.status or 0
    for known, enhanced, verdict in SMTP_CODES:
        if status == known and enhanced in (None, evidence.code):
            return verdict
    return _DOWN if 400 <= status < 500 else _UNKNOWN
