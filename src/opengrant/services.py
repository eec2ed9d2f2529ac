"""Every service, built once: what routes and jobs are given."""

from dataclasses import dataclass

from opengrant.access.api_keys import ApiKeys
from opengrant.access.console_sessions import ConsoleSessions
from opengrant.access.idempotency import Idempotency
from opengrant.access.request_signatures import Signatures
from opengrant.access.service_accounts import ServiceAccounts
from opengrant.connectors.check import ConnectorCheck
from opengrant.connectors.connectors import Connectors
from opengrant.connectors.credentials import Credentials
from opengrant.domains.domains import Domains
from opengrant.events.activity import Activity
from opengrant.events.audit import Audit
from opengrant.events.deliveries import Deliveries
from opengrant.events.sending import DeliverySender
from opengrant.events.webhooks import Webhooks
from opengrant.grants.aliases import Aliases
from opengrant.grants.connect.connect import Connect
from opengrant.grants.connect.detect import Detect
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.history import Timeline
from opengrant.grants.manage import Grants
from opengrant.grants.refresh.refresh import Refresh
from opengrant.operations.clock_steps import Ahead
from opengrant.operations.master_keys import Readiness
from opengrant.operations.overview import Overview
from opengrant.signin.hosted import Hosted
from opengrant.signin.token_endpoint import TokenEndpoint
from opengrant.signin.token_reader import TokenReader
from opengrant.signin.tokens import Tokens
from opengrant.store.engine.port import Store
from opengrant.tenants.applications import Applications
from opengrant.tenants.redirect_uris import Redirects
from opengrant.tenants.workspaces import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built in assembly/rooms.py."""

    db: Store
    applications: Applications
    api_keys: ApiKeys
    connectors: Connectors
    connect: Connect
    rotated_tokens: RotatedTokens
    refresh: Refresh
    grants: Grants
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
    delivery_sender: DeliverySender
    redirects: Redirects
    hosted: Hosted
    tokens: Tokens
    token_reader: TokenReader
    exchange: TokenEndpoint
    sessions: ConsoleSessions
    activity: Activity
    overview: Overview
    timeline: Timeline
    connector_check: ConnectorCheck
    readiness: Readiness
    public_url: str | None
    """Base of links and redirect URIs; None: the request's own."""
    ahead: Ahead

    async def ready(self) -> list[str]:
        """What keeps this process from serving; empty when nothing does. Raises StoreUnavailable."""
        return await self.readiness.reasons()
