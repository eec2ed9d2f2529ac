"""Who sends a request: an API key, an access token, a console session, or a service account that signs."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import Scope

from opengrant.access.api_keys import ApiKeys
from opengrant.access.bearer_tokens import ACCESS
from opengrant.access.console_sessions import ConsoleSession, ConsoleSessions, actor_of
from opengrant.access.request_signatures import SignatureClaim, Signatures
from opengrant.access.service_accounts import ServiceAccounts
from opengrant.api.http.cookies import cookie_pairs
from opengrant.api.http.request import Headers, LookedUp, Request
from opengrant.api.http.route_table import Access, InConsole, Key, Open, Signed, SignIn
from opengrant.errors import AccessDenied, AuthenticationFailed, Unauthorized
from opengrant.events.actor import Actor, act_as
from opengrant.grants.key_and_grant import KeyAndGrant
from opengrant.model import Caller, Permission
from opengrant.signin.token_reader import TokenReader

CONSOLE_COOKIE = "opengrant_console"
CONSOLE_HEADER = "X-OpenGrant-Console"
"""With the value 1. A page of another origin cannot send it without a CORS preflight, which is never allowed."""

_COOKIE = CONSOLE_COOKIE.encode()
_HEADER = CONSOLE_HEADER.lower().encode()
_WINS = frozenset({b"authorization", b"x-nylas-kid"})
"""Headers that authenticate on their own; beside one of them the cookie is ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """Checks the credentials of requests. Built once, with the routes."""

    api_keys: ApiKeys
    tokens: TokenReader
    sessions: ConsoleSessions
    signatures: Signatures
    service_accounts: ServiceAccounts
    key_and_grant: KeyAndGrant

    async def admit(
        self, access: Access, request: Request, scope: Scope, *, named: str | None = None
    ) -> SignatureClaim | None:
        """Authenticate a request by its headers and note the actor.

        named    the name of a grant, to look it up together with an API key for `Request.grant`
        Returns the claim of a signature, which `verify` checks once the body is there; else None.
        Raises Unauthorized, AccessDenied, AuthenticationFailed.
        """
        match access:
            case Open():
                act_as(Actor.anonymous(request.id))
            case SignIn():
                if not from_console(request.headers):
                    raise AccessDenied(f"Only pages of this server may do this, with the header {CONSOLE_HEADER}: 1.")
                act_as(Actor.anonymous(request.id))
            case _ if (cookie := session_cookie(request.headers)) is not None:
                await self._by_session(access, request, scope, cookie)
            case Key():
                await self._by_bearer(access, request, scope, named)
            case Signed():
                return await self.signatures.claim(request.headers)
            case InConsole():
                raise Unauthorized("This needs a session of the console. Sign in first.")
        return None

    async def verify(self, claim: SignatureClaim, access: Signed, request: Request, scope: Scope) -> None:
        """Check a signature against the whole request. Raises AuthenticationFailed, Forbidden."""
        request.body = await self.signatures.verify(
            claim,
            method=scope["method"],
            path=_signed_path(scope),
            body=request.body,
            permission=access.permission,
        )
        request.organization = claim.account.organization_id
        act_as(Actor.service_account(claim.account.id, request.id))

    async def _by_session(self, access: Access, request: Request, scope: Scope, cookie: str) -> None:
        """Raises Unauthorized, AccessDenied."""
        session = request.session = scope["opengrant.session"] = await self.sessions.authenticate(cookie)
        match access:
            case Key(by_session=False):
                raise AccessDenied(
                    "A console session reads mail by /v3/console/grants/{grant_id}/…. This needs an API key."
                )
            case Key():
                require(access.needs, session)
            case InConsole(needs=str(needed)):
                require(needed, session)
            case Signed() | InConsole(operator=True) if not session.operator:
                raise AccessDenied(
                    "This is for operators, and you are signed in with an API key."
                    f" Run on the server: opengrant console --application {session.application.id}"
                )
            case Signed():
                request.organization = (await self.service_accounts.organization()).id
        act_as(actor_of(session, request.id))

    async def _by_bearer(self, access: Key, request: Request, scope: Scope, named: str | None) -> None:
        """Raises Unauthorized, AccessDenied."""
        bearer = bearer_of(request.headers)
        holder = await self.tokens.bearer(bearer) if bearer is not None and bearer.startswith(ACCESS) else None
        if holder is None:
            if named is None:
                caller = await self.api_keys.authenticate(bearer)
            else:
                caller, grant = await self.key_and_grant.look_up(bearer, named)
                request.looked_up = LookedUp(grant)
            request.caller = scope["opengrant.caller"] = caller
            require(access.needs, caller)
            act_as(Actor.key(caller.key_id, request.id))
            return
        if not access.by_token:
            raise AccessDenied("An access token shows its own grant, GET /v3/grants/me. This needs an API key.")
        request.holder = scope["opengrant.holder"] = holder
        act_as(Actor.holder(holder.grant_id, request.id))


def require(needed: Permission, caller: Caller | ConsoleSession) -> None:
    """Raises AccessDenied, which says how to make a key that has the permission."""
    if needed not in caller.permissions:
        who = "A session by link" if isinstance(caller, ConsoleSession) and caller.operator else "This API key"
        raise lacking(needed, who, caller.application.id, caller.permissions)


def lacking(needed: Permission, who: str, application_id: str, held: Sequence[str]) -> AccessDenied:
    return AccessDenied(
        f"{who} lacks the permission {needed}. Make a key that has it: opengrant keys create {application_id}"
        f" {' '.join(f'--permission {name}' for name in (*held, needed))}"
    )


def from_console(headers: Headers) -> bool:
    """Whether a page of the console sent it: it has our header, and `Sec-Fetch-Site`, if there, says same origin."""
    named = dict(headers)
    # `none`: the user opened it directly, no page did.
    return named.get(_HEADER) == b"1" and named.get(b"sec-fetch-site", b"none") in {b"same-origin", b"none"}


def session_cookie(headers: Headers) -> str | None:
    """The console's cookie. None when a page of another origin or another credential comes with it."""
    if not from_console(headers) or any(name in _WINS for name, _ in headers):
        return None
    found = [value.decode("latin-1") for name, value in cookie_pairs(headers) if name == _COOKIE]
    # Another host of the domain may have set a second one, and the two cannot be told apart.
    return found[0] if len(found) == 1 else None


def bearer_of(headers: Headers) -> str | None:
    """The token of an Authorization header; None without one. Raises Unauthorized for another scheme."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() != b"bearer":
                raise Unauthorized("Bearer token invalid")
            return str(token.strip().decode("latin-1"))
    return None


def _signed_path(scope: Scope) -> str:
    """The path as sent, which is what the client signed. Raises AuthenticationFailed."""
    sent: bytes = scope.get("raw_path") or scope["path"].encode()
    try:
        return sent.partition(b"?")[0].decode()
    except UnicodeDecodeError:
        raise AuthenticationFailed("Unauthorized") from None
