"""Routes for operators and tools, without a key: /healthz, /readyz, /metrics."""

import asyncio

from starlette.types import Receive, Scope, Send

from opengrant import metrics
from opengrant.api.http import responses
from opengrant.api.http.path_tree import Router
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, Open, route
from opengrant.api.http.static import only_get
from opengrant.api.wire.fields import Answer
from opengrant.api.wire.health import Health
from opengrant.errors import Overloaded

_READY_WITHIN = 5.0
"""Seconds for the database to answer; after that the process is not ready."""


@route("GET", "/healthz", tag="Operations", access=Open(), answers=One(Health), addition=True)
async def healthz(request: Request) -> Answer:
    """Get liveness.

    The process answers.
    """
    return {"status": "ok"}


@route("GET", "/readyz", tag="Operations", access=Open(), answers=One(Health), errors=(Overloaded,), addition=True)
async def readyz(request: Request) -> Answer:
    """Get readiness.

    The process can serve: its database answers, has the schema it needs, and can be written.
    """
    try:
        async with asyncio.timeout(_READY_WITHIN):
            reasons = await request.services.readiness.reasons()
    except TimeoutError:
        reasons = ["the database does not answer"]
    if reasons:
        raise Overloaded(f"Not ready: {'; '.join(reasons)}. `opengrant doctor` says more.", retry_after=5)
    return {"status": "ok"}


class Metrics:
    """GET /metrics, rendered for each request, in a thread because it may read files."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = "/metrics"
        only_get(scope)
        body, content_type = await asyncio.to_thread(metrics.render)
        request_id = (b"x-request-id", scope["opengrant.request_id"].encode())
        await responses.send_bytes(send, 200, content_type.encode(), body, extra=[request_id])


def add_to(router: Router) -> None:
    """Add the route whose answer has no envelope."""
    router.add("/metrics", Metrics())
