"""What a check has found."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from opengrant.errors import StoreUnavailable

State = Literal["ok", "warning", "failed"]
SECONDS = 15.0
"""The time limit of one check."""


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    state: State
    text: str

    def as_mapping(self) -> Mapping[str, str]:
        return {"name": self.name, "state": self.state, "text": self.text}


async def within(name: str, check: Callable[[], Awaitable[Finding]], *, seconds: float | None = SECONDS) -> Finding:
    """The finding of `check`, or that it took too long or that the database failed."""
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return Finding(name, "failed", f"did not answer within {seconds:.0f} s")
    except StoreUnavailable as problem:
        return Finding(name, "failed", f"cannot be used: {problem.detail}")
