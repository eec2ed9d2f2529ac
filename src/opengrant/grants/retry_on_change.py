"""Optimistic writing: look at what is stored, write only if it is unchanged, else look again."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from opengrant.errors import Overloaded

T = TypeVar("T")

_TRIES = 8


async def retry_on_change(step: Callable[[], Awaitable[T | None]], *, subject: str) -> T:
    """Run `step` until it returns a value.

    step     reads what is stored and writes with compare-and-swap; None when a concurrent write came first
    subject  of the error's sentence: "grant" or "mailbox"
    Raises   Overloaded after eight rounds, and what `step` raises
    """
    for _ in range(_TRIES):
        if (written := await step()) is not None:
            return written
    raise Overloaded(f"This {subject} is being changed by many requests at once. Try again.", retry_after=1)
