"""What a mail server's refusal means: tables from evidence to verdict, for the legs "imap", "smtp" and "detect".

The order of judgement, first hit wins:

1. What broke before the server could say anything: names, connections, TLS.
2. Words for a cause that passes (wording.py), whatever code they come with: "temporary", "too many logins", "busy".
3. Codes that say the same: IMAP's UNAVAILABLE, LIMIT and their like, any SMTP reply from 400 to 499 but 432.
4. Sentences that are known to name what has to be done. They come before codes because servers send precise words
   with vague codes, never the other way round.
5. Codes: of RFC 5530 (IMAP), reply and enhanced status (SMTP).
6. Sentences that only refuse a login.
7. Nothing that is known: the refusal proves nothing, and ends no grant.

"Try again", without a time, passes only where the sentence does not name the wrong password or what to do: Gmail says
it to those who must log in with a browser. "Invalid login or password. Try again." is asked about once more a day
later. A refusal counts only where the password has been sent.

One login by one mechanism is tried, because locks are counted in attempts: where a server refuses PLAIN that it
announced, LOGIN is not tried after it (RFC 9051 section 6.2.3 would allow it), and the remedy says what was refused.

Sources  RFC 5530 (IMAP response codes), RFC 4954 and 5248 (SMTP codes); texts as seen from the providers named, in
         public issue threads of mail clients (thunderbird-android, MailKit, imapflow, node-imap, Mailspring, mailcore2,
         nodemailer's users) and the providers' own help pages
Quirks   535 5.7.139 (Microsoft) has at least four meanings, told apart by words. Certificate trouble says nothing about
         a credential: it never ends a grant. An IMAP "NO" in unknown words proves nothing.
"""

from dataclasses import replace

from opengrant.errors import Evidence
from opengrant.providers.verdict import Kind, Verdict
from opengrant.providers.wording import passing, plain, wait_named

LOOK_AGAIN = 86_400.0
"""Seconds to the second check of a password, where the sentence names a wrong password and a passing cause."""
LOCK_LASTS = 3600.0
"""Seconds to the second check of a locked account: most servers unlock by themselves."""

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
_NETEASE_CODE = Verdict(
    Kind.RECONNECT,
    "app_password_required",
    "NetEase takes its authorization code instead of the password: switch IMAP/SMTP on in the mail settings, create a"
    " code there and connect again with it.",
)
_ONE_OF_MANY = replace(_AUTHORIZATION_CODE, retryable=True, retry_after=LOOK_AGAIN)
_PASSWORD_OR_IMAP = Verdict(
    Kind.RECONNECT,
    "password_refused",
    "Check the user name and password, or switch IMAP on in the provider's mail settings (some want an app password"
    " too), then connect again.",
)
_EXCHANGE_PASSWORD = Verdict(
    Kind.RECONNECT,
    "password_refused",
    "Check the password and give the user name as user@domain or DOMAIN\\user, ask the administrator whether IMAP is on"
    " for the mailbox, or connect it as provider ews.",
)
_PASSWORD_OR_POLICY = Verdict(
    Kind.RECONNECT,
    "password_refused",
    "Check the user name and password, then connect again; if they are right, a policy of Microsoft or of the"
    " administrator blocks passwords, so connect this mailbox as provider microsoft, with OAuth.",
)
_PLAIN_REFUSED = Verdict(
    Kind.RECONNECT,
    "password_refused",
    "Check the user name and password, then connect again; if they are right, the server refused the mechanism PLAIN"
    " that it announces, which its administrator can correct.",
)
_IMAP_OFF_ADMIN = Verdict(
    Kind.RECONNECT,
    "imap_disabled",
    "Ask the administrator of the mail domain to switch IMAP on for it, then connect again.",
)
_IMAP_OFF = Verdict(
    Kind.RECONNECT,
    "imap_disabled",
    "Switch IMAP on in the provider's mail settings (where they do not offer it, the administrator can), then connect"
    " again.",
)
_SMTP_OFF = Verdict(
    Kind.RECONNECT,
    "smtp_disabled",
    "Switch SMTP, or access by mail programs, on in the provider's mail settings (where they do not offer it, the"
    " administrator can), then connect again.",
)
_LOCKED = Verdict(
    Kind.RECONNECT,
    "account_locked",
    "The account is locked: its owner or the administrator must unlock it, then connect again.",
    retryable=True,
    retry_after=LOCK_LASTS,
)
_POLICY = Verdict(
    Kind.RECONNECT,
    "admin_policy",
    "A policy of the organization blocks this login: ask its administrator, or connect this mailbox as provider"
    " microsoft.",
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
_BASIC_AUTH_OFF_SMTP = replace(
    _BASIC_AUTH_OFF,
    remedy="Microsoft accepts no passwords for SMTP here: connect this mailbox as provider microsoft, with OAuth.",
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
_SMTP_SPEAKS = replace(_WRONG_PORT, remedy="Check imap_port: an SMTP server answers there; IMAP is at 993 or 143.")
_POP_SPEAKS = replace(_WRONG_PORT, remedy="Check the port: a POP3 server answers there; IMAP is at 993 or 143.")
_IMAP_SPEAKS = replace(_WRONG_PORT, remedy="Check smtp_port: an IMAP server answers there; SMTP is at 465 or 587.")
_OLD_TLS = Verdict(
    Kind.BAD_REQUEST, "tls_too_old", "Ask the server's administrator to enable TLS 1.2 or newer, or name another host."
)
_BAD_CERTIFICATE = Verdict(
    Kind.BAD_REQUEST, "certificate_invalid", "Ask the server's administrator for a good certificate."
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
_SENSELESS = Verdict(
    Kind.PROVIDER_DOWN,
    "senseless_answer",
    "The mail server's answer is too long or makes no sense: try again later, or ask its administrator.",
    retryable=True,
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

# Each begins with a word of the sentence and may end within one. `plain` spells them.
TEXTS: tuple[tuple[str, Verdict], ...] = (
    ("application specific password", _APP_PASSWORD),  # Gmail
    ("app password", _APP_PASSWORD),
    ("app specific password", _APP_PASSWORD),
    ("application password", _APP_PASSWORD),  # Mail.ru
    ("authorized code", _AUTHORIZATION_CODE),  # QQ, 163
    ("authorization code", _AUTHORIZATION_CODE),
    ("weixin token", _AUTHORIZATION_CODE),
    ("id 28 no 1001256", _AUTHORIZATION_CODE),  # QQ's link, beside a sentence in GBK
    ("login error or password error", _NETEASE_CODE),  # 163, 126, yeah.net
    ("user has no permission", _SMTP_OFF),  # NetEase: mail programs are not allowed
    ("does not have access rights to this service", _SMTP_OFF),  # Yandex
    ("web login required", _BROWSER),  # Gmail
    ("log in via your web browser", _BROWSER),
    ("log in with your web browser", _BROWSER),
    ("authenticated but not connected", _NOT_CONNECTED),  # Exchange
    ("invalid credentials or imap is disabled", _PASSWORD_OR_IMAP),  # Yandex
    ("imap access is disabled for your domain", _IMAP_OFF_ADMIN),  # Gmail
    ("yet to enable imap", _IMAP_OFF),  # Zoho
    ("not enabled for imap", _IMAP_OFF),  # Gmail
    ("enable imap", _IMAP_OFF),
    ("imap access is disabled", _IMAP_OFF),
    ("imap access is not", _IMAP_OFF),
    ("imap is disabled", _IMAP_OFF),
    ("imap is not enabled", _IMAP_OFF),
    ("imap disabled", _IMAP_OFF),
    ("disabled for imap", _IMAP_OFF),  # Zoho
    ("smtpclientauthentication is disabled", _SMTP_POLICY),  # Microsoft 365
    ("did not meet the criteria to be authenticated", _POLICY),
    ("security defaults policy", _POLICY),
    ("account disabled", _DISABLED),
    ("account is disabled", _DISABLED),
    ("account has been disabled", _DISABLED),
    ("account suspended", _DISABLED),
    ("account is suspended", _DISABLED),
    ("account has been suspended", _DISABLED),
    ("user suspended", _DISABLED),  # NetEase
    ("account locked", _LOCKED),
    ("account is locked", _LOCKED),
    ("account has been locked", _LOCKED),
    ("user is locked", _LOCKED),
    ("locked out", _LOCKED),
    ("password expired", _EXPIRED),
    ("password has expired", _EXPIRED),
    ("password is expired", _EXPIRED),
    ("must change your password", _EXPIRED),
    ("unsupported authentication mechanism", _NO_MECHANISM),  # Dovecot
)
_BASIC_AUTH_WORDS = "basic authentication is disabled"  # Outlook.com, Exchange Online
# All that QQ says to any of five causes, of which two pass.
_QQ_EXCUSES = "account is abnormal service is not open password is incorrect"

MECHANISM_PLAIN = "AUTH=PLAIN"
"""Subcode: the IMAP server refused this mechanism, which it announces, without a code."""

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

# The whole sentence of Exchange: those of other servers begin alike, or differ by a capital.
EXCHANGE = ("LOGIN failed.", "AUTHENTICATE failed.")
# Hosts where Exchange means that it takes no passwords at all. Only they can have Microsoft's certificate.
_MICROSOFT = ("office365.com", "office365.us", "outlook.com", "outlook.cn", "hotmail.com", "live.com")

# These name the password, or the user, as what is wrong.
WRONG: tuple[str, ...] = (
    *("incorrect username", "incorrect user name", "incorrect password", "incorrect login", "incorrect credentials"),
    *("incorrect authentication data",),  # Exim
    *("username and password not accepted", "invalid credentials", "invalid login", "invalid user", "invalid password"),
    *("invalid authentication credentials", "invalid email", "invalid account"),
    *("credentials invalid", "credentials are invalid", "authentication credentials invalid"),  # GMX, web.de, IONOS
    *("login incorrect", "password incorrect", "password is incorrect", "password is invalid", "password is wrong"),
    *("bad username", "bad user name", "bad password", "bad credentials", "bad login"),
    *("wrong password", "wrong username", "wrong user name", "wrong login", "wrong credentials"),
    *("password mismatch", "password error", "user not found", "unknown user", "no such user"),
)
# These only refuse the login. Servers that send no code say it so.
VAGUE: tuple[str, ...] = (
    *("login bad", "login fail", "login denied", "login error", "logon fail", "authenticate fail"),
    *("authentication fail", "authentication unsuccessful", "authentication error"),
)

# Status and enhanced code; None stands for any enhanced code.
SMTP_CODES: tuple[tuple[int, str | None, Verdict], ...] = (
    (535, "5.7.139", _PASSWORD_OR_POLICY),
    (550, "5.7.30", _SMTP_NEEDS_OAUTH),
    (534, "5.7.9", _APP_PASSWORD),
    (534, "5.7.14", _BROWSER),
    (534, None, _APP_PASSWORD),
    (535, "5.7.13", _DISABLED),
    (525, None, _DISABLED),
    (535, None, _PASSWORD),
    (526, None, _PASSWORD),  # NetEase for companies
    (432, None, _EXPIRED),
    (538, None, _TLS_FIRST),
    (523, None, _TLS_FIRST),
    (530, None, _TLS_FIRST),
    (504, None, _NO_MECHANISM),
    (503, None, _NO_MECHANISM),
    (501, None, _OUR_BUG),
)

# What else a refused password may need, by the host that refused it. Source: help pages of each.
_ADVICE: tuple[tuple[tuple[str, ...], Verdict], ...] = (
    (
        ("gmail.com", "googlemail.com"),
        replace(
            _PASSWORD,
            remedy="Google takes an app password here and not the account's own: make one at"
            " myaccount.google.com/apppasswords and connect again with it.",
        ),
    ),
    (
        ("yahoo.com", "yahoo.co.jp", "aol.com", "att.net"),
        replace(
            _PASSWORD,
            remedy="Yahoo and AOL take an app password here and not the account's own: make one in the account's"
            " security settings and connect again with it.",
        ),
    ),
    (
        ("gmx.net", "gmx.com", "gmx.de", "web.de", "mail.com"),
        replace(
            _PASSWORD,
            remedy="Check the user name and password, and switch on access by POP3 and IMAP in the mailbox's settings"
            " (with two factors, make an app password), then connect again.",
        ),
    ),
    (
        ("zoho.com", "zoho.eu", "zoho.in", "zohocloud.ca", "zoho.com.au"),
        replace(
            _PASSWORD,
            remedy="Check the user name and password, and switch IMAP on in Zoho Mail's settings (with two factors,"
            " make an app password), then connect again.",
        ),
    ),
    (
        ("fastmail.com", "messagingengine.com"),
        replace(
            _PASSWORD,
            remedy="Fastmail takes an app password here and not the account's own: make one in its settings under"
            " Privacy & Security and connect again with it.",
        ),
    ),
    (
        ("yandex.com", "yandex.ru", "yandex.net"),
        replace(
            _PASSWORD,
            remedy="Switch on access by mail programs in Yandex Mail's settings, make an app password for mail and"
            " connect again with it.",
        ),
    ),
    (("163.com", "126.com", "yeah.net", "188.com", "netease.com"), _NETEASE_CODE),
    (("qq.com", "foxmail.com"), _AUTHORIZATION_CODE),
)

# Codes of our own, for every leg.
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
    if verdict := _below(evidence):
        return verdict
    said = plain(evidence.text)
    if f" {_QQ_EXCUSES} " in said and (evidence.status or 535) >= 500:
        return _ONE_OF_MANY
    if verdict := _passes(evidence):
        return verdict
    verdict = _by_words(evidence, said) or _by_code(evidence, said)
    if verdict.kind is Kind.RECONNECT and evidence.step not in ("auth", "command"):
        return _UNKNOWN  # before a password was sent, nothing refuses it
    return _password(evidence, said, verdict) if verdict.reason == _PASSWORD.reason else verdict


def _below(evidence: Evidence) -> Verdict | None:
    """What broke before the server could answer."""
    if evidence.status is not None:
        return None
    if verdict := FAULTS.get(evidence.code):
        if verdict is _WRONG_PORT and evidence.step == "command":
            return _SENSELESS  # a login has shown that the port is right
        no_greeting = (evidence.code, evidence.step) == ("timeout", "greeting")
        return _NO_GREETING if no_greeting else _other_server(evidence.text) or verdict
    if evidence.step == "tls":
        certificate = next((CERTIFICATES[code] for code in evidence.subcodes if code in CERTIFICATES), None)
        return certificate or TLS_REASONS.get(evidence.code, _WRONG_PORT)
    return None


def _password(evidence: Evidence, said: str, verdict: Verdict) -> Verdict:
    """A refused password, with what the host is known to need; "try again" makes the refusal doubtful."""
    if verdict is _PASSWORD:
        verdict = next((advice for hosts, advice in _ADVICE if _under(evidence.host, hosts)), verdict)
    if passing(evidence.text) != "again":
        return verdict
    return replace(verdict, retryable=True, retry_after=LOOK_AGAIN) if _names(said, WRONG) else _DOWN


def _passes(evidence: Evidence) -> Verdict | None:
    """A cause that passes, by the server's words, then by its code."""
    cause = passing(evidence.text)
    if cause == "throttled":
        return replace(_LIMIT, retry_after=wait_named(evidence.text))
    if evidence.leg == "smtp":
        status = evidence.status or 0
        if 400 <= status < 500 and status != 432:
            return _DOWN
    elif evidence.code != "BYE":
        verdict = IMAP_CODES.get(evidence.code)
        if verdict is not None and verdict.kind in (Kind.RATE_LIMITED, Kind.PROVIDER_DOWN):
            return verdict
    return _DOWN if cause in ("broken", "later") else None


def _by_words(evidence: Evidence, said: str) -> Verdict | None:
    if f" {_BASIC_AUTH_WORDS} " in said:
        return _BASIC_AUTH_OFF_SMTP if evidence.leg == "smtp" else _BASIC_AUTH_OFF
    return next((verdict for words, verdict in TEXTS if f" {words}" in said), None)


def _by_code(evidence: Evidence, said: str) -> Verdict:
    if evidence.leg == "smtp":
        return _by_smtp_code(evidence)
    if evidence.code == "AUTHORIZATIONFAILED" and _names(said, WRONG):
        return _PASSWORD  # older servers of Yahoo
    known = IMAP_CODES.get(evidence.code)
    if known is not None and evidence.code != "BYE":
        return known
    # BAD complains of syntax: its "invalid" is about the command.
    refused = evidence.step == "auth" and "BAD" not in evidence.subcodes
    return (_by_vague_words(evidence, said) if refused else None) or known or _UNKNOWN


def _by_vague_words(evidence: Evidence, said: str) -> Verdict | None:
    if _is_exchange(evidence):
        return _BASIC_AUTH_OFF if _under(evidence.host, _MICROSOFT) else _EXCHANGE_PASSWORD
    if _names(said, WRONG) or said in (" invalid ", " alert invalid "):
        return _PASSWORD
    if not _names(said, VAGUE):
        return None
    advised = any(_under(evidence.host, hosts) for hosts, _ in _ADVICE)
    return _PLAIN_REFUSED if MECHANISM_PLAIN in evidence.subcodes and not advised else _PASSWORD


def _by_smtp_code(evidence: Evidence) -> Verdict:
    status = evidence.status or 0
    for known, enhanced, verdict in SMTP_CODES:
        if status == known and enhanced in (None, evidence.code):
            return verdict
    return _UNKNOWN


def _is_exchange(evidence: Evidence) -> bool:
    said = evidence.text.strip()
    # Its goodbye may have come with it.
    return said in EXCHANGE or ("BYE" in evidence.subcodes and said.startswith(EXCHANGE))


def _under(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _other_server(greeting: str) -> Verdict | None:
    """What kind of server answers, where the greeting is of another kind than expected."""
    for beginning, verdict in (("220", _SMTP_SPEAKS), ("+OK", _POP_SPEAKS), ("* OK", _IMAP_SPEAKS)):
        if greeting.startswith(beginning):
            return verdict
    return None


def _names(said: str, phrases: tuple[str, ...]) -> bool:
    return any(f" {phrase}" in said for phrase in phrases)
