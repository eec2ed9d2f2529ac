"""What browsers get besides pages: the files that pages refer to, and the headers that every page carries."""

from starlette.types import Receive, Scope, Send

from opengrant import pages
from opengrant.api import respond
from opengrant.api.routing import Router
from opengrant.errors import MethodNotAllowed, NotFound

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_COMMON = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)

PAGE_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    *_COMMON,
)
"""Of every page, and of every redirect whose URL says something.

A form may not be answered with a redirect to another origin: `form-action` forbids it at each hop, and who comes next
may redirect as they like. That is what `pages.Onward` is for. There is no Cross-Origin-Opener-Policy, because an
application may open the sign-in in a window of its own and wait for its end.
"""

_FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")


class Static:
    """GET /static/{file}: a packaged file, or the stylesheet of a palette."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = "/static/{file}"
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodNotAllowed(f"{scope['method']} is not possible here; try GET.", allow=("GET",))
        asset = pages.find(scope["path_params"]["file"])
        if asset is None:
            raise NotFound("There is no such file in this release.")
        answer = respond.Raw(200, asset.content, asset.content_type.encode(), [_FOR_EVER, *_COMMON])
        await respond.send_raw(send, scope["opengrant.request_id"], answer)


def add_to(router: Router) -> None:
    """What pages refer to."""
    router.add("/static/{file}", Static())
