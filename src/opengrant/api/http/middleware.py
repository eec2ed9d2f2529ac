"""The outermost layer: what happens to every request, whatever it asks for.

It gives the request an id, bounds how many are under way, turns whatever goes wrong into the one envelope,
counts, and writes one log record.
"""

import random
import time
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opengrant import metrics
from opengrant.api.http import responses
from opengrant.api.http.path_tree import raw_path
from opengrant.api.http.request import Disconnected
from opengrant.errors import Internal, OAuthRefused, OpenGrantError, Overloaded, StoreUnavailable

log = structlog.get_logger()

_CLIENT_GONE = 499
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: logged at debug level only."""


class Edge:
    """ASGI middleware around the router. Lifespan events pass through."""

    def __init__(self, inner: ASGIApp, *, max_requests: int) -> None:
        self.inner = inner
        self.max_requests = max_requests
        self.under_way = 0
        self.log = log.bind()  # binding anew for each request costs as much as writing the record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        began = time.perf_counter()
        # An id to find things by, not a secret: no randomness of the kernel's is spent on it.
        request_id = scope["opengrant.request_id"] = str(uuid.UUID(int=random.getrandbits(128), version=4))
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if (more := scope.get("opengrant.headers")) is not None:
                    # Refusals get them too: what they lack, a browser hides.
                    message["headers"] = [*message["headers"], *more]
            await send(message)

        self.under_way += 1
        problem: str | None = None
        try:
            if self.under_way > self.max_requests:
                raise Overloaded("The server is at its limit of requests under way. Try again.", retry_after=1)
            await self.inner(scope, receive, counted)
        except OpenGrantError as error:
            problem = error.error if isinstance(error, OAuthRefused) else error.type
            if isinstance(error, StoreUnavailable):
                log.error("store_unavailable", detail=error.detail)
            await self._refuse(counted, scope, error)
        except Disconnected:
            status = _CLIENT_GONE
        except Exception:
            log.exception("request_failed")
            if status == 0:
                problem = Internal.type
                bug = Internal(f"Something went wrong here. The log has the details under request id {request_id}.")
                await self._refuse(counted, scope, bug)
        finally:
            self.under_way -= 1
            self._record(scope, status, problem, time.perf_counter() - began)
            structlog.contextvars.unbind_contextvars("request_id")

    async def _refuse(self, send: Send, scope: Scope, problem: OpenGrantError) -> None:
        request_id = scope["opengrant.request_id"]
        status, body, extra = responses.error(request_id, problem, raw_path(scope))
        await responses.send_json(send, status, request_id, body, extra=extra)

    def _record(self, scope: Scope, status: int, problem: str | None, seconds: float) -> None:
        route = scope.get("opengrant.route", "unmatched")
        metrics.observe_request(scope["method"], route, status, seconds)
        fields: dict[str, object] = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        if (caller := scope.get("opengrant.caller")) is not None:
            fields["application_id"] = caller.application.id
            fields["key_id"] = caller.key_id
        elif (session := scope.get("opengrant.session")) is not None:
            fields["application_id"] = session.application.id
            fields["session_id"] = session.id
            if session.key_id is not None:
                fields["key_id"] = session.key_id
        elif (holder := scope.get("opengrant.holder")) is not None:
            fields["application_id"] = holder.application.id
            fields["grant_id"] = holder.grant_id
        if problem is not None:
            fields["error"] = problem
        (self.log.debug if route in _QUIET else self.log.info)("request", **fields)
