"""What the doors are handed: every service, built once."""

from dataclasses import dataclass

from opengrant.grants.activity import Activity
from opengrant.grants.ahead import Ahead
from opengrant.grants.aliases import Aliases
from opengrant.grants.applications import Applications
from opengrant.grants.audit import Audit
from opengrant.grants.connect import Connect
from opengrant.grants.connectors import Connectors
from opengrant.grants.credentials import Credentials
from opengrant.grants.deliveries import Deliveries
from opengrant.grants.detect import Detect
from opengrant.grants.domains import Domains
from opengrant.grants.exchange import Exchange
from opengrant.grants.hosted import Hosted
from opengrant.grants.idempotency import Idempotency
from opengrant.grants.installation import Readiness
from opengrant.grants.overview import Overview
from opengrant.grants.records import Records
from opengrant.grants.redirects import Redirects
from opengrant.grants.refresh import Refresh
from opengrant.grants.sessions import Sessions
from opengrant.grants.signatures import ServiceAccounts, Signatures
from opengrant.grants.timeline import Timeline
from opengrant.grants.tokens import Tokens
from opengrant.grants.trial import Trial
from opengrant.grants.webhooks import Webhooks
from opengrant.grants.workspaces import Workspaces
from opengrant.store.port import Store


@dataclass(frozen=True, slots=True)
class Services:
    """Built in app.py."""

    db: Store
    applications: Applications
    connectors: Connectors
    connect: Connect
    refresh: Refresh
    records: Records
    service_accounts: ServiceAccounts
    signatures: Signatures
    domains: Domains
    workspaces: Workspaces
    detect: Detect
    credentials: Credentials
    aliases: Aliases
    idempotency: Idempotency
    audit: Audit
    webhooks: Webhooks
    deliveries: Deliveries
    redirects: Redirects
    hosted: Hosted
    tokens: Tokens
    exchange: Exchange
    sessions: Sessions
    activity: Activity
    overview: Overview
    timeline: Timeline
    trial: Trial
    readiness: Readiness
    public_url: str | None
    """Base of links and redirect URIs; None: the request's own."""
    ahead: Ahead

    async def ready(self) -> list[str]:
        """What keeps this process from serving; empty when nothing does. Raises StoreUnavailable."""
        return await self.readiness.reasons()
