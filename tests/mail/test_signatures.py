"""Signatures: kept here, made safe when they are written."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from opengrant.errors import GrantNotFound
from tests.fakes.oauth import FakeOAuth
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap, problem


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, engine_env: dict[str, str]) -> LiveServer:
    """Both engines: signatures are stored."""
    live: LiveServer = request.getfixturevalue("postgres_server" if engine_env else "sqlite_server")
    return live


@pytest.fixture
def path(tenant: Tenant, dovecot: Dovecot) -> str:
    tenant.connector("imap")
    made = data(tenant.connect("imap", imap(dovecot, "bob@example.test")))
    return f"/v3/grants/{made['id']}/signatures"


def create(tenant: Tenant, path: str, **body: Any) -> Any:
    answer = tenant.post(path, {"name": "Work", "body": "<p>Ana</p>", **body})
    assert answer.status_code == 201, answer.text
    return data(answer)


def count(server: LiveServer, tenant: Tenant) -> int:
    return int(server.rows("select count(*) from signatures where application_id = $1", tenant.application.id)[0][0])


def test_a_signature_is_created_listed_changed_and_deleted(tenant: Tenant, path: str) -> None:
    first, second = create(tenant, path), create(tenant, path, name="Private")
    assert first["object"] == "signature"
    assert (first["name"], first["body"], path.split("/")[3]) == ("Work", "<p>Ana</p>", first["grant_id"])
    assert data(tenant.get(path)) == [first, second]
    page = tenant.get(f"{path}?limit=1&select=id").json()
    assert page["data"] == [{"id": first["id"]}]
    rest = tenant.get(f"{path}?limit=1&page_token={page['next_cursor']}").json()
    assert (rest["data"], rest.get("next_cursor")) == ([second], None)
    changed = data(tenant.put(f"{path}/{first['id']}", {"body": "<p>Eve</p>", "name": None}))
    assert changed == {**first, "body": "<p>Eve</p>", "updated_at": changed["updated_at"]}
    assert data(tenant.get(f"{path}/{first['id']}")) == changed
    assert tenant.delete(f"{path}/{first['id']}").status_code == 200
    for answer in (
        tenant.get(f"{path}/{first['id']}"),
        tenant.put(f"{path}/{first['id']}", {"name": "x"}),
        tenant.delete(f"{path}/{first['id']}"),
    ):
        assert problem(answer)[:2] == (404, "not_found_error")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('<p onclick="x()">A<script>x()</script><style>p{}</style></p>', "<p>A</p>"),
        ('<a href="javascript:x()">A</a>', '<a rel="noopener noreferrer">A</a>'),
        ('<form action="/x"><input name="a">A</form><iframe src="https://x"></iframe>', "A"),
        ('<b style="color:red;position:fixed;top:0">A</b>', '<b style="color:red">A</b>'),
        ('<i style="font-size:1px;background:url(https://x)">A</i>', '<i style="font-size:1px">A</i>'),
        ('<img src="https://example.com/a.png" alt="A">', '<img src="https://example.com/a.png" alt="A">'),
        ('<img src="cid:logo">', '<img src="cid:logo">'),
        ("<div>A", "<div>A</div>"),
        ("Grüße & 漢字", "Grüße &amp; 漢字"),
    ],
)
def test_html_is_made_safe(tenant: Tenant, path: str, sent: str, kept: str) -> None:
    assert create(tenant, path, body=sent)["body"] == kept


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Work"},
        {"body": "A"},
        {"name": "", "body": "A"},
        {"name": "Work", "body": '<img src="data:image/png;base64,AAAA">'},
        {"name": "Work", "body": "<img SRC = ' DATA:image/png;base64,AAAA'>"},
        {"name": "Work", "body": "ü" * (60 * 1024)},
        {"name": "Work", "body": "<div>" * 4001},
        {"name": "Work", "body": "\x00"},
    ],
)
def test_what_is_no_signature_is_refused(tenant: Tenant, path: str, server: LiveServer, body: Any) -> None:
    assert problem(tenant.post(path, body))[:2] == (400, "invalid_request_error")
    assert count(server, tenant) == 0
    made = create(tenant, path)
    assert problem(tenant.put(f"{path}/{made['id']}", {}))[:2] == (400, "invalid_request_error")


def test_a_grant_has_ten_however_many_are_created_at_once(tenant: Tenant, path: str, server: LiveServer) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: tenant.post(path, {"name": "Work", "body": "A"}), range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [400] * 2
    assert count(server, tenant) == 10


def test_they_go_with_their_grant(tenant: Tenant, path: str, server: LiveServer) -> None:
    create(tenant, path)
    grant_path = path.removesuffix("/signatures")
    seen = server.call(server.services.grants.get(tenant.application, grant_path.split("/")[3]))
    assert tenant.delete(grant_path).status_code == 200
    assert count(server, tenant) == 0
    with pytest.raises(GrantNotFound):
        server.call(server.services.mail_signatures.create(seen, name="Work", body="A"))


def test_others_have_none(tenant: Tenant, stranger: Tenant, path: str, provider: FakeOAuth) -> None:
    made = create(tenant, path)
    assert problem(stranger.get(f"{path}/{made['id']}"))[:2] == (404, "grant.not_found")
    tenant.connector("virtual-calendar")
    room = data(tenant.connect("virtual-calendar", {"email": "Room 12"}))
    assert problem(tenant.get(f"/v3/grants/{room['id']}/signatures"))[0] == 400
