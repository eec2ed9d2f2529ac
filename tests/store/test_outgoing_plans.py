"""What a query of messages that are sent later reads does not grow with their number, on either engine.

As tests/store/test_event_plans.py does it. Of 20,000 messages of 1,000 grants half are closed, and ten are due.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from opengrant.store.engine.port import Dialect
from opengrant.store.mail import outgoing
from opengrant.store.mail.outgoing import Claim
from tests.peers.postgres import Postgres
from tests.store.filled import filled_with
from tests.store.test_event_plans import slow
from tests.store.test_plans import Filled

MANY = 20_000
START = 1_700_000_000_000_000
READ = 100

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILL = f"""
    insert into outgoing (application_id, grant_id, id, message_id, host, size, state, send_at, run_at, attempts,
                          created_at)
    select 'app', 'g' || (n % 1000), 'm' || n, '<m>', 'h' || (n % 3), 1000,
           case when n % 2 = 0 then 'pending' else 'success' end, {START} + n, {START} + n, 0, {START}
    from numbers"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(Dialect))
async def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Filled]:
    directory = tmp_path_factory.mktemp("outgoing-plans")
    async with filled_with((FILL,), request.param, directory, postgres, many=MANY, tables=("outgoing",)) as filled:
        yield filled


async def test_what_is_due_what_a_grant_has_and_what_is_swept_is_found_by_an_index(filled: Filled) -> None:
    busy = Claim("o", START + 20, START + 300, but_grants={"g2", "g4"}, but_hosts={"h1"}, largest=2000)
    wrong = list[str]()
    for steps in (
        outgoing.any_due(at=START + 20),
        outgoing.claim(busy, filled.dialect),
        outgoing.of_grant("app", "g7", limit=READ),
        outgoing.find("app", "g7", "m1007"),
        outgoing.cancel("app", "g7", "m1007", "no", at=START),
        outgoing.forget_closed("app", sent_before=START + MANY, limit=READ // 4),
        outgoing.delete_of_grant("app", "g7"),
    ):
        wrong += await slow(filled, steps, READ)
    assert not wrong, f"{len(wrong)}, such as {wrong[0]}"


async def test_what_waits_is_counted_in_an_index(filled: Filled) -> None:
    wrong = await slow(filled, outgoing.waiting("app", "g8"), MANY)
    assert not wrong, f"{len(wrong)}, such as {wrong[0]}"
