"""Whose grant it is, by every way in; servers that a stranger names; how much a stranger may have us do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, NamedTuple

import httpx
import pytest
from pydantic import SecretStr

from opengrant.errors import InvalidRequest
from opengrant.grants.connect.detect import PER_MINUTE
from opengrant.model import SECOND, ProviderName, now
from opengrant.signin.abuse_limits import SEARCHES, TRIES
from tests.api.conftest import Apple
from tests.fakes.beside import Beside
from tests.fakes.dns import FakeDns
from tests.fakes.ews import PASSWORD as EWS_PASSWORD
from tests.fakes.ews import USER as EWS_USER
from tests.fakes.ews import FakeExchange
from tests.fakes.mail import SILENCE, Certificates, FakeMail
from tests.fakes.oauth import TENANT, FakeOAuth
from tests.logins import connecting
from tests.nodes.node import until
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.signin.browsing import landed, post, redeem, registered, start, through, visiting
from tests.support import Interrupted, LiveServer, Tenant, data, imap, on_store, problem, secret

ALICE = "alice@example.test"


@pytest.fixture(scope="module")
def name_server(dovecot: Dovecot) -> Iterator[FakeDns]:
    """The domain of the accounts names its mail servers."""
    records = {
        ("mail.example.test", "A"): [ELSEWHERE],
        ("_imaps._tcp.example.test", "SRV"): [f"0 1 {dovecot.imaps} mail.example.test."],
        ("_submissions._tcp.example.test", "SRV"): [f"0 1 {dovecot.submissions} mail.example.test."],
    }
    with Beside() as beside:
        yield beside.enter(FakeDns(records))


@pytest.fixture(scope="module")
def server(every_provider: LiveServer) -> LiveServer:
    return every_provider


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    """An application with a redirect URI whose users type passwords."""
    tenant.connector("imap")
    tenant.connector("ews")
    return registered(tenant)


@pytest.fixture
def browser(server: LiveServer) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


@pytest.fixture
def beside() -> Iterator[Beside]:
    with Beside() as running:
        yield running


@pytest.fixture
def yes_sayer(beside: Beside, certificates: Certificates) -> FakeMail:
    """An IMAP server on localhost that lets everybody in."""
    return beside.enter(FakeMail(tls=certificates.good, implicit=True))


def typed(browser: httpx.Client, site: Tenant, provider: str = "imap", **fields: Any) -> httpx.Response:
    """Begin a sign-in and send its form, both steps of it."""
    page = through(browser, start(browser, site, provider=provider))
    sent = {name: str(value) for name, value in fields.items()}
    found = post(browser, page, **{name: value for name, value in sent.items() if "password" not in name})
    return post(browser, found, **sent) if 'name="servers"' in found.text else found


def both_legs(dovecot: Dovecot, host: str = ELSEWHERE) -> dict[str, Any]:
    return {
        "imap_host": host,
        "imap_port": dovecot.imaps,
        "smtp_host": host,
        "smtp_port": dovecot.submissions,
    }


def unchanged(site: Tenant, grant: dict[str, Any]) -> bool:
    now = data(site.get(f"/v3/grants/{grant['id']}"))
    return bool(now == grant) and [type_ for type_, _ in site.events()] == ["grant.created"]


# ── whose mailbox it is ───────────────────────────────────────────────────────────────────────────────────────


def test_a_grant_does_not_move_to_a_server_that_a_stranger_names(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, yes_sayer: FakeMail
) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    answer = typed(browser, site, email=ALICE, password="any", imap_host="localhost", imap_port=yes_sayer.port)
    assert answer.status_code == 400
    assert "connected through another server" in answer.text
    assert yes_sayer.count("AUTHENTICATE"), "it said yes, and that is not enough"
    assert unchanged(site, grant)


def test_nor_does_its_outgoing_server(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, beside: Beside, certificates: Certificates
) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    outgoing = beside.enter(FakeMail("smtp", tls=certificates.good, implicit=True))
    hosts = both_legs(dovecot) | {"smtp_host": "localhost", "smtp_port": outgoing.port}
    answer = typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **hosts)
    assert answer.status_code == 400
    assert "connected through another server" in answer.text
    assert unchanged(site, grant)


def test_nor_does_an_exchange_mailbox(site: Tenant, browser: httpx.Client, exchange: FakeExchange) -> None:
    held = {"email": EWS_USER, "ews_username": EWS_USER, "ews_password": EWS_PASSWORD}
    grant = data(site.connect("ews", held | {"ews_host": "localhost", "ews_port": exchange.port}))
    form = {"email": EWS_USER, "username": EWS_USER, "password": EWS_PASSWORD}
    elsewhere = f"https://127.0.0.1:{exchange.port}/EWS/Exchange.asmx"
    answer = typed(browser, site, "ews", **form, host=elsewhere)
    assert answer.status_code == 400
    assert "connected through another server" in answer.text
    assert unchanged(site, grant)
    there = f"https://LOCALHOST:{exchange.port}/EWS/Exchange.asmx"
    told = landed(typed(browser, site, "ews", **form, host=there))
    assert redeem(site, told["code"]).json()["grant_id"] == grant["id"]


def test_a_code_from_before_there_was_a_grant_does_not_open_it(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, yes_sayer: FakeMail
) -> None:
    told = landed(typed(browser, site, email=ALICE, password="any", imap_host="localhost", imap_port=yes_sayer.port))
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    refused = redeem(site, told["code"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert "another server" in refused.json()["error_description"]
    assert unchanged(site, grant)


def test_the_server_that_a_grant_has_renews_it(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE, imap_host="localhost", smtp_host="localhost")))
    told = landed(typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **both_legs(dovecot, "LocalHost")))
    assert redeem(site, told["code"]).json()["grant_id"] == grant["id"]


def test_the_server_that_the_domain_names_renews_it_too(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    told = landed(typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE]))
    assert redeem(site, told["code"]).json()["grant_id"] == grant["id"]
    assert data(site.get(f"/v3/grants/{grant['id']}"))["settings"]["imap_host"] == "mail.example.test"


def test_connect_custom_may_change_the_server(site: Tenant, dovecot: Dovecot) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    moved = data(site.connect("imap", imap(dovecot, ALICE, imap_host="localhost", smtp_host="localhost")))
    assert (moved["id"], moved["settings"]["imap_host"]) == (grant["id"], "localhost")


# ── every way in, as docs/decisions/0005 has it ───────────────────────────────────────────────────────────────

OWNER = "owner@contoso.test"
WAYS = ("hosted", "connect/custom", "bulk", "PATCH", "admin consent")


class Row(NamedTuple):
    """What stands there, what comes, and what becomes of it."""

    way: str
    held: str
    vouched: bool
    same: bool
    outcome: str

    def __str__(self) -> str:
        vouched, same = ("", "un")[not self.vouched], ("another", "the same")[self.same]
        return f"{self.way}: {vouched}vouched, of {same} subject, on a grant that is {self.held}"


ACCOUNTS_TABLE = [
    *(Row(way, "vouched", True, same, "renews") for way in WAYS[:4] for same in (True, False)),
    *(Row(way, "vouched", False, True, "renews") for way in ("hosted", "connect/custom", "PATCH")),
    *(Row(way, "vouched", False, False, "refused") for way in ("hosted", "connect/custom")),
    *(Row(way, "unvouched", False, True, "renews") for way in ("hosted", "connect/custom", "PATCH")),
    *(Row(way, "unvouched", False, False, "refused") for way in ("hosted", "connect/custom")),
    *(Row(way, "unvouched", True, True, "renews") for way in WAYS[:4]),
    *(Row(way, "unvouched", True, False, "a new grant") for way in ("hosted", "connect/custom", "bulk")),
    *(Row("PATCH", held, False, False, "renews") for held in ("vouched", "unvouched")),
    *(Row(way, "without a subject", True, False, "renews") for way in WAYS[:3]),
    *(Row(way, "without a subject", False, False, "refused") for way in ("hosted", "connect/custom")),
    *(Row("admin consent", held, True, False, "nothing") for held in ("vouched", "unvouched")),
]
"""Of Microsoft, whose connector is of many tenants: there an address may be anybody's claim."""


def account(*, vouched: bool, subject: str) -> dict[str, Any]:
    """An account of the address, for FakeOAuth."""
    principal = OWNER if vouched else "mallory@evil.onmicrosoft.com"
    return {"email": OWNER, "subject": subject, "user": {"userPrincipalName": principal}}


def standing(site: Tenant) -> list[Any]:
    """Everything of the application's grants that could change."""
    grants = site.server.rows("select * from grants where application_id = $1 order by id", site.application.id)
    sealed = "select * from secrets where application_id = $1 and owner_kind = 'grant' order by owner_id, purpose"
    return [list(grants), list(site.server.rows(sealed, site.application.id)), site.events()]


def organisation(site: Tenant, provider: FakeOAuth) -> str:
    """A credential that opens the mailboxes of one tenant."""
    held = {"client_id": "bulk", "client_secret": secret("bulk"), "tenant": TENANT}
    provider.consents("bulk", held["client_secret"], roles="User.Read.All Mail.Read")
    body = {"name": "tenant", "credential_type": "adminconsent", "credential_data": held}
    return str(data(site.post("/v3/connectors/microsoft/creds", body))["id"])


def comes(row: Row, site: Tenant, browser: httpx.Client, provider: FakeOAuth, grant_id: str) -> tuple[str | None, str]:
    """Bring a credential by a way in. Returns the id of the grant that it is in, and what was said instead."""
    subject, token = "subject-1" if row.same else "subject-2", secret("refresh")
    who = account(vouched=row.vouched, subject=subject)
    if row.way == "hosted":
        provider.signs_in(who.pop("email"), **account_of(who))
        asked_at_the_page = through(browser, start(browser, site, provider="microsoft"))
        told = landed(asked_at_the_page)
        if "code" not in told:
            assert told["error"] == "access_denied", "said before there is a code"
            return None, told["error_description"]
        return str(redeem(site, told["code"]).json()["grant_id"]), ""
    if row.way in {"bulk", "admin consent"}:
        provider.employees.clear()
        provider.employs(OWNER, subject=subject)
        credential = organisation(site, provider)
        if row.way == "admin consent":
            asked = {"provider": "microsoft", "response_type": "adminconsent", "credential_id": credential}
            assert landed(through(browser, start(browser, site, **asked)))["admin_consent"] == "true"
            return None, ""
        answer = site.connect("microsoft", {"email_address": OWNER, "credential_id": credential})
    else:
        provider.accepts(token, **who)
        body = {"provider": "microsoft", "settings": {"refresh_token": token}}
        patch = row.way == "PATCH"
        answer = site.patch(f"/v3/grants/{grant_id}", body) if patch else site.post("/v3/connect/custom", body)
    return (data(answer)["id"], "") if answer.is_success else (None, problem(answer)[2])


def account_of(who: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in who.items() if name != "email"}


def test_an_address_that_nobody_vouches_for_renews_only_its_own_account(
    server: LiveServer, provider: FakeOAuth, browser: httpx.Client
) -> None:
    for row in ACCOUNTS_TABLE:
        site = registered(server.tenant())
        site.connector("microsoft")
        first = secret("refresh")
        provider.accepts(first, **account(vouched=row.held != "unvouched", subject="subject-1"))
        grant = data(site.connect("microsoft", {"refresh_token": first}))
        if row.held == "without a subject":
            forget = "update grants set subject = null, user_id = null where application_id = $1"
            server.rows(forget, site.application.id)
        before = standing(site)
        found, said = comes(row, site, browser, provider, grant["id"])
        if row.outcome in {"refused", "nothing"}:
            assert standing(site) == before, row
            assert (OWNER in said) == (row.outcome == "refused"), row
            assert not any(word in said for word in ("subject-1", "mallory", grant["id"])), row
        elif row.outcome == "renews":
            assert found == grant["id"], row
            assert site.grants() == 1, row
            assert standing(site)[1] != before[1], row
        else:
            assert found not in {None, grant["id"]}, row
            rest = data(site.get(f"/v3/grants/{grant['id']}"))
            assert rest == grant, f"{row}: it keeps its account, its credential and its id"
            assert data(site.get(f"/v3/grants/{OWNER}"))["id"] == found, row
            again = secret("refresh")
            provider.accepts(again, **account(vouched=False, subject="subject-1"))
            renewed = site.patch(f"/v3/grants/{grant['id']}", {"settings": {"refresh_token": again}})
            assert data(renewed)["id"] == grant["id"], row
        site.http.close()


def test_a_rotated_token_of_a_refused_account_is_kept_and_what_is_stored_is_not_touched(
    site: Tenant, provider: FakeOAuth
) -> None:
    site.connector("microsoft")
    mine, theirs = secret("refresh"), secret("refresh")
    provider.accepts(mine, **account(vouched=True, subject="subject-1"))
    site.connect("microsoft", {"refresh_token": mine})
    provider.accepts(theirs, **account(vouched=False, subject="subject-2"), single_use=True)
    before = standing(site)
    for _ in range(2):  # the second time, the token that was sent is dead
        status, type_, message = problem(site.connect("microsoft", {"refresh_token": theirs}))
        assert (status, type_) == (400, "api.invalid_request_error")
        assert OWNER in message
    assert standing(site) == before


def test_an_account_that_the_address_has_left_meanwhile_does_not_come_back(
    site: Tenant, server: LiveServer, provider: FakeOAuth
) -> None:
    site.connector("microsoft")
    first, again, new = secret("refresh"), secret("refresh"), secret("refresh")
    stays = {"tokens": {"refresh_token": None}}  # so that the first write is the grant's
    provider.accepts(first, **account(vouched=True, subject="subject-1"))
    provider.accepts(again, **account(vouched=False, subject="subject-1"), **stays)
    provider.accepts(new, **account(vouched=True, subject="subject-2"))
    grant = data(site.connect("microsoft", {"refresh_token": first}))
    moved = []
    connect = server.services.connect
    meanwhile = Interrupted(connect.db, lambda: moved.append(site.connect("microsoft", {"refresh_token": new})))
    # The slow one began last: nothing but the account tells that it is too late.
    slow = on_store(connect, meanwhile, clock=lambda: now() + 60 * SECOND)
    ask = connecting(ProviderName.MICROSOFT, {"refresh_token": SecretStr(again)})
    with pytest.raises(InvalidRequest, match=OWNER):
        server.call(slow.custom(site.application, ask))
    assert data(moved[0])["id"] == grant["id"]
    assert data(site.get(f"/v3/grants/{grant['id']}"))["provider_user_id"] == "subject-2"


def test_with_accounts_as_identity_a_claimed_address_does_not_keep_its_owner_out(
    server: LiveServer, provider: FakeOAuth
) -> None:
    site = server.tenant(identity="subject")
    site.connector("microsoft")
    ids = []
    for vouched, subject in ((False, "subject-1"), (True, "subject-2")):
        token = secret("refresh")
        provider.accepts(token, **account(vouched=vouched, subject=subject))
        ids.append(data(site.connect("microsoft", {"refresh_token": token}))["id"])
    assert len(set(ids)) == 2
    assert data(site.get(f"/v3/grants/{OWNER}"))["id"] == ids[1]
    for vouched in (False, True):
        token = secret("refresh")
        provider.accepts(token, **account(vouched=vouched, subject="subject-3"))
        status, _, message = problem(site.connect("microsoft", {"refresh_token": token}))
        assert (status, OWNER in message) == (400, True)
    site.http.close()


PASSWORDS_TABLE = [
    # who made the grant, which way the next password comes, at which server, what becomes of it
    ("connect/custom", "connect/custom", "another", "renews"),
    ("connect/custom", "PATCH", "another", "renews"),
    ("connect/custom", "hosted", "the same", "renews"),
    ("connect/custom", "hosted", "another", "refused"),
    ("connect/custom", "hosted", "the domain's", "renews"),
    ("hosted", "connect/custom", "another", "renews"),
    ("hosted", "PATCH", "another", "renews"),
    ("hosted", "hosted", "the same", "renews"),
    ("hosted", "hosted", "another", "refused"),
    ("hosted", "hosted", "the domain's", "a new grant"),
]


def test_a_password_renews_a_grant_where_its_server_may_speak_for_the_address(
    server: LiveServer, browser: httpx.Client, dovecot: Dovecot, yes_sayer: FakeMail
) -> None:
    first = {"imap_host": "localhost", "imap_port": yes_sayer.port}
    places: dict[str, dict[str, Any]] = {"the same": first, "another": both_legs(dovecot), "the domain's": {}}
    for made, way, place, outcome in PASSWORDS_TABLE:
        row = f"{way} at {place} server, on a grant by {made}"
        site = registered(server.tenant())
        site.connector("imap")
        held = {"imap_username": ALICE, "imap_password": ACCOUNTS[ALICE]}
        if made == "hosted":
            told = landed(typed(browser, site, email=ALICE, password="any", **first))
            grant = data(site.get(f"/v3/grants/{redeem(site, told['code']).json()['grant_id']}"))
        else:
            grant = data(site.connect("imap", held | first))
        before = standing(site)
        found = None
        if way == "hosted":
            answer = typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **places[place])
            if outcome != "refused":
                found = redeem(site, landed(answer)["code"]).json()["grant_id"]
        else:
            body = {"provider": "imap", "settings": held | places[place]}
            path = f"/v3/grants/{grant['id']}"
            answer = site.patch(path, body) if way == "PATCH" else site.post("/v3/connect/custom", body)
            found = data(answer)["id"]
        if outcome == "refused":
            assert answer.status_code == 400, row
            assert standing(site) == before, row
        elif outcome == "renews":
            assert (found, site.grants()) == (grant["id"], 1), row
        else:
            assert (found != grant["id"], site.grants()) == (True, 2), row
            assert data(site.get(f"/v3/grants/{grant['id']}")) == grant, row
        site.http.close()


def test_a_mailbox_that_only_a_named_server_claims_is_not_found_by_its_address(
    site: Tenant, browser: httpx.Client, provider: FakeOAuth, dovecot: Dovecot, yes_sayer: FakeMail
) -> None:
    site.connector("google")
    token = secret("refresh")
    provider.accepts(token, email=ALICE)
    mine = data(site.connect("google", {"refresh_token": token}))
    told = landed(typed(browser, site, email=ALICE, password="any", imap_host="localhost", imap_port=yes_sayer.port))
    claimed = redeem(site, told["code"]).json()["grant_id"]
    assert claimed != mine["id"]
    names = (ALICE, ALICE.upper(), f"email:{ALICE}")
    for name in names:
        assert data(site.get(f"/v3/grants/{name}"))["id"] == mine["id"]
    site.server.rows("update grants set status = 'invalid' where id = $1", mine["id"])
    assert data(site.get(f"/v3/grants/{ALICE}"))["id"] == mine["id"], "not even while the owner's does not work"
    site.server.rows("update grants set status = 'valid' where id = $1", mine["id"])
    key = site.server.call(
        site.server.services.api_keys.create(
            site.application, "reader", lifetime=None, permissions=("all", "grants.token")
        )
    )
    bearer = {"Authorization": f"Bearer {key.secret.get_secret_value()}"}
    for name in names:
        # Not by the tenant's client: it remembers answers, in which no secret may be.
        vended = httpx.post(f"{site.server.url}/v3/grants/{name}/token", headers=bearer, trust_env=False)
        assert vended.status_code == 200, "an IMAP grant has no token"
    site.delete(f"/v3/grants/{ALICE}")
    assert [data(site.get(f"/v3/grants/{ALICE}"))["id"], site.grants()] == [claimed, 1]
    # Among equals, a valid one and then the latest: the caller who names a server is trusted with it.
    trusted = data(site.connect("imap", imap(dovecot, ALICE)))
    token = secret("refresh")
    provider.accepts(token, email=ALICE)
    latest = data(site.connect("google", {"refresh_token": token}))
    assert trusted["id"] == claimed
    assert data(site.get(f"/v3/grants/{ALICE}"))["id"] == latest["id"]


# ── one mailbox, one grant ────────────────────────────────────────────────────────────────────────────────────

SPELLINGS = (
    "ann@b\u00fccher.example",
    "ann@xn--bcher-kva.example",
    "ANN@BU\u0308CHER.EXAMPLE",
    "ann@XN--Bcher-KVA.example",
)


def test_a_domain_has_one_mailbox_however_it_is_spelled(site: Tenant, yes_sayer: FakeMail) -> None:
    def connect(name: str, **more: str) -> dict[str, Any]:
        where = {"imap_host": "localhost", "imap_port": yes_sayer.port, "imap_password": "any"}
        return dict(data(site.connect("imap", {"imap_username": name, **where, **more})))

    def found(name: str) -> set[str]:
        listed = {grant["id"] for grant in data(site.get("/v3/grants", params={"email": name}))}
        assert {data(site.get(f"/v3/grants/{way}{name}"))["id"] for way in ("", "email:")} <= listed
        return listed

    ids = {connect(name)["id"] for name in SPELLINGS}
    assert (len(ids), site.grants()) == (1, 1)
    assert all(found(name) == ids for name in SPELLINGS)
    # A row of the release before has its domain as it was spelled.
    old = "update grants set mailbox_key = $2, email_key = $2 where application_id = $1 and email <> 'bo@b.example'"
    site.server.rows(old, site.application.id, SPELLINGS[0])
    assert all(found(name) == ids for name in SPELLINGS)
    site.server.rows(old, site.application.id, SPELLINGS[0])
    assert {connect(name)["id"] for name in reversed(SPELLINGS)} == ids
    # It may have two of one mailbox: one of them is renewed, and both are found.
    site.server.rows(old, site.application.id, SPELLINGS[0])
    other = connect("bo@b.example")["id"]
    both = "update grants set mailbox_key = $2, email_key = $2 where id = $1"
    site.server.rows(both, other, SPELLINGS[1])
    assert connect(SPELLINGS[2])["id"] in {*ids, other}
    assert site.grants() == 2
    # A virtual calendar's identifier is no address.
    site.connector("virtual-calendar")
    rooms = [data(site.connect("virtual-calendar", {"email": f"room-{name}"}))["id"] for name in SPELLINGS[:2]]
    assert rooms[0] != rooms[1]
    assert [data(site.get(f"/v3/grants/room-{name}"))["id"] for name in SPELLINGS[:2]] == rooms


def test_a_login_that_is_no_address_may_have_one_beside_it(site: Tenant, yes_sayer: FakeMail) -> None:
    where = {"imap_host": "localhost", "imap_port": yes_sayer.port, "imap_password": "any"}
    login = {"imap_username": "CORP\\ann", **where}
    first = data(site.connect("imap", login | {"email": " ann@corp.example"}))
    assert (first["email"], first["settings"]["imap_username"]) == ("ann@corp.example", "CORP\\ann")
    assert data(site.connect("imap", login, email="Ann@corp.example"))["id"] == first["id"]
    changed = site.patch(f"/v3/grants/{first['id']}", {"settings": {"imap_password": "another"}})
    assert data(changed)["email"] == "Ann@corp.example"
    assert data(site.connect("imap", login))["email"] == "CORP\\ann"
    named = data(site.connect("imap", {"imap_username": "bo@corp.example", "email": "ann@corp.example", **where}))
    assert (named["email"], named["settings"].get("email")) == ("bo@corp.example", None)
    assert problem(site.connect("imap", login | {"email": "ann"}))[1] == "api.invalid_request_error"


# ── where a password goes ─────────────────────────────────────────────────────────────────────────────────────


def test_a_password_goes_to_no_server_that_was_not_shown(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    page = through(browser, start(browser, site, provider="imap"))
    assert 'name="password"' not in page.text, "at first the page does not know where it would go"
    login = {"email": ALICE, "password": ACCOUNTS[ALICE]}
    for seen in ("", "imap.example.test", "mail.example.test.evil.test", "example.test", "*.ample.test"):
        answer = post(browser, page, **login, servers=seen)
        assert answer.status_code == 400, seen
        assert "Your password was not sent." in answer.text
        assert '<input type="hidden" name="servers" value="mail.example.test">' in answer.text
        assert ACCOUNTS[ALICE] not in answer.text
    counts = "select 1 from rations where application_id = $1 and name = 'hosted.password'"
    assert site.server.rows(counts, site.application.id) == [], "no server was asked"
    # Another address than the one whose servers were found is another place.
    found = post(browser, page, email="ana@gmail.com")
    assert "<strong>imap.gmail.com</strong>" in found.text
    assert "Your password was not sent." in post(browser, found, **login).text
    # A server of the user's own choice has been seen; the one beside it has not.
    beside_it = post(browser, page, **login, imap_host="imap.gmail.com")
    assert "Your password was not sent." in beside_it.text
    assert 'value="imap.gmail.com smtp.gmail.com"' in beside_it.text
    assert landed(post(browser, post(browser, page, email=ALICE), **login))["code"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"email": "ana@tutanota.com"}, "lets no other program read mail"),
        ({"email": "ana@nowhere.example.test"}, "We found no mail server for your address"),
        ({"email": "ana"}, "Enter a whole email address"),
        ({"email": "ana@gmail.com", "imap_port": "99999"}, "Enter a number from 1 to 65535"),
        ({"email": ""}, "Please fill this in."),
    ],
)
def test_where_no_server_is_found_no_password_is_asked_for(
    site: Tenant, browser: httpx.Client, name_server: FakeDns, fields: dict[str, str], says: str
) -> None:
    answer = post(browser, through(browser, start(browser, site, provider="imap")), **fields)
    assert answer.status_code >= 400
    assert says in answer.text
    assert 'name="password"' not in answer.text


# ── guessing ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_guesses_by_the_outgoing_server(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, yes_sayer: FakeMail
) -> None:
    """A server of one's own lets any user in, so that each guess may come with another."""
    hosts = {"imap_host": "localhost", "imap_port": yes_sayer.port}
    hosts |= {"smtp_host": ELSEWHERE, "smtp_port": dovecot.submissions, "smtp_username": ALICE}

    def guess(number: int, password: str) -> int:
        who = {"email": f"mallory{number}@evil.test", "password": "any"}
        return typed(browser, site, **who, **hosts, smtp_password=password).status_code

    assert {guess(number, f"guess {number}") for number in range(TRIES)} == {400}
    assert guess(TRIES, ACCOUNTS[ALICE]) == 429


def test_a_server_has_one_count_however_it_is_called(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    for number in range(TRIES):
        host = "localhost" if number % 2 else "127.0.0.1"
        where = {"imap_host": host, "imap_port": dovecot.imap if number % 3 else dovecot.imaps}
        assert typed(browser, site, email=ALICE, password=f"guess {number}", **where).status_code == 400
    where = {"imap_host": "mail.example.test", "imap_port": dovecot.imaps}
    assert landed(typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **where)), "another address"
    where["imap_host"] = "localhost"
    assert typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **where).status_code == 429


def test_nobody_is_locked_out_by_what_their_server_did_not_refuse(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, beside: Beside, certificates: Certificates
) -> None:
    refuses = {"AUTHENTICATE": b"TAG NO [AUTHENTICATIONFAILED] no\r\n"}
    no_sayer = beside.enter(FakeMail(tls=certificates.good, implicit=True, replies=refuses))
    mine = {"email": ALICE, "password": ACCOUNTS[ALICE], **both_legs(dovecot)}
    for _ in range(TRIES):
        elsewhere = typed(browser, site, email=ALICE, password="x", imap_host="localhost", imap_port=no_sayer.port)
        assert elsewhere.status_code == 400
        nobody_there = typed(browser, site, email=ALICE, password="x", imap_host=ELSEWHERE, imap_port=1)
        assert nobody_there.status_code == 504
        assert landed(typed(browser, site, **mine)), "who is let in does not count either"
    assert landed(typed(browser, site, **mine))
    assert no_sayer.count("AUTHENTICATE") == TRIES


@pytest.mark.parametrize("provider", ["icloud", "ews"])
def test_nobody_guesses_at_other_servers(
    site: Tenant, browser: httpx.Client, exchange: FakeExchange, apple: Apple, provider: str
) -> None:
    site.connector("icloud")
    forms = {
        "icloud": ({"email": ALICE}, ACCOUNTS[ALICE]),
        "ews": (
            {"email": EWS_USER, "username": EWS_USER, "host": f"https://localhost:{exchange.port}/EWS/Exchange.asmx"},
            EWS_PASSWORD,
        ),
    }
    form, password = forms[provider]
    for number in range(TRIES):
        assert typed(browser, site, provider, **form, password=f"guess {number}").status_code == 400
    assert typed(browser, site, provider, **form, password=password).status_code == 429


# ── what a stranger may hold up ───────────────────────────────────────────────────────────────────────────────


def test_searches_of_the_page_and_of_the_application_are_counted_apart(site: Tenant, browser: httpx.Client) -> None:
    for _ in range(PER_MINUTE):
        assert site.http.post("/v3/providers/detect", params={"email": "a@yahoo.com"}).status_code == 200
    assert site.http.post("/v3/providers/detect", params={"email": "a@yahoo.com"}).status_code == 429
    page = through(browser, start(browser, site, prompt="detect", provider="ews,imap"))
    assert 'value="ews"' not in page.text
    for _ in range(SEARCHES):
        assert post(browser, page, email="a@yahoo.com").status_code == 200
    enough = post(browser, page, email="a@yahoo.com")
    assert enough.status_code == 429
    assert 'value="ews"' in enough.text, "there is another way on"
    other = through(browser, start(browser, site, prompt="detect", provider="ews,imap"))
    assert post(browser, other, email="a@yahoo.com").status_code == 200


def silent(beside: Beside, certificates: Certificates) -> FakeMail:
    return beside.enter(FakeMail(greeting=SILENCE, tls=certificates.good, implicit=True))


def test_one_sign_in_has_one_password_checked_at_a_time(
    site: Tenant, browser: httpx.Client, certificates: Certificates
) -> None:
    page = through(browser, start(browser, site, provider="imap"))
    with ThreadPoolExecutor(1) as pool:
        with Beside() as beside:
            server = silent(beside, certificates)
            where = {"imap_host": "localhost", "imap_port": str(server.port)}
            first = pool.submit(lambda: post(browser, page, email=ALICE, password="x", **where))
            until(lambda: server.connections, "nobody came")
            second = post(browser, page, email=ALICE, password="x", **where)
            assert second.status_code == 503
            assert "still being checked" in second.text
            assert server.connections == 1
        assert first.result().status_code == 504


def test_a_page_gives_a_silent_server_up_when_it_said_it_would(
    site: Tenant, browser: httpx.Client, server: LiveServer, beside: Beside, certificates: Certificates
) -> None:
    assert server.services.hosted.password_form.patience == 30
    quiet = silent(beside, certificates)
    object.__setattr__(server.services.hosted.password_form, "patience", 3)  # half a minute, for a test
    try:
        answer = typed(browser, site, email=ALICE, password="x", imap_host="localhost", imap_port=quiet.port)
    finally:
        object.__setattr__(server.services.hosted.password_form, "patience", 30)
    assert answer.status_code == 504
    assert quiet.connections == 1
    said = "The mail server did not answer within half a minute, so we stopped."
    assert f'id="imap_host-error"><span class="unseen">Error: </span>{said}' in answer.text
    assert answer.elapsed.total_seconds() < 20, "far less than a mail server has otherwise"


def test_strangers_with_a_silent_server_leave_room_for_the_application(
    dovecot: Dovecot, certificates: Certificates, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory, threads = tmp_path_factory.mktemp("few-threads"), 8
    authorities = directory / "ca.pem"
    authorities.write_text(dovecot.ca_file.read_text() + certificates.ca_file.read_text())
    env = {**dovecot.settings(), "OPENGRANT_OUTBOUND__CA_FILE": str(authorities)}
    env["OPENGRANT_OUTBOUND__MAIL_THREADS"] = str(threads)
    with LiveServer(env, directory, log_stream) as live, ThreadPoolExecutor(threads) as pool:
        site = registered(live.tenant())
        site.connector("imap")

        def hold(port: int) -> int:
            with visiting(live) as browser:
                where = {"imap_host": "localhost", "imap_port": port}
                return typed(browser, site, email=ALICE, password="x", **where).status_code

        with Beside() as beside:
            server = silent(beside, certificates)
            held = [pool.submit(hold, server.port) for _ in range(threads)]
            until(lambda: server.connections == 2, "nobody came")
            assert site.connect("imap", imap(dovecot, ALICE)).status_code == 201
            assert not any(one.done() for one in held)
            assert server.connections == 2, "strangers have a quarter of the eight"
        assert {one.result() for one in held} <= {503, 504}
        site.http.close()
