"""A service account for tests, whose requests the official SDK's own signer signs."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
import requests.auth
from nylas.handler.service_account import ServiceAccountSigner, load_rsa_private_key_from_pem, sign_bytes

from opengrant.access.request_signatures import envelope
from tests.support import LiveServer


@dataclass
class Account:
    """Whoever holds `private_key` may sign as `kid`."""

    server: LiveServer
    kid: str
    private_key: str = field(repr=False)
    organization_id: str

    @cached_property
    def signer(self) -> ServiceAccountSigner:
        """Loading a key checks it, which takes longer than most requests."""
        return ServiceAccountSigner(self.private_key, self.kid)

    def sign(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[dict[str, str], bytes | None]:
        """Headers and body of a good request."""
        headers, content = self.signer.build_headers(method, path, body, **more)
        return dict(headers), content

    def request(self, method: str, path: str, body: Any = None, *, query: str = "") -> httpx.Response:
        headers, content = self.sign(method, path, body)
        return send(self.server, method, path + query, headers, content)

    def get(self, path: str, query: str = "") -> httpx.Response:
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.request("POST", path, body)


class Signing(requests.auth.AuthBase):
    """Signs whatever a `requests` client is about to send, however its body is spelled."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.key = load_rsa_private_key_from_pem(account.private_key)

    def __call__(self, sent: requests.PreparedRequest) -> requests.PreparedRequest:
        assert sent.method is not None
        assert isinstance(sent.url, str)
        body = sent.body.decode(errors="replace") if isinstance(sent.body, bytes) else sent.body
        payload = body if body and sent.method in {"POST", "PUT", "PATCH"} else None
        timestamp, nonce, path = int(time.time()), uuid.uuid4().hex, urlsplit(sent.url).path
        message = envelope(method=sent.method, path=path, timestamp=timestamp, nonce=nonce, payload=payload)
        signature = sign_bytes(self.key, message)
        sent.headers.update(
            {
                "X-Nylas-Kid": self.account.kid,
                "X-Nylas-Timestamp": str(timestamp),
                "X-Nylas-Nonce": nonce,
                "X-Nylas-Signature": signature,
            }
        )
        return sent


def send(
    server: LiveServer,
    method: str,
    path: str,
    headers: dict[str, str] | Sequence[tuple[str, str]],
    content: bytes | None = None,
) -> httpx.Response:
    with server.client(None) as http:
        return http.request(method, path, headers=headers, content=content)


def account(server: LiveServer, permissions: Sequence[str] = ("all",)) -> Account:
    """A service account of the installation's organization."""
    made = server.call(server.services.service_accounts.create("test", permissions))
    file = json.loads(json.dumps(made.credential_file()))
    return Account(server, file["private_key_id"], file["private_key"], file["organization_id"])


def foreign_account(server: LiveServer) -> Account:
    """A service account of an organization of its own, in which nothing is."""
    made = account(server)
    made.organization_id = str(uuid.uuid4())
    server.rows(
        "insert into organizations (name, id, region, created_at) values ($1, $2, 'us', 0) returning id",
        made.organization_id,
        made.organization_id,
    )
    server.rows(
        "update service_accounts set organization_id = $2 where id = $1 returning id", made.kid, made.organization_id
    )
    return made
