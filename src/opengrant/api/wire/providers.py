"""GET /v3/providers on the wire."""

from pydantic import RootModel

from opengrant.api.wire.fields import Model
from opengrant.connectors.setup_guide import Guide
from opengrant.model import ProviderName


class Place(Model):
    """A page of the provider's own."""

    name: str
    """For people."""
    url: str
    """Where it is."""


class ScopeGuide(Model):
    """A scope that mailbox owners may be asked for."""

    scope: str
    """As the provider spells it."""
    why: str
    """What it is for."""
    required: bool
    """No account can be connected without it."""


class SettingGuide(Model):
    """A key of the connector's `settings`."""

    name: str
    """As the body spells it."""
    why: str
    """What to enter."""
    required: bool
    """There is no connector without it."""
    secret: bool
    """Write-only."""


class Provider(Model):
    """What to register where, and what to enter here."""

    provider: ProviderName
    """As the wire spells it."""
    name: str
    """For people."""
    needs_client: bool
    """A client of yours must be registered at the provider."""
    register_at: Place | None = None
    """Where; absent when there is nothing to register."""
    redirect_uri: str | None = None
    """What to enter there, exactly, for hosted sign-in; absent when there is nothing to register."""
    scopes: list[ScopeGuide]
    """Those that are needed, and those most asked for. Empty where the provider knows none."""
    settings: list[SettingGuide]
    """Keys of `settings` of POST /v3/connectors. Empty when it takes none."""
    steps: list[str]
    """What to do, in order."""

    @classmethod
    def of(cls, provider: ProviderName, guide: Guide, redirect_uri: str) -> "Provider":
        place = guide.register_at
        return cls.model_construct(
            provider=provider,
            name=guide.name,
            needs_client=guide.needs_client,
            register_at=None if place is None else Place.model_construct(name=place.name, url=place.url),
            redirect_uri=redirect_uri if guide.needs_client else None,
            scopes=[
                ScopeGuide.model_construct(scope=one.scope, why=one.why, required=one.required) for one in guide.scopes
            ],
            settings=[
                SettingGuide.model_construct(name=one.name, why=one.why, required=one.required, secret=one.secret)
                for one in guide.settings
            ],
            steps=list(guide.steps),
        )


class Providers(RootModel[list[Provider]]):
    """All nine: this list has no pages."""
