"""The connector check: finds wrong settings before a user meets them.

It sends the provider at most one request, which names no user and spends no user's token. It writes an entry of the
audit trail and changes nothing else, whatever the result is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from opengrant.access.in_flight import InFlightLimit
from opengrant.connectors.connectors import Connectors
from opengrant.domains.domains import Domains
from opengrant.errors import Evidence, NotFound, ProviderFailure
from opengrant.events import audit
from opengrant.model import Application, ClientApp, Clock, Connector, ProviderName
from opengrant.providers.base import ProvesClient, Reaches
from opengrant.providers.capabilities import Providers
from opengrant.providers.classify import classify
from opengrant.providers.registry import FACTS
from opengrant.providers.verdict import Kind, Verdict
from opengrant.store.connectors import connectors
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.port import Store

State = Literal["ok", "warning", "failed", "skipped"]

_NOT_REACHED: Mapping[str, str] = {
    "dns": "The name {host} cannot be resolved",
    "connect": "No connection to {host} comes about",
    "tls": "TLS with {host} fails",
    "reply": "{host} answers, but not as a token endpoint does",
}
"""Sentences by the step at which the connection failed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked. remedy: what to do about it; None when there is nothing to do."""

    name: str
    state: State
    text: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class CallbackUri:
    """Our redirect URI, as the caller sees us. fixed: it comes from the setting PUBLIC_URL."""

    uri: str
    fixed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorCheck:
    """Checks connectors; built once, in assembly/. A check counts as a verification under `limit`."""

    db: Store
    connectors: Connectors
    providers: Providers
    limit: InFlightLimit
    domains: Domains
    clock: Clock

    async def run(self, app: Application, provider: ProviderName, callback: CallbackUri) -> list[Step]:
        """Check with the client of the active credential. Raises NotFound, Overloaded."""
        found = await self.db.read(connectors.find_with_client(app.id, provider))
        if found is None:
            raise NotFound(f"This application has no {provider} connector.")
        with self.limit.bounded():
            steps = await self._steps(app, found, callback)
        failed = [step.name for step in steps if step.state == "failed"]
        await self.db.write(
            audit.record_alone(
                app.id,
                "connector.tested",
                at=self.clock(),
                connector_id=found.connector.id,
                provider=provider.value,
                credential_id=found.credential_id,
                failed=failed or None,
            )
        )
        return steps

    async def _steps(self, app: Application, found: WithClient, callback: CallbackUri) -> list[Step]:
        name = found.connector.provider
        if (provider := self.providers.clients.get(name)) is not None:
            client = self.connectors.client(found) if found.client is not None else None
            return [
                _client(found, client),
                *await _accepted(name, provider, client),
                _scopes(found.connector, provider),
                _redirect_uri(name, callback),
            ]
        if (server := self.providers.servers.get(name)) is not None:
            return [await _reached(name, server)]
        if FACTS[name].own_domain:
            return [await self._domain(app)]
        return [Step("Client", "skipped", FACTS[name].clientless)]

    async def _domain(self, app: Application) -> Step:
        if (domain := await self.domains.any_verified(app)) is not None:
            return Step("Domain", "ok", f"Agent Accounts can live on {domain.address}.")
        return Step(
            "Domain",
            "failed",
            "There is no domain for Agent Accounts.",
            "Register one and verify it: `opengrant domains add`, or POST /v3/admin/domains.",
        )


def _client(found: WithClient, client: ClientApp | None) -> Step:
    path = f"PATCH /v3/connectors/{found.connector.provider}"
    if client is None:
        return Step(
            "Client", "failed", "The active credential holds no client.", f"Send client_id and client_secret: {path}."
        )
    for name, value in (("client_id", client.client_id), ("client_secret", client.client_secret.get_secret_value())):
        if value != value.strip():
            text = f"There is white space around the {name}."
            return Step("Client", "failed", text, f"Send it again without: {path}.")
    return Step("Client", "ok", "The active credential holds a client id and a client secret.")


async def _accepted(name: ProviderName, provider: ProvesClient, client: ClientApp | None) -> tuple[Step, Step]:
    """The token endpoint and its answer about the client: one request serves both steps."""
    if client is None:
        text = "Not asked: there is no client to ask with."
        return Step("Token endpoint", "skipped", text), Step("Client accepted", "skipped", text)
    host = urlsplit(provider.token_endpoint(client)).netloc
    reached = Step("Token endpoint", "ok", f"{host} answers.")
    try:
        doubt = await provider.prove_client(client)
    except ProviderFailure as failure:
        evidence, verdict = failure.evidence, classify(failure.evidence)
        if verdict.kind is Kind.PROVIDER_DOWN or verdict.reason == "endpoint_wrong":
            unknown = Step("Client accepted", "skipped", "Not known: the token endpoint gave no answer to go by.")
            return Step("Token endpoint", "failed", _not_reached(host, evidence), verdict.remedy), unknown
        return reached, _judged(name, evidence, verdict)
    if doubt is not None:
        remedy = "Sign in once with an account of your own."
        return reached, Step("Client accepted", "warning", doubt, remedy)
    return reached, Step("Client accepted", "ok", f"{FACTS[name].speaks_as} accepts the client.")


def _judged(name: ProviderName, evidence: Evidence, verdict: Verdict) -> Step:
    """The step for a provider's refusal."""
    said = f": {evidence.text}" if evidence.text else "."
    if verdict.kind is Kind.CONNECTOR:
        return Step("Client accepted", "failed", f"{FACTS[name].speaks_as} refuses the client{said}", verdict.remedy)
    if verdict.kind is Kind.RATE_LIMITED:
        return Step("Client accepted", "warning", f"{FACTS[name].speaks_as} asks us to slow down{said}", verdict.remedy)
    # No account takes part, so other refusals say nothing about the client.
    return Step(
        "Client accepted",
        "warning",
        f"{FACTS[name].speaks_as} gives an answer that proves nothing{said}",
        verdict.remedy,
    )


def _not_reached(host: str, evidence: Evidence) -> str:
    if evidence.status is not None and evidence.step == "http":
        return f"{host} answers {evidence.status}{f': {evidence.text}' if evidence.text else '.'}"
    how = _NOT_REACHED.get(evidence.step, "{host} gives no answer").format(host=host)
    return f"{how} ({evidence.code}){f': {evidence.text}' if evidence.text else '.'}"


def _scopes(connector: Connector, provider: ProvesClient) -> Step:
    if lacking := provider.lacking_scope(connector.scope):
        have = "The default scopes lack" if connector.scope else "There are no default scopes; the connector lacks"
        return Step(
            "Scopes",
            "warning",
            f"{have} {' and '.join(lacking)}. Without them, the mailbox's owner cannot be found, or it does not stay"
            " connected. Hosted sign-in asks for them by itself.",
            f"Where you ask for consent yourself, ask for them too. PATCH /v3/connectors/{connector.provider} changes"
            " the default.",
        )
    if not connector.scope:
        return Step(
            "Scopes",
            "ok",
            f"{FACTS[connector.provider].speaks_as} knows the scopes of the app; none need be listed here.",
        )
    return Step("Scopes", "ok", "The default scopes are enough to find the address.")


def _redirect_uri(name: ProviderName, callback: CallbackUri) -> Step:
    """The redirect URI to register; only a sign-in shows whether it is registered."""
    register = f"For hosted sign-in, register exactly this redirect URI at {FACTS[name].speaks_as}: {callback.uri}"
    if not callback.fixed:
        return Step(
            "Redirect URI",
            "warning",
            f"{register} (made of the host that this request came to).",
            "Set OPENGRANT_PUBLIC_URL to the address that browsers use, so that it cannot change.",
        )
    parts = urlsplit(callback.uri)
    if parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
        return Step(
            "Redirect URI",
            "warning",
            f"{register}. Providers take https only.",
            "Serve OpenGrant behind https and set OPENGRANT_PUBLIC_URL to that address.",
        )
    return Step("Redirect URI", "ok", f"{register}.")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _reached(name: ProviderName, provider: Reaches) -> Step:
    try:
        host = await provider.reach()
    except ProviderFailure as failure:
        evidence = failure.evidence
        text = f"{FACTS[name].speaks_as}'s mail server cannot be reached ({evidence.step}: {evidence.code})."
        return Step("Mail server", "failed", text, classify(evidence).remedy)
    return Step("Mail server", "ok", f"{host} answers. Each mailbox is proven when it is connected.")
