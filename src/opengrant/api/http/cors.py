"""CORS: pages of which origins may read the answers of the token endpoints.

Allowed are the origins that applications name for their `js` redirect URIs and in `idp_settings`. They are rows and
change at run time, so Starlette's middleware with its fixed list does not do. Credentials are never allowed.
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from opengrant.api.http.path_tree import raw_path
from opengrant.tenants.redirect_uris import RedirectUris

CALLED_FROM_PAGES: Mapping[str, bytes] = {"/v3/connect/token": b"POST", "/v3/connect/tokeninfo": b"GET"}
"""Path to verb."""
_HEADERS = b"content-type, x-nylas-connect, x-nylas-application-public-id"
_REMEMBERED = b"600"
"""Seconds that a browser may cache a preflight; a removed origin stops working after at most as long."""
_TOKEN = b"/v3/connect/token"
"""Part of each of them."""
_VARY = (b"vary", b"Origin")


class Cors:
    """ASGI middleware for `CALLED_FROM_PAGES`; all other paths pass through.

    A preflight names no application: the origins of all applications are allowed. The request itself may name one in
    X-Nylas-Application-Public-Id; then only the origins of that application are.
    """

    def __init__(self, inner: ASGIApp, redirects: RedirectUris) -> None:
        self.inner = inner
        self.redirects = redirects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb = None
        if _TOKEN in scope.get("raw_path", b""):  # most paths go no further
            path = f"/{raw_path(scope).strip('/')}"
            verb = CALLED_FROM_PAGES.get(path)
        if verb is None:
            await self.inner(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        # Set without an Origin too: a cache must not serve this answer to a page.
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
