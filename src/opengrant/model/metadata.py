"""Metadata that callers keep beside calendars, events and messages."""

from collections.abc import Mapping

SEARCHED = ("key1", "key2", "key3", "key4", "key5")
"""Names of metadata that can be searched for."""


def searched(metadata: Mapping[str, str] | None) -> list[tuple[str, str]]:
    """Those of its pairs that can be searched for."""
    return [(name, value) for name, value in (metadata or {}).items() if name in SEARCHED]
