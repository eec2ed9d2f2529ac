"""Calls that an application has made in the running window of a rate limit."""

from opengrant.model import AGREE, Micros
from opengrant.store.engine.port import Statement, Steps

# One statement compares and counts, so two nodes cannot both take the last call. A window that began in the future
# comes from a clock that was set back: the call begins a new one.
TAKE = """
    insert into rations (application_id, name, began_at, calls) values ($1, $2, $3, 1)
    on conflict (application_id, name) do update set
        calls = case when rations.began_at <= $4 or rations.began_at > $6 then 1 else rations.calls + 1 end,
        began_at = case when rations.began_at <= $4 or rations.began_at > $6 then $3 else rations.began_at end
    where rations.began_at <= $4 or rations.began_at > $6 or rations.calls < $5
    returning calls
"""


def take(application_id: str, name: str, *, limit: int, window: Micros, at: Micros) -> Steps[Micros | None]:
    """Count one call and return None; over the limit, count nothing and return the time when the window ends."""
    if (yield Statement(TAKE, (application_id, name, at, at - window, limit, at + AGREE))):
        return None
    rows = yield Statement(
        "select began_at from rations where application_id = $1 and name = $2", (application_id, name)
    )
    return int(rows[0][0]) + window


def give_back(application_id: str, name: str, *, window: Micros, at: Micros) -> Steps[None]:
    """Take back one call that the running window counted."""
    yield Statement(
        """update rations set calls = calls - 1
           where application_id = $1 and name = $2 and began_at > $3 and calls > 0""",
        (application_id, name, at - window),
    )


def forget(application_id: str, beginning: str, *, cutoff: Micros) -> Steps[None]:
    """Delete the windows whose name starts with `beginning` and that began at `cutoff` or before."""
    yield Statement(
        "delete from rations where application_id = $1 and substr(name, 1, $2) = $3 and began_at <= $4",
        (application_id, len(beginning), beginning, cutoff),
    )
