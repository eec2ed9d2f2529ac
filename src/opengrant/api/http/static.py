"""Files and headers of all pages, the static ones (/reference, /console), and the one for browsers that are lost."""

from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

from opengrant import pages
from opengrant.api.http import responses
from opengrant.api.http.path_tree import Router
from opengrant.api.http.request import Headers, header
from opengrant.errors import MethodNotAllowed, NotFound, OpenGrantError
from opengrant.pages import Asset, Page, built

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script';"
    " trusted-types 'none'"
)
_APP_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script';"
)
_REFERENCE_POLICY = f"{_APP_POLICY} trusted-types 'none'"
_CONSOLE_POLICY = f"{_APP_POLICY} trusted-types mail-frame; style-src-attr 'unsafe-inline'"
"""The console shows HTML of messages, sanitised, and previews of sign-in pages in sandboxed frames, which have this
policy too; a message has a stricter one of its own. `mail-frame` makes their documents; `style` attributes are those of
messages and of what the console scales."""
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
"""Of every page, and of every redirect to a URL that may hold a secret.

`form-action` forbids that a redirect to another origin answers a form, at each hop of a chain of redirects;
`pages.Onward` is used instead. There is no Cross-Origin-Opener-Policy, because an application may open the sign-in in
a window of its own and wait for its end.
"""

_APP_HEADERS = (
    (b"cache-control", b"no-cache"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    *_COMMON,
)
_APPS = {
    name: (*_APP_HEADERS, (b"content-security-policy", policy.encode()))
    for name, policy in (("reference", _REFERENCE_POLICY), ("console", _CONSOLE_POLICY))
}
"""Headers of the pages that are programs: they run our scripts, call our API, and load nothing from other origins."""

_OURS = pages.Brand(name="OpenGrant")
_FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")
_VARY = (b"vary", b"Accept-Encoding")
_TO_REFERENCE = (b"location", b"/reference")


class Static:
    """GET /static/{file}: a packaged file, a built one, or the stylesheet of a palette."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = "/static/{file}"
        only_get(scope)
        name = scope["path_params"]["file"]
        asset = pages.find(name) or built.find(name)
        if asset is None:
            raise NotFound("There is no such file in this release.")
        await send_asset(scope, send, asset, (_FOR_EVER, *_COMMON))


class App:
    """GET of a page that is built from web/. It holds no data and is the same for every client."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = f"/{self.name}"
        only_get(scope)
        try:
            page = built.page(self.name)
        except built.NotBuilt as problem:
            raise NotFound(str(problem)) from None
        await send_asset(scope, send, page, _APPS[self.name])


class Home:
    """GET /: redirects to the reference."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = "/"
        only_get(scope)
        await responses.send_raw(
            send, scope["opengrant.request_id"], responses.Raw(303, headers=[_TO_REFERENCE, *_COMMON])
        )


def shown(page: Page, status: int = 200, *more: tuple[bytes, bytes]) -> responses.Raw:
    """A page as an answer."""
    language = ((b"content-language", page.words.tag.encode()), (b"vary", b"accept-language"))
    return responses.Raw(status, pages.render(page), b"text/html; charset=utf-8", [*PAGE_HEADERS, *language, *more])


def wants_page(headers: Headers) -> bool:
    """Whether a browser asks that shows the answer to a person."""
    return "text/html" in (header(headers, b"accept") or "")


def lost(scope: Scope, problem: OpenGrantError) -> responses.Raw | None:
    """The page for a browser at a path that is not there, or not for its verb; None: the error is answered as JSON."""
    wrong_verb = isinstance(problem, MethodNotAllowed)
    # A path that is there has set its route. What it has not found is told to programs.
    if not wants_page(scope["headers"]) or not (wrong_verb or "opengrant.route" not in scope):
        return None
    words = pages.preferred(header(scope["headers"], b"accept-language") or "")
    allow = [(b"allow", ", ".join(problem.allow).encode())] if isinstance(problem, MethodNotAllowed) else []
    return shown(pages.Lost(_OURS, wrong_verb=wrong_verb, words=words), problem.status, *allow)


def only_get(scope: Scope) -> None:
    """Raises MethodNotAllowed."""
    if scope["method"] not in {"GET", "HEAD"}:
        raise MethodNotAllowed(f"{scope['method']} is not possible here; try GET.", allow=("GET",))


async def send_asset(scope: Scope, send: Send, asset: Asset, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Send a file in the first of its encodings that the client accepts."""
    accepted = header(scope["headers"], b"accept-encoding") or ""
    taken = {token.partition(";")[0].strip() for token in accepted.split(",") if not token.endswith("q=0")}
    encoding = next((name for name in asset.encoded if name in taken), None)
    answer = responses.Raw(
        200,
        asset.content if encoding is None else asset.encoded[encoding],
        asset.content_type.encode(),
        [
            *headers,
            *([_VARY] if asset.encoded else []),
            *([(b"content-encoding", encoding.encode())] if encoding else []),
        ],
    )
    await responses.send_raw(send, scope["opengrant.request_id"], answer)


def add_to(router: Router) -> None:
    """Add the static pages and their files."""
    router.add("/", Home())
    router.add("/static/{file}", Static())
    for name in _APPS:
        router.add(f"/{name}", App(name))
