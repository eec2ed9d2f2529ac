"""Admin consent: the administrator of a tenant allows a credential to reach every mailbox of the tenant."""

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from opengrant.connectors.connectors import Connectors
from opengrant.errors import ConnectorMisconfigured, InvalidRequest, ProviderFailure
from opengrant.model import Application, ProviderName, TenantClient
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.microsoft.app_only import MANY_TENANTS
from opengrant.signin.login import CALLBACK, AuthorizationRequest, LoginDigests, handle_of
from opengrant.store.connectors import connectors
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.port import Store
from opengrant.store.signin.logins import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminConsent:
    """Built once, in assembly/."""

    db: Store
    connectors: Connectors
    providers: Providers
    digests: LoginDigests

    async def lead(
        self, app: Application, request: AuthorizationRequest, login: Login, *, base: str
    ) -> tuple[str, Login]:
        """The address of the consent page, and the sign-in with its new state. Raises InvalidRequest."""
        found = await self._credential(app, request)
        client = await self.connectors.tenant_client(found)
        secret = random.token_urlsafe(32)
        login = replace(login, provider=ProviderName.MICROSOFT, secret=self.digests.state(login, secret))
        page = having(self.providers.administrators, ProviderName.MICROSOFT)
        url = page.admin_consent_url(
            client.client_id,
            tenant=_one_tenant(client),
            redirect_uri=f"{base}{CALLBACK}",
            state=f"{handle_of(login)}.{secret}",
        )
        return url, login

    async def confirm(self, app: Application, request: AuthorizationRequest, query: Mapping[str, str]) -> str | None:
        """Check an administrator's answer with a token of the tenant: the query alone does not prove the tenant.

        Returns  the tenant if the credential names none. The credential is not changed: anyone may start a sign-in
                 and consent for a tenant of their own, so the application decides what to do with the answer.
        Raises   InvalidRequest, ConnectorMisconfigured
        """
        if query.get("admin_consent", "").lower() != "true":
            raise InvalidRequest("The administrator did not consent.")
        found = await self._credential(app, request)
        client = await self.connectors.tenant_client(found)
        configured, answered = _one_tenant(client), query.get("tenant", "")
        tenant = answered if configured is None else configured
        tenants = having(self.providers.tenants, ProviderName.MICROSOFT)
        try:
            proven = await tenants.prove_tenant(replace(client, tenant=tenant))
        except ProviderFailure:
            raise ConnectorMisconfigured(
                "The tenant gives no token to this credential. Check its client id and secret, then consent again."
            ) from None
        if answered and proven and answered.lower() != proven:
            raise InvalidRequest("The administrator of another tenant than the credential's consented.")
        return None if configured is not None else proven or answered

    async def _credential(self, app: Application, request: AuthorizationRequest) -> WithClient:
        """Raises InvalidRequest."""
        if len(request.providers) != 1 or request.providers[0] not in self.providers.administrators:
            raise InvalidRequest("provider: admin consent is Microsoft's; send provider=microsoft.")
        if request.credential_id is None:
            raise InvalidRequest("credential_id: name the adminconsent credential that the tenant shall consent to.")
        found = await self.db.read(
            connectors.find_with_client(app.id, ProviderName.MICROSOFT, credential_id=request.credential_id)
        )
        if found is None or found.credential_type != "adminconsent":
            raise InvalidRequest("credential_id: the microsoft connector has no such credential of type adminconsent.")
        return found


def _one_tenant(client: TenantClient) -> str | None:
    """The tenant of a credential; None when the credential is for any tenant."""
    named = client.tenant or ""
    return None if named.lower() in MANY_TENANTS else named
