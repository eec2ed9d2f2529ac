"""What is stored where a grant of an export is to be stored, in one look-up."""

from collections.abc import Sequence

from opengrant.model import Grant, Micros, ProviderName
from opengrant.model.basics import record
from opengrant.store.engine.port import Statement, Steps


@record
class Present:
    """What a restored grant meets.

    provider, mailbox_key, proven_at, updated_at  of the grant with its id in its application; None: there is none
    elsewhere  another application that has the id
    mailbox    the id of the grant that its mailbox has in its application
    external   the id of the grant that its external id names there
    """

    provider: ProviderName | None
    mailbox_key: str | None
    proven_at: Micros | None
    updated_at: Micros | None
    elsewhere: str | None
    mailbox: str | None
    external: str | None


def look(grant: Grant, keys: Sequence[str]) -> Steps[Present]:
    """keys: those that its mailbox may have."""
    places = ", ".join(f"${n}" for n in range(5, len(keys) + 5))
    rows = yield Statement(
        f"""select h.provider, h.mailbox_key, h.proven_at, h.updated_at,
                   (select application_id from grants where id = $2 and application_id <> $1),
                   (select id from grants
                    where application_id = $1 and provider = $3 and mailbox_key in ({places}) limit 1),
                   (select id from grants where application_id = $1 and external_id = $4)
            from (select 1) one left join grants h on h.application_id = $1 and h.id = $2""",
        (grant.application_id, grant.id, grant.provider, grant.external_id, *keys),
    )
    provider, *rest = rows[0]
    return Present(None if provider is None else ProviderName(provider), *rest)
