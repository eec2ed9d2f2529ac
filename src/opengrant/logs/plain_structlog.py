"""Loads structlog without rich.

structlog loads rich wherever it is installed, for tracebacks in colour. These logs have none, and a server needs rich
for nothing else: it would take 5 MB and a twentieth of the start. Import this module before structlog.
"""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def _as_if_absent(name: str) -> Iterator[None]:
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # so an import of it raises ImportError
    try:
        yield
    finally:
        del sys.modules[name]


with _as_if_absent("rich"):
    import structlog as _structlog  # noqa: F401
