"""API keys: a request finds its key by digest alone."""

from opengrant.model import ApiKey, Caller, Micros
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.json_columns import LIST, get_list
from opengrant.store.engine.port import Statement, Steps
from opengrant.store.tenants import applications

COLUMNS = Columns(
    ApiKey,
    (
        *("id", "application_id", "name", "permissions", "created_at", "updated_at", "expires_at", "revoked_at"),
        "last_used_at",
    ),
    permissions=LIST,
)

FIND = f"""
    select k.digest, k.id, k.permissions, {applications.COLUMNS.of("a")}
    from api_keys k join applications a on a.id = k.application_id
    where k.digest = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)
"""


def find_caller(digest: bytes, *, now: Micros) -> Steps[tuple[bytes, Caller] | None]:
    """The caller of a live key, with the stored digest for a comparison in constant time."""
    rows = yield Statement(FIND, (digest, now))
    if not rows:
        return None
    stored, key_id, permissions, *application = rows[0]
    return bytes(stored), Caller(applications.read(application), key_id, get_list(permissions))


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
