"""Metadata of messages and drafts, by the message's id."""

from collections.abc import Mapping, Sequence

from opengrant.model import Micros
from opengrant.model.mail import MessageKind
from opengrant.model.metadata import SEARCHED, searched
from opengrant.store.engine.json_columns import get_object, put_object
from opengrant.store.engine.port import Row, Statement, Steps

Place = tuple[int, str]
"""The date and the id of a message: the order of lists, the newest first."""

_OF = "where application_id = $1 and grant_id = $2"
_KEYS = ", ".join(SEARCHED)
_PUT = f"""
    insert into message_metadata (application_id, grant_id, message_id, kind, date, metadata, {_KEYS}, updated_at)
    values ({", ".join(f"${n}" for n in range(1, 8 + len(SEARCHED)))})
    on conflict (application_id, grant_id, message_id) do update set
        kind = excluded.kind, date = excluded.date, metadata = excluded.metadata,
        {", ".join(f"{name} = excluded.{name}" for name in SEARCHED)}, updated_at = excluded.updated_at
"""


def put(
    application_id: str,
    grant_id: str,
    message_id: str,
    metadata: Mapping[str, str],
    *,
    kind: MessageKind,
    date: int,
    at: Micros,
) -> Steps[None]:
    """Replaces what there is."""
    keys = dict(searched(metadata))
    yield Statement(
        _PUT,
        (
            *(application_id, grant_id, message_id, kind, date, put_object(metadata)),
            *(keys.get(name) for name in SEARCHED),
            at,
        ),
    )


def find(application_id: str, grant_id: str, message_ids: Sequence[str]) -> Steps[dict[str, dict[str, str]]]:
    """By id, of those messages that have any. message_ids: one at least."""
    # A statement for each power of two, and not for each number of messages.
    count = 1 << (len(message_ids) - 1).bit_length()
    places = ", ".join(f"${n}" for n in range(3, 3 + count))
    rows: Sequence[Row] = yield Statement(
        f"select message_id, metadata from message_metadata {_OF} and message_id in ({places})",
        (application_id, grant_id, *message_ids, *[message_ids[0]] * (count - len(message_ids))),
    )
    return {row[0]: get_object(row[1]) for row in rows}


def exists(application_id: str, grant_id: str, message_id: str) -> Steps[bool]:
    rows = yield Statement(
        f"select 1 from message_metadata {_OF} and message_id = $3", (application_id, grant_id, message_id)
    )
    return bool(rows)


def count(application_id: str, grant_id: str) -> Steps[int]:
    rows = yield Statement(f"select count(*) from message_metadata {_OF}", (application_id, grant_id))
    return int(rows[0][0])


def page(
    application_id: str,
    grant_id: str,
    pairs: Sequence[tuple[str, str]],
    *,
    kind: MessageKind,
    after: Place | None,
    limit: int,
) -> Steps[list[Place]]:
    """Messages that have all these pairs, the newest first. pairs: of names in SEARCHED."""
    assert all(name in SEARCHED for name, _ in pairs)
    having = " and ".join(f"{name} = ${place}" for place, (name, _) in enumerate(pairs, 7))
    date, id_ = after or (1 << 62, "")
    rows = yield Statement(
        f"""select date, message_id from message_metadata {_OF} and {having} and kind = $6
                and date <= $3 and (date < $3 or message_id < $4)
            order by date desc, message_id desc limit $5""",
        (application_id, grant_id, date, id_, limit, kind, *(value for _, value in pairs)),
    )
    return [(row[0], row[1]) for row in rows]


def delete(application_id: str, grant_id: str, message_id: str) -> Steps[None]:
    yield Statement(
        f"delete from message_metadata {_OF} and message_id = $3", (application_id, grant_id, message_id), True
    )


def delete_older(application_id: str, grant_id: str, message_ids: Sequence[str], *, than: Micros) -> Steps[None]:
    """Of messages that are gone. What was written since then stays: its message may not be shown yet."""
    for message_id in message_ids:
        yield Statement(
            f"delete from message_metadata {_OF} and message_id = $3 and updated_at < $4",
            (application_id, grant_id, message_id, than),
        )


def delete_of_grant(application_id: str, grant_id: str) -> Steps[None]:
    yield Statement(f"delete from message_metadata {_OF}", (application_id, grant_id))


def rename(
    application_id: str, grant_id: str, was: str, now: str, *, kind: MessageKind, date: int, at: Micros
) -> Steps[None]:
    """The message has another id now: as a draft that was changed or sent. Metadata of the new id goes."""
    if was != now:
        yield Statement(f"delete from message_metadata {_OF} and message_id = $3", (application_id, grant_id, now))
    yield Statement(
        f"""update message_metadata set message_id = $4, kind = $5, date = $6, updated_at = $7
            {_OF} and message_id = $3""",
        (application_id, grant_id, was, now, kind, date, at),
    )
