"""API keys: a request finds its key by digest alone."""

from typing import NamedTuple

from opengrant.model import ApiKey, Caller, Micros
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.json_columns import LIST, get_list
from opengrant.store.engine.port import Row, Statement, Steps
from opengrant.store.tenants import applications

COLUMNS = Columns(
    ApiKey,
    (
        *("id", "application_id", "name", "permissions", "created_at", "updated_at", "expires_at", "revoked_at"),
        "last_used_at",
    ),
    permissions=LIST,
)

LIVE_COLUMNS = f"k.digest, k.id, k.permissions, {applications.COLUMNS.of('a')}"
LIVE_WIDTH = 3 + applications.COLUMNS.width
LIVE = "api_keys k join applications a on a.id = k.application_id"
IS_LIVE = "k.digest = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)"
FIND_LIVE = f"select {LIVE_COLUMNS} from {LIVE} where {IS_LIVE}"


class LiveKey(NamedTuple):
    """A key that is neither revoked nor expired. digest: the stored one, for a comparison in constant time."""

    digest: bytes
    caller: Caller


def find_live(digest: bytes, *, now: Micros) -> Steps[LiveKey | None]:
    rows = yield Statement(FIND_LIVE, (digest, now))
    return read_live(rows[0]) if rows else None


def read_live(row: Row) -> LiveKey:
    """From a row that begins with LIVE_COLUMNS."""
    stored, key_id, permissions = row[:3]
    return LiveKey(bytes(stored), Caller(applications.read(row[3:LIVE_WIDTH]), key_id, get_list(permissions)))


def add(key: ApiKey, digest: bytes) -> Steps[None]:
    yield Statement(
        f"insert into api_keys (digest, {COLUMNS}) values ($10, {COLUMNS.places})", (*COLUMNS.write(key), digest)
    )


def of_application(application_id: str) -> Steps[list[ApiKey]]:
    rows = yield Statement(
        f"select {COLUMNS} from api_keys where application_id = $1 order by created_at, id", (application_id,)
    )
    return [COLUMNS.read(row) for row in rows]


def revoke(application_id: str | None, key_id: str, *, at: Micros) -> Steps[ApiKey | None]:
    """Returns the revoked key; a second revocation keeps the first time. None if there is no such key."""
    rows = yield Statement(
        f"""update api_keys set updated_at = case when revoked_at is null then $2 else updated_at end,
                                revoked_at = coalesce(revoked_at, $2)
            where id = $1 and application_id = coalesce($3, application_id) returning {COLUMNS}""",
        (key_id, at, application_id),
    )
    return COLUMNS.read(rows[0]) if rows else None


def used(uses: dict[str, Micros]) -> Steps[None]:
    """Record last uses. Never moves one backwards, because several processes report uses."""
    for key_id, at in uses.items():
        yield Statement(
            "update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)",
            (key_id, at),
        )
