"""How many grants of a source the clock may take at once: store/grants/refreshing.py, on both engines."""

import asyncio
import uuid

import pytest
from pydantic import SecretStr

from opengrant.connectors.connectors import ConnectorFields
from opengrant.model import SECOND, ProviderName
from opengrant.store.grants import refreshing
from opengrant.store.grants.paces import Rates
from opengrant.store.operations import overview
from tests.grants.house import House
from tests.logins import connecting
from tests.support import secret

PLENTY = 1000.0


@pytest.mark.parametrize(
    ("rates", "taken"),
    [
        (Rates(0.5, PLENTY), [1, 0, 1, 0, 1]),
        (Rates(PLENTY, 0.5), [1, 0, 1, 0, 1]),
        (Rates(0.25, PLENTY), [1, 0, 0, 0, 1]),
        (Rates(1, PLENTY), [1, 1, 1, 1, 1]),
        (Rates(3, PLENTY), [3, 3, 3, 1, 0]),
    ],
)
def test_a_budget_below_one_a_second_renews_one_in_some_seconds(
    built: House, loop: asyncio.AbstractEventLoop, rates: Rates, taken: list[int]
) -> None:
    built.provider.reset()
    built.provider.parks = False

    async def take() -> list[int]:
        app = await built.tenant()
        draft = ConnectorFields(client_id="id", client_secret=SecretStr("secret"), scope=("openid", "email", "profile"))
        await built.connectors.create(app, ProviderName.GOOGLE, draft)
        for number in range(10):
            token = secret("root")
            built.provider.consented(token, email=f"{number}@example.com", scope="openid email profile")
            ask = connecting(ProviderName.GOOGLE, {"refresh_token": SecretStr(token)})
            await built.nodes[0].connect.custom(app, ask)
        start = built.clock() + 86_400 * SECOND
        await built.rows("delete from paces")
        assert await built.db.read(overview.overdue(at=start)) == 10
        (source,) = [
            one for one in await built.db.read(refreshing.due_sources(at=start)) if one.application_id == app.id
        ]
        found = []
        for second in range(len(taken)):
            at = start + second * SECOND
            claim = refreshing.claim(
                source,
                str(uuid.uuid4()),
                at=at,
                until=at + 600 * SECOND,
                limit=50,
                rates=rates,
                probe_again=at,
                dialect=built.db.dialect,
            )
            found.append(len(await built.db.write(claim)))
        await built.rest(app)
        return found

    assert loop.run_until_complete(take()) == taken
