"""Hosted sign-in: a user is sent here, proves a mailbox, and goes back with a one-time code for the application.

    begin ──▶ choose a provider ──▶ the provider's consent page ──▶ callback ─┐
                               └──▶ a login form of ours ──▶ submit ──────────┴──▶ code ──▶ redeem: a grant

Nothing is a grant before the application has redeemed its code: until then the proof lies sealed beside it, for ten
minutes. A sign-in belongs to one browser (a cookie), to one provider once that is chosen (a new state for each), and
is used once. docs/hosted-auth.md shows it from outside.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets as random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, cast
from urllib.parse import urlencode

import structlog
from pydantic import SecretStr
from pydantic_core import from_json, to_json

from opengrant.access import bearer_tokens as opaque
from opengrant.errors import (
    CallbackNotAllowed,
    CodeUsedTwice,
    ConnectorMisconfigured,
    Evidence,
    InvalidRequest,
    LoginInvalid,
    OAuthRefused,
    OpenGrantError,
    Overloaded,
    ProviderFailure,
    ProviderUnavailable,
    RateLimited,
    ReauthEmailInvalid,
    ScopesConflict,
    StoreUnavailable,
)
from opengrant.grants import refusals as outcome
from opengrant.grants.connect.connect import Connect, Proof
from opengrant.grants.connect.detect import Detect, way_in
from opengrant.model import (
    SECOND,
    WITH_PASSWORD,
    Application,
    Clock,
    CustomConnect,
    Grant,
    Identity,
    Micros,
    ProviderName,
    RedirectUri,
    mailbox_key,
)
from opengrant.providers.base import Consent
from opengrant.providers.capabilities import having
from opengrant.providers.microsoft.app_only import MANY_TENANTS
from opengrant.providers.registry import FACTS, OAUTH
from opengrant.providers.verdict import Kind, Verdict
from opengrant.signin import pkce
from opengrant.signin.abuse_limits import Strangers
from opengrant.store import secrets
from opengrant.store.connectors import connectors
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import grants
from opengrant.store.signin import logins
from opengrant.store.signin.logins import Login, LoginCode
from opengrant.tenants.applications import Applications
from opengrant.tenants.redirect_uris import Redirects
from opengrant.vault import Owner, Vault
from opengrant.vault.digests import Digests

log = structlog.get_logger()

LOGIN_LASTS: Micros = 15 * 60 * SECOND
CODE_LASTS: Micros = 10 * 60 * SECOND
CALLBACK = "/v3/connect/callback"

_LABELS = {name: facts.label for name, facts in FACTS.items() if facts.label is not None}
OFFERED = tuple(_LABELS)
"""All that can be signed in to, in the order of the page."""

_SAID = 300
"""Characters of a description that go along in an address."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What an application wants of a sign-in: its request, checked.

    providers  in the order of the page; empty means all that it has connectors for
    sections   of the page that offers a choice
    challenge  PKCE of the application; None without
    granted    scopes of earlier consents shall be in the token too
    """

    redirect_uri: str
    response_type: Literal["code", "adminconsent"] = "code"
    providers: tuple[ProviderName, ...] = ()
    sections: tuple[Literal["select_provider", "detect"], ...] = ("select_provider",)
    scope: tuple[str, ...] | None = None
    state: str | None = None
    login_hint: str | None = None
    access_type: Literal["online", "offline"] = "online"
    challenge: str | None = None
    method: str | None = None
    credential_id: str | None = None
    smtp_required: bool = False
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes now, and the cookie that makes the sign-in its own."""

    url: str
    browser: SecretStr
    login_id: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A sign-in as its own browser sees it."""

    app: Application
    login: Login
    ask: Ask
    providers: tuple[ProviderName, ...]
    csrf: str = field(repr=False)
    handle: str


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a code was good for."""

    grant: Grant
    access_type: Literal["online", "offline"]
    scope: tuple[str, ...]
    code_id: str


@dataclass(frozen=True, slots=True)
class Hosted:
    """Built once, in assembly/installation.py."""

    db: Store
    vault: Vault
    digests: Digests
    applications: Applications
    redirects: Redirects
    connect: Connect
    detect: Detect
    strangers: Strangers
    clock: Clock
    secretless_web: bool
    """Codes for redirect URIs of platform `web` may be redeemed without the API key, by PKCE alone."""
    patience: float = 30
    """Seconds that a page waits for a mail server, from its search to its last word: its owner was promised no more."""

    # ── the way there ─────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, client_id: str, ask: Ask, *, base: str) -> Begun:
        """Start a sign-in. `base`: our own origin as the browser sees it.

        Nothing but a registered redirect URI is ever redirected to, so whatever is wrong here is told to whoever
        asks. Raises InvalidRequest, CallbackNotAllowed.
        """
        app = await self.applications.find(client_id)
        if app is None:
            raise InvalidRequest("client_id: there is no such application. It is your application's id.")
        await self._require_registered(app, ask.redirect_uri)
        providers = await self._offered(app, ask)
        cookie = SecretStr(random.token_urlsafe(32))
        now = self.clock()
        login = Login(
            *(app.id, uuid.uuid4().hex, _plain(ask), self._of_browser(cookie), "", None),
            *(now, now + LOGIN_LASTS),
        )
        if ask.response_type == "adminconsent":
            url, login = await self._admin_consent(app, ask, login, base)
        elif len(providers) == 1:
            url, login = await self._towards(app, ask, login, providers[0], base)
        else:
            url = _path(login)
        await self.db.write(logins.add(login))
        return Begun(url, cookie, login.id)

    async def reconnect_link(self, app: Application, grant: Grant, *, redirect_uri: str | None, base: str) -> str:
        """Where to send the owner of a mailbox to sign in to it again. `base`: our own origin as browsers see it.

        redirect_uri  one of the application's; None: its first
        Raises InvalidRequest, CallbackNotAllowed.
        """
        if grant.provider not in OFFERED:
            raise InvalidRequest(
                f"Hosted sign-in does not offer {grant.provider}. Connect it by POST /v3/connect/custom."
            )
        if "email_address" in grant.settings:
            raise InvalidRequest("A credential of its organisation keeps this grant alive: nobody signs in for it.")
        connector = await self.db.read(connectors.find(app.id, grant.provider))
        if connector is None:
            raise InvalidRequest(f"This application has no {grant.provider} connector. POST /v3/connectors first.")
        if redirect_uri is None:
            registered = await self.redirects.everyone(app)
            if not registered:
                raise InvalidRequest(
                    "This application has no redirect URI to come back to. Register one:"
                    ' POST /v3/applications/redirect-uris {"url": "https://…"}.'
                )
            redirect_uri = registered[0].url
        else:
            await self._require_registered(app, redirect_uri)
        query = {
            "client_id": app.id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "provider": grant.provider.value,
            "login_hint": grant.email,
        }
        if grant.credential_id is not None and grant.credential_id != connector.active_credential_id:
            query["credential_id"] = grant.credential_id
        return f"{base}/v3/connect/auth?{urlencode(query)}"

    async def visit(self, handle: str, cookies: Sequence[str]) -> Visit:
        """The sign-in behind one of our pages. `cookies`: the browser's, of all its sign-ins.

        Raises LoginInvalid when it is over, or another browser's.
        """
        login = await self._login(handle, cookies)
        app = await self.applications.find(login.application_id)
        if app is None:
            raise LoginInvalid(_OVER)
        ask = _ask(login.ask)
        return Visit(app, login, ask, await self._offered(app, ask), self._csrf(login), handle)

    async def choose(self, visit: Visit, provider: ProviderName, *, base: str) -> str:
        """The user picked a provider. Returns where the browser goes. Raises InvalidRequest, LoginInvalid."""
        if provider not in visit.providers:
            raise InvalidRequest("provider: it is not among those that are offered.")
        url, login = await self._towards(visit.app, visit.ask, visit.login, provider, base)
        if not await self.db.write(logins.choose(visit.app.id, login.id, provider, login.secret)):
            raise LoginInvalid(_OVER)
        return url

    async def recognise(self, visit: Visit, email: str) -> ProviderName | None:
        """Which of the offered providers takes an address; when none does, whose it is, if anybody can tell.

        Raises InvalidRequest when it is no address, RateLimited, Overloaded, ProviderUnavailable.
        """
        async with self.strangers.searching(visit.app, visit.login.id):
            found = await self.detect.provider(visit.app, email, any_provider=True, rate_limited=False)
        return None if found is None else (way_in(found, visit.providers) or found).provider

    async def cancel(self, visit: Visit) -> str:
        """The user gives up. Returns where the browser goes. Raises CallbackNotAllowed."""
        await self.db.write(logins.use(visit.app.id, visit.login.id, at=self.clock()))
        return await self._refused(visit.app, visit.ask, "access_denied", "The user cancelled the sign-in.", 403)

    async def submit(self, visit: Visit, provider: ProviderName, settings: Mapping[str, Any]) -> str:
        """A password was typed here: prove it. Returns where the browser goes, with the code.

        What the provider says is raised as by connect/custom, and the user may try again; CallbackNotAllowed when the
        redirect URI was removed meanwhile. Raises ProviderUnavailable when a server takes longer than its owner waits.
        """
        ask = self._custom(visit.ask, provider, visit.login, settings)
        try:
            async with asyncio.timeout(self.patience), self.strangers.proving(visit.app, visit.login.id):
                proof = await self.connect.prove_password(visit.app, ask)
        except TimeoutError:
            raise _gave_up(provider, self.patience) from None
        await self.connect.refuse_other_owner(visit.app, provider, proof)
        if not await self.db.write(logins.use(visit.app.id, visit.login.id, at=self.clock())):
            raise LoginInvalid(_OVER)
        try:
            return await self._finish(visit.app, visit.ask, visit.login, provider, proof)
        except OpenGrantError as problem:
            return await self._failed(visit.app, visit.ask, problem)

    async def callback(self, query: Mapping[str, str], *, base: str, cookies: Sequence[str]) -> str:
        """A provider sends the browser back. Returns where it goes from here.

        Raises LoginInvalid when the state is not one that this browser was sent there with, CallbackNotAllowed when the
        redirect URI was removed meanwhile.
        """
        handle, _, secret = query.get("state", "").rpartition(".")
        login = await self._login(handle, cookies)
        if login.provider is None or not hmac.compare_digest(login.secret, self._of_state(login, secret)):
            raise LoginInvalid(_OVER)
        app = await self.applications.find(login.application_id)
        if app is None or not await self.db.write(logins.use(login.application_id, login.id, at=self.clock())):
            raise LoginInvalid(_OVER)
        ask = _ask(login.ask)
        try:
            if query.get("error"):
                said = query.get("error_description") or query["error"]
                return await self._refused(app, ask, _oauth_word(query["error"]), said, 400)
            if ask.response_type == "adminconsent":
                tenant = await self._confirm_tenant(app, ask, query)
                return await self._back(app, ask, {"admin_consent": "true", "tenant": tenant, "state": ask.state})
            if not (code := query.get("code")):
                said = "The provider sent neither a code nor an error."
                return await self._refused(app, ask, "server_error", said, 502)
            proof = await self.connect.prove_code(
                app,
                self._custom(ask, login.provider, login, {}),
                SecretStr(code),
                redirect_uri=f"{base}{CALLBACK}",
                verifier=self._verifier(login, secret),
            )
            await self.connect.refuse_other_owner(app, login.provider, proof)
            return await self._finish(app, ask, login, login.provider, proof)
        except OpenGrantError as problem:
            log.warning("sign_in_failed", login_id=login.id, provider=login.provider.value, error=problem.type)
            return await self._failed(app, ask, problem)

    # ── the way back ──────────────────────────────────────────────────────────────────────────────────────────

    async def redeem(
        self, app: Application, code: SecretStr, *, redirect_uri: str, verifier: str | None, authenticated: bool
    ) -> Redeemed:
        """Turn a code into its grant. The code is burnt whatever comes of it.

        authenticated  the request proved that it knows the application's API key
        Raises         OAuthRefused; CodeUsedTwice, so that what the code gave the first time can be taken back
        """
        code_id = self.digests.login_code(app.id, code.get_secret_value())
        found = await self.db.read(logins.find_code(app.id, code_id))
        if found is None:
            raise OAuthRefused("invalid_grant", "The code is unknown.")
        if found.used_at is not None or await self.db.write(logins.use_code(app.id, code_id, at=self.clock())) is None:
            raise CodeUsedTwice(code_id)
        owner = self._proof_owner(app, code_id)
        sealed = await self.db.read(secrets.find(app.id, owner.kind, owner.id, owner.purpose))
        await self.db.write(secrets.destroy(app.id, "login", [code_id]))
        if sealed is None or found.expires_at <= self.clock():
            raise OAuthRefused("invalid_grant", "The code has expired. Start the sign-in again.")
        ask = _ask(found.ask)
        if not hmac.compare_digest(redirect_uri.encode(), ask.redirect_uri.encode()):
            raise OAuthRefused("invalid_grant", "redirect_uri is not the one that the sign-in was started with.")
        redirect = await self.redirects.match(app, ask.redirect_uri)
        if redirect is None:
            raise OAuthRefused("invalid_grant", "redirect_uri is registered no longer.")
        if not _challenged(ask, verifier):
            raise OAuthRefused("invalid_grant", "Code verifier challenge failed", code=45004)
        if not authenticated:
            self._require_public_client(redirect, ask)
        proof = _read_proof(self.vault.open(sealed, owner))
        custom = self._custom(ask, found.provider, None, {})
        custom = replace(custom, login_id=found.login_id)
        try:
            grant = await self.connect.accept(app, custom, proof)
        except OpenGrantError as problem:
            raise OAuthRefused("invalid_grant", problem.message) from None
        return Redeemed(grant, ask.access_type, grant.scope, code_id)

    async def forget(self, app: Application) -> None:
        """Drop sign-ins and codes that are over, with what was proven and never collected."""
        while await self.db.write(logins.forget_before(app.id, cutoff=self.clock(), limit=_FORGOTTEN_AT_ONCE)):
            pass
        await self.strangers.forget(app)

    def _require_public_client(self, redirect: RedirectUri, ask: Ask) -> None:
        """Without the API key, PKCE has to stand in for it, and only where no server could keep the key."""
        if ask.challenge is None or (redirect.platform == "web" and not self.secretless_web):
            raise OAuthRefused(
                "invalid_client",
                "Send the API key as client_secret or as a bearer token. Only redirect URIs of platform js, desktop,"
                " ios or android may do with PKCE alone.",
            )

    # ── small steps ───────────────────────────────────────────────────────────────────────────────────────────

    async def _offered(self, app: Application, ask: Ask) -> tuple[ProviderName, ...]:
        """Raises InvalidRequest when nothing can be offered, or a provider that was named has no connector."""

        def script() -> Steps[set[ProviderName]]:
            return {one.provider for one in (yield from connectors.page(app.id, limit=100, offset=0))}

        there = await self.db.read(script())
        if missing := [name for name in ask.providers if name not in there]:
            raise InvalidRequest(
                f"provider: this application has no {missing[0]} connector. POST /v3/connectors first."
            )
        # Any mail server at all is offered only to whom it is wanted for.
        offered = ask.providers or tuple(
            name for name in OFFERED if name in there and (not _LABELS[name].any_server or len(there) == 1)
        )
        if not offered:
            raise InvalidRequest("This application has no connector that a user could sign in to. POST /v3/connectors.")
        return offered

    async def _towards(
        self, app: Application, ask: Ask, login: Login, provider: ProviderName, base: str
    ) -> tuple[str, Login]:
        """Where a provider is, and the sign-in as it is on its way there."""
        if provider in WITH_PASSWORD:
            return f"{_path(login)}?provider={provider.value}", replace(login, provider=provider, secret="")
        found = await self.db.read(connectors.find_with_client(app.id, provider, credential_id=ask.credential_id))
        if found is None or found.credential_type != "connector":
            raise InvalidRequest(f"credential_id: the {provider} connector has no such credential of type connector.")
        secret = random.token_urlsafe(32)
        login = replace(login, provider=provider, secret=self._of_state(login, secret))
        verifier = self._verifier(login, secret).get_secret_value()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        consent = Consent(
            f"{base}{CALLBACK}",
            f"{_handle(login)}.{secret}",
            found.connector.scope if ask.scope is None else ask.scope,
            challenge,
            ask.login_hint,
            ask.granted,
        )
        consenting = having(self.connect.providers.codes, provider)
        return consenting.consent_url(self.connect.connectors.client(found), consent), login

    async def _admin_consent(self, app: Application, ask: Ask, login: Login, base: str) -> tuple[str, Login]:
        found = await self._tenant_credential(app, ask)
        held = await self.connect.connectors.organisation(found)
        secret = random.token_urlsafe(32)
        login = replace(login, provider=ProviderName.MICROSOFT, secret=self._of_state(login, secret))
        microsoft = having(self.connect.providers.administrators, ProviderName.MICROSOFT)
        url = microsoft.admin_consent_url(
            held["client_id"],
            tenant=_one_tenant(held),
            redirect_uri=f"{base}{CALLBACK}",
            state=f"{_handle(login)}.{secret}",
        )
        return url, login

    async def _tenant_credential(self, app: Application, ask: Ask) -> WithClient:
        """Raises InvalidRequest."""
        if ask.providers != (ProviderName.MICROSOFT,):
            raise InvalidRequest("provider: admin consent is Microsoft's; send provider=microsoft.")
        if ask.credential_id is None:
            raise InvalidRequest("credential_id: name the adminconsent credential that the tenant shall consent to.")
        found = await self.db.read(
            connectors.find_with_client(app.id, ProviderName.MICROSOFT, credential_id=ask.credential_id)
        )
        if found is None or found.credential_type != "adminconsent":
            raise InvalidRequest("credential_id: the microsoft connector has no such credential of type adminconsent.")
        return found

    async def _confirm_tenant(self, app: Application, ask: Ask, query: Mapping[str, str]) -> str | None:
        """A tenant's administrator came back. Whose tenant it is, only a token of that tenant proves.

        Returns the tenant if the credential names none, for the application to decide what to do with it: anybody may
        start a sign-in and consent for a tenant of their own, so that a credential must not be changed by one.
        Raises InvalidRequest, and what a provider's refusal becomes.
        """
        if query.get("admin_consent", "").lower() != "true":
            raise InvalidRequest("The administrator did not consent.")
        found = await self._tenant_credential(app, ask)
        held = await self.connect.connectors.organisation(found)
        named, came = _one_tenant(held), query.get("tenant", "")
        tenant = came if named is None else named
        tenants = having(self.connect.providers.tenants, ProviderName.MICROSOFT)
        try:
            proven = await tenants.prove_tenant({**held, "tenant": tenant})
        except ProviderFailure:
            raise ConnectorMisconfigured(
                "The tenant gives no token to this credential. Check its client id and secret, then consent again."
            ) from None
        if came and proven and came.lower() != proven:
            raise InvalidRequest("The administrator of another tenant than the credential's consented.")
        return None if named is not None else proven or came

    async def _finish(self, app: Application, ask: Ask, login: Login, provider: ProviderName, proof: Proof) -> str:
        """Keep what was proven, under a code for the application. Returns where the browser goes with it."""
        await self._refuse_other_mailbox(app, ask, provider, proof.identity)
        await self._require_registered(app, ask.redirect_uri)
        code = opaque.make(opaque.CODE, app.id)
        code_id = self.digests.login_code(app.id, code.get_secret_value())
        now = self.clock()
        row = LoginCode(app.id, code_id, login.id, _plain(ask), provider, now, now + CODE_LASTS)
        owner = self._proof_owner(app, code_id)
        sealed = self.vault.seal(_write_proof(proof), owner)
        secret = secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed)
        await self.db.write(logins.add_code(row, secret, at=now))
        return _with(ask.redirect_uri, {"code": code.get_secret_value(), "state": ask.state})

    async def _require_registered(self, app: Application, url: str) -> None:
        """Raises CallbackNotAllowed."""
        if await self.redirects.match(app, url) is None:
            raise CallbackNotAllowed(
                "redirect_uri: this address is not registered. Register it exactly as it is sent:"
                " POST /v3/applications/redirect-uris."
            )

    async def _back(self, app: Application, ask: Ask, told: Mapping[str, str | None]) -> str:
        """The redirect URI with what it is told. Raises CallbackNotAllowed when it was removed under way."""
        await self._require_registered(app, ask.redirect_uri)
        return _with(ask.redirect_uri, told)

    async def _failed(self, app: Application, ask: Ask, problem: OpenGrantError) -> str:
        return await self._refused(app, ask, _WORDS.get(type(problem), "server_error"), problem.message, problem.status)

    async def _refused(self, app: Application, ask: Ask, error: str, description: str, code: int) -> str:
        """Back to the application with what went wrong, in the four members that its SDK looks for."""
        text = "".join(char if char.isprintable() else " " for char in description)[:_SAID]
        told = {
            "error": error,
            "error_description": text,
            "error_uri": _ERROR_URI,
            "error_code": str(code),
            "state": ask.state,
        }
        return await self._back(app, ask, told)

    async def _refuse_other_mailbox(
        self, app: Application, ask: Ask, provider: ProviderName, identity: Identity
    ) -> None:
        """Who was sent here to renew a grant renews that one. Raises ReauthEmailInvalid."""
        if ask.login_hint is None:
            return
        hinted = await self.db.read(grants.find_provider_email(app.id, provider, ask.login_hint))
        if hinted is not None and mailbox_key(provider, identity.email) != mailbox_key(provider, hinted.email):
            raise ReauthEmailInvalid("You signed in to another account than the one that is to be reconnected.")

    async def _login(self, handle: str, cookies: Sequence[str]) -> Login:
        application_id, login_id = _parse(handle)
        login = await self.db.read(logins.find(application_id, login_id))
        mine = login is not None and any(
            hmac.compare_digest(login.browser, self._of_browser(SecretStr(cookie))) for cookie in cookies
        )
        if login is None or not mine or login.used_at is not None or login.expires_at <= self.clock():
            raise LoginInvalid(_OVER)
        return login

    def _custom(
        self, ask: Ask, provider: ProviderName, login: Login | None, settings: Mapping[str, Any]
    ) -> CustomConnect:
        login_id = None if login is None else login.id
        override = ask.credential_id if provider in OAUTH else None
        return CustomConnect(
            provider, settings, scope=ask.scope, state=ask.state, credential_id=override, login_id=login_id
        )

    def _of_browser(self, cookie: SecretStr) -> str:
        return self.digests.login("browser", cookie.get_secret_value())

    def _of_state(self, login: Login, secret: str) -> str:
        return self.digests.login(f"state {login.application_id} {login.id}", secret)

    def _csrf(self, login: Login) -> str:
        return self.digests.login(f"csrf {login.application_id} {login.id}", login.browser)

    def _verifier(self, login: Login, secret: str) -> SecretStr:
        """Our PKCE towards the provider: known to nobody who sees the state go by, and kept nowhere."""
        return SecretStr(self.digests.login(f"verifier {login.application_id} {login.id}", secret))

    @staticmethod
    def _proof_owner(app: Application, code_id: str) -> Owner:
        return Owner(app.id, "login", code_id, "proof")


_FORGOTTEN_AT_ONCE = 200
_OVER = "This sign-in is over, or was started in another browser. Go back to the application and start it again."
_ERROR_URI = "https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2.1"
_OAUTH_WORDS = frozenset(
    {"access_denied", "invalid_scope", "server_error", "temporarily_unavailable", "interaction_required"}
    | {"login_required", "consent_required", "unauthorized_client", "invalid_request", "unsupported_response_type"}
)
_WORDS: Mapping[type[OpenGrantError], str] = {
    ScopesConflict: "invalid_scope",
    ReauthEmailInvalid: "access_denied",
    RateLimited: "temporarily_unavailable",
    ProviderUnavailable: "temporarily_unavailable",
    Overloaded: "temporarily_unavailable",
    StoreUnavailable: "temporarily_unavailable",
}


def _gave_up(provider: ProviderName, patience: float) -> ProviderUnavailable:
    evidence = Evidence(provider.value, "imap", "command", code="timeout")
    verdict = Verdict(Kind.PROVIDER_DOWN, "gave_up", "Check the server settings, or try again later.", retryable=True)
    return ProviderUnavailable(
        f"{outcome.NAMES[provider]} did not answer within {patience:.0f} s. {verdict.remedy}",
        provider_error=outcome.provider_error(evidence, verdict),
    )


def _challenged(ask: Ask, verifier: str | None) -> bool:
    """Whether a verifier is as the challenge wants it; where there was none, there must be no verifier.

    Its sender believes to be protected: a code of somebody else's sign-in, begun without, may be put under it.
    """
    if ask.challenge is None:
        return not verifier
    return pkce.verifies(ask.method, ask.challenge, verifier or "")


def _one_tenant(held: Mapping[str, Any]) -> str | None:
    """The tenant of a credential, if it is for a certain one."""
    named = cast(str, held.get("tenant") or "")
    return None if named.lower() in MANY_TENANTS else named


def _oauth_word(said: str) -> str:
    return said if said in _OAUTH_WORDS else "server_error"


def _with(url: str, told: Mapping[str, str | None]) -> str:
    """The address, byte for byte, and what is told at the end of its query; what is None is left out.

    It has no fragment: redirects.py registers none.
    """
    more = urlencode({name: value for name, value in told.items() if value is not None})
    _, mark, query = url.partition("?")
    return f"{url}{'&' if query else '' if mark else '?'}{more}"


def _path(login: Login) -> str:
    return f"/v3/connect/login/{_handle(login)}"


def _handle(login: Login) -> str:
    owner = base64.urlsafe_b64encode(login.application_id.encode()).decode().rstrip("=")
    return f"{owner}.{login.id}"


def _parse(handle: str) -> tuple[str, str]:
    """Raises LoginInvalid."""
    owner, _, login_id = handle.partition(".")
    try:
        application_id = base64.urlsafe_b64decode(owner + "=" * (-len(owner) % 4)).decode()
    except ValueError:
        raise LoginInvalid(_OVER) from None
    if not (application_id + login_id).isprintable():  # PostgreSQL takes no NUL
        raise LoginInvalid(_OVER)
    return application_id, login_id


def _plain(ask: Ask) -> dict[str, Any]:
    return asdict(ask)


def _ask(kept: Mapping[str, Any]) -> Ask:
    told = dict(kept)
    told["providers"] = tuple(ProviderName(name) for name in kept["providers"])
    told["sections"] = tuple(kept["sections"])
    told["scope"] = None if kept["scope"] is None else tuple(kept["scope"])
    return Ask(**told)


def _write_proof(proof: Proof) -> bytes:
    return to_json(
        {
            "identity": asdict(proof.identity),
            "scope": proof.scope,
            "settings": dict(proof.settings),
            "secret": None if proof.secret is None else dict(proof.secret),
            "credential_id": proof.credential_id,
            "token_expires_at": proof.token_expires_at,
            "named": proof.named,
            "asked": proof.asked,
        }
    )


def _read_proof(sealed: bytes) -> Proof:
    held = from_json(sealed)
    return Proof(
        Identity(**held["identity"]),
        tuple(held["scope"]),
        held["settings"],
        held["secret"],
        held["credential_id"],
        held["token_expires_at"],
        named=tuple(held["named"]),
        asked=held.get("asked", 0),  # the release before wrote none
    )
