"""Agent Accounts and virtual calendars, as data. docs/providers/ says the same at length."""

from opengrant.model import ProviderName
from opengrant.providers.facts import Facts, Guide

VIRTUAL_CALENDAR = Facts(
    name=ProviderName.VIRTUAL_CALENDAR,
    speaks_as="The virtual calendar",
    holds="nothing",
    tokenless="A virtual calendar has no credential.",
    clientless="Virtual calendars have no provider: nothing can be refused.",
    identifier=True,
    calendar="virtual",
    mail="none",
    claimed_address=True,
    guide=Guide(
        "Virtual calendar",
        steps=("Create the connector: it needs no settings. Nothing is registered anywhere.",),
    ),
)

AGENT_ACCOUNT = Facts(
    name=ProviderName.NYLAS,
    speaks_as="The agent account",
    holds="nothing",
    tokenless="An agent account has no token. Mail clients log in with its app password.",
    own_domain=True,
    calendar="hosted",
    guide=Guide(
        "Agent Accounts",
        steps=(
            "Register a domain: `opengrant domains add`, or POST /v3/admin/domains.",
            (
                "Publish the TXT record that it names, then verify: `opengrant domains verify`, or POST"
                " /v3/admin/domains/{domain_id}/verify."
            ),
            "Create the connector: it needs no settings.",
        ),
    ),
)
