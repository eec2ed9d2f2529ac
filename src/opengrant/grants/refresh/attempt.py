"""One attempt: ask the provider under a lease and write the result. Concurrent callers share it."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field

import structlog

from opengrant import failpoints
from opengrant.errors import Evidence, GrantNotFound, OpenGrantError, Overloaded, ProviderFailure, StoreUnavailable
from opengrant.events.activity import REFRESHED, Activity, Observe
from opengrant.grants.refresh import circuit_breaker
from opengrant.grants.refresh.failures import Failures
from opengrant.grants.refresh.leases import Leases
from opengrant.grants.refresh.provider_call import ProviderCall
from opengrant.grants.refresh.results import CallersEntry, Results
from opengrant.grants.refresh.state import States
from opengrant.model import Grant
from opengrant.providers.classify import of_a_proven_credential
from opengrant.providers.verdict import Kind, Verdict
from opengrant.store.engine.port import Store
from opengrant.store.grants import leases
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import State

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Built once, in assembly/refresh.py."""

    db: Store
    call: ProviderCall
    results: Results
    failures: Failures
    observe: Observe
    activity: Activity

    async def make(self, state: State, lease: Lease, caller: CallersEntry | None = None) -> State:
        """Ask the provider, write the result, give the lease back. Returns the state after that.

        Raises Overloaded, StoreUnavailable, GrantNotFound.
        """
        failpoints.point("refresh.leased")
        began = time.perf_counter()
        provider = state.grant.provider.value
        try:
            answer = await self.call.spend(state)
        except (Overloaded, StoreUnavailable):
            # A limit of this process says nothing about the grant or its provider.
            await self.db.write(leases.put_back(lease))
            raise
        except ProviderFailure as failure:
            verdict = of_a_proven_credential(failure.evidence)
            self._count(state.grant, verdict.kind.value, began)
            failpoints.point("refresh.refused")
            return await self.failed(state, lease, failure.evidence, verdict)
        except OpenGrantError as problem:
            self._count(state.grant, Kind.BAD_REQUEST.value, began)
            evidence = Evidence(provider, "token", "reply", code=problem.type, text=problem.message, sent=False)
            verdict = Verdict(Kind.BAD_REQUEST, "not_usable", problem.message)
            return await self.failed(state, lease, evidence, verdict)
        except Exception:
            # A fault of this grant alone is stored as its trouble: without it, the clock would retry at once, for ever.
            log.exception("refresh_broken", grant_id=state.grant.id, provider=provider)
            code = circuit_breaker.INTERNAL_ERROR
            evidence = Evidence(provider, "token", "reply", code=code, sent=False)
            verdict = Verdict(Kind.UNKNOWN, code, "This is a fault of OpenGrant: its log says more.")
            self.activity.count(state.grant.application_id, state.grant.provider, verdict.kind.value)
            return await self.failed(state, lease, evidence, verdict)
        self._count(state.grant, None, began)
        failpoints.point("refresh.answered")
        return await self.results.keep(state, lease, answer, caller)

    async def failed(self, state: State, lease: Lease, evidence: Evidence, verdict: Verdict) -> State:
        """Write a failure and give the lease back. Returns the state after that."""
        return await self.failures.keep(state, lease, self.call.failure(state, lease, evidence, verdict))

    def _count(self, grant: Grant, failure: str | None, began: float) -> None:
        """For metrics and statistics. failure: the verdict's kind; None: accepted."""
        self.observe(grant.provider.value, failure or "accepted", time.perf_counter() - began)
        self.activity.count(grant.application_id, grant.provider, failure or REFRESHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedAttempts:
    """Attempts on request: one for each generation of a grant, which all callers of this process wait for.

    Built once, in assembly/refresh.py. timeout: seconds that one call of an HTTP provider may take.
    """

    states: States
    leases: Leases
    attempt: Attempt
    db: Store
    timeout: float
    _running: dict[tuple[str, str, int], "asyncio.Task[State]"] = field(default_factory=dict)

    @property
    def running(self) -> "list[asyncio.Task[State]]":
        return list(self._running.values())

    async def advance(self, seen: State, caller: CallersEntry | None = None) -> State:
        """Join the attempt for this generation or start it. It continues when its callers are cancelled.

        caller  who starts the attempt; those who join it store their entries themselves

        Raises Overloaded, StoreUnavailable, GrantNotFound.
        """
        grant = seen.grant
        key = (grant.application_id, grant.id, grant.generation)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._lease_and_ask(grant, caller))
            task.add_done_callback(lambda _: self._running.pop(key))
        return await asyncio.shield(task)

    async def _lease_and_ask(self, grant: Grant, caller: CallersEntry | None) -> State:
        """Take the lease and ask, or wait for the result of the process that has it."""
        pause, owner = 0.02, str(uuid.uuid4())
        patience = asyncio.get_running_loop().time() + self.timeout + 2
        while True:
            lease, state = await self.leases.take(grant, owner)
            if state is None:
                if lease is not None:
                    await self.db.write(leases.give_back(lease))
                raise GrantNotFound("Grant not found")
            now = state.grant
            moved = now.generation != grant.generation or now.status == "invalid"
            failed = now.trouble is not None and now.trouble != grant.trouble
            if lease is not None and not moved:
                return await self.attempt.make(state, lease, caller)
            if lease is not None:
                await self.db.write(leases.give_back(lease))
            if moved or failed:
                return state
            if asyncio.get_running_loop().time() > patience:
                raise Overloaded("Another process is renewing this grant and takes long. Try again.", retry_after=2)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.25)
