"""What the tests of tokens share: a grant, the token endpoint as clients use it, and what a refusal looks like."""

import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from opengrant.errors import PKCE_FAILED, CodeUsedTwice, OAuthRefused
from opengrant.model import Application, Grant
from opengrant.signin.pkce import verifies
from opengrant.signin.redeem import Redeemed
from tests.support import LiveServer, Tenant, data, secret

TOKEN = "/v3/connect/token"
REVOKE = "/v3/connect/revoke"
INFO = "/v3/connect/tokeninfo"
ME = "/v3/grants/me"


def calendar(tenant: Tenant, email: str = "room-7") -> dict[str, Any]:
    """A grant, without a provider to ask. Its application gets the connector with the first."""
    if not data(tenant.get("/v3/connectors")):
        tenant.connector("virtual-calendar", scope=["calendar", "calendar.read"])
    made = tenant.connect("virtual-calendar", {"email": email}, name="Room seven")
    assert made.status_code == 201, made.text
    grant: dict[str, Any] = data(made)
    return grant


def exchange(tenant: Tenant, grant_type: str, **more: Any) -> httpx.Response:
    """As the SDKs do: a JSON body, with the API key as the client's secret."""
    body = {"client_id": tenant.application.id, "client_secret": tenant.api_key, "grant_type": grant_type, **more}
    return tenant.http.post(TOKEN, json=body)


def minted(tenant: Tenant, grant: dict[str, Any]) -> dict[str, Any]:
    """The answer to client_credentials."""
    return answered(exchange(tenant, "client_credentials", grant_id=grant["id"]))


def refreshed(tenant: Tenant, refresh_token: str) -> httpx.Response:
    return exchange(tenant, "refresh_token", refresh_token=refresh_token)


def answered(answer: httpx.Response) -> dict[str, Any]:
    """The flat answer of the token endpoint."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]
    body: dict[str, Any] = answer.json()
    assert not {"data", "request_id"} & body.keys()
    return body


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    """(status, error, error_description), after checking that all four members are there."""
    body = answer.json()
    assert set(body) == {"error", "error_description", "error_uri", "error_code", "request_id"}, body
    assert isinstance(body["error_code"], int)
    assert body["error_uri"].startswith("https://")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == body["request_id"]
    return answer.status_code, body["error"], body["error_description"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def alive(tenant: Tenant, access_token: str) -> bool:
    """Whether an access token opens its grant."""
    status = tenant.http.get(ME, headers=bearer(access_token)).status_code
    assert status in {200, 401}
    return status == 200


def signed_in(tenant: Tenant, grant: dict[str, Any], *, code_id: str | None = None) -> dict[str, str]:
    """The tokens that a sign-in with access_type=offline hands out, from the service that hands them out."""
    server = tenant.server
    held = server.call(server.services.grants.get(tenant.application, grant["id"]))
    issued = server.call(
        server.services.tokens.issue(
            tenant.application,
            held,
            "authorization_code",
            issuer="https://grants.example.com",
            scope=("calendar",),
            offline=True,
            code_id=code_id,
        )
    )
    return {
        "access_token": issued.access_token.get_secret_value(),
        "refresh_token": issued.refresh_token.get_secret_value(),
    }


def offline(tenant: Tenant) -> dict[str, str]:
    """A grant's id and the tokens of a sign-in to it."""
    grant = calendar(tenant)
    return {"grant_id": grant["id"], **signed_in(tenant, grant)}


def written(server: LiveServer, answer: httpx.Response) -> str:
    """The server's log, once it holds the record of this answer: it is written by a thread of its own."""
    until = time.monotonic() + 60
    while answer.headers["x-request-id"] not in (log := server.log.getvalue().decode()):
        assert time.monotonic() < until, "the request is not in the log"
        time.sleep(0.01)
    return log


def set_terms(tenant: Tenant, **additional_settings: Any) -> None:
    """How long refresh tokens live, as the application sets it."""
    answer = tenant.patch("/v3/applications", {"additional_settings": additional_settings})
    assert answer.status_code == 200, answer.text


def age(tenant: Tenant, seconds: int) -> None:
    """All that this application's tokens have behind them grows by so much."""
    back = seconds * 1_000_000
    server, app_id = tenant.server, tenant.application.id
    server.rows(
        "update tokens set created_at = created_at - $2, expires_at = expires_at - $2 where application_id = $1",
        app_id,
        back,
    )
    server.rows(
        "update token_families set created_at = created_at - $2, used_at = used_at - $2 where application_id = $1",
        app_id,
        back,
    )


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code: what it is good for, and what it asks of whoever redeems it."""

    grant: Grant
    redirect_uri: str
    access_type: Any
    challenge: str | None
    public: bool
    id: str


@dataclass
class Codes:
    """One-time codes that nobody had to sign in for. Refuses what the real ones refuse, in the same words."""

    held: dict[str, Code] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def give(
        self,
        server: LiveServer,
        tenant: Tenant,
        grant: dict[str, Any],
        *,
        access_type: str = "online",
        challenge: str | None = None,
        public: bool = False,
    ) -> str:
        """public: of a redirect URI whose program cannot keep a secret."""
        code = secret("code")
        held = server.call(server.services.grants.get(tenant.application, grant["id"]))
        self.held[code] = Code(held, "https://app.example.com/back", access_type, challenge, public, f"of {code[-32:]}")
        return code

    async def redeem(
        self, app: Application, code: SecretStr, *, redirect_uri: str, verifier: str | None, authenticated: bool
    ) -> Redeemed:
        value = code.get_secret_value()
        found = self.held.get(value)
        if found is None or found.grant.application_id != app.id:
            raise OAuthRefused("invalid_grant", "The code is unknown.")
        if value in self.used:
            raise CodeUsedTwice(found.id)
        self.used.add(value)
        if redirect_uri != found.redirect_uri:
            raise OAuthRefused("invalid_grant", "redirect_uri is not the one that the sign-in was started with.")
        if found.challenge is not None and not verifies("S256", found.challenge, verifier or ""):
            raise OAuthRefused("invalid_grant", "Code verifier challenge failed", code=PKCE_FAILED)
        if not authenticated and not (found.public and found.challenge):
            raise OAuthRefused("invalid_client", "Send the API key as client_secret or as a bearer token.")
        return Redeemed(found.grant, found.access_type, found.grant.scope, found.id)
