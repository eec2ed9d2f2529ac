"""The address of a provider's consent page, for one sign-in."""

import base64
import hashlib
import secrets as random
from dataclasses import dataclass, replace

from opengrant.connectors.connectors import Connectors
from opengrant.errors import InvalidRequest
from opengrant.model import Application, ProviderName
from opengrant.providers.base import Consent
from opengrant.providers.capabilities import Providers, having
from opengrant.providers.registry import WITH_PASSWORD
from opengrant.signin.login import CALLBACK, AuthorizationRequest, LoginDigests, handle_of, path_of
from opengrant.store.connectors import connectors
from opengrant.store.engine.port import Store
from opengrant.store.signin.logins import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPages:
    """Built once, in assembly/."""

    db: Store
    connectors: Connectors
    providers: Providers
    digests: LoginDigests

    async def lead(
        self, app: Application, request: AuthorizationRequest, login: Login, provider: ProviderName, *, base: str
    ) -> tuple[str, Login]:
        """The address where the user proves a mailbox of this provider, and the sign-in with its new state.

        The address is a form of ours for a password, otherwise the provider's. `base`: our own origin.
        Raises InvalidRequest.
        """
        if provider in WITH_PASSWORD:
            return f"{path_of(login)}?provider={provider.value}", replace(login, provider=provider, secret="")
        found = await self.db.read(connectors.find_with_client(app.id, provider, credential_id=request.credential_id))
        if found is None or found.credential_type != "connector":
            raise InvalidRequest(f"credential_id: the {provider} connector has no such credential of type connector.")
        secret = random.token_urlsafe(32)
        login = replace(login, provider=provider, secret=self.digests.state(login, secret))
        verifier = self.digests.verifier(login, secret).get_secret_value()
        consent = Consent(
            redirect_uri=f"{base}{CALLBACK}",
            state=f"{handle_of(login)}.{secret}",
            scope=found.connector.scope if request.scope is None else request.scope,
            challenge=base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("="),
            login_hint=request.login_hint,
            granted=request.granted,
        )
        page = having(self.providers.codes, provider)
        return page.consent_url(self.connectors.client(found), consent), login
