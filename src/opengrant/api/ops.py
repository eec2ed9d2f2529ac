"""What operators and tools ask without a key: /healthz, /readyz, /metrics, /openapi.json."""

import asyncio
from typing import Any

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from opengrant import metrics
from opengrant.api import respond, wire
from opengrant.api.openapi import document
from opengrant.api.routing import Call, Router, route
from opengrant.errors import MethodNotAllowed, Overloaded

_READY_WITHIN = 5.0
"""Seconds the database gets to answer before this process calls itself not ready."""


@route("GET", "/healthz", tag="Operations", answers=wire.Health, open=True)
async def healthz(call: Call) -> wire.Answer:
    """The process is alive."""
    return {"status": "ok"}


@route("GET", "/readyz", tag="Operations", answers=wire.Health, open=True, errors=(Overloaded,))
async def readyz(call: Call) -> wire.Answer:
    """The process can serve: its database answers and has the schema it needs."""
    try:
        async with asyncio.timeout(_READY_WITHIN):
            reasons = await call.services.ready()
    except TimeoutError:
        reasons = ["the database does not answer"]
    if reasons:
        raise Overloaded(f"Not ready: {'; '.join(reasons)}. `opengrant doctor` tells more.", retry_after=5)
    return {"status": "ok"}


class Fixed:
    """A GET that answers bytes, made anew for each request by `make`, in a thread: it may read files."""

    def __init__(self, path: str, make: Any) -> None:
        self.path, self.make = path, make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = self.path
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodNotAllowed(f"{scope['method']} is not possible here; try GET.", allow=("GET",))
        body, content_type = await asyncio.to_thread(self.make)
        request_id = (b"x-request-id", scope["opengrant.request_id"].encode())
        await respond.send_bytes(send, 200, content_type.encode(), body, extra=[request_id])


def add_to(router: Router, public_url: str | None) -> None:
    """Those whose answer is not an envelope."""
    openapi = to_json(document(public_url))
    router.add("/metrics", Fixed("/metrics", metrics.render))
    router.add("/openapi.json", Fixed("/openapi.json", lambda: (openapi, "application/json")))
