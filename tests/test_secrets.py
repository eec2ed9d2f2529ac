"""Secrets are in no file, answer or log in clear text: an installation lives, then all that it left is searched."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from pydantic import BaseModel

import opengrant.server.asgi
from opengrant.api.http.route_table import OPERATIONS
from opengrant.api.wire import fields as wire
from tests.cli.test_commands import bearer, opengrant, serving
from tests.cli.test_console import link_from
from tests.fakes.oauth import FakeOAuth, Reply
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.peers.postgres import Postgres
from tests.support import MARK, imap, secret


def forms(plain: str) -> list[bytes]:
    """How a secret could lie about: as it is, and as base64, hex or UTF-16 would hide it from a simple search."""
    import base64  # noqa: PLC0415 -- only here

    raw = plain.encode()
    shifted = [base64.b64encode(b"x" * pad + raw)[4:-4] for pad in (1, 2, 3)]
    return [raw, raw.hex().encode(), plain.encode("utf-16-le"), *(part for part in shifted if len(part) > 12)]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_no_secret_is_left_in_any_file_answer_or_log(
    engine: str, provider: FakeOAuth, dovecot: Dovecot, postgres: Postgres, tmp_path: Path
) -> None:
    key = secret("api-key").ljust(40, "x")
    env = {
        **provider.settings(),
        **dovecot.settings(),
        "OPENGRANT_BOOTSTRAP_API_KEY": key,
        "OPENGRANT_LOG_LEVEL": "debug",
    }
    if engine == "postgres":
        env["OPENGRANT_DATABASE_URL"] = postgres.create_database()
    sent, answers = [key, *ACCOUNTS.values()], []
    with serving(tmp_path, env) as served, httpx.Client(base_url=served.url, headers=bearer(key), timeout=60) as http:

        def call(method: str, path: str, body: object = None) -> None:
            answer = http.request(method, path, json=body)
            answers.append(f"{answer.headers} {answer.text}")

        def new(hint: str) -> str:
            sent.append(secret(hint))
            return sent[-1]

        for name in ("google", "microsoft"):
            settings = {"client_id": "id", "client_secret": new("client")}
            call("POST", "/v3/connectors", {"provider": name, "settings": settings})
            call("PATCH", f"/v3/connectors/{name}", {"settings": {"client_secret": new("client")}})
            good, bad = new("good"), new("bad")
            provider.accepts(good, email="ana@example.com")
            for token in (good, bad, good):
                call("POST", "/v3/connect/custom", {"provider": name, "settings": {"refresh_token": token}})
            # What is sent comes back in the provider's words, and must be cut out of them.
            provider.refuses(400, {"error": "invalid_grant", "error_description": f"Bad token {bad}"}, times=1)
            call("POST", "/v3/connect/custom", {"provider": name, "settings": {"refresh_token": bad}})
            provider.answers("token", Reply(fault="reset"), times=1)
            call("POST", "/v3/connect/custom", {"provider": name, "settings": {"refresh_token": bad}})
            call("POST", "/v3/connect/custom", {"provider": name, "settings": {"refresh_token": [bad]}})
        call("POST", "/v3/connectors", {"provider": "imap"})
        for username in ACCOUNTS:
            call("POST", "/v3/connect/custom", {"provider": "imap", "settings": imap(dovecot, username)})
        wrong = imap(dovecot, "alice@example.test", imap_password=new("wrong"), smtp_password=new("wrong"))
        call("POST", "/v3/connect/custom", {"provider": "imap", "settings": wrong})
        call("POST", "/v3/connect/custom", {"provider": "imap", "settings": {**wrong, "imap_port": "x"}})
        http.post("/v3/connect/custom", content=f'{{"imap_password": "{new("broken")}"'.encode())
        http.get("/v3/grants", headers=bearer(new("key")))
        sent.append(link_from(opengrant(tmp_path, "console", env=env).stdout))
        for body in ({"link": sent[-1]}, {"link": sent[-1]}, {"api_key": key}, {"api_key": new("key")}):
            answer = http.post("/v3/console/sessions", json=body, headers={"X-OpenGrant-Console": "1"})
            sent += answer.cookies.values()
        assert len({*http.cookies.values(), *sent[-3:]}) == 3
        sent.append(_token_of_feed(http))
        sent += _scheduled(http)
        call("GET", "/v3/grants")
        call("GET", "/v3/connectors")
        call("GET", "/metrics")
        sent += [token for token in provider.issued if token not in sent]
    assert sum("201" in answer or '"id"' in answer for answer in answers) >= 8
    opengrant(tmp_path, "doctor", env=env)

    files = [Path(root) / name for root, _, names in os.walk(tmp_path) for name in names]
    if engine == "postgres":
        # The dump is all that the database holds; its own files may lag behind it.
        dump = postgres.dump(env["OPENGRANT_DATABASE_URL"])
        assert b"ana@example.com" in dump
        (tmp_path / "dump").write_bytes(dump)
        files.append(tmp_path / "dump")
    assert any(file.stat().st_size > 10_000 for file in files)
    for file in files:
        content = file.read_bytes()
        for plain in sent:
            assert not any(form in content for form in forms(plain)), f"a secret is in {file.name}"
    for answer in answers:
        assert MARK not in answer
        assert not any(password in answer for password in ACCOUNTS.values())


def _token_of_feed(http: httpx.Client) -> str:
    """The secret part of a calendar feed's address, after the feed was read at it and beside it."""
    http.post("/v3/connectors", json={"provider": "virtual-calendar"})
    room = {"provider": "virtual-calendar", "settings": {"email": "room-12"}}
    grant_id = http.post("/v3/connect/custom", json=room).json()["data"]["id"]
    url = http.post(f"/v3/grants/{grant_id}/calendars/primary/feed").json()["data"]["url"]
    for address, status in ((url, 200), (f"{url}/more", 404), (url.removesuffix(".ics"), 404)):
        assert httpx.get(address).status_code == status
    return str(url.removesuffix(".ics").rpartition(".")[2])


def _scheduled(http: httpx.Client) -> list[str]:
    """What stands in a message that waits to be sent, and in one that was cancelled."""
    path = "/v3/grants/alice@example.test/messages"
    texts = [secret(hint) for hint in ("subject", "body", "name", "metadata")]
    subject, body, name, value = texts
    message = {"to": [{"email": "ana@example.com", "name": name}], "subject": subject, "body": body}
    more = {"metadata": {"key1": value}, "send_at": int(time.time()) + 3600}
    waits, cancelled = (http.post(f"{path}/send", json={**message, **more}) for _ in range(2))
    assert (waits.status_code, cancelled.status_code) == (202, 202), waits.text
    assert http.delete(f"{path}/schedules/{cancelled.json()['schedule_id']}").status_code == 202
    return texts


_SECRET = re.compile(r"(access|refresh|id)_token|webhook_secret|client_secret|api_key|private_key|.*password|link")


def _shapes(of: type[BaseModel] = wire.Model) -> Iterator[type[BaseModel]]:
    for shape in of.__subclasses__():
        yield shape
        yield from _shapes(shape)


def _secrets(sent: Any, name: str = "") -> Iterator[str]:
    """What stands under a secret's name, however deep."""
    if isinstance(sent, dict):
        for key, value in sent.items():
            yield from _secrets(value, key)
    elif isinstance(sent, str) and _SECRET.fullmatch(name):
        yield sent


def test_no_shape_of_the_wire_shows_a_secret_in_its_repr() -> None:
    fields = [
        (f"{shape.__name__}.{name}", field)
        for shape in _shapes()
        for name, field in shape.model_fields.items()
        if _SECRET.fullmatch(name)
    ]
    assert len(fields) > 15
    assert not [name for name, field in fields if field.repr and "SecretStr" not in str(field.annotation)]
    shown = 0
    for operation in OPERATIONS:
        for shape in get_args(operation.body) or [operation.body]:
            # A body that may be absent is a union with None.
            extra = {} if shape in (None, type(None)) else shape.model_config.get("json_schema_extra") or {}
            for example in extra.get("examples", ()):
                read = repr(shape.model_validate(example))
                for plain in _secrets(example):
                    shown += 1
                    assert plain not in read, shape
    assert shown > 15


def test_secrets_are_blind_in_reprs_and_tracebacks() -> None:
    """A crash prints the frames' code, not their values; a repr of what holds a secret does not show it."""
    code = (
        "from opengrant.model import *\n"
        "from opengrant.model.logins import *\n"
        "from pydantic import SecretStr\n"
        f"hidden = SecretStr({MARK!r})\n"
        "holders = [ClientApp('id', hidden), Tokens(hidden, hidden, 0, None, hidden),\n"
        f"           Verified(Identity('a'), {{}}, ImapSecret(imap_password=hidden)),\n"
        "           CustomConnect(login=OAuthLogin(provider='google', refresh_token=hidden))]\n"
        "print(*map(repr, holders), *map(str, holders))\n"
        "raise RuntimeError(repr(holders))\n"
    )
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, check=False)
    assert "RuntimeError" in done.stderr
    assert MARK not in done.stdout + done.stderr
