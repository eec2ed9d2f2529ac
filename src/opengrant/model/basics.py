"""Time, the names of providers, and what is shown of settings."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A dataclass that is frozen for the type checker alone.

    For records that are made by the hundred: a check at run time makes a record of 35 fields ten times as expensive.
    Other records are `dataclass(frozen=True)`.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


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
"""Clocks that differ by less count as equal: a time that is less ahead was written just now."""


def is_recent(at: Micros | None, *, within: Micros, now: Micros) -> bool:
    """Whether it is less than `within` ago. Never for a time ahead of the clock."""
    return at is not None and -AGREE < now - at < within


ShownSettings = Mapping[str, str | int | bool]
"""What may be shown of how a mailbox is reached, by the names of the wire: hosts, ports, user names, labels."""


def text_in(settings: ShownSettings, name: str) -> str | None:
    """A setting that is a text; None where there is none."""
    value = settings.get(name)
    return value if isinstance(value, str) else None


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
