"""Answered requests: many to a row, as compressed JSON.

A row for each request would cost a process more than the requests themselves.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from opengrant.model import Micros
from opengrant.store.engine.port import Statement, Steps

LATER: Micros = 3600 * 1_000_000
"""A request is recorded when it ends: batches that begin later are not searched for it."""
MOST_BATCHES = 100_000
"""Rows of an application, those with errors and those without each."""


class Entry(NamedTuple):
    """One answered request.

    at      of its begin, by its id
    route   the template of the path; no value of the path or the query is kept
    took    until the last byte of the answer
    error   type of the error
    kind    name of the class of the error
    node    the process that answered
    """

    id: str
    at: Micros
    method: str
    route: str
    status: int
    took: Micros
    key_id: str | None
    session_id: str | None
    grant_id: str | None
    error: str | None
    kind: str | None
    node: str

    @property
    def failed(self) -> bool:
        return self.status >= 400 or self.error is not None


@dataclass(frozen=True, slots=True)
class Batch:
    """What a process answered in a few seconds. application_id: "" for requests without one."""

    application_id: str
    failed: bool
    since: Micros
    until: Micros
    entries: bytes


def packed(application_id: str, entries: Sequence[Entry], *, failed: bool) -> Batch:
    times = [entry.at for entry in entries]
    # Level 1: a higher one takes twice the time and saves a tenth.
    body = zlib.compress(orjson.dumps([tuple(entry) for entry in entries]), 1)
    return Batch(application_id, failed, min(times), max(times), body)


def unpacked(entries: bytes) -> Iterator[Entry]:
    return (Entry(*one) for one in orjson.loads(zlib.decompress(entries)))


def add(batches: Sequence[Batch], ids: Sequence[str]) -> Steps[None]:
    for batch, id_ in zip(batches, ids, strict=True):
        yield Statement(
            """insert into request_batches (application_id, failed, until, id, since, size, entries)
               values ($1, $2, $3, $4, $5, $6, $7)""",
            (
                *(batch.application_id, int(batch.failed), batch.until, id_),
                *(batch.since, len(batch.entries), batch.entries),
            ),
        )


def around(application_id: str, *, at: Micros) -> Steps[list[bytes]]:
    """The entries of the batches that may have the request of that time."""
    found = []
    for failed in (1, 0):
        rows = yield Statement(
            """select entries from request_batches
               where application_id = $1 and failed = $2 and until >= $3 and until <= $4 and since <= $3
               order by until""",
            (application_id, failed, at, at + LATER),
        )
        found += [bytes(entries) for (entries,) in rows]
    return found


def failed_before(
    application_id: str, place: tuple[Micros, str] | None, *, limit: int
) -> Steps[list[tuple[Micros, str, bytes]]]:
    """Batches of failed requests, the latest first: time, id and entries. place: of the one before."""
    after = "" if place is None else "and (until, id) < ($3, $4)"
    rows = yield Statement(
        f"""select until, id, entries from request_batches where application_id = $1 and failed = 1 {after}
            order by until desc, id desc limit $2""",
        (application_id, limit) if place is None else (application_id, limit, *place),
    )
    return [(until, id_, bytes(entries)) for until, id_, entries in rows]


def forget(application_id: str, *, ended_before: Micros, after: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` batches that ended before, or that a wrong clock has put after; return their number."""
    rows = yield Statement(
        """delete from request_batches where application_id = $1 and (failed, until, id) in (
               select failed, until, id from request_batches
               where application_id = $1 and (until < $2 or until > $3) limit $4) returning id""",
        (application_id, ended_before, after, limit),
        last=True,
    )
    return len(rows)


def beyond(application_id: str, failed: bool, *, most: int) -> Steps[Micros | None]:
    """The time up to which the oldest batches are too much: of more than `most` bytes or MOST_BATCHES rows."""
    rows = yield Statement(
        """select max(until) from (
               select until, sum(size) over latest as bytes, row_number() over latest as place
               from request_batches where application_id = $1 and failed = $2
               window latest as (order by until desc, id desc)) b
           where bytes > $3 or place > $4""",
        (application_id, int(failed), most, MOST_BATCHES),
    )
    return rows[0][0] if rows else None


def forget_until(application_id: str, failed: bool, *, until: Micros) -> Steps[None]:
    yield Statement(
        "delete from request_batches where application_id = $1 and failed = $2 and until <= $3",
        (application_id, int(failed), until),
        last=True,
    )
