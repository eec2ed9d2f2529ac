"""Virtual calendars: no remote, no secret; our own rules accept them.

The identifier is compared as given, so it is neither trimmed nor folded.
"""

from collections.abc import Mapping
from typing import Any

from opengrant.model import Identity, Verified


class VirtualCalendar:
    """Accepts any identifier."""

    async def verify(self, settings: Mapping[str, Any]) -> Verified:
        identifier = settings["email"]
        return Verified(Identity(email=identifier), settings={"email": identifier})
