"""Time, and the names of providers."""

import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

Micros = int
Clock = Callable[[], Micros]
SECOND: Micros = 1_000_000


def now() -> Micros:
    """The wall clock. Passed as a `Clock`, so that a test can hold it."""
    return time.time_ns() // 1000


def micros(duration: timedelta) -> Micros:
    """Whole seconds of a duration, in microseconds."""
    return int(duration.total_seconds()) * SECOND


AGREE: Micros = 2 * SECOND
"""Clocks that differ by less are the same: a time that is so little ahead was written just now."""


def is_recent(at: Micros | None, *, within: Micros, now: Micros) -> bool:
    """Whether it is less than `within` ago. Of a time ahead of the clock, nobody knows how long ago it was."""
    return at is not None and -AGREE < now - at < within


class ProviderName(StrEnum):
    """The nine words of the wire."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    IMAP = "imap"
    ICLOUD = "icloud"
    YAHOO = "yahoo"
    EWS = "ews"
    VIRTUAL_CALENDAR = "virtual-calendar"
    ZOOM = "zoom"
    NYLAS = "nylas"
