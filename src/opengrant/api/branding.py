"""/v3/console/branding-preview: sign-in pages with branding that is not saved yet."""

import re
from collections.abc import Mapping

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import InConsole, One, route
from opengrant.api.wire import branding as wire
from opengrant.errors import AccessDenied, InvalidRequest
from opengrant.model import Application, ProviderName
from opengrant.pages import OFFERED, Brand, Choice, Login, Page, render
from opengrant.pages.remarks import remarks
from opengrant.tenants.applications import DEFAULT_APPLICATION

_ALIVE = re.compile(rb"<script\b[^>]*></script>\n?| autofocus(?=>)")
"""A sandboxed frame refuses both, and the browser reports each refusal as an error. Texts have no bare `>`."""
_NOWHERE = "/v3/connect/login/preview"
"""The forms of a preview cannot be sent: its frame forbids it."""


@route(
    "POST",
    "/v3/console/branding-preview",
    tag="Console",
    access=InConsole(needs="all"),
    body=wire.PreviewBody,
    answers=One(wire.Preview),
    errors=(InvalidRequest, AccessDenied),
)
async def preview_branding(request: Request) -> wire.Preview:
    """Get a preview of the branding.

    A sign-in page with branding that is not saved, and what the page changes of it so that it can be read. Nothing is
    stored.
    """
    body = request.read(wire.PreviewBody)
    branding = body.branding.model_dump(exclude_none=True)
    hosted = body.hosted_authentication.model_dump(exclude_none=True)
    page = await _page(request, brand_of(request.application, branding, hosted), body.page)
    html = _ALIVE.sub(b"", render(page)).decode()
    return wire.Preview.of(html, remarks(branding, hosted))


def brand_of(app: Application, branding: Mapping[str, object], hosted: Mapping[str, object]) -> Brand:
    """The branding of an application. A page does not show the name of an application that has none of its own."""
    name = branding.get("name") or app.name
    return Brand.read({**branding, "name": "" if name == DEFAULT_APPLICATION else name}, hosted)


async def _page(request: Request, brand: Brand, which: str) -> Page:
    if which == "login":
        return Login(
            brand=brand,
            action=_NOWHERE,
            csrf="",
            provider=ProviderName.IMAP,
            values={"email": "ann@example.com"},
            servers=("imap.example.com", "smtp.example.com"),
            back=_NOWHERE,
        )
    connectors = await request.services.connectors.page(request.application, limit=100, offset=0)
    scopes = {connector.provider: connector.scope for connector in connectors}
    # An application without connectors shows all providers: the page is then seen as it will be.
    offered = tuple(provider for provider in OFFERED if provider in scopes) or OFFERED
    return Choice(brand=brand, action=_NOWHERE, csrf="", providers=offered, scopes=scopes)
