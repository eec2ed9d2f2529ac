"""The services that keep grants alive, as assembly/ puts them together, on a clock that the test holds; and a provider
whose answers come when the test says so. Two nodes share the database."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from opengrant.assembly.connect import build_connect
from opengrant.assembly.refresh import Limits, Meters, build_refresh
from opengrant.connectors.connectors import Connectors
from opengrant.connectors.credentials import Credentials
from opengrant.domains.domains import Domains
from opengrant.errors import Evidence, ProviderFailure
from opengrant.events.activity import Activity
from opengrant.grants.connect.connect import Connect
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.manage import Grants
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.source_health import SourceHealth
from opengrant.grants.revocations import Revocations
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import Spool
from opengrant.model import SECOND, Application, Identity, Micros, ProviderName, Verified, now
from opengrant.model.logins import ImapLogin
from opengrant.model.secrets import ImapSecret
from opengrant.net.provider_http import Http
from opengrant.providers.capabilities import Passwords, Providers
from opengrant.providers.google.oauth import Google
from opengrant.providers.hosted.agent_account import AgentAccount
from opengrant.providers.hosted.virtual_calendar import VirtualCalendar
from opengrant.providers.microsoft.oauth import Microsoft
from opengrant.providers.zoom.oauth import Zoom
from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Row, Statement, Steps, Store
from opengrant.store.grants.paces import Rates
from opengrant.store.tenants import applications
from opengrant.tenants.workspaces import Workspaces
from opengrant.vault import Keyring, MasterKey, Vault
from opengrant.vault.digests import Digests
from tests.fakes.oauth import FakeOAuth, Reply, Seen

Mood = Literal["accepts", "down", "throttles", "throttles silently", "refuses the client", "vanishes"]


class HeldClock:
    """Stands still but for a microsecond a look, so that what comes later is later."""

    def __init__(self) -> None:
        self.at: Micros = now()

    def __call__(self) -> Micros:
        self.at += 1
        return self.at

    def move(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)


@dataclass(frozen=True)
class Parked:
    """A request that the provider has decided about; its answer is on the way until somebody lets it arrive."""

    seen: Seen
    arrives: asyncio.Event


class SlowOAuth(FakeOAuth):
    """It decides at once, by its mood, and answers when told.

    families  refresh token → the consent that it descends from
    lost      consents whose only good token was in an answer that was lost
    """

    def reset(self) -> None:
        super().reset()
        self.parked: list[Parked] = []
        self.parks = True
        self.mood: Mood = "accepts"
        self.api_mood: Mood = "accepts"
        self.families: dict[str, str] = {}
        self.lost: set[str] = set()

    def consented(self, token: str, **more: Any) -> None:
        self.families[token] = token
        self.accepts(token, **more)

    def withdraw(self, family: str) -> None:
        """The user takes the consent back: no token of it is good any more."""
        for token, root in list(self.families.items()):  # the stand-in's thread adds to it
            if root == family:
                self.revokes(token)

    def let_arrive(self, parked: Parked) -> None:
        self.parked.remove(parked)
        self._loop.call_soon_threadsafe(parked.arrives.set)

    def owner(self, access_token: str) -> str:
        """The address whose access token this is."""
        return self._access[access_token][0].email

    async def _reply(self, seen: Seen, scripted: Reply | None) -> Reply:
        reply = scripted or self._decide(seen)
        if self.parks:
            parked = Parked(seen, asyncio.Event())
            self.parked.append(parked)
            await parked.arrives.wait()
        return reply

    def _decide(self, seen: Seen) -> Reply:
        mood = self.mood if seen.endpoint == "token" else self.api_mood
        match mood:
            case "down":
                return Reply(503, "down")
            case "throttles":
                return Reply(429, "slow", {"Retry-After": "90"})
            case "throttles silently":
                return Reply(403, "<html>slow</html>")
            case "refuses the client":
                return Reply(401, {"error": "invalid_client", "error_description": "Unknown client."})
        reply = self._answer(seen)
        spent = seen.form.get("refresh_token", "")
        family = self.families.get(spent)
        if family is not None and reply.status == 200:
            self.families[reply.body.get("refresh_token", spent)] = family
            if mood == "vanishes" and spent not in self.accounts:
                self.lost.add(family)
        return Reply(fault="reset") if mood == "vanishes" else reply


@dataclass
class MailServers:
    """Every mail host there is: each takes any password, if it is in the mood.

    asked    the host of every login
    failing  what a host says instead; None: nothing until `answers` is set, and then that it was busy
    """

    asked: list[str] = field(default_factory=list)
    failing: dict[str, Exception | None] = field(default_factory=dict)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def verify(self, login: ImapLogin) -> Verified:
        host = login.imap_host
        assert host is not None
        self.asked.append(host)
        if host in self.failing:
            if (failure := self.failing[host]) is None:
                await self.answers.wait()
            raise failure or silent()
        shown = {"imap_host": host, "imap_port": 993, "imap_username": login.imap_username}
        return Verified(Identity(login.imap_username), shown, ImapSecret(imap_password=SecretStr("sesame")))


def silent() -> ProviderFailure:
    """A host that does not answer."""
    return ProviderFailure(Evidence("imap", "imap", "greeting", code="timeout"))


@dataclass(frozen=True)
class Node:
    """One process's own: what it has under way and remembers."""

    connect: Connect
    refresh: Refresh
    grants: Grants


@dataclass
class House:
    db: Store
    vault: Vault
    clock: HeldClock
    provider: SlowOAuth
    mail: MailServers
    connectors: Connectors
    credentials: Credentials
    nodes: list[Node] = field(default_factory=list)

    async def tenant(self) -> Application:
        application = Application(str(uuid.uuid4()), "test", "email", self.clock())
        await self.db.write(applications.add(application))
        return application

    async def rows(self, sql: str, *args: Any) -> list[Row]:
        def script() -> Steps[list[Row]]:
            return list((yield Statement(sql, args)))

        return await self.db.write(script())

    async def rest(self, app: Application) -> None:
        """The clock looks after this application no more: another test is next."""
        await self.rows("update grants set due_at = null where application_id = $1", app.id)

    async def drain(self) -> None:
        for node in self.nodes:
            await node.connect.exchange.drain()
            await node.refresh.drain()


@asynccontextmanager
async def house(database_url: str | None, directory: Path, provider: SlowOAuth) -> AsyncIterator[House]:
    """Closed in the end; the provider is the caller's."""
    db = await open_store(database_url=database_url, sqlite_path=directory / "house.db")
    clock = HeldClock()
    http = Http(timeout=20, connections_per_host=100, clock=clock)
    try:
        await db.migrate()
        yield _furnished(db, clock, http, directory, provider)
    finally:
        await http.close()
        await db.close()


def _furnished(db: Store, clock: HeldClock, http: Http, directory: Path, provider: SlowOAuth) -> House:
    vault = Vault(Keyring([MasterKey("1", bytes(range(32)))]))
    digests, mail = Digests(bytes(32)), MailServers()
    connectors = Connectors(db=db, vault=vault, clock=clock)
    unasked: Any = mail
    passwords = Passwords(
        imap=mail,
        icloud=unasked,
        ews=unasked,
        agent_account=AgentAccount(),
        virtual_calendar=VirtualCalendar(),
    )
    providers = Providers(
        tokens={
            ProviderName.GOOGLE: Google(http, **provider.google_urls()),
            ProviderName.MICROSOFT: Microsoft(http, **provider.microsoft_urls()),
            ProviderName.ZOOM: Zoom(http, **provider.zoom_urls()),
        },
        passwords=passwords,
    )
    schedule = Schedule(
        ahead=600 * SECOND,
        idle_after=7 * 86_400 * SECOND,
        probe_every=86_400 * SECOND,
        confirm_after=900 * SECOND,
        dice=lambda: 0.5,
    )
    made = House(db, vault, clock, provider, mail, connectors, Credentials(db=db, vault=vault, clock=clock))
    for number in range(2):
        domains = Domains(db=db, clock=clock)
        spool = Spool(directory / f"unwritten-{number}")
        workspaces = Workspaces(db=db, clock=clock)
        room = build_connect(
            db=db,
            vault=vault,
            digests=digests,
            clock=clock,
            connectors=connectors,
            providers=providers,
            domains=domains,
            workspaces=workspaces,
            activity=Activity(db=db, clock=clock),
            schedule=schedule,
            rotated_tokens=RotatedTokens(db=db, vault=vault, digests=digests, spool=spool, clock=clock),
            observe=_unobserved,
            limit=1000,
            timeout=20.0,
        )
        refresh = build_refresh(
            db=db,
            clock=clock,
            vault=vault,
            digests=digests,
            connectors=connectors,
            providers=providers,
            schedule=schedule,
            spool=spool,
            rotated_tokens=room.rotated_tokens,
            limits=Limits(
                timeout=2, concurrency=100, proofs=64, policy=Policy(5, 20 * SECOND), rates=Rates(100_000, 100_000)
            ),
            meters=Meters(observe=_unobserved, late=_unobserved, activity=Activity(db=db, clock=clock)),
        )
        grants = Grants(
            db=db,
            connect=room.connect,
            workspaces=workspaces,
            clock=clock,
            revocations=Revocations(db=db, vault=vault, providers={}),
            health=SourceHealth(db=db, clock=clock),
            stored=room.stored,
        )
        made.nodes.append(Node(room.connect, refresh, grants))
    return made


def _unobserved(*_: object) -> None:
    """Metrics are of no interest here."""
