"""Builds hosted sign-in and the tokens of OpenGrant."""

from dataclasses import dataclass

from opengrant.access.console_sessions import ConsoleSessions
from opengrant.assembly.base import Base
from opengrant.assembly.grants import GrantsRoom
from opengrant.assembly.tools import Tools
from opengrant.settings import Settings
from opengrant.signin.abuse_limits import AbuseLimits
from opengrant.signin.admin_consent import AdminConsent
from opengrant.signin.callback import Callback
from opengrant.signin.codes import LoginCodes
from opengrant.signin.consent import ConsentPages
from opengrant.signin.ending import Ending
from opengrant.signin.hosted import Hosted
from opengrant.signin.id_tokens import IdTokens
from opengrant.signin.login import LoginDigests, OpenLogins
from opengrant.signin.owner_links import OwnerLinks
from opengrant.signin.password_form import PasswordForm
from opengrant.signin.redeem import Redemption
from opengrant.signin.return_url import ReturnUrls
from opengrant.signin.start import SignInStart
from opengrant.signin.token_endpoint import TokenEndpoint
from opengrant.signin.token_reader import TokenReader
from opengrant.signin.tokens import AccessTokens
from opengrant.signin.visit import Visits


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRoom:
    hosted: Hosted
    tokens: AccessTokens
    token_reader: TokenReader
    exchange: TokenEndpoint


def build_sign_in(
    settings: Settings, tools: Tools, base: Base, grants: GrantsRoom, sessions: ConsoleSessions
) -> SignInRoom:
    hosted = _hosted(settings, tools, base, grants, sessions)
    id_tokens = IdTokens(db=tools.db, vault=tools.vault, clock=tools.clock)
    tokens = AccessTokens(
        db=tools.db,
        digests=tools.digests,
        applications=base.applications,
        signing=id_tokens,
        clock=tools.clock,
    )
    return SignInRoom(
        hosted=hosted,
        tokens=tokens,
        token_reader=TokenReader(db=tools.db, digests=tools.digests, id_tokens=id_tokens, clock=tools.clock),
        exchange=TokenEndpoint(
            applications=base.applications,
            api_keys=base.api_keys,
            codes=hosted.redemption,
            tokens=tokens,
            grants=grants.grants,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """The parts that several services of hosted sign-in use."""

    limits: AbuseLimits
    logins: OpenLogins
    returns: ReturnUrls
    consent: ConsentPages
    admin_consent: AdminConsent
    codes: LoginCodes
    ending: Ending


def _hosted(settings: Settings, tools: Tools, base: Base, grants: GrantsRoom, sessions: ConsoleSessions) -> Hosted:
    parts = _parts(settings, tools, base, grants, sessions)
    return Hosted(
        start=SignInStart(
            db=tools.db,
            applications=base.applications,
            digests=parts.logins.digests,
            consent=parts.consent,
            admin_consent=parts.admin_consent,
            returns=parts.returns,
            links=OwnerLinks(db=tools.db, digests=tools.digests, clock=tools.clock),
            clock=tools.clock,
        ),
        visits=Visits(
            db=tools.db,
            applications=base.applications,
            logins=parts.logins,
            consent=parts.consent,
            detect=grants.detect,
            limits=parts.limits,
            returns=parts.returns,
        ),
        password_form=PasswordForm(
            logins=parts.logins,
            connect=grants.connecting.connect,
            limits=parts.limits,
            ending=parts.ending,
            returns=parts.returns,
        ),
        callback=_callback(base, grants, parts),
        codes=parts.codes,
        redemption=Redemption(
            codes=parts.codes,
            redirects=base.redirects,
            connect=grants.connecting.connect,
            secretless_web=settings.hosted.secretless_web,
        ),
        limits=parts.limits,
    )


def _parts(settings: Settings, tools: Tools, base: Base, grants: GrantsRoom, sessions: ConsoleSessions) -> _Parts:
    db, connectors, providers = tools.db, base.connectors, tools.providers
    digests, returns = LoginDigests(digests=tools.digests), ReturnUrls(redirects=base.redirects)
    codes = LoginCodes(db=db, vault=tools.vault, digests=tools.digests, returns=returns, clock=tools.clock)
    return _Parts(
        limits=AbuseLimits(db=db, clock=tools.clock, threads=settings.outbound.mail_threads),
        logins=OpenLogins(db=db, digests=digests, clock=tools.clock),
        returns=returns,
        consent=ConsentPages(db=db, connectors=connectors, providers=providers, digests=digests),
        admin_consent=AdminConsent(db=db, connectors=connectors, providers=providers, digests=digests),
        codes=codes,
        ending=Ending(connect=grants.connecting.connect, codes=codes, returns=returns, sessions=sessions),
    )


def _callback(base: Base, grants: GrantsRoom, parts: _Parts) -> Callback:
    return Callback(
        applications=base.applications,
        logins=parts.logins,
        admin_consent=parts.admin_consent,
        connect=grants.connecting.connect,
        ending=parts.ending,
        returns=parts.returns,
    )
