"""Grants: their rows, their live secrets and their events change together or not at all.

A grant is written by one of three scripts: `create` (nobody has this mailbox yet), `renew` (a later
verification of the same mailbox) and `change` (compare-and-swap on the version). Each returns None when the
world has moved on, and then nothing was written: the caller looks again. So it is when one raises Conflict: another
grant has the external id by now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from opengrant.model import Grant, GrantStatus, Micros, ProviderName, Sealed, Trouble, fold, fold_case, foldings
from opengrant.store import secrets
from opengrant.store.engine.columns import FLAG, PROVIDER, Columns
from opengrant.store.engine.json_columns import LIST, OBJECT, TROUBLE, put_trouble
from opengrant.store.engine.port import Dialect, Row, Statement, Steps
from opengrant.store.engine.writes import Arm, Head, one_by_one, together
from opengrant.store.events import events
from opengrant.store.events.events import Event
from opengrant.store.grants import rotations
from opengrant.store.grants.source_health import SOURCE
from opengrant.store.signin import tokens

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

ASIDE = "aside:"
"""Begins the mailbox key of a grant that was set aside; its id follows."""

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
# In an update $1 is the application, $2 the grant, and the rest begins at $3: connector_id, which both need again.
_CHANGES = "version = version + 1, " + ", ".join(f"{name} = ${n}" for n, name in enumerate((*_MUTABLE, "email_key"), 3))
# A refresh that is under way meanwhile must not put its older credential over a new one.
_NEW_GENERATION = "generation = generation + 1"
# A verification says nothing about a block, and about the workspace only where its request names one: what stands in
# the row stays, not what stood there when the grant was read.
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

# The connector and the credential are asked for in the statement that writes: a grant must not outlive what was
# deleted while the provider was thinking. PostgreSQL also locks them against a deletion that has not committed.
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


@dataclass(frozen=True, slots=True)
class Writing:
    """A grant to write, with what goes beside it in the same transaction.

    event  what to tell; None for a change that nobody outside can see
    live   the sealed credential; None for grants that have none, or keep theirs
    spent  digests of refresh tokens whose chain of rotations leads to `live`
    bare   destroy the credential that is stored; `live` is None then
    once   digest of the refresh token in `live`, where it dies with its first use
    """

    grant: Grant
    event: Event | None
    live: Sealed | None = None
    spent: tuple[str, ...] = ()
    bare: bool = False
    once: str | None = None


def create(writing: Writing, dialect: Dialect) -> Steps[Grant | None]:
    """Insert. None when the mailbox has a grant by now, or the connector or the credential is gone."""
    grant = writing.grant
    return (yield from _put(_CREATE, (*_when_new(grant), _email_key(grant)), writing, dialect))


def renew(writing: Writing, dialect: Dialect) -> Steps[Grant | None]:
    """Put a later verification into an existing grant, which stays blocked if it is.

    `workspace_id` None leaves the grant where it is by now. Returns the grant as it is after that;
    None when the grant was deleted, the connector or the credential is gone, or the stored secret was asked for
    later than this one: a slow loser changes nothing. So it is when the grant holds what `once` has become: the
    verification was overtaken by a refresh, and the grant is returned as that left it.
    """
    grant = writing.grant
    if writing.once is not None:
        if dialect is Dialect.POSTGRES:
            yield from _lock(grant)
        if (yield from rotations.spent_for(grant, writing.once)):
            return (yield from find(grant.application_id, grant.id))
    args = (grant.application_id, grant.id, *_when_renewed(grant), _email_key(grant))
    return (yield from _put(_RENEW, args, writing, dialect))


def change(writing: Writing, *, seen_version: int) -> Steps[Grant | None]:
    """Replace what may change, if nobody wrote since `seen_version` was read."""
    grant = writing.grant
    args = (grant.application_id, grant.id, *_when_changed(grant), _email_key(grant), seen_version)
    rows = yield Statement(CHANGE, args)
    if not rows:
        return None
    yield from one_by_one(_arms(writing))
    return _returned(grant, rows[0])


def _lock(grant: Grant) -> Steps[None]:
    """No refresh writes the grant from here on. The connector comes first, as for whoever deletes it."""
    connector = "select 1 from connectors where application_id = $1 and id = $2 for key share"
    yield Statement(connector, (grant.application_id, grant.connector_id))
    if grant.credential_id is not None:
        credential = "select 1 from credentials where application_id = $1 and id = $2 for key share"
        yield Statement(credential, (grant.application_id, grant.credential_id))
    yield Statement(
        "select 1 from grants where application_id = $1 and id = $2 for update", (grant.application_id, grant.id)
    )


def _email_key(grant: Grant) -> str:
    """An identifier of a virtual calendar is no address, even where it looks like one."""
    return fold_case(grant.email) if grant.provider is ProviderName.VIRTUAL_CALENDAR else fold(grant.email)


def _returned(grant: Grant, row: Row) -> Grant:
    created_at, version, workspace_id, blocked = row
    return replace(grant, created_at=created_at, version=version, workspace_id=workspace_id, blocked=bool(blocked))


def _put(head: Head, args: tuple[object, ...], writing: Writing, dialect: Dialect) -> Steps[Grant | None]:
    rows = yield from together(head, args, _arms(writing), dialect)
    return _returned(writing.grant, rows[0]) if rows else None


def _arms(writing: Writing) -> list[Arm]:
    """What is written beside the grant."""
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


def find_mailbox(application_id: str, provider: ProviderName, keys: Sequence[str]) -> Steps[Grant | None]:
    """The grant that (application, provider, mailbox key) identifies.

    keys  the mailbox's key, then those that an earlier release may have given it. Where several are taken, two grants
          of one mailbox are there from before: the better of them counts.
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


_BEST = "order by vouched desc, case status when 'valid' then 0 else 1 end, updated_at desc, id limit 1"
"""Among grants of one address: one whose address is vouched for, a valid one, the one that authenticated last."""


def find_provider_email(application_id: str, provider: ProviderName, email: str) -> Steps[Grant | None]:
    """The best grant of a provider with that address, whatever its mailbox key is made of."""
    condition, args = _has_address(email, first=3)
    # `|| ''` keeps SQLite from walking over all grants of a provider, whose index looks as good to it.
    rows = yield Statement(
        f"select {COLUMNS} from grants where application_id = $1 and provider || '' = $2 and {condition} {_BEST}",
        (application_id, provider, *args),
    )
    return read(rows[0]) if rows else None


def find_email(application_id: str, email: str, *, exact: bool) -> Steps[Grant | None]:
    """The best grant with that address: one whose address is vouched for, then a valid one, then the latest.

    exact  compare as given (virtual-calendar identifiers), not folded
    """
    condition, args = _has_address(email, first=2)
    if exact:
        condition, args = "email_key = $2 and email = $3", (fold_case(email), email)
    rows = yield Statement(
        f"select {COLUMNS} from grants where application_id = $1 and {condition} {_BEST}", (application_id, *args)
    )
    return read(rows[0]) if rows else None


def _has_address(email: str, *, first: int) -> tuple[str, tuple[str, ...]]:
    """A condition on `email_key` and its arguments, which begin at `$first`."""
    keys = foldings(email)
    if len(keys) == 1:
        return f"email_key = ${first}", keys
    places = ", ".join(f"${n}" for n in range(first, first + len(keys)))
    given = first + len(keys)
    # The identifier of a virtual calendar has one spelling.
    return (
        f"email_key in ({places}) and (provider <> 'virtual-calendar' or email_key = ${given})",
        (*keys, fold_case(email)),
    )


def find_external(application_id: str, external_id: str) -> Steps[Grant | None]:
    rows = yield Statement(
        f"select {COLUMNS} from grants where application_id = $1 and external_id = $2", (application_id, external_id)
    )
    return read(rows[0]) if rows else None


def hold_unchanged(grant: Grant) -> Steps[bool]:
    """Whether nobody wrote since it was read; then nobody does before this transaction ends."""
    rows = yield Statement(
        "update grants set version = version where application_id = $1 and id = $2 and version = $3 returning id",
        (grant.application_id, grant.id, grant.version),
    )
    return bool(rows)


def set_aside(grant: Grant) -> Steps[bool]:
    """Take a grant's mailbox key from it, for another account whose address it is; it keeps its id and its secret.

    False when somebody wrote since it was read.
    """
    rows = yield Statement(
        """update grants set mailbox_key = $4, version = version + 1
           where application_id = $1 and id = $2 and version = $3 returning id""",
        (grant.application_id, grant.id, grant.version, f"{ASIDE}{grant.id}"),
    )
    return bool(rows)


def block(application_id: str | None, grant_id: str, *, blocked: bool) -> Steps[Grant | None]:
    """Set or lift a block. An operator names grants by id alone: `application_id` None means any."""
    # Applications are named so that the primary key, which starts with them, can serve.
    rows = yield Statement(
        f"""update grants set blocked = $2, version = version + 1
            where id = $1 and application_id in (select id from applications where id = coalesce($3, id))
            returning {COLUMNS}""",
        (grant_id, int(blocked), application_id),
    )
    return read(rows[0]) if rows else None


@dataclass(frozen=True, slots=True)
class GrantFilters:
    """Which grants a listing holds; None means any. Times are inclusive."""

    email: str | None = None
    status: GrantStatus | None = None
    provider: str | None = None
    connector: str | None = None
    """A provider's name or a connector's internal id."""
    ip: str | None = None
    workspace_id: str | None = None
    since: Micros | None = None
    before: Micros | None = None
    email_prefix: str | None = None
    """How the address begins, whatever the case."""
    troubled: bool | None = None
    """Whether a grant is valid and yet in trouble, be it that of its source."""


Order = Literal["created_at", "updated_at"]
_TROUBLED = "status = 'valid' and trouble is not null"
_MERGED = 20
"""So many sources are each looked up by itself."""
_LAST = "\U0010ffff"
"""No address goes on with a character behind this one."""


def page(
    application_id: str,
    filters: GrantFilters,
    *,
    order: Order,
    descending: bool,
    limit: int,
    offset: int,
    dialect: Dialect,
    blamed: Sequence[str] = (),
) -> Steps[list[Grant]]:
    """A page in a total order (ties broken by id), so that pages neither repeat nor skip a row.

    However many grants there are, a page reads few of them. Where no single index serves, the matches of each filter
    are counted, up to FEW: either one has few, which are found in its index and sorted, or all have many, and grants
    are read in the order asked for until the page is full. SQLite keeps no statistics to decide that by, and those of
    PostgreSQL do not tell that two filters exclude each other.

    blamed  sources that are in trouble as a whole: only for `troubled`
    """
    args = list[Any]([application_id])
    if filters.troubled and blamed and (filters.provider or filters.connector):
        blamed = yield from _of_connector(application_id, blamed, filters, dialect)
    narrowing = _conditions(filters, args, blamed, dialect)
    direction = "desc" if descending else "asc"
    few, kept = None, [one.sql for one in narrowing]
    if filters.email is not None:
        few = narrowing[0]  # an address has a grant or two
    elif _must_count(narrowing, order):
        few = yield from _fewest(narrowing, args)
        if few is None and dialect is Dialect.SQLITE:
            kept = _for_walking(narrowing, order)

    where = " and ".join([*kept, *_others(filters, args, blamed, dialect)]) or "true"
    by = f"order by {order} {direction}, id {direction} limit ${len(args) + 1} offset ${len(args) + 2}"
    if few is not None:
        parts = (f"select * from grants where application_id = $1 and {part.sql}" for part in few.found_by)
        sql = f"with found as materialized ({' union all '.join(parts)}) select {COLUMNS} from found where {where} {by}"
    elif filters.email_prefix is not None and dialect is Dialect.POSTGRES:
        # `offset 0`: conditions stay outside, and out of sight of the index of addresses.
        walk = f"select * from grants where application_id = $1 order by {order} {direction}, id {direction} offset 0"
        sql = f"select {COLUMNS} from ({walk}) g where {where} {by}"
    else:
        sql = f"select {COLUMNS} from grants where application_id = $1 and {where} {by}"
    rows = yield Statement(sql, (*args, limit, offset))
    return [read(row) for row in rows]


FEW = 2000
"""As many grants are sorted without a thought. More matches than that are so dense that a page is soon full."""


class _Part(NamedTuple):
    """A condition that an index serves. bound: one that is counted in that index alone, and matches no less."""

    sql: str
    bound: str
    by: str = "created_at"


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition with an index of its own, or with parts that have one each.

    by     the column after which that index holds what matches; "" where there is no such index
    parts  what they match does not overlap, and is what the condition matches
    """

    sql: str
    by: str = "created_at"
    parts: tuple[_Part, ...] = ()

    @property
    def found_by(self) -> tuple[_Part, ...]:
        return self.parts or (_Part(self.sql, self.sql, self.by),)


def _conditions(filters: GrantFilters, args: list[Any], blamed: Sequence[str], dialect: Dialect) -> list[_Condition]:
    """The conditions that an index serves, those that find fewest first. Adds to `args`."""

    def placed(value: Any) -> str:
        args.append(value)
        return f"${len(args)}"

    narrowing = list[_Condition]()
    if filters.email is not None:
        condition, keys = _has_address(filters.email, first=len(args) + 1)
        args += keys
        narrowing.append(_Condition(condition, by="id"))
    if filters.email_prefix is not None:
        # A range of the index: on both engines, this column is in the order of its bytes. A domain's letters beyond
        # ASCII are found once the whole of it is typed.
        beginning = fold(filters.email_prefix)
        first, last = placed(beginning), placed(beginning + _LAST)
        narrowing.append(_Condition(f"email_key >= {first} and email_key < {last}", by="email_key"))
    if filters.ip is not None:
        narrowing.append(_Condition(f"ip = {placed(filters.ip)}"))
    if filters.troubled and len(blamed) <= _MERGED:
        narrowing.append(_troubled(blamed, [placed(source) for source in blamed], dialect))
    providers = [filters.provider]
    if filters.connector in set(ProviderName):
        providers.append(filters.connector)
    elif filters.connector is not None:
        narrowing.append(_Condition(f"connector_id = {placed(filters.connector)}", by="status"))
    narrowing += [_Condition(f"provider = {placed(one)}") for one in providers if one is not None]
    if filters.workspace_id is not None:
        narrowing.append(_Condition(f"workspace_id = {placed(filters.workspace_id)}"))
    if filters.status is not None:
        narrowing.append(_Condition(f"status = {placed(filters.status)}"))
    ends = [(">=", filters.since), ("<=", filters.before)]
    if times := [f"created_at {than} {placed(at)}" for than, at in ends if at is not None]:
        narrowing.append(_Condition(" and ".join(times)))
    return narrowing


def _others(filters: GrantFilters, args: list[Any], blamed: Sequence[str], dialect: Dialect) -> list[str]:
    """The conditions that no index serves. Adds to `args`."""
    if filters.troubled is None or (filters.troubled and len(blamed) <= _MERGED):
        return []
    first = len(args) + 1
    args += blamed
    troubled = _troubled(blamed, [f"${first + n}" for n in range(len(blamed))], dialect).sql
    return [troubled if filters.troubled else f"not ({troubled})"]


def _must_count(narrowing: list[_Condition], order: Order) -> bool:
    """Not where one index holds all that matches, and in the order asked for."""
    return len(narrowing) > 1 or any(one.by != order for one in narrowing)


def _fewest(conditions: list[_Condition], args: list[Any]) -> Steps[_Condition | None]:
    """The condition that the fewest grants match; None when each matches more than FEW."""
    # In the order of the index, or else PostgreSQL may look for matches in the table.
    counts = ", ".join(
        " + ".join(
            f"""(select count(*) from (select 1 from grants where application_id = $1 and {part.bound}
                                       order by {part.by} limit {FEW + 1}) n)"""
            for part in one.found_by
        )
        for one in conditions
    )
    rows = yield Statement(f"select {counts}", tuple(args))
    found, fewest = min(zip(rows[0], conditions, strict=True), key=itemgetter(0))
    return fewest if found <= FEW else None


def _for_walking(narrowing: list[_Condition], order: Order) -> list[str]:
    """The conditions, with all but one index hidden from SQLite: the one that holds grants in the order asked for.

    A `+` before a condition does that.
    """
    seen = next((one for one in narrowing if one.by == order), None)
    return [one.sql if one is seen else f"+({one.sql})" for one in narrowing]


def _of_connector(
    application_id: str, blamed: Sequence[str], filters: GrantFilters, dialect: Dialect
) -> Steps[list[str]]:
    """Those sources whose grants are of the provider and connector asked for: a source belongs to one connector.

    A troubled source with many grants would else be read to its end for a connector that has none of them.
    """
    firsts = " union all ".join(
        f"""select * from (select ${n} as source, provider, connector_id from grants
                           where application_id = $1 and {SOURCE[dialect]} = ${n} and status = 'valid' limit 1) s{n}"""
        for n in range(2, len(blamed) + 2)
    )
    rows = yield Statement(firsts, (application_id, *blamed))
    return [
        source
        for source, provider, connector in rows
        if filters.provider in (None, provider) and filters.connector in (None, provider, connector)
    ]


def _troubled(blamed: Sequence[str], places: Sequence[str], dialect: Dialect) -> _Condition:
    """Valid grants that have a trouble, or whose source has one. places: where the names in `blamed` stand."""
    if not blamed:
        return _Condition(_TROUBLED)
    source = SOURCE[dialect]
    # `|| ''`: for an `or` of two indexes SQLite would sort what it finds.
    either = f"status = 'valid' and (trouble is not null or {source} || '' in ({', '.join(places)}))"
    parts = [_Part(_TROUBLED, _TROUBLED)]
    for place in places:
        of_source = f"{source} = {place} and status = 'valid'"
        parts.append(_Part(f"{of_source} and trouble is null", of_source))
    return _Condition(either, by="", parts=tuple(parts))


def delete(application_id: str, grant_id: str) -> Steps[Grant | None]:
    """The row, its secrets, the trace of its rotations and the tokens handed out for it go; the event is the
    caller's to add."""
    rows = yield Statement(
        f"delete from grants where application_id = $1 and id = $2 returning {COLUMNS}", (application_id, grant_id)
    )
    if not rows:
        return None
    yield from secrets.destroy(application_id, "grant", [grant_id])
    yield from rotations.forget_of(application_id, grant_id)
    yield from tokens.die_with(application_id, grant_id)
    return read(rows[0])


def account_in_use(gone: Grant) -> Steps[bool]:
    """Whether a valid grant, of whatever application, is of the same account at the same provider.

    A consent is the account's, and applications may share a client: this is the one question that is asked across
    them. By address too, since not every grant knows its account's id.
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
    """Up to `limit` valid grants of a connector or credential become invalid; returns them as they are now."""
    # In the order of the index: PostgreSQL would look for valid grants in the table, and pass by all that it has just
    # ended, time after time. It sees no order in what equals a constant, hence `between`.
    # Locked: the status is checked again after a concurrent write, which READ COMMITTED does for no other subquery.
    locking = "for update" if dialect is Dialect.POSTGRES else ""
    rows = yield Statement(
        f"""update grants set {_ENDED}, trouble = $4
            where application_id = $1 and id in (
                select id from grants where application_id = $1 and {using} = $2 and status between 'valid' and 'valid'
                order by status limit $3 {locking})
            returning {COLUMNS}""",
        (application_id, id_, limit, put_trouble(trouble)),
    )
    return [read(row) for row in rows]


def end(grant: Grant, trouble: Trouble) -> Steps[Grant | None]:
    """A valid grant becomes invalid, if nobody wrote since it was read; its secret stays.

    What a refresh that is under way brings is of an older generation from here on, and counts for nothing.
    """
    rows = yield Statement(
        f"""update grants set {_ENDED}, trouble = $4
            where application_id = $1 and id = $2 and version = $3 and status = 'valid' returning {COLUMNS}""",
        (grant.application_id, grant.id, grant.version, put_trouble(trouble)),
    )
    return read(rows[0]) if rows else None
