"""Builds the services that turn credentials into grants."""

from dataclasses import dataclass

from opengrant.access.in_flight import InFlightLimit
from opengrant.connectors.connectors import Connectors
from opengrant.domains.domains import Domains
from opengrant.events.activity import Activity, Observe
from opengrant.grants.connect.connect import Connect
from opengrant.grants.connect.exchange import RefreshTokenExchange
from opengrant.grants.connect.prove import Prove
from opengrant.grants.connect.record import Record
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.connect.rows import GrantRows
from opengrant.grants.schedule import Schedule
from opengrant.grants.stored_credential import StoredCredentials
from opengrant.model import Clock
from opengrant.providers.capabilities import Providers
from opengrant.store.engine.port import Store
from opengrant.tenants.workspaces import Workspaces
from opengrant.vault import Vault
from opengrant.vault.digests import Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRoom:
    """Connect, and the parts of it that other rooms use."""

    connect: Connect
    limit: InFlightLimit
    rotated_tokens: RotatedTokens
    stored: StoredCredentials


def build_connect(
    *,
    db: Store,
    vault: Vault,
    digests: Digests,
    clock: Clock,
    connectors: Connectors,
    providers: Providers,
    domains: Domains,
    workspaces: Workspaces,
    activity: Activity,
    schedule: Schedule,
    rotated_tokens: RotatedTokens,
    observe: Observe,
    limit: int,
    timeout: float,
) -> ConnectRoom:
    """limit: verifications at once. timeout: seconds that one call of a provider may take."""
    in_flight = InFlightLimit(limit=limit)
    rows = GrantRows(vault=vault, digests=digests, providers=providers, schedule=schedule, clock=clock)
    connect = Connect(
        db=db,
        limit=in_flight,
        domains=domains,
        prove=Prove(connectors=connectors, providers=providers, observe=observe),
        exchange=RefreshTokenExchange(
            db=db,
            rotated=rotated_tokens,
            connectors=connectors,
            providers=providers,
            clock=clock,
            observe=observe,
            timeout=timeout,
        ),
        record=Record(db=db, domains=domains, workspaces=workspaces, activity=activity, rows=rows),
    )
    stored = StoredCredentials(db=db, vault=vault, rotated=rotated_tokens, providers=providers)
    return ConnectRoom(connect=connect, limit=in_flight, rotated_tokens=rotated_tokens, stored=stored)
