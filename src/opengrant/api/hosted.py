"""Hosted sign-in: /v3/connect/auth, the provider's callback, and our own pages between them.

/v3/connect/auth               the application sends the browser here
/v3/connect/login/{handle}     our pages, and the forms on them
/v3/connect/callback           the provider sends the browser back here
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from opengrant.api.hosted_cookies import browser_cookies, set_cookie
from opengrant.api.hosted_words import EMPTY, ended, refused, search_failed, wrong
from opengrant.api.http import responses
from opengrant.api.http.decoding import decode
from opengrant.api.http.path_tree import Router
from opengrant.api.http.request import Headers, Request, header, origin, read_body
from opengrant.api.http.route_table import Open, Redirect, route
from opengrant.api.http.static import PAGE_HEADERS
from opengrant.api.wire.connect import password_login
from opengrant.api.wire.fields import Model
from opengrant.api.wire.hosted import AuthQuery
from opengrant.errors import (
    CallbackNotAllowed,
    InvalidPayload,
    InvalidRequest,
    LoginInvalid,
    MethodNotAllowed,
    OpenGrantError,
)
from opengrant.events.actor import Actor, act_as
from opengrant.model import Application, ProviderName
from opengrant.pages import FIELDS, Brand, Choice, Login, Onward, Page, Problem, form_of, render
from opengrant.pages.views import LABELS
from opengrant.services import Services
from opengrant.signin.hosted import Hosted
from opengrant.signin.visit import Visit
from opengrant.tenants.applications import DEFAULT_APPLICATION, Applications

_LONGEST_FORM = 64 * 1024
_HTML = b"text/html; charset=utf-8"


@route(
    "GET",
    "/v3/connect/auth",
    tag="Hosted sign-in",
    access=Open(),
    query=AuthQuery,
    answers=Redirect(),
    errors=(InvalidRequest, CallbackNotAllowed),
)
async def begin(request: Request) -> responses.Raw:
    """Send a browser here to sign in. It goes on to the provider, or to a page of ours.

    Errors before the redirect URI is known to be the application's are answered and never redirected; as a page to a
    browser. Later ones travel to the redirect URI as `error`, `error_description`, `error_uri` and `error_code`.
    """
    try:
        query = request.query(AuthQuery)
        base = request.origin
        begun = await request.services.hosted.start.begin(query.client_id, query.ask(), base=base)
    except OpenGrantError as problem:
        if not _wants_page(request.headers):
            raise
        return _page(_problem(problem, request.id), problem.status)
    kept = set_cookie(begun, base)
    return _redirect(302, begun.url, kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The routes that only browsers call. Every answer is a page or a redirect, errors too."""

    hosted: Hosted
    applications: Applications
    public_url: str | None

    async def callback(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send, "/v3/connect/callback", {"GET": self._callback})

    async def login(self, scope: Scope, receive: Receive, send: Send) -> None:
        verbs = {"GET": self._show, "POST": self._submitted}
        await self._answer(scope, receive, send, "/v3/connect/login/{handle}", verbs)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, path: str, verbs: Mapping[str, Any]) -> None:
        scope["opengrant.route"] = path
        request_id: str = scope["opengrant.request_id"]
        act_as(Actor.anonymous(request_id))
        handler = verbs.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if handler is None:
            allowed = tuple(sorted(verbs))
            raise MethodNotAllowed(f"{scope['method']} is not possible here.", allow=allowed)
        try:
            answer = await handler(scope, receive)
        except OpenGrantError as problem:
            answer = _page(_problem(problem, request_id), problem.status)
        await responses.send_raw(send, request_id, answer)

    async def _callback(self, scope: Scope, _: Receive) -> responses.Raw:
        query = _pairs(scope["query_string"])
        base = origin(scope["headers"], self.public_url)
        url = await self.hosted.callback.finish(query, base=base, cookies=browser_cookies(scope["headers"], base))
        return _redirect(302, url)

    async def _show(self, scope: Scope, _: Receive) -> responses.Raw:
        visit = await self._visit(scope)
        query = _pairs(scope["query_string"])
        return await self._first_page(visit, query.get("provider"))

    async def _first_page(self, visit: Visit, chosen: str | None) -> responses.Raw:
        """The choice of providers, or the form of the chosen one."""
        brand = await self._brand(visit.app)
        forms = [provider for provider in visit.providers if provider in FIELDS and provider.value == chosen]
        if not forms:
            return _page(self._choice(visit, brand))
        return _page(self._form(visit, brand, forms[0], {"email": visit.request.login_hint or ""}))

    async def _submitted(self, scope: Scope, receive: Receive) -> responses.Raw:
        visit = await self._visit(scope)
        fields = _form(await read_body(scope, receive, _LONGEST_FORM), scope["headers"])
        if fields.get("csrf") != visit.csrf:
            raise LoginInvalid("This form was not sent from the page that it belongs to. Go back and try again.")
        brand = await self._brand(visit.app)
        base = origin(scope["headers"], self.public_url)
        if "cancel" in fields:
            return _onward(brand, await self.hosted.visits.cancel(visit), brand.name or "the application")
        provider = _pairs(scope["query_string"]).get("provider")
        if provider is not None:
            return await self._log_in(visit, brand, decode(_Chosen, {"provider": provider}).provider, fields)
        if "provider" in fields:
            return await self._go(visit, brand, decode(_Chosen, fields).provider, base)
        return await self._detect(visit, brand, fields.get("email", "").strip(), base)

    async def _go(self, visit: Visit, brand: Brand, provider: ProviderName, base: str) -> responses.Raw:
        url = await self.hosted.visits.choose(visit, provider, base=base)
        if url.startswith("/"):
            return _redirect(303, url)
        return _onward(brand, url, LABELS[provider].name)

    async def _detect(self, visit: Visit, brand: Brand, email: str, base: str) -> responses.Raw:
        choice = replace(self._choice(visit, brand), email=email)
        try:
            provider = await self.hosted.visits.recognise(visit, email)
        except InvalidRequest as problem:
            return _page(replace(choice, error=search_failed(problem)), problem.status)
        except OpenGrantError as problem:
            # A failed search must leave another way to continue.
            message = f"{search_failed(problem)} Or choose the provider yourself."
            return _page(replace(choice, problem=message, sections=("detect", "select_provider")), problem.status)
        if provider not in visit.providers:
            return _page(replace(choice, error=_not_offered(provider), sections=("detect", "select_provider")))
        hinted = replace(visit, request=replace(visit.request, login_hint=visit.request.login_hint or email))
        if provider in FIELDS:
            await self.hosted.visits.choose(visit, provider, base=base)
            return _page(self._form(visit, brand, provider, {"email": email}))
        return await self._go(hinted, brand, provider, base)

    async def _log_in(
        self, visit: Visit, brand: Brand, provider: ProviderName, fields: Mapping[str, str]
    ) -> responses.Raw:
        if provider not in FIELDS or provider not in visit.providers:
            raise InvalidRequest("provider: it is not among those that are offered.")
        form = self._form(visit, brand, provider, fields)
        needed = _needed(provider, smtp=visit.request.smtp_required)
        if empty := [name for name in needed if not fields.get(name, "").strip()]:
            return _page(replace(form, errors=dict.fromkeys(empty, EMPTY)), 400)
        try:
            login = password_login(provider, _settings(provider, fields))
        except ValidationError as problem:
            return _page(wrong(form, problem), 400)
        try:
            url = await self.hosted.password_form.submit(visit, login)
        except (LoginInvalid, CallbackNotAllowed):
            raise
        except OpenGrantError as problem:
            return _page(refused(form, fields, problem), problem.status)
        return _onward(brand, url, brand.name or "the application")

    def _choice(self, visit: Visit, brand: Brand) -> Choice:
        return Choice(
            brand=brand,
            action=f"/v3/connect/login/{visit.handle}",
            csrf=visit.csrf,
            providers=visit.providers,
            sections=visit.request.sections,
            email=visit.request.login_hint or "",
        )

    def _form(self, visit: Visit, brand: Brand, provider: ProviderName, values: Mapping[str, str]) -> Login:
        path = f"/v3/connect/login/{visit.handle}"
        return Login(
            brand=brand,
            action=f"{path}?provider={provider.value}",
            csrf=visit.csrf,
            provider=provider,
            values={name: values.get(name, "") for name in FIELDS[provider]},
            smtp_required=visit.request.smtp_required,
            back=path if len(visit.providers) > 1 else "",
        )

    async def _visit(self, scope: Scope) -> Visit:
        headers = scope["headers"]
        cookies = browser_cookies(headers, origin(headers, self.public_url))
        return await self.hosted.visits.open(scope["path_params"]["handle"], cookies)

    async def _brand(self, app: Application) -> Brand:
        profile = await self.applications.profile(app)
        # The default name says nothing to a user.
        named = {} if app.name == DEFAULT_APPLICATION else {"name": app.name}
        return Brand.read({**named, **profile.branding}, profile.hosted_authentication)


def _not_offered(provider: ProviderName | None) -> str:
    """The message for an address whose provider is unknown or not offered."""
    if provider is None:
        return "We could not tell which provider this address belongs to. Choose it yourself."
    label = LABELS.get(provider)
    who = "another mail service" if label is None or label.any_server else label.name
    return f"This address belongs to {who}, which is not offered here. Use another address, or choose a provider."


class _Chosen(Model):
    provider: ProviderName


def _needed(provider: ProviderName, *, smtp: bool) -> tuple[str, ...]:
    form = form_of(provider)
    return (*form.needed, *(("smtp_host",) if smtp and "smtp_host" in form.fields else ()))


def _settings(provider: ProviderName, fields: Mapping[str, str]) -> dict[str, Any]:
    """The form as settings of /v3/connect/custom, without the empty fields."""
    names = form_of(provider).wired
    found = {names.get(name, name): fields.get(name, "") for name in FIELDS[provider]}
    return {name: text if "password" in name else text.strip() for name, text in found.items() if text.strip()}


def _problem(problem: OpenGrantError, request_id: str) -> Problem:
    message, details = ended(problem)
    return Problem(Brand(), "This sign-in cannot go on", message, request_id, details=details)


def _page(page: Page, status: int = 200) -> responses.Raw:
    return responses.Raw(status, render(page), _HTML, PAGE_HEADERS)


def _redirect(status: int, url: str, *more: tuple[bytes, bytes]) -> responses.Raw:
    """The URL may hold a one-time code: the headers forbid caching and the Referer."""
    return responses.Raw(status, headers=[(b"location", url.encode()), *PAGE_HEADERS, *more])


def _onward(brand: Brand, url: str, to: str) -> responses.Raw:
    return _page(Onward(brand, url, to))


def _wants_page(headers: Headers) -> bool:
    return "text/html" in (header(headers, b"accept") or "")


def _pairs(query: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=100))
    except (UnicodeDecodeError, ValueError):
        raise InvalidRequest("The query string is not valid.") from None


def _form(body: bytes, headers: Headers) -> dict[str, str]:
    if not (header(headers, b"content-type") or "").startswith("application/x-www-form-urlencoded"):
        raise InvalidPayload("This page takes its own form only.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100))
    except (UnicodeDecodeError, ValueError):
        raise InvalidPayload("The form is not valid.") from None


def add_to(router: Router, services: Services) -> None:
    """Add the pages. /v3/connect/auth is in the route table, because programs call it."""
    pages = Pages(hosted=services.hosted, applications=services.applications, public_url=services.public_url)
    router.add("/v3/connect/callback", pages.callback)
    router.add("/v3/connect/login/{handle}", pages.login)
