"""Calls from web pages: which origins' pages may read the answers of the token endpoints.

They are the origins that applications name for their `js` redirect URIs and in `idp_settings`. Cookies play no part
and credentials are never allowed, so what is at stake is little; still, no page that nobody named gets to read.
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from opengrant.api.http.path_tree import raw_path
from opengrant.tenants.redirect_uris import Redirects

CALLED_FROM_PAGES: Mapping[str, bytes] = {"/v3/connect/token": b"POST", "/v3/connect/tokeninfo": b"GET"}
"""Paths, and the verb of each."""
_HEADERS = b"content-type, x-nylas-connect, x-nylas-application-public-id"
_REMEMBERED = b"600"
"""Seconds a browser need not ask again. Whoever removes an origin waits no longer."""
_VARY = (b"vary", b"Origin")


class Cors:
    """Between the edge and the router, for `CALLED_FROM_PAGES`; everything else passes through.

    A preflight names no application: it is answered for the origins of all. The request itself may name one in
    X-Nylas-Application-Public-Id, and then the origin must be one of its own.
    """

    def __init__(self, inner: ASGIApp, redirects: Redirects) -> None:
        self.inner = inner
        self.redirects = redirects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = f"/{raw_path(scope).strip('/')}" if scope["type"] == "http" else ""
        verb = CALLED_FROM_PAGES.get(path)
        if verb is None:
            await self.inner(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        # Without an Origin too: a cache must not hand this answer to a page.
        scope["opengrant.headers"] = [_VARY]
        preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in headers
        application_id = None if preflight else headers.get(b"x-nylas-application-public-id")
        if await self._admits(headers.get(b"origin"), application_id):
            scope["opengrant.headers"] += [
                (b"access-control-allow-origin", headers[b"origin"]),
                (b"access-control-expose-headers", b"retry-after, x-request-id"),
            ]
            if preflight:
                scope["opengrant.headers"] += [
                    (b"access-control-allow-methods", verb),
                    (b"access-control-allow-headers", _HEADERS),
                    (b"access-control-max-age", _REMEMBERED),
                ]
        if preflight:
            scope["opengrant.route"] = path
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.inner(scope, receive, send)

    async def _admits(self, origin: bytes | None, application_id: bytes | None) -> bool:
        try:
            named = None if application_id is None else application_id.decode("ascii")
            return origin is not None and await self.redirects.admits(origin.decode("ascii"), application_id=named)
        except UnicodeDecodeError:
            return False
