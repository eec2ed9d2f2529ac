"""Where a process may be made to die, so that tests can prove that nothing is lost there.

`OPENGRANT_FAULT=name` kills this process, as `kill -9` would, when it passes the point of that name; `name:3` when it
passes it for the third time. Without the variable a point costs one comparison.
"""

import os
import signal

_name, _, _times = os.environ.get("OPENGRANT_FAULT", "").partition(":")
_left = int(_times) if _times.isdigit() else 1


def point(name: str) -> None:
    """Die here, if that is what this process was started for."""
    global _left  # noqa: PLW0603 -- the process has one death
    if name != _name:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
