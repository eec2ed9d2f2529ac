"""The commands that run for long, without the libraries of the command line: cli/main.py starts them directly."""

import gc
import http.client
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opengrant import metrics, settings
from opengrant.settings import Settings
from opengrant.tracing import start as traces

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

_READY_WITHIN = 5
"""Seconds."""
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared with, not listened on
"""Where a server can be asked that listens at all addresses."""


class Failure(Exception):
    """A command cannot go on; the text says why and what to do."""


class WrongUsage(Failure):
    """The command line cannot be understood."""


def load_settings() -> Settings:
    """Raises Failure."""
    try:
        return settings.load()
    except settings.WrongSettings as problem:
        raise Failure(f"The settings cannot be used. {problem}") from None


def serve(*, work: bool) -> None:
    """Run the API, and with `work` the background work too. Raises Failure, and what an installation raises."""
    _load_without_collecting()
    configured = load_settings()
    _prepare_traces()
    if configured.workers > 1:
        directory = configured.data_dir / "metrics"
        try:
            metrics.prepare_multiprocess(directory)
        except OSError as problem:
            raise Failure(f"{directory} cannot be made: {problem.strerror}. Set OPENGRANT_DATA_DIR.") from None
    from opengrant.server import mail_ports, process, sockets  # noqa: PLC0415 -- --help must not load the server

    try:
        process.run(configured, work=work, announce=announce)
    except mail_ports.CannotProxy as problem:
        raise Failure(str(problem)) from None
    except sockets.CannotListen as problem:
        raise Failure(
            f"{problem} Set OPENGRANT_PORT to a free port, and OPENGRANT_HOST to an address of this machine."
        ) from None


def work(*, port: int | None) -> None:
    """Run the background work alone. Raises as serve()."""
    _load_without_collecting()
    from opengrant.server import process, sockets  # noqa: PLC0415 -- --help must not load the server

    configured = load_settings()
    _prepare_traces()
    try:
        process.run_work(configured, port=port)
    except sockets.CannotListen as problem:
        raise Failure(f"{problem} Name a free port with --port.") from None


def ready(*, port: int | None) -> None:
    """Ask the server of these settings, or the one at `port`, whether it can take requests. Raises Failure."""
    configured = load_settings()
    host = _LOOPBACK.get(configured.host, configured.host)
    # http.client takes no proxy from the environment, and loads faster than what calls providers.
    connection = http.client.HTTPConnection(host, configured.port if port is None else port, timeout=_READY_WITHIN)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as problem:
        raise Failure(f"No answer from {host} port {connection.port}: {problem or type(problem).__name__}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise Failure(f"Not ready: {answer.status} {text}")


def _prepare_traces() -> None:
    """Before workers are forked: they share what is loaded. Raises Failure."""
    try:
        traces.prepare()
    except traces.CannotTrace as problem:
        raise Failure(str(problem)) from None


def _load_without_collecting() -> None:
    """The garbage collector finds next to nothing while modules are loaded, and took an eighth of the start for it.

    server/process.py switches it on again.
    """
    gc.disable()


def _next_steps(url: str) -> Sequence[str]:
    return (
        f"Send a credential, get a grant: {url}/reference#/operation/connect_custom",
        f"Set up Google, Microsoft and other providers: {url}/console",
        f"Get events by webhook: {url}/reference#/operation/create_webhook",
    )


def announce(installed: "Installation", url: str | None = None) -> None:
    """Print what a first start made. The key is never printed again."""
    if installed.first is None:
        return
    application, new = installed.first
    rows = [("URL", url), ("reference", f"{url}/reference"), ("console", f"{url}/console")] if url else []
    chosen = installed.settings.bootstrap_api_key is not None
    key = "the one in OPENGRANT_BOOTSTRAP_API_KEY" if chosen else new.secret.get_secret_value()
    rows += [("application id", application.id), ("API key", key)]
    lines = [f"  {name:<15} {value}" for name, value in rows]
    if not chosen:
        lines += ["  The key is shown only once. Save it now; `opengrant keys create` creates another."]
    if url:
        lines += ["", "  Next:"]
        lines += [f"    {number}. {step}" for number, step in enumerate(_next_steps(url), 1)]
        lines += [""]
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()
