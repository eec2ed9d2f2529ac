"""Agent Accounts: what an app password must be, and that only its hash leaves this file."""

import asyncio

import bcrypt
import pytest
from pydantic import SecretStr

from opengrant.errors import InvalidRequest
from opengrant.model import Identity
from opengrant.providers.base import Verifies
from opengrant.providers.hosted.agent_account import AgentAccount
from tests.logins import verify

GOOD = "Abcdefgh1jklmnopq9"
QUICK = 4
"""The least cost that bcrypt knows: hashing is not what most of these tests are about."""


async def test_an_address_alone_is_enough() -> None:
    verified = await verify(AgentAccount(), {"email": "sales@agents.example.com"})
    assert verified.identity == Identity(email="sales@agents.example.com")
    assert verified.settings == {"email": "sales@agents.example.com", "has_app_password": False}
    assert verified.secret is None, "nothing was said about a password, so one that is stored stays"


async def test_null_leaves_no_secret() -> None:
    verified = await verify(AgentAccount(), {"email": "sales@agents.example.com", "app_password": None})
    assert verified.settings == {"email": "sales@agents.example.com", "has_app_password": False}
    assert verified.secret == {}


def test_it_proves_by_itself() -> None:
    assert isinstance(AgentAccount(), Verifies)


async def test_a_policy_is_kept_and_shown() -> None:
    verified = await verify(AgentAccount(), {"email": "sales@agents.example.com", "policy_id": "policy-1"})
    assert verified.settings == {
        "email": "sales@agents.example.com",
        "policy_id": "policy-1",
        "has_app_password": False,
    }


@pytest.mark.parametrize("password", [GOOD, "Aa1" + "!" * 15, "Aa1" + "~" * 37, "\"'\\`$Aa1(){}[]<>;:,"])
async def test_an_app_password_is_kept_as_a_hash_that_fits_it_alone(password: str) -> None:
    verified = await verify(
        AgentAccount(cost=QUICK), {"email": "sales@agents.example.com", "app_password": SecretStr(password)}
    )
    assert verified.secret is not None
    hashed = verified.secret["app_password_bcrypt"]
    assert bcrypt.checkpw(password.encode(), hashed.encode())
    assert not bcrypt.checkpw(password[:-1].encode(), hashed.encode())
    assert verified.settings == {"email": "sales@agents.example.com", "has_app_password": True}
    assert password not in repr(verified)
    assert hashed not in repr(verified)


async def test_the_hash_costs_an_attacker_twelve_doublings() -> None:
    verified = await verify(AgentAccount(), {"email": "a@example.com", "app_password": SecretStr(GOOD)})
    assert verified.secret is not None
    assert verified.secret["app_password_bcrypt"].startswith("$2b$12$")


async def test_the_loop_goes_on_while_a_password_is_hashed() -> None:
    hashing = asyncio.create_task(verify(AgentAccount(), {"email": "a@example.com", "app_password": SecretStr(GOOD)}))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 2


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("Abcdefgh1jklmnop9", "18 to 40"),
        ("A1" + "b" * 39, "18 to 40"),
        ("", "18 to 40"),
        ("Abcdefgh1 klmnopq9", "without spaces"),
        ("Abcdefgh1klmnopqr9\n", "printable ASCII"),
        ("Abcdefgh1jklmnöpq9", "printable ASCII"),
        ("Abcdefgh\x7f1jklmnopq", "printable ASCII"),
        ("abcdefgh1jklmnopq9", "upper-case"),
        ("ABCDEFGH1JKLMNOPQ9", "lower-case"),
        ("Abcdefghijklmnopqr", "digit"),
        ("!" * 20, "an upper-case letter and a lower-case letter and a digit"),
        # Letters and digits elsewhere in Unicode are none here.
        ("abcdefgh1jklmnopqÄ", "printable ASCII"),
        ("Abcdefghijklmnopq٣", "printable ASCII"),
    ],
)
async def test_a_weak_app_password_is_refused_without_being_repeated(password: str, rule: str) -> None:
    with pytest.raises(InvalidRequest, match=rule) as refused:
        await verify(AgentAccount(cost=QUICK), {"email": "a@example.com", "app_password": SecretStr(password)})
    assert refused.value.message.startswith("settings.app_password: ")
    assert not password or password not in refused.value.message
