"""Microsoft 365 mailboxes through an app that an administrator consented to: no user takes part.

Sources  Microsoft identity platform, "OAuth 2.0 client credentials flow"; Graph, "Get a user", "List users",
"Get mailFolder". Entra gives a token to any app that knows its secret, even without any permission from
an administrator. So only Graph can prove a mailbox: look the user up, then read from the mailbox.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from opengrant.errors import InvalidRequest, ProviderFailure
from opengrant.model import Identity, TenantClient, Tokens, fold
from opengrant.net.provider_http import Answer, Field, Http
from opengrant.providers.microsoft.refusals import judge_app_only
from opengrant.providers.minted import Minted
from opengrant.providers.oauth.answers import read_tokens, unverified_claims
from opengrant.providers.oauth.evidence import conclusion, refusal
from opengrant.providers.oauth.members import is_address, text_of

PROVIDER = "microsoft-bulk"
"""Its refusals have their own judge: an administrator must act where otherwise a user must."""

_NATIONAL_CLOUDS = frozenset({"graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"})
MANY_TENANTS = frozenset({"", "common", "organizations", "consumers"})
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_USER = "id,displayName,mail,userPrincipalName"
_REQUESTS: Mapping[str, tuple[str, Mapping[str, Field]]] = {
    "mail": ("mailFolders/inbox", {"$select": "id"}),
    "calendars": ("calendar", {"$select": "id"}),
    "mailboxsettings": ("mailboxSettings", {}),
}
"""A request that reads from a mailbox, by the first word of the permissions that allow it."""
_OPENS_NOTHING = "mail.send"


class MicrosoftBulk:
    """Mints tokens for a tenant's mailboxes. `token_url` may have `{tenant}` in it."""

    def __init__(self, http: Http, *, token_url: str, graph_url: str) -> None:
        self._http = http
        self._token_url = token_url
        self._graph_url = graph_url.rstrip("/")
        host = urlsplit(graph_url).hostname
        self._default_scope = f"https://{host if host in _NATIONAL_CLOUDS else 'graph.microsoft.com'}/.default"

    async def mint(self, credential: TenantClient, email: str, scope: tuple[str, ...]) -> Minted:
        """Prove one user's mailbox and get a token for the tenant's.

        credential  `client_id`, `client_secret` as SecretStr, `tenant`: an id or a domain
        scope       permissions that must work, as `Mail.Read` or a whole URL; without any, one that works is enough.
                    The token always covers all consented permissions.
        Raises      InvalidRequest, ProviderFailure
        """
        if not is_address(email):
            raise InvalidRequest("settings.email_address: this is not a mail address.")
        tenant = (credential.tenant or "").strip()
        tokens = await self._tokens(credential, tenant)
        user = await self._user(tokens.access_token, email)
        user_id = text_of(user, "id") or ""
        await self._touch(tokens.access_token, user_id, scope)
        subject = f"{tenant.lower()}:{user_id.lower()}" if _GUID.fullmatch(tenant.lower()) else None
        # A principal name is in a domain that the tenant has proven; `mail` and aliases may be in any.
        vouched = fold(text_of(user, "userPrincipalName") or "") == fold(email)
        name = text_of(user, "displayName")
        identity = Identity(email=email, subject=subject, user_id=user_id, name=name, vouched=vouched)
        return Minted(identity, tokens.access_token, tokens.expires_at, scope or (self._default_scope,))

    async def prove_tenant(self, credential: TenantClient) -> str | None:
        """The id of the tenant that gives this credential a token; None when the token does not tell.

        credential  as for `mint`
        Raises      ProviderFailure
        """
        tenant = (credential.tenant or "").strip()
        tokens = await self._tokens(credential, tenant)
        if _GUID.fullmatch(tenant.lower()):
            return tenant.lower()
        claims = unverified_claims(tokens.access_token)
        tid = text_of(claims, "tid") if claims else None
        return None if tid is None else tid.lower()

    async def _tokens(self, credential: TenantClient, tenant: str) -> Tokens:
        if tenant.lower() in MANY_TENANTS:
            raise conclusion(PROVIDER, "tenant_required", "A token without a user is for one tenant")
        fields: dict[str, Field] = {
            "grant_type": "client_credentials",
            "client_id": credential.client_id,
            "client_secret": credential.client_secret,
            "scope": self._default_scope,
        }
        url = self._token_url.replace("{tenant}", quote(tenant, safe=""))
        return read_tokens(await self._http.form(PROVIDER, "token", url, fields))

    async def _user(self, token: SecretStr, email: str) -> Mapping[str, Any]:
        """The directory's user of this address, which may be an alias. Raises ProviderFailure."""
        answer = await self._get(token, _user_path(email), {"$select": _USER})
        if answer.succeeded and isinstance(answer.json, Mapping) and text_of(answer.json, "id"):
            return answer.json
        failure = refusal(answer)
        if judge_app_only(failure.evidence).reason != "user_unknown":
            raise failure
        # The path knows ids and principal names only; addresses must be searched for.
        found = await self._search(token, email)
        if not found:
            raise failure
        if len(found) > 1:
            raise conclusion(PROVIDER, "address_ambiguous", f"{len(found)} users of the directory have this address")
        return next(iter(found.values()))

    async def _search(self, token: SecretStr, email: str) -> dict[str, Mapping[str, Any]]:
        """Users by their mail address or an alias, keyed by their id."""
        literal = email.replace("'", "''")
        filters = [f"mail eq '{literal}'", f"proxyAddresses/any(p:p eq 'smtp:{literal}')"]
        answers = [await self._get(token, "/users", {"$filter": " or ".join(filters), "$select": _USER})]
        if answers[0].status == 400:  # not every directory accepts both in one query
            answers = [await self._get(token, "/users", {"$filter": one, "$select": _USER}) for one in filters]
        return {user["id"]: user for answer in answers for user in _listed(answer)}

    async def _touch(self, token: SecretStr, user_id: str, scope: tuple[str, ...]) -> None:
        """Read the mailbox in each way that `scope` names; when it names none, in any way. Raises ProviderFailure."""
        permissions = {name.rpartition("/")[2].lower() for name in scope} - {_OPENS_NOTHING}
        words = {name.partition(".")[0] for name in permissions}
        named = [word for word in _REQUESTS if word in words]
        for word in named:
            if (failure := await self._open(token, user_id, word)) is not None:
                raise failure
        if named:
            return
        closed = []
        for word in _REQUESTS:
            if (failure := await self._open(token, user_id, word)) is None:
                return
            closed.append(failure)
            if judge_app_only(failure.evidence).reason != "scopes_missing":
                raise failure
        raise closed[0]

    async def _open(self, token: SecretStr, user_id: str, word: str) -> ProviderFailure | None:
        path, query = _REQUESTS[word]
        answer = await self._get(token, f"/users/{quote(user_id, safe='')}/{path}", query)
        return None if answer.succeeded else refusal(answer)

    async def _get(self, token: SecretStr, path: str, query: Mapping[str, Field]) -> Answer:
        return await self._http.get(PROVIDER, "api", f"{self._graph_url}{path}", bearer=token, query=query)


def _user_path(email: str) -> str:
    if email.startswith("$"):  # in the short form, Graph reads it as a command
        literal = email.replace("'", "''")
        return f"/users('{quote(literal, safe='')}')"
    return f"/users/{quote(email, safe='')}"


def _listed(answer: Answer) -> list[Mapping[str, Any]]:
    users = answer.json.get("value") if answer.succeeded and isinstance(answer.json, Mapping) else None
    if not isinstance(users, list):
        raise refusal(answer)
    return [user for user in users if isinstance(user, Mapping) and text_of(user, "id")]
