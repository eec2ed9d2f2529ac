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

from opengrant.api.branding import brand_of
from opengrant.api.hosted_cookies import browser_cookies, set_cookie
from opengrant.api.hosted_words import empty, ended, not_offered, not_shown, refused, search_failed, wrong
from opengrant.api.http import responses
from opengrant.api.http.decoding import decode
from opengrant.api.http.path_tree import Router
from opengrant.api.http.request import Headers, Request, header, origin, read_body
from opengrant.api.http.route_table import Open, Redirect, route
from opengrant.api.http.static import PAGE_HEADERS, shown, wants_page
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
from opengrant.model.logins import NotShown
from opengrant.pages import FIELDS, Brand, Choice, Done, Login, Onward, Problem, Words, form_of, preferred
from opengrant.services import Services
from opengrant.signin.hosted import Hosted
from opengrant.signin.start import CONNECTED
from opengrant.signin.visit import Visit
from opengrant.tenants.applications import Applications

_LONGEST_FORM = 64 * 1024
_LATER = "-"
_NO_ADDRESS = "someone@invalid"
"""Stand-ins for what is not typed yet: settings are checked as a whole."""
_MOST_SERVERS = 8


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
    """Start hosted sign-in.

    Send a user's browser here. It goes on to the provider, or to a page of this server.

    Errors before the redirect URI is known to be the application's are answered here and never redirected; browsers get
    a page. Later errors go to the redirect URI as `error`, `error_description`, `error_uri` and `error_code`.
    """
    try:
        query = request.query(AuthQuery)
        base = request.origin
        begun = await request.services.hosted.start.begin(query.client_id, query.ask(), base=base)
    except OpenGrantError as problem:
        if not wants_page(request.headers):
            raise
        return shown(_problem(_words(request.headers), problem, request.id), problem.status)
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

    async def link(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send, "/v3/connect/link/{code}", {"GET": self._link})

    async def connected(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send, CONNECTED, {"GET": self._connected})

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
            answer = shown(_problem(_words(scope["headers"]), problem, request_id), problem.status)
        await responses.send_raw(send, request_id, answer)

    async def _callback(self, scope: Scope, _: Receive) -> responses.Raw:
        query = _pairs(scope["query_string"])
        base = origin(scope["headers"], self.public_url)
        url = await self.hosted.callback.finish(query, base=base, cookies=browser_cookies(scope["headers"], base))
        return _redirect(302, url)

    async def _link(self, scope: Scope, _: Receive) -> responses.Raw:
        headers, code = scope["headers"], scope["path_params"]["code"]
        base, words = origin(headers, self.public_url), _words(headers)
        try:
            begun = await self.hosted.start.begin_by_link(code, base=base)
        except LoginInvalid as problem:
            page = Problem(Brand(), words("link.not_connected"), words("link.expired"), words=words)
            return shown(page, problem.status)
        return _redirect(302, begun.url, set_cookie(begun, base))

    async def _connected(self, scope: Scope, _: Receive) -> responses.Raw:
        query, words = _pairs(scope["query_string"]), _words(scope["headers"])
        app = await self.applications.find(query.get("client_id", ""))
        brand = Brand() if app is None else await self._brand(app)
        if "error" not in query:
            return shown(Done(brand, words=words))
        # Only the code is used: a stranger can write any text into an address.
        message = words("link.cancelled" if query["error"] == "access_denied" else "link.failed")
        return shown(Problem(brand, words("link.not_connected"), message, words=words), 400)

    async def _show(self, scope: Scope, _: Receive) -> responses.Raw:
        """The choice of providers, or the form of the chosen one."""
        guest = await self._guest(scope)
        chosen = _pairs(scope["query_string"]).get("provider")
        forms = [provider for provider in guest.visit.offered if provider in FIELDS and provider.value == chosen]
        if not forms:
            return shown(guest.choice())
        form = guest.form(forms[0], {"email": guest.visit.request.login_hint or ""})
        return shown(replace(form, servers=await self._known_servers(guest, form)))

    async def _submitted(self, scope: Scope, receive: Receive) -> responses.Raw:
        guest = await self._guest(scope)
        fields = _form(await read_body(scope, receive, _LONGEST_FORM), scope["headers"])
        if fields.get("csrf") != guest.visit.csrf:
            raise LoginInvalid("This form was not sent from the page that it belongs to. Go back and try again.")
        if "cancel" in fields:
            url = await self.hosted.visits.cancel(guest.visit)
            return shown(guest.onward(url, guest.brand.name))
        provider = _pairs(scope["query_string"]).get("provider")
        if provider is not None:
            return await self._log_in(guest, decode(_Chosen, {"provider": provider}).provider, fields)
        if "provider" in fields:
            return await self._go(guest, decode(_Chosen, fields).provider)
        return await self._detect(guest, fields.get("email", "").strip())

    async def _go(self, guest: "_Guest", provider: ProviderName) -> responses.Raw:
        url = await self.hosted.visits.choose(guest.visit, provider, base=guest.base)
        if url.startswith("/"):
            return _redirect(303, url)
        return shown(guest.onward(url, guest.words(f"provider.{provider.value}")))

    async def _detect(self, guest: "_Guest", email: str) -> responses.Raw:
        choice, words = replace(guest.choice(), email=email), guest.words
        try:
            provider = await self.hosted.visits.recognise(guest.visit, email)
        except InvalidRequest as problem:
            return shown(replace(choice, error=search_failed(words, problem)), problem.status)
        except OpenGrantError as problem:
            # A failed search must leave another way to continue.
            message = f"{search_failed(words, problem)} {words('wrong.choose')}"
            return shown(replace(choice, problem=message, sections=("detect", "select_provider")), problem.status)
        if provider is None or provider not in guest.visit.offered:
            sentence = not_offered(words, provider)
            return shown(replace(choice, error=sentence, sections=("detect", "select_provider")))
        if provider in FIELDS:
            await self.hosted.visits.choose(guest.visit, provider, base=guest.base)
            form = guest.form(provider, {"email": email})
            known = await self._known_servers(guest, form)
            others = {*_needed(provider, smtp=guest.visit.request.smtp_required)} - {"email", "password"}
            if known or others:
                return shown(replace(form, servers=known))
            return await self._log_in(guest, provider, {"email": email})
        hint = guest.visit.request.login_hint or email
        hinted = replace(guest.visit, request=replace(guest.visit.request, login_hint=hint))
        return await self._go(replace(guest, visit=hinted), provider)

    async def _log_in(self, guest: "_Guest", provider: ProviderName, fields: Mapping[str, str]) -> responses.Raw:
        """Find the servers; with them, and a password, connect the mailbox."""
        if provider not in FIELDS or provider not in guest.visit.offered:
            raise InvalidRequest("provider: it is not among those that are offered.")
        form = guest.form(provider, fields)
        first = "password" not in fields
        if first:
            fields = {**fields, "password": _LATER}
        else:
            form = replace(form, servers=await self._known_servers(guest, form) or _shown(fields))
        needed = _needed(provider, smtp=guest.visit.request.smtp_required)
        if missing := [name for name in needed if not fields.get(name, "").strip()]:
            return shown(empty(form, missing), 400)
        try:
            login = password_login(provider, _settings(provider, fields))
        except ValidationError as problem:
            return shown(wrong(form, problem), 400)
        try:
            if first:
                servers = await self.hosted.password_form.servers(guest.visit, login, search=True)
                return shown(replace(form, servers=servers))
            url = await self.hosted.password_form.submit(guest.visit, login, shown=_shown(fields))
        except NotShown as unseen:
            return shown(not_shown(form, unseen), 400)
        except (LoginInvalid, CallbackNotAllowed):
            raise
        except OpenGrantError as problem:
            return shown(refused(form, fields, problem), problem.status)
        return shown(guest.onward(url, guest.brand.name))

    async def _known_servers(self, guest: "_Guest", form: Login) -> tuple[str, ...]:
        """Where the password of a form goes, as far as it is known without asking the network."""
        stand_ins = dict.fromkeys(_needed(form.provider, smtp=False), _LATER) | {"email": _NO_ADDRESS}
        fields = stand_ins | {name: text for name, text in form.values.items() if text.strip()}
        try:
            login = password_login(form.provider, _settings(form.provider, fields))
            return await self.hosted.password_form.servers(guest.visit, login, search=False)
        except (ValidationError, OpenGrantError):
            return ()

    async def _guest(self, scope: Scope) -> "_Guest":
        headers, base = scope["headers"], origin(scope["headers"], self.public_url)
        visit = await self.hosted.visits.open(scope["path_params"]["handle"], browser_cookies(headers, base))
        return _Guest(visit, await self._brand(visit.app), _words(headers), base)

    async def _brand(self, app: Application) -> Brand:
        profile = await self.applications.profile(app)
        return brand_of(app, profile.branding, profile.hosted_authentication)


@dataclass(frozen=True, slots=True)
class _Guest:
    """A user on our pages, and how the pages are shown to them. base: our own origin."""

    visit: Visit
    brand: Brand
    words: Words
    base: str

    @property
    def path(self) -> str:
        return f"/v3/connect/login/{self.visit.handle}"

    def choice(self) -> Choice:
        return Choice(
            brand=self.brand,
            words=self.words,
            action=self.path,
            csrf=self.visit.csrf,
            providers=tuple(self.visit.offered),
            scopes=self.visit.offered,
            sections=self.visit.request.sections,
            email=self.visit.request.login_hint or "",
        )

    def form(self, provider: ProviderName, values: Mapping[str, str]) -> Login:
        return Login(
            brand=self.brand,
            words=self.words,
            action=f"{self.path}?provider={provider.value}",
            csrf=self.visit.csrf,
            provider=provider,
            values={name: values.get(name, "") for name in FIELDS[provider]},
            smtp_required=self.visit.request.smtp_required,
            back=self.path if len(self.visit.offered) > 1 else "",
        )

    def onward(self, url: str, to: str) -> Onward:
        return Onward(self.brand, url, to, words=self.words)


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


def _shown(fields: Mapping[str, str]) -> tuple[str, ...]:
    """The servers that the form has shown to its user."""
    return tuple(fields.get("servers", "").split())[:_MOST_SERVERS]


def _words(headers: Headers) -> Words:
    return preferred(header(headers, b"accept-language") or "")


def _problem(words: Words, problem: OpenGrantError, request_id: str) -> Problem:
    message, details = ended(words, problem)
    return Problem(Brand(), words("problem.title"), message, request_id, details=details, words=words)


def _redirect(status: int, url: str, *more: tuple[bytes, bytes]) -> responses.Raw:
    """The URL may hold a one-time code: the headers forbid caching and the Referer."""
    return responses.Raw(status, headers=[(b"location", url.encode()), *PAGE_HEADERS, *more])


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
    router.add("/v3/connect/link/{code}", pages.link)
    router.add(CONNECTED, pages.connected)
    router.add("/v3/connect/login/{handle}", pages.login)
