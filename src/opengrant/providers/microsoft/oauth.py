"""Microsoft accounts with a refresh token: Microsoft 365 and Outlook.com, in every national cloud.

Sources  Microsoft identity platform, "OAuth 2.0 authorization code flow" and "ID tokens"; Graph, "Get a user".
Entra answers each refresh with a new refresh token: the caller must keep it before it does anything else.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp, Identity, Tokens, fold, now
from opengrant.net.provider_http import Field, Http
from opengrant.providers.base import Consent
from opengrant.providers.microsoft.app_only import MANY_TENANTS
from opengrant.providers.microsoft.refusals import judge
from opengrant.providers.microsoft.scopes import missing, resource_root, resources, short
from opengrant.providers.oauth.answers import code_fields, consent_url, read_id_token, read_tokens
from opengrant.providers.oauth.evidence import conclusion, refusal
from opengrant.providers.oauth.members import is_address, text_of
from opengrant.providers.oauth.probe import have_token_refused

PROVIDER = "microsoft"
PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The `tid` of every personal account."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PERSONAL_ID = re.compile(r"[0-9a-f]{16}")


class Microsoft:
    """Refreshes and identifies Microsoft accounts. `token_url` may have `{tenant}` in it."""

    rotates = True
    single_use = False

    def __init__(
        self, http: Http, *, token_url: str, graph_url: str, authorize_url: str, adminconsent_url: str
    ) -> None:
        self._http = http
        self._authorize_url = authorize_url
        self._adminconsent_url = adminconsent_url
        self._token_url = token_url
        self._graph_url = graph_url.rstrip("/")

    async def refresh(self, client: ClientApp, refresh_token: SecretStr) -> Tokens:
        """Spend the refresh token once; no retry. Raises ProviderFailure.

        No `scope` is sent: the token then covers what the user consented to, of any resource.
        """
        return await self._tokens(client, {"grant_type": "refresh_token", "refresh_token": refresh_token})

    def consent_url(self, client: ClientApp, consent: Consent) -> str:
        """Without `offline_access` there is no refresh token, without `User.Read` no owner."""
        needed = ("openid", "profile", "email", "offline_access", "User.Read")
        more = {"response_mode": "query"} | ({} if consent.login_hint else {"prompt": "select_account"})
        return consent_url(_at(self._authorize_url, client.tenant), client, consent, needed, **more)

    async def exchange(self, client: ClientApp, code: SecretStr, *, redirect_uri: str, verifier: SecretStr) -> Tokens:
        """Spend the code once; no retry. Raises ProviderFailure."""
        return await self._tokens(client, code_fields(code, redirect_uri, verifier))

    def admin_consent_url(self, client_id: str, *, tenant: str | None, redirect_uri: str, state: str) -> str:
        """Where an administrator consents for a tenant; without one, for that of the account that signs in."""
        query = {"client_id": client_id, "redirect_uri": redirect_uri, "state": state}
        if tenant:
            url = _at(self._adminconsent_url, tenant)
            query["scope"] = f"{resource_root(self._graph_url)}.default"
        else:
            url = _at(self._adminconsent_url, "common").replace("/v2.0/adminconsent", "/adminconsent")
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"

    async def _tokens(self, client: ClientApp, fields: Mapping[str, Field]) -> Tokens:
        fields = {**fields, "client_id": client.client_id}
        if client.client_secret.get_secret_value():  # a public client must not send a secret (AADSTS700025)
            fields["client_secret"] = client.client_secret
        return read_tokens(await self._http.form(PROVIDER, "token", _at(self._token_url, client.tenant), fields))

    async def identify(self, client: ClientApp, tokens: Tokens) -> Identity:
        """From Graph's /me; where the token is not for Graph, from the id_token. Refreshes nothing.

        Raises ProviderFailure: identity_scopes_missing, address_unknown, or what Graph answered.
        """
        claims = read_id_token(tokens.id_token, audience=client.client_id, issuers=None, at=now())
        if claims is not None and not _issuer_fits(claims):
            claims = None
        user, refused = await self._me(tokens)
        if user is None and claims is None:
            text = "Graph refused the token" if refused else "The token is not for Graph"
            raise conclusion(PROVIDER, "identity_scopes_missing", f"{text}, and there was no id_token", said=refused)
        return _identity(user, claims or {}, client.tenant)

    def granted_scope(self, tokens: Tokens) -> tuple[str, ...] | None:
        """Short names for Graph's scopes, whole ones for other resources'; None when the answer named none."""
        return None if tokens.scope is None else tuple(dict.fromkeys(short(scope) for scope in tokens.scope))

    def missing_scope(self, tokens: Tokens, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Which of `wanted`, as spelled there, the user did not grant, nor one that covers it."""
        return () if tokens.scope is None else missing(tokens.scope, wanted)

    def token_endpoint(self, client: ClientApp) -> str:
        """The URL that `prove_client` asks."""
        return _at(self._token_url, client.tenant)

    async def prove_client(self, client: ClientApp) -> str | None:
        """By a token for the app itself, which needs the secret alone. Raises ProviderFailure.

        Entra gives it for one tenant only. Where a connector is for many, a made-up refresh token shows whether Entra
        refuses the client at once: Entra may refuse the token before it checks the secret.
        """
        if client.tenant.lower() not in MANY_TENANTS:
            scope = f"{resource_root(self._graph_url)}.default"
            await self._tokens(client, {"grant_type": "client_credentials", "scope": scope})
            return None
        await have_token_refused(self, client, judge)
        doubt = (
            f"Entra does not refuse the app, but with the tenant {client.tenant} it does not tell whether the secret is"
            " right before a user signs in."
        )
        if _GUID.fullmatch(client.client_secret.get_secret_value().lower()):
            doubt += " The secret looks like a secret's id; its value is needed."
        return doubt

    def lacking_scope(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        """`User.Read` or `openid` names the owner; without `offline_access` there is no refresh token."""
        known = {short(name).lower() for name in scope}
        owner = () if known & {"user.read", "openid"} else ("User.Read",)
        return (*owner, *(() if "offline_access" in known else ("offline_access",)))

    async def aliases(self, access_token: SecretStr) -> tuple[str, ...]:
        """The owner's other addresses. Personal accounts list none. Raises ProviderFailure."""
        query = {"$select": "mail,userPrincipalName,proxyAddresses"}
        answer = await self._http.get(PROVIDER, "api", f"{self._graph_url}/me", bearer=access_token, query=query)
        if not (answer.succeeded and isinstance(answer.json, Mapping)):
            raise refusal(answer)
        proxies = answer.json.get("proxyAddresses")
        # `SMTP:` in capitals is the primary address, other schemes are not mail.
        found = (str(entry)[5:] for entry in proxies or () if str(entry).startswith("smtp:"))
        return tuple(filter(is_address, found))

    async def _me(self, tokens: Tokens) -> tuple[Mapping[str, Any] | None, ProviderFailure | None]:
        """Graph's user object; None when this token cannot ask for it, with Graph's refusal if it was asked."""
        if tokens.scope is not None and "" not in resources(tokens.scope):
            return None, None
        query = {"$select": "id,displayName,mail,userPrincipalName"}
        answer = await self._http.get(PROVIDER, "api", f"{self._graph_url}/me", bearer=tokens.access_token, query=query)
        if answer.succeeded and isinstance(answer.json, Mapping) and text_of(answer.json, "id"):
            return answer.json, None
        failure = refusal(answer)  # an empty 200 too: Graph sends them during outages
        if judge(failure.evidence).reason in {"access_token_refused", "scopes_missing"}:
            return None, failure
        raise failure


def _at(url: str, tenant: str) -> str:
    return url.replace("{tenant}", quote(tenant, safe=""))


def _identity(user: Mapping[str, Any] | None, claims: Mapping[str, Any], tenant: str) -> Identity:
    """Join Graph's user object and the id_token's claims, where both are about the same account."""
    user_id = None if user is None else text_of(user, "id")
    oid = _object_id(text_of(claims, "oid"))
    if user_id is not None and oid != _object_id(user_id):
        claims, oid = {}, _object_id(user_id)
    user = user or {}
    email = next(filter(is_address, _addresses(user, claims)), None)
    if email is None:
        raise conclusion(PROVIDER, "address_unknown", "Neither Graph nor the id_token names a mail address")
    tid = _tenant_id(text_of(claims, "tid"), user_id, tenant)
    return Identity(
        email=email,
        subject=f"{tid}:{oid}" if tid and oid else None,
        user_id=user_id or text_of(claims, "oid"),
        name=text_of(user, "displayName") or text_of(claims, "name"),
        vouched=tenant.lower() not in MANY_TENANTS or tid == PERSONAL_TENANT or fold(email) in _vouched(user, claims),
    )


def _vouched(user: Mapping[str, Any], claims: Mapping[str, Any]) -> set[str]:
    """The addresses, folded, in domains that the tenant has proven. `mail` alone proves nothing.

    A principal name is always in a proven domain; `email` is where the claim `xms_edov` says so.
    """
    proven = str(claims.get("xms_edov", "")).lower() in {"1", "true"}
    names = (text_of(user, "userPrincipalName"), text_of(claims, "email") if proven else None)
    return {fold(name) for name in names if name is not None}


def _addresses(user: Mapping[str, Any], claims: Mapping[str, Any]) -> Iterable[str]:
    """In order of preference; `_vouched` says which are proven.

    A guest's principal name (`#EXT#`) is no address.
    `email` is skipped where the tenant says that the domain's owner is not verified (`xms_edov`): any tenant's
    administrator may enter any address there.
    """
    names = [text_of(user, "mail"), text_of(user, "userPrincipalName")]
    if str(claims.get("xms_edov", "1")).lower() not in {"0", "false"}:
        names.append(text_of(claims, "email"))
    names.append(text_of(claims, "preferred_username"))
    return (name for name in names if name is not None and "#ext#" not in name.lower())


def _tenant_id(tid: str | None, user_id: str | None, tenant: str) -> str | None:
    """From the id_token, else for personal accounts and for a connector of one tenant."""
    if tid is not None:
        return tid.lower()
    if tenant.lower() == "consumers" or (user_id and _PERSONAL_ID.fullmatch(user_id.lower())):
        return PERSONAL_TENANT
    return tenant.lower() if _GUID.fullmatch(tenant.lower()) else None


def _object_id(value: str | None) -> str | None:
    """Personal accounts are 16 hex digits to Graph, and to id_tokens a GUID that ends in them."""
    if value is None:
        return None
    value = value.lower()
    return f"00000000-0000-0000-{value[:4]}-{value[4:]}" if _PERSONAL_ID.fullmatch(value) else value


def _issuer_fits(claims: Mapping[str, Any]) -> bool:
    """The issuer is the tenant's, in any cloud: TLS to the token endpoint proves which cloud."""
    issuer, tid = text_of(claims, "iss"), text_of(claims, "tid")
    return issuer is not None and tid is not None and issuer.endswith(f"/{tid}/v2.0")
