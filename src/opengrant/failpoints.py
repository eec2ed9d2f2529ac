"""Failpoints: places where a test kills the process, to prove that no data is lost there.

`OPENGRANT_FAULT=name` kills this process, as `kill -9` would, at the failpoint of that name; `name:3` at its third
pass. Without the variable a failpoint costs one comparison.
"""

import os
import signal

_name, _, _times = os.environ.get("OPENGRANT_FAULT", "").partition(":")
_left = int(_times) if _times.isdigit() else 1


def point(name: str) -> None:
    """Kill this process, if OPENGRANT_FAULT names this failpoint."""
    global _left  # noqa: PLW0603 -- one count per process
    if name != _name:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
