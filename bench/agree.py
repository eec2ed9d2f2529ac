"""Whether both sides do the same work: without that, a ratio of their speeds means nothing."""

import asyncio
import json
from typing import Any

from bench.lines import Line
from bench.load import Unexpected
from bench.stage import Side, Stage

_OWN = frozenset(
    {
        *("request_id", "id", "created_at", "updated_at", "proven_at", "next_check_at", "expires_at", "ical_uid"),
        "next_cursor",
    }
)
"""Members that each side makes for itself: both must have them, whatever they say."""
_LEFT_OUT = "workspace_id"
"""What the floor leaves out."""
_PATIENCE = 10.0
"""Seconds for both answers: a side that has lost its database may never give one."""


async def agree(everything: Stage, line: Line) -> None:
    """Send the line's first request to both. Raises Unexpected when answers or calls to the remotes differ."""
    everything.set(line)
    request = next(line.requests(everything.ours.scene))
    try:
        async with asyncio.timeout(_PATIENCE):
            ours, floor = [await _do(everything, side, request) for side in (everything.ours, everything.floor)]
    except TimeoutError:
        raise Unexpected(f"{line.name}: no answer within {_PATIENCE:.0f} s") from None
    if ours != floor:
        raise Unexpected(f"{line.name}: OpenGrant and the floor do different things:\n{ours}\n{floor}")


async def _do(everything: Stage, side: Side, request: bytes) -> tuple[Any, dict[str, int]]:
    """The answer, and how often each thing was asked of the remotes."""
    everything.calls()
    reader, writer = await asyncio.open_connection("127.0.0.1", side.port)
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(row.split(": ")[1]) for row in head.split("\r\n") if row.startswith("content-length: "))
    body = json.loads(await reader.readexactly(length))
    writer.close()
    return _shared(body), everything.calls()


def _shared(value: Any) -> Any:
    if isinstance(value, list):
        return [_shared(item) for item in value]
    if isinstance(value, dict):
        return {name: "its own" if name in _OWN else _shared(item) for name, item in value.items() if name != _LEFT_OUT}
    return value
