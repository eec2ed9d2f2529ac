"""The password that each mail service needs, and where its user finds it. Data only; the sentences are in catalogues/.

The account pages are the services' own, as of 2026. A service that is not listed gets the general advice of the form.
"""

from typing import NamedTuple


class Service(NamedTuple):
    """One mail service.

    key      of its sentences: `help.<key>`, and `help.<key>_1` to its number of steps
    domains  of its addresses; a last `*` stands for national domains
    url      the page of the first step; empty without steps
    """

    name: str
    key: str
    domains: tuple[str, ...]
    steps: int = 0
    url: str = ""

    def serves(self, email: str) -> bool:
        """Whether the address is one of this service."""
        domain = email.rpartition("@")[2].strip().lower()
        return any(
            domain.startswith(known[:-1]) if known.endswith("*") else domain == known
            for known in self.domains
            if domain
        )


SERVICES = (
    Service("Gmail", "gmail", ("gmail.com", "googlemail.com"), 3, "https://myaccount.google.com/apppasswords"),
    Service("Outlook", "outlook", ("outlook.*", "hotmail.*", "live.*", "msn.com")),
    Service(
        "Yahoo",
        "yahoo",
        ("yahoo.*", "ymail.com", "rocketmail.com", "myyahoo.com"),
        3,
        "https://login.yahoo.com/account/security",
    ),
    Service("iCloud", "icloud", ("icloud.com", "me.com", "mac.com"), 3, "https://account.apple.com/"),
    Service("Fastmail", "fastmail", ("fastmail.*",), 3, "https://app.fastmail.com/settings/security"),
)
