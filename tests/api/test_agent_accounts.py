"""Agent Accounts: their app passwords come, change and go, and none of them is ever without its domain."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import bcrypt
import pytest
from pydantic_core import from_json

from opengrant.errors import InvalidRequest
from opengrant.model import SECOND, ProviderName, Sealed, now
from opengrant.vault import Owner
from tests.api.signed import Account, account
from tests.logins import connecting
from tests.store.conftest import somebody_waits
from tests.support import MARK, Interrupted, LiveServer, Tenant, data, on_store, problem

FIRST, SECOND_ONE = f"{MARK}Abcdefgh1jklmnop", f"{MARK}Qrstuvwx2yzabcde"
DOMAINS = "/v3/admin/domains"


@pytest.fixture(scope="module")
def admin(server: LiveServer) -> Account:
    return account(server)


@pytest.fixture
def domain(server: LiveServer, admin: Account) -> str:
    """A registered domain that is proven to be ours."""
    address = f"{uuid.uuid4().hex[:12]}.example.com"
    made = data(admin.post(DOMAINS, {"name": "Agents", "domain_address": address}))
    server.rows("update domains set verified_ownership = 1 where id = $1 returning id", made["id"])
    return address


@pytest.fixture
def email(domain: str) -> str:
    return f"sales@{domain}"


@pytest.fixture
def agents(tenant: Tenant) -> Tenant:
    """An application that can make Agent Accounts."""
    tenant.connector("nylas")
    return tenant


@pytest.fixture
def database_url(server: LiveServer) -> str:
    url = server.env.get("OPENGRANT_DATABASE_URL")
    if url is None:
        pytest.skip("in SQLite a transaction begins when the one before has ended: there is nothing to wait for")
    return url


@contextlib.asynccontextmanager
async def holding(database_url: str, sql: str, *args: str) -> AsyncIterator[asyncpg.Connection]:
    """Hold the rows that a query locks. Gives another connection, to watch who waits for them."""
    async with asyncio.timeout(60):
        holder, watcher = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        async with holder.transaction():
            assert await holder.fetch(sql, *args) != []
            yield watcher
    finally:
        await holder.close()
        await watcher.close()


def make(agents: Tenant, email: str, *, name: str | None = None, **settings: Any) -> dict[str, Any]:
    answer = agents.connect("nylas", {"email": email, **settings}, **({} if name is None else {"name": name}))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = data(answer)
    return made


def change(agents: Tenant, grant: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = agents.patch(f"/v3/grants/{grant['id']}", body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = data(answer)
    return changed


def opened_by(agents: Tenant, grant: dict[str, Any]) -> str | None:
    """Which of the two passwords fits the hash that is kept; None when none is kept."""
    sql = "select key_id, sealed from secrets where application_id = $1 and owner_kind = 'grant' and owner_id = $2"
    rows = agents.server.rows(sql, agents.application.id, grant["id"])
    if not rows:
        return None
    [(key_id, sealed)] = rows
    owner = Owner(agents.application.id, "grant", grant["id"], "live")
    held = from_json(agents.server.services.rotated_tokens.vault.open(Sealed(key_id, bytes(sealed)), owner))
    hashed = held["app_password_bcrypt"].encode()
    return next(one for one in (FIRST, SECOND_ONE) if bcrypt.checkpw(one.encode(), hashed))


# ── The app password ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_grant_says_whether_it_has_an_app_password(agents: Tenant, domain: str) -> None:
    bare, open_ = make(agents, f"bare@{domain}"), make(agents, f"open@{domain}", app_password=FIRST)
    assert bare["settings"] == {"email": f"bare@{domain}", "has_app_password": False}
    assert open_["settings"] == {"email": f"open@{domain}", "has_app_password": True}
    for grant, password in ((bare, None), (open_, FIRST)):
        assert data(agents.get(f"/v3/grants/{grant['id']}")) == grant
        assert opened_by(agents, grant) == password
    assert {one["id"]: one for one in data(agents.get("/v3/grants"))} == {one["id"]: one for one in (bare, open_)}


def test_null_takes_the_app_password_away(agents: Tenant, email: str) -> None:
    made = make(agents, email, name="Sales", app_password=FIRST)
    changed = change(agents, made, settings={"email": email, "app_password": None})
    assert changed["settings"] == {"email": email, "has_app_password": False}
    assert (changed["id"], changed["name"], changed["grant_status"]) == (made["id"], "Sales", "valid")
    assert opened_by(agents, made) is None
    # What is not there can be taken away again, and another one put there.
    assert change(agents, made, settings={"email": email, "app_password": None})["settings"] == changed["settings"]
    assert change(agents, made, settings={"email": email, "app_password": SECOND_ONE})["settings"]["has_app_password"]
    assert opened_by(agents, made) == SECOND_ONE


def test_a_change_that_does_not_name_the_password_keeps_it(agents: Tenant, email: str) -> None:
    made = make(agents, email, app_password=FIRST)
    changed = change(agents, made, settings={"email": email}, name="Sales")
    assert changed["settings"] == {"email": email, "has_app_password": True}
    assert changed["name"] == "Sales"
    assert change(agents, made, name="Post")["settings"] == changed["settings"]
    assert opened_by(agents, made) == FIRST


def test_connecting_again_follows_the_same_rule(agents: Tenant, email: str) -> None:
    made = make(agents, email, app_password=FIRST)
    for settings, password in (
        ({}, FIRST),
        ({"app_password": SECOND_ONE}, SECOND_ONE),
        ({"app_password": None}, None),
        ({}, None),
        ({"app_password": FIRST}, FIRST),
    ):
        again = make(agents, email, **settings)
        assert (again["id"], again["settings"]["has_app_password"]) == (made["id"], password is not None)
        assert opened_by(agents, made) == password
    assert agents.grants() == 1


def test_a_new_account_may_say_that_it_has_no_password(agents: Tenant, email: str) -> None:
    made = make(agents, email, app_password=None)
    assert made["settings"] == {"email": email, "has_app_password": False}
    assert opened_by(agents, made) is None


def test_a_refused_password_leaves_the_one_there_is(agents: Tenant, email: str) -> None:
    made = make(agents, email, app_password=FIRST)
    path = f"/v3/grants/{made['id']}"
    for wrong in ("short1A", f"{MARK} has a space 1A", "", 7, ["x"]):
        refused = problem(agents.patch(path, {"settings": {"email": email, "app_password": wrong}}))
        assert refused[:2] == (400, "api.invalid_request_error")
        assert "app_password" in refused[2]
    assert problem(agents.patch(path, {"settings": {"email": f"x{email}", "app_password": None}}))[0] == 400
    assert data(agents.get(path)) == made
    assert opened_by(agents, made) == FIRST


def test_a_renewal_that_keeps_the_password_does_not_bring_back_one_that_was_just_taken_away(
    agents: Tenant, server: LiveServer, email: str
) -> None:
    made = make(agents, email, app_password=FIRST)

    def take_away() -> None:
        change(agents, made, settings={"email": email, "app_password": None})

    connect = server.services.connect
    # It begins later and has read what there was before the other wrote: nothing but the write itself can notice.
    later = on_store(connect, Interrupted(connect.db, take_away), clock=lambda: now() + 60 * SECOND)
    server.call(later.custom(agents.application, connecting(ProviderName.NYLAS, {"email": email}, name="Renamed")))
    found = data(agents.get(f"/v3/grants/{made['id']}"))
    assert (found["name"], found["settings"]) == ("Renamed", {"email": email, "has_app_password": False})
    assert opened_by(agents, made) is None


def test_a_change_that_keeps_the_password_is_made_although_another_comes_between(
    agents: Tenant, server: LiveServer, email: str
) -> None:
    made = make(agents, email, app_password=FIRST)

    def set_another() -> None:
        change(agents, made, settings={"email": email, "app_password": SECOND_ONE})

    connect, path = server.services.connect, f"/v3/grants/{made['id']}"
    interrupted = on_store(connect, Interrupted(connect.db, set_another))
    grant = server.call(server.services.grants.get(agents.application, made["id"]))
    ask = connecting(ProviderName.NYLAS, {"email": email, "policy_id": "policy-1"})
    server.call(interrupted.renew(agents.application, grant, replace(ask, name="Renamed")))
    found = data(agents.get(path))
    assert found["name"] == "Renamed"
    assert found["settings"] == {"email": email, "policy_id": "policy-1", "has_app_password": True}
    assert opened_by(agents, made) == SECOND_ONE


def test_a_policy_that_does_not_exist_is_refused_by_name(agents: Tenant, email: str) -> None:
    made = make(agents, email, app_password=FIRST)
    settings = {"email": email, "policy_id": "policy-1"}
    for answer in (
        agents.connect("nylas", settings),
        agents.patch(f"/v3/grants/{made['id']}", {"settings": settings}),
    ):
        status, type_, message = problem(answer)
        assert (status, type_) == (400, "api.invalid_request_error")
        assert message.startswith("settings.policy_id: there is no policy 'policy-1'")


# ── The domain ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_domain_that_goes_before_the_account_is_written_takes_the_account_with_it(
    agents: Tenant, server: LiveServer, admin: Account, domain: str, email: str
) -> None:
    def delete() -> None:
        assert admin.request("DELETE", f"{DOMAINS}/{domain}").status_code == 200

    connect = server.services.connect
    interrupted = on_store(connect, Interrupted(connect.db, delete))
    with pytest.raises(InvalidRequest, match=rf"the domain {domain} is not registered"):
        server.call(interrupted.custom(agents.application, connecting(ProviderName.NYLAS, {"email": email})))
    assert agents.grants() == 0
    assert agents.events() == []


def test_a_domain_that_is_registered_anew_meanwhile_has_to_be_proven_anew(
    agents: Tenant, server: LiveServer, admin: Account, domain: str, email: str
) -> None:
    def begin_again() -> None:
        assert admin.request("DELETE", f"{DOMAINS}/{domain}").status_code == 200
        assert admin.post(DOMAINS, {"name": "Again", "domain_address": domain}).status_code == 200

    connect = server.services.connect
    interrupted = on_store(connect, Interrupted(connect.db, begin_again))
    with pytest.raises(InvalidRequest, match="ownership"):
        server.call(interrupted.custom(agents.application, connecting(ProviderName.NYLAS, {"email": email})))
    assert agents.grants() == 0


def test_an_address_is_one_mailbox_however_its_domain_is_spelled(
    agents: Tenant, server: LiveServer, admin: Account, domain: str
) -> None:
    readable = f"bücher.{domain}"
    made = data(admin.post(DOMAINS, {"name": "Agents", "domain_address": readable}))
    server.rows("update domains set verified_ownership = 1 where id = $1 returning id", made["id"])
    email = f"sales@{made['domain_address']}"
    spellings = [email, f"Sales@{readable}.", f"sales@{readable.upper()}", f"sales@\uff42ücher.{domain}"]
    for spelling in reversed(spellings):
        grant = make(agents, spelling)
        assert (grant["email"].lower(), grant["settings"]["email"].lower()) == (email, email)
        assert problem(admin.request("DELETE", f"{DOMAINS}/{made['id']}"))[0] == 400
    assert agents.grants() == 1
    assert [one["id"] for one in data(agents.get(f"/v3/grants?email={email}"))] == [grant["id"]]
    changed = change(agents, grant, settings={"email": spellings[1], "app_password": FIRST})
    assert changed["settings"]["has_app_password"]
    agents.delete(f"/v3/grants/{grant['id']}")
    assert admin.request("DELETE", f"{DOMAINS}/{made['id']}").status_code == 200


def test_a_domain_with_an_account_stays_until_the_account_goes(
    agents: Tenant, admin: Account, domain: str, email: str
) -> None:
    made = make(agents, email)
    refused = problem(admin.request("DELETE", f"{DOMAINS}/{domain}"))
    assert refused[:2] == (400, "api.invalid_request_error")
    assert make(agents, email)["id"] == made["id"]
    assert agents.delete(f"/v3/grants/{made['id']}").status_code == 200
    assert admin.request("DELETE", f"{DOMAINS}/{domain}").status_code == 200
    assert "not registered" in problem(agents.connect("nylas", {"email": email}))[2]


async def test_an_account_waits_for_a_deletion_that_has_begun_and_is_then_refused(
    agents: Tenant, admin: Account, domain: str, email: str, database_url: str
) -> None:
    # A record that was asked for is a row which the deletion has to remove: held here, so that it stops half-way.
    check = data(await asyncio.to_thread(admin.post, f"{DOMAINS}/{domain}/info", {"type": "ownership"}))
    row = "select 1 from domain_checks where domain_id = $1 for update"
    async with holding(database_url, row, check["domain_id"]) as beside:
        deleting = asyncio.create_task(asyncio.to_thread(admin.request, "DELETE", f"{DOMAINS}/{domain}"))
        await somebody_waits(beside)
        making = asyncio.create_task(asyncio.to_thread(agents.connect, "nylas", {"email": email}))
        await somebody_waits(beside, backends=2)
    assert (await deleting).status_code == 200
    status, type_, message = problem(await making)
    assert (status, type_) == (400, "api.invalid_request_error")
    assert f"the domain {domain} is not registered" in message
    assert await asyncio.to_thread(agents.grants) == 0


async def test_a_deletion_waits_for_an_account_that_is_being_written_and_is_then_refused(
    agents: Tenant, admin: Account, domain: str, email: str, database_url: str
) -> None:
    # The write of a grant needs its connector: held here, so that it stops half-way.
    connector = "select 1 from connectors where application_id = $1 for update"
    async with holding(database_url, connector, agents.application.id) as beside:
        making = asyncio.create_task(asyncio.to_thread(agents.connect, "nylas", {"email": email}))
        await somebody_waits(beside)
        deleting = asyncio.create_task(asyncio.to_thread(admin.request, "DELETE", f"{DOMAINS}/{domain}"))
        await somebody_waits(beside, backends=2)
    assert (await making).status_code == 201
    status, type_, message = problem(await deleting)
    assert (status, type_) == (400, "api.invalid_request_error")
    assert "Agent accounts live on" in message
    assert (await asyncio.to_thread(admin.get, f"{DOMAINS}/{domain}")).status_code == 200
