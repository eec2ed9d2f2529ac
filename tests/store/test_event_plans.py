"""What a page of the audit trail or of deliveries reads does not grow with their number, on either engine.

As tests/store/test_plans.py does it for grants. Of 100,000 entries the ten oldest are connector checks of the command
line; all others are by two API keys, each of which does one thing. One webhook took all but its ten oldest and ten
newest deliveries; the other took none.
"""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from opengrant.store.engine.port import Dialect, Steps
from opengrant.store.events import audit, deliveries
from opengrant.store.events.audit import AuditFilters, AuditPosition
from opengrant.store.events.deliveries import STATES, DeliveryFilters
from opengrant.store.operations import clock_steps, overview
from tests.peers.postgres import Postgres
from tests.store.filled import filled_with
from tests.store.test_plans import Filled

MANY = 100_000
START = 1_700_000_000_000_000
LIMIT = 50
READ = 10 * LIMIT
"""Rows that a statement may read: a page of each type of an actor, or of each state at each webhook."""
TABLES = ("events", "deliveries")

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENTS = f"""
    insert into events (application_id, id, type, grant_id, payload, created_at, actor)
    select 'app', 'e' || n,
           case when n <= 10 then 'connector.tested' when n % 3 = 0 then 'grant.created' else 'grant.token_read' end,
           'g' || (n % 5000), '{{}}', {START} + n,
           case when n <= 10 then 'cli:root' when n % 3 = 0 then 'key:a' else 'key:b' end
    from numbers"""
DELIVERIES = f"""
    insert into deliveries (application_id, webhook_id, event_id, type, subject, payload, created_at, queued_at, due_at,
                            state, attempts, ended_at)
    select 'app', case when n % 2 = 0 then 'w-good' else 'w-bad' end, 'e' || (n / 2), 'grant.created', '', '{{}}', 1, 1,
           9000000000000000,
           case when n % 2 = 1 or n <= 20 then 'failed' when n > {MANY - 20} then 'pending' else 'delivered' end, 1, 1
    from numbers"""
WEBHOOKS = """
    insert into webhooks (application_id, id, url, triggers, emails, compressed, status, status_updated_at, created_at,
                          updated_at)
    select 'app', id, 'x', '[]', '[]', 0, 'active', 1, 1, 1 from (select 'w-good' as id union all select 'w-bad') w
"""
APPLICATION = "insert into applications (id, name, created_at) values ('app', 'app', 1)"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(Dialect))
async def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Filled]:
    async with filled_with(
        (APPLICATION, WEBHOOKS, EVENTS, DELIVERIES),
        request.param,
        tmp_path_factory.mktemp("event-plans"),
        postgres,
        many=MANY,
        tables=TABLES,
        aliases=("d",),
    ) as filled:
        yield filled


async def slow(filled: Filled, steps: Steps[Any], most: int = READ) -> list[str]:
    return [
        f"{work.read} read, {work.walked} walked, {work.sorted} sorted, scans {work.scans}: {work.sql}\n{work.plan}"
        for work in await filled.drive(steps)
        # A partial index of what is pending may be read as a whole.
        if [scan for scan in work.scans if " USING INDEX " not in scan]
        or max(work.read, work.walked, work.sorted) > most
    ]


async def test_a_page_of_the_audit_trail_reads_few_entries(filled: Filled) -> None:
    wrong = list[str]()
    for type_, actor, grant_id, before, after in itertools.product(
        (None, "grant.created", "connector.tested", "grant.blocked"),
        (None, "key:b", "cli:root", "cli:stranger"),
        (None, "g7", "gone"),
        (None, START + MANY // 2),
        (None, AuditPosition(START + MANY // 2, "e")),
    ):
        filters = AuditFilters(type=type_, actor=actor, grant_id=grant_id, before=before)
        found = await slow(filled, audit.page("app", filters, after=after, limit=LIMIT))
        wrong += [f"{filters} {after}: {one}" for one in found]
    assert not wrong, f"{len(wrong)}, such as {wrong[0]}"


async def test_a_page_of_deliveries_reads_few_of_them(filled: Filled) -> None:
    wrong = list[str]()
    for webhook, state, event, before in itertools.product(
        (None, "w-good", "w-bad"), (None, *STATES), (None, "e500"), (None, MANY // 2)
    ):
        filters = DeliveryFilters(webhook, state, event, before)
        wrong += [f"{filters}: {one}" for one in await slow(filled, deliveries.page("app", filters, limit=LIMIT))]
    assert not wrong, f"{len(wrong)}, such as {wrong[0]}"


async def test_backlogs_and_sweeps_read_few_rows(filled: Filled) -> None:
    wrong = list[str]()
    for steps in (
        deliveries.oldest_pending(),
        deliveries.due(at=START),
        deliveries.forget("app", ended_before=0, limit=LIMIT),
        deliveries.forget("app", ended_before=START, limit=LIMIT),
        deliveries.forget_all_of("app", "w-bad", limit=LIMIT),
        deliveries.replay_failed("app", "w-good", ended_before=START, at=START, limit=LIMIT),
        clock_steps.count(at=START),
        audit.forget_before("app", cutoff=0, limit=LIMIT),
        audit.forget_before("app", cutoff=START + MANY, limit=LIMIT),
    ):
        wrong += await slow(filled, steps)
    wrong += await slow(filled, deliveries.pending(), deliveries.MOST_PENDING)
    for webhook in ("w-good", "w-bad"):
        wrong += await slow(filled, overview.backlog("app", webhook), 3 * overview.MOST)
    assert not wrong, f"{len(wrong)}, such as {wrong[0]}"
