"""Revocations: what bounds them when a provider never answers."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.grants import revocations
from opengrant.grants.revocations import Revocations
from opengrant.model import Grant, ProviderName, Sealed
from opengrant.vault import Keyring, MasterKey, Owner, Vault

VAULT = Vault(Keyring([MasterKey("1", bytes(range(32)))]))
GONE = Grant(
    *("grant", "app", ProviderName.GOOGLE, "connector", "a@example.com", "a@example.com", "valid"),
    *((), {}, 0, 0, 0, 1),
)


class Alone:
    """A store in which the account has no other grant."""

    async def read(self, steps: Any) -> bool:
        return False


class Silent:
    """A provider that never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)

    async def revoke(self, token: SecretStr) -> bool:
        self.asked.release()
        await asyncio.Event().wait()
        return True


def made() -> tuple[Revocations, Silent, Sealed]:
    provider = Silent()
    live = VAULT.seal(b'{"refresh_token": "rt", "access_token": "at"}', Owner("app", "grant", "grant", "live"))
    db: Any = Alone()
    return Revocations(db=db, vault=VAULT, providers={ProviderName.GOOGLE: provider}), provider, live


async def test_an_orderly_end_does_not_wait_for_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "_GRACE", 0)
    many, provider, live = made()
    for _ in range(10):
        many.begin(GONE, live)
    await provider.asked.acquire()
    await many.close()
    await many.idle()


async def test_one_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "_DEADLINE", 0.01)
    one, _, live = made()
    one.begin(GONE, live)
    await one.idle()


async def test_no_more_wait_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "_AT_MOST", 2)
    monkeypatch.setattr(revocations, "_GRACE", 0)
    many, _, live = made()
    for _ in range(10):
        many.begin(GONE, live)
    assert len(many._under_way) == 2
    await many.close()


async def test_a_secret_that_does_not_open_is_nobodys_problem() -> None:
    one, provider, live = made()
    one.begin(GONE, replace(live, data=live.data[:-1]))
    await one.idle()
    assert provider.asked.locked()
