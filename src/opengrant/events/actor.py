"""The actor of a change: set where a request enters, read where an event is written, carried by the context.

A door calls `act_as` once. Tasks inherit the context, so a verification that outlives its request still has the key of
the request as its actor. Without a call, the actor is the clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from opengrant.model.basics import record
from opengrant.store.events.events import Event

Fact = str | int | Sequence[str] | None
"""A detail of an audit entry: ids, names of fields, numbers; never the value of a secret."""


@record
class Actor:
    """`name` is `<kind>:<id>`, or one word where there is only one of the kind.

    key:<API key's id>, grant:<id, of an access token>, service_account:<key id>, console:<session id, of a link>,
    cli:<user of the operating system>, import:<id>, clock, start, anonymous
    """

    name: str
    request_id: str | None = None

    @classmethod
    def key(cls, key_id: str, request_id: str | None) -> "Actor":
        return cls(f"key:{key_id}", request_id)

    @classmethod
    def holder(cls, grant_id: str, request_id: str) -> "Actor":
        """The holder of an access token of this grant."""
        return cls(f"grant:{grant_id}", request_id)

    @classmethod
    def service_account(cls, account_id: str, request_id: str) -> "Actor":
        return cls(f"service_account:{account_id}", request_id)

    @classmethod
    def console(cls, session_id: str, request_id: str | None) -> "Actor":
        """An operator's session. A session that an API key began acts as the key."""
        return cls(f"console:{session_id}", request_id)

    @classmethod
    def anonymous(cls, request_id: str) -> "Actor":
        """A caller without credentials."""
        return cls("anonymous", request_id)

    @classmethod
    def of_import(cls, import_id: str) -> "Actor":
        """The work of an import, which any node does: who began it is in the import's own entry."""
        return cls(f"import:{import_id}")

    @classmethod
    def command_line(cls, user: str) -> "Actor":
        return cls(f"cli:{user}")


CLOCK = Actor("clock")
START = Actor("start")
"""The first start, which makes the default application."""

_current: ContextVar[Actor] = ContextVar("actor", default=CLOCK)


def act_as(actor: Actor) -> None:
    """Set the actor for this context and the tasks that it starts."""
    _current.set(actor)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """As act_as, until the block ends."""
    before = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(before)


def actor_name() -> str:
    """The name of the present actor."""
    return _current.get().name


def request_id() -> str | None:
    """The request of the present actor."""
    return _current.get().request_id


def signature(facts: Mapping[str, Fact]) -> tuple[str, Mapping[str, Fact] | None]:
    """The actor's name, and the details of the audit trail with the id of its request; None is left out."""
    actor = _current.get()
    detail = {"request_id": actor.request_id, **facts}
    known = {name: value for name, value in detail.items() if value is not None}
    return actor.name, known or None


def sign(event: Event, facts: Mapping[str, Fact] | None = None) -> Event:
    """The event with its actor and the details of the audit trail."""
    # `replace` takes five times as long, and every write has an event.
    about = (event.id, event.application_id, event.type, event.grant_id, event.payload, event.created_at)
    return Event(*about, *signature(facts or {}))
