"""Destinations of events. Their signing secrets are in store/secrets.py, under owner kind "webhook"."""

from dataclasses import dataclass
from typing import Literal

from pydantic_core import from_json, to_json

from opengrant.model import Micros
from opengrant.store.engine.columns import FLAG, Columns, Converter, split
from opengrant.store.engine.json_columns import LIST
from opengrant.store.engine.port import Statement, Steps

Status = Literal["active", "failing", "failed", "pause"]

_SHOWN = "status <> 'deleted'"


@dataclass(frozen=True, slots=True)
class Failing:
    """The latest attempt failed. since: the first of those in a row. at: the latest. reason: in words."""

    since: Micros
    at: Micros
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """A destination. `emails` is stored for the wire only; no mail is sent there."""

    application_id: str
    id: str
    url: str
    triggers: tuple[str, ...]
    description: str | None
    emails: tuple[str, ...]
    compressed: bool
    status: Status
    status_updated_at: Micros
    created_at: Micros
    updated_at: Micros
    failing: Failing | None = None


_FAILING = Converter(
    lambda failing: None if failing is None else to_json(failing).decode(),
    lambda text: None if text is None else Failing(**from_json(text)),
)
_COLUMNS = Columns(
    Webhook,
    (
        *("application_id", "id", "url", "triggers", "description", "emails", "compressed"),
        *("status", "status_updated_at", "created_at", "updated_at", "failure"),
    ),
    fields={"failure": "failing"},
    triggers=LIST,
    emails=LIST,
    compressed=FLAG,
    failure=_FAILING,
)
_REPLACED = _COLUMNS.writer(
    (
        *("application_id", "id", "url", "triggers", "description", "emails", "compressed"),
        *("status", "status_updated_at", "updated_at", "failure"),
    )
)


_JUDGED = _COLUMNS.writer(("application_id", "id", "status", "status_updated_at", "failure"))


@dataclass(frozen=True, slots=True)
class Window:
    """Results of the attempts since `at`; None: no attempt yet."""

    at: Micros | None
    failed: int
    all: int


_WINDOW = Columns(
    Window,
    ("window_at", "window_failed", "window_all"),
    fields={"window_at": "at", "window_failed": "failed", "window_all": "all"},
)


def add(webhook: Webhook) -> Steps[None]:
    yield Statement(f"insert into webhooks ({_COLUMNS}) values ({_COLUMNS.places})", _COLUMNS.write(webhook))


def count(application_id: str) -> Steps[int]:
    rows = yield Statement(f"select count(*) from webhooks where application_id = $1 and {_SHOWN}", (application_id,))
    return int(rows[0][0])


def find(application_id: str, webhook_id: str) -> Steps[Webhook | None]:
    rows = yield Statement(
        f"select {_COLUMNS} from webhooks where application_id = $1 and id = $2 and {_SHOWN}",
        (application_id, webhook_id),
    )
    return _COLUMNS.read(rows[0]) if rows else None


def of_application(application_id: str) -> Steps[list[Webhook]]:
    rows = yield Statement(
        f"select {_COLUMNS} from webhooks where application_id = $1 and {_SHOWN} order by created_at, id",
        (application_id,),
    )
    return [_COLUMNS.read(row) for row in rows]


def replace(webhook: Webhook) -> Steps[bool]:
    """Write the mutable columns. False if it has been deleted."""
    rows = yield Statement(
        f"""update webhooks set url = $3, triggers = $4, description = $5, emails = $6, compressed = $7,
                   status = $8, status_updated_at = $9, updated_at = $10,
                   failure = $11
            where application_id = $1 and id = $2 and {_SHOWN} returning id""",
        _REPLACED(webhook),
    )
    return bool(rows)


def delete(application_id: str, webhook_id: str, *, at: Micros) -> Steps[bool]:
    """Mark it as deleted; `forget_deleted` deletes the row once its deliveries are gone."""
    rows = yield Statement(
        f"""update webhooks set status = 'deleted', updated_at = $3
            where application_id = $1 and id = $2 and {_SHOWN} returning id""",
        (application_id, webhook_id, at),
    )
    return bool(rows)


def lock_window(application_id: str, webhook_id: str) -> Steps[tuple[Webhook, Window] | None]:
    """Lock the webhook and read the results of its recent attempts."""
    rows = yield Statement(
        f"""update webhooks set window_all = window_all where application_id = $1 and id = $2 and {_SHOWN}
            returning {_COLUMNS}, {_WINDOW}""",
        (application_id, webhook_id),
    )
    if not rows:
        return None
    webhook, window = split(rows[0], _COLUMNS.width, _WINDOW.width)
    return _COLUMNS.read(webhook), _WINDOW.read(window)


def judge(webhook: Webhook, window: Window) -> Steps[None]:
    """Write the status, the failure, and the window of results that led to them."""
    yield Statement(
        """update webhooks set status = $3, status_updated_at = $4, failure = $5,
                   window_at = $6, window_failed = $7, window_all = $8
           where application_id = $1 and id = $2""",
        (*_JUDGED(webhook), *_WINDOW.write(window)),
    )


def deleted(application_id: str) -> Steps[list[str]]:
    rows = yield Statement(
        "select id from webhooks where application_id = $1 and status = 'deleted'", (application_id,)
    )
    return [id_ for (id_,) in rows]


def forget_deleted(application_id: str, webhook_id: str) -> Steps[None]:
    yield Statement(
        "delete from webhooks where application_id = $1 and id = $2 and status = 'deleted'",
        (application_id, webhook_id),
        last=True,
    )
