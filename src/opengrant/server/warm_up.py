"""What the first requests need and the start does not: loaded once the server answers, in a thread.

Several of these libraries are loaded where they are used, so that /healthz need not wait for them. Without this the
first request of each kind would wait instead, and with it all others of the event loop.
"""

import importlib

from opengrant import pages
from opengrant.api import description
from opengrant.pages import built

_LIBRARIES = (
    "icalendar",
    "prometheus_client.multiprocess",
    "spnego",
)


def load(public_url: str | None) -> None:
    """Write /openapi.json, import the libraries, read the files of pages and compile their templates."""
    # First: what it needs on the way is free for the others then.
    description.whole(public_url)
    for name in _LIBRARIES:
        importlib.import_module(name)
    pages.compile_templates()
    built.find("")
