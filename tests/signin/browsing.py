"""Hosted sign-in as a browser without JavaScript does it: cookies kept, redirects followed one by one, forms posted."""

import contextlib
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.support import LiveServer, Tenant

BACK = "https://app.example.test/callback"
"""Where the application waits."""


@contextlib.contextmanager
def visiting(server: LiveServer) -> Iterator[httpx.Client]:
    """A browser: it keeps cookies, says that it wants pages, and follows nothing by itself."""
    headers = {"Accept": "text/html"}
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60, headers=headers) as client:
        yield client


def registered(tenant: Tenant, url: str = BACK, **more: Any) -> Tenant:
    """The application, with a redirect URI."""
    answer = tenant.post("/v3/applications/redirect-uris", {"url": url, "platform": "web", **more})
    assert answer.status_code == 200, answer.text
    return tenant


def start(browser: httpx.Client, site: Tenant, **query: str) -> httpx.Response:
    asked = {"client_id": site.application.id, "redirect_uri": BACK, "response_type": "code", **query}
    return browser.get("/v3/connect/auth", params=asked)


def through(browser: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """Follow redirects, through the provider and back to us, until a page comes or the application is reached."""
    while answer.is_redirect and not answer.headers["location"].startswith(BACK):
        answer = browser.get(answer.headers["location"])
    return answer


def landed(answer: httpx.Response) -> dict[str, str]:
    """What the application was told: the query of its redirect URI."""
    url = answer.headers["location"] if answer.is_redirect else onward(answer)
    assert url.startswith(BACK), url
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def onward(answer: httpx.Response) -> str:
    """Where a page leads that stands for a redirect."""
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    assert found, answer.text
    return unescape(found[1])


def post(browser: httpx.Client, page: httpx.Response, **fields: str) -> httpx.Response:
    """Send the page's form, with its hidden fields."""
    action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert action, page.text
    form = page.text[action.start() :].partition("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', form))
    assert "csrf" in hidden, page.text
    return browser.post(unescape(action[1]), data={**hidden, **fields})


def redeem(site: Tenant, code: str, **more: Any) -> httpx.Response:
    """As the SDKs do; a member that is None is not sent."""
    body = {"grant_type": "authorization_code", "client_id": site.application.id, "client_secret": site.api_key}
    body |= {"code": code, "redirect_uri": BACK, **more}
    with httpx.Client(base_url=site.server.url, trust_env=False, verify=False, timeout=60) as client:
        return client.post("/v3/connect/token", json={name: value for name, value in body.items() if value is not None})
