"""The example for nginx in docs/deploying.md, run in front of a server."""

import getpass
import os
import re
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
import trustme

from tests.cli.test_commands import bearer, first_key, serving
from tests.deploy.conftest import ROOT
from tests.peers import unpacked
from tests.peers.processes import free_ports, tied

NGINX = unpacked.ROOT / "usr" / "sbin" / "nginx"
pytestmark = pytest.mark.skipif(not NGINX.exists(), reason="no nginx: `./dev check` fetches it")


def configuration(directory: Path, port: int, server: str) -> str:
    """That of the page, with other ports and folders. This machine is not in the network of operators."""
    (example,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/deploying.md").read_text(), re.DOTALL)
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl": str(directory),
        "/var/log/nginx": str(directory),
        "http://127.0.0.1:8080": server,
    }.items():
        assert old in example
        example = example.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in kinds)
    # Started by root, its workers would be of a user who may not enter the folder.
    user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
    return f"{user}daemon off;\npid {directory}/pid;\nevents {{}}\nhttp {{\n{folders}{example}}}\n"


def test_large_messages_pass_operators_pages_are_kept_and_addresses_of_feeds_are_not_logged(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "grants.key")
    for part in certificate.cert_chain_pems:
        part.write_to_path(tmp_path / "grants.pem", append=True)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    with serving(tmp_path) as served:
        (port,) = free_ports(1)
        (tmp_path / "nginx.conf").write_text(configuration(tmp_path, port, served.url))
        errors = tmp_path / "errors.log"
        command: list[str | Path] = [*tied(), NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", errors]
        running = subprocess.Popen(command)
        try:
            with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted) as client:
                await_answer(client, running, errors)
                for path in ("/healthz", "/readyz", "/metrics", "/console", "/v3/console/session", "/v3/admin/domains"):
                    assert client.get(path).status_code == 403, path
                key = bearer(first_key(served.printed))
                assert client.get("/v3/grants", headers=key).status_code == 200
                assert client.get("/feeds/ogf_secret.ics").status_code == 404
                message = {"to": [{"email": "ana@example.com"}], "body": "x" * 3_000_000}
                sent = client.post("/v3/grants/ana@example.com/messages/send", json=message, headers=key)
                assert sent.status_code == 404, sent.text  # the server's answer, and not 413
        finally:
            running.kill()
            running.wait()
    logged = (tmp_path / "grants.log").read_text()
    assert "/v3/grants/ana@example.com/messages/send" in logged
    assert "/feeds/" not in logged


def await_answer(client: httpx.Client, process: "subprocess.Popen[bytes]", errors: Path) -> None:
    while True:
        try:
            client.get("/healthz")
        except httpx.ConnectError:
            assert process.poll() is None, errors.read_text()
        else:
            return
