"""Whether both sides do the same work: without that, a ratio of their speeds means nothing."""

import asyncio
import json
from typing import Any

from bench.lines import Line
from bench.load import Unexpected
from bench.stage import Side, Stage

_OWN = frozenset({"request_id", "id", "created_at", "updated_at", "workspace_id"})
"""Members that differ by right: made by each side for itself, or left out by the floor."""


async def agree(everything: Stage, line: Line) -> None:
    """Send the line's first request to both. Raises Unexpected when answers or calls to the remotes differ."""
    everything.set(line)
    request = next(line.requests(everything.ours.scene))
    ours, floor = [await _do(everything, side, request) for side in (everything.ours, everything.floor)]
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
        return {name: _shared(item) for name, item in value.items() if name not in _OWN}
    return value
