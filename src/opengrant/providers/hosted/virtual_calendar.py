"""Virtual calendars: no remote, no secret; our own rules accept them.

The identifier is compared as given, so it is neither trimmed nor folded.
"""

from opengrant.model import Identity, Verified
from opengrant.model.logins import VirtualCalendarLogin


class VirtualCalendar:
    """Accepts any identifier."""

    async def verify(self, login: VirtualCalendarLogin) -> Verified:
        return Verified(Identity(email=login.email), settings={"email": login.email})
