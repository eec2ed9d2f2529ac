"""Connectors on the wire: one body for each kind of provider, and what an answer shows."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from opengrant.api.wire.fields import (
    Answer,
    AnyScopes,
    Id,
    Maybe,
    Model,
    Name,
    OrNull,
    Settings,
    Tenant,
    examples,
    first_sent,
    named,
    trim,
    trimmed,
)
from opengrant.connectors.check import Step
from opengrant.connectors.connectors import ConnectorFields
from opengrant.model import Connector as ConnectorNoun
from opengrant.model import ProviderName


class Connector(Model):
    """An application's settings for one provider."""

    name: str
    provider: ProviderName
    settings: dict[str, Any]
    """What may be read again: client_id, tenant, topic_name."""
    scope: list[str]
    """Default scopes of grants made through it."""
    active_credential_id: str | None = None
    """The credential used when a request names none."""

    @staticmethod
    def of(connector: ConnectorNoun) -> Answer:
        answer: Answer = {
            "name": connector.name,
            "provider": connector.provider,
            "settings": connector.settings,
            "scope": connector.scope,
        }
        if connector.active_credential_id is not None:
            answer["active_credential_id"] = connector.active_credential_id
        return answer


ClientId = Annotated[str, trimmed(512)]
ClientSecret = Annotated[SecretStr, Field(min_length=1, max_length=4096), BeforeValidator(trim)]


class ConnectorSettings(Settings):
    """The settings of every connector."""

    def client(self) -> tuple[str | None, SecretStr | None]:
        """The client's id and secret."""
        return None, None

    def readable(self) -> dict[str, str]:
        """The settings that answers show."""
        return {}


class ClientSettings(ConnectorSettings):
    """The client that your users' refresh tokens were issued to."""

    client_id: ClientId
    """As the provider shows it."""
    client_secret: ClientSecret
    """Write-only: it is sealed, and never shown again."""

    def client(self) -> tuple[str | None, SecretStr | None]:
        return self.client_id, self.client_secret


class GoogleConnectorSettings(ClientSettings):
    topic_name: Maybe[Annotated[str, trimmed(512)]] = None
    """Pub/Sub topic for mail notifications."""

    def readable(self) -> dict[str, str]:
        return _sent(topic_name=self.topic_name)


class MicrosoftConnectorSettings(ClientSettings):
    tenant: Annotated[Tenant, OrNull] = "common"
    """common, organizations, consumers, a tenant's GUID or its domain."""

    def readable(self) -> dict[str, str]:
        return {"tenant": self.tenant}


def _sent(**settings: str | None) -> dict[str, str]:
    return {name: value for name, value in settings.items() if value is not None}


class _ConnectorBody(Model):
    name: Maybe[Name] = None
    """For people."""
    scope: AnyScopes = None
    """Default scopes of grants made through this connector."""
    scopes: AnyScopes = None
    """The same as scope."""

    def to_model(self) -> ConnectorFields:
        settings: ConnectorSettings | None = self.settings  # type: ignore[attr-defined] # every variant has its own
        if settings is None:
            return ConnectorFields(name=self.name, scope=first_sent(self.scope, self.scopes))
        client_id, client_secret = settings.client()
        return ConnectorFields(
            name=self.name,
            settings=settings.readable(),
            client_id=client_id,
            client_secret=client_secret,
            scope=first_sent(self.scope, self.scopes, settings.scope, settings.scopes),
        )


class GoogleConnector(_ConnectorBody):
    """**Google.** The OAuth client that your users' refresh tokens were issued to."""

    model_config = named(
        "Google",
        {
            "provider": "google",
            "settings": {"client_id": "123-example.apps.googleusercontent.com", "client_secret": "GOCSPX-example"},
        },
    )
    provider: Literal["google"]
    """Which provider it is for."""
    settings: GoogleConnectorSettings
    """Your OAuth client at Google."""


class MicrosoftConnector(_ConnectorBody):
    """**Microsoft.** The app registration that your users' refresh tokens were issued to."""

    model_config = named(
        "Microsoft",
        {
            "provider": "microsoft",
            "settings": {
                "client_id": "1f2e3d4c-0000-4000-8000-0000000000a1",
                "client_secret": "example~client~secret",
                "tenant": "common",
            },
        },
    )
    provider: Literal["microsoft"]
    """Which provider it is for."""
    settings: MicrosoftConnectorSettings
    """Your app registration at Microsoft."""


class YahooConnector(_ConnectorBody):
    """**Yahoo.** The OAuth client that your users' refresh tokens were issued to."""

    model_config = named(
        "Yahoo",
        {"provider": "yahoo", "settings": {"client_id": "dj0yExample", "client_secret": "example-client-secret"}},
    )
    provider: Literal["yahoo"]
    """Which provider it is for."""
    settings: ClientSettings
    """Your app at the provider."""


class ZoomConnector(_ConnectorBody):
    """**Zoom.** The app that your users' refresh tokens were issued to; its scopes live at Zoom."""

    model_config = named(
        "Zoom",
        {"provider": "zoom", "settings": {"client_id": "ExampleClientId", "client_secret": "example-client-secret"}},
    )
    provider: Literal["zoom"]
    """Which provider it is for."""
    settings: ClientSettings
    """Your app at the provider."""


class PlainConnectorSettings(ConnectorSettings):
    """These providers have no settings but the scopes."""


class PlainConnector(_ConnectorBody):
    """**Providers without a client of yours.** Need no settings."""

    model_config = named("IMAP, iCloud, EWS, virtual calendar, Agent Accounts", {"provider": "imap"})
    provider: Literal["imap", "icloud", "ews", "virtual-calendar", "nylas"]
    """Which provider it is for."""
    settings: PlainConnectorSettings | None = None
    """None are needed."""


ConnectorVariant = GoogleConnector | MicrosoftConnector | YahooConnector | ZoomConnector | PlainConnector
CONNECTOR: dict[ProviderName, type[_ConnectorBody]] = {
    ProviderName.GOOGLE: GoogleConnector,
    ProviderName.MICROSOFT: MicrosoftConnector,
    ProviderName.YAHOO: YahooConnector,
    ProviderName.ZOOM: ZoomConnector,
    **dict.fromkeys(
        (
            ProviderName.IMAP,
            ProviderName.ICLOUD,
            ProviderName.EWS,
            ProviderName.VIRTUAL_CALENDAR,
            ProviderName.NYLAS,
        ),
        PlainConnector,
    ),
}


class ConnectorPatchSettings(ConnectorSettings):
    """Replaces what may be read; a client id or secret that is left out stays."""

    client_id: Maybe[ClientId] = None
    """Left out: stays. Grants whose tokens another client got must connect again."""
    client_secret: ClientSecret | None = None
    """Write-only. Left out: stays."""
    tenant: Tenant | None = None
    """Microsoft alone: common, organizations, consumers, a tenant's GUID or its domain. Left out: common."""
    topic_name: Maybe[Annotated[str, trimmed(512)]] = None
    """Google alone: Pub/Sub topic for mail notifications. Left out: none."""

    def client(self) -> tuple[str | None, SecretStr | None]:
        return self.client_id, self.client_secret

    def readable(self) -> dict[str, str]:
        return _sent(tenant=self.tenant, topic_name=self.topic_name)


class ConnectorPatch(_ConnectorBody):
    """Omitted fields stay as they are."""

    model_config = examples(
        {"scope": ["openid", "https://www.googleapis.com/auth/userinfo.email"]},
        {"settings": {"client_secret": "GOCSPX-example-of-a-new-one"}},
    )
    settings: ConnectorPatchSettings | None = None
    """Replaces what may be read; a client id or secret that is left out stays."""
    active_credential_id: Maybe[Id] = None
    """A connector credential of this connector."""

    def to_model(self) -> ConnectorFields:
        return replace(super().to_model(), active_credential_id=self.active_credential_id)


class TrialStep(Model):
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


class TrialResult(Model):
    """What came of a test."""

    ok: bool
    """No step has failed."""
    steps: list[TrialStep]
    """What was looked at, in order."""

    @classmethod
    def of(cls, steps: list[Step]) -> "TrialResult":
        ok = all(step.state != "failed" for step in steps)
        return cls.model_construct(ok=ok, steps=[TrialStep.of(step) for step in steps])
