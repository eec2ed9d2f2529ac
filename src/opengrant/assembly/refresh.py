"""Puts the parts of grants/refresh together."""

from collections.abc import Mapping

from opengrant.connectors.connectors import Connectors
from opengrant.events.activity import Activity, Observe
from opengrant.grants.connect.rotated_tokens import Successors
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
from opengrant.grants.refresh.results import Results
from opengrant.grants.refresh.state import States
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import Spool
from opengrant.model import Clock, ProviderName
from opengrant.providers.base import Mints
from opengrant.store.engine.port import Store
from opengrant.store.grants.refreshing import Rates
from opengrant.vault import Vault
from opengrant.vault.digests import Digests


def build_refresh(
    *,
    db: Store,
    vault: Vault,
    digests: Digests,
    connectors: Connectors,
    providers: Mapping[ProviderName, object],
    bulk: Mapping[ProviderName, Mints],
    schedule: Schedule,
    policy: Policy,
    rates: Rates,
    spool: Spool,
    clock: Clock,
    observe: Observe,
    late: Late,
    activity: Activity,
    timeout: float,
    capacity: Capacity,
) -> Refresh:
    """timeout: seconds that one call of an HTTP provider may take."""
    states = States(db=db, vault=vault)
    breakers = CircuitBreakers(db=db, clock=clock, policy=policy, dice=schedule.dice)
    pending = PendingWrites(db=db, clock=clock, schedule=schedule, spool=spool)
    leases = Leases(db=db, clock=clock, pending=pending, rates=rates, policy=policy, timeout=timeout)
    attempt = Attempt(
        db=db,
        call=ProviderCall(
            states=states,
            rotated_tokens=Successors(db, vault, digests),
            digests=digests,
            connectors=connectors,
            providers=providers,
            bulk=bulk,
            timeout=timeout,
        ),
        results=Results(
            db=db, clock=clock, states=states, schedule=schedule, breakers=breakers, pending=pending
        ),
        failures=Failures(db=db, clock=clock, states=states, schedule=schedule, breakers=breakers),
        observe=observe,
        activity=activity,
    )
    attempts = SharedAttempts(db=db, states=states, leases=leases, attempt=attempt, timeout=timeout)
    return Refresh(
        tokens=LiveTokens(db=db, clock=clock, states=states, schedule=schedule, attempts=attempts),
        checks=Checks(db=db, clock=clock, states=states, breakers=breakers, attempts=attempts),
        due=DueGrants(
            db=db, clock=clock, leases=leases, attempt=attempt, breakers=breakers, capacity=capacity, late=late
        ),
        attempts=attempts,
        capacity=capacity,
        pending=pending,
    )
