"""Signed requests to /v3/admin: what is accepted, and that everything else is refused alike."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from nylas.handler.service_account import canonical_json as sdk_canonical_json
from nylas.handler.service_account import load_rsa_private_key_from_pem, sign_bytes

from opengrant.access.request_signatures import Signatures, canonical_json, envelope
from opengrant.access.service_accounts import PERMISSIONS, permits
from opengrant.errors import AuthenticationFailed
from opengrant.model import SECOND
from tests.api.signed import Account, account, foreign_account, send
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, data, problem

DOMAINS = "/v3/admin/domains"
UNAUTHORIZED = (401, "api.authentication_error", "Unauthorized")


@pytest.fixture(scope="module")
def admin(server: LiveServer) -> Account:
    return account(server)


def new_domain() -> dict[str, str]:
    return {"name": "Mail", "domain_address": f"{uuid.uuid4().hex}.example.com"}


def registered(admin: Account, address: str) -> bool:
    return admin.get(f"{DOMAINS}/{address}").status_code == 200


def test_a_signed_request_is_accepted_with_and_without_a_body(admin: Account) -> None:
    body = new_domain()
    made = data(admin.post(DOMAINS, body))
    assert made["domain_address"] == body["domain_address"]
    assert data(admin.get(f"{DOMAINS}/{made['id']}")) == made


def test_the_query_is_not_signed(admin: Account) -> None:
    assert admin.get(DOMAINS, "?limit=1").status_code == 200


def test_the_path_is_signed_as_it_was_sent(admin: Account) -> None:
    made = data(admin.post(DOMAINS, new_domain()))
    encoded = f"{DOMAINS}/{made['domain_address'].replace('.', '%2E')}"
    assert data(admin.get(encoded))["id"] == made["id"]
    assert data(admin.get(f"{DOMAINS}/{made['id']}/"))["id"] == made["id"]
    headers, _ = admin.sign("GET", f"{DOMAINS}/{made['domain_address']}")
    assert problem(send(admin.server, "GET", encoded, headers)) == UNAUTHORIZED


Spoil = Callable[[dict[str, str]], object]


@pytest.mark.parametrize(
    "spoil",
    [
        *(
            pytest.param(lambda headers, name=name: headers.pop(name), id=f"without {name}")
            for name in ("X-Nylas-Kid", "X-Nylas-Timestamp", "X-Nylas-Nonce", "X-Nylas-Signature")
        ),
        *(
            pytest.param(lambda headers, name=name: headers.update({name: ""}), id=f"empty {name}")
            for name in ("X-Nylas-Kid", "X-Nylas-Timestamp", "X-Nylas-Nonce", "X-Nylas-Signature")
        ),
        pytest.param(lambda headers: headers.update({"X-Nylas-Kid": "0" * 32}), id="an unknown key"),
        pytest.param(lambda headers: headers.update({"X-Nylas-Kid": "x" * 200}), id="a key id without end"),
        pytest.param(lambda headers: headers.update({"X-Nylas-Nonce": "x" * 129}), id="a nonce without end"),
        pytest.param(lambda headers: headers.update({"X-Nylas-Nonce": "another"}), id="another nonce"),
        pytest.param(lambda headers: headers.update({"X-Nylas-Timestamp": "soon"}), id="a word for a time"),
        pytest.param(lambda headers: headers.update({"X-Nylas-Timestamp": str(time.time())}), id="a fraction"),
        pytest.param(lambda headers: headers.update({"X-Nylas-Timestamp": "9" * 4000}), id="a time without end"),
        pytest.param(
            lambda headers: headers.update({"X-Nylas-Timestamp": str(int(headers["X-Nylas-Timestamp"]) + 1)}),
            id="another time",
        ),
        pytest.param(lambda headers: headers.update({"X-Nylas-Signature": "!!!!"}), id="no base64"),
        pytest.param(lambda headers: headers.update({"X-Nylas-Signature": "AAAA"}), id="a short signature"),
        pytest.param(
            lambda headers: headers.update(
                {"X-Nylas-Signature": headers["X-Nylas-Signature"].translate({ord("A"): "B", ord("B"): "A"})}
            ),
            id="a changed signature",
        ),
    ],
)
def test_a_spoilt_header_is_refused_like_any_other(admin: Account, spoil: Spoil) -> None:
    body = new_domain()
    headers, content = admin.sign("POST", DOMAINS, body)
    spoil(headers)
    assert problem(send(admin.server, "POST", DOMAINS, headers, content)) == UNAUTHORIZED
    assert not registered(admin, body["domain_address"])


def test_a_header_that_is_sent_twice_is_refused(admin: Account) -> None:
    headers, _ = admin.sign("GET", DOMAINS)
    twice = [*headers.items(), ("X-Nylas-Nonce", headers["X-Nylas-Nonce"])]
    assert problem(send(admin.server, "GET", DOMAINS, twice)) == UNAUTHORIZED


def test_a_changed_body_is_refused(admin: Account) -> None:
    body = new_domain()
    headers, content = admin.sign("POST", DOMAINS, body)
    assert content is not None
    for changed in (content.replace(b"Mail", b"Evil"), b"", b"{}", content + b"\xff", b'{"name":NaN}', b"[" * 5000):
        assert problem(send(admin.server, "POST", DOMAINS, headers, changed)) == UNAUTHORIZED
    assert not registered(admin, body["domain_address"])
    assert send(admin.server, "POST", DOMAINS, headers, content).status_code == 200, "refusals use up no nonce"


def test_a_changed_verb_or_path_is_refused(admin: Account) -> None:
    first, second = (data(admin.post(DOMAINS, new_domain()))["id"] for _ in range(2))
    headers, _ = admin.sign("GET", f"{DOMAINS}/{first}")
    assert problem(send(admin.server, "DELETE", f"{DOMAINS}/{first}", headers)) == UNAUTHORIZED
    assert problem(send(admin.server, "GET", f"{DOMAINS}/{second}", headers)) == UNAUTHORIZED
    assert send(admin.server, "GET", f"{DOMAINS}/{first}", headers).status_code == 200


def test_the_key_of_another_account_is_refused(server: LiveServer, admin: Account) -> None:
    other = account(server)
    headers, _ = Account(server, admin.kid, other.private_key, "").sign("GET", DOMAINS)
    assert problem(send(server, "GET", DOMAINS, headers)) == UNAUTHORIZED


def test_a_revoked_account_is_refused_at_once(server: LiveServer) -> None:
    revoked = account(server)
    assert revoked.get(DOMAINS).status_code == 200
    server.call(server.services.service_accounts.revoke(revoked.kid))
    assert problem(revoked.get(DOMAINS)) == UNAUTHORIZED


def test_the_log_says_why_and_the_answer_does_not(server: LiveServer, admin: Account) -> None:
    headers, _ = admin.sign("GET", DOMAINS)
    send(server, "GET", DOMAINS, headers)
    answer = send(server, "GET", DOMAINS, headers)
    assert problem(answer) == UNAUTHORIZED
    # Logging is done by a thread of its own, which this waits for.
    deadline = time.monotonic() + 60
    while not (found := _logged(server.log, answer.headers["x-request-id"])) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (found["reason"], found["kid"]) == ("nonce was used before", admin.kid)


def _logged(log: BytesIO, request_id: str) -> dict[str, Any]:
    for line in log.getvalue().decode().splitlines():
        if "signature_refused" in line and request_id in line:
            return dict(json.loads(line))
    return {}


def test_of_one_request_sent_many_times_at_once_one_is_accepted(admin: Account) -> None:
    headers, _ = admin.sign("GET", DOMAINS)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: send(admin.server, "GET", DOMAINS, headers), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 15


def test_two_accounts_may_use_the_same_nonce(server: LiveServer, admin: Account) -> None:
    for one in (admin, account(server)):
        headers, _ = one.sign("GET", DOMAINS, nonce="n")
        assert send(server, "GET", DOMAINS, headers).status_code == 200


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_restart_does_not_forget_a_nonce(
    engine: str, tmp_path: Path, log_stream: BytesIO, request: pytest.FixtureRequest
) -> None:
    env = {}
    if engine == "postgres":
        peer: Postgres = request.getfixturevalue("postgres")
        env["OPENGRANT_DATABASE_URL"] = peer.create_database()
    with LiveServer(env, tmp_path, log_stream) as before:
        headers, _ = account(before).sign("GET", DOMAINS)
        assert send(before, "GET", DOMAINS, headers).status_code == 200
    with LiveServer(env, tmp_path, log_stream) as after:
        assert problem(send(after, "GET", DOMAINS, headers)) == UNAUTHORIZED


# ── Time, with a clock that is held ──────────────────────────────────────────────────────────────────────────

AT = 1_742_932_766


def ask(admin: Account, headers: dict[str, str], at: int) -> None:
    """What the door does with a signed GET at a moment, in microseconds."""
    signatures = Signatures(db=admin.server.services.db, clock=lambda: at)
    wire = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def both() -> None:
        claim = await signatures.claim(wire)
        await signatures.verify(claim, method="GET", path=DOMAINS, body=b"", permission="domain.get")

    admin.server.call(both())


@pytest.mark.parametrize("side", [-1, 1])
def test_a_timestamp_may_be_five_minutes_off_and_not_a_microsecond_more(admin: Account, side: int) -> None:
    headers, _ = admin.sign("GET", DOMAINS, timestamp=AT)
    edge = (AT + side * 300) * SECOND
    with pytest.raises(AuthenticationFailed):
        ask(admin, headers, edge + side)
    ask(admin, headers, edge)


def test_milliseconds_are_no_timestamp(admin: Account) -> None:
    headers, _ = admin.sign("GET", DOMAINS, timestamp=AT * 1000)
    with pytest.raises(AuthenticationFailed):
        ask(admin, headers, AT * SECOND)


def test_a_nonce_is_remembered_for_as_long_as_its_timestamp_is_good(admin: Account) -> None:
    headers, _ = admin.sign("GET", DOMAINS, timestamp=AT + 300)
    ask(admin, headers, AT * SECOND)
    for later in (1, 300 * SECOND, 600 * SECOND, 600 * SECOND + 1):
        with pytest.raises(AuthenticationFailed):
            ask(admin, headers, AT * SECOND + later)


def test_old_nonces_are_dropped(server: LiveServer) -> None:
    admin = account(server)
    for minute in range(0, 60, 20):
        headers, _ = admin.sign("GET", DOMAINS, timestamp=AT + minute * 60)
        ask(admin, headers, (AT + minute * 60) * SECOND)
    sql = "select count(*) from nonces where account_id = $1"
    assert admin.server.rows(sql, admin.kid)[0][0] == 1


# ── Bodies of clients other than the SDKs ────────────────────────────────────────────────────────────────────


def sign_payload(admin: Account, payload: str) -> dict[str, str]:
    headers, _ = admin.sign("POST", DOMAINS, {})
    timestamp, nonce = int(headers["X-Nylas-Timestamp"]), headers["X-Nylas-Nonce"]
    message = envelope(method="POST", path=DOMAINS, timestamp=timestamp, nonce=nonce, payload=payload)
    headers["X-Nylas-Signature"] = sign_bytes(load_rsa_private_key_from_pem(admin.private_key), message)
    return headers


def test_a_body_may_be_sent_in_another_spelling_than_was_signed(admin: Account) -> None:
    body = {**new_domain(), "name": "Pošta"}
    sent = json.dumps(dict(reversed(body.items())), indent=2).encode()
    made = data(send(admin.server, "POST", DOMAINS, sign_payload(admin, canonical_json(body)), sent))
    assert made["name"] == "Pošta"


def test_a_body_may_be_signed_in_whatever_spelling_it_is_sent(admin: Account) -> None:
    text = json.dumps(new_domain(), indent=1)
    assert send(admin.server, "POST", DOMAINS, sign_payload(admin, text), text.encode()).status_code == 200


def test_what_is_acted_on_is_what_was_signed(admin: Account) -> None:
    """A key that stands twice reads differently from parser to parser; it is the signed text that counts."""
    body = new_domain()
    sent = json.dumps({"name": "Evil"})[:-1].encode() + b"," + json.dumps(body).encode()[1:]
    answer = send(admin.server, "POST", DOMAINS, sign_payload(admin, canonical_json(body)), sent)
    assert data(answer)["name"] == "Mail"


# ── Who may do what ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_permission_is_forbidden_and_named(server: LiveServer) -> None:
    reader = account(server, ["domain.get"])
    assert reader.get(DOMAINS).status_code == 200
    status, type_, message = problem(reader.post(DOMAINS, new_domain()))
    assert (status, type_) == (403, "api.authentication_error")
    assert "domain.create" in message


def test_permissions_come_singly_in_families_and_all_together() -> None:
    for permission in PERMISSIONS:
        assert permits(["all"], permission)
        assert permits([permission], permission)
        assert permits(["domain.*"], permission) == permission.startswith("domain.")
        assert not permits([], permission)


def test_an_api_key_means_nothing_here_and_a_signature_nothing_elsewhere(tenant: Tenant, admin: Account) -> None:
    assert problem(tenant.get(DOMAINS)) == UNAUTHORIZED
    headers, _ = admin.sign("GET", "/v3/grants")
    assert problem(send(admin.server, "GET", "/v3/grants", headers))[:2] == (401, "token.unauthorized_access")
    signed, _ = admin.sign("GET", DOMAINS)
    assert tenant.get(DOMAINS, headers=signed).status_code == 200


def test_a_foreign_organization_sees_nothing_of_this_one(server: LiveServer, admin: Account) -> None:
    made = data(admin.post(DOMAINS, new_domain()))
    stranger = foreign_account(server)
    assert data(stranger.get(DOMAINS)) == []
    missing = problem(stranger.get(f"{DOMAINS}/{uuid.uuid4()}"))
    assert missing[:2] == (404, "api.not_found_error")
    for name in (made["id"], made["domain_address"]):
        assert problem(stranger.get(f"{DOMAINS}/{name}")) == missing
        assert problem(stranger.request("DELETE", f"{DOMAINS}/{name}")) == missing
        assert problem(stranger.request("PUT", f"{DOMAINS}/{name}", {"name": "x"})) == missing
        for verb in ("info", "verify"):
            assert problem(stranger.post(f"{DOMAINS}/{name}/{verb}", {"type": "mx"})) == missing
    assert data(admin.get(f"{DOMAINS}/{made['id']}")) == made


def test_only_the_public_key_is_stored(server: LiveServer, admin: Account) -> None:
    stored = bytes(server.rows("select public_key from service_accounts where id = $1", admin.kid)[0][0])
    public = serialization.load_der_public_key(stored)
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    assert public == load_rsa_private_key_from_pem(admin.private_key).public_key()


# ── Canonical JSON ───────────────────────────────────────────────────────────────────────────────────────────

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
flat = st.recursive(scalars, lambda inner: st.lists(scalars) | st.dictionaries(st.text(), inner), max_leaves=20)
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(st.dictionaries(st.text(), flat))
def test_canonical_json_is_what_the_sdk_signs(value: dict[str, Any]) -> None:
    """Objects in arrays are left out: the SDK does not sort those, and sends them as it signed them."""
    assert canonical_json(value) == sdk_canonical_json(value)


@given(anything)
def test_canonical_json_means_the_same_and_is_its_own_canonical_form(value: Any) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(), scalars, min_size=2))
def test_the_order_of_members_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@given(st.text(), st.text(), st.none() | st.text())
def test_no_two_requests_have_one_envelope(path: str, nonce: str, payload: str | None) -> None:
    members = json.loads(envelope(method="POST", path=path, timestamp=AT, nonce=nonce, payload=payload))
    expected = {"method": "post", "nonce": nonce, "path": path, "payload": payload, "timestamp": AT}
    assert members == {key: value for key, value in expected.items() if value is not None}
