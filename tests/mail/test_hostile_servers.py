"""Mail servers that are slow, lie and break off, through the API: a clear answer each, soon, whatever the server says.

No real server does these things when it is asked to, so this one is a stand-in.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import httpx
import pytest

from opengrant.mail import reach
from tests.fakes.beside import Beside
from tests.fakes.mail import CLOSE, DRIP, FLOOD, RESET, SILENCE, Certificates, FakeMail
from tests.support import LiveServer, Tenant, data, problem

OK = b"TAG OK done\r\n"
HEAD = b"From: Ana <ana@example.com>\r\nSubject: Hello\r\nMessage-ID: <%d@example.com>\r\n\r\n"
TEXT = b'("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 5 1)'


def literal(text: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(text), text)


def line(
    uid: int,
    *,
    flags: bytes = b"FLAGS (\\Seen) ",
    date: bytes = b'INTERNALDATE "02-Mar-2026 08:00:00 +0000" ',
    size: bytes = b"100",
    structure: bytes = TEXT,
    head: bytes = HEAD,
    body: bytes = b"hello",
) -> bytes:
    """A line of FETCH that answers whatever is asked for."""
    head = head.replace(b"%d", b"%d" % uid)
    return b"* %d FETCH (UID %d %b%bRFC822.SIZE %b BODYSTRUCTURE %b" % (
        uid,
        uid,
        flags,
        date,
        size,
        structure,
    ) + b" BODY[HEADER.FIELDS (FROM)] %b BODY[1]<0> %b)\r\n" % (literal(head), literal(body))


LISTED = b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Trash) "/" Trash\r\n'
OPENED = b"* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4] x\r\n"
FETCHED = line(1) + line(2) + line(3)
GOOD = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR MOVE\r\nTAG OK done\r\n",
    "LIST": LISTED + OK,
    "EXAMINE": OPENED + OK,
    "SELECT": OPENED + OK,
    "NOOP": OK,
    "UID SEARCH": b"* SEARCH 1 2 3\r\n" + OK,
    "UID FETCH": FETCHED + OK,
    "UID STORE": OK,
    "UID MOVE": OK,
    "UID COPY": OK,
    "EXPUNGE": OK,
}
ALL = ["<3@example.com>", "<2@example.com>", "<1@example.com>"]


class Hostile:
    """The server; what a test lays over its good answers is gone after it."""

    def __init__(self, fake: FakeMail, grant: str, tenant: Tenant) -> None:
        self.fake, self.grant, self.tenant = fake, grant, tenant

    def behaves(self, replies: Mapping[str, bytes]) -> None:
        for command, answer in {**GOOD, **replies}.items():
            self.fake.answers(command, answer)

    def get(self, path: str) -> Any:
        return self.tenant.get(f"{self.grant}{path}")


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    made = Certificates()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    env = {
        "OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        "OPENGRANT_OUTBOUND__CA_FILE": str(certificates.ca_file),
    }
    with LiveServer(env, tmp_path_factory.mktemp("hostile")) as live:
        yield live


@pytest.fixture(scope="module")
def shared(server: LiveServer, certificates: Certificates) -> Iterator[Hostile]:
    """One server and one grant: what a broken session leaves behind must not harm the next call."""
    with Beside() as beside:
        fake = beside.enter(FakeMail(tls=certificates.good, implicit=True, replies=GOOD))
        tenant = server.tenant()
        tenant.connector("imap")
        settings = {"imap_host": "localhost", "imap_port": fake.port, "imap_username": "ana@example.test"}
        made = data(tenant.connect("imap", settings | {"imap_password": "sesame"}))
        yield Hostile(fake, f"/v3/grants/{made['id']}", tenant)
        tenant.http.close()


@pytest.fixture
def hostile(shared: Hostile) -> Iterator[Hostile]:
    yield shared
    shared.behaves({})
    assert [one["id"] for one in data(shared.get("/messages?in=INBOX"))] == ALL, "the next call finds all as it was"
    assert data(shared.get(""))["grant_status"] == "valid"


class Refused(NamedTuple):
    """What a call is answered, and words of the message."""

    replies: Mapping[str, bytes]
    status: int
    words: str
    path: str = "/messages?in=INBOX"


DOWN, LIMITED, GONE, BAD = 504, 429, 404, 400
TYPES = {
    DOWN: "api.provider_error",
    LIMITED: "api.rate_limit_error",
    GONE: "not_found_error",
    BAD: "invalid_request_error",
}
LONG = b'* LIST (%b) "/" "folder"\r\n' % (b"\\x " * 100)
REFUSALS = {
    "says nothing": Refused({"UID FETCH": SILENCE}, DOWN, "timed out"),
    "drips": Refused({"UID FETCH": DRIP}, DOWN, "timed out"),
    "stops in a literal": Refused({"UID FETCH": b"* 1 FETCH (UID 1 BODY[1] {9}\r\nabc" + SILENCE}, DOWN, "timed out"),
    "hangs up in a literal": Refused(
        {"UID FETCH": b"* 1 FETCH (UID 1 BODY[1] {9}\r\nabc" + CLOSE}, DOWN, "not available"
    ),
    "hangs up": Refused({"UID SEARCH": CLOSE}, DOWN, "not available"),
    "resets": Refused({"UID SEARCH": RESET}, DOWN, "not available"),
    "announces a literal of 2 GB": Refused(
        {"UID FETCH": b"* 1 FETCH (UID 1 BODY[1] {2147483648}\r\n" + SILENCE}, DOWN, "too long"
    ),
    "sends a line without an end": Refused({"UID SEARCH": b"* SEARCH " + FLOOD}, DOWN, "too long"),
    "says a literal is shorter": Refused({"UID FETCH": b"* 1 FETCH (UID 1 BODY[1] {2}\r\nabcdef)\r\n" + OK}, DOWN, ""),
    "says a literal is longer": Refused(
        {"UID FETCH": b"* 1 FETCH (UID 1 BODY[1] {99}\r\nab)\r\n" + OK}, DOWN, "timed out"
    ),
    "ends no list": Refused({"UID FETCH": b"* 1 FETCH (UID 1 FLAGS (\\Seen)\r\n" + OK}, DOWN, ""),
    "answers another command": Refused({"UID SEARCH": b"zz OK done\r\n"}, DOWN, ""),
    "wants more without being asked": Refused({"UID SEARCH": b"+ go on\r\n"}, DOWN, ""),
    "talks HTTP": Refused({"UID SEARCH": b"HTTP/1.1 400 Bad Request\r\n\r\n" + CLOSE}, DOWN, "no sense"),
    "fetches half a pair": Refused({"UID FETCH": b"* 1 FETCH (UID 1 FLAGS)\r\n" + OK}, DOWN, ""),
    "has a list for a name": Refused({"LIST": b'* LIST () "/" (INBOX)\r\n' + OK}, DOWN, "", "/folders"),
    "says BYE": Refused({"UID SEARCH": b"* BYE [UNAVAILABLE] maintenance\r\n" + CLOSE}, DOWN, "maintenance"),
    "says BYE after each command": Refused(
        {"EXAMINE": OPENED + OK + b"* BYE later\r\n" + CLOSE}, DOWN, "", "/messages?in=Trash"
    ),
    "refuses to list": Refused({"LIST": b"TAG NO [SERVERBUG] oops\r\n"}, DOWN, "oops", "/folders"),
    "refuses to search": Refused({"UID SEARCH": b"TAG NO search is broken\r\n"}, DOWN, "search is broken"),
    "refuses to fetch": Refused({"UID FETCH": b"TAG NO [UNAVAILABLE] disk\r\n"}, DOWN, "disk"),
    "knows no FETCH": Refused({"UID FETCH": b"TAG BAD what is FETCH\r\n"}, DOWN, "what is FETCH"),
    "knows no EXAMINE": Refused(
        {"EXAMINE": b"TAG BAD what is EXAMINE\r\n"}, DOWN, "what is EXAMINE", "/messages?in=Trash"
    ),
    "refuses a folder": Refused({"EXAMINE": b"TAG NO [NONEXISTENT] gone\r\n"}, GONE, "no folder", "/messages?in=Trash"),
    "limits, in Dovecot's words": Refused(
        {"UID SEARCH": b"TAG NO [LIMIT] Maximum number of connections from user+IP exceeded\r\n"},
        LIMITED,
        "connections",
    ),
    "limits, in Gmail's words": Refused(
        {"UID SEARCH": b"* BYE [ALERT] Too many simultaneous connections. (Failure)\r\n" + CLOSE},
        LIMITED,
        "simultaneous",
    ),
    "limits, in Yahoo's words": Refused(
        {"UID FETCH": b"TAG NO [LIMIT] UID FETCH Rate limit hit.\r\n"}, LIMITED, "Rate limit"
    ),
    "limits, in Exchange's words": Refused(
        {"LIST": b"TAG BAD Request is throttled. Suggested Backoff Time: 12000 milliseconds\r\n"},
        *(LIMITED, "throttled", "/folders"),
    ),
    "has folders without end": Refused({"LIST": LONG * 6000 + OK}, DOWN, "too long", "/folders"),
    "finds the same without end": Refused(
        {"UID SEARCH": b"* SEARCH%b\r\n" % (b" 1" * 1000) * 600 + OK}, DOWN, "too long"
    ),
}


@pytest.mark.parametrize("says", REFUSALS)
def test_what_cannot_be_read_is_an_error_that_says_why(
    hostile: Hostile, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = REFUSALS[says]
    hostile.get("/messages?in=INBOX")  # the session is open, so that the call may be made again on a new one
    hostile.behaves(case.replies)
    with monkeypatch.context() as patched:
        if case.words == "timed out":
            patched.setattr(reach, "WHOLE", 0.5)
        answer = hostile.get(case.path)
    status, type_, message = problem(answer)
    assert (status, type_) == (case.status, TYPES[case.status]), message
    assert case.words.lower() in message.lower()
    assert len(message) < 1000
    assert status != LIMITED or int(answer.headers["retry-after"]) > 0


DEEP = b"(" * 1000 + TEXT + b' "MIXED")' * 1000
WIDE = b"(" + TEXT * 10_000 + b' "MIXED")'
TOLD = b"* 9 EXISTS\r\n* 1 RECENT\r\n* 2 EXPUNGE\r\n* 3 FETCH (FLAGS (\\Flagged))\r\n* OK [ALERT] hear\r\n"
READABLE: dict[str, tuple[Mapping[str, bytes], list[str]]] = {
    "odd cases": (
        {
            "EXAMINE": OPENED.lower() + OK.replace(b"OK", b"ok"),
            "UID SEARCH": b"* search 3 2 1 \r\nTAG oK\r\n",
            "UID FETCH": FETCHED.replace(b"FETCH", b"fetch").replace(b"UID", b"uid").replace(b"BODY", b"body") + OK,
        },
        ALL,
    ),
    "tells what it was not asked": ({name: TOLD + GOOD[name] for name in ("EXAMINE", "UID SEARCH", "UID FETCH")}, ALL),
    "numbers nothing": ({"EXAMINE": b"* 3 EXISTS\r\n" + OK}, ALL),
    "forgets flags": ({"UID FETCH": line(1, flags=b"") + line(3, flags=b"") + OK}, [ALL[0], ALL[2]]),
    "forgets dates": ({"UID FETCH": line(1, date=b"") + line(2, date=b"INTERNALDATE yesterday ") + OK}, ALL[1:]),
    "forgets messages": ({"UID FETCH": OK}, []),
    "finds what is not there": ({"UID SEARCH": b"* SEARCH 99 3 3 3 2 1 4294967295\r\n" + OK}, ALL),
    "gives others' messages": ({"UID FETCH": FETCHED + line(77) + OK}, ALL),
    "gives each twice": ({"UID FETCH": FETCHED + FETCHED + OK}, ALL),
    "lies about sizes": ({"UID FETCH": line(1, size=b"99999999999999999999") + line(2, size=b"-1") + OK}, ALL[1:]),
    "has NUL in all texts": (
        {"UID FETCH": line(1, head=HEAD + b"Cc: \0\r\n", body=b"\0" * 9, structure=b'("\0" "\0")') + OK},
        ALL[2:],
    ),
    "has a header line of 1 MB": (
        {"UID FETCH": line(1, head=HEAD[:-2] + b"To: " + b"x" * (1 << 20) + b"\r\n\r\n") + OK},
        ALL[2:],
    ),
    "describes 1,000 levels": ({"UID FETCH": line(1, structure=DEEP) + line(2) + OK}, ALL[1:]),
    "describes 10,000 parts": ({"UID FETCH": line(1, structure=WIDE) + line(2) + OK}, ALL[1:]),
    "describes nothing": (
        {"UID FETCH": line(1, structure=b"NIL") + line(2, structure=b"((((").replace(b"((((", b"()") + OK},
        ALL[1:],
    ),
    "announces ESEARCH, and finds everything": (
        {"UID SEARCH": b'* ESEARCH (TAG "b1") UID ALL 1:4294967295\r\n' + OK, "UID FETCH": FETCHED + OK},
        [],
    ),
}


@pytest.mark.parametrize("does", READABLE)
def test_what_can_be_read_is_read(hostile: Hostile, does: str) -> None:
    replies, wanted = READABLE[does]
    hostile.behaves(replies)
    found = data(hostile.get("/messages?in=INBOX"))
    assert [one["id"] for one in found] == wanted
    assert all(isinstance(one["unread"], bool) and isinstance(one["date"], int) for one in found)


def test_an_empty_page_does_not_lead_back_to_itself(hostile: Hostile) -> None:
    """What the server finds it does not give: each page goes on below the one before."""
    found = b" ".join(b"%d" % uid for uid in range(1, 8))
    hostile.behaves({"UID SEARCH": b"* SEARCH %b\r\n" % found + OK, "UID FETCH": OK})
    for of in ("/messages?in=INBOX&limit=2", "/messages?limit=2", "/threads?limit=2"):
        seen, token = set[str](), ""
        while token is not None:
            answer = hostile.get(f"{of}{token}").json()
            assert answer["data"] == []
            token = f"&page_token={answer['next_cursor']}" if "next_cursor" in answer else None
            assert token not in seen
            seen |= {token} if token else set()
            assert len(seen) < 10


def test_a_folder_that_is_numbered_anew_ends_what_was_begun(hostile: Hostile) -> None:
    token = hostile.get("/messages?in=INBOX&limit=1").json()["next_cursor"]
    thread = hostile.get("/threads?in=INBOX&limit=1").json()["next_cursor"]
    hostile.behaves({"EXAMINE": OPENED.replace(b"7", b"8") + OK})
    # The session has the folder open; a new one hears of the new numbers.
    hostile.fake.answers("NOOP", CLOSE)
    for path in (f"/messages?in=INBOX&page_token={token}", f"/threads?in=INBOX&page_token={thread}"):
        assert problem(hostile.get(path))[:2] == (BAD, "invalid_request_error")


def test_folders_that_no_command_can_name_are_left_out(hostile: Hostile) -> None:
    bad = b"".join(
        b'* LIST () "/" %b\r\n' % literal(name) for name in (b"a\r\nb LOGOUT", b"a\0b", b"a\nb", "ü".encode())
    )
    hostile.behaves(
        {
            "LIST": LISTED
            + bad
            + b'* LIST () NIL \xff\xfe\r\n* LIST (\\Noselect (a)) "//" x\r\n'.replace(b" (a)", b"")
            + OK
        }
    )
    assert {one["name"] for one in data(hostile.get("/folders"))} == {"INBOX", "Trash", "ü", "\ufffd\ufffd", "x"}
    assert len(data(hostile.get("/messages"))) > 0


def test_a_capability_that_is_announced_and_refused_is_named(hostile: Hostile) -> None:
    hostile.behaves({"UID MOVE": b"TAG BAD Unknown command MOVE\r\n"})
    answer = hostile.tenant.delete(f"{hostile.grant}/messages/%3C1@example.com%3E")
    status, type_, message = problem(answer)
    assert (status, type_) == (DOWN, "api.provider_error")
    assert "Unknown command MOVE" in message
    assert hostile.fake.count("UID") > 0


def test_a_part_without_end_is_not_sent_on_for_ever(hostile: Hostile) -> None:
    part = b'("APPLICATION" "PDF" ("NAME" "a.pdf") NIL NIL "BINARY" 100 NIL ("ATTACHMENT" NIL))'
    described = line(1, structure=b'(%b %b "MIXED")' % (TEXT, part))
    piece = 512 * 1024
    full = b"* 1 FETCH (UID 1 BODY[2]<0> %b)\r\n" % literal(b"x" * piece) + OK
    endless = {f"UID FETCH 1 (UID BODY.PEEK[2]<{at * piece}.{piece}>)": full for at in range(30)}
    hostile.behaves({"UID FETCH": described + OK, **endless})
    headers = {"Authorization": f"Bearer {hostile.tenant.api_key}"}
    at = f"{hostile.tenant.server.url}{hostile.grant}/attachments/2/download?message_id=%3C1@example.com%3E"
    with httpx.Client(headers=headers, trust_env=False, verify=False) as client, client.stream("GET", at) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    asked = [one for one in hostile.fake.heard if b"BODY.PEEK[2]" in one]
    assert 2 < len(asked) < 10
