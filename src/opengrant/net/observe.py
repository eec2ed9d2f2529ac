"""The metric of outbound conversations, injected by assembly/."""

from collections.abc import Callable

Observe = Callable[[str, str, str, float], None]
"""(provider, leg, outcome, seconds) of one conversation.

outcome  of an HTTP call "2xx" … "5xx" or the code of a fault; of a login "ok" or the step that failed
"""
