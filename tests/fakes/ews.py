"""An Exchange server: Web Services and Autodiscover over HTTPS, logins by NTLM or Basic, and its ways to refuse.

NTLM is pyspnego's server side, bound to the connection and to the certificate as Extended Protection wants it. A plain
HTTP port stands beside it, as `autodiscover.` hosts have one. Independent clients accept it: see test_ews.py.
"""

import base64
import binascii
import contextlib
import json
import os
import shutil
import socket
import ssl
import tempfile
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import spnego
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

Kind = Literal["ews", "json", "pox", "http", "other"]
NAMES = ("localhost", "127.0.0.1", "example.test", "*.example.test")
USER, PASSWORD = "gil@example.test", "pässword ☂"
DOMAIN_USER, DOMAIN_PASSWORD = "EXAMPLE\\gil", "another one"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_T = "http://schemas.microsoft.com/exchange/services/2006/types"
_M = "http://schemas.microsoft.com/exchange/services/2006/messages"
_E = "http://schemas.microsoft.com/exchange/services/2006/errors"
_OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


@dataclass(frozen=True)
class Reply:
    """A scripted answer. `before_login`: to anybody; else to whoever logged in. `silent`: never answered."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    before_login: bool = False
    silent: bool = False


@dataclass(frozen=True)
class Seen:
    """A request. `scheme`: how it said who it is; "" when it did not. `user`: as whom it was let in."""

    kind: Kind
    host: str
    method: str
    path: str
    scheme: str
    body: str
    headers: Mapping[str, str]
    user: str | None


class FakeExchange:
    """Context manager.

    offers       the schemes of WWW-Authenticate; empty lets anybody in
    keeps        whether it keeps a connection open through NTLM's legs
    versions     schema versions it speaks
    mailboxes    address → owner's name; `aliases` address → primary address
    ews_url      what Autodiscover tells; None for "not here"
    tls          the certificate it shows to the next client
    resumed      of each connection with TLS, whether it resumed an earlier session
    """

    def __init__(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="exchange-"))
        self.ca_file = self.dir / "ca.pem"
        self.port = self.http_port = 0
        self.stopping = threading.Event()
        self._own_tls = self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.reset()

    def reset(self) -> None:
        self.offers: tuple[str, ...] = ("Negotiate", "NTLM", 'Basic realm="a, b"')
        self.keeps = True
        self.versions = {"Exchange2007_SP1", "Exchange2010_SP2", "Exchange2013_SP1", "Exchange2016"}
        self.mailboxes = {USER: "Gil Faure", "room@example.test": "Room"}
        self.aliases = {"alias@example.test": USER}
        self.users = {USER: PASSWORD, DOMAIN_USER: DOMAIN_PASSWORD}
        self.ews_url: str | None = None
        self.seen: list[Seen] = []
        self.resumed: list[bool] = []
        self.tls = self._own_tls
        self._script: dict[Kind, deque[Reply]] = defaultdict(deque)

    def answers(self, kind: Kind, *replies: Reply) -> None:
        """The next answers to requests of this kind; the last of them stays."""
        self._script[kind] = deque(replies)

    def scripted(self, kind: Kind, *, logged_in: bool) -> Reply | None:
        script = self._script[kind]
        if not script or not (logged_in or script[0].before_login):
            return None
        return script.popleft() if len(script) > 1 else script[0]

    def count(self, kind: Kind, scheme: str | None = None) -> int:
        return sum(one.kind == kind and scheme in (None, one.scheme) for one in self.seen)

    def logins(self) -> list[tuple[str, str]]:
        """(host, scheme) of every request that proves a password: Basic, and NTLM's last leg."""
        last = [one for one in self.seen if one.scheme and not one.scheme.endswith("1")]
        return [(one.host, one.scheme.rstrip("3")) for one in last]

    def __enter__(self) -> Self:
        ca = trustme.CA()
        ca.cert_pem.write_to_path(str(self.ca_file))
        issued = ca.issue_cert(*NAMES)
        self._own_tls = self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(self.tls)
        certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
        prefix = b"tls-server-end-point:"
        self.bindings = GssChannelBindings(application_data=prefix + certificate.fingerprint(hashes.SHA256()))
        lines = [f"EXAMPLE:gil:{DOMAIN_PASSWORD}", f":{USER}:{PASSWORD}"]
        (self.dir / "users").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._before = os.environ.get("NTLM_USER_FILE")
        os.environ["NTLM_USER_FILE"] = str(self.dir / "users")  # where pyspnego's server side finds its accounts
        self._servers = [_Server(self, tls=True), _Server(self, tls=False)]
        self.port, self.http_port = (server.server_address[1] for server in self._servers)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        del os.environ["NTLM_USER_FILE"]
        if self._before is not None:
            os.environ["NTLM_USER_FILE"] = self._before
        shutil.rmtree(self.dir, ignore_errors=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, fake: FakeExchange, *, tls: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake, self.tls = fake, tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls:
            request.settimeout(60)
            # Who does not like our certificate hangs up.
            with contextlib.suppress(OSError), self.fake.tls.wrap_socket(request, server_side=True) as secured:
                self.fake.resumed.append(bool(secured.session_reused))
                super().finish_request(secured, client_address)
            return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    """One connection: what NTLM logs in."""

    protocol_version = "HTTP/1.1"
    server: _Server
    connection: socket.socket
    _ntlm: Any = None
    _user: str | None = None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Quiet."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PROPFIND(self) -> None:
        """Only by script: for tests that need any HTTPS server to stand where a calendar server should."""
        self._serve()

    def _serve(self) -> None:
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self._kind()
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        refusal = self._log_in(scheme.lower(), credentials)
        step = f"{scheme}{self._leg(credentials)}" if scheme and scheme.lower() != "basic" else scheme
        host = self.headers.get("Host", "").partition(":")[0]
        fake.seen.append(Seen(kind, host, self.command, self.path, step, body.decode(), dict(self.headers), self._user))
        if reply := fake.scripted(kind, logged_in=self._user is not None or not fake.offers or kind == "http"):
            self._answer(reply)
        elif kind == "json":
            self._json()
        elif kind in ("http", "other") or (kind == "pox" and fake.ews_url is None):
            self._answer(Reply(404, "<html>nothing here</html>"))
        elif self._user is None and fake.offers:
            self._challenge(refusal)
        else:
            self._answer(Reply(body=_pox(fake) if kind == "pox" else _soap(fake, body), headers=_XML))

    def _kind(self) -> Kind:
        path = urlsplit(self.path).path.lower()
        if not self.server.tls:
            return "http"
        kinds: dict[str, Kind] = {
            "/ews/exchange.asmx": "ews",
            "/custom/services.asmx": "ews",
            "/autodiscover/autodiscover.json": "json",
            "/autodiscover/autodiscover.xml": "pox",
        }
        return kinds.get(path, "other")

    def _leg(self, credentials: str) -> str:
        with contextlib.suppress(binascii.Error):
            return str(base64.b64decode(credentials)[8:9][0])
        return ""

    def _log_in(self, scheme: str, credentials: str) -> str:
        """Let the user in, or return what goes behind the scheme of the next challenge."""
        fake = self.server.fake
        if scheme == "basic":
            user, _, password = base64.b64decode(credentials).decode().partition(":")
            self._user = user if fake.users.get(user) == password else None
        elif scheme in ("ntlm", "negotiate"):
            token = base64.b64decode(credentials)
            if token[8:9] == b"\x01":
                options = spnego.NegotiateOptions.use_ntlm
                self._ntlm = spnego.server(protocol=scheme, options=options, channel_bindings=fake.bindings)
            elif self._ntlm is None:
                return ""  # the last leg on a connection that never saw the first
            try:
                answer = self._ntlm.step(token)
            except SpnegoError:
                self._user = None
                return ""
            if self._ntlm.complete:
                self._user = self._ntlm.client_principal
            elif answer:
                spelled = "NTLM" if scheme == "ntlm" else "Negotiate"
                return f"{spelled} {base64.b64encode(answer).decode()}"
        return ""

    def _challenge(self, continued: str) -> None:
        fake = self.server.fake
        self.send_response(401)
        for offer in [continued] if continued else fake.offers:
            self.send_header("WWW-Authenticate", offer)
        self.send_header("Content-Length", "0")
        if continued and not fake.keeps:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def _json(self) -> None:
        fake = self.server.fake
        asked = parse_qs(urlsplit(self.path).query)
        if fake.ews_url is None or asked.get("Protocol") != ["EWS"] or "Email" not in asked:
            error = {"ErrorCode": "ProtocolNotSupported", "ErrorMessage": "no"}
            self._answer(Reply(404, json.dumps(error), {"Content-Type": "application/json"}))
        else:
            found = {"Protocol": "EWS", "Url": fake.ews_url}
            self._answer(Reply(200, json.dumps(found), {"Content-Type": "application/json"}))

    def _answer(self, reply: Reply) -> None:
        if reply.silent:
            self.server.fake.stopping.wait(60)
            self.close_connection = True
            return
        content = reply.body.encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "text/html", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


_XML = {"Content-Type": "text/xml; charset=utf-8"}


def fault(code: str, text: str = "It says so.", values: Mapping[str, str] | None = None) -> Reply:
    """A SOAP fault, with status 500 as Exchange sends it."""
    named = "".join(f'<t:Value Name="{name}">{value}</t:Value>' for name, value in (values or {}).items())
    body = (
        f'<?xml version="1.0"?><s:Envelope xmlns:s="{_SOAP}"><s:Body><s:Fault><faultcode>a:{code}</faultcode>'
        f'<faultstring xml:lang="en-US">{text}</faultstring><detail><e:ResponseCode xmlns:e="{_E}">{code}'
        f'</e:ResponseCode><e:Message xmlns:e="{_E}">{text}</e:Message><t:MessageXml xmlns:t="{_T}">{named}'
        "</t:MessageXml></detail></s:Fault></s:Body></s:Envelope>"
    )
    return Reply(500, body, _XML)


def error(code: str, text: str = "It says so.", values: Mapping[str, str] | None = None) -> Reply:
    """A response message of class Error, with status 200."""
    return Reply(200, _envelope(_error_message("GetFolder", code, text, values)), _XML)


def pox(action: str, **elements: str) -> Reply:
    """An Autodiscover answer that redirects: `redirectUrl` with RedirectUrl, `redirectAddr` with RedirectAddr."""
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in elements.items())
    return Reply(200, _pox_document(f"<Action>{action}</Action>{inner}"), _XML)


def _pox(fake: FakeExchange) -> str:
    inside = "<Protocol><Type>EXCH</Type><EwsUrl>https://inside.invalid/EWS/Exchange.asmx</EwsUrl></Protocol>"
    outside = f"<Protocol><Type>EXPR</Type><EwsUrl>{fake.ews_url}</EwsUrl></Protocol>"
    return _pox_document(f"<AccountType>email</AccountType><Action>settings</Action>{inside}{outside}")


def _pox_document(account: str) -> str:
    root = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{root}"><Response xmlns="{_OUTLOOK}">'
        f"<Account>{account}</Account></Response></Autodiscover>"
    )


def _soap(fake: FakeExchange, body: bytes) -> str:
    root = ElementTree.fromstring(body)  # from our own clients
    version = root.find(f".//{{{_T}}}RequestServerVersion")
    asked = version.get("Version", "") if version is not None else ""
    if asked not in fake.versions:
        return fault("ErrorInvalidServerVersion", "The specified server version is invalid.").body
    if root.find(f".//{{{_M}}}GetFolder") is not None:
        address = root.findtext(f".//{{{_T}}}EmailAddress") or USER
        return _envelope("".join(_get_folder(fake, address) for _ in root.iter(f"{{{_T}}}DistinguishedFolderId")))
    if root.find(f".//{{{_M}}}ResolveNames") is not None:
        return _envelope(_resolve_names(fake, root.findtext(f".//{{{_M}}}UnresolvedEntry") or ""))
    return fault("ErrorInvalidRequest", "The stand-in does not know this operation.").body


def _get_folder(fake: FakeExchange, address: str) -> str:
    if address in fake.aliases:
        return _error_message("GetFolder", "ErrorNonPrimarySmtpAddress", "No.", {"Primary": fake.aliases[address]})
    if address not in fake.mailboxes:
        return _error_message("GetFolder", "ErrorNonExistentMailbox", "The SMTP address has no mailbox.", None)
    folder = (
        '<t:Folder><t:FolderId Id="AQMkADA=" ChangeKey="AQAAAA=="/><t:ParentFolderId Id="AQMkADB=" ChangeKey="AQ=="/>'
        "<t:FolderClass>IPF</t:FolderClass><t:DisplayName>Top of Information Store</t:DisplayName>"
        "<t:TotalCount>0</t:TotalCount><t:ChildFolderCount>15</t:ChildFolderCount><t:UnreadCount>0</t:UnreadCount>"
        "</t:Folder>"
    )
    return (
        '<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"<m:Folders>{folder}</m:Folders></m:GetFolderResponseMessage>"
    )


def _resolve_names(fake: FakeExchange, entry: str) -> str:
    address = entry.removeprefix("smtp:")
    name = fake.mailboxes.get(address)
    if name is None:
        return _error_message("ResolveNames", "ErrorNameResolutionNoResults", "No results were found.", None, "Warning")
    return (
        '<m:ResolveNamesResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        '<m:ResolutionSet TotalItemsInView="1" IncludesLastItemInRange="true"><t:Resolution><t:Mailbox>'
        f"<t:Name>{name}</t:Name><t:EmailAddress>{address}</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>"
        f"<t:MailboxType>Mailbox</t:MailboxType></t:Mailbox><t:Contact><t:DisplayName>{name}</t:DisplayName>"
        "</t:Contact></t:Resolution></m:ResolutionSet></m:ResolveNamesResponseMessage>"
    )


def _error_message(
    operation: str, code: str, text: str, values: Mapping[str, str] | None, response_class: str = "Error"
) -> str:
    named = "".join(f'<t:Value Name="{name}">{value}</t:Value>' for name, value in (values or {}).items())
    return (
        f'<m:{operation}ResponseMessage ResponseClass="{response_class}"><m:MessageText>{text}</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        f"<m:MessageXml>{named}</m:MessageXml></m:{operation}ResponseMessage>"
    )


def _envelope(messages: str) -> str:
    operation = "ResolveNames" if "ResolveNamesResponseMessage" in messages else "GetFolder"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_SOAP}" xmlns:t="{_T}" xmlns:m="{_M}"><s:Header>'
        '<t:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1118" MinorBuildNumber="7"'
        ' Version="V2017_07_11"/></s:Header><s:Body>'
        f"<m:{operation}Response><m:ResponseMessages>{messages}</m:ResponseMessages></m:{operation}Response>"
        "</s:Body></s:Envelope>"
    )
