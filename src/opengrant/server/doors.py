"""The doors of an installation: HTTP, as one ASGI application, and the clock.

Apart from assembly/installation.py, because a command of the command line needs neither.
"""

from collections.abc import Sequence

from starlette.types import ASGIApp

from opengrant.api import applications as _applications  # noqa: F401
from opengrant.api import audit as _audit  # noqa: F401
from opengrant.api import connect as _connect  # noqa: F401
from opengrant.api import connectors as _connectors  # noqa: F401
from opengrant.api import console as _console  # noqa: F401
from opengrant.api import credentials as _credentials  # noqa: F401
from opengrant.api import detect as _detect  # noqa: F401
from opengrant.api import domains as _admin  # noqa: F401 -- importing a route file enters its routes into the table
from opengrant.api import grant_actions as _grant_actions  # noqa: F401
from opengrant.api import grants as _grants  # noqa: F401
from opengrant.api import health as ops
from opengrant.api import hosted as hosted_pages
from opengrant.api import overview as _overview  # noqa: F401
from opengrant.api import providers as _providers  # noqa: F401
from opengrant.api import tokens as _oauth  # noqa: F401
from opengrant.api import webhooks as _webhooks  # noqa: F401
from opengrant.api import workspaces as _workspaces  # noqa: F401
from opengrant.api.http import static
from opengrant.api.http.cors import Cors
from opengrant.api.http.endpoint import build_router
from opengrant.api.http.middleware import Middleware
from opengrant.api.unserved import UNSERVED
from opengrant.assembly.installation import Installation
from opengrant.jobs.alive import alive
from opengrant.jobs.announce import announce
from opengrant.jobs.clock_steps import ahead
from opengrant.jobs.loop import Job
from opengrant.jobs.measure import measure
from opengrant.jobs.refresh import refresh, replay
from opengrant.jobs.sweep import activity as write_activity
from opengrant.jobs.sweep import key_uses, sweep


def asgi(installed: Installation) -> ASGIApp:
    """Every door, as one ASGI application."""
    settings = installed.settings
    router = build_router(installed.services, max_body=settings.max_body, unserved=UNSERVED)
    ops.add_to(router, settings.public_url)
    hosted_pages.add_to(router, installed.services)
    static.add_to(router)
    return Middleware(Cors(router, installed.services.redirects), max_requests=settings.max_requests)


def watched(installed: Installation) -> ASGIApp:
    """What a process that only works shows: /healthz, /readyz and /metrics."""
    settings = installed.settings
    router = build_router(installed.services, max_body=settings.max_body, tag="Operations")
    router.add("/metrics", ops.Metrics())
    return Middleware(router, max_requests=settings.max_requests)


def counting(installed: Installation) -> Sequence[Job]:
    """What each process does for itself, whatever else it does."""
    return [write_activity(installed.services), measure(installed.services)]


def chores(installed: Installation) -> Sequence[Job]:
    """What each serving process does for itself."""
    return [*counting(installed), key_uses(installed.services), replay(installed.services)]


def background(installed: Installation) -> Sequence[Job]:
    """The work that any one process of an installation may do."""
    services = installed.services
    return [alive(services), sweep(services), refresh(services), announce(services), ahead(services)]
