"""Who comes late, because its process stood still for longer than its lease, takes nothing from who went on."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.connectors import connectors
from opengrant.model import Application, CustomConnect, Grant, ProviderName
from opengrant.store import secrets
from opengrant.store.grants import grants
from opengrant.vault import Owner
from tests.grants.house import House, Parked, SlowOAuth
from tests.logins import connecting
from tests.support import secret


@pytest.fixture
def house(built: House, slow_provider: SlowOAuth) -> Iterator[House]:
    slow_provider.reset()
    yield built
    slow_provider.parks = True


@pytest.fixture
def app(house: House, loop: asyncio.AbstractEventLoop) -> Iterator[Application]:
    made = loop.run_until_complete(house.tenant())
    draft = connectors.ConnectorFields(client_id="client", client_secret=SecretStr(secret("client")))
    loop.run_until_complete(house.connectors.create(made, ProviderName.ZOOM, draft))
    yield made
    loop.run_until_complete(house.rest(made))


async def parked(house: House, endpoint: str) -> Parked:
    async with asyncio.timeout(60):
        while not (found := [one for one in house.provider.parked if one.seen.endpoint == endpoint]):  # noqa: ASYNC110 -- of another thread
            await asyncio.sleep(0.01)
    return found[0]


async def live(house: House, grant: Grant) -> str:
    sealed = await house.db.read(secrets.find(grant.application_id, "grant", grant.id, "live"))
    assert sealed is not None
    held = house.vault.open(sealed, Owner(grant.application_id, "grant", grant.id, "live"))
    return str(from_json(held)["refresh_token"])


def by_connecting(house: House, app: Application, _: Grant, ask: CustomConnect) -> "asyncio.Task[Grant]":
    return asyncio.create_task(house.nodes[0].connect.custom(app, ask))


def by_name(house: House, app: Application, grant: Grant, ask: CustomConnect) -> "asyncio.Task[Grant]":
    return asyncio.create_task(house.nodes[0].connect.renew(app, grant, ask))


@pytest.mark.parametrize("sending", [by_connecting, by_name])
def test_a_late_verification_does_not_put_a_spent_token_over_its_successor(
    house: House,
    app: Application,
    loop: asyncio.AbstractEventLoop,
    sending: Callable[[House, Application, Grant, CustomConnect], "asyncio.Task[Grant]"],
) -> None:
    async def story() -> None:
        provider, token = house.provider, secret("root")
        provider.accepts(token, email="ana@example.com", scope="user:read:user", single_use=True)
        ask = connecting(ProviderName.ZOOM, {"refresh_token": SecretStr(token)})
        provider.parks = False
        grant = await house.nodes[0].connect.custom(app, ask)
        provider.parks = True
        late = sending(house, app, grant, ask)
        provider.let_arrive(await parked(house, "token"))
        me = await parked(house, "me")
        provider.parks = False
        house.clock.move(3600)  # its leases run out, and the grant is due
        assert (await house.nodes[1].refresh.checks.check(app, grant.id)).trouble is None
        newest = await live(house, grant)
        provider.let_arrive(me)
        assert (await late).id == grant.id
        assert await live(house, grant) == newest
        assert newest in provider.accounts
        house.clock.move(3600)
        assert (await house.nodes[1].refresh.checks.check(app, grant.id)).trouble is None
        current = await house.db.read(grants.find(app.id, grant.id))
        assert current is not None
        assert current.status == "valid"

    loop.run_until_complete(story())
