"""Answers: what is written fast says what the published shapes say."""

import dataclasses
import datetime
import enum
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from pydantic_core import from_json, to_json

from opengrant.api.http import responses
from opengrant.api.wire import grants as wire
from opengrant.grants.refresh.source_health import Degraded, Shown
from opengrant.model import ENDS_AT, SECOND, Grant, GrantStatus, ProviderName, Trouble
from opengrant.store.engine.port import Row
from opengrant.store.grants.grants import COLUMNS, LISTED

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20) | st.just("null")
TIMES = st.integers(0, 2**53)
KINDS = get_args(wire.GrantTrouble.model_fields["class_"].annotation)
TROUBLES = st.builds(
    Trouble,
    kind=st.sampled_from(KINDS),
    first_seen=TIMES,
    last_seen=TIMES,
    retry_at=st.none() | TIMES,
    **dict.fromkeys(("reason", "code", "remedy", "text"), TEXTS),
    **dict.fromkeys(("suspected", "held"), st.booleans()),
    failures=st.integers(0, 99),
)
MAYBE = st.none() | TEXTS
GRANTS = st.builds(
    Grant,
    provider=st.sampled_from(ProviderName),
    status=st.sampled_from(get_args(GrantStatus)),
    scope=st.lists(TEXTS, max_size=3).map(tuple),
    settings=st.dictionaries(TEXTS | st.just("imap_host"), TEXTS | st.integers(0, 2**53) | st.booleans(), max_size=3)
    | st.just({ENDS_AT: 1_790_000_000}),
    trouble=st.none() | TROUBLES,
    missing_scopes=st.lists(TEXTS, max_size=2).map(tuple),
    **dict.fromkeys(("id", "email"), TEXTS),
    **dict.fromkeys(("created_at", "updated_at", "refreshes"), TIMES),
    **dict.fromkeys(("proven_at", "due_at", "attention_at"), st.none() | TIMES),
    **dict.fromkeys(("user_id", "name", "state", "credential_id", "workspace_id", "ip", "user_agent"), MAYBE),
    blocked=st.booleans(),
)
SOURCES = st.builds(
    Degraded,
    since=TIMES,
    host=MAYBE,
    said=st.fixed_dictionaries(dict.fromkeys(("class", "reason", "code", "remedy"), TEXTS)),
    probe_at=st.none() | TIMES,
)


def listed(grant: Grant) -> Row:
    """The row of a list, of a grant that was stored."""
    stored = dict(zip(COLUMNS.names, COLUMNS.write(grant), strict=True))
    return [stored[name] for name in LISTED.names]


def reference(grant: Grant, trouble: Trouble | None, degraded: Degraded | None) -> wire.Grant:
    """The published shape, field by field."""

    def seconds(at: int | None) -> int | None:
        return None if at is None else at // SECOND

    shown_trouble = None
    if trouble is not None:
        shown_trouble = {
            "class": trouble.kind,
            "reason": trouble.reason,
            "provider_code": trouble.code,
            "provider_text": trouble.text or None,
            "remedy": trouble.remedy,
            "first_seen": seconds(trouble.first_seen),
            "last_seen": seconds(trouble.last_seen),
            "failures": trouble.failures,
            "suspected": trouble.suspected,
            "held": trouble.held,
            "needs_attention": True if grant.attention_at is not None else None,
        }
    shown_source = None
    if degraded is not None:
        said = degraded.said
        shown_source = {
            "since": seconds(degraded.since),
            "host": degraded.host,
            "class": said["class"],
            "reason": said["reason"],
            "provider_code": said["code"] or None,
            "remedy": said["remedy"],
            "probe_at": seconds(degraded.probe_at),
        }
    health = {
        "proven_at": seconds(grant.proven_at),
        "next_check_at": seconds(grant.due_at),
        "refreshes": grant.refreshes,
        "refresh_token_expires_at": grant.settings.get(ENDS_AT),
        "trouble": shown_trouble,
        "degraded": shown_source,
        "missing_scopes": list(grant.missing_scopes) or None,
    }
    return wire.Grant(
        id=grant.id,
        provider=grant.provider,
        scope=list(grant.scope),
        grant_status=grant.status,
        email=grant.email,
        settings={name: value for name, value in grant.settings.items() if name != ENDS_AT},
        blocked=grant.blocked,
        created_at=grant.created_at // SECOND,
        updated_at=grant.updated_at // SECOND,
        name=grant.name,
        state=grant.state,
        provider_user_id=grant.user_id,
        credential_id=grant.credential_id,
        workspace_id=grant.workspace_id,
        ip=grant.ip,
        user_agent=grant.user_agent,
        opengrant=wire.GrantHealth.model_validate(health),
    )


@given(GRANTS, st.none() | TROUBLES, st.none() | SOURCES)
def test_a_list_says_of_a_grant_what_the_published_shape_says(
    grant: Grant, of_source: Trouble | None, degraded: Degraded | None
) -> None:
    shown = Shown(LISTED.read(listed(grant)), of_source, degraded)
    body = responses.page("id", [wire.Grant.shown(shown)], limit=1, offset=0)
    expected = to_json(reference(grant, of_source or grant.trouble, degraded), exclude_none=True, by_alias=True)
    assert from_json(body) == {"request_id": "id", "data": [from_json(expected)], "limit": 1, "offset": 0}


@given(GRANTS)
def test_a_grant_alone_looks_as_it_does_in_a_list(grant: Grant) -> None:
    alone, in_a_list = Shown(COLUMNS.read(COLUMNS.write(grant))), Shown(LISTED.read(listed(grant)))
    assert list(wire.Grant.shown(alone).items()) == list(wire.Grant.shown(in_a_list).items())
    assert alone.grant.blames == in_a_list.grant.blames


class Word(enum.StrEnum):
    ONE = "one"


@dataclasses.dataclass
class Pair:
    a: int
    b: None = None


VALUES = st.recursive(
    st.none()
    | TEXTS
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([Word.ONE, SecretStr("x"), datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), Pair(1), {"a"}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_an_answer_is_written_byte_by_byte_as_pydantic_writes_it(answer: dict[str, Any]) -> None:
    assert responses.encode(answer) == to_json(answer, exclude_none=True)
