"""A browser at the console: it keeps its cookie, and sends what a page of ours sends."""

from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx

from opengrant.model import Application
from tests.support import LiveServer, Tenant, data

SESSIONS = "/v3/console/sessions"
CURRENT = f"{SESSIONS}/current"
PAGE = {"X-OpenGrant-Console": "1", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Browser:
    """Signed in with `with_key` or `with_link`."""

    server: LiveServer
    cookie: str
    session: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {**PAGE, "Cookie": f"theme=dark; opengrant_console={self.cookie}; a b=c"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> httpx.Response:
        """headers: with _ for -; None takes one away."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in {**self.headers, **changed}.items() if value is not None}
        with self.server.client(None) as http:
            return http.request(method, path, json=body, headers=sent)

    def get(self, path: str, **headers: str | None) -> httpx.Response:
        return self.ask("GET", path, **headers)


def sign_in(server: LiveServer, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    with server.client(None) as http:
        return http.post(SESSIONS, json=body, headers=PAGE if headers is None else headers)


def set_cookie(answer: httpx.Response) -> "Morsel[str]":
    return SimpleCookie(answer.headers["set-cookie"])["opengrant_console"]


def link_of(server: LiveServer, application: Application) -> str:
    """What `opengrant console` prints behind #link=."""
    code: str = server.call(server.services.sessions.link(application)).code.get_secret_value()
    return code


def with_key(tenant: Tenant, api_key: str | None = None) -> Browser:
    return _browser(tenant.server, sign_in(tenant.server, {"api_key": api_key or tenant.api_key}))


def with_link(tenant: Tenant) -> Browser:
    return _browser(tenant.server, sign_in(tenant.server, {"link": link_of(tenant.server, tenant.application)}))


def _browser(server: LiveServer, answer: httpx.Response) -> Browser:
    assert answer.status_code == 201, answer.text
    return Browser(server, set_cookie(answer).value, data(answer))
