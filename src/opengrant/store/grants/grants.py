"""Grants: the row, the live secret and the event change together or not at all.

Three scripts write a grant: `create` (the first of a mailbox), `renew` (a later verification of the same mailbox) and
`change` (compare-and-swap on the version). They return None, with nothing written, if a concurrent write was first: the
caller reads again. Conflict means that another grant has the external id.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from opengrant.model import Grant, ListedGrant, ProviderName, Sealed, Trouble, fold, fold_case, foldings
from opengrant.model.basics import record
from opengrant.store import secrets
from opengrant.store.calendars import calendars
from opengrant.store.engine.columns import FLAG, PROVIDER, Columns
from opengrant.store.engine.json_columns import LIST, OBJECT, TROUBLE, put_trouble
from opengrant.store.engine.port import Dialect, Row, Statement, Steps
from opengrant.store.engine.writes import Arm, Head, one_by_one, together
from opengrant.store.events import events
from opengrant.store.events.events import Event
from opengrant.store.grants import rotations
from opengrant.store.mail import metadata, outgoing, signatures, watches
from opengrant.store.signin import tokens
from opengrant.store.tenants import workspaces

COLUMNS = Columns(
    Grant,
    (
        *("id", "application_id", "provider", "connector_id", "mailbox_key", "email", "status", "scope", "settings"),
        *("created_at", "updated_at", "asked_at", "version", "subject", "user_id", "name", "state", "credential_id"),
        *("workspace_id", "ip", "user_agent", "blocked", "token_expires_at", "external_id", "due_at", "proven_at"),
        *("used_at", "generation", "trouble", "refreshes", "vouched", "name_given", "asked", "attention_at"),
        "missing_scopes",
    ),
    provider=PROVIDER,
    scope=LIST,
    settings=OBJECT,
    blocked=FLAG,
    trouble=TROUBLE,
    vouched=FLAG,
    name_given=FLAG,
    missing_scopes=LIST,
)
read = COLUMNS.read
LISTED = Columns(
    ListedGrant,
    (
        *("id", "provider", "connector_id", "email", "status", "scope", "settings", "blocked", "created_at"),
        *("updated_at", "name", "state", "user_id", "credential_id", "workspace_id", "ip", "user_agent", "proven_at"),
        *("due_at", "refreshes", "trouble", "attention_at", "missing_scopes"),
    ),
    provider=PROVIDER,
    scope=LIST,
    settings=OBJECT,
    blocked=FLAG,
    trouble=TROUBLE,
    missing_scopes=LIST,
)
"""A third fewer columns than `COLUMNS`, for lists."""

ASIDE = "aside:"
"""Prefix of the mailbox key of a grant that was set aside; the grant's id follows."""

_BEGINNING = re.compile(
    r"[0-9a-f]{4,8}|[0-9a-f]{8}(-[0-9a-f]{4}){0,2}-[0-9a-f]{0,4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{0,12}"
)
_FIXED = ("application_id", "id", "provider", "created_at", "version")
_MUTABLE = (
    *("connector_id", "mailbox_key", "email", "status", "scope", "settings", "updated_at", "asked_at"),
    *("subject", "user_id", "name", "state", "credential_id", "workspace_id", "ip", "user_agent", "blocked"),
    *("token_expires_at", "external_id", "due_at", "proven_at", "used_at", "trouble", "vouched", "name_given", "asked"),
    *("attention_at", "missing_scopes"),
)
_TYPES = {
    **dict.fromkeys(("blocked", "vouched", "name_given"), "int"),
    **dict.fromkeys(("created_at", "version", "updated_at", "asked_at", "token_expires_at"), "bigint"),
    **dict.fromkeys(("due_at", "proven_at", "used_at", "asked", "attention_at"), "bigint"),
}

_NEW = (*_FIXED, *_MUTABLE, "email_key")
_INSERTED = ", ".join(_NEW)
_PLACES = ", ".join(f"${n}" for n in range(1, len(_NEW) + 1))
# PostgreSQL takes an untyped parameter of a select list for text, so each says what it is.
_TYPED = ", ".join(f"${n}::{_TYPES.get(name, 'text')}" for n, name in enumerate(_NEW, 1))
# In an update $1 is the application, $2 the grant, $3 the connector; renewals use $3 again.
_CHANGES = "version = version + 1, " + ", ".join(f"{name} = ${n}" for n, name in enumerate((*_MUTABLE, "email_key"), 3))
# So that a concurrent refresh cannot overwrite the new credential with an older one.
_NEW_GENERATION = "generation = generation + 1"
# A verification does not change the block, and changes the workspace only if its request names one. So the present
# values of the row stay, not those that were read before.
_RENEWABLE = tuple(name for name in _MUTABLE if name != "blocked")
_when_new, _when_renewed, _when_changed = map(COLUMNS.writer, ((*_FIXED, *_MUTABLE), _RENEWABLE, _MUTABLE))
_RENEWALS = "version = version + 1, " + ", ".join(
    f"workspace_id = coalesce(${n}, workspace_id)" if name == "workspace_id" else f"{name} = ${n}"
    for n, name in enumerate((*_RENEWABLE, "email_key"), 3)
)
_ASKED = f"${3 + _RENEWABLE.index('asked')}"
_CREDENTIAL = f"${3 + _RENEWABLE.index('credential_id')}"
_RETURNED = "created_at, version, workspace_id, blocked"
_ENDED = f"status = 'invalid', due_at = null, refreshes = 0, {_NEW_GENERATION}, version = version + 1"
_CONNECTOR_WHEN_NEW = f"${len(_FIXED) + 1}"
_CREDENTIAL_WHEN_NEW = f"${len(_FIXED) + 1 + _MUTABLE.index('credential_id')}"

# The statement that writes checks connector and credential: they may have been deleted during the provider's call.
# PostgreSQL also locks them against a deletion that is not committed yet.
_SOURCE_EXISTS = """
    exists (select 1 from connectors c where c.application_id = $1 and c.id = {0})
    and ({1} is null or exists (select 1 from credentials k where k.application_id = $1 and k.id = {1}))
"""
_SOURCE_LOCKED = """
    c as (select 1 from connectors where application_id = $1 and id = {0} for key share),
    k as (select 1 from credentials where application_id = $1 and id = {1} for key share)
"""
_CREDENTIAL_LOCKED = "({0}::text is null or exists (select 1 from k))"

_CREATE = Head(
    f"""insert into grants ({_INSERTED}) select {_PLACES}
        where {_SOURCE_EXISTS.format(_CONNECTOR_WHEN_NEW, _CREDENTIAL_WHEN_NEW)}
        on conflict (application_id, provider, mailbox_key) do nothing returning {_RETURNED}""",
    f"""{_SOURCE_LOCKED.format(_CONNECTOR_WHEN_NEW, _CREDENTIAL_WHEN_NEW)},
        g as (insert into grants ({_INSERTED}) select {_TYPED} from c
              where {_CREDENTIAL_LOCKED.format(_CREDENTIAL_WHEN_NEW)}
              on conflict (application_id, provider, mailbox_key) do nothing returning {_RETURNED})""",
    _RETURNED,
)
_RENEW_SET = f"update grants set {_NEW_GENERATION}, refreshes = 0, {_RENEWALS}"
_RENEW_WHERE = f"where application_id = $1 and id = $2 and asked <= {_ASKED}"
_RENEW = Head(
    f"{_RENEW_SET} {_RENEW_WHERE} and {_SOURCE_EXISTS.format('$3', _CREDENTIAL)} returning {_RETURNED}",
    f"""{_SOURCE_LOCKED.format("$3", _CREDENTIAL)},
        g as ({_RENEW_SET} from c {_RENEW_WHERE} and {_CREDENTIAL_LOCKED.format(_CREDENTIAL)} returning {_RETURNED})""",
    _RETURNED,
)
CHANGE = f"""
    update grants set {_CHANGES}
    where application_id = $1 and id = $2 and version = ${4 + len(_MUTABLE)} returning {_RETURNED}
"""


@record
class Writing:
    """A grant to write, and the other rows of the same transaction.

    event  None for a change that is not visible outside
    live   the sealed credential; None for grants that have none, or keep theirs
    spent  digests of refresh tokens whose chain of rotations leads to `live`
    bare   destroy the stored credential; `live` is None then
    once   digest of the refresh token in `live`, if it works only once
    """

    grant: Grant
    event: Event | None
    live: Sealed | None = None
    spent: tuple[str, ...] = ()
    bare: bool = False
    once: str | None = None


def create(writing: Writing, dialect: Dialect, *, last: bool = True) -> Steps[Grant | None]:
    """Insert. None if the mailbox has a grant already, or the connector or the credential is gone.

    last  nothing follows in this script
    """
    grant = writing.grant
    return (yield from _put(_CREATE, (*_when_new(grant), _email_key(grant)), writing, dialect, last=last))


def renew(writing: Writing, dialect: Dialect, *, last: bool = True) -> Steps[Grant | None]:
    """Write a later verification into an existing grant. A block stays; so does the workspace if the new one is None.

    Returns the grant as stored. None if the grant, the connector or the credential is gone, or if a verification that
    began later has already written. If the grant holds the successor of `once`, a refresh has overtaken the
    verification: nothing is written, and the stored grant is returned.

    last  nothing follows in this script
    """
    grant = writing.grant
    if writing.once is not None:
        if dialect is Dialect.POSTGRES:
            yield from _lock(grant)
        if (yield from rotations.spent_for(grant, writing.once)):
            return (yield from find(grant.application_id, grant.id))
    args = (grant.application_id, grant.id, *_when_renewed(grant), _email_key(grant))
    return (yield from _put(_RENEW, args, writing, dialect, last=last))


def change(writing: Writing, *, seen_version: int) -> Steps[Grant | None]:
    """Write the mutable columns if the version is still `seen_version`; else return None."""
    grant = writing.grant
    args = (grant.application_id, grant.id, *_when_changed(grant), _email_key(grant), seen_version)
    rows = yield Statement(CHANGE, args)
    if not rows:
        return None
    yield from one_by_one(_arms(writing))
    return _returned(grant, rows[0])


def _lock(grant: Grant) -> Steps[None]:
    """Lock the grant against a refresh. The connector comes first, as in its deletion."""
    connector = "select 1 from connectors where application_id = $1 and id = $2 for key share"
    yield Statement(connector, (grant.application_id, grant.connector_id))
    if grant.credential_id is not None:
        credential = "select 1 from credentials where application_id = $1 and id = $2 for key share"
        yield Statement(credential, (grant.application_id, grant.credential_id))
    yield Statement(
        "select 1 from grants where application_id = $1 and id = $2 for update", (grant.application_id, grant.id)
    )


def _email_key(grant: Grant) -> str:
    """The identifier of a virtual calendar is no address, even if it looks like one."""
    return fold_case(grant.email) if grant.provider is ProviderName.VIRTUAL_CALENDAR else fold(grant.email)


def _returned(grant: Grant, row: Row) -> Grant:
    created_at, version, workspace_id, blocked = row
    if (grant.created_at, grant.version, grant.workspace_id, grant.blocked) == (*row,):
        return grant  # nearly always: a copy of so many fields would cost as much as the statement's parameters
    return replace(grant, created_at=created_at, version=version, workspace_id=workspace_id, blocked=bool(blocked))


def _put(
    head: Head, args: tuple[object, ...], writing: Writing, dialect: Dialect, *, last: bool
) -> Steps[Grant | None]:
    rows = yield from together(head, args, _arms(writing), dialect, last=last)
    return _returned(writing.grant, rows[0]) if rows else None


def _arms(writing: Writing) -> list[Arm]:
    """The writes beside the grant."""
    grant, arms = writing.grant, list[Arm]()
    if writing.live is not None:
        row = secrets.SecretRow(grant.application_id, "grant", grant.id, "live", writing.live)
        arms.append(secrets.put_arm(row, at=grant.updated_at))
    if writing.bare:
        arms.append(secrets.destroy_arm(grant.application_id, "grant", grant.id))
    if writing.event is not None:
        arms += events.add_arms(writing.event)
    arms += rotations.hand_over_arms(grant, writing.spent)
    return arms


def find(application_id: str, grant_id: str) -> Steps[Grant | None]:
    rows = yield Statement(
        f"select {COLUMNS} from grants where application_id = $1 and id = $2", (application_id, grant_id)
    )
    return read(rows[0]) if rows else None


def owner_of_id(grant_id: str) -> Steps[str | None]:
    """The application that has a grant with this id: an id is one grant's in the whole installation."""
    rows = yield Statement("select application_id from grants where id = $1", (grant_id,))
    return str(rows[0][0]) if rows else None


def beginning(application_id: str, part: str, *, limit: int) -> Steps[list[str]]:
    """Ids that begin so; none if no id can."""
    bounds = ids_beginning(part)
    if bounds is None:
        return []
    rows = yield Statement(
        "select id from grants where application_id = $1 and id >= $2 and id <= $3 order by id limit $4",
        (application_id, *bounds, limit),
    )
    return [str(row[0]) for row in rows]


def ids_beginning(part: str) -> tuple[str, str] | None:
    """The first and the last id that begin so: four digits or more. None if no id can."""
    if _BEGINNING.fullmatch(part) is None:
        return None
    rest = "00000000-0000-0000-0000-000000000000"[len(part) :]
    return part + rest, part + rest.replace("0", "f")


def find_mailbox(application_id: str, provider: ProviderName, keys: Sequence[str]) -> Steps[Grant | None]:
    """The grant that (application, provider, mailbox key) identifies.

    keys  the mailbox's key, then keys that an earlier release may have given it. If several exist, an earlier release
          made two grants of one mailbox: the better one is returned.
    """
    if len(keys) == 1:
        rows = yield Statement(
            f"select {COLUMNS} from grants where application_id = $1 and provider = $2 and mailbox_key = $3",
            (application_id, provider, keys[0]),
        )
    else:
        places = ", ".join(f"${n}" for n in range(3, len(keys) + 3))
        rows = yield Statement(
            f"""select {COLUMNS} from grants
                where application_id = $1 and provider = $2 and mailbox_key in ({places}) {_BEST}""",
            (application_id, provider, *keys),
        )
    return read(rows[0]) if rows else None


def find_mailbox_and_home(
    application_id: str, provider: ProviderName, keys: Sequence[str], domain: str
) -> Steps[tuple[Grant | None, str | None]]:
    """As `find_mailbox`; and the id of the workspace for new grants of that domain, None if there is none."""
    places = ", ".join(f"${n}" for n in range(4, len(keys) + 4))
    rows = yield Statement(
        f"""select ({workspaces.HOME.format("$1", "$2")}) as home, {COLUMNS.of("g")} from (select 1) one
            left join grants g on g.application_id = $1 and g.provider = $3 and g.mailbox_key in ({places})
            {_BEST if len(keys) > 1 else ""}""",
        (application_id, domain, provider, *keys),
    )
    home, *grant = rows[0]
    return (None if grant[0] is None else read(grant)), home


_BEST = "order by vouched desc, case status when 'valid' then 0 else 1 end, updated_at desc, id limit 1"
"""Among grants of one address: a vouched one first, then a valid one, then the one that authenticated last."""


def find_provider_email(application_id: str, provider: ProviderName, email: str) -> Steps[Grant | None]:
    """The best grant of a provider with that address, with any mailbox key."""
    condition, args = has_address(email, first=3)
    # `|| ''` stops SQLite from reading all grants of a provider by that index.
    rows = yield Statement(
        f"select {COLUMNS} from grants where application_id = $1 and provider || '' = $2 and {condition} {_BEST}",
        (application_id, provider, *args),
    )
    return read(rows[0]) if rows else None


def find_email(application_id: str, email: str, *, exact: bool) -> Steps[Grant | None]:
    """The best grant with that address: a vouched one, then a valid one, then the latest.

    exact  compare as given (virtual-calendar identifiers), not folded
    """
    condition, args = has_address(email, first=2)
    if exact:
        condition, args = "email_key = $2 and email = $3", (fold_case(email), email)
    rows = yield Statement(
        f"select {COLUMNS} from grants where application_id = $1 and {condition} {_BEST}", (application_id, *args)
    )
    return read(rows[0]) if rows else None


def has_address(email: str, *, first: int) -> tuple[str, tuple[str, ...]]:
    """A condition on `email_key` and its arguments, which begin at `$first`."""
    keys = foldings(email)
    if len(keys) == 1:
        return f"email_key = ${first}", keys
    places = ", ".join(f"${n}" for n in range(first, first + len(keys)))
    given = first + len(keys)
    # The identifier of a virtual calendar has one form only.
    return (
        f"email_key in ({places}) and (provider <> 'virtual-calendar' or email_key = ${given})",
        (*keys, fold_case(email)),
    )


def find_external(application_id: str, external_id: str) -> Steps[Grant | None]:
    rows = yield Statement(
        f"select {COLUMNS} from grants where application_id = $1 and external_id = $2", (application_id, external_id)
    )
    return read(rows[0]) if rows else None


def stays(grant: Grant, dialect: Dialect, *, alone: bool = False) -> Steps[bool]:
    """Whether the grant is there; if so, it is not deleted until this transaction ends.

    alone  other transactions that ask for it wait: for rows of the grant that are counted before one is added
    """
    lock = "for no key update" if alone else "for key share"
    rows = yield Statement(
        f"select id from grants where application_id = $1 and id = $2 {dialect.locks(lock)}",
        (grant.application_id, grant.id),
    )
    return bool(rows)


def hold_unchanged(grant: Grant) -> Steps[bool]:
    """Whether the grant is unchanged since it was read; if so, it stays unchanged until this transaction ends."""
    rows = yield Statement(
        "update grants set version = version where application_id = $1 and id = $2 and version = $3 returning id",
        (grant.application_id, grant.id, grant.version),
    )
    return bool(rows)


def set_aside(grant: Grant) -> Steps[bool]:
    """Free a grant's mailbox key for another account with that address. The grant keeps its id and its secret.

    False if the grant has changed since it was read.
    """
    rows = yield Statement(
        """update grants set mailbox_key = $4, version = version + 1
           where application_id = $1 and id = $2 and version = $3 returning id""",
        (grant.application_id, grant.id, grant.version, f"{ASIDE}{grant.id}"),
    )
    return bool(rows)


def block(application_id: str | None, grant_id: str, *, blocked: bool) -> Steps[Grant | None]:
    """Set or lift a block. application_id: None means any, for operators, who name a grant by id alone."""
    # The condition on application_id lets the primary key, which begins with it, serve.
    rows = yield Statement(
        f"""update grants set blocked = $2, version = version + 1
            where id = $1 and application_id in (select id from applications where id = coalesce($3, id))
            returning {COLUMNS}""",
        (grant_id, int(blocked), application_id),
    )
    return read(rows[0]) if rows else None


def delete(application_id: str, grant_id: str) -> Steps[Grant | None]:
    """Delete the row, all that is stored for it, and the tokens issued for it. The caller adds the event."""
    rows = yield Statement(
        f"delete from grants where application_id = $1 and id = $2 returning {COLUMNS}", (application_id, grant_id)
    )
    if not rows:
        return None
    yield from secrets.destroy(application_id, "grant", [grant_id])
    yield from rotations.forget_of(application_id, grant_id)
    yield from tokens.die_with(application_id, grant_id)
    yield from calendars.delete_of_grant(application_id, grant_id)
    yield from signatures.delete_of_grant(application_id, grant_id)
    yield from metadata.delete_of_grant(application_id, grant_id)
    yield from outgoing.delete_of_grant(application_id, grant_id)
    yield from watches.delete_of_grant(application_id, grant_id)
    return read(rows[0])


def account_in_use(gone: Grant) -> Steps[bool]:
    """Whether any application has a valid grant of the same account at the same provider.

    A consent belongs to the account, and applications may share a client: so this is the one query across applications.
    It compares addresses too, since not every grant knows its account's id.
    """
    # `|| ''`: see find_provider_email.
    alive = "g.application_id = a.id and g.provider || '' = $1 and g.status || '' = 'valid'"
    keys = foldings(gone.email)
    places = ", ".join(f"${n}" for n in range(3, len(keys) + 3))
    rows = yield Statement(
        f"""select 1 from applications a
            where exists (select 1 from grants g where {alive} and g.subject = $2)
               or exists (select 1 from grants g where {alive} and g.email_key in ({places}))
            limit 1""",
        (gone.provider, gone.subject, *keys),
    )
    return bool(rows)


def expire_some(
    application_id: str,
    *,
    using: Literal["connector_id", "credential_id"],
    id_: str,
    trouble: Trouble,
    limit: int,
    dialect: Dialect,
) -> Steps[Sequence[Grant]]:
    """Make up to `limit` valid grants of a connector or credential invalid; return them as stored now."""
    # In the order of the index: otherwise PostgreSQL looks for valid grants in the table, and each call passes all
    # grants that earlier calls ended. It sees no order in a column that equals a constant, hence `between`.
    # `for update` checks the status again after a concurrent write; READ COMMITTED does that for no other subquery.
    rows = yield Statement(
        f"""update grants set {_ENDED}, trouble = $4
            where application_id = $1 and id in (
                select id from grants where application_id = $1 and {using} = $2 and status between 'valid' and 'valid'
                order by status limit $3 {dialect.locks("for update")})
            returning {COLUMNS}""",
        (application_id, id_, limit, put_trouble(trouble)),
    )
    return [read(row) for row in rows]


def end(grant: Grant, trouble: Trouble) -> Steps[Grant | None]:
    """Make a valid grant invalid, if it is unchanged since it was read. Its secret stays.

    The new generation makes the result of a concurrent refresh void.
    """
    rows = yield Statement(
        f"""update grants set {_ENDED}, trouble = $4
            where application_id = $1 and id = $2 and version = $3 and status = 'valid' returning {COLUMNS}""",
        (grant.application_id, grant.id, grant.version, put_trouble(trouble)),
    )
    return read(rows[0]) if rows else None
