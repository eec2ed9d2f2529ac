"""Who is acting: known at a door, needed where something is written, and carried between the two by the context.

A door says it once (`act_as`); tasks that it starts inherit it, so that a grant whose verification outlives its
request is still the work of the key that asked. Whoever says nothing is the clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from opengrant.store.events.events import Event

Fact = str | int | Sequence[str] | None
"""What an entry may hold beside its author: ids, names of fields, numbers; never the value of a secret."""


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is `<kind>:<id>`, or a word alone where there is only one of the kind.

    key:<API key's id>, grant:<id, of an access token>, service_account:<key id>, console:<session id, of a link>,
    cli:<user of the operating system>, clock, start, anonymous
    """

    name: str
    request_id: str | None = None

    @classmethod
    def key(cls, key_id: str, request_id: str) -> "Actor":
        return cls(f"key:{key_id}", request_id)

    @classmethod
    def holder(cls, grant_id: str, request_id: str) -> "Actor":
        """Whoever has an access token of that grant."""
        return cls(f"grant:{grant_id}", request_id)

    @classmethod
    def service_account(cls, account_id: str, request_id: str) -> "Actor":
        return cls(f"service_account:{account_id}", request_id)

    @classmethod
    def console(cls, session_id: str, request_id: str) -> "Actor":
        """An operator at the console. Sessions that a key began act as the key."""
        return cls(f"console:{session_id}", request_id)

    @classmethod
    def anonymous(cls, request_id: str) -> "Actor":
        """Whoever calls what is open to everybody."""
        return cls("anonymous", request_id)

    @classmethod
    def command_line(cls, user: str) -> "Actor":
        return cls(f"cli:{user}")


CLOCK = Actor("clock")
START = Actor("start")
"""The first start, which makes what an installation begins with."""

_current: ContextVar[Actor] = ContextVar("actor", default=CLOCK)


def act_as(actor: Actor) -> None:
    """From here on, in this context and in tasks that it starts."""
    _current.set(actor)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """As act_as, until the block ends."""
    before = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(before)


def sign(event: Event, facts: Mapping[str, Fact] | None = None) -> Event:
    """The event with its author, the request it came with, and what the audit trail shows beside; None is left out."""
    actor = _current.get()
    detail = {"request_id": actor.request_id, **(facts or {})}
    known = {name: value for name, value in detail.items() if value is not None}
    return replace(event, actor=actor.name, detail=known or None)
