"""The middleware around the router.

It gives each request an id, limits the requests under way, turns every exception into the error envelope, updates the
metrics, and writes one log record.
"""

import logging
import random
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opengrant import logs, metrics, tracing
from opengrant.api.http import responses
from opengrant.api.http.exchange import ClientGone
from opengrant.api.http.path_tree import raw_path
from opengrant.api.http.request import Disconnected
from opengrant.errors import Internal, OAuthRefused, OpenGrantError, Overloaded, StoreUnavailable
from opengrant.operations.request_log import NO_APPLICATION, Entry, RequestLog

if TYPE_CHECKING:
    from opengrant.tracing.spans import Spans

log = structlog.get_logger()

_CLIENT_GONE = 499
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Polled every few seconds: logged at debug level, and not traced."""


PageOf = Callable[[Scope, OpenGrantError], responses.Raw | None]


class Middleware:
    """ASGI middleware. Lifespan events pass through.

    page_of   a page in place of an error, or None
    requests  where answered requests are recorded
    """

    def __init__(
        self,
        inner: ASGIApp,
        *,
        max_requests: int,
        page_of: PageOf | None = None,
        requests: RequestLog | None = None,
    ) -> None:
        self.inner = inner
        self.page_of = page_of
        self.requests = requests if requests is not None and requests.is_on else None
        self.max_requests = max_requests
        self.under_way = 0
        self.log = logs.current()
        self.spans = tracing.current()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = scope["opengrant.request_id"] = _new_id()
        logs.request_id.set(request_id)
        status = 0

        def counted(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if (more := scope.get("opengrant.headers")) is not None:
                    # Errors need them too: without CORS headers a browser hides the answer from the page.
                    message["headers"] = [*message["headers"], *more]
            return send(message)

        self.under_way += 1
        problem: OpenGrantError | None = None
        try:
            if self.under_way > self.max_requests:
                raise Overloaded("The server is at its limit of requests under way. Try again.", retry_after=1)
            await self.inner(scope, receive, counted)
        except OpenGrantError as error:
            problem = await self._refuse(counted, scope, error)
        except (Disconnected, ClientGone):
            status = _CLIENT_GONE
        except responses.CutOff as cut:
            problem = cut.problem
        except Exception:
            log.exception("request_failed")
            if status == 0:
                sentence = f"Something went wrong here. The log has the details under request id {request_id}."
                problem = await self._refuse(counted, scope, Internal(sentence))
        finally:
            self.under_way -= 1
            self._record(scope, status, problem, time.perf_counter() - began)

    async def _refuse(self, send: Send, scope: Scope, problem: OpenGrantError) -> OpenGrantError:
        """Answer with the error, and return it."""
        if isinstance(problem, StoreUnavailable):
            log.error("store_unavailable", detail=problem.detail)
        request_id = scope["opengrant.request_id"]
        if self.page_of is not None and (page := self.page_of(scope, problem)) is not None:
            await responses.send_raw(send, request_id, page)
            return problem
        status, body, extra = responses.error(request_id, problem, raw_path(scope))
        await responses.send_json(send, status, request_id, body, extra=extra)
        return problem

    def _record(self, scope: Scope, status: int, problem: OpenGrantError | None, seconds: float) -> None:
        route = scope.get("opengrant.route", "unmatched")
        metrics.observe_request(scope["method"], route, status, seconds)
        if self.requests is not None and route.startswith("/v3/"):
            _keep(self.requests, scope, route, status, problem, seconds)
        if self.spans is not None and (span := scope.get("opengrant.span")) is not None:
            told: dict[str, str | int | float] = {"request_id": scope["opengrant.request_id"]}
            _add_caller(told, scope, problem)
            self.spans.answered(span, scope["method"], scope.get("opengrant.route"), status, told)
        if self.log is None or self.log.threshold > (logging.DEBUG if route in _QUIET else logging.INFO):
            return
        fields: dict[str, str | int | float] = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        _add_caller(fields, scope, problem)
        if self.log.trace is not None:
            fields |= self.log.trace()
        level = "debug" if route in _QUIET else "info"
        self.log.put(logs.trusted_line(level, "request", scope["opengrant.request_id"], fields))


def _add_caller(fields: dict[str, str | int | float], scope: Scope, problem: OpenGrantError | None) -> None:
    """Who asked, and the error: ids of ours, and a word from a fixed set."""
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
        fields["error"] = _type_of(problem)


class Traced:
    """ASGI middleware around `Middleware`, for a process with traces: each request is a span."""

    def __init__(self, inner: ASGIApp, spans: "Spans") -> None:
        self.inner, self.spans = inner, spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self.inner(scope, receive, send)
            return
        with self.spans.request(scope["headers"]) as span:
            scope["opengrant.span"] = span
            await self.inner(scope, receive, send)


def _type_of(problem: OpenGrantError) -> str:
    return problem.error if isinstance(problem, OAuthRefused) else problem.type


def _keep(
    requests: RequestLog, scope: Scope, route: str, status: int, problem: OpenGrantError | None, seconds: float
) -> None:
    """Record an answered request: ids of ours and the template of the path, no value that a client has sent."""
    application_id, key_id, session_id, grant_id = NO_APPLICATION, None, None, None
    if (caller := scope.get("opengrant.caller")) is not None:
        application_id, key_id = caller.application.id, caller.key_id
    elif (session := scope.get("opengrant.session")) is not None:
        application_id, key_id, session_id = session.application.id, session.key_id, session.id
    elif (holder := scope.get("opengrant.holder")) is not None:
        application_id, grant_id = holder.application.id, holder.grant_id
    elif status < 400:
        return  # open paths are many, and nothing went wrong
    if grant_id is None and (sent := scope["path_params"].get("grant_id")) is not None and _GRANT_ID.fullmatch(sent):
        grant_id = sent
    request_id = scope["opengrant.request_id"]
    requests.add(
        application_id,
        Entry(
            request_id,
            int(request_id[:8] + request_id[9:13], 16) * 1000,
            scope["method"],
            route,
            status,
            int(seconds * 1_000_000),
            key_id,
            session_id,
            grant_id,
            None if problem is None else _type_of(problem),
            None if problem is None else type(problem).__name__,
            requests.node,
        ),
    )


_GRANT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A path may name a grant by an email address instead, which is not kept."""


def _new_id() -> str:
    """A random UUID of version 7, which begins with the time, at a third of the standard library's cost.

    It is no secret, so it needs no cryptographic randomness.
    """
    digits = f"{time.time_ns() // 1_000_000:012x}{random.getrandbits(80):020x}"
    return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


_VARIANT = {f"{digit:x}": "89ab"[digit % 4] for digit in range(16)}
