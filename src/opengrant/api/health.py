"""Routes for operators and tools, without a key: /healthz, /readyz, /metrics, /openapi.json and parts of it."""

import asyncio
import functools
import gzip
from typing import Any

from pydantic_core import from_json, to_json
from starlette.types import Receive, Scope, Send

from opengrant import metrics
from opengrant.api.http import openapi_parts, responses
from opengrant.api.http.path_tree import Router
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, Open, route
from opengrant.api.http.static import only_get, send_asset
from opengrant.api.wire.fields import Answer
from opengrant.api.wire.health import Health
from opengrant.errors import NotFound, Overloaded
from opengrant.pages import Asset

_READY_WITHIN = 5.0
"""Seconds for the database to answer; after that the process is not ready."""


@route("GET", "/healthz", tag="Operations", access=Open(), answers=One(Health))
async def healthz(request: Request) -> Answer:
    """The process is alive."""
    return {"status": "ok"}


@route("GET", "/readyz", tag="Operations", access=Open(), answers=One(Health), errors=(Overloaded,))
async def readyz(request: Request) -> Answer:
    """The process can serve: its database answers, has the schema it needs, and can be written."""
    try:
        async with asyncio.timeout(_READY_WITHIN):
            reasons = await request.services.readiness.reasons()
    except TimeoutError:
        reasons = ["the database does not answer"]
    if reasons:
        raise Overloaded(f"Not ready: {'; '.join(reasons)}. `opengrant doctor` tells more.", retry_after=5)
    return {"status": "ok"}


class Metrics:
    """GET /metrics, rendered for each request, in a thread because it may read files."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = "/metrics"
        only_get(scope)
        body, content_type = await asyncio.to_thread(metrics.render)
        request_id = (b"x-request-id", scope["opengrant.request_id"].encode())
        await responses.send_bytes(send, 200, content_type.encode(), body, extra=[request_id])


class Description:
    """GET /openapi.json, and GET /openapi/{part}: `index.json`, or `<operationId>.json`."""

    def __init__(self, public_url: str | None) -> None:
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        part = scope["path_params"].get("part")
        scope["opengrant.route"] = "/openapi.json" if part is None else "/openapi/{part}"
        only_get(scope)
        asset = await asyncio.to_thread(description, self.public_url)
        if part is not None:
            asset = await asyncio.to_thread(_part, self.public_url, part)
        await send_asset(scope, send, asset, [(b"cache-control", b"no-cache")])


@functools.cache
def description(public_url: str | None) -> Asset:
    """/openapi.json, written once: that takes a third of a second."""
    from opengrant.api.http.openapi import document  # noqa: PLC0415 -- only this request needs it

    return _asset("openapi.json", document(public_url))


@functools.lru_cache(maxsize=256)
def _part(public_url: str | None, part: str) -> Asset:
    """Raises NotFound."""
    # Read again and not kept: as Python's objects it takes ten times the memory.
    whole = from_json(description(public_url).content)
    name = part.removesuffix(".json")
    found = openapi_parts.index(whole) if name == "index" else openapi_parts.operation(whole, name)
    if found is None or name == part:
        raise NotFound(f"There is no operation {name[:100]}. GET /openapi/index.json lists them.")
    return _asset(part, found)


def _asset(name: str, document: dict[str, Any]) -> Asset:
    content = to_json(document)
    return Asset(name, content, "application/json", {"gzip": gzip.compress(content, 9, mtime=0)})


def add_to(router: Router, public_url: str | None) -> None:
    """Add the routes whose answer has no envelope."""
    router.add("/metrics", Metrics())
    for path in ("/openapi.json", "/openapi/{part}"):
        router.add(path, Description(public_url))
