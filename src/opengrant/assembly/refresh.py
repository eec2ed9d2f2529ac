"""Puts the parts of grants/refresh together."""

from dataclasses import dataclass

from opengrant.connectors.connectors import Connectors
from opengrant.events.activity import Activity, Observe
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.refresh.attempt import Attempt, SharedAttempts
from opengrant.grants.refresh.capacity import Capacity
from opengrant.grants.refresh.check import Checks
from opengrant.grants.refresh.circuit_breaker import CircuitBreakers, Policy
from opengrant.grants.refresh.clock import DueGrants, Late
from opengrant.grants.refresh.failures import Failures
from opengrant.grants.refresh.leases import Leases
from opengrant.grants.refresh.live_token import LiveTokens
from opengrant.grants.refresh.pending_writes import PendingWrites
from opengrant.grants.refresh.provider_call import ProviderCall
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.reported import ReportedRefusals
from opengrant.grants.refresh.results import Results
from opengrant.grants.refresh.state import States
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import Spool
from opengrant.model import Clock
from opengrant.providers.capabilities import Providers
from opengrant.store.engine.port import Store
from opengrant.store.grants.paces import Rates
from opengrant.vault import Vault
from opengrant.vault.digests import Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an operator sets.

    timeout      seconds that one call of an HTTP provider may take
    concurrency  grants that the clock looks after at once; proofs: passwords among them (see Capacity)
    """

    timeout: float
    concurrency: int
    proofs: int
    policy: Policy
    rates: Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """Where refreshes are counted."""

    observe: Observe
    late: Late
    activity: Activity


def build_refresh(
    *,
    db: Store,
    clock: Clock,
    vault: Vault,
    digests: Digests,
    connectors: Connectors,
    providers: Providers,
    schedule: Schedule,
    spool: Spool,
    rotated_tokens: RotatedTokens,
    limits: Limits,
    meters: Meters,
) -> Refresh:
    states = States(db=db, vault=vault)
    call = ProviderCall(
        states=states,
        rotated_tokens=rotated_tokens,
        digests=digests,
        connectors=connectors,
        providers=providers,
        timeout=limits.timeout,
    )
    pending = PendingWrites(db=db, clock=clock, schedule=schedule, spool=spool)
    return _around(call, pending, limits, meters)


def _around(call: ProviderCall, pending: PendingWrites, limits: Limits, meters: Meters) -> Refresh:
    db, clock, schedule, states = pending.db, pending.clock, pending.schedule, call.states
    policy = limits.policy
    breakers = CircuitBreakers(db=db, clock=clock, policy=policy, schedule=schedule)
    capacity = Capacity(concurrency=limits.concurrency, proofs=limits.proofs)
    leases = Leases(db=db, clock=clock, pending=pending, rates=limits.rates, policy=policy, timeout=limits.timeout)
    attempt = Attempt(
        db=db,
        call=call,
        results=Results(db=db, clock=clock, states=states, schedule=schedule, breakers=breakers, pending=pending),
        failures=Failures(db=db, clock=clock, states=states, schedule=schedule, breakers=breakers),
        observe=meters.observe,
        activity=meters.activity,
    )
    attempts = SharedAttempts(db=db, states=states, leases=leases, attempt=attempt, timeout=limits.timeout)
    return Refresh(
        tokens=LiveTokens(db=db, clock=clock, states=states, schedule=schedule, attempts=attempts),
        checks=Checks(db=db, clock=clock, states=states, breakers=breakers, attempts=attempts),
        due=DueGrants(
            db=db,
            clock=clock,
            leases=leases,
            attempt=attempt,
            breakers=breakers,
            capacity=capacity,
            late=meters.late,
        ),
        attempts=attempts,
        capacity=capacity,
        pending=pending,
        reported=ReportedRefusals(db=db, leases=leases, attempt=attempt),
    )
