"""The listening socket."""

import contextlib
import resource
import socket

from opengrant.settings import Settings

_OPEN_FILES = 65_536


class CannotListen(Exception):
    """The address is in use, or is not an address of this machine."""


def listen(settings: Settings) -> socket.socket:
    """Bind the listening socket. Raises CannotListen."""
    return bind(settings.host, settings.port)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, which worker processes inherit. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Listening begins before the URL is announced, so an early connection waits instead of being refused.
        bound.listen(2048)
    except (OSError, UnicodeError) as problem:
        bound.close()
        reason = getattr(problem, "strerror", None) or "that is no host name"
        raise CannotListen(f"Cannot listen on {host}:{port}: {reason}.") from None
    bound.set_inheritable(True)
    return bound


def url_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allow_open_files() -> None:
    """Each connection is an open file; the usual soft limit of 1,024 is too low for max_connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
