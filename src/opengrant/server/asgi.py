"""HTTP of an installation, as one ASGI application.

Apart from assembly/, because commands open an installation without HTTP.
"""

from starlette.types import ASGIApp

from opengrant import tracing

# Importing a route file enters its routes; /openapi.json lists them in this order.
# isort: off
from opengrant.api import applications as _applications  # noqa: F401
from opengrant.api import audit as _audit  # noqa: F401
from opengrant.api import branding as _branding  # noqa: F401
from opengrant.api import connect as _connect  # noqa: F401
from opengrant.api import connectors as _connectors  # noqa: F401
from opengrant.api import console as _console  # noqa: F401
from opengrant.api import credentials as _credentials  # noqa: F401
from opengrant.api import detect as _detect  # noqa: F401
from opengrant.api import imports as _imports  # noqa: F401
from opengrant.api import api_keys as _api_keys  # noqa: F401
from opengrant.api import domains as _domains  # noqa: F401
from opengrant.api import drafts as _drafts  # noqa: F401
from opengrant.api import grant_actions as _grant_actions  # noqa: F401
from opengrant.api import grants as _grants  # noqa: F401
from opengrant.api import health
from opengrant.api import hosted as hosted_pages
from opengrant.api import installation as _installation  # noqa: F401
from opengrant.api import overview as _overview  # noqa: F401
from opengrant.api import providers as _providers  # noqa: F401
from opengrant.api import requests as _requests  # noqa: F401
from opengrant.api import tokens as _tokens  # noqa: F401
from opengrant.api import calendars as _calendars  # noqa: F401
from opengrant.api import events as _events  # noqa: F401
from opengrant.api import feeds
from opengrant.api import attachments as _attachments  # noqa: F401
from opengrant.api import folders as _folders  # noqa: F401
from opengrant.api import messages as _messages  # noqa: F401
from opengrant.api import cleaning as _cleaning  # noqa: F401
from opengrant.api import contacts as _contacts  # noqa: F401
from opengrant.api import console_mail as _console_mail  # noqa: F401
from opengrant.api import grants_csv as _grants_csv  # noqa: F401
from opengrant.api import sending as _sending  # noqa: F401
from opengrant.api import schedules as _schedules  # noqa: F401
from opengrant.api import threads as _threads  # noqa: F401
from opengrant.api import signatures as _signatures  # noqa: F401
from opengrant.api import webhooks as _webhooks  # noqa: F401
from opengrant.api import workspaces as _workspaces  # noqa: F401

# isort: on
from opengrant.api import description
from opengrant.api.http import static
from opengrant.api.http.cors import Cors
from opengrant.api.http.endpoint import build_router
from opengrant.api.http.middleware import Middleware, Traced
from opengrant.api.unserved import UNSERVED
from opengrant.assembly.installation import Installation


def asgi(installed: Installation) -> ASGIApp:
    """Routes, pages and files, behind the middleware."""
    settings = installed.settings
    router = build_router(installed.services, max_body=settings.max_body, unserved=UNSERVED)
    health.add_to(router)
    description.add_to(router, settings.public_url)
    hosted_pages.add_to(router, installed.services)
    feeds.add_to(router, installed.services.feeds)
    static.add_to(router)
    app = Middleware(
        Cors(router, installed.services.redirects),
        max_requests=settings.max_requests,
        page_of=static.lost,
        requests=installed.services.requests,
    )
    spans = tracing.current()
    return app if spans is None else Traced(app, spans)


def status_asgi(installed: Installation) -> ASGIApp:
    """/healthz, /readyz and /metrics alone, for a process that only works."""
    settings = installed.settings
    router = build_router(installed.services, max_body=settings.max_body, tag="Operations")
    router.add("/metrics", health.Metrics())
    return Middleware(router, max_requests=settings.max_requests)
