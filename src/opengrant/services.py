"""Every service, built once: what routes and jobs are given."""

from dataclasses import dataclass

from opengrant.access.api_keys import ApiKeys
from opengrant.access.console_sessions import ConsoleSessions
from opengrant.access.idempotency import Idempotency
from opengrant.access.request_signatures import Signatures
from opengrant.access.service_accounts import ServiceAccounts
from opengrant.calendars.feeds import Feeds
from opengrant.calendars.ics_store import IcsImport
from opengrant.calendars.rederiving import Rederiving
from opengrant.calendars.service import CalendarService
from opengrant.connectors.check import ConnectorCheck
from opengrant.connectors.connectors import Connectors
from opengrant.connectors.credentials import Credentials
from opengrant.domains.domains import Domains
from opengrant.domains.verification import DomainVerification
from opengrant.events.activity import Activity
from opengrant.events.audit import Audit
from opengrant.events.deliveries import Deliveries
from opengrant.events.sending import DeliverySender
from opengrant.events.webhooks import Webhooks
from opengrant.grants.aliases import Aliases
from opengrant.grants.connect.connect import Connect
from opengrant.grants.connect.detect import Detect
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.handover import Handover
from opengrant.grants.history import Timeline
from opengrant.grants.key_and_grant import KeyAndGrant
from opengrant.grants.manage import Grants
from opengrant.grants.refresh.refresh import Refresh
from opengrant.imports.checking import Checking
from opengrant.imports.exporting import Exporting
from opengrant.imports.imports import Imports
from opengrant.imports.loading import Loading
from opengrant.imports.remaining import Remaining
from opengrant.imports.restoring import Restoring
from opengrant.imports.working import ImportWork
from opengrant.mail.contacts import Contacts
from opengrant.mail.drafts import Drafts
from opengrant.mail.metadata import MessageMetadata
from opengrant.mail.readings import MailReadings
from opengrant.mail.schedules.schedules import Schedules
from opengrant.mail.schedules.scheduling import Scheduling
from opengrant.mail.schedules.sending import ScheduledSender
from opengrant.mail.sending import Sending
from opengrant.mail.service import MailService
from opengrant.mail.signatures import Signatures as MailSignatures
from opengrant.mail.watching.watching import Watching
from opengrant.operations.about import About
from opengrant.operations.address_index import AddressIndex
from opengrant.operations.clock_steps import ClockSteps
from opengrant.operations.grant_counts import GrantCounts
from opengrant.operations.overview import Overview
from opengrant.operations.readiness import Readiness
from opengrant.operations.request_log import RequestLog
from opengrant.proxy.logins import Logins
from opengrant.proxy.tokens import ProxyTokens
from opengrant.signin.hosted import Hosted
from opengrant.signin.token_endpoint import TokenEndpoint
from opengrant.signin.token_reader import TokenReader
from opengrant.signin.tokens import AccessTokens
from opengrant.store.engine.port import Store
from opengrant.tenants.applications import Applications
from opengrant.tenants.grouping import Grouping
from opengrant.tenants.redirect_uris import RedirectUris
from opengrant.tenants.workspaces import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services, by room. Built in assembly/rooms.py.

    public_url  base of links and redirect URIs; None: the origin of the request
    """

    db: Store
    public_url: str | None
    # tenants
    applications: Applications
    redirects: RedirectUris
    workspaces: Workspaces
    grouping: Grouping
    # access
    api_keys: ApiKeys
    sessions: ConsoleSessions
    service_accounts: ServiceAccounts
    signatures: Signatures
    idempotency: Idempotency
    # domains
    domains: Domains
    domain_verification: DomainVerification
    # connectors
    connectors: Connectors
    credentials: Credentials
    connector_check: ConnectorCheck
    # grants
    grants: Grants
    key_and_grant: KeyAndGrant
    connect: Connect
    rotated_tokens: RotatedTokens
    detect: Detect
    refresh: Refresh
    aliases: Aliases
    handover: Handover
    timeline: Timeline
    # imports
    import_loading: Loading
    import_checking: Checking
    import_remaining: Remaining
    exporting: Exporting
    restoring: Restoring
    imports: Imports
    import_work: ImportWork
    # calendars
    calendars: CalendarService
    rederiving: Rederiving
    feeds: Feeds
    ics_import: IcsImport
    # mail
    mail: MailService
    mail_readings: MailReadings
    watching: Watching
    sending: Sending
    drafts: Drafts
    schedules: Schedules
    scheduling: Scheduling
    scheduled_sender: ScheduledSender
    mail_signatures: MailSignatures
    mail_metadata: MessageMetadata
    contacts: Contacts
    # proxy
    proxy_tokens: ProxyTokens
    proxy_logins: Logins
    # signin
    hosted: Hosted
    tokens: AccessTokens
    token_reader: TokenReader
    exchange: TokenEndpoint
    # events
    activity: Activity
    audit: Audit
    webhooks: Webhooks
    deliveries: Deliveries
    delivery_sender: DeliverySender
    # operations
    about: About
    overview: Overview
    grant_counts: GrantCounts
    address_index: AddressIndex
    requests: RequestLog
    readiness: Readiness
    ahead: ClockSteps
