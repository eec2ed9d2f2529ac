"""Grants on the wire: what an answer shows, and the queries."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from opengrant.api.wire.fields import Answer, Model, OrNull, examples, text, trimmed
from opengrant.api.wire.pagination import Paging, Query
from opengrant.events.payloads import why
from opengrant.grants.refresh.live_token import Live
from opengrant.grants.refresh.source_health import Degraded, Shown
from opengrant.model import ENDS_AT, SECOND, ListedGrant, ProviderName, Trouble
from opengrant.model import Grant as GrantNoun
from opengrant.model.basics import ShownSettings


class GrantTrouble(Model):
    """Why a grant does not work: for a moment, or for good when its grant_status is invalid."""

    class_: Annotated[
        Literal["reconnect", "connector", "provider_down", "rate_limited", "bad_request", "unknown"],
        Field(alias="class"),
    ]
    """Who has to act. reconnect: the mailbox owner. connector: you, about client id, secret or tenant. bad_request:
    you, about the request. provider_down and rate_limited: no action is needed. unknown: the cause is not known."""
    reason: str
    """A stable word for programs: the pages of docs/providers list them."""
    provider_code: str
    """The provider's own word."""
    provider_text: str | None = None
    """The provider's own sentence."""
    remedy: str
    """What to do next, and who."""
    first_seen: int
    last_seen: int
    failures: int
    """In a row. 0: the grant itself has not failed, but its connector, credential or mail host."""
    suspected: bool
    """The provider has refused the credential once. It is asked again before the grant becomes invalid."""
    held: bool
    """Many grants fail the same way, so the connector is degraded. The grant stays valid, and is not checked until it
    recovers."""
    needs_attention: bool | None = None
    """true: it has failed for days (OPENGRANT_REFRESH__ATTENTION_AFTER) without a clear refusal. Read `provider_text`.
    The grant stays valid."""


class GrantDegraded(Model):
    """The degraded source of the grant: its credential or connector, or with a password its mail host."""

    since: int
    """Unix seconds since when it is degraded."""
    host: str | None = None
    """The mail host; absent when it is the credential or connector."""
    class_: Annotated[str, Field(alias="class")]
    """As in trouble."""
    reason: str
    provider_code: str | None = None
    remedy: str
    probe_at: int | None = None
    """Unix seconds when it is tried again."""


class GrantHealth(Model):
    """What is known about a grant's credential."""

    proven_at: int | None = None
    """Unix seconds when the provider last accepted it."""
    next_check_at: int | None = None
    """Unix seconds when it is refreshed or proven next; absent when there is nothing to check."""
    refreshes: int
    """How often its provider has accepted it again since it was last authenticated or in trouble."""
    refresh_token_expires_at: int | None = None
    """Unix seconds when the refresh token ends, whatever is done: the owner must sign in again before. Google names a
    time for apps in testing (seven days) and for access that was given for a time."""
    trouble: GrantTrouble | None = None
    """Stays until something succeeds. A grant that has none of its own has that of its source, while that is degraded
    or its provider wants a pause for it."""
    degraded: GrantDegraded | None = None
    """There while many grants of the same connector, credential or mail host fail the same way."""
    missing_scopes: list[str] | None = None
    """What was asked for, by the request or else by the connector, and was not granted; absent when there is nothing
    such. A scope that a granted one covers is not among them; nor is any where the provider does not tell."""


class LiveToken(Model):
    """An access token of the provider that works now."""

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 -- a kind, not a token
    expires_at: int
    """Unix seconds."""
    scope: list[str]

    @staticmethod
    def of(live: Live) -> Answer:
        return {
            "access_token": live.access_token.get_secret_value(),
            "token_type": "Bearer",
            "expires_at": live.expires_at // SECOND,
            "scope": live.scope,
        }


class TokenBody(Model):
    """Both are optional."""

    model_config = examples({"minimum_ttl": 300, "reason": "nightly sync"})
    minimum_ttl: Annotated[int, Field(ge=0, le=3000), OrNull] = 60
    """Seconds that the token shall last at least; it is renewed first if it would not."""
    reason: Annotated[str, Field(max_length=200)] | None = None
    """For the audit trail: what it is needed for."""


class Grant(Model):
    """One mailbox, proven. Optional fields are absent when unknown, never null."""

    id: str
    """Stays the same when the same mailbox comes again."""
    provider: ProviderName
    scope: list[str]
    """What the grant may do; Google in full URLs, others in short names."""
    grant_status: Literal["valid", "invalid"]
    """`invalid`: the owner must connect again."""
    email: str
    """The address; for virtual calendars the identifier."""
    settings: dict[str, Any]
    """Hosts, ports and user names where the provider has such; never a secret. Agent Accounts have
    `has_app_password`: whether IMAP and SMTP are open. `email_verified` is there, and false, where Microsoft does not
    confirm the address."""
    blocked: bool
    created_at: int
    """Unix seconds."""
    updated_at: int
    """Unix seconds of the last successful authentication."""
    name: str | None = None
    state: str | None = None
    provider_user_id: str | None = None
    credential_id: str | None = None
    """The connector credential in use."""
    workspace_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    email_aliases: list[str] | None = None
    """Other addresses of the mailbox, asked of Google or Microsoft just now; only with expose_aliases."""
    opengrant: GrantHealth
    """Our addition: proof of life, and the reason when something is wrong."""

    @staticmethod
    def of(grant: GrantNoun) -> Answer:
        return _grant(grant, grant.trouble, None)

    @staticmethod
    def shown(shown: Shown) -> Answer:
        """With the trouble of its source."""
        return _grant(shown.grant, shown.inherited or shown.grant.trouble, shown.degraded)


def _grant(grant: GrantNoun | ListedGrant, trouble: Trouble | None, degraded: Degraded | None) -> Answer:
    answer: Answer = {
        "id": grant.id,
        "provider": grant.provider,
        "scope": grant.scope,
        "grant_status": grant.status,
        "email": grant.email,
        "settings": grant.settings if ENDS_AT not in grant.settings else _without_end(grant.settings),
        "blocked": grant.blocked,
        "created_at": grant.created_at // SECOND,
        "updated_at": grant.updated_at // SECOND,
    }
    # A loop over names and values takes twice the time, and a list has up to 200 grants.
    if grant.name is not None:
        answer["name"] = grant.name
    if grant.state is not None:
        answer["state"] = grant.state
    if grant.user_id is not None:
        answer["provider_user_id"] = grant.user_id
    if grant.credential_id is not None:
        answer["credential_id"] = grant.credential_id
    if grant.workspace_id is not None:
        answer["workspace_id"] = grant.workspace_id
    if grant.ip is not None:
        answer["ip"] = grant.ip
    if grant.user_agent is not None:
        answer["user_agent"] = grant.user_agent
    answer["opengrant"] = _health(grant, trouble, degraded)
    return answer


def _without_end(settings: ShownSettings) -> ShownSettings:
    return {name: value for name, value in settings.items() if name != ENDS_AT}


def _health(grant: GrantNoun | ListedGrant, trouble: Trouble | None, degraded: Degraded | None) -> dict[str, Any]:
    health: dict[str, Any] = {}
    if grant.proven_at is not None:
        health["proven_at"] = grant.proven_at // SECOND
    if grant.due_at is not None:
        health["next_check_at"] = grant.due_at // SECOND
    health["refreshes"] = grant.refreshes
    if (ends_at := grant.settings.get(ENDS_AT)) is not None:
        health["refresh_token_expires_at"] = ends_at
    if trouble is not None:
        health["trouble"] = why(trouble)
        if grant.attention_at is not None:
            health["trouble"]["needs_attention"] = True
    if grant.missing_scopes:
        health["missing_scopes"] = grant.missing_scopes
    if degraded is not None:
        health["degraded"] = _degraded(degraded)
    return health


def _degraded(source: Degraded) -> dict[str, Any]:
    told = source.said
    found = {
        "since": source.since // SECOND,
        "host": source.host,
        "class": told["class"],
        "reason": told["reason"],
        "provider_code": told["code"] or None,
        "remedy": told["remedy"],
        "probe_at": None if source.probe_at is None else source.probe_at // SECOND,
    }
    return {name: value for name, value in found.items() if value is not None}


class GrantShow(Model):
    expose_aliases: bool = False
    """Also ask the provider for the mailbox's other addresses. Left out when it cannot tell."""


_WHOLE = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""Unix seconds up to the year 9999."""


_Filter = Annotated[str, trimmed(512)]


class GrantConditions(Model):
    """Which grants, and in which order."""

    sort_by: Literal["created_at", "updated_at"] = "created_at"
    """By which time."""
    order_by: Literal["asc", "desc"] = "desc"
    """`desc`: the newest first."""
    since: _WHOLE | None = None
    """Created at or after, in Unix seconds."""
    before: _WHOLE | None = None
    """Created at or before, in Unix seconds."""
    email: Annotated[str, text(512)] | None = None
    """Exact, whatever the case and the spelling of the domain."""
    email_prefix: Annotated[str, text(512)] | None = None
    """The beginning of the address, whatever the case. Ours; not in the vendor's wire."""
    email_contains: Annotated[str, text(512)] | None = None
    """Any part of the address, whatever the case. Ours, too."""
    troubled: bool | None = None
    """true: valid grants that are in trouble just now, be it that of their source; false: all the others. Ours, too."""
    trouble_class: (
        Literal["reconnect", "connector", "provider_down", "rate_limited", "bad_request", "unknown"] | None
    ) = None
    """Only grants whose trouble has this class: who has to act. Ours, too."""
    search: Annotated[str, text(512)] | None = None
    """Any part of the address, or the beginning of the id (four digits or more) or of your `external_id`. Ours, too."""
    grant_status: Literal["valid", "invalid"] | None = None
    """`invalid`: the owner must connect again."""
    status: Literal["valid", "invalid"] | None = None
    """The same as grant_status."""
    provider: Annotated[_Filter, WithJsonSchema({"type": "string", "enum": list(ProviderName)})] | None = None
    """Only this provider's."""
    ip: _Filter | None = None
    """From which address the owner signed in."""
    workspace_id: _Filter | None = None
    """Only those in this workspace."""
    connector_id: _Filter | None = None
    """A provider's name, or the id that events carry as integration_id."""
    account_id: _Filter | None = None
    """Of a product version that never ran here: matches nothing."""
    account_ids: _Filter | None = None
    """Likewise."""


class GrantQuery(Paging, Query, GrantConditions):
    """Which grants, in which order, and which part of them."""
