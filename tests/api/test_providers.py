"""GET /v3/providers: what to do for each provider before the first mailbox."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr

from opengrant.api.wire import connectors as wire
from opengrant.connectors.setup_guide import GUIDES
from opengrant.model import ProviderName
from opengrant.model.logins import PasswordLogin
from opengrant.providers.registry import FACTS
from tests.support import LiveServer, Tenant, data, problem

DOCS = Path(__file__).parents[2] / "docs"
DOC_OF = {ProviderName.NYLAS: "agent-accounts"}
"""Where the page has another name than the provider."""


@pytest.fixture
def providers(tenant: Tenant) -> dict[str, dict[str, Any]]:
    return {one["provider"]: one for one in data(tenant.get("/v3/providers"))}


def settings_of(provider: ProviderName) -> type[BaseModel] | None:
    """The wire's model of a connector's settings."""
    field = wire.CONNECTOR[provider].model_fields.get("settings")
    if field is None:
        return None
    # Providers without settings of their own may be sent none.
    model = next(one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type))
    assert issubclass(model, BaseModel)
    return model


def test_all_nine_are_told_of_and_nothing_is_null(tenant: Tenant, providers: dict[str, dict[str, Any]]) -> None:
    assert list(providers) == [provider.value for provider in ProviderName]
    assert "null" not in tenant.get("/v3/providers").text
    for one in providers.values():
        assert one["name"]
        assert one["steps"]
        assert one["needs_client"] == ("register_at" in one) == ("redirect_uri" in one) == bool(one["settings"])


def test_the_redirect_uri_is_the_one_that_sign_in_uses(tenant: Tenant, providers: dict[str, dict[str, Any]]) -> None:
    assert providers["google"]["redirect_uri"] == f"{tenant.server.url}/v3/connect/callback"


@pytest.mark.parametrize("provider", list(ProviderName))
def test_the_settings_are_those_of_the_connectors_body(
    providers: dict[str, dict[str, Any]], provider: ProviderName
) -> None:
    told = {one["name"]: (one["required"], one["secret"]) for one in providers[provider.value]["settings"]}
    model = settings_of(provider)
    shown = {} if model is None else model.model_json_schema().get("properties", {})
    fields = {} if model is None else {name: model.model_fields[name] for name in shown}
    assert told == {name: (field.is_required(), field.annotation is SecretStr) for name, field in fields.items()}


@pytest.mark.parametrize("provider", list(ProviderName))
def test_each_has_its_page_which_names_the_same_scopes(provider: ProviderName) -> None:
    page = DOCS / "providers" / f"{DOC_OF.get(provider, provider.value)}.md"
    text = page.read_text(encoding="utf-8")
    for scope in GUIDES[provider].scopes:
        if scope.required:
            assert scope.scope.rpartition("/")[2] in text, scope.scope


def test_the_scopes_called_required_are_those_that_a_test_of_the_connector_wants(server: LiveServer) -> None:
    for provider, guide in GUIDES.items():
        asked = server.services.connector_check.providers.clients.get(provider)
        if asked is not None:
            required = tuple(scope.scope for scope in guide.scopes if scope.required)
            assert asked.lacking_scope(required) == ()
            for left_out in required:
                assert asked.lacking_scope(tuple({*required, "x"} - {left_out})) == (left_out,)


def test_each_is_built_with_the_ways_in_that_its_facts_name(server: LiveServer) -> None:
    built = server.services.connector_check.providers
    passwords = {login.provider for login in get_args(PasswordLogin)}  # each of them has a verifier
    assert FACTS.keys() == set(ProviderName)
    for name, facts in FACTS.items():
        by_token = facts.holds == "token"
        assert (name in built.tokens) == (name in built.codes) == (name in built.clients) == by_token, name
        assert (name in passwords) != by_token, name
        assert (name in {*built.service_accounts, *built.tenant_clients}) == (
            facts.organisation_credential is not None
        ), name


def test_it_needs_a_key(server: LiveServer) -> None:
    with server.client(None) as nobody:
        assert problem(nobody.get("/v3/providers"))[0] == 401
