"""Redirect URIs: where hosted sign-in may redirect to, and the origins that may call from a browser.

The redirect URI receives the code, so a request must name a registered one byte for byte. A spelling that a browser
treats as the same address (another case, an encoded letter, the default port) is refused.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import Application, Clock, Micros, Platform, Profile, RedirectUri
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import applications, redirect_uris
from opengrant.tenants.redirect_rules import (
    check_settings,
    check_url,
    has_our_parameters,
    is_origin,
    is_url,
    list_of,
    origin_of,
)

__all__ = [
    "MOST",
    "NewRedirectUri",
    "RedirectUri",
    "RedirectUriChange",
    "RedirectUris",
    "publish_origins",
    "put_all",
]

MOST = 200
"""Redirect URIs of one application."""


@dataclass(frozen=True, slots=True)
class NewRedirectUri:
    """A redirect URI as a caller sends it.

    id        the existing one to change; None or unknown: the one with this URL, otherwise a new one
    platform  None: unchanged, `web` for a new one
    settings  used only together with a platform; None: unchanged, empty for a new one
    """

    url: str
    platform: Platform | None = None
    settings: Mapping[str, str] | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class RedirectUriChange:
    """None: unchanged. Settings without a platform are ignored, as on the wire."""

    url: str | None = None
    platform: Platform | None = None
    settings: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectUris:
    """Built once, in assembly/."""

    db: Store
    clock: Clock

    async def match(self, app: Application, url: str) -> RedirectUri | None:
        """The registered redirect URI that a request names.

        Only the query may differ, and only with the application's setting `allow_query_param_in_redirect_uri`. The
        caller redirects to `url`, which has no parameter that we add.
        """
        return await self.db.read(_match(app, url)) if is_url(url) else None

    async def of_application(self, app: Application) -> list[RedirectUri]:
        """In order of creation."""
        return await self.db.read(redirect_uris.of_application(app.id))

    async def get(self, app: Application, uri_id: str) -> RedirectUri:
        """Raises NotFound."""
        return await self.db.read(_get(app, uri_id))

    async def create(self, app: Application, new: NewRedirectUri) -> RedirectUri:
        """Raises InvalidRequest."""
        return await self.db.write(self._create(app, new))

    async def update(self, app: Application, uri_id: str, change: RedirectUriChange) -> RedirectUri:
        """Raises InvalidRequest, NotFound."""
        return await self.db.write(self._update(app, uri_id, change))

    async def delete(self, app: Application, uri_id: str) -> None:
        """Without any redirect URI, hosted sign-in refuses every request. Raises NotFound."""
        await self.db.write(self._delete(app, uri_id))

    async def origins(self, app: Application) -> frozenset[str]:
        """Origins that may call from a browser, spelled as browsers spell them."""
        return await self.db.read(redirect_uris.origins(app.id))

    async def admits(self, origin: str, *, application_id: str | None = None) -> bool:
        """Whether a page of this origin may call. application_id: None for any application."""
        if not is_origin(origin):
            return False
        return await self.db.read(redirect_uris.has_origin(origin, application_id))

    def _create(self, app: Application, new: NewRedirectUri) -> Steps[RedirectUri]:
        yield from applications.lock(app.id)
        if len((yield from redirect_uris.of_application(app.id))) >= MOST:
            raise _too_many()
        made = _new(app, new, at=self.clock())
        if not (yield from redirect_uris.add(made)):
            raise _taken(made.url)
        yield from publish_origins(app.id)
        yield from _record("redirect_uri.created", made)
        return made

    def _update(self, app: Application, uri_id: str, change: RedirectUriChange) -> Steps[RedirectUri]:
        yield from applications.lock(app.id)
        stored = yield from _get(app, uri_id)
        new = NewRedirectUri(
            url=stored.url if change.url is None else change.url, platform=change.platform, settings=change.settings
        )
        changed = _changed(stored, new, at=self.clock())
        if changed is not stored:
            yield from redirect_uris.delete(app.id, [stored.id])
            if not (yield from redirect_uris.add(changed)):
                raise _taken(changed.url)
            yield from publish_origins(app.id)
            yield from _record("redirect_uri.updated", changed, changed=_differences(stored, changed))
        return changed

    def _delete(self, app: Application, uri_id: str) -> Steps[None]:
        yield from applications.lock(app.id)
        gone = yield from _get(app, uri_id)
        yield from redirect_uris.delete(app.id, [gone.id])
        yield from publish_origins(app.id)
        yield from _record("redirect_uri.deleted", replace(gone, updated_at=self.clock()))


def put_all(app: Application, sent: Sequence[NewRedirectUri], *, at: Micros) -> Steps[bool]:
    """Replace the redirect URIs of an application, in a transaction that holds its lock.

    The caller updates the origins: `publish_origins`. Returns whether anything changed. Raises InvalidRequest.
    """
    if len(sent) > MOST:
        raise _too_many()
    stored = {uri.id: uri for uri in (yield from redirect_uris.of_application(app.id))}
    wanted = _merge(app, sent, stored, at=at)
    gone = [uri for uri in stored.values() if uri.id not in wanted]
    moved = [uri for uri in wanted.values() if uri.id in stored and uri is not stored[uri.id]]
    made = [uri for uri in wanted.values() if uri.id not in stored]
    # All deletes come before the inserts: two redirect URIs may have swapped their URLs.
    yield from redirect_uris.delete(app.id, [uri.id for uri in (*gone, *moved)])
    for uri in (*moved, *made):
        if not (yield from redirect_uris.add(uri)):
            raise _taken(uri.url)
    for uri in gone:
        yield from _record("redirect_uri.deleted", replace(uri, updated_at=at))
    for uri in moved:
        yield from _record("redirect_uri.updated", uri, changed=_differences(stored[uri.id], uri))
    for uri in made:
        yield from _record("redirect_uri.created", uri)
    return bool(gone or moved or made)


def _merge(
    app: Application, sent: Sequence[NewRedirectUri], stored: Mapping[str, RedirectUri], *, at: Micros
) -> dict[str, RedirectUri]:
    """The redirect URIs after the change, by id. An unchanged one is the stored object. Raises InvalidRequest."""
    by_url = {uri.url: uri.id for uri in stored.values()}
    wanted: dict[str, RedirectUri] = {}
    # Clients send ids that another server made; such an id means nothing here, so the URL decides.
    known = [new if new.id in stored else replace(new, id=None) for new in sent]
    # Those with an id come first, so that one without an id cannot take the place of one of them.
    for position, new in sorted(enumerate(known), key=lambda pair: pair[1].id is None):
        if new.id is not None and new.id in wanted:
            raise InvalidRequest(f"callback_uris: the id {new.id} is there twice.")
        id_ = new.id or by_url.get(new.url)
        known_id = None if id_ in wanted else id_
        # New ones are a microsecond apart: they are listed in the order in which they were sent.
        uri = _new(app, new, at=at + position) if known_id is None else _changed(stored[known_id], new, at=at)
        wanted[uri.id] = uri
    urls = [uri.url for uri in wanted.values()]
    for url in urls:
        if urls.count(url) > 1:
            raise _taken(url)
    return wanted


def publish_origins(application_id: str) -> Steps[None]:
    """Store the origins that redirect URIs and idp_settings allow, after a change of either."""
    profile = yield from applications.find_profile(application_id)
    named = list_of(profile.idp_settings.get("origins", "")) if profile is not None else []
    named += [
        uri.settings["origin"] for uri in (yield from redirect_uris.of_application(application_id)) if _is_page(uri)
    ]
    yield from redirect_uris.put_origins(application_id, {origin_of(text, field="origin") for text in named})


def _match(app: Application, url: str) -> Steps[RedirectUri | None]:
    exact = yield from redirect_uris.find_url(app.id, url)
    if exact is not None:
        return exact
    profile = yield from applications.find_profile(app.id)
    if profile is None or not _query_may_differ(profile):
        return None
    base, _, query = url.partition("?")
    if has_our_parameters(query):
        return None
    alike = (uri for uri in (yield from redirect_uris.of_application(app.id)) if uri.url.partition("?")[0] == base)
    return next(alike, None)


def _query_may_differ(profile: Profile) -> bool:
    return profile.additional_settings.get("allow_query_param_in_redirect_uri") is True


def _is_page(uri: RedirectUri) -> bool:
    return uri.platform == "js" and "origin" in uri.settings


def _new(app: Application, new: NewRedirectUri, *, at: Micros) -> RedirectUri:
    platform = new.platform or "web"
    # Without a platform it is `web`, which has no settings.
    settings = check_settings(platform, new.settings or {})
    check_url(new.url, platform)
    return RedirectUri(
        id=str(uuid.uuid4()),
        application_id=app.id,
        url=new.url,
        platform=platform,
        settings=settings,
        created_at=at,
        updated_at=at,
    )


def _changed(stored: RedirectUri, new: NewRedirectUri, *, at: Micros) -> RedirectUri:
    """The same object when nothing changed."""
    platform, settings = stored.platform, stored.settings
    if new.platform is not None:
        moves = new.platform != stored.platform
        platform = new.platform
        sent = new.settings if new.settings is not None else {} if moves else stored.settings
        settings = check_settings(platform, sent)
    check_url(new.url, platform)
    changed = replace(stored, url=new.url, platform=platform, settings=settings)
    return stored if changed == stored else replace(changed, updated_at=at)


def _get(app: Application, uri_id: str) -> Steps[RedirectUri]:
    found = yield from redirect_uris.find(app.id, uri_id)
    if found is None:
        raise NotFound(f"There is no redirect URI {uri_id} in this application.")
    return found


def _differences(stored: RedirectUri, changed: RedirectUri) -> list[str]:
    return [name for name in ("url", "platform", "settings") if getattr(stored, name) != getattr(changed, name)]


def _record(type_: audit.AuditType, uri: RedirectUri, *, changed: Iterable[str] = ()) -> Steps[None]:
    yield from audit.record(
        uri.application_id,
        type_,
        at=uri.updated_at,
        redirect_uri_id=uri.id,
        url=uri.url,
        platform=uri.platform,
        changed=list(changed) or None,
    )


def _taken(url: str) -> InvalidRequest:
    return InvalidRequest(f"url: this application has {url} already.")


def _too_many() -> InvalidRequest:
    return InvalidRequest(f"An application can have {MOST} redirect URIs.")
