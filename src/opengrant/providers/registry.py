"""All providers: one line for each. Their order is that of the buttons of hosted sign-in."""

from collections.abc import Mapping
from types import MappingProxyType

from opengrant.model import ProviderName
from opengrant.providers.ews.facts import FACTS as EWS
from opengrant.providers.facts import Facts
from opengrant.providers.google.facts import FACTS as GOOGLE
from opengrant.providers.hosted.facts import AGENT_ACCOUNT, VIRTUAL_CALENDAR
from opengrant.providers.icloud.facts import FACTS as ICLOUD
from opengrant.providers.imap.facts import FACTS as IMAP
from opengrant.providers.microsoft.facts import FACTS as MICROSOFT
from opengrant.providers.yahoo.facts import FACTS as YAHOO
from opengrant.providers.zoom.facts import FACTS as ZOOM

FACTS: Mapping[ProviderName, Facts] = MappingProxyType(
    {one.name: one for one in (GOOGLE, MICROSOFT, YAHOO, ZOOM, ICLOUD, EWS, IMAP, VIRTUAL_CALENDAR, AGENT_ACCOUNT)}
)

OAUTH = frozenset(name for name, facts in FACTS.items() if facts.holds == "token")
"""Providers whose users consent on the provider's own page."""
OFFERED = tuple(name for name, facts in FACTS.items() if facts.offered)
"""Providers that hosted sign-in can offer, in the order of its page."""
HERE = frozenset(name for name, facts in FACTS.items() if facts.holds == "nothing")
"""Providers that are this server itself: none of their grants is verified elsewhere."""
WITH_PASSWORD = frozenset(name for name, facts in FACTS.items() if facts.holds == "password")
"""Providers whose users type a password here: there is no consent page and no token."""
