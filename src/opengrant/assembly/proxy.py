"""Builds the services of the mail proxy."""

from opengrant import metrics
from opengrant.access.api_keys import ApiKeys
from opengrant.assembly.tools import Tools
from opengrant.grants.mail_logins import MailLogins
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_session import MailSessions
from opengrant.providers.registry import FACTS
from opengrant.proxy.logins import Logins
from opengrant.proxy.tokens import ProxyTokens
from opengrant.proxy.upstream import Upstream
from opengrant.settings import Settings


def build_proxy(settings: Settings, tools: Tools, api_keys: ApiKeys, logins: MailLogins) -> Logins:
    db, clock = tools.db, tools.clock
    # The operator names these hosts, a request cannot: no address is refused.
    trusted = _sessions(settings, Guard(parse_networks("0.0.0.0/0,::/0"), tools.network.resolver))
    guarded = _sessions(settings, tools.network.guard)
    return Logins(
        db=db,
        clock=clock,
        api_keys=api_keys,
        tokens=ProxyTokens(db=db, digests=tools.digests, clock=clock),
        upstream=Upstream(
            states=logins.states,
            logins=logins,
            sessions={name: trusted if facts.imap_host else guarded for name, facts in FACTS.items()},
        ),
    )


def _sessions(settings: Settings, guard: Guard) -> MailSessions:
    outbound = settings.outbound
    return MailSessions(
        guard,
        ca_file=outbound.ca_file,
        allow_plaintext=outbound.allow_plaintext,
        observe=metrics.observe_provider_call,
    )
