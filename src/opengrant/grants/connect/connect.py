"""Connect: credentials in, a grant out.

Three steps: look up the connector, ask the provider, write. No transaction is open while the provider is asked, and
one transaction stores the grant, its sealed secret and its event. A refusal writes nothing, except that a refresh
token which the provider has replaced is kept (docs/decisions/0006).
"""

from dataclasses import dataclass, replace

from pydantic import SecretStr

from opengrant.access.in_flight import InFlightLimit
from opengrant.domains.domains import Domains
from opengrant.errors import InvalidRequest
from opengrant.grants.connect.exchange import RefreshTokenExchange, StoreProof
from opengrant.grants.connect.proof import Proof
from opengrant.grants.connect.prove import Prove
from opengrant.grants.connect.record import Record, Storing
from opengrant.model import Application, CustomConnect, Grant, ProviderName
from opengrant.model.logins import AgentAccountLogin, HostedLogin, OAuthLogin, OrganisationLogin, PasswordLogin
from opengrant.providers.registry import FACTS
from opengrant.store.connectors import connectors as connector_rows
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.port import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Makes and renews grants; built once, in assembly/."""

    db: Store
    limit: InFlightLimit
    domains: Domains
    prove: Prove
    exchange: RefreshTokenExchange
    record: Record

    async def custom(self, app: Application, ask: CustomConnect) -> Grant:
        """Turn credentials the caller holds into a grant, or renew the one they had: same mailbox, same id.

        Raises InvalidRequest, RefreshTokenInvalid, InvalidAuthentication, ScopesConflict (a service account's),
        ConnectorMisconfigured, ProviderUnavailable, RateLimited, Overloaded.
        """

        async def write(found: WithClient, proof: Proof) -> Grant | None:
            return await self.record.by_mailbox(app, ask, found, proof)

        return await self._verified(app, ask, write)

    async def imported(self, app: Application, ask: CustomConnect, found: WithClient, storing: Storing) -> Grant:
        """As `custom`, for a row of an import.

        found    of `connector`: one look-up does for many rows
        storing  writes many grants at once
        Not limited like requests: the import bounds its rows itself. Raises what `custom` raises.
        """

        async def write(found: WithClient, proof: Proof) -> Grant | None:
            return await self.record.by_mailbox(app, ask, found, proof, storing)

        return await self._prove_and_write(app, ask, found, write)

    async def renew(self, app: Application, grant: Grant, ask: CustomConnect) -> Grant:
        """New credentials for a grant that the caller names; they must be of the same mailbox.

        `ask.workspace_id` is one of this application's. Raises what `custom` raises, and ReauthEmailInvalid. On
        failure the grant stays as it was.
        """

        async def write(found: WithClient, proof: Proof) -> Grant | None:
            return await self.record.by_id(app, grant, ask, found, proof)

        return await self._verified(app, ask, write, renews=grant.id)

    async def prove_password(self, app: Application, ask: CustomConnect, login: PasswordLogin) -> Proof:
        """The first two steps alone, for a user who types a password here. Raises what `custom` raises."""
        with self.limit.bounded():
            return await self.prove.by_password(ask, login, await self.connector(app, ask))

    async def password_servers(self, login: PasswordLogin, *, search: bool) -> tuple[str, ...]:
        """Where the password of a login would go: see NamesServers. Raises what `custom` raises."""
        with self.limit.bounded():
            return await self.prove.servers(login, search=search)

    async def prove_code(
        self, app: Application, ask: CustomConnect, code: SecretStr, *, redirect_uri: str, verifier: SecretStr
    ) -> Proof:
        """The first two steps alone, with the code that a user brought from the provider's consent page.

        Raises what `custom` raises; InvalidRequest when the provider gave no refresh token.
        """
        with self.limit.bounded():
            found = await self.connector(app, ask)
            return await self.prove.by_code(ask, found, code, redirect_uri=redirect_uri, verifier=verifier)

    async def refuse_other_owner(self, app: Application, provider: ProviderName, proof: Proof) -> None:
        """Refuse what `accept` would refuse, while the user can still choose another account.

        Raises InvalidRequest, ReauthEmailInvalid.
        """
        await self.record.refuse_other_owner(app, provider, proof)

    async def accept(self, app: Application, ask: CustomConnect, proof: Proof) -> Grant:
        """The last step: store what was proven. Raises what `custom` raises."""
        found = await self.connector(app, ask)
        # A proof that an earlier release kept has no number: it gets the one of this moment.
        return await self.record.by_mailbox(app, ask, found, replace(proof, asked=proof.asked or found.asked))

    async def _verified(
        self, app: Application, ask: CustomConnect, write: StoreProof, *, renews: str | None = None
    ) -> Grant:
        """The three steps. `write` stores what was proven.

        renews  id of the grant that is written, where the caller names one and not the proof
        """
        with self.limit.bounded():
            return await self._prove_and_write(app, ask, await self.connector(app, ask), write, renews=renews)

    async def _prove_and_write(
        self,
        app: Application,
        ask: CustomConnect,
        found: WithClient,
        write: StoreProof,
        *,
        renews: str | None = None,
    ) -> Grant:
        match ask.login:
            case OAuthLogin() as login:
                grant = await self.exchange.run(app, ask, login, found, write, renews=renews)
            case OrganisationLogin() as login:
                grant = await write(found, await self.prove.by_organisation(ask, login, found))
            case HostedLogin():
                raise InvalidRequest("settings: a hosted sign-in is redeemed at POST /v3/connect/token.")
            case login:
                if isinstance(login, AgentAccountLogin):
                    await self.domains.require_owner(app, login.email)
                grant = await write(found, await self.prove.by_password(ask, login, found))
        if grant is None:
            raise InvalidRequest("The grant was deleted while the credentials were verified.")
        return grant

    async def connector(self, app: Application, ask: CustomConnect) -> WithClient:
        """The connector to ask with, and the next verification number. Raises InvalidRequest."""
        found = await self.db.write_soon(
            connector_rows.find_to_ask(app.id, ask.provider, credential_id=ask.credential_id, dialect=self.db.dialect)
        )
        if found is None:
            raise InvalidRequest(
                f"This application has no {ask.provider} connector. Create it first: POST /v3/connectors"
                f' {{"provider": "{ask.provider}", …}}.'
            )
        bulk = isinstance(ask.login, OrganisationLogin)
        needed = FACTS[ask.provider].organisation_credential if bulk else "connector"
        if ask.credential_id is not None and found.credential_type != needed:
            raise InvalidRequest(
                f"settings.credential_id: the {ask.provider} connector has no credential {ask.credential_id!r}"
                f" of type {needed}."
            )
        return found
