"""/v3/connectors: one provider's app settings in an application."""

from typing import Literal

from opengrant.api.connect import provider_of
from opengrant.api.http.routes import Call, callback_uri, decode, route
from opengrant.api.wire import grants as wire
from opengrant.errors import InvalidRequest, NotFound, Overloaded
from opengrant.grants.connector_check import Callback, Step
from opengrant.model import ProviderName

TAG = "Connectors"


class TrialStep(wire.Model):
    """One thing that was looked at."""

    name: str
    """Client, Token endpoint, Client accepted, Scopes, Redirect URI; Mail server; or Domain."""
    state: Literal["ok", "warning", "failed", "skipped"]
    """`warning`: it works, or may, and should be looked at. `skipped`: there was nothing to look at."""
    text: str
    """For people: what was found."""
    remedy: str | None = None
    """What to do about it."""

    @classmethod
    def of(cls, step: Step) -> "TrialStep":
        return cls.model_construct(name=step.name, state=step.state, text=step.text, remedy=step.remedy)


class TrialResult(wire.Model):
    """What came of a test."""

    ok: bool
    """No step has failed."""
    steps: list[TrialStep]
    """What was looked at, in order."""

    @classmethod
    def of(cls, steps: list[Step]) -> "TrialResult":
        ok = all(step.state != "failed" for step in steps)
        return cls.model_construct(ok=ok, steps=[TrialStep.of(step) for step in steps])


@route(
    "POST",
    "/v3/connectors",
    tag=TAG,
    body=wire.ConnectorVariant,
    answers=wire.Connector,
    status=201,
    errors=(InvalidRequest,),
)
async def create_connector(call: Call) -> wire.Answer:
    """Create a connector.

    One per provider. For OAuth providers its client becomes the connector's primary credential.
    """
    sent = call.json()
    provider = provider_of(sent)
    draft = decode(wire.CONNECTOR[provider], sent).to_model()
    return wire.Connector.of(await call.services.connectors.create(call.application, provider, draft))


@route(
    "GET", "/v3/connectors", tag=TAG, query=wire.Paging, answers=wire.Connector, listed=True, errors=(InvalidRequest,)
)
async def list_connectors(call: Call) -> tuple[list[wire.Answer], wire.Paging]:
    """List connectors, in order of creation."""
    paging = call.query(wire.Paging)
    found = await call.services.connectors.page(call.application, limit=paging.size, offset=paging.offset)
    return [wire.Connector.of(connector) for connector in found], paging


@route("GET", "/v3/connectors/{provider}", tag=TAG, answers=wire.Connector, errors=(NotFound,))
async def get_connector(call: Call) -> wire.Answer:
    """Get a connector."""
    return wire.Connector.of(await call.services.connectors.get(call.application, provider_in_path(call)))


@route(
    "PATCH",
    "/v3/connectors/{provider}",
    tag=TAG,
    body=wire.ConnectorPatch,
    answers=wire.Connector,
    errors=(InvalidRequest, NotFound),
    also="PUT",
)
async def update_connector(call: Call) -> wire.Answer:
    """Change a connector.

    Omitted fields stay. `settings` replaces what may be read; a client id or secret that is left out stays. Both are
    those of the credential that was made with the connector, whichever is active: to change one changes the other.
    """
    provider = provider_in_path(call)
    draft = call.read(wire.ConnectorPatch).to_model()
    return wire.Connector.of(await call.services.connectors.update(call.application, provider, draft))


@route("DELETE", "/v3/connectors/{provider}", tag=TAG, errors=(NotFound,))
async def delete_connector(call: Call) -> None:
    """Delete a connector with its credentials.

    Its grants become invalid at once. They keep their ids and come back to life when their mailboxes
    connect again through a new connector. Nothing is revoked at the provider.
    """
    await call.services.connectors.delete(call.application, provider_in_path(call))


@route(
    "POST",
    "/v3/connectors/{provider}/test",
    tag=TAG,
    answers=TrialResult,
    errors=(NotFound, Overloaded),
)
async def test_connector(call: Call) -> TrialResult:
    """Test a connector before any user does.

    Asks the provider whether it accepts the client of the active credential, without any user's token, and says step
    by step what was found. Answers 200 also when a step fails: `ok` tells. No grant is touched by it.
    """
    callback = Callback(callback_uri(call), fixed=call.services.public_url is not None)
    return TrialResult.of(await call.services.connector_check.run(call.application, provider_in_path(call), callback))


def provider_in_path(call: Call) -> ProviderName:
    """The provider that the path names. Raises NotFound."""
    name = call.params["provider"]
    if name not in set(ProviderName):
        raise NotFound(f"There is no provider of that name. One of {', '.join(ProviderName)}.")
    return ProviderName(name)
