"""What the first requests need and the start does not: loaded once the server answers, in a thread.

Several of these libraries are loaded where they are used, so that /healthz need not wait for them. Without this the
first request of each kind would wait instead, and with it all others of the event loop.
"""

import importlib

from opengrant import pages

_LIBRARIES = (
    "icalendar",
    "prometheus_client",
    "spnego",
)


def load() -> None:
    """Import the libraries and compile the templates of pages."""
    for name in _LIBRARIES:
        importlib.import_module(name)
    pages.compile_templates()
