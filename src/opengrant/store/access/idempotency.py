"""First answers to requests with an Idempotency-Key."""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.port import Statement, Steps


@dataclass(frozen=True, slots=True)
class Claimed:
    """handed_over: an earlier try of the same request, whose process has ended, had handed over what it was about."""

    handed_over: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """request: keyed digest of the body. answer: None while the first request runs."""

    request: str
    answer: str | None
    created_at: Micros


def begin(
    application_id: str, key: str, request: str, *, at: Micros, abandoned: Micros, expired: Micros
) -> Steps[Claimed | None]:
    """Claim a key. None: another request has it, or has had it.

    abandoned  an entry without an answer that began before this time belongs to a process that died
    expired    an entry that began before this time is ignored
    """
    rows = yield Statement(
        """insert into idempotency (application_id, key, request, created_at) values ($1, $2, $3, $4)
           on conflict (application_id, key) do update
           set request = excluded.request, answer = null, created_at = excluded.created_at,
               handed_over_at = case when idempotency.created_at < $6 then null else idempotency.handed_over_at end
           where idempotency.created_at < $6 or (idempotency.answer is null and idempotency.created_at < $5
                                                 and idempotency.request = excluded.request)
           returning handed_over_at""",
        (application_id, key, request, at, abandoned, expired),
        last=True,
    )
    return Claimed(rows[0][0] is not None) if rows else None


def find(application_id: str, key: str) -> Steps[Entry | None]:
    rows = yield Statement(
        "select request, answer, created_at from idempotency where application_id = $1 and key = $2",
        (application_id, key),
    )
    return Entry(*rows[0]) if rows else None


def hand_over(application_id: str, key: str, request: str, *, at: Micros) -> Steps[None]:
    """Note that what the request is about is out of our hands from now on, whatever becomes of this process."""
    yield Statement(
        "update idempotency set handed_over_at = $4 where application_id = $1 and key = $2 and request = $3",
        (application_id, key, request, at),
        last=True,
    )


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


def reopen(application_id: str, key: str, request: str, *, at: Micros) -> Steps[None]:
    """Let the same request try again. at: a time before which entries count as abandoned."""
    yield Statement(
        "update idempotency set created_at = $4 where application_id = $1 and key = $2 and request = $3",
        (application_id, key, request, at),
        last=True,
    )


def forget_before(application_id: str, *, cutoff: Micros) -> Steps[None]:
    yield Statement(
        "delete from idempotency where application_id = $1 and created_at < $2", (application_id, cutoff), last=True
    )
