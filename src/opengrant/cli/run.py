"""How a command works on an installation: open it, do one thing, close it."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from opengrant.cli.serving import Failure, announce, load_settings
from opengrant.events.actor import Actor, act_as
from opengrant.model import Application

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

T = TypeVar("T")

SHORTEST = 4
"""Characters of an id that are enough to name it, where no other one begins so."""
Owner = Annotated[
    str | None, Parameter(name="--application", help="Its id; not needed while there is only one application.")
]


def run(work: Callable[["Installation"], Awaitable[T]], *, make: bool = False) -> T:
    """make: whether an empty database becomes an installation. Raises what installation() raises, and Failure."""
    from opengrant.assembly.installation import installation  # noqa: PLC0415 -- --help must not load the server

    async def once() -> T:
        act_as(Actor.command_line(_user()))
        async with installation(load_settings(), make=make) as installed:
            announce(installed)
            return await work(installed)

    return asyncio.run(once())


def _user() -> str:
    """The operating system's name of the user."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())  # in containers, ids often have no name


async def application_of(installed: "Installation", application_id: str | None) -> Application:
    """The named application, or the only one. Raises Failure, NotFound."""
    found = await installed.services.applications.list_all()
    if application_id is not None:
        return await installed.services.applications.get(whole_id(application_id, [one.id for one in found]))
    if len(found) != 1:
        raise Failure("There are several applications: name one. `opengrant apps list` shows them.")
    return found[0]


def whole_id(given: str, ids: Iterable[str]) -> str:
    """The id that begins so, if there is just one; otherwise what was given. Raises Failure: there are several."""
    known = [*ids]
    found = [one for one in known if one.startswith(given)] if len(given) >= SHORTEST else []
    if given in known or not found:
        return given
    if len(found) > 1:
        raise Failure(f"{len(found)} ids begin with {given}: write more of it.")
    return found[0]
