"""Hosted sign-ins in progress, and the codes that applications exchange for their result."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opengrant.model import Micros, ProviderName
from opengrant.store import secrets
from opengrant.store.engine.columns import PROVIDER, Columns, Converter
from opengrant.store.engine.json_columns import OBJECT
from opengrant.store.engine.port import Statement, Steps


@dataclass(frozen=True, slots=True)
class Login:
    """One sign-in. browser, secret: keyed digests. provider: chosen by the application or the user."""

    application_id: str
    id: str
    ask: Mapping[str, Any]
    browser: str
    secret: str
    provider: ProviderName | None
    created_at: Micros
    expires_at: Micros
    used_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class LoginCode:
    """id: keyed digest of the code. asked_at: time of creation; an earlier release orders by it."""

    application_id: str
    id: str
    login_id: str
    ask: Mapping[str, Any]
    provider: ProviderName
    asked_at: Micros
    expires_at: Micros
    used_at: Micros | None = None


_LOGIN = Columns(
    Login,
    ("application_id", "id", "ask", "browser", "secret", "provider", "created_at", "expires_at", "used_at"),
    ask=OBJECT,
    provider=Converter(None, lambda name: None if name is None else ProviderName(name)),
)
_CODE = Columns(
    LoginCode,
    ("application_id", "id", "login_id", "ask", "provider", "asked_at", "expires_at", "used_at"),
    ask=OBJECT,
    provider=PROVIDER,
)


def add(login: Login) -> Steps[None]:
    yield Statement(
        f"insert into logins ({_LOGIN}) values ({_LOGIN.places})",
        _LOGIN.write(login),
        last=True,
    )


def find(application_id: str, login_id: str) -> Steps[Login | None]:
    rows = yield Statement(
        f"select {_LOGIN} from logins where application_id = $1 and id = $2", (application_id, login_id)
    )
    return _LOGIN.read(rows[0]) if rows else None


def choose(application_id: str, login_id: str, provider: ProviderName, secret: str) -> Steps[bool]:
    """Store the chosen provider and the new state secret. False if the sign-in has ended."""
    rows = yield Statement(
        """update logins set provider = $3, secret = $4
           where application_id = $1 and id = $2 and used_at is null returning id""",
        (application_id, login_id, provider, secret),
        last=True,
    )
    return bool(rows)


def use(application_id: str, login_id: str, *, at: Micros) -> Steps[bool]:
    """End the sign-in. True for one caller only."""
    rows = yield Statement(
        "update logins set used_at = $3 where application_id = $1 and id = $2 and used_at is null returning id",
        (application_id, login_id, at),
        last=True,
    )
    return bool(rows)


def add_code(code: LoginCode, proof: secrets.SecretRow, *, at: Micros) -> Steps[None]:
    yield Statement(
        f"insert into login_codes ({_CODE}) values ({_CODE.places})",
        _CODE.write(code),
    )
    yield from secrets.put(proof, at=at)


def find_code(application_id: str, code_id: str) -> Steps[LoginCode | None]:
    rows = yield Statement(
        f"select {_CODE} from login_codes where application_id = $1 and id = $2", (application_id, code_id)
    )
    return _CODE.read(rows[0]) if rows else None


def use_code(application_id: str, code_id: str, *, at: Micros) -> Steps[LoginCode | None]:
    """Use up a code, whatever the result. None if it is unknown or used up; one caller gets it."""
    rows = yield Statement(
        f"""update login_codes set used_at = $3
            where application_id = $1 and id = $2 and used_at is null returning {_CODE}""",
        (application_id, code_id, at),
        last=True,
    )
    return _CODE.read(rows[0]) if rows else None


def forget_before(application_id: str, *, cutoff: Micros, limit: int) -> Steps[int]:
    """Delete up to `limit` sign-ins and codes each that expired before, with their secrets. Returns their number."""
    logins = yield Statement(
        """delete from logins where application_id = $1 and id in (
               select id from logins where application_id = $1 and expires_at < $2 limit $3) returning id""",
        (application_id, cutoff, limit),
    )
    codes = yield Statement(
        """delete from login_codes where application_id = $1 and id in (
               select id from login_codes where application_id = $1 and expires_at < $2 limit $3) returning id""",
        (application_id, cutoff, limit),
    )
    yield from secrets.destroy(application_id, "login", [id_ for (id_,) in codes])
    return len(logins) + len(codes)
