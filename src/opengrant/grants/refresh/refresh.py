"""Refresh: the one way in which a stored credential is used, renewed and found to be dead.

Requests, the clock and probes of passwords all end here. At most one of them asks a grant's provider at a time:
tasks of this process share a flight, and processes and nodes take a lease in the store, which is also the record of
the intent. What comes of it is written by compare-and-swap on the generation that was read, so that nobody who comes
late harms a newer credential. docs/decisions/0007-refresh.md tells the whole story.
"""

import asyncio
import contextlib
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import structlog
from pydantic import SecretStr
from pydantic_core import from_json, to_json

from opengrant import failpoints as faults
from opengrant.connectors.connectors import Connectors
from opengrant.errors import (
    Evidence,
    GrantNotFound,
    InvalidRequest,
    OpenGrantError,
    Overloaded,
    ProviderFailure,
    StoreUnavailable,
)
from opengrant.events import audit
from opengrant.events import payloads as events
from opengrant.events.activity import REFRESHED, Activity, Observe
from opengrant.grants import refusals as outcome
from opengrant.grants.connect.rotated_tokens import RotatedTokens, replay
from opengrant.grants.refresh import circuit_breaker as brake
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import Spool, Unwritten, insist
from opengrant.model import (
    AGREE,
    SECOND,
    WITH_PASSWORD,
    Application,
    Clock,
    Grant,
    Micros,
    ProviderName,
    Trouble,
    is_recent,
)
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.classify import of_a_proven_credential
from opengrant.providers.verdict import Kind, Verdict
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import events as outbox
from opengrant.store.grants import circuit_breakers as brakes
from opengrant.store.grants import leases
from opengrant.store.grants import refreshing as keeping
from opengrant.store.grants.circuit_breakers import Brake
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import Rates, Source, State
from opengrant.vault import Owner, Unsealable, Vault
from opengrant.vault.digests import Digests

log = structlog.get_logger()

Means = Literal["token", "password", "bulk"]
Late = Callable[[float], None]
"""Seconds that the clock came later than a grant was due."""

LIFE_LEFT: Micros = 60 * SECOND
"""A token that ends sooner is not handed out any more."""
_JUST_NOW: Micros = 5 * SECOND
"""For so long the provider's last word answers whoever wants it to be asked now."""
_REMEMBERED: Micros = 30 * SECOND
"""For so long a failure answers for the provider, whoever asks."""
_USED_EVERY: Micros = 3600 * SECOND
_WRITE_MARGIN = 10.0
"""Seconds that a lease lasts longer than the provider may take."""
_MAIL_TIME = 110.0
"""Seconds that a password may take: 30 to wait for its turn (net/login_attempt.py) and 75 for the servers."""
_CALLS = 3
"""A refresh makes two calls at most; what proves a mailbox of an organisation makes more, in the time of so many."""
_INTERNAL_PAUSE: Micros = 900 * SECOND
_CONNECTOR_PAUSE: Micros = 60 * SECOND
_CLAIMED_AT_ONCE = 50
_MOST_SPREAD: Micros = 900 * SECOND
"""Over so long, those come back at most that a mail host's trouble has put off."""


@dataclass(frozen=True, slots=True)
class Live:
    """An access token that works now. expires_at: what its provider said of it."""

    access_token: SecretStr
    expires_at: Micros
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a provider gave. secret: the live secret from now on; None: the stored one works still.

    spent   digest of the single-use token that it was given for
    walked  those of the tokens before it, which verifications have spent
    """

    secret: Mapping[str, Any] | None = field(repr=False)
    token_expires_at: Micros | None = None
    spent: str | None = None
    walked: tuple[str, ...] = ()


@dataclass(slots=True)
class Refresh:
    """Built once, in assembly/installation.py."""

    db: Store
    vault: Vault
    digests: Digests
    connectors: Connectors
    providers: Providers
    schedule: Schedule
    policy: Policy
    rates: Rates
    spool: Spool
    clock: Clock
    observe: Observe
    late: Late
    activity: Activity
    timeout: float
    """Seconds that one call of an HTTP provider may take."""
    concurrency: int
    """Grants that the clock looks after at once; half of them by passwords, and a quarter at one mail host."""
    proofs: int
    """Passwords that the clock proves at once, if that is less: as many as may be at mail servers."""
    _flights: dict[tuple[str, str, int], "asyncio.Task[State]"] = field(default_factory=dict)
    _under_way: dict["asyncio.Task[None]", ProviderName] = field(default_factory=dict)
    """What the clock is at."""
    _at_host: Counter[str] = field(default_factory=Counter)
    """How much of it at each mail host."""
    _succeeded: dict[tuple[str, str], Micros] = field(default_factory=dict)
    """When a source last worked, as far as this process has seen."""

    # ── on request ────────────────────────────────────────────────────────────────────────────────────────────

    async def token(self, app: Application, grant_id: str, *, minimum_ttl: int, reason: str | None) -> Live:
        """The live access token of a grant, to be given away: the audit trail says to whom, and for what `reason`.

        Raises what `live` raises.
        """
        live = await self.live(app, grant_id, minimum_ttl=minimum_ttl)
        at = self.clock()
        await self.db.write(audit.record_alone(app.id, "grant.token_read", at=at, grant_id=grant_id, reason=reason))
        return live

    async def live(self, app: Application, grant_id: str, *, minimum_ttl: int) -> Live:
        """The live access token of a grant, renewed first if it ends within `minimum_ttl` seconds.

        A token that its provider makes shorter than that is handed out as it is. While the provider cannot be asked,
        the stored token is handed out as long as it has a minute left.
        Raises GrantNotFound, Blocked, GrantExpired, InvalidRequest for a grant without tokens, ProviderUnavailable,
        RateLimited, Overloaded.
        """
        state = await self._state(app.id, grant_id)
        grant = state.grant
        outcome.refuse_blocked(grant)
        if grant.status == "valid" and (state.live is None or grant.token_expires_at is None):
            raise InvalidRequest(_NO_TOKEN[grant.provider])
        began = self.clock()
        if grant.status == "valid" and not self._lasts(state, minimum_ttl, began):
            state = await self._renewed(state)
        live = self._live(state, at=self.clock())
        if live is None:
            raise self._problem(state)
        if (grant.used_at or 0) + _USED_EVERY < began and state.grant.status == "valid":
            await self._used(state.grant, at=began)
        return live

    async def check(self, app: Application, grant_id: str) -> Grant:
        """Ask the provider now, whatever is due. Raises what `live` raises, but for what the provider says:
        that is in the grant afterwards."""
        state = await self._state(app.id, grant_id)
        outcome.refuse_blocked(state.grant)
        if state.grant.status == "valid" and state.live is not None:
            state = await self._advance(state)
        return state.grant

    async def check_on_request(self, app: Application, grant_id: str) -> Grant:
        """As `check`, for a caller, whom the audit trail names. Raises GrantNotFound, Blocked, Overloaded.

        What the provider said in the last seconds counts; where it asked for a pause, or its source is held to blame
        and no probe's turn has come, it is not asked either: then that is what the trail says, and `Blame` shows.
        """
        state = await self._state(app.id, grant_id)
        outcome.refuse_blocked(state.grant)
        grant = state.grant
        trouble = grant.trouble
        if grant.status == "valid" and state.live is not None and not self._asked_just_now(grant):
            blamed = await self._brake_of(state)
            if await self._turn_of(state, blamed):
                grant = (await self._advance(state)).grant
                trouble = grant.trouble
            elif trouble is None and blamed is not None:
                trouble = brake.trouble_of(blamed, at=self.clock())
        told: Mapping[str, Any] = {} if trouble is None else events.facts(trouble)
        at = self.clock()
        await self.db.write(audit.record_alone(app.id, "grant.checked", at=at, grant_id=grant.id, **told))
        return grant

    def _asked_just_now(self, grant: Grant) -> bool:
        failed_at, at = None if grant.trouble is None else grant.trouble.last_seen, self.clock()
        return any(is_recent(one, within=_JUST_NOW, now=at) for one in (grant.proven_at, failed_at))

    async def _brake_of(self, state: State) -> Brake | None:
        """What keeps everybody but a probe from asking; of a mail host where there is one."""
        grant, scope = state.grant, self._scope(state.grant)
        found = state.brake
        if scope != grant.source:
            found = await self.db.read(brakes.find(grant.application_id, scope)) or found
        return found if brake.holds(found, at=self.clock()) else None

    async def _turn_of(self, state: State, blamed: Brake | None) -> bool:
        """Whether the provider may be asked. At a degraded source, the caller takes a probe's turn."""
        grant, at = state.grant, self.clock()
        if blamed is not None:
            if blamed.degraded_at is None:
                return False
            again = at + self.policy.probe_every
            return await self.db.write(brakes.take_turn(grant.application_id, blamed.source, at=at, until=again))
        trouble = grant.trouble
        return trouble is None or trouble.kind != Kind.RATE_LIMITED or not trouble.waits(at)

    def _lasts(self, state: State, minimum_ttl: int, at: Micros) -> bool:
        grant = state.grant
        left = (grant.token_expires_at or 0) - at
        if (grant.proven_at or 0) > at + AGREE:
            return False  # the clock was set back since: how much of its life is left, nobody knows
        # A token just made will not get any longer by asking again.
        just_made = is_recent(grant.proven_at, within=_REMEMBERED, now=at) and left >= max(_least(grant), 1)
        return left >= max(minimum_ttl * SECOND, LIFE_LEFT) or just_made

    def _live(self, state: State, *, at: Micros) -> Live | None:
        grant = state.grant
        expires_at = grant.token_expires_at or 0
        if grant.status != "valid" or state.live is None:
            return None
        if (ahead := (grant.proven_at or 0) - at) > AGREE:
            expires_at -= ahead  # no longer than it was made for
        if expires_at - at < _least(grant):
            return None
        held = self._open(state)
        return Live(SecretStr(held["access_token"]), expires_at, grant.scope)

    async def _renewed(self, state: State) -> State:
        """The state after an attempt to renew, this process's or another's; or as it is, while nobody may ask."""
        at, trouble = self.clock(), state.grant.trouble
        if brake.holds(state.brake, at=at):
            return state
        # One that was held for its source's sake need not wait when the source has recovered.
        if trouble is not None and not trouble.held and trouble.waits(at):
            asked_to_wait = trouble.kind == Kind.RATE_LIMITED
            if asked_to_wait or is_recent(trouble.last_seen, within=_REMEMBERED, now=at):
                return state
        return await self._advance(state)

    def _problem(self, state: State) -> OpenGrantError:
        grant, at = state.grant, self.clock()
        trouble = grant.trouble
        if grant.status == "valid" and state.brake is not None and brake.holds(state.brake, at=at):
            trouble = brake.trouble_of(state.brake, at=at)
        if trouble is None:
            trouble = _NO_REASON if grant.status == "invalid" else _LOST_RACE
        return outcome.at_use(trouble, provider=grant.provider, status=grant.status, at=at)

    async def _used(self, grant: Grant, *, at: Micros) -> None:
        # When one in trouble is tried again, its trouble says.
        due_at = self.schedule.next(replace(grant, used_at=at), at=at) if grant.trouble is None else grant.due_at
        await self.db.write(keeping.used(grant, at=at, due_at=due_at))

    # ── on the clock ──────────────────────────────────────────────────────────────────────────────────────────

    async def look_after_due(self) -> bool:
        """One round over all sources with grants that are due, as far as budgets and concurrency reach.

        Returns whether there may be more to do at once.
        """
        any_claimed = False
        due = await self.db.read(keeping.due_sources(at=self.clock()))
        # Whoever finds no room must not be the same ones each time.
        random.shuffle(due)
        for source in due:
            while len(self._under_way) >= self.concurrency:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            if (room := self._room(source.provider)) < 1:
                continue
            at = self.clock()
            claimed = await self.db.write(
                keeping.claim(
                    source,
                    str(uuid.uuid4()),
                    at=at,
                    until=at + self._lease_time(source.provider),
                    limit=min(room, _CLAIMED_AT_ONCE),
                    rates=self.rates,
                    probe_again=at + self.policy.probe_every,
                    dialect=self.db.dialect,
                )
            )
            for lease in claimed:
                task = asyncio.create_task(self._look_after(source, lease))
                self._under_way[task] = source.provider
                task.add_done_callback(self._under_way.pop)
            any_claimed = any_claimed or bool(claimed)
        return any_claimed

    def _room(self, provider: ProviderName) -> int:
        """How many more may be begun. Mail servers may hang for a minute: passwords never take it all, and not more
        than can be at mail servers, so that none waits there in vain."""
        free = self.concurrency - len(self._under_way)
        if provider not in WITH_PASSWORD:
            return free
        proofs = sum(1 for other in self._under_way.values() if other in WITH_PASSWORD)
        return min(free, max(1, min(self.concurrency // 2, self.proofs)) - proofs)

    async def _look_after(self, source: Source, lease: Lease) -> None:
        try:
            await self._recover(lease)
            state = await self.db.read(keeping.state(lease.application_id, lease.subject))
            if state is None or not self._is_due(source, state):
                await self.db.write(leases.put_back(lease))
                return
            with self._place_at_host(state.grant) as crowded:
                later = self._spread(self.clock()) if crowded else await self._host_free_at(state)
                if later is not None:
                    await self.db.write(keeping.put_off(state.grant, lease, due_at=later))
                    return
                if not source.degraded:
                    self.late((self.clock() - (state.grant.due_at or 0)) / SECOND)
                await self._ask(state, lease)
        except GrantNotFound:
            pass  # deleted meanwhile: nobody is left to be told
        except (Overloaded, StoreUnavailable) as problem:
            # The grant is due still, once its lease has run out if that could not be given back.
            log.warning("refresh_interrupted", grant_id=lease.subject, problem=str(problem))

    @contextlib.contextmanager
    def _place_at_host(self, grant: Grant) -> Iterator[bool]:
        """While this attempt is under way it counts at its mail host. Gives whether too many are there already."""
        if grant.provider not in WITH_PASSWORD:
            yield False
            return
        host = self._host(grant) or grant.provider.value
        crowded = self._at_host[host] >= max(1, self.concurrency // 4)
        self._at_host[host] += 1
        try:
            yield crowded
        finally:
            self._at_host[host] -= 1
            if not self._at_host[host]:
                del self._at_host[host]

    async def _host_free_at(self, state: State) -> Micros | None:
        """When a grant's mail host may be asked again; None: now, and if it is degraded, this is a probe's turn.

        The brakes of plain sources are known before their grants are claimed; those of hosts are not.
        """
        if self._host(state.grant) is None or (blamed := await self._brake_of(state)) is None:
            return None
        at = self.clock()
        free_at = max(blamed.paused_until or 0, blamed.probe_at or 0)
        if free_at <= at:
            if await self._turn_of(state, blamed):
                return None
            free_at = at + self.policy.probe_every  # somebody else was faster
        return self._spread(free_at, since=blamed.since)

    def _spread(self, free_at: Micros, *, since: Micros | None = None) -> Micros:
        """When to look again whether a mail host has room. The longer it had none, the more have been put off: over
        that time they come back, so that neither looking nor their return is a storm."""
        lasted = 0 if since is None else min(free_at - since, _MOST_SPREAD)
        return free_at + int(max(lasted, self.policy.probe_every) * self.schedule.dice())

    def _is_due(self, source: Source, state: State) -> bool:
        """Whether nobody was faster, and the source was not found to be the problem since this grant was claimed."""
        grant, at = state.grant, self.clock()
        if grant.status == "invalid" or source.degraded:
            return grant.status == "valid"
        return grant.due_at is not None and grant.due_at <= at and not brake.holds(state.brake, at=at)

    async def replay(self) -> int:
        """Write what could not be written when a provider gave it. Returns how many were. Raises StoreUnavailable."""
        done = await replay(self.db, self.spool)
        for unwritten in await asyncio.to_thread(self.spool.unwritten):
            try:
                state = await self.db.read(keeping.state(unwritten.application_id, unwritten.grant_id))
                if state is not None:
                    await self._write_late(state, unwritten)
            except StoreUnavailable:
                raise
            except Exception as problem:
                # Of this one alone: the others must not wait for it, nor the clock.
                log.exception("refresh_not_unspooled", grant_id=unwritten.grant_id)
                await asyncio.to_thread(self.spool.set_aside, unwritten, problem)
                continue
            log.info("refresh_unspooled", grant_id=unwritten.grant_id)
            await asyncio.to_thread(self.spool.drop, unwritten)
            done += 1
        return done

    async def _recover(self, lease: Lease) -> None:
        """Before a lease is used whose last owner never came back: what it was given may lie in the spool."""
        if lease.attempts > 1:
            await self.replay()

    async def drain(self) -> None:
        """Wait for what is under way; each has its own deadline."""
        while tasks := [*self._flights.values(), *self._under_way]:
            await asyncio.wait(tasks)
        if self.spool.held:
            with contextlib.suppress(StoreUnavailable):
                await self.replay()
        for file in self.spool.held:
            log.error("refresh_lost", file=file)

    # ── one attempt ───────────────────────────────────────────────────────────────────────────────────────────

    async def _advance(self, seen: State) -> State:
        """Share the flight that is under way for this generation, or start it. It outlives whoever waits for it."""
        grant = seen.grant
        key = (grant.application_id, grant.id, grant.generation)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._lease_and_ask(grant))
            flight.add_done_callback(lambda _: self._flights.pop(key))
        return await asyncio.shield(flight)

    async def _lease_and_ask(self, grant: Grant) -> State:
        """Take the lease and ask, or wait for what another process makes of it."""
        pause, owner = 0.02, str(uuid.uuid4())
        patience = asyncio.get_running_loop().time() + self.timeout + 2
        while True:
            at = self.clock()
            until = at + self._lease_time(grant.provider)
            lease = await self.db.write(leases.take(grant.application_id, grant.id, owner, at=at, until=until))
            if lease is not None:
                await self._recover(lease)
            # Whoever had the lease before may have been at it until just now.
            try:
                state = await self._state(grant.application_id, grant.id)
            except GrantNotFound:
                if lease is not None:
                    await self.db.write(leases.give_back(lease))
                raise
            now = state.grant
            moved = now.generation != grant.generation or now.status == "invalid"
            failed = now.trouble is not None and now.trouble != grant.trouble
            if lease is not None and not moved:
                return await self._ask(state, lease)
            if lease is not None:
                await self.db.write(leases.give_back(lease))
            if moved or failed:
                return state
            if asyncio.get_running_loop().time() > patience:
                raise Overloaded("Another process is renewing this grant and takes long. Try again.", retry_after=2)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.25)

    async def _ask(self, state: State, lease: Lease) -> State:
        """Ask the provider, write what came of it, give the lease back. Returns the state after that."""
        faults.point("refresh.leased")
        began = time.perf_counter()
        provider = state.grant.provider.value
        try:
            answer = await self._exchange(state)
        except (Overloaded, StoreUnavailable):
            # A limit of ours: it says nothing about the grant or its provider.
            await self.db.write(leases.put_back(lease))
            raise
        except ProviderFailure as failure:
            verdict = of_a_proven_credential(failure.evidence)
            self._count(state.grant, verdict.kind.value, began)
            faults.point("refresh.refused")
            return await self._failed(state, lease, failure.evidence, verdict)
        except OpenGrantError as problem:
            self._count(state.grant, Kind.BAD_REQUEST.value, began)
            evidence = Evidence(provider, "token", "reply", code=problem.type, text=problem.message, sent=False)
            verdict = Verdict(Kind.BAD_REQUEST, "not_usable", problem.message)
            return await self._failed(state, lease, evidence, verdict)
        except Exception:
            # Ours, and of this grant alone: it must not be tried again and again.
            log.exception("refresh_broken", grant_id=state.grant.id, provider=provider)
            evidence = Evidence(provider, "token", "reply", code=brake.INTERNAL_ERROR, sent=False)
            verdict = Verdict(Kind.UNKNOWN, brake.INTERNAL_ERROR, "This is a fault of OpenGrant: its log says more.")
            self.activity.count(state.grant.application_id, state.grant.provider, verdict.kind.value)
            return await self._failed(state, lease, evidence, verdict)
        self._count(state.grant, None, began)
        faults.point("refresh.answered")
        return await self._keep(state, lease, answer)

    def _count(self, grant: Grant, failure: str | None, began: float) -> None:
        """What came of asking, for metrics and statistics. failure: the verdict's kind; None: accepted."""
        self.observe(grant.provider.value, failure or "accepted", time.perf_counter() - began)
        self.activity.count(grant.application_id, grant.provider, failure or REFRESHED)

    def _lease_time(self, provider: ProviderName) -> Micros:
        """Longer than any attempt may take: who has a lease and is alive writes before it ends."""
        seconds = _MAIL_TIME if provider in WITH_PASSWORD else self.timeout * _CALLS
        return int((seconds + _WRITE_MARGIN) * SECOND)

    async def _exchange(self, state: State) -> _Answer:
        """Spend the stored credential. Raises ProviderFailure, InvalidRequest, Overloaded, StoreUnavailable."""
        grant, found = state.grant, state.found
        if found is None or state.live is None:
            raise InvalidRequest(f"The {grant.provider} connector of this grant is gone.")
        held = self._open(state)
        match _means(held, found.credential_type):
            case "password":
                settings = {key: SecretStr(value) if key.endswith("password") else value for key, value in held.items()}
                await having(self.providers.passwords, grant.provider).verify({**grant.settings, **settings})
                return _Answer(None)
            case "bulk":
                tenant = cast(str | None, grant.settings.get("tenant"))
                credential = await self.connectors.organisation(found, tenant=tenant)
                email = cast(str, grant.settings["email_address"])
                scope = tuple(held.get("scope", grant.scope))
                try:
                    async with asyncio.timeout(self.timeout * _CALLS):
                        minted = await having(self.providers.mints, grant.provider).mint(credential, email, scope)
                except TimeoutError:
                    raise ProviderFailure(Evidence(f"{grant.provider}-bulk", "api", "http", code="timeout")) from None
                secret = {**held, "access_token": minted.access_token.get_secret_value()}
                return _Answer(secret, minted.expires_at)
            case _:
                return await self._exchange_token(state, held)

    async def _exchange_token(self, state: State, held: Mapping[str, Any]) -> _Answer:
        """The stored refresh token; if it is refused, what a verification has made of it, and the one before it."""
        assert state.found is not None
        grant = state.grant
        provider = having(self.providers.tokens, grant.provider)
        client = self.connectors.client(state.found)
        token, before = held["refresh_token"], held.get("previous_refresh_token")
        walked = tuple[str, ...]()
        try:
            tokens = await provider.refresh(client, SecretStr(token))
        except ProviderFailure as failure:
            if of_a_proven_credential(failure.evidence).kind is not Kind.RECONNECT:
                raise
            other = None
            if provider.single_use:
                other, walked = await self._spent_elsewhere(grant, token)
            if (other := other or before) is None:
                raise
            try:
                tokens, token = await provider.refresh(client, SecretStr(other)), other
            except ProviderFailure:
                raise failure from None
        secret = {key: value for key, value in held.items() if key != "previous_refresh_token"}
        secret |= {"refresh_token": token, "access_token": tokens.access_token.get_secret_value()}
        if tokens.scope is not None:
            secret["access_token_scope"] = tokens.scope
        spent = None
        if tokens.refresh_token is not None and (new := tokens.refresh_token.get_secret_value()) != token:
            secret |= {"refresh_token": new, "previous_refresh_token": token}
            if provider.single_use:
                spent = self.digests.refresh_token(grant.application_id, grant.provider, token)
        return _Answer(secret, tokens.expires_at, spent, walked)

    async def _spent_elsewhere(self, grant: Grant, token: str) -> tuple[str | None, tuple[str, ...]]:
        """The successor of a token that verifications have spent, and then could not finish their work; and the
        digests of those before it."""
        found = RotatedTokens(db=self.db, vault=self.vault, digests=self.digests, spool=self.spool, clock=self.clock)
        newest = await found.newest(grant.application_id, grant.provider, SecretStr(token))
        other = newest.token.get_secret_value()
        return None if other == token else other, newest.spent

    # ── what came of it ───────────────────────────────────────────────────────────────────────────────────────

    async def _keep(self, state: State, lease: Lease, answer: _Answer) -> State:
        """Commit it before anything else is done with it, and whatever it takes."""
        at = self.clock()
        healthy = state.grant.trouble is None
        refreshes = state.grant.refreshes + 1 if healthy else 0
        grant = replace(state.grant, proven_at=at, trouble=None, attention_at=None, refreshes=refreshes)
        grant = replace(grant, version=state.grant.version + 1)
        self._succeeded[grant.application_id, self._scope(grant)] = at
        if answer.secret is None:
            proven = replace(grant, due_at=self.schedule.next(grant, at=at))
            await self.db.write(self._with_release(state, keeping.proven(proven, lease), at=at))
            return replace(state, grant=proven)
        grant = replace(grant, token_expires_at=answer.token_expires_at)
        grant = replace(grant, due_at=self.schedule.next(grant, at=at))
        live = self.vault.seal(to_json(dict(answer.secret)), self._owner(grant))

        def script() -> Steps[bool]:
            write = keeping.refreshed(
                *(grant, live, lease, self.db.dialect),
                spent=answer.spent,
                walked=answer.walked,
                alone=state.grant.trouble is None,
            )
            return self._with_release(state, write, at=at)

        unwritten = Unwritten(
            *(grant.application_id, grant.id, grant.generation, grant.token_expires_at, live, at), owner=lease.owner
        )
        written = await self._insist(script, unwritten)
        faults.point("refresh.kept")
        if written:
            return replace(state, grant=replace(grant, generation=grant.generation + 1), live=live)
        current = await self.db.read(keeping.state(grant.application_id, grant.id))
        if current is None:
            await self.db.write(leases.give_back(lease))
            raise GrantNotFound("Grant not found")
        await self._write_late(current, unwritten)
        return await self._state(grant.application_id, grant.id)

    async def _insist(self, script: Callable[[], Steps[bool]], unwritten: Unwritten) -> bool:
        """Write. While the database cannot, try again; then keep it in the spool. Raises StoreUnavailable."""
        try:
            return await insist(self.db, script)
        except StoreUnavailable:
            await asyncio.to_thread(self.spool.put, unwritten)
            log.error("refresh_spooled", grant_id=unwritten.grant_id)
            faults.point("refresh.spooled")
            raise

    async def _write_late(self, current: State, unwritten: Unwritten) -> None:
        """Write what a provider gave unless it is written already or the grant holds something newer."""
        grant, live = current.grant, unwritten.live
        lease = Lease(grant.application_id, grant.id, unwritten.owner, attempts=1)
        if grant.generation != unwritten.generation or (current.live is not None and current.live.data == live.data):
            await self.db.write(leases.give_back(lease))
            return
        was = grant.status
        revived = replace(
            grant, status="valid", trouble=None, token_expires_at=unwritten.token_expires_at, proven_at=unwritten.at
        )
        revived = replace(revived, due_at=self.schedule.next(revived, at=self.clock()))

        def script() -> Steps[None]:
            written = yield from keeping.revived(revived, live)
            if written and was == "invalid":
                yield from outbox.add(events.restored(revived, at=self.clock(), told=True))
            if written:
                yield from self._recovered(grant, at=self.clock())
            yield from leases.give_back(lease)

        await self.db.write(script())

    def _with_release(self, state: State, write: Steps[bool], *, at: Micros) -> Steps[bool]:
        """The write, and with it the end of the source's troubles, and of the grant's own, if there were any."""
        # The brake of a mail host is not in the state.
        if state.brake is not None or self._scope(state.grant) != state.grant.source:
            yield from brake.succeeded(state.grant, self._scope(state.grant), at=at)
        written = yield from write
        if written:
            yield from self._recovered(state.grant, at=at)
        return written

    @staticmethod
    def _recovered(before: Grant, *, at: Micros) -> Steps[None]:
        """The entry that a trouble is over, if there was one."""
        if (trouble := before.trouble) is not None:
            told = {**events.facts(trouble), "remedy": None, "failures": trouble.failures}
            yield from audit.record(before.application_id, "grant.recovered", at=at, grant_id=before.id, **told)

    async def _failed(self, state: State, lease: Lease, evidence: Evidence, verdict: Verdict) -> State:
        grant, at = state.grant, self.clock()
        means = self._means_of(state)
        # Where a replaced token lives on, a lost answer explains no refusal.
        perishable = means == "token" and having(self.providers.tokens, grant.provider).single_use
        # Told once, it stays so: a brake may have given the grant back, and its lease is gone then.
        lost_before = lease.attempts > 1 or (
            grant.trouble is not None and grant.trouble.reason == outcome.ROTATION_LOST
        )
        if verdict.kind is Kind.RECONNECT and perishable and lost_before:
            verdict = replace(verdict, reason=outcome.ROTATION_LOST, remedy=_ROTATION_LOST, retryable=False)
        ends, trouble = self._judged(grant, evidence, verdict, means, at=at)
        log.warning(
            "refresh_failed",
            grant_id=grant.id,
            provider=grant.provider.value,
            verdict=verdict.kind.value,
            reason=verdict.reason,
            status=evidence.status,
            code=evidence.code,
            subcodes=list(evidence.subcodes),
            failures=trouble.failures,
            ends=ends,
        )
        asks_a_person = self._needs_attention(grant, verdict, at=at)
        attention_at = grant.attention_at or at if asks_a_person else None
        if attention_at == at:
            log.warning(
                "grant_needs_attention",
                grant_id=grant.id,
                provider=grant.provider.value,
                reason=verdict.reason,
                provider_text=trouble.text,
                proven_at=(grant.proven_at or 0) // SECOND,
            )
        lost = evidence.sent and verdict.kind in (Kind.PROVIDER_DOWN, Kind.UNKNOWN)
        scope = self._scope(grant)
        succeeded_at = self._succeeded.get((grant.application_id, scope), 0)

        def script() -> Steps[Grant]:
            counted = replace(trouble, held=False)
            held_until = yield from brake.failed(
                self.policy,
                grant,
                scope,
                counted,
                named=evidence.retry_after is not None,
                own=verdict.own or (ends and self._was_held(grant, trouble)),
                succeeded_at=succeeded_at if succeeded_at <= at + AGREE else 0,
                at=at,
                dialect=self.db.dialect,
            )
            if ends and held_until is None:
                after = replace(grant, status="invalid", due_at=None, trouble=replace(counted, retry_at=None))
            else:
                due_at = counted.retry_at if held_until is None else self._spread(held_until)
                held = replace(counted, held=held_until is not None, retry_at=due_at)
                after = replace(grant, trouble=held, due_at=due_at)
            seen_at = attention_at if after.status == "valid" else None
            after = replace(after, refreshes=0, attention_at=seen_at, version=grant.version + 1)
            if not (yield from keeping.troubled(after)):
                raise _Moved
            if after.status == "invalid":
                yield from outbox.add(events.expired(after, at=at, refreshes=grant.refreshes))
            elif not _alike(grant.trouble, trouble):
                told = {**events.facts(trouble), "refreshes": grant.refreshes or None}
                yield from audit.record(grant.application_id, "grant.failing", at=at, grant_id=grant.id, **told)
            if seen_at == at:
                told = {**events.facts(trouble), "failures": trouble.failures}
                yield from audit.record(grant.application_id, "grant.needs_attention", at=at, grant_id=grant.id, **told)
            # Until the provider has had its last word about it, a rotation that may have been lost stays in question.
            in_question = perishable and after.status == "valid" and (lost or lease.attempts > 1)
            yield from (leases.leave_open if in_question else leases.give_back)(lease)
            return after

        try:
            return replace(state, grant=await self.db.write(script()))
        except _Moved:
            # What failed is not what the grant holds now: nothing of it counts.
            await self.db.write(leases.give_back(lease))
            return await self._state(grant.application_id, grant.id)

    def _judged(
        self, grant: Grant, evidence: Evidence, verdict: Verdict, means: Means, *, at: Micros
    ) -> tuple[bool, Trouble]:
        """Whether this would end the grant, and its trouble from now on."""
        before = None if grant.trouble is None else grant.trouble.as_of(at)
        alike = before is not None and (before.kind, before.reason) == (verdict.kind, verdict.reason)
        failures = before.failures + 1 if before is not None and alike else 1
        reconnect = verdict.kind is Kind.RECONNECT
        asks_again = reconnect and (verdict.retryable or means == "password")
        # Whatever the second refusal's words are, it is the second.
        doubted = before is not None and before.suspected and before.kind == verdict.kind
        confirmed = before is not None and doubted and at >= (before.retry_at or 0)
        limited = verdict.kind is Kind.RATE_LIMITED
        wanted = verdict.retry_after or evidence.retry_after
        wait = self.schedule.again(failures, rate_limited=limited, wanted=wanted)
        if limited and evidence.retry_after is None and wanted is not None:
            # The least that such an answer asks for is no reason not to back off.
            wait = max(wait, self.schedule.again(failures, rate_limited=True, wanted=None))
        if verdict.kind in (Kind.CONNECTOR, Kind.BAD_REQUEST):
            wait = max(wait, _CONNECTOR_PAUSE)
        retry_at = at + (_INTERNAL_PAUSE if verdict.reason == brake.INTERNAL_ERROR else wait)
        suspected = asks_again and not confirmed
        if suspected and before is not None and doubted:
            retry_at = before.retry_at or retry_at  # asked for in between: it confirms nothing, and delays nothing
        elif suspected:
            retry_at = at + (int(wanted * SECOND) if wanted is not None else self.schedule.confirm_after)
        return reconnect and not suspected, Trouble(
            kind=verdict.kind.value,
            reason=verdict.reason,
            code=evidence.code or (str(evidence.status) if evidence.status is not None else evidence.step),
            remedy=verdict.remedy,
            first_seen=before.first_seen if before is not None and alike else at,
            last_seen=at,
            text=evidence.text.strip()[:_TEXT],
            failures=failures,
            suspected=suspected,
            retry_at=retry_at,
        )

    def _needs_attention(self, grant: Grant, verdict: Verdict, *, at: Micros) -> bool:
        """Whether it has only failed for so long, without a refusal that will end it, that a person has to look."""
        worked_at = grant.proven_at or grant.updated_at
        proof_was_due = self.schedule.next(grant, at=worked_at)
        overdue = proof_was_due is not None and at - proof_was_due >= self.schedule.attention_after
        return overdue and verdict.kind is not Kind.RECONNECT

    @staticmethod
    def _was_held(grant: Grant, trouble: Trouble) -> bool:
        """Its source has recovered since, and this grant has not: it is the grant."""
        before = grant.trouble
        return before is not None and before.held and _alike(before, trouble)

    # ── small things ──────────────────────────────────────────────────────────────────────────────────────────

    async def _state(self, application_id: str, grant_id: str) -> State:
        state = await self.db.read(keeping.state(application_id, grant_id))
        if state is None:
            raise GrantNotFound("Grant not found")
        return state

    def _open(self, state: State) -> dict[str, Any]:
        assert state.live is not None
        return cast(dict[str, Any], from_json(self.vault.open(state.live, self._owner(state.grant))))

    def _means_of(self, state: State) -> Means:
        """Also of a grant whose secret does not open: it is in trouble for that, and must not make more."""
        try:
            held = {} if state.live is None else self._open(state)
        except Unsealable:
            held = {}
        return _means(held, None if state.found is None else state.found.credential_type)

    @staticmethod
    def _owner(grant: Grant) -> Owner:
        return Owner(grant.application_id, "grant", grant.id, "live")

    @staticmethod
    def _host(grant: Grant) -> str | None:
        return grant.mail_host

    def _scope(self, grant: Grant) -> str:
        return grant.blames


def _least(grant: Grant) -> Micros:
    """The life that a token must have left to be handed out: a minute, or half of what it was made for."""
    return min(LIFE_LEFT, ((grant.token_expires_at or 0) - (grant.proven_at or 0)) // 2)


def _alike(before: Trouble | None, trouble: Trouble) -> bool:
    """Whether it is the same trouble still."""
    return before is not None and (before.kind, before.reason) == (trouble.kind, trouble.reason)


class _Moved(Exception):
    """The grant holds another credential by now."""


_TEXT = 300
"""Characters of a provider's sentence that a grant remembers."""
_ROTATION_LOST = (
    "An earlier refresh was cut off after the provider may have replaced the refresh token, and the stored one is"
    " refused. The mailbox owner must connect again."
)
_NO_TOKEN: Mapping[ProviderName, str] = {
    ProviderName.IMAP: "An IMAP grant has a password and no token. Use the password that you sent to connect it.",
    ProviderName.ICLOUD: "An iCloud grant has an app password and no token. Use the password that you sent.",
    ProviderName.EWS: "An Exchange (EWS) grant has a password and no token. Use the password that you sent.",
    ProviderName.VIRTUAL_CALENDAR: "A virtual calendar has no credential: there is nothing to ask for.",
    ProviderName.NYLAS: "An agent account has no token. Mail clients log in with its app password.",
}
_NO_REASON = Trouble(
    "reconnect", "connector_deleted", "", "Its connector or credential was deleted. Connect the mailbox again.", 0, 0
)
_LOST_RACE = Trouble("provider_down", "busy", "", "Try again in a moment.", 0, 0)


def _means(held: Mapping[str, Any], credential_type: str | None) -> Means:
    if "refresh_token" in held:
        return "token"
    return "bulk" if credential_type in ("serviceaccount", "adminconsent") else "password"
