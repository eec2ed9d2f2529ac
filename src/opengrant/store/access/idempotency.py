"""First answers to requests with an Idempotency-Key."""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.port import Statement, Steps


@dataclass(frozen=True, slots=True)
class Entry:
    """request: keyed digest of the body. answer: None while the first request runs."""

    request: str
    answer: str | None
    created_at: Micros


def begin(
    application_id: str, key: str, request: str, *, at: Micros, abandoned: Micros, expired: Micros
) -> Steps[bool]:
    """Claim a key. True if this request has it now.

    abandoned  an entry without an answer that began before this time belongs to a process that died
    expired    an entry that began before this time is ignored
    """
    rows = yield Statement(
        """insert into idempotency (application_id, key, request, created_at) values ($1, $2, $3, $4)
           on conflict (application_id, key) do update
           set request = excluded.request, answer = null, created_at = excluded.created_at
           where idempotency.created_at < $6 or (idempotency.answer is null and idempotency.created_at < $5
                                                 and idempotency.request = excluded.request)
           returning key""",
        (application_id, key, request, at, abandoned, expired),
        last=True,
    )
    return bool(rows)


def find(application_id: str, key: str) -> Steps[Entry | None]:
    rows = yield Statement(
        "select request, answer, created_at from idempotency where application_id = $1 and key = $2",
        (application_id, key),
    )
    return Entry(*rows[0]) if rows else None


def finish(application_id: str, key: str, request: str, answer: str) -> Steps[None]:
    yield Statement(
        "update idempotency set answer = $4 where application_id = $1 and key = $2 and request = $3",
        (application_id, key, request, answer),
        last=True,
    )


def release(application_id: str, key: str, request: str) -> Steps[None]:
    yield Statement(
        "delete from idempotency where application_id = $1 and key = $2 and request = $3 and answer is null",
        (application_id, key, request),
        last=True,
    )


def forget_before(application_id: str, *, cutoff: Micros) -> Steps[None]:
    yield Statement(
        "delete from idempotency where application_id = $1 and created_at < $2", (application_id, cutoff), last=True
    )
