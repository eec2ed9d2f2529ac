"""From a proof to the row that is written: a new grant, or an existing one after this verification."""

import uuid
from dataclasses import dataclass, replace

from opengrant.grants import live_secrets
from opengrant.grants.connect.ownership import same_account, vouched_by_change
from opengrant.grants.connect.proof import Proof
from opengrant.grants.schedule import Schedule
from opengrant.model import Application, Clock, CustomConnect, Grant, Micros
from opengrant.model.basics import ShownSettings
from opengrant.model.secrets import NoSecret, OAuthSecret
from opengrant.providers.capabilities import Providers
from opengrant.providers.hosted.agent_account import TELL_OF_SECRET
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.events.events import Event
from opengrant.store.grants import grants
from opengrant.vault import Vault
from opengrant.vault.digests import Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRows:
    """Composes rows and seals their credentials; asks nothing and writes nothing. Built once, in assembly/."""

    vault: Vault
    digests: Digests
    providers: Providers
    schedule: Schedule
    clock: Clock

    def fresh(
        self, app: Application, ask: CustomConnect, found: WithClient, proof: Proof, key: str, *, workspace_id: str
    ) -> Grant:
        """A grant with a new id, or the one that the request names. key: its mailbox key."""
        now = self.clock()
        return Grant(
            id=ask.grant_id or str(uuid.uuid4()),
            application_id=app.id,
            provider=ask.provider,
            connector_id=found.connector.id,
            workspace_id=workspace_id,
            mailbox_key=key,
            email=proof.identity.email,
            status="valid",
            scope=proof.scope,
            settings=proof.settings,
            created_at=now,
            updated_at=now,
            asked_at=now,
            asked=proof.asked,
            version=1,
            subject=proof.identity.subject,
            user_id=proof.identity.user_id,
            name=ask.name or proof.identity.name,
            state=ask.state,
            credential_id=proof.credential_id,
            token_expires_at=proof.token_expires_at,
            external_id=ask.external_id,
            due_at=self._due_at(ask, proof, at=now),
            proven_at=now,
            used_at=now,
            vouched=proof.vouched(hosted=ask.login_id is not None),
            name_given=ask.name is not None,
            missing_scopes=proof.missing,
        )

    def renewed(self, existing: Grant, ask: CustomConnect, found: WithClient, proof: Proof) -> Grant:
        """The grant after this verification: id, creation and what the caller did not name again stay.

        workspace_id  None: the row's own stays, which another request may just have changed
        """
        now = self.clock()
        settings, asked = _with_stored_secret(existing, proof)
        subject, user_id = _known_account(existing, proof)
        return replace(
            existing,
            workspace_id=ask.workspace_id,
            connector_id=found.connector.id,
            email=proof.identity.email,
            status="valid",
            scope=proof.scope,
            settings=settings,
            updated_at=now,
            asked_at=now,
            asked=asked,
            subject=proof.identity.subject or subject,
            user_id=proof.identity.user_id or user_id,
            name=ask.name or _profile_name(existing, proof),
            state=existing.state if ask.state is None else ask.state,
            credential_id=proof.credential_id,
            token_expires_at=proof.token_expires_at,
            external_id=ask.external_id or existing.external_id,
            due_at=self._due_at(ask, proof, at=now),
            proven_at=now,
            used_at=now,
            trouble=None,
            attention_at=None,
            refreshes=0,
            vouched=proof.vouched(hosted=ask.login_id is not None, renews=existing),
            name_given=existing.name_given or ask.name is not None,
            missing_scopes=proof.missing,
        )

    def changed(self, current: Grant, ask: CustomConnect, found: WithClient, proof: Proof) -> Grant:
        """As `renewed`, for a grant that the caller named: a change leaves what it does not name."""
        renewed = self.renewed(current, ask, found, proof)
        return replace(
            renewed,
            # The profile's name is for a grant that has none.
            name=ask.name or current.name or renewed.name,
            name_given=current.name_given or ask.name is not None,
            vouched=vouched_by_change(current, proof),
        )

    def writing(self, grant: Grant, proof: Proof, event: Event) -> grants.Writing:
        """What is written of a grant in one transaction."""
        bare = isinstance(proof.secret, NoSecret)
        live = None
        if proof.secret is not None and not isinstance(proof.secret, NoSecret):
            live = live_secrets.seal(self.vault, grant, proof.secret)
        return grants.Writing(grant, event, live, proof.spent, bare=bare, once=self._once(grant, proof))

    def _once(self, grant: Grant, proof: Proof) -> str | None:
        """The digest of a refresh token that may be spent by the time that it is stored."""
        provider = self.providers.tokens.get(grant.provider)
        if provider is None or not provider.single_use or not isinstance(proof.secret, OAuthSecret):
            return None
        return self.digests.refresh_token(
            grant.application_id, grant.provider, proof.secret.refresh_token.get_secret_value()
        )

    def _due_at(self, ask: CustomConnect, proof: Proof, *, at: Micros) -> Micros | None:
        if ask.hold_refresh:
            return None
        return self.schedule.after(ask.provider, ends_at=proof.token_expires_at, used_at=at, at=at)


def _with_stored_secret(existing: Grant, proof: Proof) -> tuple[ShownSettings, int]:
    """Settings and number of the verification that the row has afterwards."""
    if proof.secret is not None:
        return proof.settings, proof.asked
    # The stored credential stays valid, so its number and the settings that describe it stay too. A newer credential
    # that was stored meanwhile has a greater number, by which the write notices it.
    described = {name: existing.settings[name] for name in TELL_OF_SECRET if name in existing.settings}
    return {**proof.settings, **described}, existing.asked


def _known_account(existing: Grant, proof: Proof) -> tuple[str | None, str | None]:
    """Subject and user id so far; those of one account are not carried over to another that has the address now."""
    if same_account(existing, proof.identity) is False:
        return None, None
    return existing.subject, existing.user_id


def _profile_name(existing: Grant, proof: Proof) -> str | None:
    return existing.name if existing.name_given else proof.identity.name or existing.name
