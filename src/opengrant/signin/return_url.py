"""The way back to the application: its redirect URI, with a code or an error in the query."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import SecretStr

from opengrant.errors import (
    CallbackNotAllowed,
    InvalidRequest,
    OpenGrantError,
    Overloaded,
    ProviderUnavailable,
    RateLimited,
    ReauthEmailInvalid,
    ScopesConflict,
    StoreUnavailable,
)
from opengrant.model import Application
from opengrant.signin.login import AuthorizationRequest
from opengrant.tenants.redirect_uris import RedirectUris

_LONGEST_DESCRIPTION = 300
"""Characters of error_description."""
_ERROR_URI = "https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2.1"
_OAUTH_ERRORS = frozenset(
    {"access_denied", "invalid_scope", "server_error", "temporarily_unavailable", "interaction_required"}
    | {"login_required", "consent_required", "unauthorized_client", "invalid_request", "unsupported_response_type"}
)
_ERROR_OF: Mapping[type[OpenGrantError], str] = {
    ScopesConflict: "invalid_scope",
    ReauthEmailInvalid: "access_denied",
    RateLimited: "temporarily_unavailable",
    ProviderUnavailable: "temporarily_unavailable",
    Overloaded: "temporarily_unavailable",
    StoreUnavailable: "temporarily_unavailable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnUrls:
    """Built once, in assembly/."""

    redirects: RedirectUris

    async def require_registered(self, app: Application, url: str) -> None:
        """Raises CallbackNotAllowed."""
        if await self.redirects.match(app, url) is None:
            raise CallbackNotAllowed(
                "redirect_uri: this address is not registered. Register it exactly as it is sent:"
                " POST /v3/applications/redirect-uris."
            )

    async def first(self, app: Application) -> str:
        """The redirect URI that was registered first. Raises InvalidRequest when there is none."""
        registered = await self.redirects.of_application(app)
        if not registered:
            raise InvalidRequest(
                "This application has no redirect URI to come back to. Register one:"
                ' POST /v3/applications/redirect-uris {"url": "https://…"}.'
            )
        return registered[0].url

    async def build(self, app: Application, request: AuthorizationRequest, parameters: Mapping[str, str | None]) -> str:
        """The redirect URI with these parameters and `state`. Raises CallbackNotAllowed when it was removed.

        Of a sign-in of the console: our page, with the parameters behind `#`, which no access log has. Of an owner
        link: our page for owners.
        """
        parameters = {**parameters, "state": request.state}
        if request.console is not None:
            return _with_parameters(f"{request.redirect_uri}#/connected", parameters)
        if request.link_by is not None:
            shown = {"client_id": app.id, "error": parameters.get("error")}
            return _with_parameters(request.redirect_uri, shown)
        await self.require_registered(app, request.redirect_uri)
        return _with_parameters(request.redirect_uri, parameters)

    def with_code(self, request: AuthorizationRequest, code: SecretStr) -> str:
        """The redirect URI with a code. The caller has checked that it is registered."""
        return _with_parameters(request.redirect_uri, {"code": code.get_secret_value(), "state": request.state})

    async def failure(self, app: Application, request: AuthorizationRequest, problem: OpenGrantError) -> str:
        """As `refusal`, for an error of ours."""
        error = _ERROR_OF.get(type(problem), "server_error")
        return await self.refusal(app, request, error, problem.message, problem.status)

    async def refusal(
        self, app: Application, request: AuthorizationRequest, error: str, description: str, code: int
    ) -> str:
        """The redirect URI with an error, in the four members that the SDKs read. Raises CallbackNotAllowed."""
        text = "".join(char if char.isprintable() else " " for char in description)[:_LONGEST_DESCRIPTION]
        parameters = {
            "error": error,
            "error_description": text,
            "error_uri": _ERROR_URI,
            "error_code": str(code),
        }
        return await self.build(app, request, parameters)


def oauth_error(error: str) -> str:
    """A provider's error code, if it is one of OAuth's; otherwise server_error."""
    return error if error in _OAUTH_ERRORS else "server_error"


def _with_parameters(url: str, parameters: Mapping[str, str | None]) -> str:
    """The address, byte for byte, with the parameters at the end of its query; None is left out.

    The address of an application has no fragment: redirect_uris.py registers none.
    """
    more = urlencode({name: value for name, value in parameters.items() if value is not None})
    _, mark, query = url.partition("?")
    return f"{url}{'&' if query else '' if mark else '?'}{more}"
