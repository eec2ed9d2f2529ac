"""What an event's payload lacks until it is sent: contents that the outbox must not keep."""

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic_core import to_json

LIVE = "live"
"""Member of a payload that is to be completed."""
MOST = 1_000_000
"""Bytes of an object, as JSON."""
_SURELY_FITS = 100_000
_TRUNCATED = frozenset({"message.created", "message.updated"})


class NotNow(Exception):
    """The contents cannot be had at present."""


class Contents(Protocol):
    async def complete(self, application_id: str, payload: Mapping[str, Any], *, last: bool) -> Mapping[str, Any]:
        """The payload as it is sent. last: without the contents if they cannot be had. Raises NotNow."""


def fitted(type_: str, whole: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """An object that is too large is sent without its body, where the wire has it so as another type of event."""
    if len(whole.get("body") or "") < _SURELY_FITS or len(to_json(whole)) <= MOST:
        return type_, whole
    truncated = f"{type_}.truncated" if type_ in _TRUNCATED else type_
    return truncated, {name: value for name, value in whole.items() if name != "body"}
