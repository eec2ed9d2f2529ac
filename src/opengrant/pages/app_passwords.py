"""The password that each mail service needs, and where its user finds it. Data only.

The account pages are the services' own, as of 2026. A service that is not listed gets the general advice of the form.
"""

from typing import NamedTuple


class Service(NamedTuple):
    """One mail service.

    domains  of its addresses; a last `*` stands for national domains
    says     the first line of the help
    steps    instructions, in order
    url      the page of the first step; empty without steps
    """

    name: str
    domains: tuple[str, ...]
    says: str
    steps: tuple[str, ...] = ()
    url: str = ""

    def serves(self, email: str) -> bool:
        """Whether the address is one of this service."""
        domain = email.rpartition("@")[2].strip().lower()
        return any(
            domain.startswith(known[:-1]) if known.endswith("*") else domain == known
            for known in self.domains
            if domain
        )


GMAIL = Service(
    "Gmail",
    ("gmail.com", "googlemail.com"),
    "Gmail needs an app password. Your Google password will not work here.",
    (
        "Turn on 2-Step Verification for your Google Account, if it is off.",
        "Open App passwords, give the new one any name and choose Create.",
        "Copy the 16 letters and paste them here. Spaces do not matter.",
    ),
    "https://myaccount.google.com/apppasswords",
)
OUTLOOK = Service(
    "Outlook",
    ("outlook.*", "hotmail.*", "live.*", "msn.com"),
    "Outlook.com and Microsoft 365 accept no passwords here, not even app passwords. "
    "Go back and choose Microsoft instead.",
)
YAHOO = Service(
    "Yahoo",
    ("yahoo.*", "ymail.com", "rocketmail.com", "myyahoo.com"),
    "Yahoo needs an app password. Your Yahoo password will not work here.",
    (
        "Open the security page of your Yahoo account.",
        "Choose Generate app password, give it any name and choose Generate.",
        "Copy the 16 letters and paste them here, without spaces.",
    ),
    "https://login.yahoo.com/account/security",
)
ICLOUD = Service(
    "iCloud",
    ("icloud.com", "me.com", "mac.com"),
    "iCloud needs an app-specific password. The password of your Apple Account will not work here.",
    (
        "Sign in at account.apple.com. Two-factor authentication must be on.",
        "Under Sign-In and Security, open App-Specific Passwords and make a new one.",
        "Copy it, with its hyphens (xxxx-xxxx-xxxx-xxxx), and paste it here.",
    ),
    "https://account.apple.com/",
)
FASTMAIL = Service(
    "Fastmail",
    ("fastmail.*",),
    "Fastmail needs an app password. Your Fastmail password will not work here.",
    (
        "In Fastmail, open Settings, then Privacy & Security.",
        "Under App passwords, make a new one that may use IMAP and SMTP.",
        "Copy it and paste it here.",
    ),
    "https://app.fastmail.com/settings/security",
)
SERVICES = (GMAIL, OUTLOOK, YAHOO, ICLOUD, FASTMAIL)
