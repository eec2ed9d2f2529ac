"""grants/spool.py: what a provider gave while the database took nothing, with real refreshes."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from opengrant.connectors.connectors import ConnectorFields
from opengrant.errors import StoreUnavailable
from opengrant.grants import spool
from opengrant.model import Application, Grant, ProviderName
from opengrant.store.engine.port import Steps
from opengrant.store.grants import grants
from tests.grants.house import House, SlowOAuth, house
from tests.logins import connecting
from tests.support import secret, set_in_refresh


class Away:
    """A database that takes nothing while `gone` says so, as on a full disk."""

    def __init__(self, db: Any, gone: Callable[[], bool]) -> None:
        self._db, self._gone = db, gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    async def write(self, steps: Steps[Any]) -> Any:
        if self._gone():
            steps.close()
            raise StoreUnavailable("The disk is full.")
        return await self._db.write(steps)


@pytest.fixture
async def home(tmp_path: Path, slow_provider: SlowOAuth, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(spool, "_WRITES_AGAIN", ())
    slow_provider.reset()
    slow_provider.parks = False
    async with house(None, tmp_path, slow_provider) as built:
        yield built


async def zoom(home: House) -> tuple[Application, Grant]:
    """A grant whose refresh token dies when it is spent."""
    app = await home.tenant()
    draft = ConnectorFields(client_id="id", client_secret=SecretStr("secret"), scope=("user:read:user",))
    await home.connectors.create(app, ProviderName.ZOOM, draft)
    token = secret("root")
    home.provider.consented(token, email="ana@example.com", scope="user:read:user", single_use=True)
    ask = connecting(ProviderName.ZOOM, {"refresh_token": SecretStr(token)})
    return app, await home.nodes[0].connect.custom(app, ask)


async def found(home: House, app: Application, grant: Grant) -> Grant:
    now = await home.db.read(grants.find(app.id, grant.id))
    assert now is not None
    return now


async def refreshed_while_gone(home: House, app: Application, grant: Grant) -> None:
    """The provider gives a new token, and from then on the database takes nothing."""
    node, asked = home.nodes[0], home.provider.count("token")
    set_in_refresh(node.refresh, db=Away(home.db, lambda: home.provider.count("token") > asked))
    with pytest.raises(StoreUnavailable):
        await node.refresh.checks.check(app, grant.id)


async def test_a_token_that_neither_database_nor_disk_takes_waits_in_memory(home: House, tmp_path: Path) -> None:
    app, grant = await zoom(home)
    (tmp_path / "unwritten-0").touch()  # nothing can be put there
    node = home.nodes[0]
    with capture_logs() as logged:
        await refreshed_while_gone(home, app, grant)
        await node.refresh.drain()
    errors = [line["event"] for line in logged if line["log_level"] == "error"]
    assert errors == ["spool_not_written", "refresh_spooled", "refresh_lost"]
    set_in_refresh(node.refresh, db=home.db)
    assert await node.refresh.pending.replay() == 1
    (tmp_path / "unwritten-0").unlink()
    assert (node.refresh.pending.spool.held, await node.refresh.pending.replay()) == ([], 0)
    home.clock.move(60)
    after = await node.refresh.checks.check(app, grant.id)
    assert (after.status, after.trouble, after.generation) == ("valid", None, grant.generation + 2)


async def test_what_waits_in_memory_goes_to_the_disk_when_there_is_room(home: House, tmp_path: Path) -> None:
    app, grant = await zoom(home)
    (tmp_path / "unwritten-0").touch()
    refresh = home.nodes[0].refresh
    await refreshed_while_gone(home, app, grant)
    (tmp_path / "unwritten-0").unlink()
    with pytest.raises(StoreUnavailable):
        await refresh.pending.replay()
    assert (refresh.pending.spool.held, len(list((tmp_path / "unwritten-0").glob("*.json")))) == ([], 1)


async def test_a_file_that_makes_no_sense_is_set_aside_and_holds_up_nothing(home: House, tmp_path: Path) -> None:
    app, grant = await zoom(home)
    await refreshed_while_gone(home, app, grant)
    directory, node = tmp_path / "unwritten-0", home.nodes[0]
    (good,) = directory.glob("*.json")
    strange = good.read_text().replace(f'"{app.id}"', "[]")  # parses, and no database takes it
    for name, text in (
        ("a", "{"),
        ("b", '{"application_id": "x"}'),
        ("c", good.read_text()),
        (f"{grant.id}-9", strange),
    ):
        generation = f'"generation":{grant.generation}'
        (directory / f"{name}.json").write_text(text.replace(generation, '"generation":9'))
    (directory / "d.json").mkdir()  # cannot be read at all
    set_in_refresh(node.refresh, db=home.db)
    assert await node.refresh.pending.replay() == 1
    bad = {path.stem for path in directory.iterdir() if path.suffix == ".bad"}
    assert (bad, list(directory.glob("*.json"))) == ({"a", "b", "c", "d", f"{grant.id}-9"}, [])
    assert (await found(home, app, grant)).generation == grant.generation + 1
